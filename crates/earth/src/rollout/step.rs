//! One step of a model: a state's buffers in, a state's buffers out. A model in parts is loaded part after part, so that no
//! more than one part and what passes between them is in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_core::paths::SearchPath;
use strata_core::provenance::Provenance;
use strata_core::runtime::{Buffer, Inputs, Model, OpenOptions, Outputs, RunOptions};

use super::RolloutError;
use super::family::FamilyModel;
use crate::card::Contract;
use crate::state::State;

/// A state in memory that models read and write: a buffer a port.
#[derive(Debug)]
pub struct Buffers(pub Vec<Buffer>);

impl Buffers {
    /// Zeros of a contract's shapes.
    ///
    /// # Errors
    /// When the runtime is missing.
    pub fn zeros(contract: &Contract) -> Result<Self, RolloutError> {
        let ports = 0..contract.ports.len();
        let made = ports.map(|port| Buffer::zeros(&contract.shape(port)));
        Ok(Self(made.collect::<Result<_, _>>()?))
    }

    /// A state's values, taken as they lie.
    ///
    /// # Errors
    /// When the state is not of the contract's shapes.
    pub fn of(state: State, contract: &Contract) -> Result<Self, RolloutError> {
        let ports = state.ports.into_iter().enumerate();
        let made = ports.map(|(port, values)| Buffer::new(&contract.shape(port), values));
        let made: Vec<Buffer> = made.collect::<Result<_, _>>()?;
        if made.len() == contract.ports.len() {
            return Ok(Self(made));
        }
        Err(RolloutError::State {
            why: format!("{} tensors for {} ports", made.len(), contract.ports.len()),
        })
    }

    /// Copies another's values.
    pub fn copy_from(&mut self, other: &Self) {
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            to.values_mut().copy_from_slice(from.values());
        }
    }
}

/// A model that is ready to step.
pub struct Stepper {
    contract: Contract,
    whole: Option<Model>,
    parts: Vec<strata_core::card::ModelCard>,
    search: SearchPath,
    options: OpenOptions,
    provenance: Vec<Arc<Provenance>>,
}

impl Stepper {
    /// Opens a model; one in parts is opened part by part in each step.
    ///
    /// # Errors
    /// What keeps it from being used.
    pub fn open(
        model: &FamilyModel,
        search: &SearchPath,
        options: &OpenOptions,
    ) -> Result<Self, RolloutError> {
        let mut stepper = Self {
            contract: model.contract.clone(),
            whole: None,
            parts: Vec::new(),
            search: search.clone(),
            options: options.clone(),
            provenance: Vec::new(),
        };
        if model.parts.is_empty() {
            let opened = Model::open(model.card.clone(), search, options)?;
            stepper.check(&opened)?;
            stepper.provenance.push(Arc::clone(opened.provenance()));
            stepper.whole = Some(opened);
        } else {
            stepper.parts = std::iter::once(&model.card).chain(&model.parts).cloned().collect();
        }
        Ok(stepper)
    }

    /// What its answers come from: a file, or a file a part once a step was made.
    #[must_use]
    pub fn provenance(&self) -> &[Arc<Provenance>] {
        &self.provenance
    }

    fn check(&self, model: &Model) -> Result<(), RolloutError> {
        let has = |ports: &[strata_core::card::Port], name: &str| {
            ports.iter().any(|port| port.name == name)
        };
        for port in &self.contract.ports {
            if !has(&model.card().inputs, &port.input) || !has(&model.card().outputs, &port.output)
            {
                let why = format!(
                    "[[preprocess.ports]] names {} and {}, which the graph does not have",
                    port.input, port.output
                );
                return Err(RolloutError::Card { model: model.card().name.clone(), why });
            }
        }
        Ok(())
    }

    /// Makes one step: from a state into the memory of another.
    ///
    /// # Errors
    /// When the model fails or is stopped; the memory given is lost then.
    pub fn step(
        &mut self,
        from: &Buffers,
        into: Buffers,
        run: &RunOptions,
    ) -> Result<Buffers, RolloutError> {
        let Some(model) = &self.whole else { return self.step_in_parts(from, into, run) };
        let ports = self.contract.ports.iter();
        let inputs = ports.clone().zip(&from.0);
        let inputs = inputs
            .fold(Inputs::new(), |inputs, (port, buffer)| inputs.with(&port.input, buffer.view()));
        let targets =
            ports.zip(into.0).map(|(port, buffer)| (port.output.as_str(), buffer)).collect();
        Ok(Buffers(model.run_into(&inputs, targets, run)?))
    }

    fn step_in_parts(
        &mut self,
        from: &Buffers,
        mut into: Buffers,
        run: &RunOptions,
    ) -> Result<Buffers, RolloutError> {
        let first = self.provenance.is_empty();
        // What earlier parts made and later ones read, by name.
        let mut made: Vec<Outputs> = Vec::new();
        for (at, card) in self.parts.iter().enumerate() {
            let model = Model::open(card.clone(), &self.search, &self.options)?;
            if first {
                self.provenance.push(Arc::clone(model.provenance()));
            }
            let mut inputs = Inputs::new();
            for port in &card.inputs {
                let state = self.contract.ports.iter().position(|own| own.input == port.name);
                let earlier =
                    made.iter().find(|outputs| outputs.names().any(|name| name == port.name));
                inputs = match (state, earlier) {
                    (Some(state), _) => inputs.with(&port.name, from.0[state].view()),
                    (None, Some(outputs)) => outputs.give(&port.name, inputs)?,
                    (None, None) => {
                        let why = format!("no part before it gives {}", port.name);
                        return Err(RolloutError::Card { model: card.name.clone(), why });
                    }
                };
            }
            let outputs = model.run(&inputs, run)?;
            drop(inputs);
            drop(model);
            for (port, buffer) in self.contract.ports.iter().zip(&mut into.0) {
                if outputs.names().any(|name| name == port.output) {
                    let view = outputs.view::<f32>(&port.output)?;
                    if view.shape() != buffer.shape() {
                        let why = format!(
                            "{} has shape {:?}, not {:?}",
                            port.output,
                            view.shape(),
                            buffer.shape()
                        );
                        return Err(RolloutError::Card { model: card.name.clone(), why });
                    }
                    buffer.view_mut().assign(&view);
                }
            }
            made.push(outputs);
            // What no later part reads is let go.
            let later: Vec<&str> = self.parts[at + 1..]
                .iter()
                .flat_map(|card| card.inputs.iter().map(|port| port.name.as_str()))
                .collect();
            made.retain(|outputs| outputs.names().any(|name| later.contains(&name)));
        }
        let given: BTreeMap<&str, ()> = self
            .parts
            .iter()
            .flat_map(|card| card.outputs.iter().map(|port| (port.name.as_str(), ())))
            .collect();
        match self.contract.ports.iter().find(|port| !given.contains_key(port.output.as_str())) {
            Some(port) => {
                let model = self.parts.first().map_or_else(String::new, |card| card.name.clone());
                Err(RolloutError::Card { model, why: format!("no part gives {}", port.output) })
            }
            None => Ok(into),
        }
    }
}
