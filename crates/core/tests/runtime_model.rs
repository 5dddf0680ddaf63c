//! From a card to a ready model: golden example, warm-up, featuriser, variants, cached graphs.

mod runtime_support;

use std::fs;
use std::path::Path;

use ndarray::array;
use runtime_support::{message, ok, sessions};
use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::provenance::Featuriser;
use strata_core::runtime::graph_cache::CacheOutcome;
use strata_core::runtime::{
    Inputs, Model, OpenError, OpenOptions, PoolConfig, RunOptions, RuntimeError,
};
use strata_testkit::onnx::Model as Onnx;
use strata_testkit::{CardSpec, models, write_card};

/// y = x · [1, 2] + [0.5, 0].
fn linear() -> Onnx {
    models::linear(&[1.0, 2.0], &[0.5, 0.0])
}

fn golden(expected: &str) -> String {
    format!(
        r#"{{"inputs": {{"x": {{"shape": [3, 1], "data": [1, -2, 0.5]}}}},
            "outputs": {{"y": {{"shape": [3, 2], "data": {expected}}}}},
            "tolerance": 1e-4, "smiles": ["C", "CC", "CCC"]}}"#
    )
}

const RIGHT: &str = "[1.5, 2, -1.5, -4, 1.0, 1.00005]";

fn open_with(spec: &CardSpec, model: &Onnx, options: &OpenOptions) -> Result<Model, OpenError> {
    let dir = ok(tempfile::tempdir());
    let folder = ok(write_card(dir.path(), spec, model));
    Model::open(ok(ModelCard::load(&folder)), &SearchPath::only(dir.path()), options)
}

fn open_golden(json: &str) -> Result<Model, OpenError> {
    let pool = sessions(3);
    let options = OpenOptions { pool, ..OpenOptions::default() };
    open_with(&CardSpec::new("linear").golden(json), &linear(), &options)
}

#[test]
fn a_model_with_the_right_golden_answer_is_ready() {
    let model = ok(open_golden(&golden(RIGHT)));
    let report = model.golden().expect("the card has a golden example");
    // Each of the three sessions was checked.
    assert_eq!(report.values, 3 * 6);
    assert!(report.largest > 1e-5 && report.largest <= 1e-4, "{report:?}");
    assert_eq!((model.variant(), model.note()), ("fp32", None));
    assert_eq!(model.provenance().precision, "fp32");
    let x = array![[2.0_f32]];
    let outputs = ok(model.run(&Inputs::new().with("x", x.view()), &RunOptions::default()));
    assert_eq!(ok(outputs.view::<f32>("y")), array![[2.5_f32, 4.0]].into_dyn());
}

#[test]
fn a_wrong_golden_answer_names_the_worst_place() {
    let error = open_golden(&golden("[1.5, 2, -1.5, -4.5, 1.0, 1.001]")).unwrap_err();
    let OpenError::Runtime(RuntimeError::Golden(mismatch)) = &error else { panic!("{error}") };
    assert_eq!((mismatch.output.as_str(), &mismatch.at[..]), ("y", &[1, 1][..]));
    assert_eq!((mismatch.expected, mismatch.got), (-4.5, -4.0));
    assert_eq!((mismatch.wrong, mismatch.total), (2, 6));
    assert!((mismatch.difference - 0.5).abs() < 1e-6);
    let text = error.to_string();
    assert!(text.contains("linear on cpu") && text.contains("[1, 1]"), "{text}");
}

#[test]
fn not_a_number_is_a_difference() {
    let error = open_golden(&golden("[1.5, 2, -1.5, null, 1.0, 1.0]")).unwrap_err();
    assert!(matches!(error, OpenError::Runtime(RuntimeError::Golden(_))), "{error}");
}

