//! Keeps the molecules that pass every rule asked for, and says which rule the others broke.

use std::collections::BTreeMap;
use std::path::Path;

use strata_chem::alerts::AlertCatalog;
use strata_chem::descriptors::{MolProfile, NAMES};
use strata_chem::druglike::{Properties, lipinski, veber};
use strata_core::stream::Progress;

use super::ToolError;
use super::rows::{Counts, for_each_chunk};
use super::sink::MoleculeSink;
use crate::input::RecordReader;

/// A condition on a property: `QED>0.5`, `MolWt<=450`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    text: String,
    property: Property,
    operator: Operator,
    limit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Property {
    Qed,
    Sa,
    Descriptor(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
}

impl std::str::FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let operators = [
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("==", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("=", Operator::Equal),
        ];
        let parts = operators.iter().find_map(|(sign, operator)| {
            text.split_once(sign).map(|(name, limit)| (name.trim(), *operator, limit.trim()))
        });
        let Some((name, operator, limit)) = parts else {
            return Err(format!("{text:?} is no condition: write NAME<NUMBER, such as QED>0.5"));
        };
        let limit: f64 =
            limit.parse().map_err(|_| format!("{limit:?} in {text:?} is no number"))?;
        let property = match name {
            "QED" | "qed" => Property::Qed,
            "SA" | "sa" => Property::Sa,
            name => NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)).map(Property::Descriptor).ok_or_else(
                || format!("no property {name:?}: QED, SA, or a descriptor such as MolWt, MolLogP, TPSA, NumHDonors (see `strata-drug describe CCO`)"),
            )?,
        };
        Ok(Condition { text: text.to_owned(), property, operator, limit })
    }
}

impl Condition {
    fn holds(&self, properties: &Properties<'_>, descriptors: &[f64]) -> bool {
        let value = match self.property {
            Property::Qed => properties.qed,
            Property::Sa => properties.sa,
            Property::Descriptor(at) => descriptors[at],
        };
        match self.operator {
            Operator::Less => value < self.limit,
            Operator::AtMost => value <= self.limit,
            Operator::Greater => value > self.limit,
            Operator::AtLeast => value >= self.limit,
            Operator::Equal => value == self.limit,
        }
    }
}

/// Rules to pass.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Lipinski's rule of five, one violation forgiven.
    pub lipinski: bool,
    /// Veber's rule.
    pub veber: bool,
    /// Structural alerts that must not fire.
    pub alerts: AlertCatalog,
    /// Conditions on properties.
    pub conditions: Vec<Condition>,
}

impl Rules {
    /// Whether there is nothing to pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.lipinski && !self.veber && self.alerts.is_empty() && self.conditions.is_empty()
    }

    /// What a molecule breaks; empty where it passes.
    #[must_use]
    pub fn broken(&self, mol: &strata_chem::Mol) -> Vec<String> {
        let profile = MolProfile::new(mol);
        let properties = Properties::of(&profile, &self.alerts);
        let mut broken = Vec::new();
        let outcomes = [(self.lipinski, lipinski(&properties)), (self.veber, veber(&properties))];
        for (_, outcome) in outcomes.iter().filter(|(asked, outcome)| *asked && !outcome.passes) {
            broken.push(format!("{} ({})", outcome.rule, outcome.violations.join(", ")));
        }
        let is_descriptor =
            |condition: &Condition| matches!(condition.property, Property::Descriptor(_));
        let mut descriptors = vec![0.0; NAMES.len()];
        if self.conditions.iter().any(is_descriptor) {
            profile.descriptors(&mut descriptors);
        }
        for condition in &self.conditions {
            if !condition.holds(&properties, &descriptors) {
                broken.push(format!("not {}", condition.text));
            }
        }
        broken.extend(properties.alerts.iter().map(|alert| alert.label()));
        broken
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FilterSummary {
    /// Rows read, and those without a molecule.
    #[serde(flatten)]
    pub counts: Counts,
    /// Molecules that pass.
    pub passed: u64,
    /// Molecules that do not.
    pub rejected: u64,
    /// How many molecules broke each rule.
    pub broken: BTreeMap<String, u64>,
}

/// Reads all rows, writes those that pass to `out` and, where asked for, all others with the reason to `rejected`.
///
/// # Errors
/// [`ToolError`] where reading or writing fails.
pub fn filter(
    reader: &mut dyn RecordReader,
    rules: &Rules,
    (out, rejected): (&Path, Option<&Path>),
    progress: &mut dyn Progress,
) -> Result<FilterSummary, ToolError> {
    let layout = reader.layout().clone();
    let mut good = MoleculeSink::create(out, &layout, &[])?;
    let reasons = ["reason", "error_code", "error"];
    let mut bad = rejected.map(|path| MoleculeSink::create(path, &layout, &reasons)).transpose()?;
    let mut broken_by: BTreeMap<String, u64> = BTreeMap::new();
    let (mut passed, mut turned_away) = (0, 0);
    let counts = for_each_chunk(
        reader,
        progress,
        |layout, _, _, mol| {
            let smiles = layout.smiles.is_none().then(|| mol.canonical_smiles());
            Ok((rules.broken(&mol), smiles))
        },
        |layout, rows| {
            for row in rows {
                let (broken, smiles, code, message) = match row.made {
                    Ok((broken, smiles)) => (broken, smiles, String::new(), String::new()),
                    Err(error) => (Vec::new(), None, error.code.into_owned(), error.message),
                };
                if broken.is_empty() && code.is_empty() {
                    passed += 1;
                    good.row(layout, &row.record, row.number, (smiles.as_deref(), &[]))?;
                    continue;
                }
                turned_away += u64::from(code.is_empty());
                if let Some(bad) = &mut bad {
                    let extra = [broken.join("; "), code, message];
                    let extra: Vec<&str> = extra.iter().map(String::as_str).collect();
                    bad.row(layout, &row.record, row.number, (smiles.as_deref(), &extra))?;
                }
                for rule in broken {
                    *broken_by.entry(rule).or_default() += 1;
                }
            }
            Ok(())
        },
    )?;
    good.finish()?;
    if let Some(bad) = bad {
        bad.finish()?;
    }
    Ok(FilterSummary { counts, passed, rejected: turned_away, broken: broken_by })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_refused() {
        let condition: Condition = "molwt <= 450".parse().unwrap();
        assert_eq!((condition.operator, condition.limit), (Operator::AtMost, 450.0));
        assert!("QED>0.5".parse::<Condition>().is_ok());
        for bad in ["QED", "QED>x", "Weight<3", ">5"] {
            assert!(bad.parse::<Condition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_name_what_is_broken() {
        let aspirin = strata_chem::Mol::from_smiles("CC(=O)Oc1ccccc1C(=O)O").unwrap();
        let conditions = vec!["MolWt<100".parse().unwrap(), "QED>0.2".parse().unwrap()];
        let rules = Rules { lipinski: true, conditions, ..Rules::default() };
        assert_eq!(rules.broken(&aspirin), ["not MolWt<100"]);
        assert!(Rules::default().broken(&aspirin).is_empty());
    }
}
