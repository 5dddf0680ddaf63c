//! The card of an adapted model, for the program (`card.toml`) and for people (`README.md`).

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};
use strata_chem::learn::{Part, PartSettings, Task};
use strata_core::card::{Dim, Port};

use super::assay::Assay;
use super::encoder::Encoder;
use super::graph::{INPUT, OUTPUT};
use super::train::{MEMBERS, Trained};
use super::{AdaptOptions, Facts, Features, FinalRows, SplitKind};
use crate::tools::ToolError;

/// Columns that `screen` adds itself: an endpoint of such a name gets `_pred` behind it.
const TAKEN: [&str; 16] = [
    "canonical_smiles",
    "error_code",
    "error",
    "MolWt",
    "MolLogP",
    "TPSA",
    "NumHDonors",
    "NumHAcceptors",
    "QED",
    "SA",
    "alerts",
    "nn_tanimoto",
    "flags",
    "score",
    "rank",
    "smiles",
];

/// Name of the endpoint, which is the column's in results.
pub(super) fn endpoint(target: &str) -> String {
    let name: String =
        target.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(&name)) {
        true => format!("{name}_pred"),
        false => name,
    }
}

/// A text as TOML: quoted, without control characters.
fn text(value: &str) -> String {
    let plain: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    serde_json::Value::from(plain).to_string()
}

/// A number of five digits as TOML.
fn number(value: f64) -> String {
    let rounded = format!("{value:.4e}").parse::<f64>().unwrap_or(value);
    format!("{rounded:?}")
}

fn table(out: &mut String, head: &str, pairs: &[(&str, String)]) {
    let _ = writeln!(out, "\n{head}");
    for (key, value) in pairs {
        let _ = writeln!(out, "{key} = {value}");
    }
}

/// An input as another card has it.
fn given(port: &Port) -> Vec<(&'static str, String)> {
    let dimension = |dim: &Dim| match dim {
        Dim::Fixed(length) => length.to_string(),
        Dim::Symbol(name) => text(name),
    };
    let shape: Vec<String> = port.shape.iter().map(dimension).collect();
    let dtype = serde_json::to_value(port.dtype).unwrap_or_default();
    let mut pairs = vec![
        ("name", text(&port.name)),
        ("dtype", dtype.to_string()),
        ("shape", format!("[{}]", shape.join(", "))),
        ("meaning", text(&port.meaning)),
    ];
    pairs.extend(port.unit.iter().map(|unit| ("unit", text(unit))));
    pairs
}

/// How the held-out part was set apart.
pub(super) fn split_name(options: &AdaptOptions) -> String {
    match options.split {
        SplitKind::Random => format!("random 90/10, seed {}", options.seed),
        SplitKind::Scaffold => "scaffold deterministic 90/10".to_owned(),
    }
}

/// Settings of the parts, in words.
pub(super) fn parts(trained: &Trained) -> Vec<String> {
    let recipe = &trained.head.recipe;
    let part = |(part, made): (&strata_chem::learn::RecipePart, &Part)| {
        let words = match (&part.settings, made) {
            (PartSettings::Trees(s), _) => format!(
                "boosted trees: {} rounds, {} leaves, rate {}, {} cuts",
                s.rounds,
                s.leaves,
                s.rate,
                if s.random_cuts { "random" } else { "best" }
            ),
            (PartSettings::Kernel(s), Part::Kernel(machine)) => format!(
                "kernel ridge regression on {} molecules: {} Tanimoto + {} Gaussian (sharpness {}), ridge {}",
                machine.support(),
                s.tanimoto,
                1.0 - s.tanimoto,
                s.gamma,
                s.ridge
            ),
            (PartSettings::Kernel(s), _) => format!("kernel ridge regression, ridge {}", s.ridge),
            (PartSettings::Linear { ridge, .. }, _) => format!("ridge regression, ridge {ridge}"),
        };
        let sees = if part.settings.sees_encoder() { ", with the encoder's vector" } else { "" };
        format!("{words}{sees}; weight {:.2}", part.weight)
    };
    recipe.parts.iter().zip(&trained.head.parts).map(part).collect()
}

