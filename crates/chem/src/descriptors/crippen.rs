//! Atom contributions to logP and molar refractivity: Wildman and Crippen (1999).

use std::sync::LazyLock;

use super::periodic::rows;
use crate::Mol;
use crate::smarts::{PatternSet, Target};

/// logP and molar refractivity of one atom type.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Contribution {
    /// Share of logP.
    pub logp: f64,
    /// Share of the molar refractivity.
    pub mr: f64,
}

/// The contributions of a molecule.
#[derive(Debug, Clone, Default)]
pub struct Crippen {
    /// One for each atom of the graph, without its implicit hydrogens.
    pub atoms: Vec<Contribution>,
    /// Sum over the implicit hydrogens.
    pub hydrogens: Contribution,
}

impl Crippen {
    /// logP of the whole molecule.
    pub fn logp(&self) -> f64 {
        self.atoms.iter().map(|c| c.logp).sum::<f64>() + self.hydrogens.logp
    }

    /// Molar refractivity of the whole molecule.
    pub fn mr(&self) -> f64 {
        self.atoms.iter().map(|c| c.mr).sum::<f64>() + self.hydrogens.mr
    }
}

struct Table {
    patterns: PatternSet,
    types: Vec<Contribution>,
}

/// The rules for heavy atoms. Those for hydrogens are [`hydrogen`]: they need hydrogens as atoms,
/// which our molecules do not carry. No rule for a heavy atom depends on an explicit hydrogen.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { patterns: PatternSet::new(), types: Vec::new() };
    for row in rows(include_str!("../../data/crippen.tsv")) {
        // The table is part of the program; a test holds every row to being read.
        let Some((smarts, contribution)) = read_row(&row) else { continue };
        if !smarts.starts_with("[#1]") && table.patterns.add_anchored(smarts).is_ok() {
            table.types.push(contribution);
        }
    }
    table
});

