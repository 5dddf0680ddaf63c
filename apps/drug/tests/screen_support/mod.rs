//! What the tests of `screen` share: running the program, a library of molecules, a tiny model.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use strata_testkit::{CardSpec, models, write_card};

/// The program under test, without the noise of a progress report.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strata-drug"));
    command.env_remove("STRATA_MODELS").env_remove("STRATA_LOG");
    command
}

/// Runs `screen` with these arguments.
pub(crate) fn screen(args: &[&str]) -> Output {
    program().arg("screen").args(args).output().expect("the program starts")
}

/// Runs `screen` and expects it to work.
pub(crate) fn screened(args: &[&str]) -> String {
    let output = screen(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs `screen` and expects it to refuse; what it says.
pub(crate) fn refused(args: &[&str]) -> String {
    let output = screen(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8 path")
}

/// The repository's own demo library.
pub(crate) fn demo_library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/demo-library.smi")
}

/// A library of `rows` molecules with distinct names, from the demo library.
pub(crate) fn library(dir: &Path, rows: usize) -> PathBuf {
    let demo = std::fs::read_to_string(demo_library()).expect("the demo library");
    let mut lines = String::new();
    for (row, line) in demo.lines().cycle().take(rows).enumerate() {
        let smiles = line.split_whitespace().next().unwrap_or("C");
        lines += &format!("{smiles}\tmol-{row}\n");
    }
    let path = dir.join("library.smi");
    std::fs::write(&path, lines).expect("a writable folder");
    path
}

/// Whether ONNX Runtime is there; says so where it is not.
pub(crate) fn has_runtime() -> bool {
    let there = strata_core::paths::ort_library().is_ok_and(|path| path.is_file());
    if !there {
        strata_testkit::skip("no ONNX Runtime library: run `cargo xtask setup`");
    }
    there
}

/// Writes a linear model of two seeds over 64 ECFP4 counts; the folder of models.
pub(crate) fn tiny_model(dir: &Path) -> PathBuf {
    tiny_model_hashed(dir, &featuriser().hash())
}

/// The featuriser of the tiny model.
pub(crate) fn featuriser() -> strata_chem::features::Featuriser {
    strata_chem::features::Featuriser::from_id("ecfp4c-64/1").expect("a known featuriser")
}

/// The same with another hash on its card.
pub(crate) fn tiny_model_hashed(dir: &Path, hash: &str) -> PathBuf {
    let folder = dir.join("models");
    let weights: Vec<f32> = (0..128).map(|at| (at % 11) as f32 * 0.03 - 0.1).collect();
    let spec = CardSpec::new("tiny").extra(&format!(
        "[[endpoints]]\nname = \"Tiny\"\ntitle = \"Made by a test\"\ntask = \"regression\"\noutput = \"y\"\n\
         columns = [0, 1]\n[endpoints.conformal]\nq90 = 2.0\nfloor = 0.1\n\
         [preprocess]\nfeaturiser = \"ecfp4c-64/1\"\nfeaturiser_hash = \"{hash}\"\n"
    ));
    write_card(&folder, &spec, &models::linear(&weights, &[0.5, 0.25])).expect("a writable folder");
    folder
}

/// A table as text: header, rows.
pub(crate) fn table(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().from_path(path).expect("a CSV file");
    let header = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let row = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
    (header, reader.records().map(|record| row(record.expect("a whole row"))).collect())
}

/// The values of a column.
pub(crate) fn column(table: &(Vec<String>, Vec<Vec<String>>), name: &str) -> Vec<String> {
    let at = table.0.iter().position(|column| column == name);
    let at = at.unwrap_or_else(|| panic!("no column {name} in {:?}", table.0));
    table.1.iter().map(|row| row[at].clone()).collect()
}