/// `card.toml`; the files it names must already be in `folder`.
pub(super) fn card(
    (assay, trained, facts): (&Assay, &Trained, &Facts),
    features: &Features,
    options: &AdaptOptions,
    folder: &Path,
) -> Result<String, ToolError> {
    let regression = assay.task == Task::Regression;
    let unit = match (&options.unit, regression) {
        (Some(unit), true) => unit.clone(),
        (None, true) => "1".to_owned(),
        (_, false) => "probability".to_owned(),
    };
    let mut out = String::new();
    let head = [
        ("name", text(&facts.name)),
        ("layer", text("foundation")),
        ("kind", text("scientific")),
        ("task", text(if regression { "regression" } else { "binary-classification" })),
        ("title", text(&facts.title)),
        ("description", text(&description(assay, options))),
        ("version", text("1.0.0")),
        ("licence", text("LicenseRef-of-the-data")),
    ];
    for (key, value) in head {
        let _ = writeln!(out, "{key} = {value}");
    }
    let revision = format!("molecules and targets sha256 {}", facts.data_sha256);
    table(
        &mut out,
        "[source]",
        &[("url", text("trained by strata-drug adapt")), ("revision", text(&revision))],
    );
    for (file, role) in [
        (facts.model_file().as_str(), "model"),
        ("domain.bin", "domain"),
        ("golden.json", "golden"),
    ] {
        let path = folder.join(file);
        let bytes = std::fs::read(&path).map_err(ToolError::io(&path))?;
        let digest: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let pairs = [
            ("path", text(file)),
            ("bytes", bytes.len().to_string()),
            ("sha256", text(&digest)),
            ("role", text(role)),
        ];
        table(&mut out, "[[files]]", &pairs);
    }
    let encoder = features.encoder_of(&trained.head);
    for port in encoder.map_or(&[][..], Encoder::inputs) {
        table(&mut out, "[[inputs]]", &given(port));
    }
    let meaning = "2048 folded ECFP4 counts, then 110 descriptors under RDKit's names";
    let rows = if encoder.is_some() { "molecules" } else { "N" };
    let port = |name: &str, width: usize, meaning: &str, unit: &str| {
        [
            ("name", text(name)),
            ("dtype", text("float32")),
            ("shape", format!("[\"{rows}\", {width}]")),
            ("meaning", text(meaning)),
            ("unit", text(unit)),
        ]
    };
    table(&mut out, "[[inputs]]", &port(INPUT, features.width(), meaning, "1"));
    let of_member = if regression { "a value a member" } else { "a probability a member" };
    table(
        &mut out,
        "[[outputs]]",
        &port(OUTPUT, MEMBERS, of_member, if regression { &unit } else { "1" }),
    );
    let columns: Vec<usize> = (0..MEMBERS).collect();
    let mut pairs = vec![
        ("name", text(&facts.endpoint)),
        ("title", text(&facts.title)),
        ("unit", text(&unit)),
        ("task", text(if regression { "regression" } else { "classification" })),
        ("output", text(OUTPUT)),
        ("columns", format!("{columns:?}")),
    ];
    if let Some(threshold) = trained.threshold {
        pairs.push(("threshold", number(threshold)));
    }
    table(&mut out, "[[endpoints]]", &pairs);
    if let Some(interval) = trained.interval {
        let pairs = [("q90", number(interval.q90)), ("floor", number(interval.floor))];
        table(&mut out, "[endpoints.conformal]", &pairs);
    }
    let features = [
        ("featuriser", text(&facts.featuriser.id())),
        ("featuriser_hash", text(&facts.featuriser.hash())),
    ];
    table(&mut out, "[preprocess]", &features);
    let sd = "sample (divided by the number of members less one)";
    table(&mut out, "[postprocess]", &[("mean_over", text("members")), ("sd", text(sd))]);
    let variant = [
        ("name", text("fp32")),
        ("file", text(&facts.model_file())),
        ("precision", text("fp32")),
        ("latency", text("balanced")),
    ];
    table(&mut out, "[[variants]]", &variant);
    let trained_on = [
        ("data", text(&format!("{}, column {}", facts.input, options.target))),
        ("licence", text("that of the user's data")),
        ("split", text(&split_name(options))),
        ("seeds", format!("{:?}", vec![options.seed; 1])),
        ("rows", trained.final_rows.len().to_string()),
        ("script", text("strata-drug adapt")),
    ];
    table(&mut out, "[training]", &trained_on);
    for figure in &trained.figures {
        let mut note = match figure.interval {
            Some((low, high)) => format!("95 % bootstrap interval {low:.4} to {high:.4}"),
            None => "conformal, calibrated on molecules not trained on".to_owned(),
        };
        note += "; of a head trained on the training part alone";
        let pairs = [
            ("dataset", text(&facts.input)),
            ("split", text(&format!("{}, test", split_name(options)))),
            ("seed", options.seed.to_string()),
            ("metric", text(&figure.metric)),
            ("value", number(figure.value)),
            ("n", trained.parts[1].len().to_string()),
            ("note", text(&note)),
        ];
        table(&mut out, "[[figures]]", &pairs);
    }
    let golden = [("file", text("golden.json")), ("tolerance", number(facts.tolerance))];
    table(&mut out, "[golden]", &golden);
    Ok(out)
}

