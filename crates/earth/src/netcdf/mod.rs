//! NetCDF: classic files (CDF-1, CDF-2, CDF-5) and NetCDF-4 (HDF5) are read, NetCDF-4 is written.
//!
//! Reading goes through `netcdf-reader`, pure Rust: files from outside are parsed without a C library, and what a file claims is
//! bounded before memory is taken. Files are read by position, never mapped: a file that is cut short while it is read is an
//! error, not a signal.

mod filters;
mod read;
mod seal;
mod write;

pub use read::open;
pub use write::{Options, Writer};
