//! What a scenario's file must satisfy beyond its format; errors name file and line.

use strata_earth::rollout::{Area, parse_leads};

use super::{Loaded, ScenarioError};
use crate::points::Quantity;

/// Checks a scenario.
pub(super) fn check(loaded: &Loaded) -> Result<(), ScenarioError> {
    let scenario = &loaded.scenario;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if scenario.name.is_empty() || !scenario.name.chars().all(plain) {
        let text = format!("name {:?} must be of small letters, digits and hyphens", scenario.name);
        return Err(loaded.invalid_at("name", text));
    }
    let task = &scenario.forecast;
    parse_leads(&task.steps).map_err(|why| loaded.invalid_at("steps", why))?;
    if let Some(area) = &task.area {
        area.parse::<Area>().map_err(|error| loaded.invalid_at("area", error.to_string()))?;
    }
    if let Some(members) = &scenario.ensemble {
        if !["gaussian", "perlin", "bred"].contains(&members.perturbation.as_str()) {
            let text =
                format!("{:?} is no perturbation: gaussian, perlin or bred", members.perturbation);
            return Err(loaded.invalid_at("perturbation", text));
        }
        if !(2..=1000).contains(&members.members)
            || !members.amplitude.is_finite()
            || members.amplitude <= 0.0
        {
            return Err(loaded.invalid_at(
                "members",
                "an ensemble has 2 to 1000 members and an amplitude above 0",
            ));
        }
    }
    for point in &scenario.points {
        if !(-90.0..=90.0).contains(&point.latitude) || !(-360.0..=360.0).contains(&point.longitude)
        {
            return Err(
                loaded.invalid_at(&point.name, format!("{} is no place on the globe", point.name))
            );
        }
    }
    if scenario.points.is_empty() != scenario.series.is_empty() {
        return Err(loaded.invalid_at(
            "points",
            "points and series go together: places, and what is looked at there",
        ));
    }
    for series in &scenario.series {
        if series.from.is_empty() {
            return Err(loaded.invalid_at(
                &series.name,
                format!("series {} is taken from nothing", series.name),
            ));
        }
        for from in &series.from {
            from.parse::<Quantity>().map_err(|why| loaded.invalid_at(from, why))?;
        }
    }
    for threshold in &scenario.thresholds {
        if !scenario.series.iter().any(|series| series.name == threshold.series) {
            let text = format!(
                "threshold {} is on a series {:?} that is not there",
                threshold.name, threshold.series
            );
            return Err(loaded.invalid_at(&threshold.name, text));
        }
        if threshold.above.is_some() == threshold.below.is_some() {
            let text = format!("threshold {} needs either above or below", threshold.name);
            return Err(loaded.invalid_at(&threshold.name, text));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::scenario::built_in_names;

    #[test]
    fn the_built_in_scenarios_are_sound() {
        for name in built_in_names() {
            let loaded = Loaded::find(name).unwrap();
            assert_eq!(loaded.scenario.name, name);
        }
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let text = Loaded::find("city-forecast").unwrap().text().to_owned();
        for (right, wrong, told) in [
            ("steps = \"", "steps = \"x", "6..120/6"),
            ("latitude = ", "latitude = 9", "no place"),
            ("above = ", "below = 1.0\nabove = ", "either above or below"),
            ("from = [\"", "from = [\"wind\", \"", "wind@"),
            ("series = \"", "series = \"no", "not there"),
        ] {
            let error = Loaded::parse(&text.replacen(right, wrong, 1), "mine.toml")
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("mine.toml:") && error.contains(told), "{right}: {error}");
        }
    }
}
