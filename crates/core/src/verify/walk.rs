//! The walk over an ONNX file: every graph, node, attribute, function and tensor, wherever it hides.
//! Depth is capped before each descent, so that no file can exhaust the stack.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::calls::{Body, Inliner, Operator};
use super::limits::Limits;
use super::signature::{Signature, ValueInfo};
use super::tensor::{self, ExternalTensor, string_entry};
use super::types::{type_proto, value_info};
use super::wire::{Field, Reader, WalkError, WalkKind};

/// Operator domains that ONNX and ONNX Runtime bring themselves.
const KNOWN_DOMAINS: [&str; 9] = [
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.preview",
    "ai.onnx.training",
    "ai.onnx.preview.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "com.microsoft.nhwc",
];

/// What the walk found.
#[derive(Debug)]
pub struct Walked {
    /// What the file says about itself.
    pub signature: Signature,
    /// Every tensor whose data lie in another file.
    pub external: Vec<ExternalTensor>,
}

/// Walks over the bytes of an ONNX file. `domains` are operator domains allowed beyond ONNX's and
/// ONNX Runtime's own.
///
/// # Errors
/// The first thing that is wrong, and at which byte.
pub fn walk(bytes: &[u8], limits: &Limits, domains: &[String]) -> Result<Walked, WalkError> {
    let reader = Reader::new(bytes, "ModelProto");
    if bytes.len() as u64 > limits.model_bytes {
        let (what, limit) = ("bytes in a model", limits.model_bytes);
        return Err(reader.error(WalkKind::TooMany { what, limit }));
    }
    // ONNX Runtime looks for this mark first, and then reads the bytes as a flatbuffer.
    if bytes.get(4..8) == Some(b"ORTM") {
        return Err(reader.error(WalkKind::OrtFormat));
    }
    Walker::new(limits, domains).model(reader)
}

struct Walker<'a> {
    limits: &'a Limits,
    domains: &'a [String],
    /// What is being walked: the main graph's content, or a function's.
    body: Body<'a>,
    functions: BTreeMap<Operator<'a>, Body<'a>>,
    signature: Signature,
    external: Vec<ExternalTensor>,
    nodes: u64,
    tensors: u64,
}

/// Inputs, outputs and initialisers of a graph.
#[derive(Default)]
struct GraphSides<'a> {
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    initializers: HashSet<&'a str>,
}

impl<'a> Walker<'a> {
    fn new(limits: &'a Limits, domains: &'a [String]) -> Self {
        Self {
            limits,
            domains,
            body: Body::default(),
            functions: BTreeMap::new(),
            signature: Signature::default(),
            external: Vec::new(),
            nodes: 0,
            tensors: 0,
        }
    }

    fn model(mut self, mut reader: Reader<'a>) -> Result<Walked, WalkError> {
        let mut graph = None;
        let mut metadata_bytes = 0;
        while let Some(field) = reader.next()? {
            if matches!(field.number, 1..=7) {
                reader.once(&field)?;
            }
            match field.number {
                1 => self.signature.ir_version = field.int()?,
                2..=4 | 6 => drop(field.bytes()?),
                5 => drop(field.int()?),
                7 => graph = Some(self.graph(field.message("GraphProto")?, 0)?),
                8 => self.opset(&field)?,
                14 => self.metadata(&field, &mut metadata_bytes)?,
                20 => self.training(&field)?,
                25 => self.function(&field)?,
                26 => drop(field.bytes()?), // device configuration: no tensors in it
                _ => return Err(field.unknown()),
            }
        }
        let missing = |what| reader.error(WalkKind::Missing(what));
        let graph = graph.ok_or_else(|| missing("the graph"))?;
        if self.signature.opsets.is_empty() {
            return Err(missing("the operator set"));
        }
        self.finish(graph).map_err(|kind| reader.error(kind))
    }

    /// What can be judged only when everything was seen.
    fn finish(mut self, graph: GraphSides<'_>) -> Result<Walked, WalkKind> {
        let GraphSides { mut inputs, outputs, initializers } = graph;
        inputs.retain(|value| !initializers.contains(value.name.as_str()));
        for side in [&inputs, &outputs] {
            let mut names = BTreeSet::new();
            if let Some(twice) = side.iter().find(|value| !names.insert(&value.name)) {
                return Err(WalkKind::DuplicateName(twice.name.clone()));
            }
        }
        self.known_operators()?;
        let mut inliner = Inliner::new(&self.functions, self.limits);
        // Functions that nothing calls are judged as well: what is unused here may be used elsewhere.
        for body in self.functions.values() {
            inliner.body(body, 0)?;
        }
        let size = inliner.body(&self.body, 0)?;
        self.signature.operators = self.operators();
        self.signature.nodes = size.nodes;
        self.signature.graph_depth = size.depth;
        self.signature.inputs = inputs;
        self.signature.outputs = outputs;
        Ok(Walked { signature: self.signature, external: self.external })
    }

