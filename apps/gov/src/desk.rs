//! The desk: an index and the models that read it, opened once, asked many times.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use strata_core::runtime::{RunOptions, RuntimeError};
use strata_core::samples;
use strata_text::classify::Classifier;
use strata_text::date::Date;
use strata_text::embed::{EmbedError, Embedder};
use strata_text::index::{EmbeddingIdentity, Index, IndexConfig, IndexError, Snapshot};
use strata_text::reader::{ReaderError, SpanReader};
use strata_text::refuse::Refusal;
use strata_text::rerank::Reranker;

use crate::models::{ModelSource, ModelsError};

use crate::route::{Directory, DirectoryError};
use crate::scenario::{Mode, ModelNames, Scenario};

/// Why a question has no answer, other than a refusal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A model.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// Vectors.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The reader.
    #[error(transparent)]
    Reader(#[from] ReaderError),

    /// The departments of a scenario.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A file of a scenario.
    #[error(transparent)]
    Sample(#[from] samples::NoSample),
    /// A model's run, such as one that was stopped.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The index was made with vectors of another model.
    #[error(
        "the index was made with model {index}, and what is asked for is {asked}: name that model, or ingest into a new index"
    )]
    OtherModel {
        /// The model of the index.
        index: String,
        /// The model asked for.
        asked: String,
    },
    /// A question that cannot be asked.
    #[error("{0}")]
    Question(String),
    /// A quote that its document does not have: a bug, and nothing leaves.
    #[error("a quote of {0} is not verbatim, so nothing is answered; please report this")]
    NotVerbatim(String),
    /// A document that is not there, or that the asker may not see.
    #[error("there is no document {0:?} here")]
    NoDocument(String),
}

/// An index and the models that read it.
#[derive(Debug)]
pub struct Desk {
    pub(crate) index: Arc<Index>,
    pub(crate) embedder: Option<Arc<Embedder>>,
    pub(crate) reranker: Option<Arc<Reranker>>,
    pub(crate) reader: Option<Arc<SpanReader>>,
    pub(crate) refusal: Refusal,
    pub(crate) directory: Directory,
    pub(crate) router: Option<Arc<Classifier>>,
}

impl Desk {
    /// Opens the models of a scenario for an index.
    ///
    /// # Errors
    /// A model that is not ready, or whose vectors are not the index's.
    pub fn new(
        index: Arc<Index>,
        models: &dyn ModelSource,
        scenario: &Scenario,
    ) -> Result<Self, DeskError> {
        let names = &scenario.models;
        let directory = match &scenario.route.departments {
            Some(path) if Path::new(path).exists() => Directory::read(Path::new(path))?,
            Some(path) => Directory::read(&samples::find(path)?)?,
            None => Directory::default(),
        };
        let snapshot = index.snapshot();
        let embedding = snapshot.config().embedding.as_ref();
        let embedder = match (embedding, names.retriever.as_deref()) {
            // An index without vectors is searched by words alone.
            (None, _) | (_, None) => None,
            (Some(identity), Some(name)) => Some(matching(identity, models, name)?),
        };
        let refusal = crate::refusal::of(&index, today())?;
        let open = |name: &Option<String>| name.as_deref().map(|n| models.model(n)).transpose();
        // A case or a draft is answered without reading passages.
        let none = ModelNames { retriever: None, reranker: None, reader: None, router: None };
        let (names, router) = match scenario.mode {
            Mode::Ask | Mode::Guide => (names, None),
            Mode::Route => (&none, names.router.clone()),
            Mode::Check => (&none, None),
        };
        let router = open(&router)?.map(Classifier::new).transpose()?.map(Arc::new);
        let reranker = open(&names.reranker)?.map(Reranker::new).transpose()?.map(Arc::new);
        let reader = open(&names.reader)?.map(SpanReader::new).transpose()?.map(Arc::new);
        Ok(Self { index, embedder, reranker, reader, refusal, directory, router })
    }

    /// The index.
    #[must_use]
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// The state of the index that a question is answered from.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.index.snapshot()
    }

    /// The vector of a question, where the index has vectors.
    pub(crate) fn vector(
        &self,
        question: &str,
        run: &RunOptions,
    ) -> Result<Option<Vec<f32>>, DeskError> {
        let embedder = self.embedder.as_ref();
        Ok(embedder.map(|embedder| embedder.query(question, run)).transpose()?)
    }

    /// Names and digests of the models, for what an answer rests on.
    #[must_use]
    pub fn provenance(&self) -> Vec<Arc<strata_core::provenance::Provenance>> {
        let models = [
            self.embedder.as_ref().map(|model| model.model()),
            self.reranker.as_ref().map(|model| model.model()),
            self.reader.as_ref().map(|model| model.model()),
            self.router.as_ref().map(|model| model.model()),
        ];
        models.into_iter().flatten().map(|model| Arc::clone(model.provenance())).collect()
    }
}

/// A model's name and the beginning of its file's digest: a model that was trained again can have the same name.
fn named(model: &EmbeddingIdentity) -> String {
    format!("{} (sha256 {}…)", model.name, model.sha256.get(..8).unwrap_or_default())
}

/// The embedder of a name, which must be the one the index was made with.
fn matching(
    identity: &EmbeddingIdentity,
    models: &dyn ModelSource,
    name: &str,
) -> Result<Arc<Embedder>, DeskError> {
    let embedder = Embedder::new(models.model(name)?)?;
    if embedder.identity() != *identity {
        let (index, asked) = (named(identity), named(&embedder.identity()));
        return Err(DeskError::OtherModel { index, asked });
    }
    Ok(Arc::new(embedder))
}

/// Opens an index, or makes one for the vectors of a model.
///
/// # Errors
/// An index that cannot be opened, or that has vectors of another model.
pub fn open_or_create(
    dir: &Path,
    models: &dyn ModelSource,
    retriever: Option<&str>,
) -> Result<(Index, Option<Arc<Embedder>>), DeskError> {
    if Index::exists(dir) {
        let index = Index::open(dir)?;
        let snapshot = index.snapshot();
        let embedder = match (snapshot.config().embedding.as_ref(), retriever) {
            (None, _) => None,
            (Some(identity), Some(name)) => Some(matching(identity, models, name)?),
            (Some(identity), None) => {
                let (index, asked) = (named(identity), "none".to_owned());
                return Err(DeskError::OtherModel { index, asked });
            }
        };
        return Ok((index, embedder));
    }
    let embedder = match retriever {
        Some(name) => Some(Arc::new(Embedder::new(models.model(name)?)?)),
        None => None,
    };
    let embedding = embedder.as_ref().map(|embedder| embedder.identity());
    Ok((Index::create(dir, &IndexConfig { embedding, ..IndexConfig::default() })?, embedder))
}

/// The day it is in Beijing, which is an office's day.
#[must_use]
pub fn today() -> Date {
    const AHEAD: u64 = 8 * 3600;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let days = i32::try_from((seconds + AHEAD) / 86_400).unwrap_or(0);
    // A clock beyond the year 9999 is not answered sensibly in any case.
    Date::from_days(days).unwrap_or_else(|| Date::new(1970, 1, 1).expect("a day"))
}
