//! Errors of the belt: one that stays with its record, and those that end a run.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// What went wrong with one record. The run goes on; the record's output row says this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RecordError {
    /// Stable, machine-readable word, such as `parse` or `encoding`.
    pub code: Cow<'static, str>,
    /// What a person reads; names the input.
    pub message: String,
}

impl RecordError {
    /// An error with a stable code and a text for people.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// What a caught panic becomes: the record's error, not the run's end.
    pub(crate) fn from_panic(stage: &str, payload: &(dyn std::any::Any + Send)) -> Self {
        let what = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Self::new("internal", format!("the {stage} stage failed on this record: {what}"))
    }
}

/// What ends a run. The journal stays: a run can be resumed after the cause is gone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The source could not give its next record.
    #[error("reading the input failed after {rows} rows: {source}")]
    Source {
        /// Rows read before the failure.
        rows: u64,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of the journal could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was being done, such as "cannot write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is a journal and nobody said what to do with it.
    #[error(
        "{} holds an unfinished run ({rows} rows done): add --resume to go on with it, or --overwrite to start again",
        path.display()
    )]
    JournalExists {
        /// The journal.
        path: PathBuf,
        /// Rows it holds.
        rows: u64,
    },
    /// Another process writes this journal.
    #[error("{} is in use by another run: wait for it, or choose another output", path.display())]
    JournalLocked {
        /// The journal.
        path: PathBuf,
    },
    /// The journal was written with other settings.
    #[error(
        "{} was started with other settings ({key}: was {was:?}, now {now:?}): use the first settings again, or --overwrite to start again",
        path.display()
    )]
    SettingsChanged {
        /// The journal.
        path: PathBuf,
        /// The first setting that differs.
        key: String,
        /// Its value then.
        was: String,
        /// Its value now.
        now: String,
    },
    /// The rows already done are not those of the input any more.
    #[error(
        "the input changed since the run was started (its first {rows} rows differ): give the first input again, or --overwrite to start again"
    )]
    InputChanged {
        /// Rows the journal holds.
        rows: u64,
    },
    /// The input now ends before the rows already done.
    #[error(
        "the input has {found} rows now, but {expected} were done already: give the first input again, or --overwrite to start again"
    )]
    InputShorter {
        /// Rows the journal holds.
        expected: u64,
        /// Rows the input has.
        found: u64,
    },
    /// The file is not a journal, or its head is damaged.
    #[error("{} is not a journal of this program ({why}): use --overwrite to start again", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: &'static str,
    },
    /// The caller's sink refused a chunk.
    #[error("writing a chunk of results failed: {0}")]
    Sink(Box<dyn std::error::Error + Send + Sync>),
}

impl StreamError {
    /// Names the file and the action of an I/O error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
