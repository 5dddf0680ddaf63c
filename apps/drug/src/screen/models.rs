//! The models of a run: found, verified, opened, and what they share (featurisers, fingerprints of
//! the training domains) worked out once.

use std::path::Path;
use std::sync::Arc;

use strata_chem::arena::DomainSet;
use strata_chem::features::{Featuriser, ModelFeaturiser};
use strata_core::card::{ModelCard, ModelStore, Role};
use strata_core::hub::{Hub, HubError};
use strata_core::paths::{self, SearchPath};
use strata_core::provenance::Featuriser as FeaturiserStamp;
use strata_core::runtime::{Model, OpenOptions, PoolConfig};
use strata_core::verify::{Limits, read_file};

use super::reference::{Reference, ReferenceError};
use super::{CardModel, Predictor, targets};

/// Task of cards whose every output is a target.
const TARGETS: &str = "target-activity";

/// Which models to run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ModelChoice {
    /// Those of the scenario.
    #[default]
    Scenario,
    /// These, whatever the scenario says; may be none.
    Only(Vec<String>),
}

impl std::str::FromStr for ModelChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names = names.filter(|&name| name != "none").map(str::to_owned);
        Ok(Self::Only(names.collect()))
    }
}

/// Why the models of a run are not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// A card is absent or wrong.
    #[error("{0} (or choose other models with --models, or --models none)")]
    Card(#[from] strata_core::card::CardError),
    /// A model did not open.
    #[error("{0}")]
    Open(#[from] strata_core::runtime::OpenError),
    /// A file of a model is not what its card says.
    #[error("{0}")]
    Verify(#[from] strata_core::verify::VerifyError),
    /// A server's model is not ready.
    #[error("{0}")]
    Hub(#[from] HubError),
    /// A reference set for percentiles.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A model is none that screening can run.
    #[error("model {model} cannot be used for screening: {why}")]
    Unfit {
        /// The model.
        model: String,
        /// Why not.
        why: String,
    },
    /// Two models predict a column of the same name.
    #[error("models {first} and {second} both give the column {column}: choose one with --models")]
    SameColumn {
        /// The one model.
        first: String,
        /// The other.
        second: String,
        /// The column.
        column: String,
    },
}

/// A featuriser of rows that one or more models take.
#[derive(Debug)]
pub(super) struct SharedFeaturiser {
    pub(super) inner: Featuriser,
}

impl SharedFeaturiser {
    pub(super) fn dim(&self) -> usize {
        self.inner.dim()
    }
}

/// A kind of fingerprint that one or more training domains are searched with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FingerprintKind {
    pub(super) bits: usize,
    pub(super) radius: u32,
}

/// The training molecules of a model.
#[derive(Debug)]
pub(super) struct Domain {
    pub(super) set: DomainSet,
    /// The data sets of the file that are this model's.
    pub(super) datasets: Vec<usize>,
    /// Position in [`LoadedModels::fingerprints`].
    pub(super) kind: usize,
}

/// The models of a run.
#[derive(Default)]
pub struct LoadedModels {
    pub(super) predictors: Vec<Box<dyn Predictor>>,
    /// Each predictor's position in `featurisers`; none where it takes a graph alone.
    pub(super) features_of: Vec<Option<usize>>,
    /// Whether a predictor takes graphs.
    pub(super) graphs: bool,
    /// What the features of each predictor are made with, each once.
    pub(super) stamps: Vec<FeaturiserStamp>,
    pub(super) featurisers: Vec<SharedFeaturiser>,
    pub(super) domains: Vec<Domain>,
    /// Reference sets, for percentiles; the first that has an endpoint counts.
    pub(super) references: Vec<Reference>,
    pub(super) fingerprints: Vec<FingerprintKind>,
    /// SHA-256 of each domain file, so that a file several models share is searched once.
    domain_files: Vec<String>,
}

impl std::fmt::Debug for LoadedModels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.predictors.iter().map(|model| model.name())).finish()
    }
}

impl LoadedModels {
    /// The models, in the order of their columns.
    #[must_use]
    pub fn predictors(&self) -> &[Box<dyn Predictor>] {
        &self.predictors
    }

