//! The models of a server: found, opened, served side by side by version, and replaced without a
//! gap. A new model takes over only when it has passed its golden example; until then, and where it
//! fails, the old one goes on.

mod entry;
mod error;
mod status;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::batching::{
    Batcher, BatcherConfig, Limits, Observer, TensorModel, TensorReply, TensorRequest,
};
use crate::card::{CardError, ModelCard, ModelStore};
use crate::paths::SearchPath;
use crate::provenance::{Featuriser, Provenance};
use crate::runtime::{Model, OpenOptions};

use entry::{Entry, Place};
use error::absent_file;

pub use error::HubError;
pub use status::{ModelState, ModelStatus, Readiness};

/// Longest time something that was replaced is waited for; then its last user ends it.
const FAREWELL: Duration = Duration::from_secs(60);

/// Makes what hears about the batches of a model, given its name.
pub type Observe = Box<dyn Fn(&str) -> Arc<dyn Observer> + Send + Sync>;

/// Which models a hub serves, and how.
pub struct HubOptions {
    /// Folders of models, the preferred one first: a further version of a model lies in another.
    pub roots: Vec<SearchPath>,
    /// Whether a card is one this server serves.
    pub serves: fn(&ModelCard) -> bool,
    /// How models are opened.
    pub open: OpenOptions,
    /// What makes a model's inputs, where the application knows.
    pub featuriser: fn(&ModelCard) -> Option<Featuriser>,
    /// How requests are batched, where a model's card says nothing else.
    pub batching: Limits,
    /// Makes what hears about a model's batches.
    pub observe: Observe,
}

/// A model that is served.
pub struct Served {
    tensors: Arc<TensorModel>,
    batcher: Batcher<TensorRequest, TensorReply>,
    search: SearchPath,
}

impl Served {
    /// The model.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        self.tensors.model()
    }

    /// The model as its batcher sees it: checks requests.
    #[must_use]
    pub fn tensors(&self) -> &TensorModel {
        &self.tensors
    }

    /// Its batches.
    #[must_use]
    pub fn batcher(&self) -> &Batcher<TensorRequest, TensorReply> {
        &self.batcher
    }

    /// Where its other files are looked for.
    #[must_use]
    pub fn search(&self) -> &SearchPath {
        &self.search
    }

    /// What its answers come from.
    #[must_use]
    pub fn provenance(&self) -> &Arc<Provenance> {
        self.model().provenance()
    }

    fn version(&self) -> &str {
        &self.model().card().version
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Served({} {})", self.model().card().name, self.version())
    }
}

/// The models of a server.
pub struct Hub {
    options: HubOptions,
    entries: RwLock<BTreeMap<String, Entry>>,
    /// One change at a time, so that reloads end in the order they began.
    changing: Mutex<()>,
    generation: AtomicU64,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.read().keys()).finish()
    }
}

impl Hub {
    /// A hub that knows its models but has opened none.
    #[must_use]
    pub fn new(options: HubOptions) -> Self {
        let hub = Self {
            options,
            entries: RwLock::default(),
            changing: Mutex::default(),
            generation: AtomicU64::new(0),
        };
        let mut entries = BTreeMap::new();
        for (root, name, card) in hub.cards(None) {
            let entry: &mut Entry = entries.entry(name).or_default();
            let place = match card {
                Ok(card) => Place::waiting(card.version),
                Err(error) => Place::broken(error.to_string()),
            };
            entry.places.insert(root, place);
        }
        *hub.entries.write().unwrap_or_else(PoisonError::into_inner) = entries;
        hub
    }

    /// Opens every model whose files are there. What fails is in [`Self::index`] and keeps the
    /// server from being ready.
    pub fn load_all(&self) {
        let names: Vec<String> = self.read().keys().cloned().collect();
        for name in names {
            if let Err(error) = self.load(&name) {
                tracing::warn!(model = name, %error, "model not loaded");
            }
        }
    }

