//! The machine that figures were measured on, and the moment.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};
use strata_core::calendar::civil_from_days;

use crate::process;

/// What the figures depend on. What a machine does not tell is null.
pub(crate) fn machine(root: &Path) -> Value {
    let first_line = |command: &mut Command| {
        let text = process::capture(command.current_dir(root)).ok()?;
        text.lines().next().map(str::to_owned)
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("model name"))?;
        line.split_once(':').map(|(_, name)| name.trim().to_owned())
    });
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemTotal"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    json!({
        "cpu": cpu,
        "load": load(),
        "cores": std::thread::available_parallelism().map(usize::from).ok(),
        "memory_kb": memory,
        "os": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "rustc": first_line(Command::new("rustc").arg("--version")),
        "revision": first_line(Command::new("git").args(["rev-parse", "HEAD"])),
        "changed": process::capture(Command::new("git").args(["status", "--porcelain"]).current_dir(root))
            .ok().map(|text| !text.trim().is_empty()),
    })
}

/// Processes that run or wait for a processor, averaged over a minute.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// The kind of machine in a word and its cores, for the name of a folder: `xeon-2c`.
pub(crate) fn slug(machine: &Value) -> String {
    let cpu = machine["cpu"].as_str().unwrap_or_default().to_lowercase();
    let known = ["xeon", "epyc", "ryzen", "core", "neoverse", "graviton", "apple"];
    let word = known.iter().find(|word| cpu.contains(**word));
    let word = word.copied().unwrap_or(std::env::consts::ARCH);
    format!("{word}-{}c", machine["cores"].as_u64().unwrap_or(0))
}

pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Seconds since 1970 as `2026-11-23T15:04:05Z`.
pub(crate) fn utc(seconds: u64) -> String {
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(i64::try_from(days).unwrap_or(0));
    let (h, m, s) = (clock / 3_600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(1_709_164_799), "2024-02-28T23:59:59Z");
        assert_eq!(utc(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(utc(1_709_251_200), "2024-03-01T00:00:00Z");
        assert_eq!(utc(1_798_761_599), "2026-12-31T23:59:59Z");
    }

    #[test]
    fn the_machine_names_its_cores_and_compiler() {
        let machine = machine(&workspace::root().unwrap());
        assert!(machine["cores"].as_u64().unwrap() > 0);
        assert!(machine["rustc"].as_str().unwrap().starts_with("rustc "));
    }

    #[test]
    fn machines_are_named_after_their_kind() {
        let of = |cpu: &str| slug(&json!({ "cpu": cpu, "cores": 2 }));
        assert_eq!(of("Intel(R) Xeon(R) Processor @ 2.10GHz"), "xeon-2c");
        assert_eq!(of("AMD EPYC 7B13"), "epyc-2c");
        assert_eq!(of("of nobody"), format!("{}-2c", std::env::consts::ARCH));
    }
}
