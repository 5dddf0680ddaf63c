//! Files of a forecast, by their name's ending.

use std::path::Path;

use anyhow::bail;
use strata_earth::card::EARTH;
use strata_earth::grib::{Bits, PartFile};
use strata_earth::per_step;
use strata_earth::raw::RawSink;
use strata_earth::sink::{Plan, Sink, WriteError};
use strata_earth::{netcdf, zarr};

/// Endings and what they stand for.
#[must_use]
pub fn formats() -> &'static [(&'static str, &'static str)] {
    &[
        ("nc", "NetCDF-4"),
        ("zarr", "Zarr v3, a chunk a map"),
        ("series.zarr", "Zarr v3, chunks of all steps, for points"),
        ("grib", "GRIB 2"),
        ("grib2", "GRIB 2"),
        ("npy", "NumPy array with a description in JSON"),
    ]
}

fn ending(path: &str) -> Option<&'static str> {
    let known = formats().iter().map(|(ending, _)| *ending);
    known.filter(|ending| path.ends_with(&format!(".{ending}"))).max_by_key(|ending| ending.len())
}

/// Refuses what cannot be written, before anything is read.
pub(crate) fn check(path: &str) -> anyhow::Result<()> {
    if ending(path).is_some() {
        return Ok(());
    }
    let known: Vec<String> =
        formats().iter().map(|(ending, what)| format!(".{ending} ({what})")).collect();
    bail!("{path}: no format has this ending; those written are {}", known.join(", "))
}

/// Opens the file, or a file a step, of a plan.
///
/// # Errors
/// [`WriteError`]
pub fn open(path: &str, plan: &Plan, resume: bool) -> Result<Box<dyn Sink>, WriteError> {
    per_step::open(path, plan, Box::new(one), resume)
}

/// Opens one file.
fn one(path: &Path, plan: &Plan, resume: bool) -> Result<Box<dyn Sink>, WriteError> {
    let name = path.to_string_lossy();
    Ok(match ending(&name) {
        Some("nc") => {
            let options = netcdf::Options::default();
            match resume {
                true => Box::new(netcdf::Writer::resume(path, plan, options)?),
                false => Box::new(netcdf::Writer::create(path, plan, options)?),
            }
        }
        Some(kind @ ("zarr" | "series.zarr")) => {
            let mut options = zarr::Options::default();
            if kind == "series.zarr" {
                options.chunking = zarr::Chunking::Series(TILE);
            }
            match resume {
                true => Box::new(zarr::Writer::resume(path, plan, options)?),
                false => Box::new(zarr::Writer::create(path, plan, options)?),
            }
        }
        Some("grib" | "grib2") => {
            if plan.attributes.get("planet").is_some_and(|planet| planet != EARTH) {
                let why = "GRIB cannot say that these are fields of another planet than the Earth; write NetCDF or Zarr";
                return Err(WriteError::Unfit { path: path.to_owned(), why: why.to_owned() });
            }
            Box::new(PartFile::create(path, plan.clone(), Bits::ByRange, resume)?)
        }
        _ => Box::new(RawSink::create(path, plan, resume)?),
    })
}

/// Rows and columns of a chunk of time series.
const TILE: usize = 16;
