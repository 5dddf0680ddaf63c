//! What the manager, its workers and uploads on their way share.

use std::fs::File;
use std::sync::{Arc, Mutex};

use super::context::JobKind;
use super::files::Folders;
use super::live::Live;
use super::manager::JobsConfig;
use super::store::{Ending, Store};
use super::view::JobView;
use super::worker::Keeping;
use super::{JobsError, recovery};

/// The open jobs folder.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) live: Live,
    pub(super) folders: Folders,
    pub(super) kinds: Vec<Arc<dyn JobKind>>,
    pub(super) max_queued: u64,
    pub(super) max_upload_bytes: u64,
    pub(super) keeping: Option<Keeping>,
    /// Places in the queue held by uploads on their way. Held while a job is let in, so that two
    /// don't take the last place.
    pub(super) uploading: Mutex<u64>,
    /// Dropped last: until then the folder is ours.
    _lock: File,
}

impl Shared {
    /// Everything but the workers.
    pub(super) fn open(
        config: &JobsConfig,
        kinds: Vec<Arc<dyn JobKind>>,
    ) -> Result<Self, JobsError> {
        config.check()?;
        for (index, kind) in kinds.iter().enumerate() {
            if kinds[..index].iter().any(|other| other.name() == kind.name()) {
                let reason = "two kinds of jobs have the same name";
                return Err(JobsError::Setting { name: "kinds", value: index as u64, reason });
            }
        }
        let folders = Folders::create(&config.dir)?;
        let held = folders.lock()?;
        let store = Store::open(&folders.database())?;
        recovery::recover(&store, &folders)?;
        for (kind, jobs) in store.waiting_kinds()? {
            if !kinds.iter().any(|known| known.name() == kind) {
                // An older program on the same folder, perhaps: the right one will run them.
                tracing::warn!(kind, jobs, "jobs of a kind unknown here stay in the queue");
            }
        }
        Ok(Self {
            store,
            live: Live::new(),
            folders,
            kinds,
            max_queued: config.max_queued,
            max_upload_bytes: config.max_upload_bytes,
            keeping: config.keep.map(Keeping::new),
            uploading: Mutex::new(0),
            _lock: held,
        })
    }

    pub(super) fn kind(&self, name: &str) -> Result<&dyn JobKind, JobsError> {
        let kind = self.kinds.iter().find(|kind| kind.name() == name);
        kind.map(|kind| &**kind)
            .ok_or_else(|| JobsError::UnknownKind { kind: name.chars().take(64).collect() })
    }

    /// Whether one more job may wait, beside so many uploads.
    pub(super) fn check_room(&self, uploading: u64) -> Result<(), JobsError> {
        let queued = self.store.counts()?.queued + uploading;
        match queued < self.max_queued {
            true => Ok(()),
            false => Err(JobsError::Full { queued, limit: self.max_queued }),
        }
    }

    /// A job is in the queue: workers and watchers are told.
    pub(super) fn submitted(
        &self,
        id: &str,
        kind: &str,
        owner: &str,
    ) -> Result<JobView, JobsError> {
        tracing::info!(job = id, kind, owner, "submitted");
        self.live.touch(id);
        self.live.announce();
        self.view(id)
    }

    pub(super) fn view(&self, id: &str) -> Result<JobView, JobsError> {
        let (version, run) = self.live.of(id);
        Ok(self.store.get(id)?.view(version, run.and_then(|run| run.latest())))
    }

    pub(super) fn delete(&self, id: &str) -> Result<(), JobsError> {
        self.store.remove(id, || self.folders.discard(id))?;
        self.folders.empty_trash(id);
        self.live.forget(id);
        tracing::info!(job = id, "deleted");
        Ok(())
    }

    /// Queues a job whose run doesn't stop; what the run says later counts no more.
    pub(super) fn requeue(&self, id: &str) -> Result<(), JobsError> {
        let progress = self.live.of(id).1.and_then(|run| run.latest());
        let attempt = self.store.get(id)?.attempt;
        let ending = Ending::Interrupted { shutdown: true };
        self.store.finish((id, attempt), &ending, progress.as_ref()).map(drop)
    }
}
