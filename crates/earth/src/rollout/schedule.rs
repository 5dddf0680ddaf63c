//! Which model runs when. Models of a family have steps of several lengths; a lead time is reached greedily with the longest
//! first (24 > 6 > 3 > 1 for Pangu-Weather's four), so that errors of few runs add up. Leads share their ways: 56 h is one run
//! from 55 h, which is one from 54 h.

use std::collections::{BTreeMap, BTreeSet};

/// Longest lead that is scheduled, in hours.
pub const LONGEST: u32 = 24 * 366;

/// Why leads cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// No models.
    #[error("no model: a family needs at least one with a step of 1 hour or more")]
    NoSteps,
    /// Leads between the models' steps.
    #[error(
        "{family} has models of {steps} h steps, which cannot reach {leads}; ask for leads that they add up to"
    )]
    Unreachable {
        /// The family.
        family: String,
        /// Its steps, longest first.
        steps: String,
        /// The leads, the first dozen of them.
        leads: String,
    },
    /// No lead, 0 or far too long.
    #[error("{lead} h is no lead time: ask for 1 to {LONGEST} h")]
    Lead {
        /// The lead.
        lead: u32,
    },
}

/// The steps that add up to a lead, longest first; none where they cannot. `steps` must be descending.
#[must_use]
pub fn components(lead: u32, steps: &[u32]) -> Option<Vec<u32>> {
    let mut left = lead;
    let mut parts = Vec::new();
    for step in steps.iter().copied().filter(|step| *step > 0) {
        parts.extend(std::iter::repeat_n(step, (left / step) as usize));
        left %= step;
    }
    (left == 0).then_some(parts)
}

/// The order of the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Each model is loaded once: all runs of the longest step first. States that shorter steps begin from wait on the disk.
    #[default]
    ByModel,
    /// Depth first: no more states wait than there are models, and every model stays loaded.
    Nested,
}

/// One run of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Hours of the model's step.
    pub step: u32,
    /// Lead it begins from; 0 is the analysis.
    pub parent: u32,
    /// Lead it reaches.
    pub lead: u32,
    /// Whether the lead was asked for, and is not only on the way.
    pub wanted: bool,
}

/// All runs, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Steps of the family, longest first.
    pub steps: Vec<u32>,
    /// The runs.
    pub runs: Vec<Run>,
    /// Their order.
    pub order: Order,
}

impl Schedule {
    /// Plans the runs for the leads asked for and those on the way to them; no others.
    ///
    /// # Errors
    /// [`ScheduleError`] names the leads that cannot be reached.
    pub fn new(
        family: &str,
        steps: &[u32],
        leads: &[u32],
        order: Order,
    ) -> Result<Self, ScheduleError> {
        let steps: Vec<u32> = steps
            .iter()
            .copied()
            .filter(|step| *step > 0)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .rev()
            .collect();
        if steps.is_empty() {
            return Err(ScheduleError::NoSteps);
        }
        if let Some(lead) = leads.iter().find(|lead| !(1..=LONGEST).contains(*lead)) {
            return Err(ScheduleError::Lead { lead: *lead });
        }
        if leads.is_empty() {
            return Err(ScheduleError::Lead { lead: 0 });
        }
        let wanted: BTreeSet<u32> = leads.iter().copied().collect();
        let mut runs = BTreeMap::new();
        let mut missed = Vec::new();
        for lead in &wanted {
            let Some(parts) = components(*lead, &steps) else {
                missed.push(*lead);
                continue;
            };
            let mut parent = 0;
            for step in parts {
                let lead = parent + step;
                runs.insert(lead, Run { step, parent, lead, wanted: wanted.contains(&lead) });
                parent = lead;
            }
        }
        if !missed.is_empty() {
            let (family, steps) = (family.to_owned(), list(&steps));
            return Err(ScheduleError::Unreachable { family, steps, leads: list(&missed) + " h" });
        }
        let mut runs: Vec<Run> = runs.into_values().collect();
        if order == Order::ByModel {
            // A run's parent was made by a step as long or longer: it comes before.
            runs.sort_by_key(|run| (std::cmp::Reverse(run.step), run.lead));
        }
        Ok(Self { steps, runs, order })
    }

    /// The runs that begin from a lead.
    pub fn children(&self, lead: u32) -> impl Iterator<Item = &Run> + '_ {
        self.runs.iter().filter(move |run| run.parent == lead)
    }

    /// Most states that wait for a later run at any moment, the one that a run begins from included: what memory and disk
    /// together must hold.
    #[must_use]
    pub fn most_live(&self) -> usize {
        let mut last_use: BTreeMap<u32, usize> = BTreeMap::new();
        for (at, run) in self.runs.iter().enumerate() {
            last_use.insert(run.parent, at);
        }
        let mut live = BTreeSet::from([0]);
        let mut most = 1;
        for (at, run) in self.runs.iter().enumerate() {
            if last_use.get(&run.parent) == Some(&at) {
                // Its own parent is let go once the run is over: it counts now.
                most = most.max(live.len());
                live.remove(&run.parent);
            }
            if last_use.contains_key(&run.lead) {
                live.insert(run.lead);
            }
            most = most.max(live.len());
        }
        most
    }

    /// Models in the order in which they are first needed.
    #[must_use]
    pub fn models(&self) -> Vec<u32> {
        let mut models = Vec::new();
        for run in &self.runs {
            if !models.contains(&run.step) {
                models.push(run.step);
            }
        }
        models
    }
}

/// The first dozen numbers.
fn list(numbers: &[u32]) -> String {
    let shown: Vec<String> = numbers.iter().take(12).map(ToString::to_string).collect();
    let more = if numbers.len() > 12 { ", …" } else { "" };
    shown.join(", ") + more
}

