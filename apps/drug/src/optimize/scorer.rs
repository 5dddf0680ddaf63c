//! Candidates scored by the stages of screening.

use rayon::prelude::*;
use strata_chem::edit::Product;
use strata_chem::optimize::{OptimizeError, Scorer, Values};
use strata_core::runtime::RunOptions;
use strata_core::stream::{Interpret, RecordError, Stages};

use crate::input::{Column, ColumnKind, Layout, Record};
use crate::output::{RowReader, round};
use crate::screen::{DECIMALS, Pipeline, Screening};

/// Candidates of one inference.
const CHUNK: usize = 16;

/// logP - SA - max(0, atoms of the largest ring - 6): the penalised logP of Jin et al. (2018), not normalised.
const PENALIZED: &str = "penalized_logP";

/// The given columns of a candidate.
pub(super) fn layout() -> Layout {
    let columns = vec![Column { name: "smiles".to_owned(), kind: ColumnKind::Text }];
    Layout { columns, smiles: Some(0), id: None }
}

/// Screening as a scorer.
pub(super) struct StageScorer {
    screening: Screening,
    columns: Vec<String>,
    /// Where each column but the last lies in a row.
    places: Vec<usize>,
    /// Columns of logP and SA.
    parts: [usize; 2],
}

impl StageScorer {
    /// The numeric columns of a pipeline, `score` where a scenario gives one that is asked for, and the
    /// penalised logP.
    pub(super) fn new(pipeline: Pipeline, with_score: bool) -> Self {
        let schema = pipeline.screening.schema();
        let mut columns = pipeline.numbers().to_vec();
        if with_score {
            columns.push("score".to_owned());
        }
        let places = columns.iter().filter_map(|name| schema.position(name)).collect();
        let at = |name: &str| columns.iter().position(|known| known == name).unwrap_or(0);
        let parts = [at("MolLogP"), at("SA")];
        columns.push(PENALIZED.to_owned());
        Self { columns, places, parts, screening: pipeline.screening }
    }

    fn chunk(&self, molecules: &[&Product]) -> Result<Vec<Option<Values>>, RecordError> {
        let mut scratch = self.screening.scratch(CHUNK);
        let mut rows = Vec::with_capacity(molecules.len());
        let mut ready = Vec::with_capacity(molecules.len());
        for (number, product) in molecules.iter().enumerate() {
            let mut record = Record::default();
            record.push(&product.smiles);
            // A molecule that cannot be featurised is left unscored, as a row of a screening is.
            match self.screening.prepare(&record, ready.len(), &mut scratch) {
                Ok(facts) => ready.push((number, record, facts)),
                Err(error) => {
                    tracing::debug!(smiles = product.smiles, code = %error.code, "unscored");
                }
            }
            rows.push(None);
        }
        if ready.is_empty() {
            return Ok(rows);
        }
        self.screening.infer(0..ready.len(), &RunOptions::default(), &mut scratch)?;
        for (slot, (number, record, facts)) in ready.iter().enumerate() {
            let (mut bytes, mut cells) = (Vec::new(), Vec::new());
            let done = Interpret { record, prepared: facts, slot };
            self.screening.interpret(done, &scratch, &mut bytes)?;
            // The rank is known to whole libraries only, so that a row lacks it.
            let width = self.screening.schema().columns.len() - 1;
            let read = RowReader::new(&bytes).row(width, &mut cells);
            read.ok_or_else(|| RecordError::new("internal", "a row does not fit its columns"))?;
            let mut values: Values = self
                .places
                .iter()
                .map(|&place| cells.get(place).and_then(crate::output::Cell::number))
                .collect();
            values.push(self.penalized(&values, molecules[*number]));
            rows[*number] = Some(values);
        }
        Ok(rows)
    }

    fn penalized(&self, values: &Values, product: &Product) -> Option<f64> {
        let [logp, sa] = self.parts.map(|at| values.get(at).copied().flatten());
        let largest = product.mol.rings().atom_rings().map(<[u32]>::len).max().unwrap_or(0);
        Some(round(logp? - sa? - largest.saturating_sub(6) as f64, DECIMALS.descriptor))
    }
}

impl Scorer for StageScorer {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn score(&self, molecules: &[&Product]) -> Result<Vec<Option<Values>>, OptimizeError> {
        let chunks: Vec<_> = molecules.par_chunks(CHUNK).map(|chunk| self.chunk(chunk)).collect();
        let mut rows = Vec::with_capacity(molecules.len());
        for chunk in chunks {
            rows.extend(chunk.map_err(|error| OptimizeError::Scorer(error.to_string()))?);
        }
        Ok(rows)
    }
}
