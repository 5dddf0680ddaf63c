//! Where a result comes from: written into Parquet files and beside CSV files. Holds nothing that
//! changes from run to run (no times, no paths), so that equal runs give equal files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use strata_core::provenance::{Featuriser, Provenance as ModelProvenance, STRATA_VERSION};
use strata_core::stream::Identity;

use crate::output::Schema;
use crate::scenario::Loaded;

use super::ReferenceStamp;
use super::models::LoadedModels;

/// Where a result comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    /// Version of the program.
    pub strata: String,
    /// The scenario.
    pub scenario: ScenarioStamp,
    /// The models, in the order of their columns.
    pub models: Vec<ModelProvenance>,
    /// What made their features.
    pub featurisers: Vec<Featuriser>,
    /// Reference sets of the percentiles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<ReferenceStamp>,
    /// Molecules of the models' training domains, searched for `nn_tanimoto`.
    pub domain_molecules: usize,
    /// The input.
    pub input: InputStamp,
    /// Rows of the result.
    pub rows: u64,
    /// Rows without an error.
    pub good: u64,
    /// Rows with an error, by code.
    pub failed: BTreeMap<String, u64>,
}

/// Which scenario.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioStamp {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its text.
    pub sha256: String,
}

/// Which input.
#[derive(Debug, Clone, Serialize)]
pub struct InputStamp {
    /// Its file name.
    pub name: String,
    /// SHA-256 over its rows as they were read.
    pub rows_sha256: String,
}

impl Provenance {
    pub(super) fn new(loaded: &Loaded, models: &LoadedModels, input: &Path) -> Self {
        Self {
            strata: STRATA_VERSION.to_owned(),
            scenario: ScenarioStamp {
                name: loaded.scenario.name.clone(),
                version: loaded.scenario.version.clone(),
                sha256: loaded.digest(),
            },
            models: models.predictors.iter().map(|model| (*model.provenance()).clone()).collect(),
            featurisers: models.stamps.clone(),
            references: models.references.iter().map(|set| set.stamp.clone()).collect(),
            domain_molecules: models.domain_size(),
            input: InputStamp {
                name: input.file_name().unwrap_or(input.as_os_str()).to_string_lossy().into_owned(),
                rows_sha256: String::new(),
            },
            rows: 0,
            good: 0,
            failed: BTreeMap::new(),
        }
    }

    /// What must be the same for an unfinished run to be resumed.
    pub(super) fn identity(&self, schema: &Schema, chunk: usize) -> Identity {
        let columns: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
        let mut identity = Identity::new();
        let mut insert = |key: &str, value: String| identity.insert(key.to_owned(), value);
        insert("version of strata", self.strata.clone());
        insert("scenario", format!("{} {}", self.scenario.name, self.scenario.sha256));
        insert("columns", columns.join(","));
        insert("chunk", chunk.to_string());
        for model in &self.models {
            let text = format!("{} {} {}", model.sha256, model.onnx_runtime, model.provider);
            insert(&format!("model {}", model.model), text);
        }
        for set in &self.references {
            insert(&format!("reference set {}", set.name), set.sha256.clone());
        }
        for featuriser in &self.featurisers {
            insert(&format!("featuriser {}", featuriser.id), featuriser.hash.clone());
        }
        identity
    }

    /// As JSON for people and programs.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising plain strings and numbers cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
