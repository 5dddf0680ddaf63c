//! Bonds as lines, wedges and hashes.
use std::fmt::Write;

use super::labels::Label;
use crate::mol::{Bond, BondOrder, Mol};
use crate::wedge::wedges;

/// Distance of the lines of a double bond.
const GAP: f64 = 4.6;
/// Half the broad end of a wedge.
const BROAD: f64 = 4.0;

type Point = [f64; 2];

/// Writes all bonds. `layout` has y upwards, `points` are pixels.
pub(super) fn draw(
    mol: &Mol,
    layout: &[Point],
    points: &[Point],
    labels: &[Option<Label>],
    out: &mut String,
) {
    if mol.bonds().is_empty() {
        return;
    }
    let marks = wedges(mol, layout);
    out.push_str("<g class=\"bonds\" stroke=\"#222\" stroke-width=\"1.5\" stroke-linecap=\"round\" fill=\"none\">\n");
    for (b, bond) in mol.bonds().iter().enumerate() {
        if let Some(wedge) = marks[b] {
            let (from, to) = (wedge.from as usize, bond.other(wedge.from) as usize);
            let (p, q) = trimmed(points, labels, from, to);
            if wedge.up {
                solid(p, q, out);
            } else {
                hashed(p, q, out);
            }
            continue;
        }
        let (p, q) = trimmed(points, labels, bond.begin as usize, bond.end as usize);
        match bond.kekule {
            BondOrder::Single | BondOrder::Aromatic => line(p, q, "", out),
            BondOrder::Double => double(&Double { mol, bond, b, points, labels }, (p, q), out),
            BondOrder::Triple | BondOrder::Quadruple => {
                let wide = [-GAP * 0.8, 0.0, GAP * 0.8];
                let narrow = [-1.5 * GAP, -0.5 * GAP, 0.5 * GAP, 1.5 * GAP];
                let shifts: &[f64] = if bond.kekule == BondOrder::Triple { &wide } else { &narrow };
                for &shift in shifts {
                    let (p, q) = shifted(p, q, shift);
                    line(p, q, "", out);
                }
            }
            BondOrder::Dative | BondOrder::Zero => line(p, q, " stroke-dasharray=\"3 3\"", out),
        }
    }
    out.push_str("</g>\n");
}

struct Double<'a> {
    mol: &'a Mol,
    bond: &'a Bond,
    b: usize,
    points: &'a [Point],
    labels: &'a [Option<Label>],
}

/// A second line inside the ring or at the side with more substituents; both lines beside the
/// middle where there is no such side.
fn double(at: &Double<'_>, (p, q): (Point, Point), out: &mut String) {
    match inner_side(at) {
        None => {
            for shift in [-GAP / 2.0, GAP / 2.0] {
                let (p, q) = shifted(p, q, shift);
                line(p, q, "", out);
            }
        }
        Some(side) => {
            line(p, q, "", out);
            let (mut p, mut q) = shifted(p, q, side * GAP);
            // Shorter, unless a label has cut it already.
            let cut = 3.2;
            let (u, _) = unit(p, q);
            if at.labels[at.bond.begin as usize].is_none() {
                p = [p[0] + u[0] * cut, p[1] + u[1] * cut];
            }
            if at.labels[at.bond.end as usize].is_none() {
                q = [q[0] - u[0] * cut, q[1] - u[1] * cut];
            }
            line(p, q, "", out);
        }
    }
}

