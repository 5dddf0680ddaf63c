//! A belt of which one edge is seen and load lies over the other: what can still be said.
//!
//! From the edge that is seen the rubber goes inwards, then load begins and goes on to where the other edge
//! must be. How far that is a calibrated baseline tells; without one, behind the load must come something else than rubber.

use super::edges::{CLEAR, Pair, Shade, apart};
use super::grid::Grid;
use super::lines::Line;
use super::{Baseline, BeltConfig, HiddenEdge, Overflow, OverflowKind, Side};

/// Rubber is looked at from this far behind the edge, in pixels of the grid.
const BEHIND: usize = 2;
/// Pixels over which roughness is averaged.
const WINDOW: usize = 9;
/// Smooth places in load up to this wide are load.
const GAP: usize = 12;
/// Share of the rows in which rubber and then load must be seen.
const MIN_ROWS: f32 = 0.6;
/// Share of the rows in which load must lie where the edge is.
const MIN_COVERED: f32 = 0.5;

/// One edge, and load over the other.
pub(super) struct Half {
    /// The edge that is seen.
    pub(super) seen: Line,
    /// Which one is not.
    pub(super) side: Side,
    /// Share of the rows in which load lies over it.
    pub(super) covered: f32,
    /// Width in pixels of the grid, where a baseline tells it.
    width: Option<f32>,
    /// The load in each row that was looked at: row, where it begins and where it ends.
    load: Vec<(usize, f32, f32)>,
}

impl Half {
    /// Both edges, the hidden one parallel to the seen one; `None` where the width is not known.
    pub(super) fn pair(&self) -> Option<Pair> {
        let width = self.width?;
        Some(match self.side {
            Side::Right => Pair { left: self.seen, right: self.seen.moved(width) },
            Side::Left => Pair { left: self.seen.moved(-width), right: self.seen },
        })
    }

    pub(super) fn report(&self, grid: &Grid) -> HiddenEdge {
        let line =
            self.pair().map(|pair| if self.side == Side::Left { pair.left } else { pair.right });
        let end = grid.rows as f32;
        HiddenEdge {
            side: self.side,
            covered: self.covered,
            expected: line.map(|l| [grid.to_image(l.at(0.0), 0.0), grid.to_image(l.at(end), end)]),
        }
    }

    /// Load lies over the edge: that it is too much is certain as far as the edge is under it. The box is what lies
    /// beyond the edge, or all load where the edge's place is not known.
    pub(super) fn overflow(&self, grid: &Grid) -> Overflow {
        let pair = self.pair();
        let points = self.load.iter().flat_map(|&(row, begins, ends)| {
            let t = row as f32 + 0.5;
            let edge = match (&pair, self.side) {
                (Some(pair), Side::Right) => pair.right.at(t),
                (Some(pair), Side::Left) => pair.left.at(t),
                (None, _) => begins,
            };
            let beyond = if self.side == Side::Right { ends > edge } else { ends < edge };
            beyond.then(|| [grid.to_image(edge, t), grid.to_image(ends, t)]).into_iter().flatten()
        });
        Overflow {
            kind: if self.side == Side::Right {
                OverflowKind::OverRight
            } else {
                OverflowKind::OverLeft
            },
            bbox: super::around(points, grid.size),
            confidence: self.covered * self.seen.confidence(),
        }
    }
}

/// The clearest edge with load over its counterpart. To be asked where no pair of edges is seen.
pub(super) fn find(grid: &Grid, config: &BeltConfig, lines: &[Line]) -> Option<Half> {
    let good = lines.iter().filter(|line| line.is_edge(config));
    let rough = Roughness::of(grid);
    let all = good.flat_map(|line| [Side::Right, Side::Left].map(|side| (line, side)));
    let halves = all.filter_map(|(line, side)| look(grid, config, &rough, (line, side)));
    let worth = |half: &Half| half.seen.support * half.covered;
    halves.max_by(|a, b| worth(a).total_cmp(&worth(b)))
}

/// Whether the edge opposite to this one lies under load.
fn look(
    grid: &Grid,
    config: &BeltConfig,
    rough: &Roughness,
    (line, side): (&Line, Side),
) -> Option<Half> {
    let inwards = if side == Side::Right { 1.0 } else { -1.0 };
    let rows: Vec<usize> = (2..grid.rows.saturating_sub(2)).step_by(3).collect();
    let along = |off: f32| {
        Shade::along(grid, rows.iter().map(|&r| (line.at(r as f32 + 0.5) + inwards * off, r)))
    };
    let near = BEHIND as f32 + 1.0;
    let (rubber, outside) = (along(near)?, along(-near - 2.0)?);
    let contrast = apart(rubber, outside);
    if contrast < CLEAR {
        return None;
    }
    let limit = rough.limit(line, inwards, &rows);
    let width = config.baseline.map(|b| b.width / grid.scale());
    let least = config.min_width * grid.columns as f32;
    let mut load = Vec::new();
    for &row in &rows {
        let edge = line.at(row as f32 + 0.5);
        let Some((begins, ends)) = rough.load(row, edge, inwards, limit) else { continue };
        if ends >= least.min(width.unwrap_or(least)) && ends - begins >= 0.5 * least {
            load.push((row, begins, ends));
        }
    }
    let asked = rows.len() as f32;
    if (load.len() as f32) < MIN_ROWS * asked {
        return None;
    }
    // From the edge to the load lies nothing but rubber: behind a rail there is ground between.
    let strange = (1..=8).any(|eighths| {
        let part = eighths as f32 / 8.0;
        let places = load.iter().map(|&(row, begins, _)| {
            let off = near + part * (begins - 4.0 - near).max(0.0);
            (line.at(row as f32 + 0.5) + inwards * off, row)
        });
        Shade::along(grid, places).is_none_or(|shade| apart(rubber, shade) > 0.5 * contrast)
    });
    if strange {
        return None;
    }
    let covered = match width {
        Some(width) => covered_at(grid, (line, inwards), width, &load),
        None => covered_somewhere(grid, (line, inwards), (rubber, contrast), &load),
    } / asked;
    if covered < MIN_COVERED || !config.baseline.is_none_or(|b| plausible(grid, (line, inwards), b))
    {
        return None;
    }
    let place = |(row, begins, ends): (usize, f32, f32)| {
        let edge = line.at(row as f32 + 0.5);
        (row, edge + inwards * begins, edge + inwards * ends)
    };
    Some(Half { seen: *line, side, covered, width, load: load.into_iter().map(place).collect() })
}

