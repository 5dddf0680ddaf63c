//! Kier and Hall's connectivity and shape indices: Chi0..Chi4 (plain, n and v), HallKierAlpha,
//! Kappa1..Kappa3. Reviews in Computational Chemistry 2, 367-422 (1991).

use super::periodic::element;
use crate::Mol;
use crate::mol::Hybridisation;

/// All the indices of a molecule.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Connectivity {
    /// Chi0, Chi1: from vertex degrees.
    pub chi: [f64; 2],
    /// Chi0n..Chi4n: from valence electrons less hydrogens.
    pub chi_n: [f64; 5],
    /// Chi0v..Chi4v: the same, scaled by the core electrons beyond the second row.
    pub chi_v: [f64; 5],
    /// HallKierAlpha.
    pub alpha: f64,
    /// Kappa1..Kappa3.
    pub kappa: [f64; 3],
}

/// Computes them.
pub(crate) fn connectivity(mol: &Mol) -> Connectivity {
    let count = mol.atoms().len();
    let mut result = Connectivity { alpha: hall_kier_alpha(mol), ..Connectivity::default() };
    let mut weights = vec![[0.0f64; 2]; count];
    for (weight, atom) in weights.iter_mut().zip(mol.atoms()) {
        let outer = element(atom.element).outer_electrons;
        let valence = f64::from(outer - i32::from(atom.total_hs));
        let core = i32::from(atom.element) - outer - 1;
        let scaled = match atom.element {
            0 | 1 => 0.0,
            2..=10 => valence,
            _ => valence / f64::from(core),
        };
        *weight = [root_inverse(valence), root_inverse(scaled)];
    }
    let degree = |atom: usize| mol.neighbors(atom).len() as f64;
    for (atom, weight) in weights.iter().enumerate() {
        result.chi[0] += root_inverse(degree(atom));
        result.chi_n[0] += weight[0];
        result.chi_v[0] += weight[1];
    }
    for bond in mol.bonds() {
        let (a, b) = (bond.begin as usize, bond.end as usize);
        result.chi[1] += root_inverse(degree(a) * degree(b));
        result.chi_n[1] += weights[a][0] * weights[b][0];
        result.chi_v[1] += weights[a][1] * weights[b][1];
    }
    let paths = walk_paths(mol, &weights, &mut result);
    let heavy = mol.atoms().iter().filter(|a| a.element > 1).count();
    result.kappa = kappa(heavy, [mol.bonds().len(), paths[0], paths[1]], result.alpha);
    result
}

fn root_inverse(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { 1.0 / value.sqrt() }
}

/// Sums the products over paths of two to four bonds, each once. As in RDKit the last atom may be one
/// the path went through: triangles, squares, and triangles with a tail, whose atom of return counts
/// twice. Returns the numbers of paths of two and three bonds.
fn walk_paths(mol: &Mol, weights: &[[f64; 2]], result: &mut Connectivity) -> [usize; 2] {
    let (mut twos, mut threes) = (0usize, 0usize);
    // Hydrogens of the graph (deuterium) are on no path.
    let heavy = |atom: usize| mol.atoms()[atom].element != 1;
    let next = |atom: usize| {
        mol.neighbors(atom).iter().map(|n| n.atom as usize).filter(move |&n| heavy(n))
    };
    let product =
        |atoms: &[usize], kind: usize| atoms.iter().map(|&a| weights[a][kind]).product::<f64>();
    let mut add = |order: usize, atoms: &[usize]| {
        result.chi_n[order] += product(atoms, 0);
        result.chi_v[order] += product(atoms, 1);
    };
    for a in (0..weights.len()).filter(|&a| heavy(a)) {
        for b in next(a) {
            for c in next(b).filter(|&c| c != a) {
                if a < c {
                    twos += 1;
                    add(2, &[a, b, c]);
                }
                for d in next(c).filter(|&d| d != b) {
                    if d == a {
                        // A triangle is seen from each corner in both directions.
                        if a < b && b < c {
                            threes += 1;
                            add(3, &[a, b, c]);
                        }
                        continue;
                    }
                    if a < d {
                        threes += 1;
                        add(3, &[a, b, c, d]);
                    }
                    for e in next(d).filter(|&e| e != c) {
                        if e == b {
                            if c < d {
                                add(4, &[a, b, c, d, b]);
                            }
                        } else if e == a {
                            // A square: once, from its lowest atom, in one direction.
                            if a < b && a < c && a < d && b < d {
                                add(4, &[a, b, c, d]);
                            }
                        } else if a < e {
                            add(4, &[a, b, c, d, e]);
                        }
                    }
                }
            }
        }
    }
    [twos, threes]
}

/// HallKierAlpha: sum of how much smaller or larger than an sp3 carbon the atoms are.
pub(crate) fn hall_kier_alpha(mol: &Mol) -> f64 {
    let carbon = element(6).radius;
    mol.atoms()
        .iter()
        .map(|atom| match (atom.element, atom.hybridisation) {
            (0 | 1, _) => 0.0,
            (6, Hybridisation::Sp) => -0.22,
            (6, Hybridisation::Sp2) => -0.13,
            (6, _) => 0.0,
            (7, Hybridisation::Sp) => -0.29,
            (7 | 8, Hybridisation::Sp2) => -0.20,
            (7 | 8, _) => -0.04,
            (9, _) => -0.07,
            (15, Hybridisation::Sp2) => 0.30,
            (15, _) => 0.43,
            (16, Hybridisation::Sp2) => 0.22,
            (16, _) => 0.35,
            (17, _) => 0.29,
            (35, _) => 0.48,
            (53, _) => 0.73,
            (number, _) => element(number).radius / carbon - 1.0,
        })
        .sum()
}

fn kappa(heavy: usize, paths: [usize; 3], alpha: f64) -> [f64; 3] {
    let a = heavy as f64 + alpha;
    let ratio = |numerator: f64, paths: usize| {
        let denominator = (paths as f64 + alpha) * (paths as f64 + alpha);
        if denominator == 0.0 { 0.0 } else { numerator / denominator }
    };
    let last = if heavy % 2 == 1 { a - 1.0 } else { a - 2.0 };
    [
        ratio(a * (a - 1.0) * (a - 1.0), paths[0]),
        ratio((a - 1.0) * (a - 2.0) * (a - 2.0), paths[1]),
        ratio(last * (a - 3.0) * (a - 3.0), paths[2]),
    ]
}
