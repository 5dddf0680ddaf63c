//! `cargo xtask models`: the model cards of `shared-models/`, their files, and bringing those that are absent.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use strata_core::card::{ModelCard, ModelFile, ModelStore};
use strata_core::paths::{Env, MODELS_FOLDER, SearchPath};
use strata_core::verify::{self as core_verify, Limits};
use strata_fetch::{Digest, Origin};

use crate::download::{self, From, Wanted, human};
use crate::lock::{self, Lock};
use crate::workspace;

/// Options of `models`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of models [default: STRATA_MODELS, else shared-models/ of the workspace]
    #[arg(long, value_name = "DIR", global = true)]
    models_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the models and where their files are
    List,
    /// Check every file that is here: size, SHA-256, a walk of the ONNX graph, its signature against the card
    Verify {
        /// Names, as `list` shows them; all when none is given
        names: Vec<String>,
    },
    /// Write models.lock: size and SHA-256 of every file of every card
    Lock,
    /// Bring files that are not here into the cache
    Fetch {
        /// Names, as `list` shows them; all when none is given
        names: Vec<String>,
        #[command(flatten)]
        from: From,
    },
}

/// Runs `models`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let env = Env::from_process();
    let mut search = env.search_path(args.models_dir.as_deref());
    // The workspace's own models, wherever cargo put the program that runs.
    if args.models_dir.is_none() && env.strata_models.is_none() {
        search.models = vec![workspace::root()?.join(MODELS_FOLDER)];
    }
    let store = ModelStore::new(search);
    match &args.command {
        Command::List => list(&store),
        Command::Verify { names } => {
            let code = verify_all(&store, &chosen(&store, names)?)?;
            // The lock is about the workspace's own models.
            let ours = args.models_dir.is_none() && env.strata_models.is_none();
            Ok(if ours && !locked(&workspace::root()?)? { ExitCode::FAILURE } else { code })
        }
        Command::Lock => lock_all(),
        Command::Fetch { names, from } => fetch_all(&store, &chosen(&store, names)?, from),
    }
}

/// Cards by name; all cards when no name is given. A card that does not parse is an error here.
fn chosen(store: &ModelStore, names: &[String]) -> Result<Vec<ModelCard>> {
    if names.is_empty() {
        return store.cards().map(|(_, card)| Ok(card?)).collect();
    }
    names.iter().map(|name| Ok(store.card(name)?)).collect()
}

