//! The encoder whose vectors stand beside a molecule's fingerprint and descriptors.

use rayon::prelude::*;
use strata_chem::Mol;
use strata_chem::graph_features::chemprop::ChempropGraph;
use strata_core::card::{CardError, Port};
use strata_core::runtime::{OpenError, RunOptions};
use strata_core::stream::RecordError;
use strata_core::verify::{VerifiedFile, VerifyError};

use super::assay::Molecule;
use crate::input::record_error;
use crate::screen::{ModelSource, ModelsError};
use crate::tools::ToolError;
use crate::tools::embed::encoder_of;
use crate::tools::embed_stages::{self, Graph, Reads};

/// The encoder taken where nobody names one.
pub(super) const USUAL: &str = "molecule-encoder";
/// Word for no encoder.
pub(super) const NONE: &str = "none";
/// Molecules in one run.
const BATCH: usize = 32;

/// An encoder that is ready, with its file.
pub(super) struct Encoder {
    inner: embed_stages::Encoder,
    /// Its ONNX file.
    pub(super) file: VerifiedFile,
}

impl Encoder {
    /// The encoder of a name; without a name the usual one, or none and why where it is not there.
    pub(super) fn find(
        name: Option<&str>,
        models: &dyn ModelSource,
    ) -> Result<Result<Self, String>, ToolError> {
        match name {
            Some(NONE) => Ok(Err("fingerprints and descriptors alone, as asked".to_owned())),
            Some(name) => Self::open(name, models).map(Ok),
            None => match Self::open(USUAL, models) {
                Err(error) if absent(&error) => {
                    Ok(Err(format!("without the vectors of {USUAL}, which is not on this machine")))
                }
                other => other.map(Ok),
            },
        }
    }

    fn open(name: &str, models: &dyn ModelSource) -> Result<Self, ToolError> {
        let (model, _) = models.model(name)?;
        let inner = encoder_of(model)?;
        let unfit = |why: &str| ToolError::Request(format!("--encoder {name}: {why}"));
        if inner.reads != Reads::Chemprop {
            return Err(unfit("screening makes no graphs of its kind; molecule-encoder will do"));
        }
        let card = inner.model.card();
        let variant = card.variants.iter().find(|variant| variant.name == inner.model.variant());
        let variant = variant.ok_or_else(|| unfit("its card does not name the file it runs"))?;
        let file = inner.model.read_file(&variant.file).map_err(OpenError::from)?;
        Ok(Self { file, inner })
    }

    /// Numbers a molecule.
    pub(super) fn width(&self) -> usize {
        self.inner.width
    }

    /// Name of the output with them.
    pub(super) fn output(&self) -> &str {
        &self.inner.output
    }

    /// Its inputs, as its card has them.
    pub(super) fn inputs(&self) -> &[Port] {
        &self.inner.model.card().inputs
    }

    /// Its name, version and the SHA-256 of its file, for cards.
    pub(super) fn label(&self) -> String {
        let stamp = self.inner.model.provenance();
        format!("{} {} (sha256 {})", stamp.model, stamp.version, stamp.sha256)
    }

    /// The vectors of molecules, one behind the other.
    pub(super) fn vectors(&self, molecules: &[Molecule]) -> Result<Vec<f32>, ToolError> {
        let of = |batch: &[Molecule]| -> Result<Vec<f32>, RecordError> {
            let graphs = graphs(batch)?.into_iter().map(Graph::Chemprop).collect::<Vec<_>>();
            let mut vectors = vec![0.0; batch.len() * self.width()];
            self.inner.embed(&graphs, &RunOptions::default(), &mut vectors)?;
            match vectors.iter().all(|value| value.is_finite()) {
                true => Ok(vectors),
                false => Err(RecordError::new("inference", "the encoder gave no finite numbers")),
            }
        };
        let batches: Result<Vec<Vec<f32>>, RecordError> =
            molecules.par_chunks(BATCH).map(of).collect();
        Ok(batches.map_err(ToolError::Record)?.concat())
    }
}

/// The graphs of molecules.
pub(super) fn graphs(molecules: &[Molecule]) -> Result<Vec<ChempropGraph>, RecordError> {
    let graph = |molecule: &Molecule| {
        let mol = Mol::from_smiles(&molecule.smiles).map_err(|error| record_error(&error))?;
        ChempropGraph::new(&mol).map_err(|error| record_error(&error))
    };
    molecules.iter().map(graph).collect()
}

/// Whether a model's card or file is not on this machine.
fn absent(error: &ToolError) -> bool {
    let ToolError::Models(error) = error else { return false };
    let (ModelsError::Card(card)
    | ModelsError::Open(OpenError::Card(card) | OpenError::Verify(VerifyError::Card(card)))
    | ModelsError::Verify(VerifyError::Card(card))) = error
    else {
        return matches!(error, ModelsError::Hub(_));
    };
    matches!(card, CardError::FileAbsent { .. } | CardError::NotFound { .. })
}