    /// Opens a model anew from its files, every version of it, and replaces the one that runs. A
    /// version that fails leaves the one that runs as it is.
    ///
    /// # Errors
    /// The first version's failure, after all were tried.
    pub fn load(&self, name: &str) -> Result<(), HubError> {
        let _changing = lock(&self.changing);
        let found = self.cards(Some(name));
        if found.is_empty() {
            return Err(self.unknown(name));
        }
        let mut first_error = None;
        let roots: Vec<usize> = found.iter().map(|(root, ..)| *root).collect();
        for (root, _, card) in found {
            let opened = card.map_err(HubError::from).and_then(|card| self.open(root, card));
            let outcome = match opened {
                Ok(served) => Ok(Arc::new(served)),
                Err(error) => {
                    let absent = absent_file(&error);
                    // Where it was looked for is no caller's business.
                    let text = match &absent {
                        Some(file) => format!("its file {file} is not on this machine"),
                        None => error.to_string(),
                    };
                    let absent = absent.is_some();
                    if !absent {
                        first_error.get_or_insert(error);
                    }
                    Err((text, absent))
                }
            };
            self.replace(name, root, outcome);
        }
        // A version whose folder has gone is gone.
        let gone: Vec<Place> = {
            let mut entries = self.write();
            let Some(entry) = entries.get_mut(name) else { return Ok(()) };
            let lost: Vec<usize> =
                entry.places.keys().copied().filter(|root| !roots.contains(root)).collect();
            lost.iter().filter_map(|root| entry.places.remove(root)).collect()
        };
        gone.into_iter().filter_map(|place| place.served).for_each(farewell);
        self.generation.fetch_add(1, Ordering::AcqRel);
        first_error.map_or(Ok(()), Err)
    }

    /// Takes a model out of service; what it has taken is answered.
    ///
    /// # Errors
    /// When there is no such model.
    pub fn unload(&self, name: &str) -> Result<(), HubError> {
        let _changing = lock(&self.changing);
        let old: Vec<Arc<Served>> = {
            let mut entries = self.write();
            let Some(entry) = entries.get_mut(name) else {
                drop(entries);
                return Err(self.unknown(name));
            };
            let take = |place: &mut Place| {
                place.unloaded = true;
                place.served.take()
            };
            entry.places.values_mut().filter_map(take).collect()
        };
        old.into_iter().for_each(farewell);
        self.generation.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// A model, by name and perhaps version; without one the preferred place's.
    ///
    /// # Errors
    /// When there is no such model or version, or it does not run.
    pub fn get(&self, name: &str, version: Option<&str>) -> Result<Arc<Served>, HubError> {
        let entries = self.read();
        let Some(entry) = entries.get(name) else {
            drop(entries);
            return Err(self.unknown(name));
        };
        let wanted = |place: &&Place| version.is_none_or(|version| place.version == version);
        let mut places = entry.places.values().filter(wanted).peekable();
        if places.peek().is_none() {
            return Err(HubError::UnknownVersion {
                name: name.to_owned(),
                version: version.unwrap_or_default().to_owned(),
                known: entry.versions().join(", "),
            });
        }
        let mut first = None;
        for place in places {
            match &place.served {
                Some(served) => return Ok(Arc::clone(served)),
                None => first = first.or_else(|| Some((place.state(), place.reason()))),
            }
        }
        let (state, reason) = first.unwrap_or((ModelState::Waiting, String::new()));
        Err(HubError::NotReady { name: name.to_owned(), state, reason })
    }

    /// Versions of a model, the preferred one first; empty for a model that isn't there.
    #[must_use]
    pub fn versions(&self, name: &str) -> Vec<String> {
        self.read().get(name).map(Entry::versions).unwrap_or_default()
    }

    /// Every model and version with its state.
    #[must_use]
    pub fn index(&self) -> Vec<ModelStatus> {
        let entries = self.read();
        let rows = entries.iter().flat_map(|(name, entry)| {
            entry.places.values().map(|place| ModelStatus {
                name: name.clone(),
                version: place.version.clone(),
                state: place.state(),
                reason: place.trouble.clone(),
                provenance: place.served.as_ref().map(|s| Arc::clone(s.provenance())),
            })
        });
        rows.collect()
    }

    /// Whether every model whose files are there runs, and if not, why.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let index = self.index();
        let waits = index
            .iter()
            .filter(|row| matches!(row.state, ModelState::Waiting | ModelState::Failed));
        let why: Vec<String> = waits
            .map(|row| {
                let reason = row.reason.as_deref().unwrap_or("it is being loaded");
                format!("model {} {}: {reason}", row.name, row.version)
            })
            .collect();
        Readiness { ready: why.is_empty(), why }
    }

