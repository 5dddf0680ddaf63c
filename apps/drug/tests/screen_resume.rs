//! A killed screening goes on where it was, and ends in the same bytes.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

mod screen_support;

use std::time::{Duration, Instant};

use screen_support::{has_runtime, library, program, refused, screened, text, tiny_model};
use strata_testkit::kill::{Dice, Ended, kill_after};

/// Ten kills at random moments, then a resume that runs through: the same files as without a kill.
#[test]
fn ten_kills_then_resume_give_the_same_bytes() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let input = library(dir.path(), 3000);
    let models = tiny_model(dir.path());
    let whole = dir.path().join("whole.csv");
    let common = ["--models", "tiny", "--models-dir", text(&models), "--threads", "2", "-q"];
    let started = Instant::now();
    screened(&[&[text(&input), "--out", text(&whole)], &common[..]].concat());
    let full = started.elapsed();
    for format in ["csv", "parquet"] {
        let whole = dir.path().join(format!("whole.{format}"));
        if !whole.exists() {
            screened(&[&[text(&input), "--out", text(&whole)], &common[..]].concat());
        }
        let out = dir.path().join(format!("killed.{format}"));
        let args = [&[text(&input), "--out", text(&out), "--resume"], &common[..]].concat();
        let (mut dice, seed) = Dice::from_clock();
        let mut most = full;
        let mut killed = 0;
        while killed < 10 {
            match kill_after(program().arg("screen").args(&args), dice.moment(most)).unwrap() {
                Ended::Killed => killed += 1,
                Ended::ByItself(status) => {
                    // Through before the moment came: once more from the start, and sooner.
                    assert!(status.success(), "seed {seed}");
                    std::fs::remove_file(&out).unwrap();
                    most = most.mul_f64(0.8);
                }
            }
        }
        screened(&args);
        assert!(
            std::fs::read(&whole).unwrap() == std::fs::read(&out).unwrap(),
            "{format} differs after the kills: seed {seed}"
        );
        assert!(!dir.path().join(format!("killed.{format}.partial")).exists());
        assert!(!dir.path().join(format!("killed.{format}.tmp")).exists());
    }
    let whole = dir.path().join("whole.csv.provenance.json");
    let killed = dir.path().join("killed.csv.provenance.json");
    assert_eq!(std::fs::read(whole).unwrap(), std::fs::read(killed).unwrap());
}

/// Leaves an unfinished run of some rows.
fn unfinished(input: &std::path::Path, out: &std::path::Path) {
    let journal = out.with_extension("csv.partial");
    let args = [text(input), "--out", text(out), "--models", "none", "--threads", "1", "-q"];
    for attempt in 1..=20 {
        let _ = std::fs::remove_file(&journal);
        let _ = std::fs::remove_file(out);
        let mut child = program().arg("screen").args(args).spawn().unwrap();
        let started = Instant::now();
        // Until the first chunks are in the journal.
        while std::fs::metadata(&journal).map_or(0, |meta| meta.len()) < 100_000
            && started.elapsed() < Duration::from_secs(60)
            && child.try_wait().unwrap().is_none()
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if journal.exists() {
            return;
        }
        eprintln!("attempt {attempt} was through before it could be killed");
    }
    panic!("the run was always through before it could be killed");
}

#[test]
fn an_unfinished_run_is_neither_lost_nor_mixed_with_another() {
    let dir = tempfile::tempdir().unwrap();
    let input = library(dir.path(), 6000);
    let out = dir.path().join("out.csv");
    unfinished(&input, &out);
    let base = [text(&input), "--out", text(&out), "--models", "none", "-q"];
    let error = refused(&base);
    assert!(error.contains("--resume") && error.contains("--overwrite"), "{error}");
    let resume = [&base[..], &["--resume"]].concat();
    let other = [&resume[..], &["--profile", "cns-penetration"]].concat();
    let error = refused(&other);
    assert!(error.contains("scenario") && error.contains("other settings"), "{error}");
    // Another first molecule: what is done does not belong to this input.
    let lines = std::fs::read_to_string(&input).unwrap();
    std::fs::write(&input, lines.replacen("CC", "CCC", 1)).unwrap();
    let error = refused(&resume);
    assert!(error.contains("the input changed"), "{error}");
    std::fs::write(&input, lines).unwrap();
    screened(&resume);
    let first = std::fs::read(&out).unwrap();
    // Resuming what is complete changes nothing and is no error.
    assert!(screened(&resume).is_empty());
    let error = refused(&base);
    assert!(error.contains("exists already") && error.contains("--overwrite"), "{error}");
    screened(&[&base[..], &["--overwrite"]].concat());
    assert!(first == std::fs::read(&out).unwrap());
}

#[test]
#[cfg(unix)]
fn ctrl_c_keeps_what_is_done_and_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let input = library(dir.path(), 20_000);
    let out = dir.path().join("out.csv");
    let args = [text(&input), "--out", text(&out), "--models", "none", "--threads", "1"];
    let child =
        program().arg("screen").args(args).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let journal = dir.path().join("out.csv.partial");
    let started = Instant::now();
    while std::fs::metadata(&journal).map_or(0, |meta| meta.len()) < 50_000 {
        assert!(started.elapsed() < Duration::from_secs(60), "no chunk was written");
        std::thread::sleep(Duration::from_millis(2));
    }
    let interrupt =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{error}");
    assert!(error.contains("--resume"), "{error}");
    // Where standard error is no terminal, progress comes as JSON.
    let line = error.lines().next().unwrap();
    let progress: serde_json::Value = serde_json::from_str(line).expect(line);
    assert_eq!(progress["event"], "progress");
    assert!(journal.exists() && !out.exists());
}
