//! The ADMET profile of a molecule: the numbers of a screening's row, sorted into what people ask for, with
//! units, percentiles among approved drugs, and a radar drawing.
//!
//! Nothing is computed here: the row comes from the stages that `screen` runs.

mod html;
mod one;
mod radar;
mod text;

use schemars::JsonSchema;
use serde::Serialize;

use crate::output::Schema;
use crate::screen::{OwnedCell, Predictor};

pub use html::page;
pub use one::{AdmetError, profile_of};
pub use radar::radar;
pub use text::text;

/// The scenario whose models and columns a profile is made of.
pub const SCENARIO: &str = "admet-profile";

/// Below this similarity to the nearest reference molecule a prediction is outside what the models learnt from.
const NEAR: f64 = 0.3;

/// A property that is computed, not predicted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Property {
    /// RDKit's name.
    pub name: String,
    /// The value.
    pub value: f64,
}

/// A predicted endpoint.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EndpointValue {
    /// Its column.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Unit of the value; `probability` for a class.
    pub unit: Option<String>,
    /// The prediction; null where the model gave none.
    pub value: Option<f64>,
    /// Per cent of the reference set with a lower value.
    pub percentile: Option<f64>,
    /// Whether a higher value is the better one; null where neither is.
    pub higher_is_better: Option<bool>,
}

/// Endpoints of one kind.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Group {
    /// Absorption, Distribution, Metabolism, Excretion or Toxicity.
    pub name: String,
    /// Its endpoints.
    pub endpoints: Vec<EndpointValue>,
}

/// How near the molecule is to molecules the models learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// A similar molecule is known.
    Inside,
    /// None is: take the predictions with care.
    Outside,
    /// The models bring no molecules to compare with.
    Unknown,
}

/// One molecule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Profile {
    /// The SMILES as given.
    pub smiles: String,
    /// The identifier as given; may be empty.
    pub id: String,
    /// Canonical SMILES; null where the molecule cannot be read.
    pub canonical_smiles: Option<String>,
    /// Why the molecule has no profile, as a code; null where it has one.
    pub error_code: Option<String>,
    /// The same in words.
    pub error: Option<String>,
    /// Weight, logP, polar surface and the like.
    pub properties: Vec<Property>,
    /// Structural alerts that hit, separated by `; `.
    pub alerts: Option<String>,
    /// Predictions in groups.
    pub groups: Vec<Group>,
    /// Tanimoto similarity to the nearest molecule of the models' training sets that come with them.
    pub nn_tanimoto: Option<f64>,
    /// Whether that is near enough.
    pub domain: Domain,
    /// Desirability of the whole, from 0 to 1.
    pub score: Option<f64>,
    /// Radar of percentiles as SVG, where it was asked for.
    pub radar_svg: Option<String>,
}

/// What a row's columns are: kept for all rows.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    groups: Vec<(String, Vec<Known>)>,
}

#[derive(Debug, Clone)]
struct Known {
    name: String,
    title: String,
    unit: Option<String>,
    higher_is_better: Option<bool>,
}

/// The groups' usual order; others follow.
const ORDER: [&str; 5] = ["Absorption", "Distribution", "Metabolism", "Excretion", "Toxicity"];

impl Catalog {
    /// What the models predict, by the groups of their cards.
    #[must_use]
    pub fn of(models: &[Box<dyn Predictor>]) -> Self {
        let mut groups: Vec<(String, Vec<Known>)> = Vec::new();
        for model in models {
            let of_model = model.groups();
            for predicted in model.endpoints() {
                let endpoint = &predicted.endpoint;
                let group = of_model.iter().find(|(_, names)| names.contains(&endpoint.name));
                let group = group.map_or("Other", |(group, _)| group);
                let known = Known {
                    name: endpoint.name.clone(),
                    title: endpoint.title.clone(),
                    unit: endpoint.unit.clone(),
                    higher_is_better: endpoint.higher_is_better,
                };
                match groups.iter_mut().find(|(name, _)| name == group) {
                    Some((_, list)) => list.push(known),
                    None => groups.push((group.to_owned(), vec![known])),
                }
            }
        }
        let place =
            |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
        groups.sort_by_key(|(name, _)| place(name));
        Self { groups }
    }

    /// The profile of a row.
    #[must_use]
    pub fn profile(&self, schema: &Schema, cells: &[OwnedCell]) -> Profile {
        let cell = |name: &str| schema.position(name).and_then(|at| cells.get(at));
        let number = |name: &str| cell(name).and_then(|cell| cell.cell().number());
        let text = |name: &str| {
            let text = cell(name).map(|cell| cell.cell().text().to_owned());
            text.filter(|text| !text.is_empty())
        };
        // Whatever set the percentiles are of.
        let percentile = |name: &str| {
            let known = |column: &str| {
                column.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'))
                    && column.ends_with("_percentile")
            };
            schema.columns.iter().find(|column| known(&column.name)).and_then(|c| number(&c.name))
        };
        let value = |known: &Known| EndpointValue {
            name: known.name.clone(),
            title: known.title.clone(),
            unit: known.unit.clone(),
            value: number(&known.name),
            percentile: percentile(&known.name),
            higher_is_better: known.higher_is_better,
        };
        let error_code = text("error_code");
        let groups = self.groups.iter().filter(|_| error_code.is_none());
        let nearest = number("nn_tanimoto");
        let names = ["MolWt", "MolLogP", "TPSA", "NumHDonors", "NumHAcceptors", "QED", "SA"];
        Profile {
            smiles: cells.first().map(|c| c.cell().text().to_owned()).unwrap_or_default(),
            id: cells.get(1).map(|c| c.cell().text().to_owned()).unwrap_or_default(),
            canonical_smiles: text("canonical_smiles"),
            error: text("error"),
            properties: names
                .iter()
                .filter_map(|&name| Some(Property { name: name.to_owned(), value: number(name)? }))
                .collect(),
            alerts: text("alerts"),
            groups: groups
                .map(|(name, list)| Group {
                    name: name.clone(),
                    endpoints: list.iter().map(value).collect(),
                })
                .collect(),
            nn_tanimoto: nearest,
            domain: match nearest {
                Some(similarity) if similarity >= NEAR => Domain::Inside,
                Some(_) => Domain::Outside,
                None => Domain::Unknown,
            },
            score: number("score"),
            radar_svg: None,
            error_code,
        }
    }
}

impl Profile {
    /// The endpoint of this name.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<&EndpointValue> {
        self.groups.iter().flat_map(|group| &group.endpoints).find(|known| known.name == name)
    }
}
