//! Runs a target for a time on seeds changed at random: `blind TARGET SECONDS FINDINGS`. It prints what libFuzzer prints at its
//! end; what is found wrong, takes too long or too much memory is written to the folder FINDINGS.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a program for people")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use strata_fuzz::mutate::Mutator;
use strata_fuzz::{TARGETS, corpus, guard};

/// Longest time for one input, on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);
/// Findings kept that have the same words.
const ALIKE: u32 = 2;

/// What the last panic said.
static SAID: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, seconds, findings] = &words[..] else { return usage() };
    let target = TARGETS.iter().find(|(known, _)| known == name);
    let about = corpus::targets().into_iter().find(|about| about.name == *name);
    let (Some((_, run)), Some(about), Ok(seconds)) = (target, about, seconds.parse()) else {
        return usage();
    };
    std::panic::set_hook(Box::new(|about| {
        *SAID.lock().unwrap_or_else(PoisonError::into_inner) = about.to_string();
    }));
    let seeds = corpus::inputs(&about)
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .collect::<Vec<_>>();
    let count = seeds.len();
    let start =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let mut search =
        Search { run: *run, findings: PathBuf::from(findings), alike: BTreeMap::new() };
    let (mut runs, begun) = (0_u64, Instant::now());
    // An input that ends the process would be lost otherwise.
    let current = Path::new(findings).join("current");
    let mut mutator = Mutator::new(seeds.clone(), start);
    let mut first = seeds.into_iter();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let input = first.next().unwrap_or_else(|| mutator.next_input());
        if std::fs::write(&current, &input).is_err() {
            eprintln!("{} cannot be written", current.display());
            return ExitCode::FAILURE;
        }
        search.try_one(&input, runs);
        runs += 1;
    }
    let _ = std::fs::remove_file(&current);
    eprintln!("#{runs}\tDONE   cov: 0 ft: 0 corp: {count}/0b");
    ExitCode::from(if search.alike.is_empty() { 0 } else { 77 })
}

fn usage() -> ExitCode {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    eprintln!("blind TARGET SECONDS FINDINGS; targets are {}", names.join(", "));
    ExitCode::from(2)
}

struct Search {
    run: strata_fuzz::Run,
    findings: PathBuf,
    /// Findings by their words.
    alike: BTreeMap<String, u32>,
}

impl Search {
    fn try_one(&mut self, input: &[u8], number: u64) {
        let begun = Instant::now();
        let outcome = std::panic::catch_unwind(|| guard::run(self.run, input));
        let words = match outcome {
            Err(_) => SAID.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Ok(()) if begun.elapsed() > LONGEST => "it takes too long".to_owned(),
            Ok(()) => return,
        };
        let alike =
            self.alike.entry(words.lines().next().unwrap_or_default().to_owned()).or_default();
        *alike += 1;
        if *alike <= ALIKE {
            let path = self.findings.join(format!("found-{number}"));
            eprintln!("{words}");
            match std::fs::write(&path, input) {
                Ok(()) => eprintln!("Test unit written to {}", path.display()),
                Err(error) => eprintln!("{}: {error}", path.display()),
            }
        }
    }
}
