//! A forecast from files to files: the one implementation behind the command line, scenarios and jobs.

mod input;
mod output;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;
use strata_core::paths::SearchPath;
use strata_core::runtime::{CancelToken, PoolConfig};
use strata_earth::rollout::{
    Config, Ensemble, Estimate, Family, Initial, Method, Order, Progress, Provenance, Report,
    Rollout, Saving, Selection, schedule::components,
};
use strata_earth::time::Time;

pub use input::{digest, open as open_input};
pub(crate) use output::check as check_output;
pub use output::{formats, open as open_output};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// A family of models, or one model.
    pub model: String,
    /// Files of the analysis.
    pub files: Vec<PathBuf>,
    /// Its time, needed where the files have several.
    pub time: Option<Time>,
    /// Regrids an analysis of another grid.
    pub regrid: Option<Method>,
    /// Hours before the analysis of further, lagged members.
    pub lags: Vec<u32>,
    /// Leads that are written, in hours.
    pub leads: Vec<u32>,
    /// Order of the runs.
    pub order: Order,
    /// What is written of them.
    pub selection: Selection,
    /// Members.
    pub members: u32,
    /// How they differ.
    pub ensemble: Ensemble,
    /// The file, or a pattern with `{step}` and `{member}`.
    pub path: String,
    /// Whether to go on with a run that was cut off.
    pub resume: bool,
    /// Folder of the checkpoint; beside the file where none is said.
    pub checkpoint: Option<PathBuf>,
    /// Time between checkpoints.
    pub every: Duration,
    /// Devices and threads.
    pub pool: PoolConfig,
    /// Whether a run that does not fit into memory is refused.
    pub memory_check: bool,
    /// More metadata of the file.
    pub metadata: BTreeMap<String, String>,
    /// Arguments, for the provenance.
    pub arguments: Vec<String>,
    /// Stops it.
    pub cancel: Option<CancelToken>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Where it comes from.
    pub provenance: Provenance,
    /// How it went.
    pub report: Report,
    /// Memory that was expected to be needed, in bytes.
    pub estimate: Estimate,
    /// What the gate repaired.
    pub repairs: Vec<String>,
    /// Whether an earlier run was gone on with.
    pub resumed: bool,
    /// The file or pattern.
    pub path: String,
}

/// Leads up to a length: every 6 h, or every step of the family's shortest model where that cannot reach them.
#[must_use]
pub fn usual_leads(family: &Family, longest: u32) -> Vec<u32> {
    let steps = family.steps();
    let every =
        if components(6, &steps).is_some() { 6 } else { steps.last().copied().unwrap_or(24) };
    (1..=longest / every).map(|step| step * every).collect()
}

/// The folder of the checkpoint beside a file or pattern.
#[must_use]
pub fn beside(path: &str) -> PathBuf {
    let path = Path::new(path);
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().replace(['{', '}'], ""))
        .unwrap_or_default();
    path.with_file_name(format!(".{name}.strata"))
}

/// Makes a forecast.
///
/// # Errors
/// What keeps it from its result, as one chain of causes.
pub fn run(
    request: &Request,
    search: &SearchPath,
    progress: &mut dyn FnMut(Progress),
) -> anyhow::Result<Summary> {
    let family = Family::find(&request.model, search)?;
    output::check(&request.path)?;
    let analysis =
        input::read(&request.files, &family.contract, request.time, request.regrid, &request.lags)?;
    let (mut initials, repairs) = (Vec::new(), analysis.repairs);
    for state in analysis.states {
        initials.push(Initial { state, planet: family.contract.planet.clone() });
    }
    if initials.len() > 1 && request.members > 1 {
        bail!("a lagged ensemble has a member a lag: leave --members out");
    }
    let folder = request.checkpoint.clone().unwrap_or_else(|| beside(&request.path));
    let config = Config {
        leads: request.leads.clone(),
        order: request.order,
        selection: request.selection.clone(),
        members: request.members,
        ensemble: request.ensemble,
        pool: request.pool.clone(),
        saving: Some(Saving { folder, every: request.every, resume: request.resume }),
        memory_check: request.memory_check,
        cancel: request.cancel.clone(),
        ..Config::default()
    };
    let mut rollout = Rollout::new(family, search, initials, config)?;
    let facts = rollout.provenance();
    facts.input = analysis.inputs;
    facts.arguments.clone_from(&request.arguments);
    let provenance = facts.clone();
    let attributes = rollout.attributes();
    attributes.extend(provenance.attributes());
    attributes.extend(request.metadata.clone());
    let resumed = rollout.resumes()?;
    let sink = open_output(&request.path, rollout.plan(), resumed)
        .with_context(|| format!("cannot write {}", request.path))?;
    let estimate = rollout.estimate();
    let report = rollout.run(sink, progress)?;
    Ok(Summary { provenance, report, estimate, repairs, resumed, path: request.path.clone() })
}
