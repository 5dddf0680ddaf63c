//! Distances in the molecular graph and what is built on them: EState indices (Hall, Mohney, Kier
//! 1991), BalabanJ (1982) and BertzCT (1981).

use rustc_hash::FxHashMap;

use super::periodic::element;
use crate::Mol;
use crate::mol::{Bond, BondOrder};

/// Stands for "no path"; RDKit writes 1e8.
const UNREACHED: u32 = u32::MAX;

/// Bonds between every two atoms.
pub(crate) fn distances(mol: &Mol) -> Vec<u32> {
    let count = mol.atoms().len();
    let mut all = vec![UNREACHED; count * count];
    let mut queue: Vec<u32> = Vec::with_capacity(count);
    for start in 0..count {
        let row = &mut all[start * count..(start + 1) * count];
        row[start] = 0;
        queue.clear();
        queue.push(start as u32);
        let mut head = 0;
        while let Some(&atom) = queue.get(head) {
            head += 1;
            let next = row[atom as usize] + 1;
            for neighbor in mol.neighbors(atom as usize) {
                let other = neighbor.atom as usize;
                if row[other] == UNREACHED {
                    row[other] = next;
                    queue.push(neighbor.atom);
                }
            }
        }
    }
    all
}

/// EState index of every atom.
pub(crate) fn estate(mol: &Mol) -> Vec<f64> {
    let count = mol.atoms().len();
    let intrinsic: Vec<f64> = (0..count)
        .map(|i| {
            let atom = &mol.atoms()[i];
            let degree = mol.neighbors(i).len();
            if degree == 0 {
                return 0.0;
            }
            let valence = element(atom.element).outer_electrons - i32::from(atom.total_hs);
            let shell = f64::from(principal_quantum_number(atom.element));
            (4.0 / (shell * shell) * f64::from(valence) + 1.0) / degree as f64
        })
        .collect();
    let distances = distances(mol);
    let mut result = intrinsic.clone();
    for i in 0..count {
        for j in i + 1..count {
            let distance = distances[i * count + j];
            if distance != UNREACHED {
                let steps = f64::from(distance) + 1.0;
                let change = (intrinsic[i] - intrinsic[j]) / (steps * steps);
                result[i] += change;
                result[j] -= change;
            }
        }
    }
    result
}

fn principal_quantum_number(number: u8) -> u8 {
    match number {
        0..=2 => 1,
        3..=10 => 2,
        11..=18 => 3,
        19..=36 => 4,
        37..=54 => 5,
        55..=86 => 6,
        _ => 7,
    }
}

/// Length of a bond where a bond of order n is 1/n long, in twelfths: exact for every order.
fn twelfths(bond: &Bond) -> u32 {
    match bond.order {
        _ if bond.aromatic => 8,
        BondOrder::Double => 6,
        BondOrder::Triple => 4,
        BondOrder::Quadruple => 3,
        _ => 12,
    }
}

/// Atoms up to which all pairs are relaxed through every atom: rows of 16-bit numbers that a processor takes many of at
/// once are faster than a queue, though their number grows with the cube.
const DENSE: usize = 96;

/// Shortest paths with bonds as long as the inverse of their order, in twelfths.
pub(crate) fn weighted_distances(mol: &Mol) -> Vec<u32> {
    if mol.atoms().len() <= DENSE { dense_distances(mol) } else { sparse_distances(mol) }
}

/// Floyd and Warshall. The longest path, 95 bonds of 12, is far from the end of the numbers.
fn dense_distances(mol: &Mol) -> Vec<u32> {
    let count = mol.atoms().len();
    let mut all = vec![u16::MAX; count * count];
    for atom in 0..count {
        all[atom * count + atom] = 0;
    }
    for bond in mol.bonds() {
        let (a, b) = (bond.begin as usize, bond.end as usize);
        let length = (twelfths(bond) as u16).min(all[a * count + b]);
        (all[a * count + b], all[b * count + a]) = (length, length);
    }
    let mut by_way = vec![0; count];
    for middle in 0..count {
        by_way.copy_from_slice(&all[middle * count..(middle + 1) * count]);
        for (from, row) in all.chunks_exact_mut(count.max(1)).enumerate() {
            let there = by_way[from];
            if there == u16::MAX || from == middle {
                continue;
            }
            for (cell, rest) in row.iter_mut().zip(&by_way) {
                *cell = (*cell).min(there.saturating_add(*rest));
            }
        }
    }
    all.into_iter().map(|d| if d == u16::MAX { UNREACHED } else { u32::from(d) }).collect()
}

/// The same by a queue from every atom (Dial).
fn sparse_distances(mol: &Mol) -> Vec<u32> {
    let count = mol.atoms().len();
    let lengths: Vec<u32> = mol.bonds().iter().map(twelfths).collect();
    let mut all = vec![UNREACHED; count * count];
    // Bonds are 3 to 12 long, so 13 buckets in a circle serve as the queue.
    let mut buckets: [Vec<u32>; 13] = Default::default();
    for start in 0..count {
        let row = &mut all[start * count..(start + 1) * count];
        row[start] = 0;
        buckets[0].push(start as u32);
        let (mut distance, mut waiting) = (0u32, 1usize);
        while waiting > 0 {
            let mut bucket = std::mem::take(&mut buckets[(distance % 13) as usize]);
            waiting -= bucket.len();
            for atom in bucket.drain(..) {
                if row[atom as usize] != distance {
                    continue;
                }
                for neighbor in mol.neighbors(atom as usize) {
                    let reached = distance + lengths[neighbor.bond as usize];
                    if reached < row[neighbor.atom as usize] {
                        row[neighbor.atom as usize] = reached;
                        buckets[(reached % 13) as usize].push(neighbor.atom);
                        waiting += 1;
                    }
                }
            }
            buckets[(distance % 13) as usize] = bucket;
            distance += 1;
        }
    }
    all
}