    /// Takes an open model and works out what it needs.
    fn take(&mut self, model: &Arc<Model>, search: &SearchPath) -> Result<(), ModelsError> {
        let card = model.card();
        let Features { inner, stamp, targets } = Features::of(card)?;
        self.add_domain(card, search)?;
        self.references.extend(Reference::of_card(card, search)?);
        let dim = inner.rows.as_ref().map_or(0, Featuriser::dim);
        let unfit = |why: String| ModelsError::Unfit { model: card.name.clone(), why };
        let predictor: Box<dyn Predictor> = match targets {
            true => Box::new(targets::TargetsModel::new(Arc::clone(model), &stamp.id, dim)),
            false => {
                let graph = inner.graph;
                Box::new(CardModel::new(Arc::clone(model), &stamp, (dim, graph)).map_err(unfit)?)
            }
        };
        self.add(predictor, stamp, inner);
        Ok(())
    }

    /// Adds an open model, with the featuriser it takes.
    fn add(
        &mut self,
        predictor: Box<dyn Predictor>,
        stamp: FeaturiserStamp,
        featuriser: ModelFeaturiser,
    ) {
        let at = featuriser.rows.map(|inner| {
            let known = self.featurisers.iter().position(|known| known.inner == inner);
            known.unwrap_or_else(|| {
                self.featurisers.push(SharedFeaturiser { inner });
                self.featurisers.len() - 1
            })
        });
        if !self.stamps.contains(&stamp) {
            self.stamps.push(stamp);
        }
        self.graphs |= featuriser.graph;
        self.features_of.push(at);
        self.predictors.push(predictor);
    }

    fn add_domain(&mut self, card: &ModelCard, search: &SearchPath) -> Result<(), ModelsError> {
        let Some(file) = card.files.iter().find(|file| file.role == Role::Domain) else {
            return Ok(());
        };
        let sha256 = file.sha256.clone();
        let unfit = |why: String| ModelsError::Unfit { model: card.name.clone(), why };
        let at = match self.domain_files.iter().position(|known| *known == sha256) {
            Some(at) => at,
            None => {
                let read = read_file(card, &file.path, search, &Limits::default())?;
                let set = DomainSet::from_bytes(&read.shared())
                    .map_err(|error| unfit(format!("{}: {error}", file.path)))?;
                let kind = FingerprintKind { bits: set.bits(), radius: set.radius() };
                let known = self.fingerprints.iter().position(|known| *known == kind);
                let kind = known.unwrap_or_else(|| {
                    self.fingerprints.push(kind);
                    self.fingerprints.len() - 1
                });
                self.domain_files.push(sha256);
                self.domains.push(Domain { set, datasets: Vec::new(), kind });
                self.domains.len() - 1
            }
        };
        let domain = &mut self.domains[at];
        // A file of several data sets names them after the models; another is the model's own.
        let own = match domain.set.dataset(&card.name) {
            Some(dataset) => dataset..dataset + 1,
            None => 0..domain.set.names().len(),
        };
        domain.datasets.extend(own);
        domain.datasets.sort_unstable();
        domain.datasets.dedup();
        Ok(())
    }

    /// The reference set that has an endpoint.
    pub(super) fn reference(&self, endpoint: &str) -> Option<&Reference> {
        self.references.iter().find(|set| set.column(endpoint).is_some())
    }

    /// Molecules of all training domains.
    pub(super) fn domain_size(&self) -> usize {
        self.domains.iter().map(|domain| domain.set.len()).sum()
    }

    /// The first column that two models both give.
    fn check_columns(&self) -> Result<(), ModelsError> {
        let mut seen: Vec<(String, &str)> = Vec::new();
        for model in &self.predictors {
            for column in
                model.endpoints().iter().flat_map(super::predict::PredictedEndpoint::columns)
            {
                if let Some((_, first)) = seen.iter().find(|(known, _)| *known == column) {
                    let (first, second) = ((*first).to_owned(), model.name().to_owned());
                    return Err(ModelsError::SameColumn { first, second, column });
                }
                seen.push((column, model.name()));
            }
        }
        Ok(())
    }
}

/// What a model's card says of its features.
struct Features {
    inner: ModelFeaturiser,
    stamp: FeaturiserStamp,
    /// Whether its outputs are targets; then the card says in its own words how features are made.
    targets: bool,
}

