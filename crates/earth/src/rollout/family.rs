//! Families of weather models: cards that name the same family and the same state, one for each length of step.

use std::collections::BTreeMap;

use strata_core::card::{ModelCard, ModelStore};
use strata_core::paths::SearchPath;

use super::RolloutError;
use crate::card::{Contract, is_model};

/// A model of a family.
#[derive(Debug, Clone)]
pub struct FamilyModel {
    /// Its card; of the first part where the model is in parts.
    pub card: ModelCard,
    /// How a state goes in and comes out.
    pub contract: Contract,
    /// Cards of the parts after the first.
    pub parts: Vec<ModelCard>,
}

impl FamilyModel {
    /// Reads a card's contract, and the cards of further parts.
    ///
    /// # Errors
    /// [`RolloutError::Card`], or a part that is not there.
    pub fn new(card: ModelCard, search: &SearchPath) -> Result<Self, RolloutError> {
        let contract = contract(&card)?;
        let parts = contract.parts.iter().map(|name| ModelCard::find(name, search));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { card, contract, parts })
    }

    /// Bytes of the largest file that is loaded at a time, external data included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let of = |card: &ModelCard| {
            use strata_core::card::Role::{ExternalData, Model};
            let loaded = card.files.iter().filter(|file| matches!(file.role, Model | ExternalData));
            loaded.map(|file| file.bytes).sum()
        };
        std::iter::once(&self.card).chain(&self.parts).map(of).max().unwrap_or(0)
    }

    /// Memory that the card says it needs while running, where that was measured.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        let most = |card: &ModelCard| card.variants.iter().filter_map(|v| v.memory_bytes).max();
        std::iter::once(&self.card)
            .chain(&self.parts)
            .map(most)
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max()
    }
}

/// The contract of a weather model's card.
///
/// # Errors
/// [`RolloutError::Card`] where the card is none of a weather model or contradicts itself.
pub fn contract(card: &ModelCard) -> Result<Contract, RolloutError> {
    let wrong = |why: String| RolloutError::Card { model: card.name.clone(), why };
    if !is_model(card) {
        return Err(wrong(format!(
            "it is no weather model ([preprocess] kit = {:?})",
            crate::card::KIT
        )));
    }
    let contract: Contract = card
        .preprocess
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    contract.check().map_err(wrong)?;
    Ok(contract)
}

/// Models of one family.
#[derive(Debug, Clone)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// The contract of the longest step; grid and fields are those of all.
    pub contract: Contract,
    /// Models by the hours of their step.
    pub models: BTreeMap<u32, FamilyModel>,
}

impl Family {
    /// Finds a family by its name, or the family of one model by the model's name: that model alone then.
    ///
    /// # Errors
    /// [`RolloutError`] where there is none, or its cards do not go together.
    pub fn find(name: &str, search: &SearchPath) -> Result<Self, RolloutError> {
        let mut models = Vec::new();
        let mut known = std::collections::BTreeSet::new();
        for (folder, card) in ModelStore::new(search.clone()).cards() {
            let Ok(card) = card else { continue };
            if !is_model(&card) {
                continue;
            }
            let family = card
                .preprocess
                .get("family")
                .and_then(|family| family.as_str())
                .unwrap_or_default();
            known.insert(family.to_owned());
            if family == name || folder == name {
                models.push(FamilyModel::new(card, search)?);
            }
        }
        if models.is_empty() {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(RolloutError::NoFamily { name: name.to_owned(), known });
        }
        Self::of(models)
    }

    /// A family of these models.
    ///
    /// # Errors
    /// [`RolloutError::Card`] where they do not go together, or two have the same step.
    pub fn of(models: Vec<FamilyModel>) -> Result<Self, RolloutError> {
        let mut by_step: BTreeMap<u32, FamilyModel> = BTreeMap::new();
        for model in models {
            let wrong = |why: String| RolloutError::Card { model: model.card.name.clone(), why };
            if let Some(first) = by_step.values().next() {
                let (a, b) = (&first.contract, &model.contract);
                let fields = |contract: &Contract| -> Vec<_> {
                    let ports = contract.ports.iter();
                    ports
                        .map(|port| {
                            (port.axes.clone(), port.variables.clone(), port.levels.clone())
                        })
                        .collect()
                };
                if (a.grid, &a.planet, fields(a)) != (b.grid, &b.planet, fields(b)) {
                    return Err(wrong(format!(
                        "its state is not that of {}: models of a family share grid, planet and fields",
                        first.card.name
                    )));
                }
            }
            if let Some(other) = by_step.get(&model.contract.step_hours) {
                return Err(wrong(format!(
                    "{} has a step of {} h too: name the model that is meant",
                    other.card.name, model.contract.step_hours
                )));
            }
            by_step.insert(model.contract.step_hours, model);
        }
        let longest = by_step.values().next_back();
        let Some(longest) = longest else {
            return Err(RolloutError::NoFamily { name: String::new(), known: String::new() });
        };
        let (name, contract) = (longest.contract.family.clone(), longest.contract.clone());
        Ok(Self { name, contract, models: by_step })
    }

    /// Hours of the models' steps, longest first.
    #[must_use]
    pub fn steps(&self) -> Vec<u32> {
        self.models.keys().rev().copied().collect()
    }
}
