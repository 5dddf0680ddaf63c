//! What `embed` does to a record on the belt (parse and make its graph, run the encoder on a batch of
//! graphs, encode the row), and the table its rows go to.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayView1, ArrayView2, ArrayViewD};
use strata_chem::graph_features::chemprop::{
    ATOM_FEATURES, BOND_FEATURES, CHEMPROP_ID, ChempropBatch, ChempropGraph, chemprop_hash,
};
use strata_chem::graph_features::{GraphBatch, MOLCLR_ID, MolGraph, molclr_hash};
use strata_chem::{ChemError, Mol};
use strata_core::provenance::Featuriser;
use strata_core::runtime::{Inputs, Model, RunOptions, RuntimeError};
use strata_core::stream::{Chunk, Interpret, RecordError, Sink, Stages, StreamError};

use crate::input::{Layout, Record, record_error};
use crate::output::{OutputError, RowReader, RowWriter, Schema, TableWriter, round};
use crate::screen::{write_failed, write_given};

/// Decimals written: finer than single precision agrees between processors.
const DECIMALS: i32 = 6;

/// Which graph an encoder reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Molclr,
    Chemprop,
}

impl Reads {
    /// By the featuriser a card names.
    pub(super) fn of(id: &str) -> Option<Self> {
        match id {
            MOLCLR_ID => Some(Self::Molclr),
            CHEMPROP_ID => Some(Self::Chemprop),
            _ => None,
        }
    }

    /// The featuriser that makes it.
    pub(super) fn featuriser(self) -> Featuriser {
        match self {
            Self::Molclr => Featuriser { id: MOLCLR_ID.to_owned(), hash: molclr_hash() },
            Self::Chemprop => Featuriser { id: CHEMPROP_ID.to_owned(), hash: chemprop_hash() },
        }
    }

    fn graph(self, mol: &Mol) -> Result<Graph, ChemError> {
        match self {
            Self::Molclr => MolGraph::molclr(mol).map(Graph::Molclr),
            Self::Chemprop => ChempropGraph::new(mol).map(Graph::Chemprop),
        }
    }
}

/// A molecule as its encoder reads it.
#[derive(Debug, Clone)]
pub(super) enum Graph {
    Molclr(MolGraph),
    Chemprop(ChempropGraph),
}

/// A graph encoder that is ready.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) model: Arc<Model>,
    pub(super) reads: Reads,
    /// Name of the output with a vector for each molecule.
    pub(super) output: String,
    /// Length of a vector.
    pub(super) width: usize,
}

impl Encoder {
    /// Runs the encoder once on all graphs; writes a vector a graph into `out`.
    pub(super) fn embed(
        &self,
        graphs: &[Graph],
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError> {
        match self.reads {
            Reads::Molclr => {
                let batch = GraphBatch::of(graphs.iter().filter_map(|graph| match graph {
                    Graph::Molclr(graph) => Some(graph),
                    Graph::Chemprop(_) => None,
                }));
                let (graph, index) = (batch.graph(), batch.edge_index());
                let edges = graph.sources.len();
                let inputs = Inputs::new()
                    .with("atom_type", ArrayView1::from(&graph.atom_type))
                    .with("chirality", ArrayView1::from(&graph.chirality))
                    .with("edge_index", self.matrix(2, edges, &index)?)
                    .with("edge_attr", self.matrix(edges, 2, graph.edge_attr.as_flattened())?)
                    .with("batch", ArrayView1::from(batch.molecule()));
                self.run(&inputs, graphs.len(), run, out)
            }
            Reads::Chemprop => {
                let batch = ChempropBatch::of(graphs.iter().filter_map(|graph| match graph {
                    Graph::Chemprop(graph) => Some(graph),
                    Graph::Molclr(_) => None,
                }));
                let (atoms, bonds) = (batch.atom_mol.len(), batch.bond_source.len());
                let inputs = Inputs::new()
                    .with("f_atoms", self.matrix(atoms, ATOM_FEATURES, &batch.f_atoms)?)
                    .with("f_bonds", self.matrix(bonds, BOND_FEATURES, &batch.f_bonds)?)
                    .with("bond_source", ArrayView1::from(&batch.bond_source))
                    .with("bond_target", ArrayView1::from(&batch.bond_target))
                    .with("bond_reverse", ArrayView1::from(&batch.bond_reverse))
                    .with("atom_mol", ArrayView1::from(&batch.atom_mol));
                self.run(&inputs, graphs.len(), run, out)
            }
        }
    }

    fn matrix<'a, T>(
        &self,
        rows: usize,
        columns: usize,
        data: &'a [T],
    ) -> Result<ArrayView2<'a, T>, RecordError> {
        ArrayView2::from_shape((rows, columns), data)
            .map_err(|error| self.internal(&format!("the graph does not fit together: {error}")))
    }

    fn internal(&self, what: &str) -> RecordError {
        RecordError::new("internal", format!("model {}: {what}", self.model.card().name))
    }

    fn run(
        &self,
        inputs: &Inputs<'_>,
        molecules: usize,
        run: &RunOptions,
        out: &mut [f32],
    ) -> Result<(), RecordError> {
        let name = &self.model.card().name;
        let failed =
            |error: RuntimeError| RecordError::new("inference", format!("model {name}: {error}"));
        let outputs = self.model.run(inputs, run).map_err(failed)?;
        let view: ArrayViewD<'_, f32> = outputs.view(&self.output).map_err(failed)?;
        if view.shape() != [molecules, self.width] {
            let (found, wanted) = (view.shape(), [molecules, self.width]);
            return Err(self.internal(&format!("gave shape {found:?} in place of {wanted:?}")));
        }
        out.iter_mut().zip(view.iter()).for_each(|(place, value)| *place = *value);
        Ok(())
    }
}

