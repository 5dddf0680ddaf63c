//! ONNX messages (onnx.proto, IR version 8) as plain structs that encode themselves. Only what the
//! tests use is here; field numbers are those of the published onnx.proto.

use crate::wire::Message;

/// Element type of a tensor, by its number in `TensorProto.DataType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit float.
    F32 = 1,
    /// 8-bit integer.
    I8 = 3,
    /// 32-bit integer.
    I32 = 6,
    /// 64-bit integer.
    I64 = 7,
    /// Boolean.
    Bool = 9,
}

impl Dtype {
    /// The name a model card uses.
    #[must_use]
    pub fn card_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::I8 => "int8",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::Bool => "bool",
        }
    }
}

/// One dimension of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// A fixed length.
    Fixed(i64),
    /// A symbol such as `N`.
    Symbol(String),
}

impl From<i64> for Dim {
    fn from(value: i64) -> Self {
        Self::Fixed(value)
    }
}

impl From<&str> for Dim {
    fn from(value: &str) -> Self {
        Self::Symbol(value.to_owned())
    }
}

/// A graph's input or output.
#[derive(Debug, Clone)]
pub struct Value {
    /// Name of the value.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape.
    pub shape: Vec<Dim>,
}

impl Value {
    /// A value of the given name, type and shape.
    #[must_use]
    pub fn new(name: &str, dtype: Dtype, shape: &[Dim]) -> Self {
        Self { name: name.to_owned(), dtype, shape: shape.to_vec() }
    }

    fn encode(&self) -> Message {
        let mut shape = Message::new();
        for dim in &self.shape {
            let mut m = Message::new();
            match dim {
                Dim::Fixed(n) => m.int(1, *n),
                Dim::Symbol(s) => m.string(2, s),
            }
            shape.message(1, &m);
        }
        let mut tensor = Message::new();
        tensor.int(1, self.dtype as i64);
        tensor.message(2, &shape);
        let mut kind = Message::new();
        kind.message(1, &tensor);
        let mut m = Message::new();
        m.string(1, &self.name);
        m.message(2, &kind);
        m
    }
}

/// A tensor: an initialiser or an attribute's value.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// Name (may be empty in attributes).
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Dimensions.
    pub dims: Vec<i64>,
    /// Little-endian data held in the file itself.
    pub raw: Vec<u8>,
    /// `external_data` entries; when not empty the tensor's data lies outside and `raw` is unused.
    pub external: Vec<(String, String)>,
}

impl Tensor {
    /// A float tensor holding its data.
    #[must_use]
    pub fn f32(name: &str, dims: &[i64], data: &[f32]) -> Self {
        Self {
            name: name.to_owned(),
            dtype: Dtype::F32,
            dims: dims.to_vec(),
            raw: data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            external: Vec::new(),
        }
    }

    /// An integer tensor holding its data.
    #[must_use]
    pub fn i64(name: &str, dims: &[i64], data: &[i64]) -> Self {
        Self {
            name: name.to_owned(),
            dtype: Dtype::I64,
            dims: dims.to_vec(),
            raw: data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            external: Vec::new(),
        }
    }

    /// An 8-bit integer tensor holding its data.
    #[must_use]
    pub fn i8(name: &str, dims: &[i64], data: &[i8]) -> Self {
        let raw = data.iter().map(|x| x.cast_unsigned()).collect();
        let (name, dims) = (name.to_owned(), dims.to_vec());
        Self { name, dtype: Dtype::I8, dims, raw, external: Vec::new() }
    }

    /// A boolean scalar.
    #[must_use]
    pub fn bool(name: &str, value: bool) -> Self {
        Self {
            name: name.to_owned(),
            dtype: Dtype::Bool,
            dims: Vec::new(),
            raw: vec![u8::from(value)],
            external: Vec::new(),
        }
    }

    /// A float tensor whose data lies in the file `location`.
    #[must_use]
    pub fn external(name: &str, dims: &[i64], location: &str, span: (u64, u64)) -> Self {
        let entry = |k: &str, v: String| (k.to_owned(), v);
        Self {
            name: name.to_owned(),
            dtype: Dtype::F32,
            dims: dims.to_vec(),
            raw: Vec::new(),
            external: vec![
                entry("location", location.to_owned()),
                entry("offset", span.0.to_string()),
                entry("length", span.1.to_string()),
            ],
        }
    }

