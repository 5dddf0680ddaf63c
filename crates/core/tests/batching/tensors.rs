//! Requests of tensors on real models: answers in a batch are those alone, and nobody's mistake is
//! another's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, ArrayD, array};
use strata_core::batching::{
    Ask, BatchError, Batcher, BatcherConfig, Execute, Limits, Number, Tensor, TensorError,
    TensorModel, TensorReply, TensorRequest,
};
use strata_core::card::{Dtype, ModelCard};
use strata_core::paths::SearchPath;
use strata_core::runtime::{
    CancelToken, Element, Model, OpenOptions, RunOptions, RuntimeError, f16,
};
use strata_testkit::onnx::{
    Attr, Dim, Dtype as OnnxDtype, Graph, Model as Onnx, Node, Tensor as Constant, Value,
};
use strata_testkit::{CardSpec, models, write_card};

use crate::runtime_support::{message, ok};

fn open_with(model: &Onnx, extra: &str) -> TensorModel {
    let dir = ok(tempfile::tempdir());
    let folder = ok(write_card(dir.path(), &CardSpec::new("m").extra(extra), model));
    let card = ok(ModelCard::load(&folder));
    let model = Model::open(card, &SearchPath::only(dir.path()), &OpenOptions::default());
    TensorModel::new(Arc::new(ok(model)))
}

fn open(model: &Onnx) -> TensorModel {
    open_with(model, "")
}

fn request(inputs: Vec<(&str, Tensor)>) -> TensorRequest {
    let inputs = inputs.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
    TensorRequest { inputs, outputs: None }
}

fn floats(rows: usize, columns: usize, seed: usize) -> Tensor {
    let value = |(i, j)| ((seed * 131 + i * 17 + j) as f32 * 0.37).sin() * 3.0;
    Array2::from_shape_fn((rows, columns), value).into_dyn().into()
}

fn alone(model: &TensorModel, request: &TensorRequest) -> TensorReply {
    ok(model.run(request, &RunOptions::default()))
}

fn together(model: &TensorModel, requests: &[TensorRequest]) -> Vec<TensorReply> {
    let replies = model.execute(requests.to_vec(), &RunOptions::default());
    assert_eq!(replies.len(), requests.len());
    replies.into_iter().map(ok).collect()
}

fn values<T: Element>(reply: &TensorReply, name: &str) -> ArrayD<T> {
    let (_, tensor) = reply.outputs.iter().find(|(own, _)| own == name).expect("the output");
    tensor.view::<T>().expect("the type").to_owned()
}

fn f32_port(name: &str, shape: &[Dim]) -> Value {
    Value::new(name, OnnxDtype::F32, shape)
}

#[test]
fn answers_in_a_mixed_batch_are_those_alone() {
    let model = open(&models::add(3));
    assert!(model.is_batchable());
    let requests: Vec<TensorRequest> = [1, 5, 2, 64, 1, 7]
        .iter()
        .enumerate()
        .map(|(i, &rows)| {
            let (a, b) = (("a", floats(rows, 3, i)), ("b", floats(rows, 3, i + 50)));
            // The order in which a caller names its inputs is its own.
            request(if i % 2 == 0 { vec![a, b] } else { vec![b, a] })
        })
        .collect();
    let asks: Vec<Ask> = requests.iter().map(|r| ok(model.ask(r))).collect();
    assert_eq!(asks.iter().map(|ask| ask.rows).collect::<Vec<_>>(), [1, 5, 2, 64, 1, 7]);
    assert!(asks.iter().all(|ask| ask.group.is_some() && ask.group == asks[0].group));
    for (request, reply) in requests.iter().zip(together(&model, &requests)) {
        let expected = alone(&model, request);
        // Bitwise: the same additions.
        assert_eq!(reply.outputs, expected.outputs);
        assert_eq!(reply.outputs[0].1.shape(), request.inputs[0].1.shape());
        assert_eq!(reply.provenance.sha256, expected.provenance.sha256);
    }
}

