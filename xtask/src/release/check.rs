//! What a person does with a release: unpack it somewhere, and run the programs, with nothing else there.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use super::archive;

/// A program of the archive and its arguments; `{out}` is an empty folder. The folder to stand in is another one, so
/// that nothing is found by chance.
struct Step {
    args: &'static [&'static str],
    /// Exit code of success.
    code: i32,
    /// A word of the output that only a real answer holds.
    says: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        args: &["strata-drug", "screen", "{top}/datasets/demo-library.smi", "--out", "{out}/s.csv"],
        code: 0,
        says: "935 rows",
    },
    Step { args: &["strata-drug", "models", "verify", "esol"], code: 0, says: "good" },
    Step { args: &["strata-mining", "run", "belt-damage"], code: 0, says: "tear" },
    Step {
        args: &["strata-gov", "ingest", "{top}/datasets/gov/laws", "--index", "{out}/office"],
        code: 0,
        says: "passages",
    },
    Step {
        args: &["strata-gov", "ask", "骑电动自行车可以带多大的孩子？", "--index", "{out}/office"],
        code: 0,
        says: "《中华人民共和国道路交通安全法》",
    },
    Step {
        args: &[
            "strata-weather",
            "forecast",
            "--model",
            "dry-planet",
            "--file",
            "{top}/datasets/weather/analysis.nc",
            "--lead-time",
            "24",
            "--path",
            "{out}/day.nc",
        ],
        code: 0,
        says: "day.nc",
    },
    Step { args: &["strata-weather", "inspect", "{out}/day.nc"], code: 0, says: "24" },
];

/// Unpacks `archive`, whose one folder is `name`, and runs every program of it.
pub(super) fn run(archive: &Path, name: &str) -> Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    archive::unpack(archive, scratch.path())?;
    let top = scratch.path().join(name);
    let (out, elsewhere) = (scratch.path().join("out"), scratch.path().join("elsewhere"));
    std::fs::create_dir_all(&out)?;
    std::fs::create_dir_all(&elsewhere)?;
    let cut_off = offline();
    println!(
        "check: {}",
        if cut_off { "without network" } else { "this system does not let us cut the network off" }
    );
    for step in STEPS {
        let fill = |text: &str| {
            text.replace("{out}", &out.to_string_lossy()).replace("{top}", &top.to_string_lossy())
        };
        let words: Vec<String> = step.args.iter().map(|word| fill(word)).collect();
        let (program, rest) = words.split_first().context("a step without a program")?;
        let mut command = if cut_off {
            let mut command = Command::new("unshare");
            command.args(["--net", "--"]).arg(top.join(program));
            command
        } else {
            Command::new(top.join(program))
        };
        // No variable of the builder's may help: not the cache, not the library, not the models.
        command.args(rest).env_clear().env("HOME", &elsewhere).current_dir(&elsewhere);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.output().with_context(|| format!("cannot run {program}"))?;
        judge(step, &output).with_context(|| format!("from the archive: {}", words.join(" ")))?;
        println!("check: ok: {}", step.args.join(" "));
    }
    Ok(())
}

fn judge(step: &Step, output: &Output) -> Result<()> {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.code() != Some(step.code) {
        bail!("{} where exit code {} is success\n{}", output.status, step.code, said.trim_end());
    }
    if !said.contains(step.says) {
        bail!("it says nothing of {:?}\n{}", step.says, said.trim_end());
    }
    Ok(())
}

/// True where a process may be started in a network of its own, which reaches nothing.
fn offline() -> bool {
    let tried = Command::new("unshare").args(["--net", "--", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn pack(folder: &Path, script: &str) -> std::path::PathBuf {
        let entries = ["strata-drug", "strata-mining", "strata-gov", "strata-weather"]
            .map(|name| {
                let path = folder.join(name);
                std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
                archive::Entry::file(name, path, true)
            })
            .into_iter()
            .collect();
        let path = folder.join("a.tar.gz");
        archive::write(&path, "strata-1", entries, 0).unwrap();
        path
    }

    #[test]
    #[cfg(unix)]
    fn programs_run_from_the_archive_and_a_silent_or_failing_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let good = pack(
            folder.path(),
            "echo '935 rows good tear passages 《中华人民共和国道路交通安全法》 day.nc 24'",
        );
        run(&good, "strata-1").unwrap();
        let silent = pack(folder.path(), "true");
        let error = format!("{:#}", run(&silent, "strata-1").unwrap_err());
        assert!(error.contains("says nothing of \"935 rows\""), "{error}");
        let failing = pack(folder.path(), "echo why >&2; exit 3");
        let error = format!("{:#}", run(&failing, "strata-1").unwrap_err());
        assert!(error.contains("why") && error.contains("screen"), "{error}");
    }
}
