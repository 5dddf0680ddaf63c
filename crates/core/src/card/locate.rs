//! The models on the search path, by name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{CARD_FILE, CardError, ModelCard, ModelFile, is_plain_name};
use crate::paths::SearchPath;

/// The models on a search path.
#[derive(Debug, Clone)]
pub struct ModelStore {
    search: SearchPath,
}

impl ModelStore {
    /// The models on this search path.
    #[must_use]
    pub fn new(search: SearchPath) -> Self {
        Self { search }
    }

    /// Its search path.
    #[must_use]
    pub fn search(&self) -> &SearchPath {
        &self.search
    }

    /// Name and folder of every model that has a card, sorted by name. A name found in two folders
    /// is the first one's. Folders that cannot be read count as empty.
    #[must_use]
    pub fn folders(&self) -> BTreeMap<String, PathBuf> {
        let mut found = BTreeMap::new();
        for models in &self.search.models {
            let Ok(entries) = std::fs::read_dir(models) else { continue };
            for dir in entries.flatten().map(|entry| entry.path()) {
                let Some(name) = dir.file_name().and_then(|n| n.to_str()) else { continue };
                if dir.join(CARD_FILE).is_file() {
                    found.entry(name.to_owned()).or_insert(dir);
                }
            }
        }
        found
    }

    /// Reads every card, in order of names; a broken card gives its error and hides no other.
    pub fn cards(&self) -> impl Iterator<Item = (String, Result<ModelCard, CardError>)> {
        self.folders().into_iter().map(|(name, dir)| {
            let card = ModelCard::load(&dir);
            (name, card)
        })
    }

    /// Reads the card of the model named `name`.
    ///
    /// # Errors
    /// [`CardError::NotFound`], or what [`ModelCard::load`] reports.
    pub fn card(&self, name: &str) -> Result<ModelCard, CardError> {
        // A name with a separator would lead out of the models' folders.
        let dir = is_plain_name(name)
            .then(|| self.search.models.iter().map(|models| models.join(name)))
            .and_then(|mut dirs| dirs.find(|dir| dir.join(CARD_FILE).is_file()));
        match dir {
            Some(dir) => ModelCard::load(&dir),
            None => Err(self.not_found(name)),
        }
    }

    /// Where a file of a model lies; see [`ModelCard::locate`].
    ///
    /// # Errors
    /// [`CardError::FileAbsent`].
    pub fn locate(&self, card: &ModelCard, file: &ModelFile) -> Result<PathBuf, CardError> {
        card.locate(file, &self.search)
    }

    fn not_found(&self, name: &str) -> CardError {
        let known: Vec<String> = self.folders().into_keys().collect();
        CardError::NotFound {
            name: name.to_owned(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
            searched: self.search.models.clone(),
        }
    }
}
