//! A BERT of one layer with seeded weights, and the same computed in plain loops: what the tests of text models run, and
//! what they compare with. Also a WordPiece tokenizer for it.

use crate::onnx::{Attr, Dim, Dtype, Graph, Model, Node, Tensor, Value};

/// A `tokenizer.json` of our own, in the published format: WordPiece over some Chinese characters, Latin letters, digits.
pub const TOKENIZER_JSON: &str = include_str!("../data/wordpiece.json");

/// Tokens of [`TOKENIZER_JSON`].
pub const VOCABULARY: usize = 156;

const HIDDEN: usize = 16;
const HEADS: usize = 2;
const INNER: usize = 24;
const EPSILON: f32 = 1e-12;

/// What the model gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// `last_hidden_state`, `["N", "S", 16]`.
    Hidden,
    /// `sentence_embedding`, `["N", 16]`: the first token's, not scaled.
    Pooled,
    /// `logits`, `["N", 2]`, of the first token.
    Logits,
}

/// A BERT of one layer: 16 wide, 2 heads, 24 inside, a vocabulary of [`VOCABULARY`].
#[derive(Debug, Clone)]
pub struct Bert {
    head: Head,
    positions: usize,
    weights: Vec<(&'static str, Vec<usize>, Vec<f32>)>,
}

impl Bert {
    /// Its weights follow from `seed`; it takes texts of up to `positions` tokens.
    #[must_use]
    pub fn new(seed: u64, positions: usize, head: Head) -> Self {
        let mut state = seed.wrapping_mul(2) | 1;
        let mut draw = |scale: f32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5) * 2.0 * scale
        };
        let shapes: [(&'static str, &[usize], f32); 20] = [
            ("word", &[VOCABULARY, HIDDEN], 1.0),
            ("position", &[positions, HIDDEN], 0.5),
            ("type", &[2, HIDDEN], 0.5),
            ("ln0_w", &[HIDDEN], 1.0),
            ("ln0_b", &[HIDDEN], 0.2),
            ("wq", &[HIDDEN, HIDDEN], 0.6),
            ("bq", &[HIDDEN], 0.2),
            ("wk", &[HIDDEN, HIDDEN], 0.6),
            ("bk", &[HIDDEN], 0.2),
            ("wv", &[HIDDEN, HIDDEN], 0.6),
            ("bv", &[HIDDEN], 0.2),
            ("wo", &[HIDDEN, HIDDEN], 0.6),
            ("bo", &[HIDDEN], 0.2),
            ("ln1_w", &[HIDDEN], 1.0),
            ("w1", &[HIDDEN, INNER], 0.6),
            ("b1", &[INNER], 0.2),
            ("w2", &[INNER, HIDDEN], 0.6),
            ("b2", &[HIDDEN], 0.2),
            ("wc", &[HIDDEN, 2], 0.6),
            ("bc", &[2], 0.2),
        ];
        let weights = shapes.map(|(name, shape, scale)| {
            let values = (0..shape.iter().product()).map(|_| draw(scale)).collect();
            (name, shape.to_vec(), values)
        });
        Self { head, positions, weights: weights.to_vec() }
    }

    fn weight(&self, name: &str) -> &[f32] {
        let found = self.weights.iter().find(|(own, ..)| *own == name);
        found.map_or(&[], |(_, _, values)| values)
    }

    /// The model: `input_ids`, `attention_mask`, `token_type_ids` int64 `["N", "S"]` in.
    #[must_use]
    pub fn model(&self) -> Model {
        let rows = [Dim::from("N"), Dim::from("S")];
        let input = |name: &str| Value::new(name, Dtype::I64, &rows);
        let mut initializers: Vec<Tensor> = (self.weights.iter())
            .map(|(name, shape, values)| {
                let dims: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
                Tensor::f32(name, &dims, values)
            })
            .collect();
        let scale = 1.0 / ((HIDDEN / HEADS) as f32).sqrt();
        for (name, value) in [
            ("scale", scale),
            ("one", 1.0),
            ("hide", -1e4),
            ("half", 0.5),
            ("root", std::f32::consts::SQRT_2),
        ] {
            initializers.push(Tensor::f32(name, &[], &[value]));
        }
        initializers.push(Tensor::f32("zeros", &[HIDDEN as i64], &[0.0; HIDDEN]));
        let integers: [(&str, &[i64], &[i64]); 5] = [
            ("i0", &[], &[0]),
            ("i1", &[], &[1]),
            ("ax12", &[2], &[1, 2]),
            ("split", &[4], &[0, 0, HEADS as i64, (HIDDEN / HEADS) as i64]),
            ("join", &[3], &[0, 0, HIDDEN as i64]),
        ];
        initializers.extend(integers.map(|(name, dims, data)| Tensor::i64(name, dims, data)));
        let mut nodes = layer();
        let wide = Dim::from(HIDDEN as i64);
        let first = Node::new("Gather", &["hidden", "i0"], &["first"]).attr("axis", Attr::Int(1));
        let (name, shape) = match self.head {
            Head::Hidden => {
                nodes.push(Node::new("Identity", &["hidden"], &["last_hidden_state"]));
                ("last_hidden_state", vec![Dim::from("N"), Dim::from("S"), wide])
            }
            Head::Pooled => {
                nodes.extend([first, Node::new("Identity", &["first"], &["sentence_embedding"])]);
                ("sentence_embedding", vec![Dim::from("N"), wide])
            }
            Head::Logits => {
                nodes.push(first);
                linear(&mut nodes, "first", ["wc", "bc"], "logits");
                ("logits", vec![Dim::from("N"), Dim::from(2)])
            }
        };
        Model::new(Graph {
            nodes,
            initializers,
            inputs: ["input_ids", "attention_mask", "token_type_ids"].map(input).to_vec(),
            outputs: vec![Value::new(name, Dtype::F32, &shape)],
            ..Graph::default()
        })
    }