#[test]
fn several_types_and_the_outputs_wanted() {
    let model = open(&models::two_in_two_out());
    let ids =
        |from: i64, count: i64| Tensor::from(Array1::from_iter(from..from + count).into_dyn());
    let all = request(vec![("x", floats(2, 2, 1)), ("ids", ids(40, 2))]);
    let some = TensorRequest { outputs: Some(vec!["next".to_owned()]), ..all.clone() };
    let none = TensorRequest { outputs: Some(Vec::new()), ..all.clone() };
    let replies = together(&model, &[all.clone(), some, none]);
    assert_eq!(replies[0].outputs, alone(&model, &all).outputs);
    assert_eq!(values::<i64>(&replies[1], "next"), array![41, 42].into_dyn());
    assert_eq!((replies[0].outputs.len(), replies[1].outputs.len()), (2, 1));
    assert!(replies[2].outputs.is_empty());
    let unknown = TensorRequest { outputs: Some(vec!["logits".to_owned()]), ..all };
    assert!(message(model.ask(&unknown)).contains("no output \"logits\""));
}

/// `y = 0 · x + rows of the whole batch`: tells whether requests really ran together.
fn counts_its_batch() -> Onnx {
    let shape = [Dim::from("N"), Dim::from(1)];
    Onnx::new(Graph {
        nodes: vec![
            Node::new("Shape", &["x"], &["shape"]),
            Node::new("Gather", &["shape", "zero"], &["n"]),
            Node::new("Cast", &["n"], &["rows"]).attr("to", Attr::Int(1)),
            Node::new("Mul", &["x", "none"], &["nothing"]),
            Node::new("Add", &["nothing", "rows"], &["y"]),
        ],
        initializers: vec![Constant::i64("zero", &[], &[0]), Constant::f32("none", &[], &[0.0])],
        inputs: vec![f32_port("x", &shape)],
        outputs: vec![f32_port("y", &shape)],
        ..Graph::default()
    })
}

#[test]
fn requests_run_as_one_and_a_single_one_as_it_is() {
    let model = open(&counts_its_batch());
    let ask = |rows| request(vec![("x", floats(rows, 1, rows))]);
    for reply in together(&model, &[ask(2), ask(3), ask(4)]) {
        assert!(values::<f32>(&reply, "y").iter().all(|&n| n == 9.0));
    }
    assert_eq!(
        values::<f32>(&together(&model, &[ask(2)])[0], "y"),
        array![[2.0], [2.0]].into_dyn()
    );
}

/// Token ids and a mask of `["N", "S"]`. Outputs: `tokens = id · mask` of `["N", "S"]`, their sum
/// `pooled` of `["N"]`, `pairs` of `["N", "S", "S"]`, and `width` of `["N"]`: S of the whole batch.
fn text_like() -> Onnx {
    let (n, s) = (Dim::from("N"), Dim::from("S"));
    let port = |name| Value::new(name, OnnxDtype::I64, &[n.clone(), s.clone()]);
    let cast = |from: &str, to: &str| Node::new("Cast", &[from], &[to]).attr("to", Attr::Int(1));
    Onnx::new(Graph {
        nodes: vec![
            cast("input_ids", "ids"),
            cast("attention_mask", "mask"),
            Node::new("Mul", &["ids", "mask"], &["tokens"]),
            Node::new("ReduceSum", &["tokens", "one"], &["pooled"]).attr("keepdims", Attr::Int(0)),
            Node::new("Unsqueeze", &["tokens", "one"], &["across"]),
            Node::new("Unsqueeze", &["tokens", "two"], &["down"]),
            Node::new("Add", &["down", "across"], &["pairs"]),
            Node::new("Shape", &["input_ids"], &["shape"]),
            Node::new("Gather", &["shape", "at"], &["length"]),
            cast("length", "long"),
            Node::new("Mul", &["pooled", "none"], &["nothing"]),
            Node::new("Add", &["nothing", "long"], &["width"]),
        ],
        initializers: vec![
            Constant::i64("one", &[1], &[1]),
            Constant::i64("two", &[1], &[2]),
            Constant::i64("at", &[], &[1]),
            Constant::f32("none", &[], &[0.0]),
        ],
        inputs: vec![port("input_ids"), port("attention_mask")],
        outputs: vec![
            f32_port("tokens", &[n.clone(), s.clone()]),
            f32_port("pooled", std::slice::from_ref(&n)),
            f32_port("pairs", &[n.clone(), s.clone(), s.clone()]),
            f32_port("width", std::slice::from_ref(&n)),
        ],
        ..Graph::default()
    })
}

