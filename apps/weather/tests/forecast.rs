//! The program as people run it: forecasts, kills, parts, refusals.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use strata_earth::field::Header;
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::raw::{self, RawSink};
use strata_earth::sink::{Plan, Planned, Sink};
use strata_earth::source::{Limits, Source};
use strata_earth::time::Time;
use strata_testkit::kill::{Dice, Ended, kill_after};

const PLANET: &str = "idealised-dry-planet";

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/earth/tests/fixtures/models")
}

/// Analyses in hydrostatic balance, more or less, every 6 h.
fn analysis(folder: &Path, planet: &str) -> PathBuf {
    let path = folder.join("analysis.npy");
    let pressures: Vec<Level> = [850.0, 500.0, 250.0].map(Level::pressure).to_vec();
    let planned = |name: &str, unit: &str, levels: &[Level]| Planned {
        variable: name.to_owned(),
        unit: unit.to_owned(),
        levels: levels.to_vec(),
    };
    let plan = Plan {
        grid: Arc::new(Grid::regular(9, 16)),
        reference: Time::from_date(2024, 5, 1).unwrap(),
        steps: vec![0, 21_600],
        members: None,
        variables: vec![
            planned("z", "m2 s-2", &pressures),
            planned("t", "K", &pressures),
            planned("msl", "Pa", &[Level::MEAN_SEA]),
            planned("2t", "K", &[Level::height(2.0)]),
        ],
        attributes: BTreeMap::from([("planet".to_owned(), planet.to_owned())]),
    };
    let mut sink = RawSink::create(&path, &plan, false).unwrap();
    for step in plan.steps.clone() {
        for planned in &plan.variables {
            for level in &planned.levels {
                let base = match (planned.variable.as_str(), level.value as u32) {
                    ("z", 850) => 14_000.0,
                    ("z", 500) => 55_812.0,
                    ("z", _) => 104_462.0,
                    ("t", 850) => 281.0,
                    ("t", 500) => 256.0,
                    ("t", _) => 221.0,
                    ("msl", _) => 100_500.0,
                    _ => 285.0,
                };
                let values: Vec<f32> = (0..plan.grid.len())
                    .map(|point| base + (point * 7 % 11) as f32 + step as f32 / 21_600.0)
                    .collect();
                let header = Header {
                    variable: planned.variable.clone(),
                    level: *level,
                    reference: plan.reference,
                    step,
                    member: None,
                    unit: planned.unit.clone(),
                    grid: Arc::clone(&plan.grid),
                    attributes: BTreeMap::new(),
                };
                sink.write(&header, &values).unwrap();
            }
        }
    }
    Box::new(sink).finish().unwrap();
    path
}

/// The program in a folder, on that folder's analysis.
fn forecast(folder: &Path, model: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strata-weather"));
    command.current_dir(folder).arg("forecast").args([
        "--file",
        "analysis.npy",
        "--model",
        model,
        "--date",
        "20240501",
        "--time",
        "0600",
    ]);
    command.arg("--models-dir").arg(models()).args(["--num-threads", "1"]).args(more);
    command
}

