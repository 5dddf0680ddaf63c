//! What screening does to a record on the belt: parse and featurise, predict, score, encode.

use std::ops::Range;

use ndarray::{Array2, s};
use strata_chem::graph_features::chemprop::ChempropGraph;
use strata_core::runtime::RunOptions;
use strata_core::stream::{Interpret, RecordError, Stages};

use crate::input::{Layout, Record, record_error};
use crate::output::{RowWriter, Schema, round};
use crate::scenario::Scorer;

use super::columns::DESCRIPTORS;
use super::models::{Domain, LoadedModels};
use super::molecule::{Chemistry, Facts};
use super::source::{write_failed, write_given};
use super::{DECIMALS, Molecules, Predictor};

/// Everything the workers share.
pub(crate) struct Screening {
    pub(super) layout: Layout,
    pub(super) schema: Schema,
    pub(super) models: LoadedModels,
    pub(super) chemistry: Chemistry,
    pub(super) scorer: Scorer,
}

/// One worker's buffers: a row a molecule of the batch in each.
pub(crate) struct Scratch {
    /// One matrix a featuriser.
    features: Vec<Array2<f32>>,
    /// No columns, for models that take graphs alone.
    no_features: Array2<f32>,
    /// A graph a molecule, where a model takes them.
    graphs: Vec<ChempropGraph>,
    /// One table a model.
    predictions: Vec<Vec<f32>>,
    /// Fingerprints for the training domains, one list a kind of fingerprint.
    fingerprints: Vec<Vec<Vec<u64>>>,
    /// Similarity to the nearest training molecule.
    nearest: Vec<Option<f64>>,
}

impl Screening {
    /// The models, in the order of their columns.
    #[must_use]
    pub(crate) fn predictors(&self) -> &[Box<dyn Predictor>] {
        self.models.predictors()
    }

    /// The columns of its rows.
    #[must_use]
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }
}

impl Stages for Screening {
    type Record = Record;
    type Prepared = Facts;
    type Scratch = Scratch;

    fn scratch(&self, chunk: usize) -> Scratch {
        let models = &self.models;
        let dims = models.featurisers.iter().map(super::models::SharedFeaturiser::dim);
        let fingerprint =
            |domain: &super::models::FingerprintKind| vec![vec![0; domain.bits / 64]; chunk];
        Scratch {
            features: dims.map(|dim| Array2::zeros((chunk, dim))).collect(),
            no_features: Array2::zeros((chunk, 0)),
            graphs: vec![ChempropGraph::default(); if models.graphs { chunk } else { 0 }],
            predictions: models.predictors.iter().map(|m| vec![0.0; chunk * m.width()]).collect(),
            fingerprints: models.fingerprints.iter().map(fingerprint).collect(),
            nearest: vec![None; chunk],
        }
    }

    fn prepare(
        &self,
        record: &Record,
        slot: usize,
        scratch: &mut Scratch,
    ) -> Result<Facts, RecordError> {
        let mol = record.molecule(&self.layout)?;
        let molecule = self.chemistry.read(&mol);
        for (featuriser, matrix) in self.models.featurisers.iter().zip(&mut scratch.features) {
            let mut row = matrix.row_mut(slot);
            // A row of a standard-layout matrix is contiguous.
            let row = row.as_slice_mut().ok_or_else(|| {
                RecordError::new("internal", "the feature matrix is not contiguous")
            })?;
            molecule.features(featuriser, row);
        }
        if let Some(graph) = scratch.graphs.get_mut(slot) {
            *graph = ChempropGraph::new(&mol).map_err(|error| record_error(&error))?;
        }
        for (kind, rows) in self.models.fingerprints.iter().zip(&mut scratch.fingerprints) {
            molecule.fingerprint(kind, &mut rows[slot]);
        }
        Ok(molecule.facts())
    }

    fn infer(
        &self,
        slots: Range<usize>,
        run: &RunOptions,
        scratch: &mut Scratch,
    ) -> Result<(), RecordError> {
        let models = &self.models;
        for (at, model) in models.predictors.iter().enumerate() {
            let features = match models.features_of[at] {
                Some(at) => &scratch.features[at],
                None => &scratch.no_features,
            };
            let rows = features.slice(s![slots.clone(), ..]);
            let graphs = scratch.graphs.get(slots.clone()).unwrap_or_default();
            let width = model.width();
            let place = slots.start * width..slots.end * width;
            model.predict(Molecules { rows, graphs }, run, &mut scratch.predictions[at][place])?;
        }
        scratch.nearest[slots.clone()].fill(None);
        for Domain { set, datasets, kind } in &models.domains {
            let queries = &scratch.fingerprints[*kind][slots.clone()];
            let answers = set
                .nearest_batch(queries)
                .map_err(|error| RecordError::new("internal", error.to_string()))?;
            for (nearest, hits) in scratch.nearest[slots.clone()].iter_mut().zip(answers) {
                for hit in datasets.iter().filter_map(|&dataset| hits.get(dataset)?.as_ref()) {
                    let similarity = hit.score;
                    *nearest = Some(nearest.map_or(similarity, |best| best.max(similarity)));
                }
            }
        }
        Ok(())
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        scratch: &Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let Interpret { record, prepared: facts, slot } = done;
        let mut row = RowWriter::new(out);
        write_given(record, &self.schema, &mut row);
        row.text(&facts.canonical_smiles);
        row.null();
        row.null();
        let mut numbers: Vec<Option<f64>> = Vec::with_capacity(64);
        for ((_, kind), value) in DESCRIPTORS.iter().zip(facts.descriptors) {
            let value = round(value, DECIMALS.descriptor);
            match kind {
                crate::output::OutKind::Integer => row.integer(value as i64),
                _ => row.float(Some(value)),
            }
            numbers.push(Some(value).filter(|value| value.is_finite()));
        }
        row.text(&facts.alerts);
        let mut texts = Vec::new();
        for (model, table) in self.models.predictors.iter().zip(&scratch.predictions) {
            let width = model.width();
            let raw = &table[slot * width..(slot + 1) * width];
            let first = numbers.len();
            for endpoint in model.endpoints() {
                endpoint.interpret(raw, &mut numbers);
                let name = &endpoint.endpoint.name;
                if let Some(set) = self.models.reference(name) {
                    let percentile = set.percentile(name, endpoint.mean(raw));
                    numbers.push(percentile.map(|value| round(value, DECIMALS.descriptor)));
                }
            }
            numbers[first..].iter().for_each(|&number| row.float(number));
            texts.clear();
            model.texts(raw, &mut texts);
            texts.iter().for_each(|text| row.text(text));
        }
        let nearest = scratch.nearest[slot].map(|value| round(value, DECIMALS.descriptor));
        row.float(nearest);
        numbers.push(nearest);
        let scored = self.scorer.score(&numbers, &facts.rules_hit);
        row.text(&scored.flags.join("; "));
        row.float(scored.score.map(|score| round(score, DECIMALS.prediction)));
        Ok(())
    }

    fn failed(&self, record: &Record, error: &RecordError, out: &mut Vec<u8>) {
        let mut row = RowWriter::new(out);
        write_failed(record, &self.schema, error, &mut row);
        // All columns but the given ones, the three above, and the rank, which comes at the end.
        for _ in self.schema.given + 3..self.schema.columns.len() - 1 {
            row.null();
        }
    }
}
