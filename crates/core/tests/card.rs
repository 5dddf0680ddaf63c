//! Model cards as users write them: what is accepted, what is refused and at which line, which
//! variant is chosen, and what the messages say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use strata_core::card::{
    CardError, Dim, EndpointTask, Kind, Latency, Machine, ModelCard, ModelStore, Precision, Role,
    is_plain_name,
};
use strata_core::paths::SearchPath;
use strata_testkit::{CardSpec, models, write_card};

/// A card with every key of the format.
const FULL: &str = r#"name = "esol"
layer = "foundation"
kind = "scientific"
task = "regression"
title = "Aqueous solubility (ESOL)"
description = "Water solubility of small molecules."
version = "1.0.0"
licence = "Apache-2.0"
operator_domains = ["com.example"]

[source]
url = "trained by training/"
revision = "1"

[[files]]
path = "esol.onnx"
bytes = 123
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
role = "model"
url = "https://example.org/esol.onnx"

[[files]]
path = "golden.json"
bytes = 7
sha256 = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
role = "golden"

[[inputs]]
name = "features"
dtype = "float32"
shape = ["N", 2139]
meaning = "ECFP4 counts and descriptors"
unit = "1"

[[outputs]]
name = "predictions"
dtype = "float32"
shape = ["N", 5]
meaning = "one column a seed and task: column = task * seeds + seed"
unit = "log10(mol/L)"

[[endpoints]]
name = "ESOL"
title = "Aqueous solubility"
unit = "log10(mol/L)"
task = "regression"
output = "predictions"
columns = [0, 1, 2, 3, 4]
higher_is_better = true
[endpoints.conformal]
q90 = 1.9
floor = 0.1

[preprocess]
featuriser = "ecfp4c2048+rd/1"
featuriser_hash = "abc"
anything = { goes = [1, 2] }

[postprocess]

[[variants]]
name = "fp32"
file = "esol.onnx"
precision = "fp32"
latency = "balanced"
devices = ["cpu", "cuda"]
memory_bytes = 4096

[training]
data = "MoleculeNet ESOL"
licence = "MIT"
split = "scaffold deterministic 80/10/10"
seeds = [0, 1, 2, 3, 4]
rows = 1128
script = "training/train.py"

[[figures]]
dataset = "ESOL"
split = "scaffold deterministic 80/10/10"
seed = 0
metric = "RMSE"
value = 0.83
n = 113
note = "mean of the members"

[golden]
file = "golden.json"
tolerance = 1e-4
"#;

fn parse(text: &str) -> Result<ModelCard, CardError> {
    ModelCard::parse(text, Path::new("models/esol"))
}

/// The error that [`FULL`] gives when `from` becomes `to`.
#[track_caller]
fn error(from: &str, to: &str) -> String {
    assert_eq!(FULL.matches(from).count(), 1, "{from:?} must occur once");
    parse(&FULL.replace(from, to)).expect_err("accepted").to_string().replace('\\', "/")
}

#[test]
fn a_full_card_is_read() {
    let card = parse(FULL).unwrap();
    assert_eq!((card.name.as_str(), card.kind), ("esol", Kind::Scientific));
    assert_eq!(card.inputs[0].shape, [Dim::Symbol("N".into()), Dim::Fixed(2139)]);
    assert_eq!(card.files[1].role, Role::Golden);
    let endpoint = &card.endpoints[0];
    assert_eq!(endpoint.task, EndpointTask::Regression);
    assert_eq!(endpoint.columns, [0, 1, 2, 3, 4]);
    assert_eq!(endpoint.conformal.map(|c| (c.q90, c.floor)), Some((1.9, 0.1)));
    assert_eq!(card.featuriser(), Some(("ecfp4c2048+rd/1", Some("abc"))));
    assert_eq!(card.figures[0].value, 0.83);
    assert_eq!(card.training.unwrap().seeds, [0, 1, 2, 3, 4]);
}

