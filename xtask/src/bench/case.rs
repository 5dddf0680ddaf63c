//! A case measured: its sides in turns, round by round and size by size, their answers compared.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::record::{self, Agreement, OURS, Round};
use super::side::{self, Measured, Task};
use super::suite::{Case, Check, Kind, Peer, Words};
use super::summary;
use crate::process;

/// What every case of a suite is run with.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) suite: &'a str,
    pub(crate) root: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) words: &'a Words,
    /// Sizes of the peers' packages.
    pub(crate) disk_mb: &'a BTreeMap<String, f64>,
    /// Why there are no peers.
    pub(crate) unavailable: Option<&'a str>,
    pub(crate) quick: bool,
}

/// Runs a case. What goes wrong in a side is in the record; an error is of the harness.
pub(crate) fn run(case: &Case, place: &Place<'_>) -> Result<record::Case> {
    let mut kept = record::Case {
        name: case.name.clone(),
        title: case.title.clone(),
        unit: case.unit.clone(),
        threads: case.threads,
        size: case.main_size(place.quick),
        ..record::Case::default()
    };
    if let Some(why) = skipped(case, place)? {
        println!("[{}] {}: skipped: {why}", place.suite, case.name);
        kept.skipped = Some(why);
        return Ok(kept);
    }
    if !case.peers.is_empty() {
        kept.unavailable = place.unavailable.map(str::to_owned);
    }
    let mut runner = Runner { case, place, kept };
    for size in case.all_sizes(place.quick) {
        if let Err(error) = runner.prepare(size) {
            let why = format!("what it needs cannot be made: {error:#}");
            eprintln!("[{}] {}: {why}", place.suite, case.name);
            runner.kept.failed.insert(OURS.to_owned(), place.words.hide(&why));
            break;
        }
        for round in 0..case.rounds_of(size, place.quick) {
            runner.round(size, round)?;
        }
    }
    let mut kept = runner.kept;
    if case.kind == Kind::Report {
        kept.figures = kept.rounds.pop().map(|round| round.inner);
    }
    summary::fill(&mut kept);
    disk(case, place, &mut kept)?;
    Ok(kept)
}

fn skipped(case: &Case, place: &Place<'_>) -> Result<Option<String>> {
    for need in &case.needs {
        let path = place.words.fill(need)?;
        if !Path::new(&path).exists() {
            return Ok(Some(format!("there is no {need}")));
        }
    }
    let in_python = case.ours.iter().any(|word| word.contains("{python}"));
    Ok(place.unavailable.filter(|_| in_python).map(str::to_owned))
}

struct Runner<'a> {
    case: &'a Case,
    place: &'a Place<'a>,
    kept: record::Case,
}

/// A side as it is run in a round.
struct Turn<'a> {
    name: &'a str,
    words: &'a [String],
    peer: Option<&'a Peer>,
}

