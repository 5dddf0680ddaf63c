//! What a scenario's file must satisfy beyond its format; errors name file and line.

use super::{Loaded, Mode, ScenarioError, Tiling};

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
