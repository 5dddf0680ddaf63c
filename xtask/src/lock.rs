//! `models.lock`: every file of every card with its size and SHA-256, so that a change of a model shows in one place.
//!
//! A card is the root of trust of its model; the lock is what a reviewer, a release and an auditor compare cards and
//! files with. `cargo xtask models lock` writes it, `tidy` and `models verify` compare.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use strata_core::card::{CARD_FILE, ModelCard, ModelStore};
use strata_core::paths::{MODELS_FOLDER, SearchPath};
use strata_fetch::hash_file;

/// Name of the lock at the root of the workspace.
pub(crate) const LOCK_FILE: &str = "models.lock";
/// The end of every message about a difference.
const REMEDY: &str = "if the change is meant, run `cargo xtask models lock` and look at the difference; else restore the file";
const HEAD: &str = "# Every model: its version and licence, and each file with its size and SHA-256. Written by\n\
                    # `cargo xtask models lock`; `tidy` and `models verify` compare. `shipped = false`: not in this\n\
                    # tree, fetched by `models fetch` and checked against the same digest.\n";

/// The lock as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    /// One entry a model, by name.
    #[serde(default, rename = "model")]
    pub(crate) models: Vec<Model>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) name: String,
    /// Version of the card.
    pub(crate) version: String,
    /// Licence of the card.
    pub(crate) licence: String,
    /// The card and what it names, the card first.
    #[serde(rename = "file")]
    pub(crate) files: Vec<File>,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Path within the model's folder.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// Lower-case hexadecimal.
    pub(crate) sha256: String,
    /// False for a file that is fetched, not in the tree.
    pub(crate) shipped: bool,
}

impl Lock {
    /// What the cards of `root` say and the files are. Digests of shipped files are computed, not copied from cards.
    pub(crate) fn of(root: &Path) -> Result<Self> {
        let store = ModelStore::new(SearchPath::only(root.join(MODELS_FOLDER)));
        let mut models = Vec::new();
        for (_, card) in store.cards() {
            models.push(model(&card?)?);
        }
        models.sort_by(|a: &Model, b| a.name.cmp(&b.name));
        Ok(Self { models })
    }

    /// The lock of `root`, `None` where there is none.
    pub(crate) fn read(root: &Path) -> Result<Option<Self>> {
        let path = root.join(LOCK_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(
                toml::from_str(&text)
                    .with_context(|| format!("{LOCK_FILE} does not parse; {REMEDY}"))?,
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The lock's text.
    pub(crate) fn text(&self) -> String {
        let mut out = HEAD.to_owned();
        for model in &self.models {
            // Strings of TOML as `{:?}` writes them: names, versions and licences hold no control characters.
            out += &format!(
                "\n[[model]]\nname = {:?}\nversion = {:?}\nlicence = {:?}\nfile = [\n",
                model.name, model.version, model.licence
            );
            for file in &model.files {
                out += &format!(
                    "    {{ path = {:?}, bytes = {}, sha256 = {:?}, shipped = {} }},\n",
                    file.path, file.bytes, file.sha256, file.shipped
                );
            }
            out += "]\n";
        }
        out
    }
}

fn model(card: &ModelCard) -> Result<Model> {
    let mut files = vec![hashed(&card.dir, CARD_FILE)?];
    for file in &card.files {
        if card.dir.join(&file.path).is_file() {
            files.push(hashed(&card.dir, &file.path)?);
        } else {
            files.push(File {
                path: file.path.clone(),
                bytes: file.bytes,
                sha256: file.sha256.clone(),
                shipped: false,
            });
        }
    }
    files[1..].sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Model {
        name: card.name.clone(),
        version: card.version.clone(),
        licence: card.licence.clone(),
        files,
    })
}

fn hashed(folder: &Path, path: &str) -> Result<File> {
    let (bytes, sha256) = hash_file(&folder.join(path))?;
    Ok(File { path: path.to_owned(), bytes, sha256: sha256.to_string(), shipped: true })
}

/// What differs between the lock of `root` and its models, each with the file it is about and the remedy. A tree
/// without models needs no lock.
pub(crate) fn differences(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let here = Lock::of(root)?;
    let Some(locked) = Lock::read(root)? else {
        let missing = format!("there is no {LOCK_FILE}: write it with `cargo xtask models lock`");
        let faults = (!here.models.is_empty()).then(|| (PathBuf::from(LOCK_FILE), missing));
        return Ok(faults.into_iter().collect());
    };
    let mut faults = Vec::new();
    for model in &here.models {
        match locked.models.iter().find(|known| known.name == model.name) {
            Some(known) => compare(known, model, &mut faults),
            None => {
                faults
                    .push((place(&model.name, CARD_FILE), format!("not in {LOCK_FILE}: {REMEDY}")));
            }
        }
        faults.extend(unlisted(root, model)?);
    }
    for known in &locked.models {
        if !here.models.iter().any(|model| model.name == known.name) {
            let why = format!("{LOCK_FILE} has the model, the tree has not: {REMEDY}");
            faults.push((place(&known.name, CARD_FILE), why));
        }
    }
    Ok(faults)
}

fn place(model: &str, file: &str) -> PathBuf {
    Path::new(MODELS_FOLDER).join(model).join(file)
}

fn compare(known: &Model, here: &Model, faults: &mut Vec<(PathBuf, String)>) {
    if (&known.version, &known.licence) != (&here.version, &here.licence) {
        let why = format!(
            "version {} under {:?}, {LOCK_FILE} has {} under {:?}: {REMEDY}",
            here.version, here.licence, known.version, known.licence
        );
        faults.push((place(&here.name, CARD_FILE), why));
    }
    for file in &here.files {
        let why = match known.files.iter().find(|locked| locked.path == file.path) {
            None => format!("not in {LOCK_FILE}: {REMEDY}"),
            Some(locked) if locked.shipped && !file.shipped => {
                format!("{LOCK_FILE} says that it ships, and it is not here: {REMEDY}")
            }
            Some(locked) if (locked.bytes, &locked.sha256) != (file.bytes, &file.sha256) => {
                format!(
                    "sha256 {} of {} bytes, {LOCK_FILE} has {} of {}: {REMEDY}",
                    file.sha256, file.bytes, locked.sha256, locked.bytes
                )
            }
            // A fetched file that lies beside its card has the right bytes: nothing is wrong.
            Some(_) => continue,
        };
        faults.push((place(&here.name, &file.path), why));
    }
    for locked in &known.files {
        if !here.files.iter().any(|file| file.path == locked.path) {
            let why = format!("{LOCK_FILE} has it, the card does not: {REMEDY}");
            faults.push((place(&here.name, &locked.path), why));
        }
    }
}

/// Files in a model's folder that its card does not name; pages for people are free.
fn unlisted(root: &Path, model: &Model) -> Result<Vec<(PathBuf, String)>> {
    let folder = root.join(MODELS_FOLDER).join(&model.name);
    let named: BTreeSet<PathBuf> = model.files.iter().map(|file| folder.join(&file.path)).collect();
    let mut faults = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !named.contains(&path) && path.extension().is_none_or(|e| e != "md") {
                let shown = path.strip_prefix(root).unwrap_or(&path).to_owned();
                faults.push((
                    shown,
                    "no card names this file: name it there or remove it".to_owned(),
                ));
            }
        }
    }
    faults.sort();
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strata_testkit::{CardSpec, models, write_card};