impl Runner<'_> {
    fn round(&mut self, size: Option<u64>, round: usize) -> Result<()> {
        let case = self.case;
        let compared = size == self.kept.size;
        let peers = case.peers.iter().filter(|peer| {
            let runs =
                peer.sizes.as_ref().is_none_or(|sizes| size.is_some_and(|s| sizes.contains(&s)));
            self.place.unavailable.is_none() && (compared || runs)
        });
        let peers = peers.map(|peer| Turn { name: &peer.name, words: &peer.run, peer: Some(peer) });
        let ours = Turn { name: OURS, words: &case.ours, peer: None };
        let mut turns: Vec<Turn<'_>> = std::iter::once(ours).chain(peers).collect();
        // Who goes first changes, so that a machine that slows down or speeds up favours nobody.
        let first = round % turns.len();
        turns.rotate_left(first);
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(self.place.target)?;
        for (number, turn) in turns.iter().enumerate() {
            if self.kept.failed.contains_key(turn.name) {
                continue;
            }
            let out = folder.path().join(number.to_string());
            std::fs::create_dir(&out)?;
            let label = self.label(size, round, turn.name);
            match self.side(turn, size, &out) {
                Ok(measured) => {
                    println!(
                        "{label}: {:.3} s, {:.3} s of processors, {} MB",
                        measured.wall_s,
                        measured.cpu_s,
                        measured.peak_kb / 1024
                    );
                    self.kept.rounds.push(of(turn.name, size, round, measured));
                }
                Err(error) => {
                    eprintln!("{label}: {error:#}");
                    let why = self.place.words.hide(&format!("{error:#}"));
                    self.kept.failed.insert(turn.name.to_owned(), why);
                }
            }
        }
        if compared {
            self.compare(&turns, folder.path())?;
        }
        Ok(())
    }

    /// Makes what the sides need and is not there yet.
    fn prepare(&self, size: Option<u64>) -> Result<()> {
        for prepare in &self.case.prepare {
            let in_python = prepare.run.iter().any(|word| word.contains("{python}"));
            if in_python && self.place.unavailable.is_some() {
                continue;
            }
            let mut words = self.words(size);
            let path = PathBuf::from(words.fill(&prepare.makes)?);
            if path.exists() {
                continue;
            }
            let folder = path.parent().context("it has no folder")?;
            std::fs::create_dir_all(folder)?;
            // In a folder of its own: some programs judge a file by the end of its name.
            let beside = tempfile::Builder::new().prefix("making-").tempdir_in(folder)?;
            let made = beside.path().join(path.file_name().context("it has no name")?);
            words.set("made", made.display().to_string());
            let run: Vec<String> =
                prepare.run.iter().map(|word| words.fill(word)).collect::<Result<_>>()?;
            println!("[{}] {}: making {}", self.place.suite, self.case.name, path.display());
            let (program, arguments) = run.split_first().context("no program")?;
            process::capture(Command::new(program).args(arguments).current_dir(self.place.root))?;
            std::fs::rename(&made, &path).with_context(|| made.display().to_string())?;
        }
        Ok(())
    }

    /// The words of a suite with those of this case at this size.
    fn words(&self, size: Option<u64>) -> Words {
        let mut words = self.place.words.clone();
        words.set("threads", self.case.threads.to_string());
        if let Some(size) = size {
            words.set("size", size.to_string());
        }
        words
    }

    fn label(&self, size: Option<u64>, round: usize, side: &str) -> String {
        let amount = size.map(|size| format!(" size {size},")).unwrap_or_default();
        let rounds = self.case.rounds_of(size, self.place.quick);
        format!(
            "[{}] {}:{amount} round {}/{rounds}, {side}",
            self.place.suite,
            self.case.name,
            round + 1
        )
    }

    fn side(&self, turn: &Turn<'_>, size: Option<u64>, out: &Path) -> Result<Measured> {
        let mut words = self.words(size);
        words.set("out", out.display().to_string());
        words.set("answers", answers_in(out).display().to_string());
        if turn.words.iter().any(|word| word.contains("{port}")) {
            words.set("port", free_port()?.to_string());
        }
        let env = self.case.env.iter().map(|(name, value)| Ok((name.clone(), words.fill(value)?)));
        side::run(&Task {
            words: turn.words.iter().map(|word| words.fill(word)).collect::<Result<_>>()?,
            root: self.place.root,
            env: &env.collect::<Result<_>>()?,
            threads: self.case.threads,
            timeout: Duration::from_secs(self.case.timeout_s),
            out: out.to_owned(),
            loud: self.case.kind == Kind::Report,
        })
    }

    /// Compares what the sides of a round answered; of several rounds the worst is kept.
    fn compare(&mut self, turns: &[Turn<'_>], folder: &Path) -> Result<()> {
        let Some(check) = &self.case.check else { return Ok(()) };
        let place = |name: &str| turns.iter().position(|turn| turn.name == name);
        let Some(ours) = place(OURS).map(|number| folder.join(number.to_string())) else {
            return Ok(());
        };
        for (number, turn) in turns.iter().enumerate() {
            let failed = |name: &str| self.kept.failed.contains_key(name);
            if turn.peer.is_none_or(|peer| !peer.checked) || failed(turn.name) || failed(OURS) {
                continue;
            }
            let theirs = folder.join(number.to_string());
            let found = agreement(check, &answers_in(&ours), &answers_in(&theirs))?;
            if !found.agree {
                let note = found.note.as_deref().unwrap_or_default();
                eprintln!(
                    "[{}] {}: {} answers otherwise: {note}",
                    self.place.suite, self.case.name, turn.name
                );
            }
            let kept =
                self.kept.agreement.entry(turn.name.to_owned()).or_insert_with(|| found.clone());
            if found.within < kept.within || !found.agree {
                *kept = found;
            }
        }
        Ok(())
    }
}

