//! Networks that take one row a call and give each answer as an output of its own, made into one that takes a table and gives
//! a table. Such are multitask networks quantised by ONNX Runtime's tools: layers of 8-bit products, then a head for each target
//! with an output of one number. With hundreds of heads nearly all the time goes into calling operators, and no two rows can
//! share a call.
//!
//! What is understood is a chain of quantised dense layers (`DynamicQuantizeLinear`, `MatMulInteger`, scale, bias, `Relu`) whose
//! last has a `Sigmoid` a head. The heads' weights are put side by side, and each row is quantised on its own scale as if it
//! were alone. Products of integers are exact, so the numbers are those of the file up to the last bits of single precision.
//! Rows must hold no negative number, as fingerprints do. Anything else is left as it is.
//!
//! Measured on ChEMBL's multitask model (798 heads, 4,803 nodes): 36 nodes, and from SMILES to ranking 0.25 ms of processor time a
//! molecule in place of 4.2.

use std::collections::HashMap;

use super::first_row::{write_bytes, write_number};
use super::weights::{Field, Fields, varint};

/// Name of the table's output.
const TABLE: &str = "strata.rows";

const FLOAT: u64 = 1;
const UINT8: u64 = 2;
const INT8: u64 = 3;
const INT64: u64 = 7;

/// Below this a row's largest number counts as zero: keeps its scale away from zero.
const TINY: f32 = 1e-30;

/// The model over a table of rows: one input `[N, width]` under its own name, one output `[N, heads]` with a column for each of
/// the graph's outputs, in their order. `None` where the graph is another.
pub(super) fn table(model: &[u8]) -> Option<Vec<u8>> {
    let graph = Fields(model).find(|(number, _)| *number == 7)?.1.bytes();
    let graph = Graph::read(graph)?;
    let layers = graph.layers()?;
    let mut made = Vec::with_capacity(model.len());
    let mut opset = Vec::new();
    write_number(&mut opset, 2, 18);
    write_number(&mut made, 1, 8);
    write_bytes(&mut made, 2, b"strata");
    write_bytes(&mut made, 7, &written(graph.input, &layers));
    write_bytes(&mut made, 8, &opset);
    Some(made)
}

/// A dense layer: products of 8-bit integers, a scale and a bias for each column, an activation.
struct Layer {
    /// Row-major, `inputs` × `outputs`.
    weights: Vec<u8>,
    inputs: usize,
    outputs: usize,
    scale: Vec<f32>,
    bias: Vec<f32>,
    activation: &'static str,
}

struct Node<'a> {
    operator: &'a str,
    inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut node = Self { operator: "", inputs: Vec::new(), outputs: Vec::new() };
        for (number, field) in Fields(bytes) {
            let text = || std::str::from_utf8(field.bytes()).ok();
            match number {
                1 => node.inputs.push(text()?),
                2 => node.outputs.push(text()?),
                4 => node.operator = text()?,
                _ => {}
            }
        }
        Some(node)
    }

    /// Its one output.
    fn output(&self) -> Option<&'a str> {
        if let [output] = self.outputs[..] { Some(output) } else { None }
    }

    /// Of two inputs, the one that isn't `known`.
    fn other(&self, known: &str) -> Option<&'a str> {
        match self.inputs[..] {
            [a, b] if a == known => Some(b),
            [a, b] if b == known => Some(a),
            _ => None,
        }
    }
}

/// A tensor of the file.
struct Constant<'a> {
    dtype: u64,
    dims: Vec<u64>,
    raw: &'a [u8],
    floats: &'a [u8],
    integers: Vec<u64>,
}

impl<'a> Constant<'a> {
    fn read(bytes: &'a [u8]) -> Option<(&'a str, Self)> {
        let mut name = "";
        let mut this =
            Self { dtype: 0, dims: Vec::new(), raw: &[], floats: &[], integers: Vec::new() };
        for (number, field) in Fields(bytes) {
            match (number, field) {
                (1, Field::Number(length)) => this.dims.push(length),
                (1, Field::Bytes(mut packed)) => {
                    while let Some(length) = varint(&mut packed) {
                        this.dims.push(length);
                    }
                }
                (2, Field::Number(dtype)) => this.dtype = dtype,
                (4, Field::Bytes(packed)) => this.floats = packed,
                (5, Field::Number(value)) => this.integers.push(value),
                (5, Field::Bytes(mut packed)) => {
                    while let Some(value) = varint(&mut packed) {
                        this.integers.push(value);
                    }
                }
                (8, field) => name = std::str::from_utf8(field.bytes()).ok()?,
                (9, Field::Bytes(raw)) => this.raw = raw,
                _ => {}
            }
        }
        Some((name, this))
    }

