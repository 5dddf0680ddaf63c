//! How predictions compare with those of a reference set: percentiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::verify::{Limits, VerifyError, read_file};

use super::{Predictor, hex};

/// File name, without its ending, of ADMET-AI's own reference set, whose percentiles have its name.
const DRUGBANK: &str = "drugbank_approved";

/// Why a reference set cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The file cannot be read.
    #[error("cannot read the reference set {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no table of predictions.
    #[error(
        "the reference set {name} is not usable: {why}; it must be a CSV file with a column of numbers for each endpoint"
    )]
    Table {
        /// The file.
        name: String,
        /// Why not.
        why: String,
    },
    /// A model's file is not what its card says.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Which reference set, for the provenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferenceStamp {
    /// Its file name.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Rows of the file.
    pub rows: usize,
}

/// Predictions for a reference set, by endpoint, ascending.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Which it is.
    pub stamp: ReferenceStamp,
    suffix: &'static str,
    sorted: BTreeMap<String, Vec<f64>>,
}

impl Reference {
    /// Reads a table of predictions: a header, then a row a molecule. Columns of text are passed over.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn open(path: &Path) -> Result<Self, ReferenceError> {
        let bytes = std::fs::read(path)
            .map_err(|source| ReferenceError::Io { path: path.to_path_buf(), source })?;
        Self::parse(&path.file_name().unwrap_or_default().to_string_lossy(), &bytes)
    }

    /// The reference set that comes with a model, where its card names one: `[postprocess] reference`.
    pub(super) fn of_card(
        card: &ModelCard,
        search: &SearchPath,
    ) -> Result<Option<Self>, ReferenceError> {
        let Some(file) = card.postprocess.get("reference").and_then(toml::Value::as_str) else {
            return Ok(None);
        };
        let read = read_file(card, file, search, &Limits::default())?;
        Self::parse(file, &read.shared()).map(Some)
    }

    fn parse(name: &str, bytes: &[u8]) -> Result<Self, ReferenceError> {
        let broken = |why: String| ReferenceError::Table { name: name.to_owned(), why };
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().map_err(|error| broken(error.to_string()))?.clone();
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); header.len()];
        let mut rows = 0;
        for record in reader.records() {
            let record = record.map_err(|error| broken(error.to_string()))?;
            rows += 1;
            for (values, cell) in columns.iter_mut().zip(&record) {
                values.extend(cell.trim().parse::<f64>().ok().filter(|value| value.is_finite()));
            }
        }
        if rows == 0 {
            return Err(broken("it has no rows".to_owned()));
        }
        let mut sorted = BTreeMap::new();
        for (name, mut values) in header.iter().zip(columns).filter(|(_, v)| !v.is_empty()) {
            values.sort_by(f64::total_cmp);
            sorted.insert(name.to_owned(), values);
        }
        let stem = Path::new(name).file_stem().unwrap_or_default();
        let suffix =
            if stem == DRUGBANK { "drugbank_approved_percentile" } else { "reference_percentile" };
        let sha256 = hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes));
        Ok(Self { stamp: ReferenceStamp { name: name.to_owned(), sha256, rows }, suffix, sorted })
    }

    /// Refuses a set that says nothing of what the models predict.
    pub(super) fn check(&self, models: &[Box<dyn Predictor>]) -> Result<(), ReferenceError> {
        let mut endpoints = models.iter().flat_map(|model| model.endpoints());
        if endpoints.any(|known| self.sorted.contains_key(&known.endpoint.name)) {
            return Ok(());
        }
        let why = "none of its columns is an endpoint of the models that are run".to_owned();
        Err(ReferenceError::Table { name: self.stamp.name.clone(), why })
    }

    /// The column of an endpoint's percentile, where the set has the endpoint.
    #[must_use]
    pub fn column(&self, endpoint: &str) -> Option<String> {
        self.sorted.contains_key(endpoint).then(|| format!("{endpoint}_{}", self.suffix))
    }

    /// Per cent of the set that lies below a value, what equals it counted half (the mean of the weak and the
    /// strict percentile rank).
    #[must_use]
    pub fn percentile(&self, endpoint: &str, value: f64) -> Option<f64> {
        let sorted = self.sorted.get(endpoint).filter(|_| value.is_finite())?;
        let below = sorted.partition_point(|&known| known < value);
        let up_to = sorted.partition_point(|&known| known <= value);
        let equal = usize::from(up_to > below);
        Some((below + up_to + equal) as f64 * 50.0 / sorted.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_scipys() {
        let set = Reference::parse("reference.csv", b"smiles,hERG,x\nC,1,a\nN,2,b\nO,3,\nF,4,7\n")
            .unwrap();
        assert_eq!(set.stamp.rows, 4);
        // scipy.stats.percentileofscore([1, 2, 3, 4], v)
        for (value, expected) in [(0.0, 0.0), (2.5, 50.0), (3.0, 75.0), (4.0, 100.0), (9.0, 100.0)]
        {
            assert_eq!(set.percentile("hERG", value), Some(expected), "{value}");
        }
        assert_eq!(set.column("hERG").unwrap(), "hERG_reference_percentile");
        assert_eq!(set.column("smiles"), None);
        assert_eq!(set.percentile("DILI", 1.0), None);
        let named = Reference::parse("drugbank_approved.csv", b"hERG\n1\n").unwrap();
        assert_eq!(named.column("hERG").unwrap(), "hERG_drugbank_approved_percentile");
        assert!(Reference::parse("x.csv", b"hERG\n").unwrap_err().to_string().contains("no rows"));
    }
}
