//! Straight lines through edge points: gradient across the belt, non-maximum suppression, Otsu's
//! threshold, Hough transform, weighted least squares.

use super::grid::Grid;

/// A gradient below this is no edge, whatever the picture: grey levels over two pixels, times 10.
const MIN_GRADIENT: i32 = 40;
/// Gradients in a bin of a histogram.
const BIN: f32 = 3.0;
/// Slopes from -0.84 to 0.84: 40 degrees.
const MAX_SLOPE: f32 = 0.84;
/// Lines taken for each direction of the gradient.
const MAX_LINES: usize = 6;
/// Distance in grid pixels at which a point still belongs to a line, coarse and fine.
const COARSE: f32 = 4.0;
const FINE: f32 = 1.6;
/// More points than this are thinned out, evenly.
const MAX_POINTS: usize = 2500;

/// A place where the grey value changes across the belt.
#[derive(Clone, Copy)]
pub(super) struct EdgePoint {
    pub(super) s: f32,
    pub(super) t: f32,
    strength: f32,
    /// Lighter to the right.
    rising: bool,
}

/// A line `s = offset + slope * (t - middle)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) offset: f32,
    pub(super) slope: f32,
    middle: f32,
    pub(super) rising: bool,
    /// Share of the rows in the region in which the line has a point.
    pub(super) inliers: f32,
    /// The same, less what chance gives.
    pub(super) support: f32,
    pub(super) residual: f32,
    /// Mean gradient of the inliers against the noise's, from 0 to 1.
    pub(super) contrast: f32,
}

impl Line {
    pub(super) fn at(&self, t: f32) -> f32 {
        self.offset + self.slope * (t - self.middle)
    }

    /// A line beside it.
    pub(super) fn moved(self, by: f32) -> Self {
        Self { offset: self.offset + by, ..self }
    }
}

/// Lines with the most support, in grey and in tint, for both directions of the gradient.
pub(super) fn find(grid: &Grid) -> Vec<Line> {
    let mut lines = Vec::new();
    for plane in [&grid.data, &grid.tint] {
        let (points, noise) = edge_points(grid, plane);
        for rising in [false, true] {
            let of: Vec<EdgePoint> =
                points.iter().copied().filter(|p| p.rising == rising).collect();
            lines.extend(hough(grid, of, noise));
        }
    }
    lines
}

/// Gradients across the belt, ten times grey levels, smoothed over five rows.
fn gradients(grid: &Grid, plane: &[u8]) -> Vec<i16> {
    let (columns, rows) = (grid.columns, grid.rows);
    let mut out = vec![0_i16; columns * rows];
    let mut sums = vec![0_i16; columns];
    for y in 2..rows - 2 {
        sums.fill(0);
        for row in plane[(y - 2) * columns..(y + 3) * columns].chunks_exact(columns) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i16::from(value);
            }
        }
        let line = &mut out[y * columns + 2..(y + 1) * columns - 2];
        for (value, w) in line.iter_mut().zip(sums.windows(5)) {
            *value = w[4] + w[3] - w[1] - w[0];
        }
    }
    out
}

