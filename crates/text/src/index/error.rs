//! What can go wrong with an index.

use std::path::{Path, PathBuf};

/// An index that cannot be made, opened, written or searched.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The disk refused.
    #[error("{path}: {source}")]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder holds no index.
    #[error(
        "{0} holds no index; make one with `ingest`, or name the folder that holds index.manifest"
    )]
    NotAnIndex(PathBuf),
    /// The folder holds an index already.
    #[error("{0} holds an index already; open it, or choose an empty folder")]
    Exists(PathBuf),
    /// Another program writes.
    #[error("another program is writing to the index {0}; wait until it is through")]
    Locked(PathBuf),
    /// Bytes that are not what was written.
    #[error(
        "{path} is damaged ({why}); restore the folder from a backup, or ingest the documents into a new one"
    )]
    Damaged {
        /// File.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Another version of the format.
    #[error(
        "{path} has format {found}, this program reads {known}; use the program it was made with, or ingest anew"
    )]
    Format {
        /// File.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A document that cannot be taken.
    #[error("document {id:?}: {why}")]
    Document {
        /// Its identifier.
        id: String,
        /// What is wrong with it, and the remedy.
        why: String,
    },
    /// A question that cannot be asked.
    #[error("the question cannot be asked: {0}")]
    Query(String),
}

/// Adds the path to an error of the disk.
pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> IndexError {
    move |source| IndexError::Io { path: path.to_owned(), source }
}

/// Bytes that are not what was written.
pub(super) fn damaged(path: &Path, why: impl Into<String>) -> IndexError {
    IndexError::Damaged { path: path.to_owned(), why: why.into() }
}
