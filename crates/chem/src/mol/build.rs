//! Putting a molecule together atom by atom; `finish` sanitises it.
use super::stereo::has_direction;
use super::{
    Atom, Bond, BondDirection, BondOrder, BondStereo, Chirality, MAX_ATOMS, Mol, Neighbor, cleanup,
    sanitize, valence,
};
use crate::error::{ChemError, Result};

/// Collects atoms and bonds as a file or string gives them.
///
/// An atom's `chirality` must be given with respect to the order in which its bonds are added.
#[derive(Debug, Clone, Default)]
pub struct MolBuilder {
    pub(crate) atoms: Vec<Atom>,
    pub(crate) bonds: Vec<Bond>,
}

impl MolBuilder {
    /// An empty builder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an atom: element, charge, isotope, explicit hydrogens, `no_implicit`, `aromatic`,
    /// chirality and map number count, everything else is worked out by [`MolBuilder::finish`].
    pub fn add_atom(&mut self, atom: Atom) -> u32 {
        self.atoms.push(atom);
        self.atoms.len() as u32 - 1
    }

    /// Adds a bond.
    pub fn add_bond(&mut self, begin: u32, end: u32, order: BondOrder) -> u32 {
        self.push_bond(begin, end, order, BondDirection::None)
    }

    pub(crate) fn push_bond(
        &mut self,
        begin: u32,
        end: u32,
        order: BondOrder,
        direction: BondDirection,
    ) -> u32 {
        let aromatic = order == BondOrder::Aromatic;
        self.bonds.push(Bond { begin, end, order, aromatic, direction, ..Bond::default() });
        self.bonds.len() as u32 - 1
    }

    /// Removes hydrogens that need not be in the graph and sanitises.
    ///
    /// # Errors
    /// Valences, rings that cannot be kekulised, size.
    pub fn finish(self) -> Result<Mol> {
        let mut mol = self.into_raw()?;
        remove_hydrogens(&mut mol)?;
        sanitize::sanitize(&mut mol)?;
        Ok(mol)
    }

    fn into_raw(self) -> Result<Mol> {
        if self.atoms.len() > MAX_ATOMS {
            return Err(ChemError::TooLarge {
                what: "molecule",
                size: self.atoms.len(),
                limit: MAX_ATOMS,
            });
        }
        let mut mol = Mol { atoms: self.atoms, bonds: self.bonds, ..Mol::default() };
        link(&mut mol);
        if let Some(atom) = (0..mol.atoms.len()).find(|&a| mol.neighbors(a).len() > 250) {
            return Err(ChemError::TooLarge {
                what: "number of neighbours of an atom",
                size: mol.neighbors(atom).len(),
                limit: 250,
            });
        }
        Ok(mol)
    }
}

/// Builds the neighbour lists from the bonds, each in the order of the bonds.
pub(super) fn link(mol: &mut Mol) {
    let n = mol.atoms.len();
    mol.offsets.clear();
    mol.offsets.resize(n + 1, 0);
    for bond in &mol.bonds {
        mol.offsets[bond.begin as usize + 1] += 1;
        mol.offsets[bond.end as usize + 1] += 1;
    }
    for i in 0..n {
        mol.atoms[i].degree = mol.offsets[i + 1].min(255) as u8;
        mol.offsets[i + 1] += mol.offsets[i];
    }
    mol.neighbors.clear();
    mol.neighbors.resize(mol.bonds.len() * 2, Neighbor::default());
    // The start of each list moves forward while filling and is set back afterwards.
    for (i, bond) in mol.bonds.iter().enumerate() {
        for (from, to) in [(bond.begin, bond.end), (bond.end, bond.begin)] {
            let slot = &mut mol.offsets[from as usize];
            mol.neighbors[*slot as usize] = Neighbor { atom: to, bond: i as u32 };
            *slot += 1;
        }
    }
    for i in (1..=n).rev() {
        mol.offsets[i] = mol.offsets[i - 1];
    }
    mol.offsets[0] = 0;
}

/// A hydrogen atom with one bond and nothing of its own.
fn is_plain_hydrogen(atom: &Atom) -> bool {
    atom.element == 1 && atom.degree == 1 && atom.isotope == 0 && atom.charge == 0
}

/// A hydrogen atom that says nothing a count would not say.
fn removable(mol: &Mol, h: usize) -> bool {
    if !is_plain_hydrogen(&mol.atoms[h]) {
        return false;
    }
    let link = mol.neighbors(h)[0];
    let heavy = &mol.atoms[link.atom as usize];
    if heavy.element <= 1 || mol.bonds[link.bond as usize].order != BondOrder::Single {
        return false;
    }
    // The only neighbour that says on which side of a double bond things are must stay.
    let is_directed = |b: u32| mol.bonds[b as usize].direction != BondDirection::None;
    let tells = |double: u32, far: u32| {
        let mut beyond = mol.neighbors(far as usize).iter().filter(|n| n.bond != double);
        // At the far end a bond must be left for the other mark: hydrogens beside another neighbour go.
        let markable = beyond.clone().any(|n| {
            let goes = mol.atoms[far as usize].degree > 2
                && is_plain_hydrogen(&mol.atoms[n.atom as usize]);
            !goes && has_direction(mol, n.bond as usize)
        });
        let stereo = mol.bonds[double as usize].stereo != BondStereo::None;
        markable && (stereo || is_directed(link.bond) && beyond.any(|n| is_directed(n.bond)))
    };
    let defines = heavy.degree == 2
        && mol.neighbors(link.atom as usize).iter().any(|n| {
            mol.bonds[n.bond as usize].order == BondOrder::Double && tells(n.bond, n.atom)
        });
    !defines
}

