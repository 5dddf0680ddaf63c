//! A worker: takes a job, runs it, writes down how it ended; in between, clears out old jobs.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::context::{JobContext, JobFailure, Run};
use super::files::{is_plain_name, sync_dir};
use super::shared::Shared;
use super::store::{Ending, Stored};
use super::time::now_ms;
use super::view::{JobError, JobFile};
use super::{JobsError, ResultFile, lock};

/// How long a worker sleeps without being woken; then it looks for old jobs.
const IDLE: Duration = Duration::from_secs(60);

/// How long a worker waits after the database failed.
const RETRY: Duration = Duration::from_secs(2);

/// Most old jobs removed at once.
const SWEEP: i64 = 100;

/// How long finished jobs are kept, and when to look again.
pub(super) struct Keeping {
    keep: Duration,
    every: Duration,
    next: Mutex<Instant>,
}

impl Keeping {
    pub(super) fn new(keep: Duration) -> Self {
        let every = (keep / 24).clamp(Duration::from_millis(50), Duration::from_secs(3600));
        Self { keep, every, next: Mutex::new(Instant::now()) }
    }

    /// Whether it is time to look; for one of all workers.
    fn is_due(&self) -> bool {
        let mut next = lock(&self.next);
        let now = Instant::now();
        let due = *next <= now;
        if due {
            *next = now + self.every;
        }
        due
    }
}

/// Says that a worker is gone, however it went.
pub(super) struct Leaving(pub(super) Arc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.live.worker_goes();
    }
}

/// Works until the manager closes.
pub(super) fn work(shared: &Shared) {
    let kinds: Vec<&str> = shared.kinds.iter().map(|kind| kind.name()).collect();
    while let Some(seen) = shared.live.announced() {
        // Also between two jobs: a server that is never idle must not fill its disk.
        sweep(shared);
        match shared.store.take(&kinds) {
            Ok(Some(job)) => attend(shared, &job),
            Ok(None) => {
                let idle = shared.keeping.as_ref().map_or(IDLE, |keeping| keeping.every.min(IDLE));
                shared.live.await_work(seen, idle);
            }
            Err(error) => {
                tracing::error!(%error, "no job can be started");
                shared.live.pause(RETRY);
            }
        }
    }
}

/// Runs a job that was taken.
fn attend(shared: &Shared, job: &Stored) {
    let started = Instant::now();
    let (id, attempt) = (job.id.as_str(), job.attempt);
    tracing::info!(job = id, kind = job.kind, owner = job.owner, attempt, "started");
    let run = Run::new(job.progress.clone());
    shared.live.register(id, &run);
    shared.live.touch(id);
    // A cancellation that came before the run was registered found nobody to tell.
    if shared.store.get(id).is_ok_and(|job| job.cancel) {
        run.stop.store(true, Ordering::Release);
    }
    let ending = perform(shared, job, &run);
    conclude(shared, job, &run, &ending);
    shared.live.unregister(id);
    shared.live.touch(id);
    tracing::info!(job = id, seconds = started.elapsed().as_secs_f64(), "worker is free again");
}

/// Does the work; every way out is an ending.
fn perform(shared: &Shared, job: &Stored, run: &Run) -> Ending {
    let id = job.id.as_str();
    let (dir, out) = (shared.folders.job(id), shared.folders.out(id));
    let failed = |code: &str, message: &str| {
        Ending::Failed(JobError { code: code.to_owned(), message: message.to_owned() })
    };
    let Ok(kind) = shared.kind(&job.kind) else {
        return failed("unknown_kind", "this server no longer has this kind of job");
    };
    if let Err(error) = fs::create_dir_all(&out) {
        tracing::error!(job = id, path = %out.display(), %error, "no folder for the job");
        return failed("storage", "the server can't write to its jobs folder: see its log");
    }
    let input = job.input.as_ref().map(|(_, file)| dir.join(file));
    if input.as_ref().is_some_and(|input| !input.is_file()) {
        return failed("input_missing", "the uploaded file is gone from the server's disk");
    }
    let input_name = job.input.as_ref().map(|(input, _)| input.name.as_str());
    let (params, attempt) = (&job.params, job.attempt);
    let context =
        JobContext { shared, run, id, params, attempt, dir, out: out.clone(), input, input_name };
    // A panic unwinds through the kind's own state only; what it shares with us is whole.
    match catch_unwind(AssertUnwindSafe(|| kind.run(&context))) {
        Ok(Ok(output)) => match registered(&out, output.files) {
            Ok(files) => Ending::Done { files, summary: output.summary },
            Err(message) => {
                tracing::error!(job = id, message, "result missing");
                failed("result_missing", &message)
            }
        },
        Ok(Err(JobFailure::Interrupted)) => Ending::Interrupted { shutdown: shared.live.closing() },
        Ok(Err(JobFailure::Failed { code, message })) => failed(&code, &message),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            tracing::error!(job = id, panic = text, "panicked");
            failed("panic", "an internal error ended the job; the server's log has the details")
        }
    }
}