const PAD: &str = "[batching]\nunit = \"tokens\"\npad = { input_ids = 7, attention_mask = 0 }\n\
    max_rows = 8\nmax_cost = 100\nmax_delay_us = 1500\n";

fn text(rows: usize, length: usize) -> TensorRequest {
    let ids = Array2::from_shape_fn((rows, length), |(i, j)| (i * 31 + j * 3 + length) as i64 % 97);
    let mask = Array2::from_elem((rows, length), 1_i64);
    request(vec![("input_ids", ids.into_dyn().into()), ("attention_mask", mask.into_dyn().into())])
}

#[test]
fn texts_of_different_length_are_padded_and_cut_back() {
    let model = open_with(&text_like(), PAD);
    let requests = [text(1, 4), text(3, 9), text(2, 1), text(1, 6)];
    let asks: Vec<Ask> = requests.iter().map(|r| ok(model.ask(r))).collect();
    let shape: Vec<(usize, u64)> = asks.iter().map(|ask| (ask.rows, ask.length)).collect();
    assert_eq!(shape, [(1, 4), (3, 9), (2, 1), (1, 6)]);
    assert!(asks.iter().all(|ask| ask.group.is_some() && ask.group == asks[0].group));
    let limits = model.limits(Limits::default());
    assert_eq!((limits.max_rows, limits.max_cost), (8, 100));
    assert_eq!(limits.max_delay, Duration::from_micros(1500));
    for (request, reply) in requests.iter().zip(together(&model, &requests)) {
        let expected = alone(&model, request);
        for name in ["tokens", "pooled", "pairs"] {
            assert_eq!(values::<f32>(&reply, name), values::<f32>(&expected, name), "{name}");
        }
        // They did run together, as long as the longest.
        assert!(values::<f32>(&reply, "width").iter().all(|&width| width == 9.0));
    }
}

#[test]
fn without_padding_only_equal_lengths_share_a_batch() {
    let model = open(&text_like());
    let group = |request: &TensorRequest| ok(model.ask(request)).group;
    assert_eq!(group(&text(1, 4)), group(&text(5, 4)));
    assert_ne!(group(&text(1, 4)), group(&text(1, 5)));
    assert_eq!(ok(model.ask(&text(2, 5))).length, 5);
    // Put together all the same, they run one by one.
    for (reply, width) in together(&model, &[text(1, 4), text(1, 5)]).iter().zip([4.0, 5.0]) {
        assert_eq!(values::<f32>(reply, "width"), array![width].into_dyn());
    }
}

#[test]
fn a_wrong_batching_table_is_refused_with_its_line() {
    for (table, word) in [
        ("pad = { ids = 0 }", "no input named \"ids\""),
        ("pad = { input_ids = 0 }", "\"attention_mask\" has the length \"S\" too"),
        ("pad = { input_ids = 0, attention_mask = 0 }\npad_axis = 0", "axis 0 is the batch"),
        ("pad = { input_ids = 0, attention_mask = 0 }\npad_axis = 2", "has no symbol"),
        ("pad = { input_ids = nan, attention_mask = 0 }", "finite"),
        ("max_rows = 0", "1 or more"),
        ("max_cost = 0", "1 or more"),
        ("unit = \" \"", "empty"),
        ("units = \"tokens\"", "unknown field"),
    ] {
        let dir = ok(tempfile::tempdir());
        let spec = CardSpec::new("m").extra(&format!("[batching]\n{table}\n"));
        let folder = ok(write_card(dir.path(), &spec, &text_like()));
        let text = message(ModelCard::load(&folder));
        assert!(text.contains(word) && text.contains("card.toml:"), "{table}: {text}");
    }
}