fn succeeds(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut open, mut found) = (vec![folder.to_path_buf()], BTreeMap::new());
    while let Some(inner) = open.pop() {
        for entry in std::fs::read_dir(&inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_forecast_is_written_with_its_provenance() {
    let dir = tempfile::tempdir().unwrap();
    analysis(dir.path(), PLANET);
    let told = succeeds(forecast(
        dir.path(),
        "shift",
        &[
            "--lead-time",
            "48",
            "--path",
            "out-{step}.npy",
            "--metadata",
            "institution=Bureau",
            "--dump-provenance",
            "provenance.json",
        ],
    ));
    assert!(
        told.contains("not Earth weather")
            && told.contains("8 leads to 48 h from 2024-05-01T06:00:00Z, 8 runs"),
        "{told}"
    );
    for step in (6..=48).step_by(6) {
        let source =
            raw::open(&dir.path().join(format!("out-{step}.npy")), &Limits::default()).unwrap();
        assert_eq!(source.headers().len(), 8);
        let header = &source.headers()[3];
        assert_eq!((header.variable.as_str(), header.step), ("t", step * 3600));
        let facts = &header.attributes;
        assert_eq!((facts["planet"].as_str(), facts["institution"].as_str()), (PLANET, "Bureau"));
        assert!(
            facts["source"].contains("shift-24 1.0.0")
                && facts["model_sha256"].contains("model.onnx:")
        );
        assert!(
            facts["input_sha256"].starts_with("analysis.npy:")
                && facts["history"].contains("--lead-time 48")
        );
        // Added: a day 1, 6 h 1/8; the analysis of 06 UTC.
        let added = (step / 24) as f32 + (step % 24 / 6) as f32 / 8.0;
        let values = source.values(3).unwrap();
        assert_eq!(values[step as usize % 16], 281.0 + 1.0 + added);
    }
    let json = std::fs::read_to_string(dir.path().join("provenance.json")).unwrap();
    assert!(
        json.contains("\"leads_hours\"")
            && json.contains("\"step_hours\": 24")
            && json.contains("\"runs\": 8")
    );
    // Nothing else is left.
    assert_eq!(files(dir.path()).len(), 2 * 8 + 2 + 1);
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let (mut dice, seed) = Dice::from_clock();
    let asked = [
        "--steps",
        "1..72",
        "--members",
        "2",
        "--perturbation",
        "gaussian",
        "--checkpoint-every",
        "0",
        "--quiet",
    ];
    for path in ["out.nc", "out.zarr", "out.npy", "out-{step}.nc", "out-{step}-{member}.npy"] {
        let with = |more: &[&'static str]| [&asked[..], &["--path", path], more].concat();
        let whole = tempfile::tempdir().unwrap();
        analysis(whole.path(), PLANET);
        let started = std::time::Instant::now();
        succeeds(forecast(whole.path(), "shift", &with(&[])));
        let took = started.elapsed();
        let cut = tempfile::tempdir().unwrap();
        analysis(cut.path(), PLANET);
        let mut kills = 0;
        for _ in 0..10 {
            let moment = Duration::from_millis(40) + dice.moment(took / 3);
            match kill_after(&mut forecast(cut.path(), "shift", &with(&["--resume"])), moment)
                .unwrap()
            {
                Ended::Killed => kills += 1,
                Ended::ByItself(status) => assert!(status.success(), "{path}, seed {seed}"),
            }
        }
        succeeds(forecast(cut.path(), "shift", &with(&["--resume"])));
        let (expected, found) = (files(whole.path()), files(cut.path()));
        assert_eq!(
            expected.keys().collect::<Vec<_>>(),
            found.keys().collect::<Vec<_>>(),
            "{path}, seed {seed}"
        );
        for (name, bytes) in &expected {
            assert!(
                bytes == &found[name],
                "{path}: {name} differs after {kills} kills, seed {seed}"
            );
        }
        assert!(kills > 0, "{path}: no run of {took:.1?} was killed, seed {seed}");
        println!("{path}: {kills} kills of a run of {took:.1?}");
    }
}

#[test]
fn every_format_holds_the_same_forecast() {
    let dir = tempfile::tempdir().unwrap();
    analysis(dir.path(), PLANET);
    let read = |path: &str| {
        succeeds(forecast(dir.path(), "shift", &["--lead-time", "24", "--path", path]));
        let source = strata_earth::open(&dir.path().join(path), &Limits::default()).unwrap();
        let mut fields = BTreeMap::new();
        for (index, header) in source.headers().iter().enumerate() {
            assert_eq!(header.attributes.get("planet").map(String::as_str), Some(PLANET), "{path}");
            let key = (header.step, header.variable.clone(), header.level.to_string());
            fields.insert(key, source.values(index).unwrap());
        }
        fields
    };
    let plain = read("out.npy");
    assert_eq!(plain.len(), 4 * 8);
    assert_eq!(read("out.nc"), plain);
    assert_eq!(read("out.zarr"), plain);
    // A forecast is an analysis to go on from.
    let mut again = Command::new(env!("CARGO_BIN_EXE_strata-weather"));
    again
        .current_dir(dir.path())
        .args(["forecast", "--file", "out.nc", "--model", "shift", "--date", "20240502"]);
    again
        .args(["--time", "06", "--steps", "24", "--path", "more.npy", "--models-dir"])
        .arg(models());
    succeeds(again);
    let error = fails(forecast(dir.path(), "shift", &["--lead-time", "24", "--path", "out.grib"]));
    assert!(error.contains("another planet"), "{error}");
}

#[test]
fn a_model_in_parts_makes_the_same_forecast() {
    let dir = tempfile::tempdir().unwrap();
    analysis(dir.path(), PLANET);
    succeeds(forecast(dir.path(), "deep", &["--lead-time", "72", "--path", "whole.npy"]));
    let mut split = Command::new(env!("CARGO_BIN_EXE_strata-weather"));
    split
        .current_dir(dir.path())
        .args(["split", "deep-24", "--out", "parts", "--parts", "3", "--models-dir"])
        .arg(models());
    let told = succeeds(split);
    assert!(told.contains("deep-24-part3") && told.contains("passes on"), "{told}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_strata-weather"));
    command.current_dir(dir.path()).args([
        "forecast",
        "--file",
        "analysis.npy",
        "--model",
        "deep",
        "--date",
        "20240501",
        "--time",
        "6",
    ]);
    command.args(["--models-dir", "parts", "--lead-time", "72", "--path", "parts.npy"]);
    succeeds(command);
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert!(read("whole.npy") == read("parts.npy"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    analysis(dir.path(), PLANET);
    let refused = |model: &str, more: &[&str]| fails(forecast(dir.path(), model, more));
    assert!(refused("shift", &["--path", "out.xyz"]).contains(".npy"));
    assert!(refused("pangu-weather", &["--path", "out.npy"]).contains("known families: "));
    assert!(
        refused("identity", &["--steps", "6,24", "--path", "out.npy"]).contains("cannot reach 6 h")
    );
    assert!(refused("shift", &["--fields", "tp", "--path", "out.npy"]).contains("no variable tp"));
    assert!(
        refused("shift", &["--members", "3", "--perturbation", "none", "--path", "o.npy"])
            .contains("all the same")
    );
    assert!(refused("shift", &["--only-gpu", "--path", "o.npy"]).contains("cuda"));
    assert!(
        refused("shift", &["--lead-time", "24", "--resume", "--path", "no/such/folder.npy"])
            .contains("no/such")
    );
    analysis(dir.path(), "earth");
    assert!(refused("shift", &["--path", "out.npy"]).contains("earth"));
}

#[test]
fn lagged_members_come_from_earlier_analyses() {
    let dir = tempfile::tempdir().unwrap();
    analysis(dir.path(), PLANET);
    let told = succeeds(forecast(
        dir.path(),
        "shift",
        &["--lags", "6", "--steps", "24", "--fields", "t", "--path", "out.npy"],
    ));
    assert!(told.contains("2 members"), "{told}");
    let source = raw::open(&dir.path().join("out.npy"), &Limits::default()).unwrap();
    let members: Vec<Option<u32>> = source.headers().iter().map(|header| header.member).collect();
    assert_eq!(members, [Some(0), Some(0), Some(0), Some(1), Some(1), Some(1)]);
    // 24 h from 06 UTC, and 30 h from 00 UTC.
    assert_eq!(source.values(0).unwrap()[24 % 16], 281.0 + 1.0 + 1.0);
    assert_eq!(source.values(3).unwrap()[30 % 16], 281.0 + 1.125);
}

#[test]
fn a_scenario_of_one_s_own_makes_tables() {
    let dir = tempfile::tempdir().unwrap();
    analysis(dir.path(), PLANET);
    let scenario = r#"
name = "ours"
version = "1"
title = { zh = "我们的", en = "Ours" }
description = { zh = "试", en = "a try" }

[forecast]
family = "shift"
steps = "6..24/6"
path = "ours-{step}.npy"

[ensemble]
members = 3
perturbation = "gaussian"
amplitude = 0.01

[[points]]
name = "赤道"
latitude = 0.0
longitude = 22.5

[[series]]
name = "temperature"
from = ["10si", "2t", "t@850"]

[[thresholds]]
name = "warm"
series = "temperature"
above = 280.0
"#;
    std::fs::write(dir.path().join("ours.toml"), scenario).unwrap();
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strata-weather"));
        command.current_dir(dir.path()).args([
            "run",
            "ours.toml",
            "analysis.npy",
            "--out",
            "out",
            "--models-dir",
        ]);
        command
            .arg(models())
            .args(["--num-threads", "1", "--date", "20240501", "--time", "00"])
            .args(more);
        command
    };
    let told = succeeds(run(&[]));
    assert!(told.contains("我们的 (Ours)") && told.contains("ours-points.csv: 4 rows"), "{told}");
    let table = std::fs::read_to_string(dir.path().join("out/ours-points.csv")).unwrap();
    let second = table.lines().nth(2).unwrap();
    assert!(second.starts_with("赤道,temperature,2t,K,12,2024-05-01T12:00:00Z,3,"), "{table}");
    let warnings = std::fs::read_to_string(dir.path().join("out/ours-warnings.csv")).unwrap();
    assert!(warnings.contains("赤道,warm,temperature,12,2024-05-01T12:00:00Z,1.000"), "{warnings}");
    assert!(fails(run(&["--model", "pangu-weather"])).contains("known families"));
    let mut list = Command::new(env!("CARGO_BIN_EXE_strata-weather"));
    list.arg("scenarios");
    let listed = succeeds(list);
    assert!(
        ["medium-range", "typhoon-watch", "city-forecast", "wind-power"]
            .iter()
            .all(|name| listed.contains(name)),
        "{listed}"
    );
}
