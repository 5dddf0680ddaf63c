//! The models on this machine: which there are, what their cards say, whether their files are whole,
//! fetching them; and the command `models`.

mod command;
mod files;
mod list;

use strata_core::card::{CardError, ModelCard, ModelStore};
use strata_core::paths::SearchPath;

pub use command::{Args, run};
pub use files::{FetchedFile, Origins, Verified, fetch_models, verify};
pub use list::{Listed, list, render_card, render_list};

/// Why there is no answer about models.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// A model's card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// What was asked for does not make sense; the text says what does.
    #[error("{0}")]
    Request(String),
}

/// Whether an application uses the model with this card.
pub type Serves = fn(&ModelCard) -> bool;

/// Which models of the search path are meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Every one.
    Every,
    /// Those that an application uses. Broken cards are among them: nobody can say whose they are.
    Served(Serves),
    /// Those of these names.
    Named(&'a [String]),
}

/// Cards by name; what is wrong with a card in its place.
type NamedCards = Vec<(String, Result<ModelCard, String>)>;

fn cards(search: &SearchPath, which: Which<'_>) -> Result<NamedCards, ModelsError> {
    let store = ModelStore::new(search.clone());
    if let Which::Named(names) = which {
        return names.iter().map(|name| Ok((name.clone(), Ok(store.card(name)?)))).collect();
    }
    let mut all: NamedCards =
        store.cards().map(|(name, card)| (name, card.map_err(|error| error.to_string()))).collect();
    if let Which::Served(serves) = which {
        all.retain(|(_, card)| card.as_ref().map_or(true, serves));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use strata_core::paths::search_path;
    use strata_testkit::{CardSpec, models, write_card};

    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            write_card(dir.path(), &CardSpec::new(name), &models::identity(2)).unwrap();
        }
        dir
    }

    fn names(folder: &Path, which: Which<'_>) -> Vec<String> {
        let listed = list(&search_path(Some(folder)), which).unwrap();
        listed.into_iter().map(|model| model.name).collect()
    }

    #[test]
    fn an_application_sees_its_own_models_and_broken_cards() {
        let dir = folder(&["ours", "theirs", "torn"]);
        std::fs::write(dir.path().join("torn/card.toml"), "name = 5\n").unwrap();
        let ours: Serves = |card| card.name == "ours";
        assert_eq!(names(dir.path(), Which::Every), ["ours", "theirs", "torn"]);
        assert_eq!(names(dir.path(), Which::Served(ours)), ["ours", "torn"]);
        assert_eq!(names(dir.path(), Which::Named(&["theirs".to_owned()])), ["theirs"]);
        let search = search_path(Some(dir.path()));
        let verified = verify(&search, Which::Served(ours)).unwrap();
        let verified: Vec<_> =
            verified.iter().map(|one| (one.model.as_str(), one.problem.is_empty())).collect();
        assert_eq!(verified, [("ours", true), ("torn", false)]);
    }

    #[test]
    fn a_name_that_is_not_there_is_told_with_those_that_are() {
        let dir = folder(&["ours"]);
        let search = search_path(Some(dir.path()));
        let error = verify(&search, Which::Named(&["none".to_owned()])).unwrap_err();
        assert!(matches!(error, ModelsError::Card(CardError::NotFound { .. })), "{error}");
        assert!(error.to_string().contains("ours"), "{error}");
    }
}
