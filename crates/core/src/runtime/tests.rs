//! What only the inside can see: whose memory the tensors point to.

use ndarray::{Array2, ArrayD, array};
use ort::value::DynTensorValueType;
use strata_testkit::models;
use strata_testkit::onnx::{Dim, Dtype as OnnxDtype, Graph, Model, Node, Value};

use super::session::Source;
use super::tensor::{Data, Element, f16};
use super::*;

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn pool(model: &Model) -> SessionPool {
    pool_with(model, &PoolConfig::default())
}

fn pool_with(model: &Model, config: &PoolConfig) -> SessionPool {
    let bytes = model.encode();
    let source = Source { model: "test", bytes: &bytes, made: "", external: Vec::new() };
    ok(SessionPool::from_source(&source, identity(), config))
}

fn identity() -> pool::Identity {
    pool::Identity {
        version: String::new(),
        file: String::new(),
        sha256: String::new(),
        precision: String::new(),
        featuriser: None,
    }
}

/// Address that ONNX Runtime will read this input from.
fn address(data: &Data<'_>) -> *const std::ffi::c_void {
    let value = ok(data.tensor());
    ok(value.view().downcast::<DynTensorValueType>()).data_ptr()
}

/// Bits of a row, a few of many set.
fn bits(row: usize, width: usize) -> Vec<f32> {
    (0..width)
        .map(|at| f32::from(u8::from((at * 7 + row * row * 13 + row).is_multiple_of(5))))
        .collect()
}

#[test]
fn a_table_gives_what_each_row_gives_alone() {
    let model = models::quantised_heads(32, 16, &["A", "B", "C", "D"]);
    let alone = pool(&model);
    let bytes = ok(rows::table(&model.encode()).ok_or("not understood"));
    let source = Source { model: "test", bytes: &bytes, made: "rows of ", external: Vec::new() };
    let together = ok(SessionPool::from_source(&source, identity(), &PoolConfig::default()));
    // A row of zeros is among them: its scale is none.
    let table: Vec<Vec<f32>> =
        std::iter::once(vec![0.0; 32]).chain((1..40).map(|row| bits(row, 32))).collect();
    let all = ok(Array2::from_shape_vec((40, 32), table.concat()));
    let outputs =
        ok(together.run(&Inputs::new().with("input", all.view()), &RunOptions::default()));
    let answers = ok(outputs.view_at::<f32>(0));
    assert_eq!(answers.shape(), [40, 4]);
    let mut spread = (1.0_f32, 0.0_f32);
    for (row, input) in table.iter().enumerate() {
        let input = ndarray::Array1::from_vec(input.clone());
        let outputs =
            ok(alone.run(&Inputs::new().with("input", input.view()), &RunOptions::default()));
        for head in 0..4 {
            let (expected, found) = (ok(outputs.view_at::<f32>(head))[0], answers[[row, head]]);
            assert!((expected - found).abs() < 1e-6, "{row} {head}: {expected} {found}");
            spread = (spread.0.min(found), spread.1.max(found));
        }
    }
    assert!(spread.1 - spread.0 > 0.2, "the answers are all alike: {spread:?}");
}

fn reads_callers_memory<T: Element + Default>() {
    let array = ArrayD::from_elem(vec![3, 2], T::default());
    let inputs = Inputs::new().with("x", array.view());
    assert_eq!(address(&inputs.entries()[0].1), array.as_ptr().cast(), "{}", T::DTYPE);
    assert_eq!(inputs.copied_bytes(), 0);
}

#[test]
fn inputs_of_every_type_are_read_where_they_lie() {
    ok(Runtime::global());
    reads_callers_memory::<f64>();
    reads_callers_memory::<f32>();
    reads_callers_memory::<f16>();
    reads_callers_memory::<i64>();
    reads_callers_memory::<i32>();
    reads_callers_memory::<i16>();
    reads_callers_memory::<i8>();
    reads_callers_memory::<u64>();
    reads_callers_memory::<u32>();
    reads_callers_memory::<u16>();
    reads_callers_memory::<u8>();
    reads_callers_memory::<bool>();
}

#[test]
fn output_views_point_to_onnx_runtimes_memory() {
    let pool = pool(&models::identity(4));
    let x = Array2::from_elem((64, 4), 3.5_f32);
    let outputs = ok(pool.run(&Inputs::new().with("x", x.view()), &RunOptions::default()));
    let tensor = ok(outputs.values()[0].view().downcast::<DynTensorValueType>()).data_ptr();
    let (first, second) = (ok(outputs.view::<f32>("y")), ok(outputs.view_at::<f32>(0)));
    assert_eq!(first.as_ptr().cast(), tensor);
    assert_eq!(second.as_ptr().cast(), tensor);
    assert_eq!(first, x.view().into_dyn());
    assert_ne!(first.as_ptr(), x.as_ptr());
}

#[test]
fn an_input_passed_through_is_copied_out_of_the_callers_array() {
    let shape = [Dim::from("N"), Dim::from(2)];
    let value = |name| Value::new(name, OnnxDtype::F32, &shape);
    let pool = pool(&Model::new(Graph {
        nodes: vec![Node::new("Identity", &["x"], &["y"])],
        inputs: vec![value("x")],
        outputs: vec![value("x"), value("y")],
        ..Graph::default()
    }));
    let x = array![[1.0_f32, 2.0], [3.0, 4.0]];
    let outputs = ok(pool.run(&Inputs::new().with("x", x.view()), &RunOptions::default()));
    let passed = ok(outputs.view::<f32>("x"));
    assert_ne!(passed.as_ptr(), x.as_ptr());
    assert_eq!(passed, x.view().into_dyn());
}

#[test]
fn warming_up_works_with_and_without_an_arena_and_a_plan() {
    let model = models::linear(&(0..64).map(|i| i as f32).collect::<Vec<_>>(), &[0.5; 8]);
    let x = Array2::from_shape_fn((5, 8), |(i, j)| (i * 8 + j) as f32);
    let inputs = || Inputs::new().with("x", x.view());
    let mut answers = Vec::new();
    for (arena, memory_pattern) in [(true, true), (true, false), (false, true), (false, false)] {
        let config = PoolConfig { sessions: 2, arena, memory_pattern, ..PoolConfig::default() };
        let pool = pool_with(&model, &config);
        let warm = pool.run_on_each(&inputs());
        assert_eq!(warm.len(), 2);
        for outputs in warm {
            answers.push(ok(ok(outputs).view::<f32>("y")).to_owned());
        }
        // The call after the one whose memory was given back, and one of another shape.
        let outputs = ok(pool.run(&inputs(), &RunOptions::default()));
        answers.push(ok(outputs.view::<f32>("y")).to_owned());
        let part = Inputs::new().with("x", x.slice(ndarray::s![..2, ..]));
        let outputs = ok(pool.run(&part, &RunOptions::default()));
        assert_eq!(ok(outputs.view::<f32>("y")).shape(), [2, 8]);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}