impl Features {
    fn of(card: &ModelCard) -> Result<Self, ModelsError> {
        let unfit = |why: String| ModelsError::Unfit { model: card.name.clone(), why };
        let targets = card.task == TARGETS;
        let id = match targets {
            true => targets::featuriser_id(card),
            false => card.featuriser().map(|(id, _)| id.to_owned()),
        };
        let id =
            id.ok_or_else(|| unfit("its card names no featuriser under [preprocess]".into()))?;
        let inner = ModelFeaturiser::from_id(&id).map_err(|error| unfit(error.to_string()))?;
        if !inner.graph && card.inputs.len() != 1 {
            return Err(unfit("it takes more than one input".to_owned()));
        }
        let stamp = FeaturiserStamp { id, hash: inner.hash() };
        Ok(Self { inner, stamp, targets })
    }
}

/// What makes the features of a model that screening can run, for its provenance and for the check
/// against its card; `None` for other models.
#[must_use]
pub fn featuriser_of(card: &ModelCard) -> Option<FeaturiserStamp> {
    Features::of(card).ok().filter(|features| !features.targets).map(|features| features.stamp)
}

/// Where a run's models come from.
pub trait ModelSource: Send + Sync {
    /// A model that is ready, and where its other files are looked for.
    ///
    /// # Errors
    /// Why it is not ready.
    fn model(&self, name: &str) -> Result<(Arc<Model>, SearchPath), ModelsError>;
}

/// Models opened from their folder, for one run.
#[derive(Debug)]
pub struct Folder {
    store: ModelStore,
    threads: usize,
}

impl Folder {
    /// The models of a folder, or of the usual places; `threads` can run each at the same time.
    #[must_use]
    pub fn new(models_dir: Option<&Path>, threads: usize) -> Self {
        Self { store: ModelStore::new(paths::search_path(models_dir)), threads }
    }
}

impl ModelSource for Folder {
    fn model(&self, name: &str) -> Result<(Arc<Model>, SearchPath), ModelsError> {
        let card = self.store.card(name)?;
        let Features { stamp, targets, .. } = Features::of(&card)?;
        let options = OpenOptions {
            // The arena keeps what its largest batch took, in every session.
            pool: PoolConfig {
                sessions: self.threads.max(1),
                arena: false,
                ..PoolConfig::default()
            },
            featuriser: (!targets).then_some(stamp),
            // One row a call and an output a target would take a hundred times as long.
            rows: targets,
            ..OpenOptions::default()
        };
        let model = Model::open(card, self.store.search(), &options)?;
        Ok((Arc::new(model), self.store.search().clone()))
    }
}

/// The models of a server, which are open already.
impl ModelSource for Hub {
    fn model(&self, name: &str) -> Result<(Arc<Model>, SearchPath), ModelsError> {
        let served = self.get(name, None)?;
        Ok((Arc::clone(served.model()), served.search().clone()))
    }
}

/// The models of these names, in the order of their columns.
///
/// # Errors
/// [`ModelsError`]: nothing is screened with a part of the models.
pub fn load_models(
    names: &[String],
    source: &dyn ModelSource,
) -> Result<LoadedModels, ModelsError> {
    let mut loaded = LoadedModels::default();
    for name in names {
        let (model, search) = source.model(name)?;
        loaded.take(&model, &search)?;
    }
    loaded.check_columns()?;
    Ok(loaded)
}

/// A model of targets, the featuriser it takes, and its targets' names.
pub(crate) type TargetParts = (Box<dyn Predictor>, Featuriser, Vec<String>);

/// The one model of a name, whose every output must be a target, with the featuriser it takes.
pub(crate) fn target_model(
    name: &str,
    source: &dyn ModelSource,
) -> Result<TargetParts, ModelsError> {
    let (model, _) = source.model(name)?;
    let card = model.card();
    let unfit = |why: &str| ModelsError::Unfit { model: card.name.clone(), why: why.to_owned() };
    let Features { inner, stamp, targets } = Features::of(card)?;
    if !targets {
        return Err(unfit("its outputs are no targets; chembl-multitask's are"));
    }
    let Some(rows) = inner.rows.filter(|_| !inner.graph) else {
        return Err(unfit(
            "it takes graphs of molecules, and a model of targets takes rows of numbers",
        ));
    };
    let ids = card.outputs.iter().map(|port| port.name.clone()).collect();
    let predictor = targets::TargetsModel::new(Arc::clone(&model), &stamp.id, rows.dim());
    Ok((Box::new(predictor), rows, ids))
}
