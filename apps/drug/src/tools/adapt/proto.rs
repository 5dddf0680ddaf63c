//! ONNX files, writing side: the few messages of onnx.proto (IR version 8) that a head's graph is made of, alone or behind
//! an encoder's.

use super::join::{Base, FORMAT, TREES};

/// A protobuf message being written.
#[derive(Debug, Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn int(&mut self, field: u64, value: i64) {
        self.number(field, value.cast_unsigned());
    }

    fn float(&mut self, field: u64, value: f32) {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    fn message(&mut self, field: u64, value: &Message) {
        self.bytes(field, &value.0);
    }
}

/// Operators of ONNX for learned trees.
pub(super) const ML: &str = "ai.onnx.ml";

/// Number of the type of 32-bit floats.
pub(super) const FLOAT: i64 = 1;
/// Number of the type of 64-bit floats.
pub(super) const DOUBLE: i64 = 11;

/// An attribute's value.
#[derive(Debug, Clone)]
pub(super) enum Attribute {
    Int(i64),
    Text(String),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Texts(Vec<&'static str>),
}

impl Attribute {
    fn encode(&self, name: &str) -> Message {
        let mut m = Message::default();
        m.text(1, name);
        let kind = match self {
            Self::Int(value) => {
                m.int(3, *value);
                2
            }
            Self::Text(value) => {
                m.text(4, value);
                3
            }
            Self::Floats(values) => {
                values.iter().for_each(|value| m.float(7, *value));
                6
            }
            Self::Ints(values) => {
                values.iter().for_each(|value| m.int(8, *value));
                7
            }
            Self::Texts(values) => {
                values.iter().for_each(|value| m.text(9, value));
                8
            }
        };
        m.int(20, kind);
        m
    }
}

/// A graph being written: one matrix of floats in and one out, each with any number of rows, behind an encoder's graph where
/// there is one.
#[derive(Debug, Default)]
pub(super) struct Graph {
    base: Option<Base>,
    scope: String,
    nodes: Vec<Message>,
    constants: Vec<Message>,
}

impl Graph {
    /// A graph whose nodes come behind another's.
    pub(super) fn behind(base: Option<Base>) -> Self {
        Self { base, ..Self::default() }
    }

    /// Names of what is added from now on begin so.
    pub(super) fn within(&mut self, scope: String) {
        self.scope = scope;
    }

    /// A name without what the names added now begin with.
    pub(super) fn bare<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(self.scope.as_str()).unwrap_or(name)
    }

    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.scope)
    }

    /// Adds a node of ONNX's own operators; its output's name.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], output: &str) -> String {
        self.node_with(("", op), inputs, output, &[])
    }

    /// Adds a node of a domain, with attributes; its output's name.
    pub(super) fn node_with(
        &mut self,
        (domain, op): (&str, &str),
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute)],
    ) -> String {
        let mut m = Message::default();
        inputs.iter().for_each(|input| m.text(1, input));
        let output = self.named(output);
        m.text(2, &output);
        m.text(4, op);
        attributes.iter().for_each(|(name, value)| m.message(5, &value.encode(name)));
        if !domain.is_empty() {
            m.text(7, domain);
        }
        self.nodes.push(m);
        output
    }

    /// Adds a constant of floats; its name.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], data: &[f32]) -> String {
        let raw: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, shape, FLOAT, &raw)
    }

    /// Adds a constant of doubles; its name.
    pub(super) fn doubles(&mut self, name: &str, shape: &[usize], data: &[f64]) -> String {
        let raw: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, shape, DOUBLE, &raw)
    }

    /// Adds a constant of whole numbers; its name.
    pub(super) fn ints(&mut self, name: &str, data: &[i64]) -> String {
        let raw: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, &[data.len()], 7, &raw)
    }

    /// Adds a constant of small whole numbers, one byte each; its name.
    pub(super) fn small(&mut self, name: &str, shape: &[usize], data: &[u8]) -> String {
        self.constant(name, shape, 2, data)
    }

    fn constant(&mut self, name: &str, shape: &[usize], dtype: i64, raw: &[u8]) -> String {
        let mut m = Message::default();
        shape.iter().for_each(|&length| m.int(1, length as i64));
        m.int(2, dtype);
        let name = self.named(name);
        m.text(8, &name);
        m.bytes(9, raw);
        self.constants.push(m);
        name
    }

    /// The file: input and output by name and number of columns.
    pub(super) fn file(&self, name: &str, input: (&str, usize), output: (&str, usize)) -> Vec<u8> {
        let mut graph = Message::default();
        let base = self.base.as_ref();
        // The encoder's own word for the number of rows.
        let rows = if base.is_some() { "molecules" } else { "N" };
        let of_base = |part: fn(&Base) -> &Vec<Vec<u8>>| base.map_or(&[][..], |base| part(base));
        of_base(|base| &base.nodes).iter().for_each(|node| graph.bytes(1, node));
        self.nodes.iter().for_each(|node| graph.message(1, node));
        graph.text(2, name);
        of_base(|base| &base.constants).iter().for_each(|constant| graph.bytes(5, constant));
        self.constants.iter().for_each(|constant| graph.message(5, constant));
        of_base(|base| &base.inputs).iter().for_each(|input| graph.bytes(11, input));
        graph.message(11, &value(input, rows));
        graph.message(12, &value(output, rows));
        let mut model = Message::default();
        model.number(1, base.map_or(FORMAT, |base| base.format));
        model.text(2, "strata-drug");
        model.message(7, &graph);
        for (domain, version) in [("", base.map_or(17, |base| base.operators)), (ML, TREES)] {
            let mut m = Message::default();
            m.text(1, domain);
            m.number(2, version);
            model.message(8, &m);
        }
        model.0
    }
}

/// A matrix of floats, with the word for its number of rows.
fn value((name, columns): (&str, usize), of: &str) -> Message {
    let (mut rows, mut width, mut shape) =
        (Message::default(), Message::default(), Message::default());
    rows.text(2, of);
    width.int(1, columns as i64);
    shape.message(1, &rows);
    shape.message(1, &width);
    let (mut tensor, mut kind, mut m) =
        (Message::default(), Message::default(), Message::default());
    tensor.int(1, FLOAT);
    tensor.message(2, &shape);
    kind.message(1, &tensor);
    m.text(1, name);
    m.message(2, &kind);
    m
}
