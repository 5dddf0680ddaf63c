//! What a scenario's file must satisfy beyond its format; errors name file and line.

use super::{Loaded, ScenarioError};

/// Most passages that are looked at for one question.
const DEEPEST: usize = 10_000;

/// Most passages that are put in order again: the choice reads each of them.
const MOST_CHOSEN: usize = 100;

/// Checks a scenario.
pub(super) fn check(loaded: &Loaded) -> Result<(), ScenarioError> {
    let scenario = &loaded.scenario;
    let name = &scenario.name;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        let text = format!("name {name:?} must be of small letters, digits and hyphens");
        return Err(loaded.invalid_at("name", text));
    }
    let retrieval = &scenario.retrieval;
    count(loaded, "top", retrieval.top, DEEPEST)?;
    count(loaded, "depth", retrieval.depth, DEEPEST)?;
    if retrieval.choose > MOST_CHOSEN {
        let text = format!("choose = {} is more than {MOST_CHOSEN}", retrieval.choose);
        return Err(loaded.invalid_at("choose", text));
    }
    if let Some(weight) = retrieval.lexical_weight {
        share(loaded, "lexical_weight", weight)?;
    }
    let answer = &scenario.answer;
    count(loaded, "read", answer.read, 100)?;
    count(loaded, "max_spans", answer.max_spans, 20)?;
    share(loaded, "refuse_below", answer.refuse_below)?;
    count(loaded, "top", scenario.route.top, 100)?;
    share(loaded, "min_confidence", scenario.route.min_confidence)?;
    Ok(())
}

fn count(loaded: &Loaded, key: &str, value: usize, most: usize) -> Result<(), ScenarioError> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(loaded.invalid_at(key, format!("{key} = {value} is not from 1 to {most}")))
}

fn share(loaded: &Loaded, key: &str, value: f32) -> Result<(), ScenarioError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(loaded.invalid_at(key, format!("{key} = {value} is not from 0 to 1")))
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
            assert!(!loaded.scenario.examples.is_empty(), "{name} has nothing to try it with");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let good = "name = \"mine\"\nversion = \"1\"\nmode = \"ask\"\n[title]\nzh = \"我\"\nen = \"Mine\"\n\
                    [description]\nzh = \"我\"\nen = \"Mine\"\n[retrieval]\ntop = 5\n[answer]\nrefuse_below = 0.5\n";
        Loaded::parse(good, "mine.toml").expect("right");
        for (from, to, part) in [
            ("top = 5", "top = 0", "top = 0 is not from 1"),
            ("top = 5", "topp = 5", "topp"),
            ("top = 5", "top = 5\nchoose = 101", "choose = 101 is more than 100"),
            ("refuse_below = 0.5", "refuse_below = 5", "refuse_below = 5 is not from 0 to 1"),
            ("name = \"mine\"", "name = \"My Task\"", "small letters"),
            ("mode = \"ask\"", "mode = \"guess\"", "guess"),
        ] {
            let text = good.replacen(from, to, 1);
            let error = Loaded::parse(&text, "mine.toml").expect_err(to).to_string();
            assert!(error.starts_with("mine.toml:") && error.contains(part), "{error}");
        }
    }
}
