//! What can go wrong with jobs, in words for the person who asked and the one who runs the server.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::view::JobState;

/// Why something about jobs could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobsError {
    /// A setting makes no sense.
    #[error("jobs: {name} = {value}: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it was set to.
        value: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another server uses the folder.
    #[error(
        "the jobs folder {} is in use by another server: stop that one, or choose another folder",
        dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The database can't be trusted.
    #[error(
        "the jobs database {} is damaged ({detail}): restore it from a backup; or move it, with its \
         -wal and -shm beside it, out of the folder to start with an empty list. Nothing was \
         changed; inputs and results are still in the folder `work` beside it",
        path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite or our own check found.
        detail: String,
    },
    /// The database was written by a newer program.
    #[error(
        "the jobs database {} has version {found}, this program knows up to {known}: use the newer \
         program, or another jobs folder",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The database failed in another way.
    #[error("the jobs database {} failed: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A file or folder failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "cannot … the file".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The disk, or this user's share of it, is full.
    #[error("no space left for jobs in {}: delete finished jobs, or free space on that disk", dir.display())]
    StorageFull {
        /// The folder.
        dir: PathBuf,
    },
    /// The system gives no random numbers to name a job with.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The server has no such kind of job.
    #[error("there is no kind of job named {kind:?} here")]
    UnknownKind {
        /// The kind asked for.
        kind: String,
    },
    /// The queue is full.
    #[error("{queued} jobs are waiting and {limit} may: try again later")]
    Full {
        /// Jobs that wait, uploads on their way included.
        queued: u64,
        /// Most that may.
        limit: u64,
    },
    /// The upload is too large.
    #[error("the upload is larger than {limit} bytes, the most this server takes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// An upload that failed before is written to or committed.
    #[error("the upload failed before and can't go on: start it again")]
    UploadFailed,
    /// There is no such job, or no longer.
    #[error("there is no job {id:?}: it was deleted, or has expired, or never was")]
    NotFound {
        /// The job asked for.
        id: String,
    },
    /// The job is over already.
    #[error("job {id} is {state} already")]
    Finished {
        /// The job.
        id: String,
        /// How it ended.
        state: JobState,
    },
    /// The job isn't over yet.
    #[error("job {id} is {state}: wait for its end, or cancel it first")]
    NotFinished {
        /// The job.
        id: String,
        /// Where it is.
        state: JobState,
    },
    /// The job has no such result.
    #[error("job {id} has no result named {name:?}")]
    NoSuchResult {
        /// The job.
        id: String,
        /// The name asked for.
        name: String,
    },
    /// A result was there once; somebody took it out of the folder.
    #[error("the result {name:?} of job {id} is gone from the server's disk")]
    ResultGone {
        /// The job.
        id: String,
        /// The result's name.
        name: String,
    },
}

impl JobsError {
    /// For `map_err`: an I/O error with what was tried on what.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::StorageFull { dir: path.parent().unwrap_or(path).to_path_buf() }
            }
            _ => Self::Io { doing, path: path.to_path_buf(), source },
        }
    }

    /// For `map_err`: an error of the database at `path`.
    pub(super) fn database(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path: path.to_path_buf(), detail: source.to_string() }
            }
            Some(ErrorCode::DiskFull) => {
                Self::StorageFull { dir: path.parent().unwrap_or(path).to_path_buf() }
            }
            _ => Self::Database { path: path.to_path_buf(), source },
        }
    }
}
