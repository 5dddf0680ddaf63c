//! A forecast, checked and planned before it is run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use strata_core::paths::SearchPath;
use strata_core::runtime::RunOptions;

use super::RolloutError;
use super::config::{Config, Initial, Progress, Report, Saving};
use super::family::Family;
use super::memory::{self, Estimate};
use super::perturb::{Perturbation, Perturber};
use super::provenance::Provenance;
use super::running::Running;
use super::schedule::{Order, Run, Schedule};
use super::selection::Selected;
use super::step::Buffers;
use super::store::{Checkpoint, Store};
use super::writer::{Labels, Pool, Writer};
use crate::sink::{Plan, Sink};
use crate::time::HOUR;

/// One member of the forecast.
pub(super) struct Member {
    pub(super) initial: usize,
    pub(super) schedule: Schedule,
    /// Hours from the member's analysis to the ensemble's reference time.
    pub(super) offset: u32,
}

/// A forecast that is ready to run.
pub struct Rollout {
    pub(super) family: Family,
    pub(super) search: SearchPath,
    pub(super) config: Config,
    pub(super) members: Vec<Member>,
    pub(super) analyses: Vec<Buffers>,
    pub(super) selected: Selected,
    pub(super) plan: Plan,
    pub(super) estimate: Estimate,
    pub(super) settings: serde_json::Value,
    pub(super) provenance: Provenance,
}

impl Rollout {
    /// Checks and plans a forecast.
    ///
    /// # Errors
    /// [`RolloutError`]: leads out of reach, fields the model does not have, a state of another planet or shape, too little memory.
    pub fn new(
        family: Family,
        search: &SearchPath,
        initial: Vec<Initial>,
        config: Config,
    ) -> Result<Self, RolloutError> {
        let contract = &family.contract;
        let wrong = |why: &str| RolloutError::State { why: why.to_owned() };
        let reference = initial.first().ok_or_else(|| wrong("there is none"))?.state.reference;
        if config.members == 0 || config.members > 1000 {
            return Err(wrong("an ensemble has 1 to 1000 members"));
        }
        let lagged = initial.len() > 1;
        let count = if lagged { initial.len() } else { config.members as usize };
        let mut members = Vec::new();
        for member in 0..count {
            let own = if lagged { member } else { 0 };
            let lag = reference - initial[own].state.reference;
            if lag < 0 || lag % HOUR != 0 {
                return Err(wrong("lagged analyses lie whole hours before the first"));
            }
            let offset = u32::try_from(lag / HOUR).map_err(|_| wrong("an analysis is too old"))?;
            let leads: Vec<u32> =
                config.leads.iter().map(|lead| lead.saturating_add(offset)).collect();
            let schedule = Schedule::new(&family.name, &family.steps(), &leads, config.order)?;
            members.push(Member { initial: own, schedule, offset });
        }
        if let Some(other) = initial.iter().find(|initial| initial.planet != contract.planet) {
            return Err(RolloutError::Planet {
                model: contract.planet.clone(),
                state: other.planet.clone(),
            });
        }
        let selected = config.selection.of(contract)?;
        let mut provenance = Provenance::new(&family, &members[0].schedule, reference);
        let leads: BTreeSet<u32> = config.leads.iter().copied().collect();
        provenance.leads_hours = leads.iter().copied().collect();
        if count > 1 {
            provenance.set_ensemble(count as u32, &config.ensemble);
        }
        let plan = Plan {
            grid: Arc::clone(&selected.grid),
            reference,
            steps: leads.iter().map(|lead| i64::from(*lead) * HOUR).collect(),
            members: (count > 1).then_some(count as u32),
            variables: selected.planned(),
            attributes: config.attributes.clone(),
        };
        let waiting: usize = members.iter().map(|member| member.schedule.most_live()).sum();
        let states = config.states_in_memory(contract.state_bytes());
        let in_memory = if config.saving.is_some() { states.min(waiting + 4) } else { waiting + 4 };
        let bred = matches!(config.ensemble.perturbation, Perturbation::Bred { .. });
        let kept = if bred { count + 2 } else { 0 };
        let estimate =
            Estimate::new(&family, &members[0].schedule, in_memory.max(initial.len()), kept);
        if let (true, Some(available)) = (config.memory_check, memory::available()) {
            estimate.check(available)?;
        }
        let settings = settings(&provenance, &initial, &config);
        let analyses = initial.into_iter().map(|initial| Buffers::of(initial.state, contract));
        let analyses = analyses.collect::<Result<_, _>>()?;
        let search = search.clone();
        Ok(Self {
            family,
            search,
            config,
            members,
            analyses,
            selected,
            plan,
            estimate,
            settings,
            provenance,
        })
    }

    /// What will be written: for opening the file.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The metadata of the file, to be added to before it is opened.
    pub fn attributes(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.plan.attributes
    }

