//! Memory banks: what normal pictures look like, as patch vectors, and how far a new picture is from that.
//!
//! Patch vectors come from feature maps ([`FeatureSpec`], [`Patches`]); [`BankBuilder`] keeps those that cover the normal
//! pictures ([`Keep`]); [`MemoryBank`] scores pictures ([`Scoring`]: PatchCore, AnomalyDINO), takes more normals and gives
//! some back, and is saved to a file that says which model and preprocessing it belongs to ([`Identity`]).

mod any;
mod builder;
mod candidates;
mod coreset;
mod file;
mod frame;
mod gaussian;
mod gaussian_file;
mod heat;
mod index;
mod kernel;
mod memory;
mod order;
mod patches;
mod pca;
mod score;
mod sketch;
mod table;

use serde::{Deserialize, Serialize};

pub use any::{AnyBank, AnyBuilder, AnyOptions};
pub use builder::{BankBuilder, FitOptions, Keep};
pub use gaussian::{GaussianBank, GaussianBuilder, GaussianOptions};
pub use heat::{BLUR_SIGMA, heat_map};
pub use index::{Neighbour, Precision};
pub use memory::{Added, BankStats, MemoryBank};
pub use patches::{FeatureSpec, Patches};
pub use score::{Anomaly, Metric, Reduction, Scoring};

/// What can go wrong with a memory bank.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// A card's table does not describe feature maps.
    #[error("model card: {0}")]
    Card(String),
    /// Feature maps or patch vectors that cannot be used.
    #[error("features: {0}")]
    Features(String),
    /// An option outside its range.
    #[error("bank options: {0}")]
    Options(String),
    /// The bank was made with something else than is used now: scores would mean nothing.
    #[error(
        "the bank was made with {what} {bank}, but {given} is in use: fit a new bank, or use what it was made with"
    )]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// What the bank was made with.
        bank: String,
        /// What is in use.
        given: String,
    },
    /// A normal picture is in the bank already.
    #[error("`{0}` is in the bank already: remove it first, or give the picture another name")]
    Duplicate(String),
    /// A normal picture is not in the bank.
    #[error("`{0}` is not in the bank: its list of normal pictures has the names")]
    Unknown(String),
    /// Nothing would be left.
    #[error("a bank needs at least one normal picture with one patch vector")]
    Empty,
    /// Bytes that are not a bank, or not all of it.
    #[error("{what}: not a usable bank file ({why}): copy it again, or fit a new bank")]
    File {
        /// The file.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// What the vectors of a bank depend on. All of it must be the same where the bank is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name of the model that made the feature maps.
    pub model: String,
    /// sha256 of the model's file, hexadecimal.
    pub model_sha256: String,
    /// Hash of the preprocessing, as the kit's preprocessing tells it.
    pub preprocess: String,
    /// Layers and pooling.
    pub features: FeatureSpec,
}

impl Identity {
    /// Compares what a bank was made with (`self`) to what is in use.
    ///
    /// # Errors
    /// [`BankError::Mismatch`] with the first thing that differs. The model's name may differ where its sha256 is equal.
    pub fn check(&self, given: &Self) -> Result<(), BankError> {
        let differs =
            |what, bank: String, given: String| Err(BankError::Mismatch { what, bank, given });
        if !self.model_sha256.eq_ignore_ascii_case(&given.model_sha256) {
            let name =
                |identity: &Self| format!("`{}` ({})", identity.model, identity.model_sha256);
            return differs("model", name(self), name(given));
        }
        if self.preprocess != given.preprocess {
            return differs("preprocessing", self.preprocess.clone(), given.preprocess.clone());
        }
        if self.features.layers != given.features.layers {
            return differs(
                "layers",
                self.features.layers.join("+"),
                given.features.layers.join("+"),
            );
        }
        if self.features.neighbourhood != given.features.neighbourhood {
            let side = |identity: &Self| identity.features.neighbourhood.to_string();
            return differs("neighbourhood", side(self), side(given));
        }
        Ok(())
    }
}

/// A normal picture of a bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normal {
    /// The caller's name for it, one of its own.
    pub name: String,
    /// sha256 of the picture's bytes, hexadecimal; empty when unknown.
    pub sha256: String,
}

#[cfg(test)]
#[path = "bank/gaussian_tests.rs"]
mod gaussian_tests;
#[cfg(test)]
#[path = "bank/tests.rs"]
mod tests;
