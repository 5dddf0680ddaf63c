//! What can go wrong between a verified model and its answer. Every message names the input and the
//! remedy; deadlines and cancellations are kinds of their own, because callers act on them.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::device::Device;
use crate::card::Dtype;
use crate::paths::{ORT_VERSION, PathError};

/// How to get a working ONNX Runtime library: the end of every message about a bad one.
const LIBRARY_REMEDY: &str = "put it into `lib` beside the program, run `cargo xtask setup`, or set ORT_DYLIB_PATH to an ONNX Runtime library of version 1.24 or newer";

/// An error of the runtime.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// Nobody knows where the library should be.
    #[error("no ONNX Runtime library: {0}; or set ORT_DYLIB_PATH to the library itself")]
    Place(#[from] PathError),
    /// The library isn't where it should be.
    #[error("no ONNX Runtime library at {}; {LIBRARY_REMEDY} (this build is tested with {ORT_VERSION})", path.display())]
    LibraryMissing {
        /// Path that was tried.
        path: PathBuf,
    },
    /// There is a file, but it is no usable ONNX Runtime library.
    #[error("{} is not a usable ONNX Runtime library: {reason}; {LIBRARY_REMEDY}", path.display())]
    LibraryUnusable {
        /// Path that was tried.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The library works, but is too old or of another generation.
    #[error("the ONNX Runtime library {} is version {version}, which this build cannot use; {LIBRARY_REMEDY}", path.display())]
    LibraryVersion {
        /// Path that was tried.
        path: PathBuf,
        /// Version it reports.
        version: String,
    },
    /// A device name nobody knows.
    #[error("unknown device {name:?}: use one or more of {}, separated by commas, the preferred one first", Device::NAMES.join(", "))]
    UnknownDevice {
        /// Name as given.
        name: String,
    },
    /// No device of the list can be used for this model.
    #[error(
        "model {model}: no device of the list \"{asked}\" can run it: {reasons}. Nothing else is tried: name every device that may be used, such as \"cuda,cpu\""
    )]
    NoDevice {
        /// Model.
        model: String,
        /// The list as asked for.
        asked: String,
        /// One reason a device.
        reasons: String,
    },
    /// A setting that cannot be.
    #[error("bad setting {name} = {value}: {reason}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// Why it cannot be.
        reason: &'static str,
    },
    /// ONNX Runtime refused the model.
    #[error("model {model}: ONNX Runtime {version} cannot load it: {reason}")]
    Load {
        /// Model.
        model: String,
        /// Version of ONNX Runtime.
        version: String,
        /// What ONNX Runtime says.
        reason: String,
    },
    /// The model has an input or output that isn't a tensor of a type Strata handles.
    #[error(
        "model {model}: {port} is {found}, not a tensor of numbers; export the model without it (for scikit-learn models: `zipmap=False`)"
    )]
    PortKind {
        /// Model.
        model: String,
        /// Input or output.
        port: String,
        /// What it is.
        found: String,
    },
    /// An input the model doesn't have, or one given twice.
    #[error(
        "model {model} takes no input {name:?} (or it was given twice); its inputs are {inputs}"
    )]
    InputUnknown {
        /// Model.
        model: String,
        /// Name as given.
        name: String,
        /// Names it has.
        inputs: String,
    },
    /// An input that was not given.
    #[error("model {model}: input {name:?} is missing; it needs {inputs}")]
    InputMissing {
        /// Model.
        model: String,
        /// Name of the input.
        name: String,
        /// Names it has.
        inputs: String,
    },
    /// An input of the wrong element type.
    #[error("model {model}: input {name:?} is {given}, but the model takes {expected}")]
    InputType {
        /// Model.
        model: String,
        /// Name of the input.
        name: String,
        /// Type the model takes.
        expected: Dtype,
        /// Type that was given.
        given: Dtype,
    },
    /// An input of the wrong shape.
    #[error("model {model}: input {name:?} has shape {given:?}, but the model takes [{expected}]")]
    InputShape {
        /// Model.
        model: String,
        /// Name of the input.
        name: String,
        /// Shape the model takes.
        expected: String,
        /// Shape that was given.
        given: Vec<usize>,
    },
    /// An output the model doesn't have.
    #[error("model {model} has no output {name:?} in this result; its outputs are {outputs}")]
    OutputUnknown {
        /// Model.
        model: String,
        /// Name as asked for.
        name: String,
        /// Names it has.
        outputs: String,
    },
    /// An output read as the wrong type, or of a shape the caller can't use.
    #[error("model {model}: output {name:?} cannot be read as asked: {reason}")]
    Output {
        /// Model.
        model: String,
        /// Name of the output.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The model doesn't fit the batch helper.
    #[error("model {model} cannot be run row by row: {reason}")]
    NotBatched {
        /// Model.
        model: String,
        /// Why.
        reason: String,
    },
    /// The deadline passed, while waiting for a session or while running.
    #[error("model {model}: the deadline passed after {waited:.1?} ({stage})")]
    Deadline {
        /// Model.
        model: String,
        /// Whether the caller was still waiting for a session or already running.
        stage: Stage,
        /// Time since the call began.
        waited: Duration,
    },
    /// The caller cancelled.
    #[error("model {model}: cancelled ({stage})")]
    Cancelled {
        /// Model.
        model: String,
        /// Whether the caller was still waiting for a session or already running.
        stage: Stage,
    },
    /// ONNX Runtime failed while running.
    #[error("model {model}: ONNX Runtime failed while running it: {reason}")]
    Run {
        /// Model.
        model: String,
        /// What ONNX Runtime says.
        reason: String,
    },
    /// The golden example cannot be read.
    #[error("golden example {}: {reason}", path.display())]
    GoldenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The golden example's answer isn't the one on the card.
    #[error(transparent)]
    Golden(#[from] Box<GoldenMismatch>),
}

/// How far a call had come when it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for a session of the pool.
    Waiting,
    /// The model was running.
    Running,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting for a session",
            Self::Running => "while running",
        })
    }
}

/// A golden example whose answer isn't the one that was written down.
#[derive(Debug, Error)]
#[error(
    "model {model} on {device}: the golden example differs: output {output:?} at {at:?} is {got}, \
     expected {expected} (difference {difference:.3e}, allowed {tolerance:.1e}; {wrong} of {total} \
     values differ). The model is not used: the file, the device or this ONNX Runtime gives other \
     answers than those its figures were measured with"
)]
pub struct GoldenMismatch {
    /// Model.
    pub model: String,
    /// Device it ran on.
    pub device: Device,
    /// Output with the largest difference.
    pub output: String,
    /// Where in that output.
    pub at: Vec<usize>,
    /// Expected value.
    pub expected: f64,
    /// Value that came.
    pub got: f64,
    /// Largest difference (not a number where one side isn't).
    pub difference: f64,
    /// Difference allowed.
    pub tolerance: f64,
    /// How many values differ by more.
    pub wrong: usize,
    /// How many values there are.
    pub total: usize,
}
