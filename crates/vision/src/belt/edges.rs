//! The pair of lines that are the belt's edges.

use super::grid::Grid;
use super::lines::{Line, find as find_lines};
use super::{BeltConfig, EdgeLine, Running};
use crate::geometry::Point;

/// Both edges.
pub(super) struct Pair {
    pub(super) left: Line,
    pub(super) right: Line,
}

impl Line {
    pub(super) fn report(&self, grid: &Grid) -> EdgeLine {
        let end = grid.rows as f32;
        EdgeLine {
            from: grid.to_image(self.at(0.0), 0.0),
            to: grid.to_image(self.at(end), end),
            inliers: self.inliers,
            residual: self.residual * grid.scale(),
            confidence: self.confidence(),
        }
    }

    fn confidence(&self) -> f32 {
        (self.support * self.contrast.sqrt()).clamp(0.0, 1.0)
    }
}

/// The best pair, or why there is none.
pub(super) fn find(grid: &Grid, config: &BeltConfig) -> Result<Pair, String> {
    let lines = find_lines(grid);
    let best_support = lines.iter().map(|l| l.support).fold(0.0, f32::max);
    let good: Vec<&Line> = lines.iter().filter(|l| l.support >= config.min_support).collect();
    if good.is_empty() {
        return Err(format!(
            "no edge of a belt: the straightest line is seen in {:.0} % of the rows, and {:.0} % are asked for",
            100.0 * best_support,
            100.0 * config.min_support
        ));
    }
    let mut best: Option<(f32, Pair)> = None;
    for left in &good {
        for right in &good {
            let Some(score) = score(grid, config, left, right) else { continue };
            if best.as_ref().is_none_or(|(top, _)| score > *top) {
                best = Some((score, Pair { left: **left, right: **right }));
            }
        }
    }
    best.map(|(_, pair)| pair).ok_or_else(|| {
        format!(
            "only one edge of a belt, or edges that do not belong together: {} lines are seen, no two of them \
             {:.0} % of the region apart with the belt between them",
            good.len(),
            100.0 * config.min_width
        )
    })
}

/// How much two lines look like the edges of one belt; `None` where they cannot be.
fn score(grid: &Grid, config: &BeltConfig, left: &Line, right: &Line) -> Option<f32> {
    let end = grid.rows as f32;
    let widths = [0.0, grid.middle(), end].map(|t| right.at(t) - left.at(t));
    let wide = grid.columns as f32;
    let width = widths[1];
    // Perspective narrows a belt; it does not make it cross itself.
    if width < config.min_width * wide || widths.iter().any(|w| *w < 0.15 * width) {
        return None;
    }
    let shades = Shades::of(grid, left, right);
    let contrast = (shades.contrast[0] + shades.contrast[1]).max(1.0);
    // The surface has one shade at both edges, up to a gradient of the light.
    let alike = (1.0 - shades.apart / contrast).clamp(0.0, 1.0);
    let turned = if left.rising == right.rising { 0.75 } else { 1.0 };
    let mut score = (left.support * right.support).sqrt() * (0.4 + 0.6 * alike) * turned;
    score *= (left.contrast * right.contrast).powf(0.25);
    // Of pairs that are equally good, the wider: inner lines are load, laser or shadow.
    score *= (width / wide).powf(0.15);
    if let Some(baseline) = config.baseline {
        let off = (width * grid.scale() - baseline.width) / (0.2 * baseline.width);
        let middle = grid.across(f32::midpoint(left.at(grid.middle()), right.at(grid.middle())));
        let aside = (middle - baseline.centre) / (0.6 * baseline.width);
        score *= (-off * off - aside * aside).exp();
    }
    if let Some([a, b]) = config.rollers {
        let across = |p: Point| if config.running == Running::Vertical { p.x } else { p.y };
        let middle = grid.across(f32::midpoint(left.at(grid.middle()), right.at(grid.middle())));
        let aside = (middle - f32::midpoint(across(a), across(b))) / (across(b) - across(a));
        score *= (-aside * aside).exp();
    }
    Some(score)
}

/// Grey values beside the edges.
struct Shades {
    /// Difference across the left and the right edge.
    contrast: [f32; 2],
    /// Difference of the surface at the left and at the right edge.
    apart: f32,
}

impl Shades {
    fn of(grid: &Grid, left: &Line, right: &Line) -> Self {
        let mut samples: [Vec<f32>; 4] = Default::default();
        for row in (0..grid.rows).step_by(4) {
            let t = row as f32 + 0.5;
            let (l, r) = (left.at(t), right.at(t));
            let step = ((r - l) * 0.05).max(3.0);
            let places = [l - step, l + step, r - step, r + step];
            for (values, s) in samples.iter_mut().zip(places) {
                if s >= 0.0 && s < grid.columns as f32 {
                    values.push(grid.sample(s, row));
                }
            }
        }
        let [out_left, in_left, in_right, out_right] = samples.map(|mut v| super::median(&mut v));
        Self {
            contrast: [(out_left - in_left).abs(), (out_right - in_right).abs()],
            apart: (in_left - in_right).abs(),
        }
    }
}
