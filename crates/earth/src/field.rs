//! A field: what it is of, where, when, and its values.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::grid::Grid;
use crate::level::Level;
use crate::time::Time;

/// What a field is: everything but its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Short name after ECMWF (`t`, `z`, `u`, `2t`, `msl`), or the file's own name where it is none of those known.
    pub variable: String,
    /// Level.
    pub level: Level,
    /// When the forecast began, or the analysis was.
    pub reference: Time,
    /// Seconds from then to when it holds.
    pub step: i64,
    /// Member of an ensemble.
    pub member: Option<u32>,
    /// Unit of the values, as in the file.
    pub unit: String,
    /// Points.
    pub grid: Arc<Grid>,
    /// What else the file says of it: `centre`, `planet`, `packing`, a name in the file.
    pub attributes: BTreeMap<String, String>,
}

impl Header {
    /// When it holds.
    #[must_use]
    pub fn valid(&self) -> Time {
        self.reference + self.step
    }
}

/// A field with its values, one a point in the order of the grid; missing points are NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// What it is.
    pub header: Header,
    /// Values, in the header's unit.
    pub values: Vec<f32>,
}
