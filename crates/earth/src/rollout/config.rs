//! What a forecast is asked for, and how it went.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use strata_core::runtime::{CancelToken, PoolConfig};

use super::perturb::Ensemble;
use super::schedule::Order;
use super::selection::Selection;
use crate::state::State;

/// What a forecast begins from. Several are an ensemble of lagged forecasts, the latest analysis first.
#[derive(Debug, Clone)]
pub struct Initial {
    /// The state.
    pub state: State,
    /// Whose atmosphere it is of.
    pub planet: String,
}

/// Where and how often a run is saved.
#[derive(Debug, Clone)]
pub struct Saving {
    /// The folder of states and checkpoint.
    pub folder: PathBuf,
    /// Time between checkpoints.
    pub every: Duration,
    /// Whether to go on with the checkpoint that is there; one of other settings is refused.
    pub resume: bool,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Config {
    /// Leads that are written, in hours.
    pub leads: Vec<u32>,
    /// Order of the runs.
    pub order: Order,
    /// What is written of each.
    pub selection: Selection,
    /// Members of an ensemble; 1 for one forecast. Lagged ensembles have as many as there are analyses.
    pub members: u32,
    /// How members are perturbed.
    pub ensemble: Ensemble,
    /// Devices and threads.
    pub pool: PoolConfig,
    /// Checkpoints; without, states that wait stay in memory.
    pub saving: Option<Saving>,
    /// States in memory at a time, where there is a folder for others; at least 4. By default as many as 256 MiB hold.
    pub states: usize,
    /// Whether a run that does not fit into memory is refused.
    pub memory_check: bool,
    /// Metadata of the file.
    pub attributes: BTreeMap<String, String>,
    /// Stops the run.
    pub cancel: Option<CancelToken>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            leads: Vec::new(),
            order: Order::ByModel,
            selection: Selection::default(),
            members: 1,
            ensemble: Ensemble::default(),
            // States are large and the same size each time: an arena would keep the largest of every kind.
            pool: PoolConfig { arena: false, memory_pattern: false, ..PoolConfig::default() },
            saving: None,
            states: 0,
            memory_check: true,
            attributes: BTreeMap::new(),
            cancel: None,
        }
    }
}

impl Config {
    /// States that may be in memory at a time.
    pub(super) fn states_in_memory(&self, state_bytes: u64) -> usize {
        const USUAL: u64 = 256 << 20;
        let held = if self.states > 0 { self.states as u64 } else { USUAL / state_bytes.max(1) };
        usize::try_from(held.clamp(4, 10_000)).unwrap_or(4)
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Runs that are done.
    pub done: usize,
    /// Runs in all.
    pub total: usize,
    /// Member of the last one.
    pub member: u32,
    /// Lead it reached, in hours.
    pub lead: u32,
    /// Step of its model, in hours.
    pub step: u32,
}

/// How a run went.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Report {
    /// Runs of models, members included, those before a resumption not.
    pub runs: usize,
    /// Times a model was loaded.
    pub loads: usize,
    /// Seconds inside models.
    pub model_seconds: f64,
    /// Seconds in all.
    pub seconds: f64,
    /// Checkpoints made.
    pub checkpoints: usize,
    /// What the models ran on: ONNX Runtime's providers and version.
    pub ran_on: BTreeSet<String>,
}
