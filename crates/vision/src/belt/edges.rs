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

/// Points of a line that are spread further than this, in pixels of the grid, are ragged like a heap's rim: points at random would be
/// at 0.92.
const RAGGED: f32 = 0.75;

impl Line {
    /// Whether it is seen in enough rows, and straight.
    pub(super) fn is_edge(&self, config: &BeltConfig) -> bool {
        self.support >= config.min_support && self.residual <= RAGGED
    }

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

    pub(super) fn confidence(&self) -> f32 {
        (self.support * self.contrast.sqrt()).clamp(0.0, 1.0)
    }
}

/// A difference of shades that makes an edge half clear.
pub(super) const CLEAR: f32 = 10.0;

/// Why there is no pair, and the lines that are seen all the same.
pub(super) struct Alone {
    pub(super) why: String,
    pub(super) lines: Vec<Line>,
}

/// The best pair, or why there is none.
pub(super) fn find(grid: &Grid, config: &BeltConfig) -> Result<Pair, Alone> {
    let lines = find_lines(grid);
    best(grid, config, &lines).map_err(|why| Alone { why, lines })
}

fn best(grid: &Grid, config: &BeltConfig, lines: &[Line]) -> Result<Pair, String> {
    let straight = lines.iter().filter(|l| l.residual <= RAGGED);
    let best_support = straight.map(|l| l.support).fold(0.0, f32::max);
    let good: Vec<&Line> = lines.iter().filter(|l| l.is_edge(config)).collect();
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
    let [at_left, at_right] = shades.contrast;
    // The surface has one shade at both edges, up to a gradient of the light.
    let alike = (1.0 - shades.apart / (at_left + at_right).max(1.0)).clamp(0.0, 1.0);
    let clear = |contrast: f32| contrast / (contrast + CLEAR);
    let turned = if left.rising == right.rising { 0.85 } else { 1.0 };
    let mut score = (left.support * right.support).sqrt() * (0.25 + 0.75 * alike) * turned;
    score *= 0.3 + 0.7 * shades.even;
    score *= (clear(at_left) * clear(at_right)).sqrt();
    // Of pairs that are equally good, the wider: inner lines are load, laser or shadow.
    score *= (width / wide).powf(0.1);
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

/// Grey and tint of places.
#[derive(Clone, Copy)]
pub(super) struct Shade([f32; 2]);

impl Shade {
    pub(super) fn at(grid: &Grid, s: f32, row: usize) -> Self {
        Self([grid.sample(s, row), grid.tint(s, row)])
    }

    /// Medians over the places, across and row, that lie in the picture; `None` where half of them do not.
    pub(super) fn along(grid: &Grid, places: impl Iterator<Item = (f32, usize)>) -> Option<Self> {
        let (mut grey, mut tint, mut asked) = (Vec::new(), Vec::new(), 0);
        for (s, row) in places {
            asked += 1;
            if s >= 0.0 && s < grid.columns as f32 {
                grey.push(grid.sample(s, row));
                tint.push(grid.tint(s, row));
            }
        }
        (!grey.is_empty() && grey.len() * 2 >= asked)
            .then(|| Self([super::median(&mut grey), super::median(&mut tint)]))
    }
}

/// How far two shades are apart.
pub(super) fn apart(a: Shade, b: Shade) -> f32 {
    (a.0[0] - b.0[0]).abs() + (a.0[1] - b.0[1]).abs()
}

/// Shades beside the edges.
struct Shades {
    /// Difference across the left and the right edge; the least of several distances outside.
    contrast: [f32; 2],
    /// Difference of the surface at the left and at the right edge.
    apart: f32,
    /// How little the surface changes inwards, of both edges together: 0 to 1.
    even: f32,
}

/// Where shades are taken: shares of the belt's width, inside and outside of an edge.
const INSIDE: f32 = 0.03;
const FURTHER: f32 = 0.09;
const OUTSIDE: [f32; 3] = [0.04, 0.10, 0.17];

impl Shades {
    fn of(grid: &Grid, left: &Line, right: &Line) -> Self {
        let shade = |edge: &Line, inwards: f32, share: f32| -> Option<Shade> {
            let places = (0..grid.rows).step_by(4).map(|row| {
                let t = row as f32 + 0.5;
                let width = right.at(t) - left.at(t);
                (edge.at(t) + inwards * (width * share).abs().max(3.0) * share.signum(), row)
            });
            Shade::along(grid, places)
        };
        let inside = [shade(left, 1.0, INSIDE), shade(right, -1.0, INSIDE)];
        let [Some(a), Some(b)] = inside else {
            return Self { contrast: [0.0; 2], apart: 255.0, even: 0.0 };
        };
        // Behind a rail comes the same ground again: an edge parts what lies far on both its sides.
        let least = |edge: &Line, inwards: f32, own: Shade| {
            let outside = OUTSIDE.iter().filter_map(|share| shade(edge, inwards, -share));
            outside.map(|o| apart(own, o)).reduce(f32::min).unwrap_or(0.0)
        };
        let contrast = [least(left, 1.0, a), least(right, -1.0, b)];
        // A rail is as even as a belt, but narrow: a little further inwards is something else.
        let change = |edge: &Line, inwards: f32, own: Shade| {
            shade(edge, inwards, FURTHER).map_or(0.0, |further| apart(own, further))
        };
        let changes = [change(left, 1.0, a), change(right, -1.0, b)];
        let even = changes.iter().zip(contrast).map(|(c, k)| (1.0 - c / k.max(1.0)).max(0.0));
        Self { contrast, apart: apart(a, b), even: even.product::<f32>().sqrt() }
    }
}