/// Reads leads: `24`, `6,12,48`, `6..120/6` (from, to, step), and lists of these.
///
/// # Errors
/// Names the part and the forms.
pub fn parse_leads(text: &str) -> Result<Vec<u32>, String> {
    let mut leads = BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let wrong =
            || format!("{part:?} is no list of leads; write 24, or 6,12,48, or 6..120/6 (hours)");
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
        let Some((first, rest)) = part.split_once("..") else {
            leads.insert(number(part)?);
            continue;
        };
        let (last, by) = match rest.split_once('/') {
            Some((last, by)) => (number(last)?, number(by)?),
            None => (number(rest)?, 1),
        };
        let first = number(first)?;
        if by == 0 || last < first || last > LONGEST {
            return Err(wrong());
        }
        leads.extend((first..=last).step_by(by as usize));
    }
    Ok(leads.into_iter().collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PANGU: [u32; 4] = [24, 6, 3, 1];

    #[test]
    fn every_hour_to_ten_days_is_one_run_from_the_definition_s_parent() {
        let leads: Vec<u32> = (1..=240).collect();
        for order in [Order::ByModel, Order::Nested] {
            let schedule = Schedule::new("pangu-weather", &[1, 3, 6, 24], &leads, order).unwrap();
            assert_eq!(schedule.runs.len(), 240);
            for run in &schedule.runs {
                // h = 24 a + 6 b + 3 c + d, all greedy; the parent is h minus the smallest component.
                let (a, rest) = (run.lead / 24, run.lead % 24);
                let (b, rest) = (rest / 6, rest % 6);
                let (c, d) = (rest / 3, rest % 3);
                let parts = components(run.lead, &PANGU).unwrap();
                let count = |step| parts.iter().filter(|part| **part == step).count() as u32;
                assert_eq!((count(24), count(6), count(3), count(1)), (a, b, c, d));
                let smallest = *parts.last().unwrap();
                assert_eq!((run.step, run.parent), (smallest, run.lead - smallest));
            }
        }
        assert_eq!(components(56, &PANGU).unwrap(), [24, 24, 6, 1, 1]);
    }

    #[test]
    fn models_are_loaded_once_or_at_most_four_states_wait() {
        let leads: Vec<u32> = (1..=240).collect();
        let by_model = Schedule::new("f", &PANGU, &leads, Order::ByModel).unwrap();
        let changes = by_model.runs.windows(2).filter(|pair| pair[0].step != pair[1].step).count();
        assert_eq!((changes, by_model.models()), (3, vec![24, 6, 3, 1]));
        let nested = Schedule::new("f", &PANGU, &leads, Order::Nested).unwrap();
        assert!(nested.most_live() <= 4, "{}", nested.most_live());
        // Every 6 h alone: two models, and nothing is run that is not on the way.
        let six: Vec<u32> = (6..=120).step_by(6).collect();
        let schedule = Schedule::new("f", &PANGU, &six, Order::ByModel).unwrap();
        assert_eq!((schedule.runs.len(), schedule.models()), (20, vec![24, 6]));
        let one = Schedule::new("f", &PANGU, &[56], Order::ByModel).unwrap();
        let leads: Vec<(u32, bool)> = one.runs.iter().map(|run| (run.lead, run.wanted)).collect();
        assert_eq!(leads, [(24, false), (48, false), (54, false), (55, false), (56, true)]);
    }

    #[test]
    fn leads_out_of_reach_are_named() {
        let error =
            Schedule::new("dry-planet", &[24, 6], &[6, 7, 24, 27], Order::ByModel).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("dry-planet") && text.contains("24, 6 h") && text.contains("7, 27 h"),
            "{text}"
        );
        assert_eq!(Schedule::new("f", &[], &[6], Order::ByModel), Err(ScheduleError::NoSteps));
        assert!(Schedule::new("f", &[6], &[0], Order::ByModel).is_err());
        assert!(Schedule::new("f", &[6], &[], Order::ByModel).is_err());
    }

    #[test]
    fn lists_of_leads_are_read() {
        assert_eq!(parse_leads("6..24/6, 1,30"), Ok(vec![1, 6, 12, 18, 24, 30]));
        assert_eq!(parse_leads("1..3"), Ok(vec![1, 2, 3]));
        for text in ["", "a", "6..1", "1..9/0", "1..999999999", "-3"] {
            assert!(parse_leads(text).unwrap_err().contains("6..120/6"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_family_runs_parents_first_and_only_what_is_needed(
            steps in proptest::collection::vec(1_u32..50, 1..5),
            leads in proptest::collection::vec(1_u32..300, 1..20),
            nested in any::<bool>(),
        ) {
            let order = if nested { Order::Nested } else { Order::ByModel };
            let mut descending = steps.clone();
            descending.sort_unstable_by(|a, b| b.cmp(a));
            descending.dedup();
            match Schedule::new("f", &steps, &leads, order) {
                Err(ScheduleError::Unreachable { .. }) => {
                    prop_assert!(leads.iter().any(|lead| components(*lead, &descending).is_none()));
                }
                Err(error) => prop_assert!(false, "{error}"),
                Ok(schedule) => {
                    let mut made = BTreeSet::from([0]);
                    for run in &schedule.runs {
                        prop_assert_eq!(run.parent + run.step, run.lead);
                        prop_assert!(made.contains(&run.parent) && steps.contains(&run.step));
                        prop_assert!(made.insert(run.lead));
                        prop_assert!(run.wanted || schedule.children(run.lead).next().is_some());
                    }
                    prop_assert!(leads.iter().all(|lead| made.contains(lead)));
                    if nested {
                        prop_assert!(schedule.most_live() <= descending.len());
                    }
                }
            }
        }
    }
}