    fn numbers(&self) -> Option<Vec<f32>> {
        let bytes = if self.raw.is_empty() { self.floats } else { self.raw };
        let (words, rest) = bytes.as_chunks::<4>();
        (self.dtype == FLOAT && rest.is_empty())
            .then(|| words.iter().map(|word| f32::from_le_bytes(*word)).collect())
    }

    /// The only number of a scalar.
    fn scalar(&self) -> Option<f32> {
        if let [value] = self.numbers()?[..] { Some(value) } else { None }
    }

    /// Whether it is an 8-bit zero.
    fn is_zero(&self) -> bool {
        matches!((self.raw, &self.integers[..]), ([0], []) | ([], [] | [0]))
    }
}

struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    constants: HashMap<&'a str, Constant<'a>>,
    /// Nodes that take a value.
    takers: HashMap<&'a str, Vec<usize>>,
    /// The node that makes a value.
    makers: HashMap<&'a str, usize>,
    input: &'a str,
    outputs: Vec<&'a str>,
}

impl<'a> Graph<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut graph = Self {
            nodes: Vec::new(),
            constants: HashMap::new(),
            takers: HashMap::new(),
            makers: HashMap::new(),
            input: "",
            outputs: Vec::new(),
        };
        let name = |value: &'a [u8]| {
            let name = Fields(value).find(|(number, _)| *number == 1)?.1.bytes();
            std::str::from_utf8(name).ok()
        };
        for (number, field) in Fields(bytes) {
            match number {
                1 => graph.nodes.push(Node::read(field.bytes())?),
                5 => graph.constants.extend([Constant::read(field.bytes())?]),
                11 if graph.input.is_empty() => graph.input = name(field.bytes())?,
                11 => return None,
                12 => graph.outputs.push(name(field.bytes())?),
                _ => {}
            }
        }
        for (at, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|name| graph.takers.entry(name).or_default().push(at));
            node.outputs.iter().for_each(|name| {
                graph.makers.insert(name, at);
            });
        }
        Some(graph)
    }

    fn takers(&self, name: &str) -> impl Iterator<Item = &Node<'a>> {
        self.takers.get(name).into_iter().flatten().map(|&at| &self.nodes[at])
    }

    /// The only node that takes a value.
    fn taker(&self, name: &str, operator: &str) -> Option<&Node<'a>> {
        let mut takers = self.takers(name);
        let taker = takers.next().filter(|node| node.operator == operator)?;
        takers.next().is_none().then_some(taker)
    }

    /// The layers from the input to the outputs; `None` where anything else is in the graph.
    fn layers(&self) -> Option<Vec<Layer>> {
        let (mut layers, mut value, mut understood) = (Vec::new(), self.input, 0);
        loop {
            let quantised = self.taker(value, "DynamicQuantizeLinear")?;
            let [levels, scale, zero] = quantised.outputs[..] else { return None };
            let mut heads: HashMap<&str, Layer> = HashMap::new();
            for product in self.takers(levels) {
                if product.operator != "MatMulInteger" || product.inputs.get(2) != Some(&zero) {
                    return None;
                }
                let (layer, output) = self.dense(product, scale)?;
                heads.insert(output, layer);
            }
            understood += 1 + 6 * heads.len();
            let hidden = heads.len() == 1 && heads.values().all(|head| head.activation == "Relu");
            if hidden {
                let (output, layer) = heads.into_iter().next()?;
                layers.push(layer);
                value = output;
                // A chain that comes back to itself never ends.
                if layers.len() > self.nodes.len() {
                    return None;
                }
                continue;
            }
            let in_order = self.outputs.iter().map(|name| heads.remove(name));
            layers.push(side_by_side(&in_order.collect::<Option<Vec<Layer>>>()?)?);
            let fits = layers.windows(2).all(|pair| pair[0].outputs == pair[1].inputs);
            return (heads.is_empty() && understood == self.nodes.len() && fits).then_some(layers);
        }
    }

    /// The layer around a product, and the name of its output.
    fn dense(&self, product: &Node<'a>, scale: &str) -> Option<(Layer, &'a str)> {
        let weights = self.constants.get(product.inputs.get(1)?)?;
        let zero = product.inputs.get(3).map(|name| self.constants.get(name));
        let [inputs, outputs] = weights.dims[..] else { return None };
        let (inputs, outputs) = (usize::try_from(inputs).ok()?, usize::try_from(outputs).ok()?);
        let whole = weights.dtype == INT8 && inputs.checked_mul(outputs)? == weights.raw.len();
        if !whole || outputs == 0 || zero.is_some_and(|zero| !zero.is_some_and(Constant::is_zero)) {
            return None;
        }
        let cast = self.taker(product.output()?, "Cast")?.output()?;
        let scaled = self.taker(cast, "Mul")?;
        let scales = &self.nodes[*self.makers.get(scaled.other(cast)?)?];
        let own = (scales.operator == "Mul").then(|| scales.other(scale)).flatten()?;
        let own = self.constants.get(own)?.scalar()?;
        let added = self.taker(scaled.output()?, "Add")?;
        let bias = self.constants.get(added.other(scaled.output()?)?)?.numbers()?;
        let sum = added.output()?;
        let (activation, last) = match self.taker(sum, "Relu") {
            Some(relu) => ("Relu", relu),
            None => ("Sigmoid", self.taker(sum, "Sigmoid")?),
        };
        let (weights, scale) = (weights.raw.to_vec(), vec![own; outputs]);
        let layer = Layer { weights, inputs, outputs, scale, bias, activation };
        (layer.bias.len() == outputs).then_some((layer, last.output()?))
    }
}

