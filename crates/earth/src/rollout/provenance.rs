//! Where a forecast comes from: into the file's metadata, and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use strata_core::provenance::STRATA_VERSION;

use super::family::Family;
use super::perturb::{Ensemble, Perturbation};
use super::schedule::Schedule;
use crate::time::Time;

/// A file the analysis was read from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// Its name, without the folders.
    pub file: String,
    /// Its SHA-256, or that of a folder's files.
    pub sha256: String,
}

/// A model of the forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelFacts {
    /// Name.
    pub model: String,
    /// Version on its card.
    pub version: String,
    /// Licence of its weights.
    pub licence: String,
    /// Hours of its step.
    pub step_hours: u32,
    /// Files by name, with their SHA-256.
    pub files: BTreeMap<String, String>,
    /// Runs that it makes, a member.
    pub runs: usize,
}

/// Where a forecast comes from. It holds nothing that differs between two runs of the same arguments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// Version of the program.
    pub strata: String,
    /// Family of the models.
    pub family: String,
    /// Whose atmosphere it is.
    pub planet: String,
    /// The models that were run.
    pub models: Vec<ModelFacts>,
    /// Time of the analysis.
    pub reference: Time,
    /// Leads that were asked for, in hours.
    pub leads_hours: Vec<u32>,
    /// The analysis.
    pub input: Vec<Input>,
    /// Perturbation of an ensemble, in words; none for one forecast.
    pub ensemble: Option<String>,
    /// Arguments of the command.
    pub arguments: Vec<String>,
}

impl Provenance {
    /// What is known before the run.
    #[must_use]
    pub fn new(family: &Family, schedule: &Schedule, reference: Time) -> Self {
        let used = family.models.iter().rev().filter_map(|(step, model)| {
            let runs = schedule.runs.iter().filter(|run| run.step == *step).count();
            (runs > 0).then(|| {
                let cards = std::iter::once(&model.card).chain(&model.parts);
                use strata_core::card::Role::{ExternalData, Model};
                let files = cards.flat_map(|card| {
                    card.files.iter().filter(|file| matches!(file.role, Model | ExternalData))
                });
                ModelFacts {
                    model: model.card.name.clone(),
                    version: model.card.version.clone(),
                    licence: model.card.licence.clone(),
                    step_hours: *step,
                    files: files.map(|file| (file.path.clone(), file.sha256.clone())).collect(),
                    runs,
                }
            })
        });
        Self {
            strata: STRATA_VERSION.to_owned(),
            family: family.name.clone(),
            planet: family.contract.planet.clone(),
            models: used.collect(),
            reference,
            leads_hours: schedule
                .runs
                .iter()
                .filter(|run| run.wanted)
                .map(|run| run.lead)
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect(),
            input: Vec::new(),
            ensemble: None,
            arguments: Vec::new(),
        }
    }

    /// Says how members are perturbed.
    pub fn set_ensemble(&mut self, members: u32, ensemble: &Ensemble) {
        let kind = match ensemble.perturbation {
            Perturbation::None => "no perturbation".to_owned(),
            Perturbation::Gaussian => "gaussian noise".to_owned(),
            Perturbation::Perlin(like) => format!(
                "gradient noise on the sphere (frequency {}, {} octaves)",
                like.frequency, like.octaves
            ),
            Perturbation::Bred { cycles } => format!("bred vectors of {cycles} cycles"),
        };
        self.ensemble = Some(format!(
            "{members} members, {kind}, amplitude {}, seed {}, member 0 unperturbed",
            ensemble.amplitude, ensemble.seed
        ));
    }

    /// As attributes of a file.
    #[must_use]
    pub fn attributes(&self) -> BTreeMap<String, String> {
        let earth = self.planet == crate::card::EARTH;
        let title = if earth {
            format!("{} forecast", self.family)
        } else {
            format!("{} forecast: {}, not Earth weather", self.family, self.planet)
        };
        let models: Vec<String> =
            self.models.iter().map(|model| format!("{} {}", model.model, model.version)).collect();
        let digests: Vec<String> = self
            .models
            .iter()
            .flat_map(|model| model.files.iter().map(|(file, sha)| format!("{file}:{sha}")))
            .collect();
        let mut attributes = BTreeMap::from([
            ("title".to_owned(), title),
            ("source".to_owned(), models.join(", ")),
            ("planet".to_owned(), self.planet.clone()),
            ("model_family".to_owned(), self.family.clone()),
            ("model_sha256".to_owned(), digests.join(" ")),
            (
                "history".to_owned(),
                format!("strata-weather {}: {}", self.strata, self.arguments.join(" ")),
            ),
        ]);
        let schedule: Vec<String> = self
            .models
            .iter()
            .map(|model| format!("{} x {} h", model.runs, model.step_hours))
            .collect();
        attributes.insert("schedule".to_owned(), schedule.join(", "));
        let inputs: Vec<String> =
            self.input.iter().map(|input| format!("{}:{}", input.file, input.sha256)).collect();
        if !inputs.is_empty() {
            attributes.insert("input_sha256".to_owned(), inputs.join(" "));
        }
        if let Some(ensemble) = &self.ensemble {
            attributes.insert("ensemble".to_owned(), ensemble.clone());
        }
        attributes
    }
}
