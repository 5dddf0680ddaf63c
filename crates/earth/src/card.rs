//! The part of a model's card that says how a state goes into a weather model and comes out of it.

use serde::Deserialize;
#[cfg(feature = "models")]
use strata_core::card::ModelCard;

/// What `[preprocess] kit` says of a card of a weather model.
pub const KIT: &str = "earth/1";

/// What `[preprocess] kit` says of the second and further parts of a model that was cut.
pub const PART_KIT: &str = "earth-part/1";

/// The planet of analyses of the real atmosphere.
pub const EARTH: &str = "earth";

/// `[preprocess]` of a card.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// [`KIT`].
    pub kit: String,
    /// Models of one family are scheduled together.
    pub family: String,
    /// Whose atmosphere it is a model of; states of another are refused.
    pub planet: String,
    /// Hours from input to output.
    pub step_hours: u32,
    /// Points.
    pub grid: GridSpec,
    /// Inputs and the outputs that follow them.
    pub ports: Vec<Port>,
    /// Models that the graph goes on in, in order, where it was cut into parts; their cards lie beside this one's.
    #[serde(default)]
    pub parts: Vec<String>,
}

/// A global grid, north to south, from 0 E eastwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridSpec {
    /// `regular` or `gaussian`.
    pub kind: GridSpecKind,
    /// Rows.
    pub latitudes: usize,
    /// Columns.
    pub longitudes: usize,
}

/// Kind of a model's grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GridSpecKind {
    /// Equal steps; the poles are rows where the number of rows is odd.
    Regular,
    /// Gaussian latitudes.
    Gaussian,
}

/// One tensor of the state.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The graph's input.
    pub input: String,
    /// The graph's output that has the same shape, a step later.
    pub output: String,
    /// Order of its axes.
    pub axes: Vec<Axis>,
    /// Short names along the axis of variables, in SI units.
    pub variables: Vec<String>,
    /// Pressures in hPa along the axis of levels; empty where it has none.
    #[serde(default)]
    pub levels: Vec<f64>,
}

/// An axis of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// One state.
    Batch,
    /// Variables.
    Variable,
    /// Levels.
    Level,
    /// Rows.
    Latitude,
    /// Columns.
    Longitude,
}

/// Whether a card describes a weather model.
#[cfg(feature = "models")]
#[must_use]
pub fn is_model(card: &ModelCard) -> bool {
    card.preprocess.get("kit").and_then(|kit| kit.as_str()) == Some(KIT)
}
