//! A bank of either kind, as callers that only score, calibrate and edit see it. The file's first bytes tell the kind.

use std::io::Read;
use std::path::Path;

use super::gaussian_file::MAGIC as GAUSSIAN;
use super::{
    Added, Anomaly, BankBuilder, BankError, BankStats, FitOptions, GaussianBank, GaussianBuilder,
    GaussianOptions, Identity, MemoryBank, Normal, Patches, Precision, frame,
};
use crate::calibrate::Calibration;

/// A bank of either kind.
#[derive(Debug)]
pub enum AnyBank {
    /// Vectors of normal patches, searched for the nearest (PatchCore, AnomalyDINO).
    Memory(MemoryBank),
    /// Mean and covariance of the normals at each place (PaDiM).
    Gaussian(GaussianBank),
}

/// What kind of bank is fitted, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AnyOptions {
    /// Vectors.
    Memory(FitOptions),
    /// Mean and covariance of each place: for a camera and pieces that do not move.
    Gaussian(GaussianOptions),
}

/// Takes normal pictures one by one and makes a bank of either kind of them.
#[derive(Debug)]
pub enum AnyBuilder {
    /// Of vectors.
    Memory(BankBuilder),
    /// Of means and covariances.
    Gaussian(GaussianBuilder),
}

/// Does the same with a bank of each kind.
macro_rules! each {
    ($bank:expr, $inner:ident => $what:expr) => {
        match $bank {
            AnyBank::Memory($inner) => $what,
            AnyBank::Gaussian($inner) => $what,
        }
    };
}

impl AnyBuilder {
    /// A builder without pictures.
    ///
    /// # Errors
    /// [`BankError::Options`]
    pub fn new(identity: Identity, options: AnyOptions) -> Result<Self, BankError> {
        Ok(match options {
            AnyOptions::Memory(options) => Self::Memory(BankBuilder::new(identity, options)?),
            AnyOptions::Gaussian(options) => {
                Self::Gaussian(GaussianBuilder::new(identity, options)?)
            }
        })
    }

    /// Takes a normal picture.
    ///
    /// # Errors
    /// Patches of another shape than those before, or a name that was given before.
    pub fn push(&mut self, normal: Normal, patches: &Patches) -> Result<(), BankError> {
        match self {
            Self::Memory(builder) => builder.push(normal, patches),
            Self::Gaussian(builder) => builder.push(normal, patches),
        }
    }

    /// The bank.
    ///
    /// # Errors
    /// [`BankError::Empty`] without pictures, or too few of them.
    pub fn finish(self, precision: Precision) -> Result<AnyBank, BankError> {
        Ok(match self {
            Self::Memory(builder) => AnyBank::Memory(builder.finish(precision)?),
            Self::Gaussian(builder) => AnyBank::Gaussian(builder.finish()?),
        })
    }
}

impl AnyBank {
    /// Reads a bank file of either kind.
    ///
    /// # Errors
    /// [`BankError::Io`], [`BankError::File`] for bytes that are not a whole bank.
    pub fn load(path: &Path, precision: Precision) -> Result<Self, BankError> {
        let (mut file, length) = frame::open(path)?;
        Self::read_from(&mut file, length, &path.display().to_string(), precision)
    }

    /// Reads a bank of `length` bytes; `what` names it in errors.
    ///
    /// # Errors
    /// As [`AnyBank::load`].
    pub fn read_from(
        reader: &mut dyn Read,
        length: u64,
        what: &str,
        precision: Precision,
    ) -> Result<Self, BankError> {
        let mut magic = [0; GAUSSIAN.len()];
        reader.read_exact(&mut magic).map_err(|_| BankError::File {
            what: what.to_owned(),
            why: "it ends within its first bytes".to_owned(),
        })?;
        let mut whole = magic.as_slice().chain(reader);
        Ok(match magic == GAUSSIAN {
            true => Self::Gaussian(GaussianBank::read_from(&mut whole, length, what)?),
            false => Self::Memory(MemoryBank::read_from(&mut whole, length, what, precision)?),
        })
    }

    /// Saves it: whole, or not at all.
    ///
    /// # Errors
    /// [`BankError::Io`]
    pub fn save(&self, path: &Path) -> Result<(), BankError> {
        each!(self, bank => bank.save(path))
    }

