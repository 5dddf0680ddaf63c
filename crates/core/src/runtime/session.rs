//! One session: the model's bytes, loaded under the pool's settings on the first device of the list
//! that works, and what ONNX Runtime then says about its inputs, outputs and nodes.

use std::fmt::Write as _;
use std::sync::Arc;

use ort::session::Session;
use ort::session::builder::{PrepackedWeights, SessionBuilder};
use ort::value::{Outlet, TensorElementType, ValueType};

use super::RuntimeError;
use super::assignment::{self, Assignment};
use super::device::Device;
use super::library::Runtime;
use super::options::{Optimization, PoolConfig};
use super::tensor::{Data, Inputs};
use super::weights::Shared;
use crate::card::{Dim, Dtype};

/// What sessions are made from: verified bytes, nothing that could still be read from a path.
pub(super) struct Source<'a> {
    pub(super) model: &'a str,
    pub(super) bytes: &'a [u8],
    /// What the bytes are of the verified ones (`first row of `, `rows of `); empty where they are those.
    pub(super) made: &'static str,
    /// External data by file name.
    pub(super) external: Vec<(String, Arc<[u8]>)>,
}

/// An input or output of a loaded model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorPort {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape: lengths, and symbols for lengths known only at run time (`?` where unnamed).
    pub shape: Vec<Dim>,
}

impl TensorPort {
    fn shape_text(&self) -> String {
        self.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    fn accepts(&self, shape: &[usize]) -> bool {
        let fits = |(dim, &length): (&Dim, &usize)| match dim {
            Dim::Fixed(fixed) => *fixed == length as u64,
            Dim::Symbol(_) => true,
        };
        self.shape.len() == shape.len() && self.shape.iter().zip(shape).all(fits)
    }
}

/// Inputs and outputs of a loaded model.
#[derive(Debug)]
pub struct Signature {
    /// Name of the model, for messages.
    pub model: String,
    /// Inputs, in the order of the graph.
    pub inputs: Vec<TensorPort>,
    /// Outputs, in the order of the graph.
    pub outputs: Vec<TensorPort>,
}

impl Signature {
    pub(crate) fn list(ports: &[TensorPort]) -> String {
        const SHOWN: usize = 12;
        let mut text = String::new();
        for (i, port) in ports.iter().take(SHOWN).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}{} {} [{}]", port.name, port.dtype, port.shape_text());
        }
        if ports.len() > SHOWN {
            let _ = write!(text, " and {} more", ports.len() - SHOWN);
        }
        text
    }

    /// Checks names, types and shapes before ONNX Runtime sees them, for better messages.
    pub(crate) fn check(&self, inputs: &Inputs<'_>) -> Result<(), RuntimeError> {
        let model = || self.model.clone();
        let entries = inputs.entries();
        for (i, (name, data)) in entries.iter().enumerate() {
            let port = self.inputs.iter().find(|port| port.name == *name);
            let port = port.filter(|_| !entries[..i].iter().any(|(earlier, _)| earlier == name));
            let Some(port) = port else {
                let (name, inputs) = ((*name).to_owned(), Self::list(&self.inputs));
                return Err(RuntimeError::InputUnknown { model: model(), name, inputs });
            };
            self.check_one(port, data)?;
        }
        let missing =
            self.inputs.iter().find(|port| !entries.iter().any(|(name, _)| *name == port.name));
        missing.map_or(Ok(()), |port| {
            let (name, inputs) = (port.name.clone(), Self::list(&self.inputs));
            Err(RuntimeError::InputMissing { model: model(), name, inputs })
        })
    }

    fn check_one(&self, port: &TensorPort, data: &Data<'_>) -> Result<(), RuntimeError> {
        let (model, name) = (self.model.clone(), port.name.clone());
        let (expected, given) = (port.dtype, data.dtype());
        if expected != given {
            return Err(RuntimeError::InputType { model, name, expected, given });
        }
        if port.accepts(data.shape()) {
            return Ok(());
        }
        let (expected, given) = (port.shape_text(), data.shape().to_vec());
        Err(RuntimeError::InputShape { model, name, expected, given })
    }
}

/// A loaded session and what it runs on.
pub(super) struct Loaded {
    pub(super) session: Session,
    pub(super) device: Device,
    pub(super) assignment: Vec<Assignment>,
}

/// Makes sessions of one model under one configuration.
pub(super) struct Factory<'a> {
    pub(super) runtime: &'static Runtime,
    pub(super) source: &'a Source<'a>,
    pub(super) config: &'a PoolConfig,
    pub(super) prepacked: PrepackedWeights,
    /// Weights that all sessions share; empty unless they are made from an optimised graph.
    pub(super) shared: Shared,
}

