//! Model cards: reading `card.toml`, checking it, finding models and their files, choosing a variant.

mod check;
mod locate;
mod position;
mod schema;
mod select;

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use thiserror::Error;

pub use check::is_plain_name;
pub use locate::ModelStore;
pub use schema::{
    Batching, Conformal, Dim, Dtype, Endpoint, EndpointTask, Figure, Golden, Kind, Latency, Layer,
    ModelCard, ModelFile, Port, Precision, Role, Source, Training, Variant,
};
pub use select::{Machine, Selection};

use crate::paths::SearchPath;

/// File name of a card in its model's folder.
pub const CARD_FILE: &str = "card.toml";

/// Cards larger than this are refused: the largest real one, with 798 outputs, is about 200 kB.
const MAX_CARD_BYTES: u64 = 4 << 20;

/// Line and column of a place in a card, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What is wrong with a card, or with finding a model or one of its files.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CardError {
    /// The card could not be read.
    #[error("{}: cannot read the model card: {source}", path.display())]
    Read {
        /// The card.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The card is far larger than any card.
    #[error("{}: {bytes} bytes are too many for a model card (limit {MAX_CARD_BYTES})", path.display())]
    TooLarge {
        /// The card.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The card isn't TOML, a key is missing or unknown, or a value has the wrong type.
    #[error("{}:{at}: {message}", path.display())]
    Syntax {
        /// The card.
        path: PathBuf,
        /// Where in it.
        at: Position,
        /// What is wrong.
        message: String,
    },
    /// The card contradicts itself or the rules for its values.
    #[error("{}:{at}: {key}: {message}", path.display())]
    Invalid {
        /// The card.
        path: PathBuf,
        /// Where in it.
        at: Position,
        /// The key, as in `files[1].sha256`.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// No model of that name.
    #[error("no model named {name:?} in {searched}; known models: {known}", searched = list_dirs(searched))]
    NotFound {
        /// The name asked for.
        name: String,
        /// Names of the models that are there.
        known: String,
        /// The folders searched.
        searched: Vec<PathBuf>,
    },
    /// The card is there, the file isn't.
    #[error(
        "model {model}: {file} is not on this machine (looked at {looked}); fetch it with \
         `models fetch {model}` (a command of every Strata program, and of `cargo xtask`)",
        looked = list_dirs(looked)
    )]
    FileAbsent {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// Where it could have been.
        looked: Vec<PathBuf>,
    },
    /// The card has no file of that name.
    #[error("model {model}: the card has no file named {file:?}; its files: {known}")]
    UnknownFile {
        /// The model.
        model: String,
        /// The name asked for.
        file: String,
        /// The names it has.
        known: String,
    },
    /// No variant runs on the machine described.
    #[error("model {model}: no variant fits this machine: {reason}")]
    NoVariant {
        /// The model.
        model: String,
        /// Why each was refused.
        reason: String,
    },
}

fn list_dirs(dirs: &[PathBuf]) -> String {
    if dirs.is_empty() {
        return "no folder at all (give --models-dir, or set STRATA_MODELS)".to_owned();
    }
    dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl ModelCard {
    /// Reads and checks `<dir>/card.toml`. The model's files need not be there.
    ///
    /// # Errors
    /// [`CardError`] with file, line and column.
    pub fn load(dir: &Path) -> Result<Self, CardError> {
        let path = dir.join(CARD_FILE);
        let read_error = |source| CardError::Read { path: path.clone(), source };
        let bytes = fs::metadata(&path).map_err(read_error)?.len();
        if bytes > MAX_CARD_BYTES {
            return Err(CardError::TooLarge { path, bytes });
        }
        let text = fs::read_to_string(&path).map_err(read_error)?;
        let card = Self::parse(&text, dir)?;
        // `.` and `..` have no name of their own to compare with.
        if let Some(folder) = dir.file_name()
            && folder != card.name.as_str()
        {
            let message = format!(
                "the name is {:?} and the folder is {folder:?}; they must be the same",
                card.name
            );
            return Err(CardError::Invalid {
                at: position::of_key(&text, "name"),
                path,
                key: "name".to_owned(),
                message,
            });
        }
        Ok(card)
    }

    /// Reads and checks a card's text; `dir` is the folder it stands for.
    ///
    /// # Errors
    /// [`CardError::Syntax`] or [`CardError::Invalid`].
    pub fn parse(text: &str, dir: &Path) -> Result<Self, CardError> {
        let path = dir.join(CARD_FILE);
        let mut card: Self = toml::from_str(text).map_err(|error| CardError::Syntax {
            path: path.clone(),
            at: position::of_offset(text, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        })?;
        dir.clone_into(&mut card.dir);
        match check::check(&card) {
            Ok(()) => Ok(card),
            Err((key, message)) => {
                Err(CardError::Invalid { path, at: position::of_key(text, &key), key, message })
            }
        }
    }

    /// Finds the model named `name` on the search path and reads its card.
    ///
    /// # Errors
    /// [`CardError::NotFound`], or what [`Self::load`] reports.
    pub fn find(name: &str, search: &SearchPath) -> Result<Self, CardError> {
        ModelStore::new(search.clone()).card(name)
    }

    /// The file of this name.
    ///
    /// # Errors
    /// [`CardError::UnknownFile`].
    pub fn file(&self, name: &str) -> Result<&ModelFile, CardError> {
        self.files.iter().find(|file| file.path == name).ok_or_else(|| CardError::UnknownFile {
            model: self.name.clone(),
            file: name.to_owned(),
            known: self.files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The featuriser's id and hash from `[preprocess]`, where the card names one.
    #[must_use]
    pub fn featuriser(&self) -> Option<(&str, Option<&str>)> {
        let text = |key: &str| self.preprocess.get(key).and_then(toml::Value::as_str);
        text("featuriser").map(|id| (id, text("featuriser_hash")))
    }

    /// Where `file` lies: beside the card, else in the cache.
    ///
    /// # Errors
    /// [`CardError::FileAbsent`], which says how to fetch it.
    pub fn locate(&self, file: &ModelFile, search: &SearchPath) -> Result<PathBuf, CardError> {
        let mut looked = vec![self.dir.join(&file.path)];
        looked.extend(search.cached_file(&file.sha256, &file.path));
        // A dangling link counts as present: verification then names it as a link.
        match looked.iter().find(|path| path.symlink_metadata().is_ok()) {
            Some(path) => Ok(path.clone()),
            None => Err(CardError::FileAbsent {
                model: self.name.clone(),
                file: file.path.clone(),
                looked,
            }),
        }
    }
}