/// Local maxima of the gradient across the belt above Otsu's threshold, and the noise's gradient.
fn edge_points(grid: &Grid, plane: &[u8]) -> (Vec<EdgePoint>, f32) {
    let gradients = gradients(grid, plane);
    let columns = grid.columns;
    let mut histogram = [0_u32; 2048];
    let mut maxima = Vec::new();
    let mut all = [0_u32; 2048];
    for (y, row) in gradients.chunks_exact(columns).enumerate().skip(2).take(grid.rows - 4) {
        for (x, w) in row.windows(3).enumerate() {
            let value = w[1].unsigned_abs();
            all[usize::from(value / BIN as u16).min(2047)] += 1;
            let same = |n: i16| if (n < 0) == (w[1] < 0) { n.unsigned_abs() } else { 0 };
            if i32::from(value) >= MIN_GRADIENT && value >= same(w[0]) && value > same(w[2]) {
                histogram[usize::from(value / BIN as u16).min(2047)] += 1;
                maxima.push((x + 1, y, w));
            }
        }
    }
    // The lower quarter of all gradients is noise even where load and ground are rough: of a normal
    // distribution a quarter lies within 0.319 standard deviations.
    let quarter = all.iter().sum::<u32>() / 4;
    let mut seen = 0;
    let place = all.iter().position(|n| {
        seen += n;
        seen > quarter
    });
    let noise = (place.unwrap_or(0) as f32 + 0.5) * BIN / 0.319;
    // Otsu parts strong from weak; what is a fifth as strong still counts, as under Canny's lower
    // threshold: the belt's edges are weak beside rails. Noise never does.
    let threshold = (otsu(&histogram) as f32 * BIN * 0.2).max(3.0 * noise).max(MIN_GRADIENT as f32);
    let strong = maxima.iter().filter(|(_, _, w)| f32::from(w[1].unsigned_abs()) >= threshold);
    let mut points = Vec::new();
    for (x, y, w) in strong {
        // The peak of the parabola through three gradients.
        let [a, b, c] = [w[0], w[1], w[2]].map(|n| f32::from(n).abs());
        let bend = a - 2.0 * b + c;
        let shift = if bend < 0.0 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 };
        let (s, t) = (*x as f32 + 0.5 + shift, *y as f32 + 0.5);
        if grid.inside(s, t) {
            points.push(EdgePoint { s, t, strength: b, rising: w[1] > 0 });
        }
    }
    if points.len() > MAX_POINTS {
        let step = points.len().div_ceil(MAX_POINTS);
        // By rows, so that each row that stays keeps all its points.
        points.retain(|p| (p.t as usize).is_multiple_of(step));
    }
    (points, noise)
}

/// Otsu's threshold of a histogram: the bin that parts it with the largest variance between.
fn otsu(histogram: &[u32]) -> usize {
    let total: f64 = histogram.iter().map(|&n| f64::from(n)).sum();
    let sum: f64 = histogram.iter().enumerate().map(|(i, &n)| i as f64 * f64::from(n)).sum();
    let (mut below, mut sum_below, mut best) = (0.0, 0.0, (0.0, 0));
    for (i, &n) in histogram.iter().enumerate() {
        below += f64::from(n);
        sum_below += i as f64 * f64::from(n);
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let apart = sum_below / below - (sum - sum_below) / above;
            let variance = below * above * apart * apart;
            if variance > best.0 {
                best = (variance, i);
            }
        }
    }
    best.1
}

/// Votes for lines, place at the middle row by slope, and takes the best away one after the other.
fn hough(grid: &Grid, mut points: Vec<EdgePoint>, noise: f32) -> Vec<Line> {
    let middle = grid.middle();
    let step = 3.0 / middle;
    let slopes = (2.0 * MAX_SLOPE / step) as usize + 1;
    // Bins of two pixels; lines whose middle lies outside the region by half its width still count.
    let margin = grid.columns as f32 / 2.0;
    let bins = grid.columns + 2;
    let mut votes = vec![0_i32; slopes * bins];
    let slope_of = |n: usize| (n as f32 - (slopes - 1) as f32 / 2.0) * step;
    let most = 8.0 * noise.max(MIN_GRADIENT as f32);
    let vote = |votes: &mut [i32], point: &EdgePoint, sign: i32| {
        let weight = sign * point.strength.min(most) as i32;
        // Places in 65,536ths of a bin: a slope more moves a point by the same each time.
        let fixed = |bins: f32| (bins * 65_536.0) as i32;
        let t = point.t - middle;
        let mut place = fixed((point.s - slope_of(0) * t + margin) / 2.0);
        let move_by = fixed(step * t / 2.0);
        for row in votes.chunks_exact_mut(bins) {
            // A negative place becomes a large number, which is no bin.
            if let Some(bin) = row.get_mut((place >> 16) as u32 as usize) {
                *bin += weight;
            }
            place -= move_by;
        }
    };
    points.iter().for_each(|p| vote(&mut votes, p, 1));
    let density = points.len() as f32 / (grid.columns * grid.rows) as f32;
    let mut lines = Vec::new();
    for _ in 0..MAX_LINES {
        let top = votes.iter().copied().max().unwrap_or(0);
        let Some(best) = votes.iter().position(|&v| v == top).filter(|_| top > 0) else { break };
        if points.len() < 8 {
            break;
        }
        let offset = (best % bins) as f32 * 2.0 + 1.0 - margin;
        let mut line = Line {
            offset,
            slope: slope_of(best / bins),
            middle,
            rising: points[0].rising,
            inliers: 0.0,
            support: 0.0,
            residual: 0.0,
            contrast: 0.0,
        };
        refine(&mut line, &points);
        judge(&mut line, grid, &points, noise, density);
        lines.push(line);
        let (mine, rest): (Vec<_>, Vec<_>) =
            points.into_iter().partition(|p| (p.s - line.at(p.t)).abs() <= COARSE);
        if mine.is_empty() {
            break;
        }
        mine.iter().for_each(|p| vote(&mut votes, p, -1));
        points = rest;
    }
    lines
}

