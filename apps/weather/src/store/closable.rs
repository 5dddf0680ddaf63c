//! A file whose headers are kept and which is opened again when its values are asked for.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use strata_earth::field::Header;
use strata_earth::source::{Limits, ReadError, Source};

use super::lock;

/// A source that can be closed without forgetting what it holds.
pub(super) struct Closable {
    path: PathBuf,
    format: &'static str,
    headers: Vec<Header>,
    notes: Vec<String>,
    open: Mutex<Option<Arc<dyn Source>>>,
}

impl Closable {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let source: Arc<dyn Source> = open(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            format: source.format(),
            headers: source.headers().to_vec(),
            notes: source.notes().to_vec(),
            open: Mutex::new(Some(source)),
        })
    }

    /// Closes the file until values are asked for; who reads now goes on.
    pub(super) fn close(&self) {
        *lock(&self.open) = None;
    }

    #[cfg(test)]
    pub(super) fn is_open(&self) -> bool {
        lock(&self.open).is_some()
    }

    /// The open file, which must hold the fields that it held.
    fn opened(&self) -> Result<Arc<dyn Source>, ReadError> {
        let mut slot = lock(&self.open);
        if let Some(source) = &*slot {
            return Ok(Arc::clone(source));
        }
        let refused = |why: String| ReadError::Format { path: self.path.clone(), why };
        let source = open(&self.path).map_err(|error| refused(format!("{error:#}")))?;
        if source.headers() != self.headers {
            return Err(refused("it holds other fields than before".to_owned()));
        }
        *slot = Some(Arc::clone(&source));
        Ok(source)
    }
}

fn open(path: &Path) -> anyhow::Result<Arc<dyn Source>> {
    Ok(Arc::from(crate::forecast::open_input(path, &Limits::default())?))
}

impl Source for Closable {
    fn format(&self) -> &'static str {
        self.format
    }

    fn headers(&self) -> &[Header] {
        &self.headers
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        self.opened()?.values(index)
    }
}
