//! The door to jobs for servers: start, submit, look, cancel, fetch, delete, shut down.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::context::JobKind;
use super::files::new_id;
use super::shared::Shared;
use super::store::{Cancelled, NewJob, Stored};
use super::upload::{Slot, Upload};
use super::view::{JobCounts, JobFile, JobState, JobView};
use super::worker::Leaving;
use super::{JobsError, lock, worker};

/// Most jobs in one list.
const MAX_LIST: usize = 1000;

/// Settings of jobs.
#[derive(Debug, Clone)]
pub struct JobsConfig {
    /// The folder for everything: on a local disk, of this server only.
    pub dir: PathBuf,
    /// How many jobs run at the same time. A screening takes all cores by itself, so 1 is usual.
    pub workers: usize,
    /// Most jobs that may wait, uploads on their way included. Jobs that wait again after a
    /// restart are kept beyond it.
    pub max_queued: u64,
    /// Largest upload, in bytes.
    pub max_upload_bytes: u64,
    /// How long a finished job and its results are kept; `None` keeps them until somebody deletes
    /// them.
    pub keep: Option<Duration>,
}

impl JobsConfig {
    /// One worker, 100 jobs in the queue, uploads up to 2 GiB, results for 30 days.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            workers: 1,
            max_queued: 100,
            max_upload_bytes: 2 << 30,
            keep: Some(Duration::from_secs(30 * 86_400)),
        }
    }

    pub(super) fn check(&self) -> Result<(), JobsError> {
        let bad = |name, value, reason| Err(JobsError::Setting { name, value, reason });
        match self {
            Self { workers: 0, .. } => bad("workers", 0, "jobs need at least one worker"),
            Self { workers: 65.., .. } => bad("workers", self.workers as u64, "64 is the limit"),
            Self { max_queued: 0, .. } => bad("max_queued", 0, "no job could be submitted"),
            _ => Ok(()),
        }
    }
}

/// Jobs: their queue, their workers, their results. For all threads; blocks on the disk, so that
/// asynchronous callers call it from a blocking thread.
pub struct JobManager {
    shared: Arc<Shared>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

/// A result on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultPath {
    /// Where it is.
    pub path: PathBuf,
    /// Its name, media type, title and size.
    pub file: JobFile,
}

impl JobManager {
    /// Opens the folder (made if it isn't there), takes up what an earlier server left, and starts
    /// the workers.
    ///
    /// # Errors
    /// [`JobsError::InUse`], [`JobsError::Damaged`], [`JobsError::Newer`] and I/O errors; nothing is
    /// deleted then.
    pub fn start(
        config: &JobsConfig,
        kinds: Vec<Arc<dyn JobKind>>,
    ) -> Result<Arc<Self>, JobsError> {
        let shared = Arc::new(Shared::open(config, kinds)?);
        // From here on, whatever fails closes what was started.
        let workers = Mutex::new(Vec::new());
        let manager = Arc::new(Self { shared: Arc::clone(&shared), workers });
        for number in 0..config.workers {
            let shared = Arc::clone(&shared);
            shared.live.worker_comes();
            let leaving = Leaving(shared);
            let builder = thread::Builder::new().name(format!("strata-job-{number}"));
            let spawned = builder.spawn(move || worker::work(&leaving.0));
            let spawned = spawned.map_err(JobsError::io("start a worker for", &config.dir))?;
            lock(&manager.workers).push(spawned);
        }
        Ok(manager)
    }

    /// Queues a job without a file. `params` are the application's own and checked by it.
    ///
    /// # Errors
    /// [`JobsError::UnknownKind`], [`JobsError::Full`], or the disk.
    pub fn submit(&self, kind: &str, params: &Value, owner: &str) -> Result<JobView, JobsError> {
        self.shared.kind(kind)?;
        let id = new_id()?;
        let job = NewJob { id: &id, kind, owner, params, input: None };
        {
            let uploading = lock(&self.shared.uploading);
            self.shared.check_room(*uploading)?;
            self.shared.store.insert(&job, || Ok(()))?;
        }
        self.shared.submitted(&id, kind, owner)
    }

    /// Begins a job with a file; the job is there when the upload is committed. The upload holds a
    /// place in the queue, so that nobody uploads for an hour to be turned away.
    ///
    /// # Errors
    /// [`JobsError::UnknownKind`], [`JobsError::Full`], or the disk.
    pub fn begin_upload(
        &self,
        kind: &str,
        params: Value,
        owner: &str,
        input_name: &str,
    ) -> Result<Upload, JobsError> {
        let kind = self.shared.kind(kind)?.name();
        let slot = Slot::take(&self.shared)?;
        Upload::create(slot, (kind, params, owner.to_owned()), input_name)
    }

