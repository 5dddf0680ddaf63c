//! What is worked out of one molecule: descriptors, alerts, features, fingerprints. The molecule is
//! perceived once and everything reads that.

use std::path::{Path, PathBuf};

use strata_chem::Mol;
use strata_chem::alerts::AlertCatalog;
use strata_chem::descriptors::MolProfile;
use strata_chem::fingerprint::{self, EcfpParams, Scratch};
use strata_chem::{qed, sa_score};

use crate::scenario::Loaded;

use super::models::{FingerprintKind, SharedFeaturiser};

/// Why the chemistry of a run is not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChemistryError {
    /// A file of alerts cannot be read.
    #[error("cannot read the alerts {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of alerts is wrong.
    #[error("the alerts {} are not usable: {why}", path.display())]
    Alerts {
        /// The file, or the name of a built-in set.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

/// The parts of the chemistry that are the same for all molecules.
pub(super) struct Chemistry {
    /// One catalogue an alert rule of the scenario.
    rules: Vec<AlertCatalog>,
}

/// What is worked out of one molecule and kept until its row is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub(super) canonical_smiles: String,
    /// In the order of `columns::DESCRIPTORS`.
    pub(super) descriptors: [f64; 7],
    /// `set:name` of every alert that hit, separated by `; `.
    pub(super) alerts: String,
    /// Of each of the scenario's alert rules, whether it hit.
    pub(super) rules_hit: Vec<bool>,
}

impl Chemistry {
    /// Loads the alerts a scenario looks for. A file's name is relative to the scenario's.
    pub(super) fn new(loaded: &Loaded) -> Result<Self, ChemistryError> {
        let folder = Path::new(&loaded.origin).parent().unwrap_or(Path::new(""));
        let rules = loaded.scenario.alerts.iter().map(|rule| match (&rule.set, &rule.file) {
            (Some(set), _) if set.get_ref() == "PAINS" => Ok(AlertCatalog::pains().clone()),
            (Some(_), _) => Ok(AlertCatalog::brenk().clone()),
            (None, Some(file)) => own_alerts(&folder.join(file.get_ref())),
            (None, None) => Ok(AlertCatalog::default()),
        });
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Perceives a molecule.
    pub(super) fn read<'m>(&'m self, mol: &'m Mol) -> Molecule<'m> {
        Molecule { chemistry: self, profile: MolProfile::new(mol), mol }
    }
}

fn own_alerts(path: &Path) -> Result<AlertCatalog, ChemistryError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ChemistryError::Io { path: path.to_path_buf(), source })?;
    let toml = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"));
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let read = match toml {
        true => AlertCatalog::from_toml(&text),
        false => AlertCatalog::from_smarts_lines(&text, &name),
    };
    read.map_err(|error| ChemistryError::Alerts {
        path: path.to_path_buf(),
        why: error.to_string(),
    })
}

/// A molecule while its record is prepared.
pub(super) struct Molecule<'m> {
    chemistry: &'m Chemistry,
    profile: MolProfile<'m>,
    mol: &'m Mol,
}

impl Molecule<'_> {
    /// Writes a model's features.
    pub(super) fn features(&self, featuriser: &SharedFeaturiser, row: &mut [f32]) {
        featuriser.inner.write_profile(&self.profile, row);
    }

    /// Writes the fingerprint a training domain is searched with.
    pub(super) fn fingerprint(&self, kind: &FingerprintKind, words: &mut [u64]) {
        let params =
            EcfpParams { radius: kind.radius as usize, size: kind.bits, ..EcfpParams::default() };
        fingerprint::ecfp_into(self.mol, &params, &mut Scratch::default(), words);
    }

    /// Works out what goes into the result.
    pub(super) fn facts(&self) -> Facts {
        let mut alerts = String::new();
        let mut rules_hit = Vec::with_capacity(self.chemistry.rules.len());
        for catalogue in &self.chemistry.rules {
            let hits = catalogue.hits_on(self.profile.target());
            rules_hit.push(!hits.is_empty());
            for alert in hits {
                if !alerts.is_empty() {
                    alerts.push_str("; ");
                }
                alerts.push_str(&alert.label());
            }
        }
        Facts {
            canonical_smiles: self.mol.canonical_smiles(),
            descriptors: [
                self.profile.composition().weight,
                self.profile.crippen().logp(),
                self.profile.tpsa(),
                f64::from(self.profile.matched().donors),
                f64::from(self.profile.matched().acceptors),
                qed::qed_of(&self.profile),
                sa_score::sa_of(&self.profile).unwrap_or(f64::NAN),
            ],
            alerts,
            rules_hit,
        }
    }
}
