//! What survives the end of a server, and folders that a server refuses.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use strata_serve::jobs::{
    JobFailure, JobManager, JobOutput, JobProgress, JobState, JobsConfig, JobsError,
};

use super::support::{
    SOON, copy, held, kind, names, reach, refused, sleeper, start, submit, until,
};

/// A job that is through on its second attempt.
fn twice() -> Arc<dyn strata_serve::jobs::JobKind> {
    kind("twice", |job| {
        let note = job.dir().join("note");
        if job.attempt() > 1 {
            let summary =
                json!({ "attempt": job.attempt(), "note": fs::read_to_string(note).unwrap() });
            return Ok(JobOutput { files: vec![], summary });
        }
        fs::write(note, "from before").unwrap();
        job.progress(&JobProgress { done: 41, ..JobProgress::default() });
        job.progress(&JobProgress { done: 42, ..JobProgress::default() });
        until(|| job.stop().load(Ordering::Acquire));
        Err(JobFailure::Interrupted)
    })
}

/// Writes to the database behind everybody's back.
fn tamper(dir: &Path, sql: &str) {
    let database = rusqlite::Connection::open(dir.join("jobs.sqlite")).unwrap();
    assert!(database.execute(sql, ()).unwrap() > 0, "{sql}");
}

#[test]
fn a_shutdown_queues_what_runs_and_the_next_start_resumes_it() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![twice(), copy()]);
    let running = submit(&manager, "twice", "ada");
    until(|| manager.get(&running).unwrap().progress.is_some_and(|progress| progress.done == 42));
    let waiting = submit(&manager, "copy", "ada");
    assert!(manager.shutdown(SOON));
    let view = manager.get(&running).unwrap();
    assert_eq!((view.state, view.attempt), (JobState::Queued, 2));
    assert_eq!(view.progress.unwrap().done, 42);
    assert!(manager.shutdown(Duration::ZERO), "twice is no harm");
    drop(manager);
    let manager = start(dir.path(), vec![twice(), copy()]);
    let done = reach(&manager, &running, JobState::Done);
    assert_eq!(done.summary, Some(json!({ "attempt": 2, "note": "from before" })));
    assert!(done.version > view.version, "versions grow across restarts");
    assert_eq!(reach(&manager, &waiting, JobState::Done).attempt, 1);
}

#[test]
fn what_ran_when_the_server_died_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![twice()]);
    let job = submit(&manager, "twice", "ada");
    until(|| manager.get(&job).unwrap().progress.is_some_and(|progress| progress.done == 42));
    assert!(manager.shutdown(SOON));
    drop(manager);
    tamper(dir.path(), "UPDATE jobs SET state = 'running', attempt = 6");
    let manager = start(dir.path(), vec![twice()]);
    let done = reach(&manager, &job, JobState::Done);
    assert_eq!(done.summary.unwrap()["attempt"], 7);
}

#[test]
fn a_job_that_keeps_killing_servers_is_not_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let count = kind("count", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(JobOutput::default())
    });
    let manager = start(dir.path(), vec![]);
    assert!(manager.shutdown(SOON));
    refused(manager.submit("count", &Value::Null, "ada"));
    drop(manager);
    let manager = start(dir.path(), vec![sleeper()]);
    let job = submit(&manager, "sleep", "ada");
    assert!(manager.shutdown(SOON));
    drop(manager);
    tamper(dir.path(), "UPDATE jobs SET kind = 'count', state = 'running', crashes = 4");
    let manager = start(dir.path(), vec![count]);
    let view = manager.get(&job).unwrap();
    assert_eq!(view.state, JobState::Failed);
    let error = view.error.unwrap();
    assert_eq!(error.code, "crash_loop");
    assert!(error.message.contains("5 times"), "{}", error.message);
    assert!(manager.shutdown(SOON));
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[test]
fn a_job_that_does_not_listen_is_queued_and_its_late_end_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let switch = Arc::new(AtomicBool::new(false));
    let manager = start(dir.path(), vec![held(&switch)]);
    let job = submit(&manager, "held", "ada");
    reach(&manager, &job, JobState::Running);
    assert!(!manager.shutdown(Duration::from_millis(50)));
    assert_eq!(manager.get(&job).unwrap().state, JobState::Queued);
    switch.store(true, Ordering::Release);
    assert!(manager.shutdown(SOON), "now it is through");
    let view = manager.get(&job).unwrap();
    assert_eq!((view.state, view.attempt), (JobState::Queued, 2));
}

#[test]
fn jobs_of_an_unknown_kind_wait_for_a_program_that_knows_it() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![twice()]);
    let job = submit(&manager, "twice", "ada");
    reach(&manager, &job, JobState::Running);
    assert!(manager.shutdown(SOON));
    drop(manager);
    let manager = start(dir.path(), vec![copy()]);
    let other = submit(&manager, "copy", "ada");
    reach(&manager, &other, JobState::Done);
    assert_eq!(manager.get(&job).unwrap().state, JobState::Queued);
    assert!(manager.shutdown(SOON));
    drop(manager);
    let manager = start(dir.path(), vec![twice()]);
    reach(&manager, &job, JobState::Done);
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![sleeper()]);
    let job = submit(&manager, "sleep", "ada");
    reach(&manager, &job, JobState::Running);
    let second = JobManager::start(&JobsConfig::new(dir.path()), vec![sleeper()]);
    let error = second.map(drop).unwrap_err();
    assert!(matches!(error, JobsError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(dir.path().to_str().unwrap()), "{error}");
    assert_eq!(manager.get(&job).unwrap().state, JobState::Running);
    assert!(manager.shutdown(SOON));
    drop(manager);
    start(dir.path(), vec![sleeper()]);
}

