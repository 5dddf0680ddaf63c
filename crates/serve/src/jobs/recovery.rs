//! After the last server on this folder ended, in whatever way: what it left half done is finished.

use std::fs;
use std::path::Path;

use super::JobsError;
use super::files::{Folders, is_id};
use super::store::Store;
use super::time::now_ms;

/// How often in a row a server may die while it runs a job, before that job is failed: it may well
/// be what the server dies of.
pub const MAX_CRASHES: u32 = 5;

/// Brings folder and database in line. Every step can be interrupted and done again.
pub(super) fn recover(store: &Store, folders: &Folders) -> Result<(), JobsError> {
    // Deletions that were decided.
    for id in ids(&folders.trash())? {
        store.purge(&id)?;
        folders.empty_trash(&id);
    }
    // Uploads: those that became jobs get their place, the others were never promised.
    for id in ids(&folders.incoming())? {
        let from = folders.incoming().join(&id);
        match store.get(&id) {
            Ok(_) => {
                let to = folders.job(&id);
                fs::rename(&from, &to).map_err(JobsError::io("move the upload", &from))?;
            }
            Err(JobsError::NotFound { .. }) => {
                fs::remove_dir_all(&from).map_err(JobsError::io("remove the upload", &from))?;
            }
            Err(error) => return Err(error),
        }
    }
    requeue_interrupted(store)?;
    let mut strangers = 0_u64;
    for id in ids(&folders.work())? {
        match store.get(&id) {
            Err(JobsError::NotFound { .. }) => strangers += 1,
            other => drop(other?),
        }
    }
    if strangers > 0 {
        // So after a lost database: they may be all that is left of somebody's results.
        let path = folders.work();
        tracing::warn!(folders = strangers, path = %path.display(), "folders of unknown jobs are left alone");
    }
    Ok(())
}

/// What ran when the last server died: cancelled if that was asked for, failed if it is a habit,
/// queued again otherwise.
fn requeue_interrupted(store: &Store) -> Result<(), JobsError> {
    let message = format!(
        "the server ended {MAX_CRASHES} times while it ran this job, so the job isn't started again: \
         it may need more memory than there is; see the server's log"
    );
    let error = serde_json::json!({ "code": "crash_loop", "message": message }).to_string();
    let (cancelled, failed, queued) = store.transact(|transaction| {
        let cancelled = transaction.execute(
            "UPDATE jobs SET state = 'cancelled', finished = ?1 WHERE state = 'running' AND cancel",
            [now_ms()],
        )?;
        let failed = transaction.execute(
            "UPDATE jobs SET state = 'failed', finished = ?1, error = ?2, crashes = crashes + 1 \
             WHERE state = 'running' AND crashes + 1 >= ?3",
            (now_ms(), error, MAX_CRASHES),
        )?;
        let queued = transaction.execute(
            "UPDATE jobs SET state = 'queued', attempt = attempt + 1, crashes = crashes + 1 \
             WHERE state = 'running'",
            (),
        )?;
        Ok((cancelled, failed, queued))
    })?;
    if cancelled + failed + queued > 0 {
        tracing::warn!(queued, failed, cancelled, "jobs were running when the last server ended");
    }
    Ok(())
}

/// The folders in `dir` that have a job's name.
fn ids(dir: &Path) -> Result<Vec<String>, JobsError> {
    let read = || -> std::io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().filter(|name| is_id(name)) {
                ids.push(name.to_owned());
            }
        }
        Ok(ids)
    };
    read().map_err(JobsError::io("read the folder", dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::files::new_id;
    use crate::jobs::store::{Ending, NewJob};
    use crate::jobs::view::{JobInput, JobState};

    struct Place {
        _dir: tempfile::TempDir,
        folders: Folders,
        store: Store,
    }

    fn place() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders::create(dir.path()).unwrap();
        let store = Store::open(&folders.database()).unwrap();
        Place { _dir: dir, folders, store }
    }

    impl Place {
        fn add(&self) -> String {
            let id = new_id().unwrap();
            let input = JobInput { name: "a.csv".to_owned(), bytes: 1, sha256: "00".to_owned() };
            let params = serde_json::json!({});
            let input = Some((&input, "input.csv"));
            let job = NewJob { id: &id, kind: "k", owner: "o", params: &params, input };
            self.store.insert(&job, || Ok(())).unwrap();
            id
        }

        fn state(&self, id: &str) -> (JobState, u32) {
            let job = self.store.get(id).unwrap();
            (job.state, job.attempt)
        }

        fn upload(&self, id: &str) {
            let dir = self.folders.incoming().join(id);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("input.csv"), "x").unwrap();
        }
    }

    #[test]
    fn uploads_that_became_jobs_are_kept_and_others_are_not() {
        let place = place();
        let (job, other) = (place.add(), new_id().unwrap());
        place.upload(&job);
        place.upload(&other);
        let note = place.folders.incoming().join("somebody's note");
        fs::write(&note, "not ours").unwrap();
        recover(&place.store, &place.folders).unwrap();
        assert!(place.folders.job(&job).join("input.csv").is_file());
        assert_eq!(ids(&place.folders.incoming()).unwrap(), [""; 0]);
        assert!(!place.folders.job(&other).exists() && note.exists());
    }

    #[test]
    fn a_deletion_that_was_cut_short_is_finished_and_strange_folders_stay() {
        let place = place();
        let (job, stranger) = (place.add(), new_id().unwrap());
        fs::create_dir(place.folders.job(&job)).unwrap();
        fs::create_dir(place.folders.job(&stranger)).unwrap();
        place.folders.discard(&job).unwrap();
        recover(&place.store, &place.folders).unwrap();
        assert!(matches!(place.store.get(&job), Err(JobsError::NotFound { .. })));
        assert!(!place.folders.trash().join(&job).exists());
        assert!(place.folders.job(&stranger).exists());
    }

    #[test]
    fn a_job_that_servers_die_of_is_failed_at_last() {
        let place = place();
        let job = place.add();
        for attempt in 1..MAX_CRASHES {
            assert_eq!(place.store.take(&["k"]).unwrap().unwrap().attempt, attempt);
            recover(&place.store, &place.folders).unwrap();
            assert_eq!(place.state(&job), (JobState::Queued, attempt + 1));
        }
        place.store.take(&["k"]).unwrap().unwrap();
        recover(&place.store, &place.folders).unwrap();
        assert_eq!(place.state(&job).0, JobState::Failed);
        let view = place.store.get(&job).unwrap().view(0, None);
        assert_eq!(view.error.unwrap().code, "crash_loop");
        assert!(view.finished.is_some());
    }

    #[test]
    fn shutdowns_are_no_crashes_and_clear_the_count() {
        let place = place();
        let job = place.add();
        for attempt in 1..3 * MAX_CRASHES {
            assert_eq!(place.store.take(&["k"]).unwrap().unwrap().attempt, attempt);
            if attempt % 3 == 0 {
                let ending = Ending::Interrupted { shutdown: true };
                place.store.finish((&job, attempt), &ending, None).unwrap();
            } else {
                recover(&place.store, &place.folders).unwrap();
            }
            assert_eq!(place.state(&job), (JobState::Queued, attempt + 1));
        }
    }

    #[test]
    fn a_cancellation_outlives_a_crash() {
        let place = place();
        let job = place.add();
        place.store.take(&["k"]).unwrap().unwrap();
        place.store.cancel(&job).unwrap();
        assert_eq!(place.state(&job).0, JobState::Running);
        recover(&place.store, &place.folders).unwrap();
        assert_eq!(place.state(&job).0, JobState::Cancelled);
    }
}
