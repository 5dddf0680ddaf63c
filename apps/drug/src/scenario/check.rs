//! What serde cannot check in a scenario: numbers in range, sets that exist, one thing said once.

use toml::Spanned;

use super::{Loaded, ScenarioError};

/// Names of the built-in alert sets.
pub(crate) const ALERT_SETS: [&str; 2] = ["PAINS", "Brenk"];

pub(super) fn check(loaded: &Loaded) -> Result<(), ScenarioError> {
    let scenario = &loaded.scenario;
    if !(scenario.score.floor > 0.0 && scenario.score.floor < 1.0) {
        let what = "score.floor must lie between 0 and 1, both excluded, such as 0.01";
        return Err(loaded.invalid(0, what));
    }
    if scenario.desirabilities.is_empty() {
        let what = "there is no [[desirability]], so nothing to score by: add at least one";
        return Err(loaded.invalid(0, what));
    }
    for part in &scenario.desirabilities {
        let weight = *part.weight.get_ref();
        if !(weight > 0.0 && weight.is_finite()) {
            let what = "weight must be a number above 0";
            return Err(loaded.invalid(part.weight.span().start, what));
        }
        if let Some(fault) = part.shape.get_ref().fault() {
            return Err(loaded.invalid(part.shape.span().start, fault));
        }
    }
    for cutoff in &scenario.cutoffs {
        penalty(loaded, &cutoff.penalty)?;
        let at = cutoff.property.span().start;
        match (cutoff.min, cutoff.max) {
            (None, None) => return Err(loaded.invalid(at, "a cutoff needs min, max or both")),
            (Some(min), Some(max)) if min > max => {
                return Err(loaded.invalid(at, "min is larger than max"));
            }
            _ => {}
        }
    }
    for rule in &scenario.alerts {
        penalty(loaded, &rule.penalty)?;
        match (&rule.set, &rule.file) {
            (Some(set), None) if !ALERT_SETS.contains(&set.get_ref().as_str()) => {
                let what = format!(
                    "there is no alert set {:?}: use {}, or file = \"…\" for your own",
                    set.get_ref(),
                    ALERT_SETS.join(" or ")
                );
                return Err(loaded.invalid(set.span().start, what));
            }
            (Some(_), None) | (None, Some(_)) => {}
            _ => {
                let what = "[[alerts]] needs either set = \"PAINS\" or file = \"…\"";
                return Err(loaded.invalid(rule.penalty.span().start, what));
            }
        }
    }
    Ok(())
}

fn penalty(loaded: &Loaded, penalty: &Spanned<f64>) -> Result<(), ScenarioError> {
    if (0.0..=1.0).contains(penalty.get_ref()) {
        return Ok(());
    }
    let what = "penalty must lie between 0 (the score becomes 0) and 1 (no effect)";
    Err(loaded.invalid(penalty.span().start, what))
}