fn answers_in(out: &Path) -> PathBuf {
    out.join("answers.json")
}

/// Asks a process of its own: see [`super::answers::agreement_of_files`].
fn agreement(check: &Check, ours: &Path, theirs: &Path) -> Result<Agreement> {
    let mut command = Command::new(own_program()?);
    command.args(["bench", "--agreement", &serde_json::to_string(check)?]).arg(ours).arg(theirs);
    match process::capture(&mut command) {
        Ok(text) => serde_json::from_str(&text).context("the comparison printed no agreement"),
        // A side that wrote no answers, or no JSON.
        Err(error) => Ok(Agreement { note: Some(format!("{error:#}")), ..Agreement::default() }),
    }
}

/// This program, also where its file was replaced while it runs.
fn own_program() -> Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { Ok(std::env::current_exe()?) }
}

fn of(side: &str, size: Option<u64>, round: usize, measured: Measured) -> Round {
    let Measured { wall_s, cpu_s, peak_kb, inner } = measured;
    let milli = |seconds: f64| (seconds * 1e4).round() / 1e4;
    Round {
        side: side.to_owned(),
        size,
        round,
        wall_s: milli(wall_s),
        cpu_s: milli(cpu_s),
        peak_kb,
        inner,
    }
}

/// A port that nobody listens on now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// What each side needs on a disk, where the case says what that is for ours.
fn disk(case: &Case, place: &Place<'_>, kept: &mut record::Case) -> Result<()> {
    if case.disk.is_empty() {
        return Ok(());
    }
    let paths: Vec<String> =
        case.disk.iter().map(|path| place.words.fill(path)).collect::<Result<_>>()?;
    let sizes: Result<Vec<u64>> = paths.iter().map(|path| tree_bytes(Path::new(path))).collect();
    if let Err(error) = &sizes {
        eprintln!("[{}] {}: no size on the disk: {error:#}", place.suite, case.name);
    }
    let ours = sizes.ok().map(|sizes| (sizes.iter().sum::<u64>() as f64 / 1e5).round() / 10.0);
    for (name, side) in &mut kept.sides {
        side.disk_mb = match case.peers.iter().find(|peer| peer.name == *name) {
            Some(peer) => {
                peer.package.as_ref().and_then(|package| place.disk_mb.get(package)).copied()
            }
            None => ours,
        };
    }
    Ok(())
}

/// Bytes of a file, or of all files below a folder.
fn tree_bytes(path: &Path) -> Result<u64> {
    let about = std::fs::metadata(path).with_context(|| path.display().to_string())?;
    if about.is_file() {
        return Ok(about.len());
    }
    if !about.is_dir() {
        bail!("neither file nor folder");
    }
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        sum += tree_bytes(&entry?.path())?;
    }
    Ok(sum)
}

/// The number under a key of an object, where it is one.
pub(crate) fn number(object: &Value, key: &str) -> Option<f64> {
    object.get(key)?.as_f64()
}