#[test]
fn unknown_keys_are_refused_with_line_and_column_in_every_table() {
    for (before, table) in [
        ("name = \"esol\"", "top"),
        ("revision = \"1\"", "source"),
        ("bytes = 7", "files"),
        ("dtype = \"float32\"\nshape = [\"N\", 2139]", "inputs"),
        ("shape = [\"N\", 5]", "outputs"),
        ("higher_is_better = true", "endpoints"),
        ("q90 = 1.9", "conformal"),
        ("memory_bytes = 4096", "variants"),
        ("rows = 1128", "training"),
        ("n = 113", "figures"),
        ("tolerance = 1e-4", "golden"),
    ] {
        let text = error(before, &format!("{before}\nsurprise = 1"));
        let line = FULL[..FULL.find(before).unwrap() + before.len()].lines().count() + 1;
        let place = format!("models/esol/card.toml:{line}:1: unknown field `surprise`");
        assert!(text.starts_with(&place), "{table}: {text}");
    }
}

#[test]
fn wrong_values_are_refused_at_their_place() {
    for (from, to, expected) in [
        ("name = \"esol\"", "name = \"Es ol\"", "1:8: name: use 1 to 64 of a-z"),
        ("kind = \"scientific\"", "kind = \"magic\"", "3:8: unknown variant `magic`"),
        ("layer = \"foundation\"", "layer = \"kit\"", "2:9: unknown variant `kit`"),
        ("version = \"1.0.0\"\n", "", "missing field `version`"),
        ("bytes = 123", "bytes = -1", "17:9: "),
        ("path = \"esol.onnx\"", "path = \"../e.onnx\"", "16:8: files[0].path: "),
        ("sha256 = \"0123", "sha256 = \"X123", "18:10: files[0].sha256: "),
        (
            "path = \"golden.json\"",
            "path = \"esol.onnx\"",
            "23:8: files[1].path: \"esol.onnx\" is there twice",
        ),
        ("role = \"golden\"", "role = \"gold\"", "26:8: unknown variant `gold`"),
        ("url = \"https:", "url = \"file:", "20:7: files[0].url: "),
        ("[\"N\", 2139]", "[\"N\", 2.5]", "31:9: a dimension is a whole number (2048) or a symbol"),
        ("[\"N\", 2139]", "[\"\", 2139]", "31:10: inputs[0].shape[0]: a symbol has a name"),
        (
            "[0, 1, 2, 3, 4]\nhigher",
            "[0, 5]\nhigher",
            "48:15: endpoints[0].columns[1]: column 5 of an output with 5 columns",
        ),
        (
            "[0, 1, 2, 3, 4]\nhigher",
            "[1, 1]\nhigher",
            "48:15: endpoints[0].columns[1]: column 1 is there twice",
        ),
        ("[0, 1, 2, 3, 4]\nhigher", "[]\nhigher", "48:11: endpoints[0].columns: "),
        (
            "output = \"predictions\"",
            "output = \"preds\"",
            "47:10: endpoints[0].output: there is no output named \"preds\"",
        ),
        (
            "higher_is_better = true",
            "threshold = 0.5",
            "49:13: endpoints[0].threshold: only a classification",
        ),
        (
            "task = \"regression\"\noutput",
            "task = \"classification\"\noutput",
            "endpoints[0].conformal: only a regression",
        ),
        ("q90 = 1.9", "q90 = nan", "51:7: endpoints[0].conformal.q90: "),
        (
            "file = \"esol.onnx\"",
            "file = \"other.onnx\"",
            "63:8: variants[0].file: no [[files]] entry",
        ),
        (
            "file = \"esol.onnx\"",
            "file = \"golden.json\"",
            "63:8: variants[0].file: \"golden.json\" has the role golden, not model",
        ),
        ("latency = \"balanced\"", "latency = \"slow\"", "65:11: unknown variant `slow`"),
        ("seed = 0\n", "", "missing field `seed`"),
        ("value = 0.83", "value = inf", "82:9: figures[0].value: must be a finite number"),
        (
            "file = \"golden.json\"",
            "file = \"esol.onnx\"",
            "87:8: golden.file: \"esol.onnx\" has the role model, not golden",
        ),
        ("tolerance = 1e-4", "tolerance = -1", "golden.tolerance"),
        ("name = \"esol\"", "name = esol", "1:8: "),
    ] {
        let text = error(from, to);
        assert!(text.starts_with("models/esol/card.toml:"), "{text}");
        assert!(text.contains(expected), "expected {expected:?} in {text:?}");
    }
}

