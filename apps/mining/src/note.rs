//! Provenance beside a result: `RESULT.provenance.json` says what it was made with, so that it can be explained years later.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use strata_cli::atomic::write_whole;
use strata_core::provenance::{Provenance, STRATA_VERSION};
use strata_core::stream::Tally;
use strata_vision::bank::AnyBank;

use crate::scenario::Loaded;

/// Where a result comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Note {
    /// Version of Strata.
    pub strata: &'static str,
    /// The model, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Provenance>,
    /// The scenario, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioNote>,
    /// The bank, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank: Option<BankNote>,
    /// Thresholds and other settings.
    pub settings: serde_json::Value,
    /// What was looked at.
    pub source: String,
    /// Pictures.
    pub pictures: u64,
    /// Of these, those with an error, by code.
    pub failed: BTreeMap<String, u64>,
    /// SHA-256 over the pictures' names and bytes.
    pub pictures_sha256: String,
}

/// A scenario, in a note.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioNote {
    name: String,
    version: String,
    sha256: String,
}

/// A bank, in a note.
#[derive(Debug, Clone, Serialize)]
pub struct BankNote {
    file: String,
    normals: usize,
    vectors: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f32>,
}

impl Note {
    /// A note of a run over a source, without model, scenario and bank.
    #[must_use]
    pub fn new(source: &str, tally: &Tally, digest: &[u8; 32]) -> Self {
        Self {
            strata: STRATA_VERSION,
            model: None,
            scenario: None,
            bank: None,
            settings: serde_json::Value::Null,
            source: source.to_owned(),
            pictures: tally.rows,
            failed: tally.failed.clone(),
            pictures_sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// With the scenario of a name or file.
    ///
    /// # Errors
    /// As [`Loaded::find`].
    pub fn with_scenario(
        mut self,
        name: Option<&str>,
    ) -> Result<Self, crate::scenario::ScenarioError> {
        let loaded = name.map(Loaded::find).transpose()?;
        self.scenario = loaded.map(|loaded| ScenarioNote {
            name: loaded.scenario.name.clone(),
            version: loaded.scenario.version.clone(),
            sha256: loaded.digest(),
        });
        Ok(self)
    }

    /// With a bank.
    #[must_use]
    pub fn with_bank(mut self, file: &Path, bank: &AnyBank) -> Self {
        let stats = bank.stats();
        self.bank = Some(BankNote {
            file: file.display().to_string(),
            normals: stats.images,
            vectors: stats.vectors,
            threshold: bank.calibration().map(|calibration| calibration.threshold),
        });
        self
    }

    /// Writes it beside a result.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_beside(&self, result: &Path) -> std::io::Result<()> {
        let mut path = result.as_os_str().to_owned();
        path.push(".provenance.json");
        let text = serde_json::to_string_pretty(self)? + "\n";
        write_whole(&PathBuf::from(path), text.as_bytes())
    }
}
