//! A suite as its file says it: cases, the programs of both sides, how their answers must agree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::record::Absent;

/// Where suites lie.
pub(crate) const FOLDER: &str = "bench/suites";

/// A file of `bench/suites`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) venv: Option<Venv>,
    #[serde(default)]
    pub(crate) absent: Vec<Absent>,
    #[serde(rename = "case")]
    pub(crate) cases: Vec<Case>,
}

/// The Python of the peers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Venv {
    /// The file of pinned packages.
    pub(crate) requirements: String,
    /// Files of pinned packages that several suites share (torch is large): each is installed once, and seen from here.
    #[serde(default)]
    pub(crate) layers: Vec<String>,
    /// A file of packages that are installed without what they depend on: for peers whose pins contradict the others', with
    /// what they do need among `requirements`.
    pub(crate) without_dependencies: Option<String>,
    /// Packages whose versions are kept beside the peers' own.
    #[serde(default)]
    pub(crate) versions: Vec<String>,
}

/// What a case is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Sides that do the same work, in turns.
    #[default]
    Sides,
    /// One program of ours that measures and compares itself; what it prints last is kept.
    Report,
}

/// One comparison.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) kind: Kind,
    /// What is counted, in the plural.
    #[serde(default)]
    pub(crate) unit: String,
    #[serde(default = "one")]
    pub(crate) threads: usize,
    #[serde(default = "five")]
    pub(crate) rounds: usize,
    /// Sizes for the growth; `size` is the one that is compared.
    #[serde(default)]
    pub(crate) sizes: Vec<u64>,
    pub(crate) size: Option<u64>,
    pub(crate) quick_size: Option<u64>,
    /// Rounds of the sizes that are not compared.
    #[serde(default = "three")]
    pub(crate) growth_rounds: usize,
    /// Files and folders without which the case is skipped.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Variables for both sides.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Arguments of `cargo build --release`.
    #[serde(default)]
    pub(crate) build: Vec<String>,
    /// What must be made once before a size is run, in this order: files kept in the cache.
    #[serde(default)]
    pub(crate) prepare: Vec<Prepare>,
    pub(crate) ours: Vec<String>,
    /// What our side needs on a disk; where nothing is said, no size is given for either side.
    #[serde(default)]
    pub(crate) disk: Vec<String>,
    /// A side that runs longer is ended, and counts as failed.
    #[serde(default = "half_an_hour")]
    pub(crate) timeout_s: u64,
    #[serde(default, rename = "peer")]
    pub(crate) peers: Vec<Peer>,
    pub(crate) check: Option<Check>,
}

/// Something made once and not timed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prepare {
    /// The file or folder; where it lies already, nothing is run.
    pub(crate) makes: String,
    /// The program; it writes to `{made}`, which gets its name when the program has ended well.
    pub(crate) run: Vec<String>,
}

/// Who we are measured against.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) run: Vec<String>,
    /// Its package: the version and, with all it depends on, the size on the disk are asked of it.
    pub(crate) package: Option<String>,
    /// The sizes it runs at for the growth; the case's own where nothing is said.
    pub(crate) sizes: Option<Vec<u64>>,
    /// False for a peer whose answers are no measure, which its case's title says.
    #[serde(default = "yes")]
    pub(crate) checked: bool,
}

/// How the answers must agree.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    #[serde(default)]
    pub(crate) tolerance: f64,
    /// Allowed on top, as a part of the peer's value.
    #[serde(default)]
    pub(crate) relative: f64,
    /// The share of values that must be within.
    #[serde(default = "whole")]
    pub(crate) share: f64,
}

fn one() -> usize {
    1
}
fn three() -> usize {
    3
}
fn five() -> usize {
    5
}
fn half_an_hour() -> u64 {
    1800
}
fn yes() -> bool {
    true
}
fn whole() -> f64 {
    1.0
}

