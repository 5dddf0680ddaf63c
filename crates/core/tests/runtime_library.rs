//! The ONNX Runtime library, missing or wrong: each case in a process of its own, because a process
//! loads one library for good.

mod runtime_support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use runtime_support::ok;
use strata_core::paths;
use strata_core::runtime::Runtime;

/// Not a test: what the others run in a child process. Two threads, so that a deadlock would show.
#[test]
#[ignore = "run by the other tests in a child process"]
fn child() {
    let load = || match Runtime::global() {
        Ok(runtime) => println!("LOADED {} {}", runtime.version(), runtime.library().display()),
        Err(error) => println!("ERROR {error}"),
    };
    std::thread::scope(|scope| {
        scope.spawn(load);
        scope.spawn(load);
    });
    load();
}

/// Lines that three attempts in a child process printed; the child must end by itself and well.
fn attempts(vars: &[(&str, &Path)]) -> Vec<String> {
    let mut command = Command::new(ok(std::env::current_exe()));
    command.args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"]);
    for name in ["ORT_DYLIB_PATH", "STRATA_CACHE", "XDG_CACHE_HOME", "HOME"] {
        command.env_remove(name);
    }
    command.envs(vars.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = ok(command.spawn());
    let start = Instant::now();
    while ok(child.try_wait()).is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            ok(child.kill());
            panic!("the child hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = ok(child.wait_with_output());
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let of_ours = |line: &str| ["LOADED", "ERROR"].iter().find_map(|w| line.find(w));
    let lines: Vec<String> =
        stdout.lines().filter_map(|l| of_ours(l).map(|at| l[at..].to_owned())).collect();
    assert_eq!(lines.len(), 3, "{stdout}");
    lines
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn expect_errors(vars: &[(&str, &Path)], words: &[&str]) {
    for line in attempts(vars) {
        assert!(line.starts_with("ERROR"), "{line}");
        for word in words.iter().chain(&["ORT_DYLIB_PATH"]) {
            assert!(line.contains(word), "no {word:?} in: {line}");
        }
    }
}

#[test]
fn a_missing_library_names_the_path_and_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("no-such-library.so");
    let named = path.to_str().unwrap();
    expect_errors(&[("ORT_DYLIB_PATH", &path)], &[named, "cargo xtask setup"]);
}

#[test]
fn an_empty_cache_names_the_place_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("onnxruntime").join(paths::ORT_VERSION).join(paths::ORT_LIBRARY);
    let named = place.to_str().unwrap();
    expect_errors(&[("STRATA_CACHE", dir.path())], &[named, "cargo xtask setup"]);
    expect_errors(&[], &["STRATA_CACHE"]);
}

#[test]
fn what_is_no_library_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("text.so");
    std::fs::write(&file, "this is no library\n").unwrap();
    let named = file.to_str().unwrap();
    expect_errors(&[("ORT_DYLIB_PATH", &file)], &[named, "cargo xtask setup"]);
    let empty = dir.path().join("empty.so");
    std::fs::write(&empty, b"").unwrap();
    expect_errors(&[("ORT_DYLIB_PATH", &empty)], &["empty.so"]);
    expect_errors(&[("ORT_DYLIB_PATH", dir.path())], &["not a file"]);
}

#[test]
fn a_truncated_library_is_refused() {
    let whole = paths::ort_library().unwrap();
    let Ok(bytes) = std::fs::read(&whole) else {
        panic!("no ONNX Runtime library at {}; run `cargo xtask setup`", whole.display());
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(paths::ORT_LIBRARY);
    for length in [100, 4096, bytes.len() / 2, bytes.len() - bytes.len() / 20] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        expect_errors(&[("ORT_DYLIB_PATH", &path)], &["cargo xtask setup"]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn another_library_is_refused() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    // The C library of this very process: a sound library that isn't ONNX Runtime.
    let found = maps.lines().filter_map(|line| line.split_whitespace().last());
    let libc = found.map(PathBuf::from).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libc."))
    });
    let Some(libc) = libc else { panic!("this process has no C library") };
    expect_errors(&[("ORT_DYLIB_PATH", &libc)], &["OrtGetApiBase"]);
}

#[test]
fn the_right_library_loads_once_for_all_threads() {
    let library = paths::ort_library().unwrap();
    let lines = attempts(&[("ORT_DYLIB_PATH", &library)]);
    assert!(lines[0].starts_with("LOADED 1."), "{}", lines[0]);
    assert!(lines.iter().all(|line| *line == lines[0]), "{lines:?}");
}
