//! Requests of named tensors, run together on a model: joined along the batch axis, filled up to one
//! length where the card says how, and the outputs taken apart again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::batcher::Execute;
use super::error::BatchError;
use super::limits::{Ask, Limits};
use super::tensor::{Cut, Pad, Tensor};
use crate::card::Dim;
use crate::provenance::Provenance;
use crate::runtime::{Inputs, Model, Outputs, RunOptions, RuntimeError, Signature, TensorPort};

/// The symbol of lengths that nobody named: two of them aren't the same.
const UNNAMED: &str = "?";

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct TensorRequest {
    /// Its inputs by name.
    pub inputs: Vec<(String, Tensor)>,
    /// Names of the outputs wanted; `None` wants all, in the order of the model.
    pub outputs: Option<Vec<String>>,
}

/// A model's answer.
#[derive(Debug, Clone)]
pub struct TensorReply {
    /// The outputs, by name.
    pub outputs: Vec<(String, Tensor)>,
    /// What they come from.
    pub provenance: Arc<Provenance>,
}

/// A model that answers [`TensorRequest`]s, several at a time where its signature lets it: every
/// input and output begins with one and the same symbol, such as `N`.
#[derive(Debug, Clone)]
pub struct TensorModel {
    model: Arc<Model>,
    /// The symbol of the batch axis; `None` where each request runs alone.
    batch: Option<String>,
    padding: Option<Padding>,
}

/// Lengths that are filled up.
#[derive(Debug, Clone)]
struct Padding {
    axis: usize,
    symbol: String,
    /// Inputs that are filled up, and with what.
    values: Vec<(String, f64)>,
}

/// How much of a batch is whose.
#[derive(Debug, Clone, Copy)]
struct Part {
    start: usize,
    rows: usize,
    length: usize,
}

