//! Standardising: largest fragment, charges neutralised, canonical tautomer on request.
//!
//! Functional groups drawn with wrong valences (nitro, azide, sulfone …) are normalised when a
//! molecule is read.
use crate::error::{ChemError, Result};
use crate::mol::{Atom, Mol, MolBuilder};
use crate::scaffold::subset;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandardizeOptions {
    /// Keep the largest organic fragment only.
    pub largest_fragment: bool,
    /// Remove charges that protons can balance.
    pub neutralize: bool,
    /// Replace the molecule by its canonical tautomer (RDKit's rules and scores; slow, and off by
    /// default because models and screens expect the tautomer that was given).
    pub canonical_tautomer: bool,
}

impl Default for StandardizeOptions {
    fn default() -> Self {
        Self { largest_fragment: true, neutralize: true, canonical_tautomer: false }
    }
}

/// Runs the chosen steps.
///
/// # Errors
/// When a step leaves no valid molecule, or the molecule is too large for a tautomer search.
pub fn standardize(mol: &Mol, options: &StandardizeOptions) -> Result<Mol> {
    let mut mol = if options.largest_fragment { largest_fragment(mol)? } else { mol.clone() };
    if options.neutralize {
        mol = neutralize(&mol)?;
    }
    if options.canonical_tautomer {
        mol = crate::library::library().canonical_tautomer(&mol)?;
    }
    Ok(mol)
}

/// The largest fragment: most atoms with hydrogens, then heaviest, then first by SMILES.
///
/// # Errors
/// When the fragment alone is no valid molecule.
pub fn largest_fragment(mol: &Mol) -> Result<Mol> {
    let (label, count) = mol.components();
    if count < 2 {
        return Ok(mol.clone());
    }
    let mut size = vec![(false, 0u32, 0.0f64); count];
    for (a, &l) in label.iter().enumerate() {
        let atom = &mol.atoms()[a];
        let entry = &mut size[l as usize];
        entry.0 |= atom.element == 6;
        entry.1 += 1 + u32::from(atom.total_hs);
        entry.2 += mol.atom_mass(a) + f64::from(atom.total_hs) * 1.008;
    }
    let mut best: Option<(usize, Mol, String)> = None;
    for fragment in 0..count {
        let order = best.as_ref().map_or(std::cmp::Ordering::Greater, |b| {
            let (x, y) = (&size[fragment], &size[b.0]);
            x.0.cmp(&y.0).then(x.1.cmp(&y.1)).then(x.2.total_cmp(&y.2))
        });
        if order == std::cmp::Ordering::Less {
            continue;
        }
        let keep: Vec<bool> = label.iter().map(|&l| l as usize == fragment).collect();
        let part = part_of(mol, &keep)?;
        let smiles = part.canonical_smiles();
        if order == std::cmp::Ordering::Greater || best.as_ref().is_none_or(|b| smiles < b.2) {
            best = Some((fragment, part, smiles));
        }
    }
    best.map(|b| b.1).ok_or(ChemError::Empty)
}

/// Whole fragments with their stereo.
fn part_of(mol: &Mol, keep: &[bool]) -> Result<Mol> {
    let part = subset(mol, keep, true)?;
    restore_geometry(mol, keep, part)
}

/// Copies double-bond geometry to a part whose atoms and bonds are in the same order.
fn restore_geometry(mol: &Mol, keep: &[bool], mut part: Mol) -> Result<Mol> {
    use crate::mol::BondStereo;
    let mut next = 0;
    let index: Vec<u32> = keep
        .iter()
        .map(|&k| {
            next += u32::from(k);
            next.wrapping_sub(1)
        })
        .collect();
    let moved = |a: u32| index[a as usize];
    let old = mol.bonds().iter().filter(|b| keep[b.begin as usize] && keep[b.end as usize]);
    for (bond, new) in old.zip(&mut part.bonds) {
        new.direction = bond.direction;
        new.stereo = match bond.stereo {
            BondStereo::None => BondStereo::None,
            BondStereo::Cis { begin_ref, end_ref } => {
                BondStereo::Cis { begin_ref: moved(begin_ref), end_ref: moved(end_ref) }
            }
            BondStereo::Trans { begin_ref, end_ref } => {
                BondStereo::Trans { begin_ref: moved(begin_ref), end_ref: moved(end_ref) }
            }
        };
    }
    Ok(part)
}