impl Factory<'_> {
    /// A session on the first device of the list that works.
    pub(super) fn first(&self) -> Result<Loaded, RuntimeError> {
        let mut reasons = Vec::new();
        for &device in self.config.devices.as_slice() {
            match self.on(device) {
                Ok(loaded) => return Ok(loaded),
                // A model that the processor can't load either is the model's fault.
                Err(reason) if device == Device::Cpu && reasons.is_empty() => {
                    return Err(RuntimeError::Load {
                        model: self.source.model.to_owned(),
                        version: self.runtime.version().to_owned(),
                        reason,
                    });
                }
                Err(reason) => {
                    tracing::info!(model = self.source.model, %device, reason, "device not used");
                    reasons.push(format!("{device}: {reason}"));
                }
            }
        }
        Err(RuntimeError::NoDevice {
            model: self.source.model.to_owned(),
            asked: self.config.devices.to_string(),
            reasons: reasons.join("; "),
        })
    }

    /// A session on this device, or why there is none.
    pub(super) fn on(&self, device: Device) -> Result<Loaded, String> {
        if !device.compiled_in() {
            return Err(format!(
                "the ONNX Runtime library {} was built without {}; set ORT_DYLIB_PATH to one that has it",
                self.runtime.library().display(),
                device.provider()
            ));
        }
        let session = self
            .builder(device, self.config.optimization)
            .and_then(|mut builder| builder.commit_from_memory(self.source.bytes))
            .map_err(|e| e.message().to_owned())?;
        let assignment = assignment::of(&session);
        if device != Device::Cpu && !assignment.iter().any(|a| a.provider == device.provider()) {
            let provider = device.provider();
            return Err(format!("{provider} took none of the model's nodes"));
        }
        Ok(Loaded { session, device, assignment })
    }

    /// One more session like the first: on the same device, from the same graph.
    pub(super) fn another(
        &self,
        device: Device,
        optimised: Option<&[u8]>,
    ) -> Result<Session, RuntimeError> {
        let (bytes, level) = match optimised {
            Some(graph) => (graph, Optimization::None),
            None => (self.source.bytes, self.config.optimization),
        };
        self.builder(device, level)
            .and_then(|mut builder| builder.commit_from_memory(bytes))
            .map_err(|e| RuntimeError::Load {
                model: self.source.model.to_owned(),
                version: self.runtime.version().to_owned(),
                reason: e.message().to_owned(),
            })
    }

    /// A builder with every setting but the model.
    pub(super) fn builder(
        &self,
        device: Device,
        optimization: Optimization,
    ) -> ort::Result<SessionBuilder> {
        let config = self.config;
        let mut builder = Session::builder(self.runtime.environment())?
            .with_optimization_level(optimization.level())?
            .with_intra_threads(config.intra_threads)?
            .with_inter_threads(config.inter_threads)?
            .with_parallel_execution(config.inter_threads > 1)?
            .with_intra_op_spinning(config.spinning)?
            .with_inter_op_spinning(config.spinning)?
            .with_memory_pattern(config.memory_pattern)?
            .with_prepacked_weights(&self.prepacked)?
            .with_config_entry(assignment::RECORD, "1")?
            // The accelerator first: providers get nodes in the order they are registered.
            .with_execution_providers([device.dispatch(config.arena)])?;
        if device != Device::Cpu {
            builder = builder.with_execution_providers([Device::Cpu.dispatch(config.arena)])?;
            if config.whole_graph {
                builder = builder.with_disable_cpu_fallback()?;
            }
        }
        for (name, value) in &self.shared {
            builder = builder.with_initializer(name, Arc::clone(value))?;
        }
        for (name, bytes) in &self.source.external {
            builder = builder.with_external_initializer_file_in_memory(name, Arc::clone(bytes))?;
        }
        Ok(builder)
    }
}

/// Reads a session's inputs and outputs.
pub(super) fn signature(model: &str, session: &Session) -> Result<Signature, RuntimeError> {
    let ports = |outlets: &[Outlet], kind: &str| {
        outlets.iter().map(|outlet| port(model, kind, outlet)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Signature {
        model: model.to_owned(),
        inputs: ports(session.inputs(), "input")?,
        outputs: ports(session.outputs(), "output")?,
    })
}

pub(super) fn port(model: &str, kind: &str, outlet: &Outlet) -> Result<TensorPort, RuntimeError> {
    let refuse = || RuntimeError::PortKind {
        model: model.to_owned(),
        port: format!("{kind} {:?}", outlet.name()),
        found: outlet.dtype().to_string(),
    };
    let ValueType::Tensor { ty, shape, dimension_symbols } = outlet.dtype() else {
        return Err(refuse());
    };
    let dim = |(i, &length): (usize, &i64)| match u64::try_from(length) {
        Ok(length) => Dim::Fixed(length),
        Err(_) => {
            let symbol = dimension_symbols.get(i).filter(|symbol| !symbol.is_empty());
            Dim::Symbol(symbol.map_or("?", String::as_str).to_owned())
        }
    };
    Ok(TensorPort {
        name: outlet.name().to_owned(),
        dtype: dtype(*ty).ok_or_else(refuse)?,
        shape: shape.iter().enumerate().map(dim).collect(),
    })
}

pub(super) fn dtype(ty: TensorElementType) -> Option<Dtype> {
    Some(match ty {
        TensorElementType::Float64 => Dtype::Float64,
        TensorElementType::Float32 => Dtype::Float32,
        TensorElementType::Float16 => Dtype::Float16,
        TensorElementType::Int64 => Dtype::Int64,
        TensorElementType::Int32 => Dtype::Int32,
        TensorElementType::Int16 => Dtype::Int16,
        TensorElementType::Int8 => Dtype::Int8,
        TensorElementType::Uint64 => Dtype::Uint64,
        TensorElementType::Uint32 => Dtype::Uint32,
        TensorElementType::Uint16 => Dtype::Uint16,
        TensorElementType::Uint8 => Dtype::Uint8,
        TensorElementType::Bool => Dtype::Bool,
        _ => return None,
    })
}