    /// Hidden states of one text alone, token after token, in plain loops and double precision.
    ///
    /// # Panics
    /// For more tokens than positions, or a token beyond the vocabulary.
    #[must_use]
    pub fn hidden(&self, ids: &[u32], types: &[u32]) -> Vec<Vec<f64>> {
        assert!(ids.len() <= self.positions, "more tokens than positions");
        let row =
            |name: &str, at: usize| self.weight(name)[at * HIDDEN..(at + 1) * HIDDEN].to_vec();
        let add =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
        let x: Vec<Vec<f64>> = (ids.iter().enumerate())
            .map(|(at, &id)| {
                let kind = types.get(at).copied().unwrap_or(0) as usize;
                let rows = [row("word", id as usize), row("position", at), row("type", kind)];
                let sum: Vec<f64> =
                    (0..HIDDEN).map(|i| rows.iter().map(|row| f64::from(row[i])).sum()).collect();
                self.norm(&sum, "ln0_w", Some("ln0_b"))
            })
            .collect();
        let through = |w, b| x.iter().map(|x| self.linear(x, w, b)).collect::<Vec<_>>();
        let (q, k, v) = (through("wq", "bq"), through("wk", "bk"), through("wv", "bv"));
        let width = HIDDEN / HEADS;
        let hidden = |at: usize| {
            let mut context = vec![0.0; HIDDEN];
            for head in 0..HEADS {
                let part = head * width..(head + 1) * width;
                let dot = |k: &Vec<f64>| -> f64 {
                    part.clone().map(|i| q[at][i] * k[i]).sum::<f64>() / (width as f64).sqrt()
                };
                let scores: Vec<f64> = k.iter().map(dot).collect();
                let most = scores.iter().copied().fold(f64::MIN, f64::max);
                let exp: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
                let sum: f64 = exp.iter().sum();
                for i in part {
                    context[i] = exp.iter().zip(&v).map(|(p, v)| p / sum * v[i]).sum();
                }
            }
            let y = self.norm(&add(&self.linear(&context, "wo", "bo"), &x[at]), "ln1_w", None);
            let inner: Vec<f64> = self.linear(&y, "w1", "b1").into_iter().map(gelu).collect();
            self.norm(&add(&self.linear(&inner, "w2", "b2"), &y), "ln1_w", None)
        };
        (0..ids.len()).map(hidden).collect()
    }

    /// The two logits of a text or pair.
    #[must_use]
    pub fn logits(&self, ids: &[u32], types: &[u32]) -> Vec<f64> {
        let hidden = self.hidden(ids, types);
        hidden.first().map_or_else(Vec::new, |first| self.linear(first, "wc", "bc"))
    }

    fn linear(&self, x: &[f64], weight: &str, bias: &str) -> Vec<f64> {
        let (w, b) = (self.weight(weight), self.weight(bias));
        let column = |j: usize| -> f64 {
            let sum: f64 =
                x.iter().enumerate().map(|(i, x)| x * f64::from(w[i * b.len() + j])).sum();
            sum + f64::from(b[j])
        };
        (0..b.len()).map(column).collect()
    }

