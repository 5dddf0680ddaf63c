//! One side's program, run once: what it printed, and what its process took.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use wait4::Wait4;

use super::venv::last_lines;
use crate::process;

/// The variable that tells a side when it was started, in seconds since 1970: with it a program can say how long its first
/// answer took, the start of its process included.
pub(crate) const STARTED: &str = "STRATA_BENCH_STARTED";

/// Variables by which numeric libraries are told how many threads they may have.
const THREADS: [&str; 7] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
];

/// Variables by which a machine's owner forces kernels on numeric libraries: a peer shall run as it is made to.
const FORCED: [&str; 3] = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE"];

/// How often a running side is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What is run, and how.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) words: Vec<String>,
    pub(crate) root: &'a Path,
    pub(crate) env: &'a BTreeMap<String, String>,
    pub(crate) threads: usize,
    pub(crate) timeout: Duration,
    /// An empty folder for what it writes.
    pub(crate) out: PathBuf,
    /// Whether its standard error goes to ours.
    pub(crate) loud: bool,
}

/// What a process took, with the last object it printed.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) peak_kb: u64,
    pub(crate) inner: Value,
}

/// Runs a side's program to its end.
///
/// # Errors
/// It could not be started, ended with an error (its last words are in the message), ran too long, or printed no object.
pub(crate) fn run(task: &Task<'_>) -> Result<Measured> {
    let (stdout, stderr) = (task.out.join("stdout"), task.out.join("stderr"));
    let mut command = command(task)?;
    // Files, not pipes: a program that prints much must not wait for us.
    command.stdout(File::create(&stdout)?).stdin(Stdio::null());
    if !task.loud {
        command.stderr(File::create(&stderr)?);
    }
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    command.env(STARTED, since_1970.as_secs_f64().to_string());
    let start = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run `{}`: is it built?", process::shown(&command)))?;
    let used = loop {
        if let Some(used) = child.try_wait4()? {
            break used;
        }
        if start.elapsed() > task.timeout {
            child.kill()?;
            child.wait()?;
            bail!("it was ended after {} s", task.timeout.as_secs());
        }
        std::thread::sleep(LOOK);
    };
    let wall_s = start.elapsed().as_secs_f64();
    let printed = std::fs::read(&stdout)?;
    let printed = String::from_utf8_lossy(&printed);
    if !used.status.success() {
        let said = std::fs::read(&stderr).unwrap_or_default();
        let said = last_lines(&String::from_utf8_lossy(&said), 6);
        let said = if said.is_empty() { last_lines(&printed, 3) } else { said };
        bail!("`{}` ended with {}: {said}", process::shown(&command), used.status);
    }
    Ok(Measured {
        wall_s,
        cpu_s: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        peak_kb: used.rusage.maxrss / 1024,
        inner: last_object(&printed).with_context(|| format!("`{}`", process::shown(&command)))?,
    })
}

fn command(task: &Task<'_>) -> Result<Command> {
    let (program, arguments) = task.words.split_first().context("no program")?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(task.root);
    let threads = task.threads.to_string();
    command.envs(THREADS.iter().map(|name| (*name, &threads)));
    for name in FORCED {
        command.env_remove(name);
    }
    // Nothing may be looked for on a network while it is measured.
    command.env("HF_HUB_OFFLINE", "1").envs(task.env);
    Ok(command)
}

/// The last line that is a JSON object.
fn last_object(text: &str) -> Result<Value> {
    let objects = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    objects.into_iter().find(Value::is_object).context("it printed no JSON object")
}

#[cfg(unix)] // The programs are of a shell.
#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str, out: &Path, timeout: Duration) -> Result<Measured> {
        let env = BTreeMap::from([("COLOUR".to_owned(), "red".to_owned())]);
        let words = ["sh", "-c", text].map(str::to_owned).to_vec();
        run(&Task {
            words,
            root: out,
            env: &env,
            threads: 3,
            timeout,
            out: out.to_owned(),
            loud: false,
        })
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_side_is_measured_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let text = "i=0; (while [ $i -lt 200000 ]; do i=$((i+1)); done); echo x; \
            echo \"{\\\"threads\\\": $OMP_NUM_THREADS, \\\"colour\\\": \\\"$COLOUR\\\", \\\"at\\\": $STRATA_BENCH_STARTED}\"";
        let measured = shell(text, folder.path(), LONG).unwrap();
        assert_eq!(measured.inner["threads"], 3);
        assert_eq!(measured.inner["colour"], "red");
        assert!(measured.inner["at"].as_f64().unwrap() > 1.7e9);
        assert!(measured.cpu_s > 0.01, "the loop ran in a child of the child: {measured:?}");
        assert!(measured.wall_s > 0.0 && measured.peak_kb > 100);
    }

    #[test]
    fn what_goes_wrong_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let fails =
            |text: &str, timeout| format!("{:#}", shell(text, folder.path(), timeout).unwrap_err());
        assert!(fails("echo no such model >&2; exit 3", LONG).contains("no such model"));
        assert!(fails("echo 12 ms", LONG).contains("no JSON object"));
        assert!(fails("exec sleep 60", Duration::from_millis(50)).contains("ended after 0 s"));
        let env = BTreeMap::new();
        let words = vec!["no-such-program-here".to_owned()];
        let out = folder.path().to_owned();
        let task = Task {
            words,
            root: folder.path(),
            env: &env,
            threads: 1,
            timeout: LONG,
            out,
            loud: true,
        };
        assert!(format!("{:#}", run(&task).unwrap_err()).contains("no-such-program-here"));
    }

    #[test]
    fn the_last_object_counts() {
        assert_eq!(last_object("{\"a\":1}\n{\"a\":2}\nbye\n3\n").unwrap()["a"], 2);
        assert!(last_object("[1]\n").is_err());
    }
}
