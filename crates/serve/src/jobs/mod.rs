//! Long work as jobs: submitted, queued fairly, run by worker threads, and kept in one folder that
//! survives restarts, kills and power cuts. Knows nothing of HTTP.
//!
//! A jobs folder holds:
//!
//! | name | what |
//! | --- | --- |
//! | `jobs.sqlite` (`-wal`, `-shm`) | every job: state, parameters, progress, results |
//! | `lock` | held by the one server that uses the folder |
//! | `incoming/` | uploads that are not jobs yet; emptied at start |
//! | `work/ID/` | a job's own folder: its `input…`, what it needs to resume, and `out/` |
//! | `trash/` | what is being deleted; emptied at start |
//!
//! # States
//!
//! ```text
//! queued → running → done | failed | cancelled
//!    ↑________│  shutdown, or the server died: attempt + 1
//! ```
//!
//! A change of state is on the disk before anybody hears of it. At start, what was running when the
//! last server died is queued again with `attempt + 1`, so that the work resumes from its own
//! checkpoint; after [`MAX_CRASHES`] such deaths in a row the job is failed instead. A shutdown on
//! request also counts as an attempt, but not as a death.

mod context;
mod error;
mod files;
mod live;
mod manager;
mod recovery;
mod schema;
mod shared;
mod store;
mod time;
mod upload;
mod view;
mod worker;

pub use context::{JobContext, JobFailure, JobKind, JobOutput, ResultFile};
pub use error::JobsError;
pub use manager::{JobManager, JobsConfig, ResultPath};
pub use recovery::MAX_CRASHES;
pub use upload::Upload;
pub use view::{JobCounts, JobError, JobFile, JobInput, JobProgress, JobState, JobView};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a panicking holder leaves behind is whole: every change under our locks is one assignment
/// or one transaction.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
