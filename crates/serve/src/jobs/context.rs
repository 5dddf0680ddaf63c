//! What an application gives (a kind of job) and what it is given when a job of that kind runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lock;
use super::shared::Shared;
use super::view::JobProgress;

/// Shortest time between two writes of a job's progress to the database.
pub(super) const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A kind of long work.
pub trait JobKind: Send + Sync {
    /// Its name, such as `screen`: what jobs are submitted under, and what the database keeps.
    fn name(&self) -> &'static str;

    /// Does the work, on a worker's thread; may take hours. It looks at [`JobContext::stop`] often
    /// and, once that is set, keeps what it has and returns [`JobFailure::Interrupted`]. With
    /// [`JobContext::attempt`] above 1 it goes on from what the attempt before left in its folder;
    /// that attempt may have been killed at any point, even after its last result was written.
    ///
    /// # Errors
    /// [`JobFailure`]; a panic is caught and counts as a failure.
    fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure>;
}

/// What came out of a job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobOutput {
    /// Files in [`JobContext::out_dir`] that can be fetched. The folder's other files can't.
    pub files: Vec<ResultFile>,
    /// What came out, in brief.
    pub summary: Value,
}

/// A file that a job offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    /// Its name in [`JobContext::out_dir`]: a plain file name.
    pub name: String,
    /// Its media type, such as `text/csv`.
    pub content_type: String,
    /// What it is, for people.
    pub title: String,
}

/// Why a job has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobFailure {
    /// It stopped because [`JobContext::stop`] was set. What it has done waits in its folder.
    #[error("stopped on request")]
    Interrupted,
    /// It can't be done. Whoever submitted the job reads this.
    #[error("{message}")]
    Failed {
        /// For programs: short, lower case, with underscores.
        code: String,
        /// For people; names the input and the remedy, and nothing of the server's inside.
        message: String,
    },
}

impl JobFailure {
    /// A failure with its code and message.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Failed { code: code.into(), message: message.into() }
    }
}

/// A job that is running: its parameters, its folder, and its ties to the outside.
pub struct JobContext<'a> {
    pub(super) shared: &'a Shared,
    pub(super) run: &'a Run,
    pub(super) id: &'a str,
    pub(super) params: &'a Value,
    pub(super) attempt: u32,
    pub(super) dir: PathBuf,
    pub(super) out: PathBuf,
    pub(super) input: Option<PathBuf>,
    pub(super) input_name: Option<&'a str>,
}

impl JobContext<'_> {
    /// The job's name.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id
    }

    /// What to do: as the application checked and submitted it.
    #[must_use]
    pub fn params(&self) -> &Value {
        self.params
    }

    /// The uploaded file, if the job has one. Its ending tells its format where the name it was
    /// sent under did.
    #[must_use]
    pub fn input(&self) -> Option<&Path> {
        self.input.as_deref()
    }

    /// The name the upload was sent under: for reports, never for paths.
    #[must_use]
    pub fn input_name(&self) -> Option<&str> {
        self.input_name
    }

    /// The job's own folder: for journals and what else resuming needs. Kept until the job is
    /// deleted or expires.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where results go: `out` in the job's folder. It exists.
    #[must_use]
    pub fn out_dir(&self) -> &Path {
        &self.out
    }

    /// Set when the job should stop: it was cancelled, or the server is shutting down.
    #[must_use]
    pub fn stop(&self) -> &AtomicBool {
        &self.run.stop
    }

    /// 1 at first; above 1 when an earlier attempt was interrupted by a shutdown or a crash.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Tells how far the job is. Cheap: call it as often as there is news. Watchers see it at once;
    /// at most five a second go to the database, and the last one always does.
    pub fn progress(&self, progress: &JobProgress) {
        let write = self.run.report(progress);
        self.shared.live.touch_quietly(self.id);
        if write {
            self.shared.live.notify();
            // Progress that isn't kept is no reason to stop the work, nor to fill the log.
            if let Err(error) = self.shared.store.save_progress(self.id, &self.run.latest())
                && !self.run.complained.swap(true, Ordering::Relaxed)
            {
                tracing::warn!(job = self.id, %error, "progress not saved");
            }
        }
    }
}

/// The side of a running job that others reach: the stop flag and the latest progress.
#[derive(Default)]
pub(super) struct Run {
    pub(super) stop: AtomicBool,
    /// Whether it was said that progress can't be saved.
    complained: AtomicBool,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    latest: Option<JobProgress>,
    written: Option<Instant>,
}

impl Run {
    /// A run that starts from the progress of the attempt before.
    pub(super) fn new(latest: Option<JobProgress>) -> Arc<Self> {
        let told = Mutex::new(Told { latest, written: None });
        Arc::new(Self { told, ..Self::default() })
    }

    pub(super) fn latest(&self) -> Option<JobProgress> {
        lock(&self.told).latest.clone()
    }

    /// Notes the progress; whether it is time to write it down.
    fn report(&self, progress: &JobProgress) -> bool {
        let mut told = lock(&self.told);
        let fraction = progress.fraction.filter(|fraction| fraction.is_finite());
        told.latest = Some(JobProgress {
            fraction: fraction.map(|fraction| fraction.clamp(0.0, 1.0)),
            ..progress.clone()
        });
        let due = told.written.is_none_or(|written| written.elapsed() >= PROGRESS_EVERY);
        if due {
            told.written = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_thinned_out_and_the_latest_is_kept() {
        let run = Run::new(None);
        let of = |done| JobProgress { done, ..JobProgress::default() };
        let started = Instant::now();
        let mut written = 0_u32;
        let mut done = 0;
        while started.elapsed() < Duration::from_millis(900) {
            done += 1;
            written += u32::from(run.report(&of(done)));
            std::thread::sleep(Duration::from_millis(1));
        }
        let most = started.elapsed().as_millis() / PROGRESS_EVERY.as_millis() + 1;
        assert!((2..=most).contains(&u128::from(written)), "{written} written of {done}");
        assert_eq!(run.latest(), Some(of(done)));
    }

    #[test]
    fn everything_goes_from_thread_to_thread() {
        fn check<T: Send + Sync>() {}
        check::<JobContext<'_>>();
        check::<crate::jobs::JobManager>();
        check::<crate::jobs::Upload>();
    }

    #[test]
    fn a_fraction_is_a_fraction() {
        let run = Run::new(None);
        for (told, kept) in [(f64::NAN, None), (2.0, Some(1.0)), (-1.0, Some(0.0))] {
            run.report(&JobProgress { fraction: Some(told), ..JobProgress::default() });
            assert_eq!(run.latest().unwrap().fraction, kept);
        }
    }
}
