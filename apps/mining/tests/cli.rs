//! The program as a person runs it: commands, results, exit codes, and what it says of pictures that are broken.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strata-mining"));
    command.current_dir(root()).args(args).output().expect("the program runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn rows(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a result");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_help_has_an_example() {
    for command in [
        "run",
        "detect",
        "fit",
        "inspect",
        "calibrate",
        "belt",
        "watch",
        "eval",
        "convert",
        "scenarios",
        "models",
        "serve",
        "keys",
    ] {
        let output = run(&[command, "--help"]);
        assert!(output.status.success(), "{command}");
        assert!(out(&output).contains("Examples:"), "{command} --help has no example");
    }
}

#[test]
fn scenarios_run_on_their_samples() {
    let dir = tempfile::tempdir().expect("a folder");
    for (scenario, words) in [
        ("belt-damage", &["hole", "tear"][..]),
        ("foreign-object", &["lump", "rod", "sheet", "timber"]),
        ("belt-deviation", &["found", "deviation"]),
    ] {
        let save = path(dir.path(), scenario);
        let output = run(&["run", scenario, "--save", &save]);
        assert!(output.status.success(), "{scenario}: {}", err(&output));
        for word in words {
            assert!(
                out(&output).contains(word),
                "{scenario} does not say {word}: {}",
                out(&output)
            );
        }
        let drawn = std::fs::read_dir(&save).expect("drawn pictures").count();
        assert!(drawn >= 2, "{scenario} drew {drawn} pictures");
    }
    // Two of the scenarios tell by their exit code that something was found, or make a bank first.
    let odd = run(&["run", "surface-anomaly", "--save", &path(dir.path(), "surface")]);
    assert!(matches!(odd.status.code(), Some(0 | 2)), "{}", err(&odd));
    assert!(
        out(&odd).contains("12 normals") && out(&odd).contains("of 4 pictures anomalous"),
        "{}",
        out(&odd)
    );
    let text = out(&run(&["scenarios", "belt-damage"]));
    let own = dir.path().join("ours.toml");
    std::fs::write(&own, text.replace("confidence = 0.3", "confidence = 0.99")).expect("written");
    let output = run(&["run", &own.display().to_string()]);
    assert!(out(&output).contains("nothing found"), "{}", out(&output));
    std::fs::write(&own, text.replace("confidence = 0.3", "confidence = 9")).expect("written");
    let output = run(&["run", &own.display().to_string()]);
    assert!(
        err(&output).contains("ours.toml:") && err(&output).contains("confidence = 9"),
        "{}",
        err(&output)
    );
}

#[test]
fn results_have_every_form_and_their_provenance() {
    let dir = tempfile::tempdir().expect("a folder");
    let sample = "datasets/mining/belt-damage";
    for name in ["r.json", "r.jsonl", "r.csv", "labels"] {
        let result = path(dir.path(), name);
        let output = run(&["detect", sample, "--out", &result, "--quiet"]);
        assert!(output.status.success(), "{name}: {}", err(&output));
        let note = std::fs::read(format!("{result}.provenance.json")).expect("a note");
        let note: Value = serde_json::from_slice(&note).expect("JSON");
        assert_eq!(note["model"]["model"], "belt-damage");
        assert_eq!(note["model"]["sha256"].as_str().map(str::len), Some(64));
        assert_eq!(note["pictures"], 2);
    }
    let found = rows(&dir.path().join("r.jsonl"));
    let coco: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("r.json")).expect("a result"))
            .expect("JSON");
    let count = |row: &Value| row["objects"].as_array().map_or(0, Vec::len);
    assert_eq!(coco.as_array().map(Vec::len), Some(found.iter().map(count).sum()));
    assert!(dir.path().join("labels/hole.txt").is_file());
    let again = run(&["detect", sample, "--out", &path(dir.path(), "r.csv")]);
    assert!(!again.status.success() && err(&again).contains("--overwrite"), "{}", err(&again));
    // The answer does not depend on how many work.
    let single = path(dir.path(), "single.jsonl");
    assert!(run(&["detect", sample, "--out", &single, "--threads", "1", "-q"]).status.success());
    assert_eq!(rows(Path::new(&single)), found);
}