fn description(assay: &Assay, options: &AdaptOptions) -> String {
    match &assay.classes {
        Some([negative, positive]) => format!(
            "Probability that {} is {positive} rather than {negative}, learnt from a user's measurements.",
            options.target
        ),
        None => format!("{}, learnt from a user's measurements.", options.target),
    }
}

/// `README.md`.
pub(super) fn readme(
    (assay, trained, facts): (&Assay, &Trained, &Facts),
    features: &Features,
    options: &AdaptOptions,
) -> String {
    let mut out =
        format!("# {}\n\n{}\n\n## How it was made\n\n", facts.title, description(assay, options));
    let [train, test] = trained.parts.each_ref().map(Vec::len);
    let (n, input) = (assay.molecules.len(), &facts.input);
    let _ = writeln!(
        out,
        "- Data: {input}, column {}: {} rows, {n} molecules; {} rows merged into another of the same molecule, {} left \
         out, {} molecules with rows that disagree.",
        options.target,
        assay.rows,
        assay.merged,
        assay.dropped.len(),
        assay.conflicts.len()
    );
    let _ = writeln!(
        out,
        "- Split: {}: {train} molecules to train on, {test} set aside (in `held-out.csv` with what was predicted).",
        split_name(options),
    );
    let _ = writeln!(
        out,
        "- Head ({}), chosen by cross-validation on the training part:",
        trained.choice.chosen
    );
    parts(trained).iter().for_each(|part| out += &format!("  - {part}\n"));
    let which = match options.final_rows {
        FinalRows::All => {
            "all molecules, the held-out ones included, after the figures below were taken"
        }
        FinalRows::Train => "the training part alone",
    };
    let _ = writeln!(
        out,
        "- The file holds {MEMBERS} members trained on {which} ({} molecules); each leaves out its own tenth.",
        trained.final_rows.len()
    );
    let _ = writeln!(out, "- Features: {}. Seed {}.", facts.featuriser.id(), options.seed);
    if let Some(encoder) = features.encoder_of(&trained.head) {
        let _ = writeln!(out, "- The encoder is part of the file: {}.", encoder.label());
    }
    let _ = writeln!(
        out,
        "- The ONNX file gives what the trained members give within {:.1e} on all {n} molecules.",
        facts.parity
    );
    out += "\n## Figures on the test part, of a head trained on the training part alone\n\n";
    out += "| figure | value | 95 % interval | knowing nothing | n |\n| --- | --- | --- | --- | --- |\n";
    for figure in &trained.figures {
        let interval =
            figure.interval.map_or_else(String::new, |(a, b)| format!("{a:.4} to {b:.4}"));
        let baseline = figure.baseline.map_or_else(String::new, |value| format!("{value:.4}"));
        let _ = writeln!(
            out,
            "| {} | {:.4} | {interval} | {baseline} | {} |",
            figure.metric, figure.value, test
        );
    }
    out += "\n## Tried, by out-of-fold error on the training part\n\n| blend | error |\n| --- | --- |\n";
    for candidate in &trained.choice.candidates {
        let _ = writeln!(out, "| {} | {:.4} |", candidate.name, candidate.loss);
    }
    out += "\n## Weaknesses\n\n- Intervals and probabilities hold for molecules like those measured; on new scaffolds \
            they may be too sure.\n- Look at `nn_tanimoto`, the similarity to the nearest training molecule: below \
            about 0.3 a prediction is a guess.\n";
    out
}
