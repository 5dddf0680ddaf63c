//! Metrics of forecasts: weights and regions, deterministic and probabilistic scores, spectra, series over times and bootstrap
//! intervals. Definitions follow WeatherBench 2 (Rasp et al., 2024, doi:10.1029/2023MS004019) unless a function says otherwise.
//!
//! A field comes in, a few numbers of one time come out ([`deterministic::scores`], [`ensemble::scores`]); a
//! [`series::Series`] gathers those numbers over times. No field outlives its call. Fields are `f32`, sums are `f64`.

pub mod area;
pub mod bootstrap;
pub mod deterministic;
pub mod ensemble;
pub mod region;
pub mod seeps;
pub mod series;
pub mod spectrum;
mod wide;

/// What becomes of missing values (NaN).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// Points that are missing in the forecast or the truth (or the climatology, for anomalies) are left out and the weights of
    /// the rest are normalised: xarray's `skipna=True`. Means over times leave out times without a number.
    #[default]
    Skip,
    /// One missing point makes the number of that time missing: `skipna=False`, WeatherBench 2's default.
    Propagate,
}

/// Why there is no score.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Fields of different sizes.
    #[error("{what} has {found} values, the grid has {expected} points")]
    Size {
        /// Which field.
        what: &'static str,
        /// Its values.
        found: usize,
        /// The grid's points.
        expected: usize,
    },
    /// A grid for which the weights are not defined.
    #[error("no area weights for a grid of {kind}: {remedy}")]
    Grid {
        /// The grid.
        kind: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A region without a point of the grid.
    #[error("region {region} has no point of the grid {grid}")]
    Empty {
        /// The region.
        region: String,
        /// The grid.
        grid: String,
    },
    /// Text that is no region.
    #[error(
        "{text:?} is no region: write one of {known}, or a box NORTH/WEST/SOUTH/EAST in degrees"
    )]
    Region {
        /// What was read.
        text: String,
        /// Names.
        known: String,
    },
    /// No member.
    #[error("an ensemble needs at least one member")]
    NoMember,
}

/// Checks a field's size.
fn fits(what: &'static str, found: usize, expected: usize) -> Result<(), MetricError> {
    if found == expected { Ok(()) } else { Err(MetricError::Size { what, found, expected }) }
}
