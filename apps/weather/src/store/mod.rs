//! Forecasts that are served: a folder of files, the runs in them, the newest of each model first. Files are looked at again
//! and again; requests go on with the runs that they began with.

mod closable;
mod files;
mod held;
mod locate;
mod run;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use strata_earth::source::Source;
use strata_earth::time::Time;

pub use files::Seen;
pub use held::Room;
pub use locate::{Locator, Spot};
pub use run::{Band, Run, RunError, model_of};

use closable::Closable;
use run::{Part, planet_of};

/// What a store is made of.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The folder; none for a store that stays as it is made.
    pub folder: Option<PathBuf>,
    /// Runs of a model that are kept, the newest.
    pub keep: usize,
    /// Where series lie.
    pub room: Room,
}

/// A file that is not served, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The file's name.
    pub file: String,
    /// Why.
    pub why: String,
}

/// The runs of a moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Models in order of their names, each with its runs, the newest first.
    pub models: BTreeMap<String, Vec<Arc<Run>>>,
    /// Files that are not served.
    pub troubles: Vec<Trouble>,
}

impl Snapshot {
    /// The model that answers where none is named: the one with the newest run.
    #[must_use]
    pub fn best(&self) -> Option<&str> {
        let newest = |runs: &[Arc<Run>]| runs.first().map(|run| run.reference);
        let best = self.models.iter().max_by_key(|(_, runs)| newest(runs))?;
        Some(best.0)
    }

    /// A run of a model: the newest, or that of a time.
    #[must_use]
    pub fn run(&self, model: &str, reference: Option<Time>) -> Option<&Arc<Run>> {
        let runs = self.models.get(model)?;
        match reference {
            None => runs.first(),
            Some(reference) => runs.iter().find(|run| run.reference == reference),
        }
    }
}

type Opened = HashMap<PathBuf, (Seen, Arc<Closable>)>;

/// Files that are open at most while a folder is looked through, beside those of the runs that are served.
const OPEN: usize = 64;

#[derive(Default)]
struct Known {
    seen: Vec<Seen>,
    opened: Opened,
}

/// Forecasts that are served.
pub struct Store {
    config: StoreConfig,
    now: RwLock<Arc<Snapshot>>,
    /// One looks at the files at a time.
    known: Mutex<Known>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// A store without runs, until it is [refreshed](Self::refresh).
    #[must_use]
    pub fn new(config: StoreConfig) -> Self {
        Self { config, now: RwLock::default(), known: Mutex::default() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.config.folder.as_deref()
    }

    /// The runs there are now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files, and takes what is new in the place of what was there; whether anything changed.
    ///
    /// # Errors
    /// A folder that cannot be read. What is wrong with one file is in the snapshot.
    pub fn refresh(&self) -> std::io::Result<bool> {
        let Some(folder) = &self.config.folder else { return Ok(false) };
        let mut known = lock(&self.known);
        let seen = files::list(folder)?;
        if seen == known.seen {
            return Ok(false);
        }
        let mut troubles = Vec::new();
        let mut sources: Vec<(Seen, Arc<dyn Source>)> = Vec::new();
        let mut opened = Opened::new();
        let mut fresh = 0;
        for file in &seen {
            let before = known.opened.get(&file.path).filter(|(before, _)| before == file);
            let source = match before {
                Some((_, source)) => Arc::clone(source),
                None => match Closable::open(&file.path) {
                    Ok(source) => {
                        fresh += 1;
                        if fresh > OPEN {
                            source.close();
                        }
                        Arc::new(source)
                    }
                    Err(error) => {
                        troubles.push(Trouble { file: file.name(), why: format!("{error:#}") });
                        continue;
                    }
                },
            };
            opened.insert(file.path.clone(), (file.clone(), Arc::clone(&source)));
            sources.push((file.clone(), source));
        }
        let snapshot = self.runs(sources, troubles);
        (known.seen, known.opened) = (seen, opened);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        // What no run reads is closed: a folder may hold years of forecasts.
        for (_, source) in
            known.opened.values().filter(|(_, source)| Arc::strong_count(source) == 1)
        {
            source.close();
        }
        Ok(true)
    }

    /// Serves the runs of a source that is no file.
    pub fn put(&self, name: &str, source: Arc<dyn Source>) {
        let _known = lock(&self.known);
        let snapshot = self.runs(vec![(Seen::memory(name), source)], Vec::new());
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// The runs in sources: fields of a model that begin at one time, in however many files they lie. A forecast that was
    /// made again takes the place of the older one.
    fn runs(&self, sources: Vec<(Seen, Arc<dyn Source>)>, mut troubles: Vec<Trouble>) -> Snapshot {
        let mut parts: BTreeMap<(String, Time), Vec<Part>> = BTreeMap::new();
        for (file, source) in sources {
            let mut of_file: BTreeMap<(String, Time), Vec<usize>> = BTreeMap::new();
            for (index, header) in source.headers().iter().enumerate() {
                let model = model_of(header, &file.stem());
                of_file.entry((model, header.reference)).or_default().push(index);
            }
            // An archive of analyses has a time for each and no step.
            let headers = source.headers();
            if headers.iter().all(|header| header.step == 0) {
                let why = "it holds analyses, no forecast".to_owned();
                troubles.push(Trouble { file: file.name(), why });
                continue;
            }
            for (key, fields) in of_file {
                let part = Part { file: file.clone(), source: Arc::clone(&source), fields };
                parts.entry(key).or_default().push(part);
            }
        }
        let before = self.snapshot();
        let mut models: BTreeMap<String, Vec<Arc<Run>>> = BTreeMap::new();
        // The newest first: the older ones are not read where enough are there.
        for ((model, reference), parts) in parts.into_iter().rev() {
            if models.get(&model).is_some_and(|runs| runs.len() >= self.config.keep) {
                continue;
            }
            let kept = before.run(&model, Some(reference));
            if let Some(run) = self.run((&model, reference), parts, kept, &mut troubles) {
                models.entry(model).or_default().push(run);
            }
        }
        Snapshot { models, troubles }
    }

    /// The run of a model that begins at a time, from the newest of its files that can be read.
    fn run(
        &self,
        (model, reference): (&str, Time),
        mut parts: Vec<Part>,
        kept: Option<&Arc<Run>>,
        troubles: &mut Vec<Trouble>,
    ) -> Option<Arc<Run>> {
        loop {
            let (mut fit, replaced) = run::newest(parts);
            let same = |run: &&Arc<Run>| run.files.iter().eq(fit.iter().map(|part| &part.file));
            let planet = planet_of(&fit);
            let load =
                || Run::load(model, &planet, reference, &fit, &self.config.room).map(Arc::new);
            let error = match kept.filter(same).cloned().map_or_else(load, Ok) {
                Ok(run) => {
                    troubles.extend(replaced.into_iter().map(|(_, trouble)| trouble));
                    return Some(run);
                }
                Err(error) => error,
            };
            let at_fault = Part::at_fault(&fit, &error).filter(|_| !replaced.is_empty());
            let why = error.to_string();
            let Some(at_fault) = at_fault else {
                let names: Vec<String> = fit.iter().map(|part| part.file.name()).collect();
                troubles.push(Trouble { file: names.join(", "), why });
                return None;
            };
            // An older file may have the same forecast whole.
            troubles.push(Trouble { file: fit.remove(at_fault).file.name(), why });
            parts = fit;
            parts.extend(replaced.into_iter().map(|(part, _)| part));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
