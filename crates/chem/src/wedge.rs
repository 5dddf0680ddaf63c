//! Wedged bonds: handedness from a flat drawing, and the wedges a drawing needs to show it.
use crate::mol::{BondOrder, Chirality, Mol};

/// Smallest volume that tells one hand from the other.
const FLAT: f64 = 1e-3;

/// Handedness of a centre whose neighbours lie in `directions` around it (y upwards) and of
/// which number `wedged` is lifted (`lift` 1) or lowered (-1); `None` where the drawing does not
/// tell. A missing fourth neighbour is the hydrogen or lone pair, last.
pub(crate) fn handedness(directions: &[[f64; 2]], wedged: usize, lift: f64) -> Chirality {
    let mut arms: Vec<[f64; 3]> = directions
        .iter()
        .enumerate()
        .map(|(i, &[x, y])| {
            let length = x.hypot(y).max(1e-9);
            [x / length, y / length, if i == wedged { lift } else { 0.0 }]
        })
        .collect();
    if arms.len() == 3 {
        // The hydrogen or lone pair points away from the others.
        let sum = arms.iter().fold([0.0; 3], |s, v| [s[0] + v[0], s[1] + v[1], s[2] + v[2]]);
        arms.push([-sum[0] * 0.2, -sum[1] * 0.2, -lift]);
    } else {
        for (i, arm) in arms.iter_mut().enumerate() {
            if i != wedged {
                arm[2] = -lift / 3.0;
            }
        }
    }
    let [first, rest @ ..] = arms.as_slice() else { return Chirality::None };
    let edge = |i: usize| -> [f64; 3] {
        let p = rest.get(i).copied().unwrap_or_default();
        [p[0] - first[0], p[1] - first[1], p[2] - first[2]]
    };
    let (u, v, w) = (edge(0), edge(1), edge(2));
    let volume = u[0] * (v[1] * w[2] - v[2] * w[1]) - u[1] * (v[0] * w[2] - v[2] * w[0])
        + u[2] * (v[0] * w[1] - v[1] * w[0]);
    if volume.abs() < FLAT {
        Chirality::None
    } else if volume > 0.0 {
        Chirality::Clockwise
    } else {
        Chirality::CounterClockwise
    }
}

/// A bond drawn as a wedge from its narrow end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wedge {
    /// The stereocentre.
    pub(crate) from: u32,
    /// Towards the reader (solid) or away (hashed).
    pub(crate) up: bool,
}

/// The wedge of each bond that shows the handedness of the centres; a centre that no bond can
/// show stays without.
pub(crate) fn wedges(mol: &Mol, points: &[[f64; 2]]) -> Vec<Option<Wedge>> {
    let mut marks: Vec<Option<Wedge>> = vec![None; mol.bonds().len()];
    for (a, atom) in mol.atoms().iter().enumerate() {
        let around = mol.neighbors(a);
        if atom.chirality == Chirality::None || !matches!(around.len(), 3 | 4) {
            continue;
        }
        let centre = points[a];
        let directions: Vec<[f64; 2]> = around
            .iter()
            .map(|n| {
                let p = points[n.atom as usize];
                [p[0] - centre[0], p[1] - centre[1]]
            })
            .collect();
        let mut choices: Vec<usize> = (0..around.len())
            .filter(|&i| {
                let bond = around[i].bond as usize;
                mol.bonds()[bond].kekule == BondOrder::Single && marks[bond].is_none()
            })
            .collect();
        // A bond out of the ring to an end of the molecule reads best; one between two centres worst.
        choices.sort_by_key(|&i| {
            let other = &mol.atoms()[around[i].atom as usize];
            let bond = &mol.bonds()[around[i].bond as usize];
            (other.chirality != Chirality::None, bond.in_ring, other.degree)
        });
        for i in choices {
            let up = handedness(&directions, i, 1.0);
            if up != Chirality::None {
                marks[around[i].bond as usize] =
                    Some(Wedge { from: a as u32, up: up == atom.chirality });
                break;
            }
        }
    }
    marks
}
