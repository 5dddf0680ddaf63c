//! What the tests of the whole program share: the program, an index of the sample documents, and the tasks' files.
#![allow(dead_code, unused_imports, reason = "each test program uses a part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
pub(crate) use strata_testkit::serve::text;

/// The day that the sample questions are meant for.
pub(crate) const DAY: &str = "2025-06-01";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// A file or folder of the sample documents.
pub(crate) fn sample(name: &str) -> PathBuf {
    root().join("datasets/gov").join(name)
}

/// The program under test, without settings from outside.
pub(crate) fn program() -> Command {
    let mut command = strata_testkit::serve::program(env!("CARGO_BIN_EXE_strata-gov"));
    command.current_dir(root());
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
    program().args(args).output().expect("the program starts")
}

/// Runs a command and expects it to end with this code; what it says.
pub(crate) fn ended(code: i32, args: &[&str]) -> String {
    let output = run(args);
    let (stdout, stderr) = (out(&output), err(&output));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stdout}{stderr}");
    stdout
}

/// Runs a command and expects it to work; what it says.
pub(crate) fn ran(args: &[&str]) -> String {
    ended(0, args)
}

/// Runs a command and expects JSON.
pub(crate) fn json(code: i32, args: &[&str]) -> Value {
    let text = ended(code, args);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The objects of a file of JSON lines.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Ingests into an index that is searched by words alone; the report.
pub(crate) fn ingest(index: &Path, paths: &[&Path], more: &[&str]) -> Value {
    let report = index.with_extension("report.json");
    let mut args = vec!["ingest", "--quiet", "--index", text(index), "--report", text(&report)];
    if !more.contains(&"--retriever") {
        args.extend(["--retriever", "none"]);
    }
    args.extend(paths.iter().map(|path| text(path)));
    args.extend(more);
    ran(&args);
    let bytes = std::fs::read(&report).expect("a report");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// A count over all files of a report.
pub(crate) fn total(report: &Value, key: &str) -> u64 {
    let files = report["files"].as_object().expect("files");
    files.values().map(|file| file[key].as_u64().expect("a count")).sum()
}

fn corpus(name: &str, retriever: &str) -> PathBuf {
    // Beside the other test programs' own: each makes its index anew once.
    let program = std::env::current_exe().expect("this program");
    let program = program.file_stem().expect("a name").to_string_lossy().into_owned();
    let index = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{program}-{name}"));
    let _ = std::fs::remove_dir_all(&index);
    let folders = ["laws", "notices", "guides", "hotline/cases.jsonl"].map(sample);
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    ingest(&index, &folders, &["--retriever", retriever]);
    index
}

/// An index of the sample documents, searched by words alone. Not to be written to: see [`copy`].
pub(crate) fn words() -> &'static Path {
    static INDEX: OnceLock<PathBuf> = OnceLock::new();
    INDEX.get_or_init(|| corpus("words", "none"))
}

/// An index of the sample documents with the shipped model's vectors; none, and said so, where no model can run.
pub(crate) fn vectors() -> Option<&'static Path> {
    static INDEX: OnceLock<PathBuf> = OnceLock::new();
    has_models().then(|| INDEX.get_or_init(|| corpus("vectors", "gov-retriever")).as_path())
}

/// Whether the shipped models can run; says so where they cannot.
pub(crate) fn has_models() -> bool {
    let there = strata_core::paths::ort_library().is_ok_and(|path| path.is_file());
    if !there {
        strata_testkit::skip("no ONNX Runtime library: run `cargo xtask setup`");
    }
    there
}

/// A copy of an index, to be written to.
pub(crate) fn copy(index: &Path, dir: &Path) -> PathBuf {
    let copy = dir.join("index");
    std::fs::create_dir_all(&copy).expect("a writable folder");
    for entry in std::fs::read_dir(index).expect("an index") {
        let entry = entry.expect("an entry");
        assert!(entry.file_type().expect("a kind").is_file(), "an index is flat");
        std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
    }
    copy
}

/// The file of a built-in scenario, with some of its lines another.
pub(crate) fn scenario(dir: &Path, name: &str, change: &[(&str, &str)]) -> PathBuf {
    let mut text = ran(&["scenarios", name]);
    for (from, to) in change {
        assert!(text.contains(from), "{name} has no {from:?}");
        text = text.replace(from, to);
    }
    let file = dir.join(format!("{name}.toml"));
    std::fs::write(&file, text).expect("written");
    file
}

/// A scenario's file that needs no model: whole passages are the answers, and little is refused.
pub(crate) fn plain(dir: &Path, name: &str) -> PathBuf {
    // A service's own words are few: its scenario refuses less.
    let shipped = match name {
        "service-guide" => "refuse_below = 0.4",
        _ => "refuse_below = 0.5",
    };
    let change = [
        ("retriever = \"gov-retriever\"\n", ""),
        ("reader = \"gov-reader\"\n", ""),
        (shipped, "refuse_below = 0.15"),
    ];
    scenario(dir, name, &change)
}
