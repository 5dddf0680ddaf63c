//! A model of many targets that takes one molecule a run and gives one output a target, such as
//! ChEMBL's multitask model: the most likely targets of a molecule become one column of text.

use std::fmt::Write as _;
use std::sync::Arc;

use ndarray::ArrayViewD;
use strata_core::provenance::Provenance;
use strata_core::runtime::{Inputs, Model, RunOptions, RuntimeError};
use strata_core::stream::RecordError;

use crate::output::round;

use super::{Molecules, PredictedEndpoint, Predictor};

/// Targets named a molecule.
const TOP: usize = 5;

/// A model whose outputs are targets.
#[derive(Debug)]
pub(super) struct TargetsModel {
    model: Arc<Model>,
    featuriser: String,
    dim: usize,
}

/// The featuriser a card of such a model asks for by its radius and number of bits.
pub(super) fn featuriser_id(card: &strata_core::card::ModelCard) -> Option<String> {
    let number = |key: &str| card.preprocess.get(key)?.as_integer();
    Some(format!("morgan-r{}-{}-bits/1", number("radius")?, number("bits")?))
}

impl TargetsModel {
    /// Wraps an open model that takes rows of this featuriser.
    pub(super) fn new(model: Arc<Model>, featuriser: &str, dim: usize) -> Self {
        Self { model, featuriser: featuriser.to_owned(), dim }
    }
}

impl Predictor for TargetsModel {
    fn name(&self) -> &str {
        &self.model.card().name
    }

    fn featuriser(&self) -> (&str, usize) {
        (&self.featuriser, self.dim)
    }

    fn endpoints(&self) -> &[PredictedEndpoint] {
        &[]
    }

    /// `chembl_top_targets` for `chembl-multitask`.
    fn text_columns(&self) -> Vec<String> {
        let first = self.name().split('-').next().unwrap_or_default();
        vec![format!("{first}_top_targets")]
    }

    fn width(&self) -> usize {
        self.model.card().outputs.len()
    }

    fn predict(
        &self,
        molecules: Molecules<'_>,
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError> {
        let failed = |error: RuntimeError| {
            RecordError::new("inference", format!("model {}: {error}", self.name()))
        };
        let card = self.model.card();
        if self.model.takes_tables() {
            let inputs = Inputs::new().with(&card.inputs[0].name, molecules.rows);
            let outputs = self.model.run(&inputs, run).map_err(failed)?;
            let view: ArrayViewD<'_, f32> = outputs.view_at(0).map_err(failed)?;
            out.iter_mut().zip(view.iter()).for_each(|(place, value)| *place = *value);
            return Ok(());
        }
        for (row, place) in molecules.rows.rows().into_iter().zip(out.chunks_mut(self.width())) {
            let inputs = Inputs::new().with(&card.inputs[0].name, row);
            let outputs = self.model.run(&inputs, run).map_err(failed)?;
            for (at, value) in place.iter_mut().enumerate() {
                let view: ArrayViewD<'_, f32> = outputs.view_at(at).map_err(failed)?;
                *value = view.iter().next().copied().unwrap_or(f32::NAN);
            }
        }
        Ok(())
    }

    /// `TARGET:probability` of the most likely targets, separated by `; `; ties in the card's order.
    fn texts(&self, row: &[f32], out: &mut Vec<String>) {
        let mut order: Vec<usize> = (0..row.len()).filter(|&at| row[at].is_finite()).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let mut text = String::new();
        for &at in order.iter().take(TOP) {
            let comma = if text.is_empty() { "" } else { "; " };
            let name = &self.model.card().outputs[at].name;
            let _ = write!(text, "{comma}{name}:{}", round(f64::from(row[at]), 3));
        }
        out.push(text);
    }

    fn provenance(&self) -> Arc<Provenance> {
        Arc::clone(self.model.provenance())
    }
}
