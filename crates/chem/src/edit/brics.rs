//! BRICS: bonds that retrosynthetic rules break, and fragments whose ends say what they may be joined to
//! (Degen et al., ChemMedChem 2008, 3, 1503), with RDKit's definitions of the environments.
use std::sync::LazyLock;

use super::{EditMol, Product, refused};
use crate::error::Result;
use crate::mol::{BondOrder, Mol};
use crate::smarts::{PatternOptions, PatternSet, Target};
use crate::split::Random;

/// The environments: number and SMARTS, the first atom being the one at the bond. Number 2 was given up
/// by the authors; 7 stands at both ends of a double bond.
const ENVIRONMENTS: [(u8, &str); 15] = [
    (1, "[C;D3]([#0,#6,#7,#8])(=O)"),
    (3, "[O;D2]-;!@[#0,#6,#1]"),
    (4, "[C;!D1;!$(C=*)]-;!@[#6]"),
    (5, "[N;!D1;!$(N=*);!$(N-[!#6;!#16;!#0;!#1]);!$([N;R]@[C;R]=O)]"),
    (6, "[C;D3;!R](=O)-;!@[#0,#6,#7,#8]"),
    (7, "[C;D2,D3]-[#6]"),
    (8, "[C;!R;!D1;!$(C!-*)]"),
    (9, "[n;+0;$(n(:[c,n,o,s]):[c,n,o,s])]"),
    (10, "[N;R;$(N(@C(=O))@[C,N,O,S])]"),
    (11, "[S;D2](-;!@[#0,#6])"),
    (12, "[S;D4]([#6,#0])(=O)(=O)"),
    (13, "[C;$(C(-;@[C,N,O,S])-;@[N,O,S])]"),
    (14, "[c;$(c(:[c,n,o,s]):[n,o,s])]"),
    (15, "[C;$(C(-;@C)-;@C)]"),
    (16, "[c;$(c(:c):c)]"),
];

/// Which environments are joined, in the order in which RDKit looks at them.
const RULES: [(u8, u8); 46] = [
    (1, 3),
    (1, 5),
    (1, 10),
    (3, 4),
    (3, 13),
    (3, 14),
    (3, 15),
    (3, 16),
    (4, 5),
    (4, 11),
    (5, 12),
    (5, 14),
    (5, 16),
    (5, 13),
    (5, 15),
    (6, 13),
    (6, 14),
    (6, 15),
    (6, 16),
    (7, 7),
    (8, 9),
    (8, 10),
    (8, 13),
    (8, 14),
    (8, 15),
    (8, 16),
    (9, 13),
    (9, 14),
    (9, 15),
    (9, 16),
    (10, 13),
    (10, 14),
    (10, 15),
    (10, 16),
    (11, 13),
    (11, 14),
    (11, 15),
    (11, 16),
    (13, 14),
    (13, 15),
    (13, 16),
    (14, 14),
    (14, 15),
    (14, 16),
    (15, 16),
    (16, 16),
];

/// Highest label.
pub const LABELS: usize = 17;

static PATTERNS: LazyLock<PatternSet> = LazyLock::new(|| {
    let mut set = PatternSet::new();
    for (_, smarts) in ENVIRONMENTS {
        // Constants of the program; a test counts them.
        let _ = set.add(&format!("[$({smarts})]"), PatternOptions::default());
    }
    set
});

/// Whether ends of these labels may be joined.
#[must_use]
pub fn fits(a: u8, b: u8) -> bool {
    RULES.contains(&(a, b)) || RULES.contains(&(b, a))
}

/// A bond that BRICS breaks, with the labels of its begin and end atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BricsBond {
    /// Number of the bond.
    pub bond: usize,
    /// Environment of the begin atom and of the end atom.
    pub labels: [u8; 2],
}