/// +1 or -1 for the side of the second line, seen along the bond; `None` for both sides alike.
fn inner_side(at: &Double<'_>) -> Option<f64> {
    let (begin, end) = (at.bond.begin as usize, at.bond.end as usize);
    let (p, q) = (at.points[begin], at.points[end]);
    let side = |r: Point| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    let rings = at.mol.rings();
    let own = (0..rings.len())
        .filter(|&r| rings.bond_ring(r).contains(&(at.b as u32)))
        // Aromatic and small rings first: fused rings then agree on where the lines go.
        .min_by_key(|&r| {
            let flat = rings.bond_ring(r).iter().all(|&b| at.mol.bonds()[b as usize].aromatic);
            (!flat, rings.bond_ring(r).len())
        });
    if let Some(ring) = own {
        let atoms = rings.atom_ring(ring);
        let count = atoms.len().max(1) as f64;
        let sum = atoms.iter().fold([0.0, 0.0], |s, &a| {
            let r = at.points[a as usize];
            [s[0] + r[0], s[1] + r[1]]
        });
        return Some(side([sum[0] / count, sum[1] / count]).signum());
    }
    let (d, e) = (at.mol.neighbors(begin).len(), at.mol.neighbors(end).len());
    if (d == 1 && e != 2) || (e == 1 && d != 2) || d + e <= 2 {
        return None;
    }
    let total: f64 = [begin, end]
        .iter()
        .flat_map(|&a| at.mol.neighbors(a))
        .filter(|n| n.bond as usize != at.b)
        .map(|n| {
            let s = side(at.points[n.atom as usize]);
            if s.abs() < 1e-6 { 0.0 } else { s.signum() }
        })
        .sum();
    // A cumulated or balanced bond: trans substituents allow either side.
    match total {
        t if t > 0.0 => Some(1.0),
        t if t < 0.0 => Some(-1.0),
        _ if d == 2 && e == 2 => Some(1.0),
        _ => None,
    }
}

/// The ends of a bond where the labels let it begin and end.
fn trimmed(points: &[Point], labels: &[Option<Label>], a: usize, b: usize) -> (Point, Point) {
    let (p, q) = (points[a], points[b]);
    let (u, length) = unit(p, q);
    let room = |label: &Option<Label>, u: Point| label.as_ref().map_or(0.0, |l| l.clearance(u));
    let (mut from, mut to) = (room(&labels[a], u), room(&labels[b], [-u[0], -u[1]]));
    // Something of the bond has to stay to be seen.
    let most = length * 0.8;
    if from + to > most {
        let shrink = most / (from + to);
        from *= shrink;
        to *= shrink;
    }
    ([p[0] + u[0] * from, p[1] + u[1] * from], [q[0] - u[0] * to, q[1] - u[1] * to])
}

fn unit(p: Point, q: Point) -> (Point, f64) {
    let d = [q[0] - p[0], q[1] - p[1]];
    let length = d[0].hypot(d[1]).max(1e-6);
    ([d[0] / length, d[1] / length], length)
}

fn shifted(p: Point, q: Point, by: f64) -> (Point, Point) {
    let (u, _) = unit(p, q);
    let n = [-u[1] * by, u[0] * by];
    ([p[0] + n[0], p[1] + n[1]], [q[0] + n[0], q[1] + n[1]])
}

fn line(p: Point, q: Point, style: &str, out: &mut String) {
    let _ = writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"{style}/>",
        p[0], p[1], q[0], q[1]
    );
}

fn solid(p: Point, q: Point, out: &mut String) {
    let (l, r) = (shifted(p, q, BROAD).1, shifted(p, q, -BROAD).1);
    let _ = writeln!(
        out,
        "<path class=\"wedge\" d=\"M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z\" fill=\"#222\" stroke-width=\"0.5\"/>",
        p[0], p[1], l[0], l[1], r[0], r[1]
    );
}

fn hashed(p: Point, q: Point, out: &mut String) {
    let (u, length) = unit(p, q);
    let steps = (length / 3.2).round().max(3.0) as u32;
    let mut path = String::new();
    for i in 1..=steps {
        let part = f64::from(i) / f64::from(steps);
        let at = [p[0] + u[0] * length * part, p[1] + u[1] * length * part];
        let half = [-u[1] * BROAD * part, u[0] * BROAD * part];
        let _ = write!(
            path,
            "M{:.1} {:.1}L{:.1} {:.1}",
            at[0] + half[0],
            at[1] + half[1],
            at[0] - half[0],
            at[1] - half[1]
        );
    }
    let _ = writeln!(out, "<path class=\"hash\" d=\"{path}\" stroke-width=\"1.2\"/>");
}