#[test]
fn plain_names_are_the_same_on_every_system() {
    for name in ["a", "esol.onnx", "weights-1_2.bin", ".hidden", "模型.onnx", "console.bin"] {
        assert!(is_plain_name(name), "{name}");
    }
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "/a",
        "a\\b",
        "C:a",
        "a\0",
        "a\n",
        "a*",
        "a?",
        "nul",
        "COM1.onnx",
        "a.",
        "a ",
        " a",
        "<a>",
    ] {
        assert!(!is_plain_name(name), "{name:?}");
    }
    assert!(!is_plain_name(&"a".repeat(256)));
}

#[test]
fn the_folder_has_the_models_name() {
    let models = tempfile::tempdir().unwrap();
    write_card(models.path(), &CardSpec::new("one"), &models::identity(1)).unwrap();
    ModelCard::load(&models.path().join("one")).unwrap();
    fs::rename(models.path().join("one"), models.path().join("two")).unwrap();
    let error = ModelCard::load(&models.path().join("two")).unwrap_err();
    assert!(matches!(error, CardError::Invalid { ref key, .. } if key == "name"), "{error}");
}

#[test]
fn a_model_that_is_not_there_is_named_with_those_that_are() {
    let models = tempfile::tempdir().unwrap();
    for name in ["b", "a"] {
        write_card(models.path(), &CardSpec::new(name), &models::identity(1)).unwrap();
    }
    fs::create_dir(models.path().join("no-card")).unwrap();
    let search = SearchPath::only(models.path());
    let error = ModelCard::find("c", &search).unwrap_err().to_string();
    assert!(
        error.contains("no model named \"c\"") && error.ends_with("known models: a, b"),
        "{error}"
    );
    // A name never leads out of the models' folders.
    let outside = format!("../{}/a", models.path().file_name().unwrap().display());
    assert!(matches!(ModelCard::find(&outside, &search), Err(CardError::NotFound { .. })));
    let error = ModelCard::find("c", &SearchPath::default()).unwrap_err().to_string();
    assert!(error.contains("STRATA_MODELS"), "{error}");
}

#[test]
fn a_broken_card_hides_no_other() {
    let models = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        write_card(models.path(), &CardSpec::new(name), &models::identity(1)).unwrap();
    }
    fs::write(models.path().join("b").join("card.toml"), "name = ").unwrap();
    let store = ModelStore::new(SearchPath::only(models.path()));
    let listed: Vec<(String, bool)> =
        store.cards().map(|(name, card)| (name, card.is_ok())).collect();
    let expected = [("a", true), ("b", false), ("c", true)];
    assert_eq!(listed, expected.map(|(name, ok)| (name.to_owned(), ok)));
}

#[test]
fn a_card_without_its_files_is_valid_and_says_how_to_fetch_them() {
    let card = parse(FULL).unwrap();
    let search =
        SearchPath { models: vec!["models".into()], cache: Some("/nowhere/at/all".into()) };
    let error = card.locate(&card.files[0], &search).unwrap_err().to_string().replace('\\', "/");
    assert!(error.contains("models fetch esol"), "{error}");
    assert!(error.contains("models/esol/esol.onnx, /nowhere/at/all/models/0123456789"), "{error}");
    assert!(matches!(card.file("nope"), Err(CardError::UnknownFile { .. })));
}

#[test]
fn huge_cards_are_refused_unread() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("card.toml"), vec![b'#'; (4 << 20) + 1]).unwrap();
    assert!(matches!(ModelCard::load(dir.path()), Err(CardError::TooLarge { .. })));
}