#[test]
fn wrong_requests_are_refused_before_they_can_harm() {
    let model = open(&models::add(3));
    let two = |a: Tensor, b: Tensor| request(vec![("a", a), ("b", b)]);
    let ask = |request: &TensorRequest| message(model.ask(request));
    assert!(ask(&request(vec![("a", floats(1, 3, 0))])).contains("input \"b\" is missing"));
    assert!(ask(&two(floats(1, 3, 0), floats(1, 2, 0))).contains("[1, 2]"));
    let ints: Tensor = array![[1_i64, 2, 3]].into_dyn().into();
    assert!(ask(&two(floats(1, 3, 0), ints)).contains("is int64, but the model takes float32"));
    // Two such requests could make a whole of the right shape, with rows of one for the other.
    let error = model.ask(&two(floats(2, 3, 0), floats(3, 3, 0))).unwrap_err();
    assert!(matches!(error, RuntimeError::InputShape { .. }), "{error}");
    assert!(error.to_string().contains("\"b\" has shape [3, 3], but the model takes [N=2, 3]"));
    let model = open_with(&text_like(), PAD);
    let mut uneven = text(1, 4);
    uneven.inputs[1] = text(1, 5).inputs[1].clone();
    assert!(message(model.ask(&uneven)).contains("[N, S=4]"));
    // No rows at all: nobody else's business.
    assert_eq!(ok(model.ask(&text(0, 4))).group, None);
}

/// `y = table[ids]`: an index beyond the table fails while it runs, which no check can see before.
fn lookup() -> Onnx {
    let n = [Dim::from("N")];
    Onnx::new(Graph {
        nodes: vec![Node::new("Gather", &["table", "ids"], &["y"])],
        initializers: vec![Constant::f32("table", &[3], &[10.0, 20.0, 30.0])],
        inputs: vec![Value::new("ids", OnnxDtype::I64, &n)],
        outputs: vec![f32_port("y", &n)],
        ..Graph::default()
    })
}

#[test]
fn a_request_that_fails_while_running_fails_alone() {
    let model = open(&lookup());
    let ask = |ids: &[i64]| request(vec![("ids", ndarray::arr1(ids).into_dyn().into())]);
    let replies =
        model.execute(vec![ask(&[0, 2]), ask(&[1, 99]), ask(&[1])], &RunOptions::default());
    let values = |at: usize| values::<f32>(replies[at].as_ref().unwrap(), "y");
    assert_eq!(values(0), array![10.0, 30.0].into_dyn());
    assert_eq!(values(2), array![20.0].into_dyn());
    let error = replies[1].as_ref().unwrap_err();
    assert!(matches!(error, BatchError::Failed(_)), "{error}");
    assert!(error.to_string().contains("99"), "{error}");
}

#[test]
fn models_without_one_batch_axis_run_each_request_alone() {
    let fixed = [Dim::from(2), Dim::from(2)];
    let (n, m) = ([Dim::from("N")], [Dim::from("M")]);
    let sizes = |nodes: Vec<Node>, inputs: Vec<Value>, outputs: Vec<Value>| {
        open(&Onnx::new(Graph { nodes, inputs, outputs, ..Graph::default() }))
    };
    let square = sizes(
        vec![Node::new("Add", &["x", "x"], &["y"])],
        vec![f32_port("x", &fixed)],
        vec![f32_port("y", &fixed)],
    );
    let graph = sizes(
        vec![
            Node::new("Add", &["nodes", "nodes"], &["y"]),
            Node::new("Add", &["edges", "edges"], &["z"]),
        ],
        vec![f32_port("nodes", &n), f32_port("edges", &m)],
        vec![f32_port("y", &n), f32_port("z", &m)],
    );
    let of = |count: usize| Tensor::from(Array1::from_elem(count, 1.0_f32).into_dyn());
    let cases = [
        (square, request(vec![("x", floats(2, 2, 3))]), 1),
        (graph, request(vec![("nodes", of(5)), ("edges", of(8))]), 8),
    ];
    for (model, request, length) in cases {
        assert!(!model.is_batchable());
        let ask = ok(model.ask(&request));
        assert_eq!((ask.group, ask.rows, ask.length), (None, 1, length));
        let expected = alone(&model, &request);
        for reply in together(&model, &[request.clone(), request.clone()]) {
            assert_eq!(reply.outputs, expected.outputs);
        }
    }
}