impl Suite {
    /// Reads a suite's file and checks what its types cannot say.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let suite = Self::parse(&text).with_context(|| shown.to_string())?;
        if path.file_stem().is_none_or(|stem| stem != suite.name.as_str()) {
            bail!("{shown} holds the suite {:?}: name them alike", suite.name);
        }
        Ok(suite)
    }

    fn parse(text: &str) -> Result<Self> {
        let suite: Self = toml::from_str(text)?;
        for (number, case) in suite.cases.iter().enumerate() {
            case.check(suite.venv.is_some()).with_context(|| format!("case {:?}", case.name))?;
            if suite.cases[..number].iter().any(|other| other.name == case.name) {
                bail!("case {:?} is there twice", case.name);
            }
        }
        Ok(suite)
    }
}

impl Case {
    fn check(&self, has_venv: bool) -> Result<()> {
        let asks = |word: &str| {
            let peers = self.peers.iter().flat_map(|peer| &peer.run);
            let prepared = self.prepare.iter().flat_map(|prepare| &prepare.run);
            self.ours.iter().chain(peers).chain(prepared).any(|argument| argument.contains(word))
        };
        if self.ours.is_empty() || self.peers.iter().any(|peer| peer.run.is_empty()) {
            bail!("a side has no program");
        }
        if self.prepare.iter().any(|prepare| prepare.run.is_empty()) {
            bail!("`prepare` has no program");
        }
        if self.kind == Kind::Report && !(self.peers.is_empty() && self.sizes.is_empty()) {
            bail!("a report compares by itself: it has neither peers nor sizes");
        }
        if self.kind == Kind::Sides && self.unit.is_empty() {
            bail!("`unit` says what is counted");
        }
        if !self.sizes.is_empty() && self.size.is_none_or(|size| !self.sizes.contains(&size)) {
            bail!("`size` must be one of `sizes`");
        }
        if self.size.is_none() && asks("{size}") {
            bail!("a side asks for {{size}}, and the case has none");
        }
        if !has_venv && asks("{python}") {
            bail!("a side asks for {{python}}, and the suite has no [venv]");
        }
        if !self.peers.is_empty() && self.check.is_none() && self.peers.iter().any(|p| p.checked) {
            bail!("[case.check] says how the answers must agree");
        }
        if self.rounds == 0 || self.threads == 0 {
            bail!("at least one round and one thread");
        }
        Ok(())
    }

    /// The size that is compared.
    pub(crate) fn main_size(&self, quick: bool) -> Option<u64> {
        if quick { self.quick_size.or(self.size) } else { self.size }
    }

    /// How many rounds a size is run.
    pub(crate) fn rounds_of(&self, size: Option<u64>, quick: bool) -> usize {
        match (quick, size == self.size) {
            (true, _) => 1,
            (false, true) => self.rounds,
            (false, false) => self.growth_rounds.min(self.rounds),
        }
    }

    /// Every size that is run, the compared one first.
    pub(crate) fn all_sizes(&self, quick: bool) -> Vec<Option<u64>> {
        let main = self.main_size(quick);
        let others = self.sizes.iter().copied().map(Some).filter(|size| !quick && *size != main);
        std::iter::once(main).chain(others).collect()
    }
}

/// The suites that are there, by name.
pub(crate) fn all(root: &Path) -> Result<Vec<Suite>> {
    let folder = root.join(FOLDER);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.iter().map(|path| Suite::read(path)).collect()
}

/// What words in braces stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    values: BTreeMap<&'static str, String>,
}

impl Words {
    /// Gives a word its meaning.
    pub(crate) fn set(&mut self, word: &'static str, value: impl Into<String>) {
        self.values.insert(word, value.into());
    }

