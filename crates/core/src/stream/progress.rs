//! How a run tells how far it is.

/// How far a run is. Sent after every chunk written.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Update {
    /// Rows done, those of an earlier, interrupted run included.
    pub rows: u64,
    /// Rows that were done before this run started.
    pub resumed: u64,
    /// Rows with an error.
    pub failed: u64,
    /// How much of the source is consumed, from 0 to 1, where the source can tell.
    pub fraction: Option<f64>,
}

/// Hears how far a run is.
pub trait Progress {
    /// Called after every chunk, and once when rows of an earlier run were skipped.
    fn update(&mut self, update: &Update);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn update(&mut self, _: &Update) {}
}