#[test]
fn requests_of_many_threads_come_back_to_their_own() {
    let model = open_with(&text_like(), PAD);
    let limits = Limits {
        max_delay: Duration::from_millis(3),
        max_padding: 0.5,
        ..model.limits(Limits::default())
    };
    let config = BatcherConfig { workers: 2, limits, ..BatcherConfig::default() };
    let batcher = ok(Batcher::new(model.clone(), config));
    let shared = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for caller in 0..6_usize {
            let (model, batcher, shared) = (&model, &batcher, &shared);
            scope.spawn(move || {
                for n in 0..40 {
                    let request = text(1 + (caller + n) % 3, 1 + (caller * 7 + n * 5) % 12);
                    let expected = alone(model, &request);
                    let done = ok(batcher.call(ok(model.ask(&request)), request, None));
                    assert!(done.batch_rows <= 8 && done.batch_cost <= 100);
                    shared.fetch_max(done.batch_items, std::sync::atomic::Ordering::Relaxed);
                    for name in ["tokens", "pooled", "pairs"] {
                        let (own, right) =
                            (values::<f32>(&done.value, name), values::<f32>(&expected, name));
                        assert_eq!(own, right, "{name}");
                    }
                }
            });
        }
    });
    assert!(shared.into_inner() > 1, "no batch was shared");
}

#[test]
fn a_running_model_is_stopped_when_nobody_waits_for_it() {
    let model = open(&models::slow(2_000, 64));
    let limits = Limits { max_rows: 200_000, max_delay: Duration::ZERO, ..Limits::default() };
    let batcher =
        ok(Batcher::new(model.clone(), BatcherConfig { limits, ..BatcherConfig::default() }));
    let long = || request(vec![("x", floats(60_000, 64, 1))]);
    let soon = Duration::from_secs(20);
    let deadline = Instant::now() + Duration::from_millis(400);
    let ask = Ask { deadline: Some(deadline), ..ok(model.ask(&long())) };
    let error = batcher.call(ask, long(), None).unwrap_err();
    assert!(matches!(error, BatchError::Deadline { .. }), "{error}");
    assert!(Instant::now() >= deadline);
    let token = CancelToken::new();
    let error = std::thread::scope(|scope| {
        let call = scope.spawn(|| batcher.call(ok(model.ask(&long())), long(), Some(&token)));
        while batcher.load().running == 0 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(50));
        token.cancel();
        call.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, BatchError::Cancelled), "{error}");
    // The session is free again: a small request gets its answer at once.
    let start = Instant::now();
    let short = request(vec![("x", floats(1, 64, 2))]);
    assert_eq!(
        ok(batcher.call(Ask::default(), short.clone(), None)).value.outputs[0].1,
        short.inputs[0].1
    );
    assert!(start.elapsed() < soon);
}

fn round_trip<T: Element + PartialEq + std::fmt::Debug>(values: Vec<T>, bytes: &[u8])
where
    Tensor: From<ArrayD<T>>,
{
    let array = ok(ArrayD::from_shape_vec(vec![1, values.len()], values));
    let tensor = Tensor::from(array.clone());
    assert_eq!(
        (tensor.dtype(), tensor.shape(), tensor.len()),
        (T::DTYPE, array.shape(), array.len())
    );
    let written = tensor.to_le_bytes();
    assert!(written.starts_with(bytes), "{written:?}");
    assert_eq!(ok(Tensor::from_le_bytes(T::DTYPE, array.shape(), &written)), tensor);
    assert_eq!(ok(Tensor::from_numbers(T::DTYPE, array.shape(), tensor.numbers())), tensor);
    assert_eq!(tensor.view::<T>(), Some(array.view()));
    let error = Tensor::from_le_bytes(T::DTYPE, array.shape(), &written[1..]).unwrap_err();
    assert!(matches!(error, TensorError::Size { unit: "bytes", .. }), "{error}");
}