#[test]
fn a_dropped_manager_lets_the_folder_go() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![sleeper()]);
    let job = submit(&manager, "sleep", "ada");
    reach(&manager, &job, JobState::Running);
    drop(manager);
    let mut again = None;
    until(|| {
        again = JobManager::start(&JobsConfig::new(dir.path()), vec![sleeper()]).ok();
        again.is_some()
    });
    assert_eq!(reach(&again.unwrap(), &job, JobState::Running).attempt, 2);
}

#[test]
fn a_damaged_database_is_refused_and_nothing_is_deleted() {
    fn change(path: &Path, apply: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).unwrap();
        apply(&mut bytes);
        fs::write(path, bytes).unwrap();
    }
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("text", |path| fs::write(path, "this is no database".repeat(100)).unwrap()),
        ("head", |path| change(path, |bytes| bytes[..16].fill(0))),
        ("pages", |path| change(path, |bytes| bytes[4096..].fill(0xa5))),
        ("cut", |path| change(path, |bytes| bytes.truncate(bytes.len() / 2 / 4096 * 4096))),
        // Every page can be read, but table and index no longer agree.
        ("index", |path| {
            let database = rusqlite::Connection::open(path).unwrap();
            let sql = "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = \
                       replace(sql, '(owner, seq)', '(kind, seq)') WHERE name = 'jobs_by_owner'";
            database.execute_batch(sql).unwrap();
        }),
    ];
    for (damage, apply) in damages {
        let dir = tempfile::tempdir().unwrap();
        let manager = start(dir.path(), vec![copy()]);
        let job = submit(&manager, "copy", "ada");
        for _ in 0..30 {
            manager.submit("copy", &json!("x".repeat(1000)), "ada").unwrap();
        }
        reach(&manager, &job, JobState::Done);
        assert!(manager.shutdown(SOON));
        drop(manager);
        // The last connection has brought everything from the log into the database.
        assert!(!dir.path().join("jobs.sqlite-wal").exists());
        let path = dir.path().join("jobs.sqlite");
        apply(&path);
        let bytes = fs::read(&path).unwrap();
        let upload = dir.path().join("incoming").join("0".repeat(32));
        fs::create_dir(&upload).unwrap();
        let error =
            JobManager::start(&JobsConfig::new(dir.path()), vec![copy()]).map(drop).unwrap_err();
        assert!(matches!(error, JobsError::Damaged { .. }), "{damage}: {error}");
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()) && text.contains("restore"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{damage}: it was changed");
        assert!(upload.exists() && dir.path().join("work").join(&job).exists());
        // The remedy that the message names.
        fs::rename(&path, dir.path().join("damaged")).unwrap();
        let manager = start(dir.path(), vec![copy()]);
        assert_eq!(manager.list(None, None, 10).unwrap(), []);
        assert!(dir.path().join("work").join(&job).join("out").join("answer.txt").exists());
    }
}

#[test]
fn a_torn_end_of_the_log_loses_only_what_was_not_promised() {
    let dir = tempfile::tempdir().unwrap();
    let copied = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![sleeper()]);
    let job = submit(&manager, "sleep", "ada");
    // As a power cut leaves it: the log was never brought into the database, and ends in rubbish.
    for name in ["jobs.sqlite", "jobs.sqlite-wal"] {
        fs::copy(dir.path().join(name), copied.path().join(name)).unwrap();
    }
    let log = copied.path().join("jobs.sqlite-wal");
    let mut log = fs::OpenOptions::new().append(true).open(log).unwrap();
    log.write_all(&[0xa5; 3000]).unwrap();
    drop(log);
    let again = start(copied.path(), vec![sleeper()]);
    reach(&again, &job, JobState::Running);
    assert!(again.shutdown(SOON) && manager.shutdown(SOON));
}

#[test]
#[cfg(unix)]
fn the_folder_is_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let jobs = dir.path().join("new").join("jobs");
    let _manager = start(&jobs, vec![]);
    assert_eq!(fs::metadata(&jobs).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(names(&jobs).contains(&"jobs.sqlite".to_owned()));
}

#[test]
fn settings_without_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = JobsConfig::new(dir.path().join("jobs"));
    for (config, name) in [
        (JobsConfig { workers: 0, ..config.clone() }, "workers"),
        (JobsConfig { workers: 1000, ..config.clone() }, "workers"),
        (JobsConfig { max_queued: 0, ..config.clone() }, "max_queued"),
    ] {
        assert!(refused(JobManager::start(&config, vec![])).contains(name));
    }
    assert!(refused(JobManager::start(&config, vec![copy(), copy()])).contains("same name"));
    assert!(!config.dir.exists(), "nothing was made");
}