    fn norm(&self, x: &[f64], weight: &str, bias: Option<&str>) -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
        let deviation = (variance + f64::from(EPSILON)).sqrt();
        let (w, b) = (self.weight(weight), bias.map(|name| self.weight(name)));
        let one = |(i, x): (usize, &f64)| {
            (x - mean) / deviation * f64::from(w[i]) + b.map_or(0.0, |b| f64::from(b[i]))
        };
        x.iter().enumerate().map(one).collect()
    }
}

/// x Φ(x), with the error function to 1.2e-7 (Numerical Recipes' erfc by Chebyshev fitting).
fn gelu(x: f64) -> f64 {
    let z = (x / std::f64::consts::SQRT_2).abs();
    let t = 1.0 / (1.0 + 0.5 * z);
    let terms = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let polynomial = terms.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let erfc = t * (-z * z + polynomial).exp();
    let erf = if x < 0.0 { erfc - 1.0 } else { 1.0 - erfc };
    0.5 * x * (1.0 + erf)
}

/// `out = x · W + b`.
fn linear(nodes: &mut Vec<Node>, x: &str, [w, b]: [&str; 2], out: &str) {
    let product = format!("{out}_product");
    nodes.push(Node::new("MatMul", &[x, w], &[&product]));
    nodes.push(Node::new("Add", &[&product, b], &[out]));
}

fn norm(x: &str, [w, b]: [&str; 2], out: &str) -> Node {
    Node::new("LayerNormalization", &[x, w, b], &[out])
        .attr("axis", Attr::Int(-1))
        .attr("epsilon", Attr::Float(EPSILON))
}

/// From the inputs to `hidden`.
fn layer() -> Vec<Node> {
    let gather = |table: &str, at: &str, out: &str| Node::new("Gather", &[table, at], &[out]);
    let turned = |x: &str, order: [i64; 4], out: &str| {
        Node::new("Transpose", &[x], &[out]).attr("perm", Attr::Ints(order.to_vec()))
    };
    let mut nodes = vec![
        gather("word", "input_ids", "words"),
        Node::new("Shape", &["input_ids"], &["shape"]),
        gather("shape", "i1", "length"),
        Node::new("Range", &["i0", "length", "i1"], &["places"]),
        gather("position", "places", "positions"),
        gather("type", "token_type_ids", "types"),
        Node::new("Add", &["words", "positions"], &["placed"]),
        Node::new("Add", &["placed", "types"], &["summed"]),
        norm("summed", ["ln0_w", "ln0_b"], "x"),
        Node::new("Cast", &["attention_mask"], &["mask"]).attr("to", Attr::Int(1)),
        Node::new("Unsqueeze", &["mask", "ax12"], &["mask4"]),
        Node::new("Sub", &["one", "mask4"], &["padding"]),
        Node::new("Mul", &["padding", "hide"], &["hidden_keys"]),
    ];
    for (name, order) in [("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])] {
        let (w, b, flat, split) = (
            format!("w{name}"),
            format!("b{name}"),
            format!("{name}_flat"),
            format!("{name}_split"),
        );
        linear(&mut nodes, "x", [&w, &b], &flat);
        nodes.push(Node::new("Reshape", &[&flat, "split"], &[&split]));
        nodes.push(turned(&split, order, name));
    }
    nodes.extend([
        Node::new("MatMul", &["q", "k"], &["products"]),
        Node::new("Mul", &["products", "scale"], &["scaled"]),
        Node::new("Add", &["scaled", "hidden_keys"], &["scores"]),
        Node::new("Softmax", &["scores"], &["shares"]).attr("axis", Attr::Int(-1)),
        Node::new("MatMul", &["shares", "v"], &["parts"]),
        turned("parts", [0, 2, 1, 3], "parts_turned"),
        Node::new("Reshape", &["parts_turned", "join"], &["context"]),
    ]);
    linear(&mut nodes, "context", ["wo", "bo"], "attended");
    nodes.push(Node::new("Add", &["attended", "x"], &["y_sum"]));
    nodes.push(norm("y_sum", ["ln1_w", "zeros"], "y"));
    linear(&mut nodes, "y", ["w1", "b1"], "inner");
    nodes.extend([
        Node::new("Div", &["inner", "root"], &["inner_root"]),
        Node::new("Erf", &["inner_root"], &["erf"]),
        Node::new("Add", &["erf", "one"], &["erf_one"]),
        Node::new("Mul", &["inner", "erf_one"], &["inner_erf"]),
        Node::new("Mul", &["inner_erf", "half"], &["gelu"]),
    ]);
    linear(&mut nodes, "gelu", ["w2", "b2"], "outer");
    nodes.push(Node::new("Add", &["outer", "y"], &["hidden_sum"]));
    nodes.push(norm("hidden_sum", ["ln1_w", "zeros"], "hidden"));
    nodes
}
