//! A grip on a watch that runs, for the command line and the HTTP server: figures, live pictures,
//! events as they come, zones.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::camera::{Latest, lock};
use super::config::{ConfigError, ZoneConfig, Zones};
use super::engine::Engine;
use super::event::{Change, Event};
use super::health::CameraState;
use super::journal::{EventPage, EventQuery, JournalError};
use super::media::{self, MediaError};
use super::sinks::SinkState;
use super::status::{SinkStatus, Status};

/// Changes that a subscriber gets at once at most.
const BATCH: u32 = 256;

/// A live picture.
#[derive(Debug, Clone)]
pub struct LivePicture {
    /// Number of the frame, rising.
    pub number: u64,
    /// The JPEG.
    pub jpeg: Vec<u8>,
}

/// A change of zones that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The zones contradict the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The zone is not one that was drawn.
    #[error("zone {0:?} stands in the configuration file and can only be removed there")]
    Written(String),
    /// The file of zones cannot be written.
    #[error("the zones are in use but cannot be kept: {0}")]
    File(#[from] std::io::Error),
}

/// A grip on a watch that runs; cloned freely.
#[derive(Clone)]
pub struct Handle {
    pub(super) engine: Arc<Engine>,
    pub(super) sinks: Arc<Vec<(String, SinkState)>>,
    pub(super) began_ms: i64,
    pub(super) grace: Duration,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({} cameras)", self.engine.cameras.len())
    }
}

impl Handle {
    /// Stops the watch: cleanly, within the time that the configuration gives.
    pub fn stop(&self) {
        self.engine.life.stop(self.grace);
    }

