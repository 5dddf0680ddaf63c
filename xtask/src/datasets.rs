//! `cargo xtask datasets`: public data sets by manifest (`datasets/*.toml`), fetched into the cache.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use strata_core::card::is_plain_name;
use strata_core::paths::cache_dir;
use strata_fetch::{Digest, Origin};

use crate::download::{self, From, Wanted, human};
use crate::workspace;

/// Options of `datasets`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the data sets and whether they are here
    List,
    /// Fetch data sets into the cache; all of them when none is named
    Fetch {
        /// Names, as `list` shows them
        names: Vec<String>,
        #[command(flatten)]
        from: From,
    },
}

/// What is known of one public data set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Name, also the manifest's file name.
    pub(crate) name: String,
    /// Title for people.
    pub(crate) title: String,
    /// regression, binary-classification or multitask-classification.
    pub(crate) task: String,
    /// Where it is fetched.
    pub(crate) url: String,
    /// Name of the fetched file.
    pub(crate) file: String,
    /// SHA-256 of the file.
    pub(crate) sha256: String,
    /// Its size, where it is known.
    pub(crate) bytes: Option<u64>,
    /// True when the digest was computed from the file's bytes; false when it was taken from a published list.
    pub(crate) checked: bool,
    /// Data rows.
    pub(crate) rows: u64,
    /// Licence, as its distributors state it.
    pub(crate) licence: String,
    /// What to cite.
    pub(crate) citation: String,
    /// The distributor's own address, for people; other bytes may lie there.
    pub(crate) upstream: String,
    /// What a user should know.
    pub(crate) note: Option<String>,
    /// Names of columns.
    pub(crate) columns: Columns,
}

/// Names of columns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Columns {
    /// The SMILES.
    pub(crate) smiles: String,
    /// The row's name, where it has one.
    pub(crate) id: Option<String>,
    /// What is predicted.
    pub(crate) labels: Vec<String>,
}

impl std::fmt::Display for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "columns: SMILES `{}`", self.smiles)?;
        if let Some(id) = &self.id {
            write!(f, ", id `{id}`")?;
        }
        match self.labels.as_slice() {
            [first, .., last] => write!(f, ", {} labels `{first}` … `{last}`", self.labels.len()),
            labels => write!(f, ", label `{}`", labels.join(", ")),
        }
    }
}

const TASKS: [&str; 3] = ["regression", "binary-classification", "multitask-classification"];

impl Manifest {
    /// Reads and checks one manifest.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let manifest: Self =
            toml::from_str(&text).with_context(|| format!("{} is no manifest", path.display()))?;
        manifest.check(path).with_context(|| path.display().to_string())?;
        Ok(manifest)
    }

    fn check(&self, path: &Path) -> Result<()> {
        if path.file_stem().and_then(|s| s.to_str()) != Some(self.name.as_str()) {
            bail!("name: {:?} must be the file's own name", self.name);
        }
        if !TASKS.contains(&self.task.as_str()) {
            bail!("task: {:?} is none of {}", self.task, TASKS.join(", "));
        }
        if !is_plain_name(&self.file) {
            bail!("file: {:?} is no plain file name", self.file);
        }
        Digest::parse(&self.sha256).context("sha256")?;
        for (key, url) in [("url", &self.url), ("upstream", &self.upstream)] {
            if !url.starts_with("https://") {
                bail!("{key}: {url:?} must begin with https://");
            }
        }
        if self.columns.smiles.is_empty() || self.columns.labels.is_empty() {
            bail!("columns: name the SMILES and at least one label");
        }
        if self.checked && self.bytes.is_none() {
            bail!("bytes: a checked file has a known size");
        }
        for (key, text) in
            [("title", &self.title), ("licence", &self.licence), ("citation", &self.citation)]
        {
            if text.trim().is_empty() {
                bail!("{key}: is empty");
            }
        }
        Ok(())
    }

    fn dest(&self, cache: &Path) -> PathBuf {
        cache.join("datasets").join(&self.name).join(&self.file)
    }
}

/// All manifests of a folder, sorted by name.
pub(crate) fn load_all(folder: &Path) -> Result<Vec<Manifest>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    paths.iter().map(|path| Manifest::load(path)).collect()
}

