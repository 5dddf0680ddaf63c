//! Ready-made tiny models. Each is valid for ONNX Runtime and its answer can be worked out by hand.

use crate::onnx::{Attr, Dim, Dtype, Function, Graph, Model, Node, SparseTensor, Tensor, Value};

fn f32_value(name: &str, shape: &[Dim]) -> Value {
    Value::new(name, Dtype::F32, shape)
}

/// `y = x`, both `["N", width]` float32.
#[must_use]
pub fn identity(width: i64) -> Model {
    let shape = [Dim::from("N"), Dim::from(width)];
    Model::new(Graph {
        nodes: vec![Node::new("Identity", &["x"], &["y"])],
        inputs: vec![f32_value("x", &shape)],
        outputs: vec![f32_value("y", &shape)],
        ..Graph::default()
    })
}

/// `sum = a + b`, all `["N", width]` float32: two inputs.
#[must_use]
pub fn add(width: i64) -> Model {
    let shape = [Dim::from("N"), Dim::from(width)];
    Model::new(Graph {
        nodes: vec![Node::new("Add", &["a", "b"], &["sum"])],
        inputs: vec![f32_value("a", &shape), f32_value("b", &shape)],
        outputs: vec![f32_value("sum", &shape)],
        ..Graph::default()
    })
}

/// Two inputs of different types, two outputs: `twice = x + x` (float32 `["N", 2]`) and
/// `next = ids + 1` (int64 `["N"]`), with metadata `origin = testkit`.
#[must_use]
pub fn two_in_two_out() -> Model {
    let (n2, n1) = ([Dim::from("N"), Dim::from(2)], [Dim::from("N")]);
    let mut model = Model::new(Graph {
        nodes: vec![
            Node::new("Add", &["x", "x"], &["twice"]),
            Node::new("Add", &["ids", "one"], &["next"]),
        ],
        initializers: vec![Tensor::i64("one", &[], &[1])],
        inputs: vec![f32_value("x", &n2), Value::new("ids", Dtype::I64, &n1)],
        outputs: vec![f32_value("twice", &n2), Value::new("next", Dtype::I64, &n1)],
        ..Graph::default()
    });
    model.metadata.push(("origin".to_owned(), "testkit".to_owned()));
    model
}

/// `y = x · W + b`: `weights` is row-major, `bias.len()` columns, as many rows as `x` has columns.
///
/// # Panics
/// When `weights.len()` is no multiple of `bias.len()`.
#[must_use]
pub fn linear(weights: &[f32], bias: &[f32]) -> Model {
    let (rows, cols) = linear_dims(weights, bias);
    linear_with(
        Tensor::f32("W", &[rows, cols], weights),
        Tensor::f32("b", &[cols], bias),
        (rows, cols),
    )
}

/// [`linear`] with its weights in an external file named `file`.
///
/// # Panics
/// When `weights.len()` is no multiple of `bias.len()`.
#[must_use]
pub fn linear_external(weights: &[f32], bias: &[f32], file: &str) -> Model {
    let (rows, cols) = linear_dims(weights, bias);
    let split = (weights.len() * 4) as u64;
    let w = Tensor::external("W", &[rows, cols], file, (0, split));
    let b = Tensor::external("b", &[cols], file, (split, (bias.len() * 4) as u64));
    let mut model = linear_with(w, b, (rows, cols));
    let data = weights.iter().chain(bias).flat_map(|x| x.to_le_bytes()).collect();
    model.files.push((file.to_owned(), data));
    model
}

fn linear_dims(weights: &[f32], bias: &[f32]) -> (i64, i64) {
    assert!(!bias.is_empty() && weights.len().is_multiple_of(bias.len()), "weights × bias");
    ((weights.len() / bias.len()) as i64, bias.len() as i64)
}

fn linear_with(w: Tensor, b: Tensor, (rows, cols): (i64, i64)) -> Model {
    Model::new(Graph {
        nodes: vec![
            Node::new("MatMul", &["x", "W"], &["xW"]),
            Node::new("Add", &["xW", "b"], &["y"]),
        ],
        initializers: vec![w, b],
        inputs: vec![f32_value("x", &[Dim::from("N"), Dim::from(rows)])],
        outputs: vec![f32_value("y", &[Dim::from("N"), Dim::from(cols)])],
        ..Graph::default()
    })
}