    /// What it depends on.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        each!(self, bank => bank.identity())
    }

    /// The normal pictures it was made of.
    #[must_use]
    pub fn normals(&self) -> &[Normal] {
        each!(self, bank => bank.normals())
    }

    /// Its threshold, and what that promises.
    #[must_use]
    pub fn calibration(&self) -> Option<&Calibration> {
        each!(self, bank => bank.calibration())
    }

    /// Sets or takes away the threshold.
    pub fn set_calibration(&mut self, calibration: Option<Calibration>) {
        each!(self, bank => bank.set_calibration(calibration));
    }

    /// Score with the threshold at 0.5; `None` without a calibration.
    #[must_use]
    pub fn normalised(&self, score: f32) -> Option<f32> {
        each!(self, bank => bank.normalised(score))
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> BankStats {
        each!(self, bank => bank.stats())
    }

    /// How it scores, in the field's words.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Memory(bank) => bank.scoring().name(),
            Self::Gaussian(_) => "PaDiM",
        }
    }

    /// Scores a picture.
    ///
    /// # Errors
    /// [`BankError::Features`] when its patches are of another shape.
    pub fn score(&self, patches: &Patches) -> Result<Anomaly, BankError> {
        each!(self, bank => bank.score(patches))
    }

    /// Scores one of its own normals as if it was not in the bank.
    ///
    /// # Errors
    /// As [`AnyBank::score`]; [`BankError::Unknown`] for another picture's name.
    pub fn score_left_out(&self, name: &str, patches: &Patches) -> Result<Anomaly, BankError> {
        each!(self, bank => bank.score_left_out(name, patches))
    }

    /// Takes another normal picture; the calibration goes.
    ///
    /// # Errors
    /// Patches of another shape, or a name that is in the bank.
    pub fn add(&mut self, normal: Normal, patches: &Patches) -> Result<Added, BankError> {
        match self {
            Self::Memory(bank) => bank.add(normal, patches),
            Self::Gaussian(bank) => {
                bank.add(normal, patches)?;
                Ok(Added { offered: patches.count(), kept: patches.count() })
            }
        }
    }

    /// Takes a normal picture out; the calibration goes.
    ///
    /// # Errors
    /// [`BankError::Unknown`]; [`BankError::Options`] for a bank of means and covariances, which does not keep what it
    /// was made of.
    pub fn remove(&mut self, name: &str) -> Result<usize, BankError> {
        match self {
            Self::Memory(bank) => bank.remove(name),
            Self::Gaussian(_) => Err(BankError::Options(
                "a PaDiM bank does not keep its normals' vectors: fit a new one without the picture".to_owned(),
            )),
        }
    }
}

impl From<MemoryBank> for AnyBank {
    fn from(bank: MemoryBank) -> Self {
        Self::Memory(bank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{FeatureSpec, Keep};

    fn identity() -> Identity {
        Identity {
            model: "m".to_owned(),
            model_sha256: "00".repeat(32),
            preprocess: "p".to_owned(),
            features: FeatureSpec { layers: vec!["a".to_owned()], neighbourhood: 3 },
        }
    }

    fn patches(seed: usize) -> Patches {
        let data = (0..4 * 3).map(|at| ((at * 7 + seed * 13) % 17) as f32 / 17.0).collect();
        Patches::new((2, 2), 3, data).expect("4 of 3")
    }

    #[test]
    fn either_kind_comes_back_from_its_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let gaussian = GaussianOptions { components: 2, ..GaussianOptions::default() };
        let memory = FitOptions { keep: Keep::All, ..FitOptions::default() };
        for options in [AnyOptions::Memory(memory), AnyOptions::Gaussian(gaussian)] {
            let mut builder = AnyBuilder::new(identity(), options).expect("options");
            for at in 0..6 {
                let normal = Normal { name: format!("{at}"), sha256: String::new() };
                builder.push(normal, &patches(at)).expect("same shape");
            }
            let bank = builder.finish(Precision::Int8).expect("six normals");
            let path = dir.path().join("x.bank");
            bank.save(&path).expect("saved");
            let read = AnyBank::load(&path, Precision::Int8).expect("a bank");
            assert_eq!(read.method(), bank.method());
            assert_eq!(read.stats().images, 6);
            let odd = Patches::new((2, 2), 3, vec![9.0; 12]).expect("4 of 3");
            let (a, b) = (bank.score(&odd).expect("a score"), read.score(&odd).expect("a score"));
            assert_eq!(a.score, b.score);
            assert!(a.score > bank.score(&patches(0)).expect("a score").score);
        }
        for bytes in [&b""[..], b"STRATAGB", b"no bank at all, but long enough for a header of one"]
        {
            let error = AnyBank::read_from(&mut &*bytes, bytes.len() as u64, "x", Precision::Int8);
            assert!(matches!(error, Err(BankError::File { .. })));
        }
    }
}
