//! Pharmacophore invariants for FCFP: Gobbi and Poppinger's definitions as RDKit uses them.
use crate::mol::{BondOrder, Mol};

const DONOR: u32 = 1;
const ACCEPTOR: u32 = 2;
const AROMATIC: u32 = 4;
const HALOGEN: u32 = 8;
const BASIC: u32 = 16;
const ACIDIC: u32 = 32;

/// Feature bits of every atom: donor 1, acceptor 2, aromatic 4, halogen 8, basic 16, acidic 32.
pub fn feature_invariants(mol: &Mol, out: &mut Vec<u32>) {
    out.clear();
    out.extend((0..mol.num_atoms()).map(|a| {
        let atom = &mol.atoms()[a];
        let mut bits = 0;
        for (bit, hit) in [
            (DONOR, donor(mol, a)),
            (ACCEPTOR, acceptor(mol, a)),
            (AROMATIC, atom.aromatic),
            (HALOGEN, matches!(atom.element, 9 | 17 | 35 | 53)),
            (BASIC, basic(mol, a)),
            (ACIDIC, acidic(mol, a)),
        ] {
            bits |= if hit { bit } else { 0 };
        }
        bits
    }));
}

/// Hydrogens, also those that are atoms of the graph.
fn hydrogens(mol: &Mol, a: usize) -> u32 {
    let atoms =
        mol.neighbors(a).iter().filter(|n| mol.atoms()[n.atom as usize].element == 1).count();
    u32::from(mol.atoms()[a].total_hs) + atoms as u32
}

fn donor(mol: &Mol, a: usize) -> bool {
    let atom = &mol.atoms()[a];
    let (hs, valence) = (hydrogens(mol, a), atom.total_valence());
    match (atom.element, atom.aromatic) {
        (7, false) => hs > 0 && (valence == 3 || (valence == 4 && atom.charge == 1)),
        (8 | 16, false) => hs == 1 && atom.charge == 0,
        (7, true) => hs == 1 && atom.charge == 0,
        _ => false,
    }
}

/// An atom two single-or-aromatic bonds away that has a double bond to a hetero atom: `*-*=X`.
fn beside_double(mol: &Mol, a: usize, elements: &[u8]) -> bool {
    mol.neighbors(a).iter().any(|n| {
        mol.bonds()[n.bond as usize].order == BondOrder::Single
            && mol.neighbors(n.atom as usize).iter().any(|m| {
                let other = &mol.atoms()[m.atom as usize];
                m.atom as usize != a
                    && mol.bonds()[m.bond as usize].order == BondOrder::Double
                    && !other.aromatic
                    && elements.contains(&other.element)
            })
    })
}

fn acceptor(mol: &Mol, a: usize) -> bool {
    const HETERO: [u8; 4] = [7, 8, 15, 16];
    let atom = &mol.atoms()[a];
    let (hs, valence) = (hydrogens(mol, a), atom.total_valence());
    match (atom.element, atom.aromatic) {
        (8 | 16, false) => {
            (hs == 1 && valence == 2 && !beside_double(mol, a, &HETERO))
                || (hs == 0 && valence == 2)
                || atom.charge == -1
        }
        (7, false) => valence == 3 && !beside_double(mol, a, &HETERO),
        (7, true) => hs == 0 && atom.charge == 0,
        (8 | 16, true) => atom.charge == 0 && !near_aromatic_nitrogen(mol, a),
        _ => false,
    }
}

/// `[o,s]:n` or `[o,s]:c:n`.
fn near_aromatic_nitrogen(mol: &Mol, a: usize) -> bool {
    let aromatic = |from: usize| {
        mol.neighbors(from).iter().filter_map(|n| {
            let other = &mol.atoms()[n.atom as usize];
            (mol.bonds()[n.bond as usize].aromatic && other.aromatic)
                .then_some((n.atom as usize, other.element))
        })
    };
    aromatic(a).any(|(b, element)| {
        element == 7 || (element == 6 && aromatic(b).any(|(c, e)| c != a && e == 7))
    })
}

fn is_carbonyl(mol: &Mol, c: usize) -> bool {
    mol.neighbors(c).iter().any(|n| {
        let other = &mol.atoms()[n.atom as usize];
        mol.bonds()[n.bond as usize].order == BondOrder::Double
            && other.element == 8
            && !other.aromatic
    })
}

fn basic(mol: &Mol, a: usize) -> bool {
    let atom = &mol.atoms()[a];
    if atom.element != 7 {
        return false;
    }
    if atom.charge == 1 {
        return true;
    }
    if atom.aromatic || atom.charge != 0 {
        return false;
    }
    // Unspecified bonds of a pattern are single or aromatic.
    let suitable = |aromatic_too: bool| {
        mol.neighbors(a)
            .iter()
            .filter(|n| {
                let other = &mol.atoms()[n.atom as usize];
                let order = mol.bonds()[n.bond as usize].order;
                matches!(order, BondOrder::Single | BondOrder::Aromatic)
                    && ((other.element == 6 && !other.aromatic) || (aromatic_too && other.aromatic))
                    && !is_carbonyl(mol, n.atom as usize)
            })
            .count()
    };
    match hydrogens(mol, a) {
        2 => suitable(true) >= 1,
        1 => suitable(true) >= 2,
        0 => suitable(false) >= 3,
        _ => false,
    }
}

fn acidic(mol: &Mol, a: usize) -> bool {
    let atom = &mol.atoms()[a];
    if !matches!(atom.element, 6 | 16) || atom.aromatic {
        return false;
    }
    let has = |order: BondOrder, test: &dyn Fn(usize) -> bool| {
        mol.neighbors(a)
            .iter()
            .any(|n| mol.bonds()[n.bond as usize].order == order && test(n.atom as usize))
    };
    let double = has(BondOrder::Double, &|b| {
        let other = &mol.atoms()[b];
        matches!(other.element, 8 | 15 | 16) && !other.aromatic
    });
    let acid = has(BondOrder::Single, &|b| {
        let other = &mol.atoms()[b];
        other.element == 8 && !other.aromatic && (hydrogens(mol, b) == 1 || other.charge == -1)
    });
    double && acid
}
