//! Cheap necessary conditions: counts of elements and hashed bond and path types that a molecule
//! must have before a search is worth starting.

use super::query::{Expr, Prim, Query, bonds};

/// Counted kinds of atoms.
pub(crate) const LANES: usize = 16;
const LANE_AROMATIC_C: usize = 10;
const LANE_AROMATIC_N: usize = 11;
const LANE_AROMATIC: usize = 12;
const LANE_RING: usize = 13;
const LANE_ALIPHATIC_C: usize = 14;
const LANE_ALIPHATIC_N: usize = 15;
/// Bits for bond types and for paths of three atoms.
const PAIR_WORDS: usize = 8;
const PATH_WORDS: usize = 16;
pub(crate) const WORDS: usize = PAIR_WORDS + PATH_WORDS;

/// What a pattern needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    pub(crate) atoms: usize,
    pub(crate) bonds: usize,
    pub(crate) lanes: [u8; LANES],
    /// (word, bits) that must be set; sparse since patterns are small.
    pub(crate) bits: Box<[(u8, u64)]>,
}

/// What a molecule has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Has {
    pub(crate) atoms: usize,
    pub(crate) bonds: usize,
    pub(crate) lanes: [u8; LANES],
    pub(crate) bits: [u64; WORDS],
}

impl Has {
    pub(crate) fn may_match(&self, needs: &Needs) -> bool {
        self.atoms >= needs.atoms
            && self.bonds >= needs.bonds
            // Without an early end it is one comparison of vectors.
            && self.lanes.iter().zip(&needs.lanes).fold(true, |all, (have, need)| all & (have >= need))
            && needs.bits.iter().all(|&(word, bits)| self.bits[usize::from(word)] & bits == bits)
    }

    /// Counts an atom of the molecule.
    pub(crate) fn add_atom(&mut self, element: u8, aromatic: bool, in_ring: bool) {
        self.atoms += 1;
        for (lane, hit) in lanes_of(element, Some(aromatic), in_ring).into_iter().enumerate() {
            self.lanes[lane] = self.lanes[lane].saturating_add(u8::from(hit));
        }
    }

    /// Notes a bond between atom classes (see [`class`]), in all its generalisations.
    pub(crate) fn add_bond(&mut self, a: (u8, bool), b: (u8, bool), kind: u8) {
        self.bonds += 1;
        for ca in [atom_code(a.0, Some(a.1)), atom_code(a.0, None)] {
            for cb in [atom_code(b.0, Some(b.1)), atom_code(b.0, None)] {
                self.set(pair_bit(ca, cb, kind));
                self.set(pair_bit(ca, cb, ANY_KIND));
            }
        }
    }

    /// Notes a path of three atoms.
    pub(crate) fn add_path(&mut self, ends: [(u8, u8); 2], middle: u8) {
        let [(a, ka), (b, kb)] = ends;
        for ka in [ka, ANY_KIND] {
            for kb in [kb, ANY_KIND] {
                self.set(path_bit((a, ka), middle, (b, kb)));
            }
        }
    }

    fn set(&mut self, bit: u32) {
        self.bits[(bit / 64) as usize] |= 1 << (bit % 64);
    }
}

/// Class of an element for screening; hydrogen has none.
pub(crate) fn class(element: u8) -> Option<u8> {
    Some(match element {
        1 => return None,
        6 => 0,
        7 => 1,
        8 => 2,
        9 => 3,
        16 => 4,
        17 => 5,
        35 => 6,
        53 => 7,
        15 => 8,
        _ => 9,
    })
}

const ANY_KIND: u8 = 15;

/// The single bond kind a set of classes stands for.
fn kind_of(accepts: u16) -> u8 {
    let mut kinds = (0..8).filter(|k| accepts >> (k * 2) & 0b11 != 0);
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind,
        _ => ANY_KIND,
    }
}

fn atom_code(class: u8, aromatic: Option<bool>) -> u32 {
    u32::from(class) * 3 + aromatic.map_or(2, u32::from)
}

fn mix(value: u32) -> u32 {
    let mut x = value.wrapping_mul(0x9e37_79b1);
    x ^= x >> 15;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^ (x >> 13)
}

fn pair_bit(a: u32, b: u32, kind: u8) -> u32 {
    let (a, b) = (a.min(b), a.max(b));
    mix((a * 32 + b) * 16 + u32::from(kind)) % (PAIR_WORDS as u32 * 64)
}

fn path_bit(a: (u8, u8), middle: u8, b: (u8, u8)) -> u32 {
    let (a, b) = (a.min(b), a.max(b));
    let ends = (u32::from(a.0) * 16 + u32::from(a.1)) * 256 + u32::from(b.0) * 16 + u32::from(b.1);
    PAIR_WORDS as u32 * 64 + mix(ends * 16 + u32::from(middle) + 1) % (PATH_WORDS as u32 * 64)
}