    /// Whether it stops or has stopped.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.engine.life.is_stopping()
    }

    /// How everything is.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn status(&self) -> Result<Status, JournalError> {
        use std::sync::atomic::Ordering::Relaxed;
        let (engine, now) = (&self.engine, self.engine.clock.now_ms());
        let cameras = engine.cameras.iter().enumerate();
        let cameras = cameras.map(|(n, camera)| camera.status(now, engine.floor.waiting(n)));
        let counts = engine.journal.sink_counts()?.into_iter();
        let sinks = counts.filter_map(|counts| {
            let (_, state) = self.sinks.iter().find(|(name, _)| *name == counts.sink)?;
            let (connected, last_error) = state.get();
            Some(SinkStatus { counts, connected, last_error })
        });
        Ok(Status {
            uptime_seconds: (now - self.began_ms) as f64 / 1000.0,
            cameras: cameras.collect(),
            passes: engine.passes.iter().map(super::engine::Pass::status).collect(),
            sinks: sinks.collect(),
            last_change: engine.journal.latest(),
            unwritten: lock(&engine.backlog).len(),
            media_failures: engine.media_failures.load(Relaxed),
        })
    }

    /// How the cameras are, by name.
    #[must_use]
    pub fn camera_states(&self) -> Vec<(String, CameraState)> {
        let state = |camera: &super::camera::Camera| lock(&camera.health).state();
        let cameras = self.engine.cameras.iter();
        cameras.map(|camera| (camera.config.name.clone(), state(camera))).collect()
    }

    /// The last frame of a camera that was looked at, with what was seen, if it is younger than `seen`
    /// and there is one. Nothing for a camera that is not known.
    ///
    /// # Errors
    /// A picture that cannot be encoded.
    pub fn live(
        &self,
        camera: &str,
        seen: u64,
        (width, quality): (u32, u8),
    ) -> Result<Option<LivePicture>, MediaError> {
        let known = self.engine.cameras.iter().find(|known| known.config.name == camera);
        let latest = known.and_then(|known| lock(&known.latest).clone());
        let Some(Latest { image, overlays, number }) = latest.filter(|l| l.number > seen) else {
            return Ok(None);
        };
        let drawn = media::annotated(&image, &overlays);
        let small = media::shrunk(&drawn, width);
        let jpeg = media::jpeg(small.as_ref().unwrap_or(&drawn), quality)?;
        Ok(Some(LivePicture { number, jpeg }))
    }

    /// Events from now on, or all after the change of this number.
    #[must_use]
    pub fn subscribe(&self, after: Option<u64>) -> Subscription {
        let seen = after.unwrap_or_else(|| self.engine.journal.latest());
        Subscription { engine: Arc::clone(&self.engine), seen }
    }

    /// A page of events, the youngest first.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn events(&self, query: &EventQuery) -> Result<EventPage, JournalError> {
        self.engine.journal.events(query)
    }

    /// An event by its identifier.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn event(&self, id: &str) -> Result<Option<Event>, JournalError> {
        self.engine.journal.event(id)
    }

    /// The file of an event's snapshot, if there are snapshots.
    #[must_use]
    pub fn snapshot_path(&self, event: &Event) -> Option<std::path::PathBuf> {
        let snapshots = self.engine.outputs.snapshots.as_ref()?;
        Some(snapshots.dir.join(event.snapshot.as_ref()?))
    }

    /// The file of an event's clip, if there are clips; it is there when the seconds after are over.
    #[must_use]
    pub fn clip_path(&self, event: &Event) -> Option<std::path::PathBuf> {
        let clips = self.engine.outputs.clips.as_ref()?;
        Some(clips.dir.join(event.clip.as_ref()?))
    }

    /// The zones in use.
    #[must_use]
    pub fn zones(&self) -> Vec<ZoneConfig> {
        lock(&self.engine.zones).config.zones.clone()
    }

    /// Puts zones in the place of those with the same name and camera, removes others by name and
    /// camera, keeps that in the file of zones, and goes on with them. Events of rules whose zone
    /// changed end.
    ///
    /// # Errors
    /// Zones that contradict the configuration: nothing has changed then. A file that cannot be
    /// written: the zones are in use.
    pub fn edit_zones(
        &self,
        put: Vec<ZoneConfig>,
        remove: &[(String, Option<String>)],
    ) -> Result<(), ZoneError> {
        let mut plan = lock(&self.engine.zones);
        let mut drawn = plan.drawn.clone();
        for (name, camera) in remove {
            let is = |zone: &ZoneConfig| zone.name == *name && zone.camera == *camera;
            if plan.written.all.iter().any(is) {
                return Err(ZoneError::Written(name.clone()));
            }
            drawn.all.retain(|zone| !is(zone));
        }
        drawn.replace(put);
        let mut all = plan.written.clone();
        all.replace(drawn.all.clone());
        let mut config = plan.config.clone();
        config.zones.clone_from(&all.all);
        let path = self.engine.zones_path.clone();
        let config = config.checked(path.as_deref().unwrap_or(Path::new("zones")))?;
        (plan.config, plan.drawn) = (config, drawn);
        let now = self.engine.clock.now_ms();
        for camera in &self.engine.cameras {
            let mut scenes = lock(&camera.scenes);
            let ended = scenes.iter_mut().flat_map(|scene| scene.set_zones(all.clone(), now));
            let ended = ended.collect();
            self.engine.commit(ended);
        }
        match path {
            Some(path) => Ok(plan.drawn.write(&path)?),
            None => Ok(()),
        }
    }
}

/// Zones as they were written, as they were drawn, and the configuration with both.
#[derive(Debug)]
pub(super) struct ZonePlan {
    pub(super) written: Zones,
    pub(super) drawn: Zones,
    pub(super) config: super::config::WatchConfig,
}

/// Changes as they come; nothing is kept for a subscriber but the number of the last it has seen.
pub struct Subscription {
    engine: Arc<Engine>,
    seen: u64,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscription(after {})", self.seen)
    }
}

impl Subscription {
    /// Waits for changes, `most` at the longest; none when there were none.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn next(&mut self, most: Duration) -> Result<Vec<Change>, JournalError> {
        if self.engine.journal.wait(self.seen, most) <= self.seen {
            return Ok(Vec::new());
        }
        let changes = self.engine.journal.changes_after(self.seen, BATCH)?;
        if let Some(last) = changes.last() {
            self.seen = last.seq;
        }
        Ok(changes)
    }

    /// Number of the last change that was given.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether the watch stops: nothing will come any more, once what is there is taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.engine.life.is_stopping()
    }
}
