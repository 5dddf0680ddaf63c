//! What a library keeps of a molecule: its fingerprint, and the bits of its substructure screen.
//!
//! The screen is the pattern matcher's own list of necessary conditions (bond types, paths of three atoms, counts of
//! elements), so a molecule it leaves out cannot match: counts become one bit for each step they reach.

use sha2::{Digest, Sha256};

use super::{BuildOptions, Entry, Library, LibraryError};
use crate::fingerprint::{EcfpParams, ecfp};
use crate::smarts::{Pattern, Target};
use crate::{ChemError, Mol};

const PATH_BITS: usize = 24 * 64;
const LANES: usize = 16;
/// Counts of one kind of atom that have a bit.
const STEPS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];
/// Atoms and bonds of the molecule have a bit for every second count up to 128.
const SIZE_STEPS: usize = 64;
/// Bits of the substructure screen.
pub const SCREEN_BITS: usize = PATH_BITS + LANES * STEPS.len() + 2 * SIZE_STEPS;

/// The fingerprint a library is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FingerprintSpec {
    /// Radius in bonds: 2 is ECFP4.
    pub radius: u32,
    /// Length in bits.
    pub bits: usize,
    /// Pharmacophoric atom features instead of elements (FCFP).
    pub use_features: bool,
}

impl Default for FingerprintSpec {
    fn default() -> FingerprintSpec {
        FingerprintSpec { radius: 2, bits: 2048, use_features: false }
    }
}

/// Molecules whose fingerprints stand for the code that computes them.
const PROBES: [&str; 6] = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1CCC[C@H]1c1cccnc1",
    "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F",
    "C[N+](C)(C)CC(=O)[O-]",
    "O=C1CN=C(c2ccccc2)c2cc(Cl)ccc2N1",
    "F/C=C/Br",
];

impl FingerprintSpec {
    /// The fingerprint of a molecule, `bits / 64` words.
    #[must_use]
    pub fn compute(&self, mol: &Mol) -> Vec<u64> {
        let params = EcfpParams {
            radius: self.radius as usize,
            size: self.bits,
            use_features: self.use_features,
        };
        ecfp(mol, &params)
    }

    /// SHA-256 over the parameters and the fingerprints of built-in molecules: equal where two programs compute the
    /// same fingerprints.
    ///
    /// # Errors
    /// [`ChemError`] never in practice: the molecules are fixed.
    pub fn hash(&self) -> Result<String, ChemError> {
        let mut digest = Sha256::new();
        digest.update(self.line());
        for probe in PROBES {
            for word in self.compute(&Mol::from_smiles(probe)?) {
                digest.update(word.to_le_bytes());
            }
        }
        Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn line(&self) -> String {
        let kind = if self.use_features { "fcfp" } else { "ecfp" };
        let FingerprintSpec { radius, bits, .. } = self;
        format!("fingerprint={kind} radius={radius} bits={bits}")
    }

    fn parse(description: &str) -> Option<FingerprintSpec> {
        let line = description.lines().find(|line| line.starts_with("fingerprint="))?;
        let field = |name: &str| {
            line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        Some(FingerprintSpec {
            radius: field("radius")?.parse().ok()?,
            bits: field("bits")?.parse().ok()?,
            use_features: field("fingerprint")? == "fcfp",
        })
    }
}

/// Options for a library with these fingerprints.
///
/// # Errors
/// [`ChemError`] never in practice, see [`FingerprintSpec::hash`].
pub fn build_options(spec: &FingerprintSpec) -> Result<BuildOptions, ChemError> {
    Ok(BuildOptions {
        fingerprint_bits: spec.bits,
        screen_bits: SCREEN_BITS,
        description: format!("{}\nhash={}\n", spec.line(), spec.hash()?),
    })
}

/// A row as a library keeps it.
#[must_use]
pub fn entry(
    id: &str,
    smiles: Option<&str>,
    mol: Result<&Mol, (&str, &str)>,
    spec: &FingerprintSpec,
) -> Entry {
    match mol {
        Ok(mol) => Entry::Molecule {
            id: id.to_owned(),
            smiles: smiles.map_or_else(|| mol.canonical_smiles(), str::to_owned),
            fingerprint: spec.compute(mol),
            screen: screen(mol),
        },
        Err((code, message)) => {
            Entry::Bad { id: id.to_owned(), code: code.to_owned(), message: message.to_owned() }
        }
    }
}

impl Library {
    /// The fingerprints the library holds, after checking that this program computes the same.
    ///
    /// # Errors
    /// [`LibraryError::Fingerprint`] where it does not.
    pub fn fingerprint_spec(&self) -> Result<FingerprintSpec, LibraryError> {
        let mut lines = self.description().lines();
        let spec = FingerprintSpec::parse(self.description())
            .filter(|spec| spec.bits == self.arena().bits())
            .ok_or(LibraryError::Damaged("the description of the fingerprints"))?;
        let found = lines.find_map(|line| line.strip_prefix("hash=")).unwrap_or("absent");
        let computed = spec.hash().unwrap_or_default();
        let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
        if found != computed {
            return Err(LibraryError::Fingerprint {
                found: format!("{} (hash {})", spec.line(), short(found)),
                computed: format!("hash {}", short(&computed)),
            });
        }
        Ok(spec)
    }
}

/// The screen bits of a molecule.
fn screen(mol: &Mol) -> Vec<u64> {
    let has = &Target::new(mol).has;
    let mut words = has.bits.to_vec();
    words.resize(SCREEN_BITS / 64, 0);
    let counts = has.lanes.map(usize::from);
    for bit in count_bits(&counts, has.atoms, has.bonds) {
        words[bit as usize / 64] |= 1 << (bit % 64);
    }
    words
}

/// The screen bits every molecule with the pattern has.
pub(super) fn required_bits(pattern: &Pattern) -> Vec<u32> {
    let needs = pattern.needs();
    let mut bits = Vec::new();
    for &(word, mask) in &needs.bits {
        bits.extend(
            (0..64).filter(|bit| mask >> bit & 1 == 1).map(|bit| u32::from(word) * 64 + bit),
        );
    }
    let counts = needs.lanes.map(usize::from);
    bits.extend(count_bits(&counts, needs.atoms, needs.bonds));
    bits
}

/// One bit for each step that a count reaches: more atoms give a superset of bits.
fn count_bits(lanes: &[usize; LANES], atoms: usize, bonds: usize) -> Vec<u32> {
    let mut bits = Vec::new();
    for (lane, &count) in lanes.iter().enumerate() {
        let reached = STEPS.iter().filter(|&&step| count >= step).count();
        let first = PATH_BITS + lane * STEPS.len();
        bits.extend((first..first + reached).map(|bit| bit as u32));
    }
    for (number, count) in [atoms, bonds].into_iter().enumerate() {
        let first = PATH_BITS + LANES * STEPS.len() + number * SIZE_STEPS;
        bits.extend((first..first + (count / 2).min(SIZE_STEPS)).map(|bit| bit as u32));
    }
    bits
}
