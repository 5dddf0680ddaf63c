//! Featurisers: from a molecule to the row of numbers a model reads.
//!
//! A featuriser is named by an id that says everything about it. Its hash covers that specification
//! and its output on built-in molecules, so that a model can refuse a featuriser it was not trained
//! with, even one of the same name whose chemistry has changed.
//!
//! | id | columns |
//! | --- | --- |
//! | `ecfp4c-2048+rdkit-110/1` | Morgan radius 2, counts folded to 2048; then the 110 descriptors of [`NAMES`] |
//! | `ecfp4c-2048/1` | the counts alone (any even diameter and any size) |
//! | `morgan-r2-1024-bits/1` | Morgan radius 2, 1024 bits as 0 and 1 (any radius and size) |
//! | `rdkit-110/1` | the descriptors alone |
//! | `rdkit2d-normalized-200/1` | 200 descriptors as fractions of a reference population, see [`normalized`] |
//!
//! A model that takes a graph as well has a [`ModelFeaturiser`].

mod cdf;
mod model;
pub mod normalized;

use std::cell::RefCell;

use sha2::{Digest, Sha256};

use crate::descriptors::{MolProfile, NAMES};
use crate::fingerprint::{self, EcfpParams, Scratch};
use crate::{ChemError, Mol};

pub use model::ModelFeaturiser;

/// Descriptors are clipped to this size; a value that is not a number becomes 0.
const CLIP: f64 = 10_000.0;

/// Largest fingerprint a featuriser may ask for.
const MAX_SIZE: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    radius: u32,
    size: usize,
    counts: bool,
}

/// Writes feature rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Featuriser {
    id: String,
    fingerprint: Option<Fingerprint>,
    descriptors: bool,
    normalized: bool,
}

const NORMALIZED: &str = "rdkit2d-normalized-200";

/// The featuriser our shipped property models use.
pub const DEFAULT_ID: &str = "ecfp4c-2048+rdkit-110/1";

