//! Trackers on vortices whose paths are known, and best-track files.
#![allow(clippy::unwrap_used, reason = "tests")]

mod free;
mod known;
mod vortices;

use strata_earth::track::hurdat;

/// The National Hurricane Center's file: every line comes back as it was, but for blanks at its end.
#[test]
fn hurdat2_comes_back_byte_for_byte() {
    let Some(shared) = std::env::var_os("STRATA_SHARED") else {
        eprintln!("skipped: STRATA_SHARED is not set");
        return;
    };
    let path = "data/weather/hurdat2/hurricane_ai/data/source/hurdat2.txt";
    let text = std::fs::read_to_string(std::path::Path::new(&shared).join(path)).unwrap();
    let lines: String = text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
    let storms = hurdat::read(&text).unwrap();
    assert_eq!(storms.len(), 798);
    assert_eq!(storms.iter().map(|storm| storm.entries.len()).sum::<usize>(), 21_509);
    let written = hurdat::write(&storms);
    let differs = lines.lines().zip(written.lines()).position(|(a, b)| a != b);
    assert_eq!(differs.map(|at| (lines.lines().nth(at), written.lines().nth(at))), None);
    assert_eq!(written, lines);
    // Katrina's landfall in Louisiana: 2005-08-29 11:10, 110 kt, 920 hPa.
    let katrina = storms.iter().find(|storm| storm.id == "AL122005").unwrap().track();
    let landfall = strata_earth::time::Time::parse("2005-08-29T11:10").unwrap();
    let fix = katrina.fixes.iter().find(|fix| fix.time == landfall).unwrap();
    assert_eq!((katrina.name.as_str(), fix.pressure), ("KATRINA", Some(92_000.0)));
    assert!((fix.wind.unwrap() / hurdat::KNOT - 110.0).abs() < 1e-9);
}
