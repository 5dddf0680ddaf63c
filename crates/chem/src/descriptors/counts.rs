//! Counts: weights, donors, acceptors, rotatable bonds, kinds of rings.

use std::sync::LazyLock;

use super::periodic::element;
use crate::Mol;
use crate::mol::BondOrder;
use crate::smarts::{PatternOptions, PatternSet, SetMatcher, Target};

/// Patterns of the counts, RDKit's definitions.
const DONORS: &str = "[N&!H0&v3,N&!H0&+1&v4,O&H1&+0,S&H1&+0,n&H1&+0]";
const ACCEPTORS: &str = "[$([O,S;H1;v2]-[!$(*=[O,N,P,S])]),$([O,S;H0;v2]),$([O,S;-]),\
                         $([N;v3;!$(N-*=!@[O,N,P,S])]),$([nH0X2,o,s;+0])]";
/// `d1` in place of RDKit's `D1`: RDKit leaves deuterium out before it counts.
const ROTATABLE: &str = "[!#1&!$(*#*)&!d1&!$(C(F)(F)F)&!$(C(Cl)(Cl)Cl)&!$(C(Br)(Br)Br)&\
    !$(C([CH3])([CH3])[CH3])&!$([CD3](=[N,O,S])-!@[#7,O,S!d1])&\
    !$([#7,O,S!d1]-!@[CD3]=[N,O,S])&!$([CD3](=[N+])-!@[#7!d1])&!$([#7!d1]-!@[CD3]=[N+])]\
    -,:;!@[!#1&!$(*#*)&!d1&!$(C(F)(F)F)&!$(C(Cl)(Cl)Cl)&!$(C(Br)(Br)Br)&!$(C([CH3])([CH3])[CH3])]";
const AMIDES: &str = "C(=[O;!R])N";

static PATTERNS: LazyLock<PatternSet> = LazyLock::new(|| {
    let mut set = PatternSet::new();
    for text in [DONORS, ACCEPTORS, ROTATABLE, AMIDES] {
        // Constants of this file; `counts_patterns_parse` fails if one is not SMARTS.
        let _ = set.add(text, PatternOptions::default());
    }
    set
});

/// Hydrogen-bond donors, acceptors, rotatable bonds and amide bonds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Matched {
    /// NumHDonors.
    pub donors: u32,
    /// NumHAcceptors.
    pub acceptors: u32,
    /// NumRotatableBonds, strict definition.
    pub rotatable: u32,
    /// NumAmideBonds.
    pub amides: u32,
}

/// Counts by pattern.
pub(crate) fn matched(target: &Target) -> Matched {
    let mut on = PATTERNS.on(target);
    // These patterns are fixed and small: they cannot run out of steps on a molecule we accept.
    let count = |on: &mut SetMatcher<'_>, i| on.count(i).unwrap_or(0) as u32;
    Matched {
        donors: count(&mut on, 0),
        acceptors: count(&mut on, 1),
        rotatable: count(&mut on, 2),
        amides: count(&mut on, 3),
    }
}

/// Weights and counts of atoms and electrons.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Composition {
    /// MolWt, g/mol.
    pub weight: f64,
    /// HeavyAtomMolWt, g/mol.
    pub heavy_weight: f64,
    /// ExactMolWt, g/mol.
    pub exact_weight: f64,
    /// HeavyAtomCount.
    pub heavy_atoms: u32,
    /// NumHeteroatoms.
    pub heteroatoms: u32,
    /// NOCount.
    pub nitrogens_oxygens: u32,
    /// NHOHCount: hydrogens on nitrogen and oxygen.
    pub nh_oh: u32,
    /// NumValenceElectrons.
    pub valence_electrons: i32,
    /// FractionCSP3.
    pub fraction_csp3: f64,
}

/// Mass of an electron, g/mol: what a charge adds or takes.
const ELECTRON_MASS: f64 = 0.000_548_579_909_46;

/// Computes them.
pub(crate) fn composition(mol: &Mol) -> Composition {
    let mut sum = Composition::default();
    let (hydrogen, mut carbons, mut sp3) = (element(1), 0u32, 0u32);
    for (index, atom) in mol.atoms().iter().enumerate() {
        let kind = element(atom.element);
        let hydrogens = f64::from(atom.total_hs);
        let mass = mol.atom_mass(index);
        let exact = if atom.isotope == 0 { kind.monoisotopic } else { mass }
            - f64::from(atom.charge) * ELECTRON_MASS;
        sum.weight += mass + hydrogens * hydrogen.weight;
        sum.exact_weight += exact + hydrogens * hydrogen.monoisotopic;
        sum.valence_electrons +=
            kind.outer_electrons - i32::from(atom.charge) + i32::from(atom.total_hs);
        if atom.element == 1 {
            continue;
        }
        sum.heavy_weight += mass;
        sum.heavy_atoms += u32::from(atom.element > 1);
        sum.heteroatoms += u32::from(atom.element != 6);
        let graph_hydrogens = mol
            .neighbors(index)
            .iter()
            .filter(|n| mol.atoms()[n.atom as usize].element == 1)
            .count() as u32;
        if matches!(atom.element, 7 | 8) {
            sum.nitrogens_oxygens += 1;
            sum.nh_oh += u32::from(atom.total_hs) + graph_hydrogens;
        }
        if atom.element == 6 {
            carbons += 1;
            sp3 += u32::from(mol.neighbors(index).len() + usize::from(atom.total_hs) == 4);
        }
    }
    if carbons > 0 {
        sum.fraction_csp3 = f64::from(sp3) / f64::from(carbons);
    }
    sum
}

