//! ONNX files, writing side: the few messages of onnx.proto (IR version 8) that a head's graph is made of.

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

    fn int(&mut self, field: u64, value: i64) {
        self.varint(field << 3);
        self.varint(value.cast_unsigned());
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

/// A graph of one input and one output being written; both are matrices of floats with any number of rows.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
}

impl Graph {
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
        m.text(2, output);
        m.text(4, op);
        attributes.iter().for_each(|(name, value)| m.message(5, &value.encode(name)));
        if !domain.is_empty() {
            m.text(7, domain);
        }
        self.nodes.push(m);
        output.to_owned()
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
        m.text(8, name);
        m.bytes(9, raw);
        self.constants.push(m);
        name.to_owned()
    }

    /// The file: input and output by name and number of columns.
    pub(super) fn file(&self, name: &str, input: (&str, usize), output: (&str, usize)) -> Vec<u8> {
        let mut graph = Message::default();
        self.nodes.iter().for_each(|node| graph.message(1, node));
        graph.text(2, name);
        self.constants.iter().for_each(|constant| graph.message(5, constant));
        graph.message(11, &value(input));
        graph.message(12, &value(output));
        let mut model = Message::default();
        model.int(1, 8);
        model.text(2, "strata-drug");
        model.message(7, &graph);
        for (domain, version) in [("", 17), (ML, 3)] {
            let mut m = Message::default();
            m.text(1, domain);
            m.int(2, version);
            model.message(8, &m);
        }
        model.0
    }
}

/// A matrix of floats of `N` rows.
fn value((name, columns): (&str, usize)) -> Message {
    let (mut rows, mut width, mut shape) =
        (Message::default(), Message::default(), Message::default());
    rows.text(2, "N");
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
