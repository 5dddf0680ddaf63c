//! RDKit's aromaticity model: Hückel's rule on rings and fused rings of suitable atoms.
use smallvec::SmallVec;

use super::sanitize::pi_electrons;
use super::{BondOrder, ELEMENTS, Mol};

/// Rings above this size are not fused with others.
const MAX_FUSED_RING: usize = 24;
/// Most rings in one fused combination.
const MAX_FUSED_RINGS: usize = 6;
/// Most combinations looked at in one ring system; guards against cages.
const MAX_COMBINATIONS: usize = 2_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Donor {
    Vacant,
    One,
    Two,
    Any,
    No,
}

pub(super) fn perceive(mol: &mut Mol) {
    let Some(rings) = candidate_rings(mol) else { return };
    let neighbours = fused_neighbours(mol, &rings.ids);
    let mut done = vec![false; rings.ids.len()];
    for start in 0..rings.ids.len() {
        if done[start] {
            continue;
        }
        let system = connected(start, &neighbours, &mut done);
        huckel(mol, &rings, &system, &neighbours);
    }
}

struct Candidates {
    ids: Vec<u32>,
    donors: Vec<Donor>,
}

fn candidate_rings(mol: &Mol) -> Option<Candidates> {
    if mol.rings.is_empty() {
        return None;
    }
    let mut donors = vec![Donor::No; mol.atoms.len()];
    for (a, donor) in donors.iter_mut().enumerate() {
        if mol.atoms[a].in_ring {
            let kind = donor_type(mol, a);
            if eligible(mol, a, kind) {
                *donor = kind;
            }
        }
    }
    let ids: Vec<u32> = (0..mol.rings.len())
        .filter(|&r| {
            let ring = mol.rings.atom_ring(r);
            ring.iter().all(|&a| donors[a as usize] != Donor::No)
                && ring.iter().any(|&a| mol.atoms[a as usize].element != 0)
        })
        .map(|r| r as u32)
        .collect();
    (!ids.is_empty()).then_some(Candidates { ids, donors })
}

/// A multiple bond at `a`, in or out of rings; gives the other atom.
fn multiple_bond(mol: &Mol, a: usize, in_ring: bool) -> Option<usize> {
    mol.neighbors(a)
        .iter()
        .find(|n| {
            let bond = &mol.bonds[n.bond as usize];
            bond.in_ring == in_ring && bond.twice_valence(a as u32) >= 4
        })
        .map(|n| n.atom as usize)
}

fn steals(mol: &Mol, from: usize, by: usize) -> bool {
    let (own, other) = (mol.atoms[from].element, mol.atoms[by].element);
    let electrons = |e: u8| ELEMENTS[e as usize].outer_electrons;
    electrons(other) > electrons(own) || (electrons(other) == electrons(own) && other < own)
}

fn donor_type(mol: &Mol, a: usize) -> Donor {
    let atom = &mol.atoms[a];
    if atom.element == 0 {
        return if multiple_bond(mol, a, true).is_some() { Donor::One } else { Donor::Any };
    }
    let electrons = pi_electrons(mol, a);
    let outside = multiple_bond(mol, a, false);
    match electrons {
        i32::MIN..0 => Donor::No,
        0 => {
            if outside.is_some() {
                Donor::Vacant
            } else if multiple_bond(mol, a, true).is_some() {
                Donor::One
            } else {
                Donor::No
            }
        }
        1 => match outside {
            Some(other) if steals(mol, a, other) => Donor::Vacant,
            Some(_) => Donor::One,
            None => {
                let silent = mol
                    .neighbors(a)
                    .iter()
                    .filter(|n| mol.bonds[n.bond as usize].twice_valence(a as u32) == 0)
                    .count() as i32;
                let single = i32::from(atom.degree) + i32::from(atom.explicit_hs) - silent;
                if i32::from(atom.explicit_valence) != single {
                    Donor::One
                } else if atom.charge == 1 {
                    Donor::Vacant
                } else {
                    Donor::No
                }
            }
        },
        _ => {
            let taken = i32::from(outside.is_some_and(|other| steals(mol, a, other)));
            if (electrons - taken) % 2 == 1 { Donor::One } else { Donor::Two }
        }
    }
}

fn eligible(mol: &Mol, a: usize, donor: Donor) -> bool {
    let atom = &mol.atoms[a];
    if donor == Donor::No || (atom.element > 18 && !matches!(atom.element, 34 | 52)) {
        return false;
    }
    let default = i32::from(ELEMENTS[atom.element as usize].valences[0]);
    if default > 0 {
        let shifted = i32::from(atom.element) - i32::from(atom.charge);
        let allowed = usize::try_from(shifted)
            .ok()
            .and_then(|e| ELEMENTS.get(e))
            .map_or(-1, |e| i32::from(e.valences[0]));
        if i32::from(atom.total_valence()) > allowed {
            return false;
        }
    }
    if atom.radicals > 0 && (atom.element != 6 || atom.charge != 0) {
        return false;
    }
    if i32::from(atom.explicit_valence) - i32::from(atom.degree) > 1 {
        let multiple = mol
            .neighbors(a)
            .iter()
            .filter(|n| {
                matches!(mol.bonds[n.bond as usize].order, BondOrder::Double | BondOrder::Triple)
            })
            .count();
        return multiple <= 1;
    }
    true
}