    fn workspace() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let models_dir = folder.path().join(MODELS_FOLDER);
        let dir = write_card(&models_dir, &CardSpec::new("tiny"), &models::identity(3)).unwrap();
        std::fs::write(dir.join("README.md"), "For people.\n").unwrap();
        (folder, dir)
    }

    fn said(root: &Path) -> Vec<String> {
        let faults = differences(root).unwrap();
        faults.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect()
    }

    #[test]
    fn a_lock_is_asked_for_and_then_holds() {
        let (folder, _) = workspace();
        assert!(said(folder.path())[0].contains("cargo xtask models lock"));
        let lock = Lock::of(folder.path()).unwrap();
        std::fs::write(folder.path().join(LOCK_FILE), lock.text()).unwrap();
        assert_eq!(said(folder.path()), [""; 0]);
        assert_eq!(Lock::read(folder.path()).unwrap().unwrap(), lock);
        assert_eq!(lock.models[0].files.len(), 2, "card and model: {lock:?}");
        assert_eq!(said(tempfile::tempdir().unwrap().path()), [""; 0], "no models, no lock");
    }

    #[test]
    fn every_kind_of_change_is_told_with_the_file() {
        let (folder, dir) = workspace();
        let lock = Lock::of(folder.path()).unwrap();
        std::fs::write(folder.path().join(LOCK_FILE), lock.text()).unwrap();

        let onnx = dir.join("tiny.onnx");
        let good = std::fs::read(&onnx).unwrap();
        let mut bad = good.clone();
        bad[7] ^= 1;
        std::fs::write(&onnx, bad).unwrap();
        let faults = said(folder.path());
        assert!(faults.len() == 1 && faults[0].contains("tiny/tiny.onnx: sha256"), "{faults:?}");

        std::fs::remove_file(&onnx).unwrap();
        assert!(said(folder.path())[0].contains("says that it ships"));
        std::fs::write(&onnx, good).unwrap();

        std::fs::write(dir.join("extra.bin"), "x").unwrap();
        let faults = said(folder.path());
        assert!(faults.len() == 1 && faults[0].contains("extra.bin: no card names"), "{faults:?}");
        std::fs::remove_file(dir.join("extra.bin")).unwrap();

        // Card and file replaced together: the card agrees with the file, the lock with neither.
        let card = std::fs::read_to_string(dir.join(CARD_FILE)).unwrap();
        let version = &lock.models[0].version;
        std::fs::write(dir.join(CARD_FILE), card.replace(version.as_str(), "9.9.9")).unwrap();
        let faults = said(folder.path());
        assert!(faults.iter().any(|f| f.contains("version 9.9.9")), "{faults:?}");
        assert!(faults.iter().any(|f| f.contains("card.toml: sha256")), "{faults:?}");

        std::fs::remove_dir_all(&dir).unwrap();
        assert!(said(folder.path())[0].contains("the tree has not"));
    }
}