/// The bonds of a molecule that BRICS breaks, by number.
#[must_use]
pub fn bonds(mol: &Mol) -> Vec<BricsBond> {
    let target = Target::new(mol);
    let mut matcher = PATTERNS.on(&target);
    let sets: Vec<Vec<u64>> =
        (0..PATTERNS.len()).map(|pattern| matcher.single_atom_set(pattern)).collect();
    let is = |label: u8, atom: u32| {
        let at = ENVIRONMENTS.iter().position(|(number, _)| *number == label);
        at.is_some_and(|at| sets[at][(atom >> 6) as usize] >> (atom & 63) & 1 == 1)
    };
    let mut found = Vec::new();
    for (number, bond) in mol.bonds().iter().enumerate() {
        if bond.in_ring || !matches!(bond.order, BondOrder::Single | BondOrder::Double) {
            continue;
        }
        let double = bond.order == BondOrder::Double;
        let labels =
            RULES.iter().filter(|rule| (rule.0 == 7) == double).find_map(|&(a, b)| match () {
                () if is(a, bond.begin) && is(b, bond.end) => Some([a, b]),
                () if is(a, bond.end) && is(b, bond.begin) => Some([b, a]),
                () => None,
            });
        found.extend(labels.map(|labels| BricsBond { bond: number, labels }));
    }
    found
}

/// The molecule with its BRICS bonds cut, a labelled attachment point at each end.
///
/// # Errors
/// A molecule that cannot be edited.
pub fn cut_all(mol: &Mol) -> Result<EditMol> {
    let mut edit = EditMol::from_mol(mol)?;
    // From the last bond on: a cut moves the bonds behind it.
    for cut in bonds(mol).iter().rev() {
        edit.cut(cut.bond, cut.labels.map(|label| (u16::from(label), 0)))?;
    }
    Ok(edit)
}

/// The fragments of a molecule as canonical SMILES with labelled ends, such as `[3*]OC`; the molecule
/// itself where no bond is broken.
///
/// # Errors
/// A molecule that cannot be edited.
pub fn fragments(mol: &Mol) -> Result<Vec<String>> {
    let cut = cut_all(mol)?;
    let mut left: Vec<bool> = vec![true; cut.atoms().len()];
    let mut found = Vec::new();
    while let Some(start) = left.iter().position(|left| *left) {
        let part = cut.component(start as u32);
        left.iter_mut().zip(&part).for_each(|(left, in_part)| *left &= !in_part);
        found.push(cut.part(&part).smiles()?);
    }
    Ok(found)
}

/// Puts fragments together at random: one to start with, and at every open end another whose label fits,
/// those with a single end once the molecule is large enough.
///
/// # Errors
/// No fragment fits an open end, or the molecule grows beyond `max_atoms` heavy atoms.
pub fn recombine(
    fragments: &super::fragments::Fragments,
    max_atoms: usize,
    random: &mut Random,
) -> Result<Product> {
    let first = fragments.any(random).ok_or_else(|| refused("there are no fragments"))?;
    let mut made = first.graph().clone().foreign();
    while let Some(&point) = made.points().first() {
        let size = made.len();
        if size > max_atoms {
            return Err(refused("the molecule grows too large"));
        }
        let label = made.atoms()[point as usize].isotope as u8;
        let closing = made.points().len() > 2 || size * 2 > max_atoms;
        let (fragment, end) = fragments
            .fitting(label, closing, random)
            .ok_or_else(|| refused("no fragment fits an open end"))?;
        let offset = made.absorb(fragment.graph());
        made.join(point, offset + end)?;
    }
    made.foreign().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_environment_is_read() {
        assert_eq!(PATTERNS.len(), ENVIRONMENTS.len());
        assert!(RULES.iter().all(|(a, b)| fits(*a, *b) && fits(*b, *a)));
        assert!(!fits(1, 1));
    }

    #[test]
    fn an_ester_and_an_aryl_ether_are_cut() {
        let mol = Mol::from_smiles("CCOC(=O)c1ccc(OC)cc1").unwrap();
        let mut made = fragments(&mol).unwrap();
        made.sort();
        assert_eq!(
            made,
            ["[1*]C([6*])=O", "[16*]c1ccc([16*])cc1", "[3*]OC", "[3*]O[3*]", "[4*]CC"]
        );
        let plain = Mol::from_smiles("c1ccccc1").unwrap();
        assert_eq!(fragments(&plain).unwrap(), ["c1ccccc1"]);
    }
}