/// The results as they are offered: there, plain files, and on the disk for good, since a job that
/// is done never runs again.
fn registered(out: &Path, files: Vec<ResultFile>) -> Result<Vec<JobFile>, String> {
    let mut offered: Vec<JobFile> = Vec::with_capacity(files.len());
    for file in files {
        let name = file.name;
        if !is_plain_name(&name) || offered.iter().any(|other| other.name == name) {
            return Err(format!("the job offers a result under the name {name:?}, which can't be"));
        }
        let path = out.join(&name);
        let plain = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
        if !plain {
            return Err(format!("the job offers a result {name:?} that it did not write"));
        }
        // Opened for writing, since some systems sync no others.
        let kept = File::options().append(true).open(&path).and_then(|file| {
            file.sync_all()?;
            file.metadata()
        });
        let bytes =
            kept.map_err(|error| format!("the result {name:?} can't be kept: {error}"))?.len();
        offered.push(JobFile { name, content_type: file.content_type, title: file.title, bytes });
    }
    sync_dir(out).map_err(|_| "the results can't be kept: the disk fails".to_owned())?;
    Ok(offered)
}

/// Writes down the ending, as long as it takes: with a full disk there is no sense in the next job
/// either.
fn conclude(shared: &Shared, job: &Stored, run: &Run, ending: &Ending) {
    let (id, attempt) = (job.id.as_str(), job.attempt);
    loop {
        let latest = run.latest();
        // Asked before the try, so that there is one more after everything ends.
        let closing = shared.live.closing();
        match shared.store.finish((id, attempt), ending, latest.as_ref()) {
            Ok(Some(state)) => {
                let code = match ending {
                    Ending::Failed(error) => error.code.as_str(),
                    _ => "",
                };
                return tracing::info!(job = id, kind = job.kind, %state, code, "ended");
            }
            Ok(None) => return tracing::warn!(job = id, attempt, "ended too late to count"),
            Err(error) if closing => {
                return tracing::error!(job = id, %error, "ending lost; the next start resumes it");
            }
            Err(error) => tracing::error!(job = id, %error, "ending not written yet"),
        }
        shared.live.pause(RETRY);
    }
}

/// Removes finished jobs that are older than they may be.
fn sweep(shared: &Shared) {
    let Some(keeping) = shared.keeping.as_ref().filter(|keeping| keeping.is_due()) else { return };
    let keep = i64::try_from(keeping.keep.as_millis()).unwrap_or(i64::MAX);
    let before = now_ms().saturating_sub(keep);
    loop {
        let swept = shared.store.expired(before, SWEEP).and_then(|old| {
            for id in &old {
                match shared.delete(id) {
                    // Somebody else was faster.
                    Err(JobsError::NotFound { .. }) => {}
                    other => other?,
                }
            }
            Ok(old.len() as i64)
        });
        match swept {
            Ok(SWEEP) => {}
            Ok(_) => return,
            Err(error) => return tracing::warn!(%error, "old jobs not removed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::jobs::store::NewJob;
    use crate::jobs::{JobKind, JobOutput, JobState, JobsConfig};

    /// Says whether it was asked to stop.
    struct Asked;

    impl JobKind for Asked {
        fn name(&self) -> &'static str {
            "asked"
        }

        fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
            match job.stop().load(Ordering::Acquire) {
                true => Err(JobFailure::Interrupted),
                false => Ok(JobOutput::default()),
            }
        }
    }

    /// Has a job taken, lets something happen before it is run, and tells how it ends.
    fn ends_when(happens: impl FnOnce(&Shared, &str)) -> (JobState, u32) {
        let dir = tempfile::tempdir().unwrap();
        let shared = Shared::open(&JobsConfig::new(dir.path()), vec![Arc::new(Asked)]).unwrap();
        let job =
            NewJob { id: "a", kind: "asked", owner: "ada", params: &Value::Null, input: None };
        shared.store.insert(&job, || Ok(())).unwrap();
        let taken = shared.store.take(&["asked"]).unwrap().unwrap();
        happens(&shared, "a");
        attend(&shared, &taken);
        let view = shared.view("a").unwrap();
        (view.state, view.attempt)
    }

    #[test]
    fn what_happens_between_taking_a_job_and_running_it_is_not_missed() {
        assert_eq!(ends_when(|_, _| {}), (JobState::Done, 1));
        let cancelled = ends_when(|shared, id| {
            shared.store.cancel(id).unwrap();
            shared.live.stop(id);
        });
        assert_eq!(cancelled, (JobState::Cancelled, 1));
        assert_eq!(ends_when(|shared, _| shared.live.close()), (JobState::Queued, 2));
    }
}
