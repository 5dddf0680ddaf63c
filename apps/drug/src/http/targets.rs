//! `/v1/targets`, `/v1/targets/list`: the protein targets molecules may act on, and which ones a model knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::hub::Hub;
use strata_core::paths::SearchPath;
use strata_core::provenance::{Provenance, STRATA_VERSION};
use strata_core::runtime::{Model, OpenOptions, PoolConfig};
use strata_serve::keys::Scope;
use strata_serve::{Operation, Problem};

use super::problems::{of_models, of_tool};
use crate::input::structure;
use crate::screen::{ModelSource, ModelsError};
use crate::targets::{
    Background, DEFAULT_MODEL, Fished, Fishing, TargetInfo, TargetNames, TargetOrder,
    TargetPredictor, fish,
};
use crate::tools::ToolError;

/// Sessions of a model over tables.
const SESSIONS: usize = 2;

/// Targets of a molecule at most.
const MOST: usize = 1000;

/// A model that is ready, with its reference scores.
struct Ready {
    generation: u64,
    model: TargetPredictor,
    background: Background,
}

/// The models of targets of a server.
pub(super) struct Targets {
    hub: Arc<Hub>,
    pub(super) names: TargetNames,
    ready: Mutex<HashMap<String, Arc<Ready>>>,
}

/// The hub's models, opened once more as models over tables: the hub's own keep the form that inference clients know.
impl ModelSource for Targets {
    fn model(&self, name: &str) -> Result<(Arc<Model>, SearchPath), ModelsError> {
        let served = self.hub.get(name, None)?;
        let options = OpenOptions {
            pool: PoolConfig { sessions: SESSIONS, arena: false, ..PoolConfig::default() },
            rows: true,
            ..OpenOptions::default()
        };
        let card = served.model().card().clone();
        let model = Model::open(card, served.search(), &options)?;
        Ok((Arc::new(model), served.search().clone()))
    }
}

impl Targets {
    pub(super) fn new(hub: &Arc<Hub>) -> Self {
        Self { hub: Arc::clone(hub), names: TargetNames::built_in(), ready: Mutex::default() }
    }

    /// A model as it is now; made anew when the hub's models changed.
    fn get(&self, name: &str) -> Result<Arc<Ready>, Problem> {
        // One at a time: who comes second finds it made.
        let mut all = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.hub.generation();
        if let Some(ready) = all.get(name).filter(|ready| ready.generation == generation) {
            return Ok(Arc::clone(ready));
        }
        let model = TargetPredictor::open(name, self).map_err(|error| match &error {
            ToolError::Models(error) => of_models(error),
            other => of_tool("/model", other),
        })?;
        let background = Background::built_in(&model).map_err(|error| of_tool("/model", &error))?;
        let ready = Arc::new(Ready { generation, model, background });
        all.insert(name.to_owned(), Arc::clone(&ready));
        Ok(ready)
    }
}

/// Molecules whose targets are asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TargetsAsk {
    /// The molecules.
    #[schemars(length(min = 1))]
    smiles: Vec<String>,
    /// At most so many targets a molecule.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 1000))]
    top: u32,
    /// Only targets of at least this probability.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    min: f64,
    /// What targets are ordered by.
    #[serde(default)]
    by: TargetOrder,
    /// The model.
    #[serde(default = "default_model")]
    model: String,
}

fn ten() -> u32 {
    10
}

fn default_model() -> String {
    DEFAULT_MODEL.to_owned()
}

/// The targets of molecules.
#[derive(Debug, Serialize, JsonSchema)]
struct TargetsReply {
    /// One result a molecule, in order. One that cannot be read has an error_code.
    results: Vec<Fished>,
    /// Reference molecules that percentiles are taken among.
    reference: u64,
    /// The model: name, version, SHA-256 of its file.
    model: ModelInfo,
    /// Version of Strata.
    strata: &'static str,
}

/// The model behind an answer.
#[derive(Debug, Serialize, JsonSchema)]
struct ModelInfo {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
    /// SHA-256 of its file.
    sha256: String,
}

impl From<Provenance> for ModelInfo {
    fn from(from: Provenance) -> Self {
        Self { name: from.model, version: from.version, sha256: from.sha256 }
    }
}

/// Which targets are asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListAsk {
    /// Only targets whose identifier, gene, name, organism or class holds this text.
    #[serde(default)]
    text: String,
    /// The model.
    #[serde(default = "default_model")]
    model: String,
}

/// Targets of a model.
#[derive(Debug, Serialize, JsonSchema)]
struct TargetList {
    /// Those found, in the model's order; gene, name, organism and class are empty where the server has no name for one.
    targets: Vec<TargetInfo>,
    /// All targets of the model.
    of: u64,
}

pub(super) fn operations(targets: &Arc<Targets>) -> Vec<Operation> {
    let (fishing, list) = (Arc::clone(targets), Arc::clone(targets));
    vec![
        Operation::post("targets", "/v1/targets")
            .about(
                "Targets",
                "Protein targets molecules may act on, best first",
                "Probabilities are not calibrated across targets; percentiles compare a score with those of reference \
                 molecules on the same target.",
            )
            .computes(move |call, ask: TargetsAsk| {
                call.check_rows("/smiles", ask.smiles.len())?;
                if ask.smiles.is_empty() {
                    return Err(Problem::field("/smiles", "there are no molecules"));
                }
                let top @ 1..=MOST = ask.top as usize else {
                    return Err(Problem::field("/top", format!("it must be from 1 to {MOST}")));
                };
                if !(0.0..=1.0).contains(&ask.min) {
                    return Err(Problem::field("/min", "a probability is from 0 to 1"));
                }
                let ready = fishing.get(&ask.model)?;
                let (model, background) = (&ready.model, &ready.background);
                let names = &fishing.names;
                let (min, by) = (ask.min, ask.by);
                let fished = Fishing { model, names, background, top, min, by };
                let molecules = ask.smiles.into_iter().map(|smiles| {
                    let mol = structure(&smiles);
                    (smiles, mol)
                });
                Ok(TargetsReply {
                    results: fish(&fished, molecules.collect()),
                    reference: background.molecules() as u64,
                    model: model.provenance().into(),
                    strata: STRATA_VERSION,
                })
            }),
        Operation::get("target-list", "/v1/targets/list")
            .about("Targets", "The targets a model knows", "")
            .scope(Scope::Read)
            .computes(move |_, ask: ListAsk| {
                let ready = list.get(&ask.model)?;
                let ids = ready.model.ids();
                Ok(TargetList { targets: list.names.search(ids, &ask.text), of: ids.len() as u64 })
            }),
    ]
}
