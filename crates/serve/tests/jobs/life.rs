//! A job's life: run, watched, cancelled, failed, fetched, deleted, expired.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strata_serve::jobs::{
    JobFailure, JobManager, JobOutput, JobProgress, JobState, JobsConfig, JobsError,
};

use super::support::{
    SOON, copy, file, held, kind, names, reach, refused, sleeper, start, submit, until,
};

#[test]
fn a_job_runs_and_its_result_can_be_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![copy()]);
    let queued = manager.submit("copy", &json!({ "x": 1 }), "ada").unwrap();
    assert!(queued.version > 0 && queued.id.len() == 32);
    let done = reach(&manager, &queued.id, JobState::Done);
    assert_eq!((done.owner.as_str(), done.kind.as_str(), done.attempt), ("ada", "copy", 1));
    assert_eq!(done.summary, Some(json!({ "bytes": 7 })));
    assert_eq!((done.files.len(), done.files[0].bytes), (1, 7));
    assert!(done.version > queued.version && done.error.is_none());
    let times = [Some(done.created), done.started, done.finished].map(Option::unwrap);
    assert!(times.is_sorted() && times.iter().all(|time| time.len() == 24), "{times:?}");
    let result = manager.result(&done.id, "answer.txt").unwrap();
    assert_eq!(std::fs::read_to_string(&result.path).unwrap(), "{\"x\":1}");
    assert_eq!((result.file.title.as_str(), result.file.bytes), ("The answer", 7));
    let counts = manager.counts().unwrap();
    assert_eq!((counts.done, counts.queued, counts.running), (1, 0, 0));
}

#[test]
fn only_results_that_were_offered_can_be_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![copy(), sleeper()]);
    let job = submit(&manager, "copy", "ada");
    reach(&manager, &job, JobState::Done);
    let absolute = dir.path().join("jobs.sqlite").to_str().unwrap().to_owned();
    for name in [
        "internal.txt",
        "../journal",
        "../../../jobs.sqlite",
        "..",
        ".",
        "",
        "./answer.txt",
        "x/../answer.txt",
        "answer.txt/",
        "ANSWER.TXT",
        "answer.txt\0",
        &absolute,
    ] {
        let error = manager.result(&job, name).unwrap_err();
        assert!(matches!(error, JobsError::NoSuchResult { .. }), "{name:?}: {error}");
    }
    for id in ["../work", "", "x' OR '1'='1", &job.to_uppercase(), &job[..31]] {
        let error = manager.result(id, "answer.txt").unwrap_err();
        assert!(matches!(error, JobsError::NotFound { .. }), "{id:?}: {error}");
    }
    let running = submit(&manager, "sleep", "ada");
    let error = manager.result(&running, "answer.txt").unwrap_err();
    assert!(matches!(error, JobsError::NotFinished { .. }), "{error}");
}

#[test]
#[cfg(unix)]
fn what_is_put_in_a_results_place_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![copy()]);
    let job = submit(&manager, "copy", "ada");
    reach(&manager, &job, JobState::Done);
    let path = manager.result(&job, "answer.txt").unwrap().path;
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(dir.path().join("jobs.sqlite"), &path).unwrap();
    let error = manager.result(&job, "answer.txt").unwrap_err();
    assert!(matches!(error, JobsError::ResultGone { .. }), "{error}");
}

#[test]
fn results_that_are_not_there_or_lie_elsewhere_fail_the_job() {
    let dir = tempfile::tempdir().unwrap();
    let liar = kind("liar", |job| {
        std::fs::write(job.dir().join("outside"), "x").unwrap();
        let name = job.params().as_str().unwrap();
        Ok(JobOutput { files: vec![file(name)], summary: Value::Null })
    });
    let manager = start(dir.path(), vec![liar]);
    for name in ["absent.csv", "../outside", "..", ".", ""] {
        let job = manager.submit("liar", &json!(name), "ada").unwrap();
        let failed = reach(&manager, &job.id, JobState::Failed);
        assert_eq!(failed.error.unwrap().code, "result_missing", "{name:?}");
        assert!(failed.files.is_empty());
    }
}

