//! A suite run from its file to its record: programs built, peers installed, cases measured one after the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::case::{self, Place};
use super::record::{Case as Record, Run, SCHEMA};
use super::suite::{Case, Suite, Words};
use super::venv::{self, Installed};
use super::{machine, record};
use crate::process;

/// How suites are run.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) build: bool,
    pub(crate) python: PathBuf,
    /// Cases to run; all where it is empty.
    pub(crate) cases: Vec<String>,
}

/// Where things are, for every suite.
#[derive(Debug)]
pub(crate) struct Bench {
    root: PathBuf,
    target: PathBuf,
    cache: PathBuf,
    words: Words,
    options: Options,
}

impl Bench {
    /// Finds the folders that suites speak of.
    pub(crate) fn new(root: &Path, options: Options) -> Result<Self> {
        let target = process::target_dir(root)?;
        let cache = strata_core::paths::cache_dir()?;
        let mut words = Words::default();
        let shared =
            std::env::var_os("STRATA_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
        for (word, path) in [
            ("root", root),
            ("target", &target),
            ("cache", &cache),
            ("models", &root.join("shared-models")),
            ("shared", &shared),
            ("runtime", &strata_core::paths::ort_library()?),
        ] {
            words.set(word, path.display().to_string());
        }
        Ok(Self { root: root.to_owned(), target, cache, words, options })
    }

    /// Runs a suite.
    pub(crate) fn suite(&self, suite: &Suite, date: &str) -> Result<Run> {
        println!("=== {}: {}", suite.name, suite.title);
        let cases = self.chosen(suite)?;
        if self.options.build {
            self.build(&cases)?;
        }
        let python = suite.venv.as_ref().map(|wanted| {
            let folder = self.cache.join("bench-venvs");
            venv::python(wanted, &self.root, &folder, &self.options.python)
        });
        let mut words = self.words.clone();
        let (mut installed, mut unavailable) = (Installed::default(), None);
        match python {
            Some(Ok(python)) => {
                installed = venv::installed(&python, &self.root, &packages(suite))?;
                words.set("python", python.display().to_string());
            }
            Some(Err(error)) => {
                eprintln!("the peers of {} cannot be installed: {error:#}", suite.name);
                unavailable = Some(format!("{error:#}"));
                // Words must be filled all the same; no peer is started.
                words.set("python", "python");
            }
            None => {}
        }
        let machine = machine::machine(&self.root);
        let place = Place {
            suite: &suite.name,
            root: &self.root,
            target: &self.target,
            words: &words,
            disk_mb: &installed.disk_mb,
            unavailable: unavailable.as_deref(),
            quick: self.options.quick,
        };
        let records: Vec<Record> =
            cases.iter().map(|case| case::run(case, &place)).collect::<Result<_>>()?;
        let mut versions: BTreeMap<String, String> = installed.versions;
        versions.insert(record::OURS.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        versions.insert("onnxruntime".to_owned(), strata_core::paths::ORT_VERSION.to_owned());
        Ok(Run {
            schema: SCHEMA,
            suite: suite.name.clone(),
            title: suite.title.clone(),
            date: date.to_owned(),
            quick: self.options.quick,
            machine,
            versions,
            absent: suite.absent.clone(),
            cases: records,
        })
    }

    fn chosen<'a>(&self, suite: &'a Suite) -> Result<Vec<&'a Case>> {
        let wanted = &self.options.cases;
        let cases: Vec<&Case> =
            suite.cases.iter().filter(|c| wanted.is_empty() || wanted.contains(&c.name)).collect();
        if cases.is_empty() {
            let known: Vec<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
            bail!("the suite {} has none of these cases; it has {}", suite.name, known.join(", "));
        }
        Ok(cases)
    }

    fn build(&self, cases: &[&Case]) -> Result<()> {
        let mut wanted: Vec<&Vec<String>> =
            cases.iter().map(|case| &case.build).filter(|build| !build.is_empty()).collect();
        wanted.sort();
        wanted.dedup();
        for arguments in wanted {
            let mut cargo = process::cargo();
            cargo.args(["build", "--release"]).args(arguments).current_dir(&self.root);
            println!("$ {}", process::shown(&cargo));
            process::must(&mut cargo).context("a side of ours cannot be built")?;
        }
        Ok(())
    }
}

/// Packages whose versions a suite's record names.
fn packages(suite: &Suite) -> Vec<&str> {
    let peers = suite.cases.iter().flat_map(|case| &case.peers);
    let mut names: Vec<&str> = peers.filter_map(|peer| peer.package.as_deref()).collect();
    names.extend(suite.venv.iter().flat_map(|venv| &venv.versions).map(String::as_str));
    names.sort_unstable();
    names.dedup();
    names
}
