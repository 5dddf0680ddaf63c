//! Tables through models: any batch size gives the same table, with and without a batch axis.

mod runtime_support;

use ndarray::{Array2, ArrayView2, array, s};
use runtime_support::{message, ok, pool, sessions};
use strata_core::runtime::{BatchOptions, CancelToken, PoolConfig, RunOptions, RuntimeError};
use strata_testkit::models;
use strata_testkit::onnx::{Dim, Dtype, Graph, Model, Node, Value};

fn batches_of(max_batch: usize) -> BatchOptions {
    BatchOptions { max_batch, ..BatchOptions::default() }
}

fn table(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * columns + j) as f32 * 0.3).sin())
}

/// `half` = x, `full` = x + x of one row `[width]`: two outputs, no batch axis.
fn no_axis(width: i64) -> Model {
    let value = |name: &str| Value::new(name, Dtype::F32, &[Dim::from(width)]);
    Model::new(Graph {
        nodes: vec![
            Node::new("Identity", &["x"], &["half"]),
            Node::new("Add", &["x", "x"], &["full"]),
        ],
        inputs: vec![value("x")],
        outputs: vec![value("half"), value("full")],
        ..Graph::default()
    })
}

#[test]
fn every_batch_size_gives_the_same_table() {
    let weights: Vec<f32> = (0..20).map(|i| i as f32 * 0.1).collect();
    let pool = pool("linear", &models::linear(&weights, &[1.0, 2.0, 3.0, 4.0]), &sessions(2));
    let rows = table(23, 5);
    let whole = ok(pool.run_batched(rows.view(), &batches_of(1000)));
    assert_eq!(whole.values.dim(), (23, 4));
    assert_eq!(whole.columns, [("y".to_owned(), 0..4)]);
    assert_eq!(whole.provenance.model, "linear");
    let right = rows.dot(&ok(Array2::from_shape_vec((5, 4), weights))) + array![1.0, 2.0, 3.0, 4.0];
    assert!((&whole.values - &right).iter().all(|d| d.abs() < 1e-5));
    for size in [1, 2, 7, 23, 24] {
        let part = ok(pool.run_batched(rows.view(), &batches_of(size)));
        assert!((&part.values - &whole.values).iter().all(|d| d.abs() < 1e-6), "batch {size}");
    }
    let none = ok(pool.run_batched(rows.slice(s![0..0, ..]), &batches_of(8)));
    assert_eq!(none.values.dim(), (0, 4));
}

#[test]
fn a_given_table_is_filled_in_place() {
    let pool = pool("same", &models::identity(3), &sessions(1));
    let rows = table(10, 3);
    // A table inside a wider one: its rows are not contiguous.
    let mut wide = Array2::from_elem((10, 5), -1.0_f32);
    ok(pool.run_batched_into(rows.view(), wide.slice_mut(s![.., 1..4]), &batches_of(4)));
    assert_eq!(wide.slice(s![.., 1..4]), rows);
    assert!(wide.column(0).iter().chain(wide.column(4)).all(|&x| x == -1.0));
    let mut narrow = Array2::zeros((10, 2));
    let error = pool.run_batched_into(rows.view(), narrow.view_mut(), &batches_of(4));
    assert!(message(error).contains("2 columns for 3"));
    let mut short = Array2::zeros((9, 3));
    let error = pool.run_batched_into(rows.view(), short.view_mut(), &batches_of(4));
    assert!(message(error).contains("9 rows for 10"));
}

#[test]
fn a_model_without_batch_axis_gives_the_same_kind_of_table() {
    let pool = pool("vector", &no_axis(3), &sessions(1));
    let rows = table(6, 3);
    let batched = ok(pool.run_batched(rows.view(), &BatchOptions::default()));
    assert_eq!(batched.columns, [("half".to_owned(), 0..3), ("full".to_owned(), 3..6)]);
    assert_eq!(batched.values.slice(s![.., 0..3]), rows);
    assert_eq!(batched.values.slice(s![.., 3..6]), &rows * 2.0);
    let none = ok(pool.run_batched(rows.slice(s![0..0, ..]), &BatchOptions::default()));
    assert_eq!(none.values.dim(), (0, 6));
}

#[test]
fn models_of_another_kind_are_refused() {
    let (rows, options) = (table(2, 2), BatchOptions::default());
    let refused = |model: &Model| {
        let pool = pool("odd", model, &PoolConfig::default());
        match pool.run_batched(rows.view(), &options) {
            Err(error @ RuntimeError::NotBatched { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert!(refused(&models::add(2)).contains("2 inputs"));
    let whole = |dtype| {
        let value = |name: &str| Value::new(name, dtype, &[Dim::from("N"), Dim::from(2)]);
        Model::new(Graph {
            nodes: vec![Node::new("Identity", &["x"], &["y"])],
            inputs: vec![value("x")],
            outputs: vec![value("y")],
            ..Graph::default()
        })
    };
    assert!(refused(&whole(Dtype::I64)).contains("int64"));
}

#[test]
fn wrong_width_and_cancellation_are_errors() {
    let pool = pool("same", &models::identity(3), &sessions(1));
    let narrow: ArrayView2<'_, f32> = ArrayView2::from_shape((2, 2), &[0.0; 4]).unwrap();
    let error = pool.run_batched(narrow, &BatchOptions::default()).unwrap_err();
    assert!(matches!(error, RuntimeError::InputShape { .. }), "{error}");
    let token = CancelToken::new();
    token.cancel();
    let run = RunOptions { cancel: Some(token), ..RunOptions::default() };
    let error = pool.run_batched(table(2, 3).view(), &BatchOptions { max_batch: 1, run });
    assert!(matches!(error, Err(RuntimeError::Cancelled { .. })));
}
