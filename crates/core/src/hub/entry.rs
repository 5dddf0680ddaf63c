//! What a hub knows of a model by name: a place for each folder it was found in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Served;
use super::status::ModelState;

/// What is known of a model by name.
#[derive(Default)]
pub(super) struct Entry {
    /// By root: the card found there and what became of it.
    pub(super) places: BTreeMap<usize, Place>,
}

pub(super) struct Place {
    pub(super) version: String,
    pub(super) served: Option<Arc<Served>>,
    /// Why it isn't served, or why its replacement is not.
    pub(super) trouble: Option<String>,
    /// A file of the model is not there: nothing is wrong, it was never fetched.
    pub(super) absent: bool,
    /// Taken out of service on purpose.
    pub(super) unloaded: bool,
}

impl Entry {
    pub(super) fn versions(&self) -> Vec<String> {
        let mut versions: Vec<String> = Vec::new();
        for place in self.places.values() {
            if !versions.contains(&place.version) {
                versions.push(place.version.clone());
            }
        }
        versions
    }
}

impl Place {
    pub(super) fn waiting(version: String) -> Self {
        Self { version, served: None, trouble: None, absent: false, unloaded: false }
    }

    pub(super) fn broken(trouble: String) -> Self {
        Self { trouble: Some(trouble), ..Self::waiting("unknown".to_owned()) }
    }

    pub(super) fn state(&self) -> ModelState {
        match self {
            Self { served: Some(_), .. } => ModelState::Ready,
            Self { unloaded: true, .. } => ModelState::Unloaded,
            Self { absent: true, .. } => ModelState::Absent,
            Self { trouble: Some(_), .. } => ModelState::Failed,
            _ => ModelState::Waiting,
        }
    }

    pub(super) fn reason(&self) -> String {
        match (self.state(), &self.trouble) {
            (ModelState::Unloaded, _) => "it was unloaded".to_owned(),
            (_, Some(trouble)) => trouble.clone(),
            _ => "it is being loaded".to_owned(),
        }
    }
}