#[test]
fn broken_pictures_are_rows_with_an_error_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let good = std::fs::read(root().join("datasets/mining/belt-damage/hole.jpg")).expect("shipped");
    let data = root().join("crates/vision/tests/data");
    let copy =
        |from: &str, to: &str| std::fs::copy(data.join(from), dir.path().join(to)).expect("copied");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).expect("written");
    write("a-good.jpg", &good);
    write("b-cut.jpg", &good[..good.len() / 2]);
    write("c-empty.jpg", b"");
    write("d-text.png", b"this is no picture");
    write("e-huge.png", &huge_png());
    let mut damaged = good.clone();
    damaged[200..260].fill(0x55);
    write("f-damaged.jpg", &damaged);
    copy("ycck.jpg", "g-cmyk.jpg");
    copy("rgb16.png", "h-16bit.png");
    copy("animated.gif", "i-animated.gif");
    let result = dir.path().join("rows.jsonl");
    let output =
        run(&["detect", &dir.path().display().to_string(), "--out", &result.display().to_string()]);
    assert!(output.status.success(), "{}", err(&output));
    let rows = rows(&result);
    assert_eq!(rows.len(), 9, "{}", out(&output));
    let code = |at: usize| rows[at]["error"]["code"].as_str().unwrap_or("none");
    assert_eq!((code(0), code(1), code(2)), ("none", "truncated", "empty"));
    assert_eq!((code(3), code(4)), ("unknown_format", "too_large"));
    assert_ne!(code(5), "none");
    assert_eq!((code(6), code(7), code(8)), ("none", "none", "none"));
    for row in &rows[6..9] {
        assert!(row["width"].as_u64() > Some(0), "{row}");
    }
    let huge = rows[4]["error"]["message"].as_str().expect("a message");
    assert!(huge.contains("50000") || huge.contains("50,000"), "{huge}");
    // Alone, a broken picture fails the command.
    assert!(!run(&["detect", &path(dir.path(), "b-cut.jpg")]).status.success());
}

/// A PNG whose header says 50,000 x 50,000.
fn huge_png() -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend_from_slice(&50_000_u32.to_be_bytes());
    header.extend_from_slice(&50_000_u32.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend_from_slice(&header);
    png.extend_from_slice(&crc(&header).to_be_bytes());
    png
}

/// CRC-32 as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn unknown_things_name_the_remedy() {
    let absent = run(&["detect", "no-such-folder"]);
    assert!(err(&absent).contains("no-such-folder"), "{}", err(&absent));
    let class = run(&["detect", "datasets/mining/belt-damage", "--classes", "dragon"]);
    assert!(err(&class).contains("dragon") && err(&class).contains("tear"), "{}", err(&class));
    let fetch = run(&["detect", "datasets/mining/belt-damage", "--model", "rtdetr-r18"]);
    assert!(err(&fetch).contains("models fetch rtdetr-r18"), "{}", err(&fetch));
    let kind = run(&["detect", "datasets/mining/belt-damage", "--model", "esol"]);
    assert!(!kind.status.success() && err(&kind).contains("esol"), "{}", err(&kind));
}