/// Balaban's J with bond orders as weights. Parts of a salt are 1e8 apart, as in RDKit.
pub(crate) fn balaban_j(mol: &Mol, weighted: &[u32]) -> f64 {
    let count = mol.atoms().len();
    let bonds = mol.bonds().len() as f64;
    let sums: Vec<f64> = (0..count)
        .map(|i| {
            let row = &weighted[i * count..(i + 1) * count];
            row.iter().map(|&d| if d == UNREACHED { 1e8 } else { f64::from(d) / 12.0 }).sum()
        })
        .collect();
    let total: f64 = mol
        .bonds()
        .iter()
        .map(|b| 1.0 / (sums[b.begin as usize] * sums[b.end as usize]).sqrt())
        .sum();
    let cycles = bonds - count as f64 + 1.0;
    if cycles + 1.0 == 0.0 { 0.0 } else { bonds / (cycles + 1.0) * total }
}

/// Entries of a distance row that decide whether two atoms are alike.
const SYMMETRY_CUTOFF: usize = 100;

/// Bertz' complexity: information content of the bond pairs and of the elements.
pub(crate) fn bertz_ct(mol: &Mol, weighted: &[u32]) -> f64 {
    let count = mol.atoms().len();
    if count < 2 {
        return 0.0;
    }
    let classes = symmetry_classes(weighted, count);
    let orders: Vec<f64> = mol.bonds().iter().map(order_of).collect();
    let mut connections: FxHashMap<(u32, u32, u32), f64> = FxHashMap::default();
    for atom in 0..count {
        let hinge = classes[atom];
        let neighbors = mol.neighbors(atom);
        for (i, first) in neighbors.iter().enumerate() {
            let (order, class) = (orders[first.bond as usize], classes[first.atom as usize]);
            if order > 1.0 && first.atom as usize > atom {
                // The first field 0 keeps bonds apart from pairs of bonds: classes count from 1.
                let key = (0, hinge.min(class), hinge.max(class));
                *connections.entry(key).or_default() += order * (order - 1.0) / 2.0;
            }
            for second in &neighbors[i + 1..] {
                let other = classes[second.atom as usize];
                let key = (class.min(other), hinge, class.max(other));
                *connections.entry(key).or_default() += order * orders[second.bond as usize];
            }
        }
    }
    let mut elements: FxHashMap<u8, f64> = FxHashMap::default();
    for atom in mol.atoms() {
        *elements.entry(atom.element).or_default() += 1.0;
    }
    // Summed in a fixed order: the order of a hash map must not reach the last digits.
    let mut values: Vec<f64> = connections.into_values().collect();
    values.sort_by(f64::total_cmp);
    if values.is_empty() {
        values.push(1.0);
    }
    let mut kinds: Vec<f64> = elements.into_values().collect();
    kinds.sort_by(f64::total_cmp);
    let total: f64 = values.iter().sum();
    total * (entropy(&values) + total.log2()) + count as f64 * entropy(&kinds)
}

fn symmetry_classes(weighted: &[u32], count: usize) -> Vec<u32> {
    let mut seen: FxHashMap<Vec<u32>, u32> = FxHashMap::default();
    (0..count)
        .map(|i| {
            let mut row = weighted[i * count..(i + 1) * count].to_vec();
            row.sort_unstable();
            row.truncate(SYMMETRY_CUTOFF);
            let next = seen.len() as u32 + 1;
            *seen.entry(row).or_insert(next)
        })
        .collect()
}

fn order_of(bond: &Bond) -> f64 {
    match bond.order {
        _ if bond.aromatic => 1.5,
        BondOrder::Double => 2.0,
        BondOrder::Triple => 3.0,
        BondOrder::Quadruple => 4.0,
        BondOrder::Zero => 0.0,
        _ => 1.0,
    }
}

/// Shannon entropy in bits of counts.
fn entropy(counts: &[f64]) -> f64 {
    let total: f64 = counts.iter().sum();
    if total == 0.0 {
        return 0.0;
    }
    -counts.iter().filter(|&&c| c > 0.0).map(|c| c / total * (c / total).log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_the_distances_agree() {
        let long = format!("C{}N", "C(=O)c1ccccc1".repeat(11));
        for smiles in [
            "C",
            "CC#N",
            "CC(=O)Oc1ccccc1C(=O)O",
            "[Na+].[Cl-]",
            "C1CC2CCC1CC2.OC=O",
            "[H][H]",
            "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
            long.as_str(),
        ] {
            let mol = Mol::from_smiles(smiles).unwrap();
            assert_eq!(dense_distances(&mol), sparse_distances(&mol), "{smiles}");
        }
    }
}