    /// Memory it is expected to need.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        self.estimate
    }

    /// Where the forecast comes from; arguments and input are the caller's to add.
    pub fn provenance(&mut self) -> &mut Provenance {
        &mut self.provenance
    }

    /// Whether there is a checkpoint of these settings to go on with.
    ///
    /// # Errors
    /// A checkpoint of other settings, or one that cannot be read.
    pub fn resumes(&self) -> Result<bool, RolloutError> {
        let Some(saving) = self.config.saving.as_ref().filter(|saving| saving.resume) else {
            return Ok(false);
        };
        Ok(self.checkpoint(saving)?.is_some())
    }

    fn checkpoint(&self, saving: &Saving) -> Result<Option<Checkpoint>, RolloutError> {
        let Some(checkpoint) = Store::read(&saving.folder)? else { return Ok(None) };
        if checkpoint.settings != self.settings {
            let why = "it is of a run with other models, input, leads, fields or members; give the same arguments, or begin anew without --resume";
            return Err(RolloutError::Checkpoint {
                path: saving.folder.clone(),
                why: why.to_owned(),
            });
        }
        Ok(Some(checkpoint))
    }

    /// Runs it. The sink must have been opened for [`Self::plan`], to be gone on with where [`Self::resumes`].
    ///
    /// # Errors
    /// [`RolloutError`]: what was written before stays.
    pub fn run(
        mut self,
        sink: Box<dyn Sink>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, RolloutError> {
        let begun = Instant::now();
        let saving = self.config.saving.clone();
        let checkpoint = match &saving {
            Some(saving) if saving.resume => self.checkpoint(saving)?,
            Some(saving) => {
                Store::clear(&saving.folder)?;
                None
            }
            None => None,
        };
        let folder = saving.as_ref().map(|saving| saving.folder.as_path());
        let mut store = Store::new(folder)?;
        let mut done = BTreeSet::new();
        if let Some(checkpoint) = checkpoint {
            store.adopt(&checkpoint);
            done = checkpoint.done;
        }
        let labels = Labels {
            reference: self.plan.reference,
            attributes: BTreeMap::from([(
                "planet".to_owned(),
                self.family.contract.planet.clone(),
            )]),
        };
        let writer = Writer::start(sink, self.selected.clone(), labels)?;
        let ensemble = self.config.ensemble;
        let analyses = std::mem::take(&mut self.analyses);
        let perturber = Perturber::new(&self.family.contract, &analyses[0], ensemble)?;
        let most = if store.can_spill() {
            self.config.states_in_memory(self.family.contract.state_bytes())
        } else {
            usize::MAX
        };
        let options = RunOptions { cancel: self.config.cancel.clone(), ..RunOptions::default() };
        // Analyses are states like others: they go when nothing begins from them any more.
        let mut pool = Pool::new(most);
        for (index, analysis) in (0..).zip(analyses) {
            let shared = pool.adopt(analysis);
            store.put((index, 0), shared);
        }
        let mut running = Running {
            rollout: &self,
            store,
            done,
            uses: BTreeMap::new(),
            pool,
            writer: Some(writer),
            perturber,
            steppers: BTreeMap::new(),
            options,
            saved: Instant::now(),
            report: Report::default(),
        };
        let result = running.all(progress);
        if matches!(result, Err(RolloutError::Stopped)) {
            running.save()?;
        }
        result?;
        if let Some(writer) = running.writer.take() {
            writer.finish()?;
        }
        let mut report = running.report;
        if let Some(folder) = folder {
            Store::clear(folder)?;
        }
        report.seconds = begun.elapsed().as_secs_f64();
        Ok(report)
    }

    /// All runs in order, as members and runs.
    pub(super) fn order(&self) -> Vec<(u32, Run)> {
        let each = |member: usize| {
            (self.members[member].schedule.runs.iter()).map(move |run| (member as u32, *run))
        };
        let count = self.members.len();
        if self.config.order == Order::Nested {
            return (0..count).flat_map(each).collect();
        }
        let steps = self.family.steps();
        let of = |step: u32| (0..count).flat_map(each).filter(move |(_, run)| run.step == step);
        steps.into_iter().flat_map(of).collect()
    }
}

/// What a checkpoint must agree on.
fn settings(provenance: &Provenance, initial: &[Initial], config: &Config) -> serde_json::Value {
    let digest = |initial: &Initial| {
        let mut digest = crc32fast::Hasher::new();
        initial.state.ports.iter().for_each(|port| digest.update(bytemuck::cast_slice(port)));
        (initial.state.reference, digest.finalize())
    };
    serde_json::json!({
        "models": provenance.models.iter().map(|model| &model.files).collect::<Vec<_>>(),
        "leads": provenance.leads_hours,
        "initial": initial.iter().map(digest).collect::<Vec<_>>(),
        "selection": config.selection,
        "order": format!("{:?}", config.order),
        "ensemble": provenance.ensemble,
        "strata": provenance.strata,
    })
}
