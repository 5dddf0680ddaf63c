//! What can be wrong with settings. A message names the place, the key, the value and the remedy.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// A line of the configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(&'static str),
    /// A command-line flag, without the dashes before it.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("by default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "in the variable {name}"),
            Self::Flag(name) => write!(f, "with --{name}"),
        }
    }
}

/// A key that is not known, or whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `section.key`, or the name of an unknown section.
    pub key: String,
    /// The value as it was written; `None` for what is not known at all.
    pub value: Option<String>,
    /// Where it was set.
    pub origin: Origin,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, origin, message } = self;
        match value {
            Some(value) => write!(f, "{key} = {value} ({origin}): {message}"),
            None => write!(f, "{key} ({origin}): {message}"),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {path} (named {origin}): {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What named it.
        origin: Origin,
        /// Why not.
        source: io::Error,
    },
    /// The configuration file is no TOML.
    #[error("{path}:{line}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// Keys or values that are refused: all that were found.
    #[error("{}", joined(.0))]
    Refused(Vec<Fault>),
}

fn joined(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    match lines.as_slice() {
        [one] => format!("setting {one}"),
        many => format!("settings:\n  {}", many.join("\n  ")),
    }
}