/// Everything the workers share.
pub(super) struct Embedding<'a> {
    pub(super) layout: &'a Layout,
    pub(super) schema: &'a Schema,
    pub(super) encoder: &'a Encoder,
}

/// One worker's buffers: a graph and a vector a molecule of the batch.
pub(super) struct Scratch {
    graphs: Vec<Graph>,
    vectors: Vec<f32>,
}

impl Stages for Embedding<'_> {
    type Record = Record;
    /// The canonical SMILES.
    type Prepared = String;
    type Scratch = Scratch;

    fn scratch(&self, chunk: usize) -> Scratch {
        Scratch {
            graphs: vec![Graph::Chemprop(ChempropGraph::default()); chunk],
            vectors: vec![0.0; chunk * self.encoder.width],
        }
    }

    fn prepare(
        &self,
        record: &Record,
        slot: usize,
        scratch: &mut Scratch,
    ) -> Result<String, RecordError> {
        let mol = record.molecule(self.layout)?;
        scratch.graphs[slot] =
            self.encoder.reads.graph(&mol).map_err(|error| record_error(&error))?;
        Ok(mol.canonical_smiles())
    }

    fn infer(
        &self,
        slots: Range<usize>,
        run: &RunOptions,
        scratch: &mut Scratch,
    ) -> Result<(), RecordError> {
        let width = self.encoder.width;
        let place = slots.start * width..slots.end * width;
        self.encoder.embed(&scratch.graphs[slots], run, &mut scratch.vectors[place])
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        scratch: &Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let Interpret { record, prepared: canonical_smiles, slot } = done;
        let width = self.encoder.width;
        let vector = &scratch.vectors[slot * width..(slot + 1) * width];
        if vector.iter().any(|value| !value.is_finite()) {
            let what = format!("model {} gave no finite numbers", self.encoder.model.card().name);
            return Err(RecordError::new("inference", what));
        }
        let mut row = RowWriter::new(out);
        write_given(record, self.schema, &mut row);
        row.text(canonical_smiles);
        row.null();
        row.null();
        vector.iter().for_each(|&value| row.float(Some(round(f64::from(value), DECIMALS))));
        Ok(())
    }

    fn failed(&self, record: &Record, error: &RecordError, out: &mut Vec<u8>) {
        let mut row = RowWriter::new(out);
        write_failed(record, self.schema, error, &mut row);
        (0..self.encoder.width).for_each(|_| row.null());
    }
}

/// A table that takes the belt's chunks as they come: vectors are too large to be kept twice, so
/// there is no journal and nothing to resume.
pub(super) struct TableSink {
    pub(super) table: Box<dyn TableWriter>,
    pub(super) columns: usize,
    pub(super) rows: u64,
    pub(super) input_digest: [u8; 32],
}

impl Sink for TableSink {
    fn done(&self) -> (u64, [u8; 32]) {
        (self.rows, self.input_digest)
    }

    fn append(&mut self, chunk: &Chunk) -> Result<(), StreamError> {
        let refused = |error: OutputError| StreamError::Sink(error.into());
        let mut reader = RowReader::new(&chunk.payload);
        let mut cells = Vec::with_capacity(self.columns);
        for _ in 0..chunk.rows {
            let row = self.rows;
            let read = reader.row(self.columns, &mut cells);
            read.ok_or(OutputError::Damaged { row }).map_err(refused)?;
            self.table.row(&cells).map_err(refused)?;
            self.rows += 1;
        }
        self.input_digest = chunk.input_digest;
        Ok(())
    }
}
