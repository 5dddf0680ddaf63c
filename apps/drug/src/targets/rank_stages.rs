//! What `rank` does to a record on the belt (parse and featurise, run the model and compare with the actives, encode the row), and
//! the file the rows wait in until all scores are known.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::ArrayView2;
use strata_chem::arena::Hit;
use strata_chem::fingerprint::{self, ecfp_into};
use strata_core::runtime::RunOptions;
use strata_core::stream::{Chunk, Interpret, RecordError, Sink, Stages, StreamError};

use super::TargetPredictor;
use super::rank::{Actives, FINGERPRINT, kept};
use crate::input::{Layout, Record};
use crate::output::{Cell, OutputError, RowReader, RowWriter, Schema, round};
use crate::screen::{write_failed, write_given};
use crate::tools::ToolError;

/// Decimals of probabilities and similarities.
const DECIMALS: i32 = 5;

/// A cell of a row, where there is one.
pub(super) type Ranked<'a> = Option<&'a Cell<'a>>;

/// Everything the workers share.
pub(super) struct Scoring<'a> {
    pub(super) layout: &'a Layout,
    pub(super) schema: &'a Schema,
    pub(super) model: &'a TargetPredictor,
    /// The target's place among the model's outputs.
    pub(super) target: usize,
    pub(super) actives: Option<&'a Actives>,
}

/// One worker's buffers.
pub(super) struct Scratch {
    features: Vec<f32>,
    rows: Vec<f32>,
    fingerprints: Vec<Vec<u64>>,
    environments: fingerprint::Scratch,
    activity: Vec<f32>,
    nearest: Vec<Option<Hit>>,
}

impl Stages for Scoring<'_> {
    type Record = Record;
    /// The canonical SMILES.
    type Prepared = String;
    type Scratch = Scratch;

    fn scratch(&self, chunk: usize) -> Scratch {
        let words = if self.actives.is_some() { FINGERPRINT.size / 64 } else { 0 };
        Scratch {
            features: vec![0.0; chunk * self.model.dim()],
            rows: vec![0.0; chunk * self.model.ids().len()],
            fingerprints: vec![vec![0; words]; chunk],
            environments: fingerprint::Scratch::default(),
            activity: vec![f32::NAN; chunk],
            nearest: vec![None; chunk],
        }
    }

    fn prepare(
        &self,
        record: &Record,
        slot: usize,
        scratch: &mut Scratch,
    ) -> Result<String, RecordError> {
        let mol = record.molecule(self.layout)?;
        let dim = self.model.dim();
        self.model.write_features(&mol, &mut scratch.features[slot * dim..(slot + 1) * dim]);
        if self.actives.is_some() {
            let words = &mut scratch.fingerprints[slot];
            ecfp_into(&mol, &FINGERPRINT, &mut scratch.environments, words);
        }
        Ok(mol.canonical_smiles())
    }

    fn infer(
        &self,
        slots: Range<usize>,
        run: &RunOptions,
        scratch: &mut Scratch,
    ) -> Result<(), RecordError> {
        let internal = |error: String| RecordError::new("internal", error);
        let (dim, width) = (self.model.dim(), self.model.ids().len());
        let features = &scratch.features[slots.start * dim..slots.end * dim];
        let features = ArrayView2::from_shape((slots.len(), dim), features)
            .map_err(|error| internal(error.to_string()))?;
        let rows = &mut scratch.rows[..slots.len() * width];
        self.model.predict(features, run, rows)?;
        for (place, row) in scratch.activity[slots.clone()].iter_mut().zip(rows.chunks(width)) {
            *place = row[self.target];
        }
        if let Some(actives) = self.actives {
            let found = actives.arena.nearest_batch(&scratch.fingerprints[slots.clone()]);
            let found = found.map_err(|error| internal(error.to_string()))?;
            scratch.nearest[slots].copy_from_slice(&found);
        }
        Ok(())
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        scratch: &Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let Interpret { record, prepared: canonical_smiles, slot } = done;
        let activity = f64::from(scratch.activity[slot]);
        if !activity.is_finite() {
            return Err(RecordError::new("inference", "the model gave no finite number"));
        }
        let mut row = RowWriter::new(out);
        write_given(record, self.schema, &mut row);
        row.text(canonical_smiles);
        row.null();
        row.null();
        row.float(Some(round(activity, DECIMALS)));
        if let Some(actives) = self.actives {
            // A molecule without a common bit has no hit: its similarity is 0.
            let hit = scratch.nearest[slot];
            row.float(Some(round(hit.map_or(0.0, |hit| hit.score), DECIMALS)));
            let id = hit.and_then(|hit| actives.ids.get(hit.row as usize));
            row.text(id.map_or("", String::as_str));
        }
        Ok(())
    }

    fn failed(&self, record: &Record, error: &RecordError, out: &mut Vec<u8>) {
        let mut row = RowWriter::new(out);
        write_failed(record, self.schema, error, &mut row);
        (0..if self.actives.is_some() { 3 } else { 1 }).for_each(|_| row.null());
    }
}

