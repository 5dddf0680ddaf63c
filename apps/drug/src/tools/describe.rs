//! Everything that is computed of a molecule without a model: descriptors, drug-likeness, structural alerts.

use std::collections::BTreeMap;

use strata_chem::Mol;
use strata_chem::alerts::AlertCatalog;
use strata_chem::descriptors::{MolProfile, NAMES};
use strata_chem::druglike::{Properties, egan, ghose, lipinski, veber};
use strata_cli::text::TextTable;

use super::ToolError;
use crate::output::round;

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Verdict {
    /// Name of the rule.
    pub rule: &'static str,
    /// Whether the molecule passes.
    pub passes: bool,
    /// Conditions that do not hold.
    pub violations: Vec<&'static str>,
}

/// A structural alert that fired.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct AlertNote {
    /// Set and name of the rule.
    pub alert: String,
    /// Why it is there.
    pub description: String,
}

/// A molecule, described.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Description {
    /// Its identifier.
    pub id: String,
    /// Its canonical SMILES.
    pub canonical_smiles: String,
    /// QED, 0 to 1.
    #[serde(rename = "QED")]
    pub qed: f64,
    /// Synthetic accessibility, 1 (easy) to 10 (hard).
    #[serde(rename = "SA")]
    pub sa: f64,
    /// Rules of thumb.
    pub rules: Vec<Verdict>,
    /// PAINS and Brenk alerts that fired.
    pub alerts: Vec<AlertNote>,
    /// Descriptors under RDKit's names.
    pub descriptors: BTreeMap<&'static str, f64>,
}

/// The alerts that are looked for.
///
/// # Errors
/// [`ToolError::Chem`] never in practice: the sets are built in.
pub fn alerts() -> Result<AlertCatalog, ToolError> {
    Ok(AlertCatalog::builtin(&["pains", "brenk"])?)
}

/// Describes a molecule.
#[must_use]
pub fn describe(id: &str, mol: &Mol, catalog: &AlertCatalog) -> Description {
    let profile = MolProfile::new(mol);
    let properties = Properties::of(&profile, catalog);
    let mut values = vec![0.0; NAMES.len()];
    profile.descriptors(&mut values);
    let rules = [lipinski, veber, ghose, egan].map(|rule| {
        let outcome = rule(&properties);
        Verdict { rule: outcome.rule, passes: outcome.passes, violations: outcome.violations }
    });
    let note = |alert: &&strata_chem::alerts::Alert| AlertNote {
        alert: alert.label(),
        description: alert.description.clone(),
    };
    Description {
        id: id.to_owned(),
        canonical_smiles: mol.canonical_smiles(),
        qed: round(properties.qed, 4),
        sa: round(properties.sa, 4),
        rules: rules.to_vec(),
        alerts: properties.alerts.iter().map(note).collect(),
        descriptors: NAMES.iter().copied().zip(values.iter().map(|v| round(*v, 6))).collect(),
    }
}

/// What a person looks at first; `all` adds every descriptor.
#[must_use]
pub fn render(description: &Description, all: bool) -> String {
    let mut table = TextTable::new(&["property", "value"]);
    let mut text = format!("{}\n{}\n", description.id, description.canonical_smiles);
    let first = [
        "MolWt",
        "MolLogP",
        "TPSA",
        "NumHDonors",
        "NumHAcceptors",
        "NumRotatableBonds",
        "RingCount",
        "FractionCSP3",
    ];
    let shown: Vec<&&str> = match all {
        true => description.descriptors.keys().collect(),
        false => first.iter().filter(|name| description.descriptors.contains_key(**name)).collect(),
    };
    for name in shown {
        table.row(vec![(*name).to_string(), description.descriptors[*name].to_string()]);
    }
    table.row(vec!["QED".into(), description.qed.to_string()]);
    table.row(vec!["SA".into(), description.sa.to_string()]);
    text.push_str(&table.render());
    for verdict in &description.rules {
        let what = match (verdict.passes, verdict.violations.is_empty()) {
            (true, true) => "passes".to_owned(),
            (true, false) => format!("passes, with {}", verdict.violations.join(", ")),
            (false, _) => format!("fails: {}", verdict.violations.join(", ")),
        };
        text.push_str(&format!("{:<9} {what}\n", verdict.rule));
    }
    match description.alerts.is_empty() {
        true => text.push_str("alerts    none of PAINS and Brenk\n"),
        false => {
            for note in &description.alerts {
                text.push_str(&format!("alert     {} ({})\n", note.alert, note.description));
            }
        }
    }
    text
}
