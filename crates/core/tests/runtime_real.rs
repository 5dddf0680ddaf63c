//! Public models from the shared folder, where they are present: real graphs, real sizes.

mod runtime_support;

use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4};
use runtime_support::{card_of, ok};
use strata_core::paths::SearchPath;
use strata_core::runtime::graph_cache::CacheOutcome;
use strata_core::runtime::{BatchOptions, Inputs, Model, OpenOptions, PoolConfig, RunOptions};
use strata_testkit::{shared_dir, skip};

/// A file below the shared models, or `None` after saying that the test is skipped.
fn shared_model(path: &str) -> Option<PathBuf> {
    let file = shared_dir().map(|dir| dir.join("models").join(path)).filter(|file| file.is_file());
    if file.is_none() {
        skip(&format!("shared/models/{path} is not here"));
    }
    file
}

fn open(file: &Path, pool: PoolConfig) -> Model {
    let (card, dir) = card_of(file);
    let options = OpenOptions { pool, ..OpenOptions::default() };
    ok(Model::open(card, &SearchPath::only(dir.path()), &options))
}

#[test]
fn chembl_multitask_gives_a_table_of_all_targets() {
    let path = "drug/chembl_multitask_q8/chembl_37_multitask_q8.onnx";
    let Some(file) = shared_model(path) else { return };
    let model = open(&file, PoolConfig { sessions: 2, ..PoolConfig::default() });
    let rows =
        Array2::from_shape_fn((5, 1024), |(i, j)| f32::from(u8::from((i * 7 + j * 13) % 29 == 0)));
    let table = ok(model.run_batched(rows.view(), &BatchOptions::default()));
    // One output of shape [1] for each of 798 targets, and no batch axis.
    assert_eq!(table.values.dim(), (5, 798));
    assert!(table.values.iter().all(|p| (0.0..=1.0).contains(p)), "probabilities");
    let inputs = Inputs::new().with("input", rows.row(3));
    let outputs = ok(model.run(&inputs, &RunOptions::default()));
    for ((name, columns), value) in table.columns.iter().zip(table.values.row(3)) {
        assert_eq!(columns.len(), 1);
        assert_eq!(ok(outputs.view::<f32>(name)).iter().next(), Some(value), "{name}");
    }
    assert_ne!(table.values.row(0), table.values.row(1));
}

#[test]
fn mobilenet_answers_alike_from_its_file_and_from_cached_graphs() {
    let path = "mining/mobilenet_v2/mobilenet_v2_features_fp32.onnx";
    let Some(file) = shared_model(path) else { return };
    let cache = ok(tempfile::tempdir());
    let cached = || PoolConfig {
        graph_cache: Some(cache.path().to_owned()),
        sessions: 2,
        ..PoolConfig::default()
    };
    let image = Array4::from_shape_fn((1, 224, 224, 3), |(_, y, x, c)| {
        ((c * 89 + y * 3 + x * 7) % 251) as u8
    });
    let probabilities = |model: &Model| -> Vec<f32> {
        let inputs = Inputs::new().with("image", image.view());
        let outputs = ok(model.run(&inputs, &RunOptions::default()));
        ok(outputs.view::<f32>("probabilities")).iter().copied().collect()
    };
    let plain = probabilities(&open(&file, PoolConfig::default()));
    assert!((plain.iter().sum::<f32>() - 1.0).abs() < 1e-3, "probabilities");
    for expected in [CacheOutcome::Stored, CacheOutcome::Hit] {
        let model = open(&file, cached());
        assert_eq!(model.pool().load_report().cache, expected);
        for _ in 0..2 {
            let values = probabilities(&model);
            let off = plain.iter().zip(&values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-5, "{off}");
        }
    }
}

#[test]
fn graph_inputs_of_several_kinds_run() {
    let Some(file) = shared_model("drug/molclr_gcn/molclr_gcn.onnx") else { return };
    let model = open(&file, PoolConfig::default());
    let signature = model.pool().signature();
    assert!(signature.inputs.len() >= 4, "{signature:?}");
    // A molecule of two bonded carbon atoms, each edge in both directions.
    let (atom, chirality) = (ndarray::arr1(&[5_i64, 5]), ndarray::arr1(&[0_i64, 0]));
    let (edges, attributes) =
        (ndarray::arr2(&[[0_i64, 1], [1, 0]]), ndarray::arr2(&[[0_i64, 0], [0, 0]]));
    let batch = ndarray::arr1(&[0_i64, 0]);
    let mut inputs = Inputs::new()
        .with("atom_type", atom.view())
        .with("chirality", chirality.view())
        .with("edge_index", edges.view())
        .with("edge_attr", attributes.view());
    for port in &signature.inputs[4..] {
        inputs = inputs.with(&port.name, batch.view());
    }
    let outputs = ok(model.run(&inputs, &RunOptions::default()));
    let embedding = ok(outputs.view::<f32>("embedding"));
    assert_eq!(embedding.shape()[1], 512);
    assert!(embedding.iter().all(|x| x.is_finite()) && embedding.iter().any(|x| *x != 0.0));
}
