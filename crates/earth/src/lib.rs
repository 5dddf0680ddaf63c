//! Weather kit: analyses in GRIB, NetCDF, Zarr and NumPy in; grids, metrics, tracks and rollouts; forecasts out.
//! Pure: no network, no clock. Models run through `strata-core` behind the feature `models`.

pub mod align;
pub mod calculus;
pub mod card;
pub mod climatology;
mod cube;
pub mod derive;
pub mod field;
pub mod gate;
pub mod grib;
pub mod grid;
pub mod level;
pub mod memory_source;
pub mod metrics;
pub mod netcdf;
pub mod npy;
mod open;
pub mod per_step;
#[cfg(feature = "plot")]
pub mod plot;
pub mod raw;
pub mod regrid;
#[cfg(feature = "models")]
pub mod rollout;
pub mod sink;
pub mod source;
#[cfg(feature = "models")]
pub mod split;
pub mod state;
pub mod time;
pub mod track;
pub mod variable;
pub mod zarr;

pub use open::open;
