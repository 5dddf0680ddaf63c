//! Vision models that are ready: opened from their cards, with what the kit needs to feed and read them.

use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayView4, IxDyn};
use strata_core::card::{Dim, Dtype, ModelCard, ModelStore};
use strata_core::hub::{Hub, HubError};
use strata_core::paths;
use strata_core::provenance::{Featuriser, Provenance};
use strata_core::runtime::{
    Inputs, Model, OpenOptions, Outputs, PoolConfig, RunOptions, RuntimeError,
};
use strata_vision::preprocess::{self, Placement, PrepareError, Preprocess, Source};

/// Name of the kit's preprocessing in provenance.
const KIT: &str = "vision/1";

/// Why a model cannot be used on pictures.
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
    /// Its card does not describe what is needed.
    #[error("model {model} cannot be used here: {why}")]
    Unfit {
        /// The model.
        model: String,
        /// Why not.
        why: String,
    },
}

/// Whether a card describes a model of pictures.
#[must_use]
pub fn is_vision(card: &ModelCard) -> bool {
    card.preprocess.get("kit").and_then(toml::Value::as_str) == Some(KIT)
}

/// What prepares the pictures of a card, for provenance.
#[must_use]
pub fn featuriser_of(card: &ModelCard) -> Option<Featuriser> {
    let preprocess = Preprocess::from_table(&card.preprocess).ok()?;
    is_vision(card).then(|| Featuriser { id: KIT.to_owned(), hash: preprocess.hash() })
}

/// A model that takes pictures.
#[derive(Debug)]
pub struct VisionModel {
    model: Arc<Model>,
    preprocess: Preprocess,
    input: String,
    outputs: Vec<String>,
    /// Most rows of one run; `None` where the model takes any number.
    rows: Option<usize>,
    /// Rows of every run, where the graph takes no other number.
    fixed: Option<usize>,
}

/// Pictures as the model takes them, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Numbers.
    Float32(Vec<f32>),
    /// Bytes.
    Uint8(Vec<u8>),
}

impl VisionModel {
    /// Checks that the card describes a model of pictures.
    ///
    /// # Errors
    /// [`ModelsError::Unfit`], with what the card lacks.
    pub fn new(model: Arc<Model>) -> Result<Self, ModelsError> {
        let card = model.card();
        let unfit = |why: String| ModelsError::Unfit { model: card.name.clone(), why };
        if !is_vision(card) {
            return Err(unfit(format!("its card has no `kit = \"{KIT}\"` under [preprocess]")));
        }
        let preprocess =
            Preprocess::from_table(&card.preprocess).map_err(|error| unfit(error.to_string()))?;
        let [port] = card.inputs.as_slice() else {
            return Err(unfit("it takes more than one input".to_owned()));
        };
        let wanted = match preprocess.dtype() {
            preprocess::Dtype::Uint8 => Dtype::Uint8,
            preprocess::Dtype::Float32 => Dtype::Float32,
        };
        if port.dtype != wanted {
            let dtype = port.dtype;
            return Err(unfit(format!("its input is {dtype}, but [preprocess] makes {wanted}")));
        }
        let shape = preprocess.shape(1);
        let fits = port.shape.len() == 4
            && port.shape[1..].iter().zip(&shape[1..]).all(|(dim, &made)| match dim {
                Dim::Fixed(n) => usize::try_from(*n) == Ok(made),
                Dim::Symbol(_) => true,
            });
        if !fits {
            return Err(unfit(format!(
                "[preprocess] makes pictures of {shape:?}, its input is another"
            )));
        }
        let fixed = match &port.shape[0] {
            Dim::Fixed(n) => Some(usize::try_from(*n).unwrap_or(1).max(1)),
            Dim::Symbol(_) => None,
        };
        // A graph may say that it takes any number of rows and fail on the second.
        let most = card.batching.as_ref().and_then(|batching| batching.max_rows);
        let rows = fixed.or(most);
        let input = port.name.clone();
        let outputs = card.outputs.iter().map(|port| port.name.clone()).collect();
        Ok(Self { preprocess, input, outputs, rows, fixed, model })
    }

    /// How many of `wanted` pictures it is worth to hold at a time: a model that takes one at a time gains nothing from more.
    #[must_use]
    pub fn worth(&self, wanted: usize) -> usize {
        self.rows.map_or(wanted, |rows| rows.min(wanted)).max(1)
    }