/// A multitask network of 8-bit integers as ONNX Runtime's dynamic quantisation makes it: `input` (`[bits]` float32), a hidden
/// layer `h` of `hidden` numbers, and for each name a head with an output of that name (`[1]` float32, between 0 and 1).
#[must_use]
pub fn quantised_heads(bits: i64, hidden: i64, names: &[&str]) -> Model {
    let mut graph = Graph {
        inputs: vec![f32_value("input", &[Dim::from(bits)])],
        outputs: names.iter().map(|name| f32_value(name, &[Dim::from(1)])).collect(),
        ..Graph::default()
    };
    let quantise = |graph: &mut Graph, value: &str, to: &str| {
        let outputs = ["q", "scale", "zero"].map(|part| format!("{to}.{part}"));
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        graph.nodes.push(Node::new("DynamicQuantizeLinear", &[value], &outputs));
    };
    quantise(&mut graph, "input", "first");
    quantised_dense(&mut graph, ("first", "hidden"), (bits, hidden), ("Relu", "h"));
    quantise(&mut graph, "h", "second");
    for name in names {
        let part = format!("head.{name}");
        quantised_dense(&mut graph, ("second", &part), (hidden, 1), ("Sigmoid", name));
    }
    Model::new(graph)
}

/// A dense layer over the quantised values of `from`; weights differ by the layer's name.
fn quantised_dense(
    graph: &mut Graph,
    (from, layer): (&str, &str),
    (rows, cols): (i64, i64),
    (activation, output): (&str, &str),
) {
    const FLOAT: i64 = 1;
    let seed = layer.bytes().fold(7_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 251);
    let weights = (0..rows * cols).map(|at| ((at * 37 + seed * 11 + at * at) % 251 - 125) as i8);
    let weights: Vec<i8> = weights.collect();
    let bias: Vec<f32> = (0..cols).map(|at| ((at + seed) % 7) as f32 * 0.1 - 0.3).collect();
    let n = |part: &str| format!("{layer}.{part}");
    let f = |part: &str| format!("{from}.{part}");
    let (w, s, z, b) = (n("W"), n("W.scale"), n("W.zero"), n("b"));
    graph.initializers.extend([
        Tensor::i8(&w, &[rows, cols], &weights),
        Tensor::f32(&s, &[], &[0.01]),
        Tensor::i8(&z, &[], &[0]),
        Tensor::f32(&b, &[cols], &bias),
    ]);
    graph.nodes.extend([
        Node::new("Mul", &[&f("scale"), &s], &[&n("scale")]),
        Node::new("MatMulInteger", &[&f("q"), &w, &f("zero"), &z], &[&n("product")]),
        Node::new("Cast", &[&n("product")], &[&n("sum")]).attr("to", Attr::Int(FLOAT)),
        Node::new("Mul", &[&n("sum"), &n("scale")], &[&n("scaled")]),
        Node::new("Add", &[&b, &n("scaled")], &[&n("added")]),
        Node::new(activation, &[&n("added")], &[output]),
    ]);
}

/// A model that runs for as long as it is told: a `Loop` of `trips` products of `x` (`["N", dim]`)
/// with the identity matrix, so `y = x` in the end. `slow(1 << 40, 64)` never ends by itself: for
/// deadlines and cancellation.
#[must_use]
pub fn slow(trips: i64, dim: i64) -> Model {
    let shape = [Dim::from("N"), Dim::from(dim)];
    let mut eye = vec![0.0; (dim * dim) as usize];
    eye.iter_mut().step_by(dim as usize + 1).for_each(|x| *x = 1.0);
    let body = Graph {
        name: "body".to_owned(),
        nodes: vec![
            Node::new("Identity", &["cond_in"], &["cond_out"]),
            Node::new("MatMul", &["state_in", "eye"], &["state_out"]),
        ],
        inputs: vec![
            Value::new("iteration", Dtype::I64, &[]),
            Value::new("cond_in", Dtype::Bool, &[]),
            f32_value("state_in", &shape),
        ],
        outputs: vec![Value::new("cond_out", Dtype::Bool, &[]), f32_value("state_out", &shape)],
        ..Graph::default()
    };
    Model::new(Graph {
        nodes: vec![
            Node::new("Loop", &["trips", "go", "x"], &["y"])
                .attr("body", Attr::Graph(Box::new(body))),
        ],
        initializers: vec![
            Tensor::i64("trips", &[], &[trips]),
            Tensor::bool("go", true),
            Tensor::f32("eye", &[dim, dim], &eye),
        ],
        inputs: vec![f32_value("x", &shape)],
        outputs: vec![f32_value("y", &shape)],
        ..Graph::default()
    })
}