#[test]
fn annotations_are_converted_and_measured() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    std::fs::create_dir_all(data.join("images")).expect("made");
    std::fs::create_dir_all(data.join("labels")).expect("made");
    std::fs::write(data.join("data.yaml"), "names: [Hole, Impact Damage, Puncture, Tear, Wear]\n")
        .expect("written");
    // What the detector itself finds is the truth: then everything is right.
    let sample = "datasets/mining/belt-damage";
    let labels = path(dir.path(), "labels");
    assert!(run(&["detect", sample, "--out", &labels, "-q"]).status.success());
    for name in ["hole", "tear"] {
        let picture = root().join(sample).join(format!("{name}.jpg"));
        std::fs::copy(picture, data.join(format!("images/{name}.jpg"))).expect("copied");
        let found =
            std::fs::read_to_string(dir.path().join(format!("labels/{name}.txt"))).expect("labels");
        let without_score: Vec<String> = found
            .lines()
            .map(|line| line.rsplit_once(' ').expect("a score").0.to_owned())
            .collect();
        std::fs::write(data.join(format!("labels/{name}.txt")), without_score.join("\n"))
            .expect("written");
    }
    let eval = |data: &str| {
        let output = run(&["eval", "--model", "belt-damage", "--data", data, "--json", "-q"]);
        assert!(output.status.success(), "{}", err(&output));
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let figures = eval(&data.display().to_string());
    assert_eq!(figures["map50"], 1.0, "{figures}");
    assert_eq!(figures["images"], 2);
    let (coco, voc, back) =
        (path(&data, "annotations.json"), path(dir.path(), "voc"), path(dir.path(), "back"));
    let convert = |from: &str, to: &str, out: &str| {
        let output = run(&["convert", from, "--to", to, "--out", out]);
        assert!(output.status.success(), "{}", err(&output));
    };
    convert(&data.display().to_string(), "coco", &coco);
    convert(&coco, "voc", &voc);
    convert(&coco, "yolo", &back);
    let own =
        |folder: &Path| std::fs::read_to_string(folder.join("labels/hole.txt")).expect("labels");
    assert_eq!(own(Path::new(&back)).trim(), own(&data).trim());
    let broken = dir.path().join("back/labels/hole.txt");
    std::fs::write(&broken, "0 0.5 0.5\n").expect("written");
    std::fs::create_dir_all(dir.path().join("back/images")).expect("made");
    std::fs::copy(data.join("images/hole.jpg"), dir.path().join("back/images/hole.jpg"))
        .expect("copied");
    let output = run(&["eval", "--model", "belt-damage", "--data", &back]);
    assert!(err(&output).contains("hole.txt") && err(&output).contains('1'), "{}", err(&output));
}

#[test]
fn banks_tell_odd_pictures_from_normal_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    let bank = path(dir.path(), "surface.bank");
    let fit = run(&["fit", "datasets/mining/surface/normal", "--out", &bank]);
    assert!(fit.status.success(), "{}", err(&fit));
    assert!(out(&fit).contains("12 normals"), "{}", out(&fit));
    let rows_of = |source: &str, name: &str| {
        let result = path(dir.path(), name);
        let maps = path(dir.path(), "maps");
        let output =
            run(&["inspect", source, "--bank", &bank, "--out", &result, "--save", &maps, "-q"]);
        (output.status.code(), rows(Path::new(&result)))
    };
    let (_, odd) = rows_of("datasets/mining/surface/anomalous", "odd.jsonl");
    let score = |row: &Value| row["score"].as_f64().expect("a score");
    let output = run(&[
        "eval",
        "--bank",
        &bank,
        "--normal",
        "datasets/mining/surface/normal",
        "--anomalous",
        "datasets/mining/surface/anomalous",
        "-q",
    ]);
    // Every normal is in the bank: there is nothing left to compare with, and that is said.
    assert!(!output.status.success(), "{}", out(&output));
    let half = path(dir.path(), "half.bank");
    let fitted = run(&[
        "fit",
        "datasets/mining/surface/normal",
        "--out",
        &half,
        "--share",
        "0.5",
        "--no-calibration",
        "-q",
    ]);
    assert!(fitted.status.success(), "{}", err(&fitted));
    let output = run(&[
        "eval",
        "--bank",
        &half,
        "--normal",
        "datasets/mining/surface/normal",
        "--anomalous",
        "datasets/mining/surface/anomalous",
        "--json",
        "-q",
    ]);
    let figures: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(figures["image_auroc"].as_f64() >= Some(0.9), "{figures}");
    assert_eq!((figures["normals"].as_u64(), figures["in_bank"].as_u64()), (Some(6), Some(6)));
    assert_eq!(odd.len(), 4);
    assert!(odd.iter().all(|row| score(row) > 0.0));
    // A bank of another model is refused, and so is half a file.
    let bytes = std::fs::read(&bank).expect("a bank");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).expect("written");
    let output = run(&["inspect", "datasets/mining/surface/anomalous", "--bank", &half]);
    assert!(err(&output).contains("half.bank"), "{}", err(&output));
}
