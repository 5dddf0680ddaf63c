//! A file on its way to become a job's input.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::files::{display_name, input_file, new_id, sync_dir};
use super::shared::Shared;
use super::store::NewJob;
use super::view::{JobInput, JobView};
use super::{JobsError, lock};

/// A place in the queue that an upload holds.
pub(super) struct Slot(Arc<Shared>);

impl Slot {
    pub(super) fn take(shared: &Arc<Shared>) -> Result<Self, JobsError> {
        let mut uploading = lock(&shared.uploading);
        shared.check_room(*uploading)?;
        *uploading += 1;
        Ok(Self(Arc::clone(shared)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *lock(&self.0.uploading) -= 1;
    }
}

/// An upload. Becomes a job at [`Upload::commit`]; dropped before that, it leaves nothing.
pub struct Upload {
    slot: Slot,
    id: String,
    kind: &'static str,
    params: Value,
    owner: String,
    name: String,
    file_name: String,
    file: File,
    digest: Sha256,
    bytes: u64,
    failed: bool,
    /// Removed when dropped; `None` once it is a job's.
    dir: Option<PathBuf>,
}

impl Upload {
    pub(super) fn create(
        slot: Slot,
        (kind, params, owner): (&'static str, Value, String),
        input_name: &str,
    ) -> Result<Self, JobsError> {
        let id = new_id()?;
        let dir = slot.0.folders.incoming().join(&id);
        fs::create_dir(&dir).map_err(JobsError::io("create the folder", &dir))?;
        let file_name = input_file(input_name);
        let path = dir.join(&file_name);
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        let opened = opened.map_err(JobsError::io("create", &path));
        // Whatever goes wrong, the folder goes too.
        let file = opened.inspect_err(|_| drop(fs::remove_dir_all(&dir)))?;
        let name = display_name(input_name);
        let (digest, dir) = (Sha256::new(), Some(dir));
        Ok(Self {
            slot,
            id,
            kind,
            params,
            owner,
            name,
            file_name,
            file,
            digest,
            bytes: 0,
            failed: false,
            dir,
        })
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next bytes of the file.
    ///
    /// # Errors
    /// [`JobsError::TooLarge`], [`JobsError::StorageFull`], or the disk. After an error the upload
    /// can only be dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), JobsError> {
        if self.failed {
            return Err(JobsError::UploadFailed);
        }
        let written = self.try_write(bytes);
        self.failed = written.is_err();
        written
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<(), JobsError> {
        let limit = self.slot.0.max_upload_bytes;
        let total = self.bytes.saturating_add(bytes.len() as u64);
        if total > limit {
            return Err(JobsError::TooLarge { limit });
        }
        let incoming = self.slot.0.folders.incoming();
        self.file.write_all(bytes).map_err(JobsError::io("write an upload to", &incoming))?;
        self.digest.update(bytes);
        self.bytes = total;
        Ok(())
    }

    /// Makes it a job: file and job are on the disk when this returns.
    ///
    /// # Errors
    /// [`JobsError::UploadFailed`] after an error before, or the disk; there is no job then, and
    /// nothing is left of the upload.
    pub fn commit(mut self) -> Result<JobView, JobsError> {
        let Some(dir) = self.dir.take_if(|_| !self.failed) else {
            return Err(JobsError::UploadFailed);
        };
        let shared = &self.slot.0;
        let input = JobInput {
            name: self.name.clone(),
            bytes: self.bytes,
            sha256: crate::random::hex(&self.digest.clone().finalize()),
        };
        let (id, owner, params) = (&self.id, &self.owner, &self.params);
        let input = Some((&input, self.file_name.as_str()));
        let job = NewJob { id, kind: self.kind, owner, params, input };
        let committed = || {
            self.file.sync_all().map_err(JobsError::io("write down", &dir))?;
            sync_dir(&dir)?;
            sync_dir(&shared.folders.incoming())?;
            // The job first, its folder's move second: if we die in between, the next start knows
            // from the job that the folder is to be moved.
            shared.store.insert(&job, || {
                fs::rename(&dir, shared.folders.job(id)).map_err(JobsError::io("move", &dir))
            })
        };
        // Whatever goes wrong, the folder goes too.
        committed().inspect_err(|_| drop(fs::remove_dir_all(&dir)))?;
        shared.submitted(id, self.kind, owner)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir
            && let Err(error) = fs::remove_dir_all(dir)
        {
            // The next start tries again.
            tracing::warn!(path = %dir.display(), %error, "upload not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{JobContext, JobFailure, JobKind, JobManager, JobOutput, JobsConfig};

    struct Nothing;

    impl JobKind for Nothing {
        fn name(&self) -> &'static str {
            "nothing"
        }

        fn run(&self, _: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
            Ok(JobOutput::default())
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_said_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let manager =
            JobManager::start(&JobsConfig::new(dir.path()), vec![Arc::new(Nothing)]).unwrap();
        let mut upload = manager.begin_upload("nothing", Value::Null, "o", "a.csv").unwrap();
        let shared = Arc::clone(&upload.slot.0);
        upload.write(b"fits").unwrap();
        // The kernel's own full disk.
        upload.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = upload.write(b"does not fit").unwrap_err();
        assert!(matches!(error, JobsError::StorageFull { .. }), "{error}");
        assert!(matches!(upload.write(b"x"), Err(JobsError::UploadFailed)));
        assert!(matches!(upload.commit(), Err(JobsError::UploadFailed)));
        assert_eq!(fs::read_dir(dir.path().join("incoming")).unwrap().count(), 0);
        assert_eq!(manager.counts().unwrap().queued, 0);
        assert_eq!(*lock(&shared.uploading), 0);
    }
}
