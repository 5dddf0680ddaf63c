//! A scenario bound to the columns of a run: from the numbers of a row to its score, its flags and
//! the parts the score is made of.

use super::{Loaded, MissingPolicy, Scenario, ScenarioError, ScoreMethod, Shape};

/// A scenario's parts, by position in a row's numbers.
#[derive(Debug, Clone)]
pub struct Scorer {
    settings: super::ScoreSettings,
    parts: Vec<BoundPart>,
    cutoffs: Vec<BoundCutoff>,
    alert_penalties: Vec<f64>,
    /// Properties the scenario names whose models are not run.
    left_out: Vec<String>,
}

#[derive(Debug, Clone)]
struct BoundPart {
    property: String,
    at: Option<usize>,
    weight: f64,
    shape: Shape,
    reason: String,
}

#[derive(Debug, Clone)]
struct BoundCutoff {
    at: usize,
    min: Option<f64>,
    max: Option<f64>,
    penalty: f64,
    label: Option<String>,
    property: String,
}

/// What a score is made of: one desirability.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// The property.
    pub property: &'a str,
    /// Its value, where it has one.
    pub value: Option<f64>,
    /// Its desirability, where it has one.
    pub desirability: Option<f64>,
    /// Its share of the score, of all weights.
    pub weight: f64,
    /// From value to desirability.
    pub shape: Shape,
    /// Why it counts.
    pub reason: &'a str,
}

/// A row's score and flags.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scored {
    /// 0 to 1; `None` where the scenario gives none.
    pub score: Option<f64>,
    /// Cut-offs that were crossed, by label.
    pub flags: Vec<String>,
}

impl Scorer {
    /// Binds a scenario to the numeric columns of a run. `absent` are columns that exist but whose
    /// models were left out on request: what names them is left out too.
    ///
    /// # Errors
    /// A property that no column has, with file and line.
    pub fn bind(
        loaded: &Loaded,
        columns: &[String],
        absent: impl Fn(&str) -> bool,
    ) -> Result<Self, ScenarioError> {
        let scenario: &Scenario = &loaded.scenario;
        let mut left_out = Vec::new();
        let mut find = |property: &toml::Spanned<String>| {
            let name = property.get_ref();
            let at = columns.iter().position(|column| column == name);
            if at.is_none() && !absent(name) {
                let what = format!(
                    "no column is named {name:?}: add its model to models, or use one of {}",
                    columns.join(", ")
                );
                return Err(loaded.invalid(property.span().start, what));
            }
            if at.is_none() && !left_out.contains(name) {
                left_out.push(name.clone());
            }
            Ok(at)
        };
        let mut parts = Vec::new();
        for part in &scenario.desirabilities {
            parts.push(BoundPart {
                property: part.property.get_ref().clone(),
                at: find(&part.property)?,
                weight: *part.weight.get_ref(),
                shape: *part.shape.get_ref(),
                reason: part.reason.clone(),
            });
        }
        let mut cutoffs = Vec::new();
        for cutoff in &scenario.cutoffs {
            let Some(at) = find(&cutoff.property)? else { continue };
            cutoffs.push(BoundCutoff {
                at,
                min: cutoff.min,
                max: cutoff.max,
                penalty: *cutoff.penalty.get_ref(),
                label: cutoff.label.clone(),
                property: cutoff.property.get_ref().clone(),
            });
        }
        let alert_penalties = scenario.alerts.iter().map(|rule| *rule.penalty.get_ref()).collect();
        Ok(Self { settings: scenario.score, parts, cutoffs, alert_penalties, left_out })
    }

    /// Properties the scenario names whose models are not run.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The desirabilities of a row's numbers, in the order of the scenario.
    pub fn parts<'a>(&'a self, numbers: &'a [Option<f64>]) -> impl Iterator<Item = Part<'a>> + 'a {
        let total: f64 = self.parts.iter().map(|part| part.weight).sum();
        self.parts.iter().map(move |part| {
            let value = part.at.and_then(|at| numbers.get(at).copied().flatten());
            Part {
                property: &part.property,
                value,
                desirability: value.map(|value| part.shape.of(value)),
                weight: part.weight / total,
                shape: part.shape,
                reason: &part.reason,
            }
        })
    }

    /// Scores a row. `alerts` says of each of the scenario's alert rules whether it hit.
    #[must_use]
    pub fn score(&self, numbers: &[Option<f64>], alerts: &[bool]) -> Scored {
        let mut scored = Scored { score: self.mean(numbers), flags: Vec::new() };
        let mut factor = 1.0;
        for cutoff in &self.cutoffs {
            let Some(value) = numbers.get(cutoff.at).copied().flatten() else { continue };
            let low = cutoff.min.filter(|&min| value < min).map(|min| ('<', min));
            let high = cutoff.max.filter(|&max| value > max).map(|max| ('>', max));
            let Some((side, limit)) = low.or(high) else { continue };
            let label = cutoff.label.clone();
            let label = label.unwrap_or_else(|| format!("{}{side}{limit}", cutoff.property));
            scored.flags.push(label);
            factor *= cutoff.penalty;
        }
        for (penalty, _) in self.alert_penalties.iter().zip(alerts).filter(|(_, hit)| **hit) {
            factor *= penalty;
        }
        scored.score = scored.score.map(|score| score * factor);
        scored
    }

    /// The weighted mean of the desirabilities.
    fn mean(&self, numbers: &[Option<f64>]) -> Option<f64> {
        let (mut sum, mut weights) = (0.0, 0.0);
        for part in &self.parts {
            let value = part.at.and_then(|at| numbers.get(at).copied().flatten());
            let desirability = match (value, self.settings.missing) {
                (Some(value), _) => part.shape.of(value),
                (None, _) if part.at.is_none() => continue,
                (None, MissingPolicy::Skip) => continue,
                (None, MissingPolicy::Zero) => 0.0,
                (None, MissingPolicy::Empty) => return None,
            };
            weights += part.weight;
            sum += part.weight
                * match self.settings.method {
                    ScoreMethod::Geometric => desirability.max(self.settings.floor).ln(),
                    ScoreMethod::Arithmetic => desirability,
                };
        }
        (weights > 0.0).then(|| match self.settings.method {
            ScoreMethod::Geometric => (sum / weights).exp(),
            ScoreMethod::Arithmetic => sum / weights,
        })
    }
}
