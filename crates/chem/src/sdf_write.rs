//! Writing MDL V2000 records.
use crate::error::{ChemError, Result};
use crate::mol::{BondOrder, Mol};

/// Writes a V2000 record (name, 2D or zero coordinates, charges, isotopes) with its data items.
///
/// Stereo is not written. `points` may be empty.
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
            "{x:10.4}{y:10.4}{:10.4} {:<3} 0  0  0  0  0  0  0  0  0  0  0  0",
            0.0,
            atom.symbol()
        );
    }
    for bond in bonds {
        let order = match bond.kekule {
            BondOrder::Double => 2,
            BondOrder::Triple => 3,
            BondOrder::Dative => 9,
            BondOrder::Zero | BondOrder::Quadruple => 8,
            BondOrder::Single | BondOrder::Aromatic => 1,
        };
        let _ = writeln!(out, "{:3}{:3}{order:3}  0", bond.begin + 1, bond.end + 1);
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