#[test]
fn a_broken_golden_file_is_named() {
    for (json, word) in [
        ("{", "EOF"),
        (r#"{"inputs": {}, "outputs": {}}"#, "no outputs"),
        (&golden("[1, 2]"), "[3, 2]"),
        (&golden(RIGHT).replace("\"x\"", "\"z\""), "no input \"z\""),
        (&golden(RIGHT).replace("\"y\"", "\"z\""), "no output \"z\""),
        (&golden(RIGHT).replace("[3, 1]", "[4, 1]"), "do not fit"),
        (&golden(RIGHT).replace("0.5", "\"half\""), "half"),
        (&golden(&RIGHT.replace("-4", "true, 1")), "[3, 2]"),
    ] {
        let text = message(open_golden(json));
        assert!(text.contains("golden.json") && text.contains(word), "{json}\n{text}");
    }
}

#[test]
fn a_changed_file_is_refused_before_it_is_loaded() {
    let dir = ok(tempfile::tempdir());
    let folder = ok(write_card(dir.path(), &CardSpec::new("linear"), &linear()));
    let card = || ok(ModelCard::load(&folder));
    let search = SearchPath::only(dir.path());
    ok(Model::open(card(), &search, &OpenOptions::default()));
    let file = folder.join("linear.onnx");
    let mut bytes = ok(fs::read(&file));
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    ok(fs::write(&file, bytes));
    let error = Model::open(card(), &search, &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, OpenError::Verify(_)), "{error}");
    ok(fs::remove_file(&file));
    assert!(message(Model::open(card(), &search, &OpenOptions::default())).contains("fetch"));
}

#[test]
fn features_other_than_the_cards_are_refused() {
    let spec = CardSpec::new("linear")
        .extra("[preprocess]\nfeaturiser = \"ecfp/1\"\nfeaturiser_hash = \"abc\"\n");
    let open = |given: Option<(&str, &str)>| {
        let make = |(id, hash): (&str, &str)| Featuriser { id: id.into(), hash: hash.into() };
        let options = OpenOptions { featuriser: given.map(make), ..OpenOptions::default() };
        open_with(&spec, &linear(), &options)
    };
    let model = ok(open(Some(("ecfp/1", "abc"))));
    assert_eq!(model.provenance().featuriser.as_ref().unwrap().hash, "abc");
    assert!(ok(open(None)).provenance().featuriser.is_none());
    for given in [("ecfp/2", "abc"), ("ecfp/1", "abd")] {
        let error = open(Some(given)).unwrap_err();
        assert!(matches!(error, OpenError::Featuriser(_)), "{error}");
        assert!(error.to_string().contains(given.1), "{error}");
    }
}

#[test]
fn variants_go_by_name_and_devices_fail_closed() {
    let spec = CardSpec::new("linear");
    let named = |name: &str| {
        let variant = Some(name.to_owned());
        open_with(&spec, &linear(), &OpenOptions { variant, ..OpenOptions::default() })
    };
    assert_eq!(ok(named("fp32")).variant(), "fp32");
    assert!(message(named("fp8")).contains("it has fp32"));
    let on = |devices: &str| {
        let pool = PoolConfig { devices: ok(devices.parse()), ..PoolConfig::default() };
        open_with(&spec, &linear(), &OpenOptions { pool, ..OpenOptions::default() })
    };
    let absent = if cfg!(target_os = "macos") { "cann" } else { "coreml" };
    assert!(message(on(absent)).contains(absent));
    assert_eq!(ok(on(&format!("{absent},cpu"))).provenance().provider, "CPUExecutionProvider");
}

#[test]
fn without_a_golden_example_the_model_is_warmed_up_and_ready() {
    let model = ok(open_with(&CardSpec::new("linear"), &linear(), &OpenOptions::default()));
    assert!(model.golden().is_none());
}