/// Rows in which load lies where the hidden edge must be, in the picture.
fn covered_at(
    grid: &Grid,
    (line, inwards): (&Line, f32),
    width: f32,
    load: &[(usize, f32, f32)],
) -> f32 {
    let at = |row: usize| line.at(row as f32 + 0.5) + inwards * width;
    let over = load.iter().filter(|&&(row, begins, ends)| {
        grid.inside(at(row), row as f32 + 0.5) && begins < width && ends >= width - 2.0
    });
    over.count() as f32
}

/// Rows with load that must lie over the edge wherever that is; 0 where rubber comes again behind the load, or where the load
/// mostly goes on to the picture's end, outside of which the edge may lie.
fn covered_somewhere(
    grid: &Grid,
    (line, inwards): (&Line, f32),
    (rubber, contrast): (Shade, f32),
    load: &[(usize, f32, f32)],
) -> f32 {
    let (mut rubber_again, mut ground) = (0, 0);
    for &(row, _, ends) in load {
        // Nearer to the picture's end roughness is not known.
        let behind = line.at(row as f32 + 0.5) + inwards * (ends + WINDOW as f32);
        if behind < 0.0 || behind >= grid.columns as f32 {
            continue;
        }
        if apart(Shade::at(grid, behind, row), rubber) < 0.5 * contrast {
            rubber_again += 1;
        } else {
            ground += 1;
        }
    }
    let share = |count: i32| count as f32 / load.len() as f32;
    if share(rubber_again) > 0.15 || share(ground) < 0.3 { 0.0 } else { load.len() as f32 }
}

/// Whether a belt of the baseline's width at this edge lies anywhere near the baseline.
fn plausible(grid: &Grid, (line, inwards): (&Line, f32), baseline: Baseline) -> bool {
    let middle = line.at(grid.middle()) + inwards * 0.5 * baseline.width / grid.scale();
    (grid.across(middle) - baseline.centre).abs() < 0.6 * baseline.width
}

/// How much grey changes from place to place, averaged along rows.
struct Roughness {
    columns: usize,
    values: Vec<f32>,
}

impl Roughness {
    fn of(grid: &Grid) -> Self {
        let (columns, rows) = (grid.columns, grid.rows);
        let mut values = vec![0.0; columns * rows];
        let mut changes = vec![0_i32; columns];
        for row in 1..rows.saturating_sub(1) {
            let line = |r: usize| &grid.data[r * columns..(r + 1) * columns];
            let (above, here, below) = (line(row - 1), line(row), line(row + 1));
            for x in 1..columns - 1 {
                let across = i32::from(here[x + 1]) - i32::from(here[x - 1]);
                // A streak along the belt changes nothing from row to row, load does.
                let along = i32::from(below[x]) - i32::from(above[x]);
                changes[x] = across.abs().min(3 * along.abs()) + along.abs();
            }
            let mut sum = 0;
            for x in 0..columns {
                sum += changes[x];
                if x >= WINDOW {
                    sum -= changes[x - WINDOW];
                }
                if x >= WINDOW / 2 {
                    values[row * columns + x - WINDOW / 2] = sum as f32 / WINDOW as f32;
                }
            }
        }
        Self { columns, values }
    }

    /// Above which a place is rougher than the rubber behind this edge.
    fn limit(&self, line: &Line, inwards: f32, rows: &[usize]) -> f32 {
        let reach = WINDOW / 2 + BEHIND;
        let mut rubber: Vec<f32> = rows
            .iter()
            .filter_map(|&row| self.at(row, line.at(row as f32 + 0.5) + inwards * reach as f32))
            .collect();
        (3.0 * super::median(&mut rubber)).max(6.0)
    }

    fn at(&self, row: usize, s: f32) -> Option<f32> {
        let column = (s >= 0.0).then_some(s as usize).filter(|c| *c < self.columns)?;
        self.values.get(row * self.columns + column).copied()
    }

    /// Where load begins and ends in a row, from the edge inwards.
    fn load(&self, row: usize, edge: f32, inwards: f32, limit: f32) -> Option<(f32, f32)> {
        let start = BEHIND + WINDOW / 2;
        let (mut begins, mut ends) = (None, 0);
        for off in start..self.columns {
            let Some(value) = self.at(row, edge + inwards * off as f32) else { break };
            if value > limit {
                begins = begins.or(Some(off));
                ends = off;
            } else if begins.is_some() && off - ends > GAP {
                if ends - begins.unwrap_or(ends) > 2 * GAP {
                    break;
                }
                // A lump on the rubber is not yet the load.
                begins = None;
            }
        }
        let half = (WINDOW / 2) as f32;
        begins.map(|begins| (begins as f32 + half, (ends as f32 - half).max(begins as f32 + half)))
    }
}