    /// Names of the models.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// A text for each model on disk that changes when one of its cards does: for who looks whether
    /// a model is to be loaded anew. A card names its files' digests, so that it changes with them.
    #[must_use]
    pub fn fingerprints(&self) -> BTreeMap<String, String> {
        let mut prints = BTreeMap::<String, String>::new();
        for (root, name, card) in self.cards(None) {
            let print = match card {
                Ok(card) => {
                    let files: Vec<&str> =
                        card.files.iter().map(|file| file.sha256.as_str()).collect();
                    format!("{root} {} {};", card.version, files.join(" "))
                }
                Err(error) => format!("{root} {error};"),
            };
            prints.entry(name).or_default().push_str(&print);
        }
        prints
    }

    /// Counts changes: who keeps something made from models makes it anew when this has moved.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Cards of this server's models in every root, by root and name.
    fn cards(&self, only: Option<&str>) -> Vec<(usize, String, Result<ModelCard, CardError>)> {
        let mut found = Vec::new();
        for (root, search) in self.options.roots.iter().enumerate() {
            let store = ModelStore::new(search.clone());
            for (name, dir) in store.folders() {
                if only.is_some_and(|only| only != name) {
                    continue;
                }
                let card = ModelCard::load(&dir);
                if card.as_ref().is_ok_and(|card| !(self.options.serves)(card)) {
                    continue;
                }
                found.push((root, name, card));
            }
        }
        found
    }

    fn open(&self, root: usize, card: ModelCard) -> Result<Served, HubError> {
        let name = card.name.clone();
        let search = self.options.roots[root].clone();
        let featuriser = (self.options.featuriser)(&card);
        let options = OpenOptions { featuriser, ..self.options.open.clone() };
        let model = Model::open(card, &search, &options);
        let model = Arc::new(model.map_err(Box::new)?);
        let workers = model.pool().sessions();
        let tensors = Arc::new(TensorModel::new(model));
        let config = BatcherConfig {
            name: name.clone(),
            workers,
            limits: tensors.limits(self.options.batching),
            observer: (self.options.observe)(&name),
        };
        let batcher = Batcher::new(Arc::clone(&tensors), config);
        let batcher = batcher.map_err(|source| HubError::Threads { name, source })?;
        Ok(Served { tensors, batcher, search })
    }

    fn replace(&self, name: &str, root: usize, outcome: Result<Arc<Served>, (String, bool)>) {
        let old = {
            let mut entries = self.write();
            let entry = entries.entry(name.to_owned()).or_default();
            let place = entry.places.entry(root).or_insert_with(|| Place::waiting(String::new()));
            match outcome {
                Ok(served) => {
                    served.version().clone_into(&mut place.version);
                    (place.trouble, place.absent, place.unloaded) = (None, false, false);
                    place.served.replace(served)
                }
                Err((text, absent)) => {
                    (place.trouble, place.absent) = (Some(text), absent);
                    None
                }
            }
        };
        old.into_iter().for_each(farewell);
    }

    fn unknown(&self, name: &str) -> HubError {
        let known: Vec<String> = self.read().keys().cloned().collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        HubError::Unknown { name: name.to_owned(), known }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Entry>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of something that was replaced once nobody uses it any more, on a thread that serves nobody.
/// Closing it instead would refuse a request that had just looked it up.
pub fn farewell<T: Send + Sync + 'static>(old: Arc<T>) {
    let wait = move || {
        let started = Instant::now();
        while Arc::strong_count(&old) > 1 && started.elapsed() < FAREWELL {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // Without a thread it goes when its last user lets go of it.
    let _ = std::thread::Builder::new().name("strata-farewell".to_owned()).spawn(wait);
}

fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