#[test]
fn failures_and_panics_are_told_and_the_worker_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let fails =
        kind("fail", |_| Err(JobFailure::new("no_column", "there is no column \"smiles\"")));
    let panics = kind("panic", |job| panic!("secret of {}", job.id()));
    let stops = kind("stop", |_| Err(JobFailure::Interrupted));
    let manager = start(dir.path(), vec![fails, panics, stops, copy()]);
    let job = submit(&manager, "fail", "ada");
    let error = reach(&manager, &job, JobState::Failed).error.unwrap();
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("no_column", "there is no column \"smiles\"")
    );
    let job = submit(&manager, "panic", "ada");
    let error = reach(&manager, &job, JobState::Failed).error.unwrap();
    assert_eq!(error.code, "panic");
    assert!(!error.message.contains("secret"), "{}", error.message);
    let job = submit(&manager, "stop", "ada");
    assert_eq!(reach(&manager, &job, JobState::Failed).error.unwrap().code, "interrupted");
    let job = submit(&manager, "copy", "ada");
    reach(&manager, &job, JobState::Done);
    assert!(refused(manager.submit("dance", &Value::Null, "ada")).contains("dance"));
}

#[test]
fn cancelling_works_at_every_point() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![sleeper(), copy()]);
    let running = submit(&manager, "sleep", "ada");
    reach(&manager, &running, JobState::Running);
    let queued = submit(&manager, "sleep", "ada");
    let view = manager.cancel(&queued).unwrap();
    assert_eq!(view.state, JobState::Cancelled);
    assert!(view.started.is_none() && view.finished.is_some());
    let view = manager.cancel(&running).unwrap();
    assert!(view.cancelling || view.state == JobState::Cancelled);
    let view = reach(&manager, &running, JobState::Cancelled);
    assert!(!view.cancelling && view.error.is_none());
    assert_eq!(manager.cancel(&running).unwrap().state, JobState::Cancelled);
    let done = submit(&manager, "copy", "ada");
    reach(&manager, &done, JobState::Done);
    let error = manager.cancel(&done).unwrap_err();
    assert!(matches!(error, JobsError::Finished { state: JobState::Done, .. }), "{error}");
    assert!(matches!(manager.cancel("nobody").unwrap_err(), JobsError::NotFound { .. }));
}

#[test]
fn a_job_cancelled_the_moment_it_starts_is_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![sleeper()]);
    // Without a pause in between, cancellations fall before, while and after a worker takes the job.
    for round in 0..60 {
        let job = submit(&manager, "sleep", "ada");
        thread::sleep(Duration::from_micros(round * 100));
        manager.cancel(&job).unwrap();
        reach(&manager, &job, JobState::Cancelled);
    }
}

#[test]
fn finished_jobs_are_deleted_with_their_files_and_others_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![copy(), sleeper()]);
    let done = submit(&manager, "copy", "ada");
    reach(&manager, &done, JobState::Done);
    let running = submit(&manager, "sleep", "ada");
    reach(&manager, &running, JobState::Running);
    assert!(matches!(manager.delete(&running).unwrap_err(), JobsError::NotFinished { .. }));
    assert!(dir.path().join("work").join(&done).exists());
    manager.delete(&done).unwrap();
    assert_eq!(names(&dir.path().join("work")), [running]);
    assert_eq!(names(&dir.path().join("trash")), [""; 0]);
    assert!(matches!(manager.get(&done).unwrap_err(), JobsError::NotFound { .. }));
    assert!(matches!(manager.delete(&done).unwrap_err(), JobsError::NotFound { .. }));
}

#[test]
fn old_jobs_are_cleared_out_while_the_server_is_idle() {
    let dir = tempfile::tempdir().unwrap();
    let keep = Duration::from_millis(1500);
    let config = JobsConfig { keep: Some(keep), workers: 2, ..JobsConfig::new(dir.path()) };
    let manager = JobManager::start(&config, vec![copy(), sleeper()]).unwrap();
    let running = submit(&manager, "sleep", "ada");
    let started = Instant::now();
    let done = submit(&manager, "copy", "ada");
    reach(&manager, &done, JobState::Done);
    until(|| manager.get(&done).is_err());
    assert!(started.elapsed() >= keep, "gone too early");
    until(|| names(&dir.path().join("work")) == [running.as_str()]);
    assert_eq!(manager.get(&running).unwrap().state, JobState::Running);
}