fn lanes_of(element: u8, aromatic: Option<bool>, in_ring: bool) -> [bool; LANES] {
    let mut lanes = [false; LANES];
    if let Some(class) = class(element) {
        lanes[usize::from(class)] = true;
    }
    lanes[LANE_AROMATIC] = aromatic == Some(true);
    lanes[LANE_AROMATIC_C] = element == 6 && aromatic == Some(true);
    lanes[LANE_AROMATIC_N] = element == 7 && aromatic == Some(true);
    lanes[LANE_ALIPHATIC_C] = element == 6 && aromatic == Some(false);
    lanes[LANE_ALIPHATIC_N] = element == 7 && aromatic == Some(false);
    lanes[LANE_RING] = in_ring;
    lanes
}

/// What is certain about every atom that an expression accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Certain {
    element: Option<u8>,
    aromatic: Option<bool>,
    pub(crate) in_ring: bool,
}

pub(crate) fn certain(expr: &Expr) -> Certain {
    match expr {
        Expr::Prim(Prim::Element { number, aromatic }) => Certain {
            element: Some(*number),
            aromatic: *aromatic,
            in_ring: *aromatic == Some(true),
        },
        Expr::Prim(Prim::Aromatic) => {
            Certain { aromatic: Some(true), in_ring: true, ..Certain::default() }
        }
        Expr::Prim(Prim::Aliphatic) => Certain { aromatic: Some(false), ..Certain::default() },
        Expr::Prim(Prim::RingCount(r) | Prim::MinRing(r) | Prim::RingBonds(r)) => {
            Certain { in_ring: r.lo > 0, ..Certain::default() }
        }
        Expr::Prim(_) | Expr::Not(_) => Certain::default(),
        Expr::Recursive(query) => query.atoms.first().map(certain).unwrap_or_default(),
        Expr::And(all) => all.iter().map(certain).fold(Certain::default(), |a, b| Certain {
            element: a.element.or(b.element),
            aromatic: a.aromatic.or(b.aromatic),
            in_ring: a.in_ring || b.in_ring,
        }),
        Expr::Or(any) => any
            .iter()
            .map(certain)
            .reduce(|a, b| Certain {
                element: a.element.filter(|_| a.element == b.element),
                aromatic: a.aromatic.filter(|_| a.aromatic == b.aromatic),
                in_ring: a.in_ring && b.in_ring,
            })
            .unwrap_or_default(),
    }
}

/// The conditions a pattern puts on a molecule.
pub(crate) fn needs(query: &Query) -> Needs {
    let atoms: Vec<Certain> = query.atoms.iter().map(certain).collect();
    let mut lanes = [0u8; LANES];
    for atom in &atoms {
        let hits = lanes_of(atom.element.unwrap_or(1), atom.aromatic, atom.in_ring);
        for (lane, hit) in lanes.iter_mut().zip(hits) {
            *lane = lane.saturating_add(u8::from(hit));
        }
    }
    let class_of = |atom: usize| atoms[atom].element.and_then(class);
    let mut words = [0u64; WORDS];
    let mut set = |bit: u32| words[(bit / 64) as usize] |= 1 << (bit % 64);
    let mut links: Vec<Vec<(usize, u8)>> = vec![Vec::new(); atoms.len()];
    for bond in &query.bonds {
        let (a, b) = (usize::from(bond.begin), usize::from(bond.end));
        let mut accepts = bond.accepts;
        // A bond of an atom that is aliphatic is not aromatic.
        if atoms[a].aromatic == Some(false) || atoms[b].aromatic == Some(false) {
            accepts &= !bonds::AROMATIC;
        }
        let kind = kind_of(accepts);
        links[a].push((b, kind));
        links[b].push((a, kind));
        if let (Some(ca), Some(cb)) = (class_of(a), class_of(b)) {
            let (ca, cb) = (atom_code(ca, atoms[a].aromatic), atom_code(cb, atoms[b].aromatic));
            set(pair_bit(ca, cb, kind));
        }
    }
    for (middle, ends) in links.iter().enumerate() {
        let Some(class_middle) = class_of(middle) else { continue };
        for (i, &(a, ka)) in ends.iter().enumerate() {
            for &(b, kb) in &ends[i + 1..] {
                if let (Some(ca), Some(cb)) = (class_of(a), class_of(b)) {
                    set(path_bit((ca, ka), class_middle, (cb, kb)));
                }
            }
        }
    }
    let bits = words.iter().enumerate().filter(|(_, w)| **w != 0).map(|(i, w)| (i as u8, *w));
    Needs { atoms: atoms.len(), bonds: query.bonds.len(), lanes, bits: bits.collect() }
}
