//! Where fields come from: a file that was scanned, whose values are read when they are asked for.

use std::path::{Path, PathBuf};

use crate::field::{Field, Header};

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is none of the formats that are read.
    #[error("{}: {why}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it is, and what is read.
        why: String,
    },
    /// One message, variable or chunk of the file is broken or not supported.
    #[error("{}: {place}: {why}", path.display())]
    Part {
        /// The file.
        path: PathBuf,
        /// Which part, as in `message 3` or `variable t`.
        place: String,
        /// What is wrong.
        why: String,
    },
}

impl ReadError {
    /// The file, or what of a store of several files.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. } | Self::Format { path, .. } | Self::Part { path, .. } => path,
        }
    }
}

/// What bounds the reading of a file from outside.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Points of one field.
    pub points: usize,
    /// Fields of one file.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { points: 1 << 27, fields: 1 << 22 }
    }
}

/// Fields of a file.
pub trait Source: Send + Sync {
    /// `grib`, `netcdf`, `zarr`, `npy`.
    fn format(&self) -> &'static str;

    /// What the fields are, in the file's order.
    fn headers(&self) -> &[Header];

    /// Parts that could not be understood, each named; the rest is read.
    fn notes(&self) -> &[String];

    /// The values of a field, one a point of its grid, NaN where missing.
    ///
    /// # Errors
    /// [`ReadError`] names the part.
    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError>;

    /// Header and values of a field.
    ///
    /// # Errors
    /// [`ReadError`] names the part.
    fn field(&self, index: usize) -> Result<Field, ReadError> {
        let values = self.values(index)?;
        Ok(Field { header: self.headers()[index].clone(), values })
    }
}