#[test]
fn every_type_goes_to_bytes_and_numbers_and_back() {
    round_trip(vec![1.0_f64, -0.0, f64::MAX], &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    round_trip(vec![1.0_f32, f32::MIN_POSITIVE, -2.5], &[0, 0, 0x80, 0x3f]);
    round_trip(vec![f16::from_f32(1.0), f16::MAX], &[0, 0x3c]);
    round_trip(vec![-2_i64, i64::MAX, i64::MIN], &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    round_trip(vec![-2_i32, i32::MAX], &[0xfe, 0xff, 0xff, 0xff]);
    round_trip(vec![258_i16, i16::MIN], &[2, 1]);
    round_trip(vec![-1_i8, 127], &[0xff]);
    round_trip(vec![u64::MAX, 3], &[0xff; 8]);
    round_trip(vec![258_u32, u32::MAX], &[2, 1, 0, 0]);
    round_trip(vec![258_u16, u16::MAX], &[2, 1]);
    round_trip(vec![200_u8, 0], &[200]);
    round_trip(vec![true, false], &[1, 0]);
}

#[test]
fn shapes_and_numbers_that_cannot_be_are_refused() {
    let huge = [usize::MAX / 2, 3];
    let none = [0, usize::MAX / 2, 3];
    for shape in [&huge[..], &none, &[1 << 62]] {
        let error = Tensor::from_le_bytes(Dtype::Float32, shape, &[]).unwrap_err();
        assert!(matches!(error, TensorError::TooLarge(_)), "{error}");
        let error = Tensor::from_numbers(Dtype::Float32, shape, []).unwrap_err();
        assert!(matches!(error, TensorError::TooLarge(_)), "{error}");
    }
    // A large claim with few numbers takes no memory.
    let error = Tensor::from_numbers(Dtype::Uint8, &[1 << 40], [Number::Int(1)]).unwrap_err();
    assert!(matches!(error, TensorError::Size { given: 1, unit: "numbers", .. }), "{error}");
    assert!(Tensor::from_numbers(Dtype::Int8, &[0, 4], []).is_ok_and(|t| t.is_empty()));
    for dtype in [Dtype::String, Dtype::Bfloat16] {
        let error = Tensor::from_le_bytes(dtype, &[1], &[0, 0]).unwrap_err();
        assert_eq!(error, TensorError::Unsupported(dtype));
    }
    let number = |dtype, number| Tensor::from_numbers(dtype, &[1], [number]);
    for (dtype, wrong) in [
        (Dtype::Uint8, Number::Int(-1)),
        (Dtype::Uint8, Number::Int(256)),
        (Dtype::Int64, Number::Uint(u64::MAX)),
        (Dtype::Int64, Number::Float(1.5)),
        (Dtype::Int64, Number::Float(1e19)),
        (Dtype::Int32, Number::Bool(true)),
        (Dtype::Float32, Number::Float(1e39)),
        (Dtype::Float16, Number::Int(70_000)),
        (Dtype::Bool, Number::Int(2)),
    ] {
        let error = number(dtype, wrong).unwrap_err();
        assert!(
            matches!(error, TensorError::Number { index: 0, .. }),
            "{dtype} {wrong:?}: {error}"
        );
    }
    assert_eq!(ok(number(Dtype::Int32, Number::Float(-3.0))), array![-3_i32].into_dyn().into());
    assert_eq!(ok(number(Dtype::Float32, Number::Int(3))), array![3.0_f32].into_dyn().into());
    assert_eq!(ok(number(Dtype::Bool, Number::Int(1))), array![true].into_dyn().into());
}
