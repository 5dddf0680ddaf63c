//! `/v1/standardize`, `/v1/describe`, `/v1/depict`: molecules without a model.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_chem::Mol;
use strata_chem::alerts::AlertCatalog;
use strata_chem::smarts::Pattern;
use strata_core::provenance::STRATA_VERSION;
use strata_serve::{Kind, Operation, Problem};

use super::problems::{of_smiles, of_tool};
use crate::tools::ToolError;
use crate::tools::depict::{draw_atoms, matched_atoms};
use crate::tools::describe::{Description, alerts, describe};
use crate::tools::standardize::{Standardized, Steps, standardize};

/// Longest SMILES or pattern that is drawn or standardised.
const LONGEST: usize = 20_000;

/// Molecules to standardise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StandardizeAsk {
    /// The molecules.
    #[schemars(length(min = 1))]
    smiles: Vec<String>,
    /// Keep the largest organic fragment only: takes salts and solvents away.
    #[serde(default = "yes")]
    largest_fragment: bool,
    /// Remove charges that protons can balance.
    #[serde(default = "yes")]
    neutralize: bool,
    /// Replace each molecule by its canonical tautomer; slow.
    #[serde(default)]
    canonical_tautomer: bool,
}

fn yes() -> bool {
    true
}

/// Molecules, standardised.
#[derive(Debug, Serialize, JsonSchema)]
struct StandardizeReply {
    /// One a molecule, in order. One that cannot be read has an error_code.
    molecules: Vec<Standardized>,
    /// Version of Strata.
    strata: &'static str,
}

/// Molecules to describe.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DescribeAsk {
    /// The molecule.
    smiles: String,
}

/// A molecule, described.
#[derive(Debug, Serialize, JsonSchema)]
struct DescribeReply {
    /// What is computed of it without a model.
    description: Description,
    /// Version of Strata.
    strata: &'static str,
}

/// What to draw.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DepictAsk {
    /// The molecule.
    smiles: String,
    /// Mark the atoms that match a SMARTS pattern.
    #[serde(default)]
    highlight: Option<String>,
    /// Mark the atoms of PAINS and Brenk alerts.
    #[serde(default)]
    alerts: bool,
    /// Mark these atoms: their numbers in the SMILES from 0, separated by blanks or commas, such as the
    /// `changed_atoms` of a search's result.
    #[serde(default)]
    atoms: Option<String>,
}

/// The alerts that `describe` looks for, read once.
fn catalog() -> Result<&'static AlertCatalog, Problem> {
    static ALERTS: LazyLock<Result<AlertCatalog, ToolError>> = LazyLock::new(alerts);
    ALERTS.as_ref().map_err(Problem::internal)
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("standardize", "/v1/standardize")
            .about("Molecules", "Standard forms: largest fragment, neutral, canonical tautomer", "")
            .computes(|call, ask: StandardizeAsk| {
                call.check_rows("/smiles", ask.smiles.len())?;
                if ask.smiles.is_empty() {
                    return Err(Problem::field("/smiles", "there are no molecules"));
                }
                let steps = Steps {
                    largest_fragment: ask.largest_fragment,
                    neutralize: ask.neutralize,
                    canonical_tautomer: ask.canonical_tautomer,
                };
                let mut molecules = Vec::with_capacity(ask.smiles.len());
                for smiles in &ask.smiles {
                    // Tautomers take long: who has gone is not computed for.
                    if call.cancel.is_cancelled() {
                        let gone = "nobody waits for the answer any more";
                        return Err(Problem::new(Kind::Unavailable, "cancelled", gone));
                    }
                    molecules.push(standardize(smiles, steps));
                }
                Ok(StandardizeReply { molecules, strata: STRATA_VERSION })
            }),
        Operation::post("describe", "/v1/describe")
            .about("Molecules", "Descriptors, rules of thumb and alerts of a molecule", "")
            .computes(|_, ask: DescribeAsk| {
                let mol = molecule("/smiles", &ask.smiles)?;
                let description = describe(&ask.smiles, &mol, catalog()?);
                Ok(DescribeReply { description, strata: STRATA_VERSION })
            }),
        Operation::get("depict", "/v1/depict")
            .about("Molecules", "A drawing of a molecule as SVG", "")
            .draws("image/svg+xml", |_, ask: DepictAsk| depict(&ask)),
    ]
}

fn molecule(field: &str, smiles: &str) -> Result<Mol, Problem> {
    if smiles.len() > LONGEST {
        return Err(Problem::field(field, format!("it is longer than {LONGEST} bytes")));
    }
    if smiles.trim().is_empty() {
        return Err(Problem::field(field, "it is empty"));
    }
    Mol::from_smiles(smiles).map_err(|error| of_smiles(field, &error))
}

fn depict(ask: &DepictAsk) -> Result<Vec<u8>, Problem> {
    let mol = molecule("smiles", &ask.smiles)?;
    let mut atoms = Vec::new();
    if let Some(smarts) = ask.highlight.as_deref().filter(|smarts| !smarts.is_empty()) {
        if smarts.len() > LONGEST {
            return Err(Problem::field("highlight", format!("it is longer than {LONGEST} bytes")));
        }
        let pattern = Pattern::parse(smarts).map_err(|error| Problem::field("highlight", error))?;
        atoms.extend(matched_atoms(&mol, &pattern));
    }
    if ask.alerts {
        let hits = catalog()?.hits_with_atoms(&mol);
        atoms.extend(hits.into_iter().flat_map(|hit| hit.atoms.concat()));
    }
    atoms.extend(numbered(&mol, ask.atoms.as_deref().unwrap_or_default())?);
    let drawing = draw_atoms(&mol, atoms).map_err(|error| of_tool("smiles", &error))?;
    Ok(drawing.into_bytes())
}

/// The atoms that a list of numbers names.
fn numbered(mol: &Mol, list: &str) -> Result<Vec<u32>, Problem> {
    let count = mol.atoms().len();
    let numbers = list.split([' ', ',']).filter(|number| !number.is_empty());
    let atoms = numbers.map(|number| number.parse().ok().filter(|&at: &u32| (at as usize) < count));
    atoms.collect::<Option<_>>().ok_or_else(|| {
        let most = count.saturating_sub(1);
        Problem::field("atoms", format!("give atom numbers from 0 to {most}, separated by commas"))
    })
}