/// Least squares with Tukey's weights, from the coarse distance to the fine.
fn refine(line: &mut Line, points: &[EdgePoint]) {
    for round in 0..6 {
        let reach = if round < 2 { COARSE } else { FINE * 1.5 };
        let mut sums = [0.0_f64; 5];
        for p in points {
            let (t, s) = (f64::from(p.t - line.middle), f64::from(p.s));
            let far = (p.s - line.at(p.t)) / reach;
            if far.abs() < 1.0 {
                let weight = f64::from((1.0 - far * far) * (1.0 - far * far));
                for (sum, value) in sums.iter_mut().zip([1.0, t, t * t, s, t * s]) {
                    *sum += weight * value;
                }
            }
        }
        let [n, st, stt, ss, sts] = sums;
        let determinant = n * stt - st * st;
        if n < 4.0 || determinant < 1e-6 * n * n {
            return;
        }
        line.offset = ((stt * ss - st * sts) / determinant) as f32;
        line.slope = ((n * sts - st * ss) / determinant) as f32;
    }
}

/// How well the points support a line.
fn judge(line: &mut Line, grid: &Grid, points: &[EdgePoint], noise: f32, density: f32) {
    let mut rows = vec![false; grid.rows];
    let (mut squares, mut strength, mut count) = (0.0, 0.0, 0.0);
    for p in points {
        let far = p.s - line.at(p.t);
        if far.abs() <= FINE {
            squares += far * far;
            strength += p.strength;
            count += 1.0;
            if let Some(row) = rows.get_mut(p.t as usize) {
                *row = true;
            }
        }
    }
    let possible = (2..grid.rows - 2)
        .filter(|&y| grid.inside(line.at(y as f32 + 0.5), y as f32 + 0.5))
        .count();
    // A line that only cuts a corner of the region proves nothing.
    let possible = possible.max(grid.rows / 2) as f32;
    // Thinned-out rows were never asked.
    let asked = if points.is_empty() { 1.0 } else { stride(points) };
    line.inliers = (rows.iter().filter(|&&r| r).count() as f32 * asked / possible).min(1.0);
    let chance = (density * (2.0 * FINE + 1.0)).min(0.9);
    line.support = ((line.inliers - chance) / (1.0 - chance)).max(0.0);
    if count > 0.0 {
        line.residual = (squares / count).sqrt();
        let ratio = strength / count / (4.0 * noise.max(MIN_GRADIENT as f32 / 4.0));
        line.contrast = (ratio / (1.0 + ratio)).clamp(0.0, 1.0);
    }
}

/// Every how many rows the points were kept.
fn stride(points: &[EdgePoint]) -> f32 {
    let mut divisor = 0_usize;
    for p in points {
        let (mut a, mut b) = (p.t as usize, divisor);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        divisor = a;
        if divisor == 1 {
            break;
        }
    }
    divisor.max(1) as f32
}
