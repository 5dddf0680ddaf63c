//! What a server holds: the index, its scenarios with their models, the audit log.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strata_core::hub::Hub;
use strata_serve::{Call, Kit, Problem};
use strata_text::embed::Embedder;
use strata_text::index::{Index, IndexConfig};

use super::problems::{of_desk, of_index};
use super::{GovSection, HttpError};
use crate::audit::{AuditLog, Record};
use crate::desk::{Desk, DeskError};
use crate::models::ModelSource;
use crate::scenario::{Loaded, Mode, Scenario};

/// How often a change by another program is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Desks by scenario, for the models as they were at a generation of the hub.
type Desks = HashMap<String, (u64, Arc<Desk>)>;

/// The index, scenarios and log of a server.
pub(super) struct Office {
    hub: Arc<Hub>,
    index: Mutex<Option<Arc<Index>>>,
    dir: PathBuf,
    retriever: Option<String>,
    scenarios: Vec<Loaded>,
    desks: Mutex<Desks>,
    audit: Option<AuditLog>,
    looked: Mutex<Instant>,
    /// One request writes the index at a time.
    pub(super) writing: Mutex<()>,
    pub(super) feedback: Option<Mutex<std::fs::File>>,
}

impl Office {
    /// Opens the index and the log; no model is opened yet.
    pub(super) fn new(kit: &Kit, gov: &GovSection) -> Result<Self, HttpError> {
        let dir = gov.index.clone().ok_or(HttpError::NoIndex)?;
        let index = match Index::exists(&dir) {
            true => Some(Arc::new(Index::open(&dir)?)),
            false => None,
        };
        let append = |path: &PathBuf| {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            file.map_err(|source| HttpError::File { key: "feedback", path: path.clone(), source })
        };
        Ok(Self {
            hub: Arc::clone(kit.hub()),
            index: Mutex::new(index),
            dir,
            retriever: Some(gov.retriever.clone()).filter(|name| name != "none"),
            scenarios: strata_core::scenario::all(&gov.scenarios)?,
            desks: Mutex::default(),
            audit: gov.audit.as_deref().map(AuditLog::open).transpose()?,
            looked: Mutex::new(Instant::now()),
            writing: Mutex::default(),
            feedback: gov.feedback.as_ref().map(append).transpose()?.map(Mutex::new),
        })
    }

    /// The scenarios.
    pub(super) fn scenarios(&self) -> &[Loaded] {
        &self.scenarios
    }

    /// A scenario of one of these modes; the first of them where none is named.
    pub(super) fn scenario(&self, name: Option<&str>, modes: &[Mode]) -> Result<&Loaded, Problem> {
        let fits = |loaded: &&Loaded| modes.contains(&loaded.scenario.mode);
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            let first = self.scenarios.iter().find(fits);
            return first.ok_or_else(|| Problem::internal("no scenario of this kind"));
        };
        let found = self.scenarios.iter().find(|loaded| loaded.scenario.name == name);
        found.filter(fits).ok_or_else(|| {
            let usable = self.scenarios.iter().filter(fits);
            let names: Vec<&str> = usable.map(|loaded| loaded.scenario.name.as_str()).collect();
            let name: String = name.chars().take(80).collect();
            let text =
                format!("there is no scenario {name:?} for this; there is {}", names.join(", "));
            Problem::field("scenario", text).with_remedy("/v1/scenarios lists them")
        })
    }

    /// The index, made where there is none yet.
    pub(super) fn index(&self) -> Result<Arc<Index>, Problem> {
        let mut slot = lock(&self.index);
        if let Some(index) = &*slot {
            let mut looked = lock(&self.looked);
            if looked.elapsed() >= LOOK_EVERY {
                *looked = Instant::now();
                index.refresh().map_err(|error| of_index(&error))?;
            }
            return Ok(Arc::clone(index));
        }
        let embedding = match &self.retriever {
            Some(name) => {
                let model = self.hub.model(name).map_err(|error| of_desk(&error.into()))?;
                let embedder = Embedder::new(model).map_err(|error| of_desk(&error.into()))?;
                Some(embedder.identity())
            }
            None => None,
        };
        let config = IndexConfig { embedding, ..IndexConfig::default() };
        let index = Index::create(&self.dir, &config).map_err(|error| of_index(&error))?;
        Ok(Arc::clone(slot.insert(Arc::new(index))))
    }

    /// The desk of a scenario, with its models as they are now.
    pub(super) fn desk(&self, loaded: &Loaded) -> Result<Arc<Desk>, Problem> {
        self.desk_of(&loaded.scenario.name, &loaded.scenario)
    }

    /// The desk that finds passages and reads none: it needs no reader.
    pub(super) fn finder(&self) -> Result<Arc<Desk>, Problem> {
        let mut scenario = self.scenario(None, &[Mode::Ask])?.scenario.clone();
        scenario.models.reader = None;
        // No scenario has a name with a space.
        self.desk_of("finds passages", &scenario)
    }

    fn desk_of(&self, name: &str, scenario: &Scenario) -> Result<Arc<Desk>, Problem> {
        let generation = self.hub.generation();
        if let Some((made, desk)) = lock(&self.desks).get(name)
            && *made == generation
        {
            self.index()?;
            return Ok(Arc::clone(desk));
        }
        let mut scenario = scenario.clone();
        if self.retriever.is_none() {
            scenario.models.retriever = None;
        }
        let index = self.index()?;
        let desk = Desk::new(index, self.hub.as_ref(), &scenario);
        let desk = Arc::new(desk.map_err(|error: DeskError| of_desk(&error))?);
        lock(&self.desks).insert(name.to_owned(), (generation, Arc::clone(&desk)));
        Ok(desk)
    }

    /// What makes the vectors of new documents.
    pub(super) fn embedder(&self) -> Result<Option<Arc<Embedder>>, Problem> {
        Ok(self.finder()?.embedder.clone())
    }

    /// Writes an entry of the log. Without it nothing is answered.
    pub(super) fn log(&self, call: &Call, record: Record) -> Result<(), Problem> {
        let Some(audit) = &self.audit else { return Ok(()) };
        let who = call.caller.name.clone();
        let record = Record { who, request: call.request_id.clone(), ..record };
        audit.append(record).map_err(|error| {
            tracing::error!(%error, "audit log");
            Problem::internal("the audit log cannot be written, so nothing is answered")
        })
    }

    /// Opens the desks of the scenarios whose models are there.
    pub(super) fn warm_up(&self) -> Result<(), Problem> {
        self.finder()?;
        for loaded in &self.scenarios {
            if let Err(problem) = self.desk(loaded) {
                let (scenario, why) = (&loaded.scenario.name, problem.detail);
                tracing::warn!(scenario, why, "scenario not ready");
            }
        }
        Ok(())
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
