//! Where fields go: a file that is written as a forecast runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::field::Header;
use crate::grid::Grid;
use crate::level::Level;
use crate::time::Time;

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The disk refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The format cannot hold it, or it is none of what was announced.
    #[error("{}: {why}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// A variable that will be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Short name.
    pub variable: String,
    /// Unit of its values.
    pub unit: String,
    /// Its levels: several pressures from the ground up, or the one it has.
    pub levels: Vec<Level>,
}

/// All that will be written, told before the first field: files with a fixed shape need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Points.
    pub grid: Arc<Grid>,
    /// When the forecast begins.
    pub reference: Time,
    /// Steps, in seconds, ascending.
    pub steps: Vec<i64>,
    /// Members of an ensemble; none for one forecast.
    pub members: Option<u32>,
    /// Variables.
    pub variables: Vec<Planned>,
    /// Metadata of the file: model, planet, provenance.
    pub attributes: BTreeMap<String, String>,
}

/// A file that takes fields, in any order of steps (a schedule of several models does not give them in the order of time).
pub trait Sink: Send {
    /// Takes a field's values, one a point.
    ///
    /// # Errors
    /// [`WriteError`] where the plan has no such field, or the disk refuses.
    fn write(&mut self, header: &Header, values: &[f32]) -> Result<(), WriteError>;

    /// Whether a field is in the file already: what a run that goes on need not give again.
    fn has(&self, _header: &Header) -> bool {
        false
    }

    /// Brings everything that was taken to the disk; what was written so far can be read.
    ///
    /// # Errors
    /// [`WriteError`]
    fn flush(&mut self) -> Result<(), WriteError>;

    /// Ends the file.
    ///
    /// # Errors
    /// [`WriteError`]
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}
