//! Contour lines by marching squares. Cells with a missing corner have none.

use rustc_hash::FxHashMap;

/// Values at the corners of a lattice, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Values; NaN where missing.
    pub values: Vec<f32>,
}

/// A contour line, in columns and rows of the lattice.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Points; the first is the last of a closed line.
    pub points: Vec<(f32, f32)>,
    /// Whether it is closed.
    pub closed: bool,
}

/// The four edges of a cell: top, right, bottom, left.
type Edge = u32;

impl Plane {
    fn get(&self, column: usize, row: usize) -> f32 {
        self.values.get(row * self.width + column).copied().unwrap_or(f32::NAN)
    }

    /// Means of each value and its neighbours, 1-2-1 along rows and columns; what is missing stays so and counts nothing.
    #[must_use]
    pub fn smoothed(&self) -> Self {
        let pass =
            |values: &[f32], step: usize, place: &dyn Fn(usize) -> (usize, usize)| -> Vec<f32> {
                let value = |at: usize| {
                    let (index, count) = place(at);
                    let here = values[at];
                    let mut sum = 2.0 * here;
                    let mut weight = 2.0;
                    let before = (index > 0).then(|| values[at - step]);
                    let after = (index + 1 < count).then(|| values[at + step]);
                    for other in
                        [before, after].into_iter().flatten().filter(|other| other.is_finite())
                    {
                        sum += other;
                        weight += 1.0;
                    }
                    sum / weight
                };
                (0..values.len()).map(value).collect()
            };
        let across = pass(&self.values, 1, &|at| (at % self.width, self.width));
        let values = pass(&across, self.width, &|at| (at / self.width, self.height));
        Self { width: self.width, height: self.height, values }
    }

    /// The lines of a level, in an order that depends on the values alone.
    #[must_use]
    pub fn contours(&self, level: f32) -> Vec<Line> {
        let mut segments: Vec<(Edge, Edge)> = Vec::new();
        for row in 0..self.height.saturating_sub(1) {
            for column in 0..self.width.saturating_sub(1) {
                self.cell(column, row, level, &mut segments);
            }
        }
        self.joined(&segments, level)
    }

    /// An edge's number: that of the corner it begins at, doubled, and whether it goes down.
    fn edge(&self, column: usize, row: usize, down: bool) -> Edge {
        ((row * self.width + column) * 2 + usize::from(down)) as Edge
    }

    fn cell(&self, column: usize, row: usize, level: f32, segments: &mut Vec<(Edge, Edge)>) {
        let corners = [
            self.get(column, row),
            self.get(column + 1, row),
            self.get(column + 1, row + 1),
            self.get(column, row + 1),
        ];
        let above = |at: usize| corners[at] >= level;
        let code = (0..4).fold(0, |code, at| code | usize::from(above(at)) << at);
        if code == 0 || code == 15 || corners.iter().any(|corner| corner.is_nan()) {
            return;
        }
        let top = self.edge(column, row, false);
        let right = self.edge(column + 1, row, true);
        let bottom = self.edge(column, row + 1, false);
        let left = self.edge(column, row, true);
        let middle_above = || corners.iter().sum::<f32>() / 4.0 >= level;
        match code {
            1 | 14 => segments.push((left, top)),
            2 | 13 => segments.push((top, right)),
            3 | 12 => segments.push((left, right)),
            4 | 11 => segments.push((right, bottom)),
            6 | 9 => segments.push((top, bottom)),
            7 | 8 => segments.push((left, bottom)),
            // Saddles: corners that the middle joins are not parted.
            5 if middle_above() => segments.extend([(top, right), (left, bottom)]),
            5 => segments.extend([(left, top), (right, bottom)]),
            _ if middle_above() => segments.extend([(left, top), (right, bottom)]),
            _ => segments.extend([(top, right), (left, bottom)]),
        }
    }

    /// Where a level crosses an edge.
    fn crossing(&self, edge: Edge, level: f32) -> (f32, f32) {
        let (corner, down) = (edge as usize / 2, edge % 2 == 1);
        let (column, row) = (corner % self.width, corner / self.width);
        let (a, b) =
            (self.get(column, row), self.get(column + usize::from(!down), row + usize::from(down)));
        let share = if a == b { 0.5 } else { ((level - a) / (b - a)).clamp(0.0, 1.0) };
        let (x, y) = (column as f32, row as f32);
        if down { (x, y + share) } else { (x + share, y) }
    }

