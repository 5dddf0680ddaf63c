//! `/v1/scenarios` and `/v1/index`: what there is to ask, and what it is asked of.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::keys::Scope;
use strata_serve::{Call, Nothing, Operation, Problem};

use super::office::Office;
use super::who;
use crate::desk::today;
use crate::scenario::{Loaded, Words};

/// A text in two languages.
#[derive(Debug, Serialize, JsonSchema)]
struct WordsInfo {
    /// Chinese.
    zh: String,
    /// English.
    en: String,
}

impl From<&Words> for WordsInfo {
    fn from(words: &Words) -> Self {
        Self { zh: words.zh.clone(), en: words.en.clone() }
    }
}

/// A scenario in short.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioInfo {
    /// Its name.
    name: String,
    /// Version of the file.
    version: String,
    /// SHA-256 of its text.
    sha256: String,
    /// `ask`, `guide`, `route` or `check`.
    mode: String,
    /// Its name for people.
    title: WordsInfo,
    /// What it is for.
    description: WordsInfo,
    /// What to try it with.
    examples: Vec<String>,
    /// Whether it answers: its models are ready.
    ready: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The scenarios of a server.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioList {
    /// The scenarios.
    scenarios: Vec<ScenarioInfo>,
}

/// Which scenario.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScenarioAsk {
    /// Its name.
    name: String,
}

/// A scenario in full.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioDetail {
    /// In short.
    scenario: ScenarioInfo,
    /// The file: a start for one's own.
    toml: String,
}

/// The index.
#[derive(Debug, Serialize, JsonSchema)]
struct IndexInfo {
    /// Documents that the caller may see.
    documents: usize,
    /// Model of its vectors; absent where it is searched by words alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    retriever: Option<String>,
    /// Its state; grows with every change.
    generation: String,
    /// Departments the caller's key may see.
    departments: Vec<String>,
    /// The day it is.
    today: String,
}

pub(super) fn operations(office: &Arc<Office>) -> Vec<Operation> {
    let [all, one, index] = std::array::from_fn(|_| Arc::clone(office));
    vec![
        Operation::get("scenarios", "/v1/scenarios")
            .about("Scenarios", "Scenarios", "")
            .scope(Scope::Read)
            .computes(move |_, _: Nothing| {
                let scenarios = all.scenarios().iter().map(|loaded| info(&all, loaded)).collect();
                Ok(ScenarioList { scenarios })
            }),
        Operation::get("scenario", "/v1/scenarios/{name}")
            .about("Scenarios", "A scenario in full", "")
            .scope(Scope::Read)
            .computes(move |_, ask: ScenarioAsk| {
                let found = one.scenarios().iter().find(|l| l.scenario.name == ask.name);
                let loaded = found.ok_or_else(|| {
                    let name: String = ask.name.chars().take(80).collect();
                    Problem::not_found("no-scenario", format!("there is no scenario {name:?}"))
                        .with_remedy("/v1/scenarios lists them")
                })?;
                let (scenario, toml) = (info(&one, loaded), loaded.text().to_owned());
                Ok(ScenarioDetail { scenario, toml })
            }),
        Operation::get("index", "/v1/index")
            .about("Documents", "The index", "")
            .scope(Scope::Read)
            .computes(move |call, _: Nothing| about(&index, call)),
    ]
}

fn about(office: &Office, call: &Call) -> Result<IndexInfo, Problem> {
    let index = office.index()?;
    let snapshot = index.snapshot();
    let viewer = who::viewer(call, &[]);
    let (documents, _) = snapshot.counts(&viewer);
    Ok(IndexInfo {
        documents,
        retriever: index.config().embedding.map(|known| known.name),
        generation: snapshot.generation().to_string(),
        departments: who::departments(&viewer),
        today: today().to_string(),
    })
}

fn info(office: &Office, loaded: &Loaded) -> ScenarioInfo {
    let scenario = &loaded.scenario;
    let reason = office.desk(loaded).err().map(|problem| problem.detail);
    ScenarioInfo {
        name: scenario.name.clone(),
        version: scenario.version.clone(),
        sha256: loaded.digest(),
        mode: scenario.mode.to_string(),
        title: (&scenario.title).into(),
        description: (&scenario.description).into(),
        examples: scenario.examples.clone(),
        ready: reason.is_none(),
        reason,
    }
}
