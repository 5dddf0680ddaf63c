//! Cutting a model into parts that run one after the other, each a model of its own: no more than one part's weights and what lies
//! between two parts is then in memory. Cuts go where the least passes from one part to the next. Nodes and their numbers stay as
//! they are, so that the parts give what the whole gives.
//!
//! Weights are copied from the file to the parts as a stream; the file itself is held once and external data not at all.

mod cuts;
mod graph;
mod shapes;
mod write;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::RuntimeError;
use super::session::TensorPort;
use crate::verify::{Limits, WalkError, walk};

/// Why a model cannot be cut.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The file is damaged or hostile.
    #[error("{0}")]
    Walk(#[from] WalkError),
    /// ONNX Runtime does not know its shapes.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The graph has what cannot be cut, or no place for it.
    #[error("the model cannot be cut: {0}")]
    Graph(String),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where to cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cuts {
    /// Into so many parts of about the same size.
    Parts(usize),
    /// After the nodes that make these tensors.
    At(Vec<String>),
}

/// A model to cut.
pub struct Whole<'a> {
    /// The ONNX file's bytes.
    pub bytes: &'a [u8],
    /// Opens a file of external data by its name.
    pub external: &'a dyn Fn(&str) -> io::Result<File>,
    /// Operator domains that it may use.
    pub domains: &'a [String],
    /// Caps of the verification.
    pub limits: &'a Limits,
}

/// A file of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFile {
    /// Plain name.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// A part that was written.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its ONNX file.
    pub model: PartFile,
    /// Its external data, where the whole has some.
    pub data: Option<PartFile>,
    /// What it reads: inputs of the whole, and tensors of earlier parts.
    pub inputs: Vec<TensorPort>,
    /// What it gives: outputs of the whole, and tensors for later parts.
    pub outputs: Vec<TensorPort>,
    /// Nodes.
    pub nodes: usize,
    /// Bytes that pass from here to later parts, where shapes are fixed.
    pub passes: u64,
}

/// Cuts a model and writes its parts into folders, one a part, as `model.onnx` (and `model.data`).
///
/// # Errors
/// [`SplitError`]
pub fn split(
    whole: &Whole<'_>,
    cuts: &Cuts,
    folder: &dyn Fn(usize) -> PathBuf,
) -> Result<Vec<Part>, SplitError> {
    walk(whole.bytes, whole.limits, whole.domains)?;
    let graph = graph::Graph::read(whole.bytes).map_err(SplitError::Graph)?;
    let shapes = shapes::infer(whole.bytes, &graph)?;
    let places = cuts::choose(&graph, &shapes, cuts).map_err(SplitError::Graph)?;
    let plans = cuts::plan(&graph, &places);
    let mut parts = Vec::new();
    for (index, plan) in plans.iter().enumerate() {
        let folder = folder(index);
        std::fs::create_dir_all(&folder)
            .map_err(|source| SplitError::Io { path: folder.clone(), source })?;
        parts.push(part(whole, &graph, &shapes, plan, &folder)?);
    }
    Ok(parts)
}

fn part(
    whole: &Whole<'_>,
    graph: &graph::Graph<'_>,
    shapes: &shapes::Shapes,
    plan: &cuts::PartPlan,
    folder: &Path,
) -> Result<Part, SplitError> {
    let ports = |names: &[String]| {
        let port = |name: &String| {
            let known = shapes.port(name);
            known.ok_or_else(|| SplitError::Graph(format!("the type of {name:?} is not known")))
        };
        names.iter().map(port).collect::<Result<Vec<_>, _>>()
    };
    let (inputs, outputs) = (ports(&plan.inputs)?, ports(&plan.outputs)?);
    let passes = plan.passed.iter().map(|name| shapes.bytes(name)).sum();
    let (model, data) = write::write(whole, graph, plan, (&inputs, &outputs), folder)?;
    Ok(Part { model, data, inputs, outputs, nodes: plan.nodes.len(), passes })
}