    /// A job.
    ///
    /// # Errors
    /// [`JobsError::NotFound`], or the disk.
    pub fn get(&self, id: &str) -> Result<JobView, JobsError> {
        self.shared.view(id)
    }

    /// The newest jobs first, at most `limit` (and at most 1000); of one owner or in one state only
    /// if so asked.
    ///
    /// # Errors
    /// The disk.
    pub fn list(
        &self,
        owner: Option<&str>,
        state: Option<JobState>,
        limit: usize,
    ) -> Result<Vec<JobView>, JobsError> {
        let jobs = self.shared.store.list(owner, state, limit.min(MAX_LIST))?;
        let view = |job: Stored| {
            let (version, run) = self.shared.live.of(&job.id);
            job.view(version, run.and_then(|run| run.latest()))
        };
        Ok(jobs.into_iter().map(view).collect())
    }

    /// Waits for news: for a version of the job other than `version`, at most `timeout`. `None` when
    /// there is none by then, or the server shuts down. A job that is over is given back at once.
    ///
    /// # Errors
    /// [`JobsError::NotFound`], or the disk.
    pub fn wait(
        &self,
        id: &str,
        version: u64,
        timeout: Duration,
    ) -> Result<Option<JobView>, JobsError> {
        let deadline = Instant::now() + timeout;
        loop {
            let view = self.get(id)?;
            if view.version != version || view.state.is_finished() {
                return Ok(Some(view));
            }
            if !self.shared.live.await_change(id, version, deadline) {
                return Ok(None);
            }
        }
    }

    /// Cancels a job: one that waits is cancelled at once, one that runs is asked to stop and is
    /// cancelled when it does. Cancelling twice is no error.
    ///
    /// # Errors
    /// [`JobsError::NotFound`], [`JobsError::Finished`] when it is done or failed, or the disk.
    pub fn cancel(&self, id: &str) -> Result<JobView, JobsError> {
        if let Cancelled::Running = self.shared.store.cancel(id)? {
            // A run that isn't registered yet looks into the database once it is.
            self.shared.live.stop(id);
        }
        tracing::info!(job = id, "cancelled");
        self.shared.live.touch(id);
        self.get(id)
    }

    /// Deletes a job that is over, with its files.
    ///
    /// # Errors
    /// [`JobsError::NotFound`], [`JobsError::NotFinished`], or the disk.
    pub fn delete(&self, id: &str) -> Result<(), JobsError> {
        self.shared.delete(id)
    }

    /// Where a job's result is. Only names that the job gave are known: nothing else on the disk
    /// can be reached.
    ///
    /// # Errors
    /// [`JobsError::NotFound`], [`JobsError::NotFinished`], [`JobsError::NoSuchResult`],
    /// [`JobsError::ResultGone`], or the disk.
    pub fn result(&self, id: &str, name: &str) -> Result<ResultPath, JobsError> {
        let job = self.shared.store.get(id)?;
        if !job.state.is_finished() {
            return Err(JobsError::NotFinished { id: job.id, state: job.state });
        }
        let Some(file) = job.files.into_iter().find(|file| file.name == name) else {
            let name = name.chars().take(255).collect();
            return Err(JobsError::NoSuchResult { id: job.id, name });
        };
        let path = self.shared.folders.out(&job.id).join(&file.name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => Ok(ResultPath { path, file }),
            _ => Err(JobsError::ResultGone { id: job.id, name: file.name }),
        }
    }

    /// How many jobs are in each state.
    ///
    /// # Errors
    /// The disk.
    pub fn counts(&self) -> Result<JobCounts, JobsError> {
        self.shared.store.counts()
    }

    /// Ends all work: running jobs are asked to stop and are queued for the next start. Whether all
    /// stopped within `timeout`; those that did not are queued as well, and are for the end of the
    /// process to stop. Jobs can still be looked at and submitted.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        self.shared.live.close();
        let (gone, late) = self.shared.live.await_workers(Instant::now() + timeout);
        for id in &late {
            tracing::warn!(job = id, "did not stop in time; the next start resumes it");
            if let Err(error) = self.shared.requeue(id) {
                tracing::error!(job = id, %error, "not queued; counts as a crash");
            }
        }
        if gone {
            // They have left; now they also let go of the folder.
            for worker in lock(&self.workers).drain(..) {
                if worker.join().is_err() {
                    tracing::error!("a worker panicked");
                }
            }
        }
        gone
    }
}

impl Drop for JobManager {
    /// Stops the workers without waiting for them.
    fn drop(&mut self) {
        self.shared.live.close();
    }
}
