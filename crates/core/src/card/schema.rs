//! The model card's format: `card.toml` as plain structs. Unknown keys are refused everywhere but in
//! the two free tables `[preprocess]` and `[postprocess]`, which belong to the kits.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A model card: what a model is, where its files are from, what goes in and what comes out.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Folder the card was read from.
    #[serde(skip)]
    pub dir: PathBuf,
    /// Name: the folder's name.
    pub name: String,
    /// Layer of the model in the architecture.
    pub layer: Layer,
    /// What kind of model it is.
    pub kind: Kind,
    /// What it does, in the field's words: `regression`, `multitask-classification`, `embedding` …
    pub task: String,
    /// Title for people.
    pub title: String,
    /// A few sentences for people.
    pub description: String,
    /// Version of the model.
    pub version: String,
    /// Licence of the model (SPDX).
    pub licence: String,
    /// Where the model is from.
    pub source: Source,
    /// Every file, external data included.
    pub files: Vec<ModelFile>,
    /// Inputs of the ONNX graph.
    pub inputs: Vec<Port>,
    /// Outputs of the ONNX graph.
    pub outputs: Vec<Port>,
    /// What columns of the outputs mean to the domain.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Parameters of the kit's preprocessing.
    #[serde(default)]
    pub preprocess: toml::Table,
    /// Parameters of the kit's postprocessing.
    #[serde(default)]
    pub postprocess: toml::Table,
    /// How requests share a batch, beyond what the shapes say.
    pub batching: Option<Batching>,
    /// The model in several precisions and speeds; at least one.
    pub variants: Vec<Variant>,
    /// Operator domains the model needs beyond ONNX's own and ONNX Runtime's built-in ones.
    #[serde(default)]
    pub operator_domains: Vec<String>,
    /// What the model was trained on.
    pub training: Option<Training>,
    /// Figures measured on held-out data.
    #[serde(default)]
    pub figures: Vec<Figure>,
    /// An example with its right answer.
    pub golden: Option<Golden>,
}

/// Layer of the architecture a model belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// L0: foundation models.
    Foundation,
}

/// Kind of foundation model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Text in, text or vectors out.
    Language,
    /// Images or video.
    Vision,
    /// Several of them at once.
    Multimodal,
    /// Tables and time series.
    Prediction,
    /// Molecules, atmosphere, materials.
    Scientific,
}

/// Where a model is from.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Address, or a sentence such as "trained by training/".
    pub url: String,
    /// Revision of the source.
    pub revision: Option<String>,
}

/// One file of a model.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Plain file name inside the model's folder.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// What the file is.
    pub role: Role,
    /// Where `models fetch` gets it, for a file that isn't committed.
    pub url: Option<String>,
}

/// What a file of a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An ONNX model.
    Model,
    /// Tensor data an ONNX model refers to.
    ExternalData,
    /// Applicability domain: the training examples' fingerprints or vectors.
    Domain,
    /// Names of classes.
    Labels,
    /// A tokenizer.
    Tokenizer,
    /// The golden example.
    Golden,
    /// Anything else.
    Other,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::ExternalData => "external-data",
            Self::Domain => "domain",
            Self::Labels => "labels",
            Self::Tokenizer => "tokenizer",
            Self::Golden => "golden",
            Self::Other => "other",
        })
    }
}

/// An input or output of the ONNX graph.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Name in the graph.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape: lengths and symbols.
    pub shape: Vec<Dim>,
    /// What it is.
    pub meaning: String,
    /// Unit; `"1"` for a number without one.
    pub unit: Option<String>,
}

/// One dimension of a shape on a card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "a dimension is a whole number (2048) or a symbol (\"N\")")]
pub enum Dim {
    /// A fixed length.
    Fixed(u64),
    /// A length known at run time, by its symbol.
    Symbol(String),
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(n) => write!(f, "{n}"),
            Self::Symbol(s) => f.write_str(s),
        }
    }
}

/// Element type of a tensor, by the names cards use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each name is the type's own")]
pub enum Dtype {
    Float64,
    Float32,
    Float16,
    Bfloat16,
    Int64,
    Int32,
    Int16,
    Int8,
    Uint64,
    Uint32,
    Uint16,
    Uint8,
    Bool,
    String,
}