/// `depth` nested `If`s around `y = x`, each taking its then-branch. `wrap` rewrites the innermost
/// branch, so that something can be hidden at the bottom.
#[must_use]
pub fn nested_if_with(depth: usize, wrap: impl Fn(&mut Graph)) -> Model {
    let shape = [Dim::from("N"), Dim::from(1)];
    let leaf = |out: &str| Graph {
        nodes: vec![Node::new("Identity", &["x"], &[out])],
        outputs: vec![f32_value(out, &shape)],
        ..Graph::default()
    };
    let mut inner = leaf("y0");
    wrap(&mut inner);
    for level in 1..=depth {
        let (then_out, out) = (format!("y{level}"), format!("else{level}"));
        inner = Graph {
            nodes: vec![
                Node::new("If", &["cond"], &[&then_out])
                    .attr("then_branch", Attr::Graph(Box::new(inner)))
                    .attr("else_branch", Attr::Graph(Box::new(leaf(&out)))),
            ],
            outputs: vec![f32_value(&then_out, &shape)],
            ..Graph::default()
        };
    }
    inner.inputs = vec![Value::new("cond", Dtype::Bool, &[]), f32_value("x", &shape)];
    Model::new(inner)
}

/// [`nested_if_with`] and nothing hidden.
#[must_use]
pub fn nested_if(depth: usize) -> Model {
    nested_if_with(depth, |_| {})
}

/// `y = x + s`, where `s` = `[0, 5, 0, 7]` is a sparse initialiser.
#[must_use]
pub fn sparse_initializer() -> Model {
    let shape = [Dim::from("N"), Dim::from(4)];
    Model::new(Graph {
        nodes: vec![Node::new("Add", &["x", "s"], &["y"])],
        sparse: vec![SparseTensor {
            values: Tensor::f32("s", &[2], &[5.0, 7.0]),
            indices: Tensor::i64("s_indices", &[2], &[1, 3]),
            dims: vec![4],
        }],
        inputs: vec![f32_value("x", &shape)],
        outputs: vec![f32_value("y", &shape)],
        ..Graph::default()
    })
}

/// `y = x + c`, where `c` = `[1, 2]` is a tensor in a `Constant`'s attribute.
#[must_use]
pub fn tensor_attribute() -> Model {
    constant(Attr::Tensor(Tensor::f32("", &[2], &[1.0, 2.0])), "value")
}

/// `y = x + c`, where `c` = `[0, 3]` is a sparse tensor in a `Constant`'s attribute.
#[must_use]
pub fn sparse_attribute() -> Model {
    let sparse = SparseTensor {
        values: Tensor::f32("v", &[1], &[3.0]),
        indices: Tensor::i64("i", &[1], &[1]),
        dims: vec![2],
    };
    constant(Attr::Sparse(sparse), "sparse_value")
}

/// `y = x + c`, where `c` comes from a `Constant` with this attribute; `x` is `["N", 2]`.
#[must_use]
pub fn constant(value: Attr, attribute: &str) -> Model {
    let shape = [Dim::from("N"), Dim::from(2)];
    Model::new(Graph {
        nodes: vec![
            Node::new("Constant", &[], &["c"]).attr(attribute, value),
            Node::new("Add", &["x", "c"], &["y"]),
        ],
        inputs: vec![f32_value("x", &shape)],
        outputs: vec![f32_value("y", &shape)],
        ..Graph::default()
    })
}

/// `y = 2x` through a function local to the model, in domain `strata.test`.
#[must_use]
pub fn local_function() -> Model {
    let shape = [Dim::from("N"), Dim::from(2)];
    let mut model = Model::new(Graph {
        nodes: vec![Node::new("Double", &["x"], &["y"]).domain("strata.test")],
        inputs: vec![f32_value("x", &shape)],
        outputs: vec![f32_value("y", &shape)],
        ..Graph::default()
    });
    model.opsets.push(("strata.test".to_owned(), 1));
    model.functions.push(Function {
        name: "Double".to_owned(),
        domain: "strata.test".to_owned(),
        inputs: vec!["a".to_owned()],
        outputs: vec!["b".to_owned()],
        nodes: vec![Node::new("Add", &["a", "a"], &["b"])],
        defaults: Vec::new(),
    });
    model
}