    fn joined(&self, segments: &[(Edge, Edge)], level: f32) -> Vec<Line> {
        const NONE: u32 = u32::MAX;
        let mut at_edge: FxHashMap<Edge, [u32; 2]> = FxHashMap::default();
        for (number, (a, b)) in segments.iter().enumerate() {
            for edge in [a, b] {
                let slots = at_edge.entry(*edge).or_insert([NONE; 2]);
                slots[usize::from(slots[0] != NONE)] = number as u32;
            }
        }
        let other = |edge: Edge, number: usize| {
            let slots = at_edge.get(&edge).copied().unwrap_or([NONE; 2]);
            let next = if slots[0] == number as u32 { slots[1] } else { slots[0] };
            (next != NONE).then_some(next as usize)
        };
        // Lines that end at the lattice's edge or at a gap first, from their ends; what is left are loops.
        let starts = || segments.iter().enumerate();
        let ends = starts()
            .flat_map(|(number, (a, b))| [(number, *a), (number, *b)])
            .filter(|(number, edge)| other(*edge, *number).is_none());
        let loops = starts().map(|(number, (a, _))| (number, *a));
        let mut used = vec![false; segments.len()];
        let mut lines = Vec::new();
        for (start, from) in ends.chain(loops) {
            if used[start] {
                continue;
            }
            let (mut number, mut edge) = (start, from);
            let mut points = vec![self.crossing(from, level)];
            loop {
                used[number] = true;
                let (a, b) = segments[number];
                edge = if edge == a { b } else { a };
                points.push(self.crossing(edge, level));
                match other(edge, number) {
                    Some(next) if !used[next] => number = next,
                    _ => break,
                }
            }
            lines.push(Line { points, closed: edge == from });
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(width: usize, height: usize, value: impl Fn(f32, f32) -> f32) -> Plane {
        let values =
            (0..width * height).map(|at| value((at % width) as f32, (at / width) as f32)).collect();
        Plane { width, height, values }
    }

    #[test]
    fn contours_of_a_cone_are_circles() {
        let cone = plane(101, 81, |x, y| (x - 50.0).hypot(y - 40.0));
        for level in [3.5_f32, 17.0, 31.25] {
            let lines = cone.contours(level);
            assert_eq!(lines.len(), 1);
            assert!(lines[0].closed && lines[0].points.first() == lines[0].points.last());
            for (x, y) in &lines[0].points {
                assert!(((x - 50.0).hypot(y - 40.0) - level).abs() < 0.05, "{x} {y}");
            }
            let around: f32 =
                lines[0].points.windows(2).map(|p| (p[0].0 - p[1].0).hypot(p[0].1 - p[1].1)).sum();
            assert!((around / (std::f32::consts::TAU * level) - 1.0).abs() < 0.01, "{around}");
        }
        // Beyond the nearer edges the circle is two arcs.
        let arcs = cone.contours(45.0);
        assert_eq!((arcs.len(), arcs.iter().filter(|line| line.closed).count()), (2, 0));
        assert!(cone.contours(100.0).is_empty());
    }

    #[test]
    fn a_gap_opens_a_line_and_saddles_do_not_cross() {
        let mut cone = plane(41, 41, |x, y| (x - 20.0).hypot(y - 20.0));
        cone.values[20 * 41 + 30] = f32::NAN;
        let lines = cone.contours(10.0);
        assert_eq!((lines.len(), lines[0].closed), (1, false));
        assert!(lines[0].points.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
        let saddle = Plane { width: 2, height: 2, values: vec![1.0, 0.0, 0.0, 1.0] };
        assert_eq!(saddle.contours(0.4).len(), 2);
        assert_eq!(saddle.contours(0.6).len(), 2);
        // Values that equal the level make no line twice.
        let steps = plane(9, 9, |x, _| x.floor());
        assert_eq!(steps.contours(4.0).len(), 1);
    }

    #[test]
    fn smoothing_keeps_means_and_gaps() {
        let mut flat = plane(8, 8, |x, y| x + y);
        flat.values[10] = f32::NAN;
        let smooth = flat.smoothed();
        assert!(smooth.values[10].is_nan());
        assert!((smooth.get(5, 5) - 10.0).abs() < 1e-6);
    }
}
