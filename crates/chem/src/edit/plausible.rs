//! Whether a product is a molecule a chemist would look at: fewer oddities than, or as many as, its parent.
use crate::mol::{BondOrder, Mol};

/// Rings above this size count as odd.
const LARGEST_RING: usize = 8;

/// Counts of what is valid on paper and rarely made: large rings, strained multiple bonds, cumulated
/// double bonds, bonds between hetero atoms that do not keep, unstable carbonyl neighbours.
#[must_use]
pub fn oddities(mol: &Mol) -> u32 {
    let atoms = mol.atoms();
    let mut odd = 0;
    for (a, atom) in atoms.iter().enumerate() {
        let order = |bond: u32| mol.bonds()[bond as usize].order;
        let mut doubles = 0;
        let mut hetero = 0;
        for link in mol.neighbors(a) {
            let bond = order(link.bond);
            doubles += u32::from(bond == BondOrder::Double);
            hetero += u32::from(
                !mol.bonds()[link.bond as usize].in_ring
                    && bond == BondOrder::Single
                    && is_halogen_or(&[8, 7, 16], atoms[link.atom as usize].element),
            );
        }
        let carbon = atom.element == 6;
        // Allenes and ketenes; S and P may have two.
        odd += u32::from(carbon && doubles > 1);
        // Acetals and aminals outside rings, but for CF3 and CF2.
        let halogens =
            mol.neighbors(a).iter().filter(|n| is_halogen(atoms[n.atom as usize].element)).count()
                as u32;
        let plain = hetero - halogens.min(hetero);
        odd += u32::from(carbon && doubles == 0 && !atom.aromatic && plain > 1);
        odd += u32::from(carbon && !atom.aromatic && plain > 0 && halogens > 0);
        // Acid halides and enols' like: a carbonyl or vinyl carbon with a halogen, or OH on C=C.
        odd += u32::from(carbon && doubles == 1 && halogens > 0);
    }
    for bond in mol.bonds() {
        let (a, b) = (&atoms[bond.begin as usize], &atoms[bond.end as usize]);
        let pair = (a.element.min(b.element), a.element.max(b.element));
        let charged = a.charge != 0 || b.charge != 0;
        // Sulfonamides and sulfonates keep.
        let sulfonyl = [a, b].iter().any(|atom| atom.element == 16 && atom.explicit_valence > 3);
        if bond.order == BondOrder::Single && !charged && !bond.conjugated && !sulfonyl {
            odd += u32::from(unstable(pair));
        } else if bond.order == BondOrder::Single && !charged && pair == (8, 8) {
            odd += 1;
        }
        odd += u32::from(
            bond.order == BondOrder::Double && !charged && matches!(pair, (7, 7) | (7, 8)),
        );
    }
    for (ring, bonds) in mol.rings().atom_rings().zip(mol.rings().bond_rings()) {
        odd += u32::from(ring.len() > LARGEST_RING);
        let inside = |order| {
            bonds.iter().filter(|&&b| mol.bonds()[b as usize].order == order).count() as u32
        };
        odd += 2 * inside(BondOrder::Triple);
        if ring.len() < 5 {
            odd += inside(BondOrder::Double) + inside(BondOrder::Aromatic);
        }
    }
    odd
}

/// Single bonds between elements that do not keep.
fn unstable(pair: (u8, u8)) -> bool {
    match pair {
        (7, 7) | (7, 8) | (8, 8) | (8, 16) | (7, 16) | (16, 16) => true,
        (a, b) => (is_halogen(a) && b != 6) || (is_halogen(b) && a != 6),
    }
}

fn is_halogen(element: u8) -> bool {
    matches!(element, 9 | 17 | 35 | 53)
}

fn is_halogen_or(others: &[u8], element: u8) -> bool {
    is_halogen(element) || others.contains(&element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drugs_are_not_odd_and_peroxides_are() {
        let count = |smiles| oddities(&Mol::from_smiles(smiles).unwrap());
        for smiles in [
            "CC(=O)Oc1ccccc1C(=O)O",
            "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F",
            "O=[N+]([O-])c1ccccc1",
            "CN1CCN(CC1)C1=Nc2cc(Cl)ccc2Nc2ccccc12",
        ] {
            assert_eq!(count(smiles), 0, "{smiles}");
        }
        for smiles in ["COOC", "CC=C=C", "CNF", "C1=CC1", "CC(O)(O)C", "CC(=O)Cl", "CSSC"] {
            assert!(count(smiles) > 0, "{smiles}");
        }
    }
}
