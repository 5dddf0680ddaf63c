//! The computed columns of a screening, in order, and which of them are numbers a scenario can use.

use crate::output::{OutColumn, OutKind};

use super::LoadedModels;

/// Decimals of computed numbers. Predictions and scores get one more than descriptors, so that
/// probabilities near zero keep two digits.
#[derive(Debug, Clone, Copy)]
pub struct Decimals {
    /// Descriptors and similarities.
    pub descriptor: i32,
    /// Predictions, their spread and intervals, and the score.
    pub prediction: i32,
}

/// The decimals in use.
pub const DECIMALS: Decimals = Decimals { descriptor: 4, prediction: 5 };

/// Computed for every molecule, in this order.
pub(super) const DESCRIPTORS: [(&str, OutKind); 7] = [
    ("MolWt", OutKind::Float),
    ("MolLogP", OutKind::Float),
    ("TPSA", OutKind::Float),
    ("NumHDonors", OutKind::Integer),
    ("NumHAcceptors", OutKind::Integer),
    ("QED", OutKind::Float),
    ("SA", OutKind::Float),
];

/// The nearest training molecule's similarity.
pub(super) const NEAREST: &str = "nn_tanimoto";

/// Whether a column is there whatever models are run.
pub(super) fn is_descriptor(name: &str) -> bool {
    name == NEAREST || DESCRIPTORS.iter().any(|(descriptor, _)| *descriptor == name)
}

/// The computed columns of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComputedColumns {
    /// All of them, in order.
    pub columns: Vec<OutColumn>,
    /// The numeric ones a scenario can use, in the order in which rows carry them.
    pub numbers: Vec<String>,
}

impl ComputedColumns {
    /// The columns for these models.
    #[must_use]
    pub fn of(models: &LoadedModels) -> Self {
        let mut built = Self::default();
        for name in ["canonical_smiles", "error_code", "error"] {
            built.text(name);
        }
        for (name, kind) in DESCRIPTORS {
            built.number(name.to_owned(), kind);
        }
        built.text("alerts");
        for model in models.predictors() {
            for endpoint in model.endpoints() {
                for name in endpoint.columns() {
                    built.number(name, OutKind::Float);
                }
                let name = &endpoint.endpoint.name;
                let percentile = models.reference(name).and_then(|set| set.column(name));
                percentile.into_iter().for_each(|name| built.number(name, OutKind::Float));
            }
            for name in model.text_columns() {
                built.text(&name);
            }
        }
        built.number(NEAREST.to_owned(), OutKind::Float);
        built.text("flags");
        built.columns.push(OutColumn { name: "score".to_owned(), kind: OutKind::Float });
        built.columns.push(OutColumn { name: "rank".to_owned(), kind: OutKind::Integer });
        built
    }

    fn text(&mut self, name: &str) {
        self.columns.push(OutColumn { name: name.to_owned(), kind: OutKind::Text });
    }

    fn number(&mut self, name: String, kind: OutKind) {
        self.columns.push(OutColumn { name: name.clone(), kind });
        self.numbers.push(name);
    }
}
