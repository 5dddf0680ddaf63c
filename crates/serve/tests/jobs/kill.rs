//! A server that is killed (SIGKILL) at random moments while it runs a job, and started again.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use strata_serve::jobs::{JobFailure, JobKind, JobOutput, JobProgress, JobState, MAX_CRASHES};
use strata_testkit::kill::{Dice, Ended, kill_after};

use super::support::{file, kind, reach, start};

/// Tells this binary that it is the server, and which folder is its own.
const FOLDER: &str = "STRATA_TEST_JOBS_FOLDER";

/// What the job counts to.
const LINES: u64 = 300;

/// A job that writes the numbers below [`LINES`], one by one, and goes on where it was.
fn count() -> Arc<dyn JobKind> {
    kind("count", |job| {
        let journal = job.dir().join("journal");
        let text = fs::read_to_string(&journal).unwrap_or_default();
        // A line that was cut short is written again.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut done = text[..whole].lines().count() as u64;
        let mut file = fs::File::options().create(true).append(true).open(&journal).unwrap();
        file.set_len(whole as u64).unwrap();
        // What the attempt before did and did not live to tell.
        job.progress(&JobProgress { done, ..JobProgress::default() });
        while done < LINES {
            if job.stop().load(Ordering::Acquire) {
                return Err(JobFailure::Interrupted);
            }
            writeln!(file, "{done}").unwrap();
            done += 1;
            job.progress(&JobProgress { done, ..JobProgress::default() });
            thread::sleep(Duration::from_millis(2));
        }
        fs::copy(&journal, job.out_dir().join("numbers.txt")).unwrap();
        let summary = json!({ "lines": done, "attempt": job.attempt() });
        Ok(JobOutput { files: vec![self::file("numbers.txt")], summary })
    })
}

/// The server under test. Only the test below starts it.
#[test]
#[ignore = "started by a_killed_server_loses_no_job_and_no_work"]
fn the_server() {
    let folder = std::env::var_os(FOLDER).expect("the folder is given in the environment");
    let manager = start(Path::new(&folder), vec![count()]);
    let known = manager.list(None, None, 1).unwrap().pop();
    let job = known.map_or_else(
        || {
            let mut upload = manager.begin_upload("count", Value::Null, "ada", "a.csv").unwrap();
            upload.write(b"input").unwrap();
            upload.commit().unwrap().id
        },
        |job| job.id,
    );
    reach(&manager, &job, JobState::Done);
}

#[test]
fn a_killed_server_loses_no_job_and_no_work() {
    let (mut dice, seed) = Dice::from_clock();
    let dir = tempfile::tempdir().unwrap();
    let serve = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "jobs::kill::the_server", "--ignored"]).env(FOLDER, dir.path());
        command.stdout(Stdio::null());
        command
    };
    let mut kills = 0;
    // One kill fewer than make a crash loop; a kill before there is a job is none of the job's.
    while kills + 1 < MAX_CRASHES {
        let ended = kill_after(&mut serve(), dice.moment(Duration::from_millis(400))).unwrap();
        if let Ended::ByItself(status) = ended {
            assert!(status.success(), "seed {seed}: {status}");
            break;
        }
        kills += 1;
    }
    let status = serve().status().unwrap();
    assert!(status.success(), "seed {seed}: {status}");
    let manager = start(dir.path(), vec![count()]);
    let jobs = manager.list(None, None, 10).unwrap();
    assert_eq!(jobs.len(), 1, "seed {seed}");
    let job = &jobs[0];
    assert_eq!(job.state, JobState::Done, "seed {seed}");
    assert_eq!(job.progress.as_ref().unwrap().done, LINES, "seed {seed}");
    assert!(job.attempt <= kills + 1, "seed {seed}: {} attempts", job.attempt);
    let numbers = manager.result(&job.id, "numbers.txt").unwrap().path;
    let expected: String = (0..LINES).map(|number| format!("{number}\n")).collect();
    assert_eq!(fs::read_to_string(numbers).unwrap(), expected, "seed {seed}");
    assert_eq!(fs::read_dir(dir.path().join("incoming")).unwrap().count(), 0, "seed {seed}");
}
