//! Whose turn it is, and when the queue is full.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use strata_serve::jobs::{JobManager, JobOutput, JobState, JobsConfig, JobsError};

use super::support::{SOON, held, kind, reach, refused, sleeper, start, submit, until};

#[test]
fn owners_take_turns_and_an_owners_jobs_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let switch = Arc::new(AtomicBool::new(false));
    let order = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&order);
    let note = kind("note", move |job| {
        noted.lock().unwrap().push(job.params().as_str().unwrap().to_owned());
        Ok(JobOutput::default())
    });
    let manager = start(dir.path(), vec![held(&switch), note]);
    let first = submit(&manager, "held", "zoe");
    reach(&manager, &first, JobState::Running);
    // Ada fills the queue before the others come.
    let mut last = String::new();
    for (owner, jobs) in [("ada", 5), ("bob", 2), ("cy", 3)] {
        for number in 0..jobs {
            let name = json!(format!("{owner}{number}"));
            last = manager.submit("note", &name, owner).unwrap().id;
        }
    }
    switch.store(true, Ordering::Release);
    until(|| manager.counts().unwrap().done == 11);
    reach(&manager, &last, JobState::Done);
    let order = order.lock().unwrap().join(" ");
    assert_eq!(order, "ada0 bob0 cy0 ada1 bob1 cy1 ada2 cy2 ada3 ada4");
}

#[test]
fn a_worker_goes_to_those_who_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let config = JobsConfig { workers: 2, ..JobsConfig::new(dir.path()) };
    let manager = JobManager::start(&config, vec![sleeper()]).unwrap();
    let (ada, bob) = (submit(&manager, "sleep", "ada"), submit(&manager, "sleep", "bob"));
    reach(&manager, &ada, JobState::Running);
    reach(&manager, &bob, JobState::Running);
    let again = submit(&manager, "sleep", "ada");
    let late = submit(&manager, "sleep", "bob");
    // Ada's first job still runs: the worker that bob's left is bob's again, although ada's second
    // job is older.
    manager.cancel(&bob).unwrap();
    reach(&manager, &late, JobState::Running);
    assert_eq!(manager.get(&again).unwrap().state, JobState::Queued);
    assert!(manager.shutdown(SOON));
}

#[test]
fn workers_run_as_many_jobs_as_there_are_workers_and_each_once() {
    let dir = tempfile::tempdir().unwrap();
    let (busy, most, runs) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let numbers = Arc::new((busy, most, runs));
    let counted = Arc::clone(&numbers);
    let count = kind("count", move |_| {
        let (busy, most, runs) = &*counted;
        most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Nobody leaves before there were three; a fourth would have the time to come.
        until(|| most.load(Ordering::SeqCst) >= 3);
        thread::sleep(Duration::from_millis(5));
        busy.fetch_sub(1, Ordering::SeqCst);
        runs.fetch_add(1, Ordering::SeqCst);
        Ok(JobOutput::default())
    });
    let config = JobsConfig { workers: 3, max_queued: 1000, ..JobsConfig::new(dir.path()) };
    let manager = JobManager::start(&config, vec![count]).unwrap();
    thread::scope(|scope| {
        for owner in ["ada", "bob", "cy"] {
            let manager = &manager;
            scope.spawn(move || {
                for _ in 0..20 {
                    submit(manager, "count", owner);
                }
            });
        }
    });
    until(|| manager.counts().unwrap().done == 60);
    assert_eq!(numbers.2.load(Ordering::SeqCst), 60);
    assert_eq!(numbers.1.load(Ordering::SeqCst), 3);
}

#[test]
fn a_full_queue_takes_no_more_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let config = JobsConfig { max_queued: 3, ..JobsConfig::new(dir.path()) };
    let manager = JobManager::start(&config, vec![sleeper()]).unwrap();
    let running = submit(&manager, "sleep", "ada");
    reach(&manager, &running, JobState::Running);
    let waiting = submit(&manager, "sleep", "ada");
    // An upload on its way has a place as well.
    let upload = manager.begin_upload("sleep", Value::Null, "ada", "a.csv").unwrap();
    submit(&manager, "sleep", "bob");
    let error = manager.submit("sleep", &Value::Null, "cy").unwrap_err();
    assert!(matches!(error, JobsError::Full { queued: 3, limit: 3 }), "{error}");
    let error = manager.begin_upload("sleep", Value::Null, "cy", "a.csv").map(drop).unwrap_err();
    assert!(matches!(error, JobsError::Full { .. }), "{error}");
    upload.commit().unwrap();
    refused(manager.submit("sleep", &Value::Null, "cy"));
    manager.cancel(&waiting).unwrap();
    let upload = manager.begin_upload("sleep", Value::Null, "cy", "a.csv").unwrap();
    refused(manager.submit("sleep", &Value::Null, "cy"));
    drop(upload);
    submit(&manager, "sleep", "cy");
    assert_eq!(manager.counts().unwrap().queued, 3);
}

#[test]
fn two_never_take_the_last_place() {
    let dir = tempfile::tempdir().unwrap();
    let config = JobsConfig { max_queued: 10, ..JobsConfig::new(dir.path()) };
    let manager = JobManager::start(&config, vec![sleeper()]).unwrap();
    let running = submit(&manager, "sleep", "ada");
    reach(&manager, &running, JobState::Running);
    let (barrier, let_in) = (Barrier::new(8), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..5 {
                    if manager.submit("sleep", &Value::Null, "ada").is_ok() {
                        let_in.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(let_in.into_inner(), 10);
}

#[test]
fn lists_are_newest_first_and_can_be_narrowed() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![sleeper()]);
    let running = submit(&manager, "sleep", "ada");
    reach(&manager, &running, JobState::Running);
    let bobs = submit(&manager, "sleep", "bob");
    let last = submit(&manager, "sleep", "ada");
    let ids = |owner, state, limit| -> Vec<String> {
        manager.list(owner, state, limit).unwrap().into_iter().map(|job| job.id).collect()
    };
    assert_eq!(ids(None, None, 10), [&*last, &*bobs, &*running]);
    assert_eq!(ids(Some("ada"), None, 10), [&*last, &*running]);
    assert_eq!(ids(None, Some(JobState::Queued), 10), [&*last, &*bobs]);
    assert_eq!(ids(Some("ada"), Some(JobState::Running), 10), [&*running]);
    assert_eq!(ids(None, None, 1), [&*last]);
    assert_eq!(ids(Some("eve"), None, 10), [""; 0]);
}
