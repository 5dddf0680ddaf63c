//! What a run says about itself at its end: counts, the best molecules, distributions.

use std::collections::BTreeMap;
use std::time::Duration;

use strata_core::stream::StageTimes;

use crate::output::{Cell, Schema};

/// A value that outlives its row.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedCell {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// A decimal number.
    Float(f64),
    /// A whole number.
    Integer(i64),
}

impl From<Cell<'_>> for OwnedCell {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Text(text) => Self::Text(text.to_owned()),
            Cell::Float(value) => Self::Float(value),
            Cell::Integer(value) => Self::Integer(value),
        }
    }
}

impl OwnedCell {
    /// As the writers take it.
    #[must_use]
    pub fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Text(text) => Cell::Text(text),
            Self::Float(value) => Cell::Float(*value),
            Self::Integer(value) => Cell::Integer(*value),
        }
    }
}

/// One of the best molecules.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its rank, from 1.
    pub rank: u32,
    /// Its row in the input, from 0.
    pub row: u64,
    /// Its name: the identifier column's value, else its row.
    pub name: String,
    /// All its columns.
    pub cells: Vec<OwnedCell>,
}

impl Hit {
    /// The value of a column.
    #[must_use]
    pub fn cell(&self, schema: &Schema, column: &str) -> Cell<'_> {
        let at = schema.position(column);
        at.and_then(|at| self.cells.get(at)).map_or(Cell::Null, OwnedCell::cell)
    }
}

/// How the values of a column are distributed.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The column.
    pub column: String,
    /// Smallest value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
    /// Rows in each of the equally wide bins.
    pub bins: Vec<u64>,
}

impl Histogram {
    /// Bins of a histogram.
    pub const BINS: usize = 30;

    pub(super) fn new(column: String, low: f64, high: f64) -> Self {
        Self { column, low, high, bins: vec![0; Self::BINS] }
    }

    pub(super) fn count(&mut self, value: f64) {
        let width = self.high - self.low;
        let share = if width > 0.0 { (value - self.low) / width } else { 0.0 };
        // The largest value belongs to the last bin; casting saturates.
        let bin = ((share * Self::BINS as f64) as usize).min(Self::BINS - 1);
        self.bins[bin] += 1;
    }
}

/// What a run says about itself.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The columns of the result.
    pub schema: Schema,
    /// The numeric columns a scenario can use, in the order in which rows carry them.
    pub numbers: Vec<String>,
    /// Rows of the result.
    pub rows: u64,
    /// Rows that were done by an earlier run.
    pub resumed: u64,
    /// Rows with an error, by code.
    pub failed: BTreeMap<String, u64>,
    /// Rows that crossed a cut-off.
    pub flagged: u64,
    /// Rows with a structural alert.
    pub alerted: u64,
    /// The best molecules, best first.
    pub hits: Vec<Hit>,
    /// Distributions of the numeric columns.
    pub histograms: Vec<Histogram>,
    /// Rows this run screened, and the time its stages took.
    pub screened: u64,
    /// Time in each stage.
    pub times: StageTimes,
    /// Time from start to finish of the belt.
    pub belt: Duration,
    /// Time of ranking and writing.
    pub writing: Duration,
    /// Properties of the scenario that were left out because their models were not run.
    pub left_out: Vec<String>,
}

impl Summary {
    /// Rows without an error.
    #[must_use]
    pub fn good(&self) -> u64 {
        self.rows - self.failed.values().sum::<u64>()
    }

    /// Molecules per second while the belt ran.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.screened as f64 / self.belt.as_secs_f64().max(1e-9)
    }
}
