//! From coordinates to a picture: scale, frame, and the layers one above the other.
use std::fmt::Write;

use super::{bonds, labels};
use crate::mol::Mol;

/// Pixels a unit of the layout (a bond is 1.5 units).
const SCALE: f64 = 20.0;
/// Around the atoms, so that labels and highlights fit.
const MARGIN: f64 = 24.0;
const HIGHLIGHT: &str = "#ffd479";

/// A drawing with its size; the body holds SVG elements without the frame.
pub(super) struct Picture {
    pub(super) size: [f64; 2],
    pub(super) body: String,
}

impl Picture {
    /// Draws highlights, bonds and labels, in this order.
    pub(super) fn draw(mol: &Mol, layout: &[[f64; 2]], highlight: &[u32]) -> Self {
        let bound = |axis: usize, pick: fn(f64, f64) -> f64, start: f64| {
            layout.iter().map(|p| p[axis]).fold(start, pick)
        };
        let low = [bound(0, f64::min, f64::MAX), bound(1, f64::min, f64::MAX)];
        let high = [bound(0, f64::max, f64::MIN), bound(1, f64::max, f64::MIN)];
        let labels: Vec<_> = (0..mol.num_atoms()).map(|a| labels::label(mol, layout, a)).collect();
        // Hydrogens and charges stand out sideways.
        let overhang = |left: bool| {
            let reach = labels.iter().zip(layout).filter_map(|(label, p)| {
                let label = label.as_ref()?;
                let (edge, out) =
                    if left { (p[0] - low[0], label.left) } else { (high[0] - p[0], label.right) };
                Some(out - edge * SCALE)
            });
            reach.fold(0.0, f64::max).max(MARGIN - 14.0) + 10.0
        };
        let (left, right) = (overhang(true), overhang(false));
        let size =
            [(high[0] - low[0]) * SCALE + left + right, (high[1] - low[1]) * SCALE + 2.0 * MARGIN];
        let points: Vec<[f64; 2]> = layout
            .iter()
            .map(|p| [(p[0] - low[0]) * SCALE + left, (high[1] - p[1]) * SCALE + MARGIN])
            .collect();
        let mut body = String::new();
        highlights(mol, &points, highlight, &mut body);
        bonds::draw(mol, layout, &points, &labels, &mut body);
        labels::draw(mol, &points, &labels, &mut body);
        Self { size, body }
    }
}

fn highlights(mol: &Mol, points: &[[f64; 2]], highlight: &[u32], out: &mut String) {
    let mut marked = vec![false; points.len()];
    for &a in highlight {
        if let Some(mark) = marked.get_mut(a as usize) {
            *mark = true;
        }
    }
    if !marked.contains(&true) {
        return;
    }
    let _ = writeln!(
        out,
        "<g class=\"highlight\" fill=\"{HIGHLIGHT}\" stroke=\"{HIGHLIGHT}\" stroke-linecap=\"round\">"
    );
    for bond in mol.bonds() {
        if marked[bond.begin as usize] && marked[bond.end as usize] {
            let (p, q) = (points[bond.begin as usize], points[bond.end as usize]);
            let _ = writeln!(
                out,
                "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke-width=\"13\"/>",
                p[0], p[1], q[0], q[1]
            );
        }
    }
    for (p, _) in points.iter().zip(&marked).filter(|(_, mark)| **mark) {
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"10\" stroke=\"none\"/>",
            p[0], p[1]
        );
    }
    out.push_str("</g>\n");
}