impl TensorModel {
    /// Wraps a model.
    #[must_use]
    pub fn new(model: Arc<Model>) -> Self {
        let signature = model.pool().signature();
        let batch = batch_symbol(signature).map(str::to_owned);
        let card = model.card().batching.as_ref().filter(|_| batch.is_some());
        let padding = card.and_then(|card| {
            let (first, _) = card.pad.first_key_value()?;
            let port = signature.inputs.iter().find(|port| port.name == *first)?;
            let Dim::Symbol(symbol) = port.shape.get(card.pad_axis)? else { return None };
            let values = card.pad.iter().map(|(name, value)| (name.clone(), *value)).collect();
            Some(Padding { axis: card.pad_axis, symbol: symbol.clone(), values })
        });
        Self { model, batch, padding }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Whether requests can share a batch.
    #[must_use]
    pub fn is_batchable(&self) -> bool {
        self.batch.is_some()
    }

    /// Limits with the card's `[batching]` put over them.
    #[must_use]
    pub fn limits(&self, mut limits: Limits) -> Limits {
        if let Some(card) = &self.model.card().batching {
            limits.max_rows = card.max_rows.unwrap_or(limits.max_rows);
            limits.max_cost = card.max_cost.unwrap_or(limits.max_cost);
            limits.max_delay = card.max_delay_us.map_or(limits.max_delay, Duration::from_micros);
        }
        limits
    }

    /// Checks a request and says what it asks for: rows, the length of a row, and with whom it can
    /// share a batch. Priority, caller and deadline are the caller's to fill in.
    ///
    /// A request that passes is never the reason why its neighbours get no answer.
    ///
    /// # Errors
    /// When an input or output isn't the model's, or an input has the wrong type or shape.
    pub fn ask(&self, request: &TensorRequest) -> Result<Ask, RuntimeError> {
        let signature = self.signature();
        signature.check(&inputs(request))?;
        self.check_outputs(request)?;
        if let Some(symbol) = &self.batch {
            self.one_length(request, symbol)?;
        }
        if let Some(padding) = &self.padding {
            self.one_length(request, &padding.symbol)?;
        }
        let Part { rows, length, .. } = self.part(request);
        let length = if self.padding.is_some() { length } else { self.symbolic_size(request) };
        // No rows: let ONNX Runtime say what it makes of them, to this caller alone.
        let group = if rows == 0 { None } else { self.group(request) };
        Ok(Ask { rows, length: length as u64, group, ..Ask::default() })
    }

    /// Runs one request on this thread, its inputs as they lie.
    ///
    /// # Errors
    /// As [`Model::run`] does.
    pub fn run(
        &self,
        request: &TensorRequest,
        run: &RunOptions,
    ) -> Result<TensorReply, RuntimeError> {
        self.check_outputs(request)?;
        let outputs = self.model.run(&inputs(request), run)?;
        self.reply(request, &outputs, |_| Vec::new()).ok_or_else(|| RuntimeError::Run {
            model: self.signature().model.clone(),
            reason: "an output is not of the type the model declares".to_owned(),
        })
    }

    fn signature(&self) -> &Signature {
        self.model.pool().signature()
    }

    /// Runs several requests as one. `None` when they must run one by one: they don't fit each other
    /// after all, the model failed on them, or its outputs have no row for each of theirs.
    fn together(
        &self,
        requests: &[TensorRequest],
        run: &RunOptions,
    ) -> Option<Vec<Result<TensorReply, BatchError>>> {
        let mut parts = Vec::with_capacity(requests.len());
        let (mut total, mut longest) = (0, 0);
        for request in requests {
            let part = Part { start: total, ..self.part(request) };
            total += part.rows;
            longest = longest.max(part.length);
            parts.push(part);
        }
        let mut joined = Vec::new();
        for port in &self.signature().inputs {
            let tensors: Option<Vec<&Tensor>> =
                requests.iter().map(|request| input(request, &port.name)).collect();
            let pad = self.padding.as_ref().and_then(|padding| {
                let (_, value) = padding.values.iter().find(|(name, _)| *name == port.name)?;
                Some(Pad { axis: padding.axis, length: longest, value: *value })
            });
            joined.push((port.name.as_str(), Tensor::stack(&tensors?, pad)?));
        }
        let mut inputs = Inputs::new();
        for (name, tensor) in &joined {
            inputs = tensor.add_to(inputs, name);
        }
        let outputs = match self.model.run(&inputs, run) {
            Ok(outputs) => outputs,
            Err(error @ (RuntimeError::Deadline { .. } | RuntimeError::Cancelled { .. })) => {
                let error = BatchError::from(error);
                return Some(requests.iter().map(|_| Err(error.clone())).collect());
            }
            Err(error) => {
                tracing::debug!(%error, requests = requests.len(), "batch failed; one by one");
                return None;
            }
        };
        let reply = |(request, part): (&TensorRequest, &Part)| {
            let cuts = |port: &TensorPort| self.cuts(port, *part, (total, longest));
            self.reply(request, &outputs, cuts).map(Ok)
        };
        requests.iter().zip(&parts).map(reply).collect()
    }

    /// The outputs a request wants, cut to its part. `None` when they aren't cut like that.
    fn reply(
        &self,
        request: &TensorRequest,
        outputs: &Outputs,
        cuts: impl Fn(&TensorPort) -> Vec<Cut>,
    ) -> Option<TensorReply> {
        let ports = &self.signature().outputs;
        let of = |port: &TensorPort| {
            let tensor = Tensor::of_output(outputs, (&port.name, port.dtype), &cuts(port))?;
            Some((port.name.clone(), tensor))
        };
        let outputs = match &request.outputs {
            None => ports.iter().map(of).collect::<Option<Vec<_>>>()?,
            Some(wanted) => {
                let port = |name: &String| ports.iter().find(|port| port.name == *name);
                wanted.iter().map(|name| of(port(name)?)).collect::<Option<Vec<_>>>()?
            }
        };
        Some(TensorReply { outputs, provenance: Arc::clone(self.model.provenance()) })
    }

    /// What of an output belongs to a part: its rows, and of filled-up axes its own length.
    fn cuts(&self, port: &TensorPort, part: Part, (total, longest): (usize, usize)) -> Vec<Cut> {
        let rows = Cut { axis: 0, whole: total, start: part.start, end: part.start + part.rows };
        let padded = |(axis, dim): (usize, &Dim)| {
            let padding = self.padding.as_ref()?;
            let own = matches!(dim, Dim::Symbol(symbol) if *symbol == padding.symbol);
            own.then_some(Cut { axis, whole: longest, start: 0, end: part.length })
        };
        std::iter::once(rows).chain(port.shape.iter().enumerate().filter_map(padded)).collect()
    }

    /// Rows of a request and their length along the filled-up axis.
    fn part(&self, request: &TensorRequest) -> Part {
        let rows = self.batch.as_ref().and_then(|_| request.inputs.first()?.1.shape().first());
        let length = self.padding.as_ref().and_then(|padding| {
            let (first, _) = padding.values.first()?;
            input(request, first)?.shape().get(padding.axis)
        });
        // A request that can't share a batch is one row, whatever its shape.
        Part { start: 0, rows: rows.copied().unwrap_or(1), length: length.copied().unwrap_or(1) }
    }

    /// The product of the lengths that vary, but for the batch: pixels of an image, atoms of a graph.
    fn symbolic_size(&self, request: &TensorRequest) -> usize {
        let size = |port: &TensorPort| {
            let shape = input(request, &port.name)?.shape();
            let varies =
                |dim: &Dim| matches!(dim, Dim::Symbol(s) if Some(s) != self.batch.as_ref());
            let lengths = port.shape.iter().zip(shape).filter(|(dim, _)| varies(dim));
            Some(lengths.fold(1_usize, |size, (_, &length)| size.saturating_mul(length)))
        };
        self.signature().inputs.iter().filter_map(size).max().unwrap_or(1)
    }

    /// Requests of one number agree in every length but the batch's and the filled-up ones.
    fn group(&self, request: &TensorRequest) -> Option<u64> {
        let batch = self.batch.as_ref()?;
        let padding = self.padding.as_ref().map(|padding| &padding.symbol);
        let mut hasher = DefaultHasher::new();
        for port in &self.signature().inputs {
            for (dim, length) in port.shape.iter().zip(input(request, &port.name)?.shape()) {
                match dim {
                    Dim::Symbol(own) if own == batch || Some(own) == padding => {}
                    _ => length.hash(&mut hasher),
                }
            }
        }
        Some(hasher.finish())
    }

    /// All axes with this symbol must be equally long: a row too many here and one too few there
    /// would give a neighbour's answer.
    fn one_length(&self, request: &TensorRequest, symbol: &str) -> Result<(), RuntimeError> {
        let mut seen = None;
        for port in &self.signature().inputs {
            let Some(tensor) = input(request, &port.name) else { continue };
            for (dim, &length) in port.shape.iter().zip(tensor.shape()) {
                if !matches!(dim, Dim::Symbol(own) if own == symbol) {
                    continue;
                }
                let expected = *seen.get_or_insert(length);
                if expected != length {
                    return Err(RuntimeError::InputShape {
                        model: self.signature().model.clone(),
                        name: port.name.clone(),
                        expected: bound_shape(port, symbol, expected),
                        given: tensor.shape().to_vec(),
                    });
                }
            }
        }
        Ok(())
    }

    fn check_outputs(&self, request: &TensorRequest) -> Result<(), RuntimeError> {
        let ports = &self.signature().outputs;
        let absent = |name: &&String| !ports.iter().any(|port| port.name == **name);
        match request.outputs.iter().flatten().find(absent) {
            None => Ok(()),
            Some(name) => Err(RuntimeError::OutputUnknown {
                model: self.signature().model.clone(),
                name: name.clone(),
                outputs: Signature::list(ports),
            }),
        }
    }
}

impl Execute<TensorRequest, TensorReply> for TensorModel {
    fn execute(
        &self,
        batch: Vec<TensorRequest>,
        run: &RunOptions,
    ) -> Vec<Result<TensorReply, BatchError>> {
        if batch.len() > 1
            && let Some(replies) = self.together(&batch, run)
        {
            return replies;
        }
        batch.iter().map(|request| Ok(self.run(request, run)?)).collect()
    }
}

fn inputs(request: &TensorRequest) -> Inputs<'_> {
    let mut inputs = Inputs::new();
    for (name, tensor) in &request.inputs {
        inputs = tensor.add_to(inputs, name);
    }
    inputs
}

fn input<'a>(request: &'a TensorRequest, name: &str) -> Option<&'a Tensor> {
    request.inputs.iter().find(|(own, _)| own == name).map(|(_, tensor)| tensor)
}

/// The symbol that every input and output begins with.
fn batch_symbol(signature: &Signature) -> Option<&str> {
    let Dim::Symbol(symbol) = signature.inputs.first()?.shape.first()? else { return None };
    if symbol == UNNAMED {
        return None;
    }
    let same =
        |port: &TensorPort| matches!(port.shape.first(), Some(Dim::Symbol(s)) if s == symbol);
    signature.inputs.iter().chain(&signature.outputs).all(same).then_some(symbol)
}

/// A port's shape with a symbol's length in its place, as in `N=2, 16`.
fn bound_shape(port: &TensorPort, symbol: &str, length: usize) -> String {
    let text = |dim: &Dim| match dim {
        Dim::Symbol(own) if own == symbol => format!("{own}={length}"),
        dim => dim.to_string(),
    };
    port.shape.iter().map(text).collect::<Vec<_>>().join(", ")
}