/// Runs `datasets`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let manifests = load_all(&workspace::root()?.join("datasets"))?;
    let cache = cache_dir()?;
    match &args.command {
        Command::List => list(&manifests, &cache),
        Command::Fetch { names, from } => fetch(&chosen(&manifests, names)?, &cache, from)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(manifests: &[Manifest], cache: &Path) {
    println!("{:<14} {:<25} {:>6} {:>7} {:>8}  LICENCE", "NAME", "TASK", "ROWS", "LABELS", "HERE");
    for m in manifests {
        let here =
            std::fs::metadata(m.dest(cache)).map_or("no".to_owned(), |meta| human(meta.len()));
        println!(
            "{:<14} {:<25} {:>6} {:>7} {:>8}  {}",
            m.name,
            m.task,
            m.rows,
            m.columns.labels.len(),
            here,
            m.licence
        );
    }
    println!("\nThey lie in {} once fetched.", cache.join("datasets").display());
}

fn chosen<'m>(manifests: &'m [Manifest], names: &[String]) -> Result<Vec<&'m Manifest>> {
    if names.is_empty() {
        return Ok(manifests.iter().collect());
    }
    let find = |name: &String| {
        manifests.iter().find(|m| m.name == *name).with_context(|| {
            let known: Vec<&str> = manifests.iter().map(|m| m.name.as_str()).collect();
            format!("there is no data set {name:?}; there are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

/// Fetches each; one that fails does not stop the others.
fn fetch(manifests: &[&Manifest], cache: &Path, from: &From) -> Result<()> {
    let mut failed = Vec::new();
    for m in manifests {
        let wanted = Wanted {
            dest: m.dest(cache),
            sha256: Digest::parse(&m.sha256)?,
            bytes: m.bytes,
            urls: vec![m.url.clone()],
        };
        match download::bring(wanted, from) {
            Ok(got) => {
                let how = if got.origin == Origin::Present { "present" } else { "fetched" };
                println!("{}: {how}, {} ({})", m.name, got.path.display(), human(got.bytes));
                println!("    {}", m.columns);
                if let Some(note) = &m.note {
                    println!("    {note}");
                }
            }
            Err(error) => {
                eprintln!("{}: {error:#}", m.name);
                failed.push(m.name.as_str());
            }
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("{} not fetched: {}", failed.len(), failed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_manifests_are_sound() {
        let root = workspace::root().unwrap();
        let manifests = load_all(&root.join("datasets")).unwrap();
        let names: Vec<&str> = manifests.iter().map(|m| m.name.as_str()).collect();
        let expected = [
            "bace",
            "bbbp",
            "clintox",
            "esol",
            "freesolv",
            "hiv",
            "lipophilicity",
            "sider",
            "tox21",
        ];
        assert_eq!(names, expected);
        let tox = manifests.iter().find(|m| m.name == "tox21").unwrap();
        assert_eq!(tox.columns.labels.len(), 12);
    }

    /// Where the data lie on this machine, sizes and digests of the manifests are true of them.
    #[test]
    fn checked_manifests_hold_for_the_files() {
        let root = workspace::root().unwrap();
        let Some(shared) = strata_testkit::shared_dir() else {
            strata_testkit::skip("no shared data: set STRATA_SHARED");
            return;
        };
        let folder = shared.join("data/drug/moleculenet");
        if !folder.is_dir() {
            strata_testkit::skip("no moleculenet folder in the shared data");
            return;
        }
        let mut held = 0;
        for m in load_all(&root.join("datasets")).unwrap().iter().filter(|m| m.checked) {
            let (bytes, digest) = strata_fetch::hash_file(&folder.join(&m.file)).unwrap();
            assert_eq!(
                (Some(bytes), digest.to_string()),
                (m.bytes, m.sha256.clone()),
                "{}",
                m.name
            );
            let text = std::fs::read_to_string(folder.join(&m.file)).unwrap();
            let header = text.lines().next().unwrap();
            for column in m.columns.labels.iter().chain([&m.columns.smiles]).chain(&m.columns.id) {
                assert!(
                    header.split(',').any(|c| c.trim_matches('"') == *column),
                    "{}: {column}",
                    m.name
                );
            }
            held += 1;
        }
        assert_eq!(held, 8);
    }

    #[test]
    fn faulty_manifests_are_named() {
        let root = workspace::root().unwrap();
        let good = std::fs::read_to_string(root.join("datasets/esol.toml")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("esol.toml");
        for (from, to, says) in [
            ("name = \"esol\"", "name = \"other\"", "the file's own name"),
            ("task = \"regression\"", "task = \"guessing\"", "is none of"),
            ("file = \"", "file = \"../", "plain file name"),
            ("sha256 = \"", "sha256 = \"0", "SHA-256"),
            ("url = \"https", "url = \"http", "https://"),
            ("checked = true", "chekced = true", "unknown field"),
        ] {
            assert!(good.contains(from), "{from}");
            std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
            let error = format!("{:#}", Manifest::load(&path).unwrap_err());
            assert!(error.contains(says) && error.contains("esol.toml"), "{error}");
        }
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        let root = workspace::root().unwrap();
        let manifests = load_all(&root.join("datasets")).unwrap();
        let error = chosen(&manifests, &["esoll".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("esoll") && error.contains("lipophilicity"), "{error}");
    }
}