    /// The text with every word replaced; an error names a word that has no meaning here.
    pub(crate) fn fill(&self, text: &str) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((word, after)) = after.split_once('}') else { break };
            let value = self.values.get(word).with_context(|| {
                let known: Vec<&str> = self.values.keys().copied().collect();
                format!(
                    "{{{word}}} in {text:?} stands for nothing here; there are {}",
                    known.join(", ")
                )
            })?;
            filled += before;
            filled += value;
            rest = after;
        }
        Ok(filled + rest)
    }

    /// The text with folders of this machine put back into words: what is kept says nothing of where it ran.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut folders: Vec<_> =
            self.values.iter().filter(|(_, value)| Path::new(value).is_absolute()).collect();
        // Folders inside others first.
        folders.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        folders.iter().fold(text.to_owned(), |text, (word, value)| {
            text.replace(value.as_str(), &format!("{{{word}}}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    const SMALL: &str = "name = \"s\"\ntitle = \"S\"\n[[case]]\nname = \"a\"\ntitle = \"A\"\nunit = \"rows\"\n\
        ours = [\"x\", \"{size}\"]\nsizes = [1, 4, 16]\nsize = 4\nquick_size = 2\n";

    fn refused(text: &str) -> String {
        format!("{:#}", Suite::parse(text).unwrap_err())
    }

    #[test]
    fn folders_are_put_back_into_words() {
        let mut words = Words::default();
        words.set("target", "/home/me/target");
        words.set("models", "/home/me/target/models");
        words.set("size", "4");
        let text = "`/home/me/target/models/a 4` of /home/me/target";
        assert_eq!(words.hide(text), "`{models}/a 4` of {target}");
    }

    #[test]
    fn every_suite_of_the_repository_is_read() {
        let root = workspace::root().unwrap();
        for suite in all(&root).unwrap() {
            let venv = suite.venv.iter();
            let files = venv.flat_map(|v| {
                v.layers.iter().chain([&v.requirements]).chain(&v.without_dependencies)
            });
            for file in files {
                assert!(root.join(file).is_file(), "{}: no {file}", suite.name);
            }
            for case in &suite.cases {
                assert!(case.build.is_empty() || case.build.len() >= 2, "{}", case.name);
            }
        }
    }

    #[test]
    fn sizes_and_rounds_of_a_case() {
        let suite = Suite::parse(SMALL).unwrap();
        let case = &suite.cases[0];
        assert_eq!(case.all_sizes(false), [Some(4), Some(1), Some(16)]);
        assert_eq!(case.all_sizes(true), [Some(2)]);
        assert_eq!((case.rounds_of(Some(4), false), case.rounds_of(Some(1), false)), (5, 3));
        assert_eq!(case.rounds_of(Some(2), true), 1);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refused(&format!("{SMALL}colour = 1\n")).contains("colour"));
        assert!(refused(&SMALL.replace("size = 4\n", "size = 5\n")).contains("one of `sizes`"));
        assert!(refused(&SMALL.replace("\"{size}\"", "\"{python}\"")).contains("[venv]"));
        let peer = "[[case.peer]]\nname = \"p\"\nrun = [\"y\"]\n";
        assert!(refused(&format!("{SMALL}{peer}")).contains("case.check"));
        assert!(refused(&format!("{SMALL}kind = \"report\"\n{peer}")).contains("report"));
        let again = SMALL.split_once("[[case]]").unwrap().1;
        assert!(refused(&format!("{SMALL}[[case]]{again}")).contains("twice"));
        assert!(refused(&SMALL.replace("unit = \"rows\"\n", "")).contains("unit"));
    }

    #[test]
    fn words_are_filled_in_or_named() {
        let mut words = Words::default();
        words.set("size", "12");
        words.set("root", "/r");
        assert_eq!(words.fill("{root}/a-{size}.x").unwrap(), "/r/a-12.x");
        assert_eq!(words.fill("open {").unwrap(), "open {");
        let error = words.fill("{sise}").unwrap_err().to_string();
        assert!(error.contains("sise") && error.contains("root, size"), "{error}");
    }
}
