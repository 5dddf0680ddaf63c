//! Protein targets: which ones a molecule may act on (`targets`), and which molecules of a library may act on one (`rank`).
//!
//! Both rest on a model with an output for each target, such as ChEMBL's multitask model. Its probabilities are not
//! calibrated across targets, so a molecule's score on a target is also given as its percentile among the scores of a
//! reference library on the same target ([`Background`]).
#![allow(clippy::needless_pass_by_value, reason = "array views are references already")]

mod background;
mod fish;
mod fusion;
mod names;
mod rank;
mod rank_stages;

use ndarray::ArrayView2;
use strata_chem::Mol;
use strata_chem::features::Featuriser;
use strata_core::provenance::Provenance;
use strata_core::runtime::RunOptions;
use strata_core::stream::RecordError;

use crate::screen::{ModelSource, Molecules, Predictor, target_model};
use crate::tools::ToolError;

pub use background::Background;
pub(crate) use fish::{COLUMNS, render, write_csv};
pub use fish::{Fished, Fishing, TargetHit, TargetOrder, fish, fish_file};
pub use fusion::{Fusion, Lists};
pub use names::{TargetInfo, TargetNames};
pub use rank::{Actives, Best, RankJob, RankSummary, rank, rank_with};

/// The model that is used where none is named.
pub const DEFAULT_MODEL: &str = "chembl-multitask";

/// A model of many targets, ready to run.
pub struct TargetPredictor {
    predictor: Box<dyn Predictor>,
    featuriser: Featuriser,
    ids: Vec<String>,
}

impl std::fmt::Debug for TargetPredictor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetPredictor").field("model", &self.predictor.name()).finish()
    }
}

impl TargetPredictor {
    /// A model of this name.
    ///
    /// # Errors
    /// [`ToolError::Models`] where it is not there, not ready, or its outputs are no targets.
    pub fn open(name: &str, source: &dyn ModelSource) -> Result<Self, ToolError> {
        let (predictor, featuriser, ids) = target_model(name, source)?;
        Ok(Self { predictor, featuriser, ids })
    }

    /// ChEMBL identifiers of the targets, in the order of the model's outputs.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Number of features of a molecule.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.featuriser.dim()
    }

    /// Writes a molecule's features: [`Self::dim`] numbers.
    pub fn write_features(&self, mol: &Mol, row: &mut [f32]) {
        self.featuriser.write(mol, row);
    }

    /// Writes the probability of activity on each target, one row of [`Self::ids`] a molecule.
    ///
    /// # Errors
    /// `inference` where the model gave no answer.
    #[allow(clippy::needless_pass_by_value, reason = "a view is two words and a borrow")]
    pub fn predict(
        &self,
        features: ArrayView2<'_, f32>,
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError> {
        self.predictor.predict(Molecules { rows: features, graphs: &[] }, run, out)
    }

    /// Where its answers come from.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        (*self.predictor.provenance()).clone()
    }

    /// [`Self::predict`] for molecules, in batches.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn predict_mols(&self, mols: &[&Mol]) -> Result<Vec<f32>, RecordError> {
        let (dim, width) = (self.dim(), self.ids.len());
        let mut out = vec![0.0; mols.len() * width];
        for (mols, out) in mols.chunks(BATCH).zip(out.chunks_mut(BATCH * width)) {
            let mut features = vec![0.0; mols.len() * dim];
            for (mol, row) in mols.iter().zip(features.chunks_mut(dim)) {
                self.write_features(mol, row);
            }
            let view = ArrayView2::from_shape((mols.len(), dim), &features);
            let view = view.map_err(|error| RecordError::new("internal", error.to_string()))?;
            self.predict(view, &RunOptions::default(), out)?;
        }
        Ok(out)
    }
}

/// Molecules in one run of the model.
const BATCH: usize = 256;