impl Featuriser {
    /// Reads an id.
    ///
    /// # Errors
    /// [`ChemError::Parameter`] for an id that is none of the forms above.
    pub fn from_id(id: &str) -> Result<Self, ChemError> {
        let unknown = || ChemError::Parameter {
            name: "featuriser",
            reason: format!(
                "unknown id `{id}`; examples: {DEFAULT_ID}, ecfp4c-2048/1, morgan-r2-1024-bits/1, \
                 rdkit2d-normalized-200/1"
            ),
        };
        let body = id.strip_suffix("/1").ok_or_else(unknown)?;
        let mut featuriser =
            Self { id: id.to_owned(), fingerprint: None, descriptors: false, normalized: false };
        if body == NORMALIZED {
            return Ok(Self { normalized: true, ..featuriser });
        }
        for (index, part) in body.split('+').enumerate() {
            if part == format!("rdkit-{}", NAMES.len()) && !featuriser.descriptors {
                featuriser.descriptors = true;
            } else if index == 0 {
                featuriser.fingerprint = Some(parse_fingerprint(part).ok_or_else(unknown)?);
            } else {
                return Err(unknown());
            }
        }
        Ok(featuriser)
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Number of columns.
    pub fn dim(&self) -> usize {
        let bits = self.fingerprint.map_or(0, |f| f.size);
        let normalized = if self.normalized { normalized::COLUMNS } else { 0 };
        bits + normalized + if self.descriptors { NAMES.len() } else { 0 }
    }

    /// Names of the columns.
    pub fn names(&self) -> Vec<String> {
        let bits = self.fingerprint.map_or(0, |f| f.size);
        let mut names: Vec<String> = (0..bits).map(|bit| format!("morgan_{bit}")).collect();
        if self.descriptors {
            names.extend(NAMES.iter().map(|&name| name.to_owned()));
        }
        if self.normalized {
            names.extend(normalized::names().iter().map(|&name| name.to_owned()));
        }
        names
    }

    /// Writes the row of a molecule.
    ///
    /// # Panics
    /// If `out` is not [`Featuriser::dim`] long.
    pub fn write(&self, mol: &Mol, out: &mut [f32]) {
        self.write_profile(&MolProfile::new(mol), out);
    }

    /// Writes the row of a molecule whose properties are computed too.
    ///
    /// # Panics
    /// If `out` is not [`Featuriser::dim`] long.
    pub fn write_profile(&self, profile: &MolProfile<'_>, out: &mut [f32]) {
        assert_eq!(out.len(), self.dim(), "one place for each column");
        let (bits, descriptors) = out.split_at_mut(self.fingerprint.map_or(0, |f| f.size));
        if let Some(fingerprint) = self.fingerprint {
            write_fingerprint(profile.mol(), fingerprint, bits);
        }
        if self.normalized {
            let mut values = [0.0; NAMES.len()];
            profile.descriptors(&mut values);
            normalized::write(profile, &values, descriptors);
        } else if self.descriptors {
            let mut values = [0.0; NAMES.len()];
            profile.descriptors(&mut values);
            for (place, value) in descriptors.iter_mut().zip(values) {
                *place = if value.is_finite() { value.clamp(-CLIP, CLIP) as f32 } else { 0.0 };
            }
        }
    }

    /// SHA-256, in hexadecimal, over the specification and the rows of the built-in molecules. Values
    /// enter with five significant digits, so that last-digit differences between platforms' mathematics
    /// matter only where a value lies on the edge of rounding.
    pub fn hash(&self) -> String {
        self.hash_of(|mol, row| self.write(mol, row))
    }

    /// The hash of whatever `write` puts into the rows of the built-in molecules.
    fn hash_of(&self, mut write: impl FnMut(&Mol, &mut [f32])) -> String {
        let mut digest = Sha256::new();
        digest.update(self.id.as_bytes());
        digest.update(format!("\nclip {CLIP}\n"));
        if self.descriptors {
            digest.update(NAMES.join(" "));
        }
        if self.normalized {
            digest.update(normalized::names().join(" "));
        }
        let mut row = vec![0.0f32; self.dim()];
        for smiles in PROBES {
            digest.update(format!("\n{smiles}"));
            // Every probe parses: a test holds them to it. One that did not would change the hash.
            let Ok(mol) = Mol::from_smiles(smiles) else { continue };
            write(&mol, &mut row);
            for (column, value) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                digest.update(format!(" {column}:{value:.4e}"));
            }
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// `ecfp4c-2048` or `morgan-r2-1024-bits`.
fn parse_fingerprint(part: &str) -> Option<Fingerprint> {
    let (radius, size, counts) = if let Some(rest) = part.strip_prefix("ecfp") {
        let (diameter, size) = rest.split_once("c-")?;
        let diameter: u32 = diameter.parse().ok()?;
        if diameter % 2 == 1 {
            return None;
        }
        (diameter / 2, size, true)
    } else {
        let rest = part.strip_prefix("morgan-r")?.strip_suffix("-bits")?;
        let (radius, size) = rest.split_once('-')?;
        (radius.parse().ok()?, size, false)
    };
    let size: usize = size.parse().ok()?;
    (radius <= 8 && (1..=MAX_SIZE).contains(&size)).then_some(Fingerprint { radius, size, counts })
}

fn write_fingerprint(mol: &Mol, fingerprint: Fingerprint, out: &mut [f32]) {
    let params = EcfpParams {
        radius: fingerprint.radius as usize,
        size: fingerprint.size,
        ..EcfpParams::default()
    };
    SCRATCH.with_borrow_mut(|scratch| fingerprint::ecfp_counts_into(mol, &params, scratch, out));
    if !fingerprint.counts {
        out.iter_mut().for_each(|count| *count = count.min(1.0));
    }
}

thread_local! {
    /// Buffers of the fingerprints, kept from molecule to molecule.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// Molecules that pin a featuriser's output: rings of every kind, charges, halogens, metals, salts,
/// isotopes, stereo marks.
const PROBES: [&str; 40] = [
    "C",
    "O",
    "[Na+].[Cl-]",
    "CCO",
    "CC(=O)O",
    "c1ccccc1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "CC(=O)Nc1ccc(O)cc1",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "CN1CCC[C@H]1c1cccnc1",
    "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O",
    "C[C@]12CC[C@H]3[C@@H](CCC4=CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2O",
    "CN1[C@H]2CC[C@@H]1[C@@H](C(=O)OC)[C@H](C2)OC(=O)c1ccccc1",
    "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O",
    "Clc1ccc(cc1)C(c1ccc(Cl)cc1)C(Cl)(Cl)Cl",
    "FC(F)(F)c1ccc(Br)c(I)c1",
    "O=C1NC(=S)SC1=Cc1ccccc1",
    "C1CC2CCC1C2",
    "C1CCC2(CC1)OCCO2",
    "[O-][N+](=O)c1ccc(cc1)S(=O)(=O)N",
    "CC[N+](CC)(CC)CC.[Br-]",
    "NC(=[NH2+])c1ccccc1",
    "CS(C)=O",
    "CP(=O)(OC)OC",
    "OB(O)c1ccccc1",
    "C[Si](C)(C)C#C",
    "[2H]C([2H])([2H])O",
    "C=CC#N",
    "C/C=C/C=C\\C",
    "c1ccc2c(c1)[nH]c1ccccc12",
    "c1ccc2nc3ccccc3cc2c1",
    "c1cc[n+]([O-])cc1",
    "o1cccc1-c1cccs1",
    "CN(C)CCc1c[nH]c2ccc(O)cc12",
    "O=C1CCCCCCCCCCCCCCO1",
    "NCC(=O)NCC(=O)NCC(=O)O",
    "N#N",
    "Cl[Pt](Cl)(N)N",
    "CCCCCCCCCCCCCCCCCC(=O)OCC(O)CO",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_parse() {
        for smiles in PROBES {
            assert!(Mol::from_smiles(smiles).is_ok(), "{smiles}");
        }
    }

    #[test]
    fn ids_are_read_and_refused() {
        let default = Featuriser::from_id(DEFAULT_ID).unwrap();
        assert_eq!(default.dim(), 2048 + NAMES.len());
        assert_eq!(default.names().len(), default.dim());
        assert_eq!(Featuriser::from_id("morgan-r2-1024-bits/1").unwrap().dim(), 1024);
        assert_eq!(Featuriser::from_id("rdkit-110/1").unwrap().dim(), NAMES.len());
        for bad in
            ["", "/1", "ecfp4c-2048", "ecfp4c-0/1", "ecfp3c-64/1", "rdkit-5/1", "ecfp4c-64+x/1"]
        {
            assert!(Featuriser::from_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hashes_differ_between_featurisers_and_not_between_calls() {
        let hash = |id: &str| Featuriser::from_id(id).unwrap().hash();
        assert_eq!(hash("ecfp4c-64/1"), hash("ecfp4c-64/1"));
        assert_ne!(hash("ecfp4c-64/1"), hash("ecfp4c-128/1"));
        assert_ne!(hash("ecfp4c-64/1"), hash("morgan-r2-64-bits/1"));
    }

    /// What the cards of the shipped models hold: another value means that every one of them must be
    /// trained anew.
    #[test]
    fn the_default_featuriser_is_the_one_models_were_trained_with() {
        let hash = Featuriser::from_id(DEFAULT_ID).unwrap().hash();
        assert_eq!(hash, "97d6680a243990ce2a71f6e23393624d4799c6ec1b8de87a7c45783c278c15fa");
    }

    #[test]
    fn shipped_cards_name_this_hash() {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared-models");
        let mut read = 0;
        for folder in std::fs::read_dir(models).unwrap() {
            let card = folder.unwrap().path().join("card.toml");
            let Ok(text) = std::fs::read_to_string(&card) else { continue };
            let table: toml::Table = text.parse().unwrap();
            let Some(preprocess) = table.get("preprocess") else { continue };
            let of = |key: &str| preprocess.get(key).and_then(toml::Value::as_str);
            let (Some(id), Some(hash)) = (of("featuriser"), of("featuriser_hash")) else {
                continue;
            };
            let Ok(featuriser) = ModelFeaturiser::from_id(id) else { continue };
            assert_eq!(featuriser.hash(), hash, "{}", card.display());
            read += 1;
        }
        if read == 0 {
            println!("skipped: no card with a featuriser in {models}");
        }
    }

    #[test]
    fn a_hash_follows_the_rows() {
        let featuriser = Featuriser::from_id("ecfp4c-64+rdkit-110/1").unwrap();
        let changed = |column: usize, by: f32| {
            featuriser.hash_of(|mol, row| {
                featuriser.write(mol, row);
                row[column] += by;
            })
        };
        assert_eq!(changed(0, 0.0), featuriser.hash());
        let last = featuriser.dim() - 1;
        for column in [0, 63, 64, last] {
            assert_ne!(changed(column, 1.0), featuriser.hash(), "column {column}");
        }
        // One molecule of forty is enough.
        let mut rows = 0;
        let one = featuriser.hash_of(|mol, row| {
            featuriser.write(mol, row);
            rows += 1;
            if rows == 40 {
                row[last] *= 1.01;
                row[70] += 0.01;
            }
        });
        assert_eq!(rows, 40);
        assert_ne!(one, featuriser.hash());
    }

    #[test]
    fn rows_are_fingerprint_then_clipped_descriptors() {
        let featuriser = Featuriser::from_id("ecfp4c-64+rdkit-110/1").unwrap();
        let mol = Mol::from_smiles("CC(=O)Oc1ccccc1C(=O)O").unwrap();
        let mut row = vec![f32::NAN; featuriser.dim()];
        featuriser.write(&mol, &mut row);
        let params = EcfpParams { size: 64, ..EcfpParams::default() };
        let counts: Vec<f32> =
            fingerprint::ecfp_counts(&mol, &params).iter().map(|&c| c as f32).collect();
        assert_eq!(row[..64], counts[..]);
        let mut values = [0.0; NAMES.len()];
        MolProfile::new(&mol).descriptors(&mut values);
        for (name, (&ours, value)) in NAMES.iter().zip(row[64..].iter().zip(values)) {
            assert_eq!(ours, value.clamp(-CLIP, CLIP) as f32, "{name}");
        }
        let bits = Featuriser::from_id("morgan-r2-64-bits/1").unwrap();
        let mut row = vec![f32::NAN; bits.dim()];
        bits.write(&mol, &mut row);
        assert!(row.iter().zip(&counts).all(|(&bit, &count)| bit == count.min(1.0)));
        assert!(counts.iter().any(|&count| count > 1.0), "bits and counts would be the same");
    }
}