    /// How often each operator occurs.
    fn operators(&self) -> BTreeMap<String, u64> {
        let mut operators = BTreeMap::new();
        let bodies = self.functions.values().chain([&self.body]);
        for ((domain, name, _), (times, _)) in bodies.flat_map(|body| &body.calls) {
            let full =
                if domain.is_empty() { (*name).to_owned() } else { format!("{domain}::{name}") };
            *operators.entry(full).or_default() += times;
        }
        operators
    }

    /// Every operator is ONNX's, ONNX Runtime's, a local function, or allowed by the card.
    fn known_operators(&self) -> Result<(), WalkKind> {
        let bodies = self.functions.values().chain([&self.body]);
        for operator in bodies.flat_map(|body| body.calls.keys()) {
            let (domain, name, _) = *operator;
            let known = KNOWN_DOMAINS.contains(&domain)
                || self.domains.iter().any(|allowed| allowed == domain)
                || self.functions.contains_key(operator);
            if !known {
                let (domain, operator) = (domain.to_owned(), name.to_owned());
                return Err(WalkKind::Operator { domain, operator });
            }
        }
        Ok(())
    }

    /// Fails when a list that is kept in memory grows beyond its cap.
    fn room(&self, field: &Field<'_>, what: &'static str, held: usize) -> Result<(), WalkError> {
        if held < self.limits.entries {
            return Ok(());
        }
        Err(field.error(WalkKind::TooMany { what, limit: self.limits.entries as u64 }))
    }

    fn opset(&mut self, field: &Field<'a>) -> Result<(), WalkError> {
        self.room(field, "operator sets", self.signature.opsets.len())?;
        let (domain, version) = opset_id(field)?;
        if self.signature.opsets.insert(domain.to_owned(), version).is_some() {
            return Err(field.error(WalkKind::DuplicateName(format!("operator set {domain}"))));
        }
        Ok(())
    }