/// [`FULL`] with other variants: name, precision, latency, further keys.
fn with_variants(variants: &[(&str, &str, &str, &str)]) -> ModelCard {
    let start = FULL.find("[[variants]]").unwrap();
    let end = FULL.find("[training]").unwrap();
    let tables: String = variants
        .iter()
        .map(|(name, precision, latency, more)| {
            format!(
                "[[variants]]\nname = \"{name}\"\nfile = \"esol.onnx\"\nprecision = \"{precision}\"\n\
                 latency = \"{latency}\"\n{more}\n"
            )
        })
        .collect();
    parse(&format!("{}{tables}{}", &FULL[..start], &FULL[end..])).unwrap()
}

#[test]
fn the_variant_asked_for_is_chosen() {
    let card = with_variants(&[
        ("small", "int8", "fast", ""),
        ("usual", "fp32", "balanced", ""),
        ("large", "fp32", "best", ""),
    ]);
    for (wanted, name) in
        [(Latency::Fast, "small"), (Latency::Balanced, "usual"), (Latency::Best, "large")]
    {
        let chosen = card.select(wanted, &Machine::new("cpu")).unwrap();
        assert_eq!((chosen.variant.name.as_str(), chosen.fallback), (name, None));
    }
    assert_eq!("best".parse(), Ok(Latency::Best));
    assert!("quick".parse::<Latency>().unwrap_err().contains("fast, balanced or best"));
}

#[test]
fn the_nearest_class_is_taken_and_said() {
    let card = with_variants(&[("small", "int8", "fast", ""), ("large", "fp32", "best", "")]);
    let chosen = card.select(Latency::Balanced, &Machine::new("cpu")).unwrap();
    assert_eq!(chosen.variant.name, "large", "of two equally near ones the better");
    let reason = chosen.fallback.unwrap();
    assert_eq!(reason, "esol has no balanced variant for cpu: took large (best)");
    let only = with_variants(&[("small", "int8", "fast", "")]);
    assert_eq!(only.select(Latency::Best, &Machine::new("cpu")).unwrap().variant.name, "small");
}

#[test]
fn the_machine_decides_among_variants_of_one_class() {
    let card = with_variants(&[
        ("half", "fp16", "balanced", ""),
        ("full", "fp32", "balanced", ""),
        ("npu", "int8", "balanced", "devices = [\"cann\"]"),
    ]);
    let on = |machine: &Machine| {
        card.select(Latency::Balanced, machine).map(|chosen| chosen.variant.name.clone())
    };
    assert_eq!(on(&Machine::new("cpu")).unwrap(), "full");
    assert_eq!(on(&Machine::new("cuda")).unwrap(), "half");
    assert_eq!(on(&Machine::new("cann")).unwrap(), "npu", "made for that device");
    let mut picky = Machine::new("cpu");
    picky.precisions = vec![Precision::Fp16];
    assert_eq!(on(&picky).unwrap(), "half");
    picky.precisions = vec![Precision::Fp64];
    let error = on(&picky).unwrap_err().to_string();
    assert!(error.contains("full has precision Fp32, which was not asked for"), "{error}");
}

#[test]
fn a_variant_that_does_not_fit_the_memory_is_passed_over() {
    let card = with_variants(&[
        ("small", "int8", "fast", "memory_bytes = 1000"),
        ("large", "fp32", "best", "memory_bytes = 9000"),
    ]);
    let machine = Machine { memory_bytes: Some(5000), ..Machine::new("cpu") };
    let chosen = card.select(Latency::Best, &machine).unwrap();
    assert_eq!(chosen.variant.name, "small");
    let reason = chosen.fallback.unwrap();
    assert!(reason.contains("large needs 9000 bytes of memory, there are 5000"), "{reason}");
    let machine = Machine { memory_bytes: Some(10), ..machine };
    assert!(matches!(card.select(Latency::Best, &machine), Err(CardError::NoVariant { .. })));
}
