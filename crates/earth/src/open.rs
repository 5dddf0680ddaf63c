//! Opening of a file of whatever format, told by how it begins.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::source::{Limits, ReadError, Source};
use crate::{grib, netcdf, raw, zarr};

/// Opens a file of fields: GRIB, NetCDF, a plain array with its description, or a folder with a Zarr store.
///
/// # Errors
/// [`ReadError`]: the file cannot be read, or is of none of these formats (the error tells which it seems to be).
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>, ReadError> {
    let wrong = |why: &str| Err(ReadError::Format { path: path.to_owned(), why: why.to_owned() });
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(io)?.is_dir() {
        let marks = ["zarr.json", ".zgroup", ".zmetadata"];
        return match marks.iter().any(|mark| path.join(mark).is_file()) {
            true => Ok(Box::new(zarr::open(path, limits)?)),
            false => {
                wrong("the folder is no Zarr store: it has no zarr.json, .zgroup or .zmetadata")
            }
        };
    }
    let mut magic = [0; 8];
    let mut file = File::open(path).map_err(io)?;
    let mut have = 0;
    while have < magic.len() {
        match file.read(&mut magic[have..]).map_err(io)? {
            0 => break,
            more => have += more,
        }
    }
    match &magic[..have] {
        b"\x89HDF\r\n\x1a\n" | [b'C', b'D', b'F', 1 | 2 | 5, ..] => {
            Ok(Box::new(netcdf::open(path, limits)?))
        }
        [b'G', b'R', b'I', b'B', ..] => {
            Ok(Box::new(grib::Eastward::new(grib::open(path, limits)?)))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] if raw::side(path).is_file() => {
            Ok(Box::new(raw::open(path, limits)?))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] | [b'P', b'K', 3 | 5, ..] => wrong(
            "an array of NumPy names no variable, level or time: it is read with the card of the model that it is for",
        ),
        [] => wrong("the file is empty"),
        // A user block may stand before HDF5, and anything before GRIB.
        _ if path.extension().is_some_and(|end| {
            ["grib", "grb", "grib2", "grb2", "grib1", "grb1"].iter().any(|known| end == *known)
        }) =>
        {
            Ok(Box::new(grib::Eastward::new(grib::open(path, limits)?)))
        }
        _ if path.extension().is_some_and(|end| end == "nc" || end == "nc4" || end == "h5") => {
            Ok(Box::new(netcdf::open(path, limits)?))
        }
        _ => wrong("it is none of the formats that are read: NetCDF, Zarr, GRIB"),
    }
}
