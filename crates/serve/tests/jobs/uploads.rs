//! Files that come with jobs.

use std::fs;

use serde_json::{Value, json};
use strata_serve::jobs::{JobManager, JobState, JobsConfig, JobsError};

use super::support::{SOON, copy, names, reach, start};

#[test]
fn an_upload_becomes_a_job_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![copy()]);
    let mut upload = manager.begin_upload("copy", json!({}), "ada", "../x/My library.CSV").unwrap();
    for piece in ["smiles,id\n", "", "CCO,1\n"] {
        upload.write(piece.as_bytes()).unwrap();
    }
    assert_eq!(upload.bytes(), 16);
    assert_eq!(manager.counts().unwrap(), Default::default(), "no job before it is whole");
    let queued = upload.commit().unwrap();
    let input = queued.input.unwrap();
    assert_eq!((input.name.as_str(), input.bytes), ("My library.CSV", 16));
    // From `printf 'smiles,id\nCCO,1\n' | sha256sum`.
    let sha256 = "42eb0ce62d0e124dba45a3b9a7891ac385c80a3098e5c78e646a2ddee33d7cb4";
    assert_eq!(input.sha256, sha256);
    reach(&manager, &queued.id, JobState::Done);
    let result = manager.result(&queued.id, "answer.txt").unwrap();
    assert_eq!(fs::read_to_string(result.path).unwrap(), "smiles,id\nCCO,1\n");
    let job = dir.path().join("work").join(&queued.id);
    assert_eq!(names(&job), ["input.csv", "journal", "out"]);
    assert_eq!(names(&dir.path().join("incoming")), [""; 0]);
}

#[test]
fn an_upload_that_is_dropped_or_too_large_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = JobsConfig { max_upload_bytes: 10, max_queued: 1, ..JobsConfig::new(dir.path()) };
    let manager = JobManager::start(&config, vec![copy()]).unwrap();
    let begin = || manager.begin_upload("copy", Value::Null, "ada", "a.smi").unwrap();
    let mut upload = begin();
    upload.write(b"12345").unwrap();
    assert_eq!(names(&dir.path().join("incoming")).len(), 1);
    drop(upload);
    assert_eq!(names(&dir.path().join("incoming")), [""; 0]);
    let mut upload = begin();
    upload.write(b"1234567890").unwrap();
    let error = upload.write(b"1").unwrap_err();
    assert!(matches!(error, JobsError::TooLarge { limit: 10 }), "{error}");
    // What failed once can't slip through with less.
    assert!(matches!(upload.write(b"").unwrap_err(), JobsError::UploadFailed));
    assert!(matches!(upload.commit().unwrap_err(), JobsError::UploadFailed));
    for part in ["incoming", "work", "trash"] {
        assert_eq!(names(&dir.path().join(part)), [""; 0], "{part}");
    }
    assert_eq!(manager.counts().unwrap(), Default::default());
    // Exactly the limit is let in.
    let mut upload = begin();
    upload.write(b"1234567890").unwrap();
    let job = upload.commit().unwrap().id;
    reach(&manager, &job, JobState::Done);
}

#[test]
fn an_upload_that_cannot_get_its_place_is_no_job() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![copy()]);
    let mut upload = manager.begin_upload("copy", Value::Null, "ada", "a.smi").unwrap();
    upload.write(b"CCO").unwrap();
    fs::remove_dir(dir.path().join("work")).unwrap();
    let error = upload.commit().unwrap_err();
    assert!(matches!(error, JobsError::Io { .. }), "{error}");
    assert_eq!(manager.counts().unwrap(), Default::default());
    assert_eq!(names(&dir.path().join("incoming")), [""; 0]);
}

#[test]
fn a_job_without_its_file_fails_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let manager = start(dir.path(), vec![copy()]);
    let mut upload = manager.begin_upload("copy", Value::Null, "ada", "a.csv").unwrap();
    upload.write(b"CCO").unwrap();
    // A job that is submitted while the workers leave waits for the next start.
    assert!(manager.shutdown(SOON));
    let job = upload.commit().unwrap().id;
    drop(manager);
    fs::remove_file(dir.path().join("work").join(&job).join("input.csv")).unwrap();
    let manager = start(dir.path(), vec![copy()]);
    let failed = reach(&manager, &job, JobState::Failed);
    assert_eq!(failed.error.unwrap().code, "input_missing");
}