/// Rings that share exactly one bond with each ring.
fn fused_neighbours(mol: &Mol, ids: &[u32]) -> Vec<SmallVec<[u16; 6]>> {
    let mut out = vec![SmallVec::new(); ids.len()];
    for i in 0..ids.len() {
        let first = mol.rings.bond_ring(ids[i] as usize);
        if first.len() > MAX_FUSED_RING {
            continue;
        }
        for j in i + 1..ids.len() {
            let second = mol.rings.bond_ring(ids[j] as usize);
            if second.len() > MAX_FUSED_RING {
                continue;
            }
            if first.iter().filter(|b| second.contains(b)).count() == 1 {
                out[i].push(j as u16);
                out[j].push(i as u16);
            }
        }
    }
    out
}

fn connected(start: usize, neighbours: &[SmallVec<[u16; 6]>], done: &mut [bool]) -> Vec<u16> {
    let mut system = vec![start as u16];
    done[start] = true;
    let mut head = 0;
    while head < system.len() {
        let at = system[head] as usize;
        head += 1;
        for &n in &neighbours[at] {
            if !done[n as usize] {
                done[n as usize] = true;
                system.push(n);
            }
        }
    }
    system
}

/// Checks one ring, then two fused ones, and so on, until all bonds are known to be aromatic.
fn huckel(mol: &mut Mol, rings: &Candidates, system: &[u16], neighbours: &[SmallVec<[u16; 6]>]) {
    let mut all: Vec<u32> = Vec::new();
    for &r in system {
        all.extend_from_slice(mol.rings.bond_ring(rings.ids[r as usize] as usize));
    }
    all.sort_unstable();
    all.dedup();
    let mut found: Vec<u32> = Vec::new();
    let mut budget = MAX_COMBINATIONS;
    for size in 1..=system.len().min(MAX_FUSED_RINGS) {
        if found.len() >= all.len() || (size > 2 && system.len() > 300) {
            break;
        }
        let mut pick: SmallVec<[usize; 6]> = (0..size).collect();
        loop {
            if budget == 0 {
                return;
            }
            budget -= 1;
            let chosen: SmallVec<[u16; 6]> = pick.iter().map(|&i| system[i]).collect();
            if is_fused(&chosen, neighbours) && obeys(mol, rings, &chosen) {
                mark(mol, rings, &chosen, &mut found);
            }
            if !next_combination(&mut pick, system.len()) {
                break;
            }
        }
    }
}

fn next_combination(pick: &mut [usize], n: usize) -> bool {
    let k = pick.len();
    let Some(at) = (0..k).rev().find(|&i| pick[i] < n - k + i) else { return false };
    pick[at] += 1;
    for i in at + 1..k {
        pick[i] = pick[i - 1] + 1;
    }
    true
}

fn is_fused(chosen: &[u16], neighbours: &[SmallVec<[u16; 6]>]) -> bool {
    if chosen.len() == 1 {
        return true;
    }
    let mut reached: u8 = 1;
    loop {
        let before = reached;
        for (i, &ring) in chosen.iter().enumerate() {
            if reached >> i & 1 == 1 {
                for (j, other) in chosen.iter().enumerate() {
                    if neighbours[ring as usize].contains(other) {
                        reached |= 1 << j;
                    }
                }
            }
        }
        if reached.count_ones() as usize == chosen.len() {
            return true;
        }
        if reached == before {
            return false;
        }
    }
}

/// Hückel's rule on the atoms that are in one or two of the chosen rings.
fn obeys(mol: &Mol, rings: &Candidates, chosen: &[u16]) -> bool {
    let ring = |r: u16| mol.rings.atom_ring(rings.ids[r as usize] as usize);
    let (mut low, mut high, mut any) = (0, 0, 0);
    for (i, &r) in chosen.iter().enumerate() {
        for &a in ring(r) {
            let before = chosen[..i].iter().filter(|&&s| ring(s).contains(&a)).count();
            let after = chosen[i + 1..].iter().filter(|&&s| ring(s).contains(&a)).count();
            if before > 0 || after > 1 {
                continue;
            }
            match rings.donors[a as usize] {
                Donor::One => {
                    low += 1;
                    high += 1;
                }
                Donor::Two => {
                    low += 2;
                    high += 2;
                }
                Donor::Any => {
                    low += 1;
                    high += 2;
                    any += 1;
                }
                Donor::Vacant | Donor::No => {}
            }
        }
    }
    if any > 1 {
        return false;
    }
    if high >= 6 { (low..=high).any(|e| (e - 2) % 4 == 0) } else { high == 2 }
}

/// Marks the atoms of the rings and the bonds on their rim.
fn mark(mol: &mut Mol, rings: &Candidates, chosen: &[u16], found: &mut Vec<u32>) {
    let Mol { atoms, bonds, rings: all, .. } = mol;
    for &r in chosen {
        let id = rings.ids[r as usize] as usize;
        for &a in all.atom_ring(id) {
            atoms[a as usize].aromatic = true;
        }
        for &b in all.bond_ring(id) {
            let shared = chosen
                .iter()
                .any(|&s| s != r && all.bond_ring(rings.ids[s as usize] as usize).contains(&b));
            if shared {
                continue;
            }
            let bond = &mut bonds[b as usize];
            bond.aromatic = true;
            if matches!(bond.order, BondOrder::Single | BondOrder::Double) {
                bond.order = BondOrder::Aromatic;
            }
            if !found.contains(&b) {
                found.push(b);
            }
        }
    }
}
