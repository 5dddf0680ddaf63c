//! A file of named arrays as a source of fields.

use std::path::{Path, PathBuf};

use crate::field::Header;
use crate::source::{Limits, ReadError, Source};

use super::fields::{self, Found};
use super::{Store, Variable};

/// A file of named arrays, and the fields found in it.
pub(crate) struct Cube<S> {
    store: S,
    path: PathBuf,
    format: &'static str,
    found: Found,
}

impl<S: Store> Cube<S> {
    /// Finds the fields of a file.
    ///
    /// # Errors
    /// [`ReadError::Format`] where it holds none; what cannot be read of several is told by [`Source::notes`].
    pub(crate) fn new(
        store: S,
        path: &Path,
        format: &'static str,
        limits: &Limits,
    ) -> Result<Self, ReadError> {
        let found = fields::find(&store, limits);
        if found.headers.is_empty() {
            let notes =
                if found.notes.is_empty() { "it is empty" } else { &found.notes.join("; ") };
            let why = format!("no field with latitudes and longitudes was found: {notes}");
            return Err(ReadError::Format { path: path.to_owned(), why });
        }
        Ok(Self { store, path: path.to_owned(), format, found })
    }

    fn read(&self, index: usize) -> Result<Vec<f32>, String> {
        let place =
            self.found.places.get(index).ok_or_else(|| format!("there is no field {index}"))?;
        let shape = &self.found.shapes[place.shape as usize];
        let mut merged: Option<Vec<f32>> = None;
        for (start, count) in shape.blocks(place.at) {
            let numbers = self.store.read(shape.variable, &start, &count)?;
            let values = shape.in_order(shape.packing.values(numbers))?;
            match &mut merged {
                None => merged = Some(values),
                Some(merged) => merged
                    .iter_mut()
                    .zip(values)
                    .filter(|(kept, _)| kept.is_nan())
                    .for_each(|(kept, value)| *kept = value),
            }
        }
        merged.ok_or_else(|| "it has no values".to_owned())
    }

    fn variable(&self, index: usize) -> Option<&Variable> {
        let place = self.found.places.get(index)?;
        self.store.variables().get(self.found.shapes.get(place.shape as usize)?.variable)
    }
}

impl<S: Store> Source for Cube<S> {
    fn format(&self) -> &'static str {
        self.format
    }

    fn headers(&self) -> &[Header] {
        &self.found.headers
    }

    fn notes(&self) -> &[String] {
        &self.found.notes
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        self.read(index).map_err(|why| {
            let name = self.variable(index).map_or("", |variable| &variable.name);
            ReadError::Part { path: self.path.clone(), place: format!("variable {name}"), why }
        })
    }
}