/// A charge next to an opposite charge (as in nitro groups) is not removable.
fn paired(mol: &Mol, a: usize) -> bool {
    let charge = mol.atoms()[a].charge;
    mol.neighbors(a)
        .iter()
        .any(|n| i32::from(mol.atoms()[n.atom as usize].charge) * i32::from(charge) < 0)
}

/// Removes charges by adding and removing protons: acids keep a charge only to balance cations
/// that no proton can neutralise (quaternary nitrogen, metals).
///
/// # Errors
/// When the result is no valid molecule.
pub fn neutralize(mol: &Mol) -> Result<Mol> {
    let atoms = mol.atoms();
    if atoms.iter().all(|a| a.charge == 0) {
        return Ok(mol.clone());
    }
    let mut fixed_positive = 0i32;
    let mut change = vec![0i8; atoms.len()];
    let mut negative: Vec<usize> = Vec::new();
    for (a, atom) in atoms.iter().enumerate() {
        if paired(mol, a) {
            continue;
        }
        if atom.charge > 0 {
            let removable = i32::from(atom.charge).min(i32::from(atom.total_hs));
            let removable = if matches!(atom.element, 7 | 8 | 15 | 16) { removable } else { 0 };
            change[a] = -(removable as i8);
            fixed_positive += i32::from(atom.charge) - removable;
        } else if atom.charge < 0 && matches!(atom.element, 6..=9 | 15..=17 | 34 | 35 | 53) {
            negative.extend(std::iter::repeat_n(a, usize::from(atom.charge.unsigned_abs())));
        }
    }
    // Weak acids take their proton first: the strong ones stay as counter-ions of fixed cations.
    let ranks = crate::smiles::canonical_ranks(mol);
    negative.sort_by_key(|&a| (acid_strength(mol, a), ranks[a]));
    let neutralisable = negative.len().saturating_sub(fixed_positive.max(0) as usize);
    for &a in &negative[..neutralisable] {
        change[a] += 1;
    }
    rebuild(mol, &change)
}

/// Larger for the anions of stronger acids.
fn acid_strength(mol: &Mol, a: usize) -> u8 {
    let atom = &mol.atoms()[a];
    let neighbour = mol.neighbors(a).first().map(|n| n.atom as usize);
    let doubled = neighbour.is_some_and(|n| {
        mol.neighbors(n)
            .iter()
            .any(|m| mol.bonds()[m.bond as usize].order == crate::mol::BondOrder::Double)
    });
    match (atom.element, neighbour.map(|n| mol.atoms()[n].element)) {
        (9 | 17 | 35 | 53, None) => 6,
        (8, Some(16)) if doubled => 5,
        (8, Some(15)) if doubled => 4,
        (8, Some(6)) if doubled => 3,
        (16, _) => 2,
        (8, _) => 1,
        _ => 0,
    }
}

fn rebuild(mol: &Mol, change: &[i8]) -> Result<Mol> {
    let mut builder = MolBuilder::new();
    for (atom, &delta) in mol.atoms().iter().zip(change) {
        let hs = i32::from(atom.total_hs) + i32::from(delta);
        builder.add_atom(Atom {
            element: atom.element,
            charge: atom.charge + delta,
            isotope: atom.isotope,
            explicit_hs: hs.clamp(0, 255) as u8,
            no_implicit: true,
            chirality: atom.chirality,
            map_num: atom.map_num,
            ..Atom::default()
        });
    }
    for bond in mol.bonds() {
        builder.add_bond(bond.begin, bond.end, bond.kekule);
    }
    let whole = vec![true; mol.num_atoms()];
    let new = builder.finish()?;
    if new.num_atoms() != mol.num_atoms() {
        return Ok(new);
    }
    restore_geometry(mol, &whole, new)
}