/// Counts of rings by kind, of spiro and of bridgehead atoms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RingCounts {
    /// RingCount.
    pub rings: u32,
    /// NumHeterocycles.
    pub heterocycles: u32,
    /// NumAromaticRings, NumAromaticCarbocycles, NumAromaticHeterocycles.
    pub aromatic: [u32; 3],
    /// NumAliphaticRings, NumAliphaticCarbocycles, NumAliphaticHeterocycles.
    pub aliphatic: [u32; 3],
    /// NumSaturatedRings, NumSaturatedCarbocycles, NumSaturatedHeterocycles.
    pub saturated: [u32; 3],
    /// NumSpiroAtoms.
    pub spiro: u32,
    /// NumBridgeheadAtoms.
    pub bridgeheads: u32,
    /// Rings of more than eight atoms.
    pub macrocycles: u32,
}

/// Counts them.
pub(crate) fn ring_counts(mol: &Mol) -> RingCounts {
    let mut counts = RingCounts::default();
    let rings = mol.rings();
    for (atoms, bonds) in rings.atom_rings().zip(rings.bond_rings()) {
        let hetero = atoms.iter().any(|&a| mol.atoms()[a as usize].element != 6);
        let aromatic = bonds.iter().all(|&b| mol.bonds()[b as usize].aromatic);
        let saturated = bonds.iter().all(|&b| {
            let bond = &mol.bonds()[b as usize];
            bond.order == BondOrder::Single && !bond.aromatic
        });
        counts.rings += 1;
        counts.heterocycles += u32::from(hetero);
        counts.macrocycles += u32::from(atoms.len() > 8);
        let kind = if hetero { 2 } else { 1 };
        for (holds, into) in [
            (aromatic, &mut counts.aromatic),
            (!aromatic, &mut counts.aliphatic),
            (saturated, &mut counts.saturated),
        ] {
            into[0] += u32::from(holds);
            into[kind] += u32::from(holds);
        }
    }
    let (spiro, bridgeheads) = shared_atoms(mol);
    counts.spiro = spiro;
    counts.bridgeheads = bridgeheads;
    counts
}

/// Spiro atoms (the one atom two rings share) and bridgeheads (ends of the two or more bonds that two
/// rings share).
fn shared_atoms(mol: &Mol) -> (u32, u32) {
    let atom_rings: Vec<&[u32]> = mol.rings().atom_rings().collect();
    let bond_rings: Vec<&[u32]> = mol.rings().bond_rings().collect();
    let count = mol.atoms().len();
    let (mut spiro, mut bridge) = (vec![false; count], vec![false; count]);
    let mut ends = vec![0u8; count];
    for first in 0..atom_rings.len() {
        for second in first + 1..atom_rings.len() {
            let mut shared = atom_rings[first].iter().filter(|a| atom_rings[second].contains(a));
            match (shared.next(), shared.next()) {
                (None, _) => continue,
                (Some(&only), None) => {
                    spiro[only as usize] = true;
                    continue;
                }
                _ => {}
            }
            let bonds: Vec<u32> = bond_rings[first]
                .iter()
                .copied()
                .filter(|b| bond_rings[second].contains(b))
                .collect();
            if bonds.len() < 2 {
                continue;
            }
            for &bond in &bonds {
                let bond = &mol.bonds()[bond as usize];
                ends[bond.begin as usize] += 1;
                ends[bond.end as usize] += 1;
            }
            for &bond in &bonds {
                let bond = &mol.bonds()[bond as usize];
                for atom in [bond.begin as usize, bond.end as usize] {
                    bridge[atom] |= ends[atom] == 1;
                }
            }
            for &bond in &bonds {
                let bond = &mol.bonds()[bond as usize];
                ends[bond.begin as usize] = 0;
                ends[bond.end as usize] = 0;
            }
        }
    }
    let total = |marks: Vec<bool>| marks.into_iter().filter(|&m| m).count() as u32;
    (total(spiro), total(bridge))
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_patterns_parse() {
        assert_eq!(super::PATTERNS.len(), 4);
    }
}