    /// Encodes the tensor as a `TensorProto`.
    #[must_use]
    pub fn encode(&self) -> Message {
        let mut m = Message::new();
        for d in &self.dims {
            m.int(1, *d);
        }
        m.int(2, self.dtype as i64);
        m.string(8, &self.name);
        if self.external.is_empty() {
            m.bytes(9, &self.raw);
        } else {
            for (key, value) in &self.external {
                m.message(13, &entry(key, value));
            }
            m.int(14, 1);
        }
        m
    }
}

/// A sparse tensor: values, their positions, and the dense shape.
#[derive(Debug, Clone)]
pub struct SparseTensor {
    /// The values that aren't zero; its name is the initialiser's name.
    pub values: Tensor,
    /// Their positions (int64).
    pub indices: Tensor,
    /// The dense shape.
    pub dims: Vec<i64>,
}

impl SparseTensor {
    fn encode(&self) -> Message {
        let mut m = Message::new();
        m.message(1, &self.values.encode());
        m.message(2, &self.indices.encode());
        for d in &self.dims {
            m.int(3, *d);
        }
        m
    }
}

/// An attribute's value.
#[derive(Debug, Clone)]
pub enum Attr {
    /// One integer.
    Int(i64),
    /// One float.
    Float(f32),
    /// Integers.
    Ints(Vec<i64>),
    /// A tensor.
    Tensor(Tensor),
    /// Several tensors.
    Tensors(Vec<Tensor>),
    /// A subgraph.
    Graph(Box<Graph>),
    /// Several subgraphs.
    Graphs(Vec<Graph>),
    /// A sparse tensor.
    Sparse(SparseTensor),
    /// Several sparse tensors.
    Sparses(Vec<SparseTensor>),
}

impl Attr {
    fn encode(&self, name: &str) -> Message {
        let mut m = Message::new();
        m.string(1, name);
        let kind = match self {
            Self::Float(x) => {
                m.float(2, *x);
                1
            }
            Self::Int(x) => {
                m.int(3, *x);
                2
            }
            Self::Tensor(t) => {
                m.message(5, &t.encode());
                4
            }
            Self::Graph(g) => {
                m.message(6, &g.encode());
                5
            }
            Self::Ints(v) => {
                v.iter().for_each(|x| m.int(8, *x));
                7
            }
            Self::Tensors(v) => {
                v.iter().for_each(|t| m.message(10, &t.encode()));
                9
            }
            Self::Graphs(v) => {
                v.iter().for_each(|g| m.message(11, &g.encode()));
                10
            }
            Self::Sparse(t) => {
                m.message(22, &t.encode());
                11
            }
            Self::Sparses(v) => {
                v.iter().for_each(|t| m.message(23, &t.encode()));
                12
            }
        };
        m.int(20, kind);
        m
    }
}

/// A node: one operator call.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// Operator.
    pub op: String,
    /// Operator set; empty means the standard one.
    pub domain: String,
    /// Names of the inputs.
    pub inputs: Vec<String>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Attributes by name.
    pub attrs: Vec<(String, Attr)>,
}

impl Node {
    /// A node of the standard operator set.
    #[must_use]
    pub fn new(op: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        let owned = |v: &[&str]| v.iter().map(|s| (*s).to_owned()).collect();
        Self {
            op: op.to_owned(),
            inputs: owned(inputs),
            outputs: owned(outputs),
            ..Self::default()
        }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attr(mut self, name: &str, value: Attr) -> Self {
        self.attrs.push((name.to_owned(), value));
        self
    }

    /// Puts the operator in another domain.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        domain.clone_into(&mut self.domain);
        self
    }

    fn encode(&self) -> Message {
        let mut m = Message::new();
        self.inputs.iter().for_each(|s| m.string(1, s));
        self.outputs.iter().for_each(|s| m.string(2, s));
        m.string(4, &self.op);
        self.attrs.iter().for_each(|(name, a)| m.message(5, &a.encode(name)));
        if !self.domain.is_empty() {
            m.string(7, &self.domain);
        }
        m
    }
}