/// Pattern and contribution of a row.
fn read_row(row: &[&'static str]) -> Option<(&'static str, Contribution)> {
    let &[_, smarts, logp, mr] = row else { return None };
    Some((smarts, Contribution { logp: logp.parse().ok()?, mr: mr.parse().ok()? }))
}

const H1: Contribution = Contribution { logp: 0.123, mr: 1.057 };
const H2: Contribution = Contribution { logp: -0.2677, mr: 1.395 };
const H3: Contribution = Contribution { logp: 0.2142, mr: 0.9627 };
const H4: Contribution = Contribution { logp: 0.298, mr: 1.805 };
const HS: Contribution = Contribution { logp: 0.1125, mr: 1.112 };

/// Contributions of every atom and of the hydrogens.
pub(crate) fn crippen(mol: &Mol, target: &Target) -> Crippen {
    let count = mol.atoms().len();
    let mut atoms = vec![Contribution::default(); count];
    let mut open: Vec<u64> = (0..count.div_ceil(64)).map(|word| target.all(word)).collect();
    for (index, atom) in mol.atoms().iter().enumerate() {
        if atom.element == 1 {
            atoms[index] =
                mol.neighbors(index).first().map_or(HS, |n| hydrogen(mol, n.atom as usize));
            open[index / 64] &= !(1 << (index % 64));
        }
    }
    let mut matcher = TABLE.patterns.on(target);
    for (rule, contribution) in TABLE.types.iter().enumerate() {
        matcher.claim(rule, &mut open, |atom| atoms[atom as usize] = *contribution);
        if open.iter().all(|&word| word == 0) {
            break;
        }
    }
    let mut hydrogens = Contribution::default();
    for (index, atom) in mol.atoms().iter().enumerate() {
        if atom.total_hs > 0 {
            let each = hydrogen(mol, index);
            hydrogens.logp += each.logp * f64::from(atom.total_hs);
            hydrogens.mr += each.mr * f64::from(atom.total_hs);
        }
    }
    Crippen { atoms, hydrogens }
}

/// The type of a hydrogen on `parent`: rows H1 to HS of the table, in its order.
fn hydrogen(mol: &Mol, parent: usize) -> Contribution {
    let atoms = mol.atoms();
    let atom = &atoms[parent];
    let aliphatic = |a: &crate::mol::Atom, element: u8| a.element == element && !a.aromatic;
    if atom.element == 6 || atom.element == 1 {
        return H1;
    }
    match atom.element {
        7 => return H3,
        8 => {}
        _ => return H2,
    }
    // The rules' bonds are single or aromatic: =[OH+] is none of them.
    let heavy = || {
        mol.neighbors(parent)
            .iter()
            .filter(|n| {
                let bond = &mol.bonds()[n.bond as usize];
                bond.aromatic || bond.order == crate::mol::BondOrder::Single
            })
            .map(|n| n.atom as usize)
            .filter(|&n| atoms[n].element != 1)
    };
    let hydrogens = usize::from(atom.total_hs)
        + mol.neighbors(parent).iter().filter(|n| atoms[n.atom as usize].element == 1).count();
    let alcohol = heavy().any(|n| {
        let a = &atoms[n];
        let degree = mol.neighbors(n).len() + usize::from(a.total_hs);
        (aliphatic(a, 6) && degree == 4) || (a.element == 6 && a.aromatic)
    });
    let other = hydrogens > 1
        || heavy().any(|n| {
            let a = &atoms[n];
            !matches!(a.element, 6 | 7 | 8 | 16)
        });
    if alcohol || other {
        return H2;
    }
    if heavy().any(|n| atoms[n].element == 7) {
        return H3;
    }
    let acid = heavy().any(|n| {
        aliphatic(&atoms[n], 6)
            && mol.neighbors(n).iter().any(|far| {
                let (a, bond) = (&atoms[far.atom as usize], &mol.bonds()[far.bond as usize]);
                far.atom as usize != parent
                    && !bond.aromatic
                    && bond.order == crate::mol::BondOrder::Double
                    && (matches!(a.element, 6 | 7) || aliphatic(a, 8) || aliphatic(a, 16))
            })
    });
    let peroxide = heavy().any(|n| aliphatic(&atoms[n], 8) || aliphatic(&atoms[n], 16));
    if acid || peroxide { H4 } else { HS }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows for heavy atoms in the table (RDKit's `Crippen.txt` has 110, nine of them for hydrogens).
    const HEAVY_ROWS: usize = 101;

    #[test]
    fn every_row_of_the_table_is_read() {
        let mut heavy = 0;
        for row in rows(include_str!("../../data/crippen.tsv")) {
            let (smarts, contribution) = read_row(&row).unwrap_or_else(|| panic!("row {row:?}"));
            if smarts.starts_with("[#1]") {
                assert!(row[0].starts_with('H'), "{row:?} is no type of hydrogen");
                continue;
            }
            PatternSet::new().add_anchored(smarts).unwrap_or_else(|e| panic!("{smarts}: {e}"));
            assert_eq!(TABLE.types.get(heavy), Some(&contribution), "{row:?}");
            heavy += 1;
        }
        assert_eq!((heavy, TABLE.types.len()), (HEAVY_ROWS, HEAVY_ROWS));
    }

    #[test]
    fn hydrogen_types_have_the_tables_values() {
        let typed = [("H1", H1), ("H2", H2), ("H3", H3), ("H4", H4), ("HS", HS)];
        let mut seen = 0;
        for row in rows(include_str!("../../data/crippen.tsv")) {
            let Some((_, constant)) = typed.iter().find(|(name, _)| *name == row[0]) else {
                continue;
            };
            assert_eq!(read_row(&row).map(|r| r.1), Some(*constant), "{row:?}");
            seen += 1;
        }
        assert!(seen >= typed.len(), "{seen} rows for hydrogens");
    }
}
