//! Writing MDL V2000 records.
use crate::error::{ChemError, Result};
use crate::mol::{
    Atom, Bond, BondOrder, BondStereo, Mol, hydrogens_beside_radicals, hydrogens_of_drawing,
};
use crate::sdf_drawing::MOST_HYDROGENS;
use crate::smiles::symmetry_classes;
use crate::wedge::wedges;

/// Writes a V2000 record (name, 2D or zero coordinates, charges, isotopes, valences where they are not the usual ones) with its data items.
///
/// `points` may be empty; with one for each atom, stereocentres get wedges, double bonds show the
/// geometry the points give them, and those without a geometry are marked as either.
///
/// # Errors
/// Above 999 atoms or bonds the format has no room.
pub fn write_v2000(
    mol: &Mol,
    name: &str,
    points: &[[f64; 2]],
    properties: &[(&str, &str)],
) -> Result<String> {
    use std::fmt::Write;
    let (atoms, bonds) = (mol.atoms(), mol.bonds());
    let size = atoms.len().max(bonds.len());
    if size > 999 {
        return Err(ChemError::TooLarge { what: "molecule for a V2000 block", size, limit: 999 });
    }
    let line = name.replace(['\n', '\r'], " ");
    let mut out = format!(
        "{line}\n  Strata\n\n{:3}{:3}  0  0  0  0  0  0  0  0999 V2000\n",
        atoms.len(),
        bonds.len()
    );
    for (i, atom) in atoms.iter().enumerate() {
        let [x, y] = points.get(i).copied().unwrap_or([0.0; 2]);
        let _ = writeln!(
            out,
            "{x:10.4}{y:10.4}{:10.4} {:<3} 0  0  0  0  0{:3}  0  0  0  0  0  0",
            0.0,
            atom.symbol(),
            valence(mol, i)
        );
    }
    let drawn = !points.is_empty() && points.len() == atoms.len();
    let marks = if drawn { wedges(mol, points) } else { vec![None; bonds.len()] };
    let classes = if drawn { symmetry_classes(mol) } else { Vec::new() };
    for (bond, wedge) in bonds.iter().zip(&marks) {
        let order = match bond.kekule {
            BondOrder::Double => 2,
            BondOrder::Triple => 3,
            BondOrder::Dative => 9,
            BondOrder::Zero | BondOrder::Quadruple => 8,
            BondOrder::Single | BondOrder::Aromatic => 1,
        };
        let either = drawn && open_geometry(mol, bond, &classes);
        let (begin, mark) = match wedge {
            Some(wedge) => (wedge.from, if wedge.up { 1 } else { 6 }),
            None => (bond.begin, if either { 3 } else { 0 }),
        };
        let _ = writeln!(out, "{:3}{:3}{order:3}{mark:3}", begin + 1, bond.other(begin) + 1);
    }
    for (i, atom) in atoms.iter().enumerate() {
        if atom.charge != 0 {
            let _ = writeln!(out, "M  CHG  1{:4}{:4}", i + 1, atom.charge);
        }
        if atom.isotope != 0 {
            let _ = writeln!(out, "M  ISO  1{:4}{:4}", i + 1, atom.isotope);
        }
        if atom.radicals > 0 {
            let _ =
                writeln!(out, "M  RAD  1{:4}{:4}", i + 1, if atom.radicals == 1 { 2 } else { 3 });
        }
    }
    out.push_str("M  END\n");
    for (key, value) in properties {
        let _ = write!(out, "> <{key}>\n{value}\n\n");
    }
    out.push_str("$$$$\n");
    Ok(out)
}

/// The valence of an atom as its line gives it (15 for none) where it would otherwise be read with other hydrogens; else 0.
fn valence(mol: &Mol, at: usize) -> i32 {
    let atom = &mol.atoms()[at];
    let drawn = mol.neighbors(at).iter().map(|neighbor| {
        let bond = &mol.bonds()[neighbor.bond as usize];
        let order = if bond.kekule == BondOrder::Quadruple { BondOrder::Zero } else { bond.kekule };
        Bond { order, ..*bond }.twice_valence(at as u32)
    });
    let twice_sum: i32 = drawn.sum();
    let read = if atom.radicals > 0 {
        let told = Atom { radicals: atom.radicals.min(2), ..*atom };
        Some(hydrogens_beside_radicals(&told, twice_sum).clamp(0, MOST_HYDROGENS))
    } else {
        hydrogens_of_drawing(mol, at, twice_sum)
    };
    let hydrogens = i32::from(atom.total_hs);
    match (twice_sum + 1) / 2 + hydrogens {
        _ if read == Some(hydrogens) => 0,
        0 => 15,
        valence @ 1..15 => valence,
        _ => 0,
    }
}

/// A double bond that could have a geometry and has none: what is drawn must not be read as one.
fn open_geometry(mol: &Mol, bond: &Bond, classes: &[u32]) -> bool {
    if bond.kekule != BondOrder::Double
        || bond.aromatic
        || in_small_ring(mol, bond)
        || bond.stereo != BondStereo::None
    {
        return false;
    }
    let differs = |a: u32, other: u32| {
        let mut ends = mol.neighbors(a as usize).iter().filter(|n| n.atom != other);
        match (ends.next(), ends.next()) {
            (Some(_), None) => true,
            (Some(x), Some(y)) => classes[x.atom as usize] != classes[y.atom as usize],
            _ => false,
        }
    };
    differs(bond.begin, bond.end) && differs(bond.end, bond.begin)
}

/// Rings below eight atoms allow one geometry only.
fn in_small_ring(mol: &Mol, bond: &Bond) -> bool {
    bond.in_ring
        && mol
            .rings()
            .atom_rings()
            .any(|ring| ring.len() < 8 && ring.contains(&bond.begin) && ring.contains(&bond.end))
}
