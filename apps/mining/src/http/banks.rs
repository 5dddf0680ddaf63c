//! The memory banks of a server: each is read once, inspected with by many, and edited by one at a time.
//! An edit is saved before it counts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use strata_core::hub::Hub;
use strata_core::runtime::RunOptions;
use strata_serve::Problem;
use strata_vision::bank::{Added, AnyBank, BankError, Normal, Precision};
use strata_vision::image::Image;

use super::HttpError;
use super::problems::{of_bank, of_inspect, of_models};
use crate::inspect::{FeatureModel, InspectError};
use crate::models::{ModelSource, ModelsError};

/// How vectors are searched, as on the command line.
const PRECISION: Precision = Precision::Int8;

/// A bank as it is at a moment.
pub(super) struct State {
    pub(super) bank: Arc<AnyBank>,
    /// SHA-256 of its file.
    pub(super) sha256: String,
}

/// A bank by name.
pub(super) struct Bank {
    pub(super) name: String,
    path: PathBuf,
    state: RwLock<Arc<State>>,
    /// One edit at a time.
    editing: Mutex<()>,
    /// The model, bound to the bank, and the generation of models it is of.
    features: Mutex<Option<(u64, Arc<FeatureModel>)>>,
}

/// What became of a picture that was added.
pub(super) struct Edited {
    pub(super) added: Added,
    pub(super) state: Arc<State>,
}

/// The banks of a server.
pub(super) struct Banks {
    hub: Arc<Hub>,
    all: Vec<Bank>,
}

fn load(path: &Path) -> Result<State, HttpError> {
    let what = path.display().to_string();
    let unread = |source| BankError::Io { path: what.clone(), source };
    let bytes = std::fs::read(path).map_err(unread)?;
    let bank = AnyBank::read_from(&mut bytes.as_slice(), bytes.len() as u64, &what, PRECISION)?;
    Ok(State { bank: Arc::new(bank), sha256: hex(&Sha256::digest(&bytes)) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Banks {
    /// Reads the banks.
    pub(super) fn open(hub: &Arc<Hub>, files: &[PathBuf]) -> Result<Self, HttpError> {
        let mut all: Vec<Bank> = Vec::with_capacity(files.len());
        for path in files {
            let state = load(path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if all.iter().any(|known| known.name == name) {
                return Err(HttpError::SameName { key: "banks", name });
            }
            let state = RwLock::new(Arc::new(state));
            let (editing, features) = (Mutex::default(), Mutex::default());
            all.push(Bank { name, path: path.clone(), state, editing, features });
        }
        Ok(Self { hub: Arc::clone(hub), all })
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Bank] {
        &self.all
    }

    /// A bank that an address names.
    pub(super) fn find(&self, name: &str) -> Result<&Bank, Problem> {
        self.all.iter().find(|bank| bank.name == name).ok_or_else(|| {
            let text = format!("there is no bank {name:?}");
            Problem::not_found("no-bank", text).with_remedy("/v1/banks lists them")
        })
    }

    /// The model of a bank, as it is now.
    pub(super) fn features(&self, bank: &Bank) -> Result<Arc<FeatureModel>, Problem> {
        let generation = self.hub.generation();
        let mut bound = lock(&bank.features);
        if let Some((_, features)) = bound.as_ref().filter(|(of, _)| *of == generation) {
            return Ok(Arc::clone(features));
        }
        let identity = bank.state().bank.identity().clone();
        let bind = || -> Result<FeatureModel, ModelsError> {
            FeatureModel::new(self.hub.vision(&identity.model)?)
        };
        let features = Arc::new(bind().map_err(|error| of_models("bank", &error))?);
        identity.check(features.identity()).map_err(|error| of_bank(&error))?;
        *bound = Some((generation, Arc::clone(&features)));
        Ok(features)
    }

    /// Adds a picture to what is normal. The file is replaced as a whole before the bank is.
    pub(super) fn add(
        &self,
        bank: &Bank,
        (normal, image): (Normal, &Image),
        run: &RunOptions,
    ) -> Result<Edited, Problem> {
        let features = self.features(bank)?;
        let patches = features.patches_of(image, run).map_err(|error| of_inspect(&error))?.0;
        let _editing = lock(&bank.editing);
        let mut edited = bank.copy()?;
        // With more vectors every score falls or stays: what the threshold promised holds as before. Means and
        // covariances move both ways.
        let calibration = match &edited {
            AnyBank::Memory(bank) => bank.calibration().cloned(),
            AnyBank::Gaussian(_) => None,
        };
        let added = edited.add(normal, &patches).map_err(|error| of_bank(&error))?;
        edited.set_calibration(calibration);
        let state = bank.keep(&edited)?;
        Ok(Edited { added, state })
    }

    /// Takes a picture out of what is normal. Scores rise, so the calibration goes with it.
    pub(super) fn remove(&self, bank: &Bank, normal: &str) -> Result<(), Problem> {
        let _editing = lock(&bank.editing);
        let mut edited = bank.copy()?;
        edited.remove(normal).map_err(|error| of_bank(&error))?;
        bank.keep(&edited).map(drop)
    }
}

impl Bank {
    /// The bank as it is now.
    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether its file may be written.
    pub(super) fn is_editable(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|file| !file.permissions().readonly())
    }

    /// A copy to be edited, from the file: it may have been calibrated meanwhile.
    fn copy(&self) -> Result<AnyBank, Problem> {
        let bank = AnyBank::load(&self.path, PRECISION).map_err(Problem::internal)?;
        // Another bank may lie there now, made with another model.
        let known = self.state();
        known.bank.identity().check(bank.identity()).map_err(|error| of_bank(&error))?;
        Ok(bank)
    }

    /// Saves an edited copy and puts it in place.
    fn keep(&self, edited: &AnyBank) -> Result<Arc<State>, Problem> {
        edited.save(&self.path).map_err(|error| {
            tracing::error!(bank = self.name, %error, "bank not saved");
            Problem::internal(format!("the bank {:?} cannot be saved", self.name))
        })?;
        let state = Arc::new(load(&self.path).map_err(Problem::internal)?);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&state);
        Ok(state)
    }
}

/// Why a picture has no score, as a problem.
pub(super) fn scored<T>(result: Result<T, InspectError>) -> Result<T, Problem> {
    result.map_err(|error| of_inspect(&error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
