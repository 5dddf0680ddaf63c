//! A part of one molecule joined to a part of another, cut at a chain bond or across a ring (the crossovers of
//! Jensen, Chemical Science 2019, 10, 3567, on our own graph).
use super::{EditMol, refused};
use crate::error::Result;
use crate::mol::{BondOrder, Mol};
use crate::split::Random;

/// Cuts a chain bond of each and joins the larger part of the first, two times of three, to a part of the second.
///
/// # Errors
/// A molecule without such a bond.
pub fn chain(first: &Mol, second: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let (left, left_point) = chain_part(first, random.below(3) > 0, random)?;
    let larger = random.below(2) == 0;
    let (right, right_point) = chain_part(second, larger, random)?;
    let mut made = left;
    let right = right.foreign();
    let name = right.smiles()?;
    let offset = made.absorb(&right);
    made.join(left_point, offset + right_point)?;
    Ok((made, format!("with {name}")))
}

/// One of the two parts beside a random chain bond, and its attachment point.
fn chain_part(mol: &Mol, larger: bool, random: &mut Random) -> Result<(EditMol, u32)> {
    let cuts: Vec<usize> = (0..mol.bonds().len())
        .filter(|&b| !mol.bonds()[b].in_ring && mol.bonds()[b].order == BondOrder::Single)
        .collect();
    let bond = cuts.get(random.below(cuts.len())).ok_or_else(|| refused("no chain bond to cut"))?;
    let mut edit = EditMol::from_mol(mol)?;
    let points = edit.cut(*bond, [(0, 0), (0, 0)])?;
    let sides = points.map(|point| edit.component(point));
    let size = |side: &[bool]| side.iter().filter(|in_side| **in_side).count();
    let side = usize::from((size(&sides[1]) > size(&sides[0])) == larger);
    Ok((edit.part(&sides[side]), points[side]))
}

/// Cuts a ring of each across two bonds and closes a new ring from a part of each.
///
/// # Errors
/// A molecule without a ring that falls in two that way.
pub fn ring(first: &Mol, second: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let (left, left_points) = ring_part(first, random)?;
    let (right, right_points) = ring_part(second, random)?;
    let mut made = left;
    let right = right.foreign();
    let name = right.smiles()?;
    let offset = made.absorb(&right);
    let turned = usize::from(random.below(2) == 0);
    for (end, &point) in left_points.iter().enumerate() {
        made.join(point, offset + right_points[(end + turned) % 2])?;
    }
    Ok((made, format!("with {name}")))
}

/// One of the two parts of a molecule whose ring is cut across two single bonds, and its points.
fn ring_part(mol: &Mol, random: &mut Random) -> Result<(EditMol, [u32; 2])> {
    let fault = || refused("no ring falls in two");
    let rings = mol.rings();
    if rings.is_empty() {
        return Err(fault());
    }
    let ring = rings.bond_ring(random.below(rings.len()));
    let single: Vec<usize> = ring
        .iter()
        .map(|&b| b as usize)
        .filter(|&b| {
            mol.bonds()[b].kekule == BondOrder::Single && rings.num_bond_rings(b as u32) == 1
        })
        .collect();
    if single.len() < 2 {
        return Err(fault());
    }
    let first = random.below(single.len());
    let second = (first + 1 + random.below(single.len() - 1)) % single.len();
    let (low, high) = (single[first].min(single[second]), single[first].max(single[second]));
    let mut edit = EditMol::from_mol(mol)?;
    // The later bond first: a cut moves the bonds behind it.
    let outer = edit.cut(high, [(0, 0), (0, 0)])?;
    let inner = edit.cut(low, [(0, 0), (0, 0)])?;
    let side = edit.component(outer[random.below(2)]);
    let part = edit.part(&side);
    let points: Vec<u32> =
        outer.into_iter().chain(inner).filter(|&point| side[point as usize]).collect();
    let points: [u32; 2] = points.try_into().map_err(|_| fault())?;
    Ok((part, points))
}