/// Rows that wait for their ranks, in a nameless file beside the result; where each begins, and its scores, in memory.
pub(super) struct Spool {
    file: BufWriter<File>,
    path: PathBuf,
    starts: Vec<u64>,
    end: u64,
    columns: usize,
    /// Places of the activity and, with actives, the similarity in a row.
    scores: (usize, Option<usize>),
    pub(super) activity: Vec<f32>,
    pub(super) similarity: Vec<f32>,
    pub(super) input_digest: [u8; 32],
}

impl Spool {
    /// A file in the folder of the result, gone when this is dropped.
    pub(super) fn beside(out: &Path, schema: &Schema) -> Result<Self, ToolError> {
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let file = tempfile::tempfile_in(folder).map_err(ToolError::io(folder))?;
        Ok(Self {
            file: BufWriter::new(file),
            path: out.to_path_buf(),
            starts: Vec::new(),
            end: 0,
            columns: schema.columns.len(),
            scores: (
                schema.position("activity").unwrap_or(usize::MAX),
                schema.position("similarity"),
            ),
            activity: Vec::new(),
            similarity: Vec::new(),
            input_digest: [0; 32],
        })
    }

    /// Reads a row's bytes.
    pub(super) fn read(&mut self, row: usize, bytes: &mut Vec<u8>) -> Result<(), ToolError> {
        let start = self.starts.get(row).copied().unwrap_or(self.end);
        let end = self.starts.get(row + 1).copied().unwrap_or(self.end);
        bytes.resize(usize::try_from(end - start).unwrap_or_default(), 0);
        // Seeking also writes what is still in the buffer.
        let read = self.file.seek(SeekFrom::Start(start));
        read.and_then(|_| self.file.get_mut().read_exact(bytes)).map_err(ToolError::io(&self.path))
    }
}

impl Sink for Spool {
    fn done(&self) -> (u64, [u8; 32]) {
        (self.starts.len() as u64, self.input_digest)
    }

    fn append(&mut self, chunk: &Chunk) -> Result<(), StreamError> {
        let refused = |error: OutputError| StreamError::Sink(error.into());
        let mut reader = RowReader::new(&chunk.payload);
        let mut cells = Vec::with_capacity(self.columns);
        for _ in 0..chunk.rows {
            let row = self.starts.len() as u64;
            self.starts.push(self.end + (chunk.payload.len() - reader.left()) as u64);
            let read = reader.row(self.columns, &mut cells);
            read.ok_or(OutputError::Damaged { row }).map_err(refused)?;
            self.activity.push(kept(cells.get(self.scores.0)));
            if let Some(at) = self.scores.1 {
                self.similarity.push(kept(cells.get(at)));
            }
        }
        self.end += chunk.payload.len() as u64;
        self.input_digest = chunk.input_digest;
        let name = self.path.display().to_string();
        self.file
            .write_all(&chunk.payload)
            .map_err(|source| refused(OutputError::Io { name, source }))
    }
}