#[test]
fn progress_is_thinned_out_and_the_last_one_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("jobs.sqlite");
    let of = |done| JobProgress { done, failed: 1, fraction: Some(0.5), message: None };
    let seen = Arc::new(AtomicBool::new(false));
    let waiting = Arc::clone(&seen);
    let counts = kind("count", move |job| {
        let reader = rusqlite::Connection::open(&database).unwrap();
        let mut distinct = std::collections::BTreeSet::new();
        let started = Instant::now();
        let mut done = 0;
        while started.elapsed() < Duration::from_millis(700) {
            done += 1;
            job.progress(&of(done));
            let sql = "SELECT progress FROM jobs WHERE id = ?1";
            let written: Option<String> =
                reader.query_row(sql, [job.id()], |row| row.get(0)).unwrap();
            distinct.insert(written);
            thread::sleep(Duration::from_millis(1));
        }
        // At once after another one, so that it is not due to be written.
        job.progress(&of(1_000_000));
        until(|| waiting.load(Ordering::Acquire));
        let most = (started.elapsed().as_millis() / 200 + 2) as u64;
        let summary = json!({ "written": distinct.len(), "told": done, "most": most });
        Ok(JobOutput { files: vec![], summary })
    });
    let manager = start(dir.path(), vec![counts]);
    let job = submit(&manager, "count", "ada");
    // A watcher has the latest at once, and hears of it without asking again and again.
    let mut view = manager.get(&job).unwrap();
    while view.progress != Some(of(1_000_000)) {
        view = manager.wait(&job, view.version, SOON).unwrap().expect("no news");
    }
    assert_eq!(view.state, JobState::Running);
    seen.store(true, Ordering::Release);
    let done = reach(&manager, &job, JobState::Done);
    assert_eq!(done.progress, Some(of(1_000_000)));
    let summary = done.summary.unwrap();
    let [written, told, most] =
        ["written", "told", "most"].map(|key| summary[key].as_u64().unwrap());
    assert!((2..=most).contains(&written) && told > most, "{written} of {told} were written");
    manager.shutdown(SOON);
    drop(manager);
    // And after a restart it is still the last one.
    assert_eq!(start(dir.path(), vec![]).get(&job).unwrap().progress, Some(of(1_000_000)));
}

#[test]
fn waiting_ends_with_news_with_time_and_with_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let switch = Arc::new(AtomicBool::new(false));
    let manager = start(dir.path(), vec![held(&switch)]);
    let job = submit(&manager, "held", "ada");
    let mut view = reach(&manager, &job, JobState::Running);
    // The start may be told twice; then there is no more news.
    let mut started = Instant::now();
    until(|| match manager.wait(&job, view.version, Duration::from_millis(80)).unwrap() {
        Some(news) => {
            (view, started) = (news, Instant::now());
            false
        }
        None => true,
    });
    assert!(started.elapsed() >= Duration::from_millis(80));
    // An old version is news at once.
    assert!(manager.wait(&job, view.version - 1, SOON).unwrap().is_some());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| manager.wait(&job, view.version, SOON).unwrap());
        thread::sleep(Duration::from_millis(50));
        assert!(!waiter.is_finished());
        switch.store(true, Ordering::Release);
        assert_eq!(waiter.join().unwrap().unwrap().state, JobState::Done);
    });
    switch.store(false, Ordering::Release);
    let job = submit(&manager, "held", "ada");
    let view = reach(&manager, &job, JobState::Running);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| manager.wait(&job, view.version, SOON).unwrap());
        thread::sleep(Duration::from_millis(50));
        let started = Instant::now();
        assert!(!manager.shutdown(Duration::ZERO), "the job does not listen");
        waiter.join().unwrap();
        assert!(started.elapsed() < Duration::from_secs(10));
    });
    switch.store(true, Ordering::Release);
}
