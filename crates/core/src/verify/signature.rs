//! What a model file says it takes and gives, and whether that is what its card says.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::card::{Dim, Dtype, ModelCard, Port};

/// What a model file says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// ONNX IR version.
    pub ir_version: i64,
    /// Operator sets and their versions; the standard one under `""`.
    pub opsets: BTreeMap<String, i64>,
    /// Inputs, in order; initialisers that are listed as inputs are left out.
    pub inputs: Vec<ValueInfo>,
    /// Outputs, in order.
    pub outputs: Vec<ValueInfo>,
    /// How often each operator occurs, subgraphs and local functions included; those of other than
    /// the standard domain as `domain::operator`.
    pub operators: BTreeMap<String, u64>,
    /// Metadata of the model.
    pub metadata: BTreeMap<String, String>,
    /// Nodes, subgraphs included, local functions inlined.
    pub nodes: u64,
    /// Elements of all initialisers together.
    pub parameters: u64,
    /// Levels of subgraphs, local functions inlined.
    pub graph_depth: usize,
}

/// An input or output as the file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueInfo {
    /// Name.
    pub name: String,
    /// Type.
    pub kind: ValueKind,
}

/// Type of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueKind {
    /// A dense tensor.
    Tensor {
        /// Element type, by its number in `TensorProto.DataType`.
        data_type: i32,
        /// Shape, if the file gives one.
        shape: Option<Vec<Dimension>>,
    },
    /// Anything else: `sequence`, `map`, `optional`, `sparse tensor`, `opaque` or `untyped`.
    Other(&'static str),
}

/// One dimension as the file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// A fixed length.
    Fixed(u64),
    /// A length known at run time, by its symbol.
    Symbol(String),
    /// A length known at run time.
    Unknown,
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(n) => write!(f, "{n}"),
            Self::Symbol(s) => f.write_str(s),
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// A difference between a model file's signature and its card.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{side} {port:?}: {kind}; export the model anew, or correct the card")]
pub struct SignatureError {
    /// Input or output.
    pub side: Side,
    /// Its name.
    pub port: String,
    /// What differs.
    pub kind: SignatureKind,
}

/// Which side of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What goes in.
    Input,
    /// What comes out.
    Output,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Input { "input" } else { "output" })
    }
}

/// What differs between a model file and its card.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureKind {
    /// On the card, not in the file.
    #[error("is on the card and not in the file, which has {found}")]
    NotInFile {
        /// Names in the file.
        found: String,
    },
    /// In the file, not on the card.
    #[error("is in the file and not on the card")]
    NotOnCard,
    /// Something that isn't a dense tensor.
    #[error("is no tensor but of kind {0}")]
    NotTensor(&'static str),
    /// Another element type.
    #[error("has the type {found} in the file and {card} on the card")]
    Dtype {
        /// The card's type.
        card: Dtype,
        /// The file's type.
        found: String,
    },
    /// Another shape.
    #[error("has the shape [{found}] in the file and [{card}] on the card")]
    Shape {
        /// The card's shape.
        card: String,
        /// The file's shape.
        found: String,
    },
    /// One symbol of the file is two different things on the card.
    #[error(
        "the symbol {symbol} of the file is {first} on the card in one place and {second} in another"
    )]
    Symbol {
        /// The file's symbol.
        symbol: String,
        /// What the card says first.
        first: String,
        /// What it says here.
        second: String,
    },
}

/// Compares a file's signature with the card's inputs and outputs.
///
/// A length that is fixed in the file must be the same on the card; one that is open in the file may
/// be a symbol or, where the card knows more, a number. One symbol of the file stands for one thing
/// on the card.
///
/// # Errors
/// The first difference.
pub fn compare(signature: &Signature, card: &ModelCard) -> Result<(), SignatureError> {
    let mut symbols = BTreeMap::new();
    for (side, ports, values) in [
        (Side::Input, &card.inputs, &signature.inputs),
        (Side::Output, &card.outputs, &signature.outputs),
    ] {
        let error = |port: &str, kind| SignatureError { side, port: port.to_owned(), kind };
        let by_name: BTreeMap<&str, &ValueInfo> =
            values.iter().map(|value| (value.name.as_str(), value)).collect();
        for port in ports {
            let Some(value) = by_name.get(port.name.as_str()) else {
                return Err(error(&port.name, SignatureKind::NotInFile { found: names(values) }));
            };
            compare_port(port, value, &mut symbols).map_err(|kind| error(&port.name, kind))?;
        }
        if ports.len() != values.len() {
            let on_card: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
            let missing = values.iter().find(|value| !on_card.contains(&value.name.as_str()));
            if let Some(value) = missing {
                return Err(error(&value.name, SignatureKind::NotOnCard));
            }
        }
    }
    Ok(())
}

/// The names, the first dozen of them: a model may have hundreds of outputs.
fn names(values: &[ValueInfo]) -> String {
    let mut text =
        values.iter().take(12).map(|value| value.name.as_str()).collect::<Vec<_>>().join(", ");
    if values.len() > 12 {
        text.push_str(", …");
    }
    text
}

fn compare_port<'a>(
    port: &'a Port,
    value: &'a ValueInfo,
    symbols: &mut BTreeMap<&'a str, &'a Dim>,
) -> Result<(), SignatureKind> {
    let (data_type, shape) = match &value.kind {
        ValueKind::Tensor { data_type, shape } => (*data_type, shape),
        ValueKind::Other(kind) => return Err(SignatureKind::NotTensor(kind)),
    };
    if Dtype::from_onnx(data_type) != Some(port.dtype) {
        let found = Dtype::from_onnx(data_type)
            .map_or_else(|| format!("number {data_type}"), |dtype| dtype.to_string());
        return Err(SignatureKind::Dtype { card: port.dtype, found });
    }
    // A file may leave a shape open altogether.
    let Some(shape) = shape else { return Ok(()) };
    let fits = |(card, file): (&Dim, &Dimension)| match (card, file) {
        (Dim::Fixed(card), Dimension::Fixed(file)) => card == file,
        (Dim::Symbol(_), Dimension::Fixed(_)) => false,
        (_, Dimension::Symbol(_) | Dimension::Unknown) => true,
    };
    if port.shape.len() != shape.len() || !port.shape.iter().zip(shape).all(fits) {
        let (card, found) = (join(&port.shape), join(shape));
        return Err(SignatureKind::Shape { card, found });
    }
    for (card, file) in port.shape.iter().zip(shape) {
        let Dimension::Symbol(symbol) = file else { continue };
        let first = *symbols.entry(symbol).or_insert(card);
        if first != card {
            let (symbol, first, second) = (symbol.clone(), first.to_string(), card.to_string());
            return Err(SignatureKind::Symbol { symbol, first, second });
        }
    }
    Ok(())
}

fn join<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
