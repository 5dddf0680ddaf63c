//! Rewriting of functional groups drawn with too high a valence, before valences are checked.
use super::{BondOrder, ELEMENTS, Mol, Neighbor, valence};

/// Nitro groups and the like into their charge-separated forms.
pub(super) fn functional_groups(mol: &mut Mol) {
    for a in 0..mol.atoms.len() {
        if mol.atoms[a].charge != 0 {
            continue;
        }
        match mol.atoms[a].element {
            7 => nitrogen(mol, a),
            15 => phosphorus(mol, a),
            17 | 35 | 53 => halogen(mol, a),
            _ => {}
        }
    }
}

fn find(mol: &Mol, a: usize, element: u8, order: BondOrder) -> Option<Neighbor> {
    mol.neighbors(a).iter().copied().find(|n| {
        let other = &mol.atoms[n.atom as usize];
        other.element == element && other.charge == 0 && mol.bonds[n.bond as usize].order == order
    })
}

fn nitrogen(mol: &mut Mol, a: usize) {
    if valence::explicit_valence(mol, a) != 5 {
        return;
    }
    let oxygen = mol.neighbors(a).iter().copied().find_map(|n| {
        let other = &mol.atoms[n.atom as usize];
        let order = mol.bonds[n.bond as usize].order;
        match (other.element, other.charge, order) {
            (8, 0, BondOrder::Double) => Some((n, BondOrder::Single)),
            (7, 0, BondOrder::Triple) => Some((n, BondOrder::Double)),
            _ => None,
        }
    });
    if let Some((n, order)) = oxygen {
        mol.bonds[n.bond as usize].order = order;
        mol.atoms[a].charge = 1;
        mol.atoms[n.atom as usize].charge = -1;
    }
}

fn phosphorus(mol: &mut Mol, a: usize) {
    // A bond that counts nothing must not make up for a hydrogen, which is seen in brackets and else not yet.
    let counted = |n: &&Neighbor| mol.bonds[n.bond as usize].twice_valence(a as u32) > 0;
    if mol.neighbors(a).iter().filter(counted).count() != 3
        || valence::explicit_valence(mol, a) != 5
    {
        return;
    }
    let Some(oxygen) = find(mol, a, 8, BondOrder::Double) else { return };
    let double_to_carbon_or_nitrogen = mol.neighbors(a).iter().any(|n| {
        let other = &mol.atoms[n.atom as usize];
        matches!(other.element, 6 | 7)
            && other.degree >= 2
            && mol.bonds[n.bond as usize].order == BondOrder::Double
    });
    if mol.atoms[oxygen.atom as usize].degree == 1 && double_to_carbon_or_nitrogen {
        mol.bonds[oxygen.bond as usize].order = BondOrder::Single;
        mol.atoms[a].charge = 1;
        mol.atoms[oxygen.atom as usize].charge = -1;
    }
}

fn halogen(mol: &mut Mol, a: usize) {
    if !matches!(valence::explicit_valence(mol, a), 3 | 5 | 7)
        || mol.neighbors(a).iter().any(|n| mol.atoms[n.atom as usize].element != 8)
    {
        return;
    }
    for i in mol.offsets[a] as usize..mol.offsets[a + 1] as usize {
        let n = mol.neighbors[i];
        if mol.bonds[n.bond as usize].order == BondOrder::Double {
            mol.bonds[n.bond as usize].order = BondOrder::Single;
            mol.atoms[n.atom as usize].charge = -1;
            mol.atoms[a].charge += 1;
        }
    }
}

fn is_metal(element: u8) -> bool {
    matches!(element, 3 | 4 | 11..=13 | 19..=32 | 37..=51 | 55..=84 | 87..=116)
}

/// Single bonds that overload a non-metal beside a metal become dative bonds to the metal.
pub(super) fn organometallics(mol: &mut Mol) {
    if !mol.atoms.iter().any(|a| is_metal(a.element)) {
        return;
    }
    for a in 0..mol.atoms.len() {
        let element = mol.atoms[a].element;
        if is_metal(element) || matches!(element, 0 | 1 | 2 | 9 | 10) || !overloaded(mol, a) {
            continue;
        }
        let metal = mol.neighbors(a).iter().copied().find(|n| {
            is_metal(mol.atoms[n.atom as usize].element)
                && mol.bonds[n.bond as usize].order == BondOrder::Single
        });
        if let Some(n) = metal {
            let bond = &mut mol.bonds[n.bond as usize];
            bond.order = BondOrder::Dative;
            bond.begin = a as u32;
            bond.end = n.atom;
        }
    }
}

fn overloaded(mol: &Mol, a: usize) -> bool {
    let atom = &mol.atoms[a];
    let own = ELEMENTS[atom.element as usize].valences;
    let effective = i32::from(atom.element) - i32::from(atom.charge);
    let valences = match usize::try_from(effective) {
        Ok(e) if e < ELEMENTS.len() && own != [-1] => ELEMENTS[e].valences,
        _ => own,
    };
    let max = i32::from(valences[valences.len() - 1]);
    max > 0 && valence::explicit_valence(mol, a) > max
}
