//! Models of texts that are ready: opened from their cards for one run, or those of a server.

use std::path::Path;
use std::sync::Arc;

use strata_core::card::{ModelCard, ModelStore};
use strata_core::hub::{Hub, HubError};
use strata_core::paths;
use strata_core::provenance::Featuriser;
use strata_core::runtime::{Model, OpenOptions, PoolConfig};
use strata_text::reader::SpanReader;
use strata_text::{embed, reader};

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// A card is absent or wrong.
    #[error("{0}")]
    Card(#[from] strata_core::card::CardError),
    /// A model did not open.
    #[error("{0}")]
    Open(#[from] strata_core::runtime::OpenError),
    /// A server's model is not ready.
    #[error("{0}")]
    Hub(#[from] HubError),
}

/// Whether a card describes a model of texts or of answers in them.
#[must_use]
pub fn is_text(card: &ModelCard) -> bool {
    embed::is_text(card) || SpanReader::is_model(card)
}

/// What makes the inputs of a card, for provenance.
#[must_use]
pub fn featuriser_of(card: &ModelCard) -> Option<Featuriser> {
    embed::featuriser_of(card).or_else(|| reader::featuriser_of(card))
}

/// Where a run's models come from.
pub trait ModelSource: Send + Sync {
    /// A model that is ready.
    ///
    /// # Errors
    /// Why it is not ready.
    fn model(&self, name: &str) -> Result<Arc<Model>, ModelsError>;
}

/// Models opened from their folder, for one run.
#[derive(Debug)]
pub struct Folder {
    store: ModelStore,
    sessions: usize,
}

impl Folder {
    /// The models of a folder, or of the usual places; `sessions` can run each at the same time.
    #[must_use]
    pub fn new(models_dir: Option<&Path>, sessions: usize) -> Self {
        let store = ModelStore::new(paths::search_path(models_dir));
        Self { store, sessions: sessions.max(1) }
    }

    /// The cards.
    #[must_use]
    pub fn store(&self) -> &ModelStore {
        &self.store
    }
}

impl ModelSource for Folder {
    fn model(&self, name: &str) -> Result<Arc<Model>, ModelsError> {
        let card = self.store.card(name)?;
        let pool = PoolConfig { sessions: self.sessions, ..PoolConfig::default() };
        let featuriser = featuriser_of(&card);
        // A run asks for vectors only, so the last layer's other rows need not be computed.
        let first_rows = embed::Embedder::first_rows(&card);
        let options = OpenOptions { pool, featuriser, first_rows, ..OpenOptions::default() };
        Ok(Arc::new(Model::open(card, self.store.search(), &options)?))
    }
}

/// The models of a server, which are open already.
impl ModelSource for Hub {
    fn model(&self, name: &str) -> Result<Arc<Model>, ModelsError> {
        Ok(Arc::clone(self.get(name, None)?.model()))
    }
}