/// Heads of one number each as one layer.
fn side_by_side(heads: &[Layer]) -> Option<Layer> {
    let first = heads.first()?;
    let (inputs, activation) = (first.inputs, first.activation);
    let alike =
        |head: &Layer| head.inputs == inputs && head.outputs == 1 && head.activation == activation;
    if activation != "Sigmoid" || !heads.iter().all(alike) {
        return None;
    }
    let weights = (0..inputs).flat_map(|row| heads.iter().map(move |head| head.weights[row]));
    Some(Layer {
        weights: weights.collect(),
        inputs,
        outputs: heads.len(),
        scale: heads.iter().flat_map(|head| head.scale.clone()).collect(),
        bias: heads.iter().flat_map(|head| head.bias.clone()).collect(),
        activation,
    })
}

/// The graph of a table.
fn written(input: &str, layers: &[Layer]) -> Vec<u8> {
    let mut graph = Vec::new();
    let mut value = input.to_owned();
    for (at, layer) in layers.iter().enumerate() {
        let named = |part: &str| format!("strata.{at}.{part}");
        let output = if at + 1 == layers.len() { TABLE.to_owned() } else { named("y") };
        let steps: [(&str, &[&str], &str); 10] = [
            ("ReduceMax", &[&value, "strata.axis"], &named("max")),
            ("Max", &[&named("max"), "strata.tiny"], &named("largest")),
            ("Div", &[&named("largest"), "strata.levels"], &named("step")),
            ("Div", &[&value, &named("step")], &named("exact")),
            ("Round", &[&named("exact")], &named("round")),
            ("Cast", &[&named("round")], &named("levels")),
            ("MatMulInteger", &[&named("levels"), &named("W")], &named("product")),
            ("Cast", &[&named("product")], &named("sum")),
            // Not by the product of both scales: ONNX Runtime takes that for one scale of the whole table.
            ("Mul", &[&named("sum"), &named("s")], &named("half")),
            ("Mul", &[&named("half"), &named("step")], &named("scaled")),
        ];
        for (operator, inputs, output) in steps {
            let to = if output.ends_with("levels") { UINT8 } else { FLOAT };
            write_bytes(&mut graph, 1, &node(operator, inputs, output, to));
        }
        let added = named("added");
        write_bytes(&mut graph, 1, &node("Add", &[&named("scaled"), &named("b")], &added, 0));
        write_bytes(&mut graph, 1, &node(layer.activation, &[&added], &output, 0));
        let shape = [layer.inputs as u64, layer.outputs as u64];
        write_bytes(&mut graph, 5, &tensor(&named("W"), (INT8, &shape), &layer.weights));
        write_bytes(&mut graph, 5, &floats(&named("s"), &shape[1..], &layer.scale));
        write_bytes(&mut graph, 5, &floats(&named("b"), &shape[1..], &layer.bias));
        value = output;
    }
    write_bytes(&mut graph, 2, b"rows");
    write_bytes(&mut graph, 5, &tensor("strata.axis", (INT64, &[1]), &1_i64.to_le_bytes()));
    write_bytes(&mut graph, 5, &floats("strata.tiny", &[], &[TINY]));
    write_bytes(&mut graph, 5, &floats("strata.levels", &[], &[255.0]));
    let width = |layer: Option<&Layer>, of: fn(&Layer) -> usize| layer.map_or(0, of) as u64;
    write_bytes(&mut graph, 11, &port(input, width(layers.first(), |layer| layer.inputs)));
    write_bytes(&mut graph, 12, &port(TABLE, width(layers.last(), |layer| layer.outputs)));
    graph
}