fn remove_hydrogens(mol: &mut Mol) -> Result<()> {
    if !mol.atoms.iter().any(|a| a.element == 1) {
        return Ok(());
    }
    // A ligand's hydrogens are what makes its bond to the metal one too many.
    cleanup::functional_groups(mol);
    cleanup::organometallics(mol);
    let gone: Vec<bool> = (0..mol.atoms.len()).map(|a| removable(mol, a)).collect();
    if !gone.contains(&true) {
        return Ok(());
    }
    for h in (0..mol.atoms.len()).filter(|&h| gone[h]) {
        let link = mol.neighbors(h)[0];
        // One hydrogen too many must not be forgotten with the atom.
        valence::check_bonds(mol, link.atom as usize)?;
        absorb(mol, h as u32, link, &gone);
    }
    move_references(mol, &gone);
    let mut index = vec![u32::MAX; mol.atoms.len()];
    let mut next = 0;
    for (i, slot) in index.iter_mut().enumerate() {
        if !gone[i] {
            *slot = next;
            next += 1;
        }
    }
    mol.bonds.retain(|b| !gone[b.begin as usize] && !gone[b.end as usize]);
    for bond in &mut mol.bonds {
        bond.begin = index[bond.begin as usize];
        bond.end = index[bond.end as usize];
        if let BondStereo::Cis { begin_ref, end_ref } | BondStereo::Trans { begin_ref, end_ref } =
            &mut bond.stereo
        {
            *begin_ref = index[*begin_ref as usize];
            *end_ref = index[*end_ref as usize];
        }
    }
    let mut at = 0;
    mol.atoms.retain(|_| {
        at += 1;
        !gone[at - 1]
    });
    link(mol);
    Ok(())
}

/// Double-bond geometry given by a hydrogen that goes is given by the other substituent.
fn move_references(mol: &mut Mol, gone: &[bool]) {
    for b in 0..mol.bonds.len() {
        let bond = mol.bonds[b];
        let (mut begin_ref, mut end_ref, mut trans) = match bond.stereo {
            BondStereo::None => continue,
            BondStereo::Cis { begin_ref, end_ref } => (begin_ref, end_ref, false),
            BondStereo::Trans { begin_ref, end_ref } => (begin_ref, end_ref, true),
        };
        let mut lost = false;
        for (atom, other, reference) in
            [(bond.begin, bond.end, &mut begin_ref), (bond.end, bond.begin, &mut end_ref)]
        {
            if !gone[*reference as usize] {
                continue;
            }
            let list = mol.neighbors(atom as usize);
            match list.iter().find(|n| n.atom != other && !gone[n.atom as usize]) {
                Some(n) => {
                    *reference = n.atom;
                    trans = !trans;
                }
                None => lost = true,
            }
        }
        mol.bonds[b].stereo = if lost {
            BondStereo::None
        } else if trans {
            BondStereo::Trans { begin_ref, end_ref }
        } else {
            BondStereo::Cis { begin_ref, end_ref }
        };
    }
}

/// Counts a hydrogen atom at its neighbour, keeping chirality and bond directions right.
fn absorb(mol: &mut Mol, h: u32, to: Neighbor, gone: &[bool]) {
    let heavy = to.atom as usize;
    let after = mol
        .neighbors(heavy)
        .iter()
        .skip_while(|n| n.atom != h)
        .skip(1)
        .filter(|n| !(gone[n.atom as usize] && n.atom < h))
        .count();
    let hypervalent = {
        let atom = &mol.atoms[heavy];
        let sum: i32 = mol
            .neighbors(heavy)
            .iter()
            .map(|n| mol.bonds[n.bond as usize].twice_valence(to.atom))
            .sum();
        let valences = super::ELEMENTS[atom.element as usize].valences;
        // Above the lowest valence the implicit hydrogens would not bring this one back.
        valences.len() > 1 && sum + 2 * i32::from(atom.explicit_hs) > 2 * i32::from(valences[0])
    };
    let direction = mol.bonds[to.bond as usize];
    if direction.direction != BondDirection::None {
        move_direction(mol, heavy as u32, &direction, gone);
    }
    let atom = &mut mol.atoms[heavy];
    if after % 2 == 1 {
        atom.chirality = atom.chirality.inverted();
    }
    if atom.no_implicit
        || atom.chirality != Chirality::None
        || hypervalent
        || (atom.aromatic && atom.element != 6)
    {
        atom.explicit_hs = atom.explicit_hs.saturating_add(1);
    }
}

/// The direction of a bond to a removed hydrogen passes, inverted, to the other single bond.
fn move_direction(mol: &mut Mol, heavy: u32, from: &Bond, gone: &[bool]) {
    let other = mol.neighbors(heavy as usize).iter().copied().find(|n| {
        let bond = &mol.bonds[n.bond as usize];
        !gone[n.atom as usize] && bond.order == BondOrder::Single
    });
    let Some(other) = other else { return };
    let bond = &mut mol.bonds[other.bond as usize];
    if bond.direction != BondDirection::None {
        return;
    }
    // Both seen from the heavy atom: the other neighbour is on the other side.
    let up = (from.direction == BondDirection::EndUpRight) == (from.begin == heavy);
    let flipped = bond.begin == heavy;
    bond.direction =
        if up == flipped { BondDirection::EndDownRight } else { BondDirection::EndUpRight };
}
