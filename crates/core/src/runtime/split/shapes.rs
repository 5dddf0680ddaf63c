//! Types and shapes of all tensors of a graph, as ONNX Runtime infers them from a copy of the graph without its weights.

use std::collections::HashMap;

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::ValueType;

use super::super::error::RuntimeError;
use super::super::first_row::{write, write_bytes, write_number};
use super::super::library::Runtime;
use super::super::session::{TensorPort, dtype, port};
use super::super::weights::Fields;
use super::SplitError;
use super::graph::{Graph, SMALL};
use crate::card::{Dim, Dtype};

/// Tensors by name.
pub(super) struct Shapes(HashMap<String, TensorPort>);

impl Shapes {
    pub(super) fn port(&self, name: &str) -> Option<TensorPort> {
        self.0.get(name).cloned()
    }

    /// Bytes of a tensor; lengths that are not fixed count as 1.
    pub(super) fn bytes(&self, name: &str) -> u64 {
        let Some(port) = self.0.get(name) else { return 0 };
        let length = |dim: &Dim| if let Dim::Fixed(length) = dim { *length } else { 1 };
        let width = match port.dtype {
            Dtype::Float64 | Dtype::Int64 | Dtype::Uint64 => 8,
            Dtype::Float32 | Dtype::Int32 | Dtype::Uint32 => 4,
            Dtype::Float16 | Dtype::Bfloat16 | Dtype::Int16 | Dtype::Uint16 => 2,
            _ => 1,
        };
        port.shape.iter().map(length).fold(width, u64::saturating_mul)
    }
}

/// Has ONNX Runtime infer them.
pub(super) fn infer(model: &[u8], graph: &Graph<'_>) -> Result<Shapes, SplitError> {
    let broken = || SplitError::Graph("a field is of an unknown kind".to_owned());
    let mut skeleton = Vec::new();
    for (number, field) in Fields(model) {
        match number {
            7 => write_bytes(&mut skeleton, 7, &without_weights(graph)),
            _ => write(&mut skeleton, number, field).ok_or_else(broken)?,
        }
    }
    let runtime = Runtime::global()?;
    let failed = |error: &ort::Error| {
        SplitError::Graph(format!("ONNX Runtime does not tell its shapes: {}", error.message()))
    };
    let session = (|| -> ort::Result<Session> {
        Session::builder(runtime.environment())?
            .with_optimization_level(GraphOptimizationLevel::Disable)?
            .commit_from_memory(&skeleton)
    })()
    .map_err(|error| failed(&error))?;
    let mut found = HashMap::new();
    for outlet in session.inputs().iter().chain(session.outputs()) {
        // What is no tensor cannot pass from part to part; it may still lie within one.
        let tensor = matches!(outlet.dtype(), ValueType::Tensor { ty, .. } if dtype(*ty).is_some());
        if tensor {
            let port = port("model", "tensor", outlet).map_err(|error: RuntimeError| error)?;
            found.insert(port.name.clone(), port);
        }
    }
    Ok(Shapes(found))
}

/// The graph with large initialisers as inputs, and every tensor an output.
fn without_weights(graph: &Graph<'_>) -> Vec<u8> {
    let mut made = Vec::new();
    for node in &graph.nodes {
        write_bytes(&mut made, 1, node.bytes);
    }
    write_bytes(&mut made, 2, graph.name);
    for (_, bytes) in &graph.inputs {
        write_bytes(&mut made, 11, bytes);
    }
    for (name, initialiser) in &graph.initialisers {
        if initialiser.external.is_none() && initialiser.bytes.len() < SMALL {
            write_bytes(&mut made, 5, initialiser.bytes);
            continue;
        }
        let dims = initialiser.dims.iter().map(|length| Some(*length));
        write_bytes(&mut made, 11, &value(name, initialiser.data_type, dims));
    }
    let given: Vec<&str> = graph.outputs.iter().map(|(name, _)| *name).collect();
    for (_, bytes) in &graph.outputs {
        write_bytes(&mut made, 12, bytes);
    }
    let inside = graph.nodes.iter().filter(|node| !node.constant).flat_map(|node| &node.outputs);
    for name in inside.filter(|name| !name.is_empty() && !given.contains(name)) {
        // Its type is left to be inferred.
        let mut untyped = Vec::new();
        write_bytes(&mut untyped, 1, name.as_bytes());
        write_bytes(&mut made, 12, &untyped);
    }
    made
}

/// A `ValueInfoProto`.
pub(super) fn value(
    name: &str,
    data_type: u64,
    dims: impl Iterator<Item = Option<u64>>,
) -> Vec<u8> {
    let mut shape = Vec::new();
    for length in dims {
        let mut dim = Vec::new();
        if let Some(length) = length {
            write_number(&mut dim, 1, length);
        }
        write_bytes(&mut shape, 1, &dim);
    }
    let mut tensor = Vec::new();
    write_number(&mut tensor, 1, data_type);
    write_bytes(&mut tensor, 2, &shape);
    let mut kind = Vec::new();
    write_bytes(&mut kind, 1, &tensor);
    let mut made = Vec::new();
    write_bytes(&mut made, 1, name.as_bytes());
    write_bytes(&mut made, 2, &kind);
    made
}