impl Dtype {
    /// The type with this number in ONNX's `TensorProto.DataType`, if cards have a name for it.
    #[must_use]
    pub fn from_onnx(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Float32,
            2 => Self::Uint8,
            3 => Self::Int8,
            4 => Self::Uint16,
            5 => Self::Int16,
            6 => Self::Int32,
            7 => Self::Int64,
            8 => Self::String,
            9 => Self::Bool,
            10 => Self::Float16,
            11 => Self::Float64,
            12 => Self::Uint32,
            13 => Self::Uint64,
            16 => Self::Bfloat16,
            _ => return None,
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float64 => "float64",
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Bfloat16 => "bfloat16",
            Self::Int64 => "int64",
            Self::Int32 => "int32",
            Self::Int16 => "int16",
            Self::Int8 => "int8",
            Self::Uint64 => "uint64",
            Self::Uint32 => "uint32",
            Self::Uint16 => "uint16",
            Self::Uint8 => "uint8",
            Self::Bool => "bool",
            Self::String => "string",
        })
    }
}

/// What some columns of an output mean to the domain.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Name: the column's name in results.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Unit of the value.
    pub unit: Option<String>,
    /// What the value is.
    pub task: EndpointTask,
    /// Output of the graph it is read from.
    pub output: String,
    /// Columns of that output's last dimension, one a seed; their mean is the prediction and their
    /// spread its uncertainty.
    pub columns: Vec<u64>,
    /// Classification: the probability from which the class counts as positive.
    pub threshold: Option<f64>,
    /// Whether a higher value is the better one.
    pub higher_is_better: Option<bool>,
    /// Regression: calibrated intervals.
    pub conformal: Option<Conformal>,
}

/// What an endpoint's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointTask {
    /// A number in the endpoint's unit.
    Regression,
    /// A probability from 0 to 1.
    Classification,
}

/// Conformal interval: mean ± q · (standard deviation + floor).
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    /// The factor that covered 90 % of held-out rows.
    pub q90: f64,
    /// Added to the standard deviation, in the endpoint's unit.
    pub floor: f64,
}

/// How requests share a batch of the model.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Batching {
    /// What the cost of a row is counted in: `tokens`, `pixels`, `atoms`, `grid-cells`.
    pub unit: Option<String>,
    /// Inputs that are filled up at the end, each with a value of its own, so that rows of different
    /// length share a batch. The model must not see what is filled in (an attention mask of 0).
    #[serde(default)]
    pub pad: BTreeMap<String, f64>,
    /// The axis that is filled up; 0 is the batch.
    #[serde(default = "one")]
    pub pad_axis: usize,
    /// Most rows of a batch; 1 where rows must not share one.
    pub max_rows: Option<usize>,
    /// Largest cost of a batch: its rows times the longest of them.
    pub max_cost: Option<u64>,
    /// How long a request may wait for others, in microseconds.
    pub max_delay_us: Option<u64>,
}

fn one() -> usize {
    1
}

/// One file of the model's, and when to take it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Name of the variant.
    pub name: String,
    /// File with role `model`.
    pub file: String,
    /// Number format of the weights.
    pub precision: Precision,
    /// Latency class.
    pub latency: Latency,
    /// Devices it is meant for; empty means any.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Memory it needs while running, where that was measured.
    pub memory_bytes: Option<u64>,
}

/// Number format of a variant's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each name is the format's own")]
pub enum Precision {
    Fp64,
    Fp32,
    Fp16,
    Bf16,
    Int8,
    Int4,
}

/// Latency class: what a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Latency {
    /// Least time, at some cost in quality.
    Fast,
    /// The usual choice.
    Balanced,
    /// Best quality, whatever it takes.
    Best,
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Best => "best",
        })
    }
}

/// What a model was trained on.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Data set.
    pub data: String,
    /// Licence of the data.
    pub licence: String,
    /// How held-out data were set apart.
    pub split: Option<String>,
    /// Seeds of the members.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// Rows of training data.
    pub rows: Option<u64>,
    /// Script that trains it.
    pub script: Option<String>,
}

/// One figure measured on held-out data.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Data set.
    pub dataset: String,
    /// How held-out data were set apart.
    pub split: String,
    /// Seed of the member or of the split.
    pub seed: u64,
    /// Metric, by its usual name.
    pub metric: String,
    /// Value.
    pub value: f64,
    /// Held-out rows.
    pub n: Option<u64>,
    /// Anything a reader should know.
    pub note: Option<String>,
}

/// Where the golden example is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// File with role `golden`.
    pub file: String,
    /// Largest absolute difference allowed.
    pub tolerance: f64,
}