    /// Its card.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        self.model.card()
    }

    /// How pictures become its input.
    #[must_use]
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// What its answers come from.
    #[must_use]
    pub fn provenance(&self) -> &Arc<Provenance> {
        self.model.provenance()
    }

    /// The open model.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Room for this many pictures.
    #[must_use]
    pub fn pixels(&self, pictures: usize) -> Pixels {
        let length = pictures * self.preprocess.len();
        match self.preprocess.dtype() {
            preprocess::Dtype::Uint8 => Pixels::Uint8(vec![0; length]),
            preprocess::Dtype::Float32 => Pixels::Float32(vec![0.0; length]),
        }
    }

    /// Writes a picture, or a part of it, into place `slot`.
    ///
    /// # Errors
    /// A region without pixels, or a place that the buffer does not have.
    pub fn prepare(
        &self,
        source: Source<'_>,
        slot: usize,
        pixels: &mut Pixels,
    ) -> Result<Placement, PrepareError> {
        fn place<T>(data: &mut [T], slot: usize, each: usize) -> &mut [T] {
            data.chunks_exact_mut(each).nth(slot).unwrap_or_default()
        }
        let each = self.preprocess.len();
        match pixels {
            Pixels::Float32(data) => self.preprocess.prepare(source, place(data, slot, each)),
            Pixels::Uint8(data) => self.preprocess.prepare(source, place(data, slot, each)),
        }
    }

    /// Runs the model on the first `count` pictures from `first`, in as many runs as it needs. `take` gets
    /// the outputs of each run, how many pictures it was, and the place of the first of them.
    ///
    /// # Errors
    /// As [`Model::run`], or whatever `take` says.
    pub fn run<E: From<RuntimeError>>(
        &self,
        (pixels, first, count): (&Pixels, usize, usize),
        run: &RunOptions,
        mut take: impl FnMut(&Outputs, usize, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let most = self.rows.unwrap_or(count).max(1);
        let mut at = first;
        while at < first + count {
            let rows = most.min(first + count - at);
            let outputs = self.run_once(pixels, at, rows, run)?;
            take(&outputs, at, rows)?;
            at += rows;
        }
        Ok(())
    }

    fn run_once(
        &self,
        pixels: &Pixels,
        at: usize,
        rows: usize,
        run: &RunOptions,
    ) -> Result<Outputs, RuntimeError> {
        let each = self.preprocess.len();
        // A model of a fixed batch gets all its rows; those behind the last picture are not looked at.
        let fed = self.fixed.unwrap_or(rows);
        let shape = self.preprocess.shape(fed);
        match pixels {
            Pixels::Float32(data) => self.feed(shape, (&data[at * each..], fed * each), run),
            Pixels::Uint8(data) => self.feed(shape, (&data[at * each..], fed * each), run),
        }
    }

    fn feed<T: strata_core::runtime::Element + Default>(
        &self,
        shape: [usize; 4],
        (data, length): (&[T], usize),
        run: &RunOptions,
    ) -> Result<Outputs, RuntimeError> {
        if let Some(data) = data.get(..length) {
            let view = ArrayView4::from_shape(shape, data).map_err(|e| self.shape_error(&e))?;
            return self.model.run(&Inputs::new().with(&self.input, view), run);
        }
        let mut padded = data.to_vec();
        padded.resize(length, T::default());
        let view = ArrayView4::from_shape(shape, &padded).map_err(|e| self.shape_error(&e))?;
        self.model.run(&Inputs::new().with(&self.input, view), run)
    }

    fn shape_error(&self, error: &ndarray::ShapeError) -> RuntimeError {
        let (model, name) = (self.card().name.clone(), self.input.clone());
        RuntimeError::Output { model, name, reason: error.to_string() }
    }

    /// The float outputs of a run, by name, for the kit.
    ///
    /// # Errors
    /// When an output isn't float32.
    pub fn views<'a>(
        &self,
        outputs: &'a Outputs,
        names: Option<&[String]>,
    ) -> Result<Vec<ndarray::ArrayView<'a, f32, IxDyn>>, RuntimeError> {
        let names = names.unwrap_or(&self.outputs);
        names.iter().map(|name| outputs.view::<f32>(name)).collect()
    }

    /// Names of its outputs, in the card's order.
    #[must_use]
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }
}

/// Where a run's models come from.
pub trait ModelSource: Send + Sync {
    /// A model that is ready.
    ///
    /// # Errors
    /// Why it is not ready.
    fn model(&self, name: &str) -> Result<Arc<Model>, ModelsError>;

    /// A model of pictures that is ready.
    ///
    /// # Errors
    /// Why it is not ready, or no model of pictures.
    fn vision(&self, name: &str) -> Result<VisionModel, ModelsError> {
        VisionModel::new(self.model(name)?)
    }
}

/// Models opened from their folder, for one run.
#[derive(Debug)]
pub struct Folder {
    store: ModelStore,
    sessions: usize,
    intra_threads: usize,
}

impl Folder {
    /// The models of a folder, or of the usual places; `sessions` can run each at the same time.
    #[must_use]
    pub fn new(models_dir: Option<&Path>, sessions: usize) -> Self {
        let store = ModelStore::new(paths::search_path(models_dir));
        Self { store, sessions: sessions.max(1), intra_threads: 1 }
    }

    /// Threads within one operator, for each session.
    #[must_use]
    pub fn with_intra_threads(mut self, threads: usize) -> Self {
        self.intra_threads = threads;
        self
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
        let options = OpenOptions {
            pool: PoolConfig {
                sessions: self.sessions,
                intra_threads: self.intra_threads,
                ..PoolConfig::default()
            },
            featuriser: featuriser_of(&card),
            ..OpenOptions::default()
        };
        Ok(Arc::new(Model::open(card, self.store.search(), &options)?))
    }
}

/// The models of a server, which are open already.
impl ModelSource for Hub {
    fn model(&self, name: &str) -> Result<Arc<Model>, ModelsError> {
        Ok(Arc::clone(self.get(name, None)?.model()))
    }
}
