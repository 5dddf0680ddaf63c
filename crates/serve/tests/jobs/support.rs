//! Kinds of jobs made of closures, and managers in folders of their own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strata_serve::jobs::{
    JobContext, JobFailure, JobKind, JobManager, JobOutput, JobState, JobView, JobsConfig,
    ResultFile,
};

/// Longer than anything takes, shorter than anybody's patience.
pub(super) const SOON: Duration = Duration::from_secs(30);

pub(super) type Ran = Result<JobOutput, JobFailure>;

/// A kind of job made of a closure.
struct Fake<F>(&'static str, F);

impl<F: Fn(&JobContext<'_>) -> Ran + Send + Sync> JobKind for Fake<F> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn run(&self, job: &JobContext<'_>) -> Ran {
        (self.1)(job)
    }
}

pub(super) fn kind(
    name: &'static str,
    run: impl Fn(&JobContext<'_>) -> Ran + Send + Sync + 'static,
) -> Arc<dyn JobKind> {
    Arc::new(Fake(name, run))
}

/// A job that copies its input, or its parameters, to `answer.txt`.
pub(super) fn copy() -> Arc<dyn JobKind> {
    kind("copy", |job| {
        let bytes = match job.input() {
            Some(input) => std::fs::read(input).unwrap(),
            None => job.params().to_string().into_bytes(),
        };
        std::fs::write(job.out_dir().join("answer.txt"), &bytes).unwrap();
        std::fs::write(job.out_dir().join("internal.txt"), "not offered").unwrap();
        std::fs::write(job.dir().join("journal"), "not offered either").unwrap();
        Ok(JobOutput { files: vec![file("answer.txt")], summary: json!({ "bytes": bytes.len() }) })
    })
}

/// A job that runs until it is asked to stop.
pub(super) fn sleeper() -> Arc<dyn JobKind> {
    kind("sleep", |job| {
        until(|| job.stop().load(Ordering::Acquire));
        Err(JobFailure::Interrupted)
    })
}

/// A job that runs until the switch is on, whatever it is asked to.
pub(super) fn held(switch: &Arc<AtomicBool>) -> Arc<dyn JobKind> {
    let switch = Arc::clone(switch);
    kind("held", move |_| {
        until(|| switch.load(Ordering::Acquire));
        Ok(JobOutput::default())
    })
}

pub(super) fn file(name: &str) -> ResultFile {
    let (name, content_type) = (name.to_owned(), "text/plain".to_owned());
    ResultFile { name, content_type, title: "The answer".to_owned() }
}

pub(super) fn start(dir: &Path, kinds: Vec<Arc<dyn JobKind>>) -> Arc<JobManager> {
    JobManager::start(&JobsConfig::new(dir), kinds).unwrap()
}

/// Waits for what must come.
pub(super) fn until(mut come: impl FnMut() -> bool) {
    let started = Instant::now();
    while !come() {
        assert!(started.elapsed() < SOON, "waited in vain");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits, with the manager's own means, until a job is in a state.
pub(super) fn reach(manager: &JobManager, id: &str, state: JobState) -> JobView {
    let deadline = Instant::now() + SOON;
    let mut view = manager.get(id).unwrap();
    while view.state != state {
        assert!(!view.state.is_finished(), "{view:?} instead of {state}");
        let left = deadline.saturating_duration_since(Instant::now());
        view = manager.wait(id, view.version, left).unwrap().expect("no news in time");
    }
    view
}

/// The names in a folder.
pub(super) fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The error's text, for what must not succeed.
pub(super) fn refused<T>(result: Result<T, strata_serve::jobs::JobsError>) -> String {
    result.map(drop).expect_err("it succeeded").to_string()
}

pub(super) fn submit(manager: &JobManager, kind: &str, owner: &str) -> String {
    manager.submit(kind, &Value::Null, owner).unwrap().id
}