#[test]
fn optimised_graphs_are_kept_checked_and_rebuilt() {
    let (dir, cache) = (ok(tempfile::tempdir()), ok(tempfile::tempdir()));
    let spec = CardSpec::new("linear").golden(&golden(RIGHT));
    let folder = ok(write_card(dir.path(), &spec, &linear()));
    let cache = cache.path().join("graphs");
    let open = || {
        let pool = PoolConfig { graph_cache: Some(cache.clone()), ..sessions(2) };
        let options = OpenOptions { pool, ..OpenOptions::default() };
        let card = ok(ModelCard::load(&folder));
        // Opening checks the golden example: a hit gives the right answers too.
        let model = ok(Model::open(card, &SearchPath::only(dir.path()), &options));
        model.pool().load_report().cache
    };
    assert_eq!(open(), CacheOutcome::Stored);
    assert_eq!(open(), CacheOutcome::Hit);
    let graph = only(&cache, "onnx");
    for damage in [&b""[..], b"not a graph"] {
        ok(fs::write(&graph, damage));
        assert_eq!(open(), CacheOutcome::Stored);
        assert_eq!(open(), CacheOutcome::Hit);
    }
    // Damage with a matching digest: refused by ONNX Runtime, rebuilt all the same.
    ok(fs::write(&graph, b"not a graph"));
    let digest = strata_testkit::sha256_hex(b"not a graph");
    ok(fs::write(only(&cache, "sha256"), digest));
    assert_eq!(open(), CacheOutcome::Stored);
    ok(fs::remove_file(only(&cache, "sha256")));
    assert_eq!(open(), CacheOutcome::Stored);
    assert_eq!(ok(fs::read_dir(&cache)).count(), 2, "nothing else is left behind");
}

#[test]
fn a_cache_that_cannot_be_written_is_no_error() {
    let dir = ok(tempfile::tempdir());
    let file = dir.path().join("file");
    ok(fs::write(&file, b"in the way"));
    let pool = PoolConfig { graph_cache: Some(file.join("graphs")), ..PoolConfig::default() };
    let options = OpenOptions { pool, ..OpenOptions::default() };
    let model = ok(open_with(&CardSpec::new("linear"), &linear(), &options));
    assert_eq!(model.pool().load_report().cache, CacheOutcome::NotStored);
}

fn only(folder: &Path, extension: &str) -> std::path::PathBuf {
    let paths = ok(fs::read_dir(folder)).map(|entry| ok(entry).path());
    let found: Vec<_> = paths.filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn a_model_of_which_one_row_is_read_gives_the_same_row() {
    use ndarray::{Array2, s};
    use strata_testkit::bert::{Bert, Head};

    let dir = ok(tempfile::tempdir());
    let folder = ok(write_card(
        dir.path(),
        &CardSpec::new("encoder"),
        &Bert::new(5, 12, Head::Hidden).model(),
    ));
    let open = |first_rows: Vec<String>, sessions: usize| {
        let pool = PoolConfig { sessions, ..PoolConfig::default() };
        let options = OpenOptions { first_rows, pool, ..OpenOptions::default() };
        ok(Model::open(ok(ModelCard::load(&folder)), &SearchPath::only(dir.path()), &options))
    };
    let name = "last_hidden_state";
    let (whole, cut) = (open(Vec::new(), 1), open(vec![name.to_owned()], 2));
    let ids = Array2::from_shape_fn((3, 9), |(i, j)| ((i * 31 + j * 7) % 150 + 5) as i64);
    let mask = Array2::from_shape_fn((3, 9), |(i, j)| i64::from(j < 9 - 2 * i));
    let types = Array2::<i64>::zeros((3, 9));
    let inputs = || {
        Inputs::new()
            .with("input_ids", ids.view())
            .with("attention_mask", mask.view())
            .with("token_type_ids", types.view())
    };
    let all = ok(whole.run(&inputs(), &RunOptions::default()));
    let all = ok(all.view::<f32>(name));
    for _ in 0..4 {
        let first = ok(cut.run(&inputs(), &RunOptions::default()));
        let first = ok(first.view::<f32>(name));
        assert_eq!((all.shape(), first.shape()), (&[3, 9, 16][..], &[3, 1, 16][..]));
        assert_eq!(first.slice(s![.., 0, ..]), all.slice(s![.., 0, ..]));
    }
    assert_eq!(whole.provenance().sha256, cut.provenance().sha256);
}
