//! Rows of an input with their molecules, in chunks, parsed on all threads, in order.

use std::collections::BTreeMap;

use rayon::prelude::*;
use strata_chem::Mol;
use strata_core::stream::{Progress, RecordError, Update};

use super::ToolError;
use crate::input::{Layout, Record, RecordReader};

/// Rows in a chunk.
const CHUNK: usize = 4096;

/// A row, its number from 0, and what was made of its molecule.
#[derive(Debug)]
pub struct Row<T> {
    /// Number of the row, from 0.
    pub number: u64,
    /// The given columns.
    pub record: Record,
    /// What was made of the molecule, or what was wrong with it.
    pub made: Result<T, RecordError>,
}

/// Counts of a run over an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Rows read.
    pub rows: u64,
    /// Rows without a molecule, by error code.
    pub errors: BTreeMap<String, u64>,
}

impl Counts {
    /// Rows without a molecule.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// One line for people: `1,000 rows, 3 with errors (2 valence, 1 parse)`.
    #[must_use]
    pub fn line(&self) -> String {
        let errors: Vec<String> =
            self.errors.iter().map(|(code, count)| format!("{count} {code}")).collect();
        match errors.is_empty() {
            true => format!("{} rows, none with errors", self.rows),
            false => {
                format!("{} rows, {} with errors ({})", self.rows, self.failed(), errors.join(", "))
            }
        }
    }
}

/// Reads all rows; `make` turns molecules into what is needed, on all threads; `take` gets the chunks in order.
///
/// # Errors
/// [`ToolError`] where the input cannot be read on, or `take` gives up.
pub fn for_each_chunk<T: Send>(
    reader: &mut dyn RecordReader,
    progress: &mut dyn Progress,
    make: impl Fn(&Layout, &Record, u64, Mol) -> Result<T, RecordError> + Sync,
    mut take: impl FnMut(&Layout, Vec<Row<T>>) -> Result<(), ToolError>,
) -> Result<Counts, ToolError> {
    let layout = reader.layout().clone();
    let mut counts = Counts::default();
    loop {
        let mut records = Vec::with_capacity(CHUNK);
        while records.len() < CHUNK
            && let Some(record) = reader.next_record()?
        {
            records.push(record);
        }
        if records.is_empty() {
            return Ok(counts);
        }
        let first = counts.rows;
        counts.rows += records.len() as u64;
        let rows: Vec<Row<T>> = records
            .into_par_iter()
            .enumerate()
            .map(|(at, record)| {
                let number = first + at as u64;
                let mol = record.molecule(&layout);
                let made = mol.and_then(|mol| make(&layout, &record, number, mol));
                Row { number, record, made }
            })
            .collect();
        for error in rows.iter().filter_map(|row| row.made.as_ref().err()) {
            *counts.errors.entry(error.code.to_string()).or_default() += 1;
        }
        take(&layout, rows)?;
        progress.update(&Update {
            rows: counts.rows,
            resumed: 0,
            failed: counts.failed(),
            fraction: reader.fraction(),
        });
    }
}