    fn metadata(&mut self, field: &Field<'a>, total: &mut usize) -> Result<(), WalkError> {
        self.room(field, "metadata entries", self.signature.metadata.len())?;
        let (key, value) = string_entry(field)?;
        *total += key.len() + value.len();
        if *total > self.limits.metadata_bytes {
            let (what, limit) = ("bytes of metadata", self.limits.metadata_bytes as u64);
            return Err(field.error(WalkKind::TooMany { what, limit }));
        }
        self.signature.metadata.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    fn training(&mut self, field: &Field<'a>) -> Result<(), WalkError> {
        let mut reader = field.message("TrainingInfoProto")?;
        while let Some(field) = reader.next()? {
            match field.number {
                1 | 2 => {
                    reader.once(&field)?;
                    self.graph(field.message("GraphProto")?, 0)?;
                }
                3 | 4 => drop(string_entry(&field)?),
                _ => return Err(field.unknown()),
            }
        }
        Ok(())
    }

    fn function(&mut self, field: &Field<'a>) -> Result<(), WalkError> {
        self.room(field, "local functions", self.functions.len())?;
        let mut reader = field.message("FunctionProto")?;
        let (mut name, mut domain, mut overload) = ("", "", "");
        let outer = std::mem::take(&mut self.body);
        while let Some(field) = reader.next()? {
            if matches!(field.number, 1 | 8 | 10 | 13) {
                reader.once(&field)?;
            }
            match field.number {
                1 => name = field.text()?,
                4..=6 | 8 => drop(field.bytes()?),
                7 => self.node(&field, 0)?,
                9 => drop(opset_id(&field)?),
                10 => domain = field.text()?,
                11 => self.attribute(&field, 0)?,
                12 => drop(value_info(&field, self.limits)?),
                13 => overload = field.text()?,
                14 => drop(string_entry(&field)?),
                _ => return Err(field.unknown()),
            }
        }
        let body = std::mem::replace(&mut self.body, outer);
        let operator = (standard(domain), name, overload);
        if self.functions.insert(operator, body).is_some() {
            return Err(field.error(WalkKind::DuplicateName(format!("function {name}"))));
        }
        Ok(())
    }

    fn graph(&mut self, mut reader: Reader<'a>, depth: usize) -> Result<GraphSides<'a>, WalkError> {
        if depth > self.limits.graph_depth {
            let kind = WalkKind::TooDeep { what: "graphs", limit: self.limits.graph_depth };
            return Err(reader.error(kind));
        }
        self.body.depth = self.body.depth.max(depth);
        let mut sides = GraphSides::default();
        while let Some(field) = reader.next()? {
            if matches!(field.number, 2 | 10) {
                reader.once(&field)?;
            }
            match field.number {
                1 => self.node(&field, depth)?,
                2 | 10 => drop(field.bytes()?),
                5 => {
                    sides.initializers.insert(self.tensor(&field, true)?);
                }
                11 => {
                    self.room(&field, "inputs", sides.inputs.len())?;
                    sides.inputs.push(value_info(&field, self.limits)?);
                }
                12 => {
                    self.room(&field, "outputs", sides.outputs.len())?;
                    sides.outputs.push(value_info(&field, self.limits)?);
                }
                13 => drop(value_info(&field, self.limits)?),
                14 => quantization(&field)?,
                15 => {
                    sides.initializers.insert(self.sparse(&field, true)?);
                }
                16 => drop(string_entry(&field)?),
                _ => return Err(field.unknown()),
            }
        }
        Ok(sides)
    }

    fn node(&mut self, field: &Field<'a>, depth: usize) -> Result<(), WalkError> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let (what, limit) = ("nodes", self.limits.nodes);
            return Err(field.error(WalkKind::TooMany { what, limit }));
        }
        let mut reader = field.message("NodeProto")?;
        let (mut operator, mut domain, mut overload) = ("", "", "");
        while let Some(field) = reader.next()? {
            if matches!(field.number, 3 | 4 | 6..=8) {
                reader.once(&field)?;
            }
            match field.number {
                1..=3 | 6 => drop(field.bytes()?),
                4 => operator = field.text()?,
                5 => self.attribute(&field, depth)?,
                7 => domain = field.text()?,
                8 => overload = field.text()?,
                9 => drop(string_entry(&field)?),
                10 => drop(field.bytes()?), // device configuration: no tensors in it
                _ => return Err(field.unknown()),
            }
        }
        self.body.nodes += 1;
        let key = (standard(domain), operator, overload);
        let (times, deepest) = self.body.calls.entry(key).or_default();
        *times += 1;
        *deepest = depth.max(*deepest);
        Ok(())
    }

    fn attribute(&mut self, field: &Field<'a>, depth: usize) -> Result<(), WalkError> {
        let mut reader = field.message("AttributeProto")?;
        while let Some(field) = reader.next()? {
            // Repeated fields are 7 to 11, 15 and 23.
            if !matches!(field.number, 7..=11 | 15 | 23) {
                reader.once(&field)?;
            }
            match field.number {
                1 | 4 | 9 | 13 | 21 => drop(field.bytes()?),
                2 => field.fixed32()?,
                3 | 20 => drop(field.int()?),
                7 => drop(field.count_fixed(4)?),
                8 => field.each_int(|_| ())?,
                5 | 10 => drop(self.tensor(&field, false)?),
                6 | 11 => drop(self.graph(field.message("GraphProto")?, depth + 1)?),
                14 | 15 => drop(type_proto(field.message("TypeProto")?, self.limits, 0)?),
                22 | 23 => drop(self.sparse(&field, false)?),
                _ => return Err(field.unknown()),
            }
        }
        Ok(())
    }

    /// Reads a tensor and returns its name.
    fn tensor(&mut self, field: &Field<'a>, initializer: bool) -> Result<&'a str, WalkError> {
        let tensor = tensor::tensor(field.message("TensorProto")?, self.limits)?;
        let name = tensor.name;
        self.count(tensor, initializer, field)?;
        Ok(name)
    }

    /// Reads a sparse tensor and returns its name: the one of its values.
    fn sparse(&mut self, field: &Field<'a>, initializer: bool) -> Result<&'a str, WalkError> {
        let parts = tensor::sparse(field.message("SparseTensorProto")?, self.limits)?;
        let name = parts.values.name;
        self.count(parts.values, initializer, field)?;
        self.count(parts.indices, false, field)?;
        Ok(name)
    }

    fn count(
        &mut self,
        tensor: tensor::Tensor<'a>,
        initializer: bool,
        field: &Field<'a>,
    ) -> Result<(), WalkError> {
        self.tensors += 1;
        if self.tensors > self.limits.tensors {
            let (what, limit) = ("tensors", self.limits.tensors);
            return Err(field.error(WalkKind::TooMany { what, limit }));
        }
        if initializer {
            let total = &mut self.signature.parameters;
            *total = total.saturating_add(tensor.elements);
        }
        self.external.extend(tensor.external);
        Ok(())
    }
}

/// The standard operator set has two names.
fn standard(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

/// An `OperatorSetIdProto`: domain and version.
fn opset_id<'a>(field: &Field<'a>) -> Result<(&'a str, i64), WalkError> {
    let mut reader = field.message("OperatorSetIdProto")?;
    let (mut domain, mut version) = ("", 0);
    while let Some(field) = reader.next()? {
        reader.once(&field)?;
        match field.number {
            1 => domain = standard(field.text()?),
            2 => version = field.int()?,
            _ => return Err(field.unknown()),
        }
    }
    Ok((domain, version))
}

/// A `TensorAnnotation`: names of tensors, no tensor.
fn quantization(field: &Field<'_>) -> Result<(), WalkError> {
    let mut reader = field.message("TensorAnnotation")?;
    while let Some(field) = reader.next()? {
        match field.number {
            1 => drop(field.bytes()?),
            2 => drop(string_entry(&field)?),
            _ => return Err(field.unknown()),
        }
    }
    Ok(())
}
