//! Scenarios: an industry's task as data. A TOML file names the models, their thresholds, rules and outputs; the built-in
//! ones are embedded in a program, and a user's own file is read in the same way. What a file may hold is the application's.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The format of an application's scenarios.
pub trait Format: DeserializeOwned {
    /// The built-in scenarios: name and text.
    const BUILT_IN: &'static [(&'static str, &'static str)];

    /// Its name: what commands and requests call it.
    fn name(&self) -> &str;

    /// Checks what the format alone does not say.
    ///
    /// # Errors
    /// [`Loaded::invalid`], at the place in the file.
    fn check(loaded: &Loaded<Self>) -> Result<(), ScenarioError>;
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// Neither a built-in name nor a file.
    #[error("there is no scenario {name:?}: give a file, or one of {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The built-in names.
        known: Vec<&'static str>,
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

/// Names of the built-in scenarios.
#[must_use]
pub fn built_in_names<S: Format>() -> Vec<&'static str> {
    S::BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// The built-in scenarios and those of the files, for a server.
///
/// # Errors
/// The first that cannot be used, or the second of a name.
pub fn all<S: Format>(files: &[PathBuf]) -> Result<Vec<Loaded<S>>, ScenarioError> {
    let built_in = built_in_names::<S>().into_iter().map(Loaded::<S>::find);
    let mut scenarios: Vec<Loaded<S>> = Vec::new();
    for loaded in built_in.chain(files.iter().map(|file| Loaded::read(file))) {
        let loaded = loaded?;
        let name = loaded.scenario.name();
        if let Some(known) = scenarios.iter().find(|known| known.scenario.name() == name) {
            let message =
                format!("{name:?} is the name of {} already; choose another", known.origin);
            return Err(loaded.invalid_at("name", message));
        }
        scenarios.push(loaded);
    }
    Ok(scenarios)
}

/// A scenario and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded<S> {
    /// What the file says.
    pub scenario: S,
    /// The file, or the built-in's name with `.toml`.
    pub origin: String,
    /// The text, for messages that name a line.
    text: String,
}

impl<S: Format> Loaded<S> {
    /// Loads a built-in scenario by its name, or a file.
    ///
    /// # Errors
    /// [`ScenarioError`], with file and line.
    pub fn find(name_or_file: &str) -> Result<Self, ScenarioError> {
        if let Some((name, text)) = S::BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
            return Self::parse(text, &format!("{name}.toml"));
        }
        let path = Path::new(name_or_file);
        if !path.exists() && !name_or_file.contains(['/', '.']) {
            let (name, known) = (name_or_file.to_owned(), built_in_names::<S>());
            return Err(ScenarioError::Unknown { name, known });
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
        let scenario = toml::from_str::<S>(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            invalid(text, origin, at, error.message().to_owned())
        })?;
        let loaded = Self { scenario, origin: origin.to_owned(), text: text.to_owned() };
        S::check(&loaded)?;
        Ok(loaded)
    }
}

impl<S> Loaded<S> {
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

    /// An error at a byte of the text.
    pub fn invalid(&self, at: usize, message: impl Into<String>) -> ScenarioError {
        invalid(&self.text, &self.origin, at, message.into())
    }

    /// An error at the first place where `needle` is in the text.
    pub fn invalid_at(&self, needle: &str, message: impl Into<String>) -> ScenarioError {
        self.invalid(self.text.find(needle).unwrap_or(0), message)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Task {
        name: String,
        limit: f32,
    }

    impl Format for Task {
        const BUILT_IN: &'static [(&'static str, &'static str)] =
            &[("first", "name = \"first\"\nlimit = 0.5\n")];

        fn name(&self) -> &str {
            &self.name
        }

        fn check(loaded: &Loaded<Self>) -> Result<(), ScenarioError> {
            match loaded.scenario.limit {
                0.0..=1.0 => Ok(()),
                limit => Err(loaded.invalid_at("limit", format!("limit {limit} is above 1"))),
            }
        }
    }

    #[test]
    fn mistakes_name_file_line_and_column() {
        let error = Loaded::<Task>::parse("name = \"a\"\nlimit = 3.0\n", "mine.toml").unwrap_err();
        assert_eq!(error.to_string(), "mine.toml:2:1: limit 3 is above 1");
        let error = Loaded::<Task>::parse("limit = \"x\"", "mine.toml").unwrap_err();
        assert!(error.to_string().starts_with("mine.toml:1:"), "{error}");
        let error = Loaded::<Task>::find("second").unwrap_err();
        assert!(error.to_string().contains("one of first"), "{error}");
    }

    #[test]
    fn a_name_is_given_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("own.toml");
        std::fs::write(&file, "limit = 0.1\nname = \"own\"\n").unwrap();
        let names = |files: &[PathBuf]| {
            all::<Task>(files)
                .map(|all| all.into_iter().map(|l| l.scenario.name).collect::<Vec<_>>())
        };
        assert_eq!(names(std::slice::from_ref(&file)).unwrap(), ["first", "own"]);
        let error = names(&[file.clone(), file]).unwrap_err().to_string();
        assert!(error.contains("own.toml:2:1") && error.contains("choose another"), "{error}");
    }
}
