//! What a scenario's file must satisfy beyond its format; errors name file and line.

use serde::Deserialize;
use strata_vision::belt::{BeltConfig, BeltInspector};

use super::{Loaded, Mode, ScenarioError, Tiling};
use crate::watch::config::RuleConfig;

/// Checks a scenario.
pub(super) fn check(loaded: &Loaded) -> Result<(), ScenarioError> {
    let scenario = &loaded.scenario;
    let name = &scenario.name;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        let text = format!("name {name:?} must be of small letters, digits and hyphens");
        return Err(loaded.invalid_at("name", text));
    }
    if scenario.mode != Mode::Belt && scenario.model.is_none() {
        let text =
            format!("mode {:?} needs a model: add `model = \"…\"`", scenario.mode.to_string());
        return Err(loaded.invalid_at("mode", text));
    }
    let detect = &scenario.detect;
    share(loaded, "confidence", detect.confidence)?;
    share(loaded, "iou", detect.iou)?;
    if detect.max_detections == Some(0) {
        return Err(loaded.invalid_at("max_detections", "max_detections must be at least 1"));
    }
    if let Some(Tiling { size, overlap }) = detect.tile {
        if size < 32 {
            return Err(loaded.invalid_at(
                "size",
                format!("tiles of {size} pixels are too small: 32 is the least"),
            ));
        }
        if !(0.0..=0.9).contains(&overlap) {
            return Err(
                loaded.invalid_at("overlap", format!("overlap {overlap} is not from 0 to 0.9"))
            );
        }
    }
    let anomaly = &scenario.anomaly;
    if !(anomaly.coreset > 0.0 && anomaly.coreset <= 1.0) {
        let text = format!("coreset {} is not above 0 and at most 1", anomaly.coreset);
        return Err(loaded.invalid_at("coreset", text));
    }
    for (key, value) in [
        ("false_alarms_per_day", anomaly.false_alarms_per_day),
        ("pictures_per_day", anomaly.pictures_per_day),
    ] {
        if !(value.is_finite() && value > 0.0) {
            return Err(loaded.invalid_at(key, format!("{key} = {value} is not above 0")));
        }
    }
    for table in &scenario.rules {
        RuleConfig::deserialize(table.clone()).map_err(|error| {
            let name = table.get("name").and_then(toml::Value::as_str).unwrap_or_default();
            let at = if name.is_empty() { "[[rule]]".to_owned() } else { format!("{name:?}") };
            loaded.invalid_at(&at, format!("rule {name:?}: {}", error.message()))
        })?;
    }
    if scenario.mode == Mode::Belt {
        let config = BeltConfig::deserialize(scenario.belt.clone())
            .map_err(|error| loaded.invalid_at("[belt]", error.message().to_owned()))?;
        BeltInspector::new(config)
            .map_err(|error| loaded.invalid_at("[belt]", error.to_string()))?;
    }
    Ok(())
}

fn share(loaded: &Loaded, key: &str, value: Option<f32>) -> Result<(), ScenarioError> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(loaded.invalid_at(key, format!("{key} = {value} is not from 0 to 1")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::built_in_names;

    #[test]
    fn the_built_in_scenarios_are_right() {
        for name in built_in_names() {
            let loaded = Loaded::find(name).expect("right");
            assert_eq!(loaded.scenario.name, name);
            assert!(!loaded.scenario.rules.is_empty(), "{name} makes no events");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let good = Loaded::find("belt-damage").expect("right").text().to_owned();
        for (from, to, part) in [
            ("confidence = 0.3", "confidence = 3", "confidence = 3 is not from 0 to 1"),
            ("confidence = 0.3", "confidenze = 0.3", "confidenze"),
            ("model = \"belt-damage\"", "", "needs a model"),
            ("name = \"belt-damage\"", "name = \"Belt Damage\"", "small letters"),
            ("when = \"presence\"", "when = \"sometimes\"", "sometimes"),
        ] {
            let text = good.replacen(from, to, 1);
            let error = Loaded::parse(&text, "mine.toml").expect_err(to).to_string();
            assert!(error.starts_with("mine.toml:") && error.contains(part), "{error}");
        }
    }
}