/// A graph.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// Name.
    pub name: String,
    /// Nodes in running order.
    pub nodes: Vec<Node>,
    /// Dense initialisers.
    pub initializers: Vec<Tensor>,
    /// Sparse initialisers.
    pub sparse: Vec<SparseTensor>,
    /// Inputs.
    pub inputs: Vec<Value>,
    /// Outputs.
    pub outputs: Vec<Value>,
}

impl Graph {
    /// Encodes the graph as a `GraphProto`.
    #[must_use]
    pub fn encode(&self) -> Message {
        let mut m = Message::new();
        self.nodes.iter().for_each(|n| m.message(1, &n.encode()));
        m.string(2, if self.name.is_empty() { "g" } else { &self.name });
        self.initializers.iter().for_each(|t| m.message(5, &t.encode()));
        self.inputs.iter().for_each(|v| m.message(11, &v.encode()));
        self.outputs.iter().for_each(|v| m.message(12, &v.encode()));
        self.sparse.iter().for_each(|t| m.message(15, &t.encode()));
        m
    }
}

/// A function local to a model.
#[derive(Debug, Clone, Default)]
pub struct Function {
    /// Name: the operator that calls it.
    pub name: String,
    /// Domain of that operator.
    pub domain: String,
    /// Names of the inputs.
    pub inputs: Vec<String>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Body.
    pub nodes: Vec<Node>,
    /// Attributes with a default value.
    pub defaults: Vec<(String, Attr)>,
}

impl Function {
    fn encode(&self, opset: i64) -> Message {
        let mut m = Message::new();
        m.string(1, &self.name);
        self.inputs.iter().for_each(|s| m.string(4, s));
        self.outputs.iter().for_each(|s| m.string(5, s));
        self.nodes.iter().for_each(|n| m.message(7, &n.encode()));
        m.message(9, &opset_id("", opset));
        m.message(9, &opset_id(&self.domain, 1));
        m.string(10, &self.domain);
        self.defaults.iter().for_each(|(name, a)| m.message(11, &a.encode(name)));
        m
    }
}

/// A model, and the external files that go with it.
#[derive(Debug, Clone)]
pub struct Model {
    /// Main graph.
    pub graph: Graph,
    /// Version of the standard operator set.
    pub opset: i64,
    /// Further operator sets: domain and version.
    pub opsets: Vec<(String, i64)>,
    /// Free metadata.
    pub metadata: Vec<(String, String)>,
    /// Local functions.
    pub functions: Vec<Function>,
    /// Training information: (initialisation, algorithm) graphs.
    pub training: Vec<(Graph, Graph)>,
    /// External data: file name and contents.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Model {
    /// A model of this graph under operator set 17.
    #[must_use]
    pub fn new(graph: Graph) -> Self {
        Self {
            graph,
            opset: 17,
            opsets: Vec::new(),
            metadata: Vec::new(),
            functions: Vec::new(),
            training: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Encodes the model as a `ModelProto`: the bytes of an `.onnx` file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut m = Message::new();
        m.int(1, 8);
        m.string(2, "strata-testkit");
        m.message(7, &self.graph.encode());
        m.message(8, &opset_id("", self.opset));
        self.opsets.iter().for_each(|(domain, v)| m.message(8, &opset_id(domain, *v)));
        self.metadata.iter().for_each(|(k, v)| m.message(14, &entry(k, v)));
        for (init, algorithm) in &self.training {
            let mut t = Message::new();
            t.message(1, &init.encode());
            t.message(2, &algorithm.encode());
            m.message(20, &t);
        }
        self.functions.iter().for_each(|f| m.message(25, &f.encode(self.opset)));
        m.into_bytes()
    }
}

fn entry(key: &str, value: &str) -> Message {
    let mut m = Message::new();
    m.string(1, key);
    m.string(2, value);
    m
}

fn opset_id(domain: &str, version: i64) -> Message {
    let mut m = Message::new();
    m.string(1, domain);
    m.int(2, version);
    m
}
