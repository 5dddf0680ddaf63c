//! Data files: model cards, manifests and scenarios parse.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use strata_core::card::{CARD_FILE, ModelCard};
use strata_core::paths::MODELS_FOLDER;

use super::{Fault, Tree};
use crate::datasets::Manifest;
use crate::{lock, report};

/// Every folder of `shared-models/` has a card that parses.
pub(super) fn cards(tree: &Tree) -> Vec<Fault> {
    let folders: BTreeSet<PathBuf> = tree
        .paths
        .iter()
        .filter(|path| path.starts_with(MODELS_FOLDER) && path.components().count() > 2)
        .map(|path| path.components().take(2).collect())
        .collect();
    let faulty = folders.iter().filter_map(|folder| {
        let card = folder.join(CARD_FILE);
        match ModelCard::load(&tree.root.join(folder)) {
            Ok(_) => None,
            Err(error) => Some(Fault::new(&card, 0, short(&error.to_string(), &tree.root))),
        }
    });
    faulty.collect()
}

/// Models are what `models.lock` says.
pub(super) fn locked(tree: &Tree) -> Vec<Fault> {
    match lock::differences(&tree.root) {
        Ok(all) => all.into_iter().map(|(path, why)| Fault::new(&path, 0, why)).collect(),
        Err(error) => {
            let why = short(&format!("cannot be compared: {error:#}"), &tree.root);
            vec![Fault::new(Path::new(lock::LOCK_FILE), 0, why)]
        }
    }
}

/// Pages of figures are what the kept runs say.
pub(super) fn figures(tree: &Tree) -> Vec<Fault> {
    let stale = report::stale(&tree.root).into_iter();
    stale.map(|(path, why)| Fault::new(&path, 0, short(&why, &tree.root))).collect()
}

/// Every TOML file parses; manifests of data sets also hold what they must.
pub(super) fn tomls(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.with_extension("toml") {
        if let Err(error) = text.parse::<toml::Table>() {
            let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
            faults.push(Fault::new(path, line, error.message().to_owned()));
        } else if path.parent() == Some(Path::new("datasets"))
            && let Err(error) = Manifest::load(&tree.root.join(path))
        {
            faults.push(Fault::new(path, 0, short(&format!("{error:#}"), &tree.root)));
        }
    }
    faults
}

/// A message without the workspace's own path, which stands before it already.
fn short(message: &str, root: &Path) -> String {
    message.replace(&format!("{}/", root.display()), "")
}

#[cfg(test)]
mod tests {
    use super::super::testing::faults;
    use super::*;
    use strata_testkit::{CardSpec, models, write_card};

    #[test]
    fn folders_without_a_sound_card_are_found() {
        let found = faults(
            cards,
            &[
                ("shared-models/a/a.onnx", "x"),
                ("shared-models/b/card.toml", "name = 5\n"),
                ("shared-models/README.md", ""),
            ],
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("shared-models/a/card.toml"), "{found:?}");
        assert!(found[1].contains("1:8") || found[1].contains("invalid type"), "{found:?}");
    }

    #[test]
    fn a_sound_card_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let model = models::identity(2);
        write_card(&folder.path().join(MODELS_FOLDER), &CardSpec::new("good"), &model).unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(cards(&tree), []);
    }

    #[test]
    fn a_model_that_the_lock_does_not_know_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let model = models::identity(2);
        write_card(&folder.path().join(MODELS_FOLDER), &CardSpec::new("new"), &model).unwrap();
        std::fs::write(folder.path().join(lock::LOCK_FILE), "").unwrap();
        let found = locked(&Tree::read(folder.path()).unwrap());
        assert!(found[0].to_string().contains("cargo xtask models lock"), "{found:?}");
    }

    #[test]
    fn broken_toml_is_found_with_its_line() {
        let found = faults(
            tomls,
            &[
                ("apps/a/scenarios/x.toml", "a = 1\nb = = 2\n"),
                ("datasets/x.toml", "name = \"x\"\n"),
                ("ok.toml", ""),
            ],
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("apps/a/scenarios/x.toml:2: "), "{found:?}");
        assert!(found[1].contains("missing field"), "{found:?}");
    }
}
