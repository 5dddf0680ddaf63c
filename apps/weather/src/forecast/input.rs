//! The analysis: files through the gate into states, and what they are told apart by.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use strata_core::verify::sha256_of;
use strata_earth::card::Contract;
use strata_earth::gate;
use strata_earth::memory_source::MemorySource;
use strata_earth::npy;
use strata_earth::raw;
use strata_earth::regrid::Method;
use strata_earth::rollout::Input;
use strata_earth::source::{Limits, Source};
use strata_earth::state::State;
use strata_earth::time::Time;

/// States of an analysis: the one asked for, and those of lagged members.
pub(super) struct Analysis {
    pub(super) states: Vec<State>,
    pub(super) repairs: Vec<String>,
    pub(super) inputs: Vec<Input>,
}

/// Reads an analysis.
pub(super) fn read(
    files: &[PathBuf],
    contract: &Contract,
    time: Option<Time>,
    regrid: Option<Method>,
    lags: &[u32],
) -> anyhow::Result<Analysis> {
    let source = open_all(files, contract, time)?;
    let mut analysis = Analysis { states: Vec::new(), repairs: Vec::new(), inputs: Vec::new() };
    for lag in std::iter::once(0).chain(lags.iter().copied()) {
        let at = match (analysis.states.first(), time) {
            // Lags count from the latest.
            (Some(first), _) => Some(first.reference.plus_hours(-i64::from(lag))),
            (None, Some(time)) => Some(time),
            (None, None) if lags.is_empty() => None,
            (None, None) => bail!(
                "a lagged ensemble needs the time of its latest analysis: give --date and --time"
            ),
        };
        let options = gate::Options { time: at, member: None, regrid };
        let (state, report) = gate::prepare(source.as_ref(), contract, &options)
            .with_context(|| format!("{} cannot be used", names(files)))?;
        for repair in report.repairs.iter().map(ToString::to_string) {
            if !analysis.repairs.contains(&repair) {
                analysis.repairs.push(repair);
            }
        }
        analysis.states.push(state);
    }
    for file in files {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        analysis.inputs.push(Input { file: name, sha256: digest(file)? });
    }
    Ok(analysis)
}

fn names(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// One source of all files.
fn open_all(
    files: &[PathBuf],
    contract: &Contract,
    time: Option<Time>,
) -> anyhow::Result<Box<dyn Source>> {
    let limits = Limits::default();
    let bare = |file: &PathBuf| {
        let array = file.extension().is_some_and(|ending| ending == "npy" || ending == "npz");
        array && !raw::side(file).is_file()
    };
    if !files.is_empty() && files.iter().all(bare) {
        // Arrays of a model's inputs say neither what nor when they are.
        let time = time.context("arrays do not say their time: give --date and --time")?;
        return Ok(Box::new(npy::state(contract, files, time, &limits)?));
    }
    match files {
        [] => bail!("give the analysis with --file"),
        [file] => open(file, &limits),
        several => {
            let mut all = MemorySource::default();
            for file in several {
                let source = open(file, &limits)?;
                for index in 0..source.headers().len() {
                    all.push(source.field(index)?);
                }
            }
            Ok(Box::new(all))
        }
    }
}

/// Opens a file by what it is.
///
/// # Errors
/// A file that is none.
pub fn open(file: &Path, limits: &Limits) -> anyhow::Result<Box<dyn Source>> {
    Ok(strata_earth::open(file, limits)?)
}

/// SHA-256 of a file; of a folder's files with their names, one after the other in order.
///
/// # Errors
/// Where something cannot be read.
pub fn digest(path: &Path) -> anyhow::Result<String> {
    let read = |path: &Path| -> anyhow::Result<String> {
        let file =
            std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(sha256_of(file)?)
    };
    if !path.is_dir() {
        return read(path);
    }
    let (mut open, mut files) = (vec![path.to_path_buf()], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?
        {
            let entry = entry?.path();
            if entry.is_dir() { open.push(entry) } else { files.push(entry) }
        }
    }
    files.sort();
    let mut lines = String::new();
    for file in files {
        let name = file.strip_prefix(path).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        lines += &format!("{}  {name}\n", read(&file)?);
    }
    Ok(sha256_of(lines.as_bytes())?)
}
