//! Scenarios: a task of a mine or plant as data. A TOML file names the model, its thresholds, the rules
//! that make events of what it finds, and the sample it can be tried on.
//!
//! The built-in ones are embedded in the program; a user's own file is read in the same way.

mod check;
mod file;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use file::{AnomalyTask, DetectTask, Mode, Scenario, Tiling};

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// Neither a built-in name nor a file.
    #[error("there is no scenario {name:?}: give a file, or one of {}", built_in_names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of the file is wrong.
    #[error("{origin}:{line}:{column}: {message}")]
    Invalid {
        /// The file, or the built-in's name.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, and what to do.
        message: String,
    },
}

const BUILT_IN: [(&str, &str); 5] = [
    ("belt-damage", include_str!("../../scenarios/belt-damage.toml")),
    ("belt-deviation", include_str!("../../scenarios/belt-deviation.toml")),
    ("foreign-object", include_str!("../../scenarios/foreign-object.toml")),
    ("ppe-zone", include_str!("../../scenarios/ppe-zone.toml")),
    ("surface-anomaly", include_str!("../../scenarios/surface-anomaly.toml")),
];

/// Names of the built-in scenarios.
#[must_use]
pub fn built_in_names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// A scenario and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the file says.
    pub scenario: Scenario,
    /// The file, or the built-in's name with `.toml`.
    pub origin: String,
    /// The text, for messages that name a line.
    text: String,
}

impl Loaded {
    /// Loads a built-in scenario by its name, or a file.
    ///
    /// # Errors
    /// [`ScenarioError`], with file and line.
    pub fn find(name_or_file: &str) -> Result<Self, ScenarioError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
            return Self::parse(text, &format!("{name}.toml"));
        }
        let path = Path::new(name_or_file);
        if !path.exists() && !name_or_file.contains(['/', '.']) {
            return Err(ScenarioError::Unknown { name: name_or_file.to_owned() });
        }
        Self::read(path)
    }

    /// Reads and checks a scenario's file.
    ///
    /// # Errors
    /// [`ScenarioError`], with file and line.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Io { path: path.to_path_buf(), source })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Parses and checks a scenario's text.
    ///
    /// # Errors
    /// [`ScenarioError::Invalid`], with file and line.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ScenarioError> {
        let scenario = toml::from_str::<Scenario>(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            invalid(text, origin, at, error.message().to_owned())
        })?;
        let loaded = Self { scenario, origin: origin.to_owned(), text: text.to_owned() };
        check::check(&loaded)?;
        Ok(loaded)
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text: what identifies the scenario in a result's provenance.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(self.text.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// An error at the first place where `needle` is in the text.
    pub(crate) fn invalid_at(&self, needle: &str, message: impl Into<String>) -> ScenarioError {
        let at = self.text.find(needle).unwrap_or(0);
        invalid(&self.text, &self.origin, at, message.into())
    }
}

fn invalid(text: &str, origin: &str, at: usize, message: String) -> ScenarioError {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ScenarioError::Invalid {
        origin: origin.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
        message,
    }
}