fn list(store: &ModelStore) -> Result<ExitCode> {
    println!(
        "{:<18} {:<26} {:<8} {:<12} {:>8}  FILES",
        "NAME", "TASK", "VERSION", "LICENCE", "SIZE"
    );
    let mut broken = 0;
    for (name, card) in store.cards() {
        match card {
            Ok(card) => {
                let bytes: u64 = card.files.iter().map(|f| f.bytes).sum();
                println!(
                    "{:<18} {:<26} {:<8} {:<12} {:>8}  {}",
                    card.name,
                    card.task,
                    card.version,
                    card.licence,
                    human(bytes),
                    whereabouts(&card, store.search())
                );
            }
            Err(error) => {
                broken += 1;
                println!("{name:<18} {error}");
            }
        }
    }
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where a model's files are, in a few words.
fn whereabouts(card: &ModelCard, search: &SearchPath) -> String {
    let absent = card.files.iter().filter(|f| card.locate(f, search).is_err()).count();
    match absent {
        0 => "all here".to_owned(),
        n if n == card.files.len() => "not here: `cargo xtask models fetch`".to_owned(),
        n => format!("{n} of {} not here", card.files.len()),
    }
}

fn verify_all(store: &ModelStore, cards: &[ModelCard]) -> Result<ExitCode> {
    let (mut sound, mut absent, mut faulty) = (0, 0, 0);
    for card in cards {
        if card.files.iter().any(|file| card.locate(file, store.search()).is_err()) {
            absent += 1;
            println!(
                "{:<18} absent: fetch it with `cargo xtask models fetch {}`",
                card.name, card.name
            );
            continue;
        }
        match check(card, store.search()) {
            Ok(bytes) => {
                sound += 1;
                println!("{:<18} sound: {} files, {}", card.name, card.files.len(), human(bytes));
            }
            Err(error) => {
                faulty += 1;
                println!("{:<18} FAULTY: {error:#}", card.name);
            }
        }
    }
    println!("{sound} sound, {absent} absent, {faulty} faulty");
    Ok(if faulty == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what differs from `models.lock`; true when nothing does.
fn locked(root: &Path) -> Result<bool> {
    let differences = lock::differences(root)?;
    for (path, why) in &differences {
        println!("{}: {why}", path.display());
    }
    println!("{}: {} differences", lock::LOCK_FILE, differences.len());
    Ok(differences.is_empty())
}

fn lock_all() -> Result<ExitCode> {
    let root = workspace::root()?;
    let lock = Lock::of(&root)?;
    let path = root.join(lock::LOCK_FILE);
    std::fs::write(&path, lock.text())
        .with_context(|| format!("cannot write {}", path.display()))?;
    let files: usize = lock.models.iter().map(|model| model.files.len()).sum();
    println!("{}: {} models, {files} files", lock::LOCK_FILE, lock.models.len());
    Ok(ExitCode::SUCCESS)
}

/// Reads every file of a model against its card, and walks every variant as if it were to be loaded.
fn check(card: &ModelCard, search: &SearchPath) -> Result<u64> {
    let limits = Limits::default();
    for (_, result) in core_verify::verify_all(card, search, &limits) {
        result?;
    }
    Ok(card.files.iter().map(|f| f.bytes).sum())
}

fn fetch_all(store: &ModelStore, cards: &[ModelCard], from: &From) -> Result<ExitCode> {
    let mut failed = Vec::new();
    for card in cards {
        for file in &card.files {
            if let Ok(path) = card.locate(file, store.search()) {
                println!("{}: {} is here, {}", card.name, file.path, path.display());
                continue;
            }
            match fetch_one(store, file, from) {
                Ok(line) => println!("{}: {line}", card.name),
                Err(error) => {
                    eprintln!("{}: {}: {error:#}", card.name, file.path);
                    failed.push(format!("{}/{}", card.name, file.path));
                }
            }
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!("{} not fetched: {}", failed.len(), failed.join(", "))
}

fn fetch_one(store: &ModelStore, file: &ModelFile, from: &From) -> Result<String> {
    let dest = store
        .search()
        .cached_file(&file.sha256, &file.path)
        .context("there is no cache folder: set STRATA_CACHE to a folder that can be written")?;
    if file.url.is_none() && from.mirror.is_none() && from.from.is_none() {
        bail!(
            "it is published nowhere; bring it with --from DIR (a folder that holds it under any name) or --mirror \
             (under its sha256 {})",
            file.sha256
        );
    }
    let wanted = Wanted {
        dest,
        sha256: Digest::parse(&file.sha256)?,
        bytes: Some(file.bytes),
        urls: file.url.iter().cloned().collect(),
    };
    let got = download::bring(wanted, from)?;
    let origin = match got.origin {
        Origin::Source(text) => format!("from {text}"),
        other => other.to_string(),
    };
    Ok(format!("{} ({}) {origin}", file.path, human(got.bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strata_testkit::{CardSpec, models, write_card};

    /// A models folder with one model, and the cache beside it.
    fn store(folder: &std::path::Path) -> (ModelStore, PathBuf) {
        let dir = write_card(&folder.join("models"), &CardSpec::new("tiny"), &models::identity(3))
            .unwrap();
        let search =
            SearchPath { models: vec![folder.join("models")], cache: Some(folder.join("cache")) };
        (ModelStore::new(search), dir.join("tiny.onnx"))
    }

    #[test]
    fn every_shipped_card_parses() {
        let root = workspace::root().unwrap();
        let store = ModelStore::new(SearchPath::only(root.join(MODELS_FOLDER)));
        let cards = chosen(&store, &[]).unwrap();
        let chembl = cards.iter().find(|c| c.name == "chembl-multitask").unwrap();
        assert_eq!(chembl.outputs.len(), 798);
        assert!(cards.iter().any(|c| c.name == "molclr-gcn"));
    }

    /// The public models' cards agree with the files, where those lie on this machine.
    #[test]
    fn public_cards_hold_for_the_files() {
        let root = workspace::root().unwrap();
        let Some(shared) =
            strata_testkit::shared_dir().map(|s| s.join("models/drug")).filter(|d| d.is_dir())
        else {
            strata_testkit::skip("no shared models: set STRATA_SHARED");
            return;
        };
        let cache = tempfile::tempdir().unwrap();
        let search = SearchPath {
            models: vec![root.join(MODELS_FOLDER)],
            cache: Some(cache.path().to_owned()),
        };
        let store = ModelStore::new(search);
        let names = ["chembl-multitask", "molclr-gcn"].map(str::to_owned);
        let cards = chosen(&store, &names).unwrap();
        let from = From { from: Some(shared), mirror: None };
        assert_eq!(fetch_all(&store, &cards, &from).unwrap(), ExitCode::SUCCESS);
        for card in &cards {
            check(card, store.search()).unwrap_or_else(|e| panic!("{}: {e:#}", card.name));
        }
    }

    #[test]
    fn an_absent_file_is_brought_from_a_folder_and_verified() {
        let folder = tempfile::tempdir().unwrap();
        let (store, onnx) = store(folder.path());
        let card = store.card("tiny").unwrap();
        check(&card, store.search()).unwrap();

        let carried = folder.path().join("usb/deep");
        std::fs::create_dir_all(&carried).unwrap();
        std::fs::rename(&onnx, carried.join("renamed.bin")).unwrap();
        assert!(whereabouts(&card, store.search()).starts_with("not here"));
        assert_eq!(verify_all(&store, std::slice::from_ref(&card)).unwrap(), ExitCode::SUCCESS);
        let nowhere = fetch_one(&store, &card.files[0], &From::default()).unwrap_err().to_string();
        assert!(nowhere.contains("--from") && nowhere.contains(&card.files[0].sha256), "{nowhere}");

        let from = From { from: Some(folder.path().join("usb")), mirror: None };
        fetch_all(&store, std::slice::from_ref(&card), &from).unwrap();
        assert_eq!(whereabouts(&card, store.search()), "all here");
        check(&card, store.search()).unwrap();
    }

    #[test]
    fn a_changed_file_is_faulty() {
        let folder = tempfile::tempdir().unwrap();
        let (store, onnx) = store(folder.path());
        let mut bytes = std::fs::read(&onnx).unwrap();
        bytes[10] ^= 1;
        std::fs::write(&onnx, bytes).unwrap();
        let cards = chosen(&store, &[]).unwrap();
        assert_eq!(verify_all(&store, &cards).unwrap(), ExitCode::FAILURE);
        assert!(chosen(&store, &["tinny".to_owned()]).unwrap_err().to_string().contains("tiny"));
    }
}