fn node(operator: &str, inputs: &[&str], output: &str, to: u64) -> Vec<u8> {
    let mut node = Vec::new();
    inputs.iter().for_each(|input| write_bytes(&mut node, 1, input.as_bytes()));
    write_bytes(&mut node, 2, output.as_bytes());
    write_bytes(&mut node, 4, operator.as_bytes());
    if operator == "Cast" {
        const INT: u64 = 2;
        let mut attribute = Vec::new();
        write_bytes(&mut attribute, 1, b"to");
        write_number(&mut attribute, 3, to);
        write_number(&mut attribute, 20, INT);
        write_bytes(&mut node, 5, &attribute);
    }
    node
}

fn tensor(name: &str, (dtype, dims): (u64, &[u64]), raw: &[u8]) -> Vec<u8> {
    let mut tensor = Vec::with_capacity(raw.len() + 64);
    dims.iter().for_each(|&length| write_number(&mut tensor, 1, length));
    write_number(&mut tensor, 2, dtype);
    write_bytes(&mut tensor, 8, name.as_bytes());
    write_bytes(&mut tensor, 9, raw);
    tensor
}

fn floats(name: &str, dims: &[u64], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, (FLOAT, dims), &raw)
}

/// A float32 input or output `["N", width]`.
fn port(name: &str, width: u64) -> Vec<u8> {
    let (mut any, mut fixed, mut shape) = (Vec::new(), Vec::new(), Vec::new());
    write_bytes(&mut any, 2, b"N");
    write_number(&mut fixed, 1, width);
    write_bytes(&mut shape, 1, &any);
    write_bytes(&mut shape, 1, &fixed);
    let (mut kind, mut held, mut port) = (Vec::new(), Vec::new(), Vec::new());
    write_number(&mut kind, 1, FLOAT);
    write_bytes(&mut kind, 2, &shape);
    write_bytes(&mut held, 1, &kind);
    write_bytes(&mut port, 1, name.as_bytes());
    write_bytes(&mut port, 2, &held);
    port
}

#[cfg(test)]
mod tests {
    use strata_testkit::models;

    use super::*;

    #[test]
    fn a_network_of_heads_becomes_one_of_tables() {
        let model = models::quantised_heads(16, 8, &["A", "B", "C"]).encode();
        let graph = Fields(&model).find(|(number, _)| *number == 7).unwrap().1.bytes();
        let layers = Graph::read(graph).unwrap().layers().unwrap();
        let shapes: Vec<(usize, usize)> = layers.iter().map(|l| (l.inputs, l.outputs)).collect();
        assert_eq!(shapes, [(16, 8), (8, 3)]);
        assert!(table(&model).is_some());
    }

    #[test]
    fn other_graphs_and_damaged_files_are_left_alone() {
        assert!(table(&models::linear(&[1.0; 8], &[0.0; 2]).encode()).is_none());
        let model = models::quantised_heads(16, 8, &["A", "B", "C"]).encode();
        let whole = table(&model);
        for length in 0..model.len() {
            // What follows the graph is not needed.
            let made = table(&model[..length]);
            assert!(made.is_none() || made == whole, "{length}");
        }
        // A second use of a hidden value is something that a table would not compute.
        let mut model = models::quantised_heads(16, 8, &["A", "B", "C"]);
        let extra = strata_testkit::onnx::Node::new("Identity", &["h"], &["unused"]);
        model.graph.nodes.push(extra);
        assert!(table(&model.encode()).is_none());
    }
}
