//! The run: in the order of the schedule, with one model loaded at a time, states passed on in place and written beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use strata_core::runtime::{CancelToken, OpenOptions, RunOptions, RuntimeError};

use super::config::{Progress, Report};
use super::engine::Rollout;
use super::perturb::{Perturbation, Perturber};
use super::schedule::{Order, Run};
use super::step::Stepper;
use super::store::{Key, Store};
use super::writer::{Pool, Shared, Writer};
use super::{RolloutError, health};
use crate::time::HOUR;

/// A run that is going on.
pub(super) struct Running<'a> {
    pub(super) rollout: &'a Rollout,
    pub(super) store: Store,
    pub(super) done: BTreeSet<Key>,
    /// Runs to come that begin from a state.
    pub(super) uses: BTreeMap<Key, usize>,
    pub(super) pool: Pool,
    pub(super) writer: Option<Writer>,
    pub(super) perturber: Perturber,
    pub(super) steppers: BTreeMap<u32, Stepper>,
    pub(super) options: RunOptions,
    pub(super) saved: Instant,
    pub(super) report: Report,
}

impl Running<'_> {
    pub(super) fn all(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), RolloutError> {
        let order = self.rollout.order();
        let todo = self.todo(&order);
        let total = order.len();
        for (member, run) in &todo {
            *self.uses.entry(self.key(*member, run.parent)).or_default() += 1;
        }
        if !todo.is_empty() {
            self.breed()?;
        }
        for key in self.store.in_memory() {
            if !self.uses.contains_key(&key) {
                self.store.drop_state(key);
            }
        }
        for (at, (member, run)) in todo.iter().enumerate() {
            self.one(*member, *run, &todo[at + 1..])?;
            progress(Progress {
                done: total - (todo.len() - at - 1),
                total,
                member: *member,
                lead: run.lead,
                step: run.step,
            });
            if self
                .rollout
                .config
                .saving
                .as_ref()
                .is_some_and(|saving| self.saved.elapsed() >= saving.every)
            {
                self.save()?;
            }
        }
        Ok(())
    }

    /// Runs that are not done, and those whose state is needed and is not there.
    fn todo(&self, order: &[(u32, Run)]) -> Vec<(u32, Run)> {
        let mut needed = BTreeSet::new();
        let mut todo = Vec::new();
        for (member, run) in order.iter().rev() {
            let key = (*member, run.lead);
            if self.done.contains(&key) && !needed.remove(&key) {
                continue;
            }
            needed.remove(&key);
            let parent = (*member, run.parent);
            if run.parent > 0 && !self.store.has(parent) {
                needed.insert(parent);
            }
            todo.push((*member, *run));
        }
        todo.reverse();
        todo
    }

    fn breed(&mut self) -> Result<(), RolloutError> {
        let rollout = self.rollout;
        if !matches!(rollout.config.ensemble.perturbation, Perturbation::Bred { .. })
            || rollout.members.len() < 2
        {
            return Ok(());
        }
        // With the model that the members' runs begin with.
        let Some(step) = rollout.members[0].schedule.models().first().copied() else {
            return Ok(());
        };
        let mut stepper = self.take_stepper(step)?;
        let members = rollout.members.len() as u32;
        let analysis = self.store.get((0, 0)).ok_or(RolloutError::Writer)?;
        let analysis = analysis.state().ok_or(RolloutError::Writer)?;
        let bred = self.perturber.breed(members, analysis, &mut stepper, &self.options);
        self.steppers.insert(step, stepper);
        bred.map_err(stopped)
    }

    /// The model of a step, loaded if it is not; by model, the one before is let go first.
    fn take_stepper(&mut self, step: u32) -> Result<Stepper, RolloutError> {
        if let Some(stepper) = self.steppers.remove(&step) {
            return Ok(stepper);
        }
        let rollout = self.rollout;
        if rollout.config.order == Order::ByModel {
            self.steppers.clear();
        }
        let model = rollout.family.models.get(&step).ok_or_else(|| RolloutError::NoFamily {
            name: rollout.family.name.clone(),
            known: String::new(),
        })?;
        let options = OpenOptions {
            pool: rollout.config.pool.clone(),
            warm_up: false,
            ..OpenOptions::default()
        };
        self.report.loads += 1;
        Stepper::open(model, &rollout.search, &options)
    }

    fn one(&mut self, member: u32, run: Run, later: &[(u32, Run)]) -> Result<(), RolloutError> {
        if self.options.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Err(RolloutError::Stopped);
        }
        let rollout = self.rollout;
        let contract = &rollout.family.contract;
        let (from, to) = (self.key(member, run.parent), (member, run.lead));
        let mut stepper = self.take_stepper(run.step)?;
        self.make_room(from, later)?;
        let held = self.parent(member, run.parent)?;
        let into = self.pool.take(contract)?;
        let begin = held.state().ok_or(RolloutError::Writer)?;
        let clock = Instant::now();
        let made = stepper.step(begin, into, &self.options);
        self.report.model_seconds += clock.elapsed().as_secs_f64();
        self.report.runs += 1;
        let ran_on = stepper.provenance().iter();
        self.report.ran_on.extend(
            ran_on
                .map(|facts| format!("{} of ONNX Runtime {}", facts.provider, facts.onnx_runtime)),
        );
        self.steppers.insert(run.step, stepper);
        let made = made.map_err(|error| {
            self.pool.lost();
            stopped(error)
        })?;
        let offset = rollout.members[member as usize].offset;
        let label = (rollout.members.len() > 1).then_some(member);
        if let Some(sick) = health::check(contract, &made) {
            // What was handed over before comes to the disk when the writer goes.
            return Err(RolloutError::Sick {
                lead: run.lead - offset.min(run.lead),
                member: label,
                sick: Box::new(sick),
            });
        }
        let shared = self.pool.share(made);
        if run.wanted && !self.done.contains(&to) {
            let step = i64::from(run.lead - offset) * HOUR;
            self.writer.as_mut().ok_or(RolloutError::Writer)?.write(
                Arc::clone(&shared),
                label,
                step,
            )?;
        }
        if let Some(uses) = self.uses.get_mut(&from) {
            *uses -= 1;
            if *uses == 0 {
                self.store.drop_state(from);
            }
        }
        if self.uses.get(&to).is_some_and(|uses| *uses > 0) {
            self.store.put(to, shared);
        }
        self.done.insert(to);
        Ok(())
    }

    /// Where the state lies that a run of a member begins from: members share the analysis.
    fn key(&self, member: u32, lead: u32) -> Key {
        let members = &self.rollout.members;
        match (lead, members.get(member as usize)) {
            (0, Some(own)) => (own.initial as u32, 0),
            _ => (member, lead),
        }
    }

    /// The state a run begins from.
    fn parent(&mut self, member: u32, lead: u32) -> Result<Arc<Shared>, RolloutError> {
        let rollout = self.rollout;
        let key = self.key(member, lead);
        let kind = rollout.config.ensemble.perturbation;
        let perturbed = lead == 0 && member > key.0 && kind != Perturbation::None;
        let known = self.store.get(key);
        if let (Some(shared), false) = (&known, perturbed) {
            return Ok(Arc::clone(shared));
        }
        let mut state = self.pool.take(&rollout.family.contract)?;
        match known.as_ref().and_then(|shared| shared.state()) {
            Some(analysis) => state.copy_from(analysis),
            None => self.store.load(key, &mut state)?,
        }
        if perturbed {
            self.perturber.apply(member, &mut state);
            return Ok(self.pool.share(state));
        }
        let shared = self.pool.share(state);
        self.store.put(key, Arc::clone(&shared));
        Ok(shared)
    }

    /// Moves states that are needed last to the disk, so that memory is left for a run's output and for the writer.
    fn make_room(&mut self, keep: Key, later: &[(u32, Run)]) -> Result<(), RolloutError> {
        if !self.store.can_spill() {
            return Ok(());
        }
        let state_bytes = self.rollout.family.contract.state_bytes();
        let room = self.rollout.config.states_in_memory(state_bytes) - 3;
        loop {
            let held: Vec<Key> =
                self.store.in_memory().into_iter().filter(|key| *key != keep).collect();
            if held.len() < room {
                return Ok(());
            }
            let next_use = |key: &Key| {
                later
                    .iter()
                    .position(|(member, run)| self.key(*member, run.parent) == *key)
                    .unwrap_or(usize::MAX)
            };
            let Some(last) = held.into_iter().max_by_key(next_use) else { return Ok(()) };
            self.store.spill(last)?;
        }
    }

    /// Brings everything to the disk and says so in the checkpoint.
    pub(super) fn save(&mut self) -> Result<(), RolloutError> {
        if self.rollout.config.saving.is_none() {
            return Ok(());
        }
        if let Some(writer) = &mut self.writer {
            writer.flush()?;
        }
        self.store.checkpoint(&self.rollout.settings, &self.done)?;
        self.report.checkpoints += 1;
        self.saved = Instant::now();
        Ok(())
    }
}

/// A cancelled call is a run that was asked to stop.
fn stopped(error: RolloutError) -> RolloutError {
    match error {
        RolloutError::Runtime(RuntimeError::Cancelled { .. }) => RolloutError::Stopped,
        other => other,
    }
}
