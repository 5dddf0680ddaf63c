//! Vectors in the layout of the kernels: sixteen of a group side by side, three groups a tile, centred and, for int8,
//! quantised.

use rayon::prelude::*;

use super::index::{Precision, dot};
use super::kernel::{GROUPS, Group, LANES, Line};

/// Tiles of vectors.
pub(super) struct Table {
    /// Lines of a group.
    pub(super) steps: usize,
    lines: Vec<Line>,
    pub(super) groups: Vec<Group>,
}

impl Table {
    /// Of the rows that `order` names, sixteen a group, less the centre.
    pub(super) fn new(rows: &[f32], order: &[u32], centre: &[f32], precision: Precision) -> Self {
        let steps = steps(centre.len(), precision);
        let empty = Group {
            norms: [f32::INFINITY; LANES],
            scales: [0.0; LANES],
            rows: [0; LANES],
            length: 0.0,
            error: 0.0,
        };
        let count = order.len().div_ceil(LANES * GROUPS) * GROUPS;
        let mut lines = vec![Line([0; LANES]); count * steps];
        let mut groups = vec![empty; count];
        lines.par_chunks_exact_mut(steps).zip(&mut groups).zip(order.par_chunks(LANES)).for_each(
            |((lines, group), members)| {
                let mut centred = vec![0.0; centre.len()];
                for (lane, &row) in members.iter().enumerate() {
                    let vector = &rows[row as usize * centre.len()..][..centre.len()];
                    for ((out, &x), &mean) in centred.iter_mut().zip(vector).zip(centre) {
                        *out = x - mean;
                    }
                    group.rows[lane] = row;
                    put(lines, group, lane, &centred, precision);
                }
            },
        );
        Self { steps, lines, groups }
    }

    /// Number of tiles.
    pub(super) fn tiles(&self) -> usize {
        self.groups.len() / GROUPS
    }

    /// The lines and the groups of a tile.
    pub(super) fn tile(&self, at: usize) -> (&[Line], &[Group; GROUPS]) {
        let lines = self.steps * GROUPS;
        (&self.lines[at * lines..][..lines], &self.groups.as_chunks::<GROUPS>().0[at])
    }

    /// Bytes of the scanned numbers.
    pub(super) fn bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>() + self.groups.len() * size_of::<Group>()
    }
}

/// 32-bit words of a vector.
pub(super) fn steps(dim: usize, precision: Precision) -> usize {
    if precision == Precision::Int8 { dim.div_ceil(4) } else { dim }
}

/// Puts a vector into its lane.
fn put(lines: &mut [Line], group: &mut Group, lane: usize, centred: &[f32], precision: Precision) {
    let norm = dot(centred, centred);
    let (scale, error) = match precision {
        Precision::Float => {
            for (line, x) in lines.iter_mut().zip(centred) {
                line.0[lane] = x.to_bits();
            }
            (1.0, 0.0)
        }
        Precision::Int8 => {
            let quantiser = Quantiser::new(centred, 127.0);
            for (line, four) in lines.iter_mut().zip(centred.chunks(4)) {
                line.0[lane] = quantiser.four(four) ^ 0x8080_8080;
            }
            (quantiser.unit, quantiser.error(centred))
        }
    };
    group.norms[lane] = norm;
    group.scales[lane] = scale;
    group.length = group.length.max(norm.sqrt());
    group.error = group.error.max(error);
}

/// Numbers to int8 with one scale.
pub(super) struct Quantiser {
    pub(super) unit: f32,
    inverse: f32,
}

impl Quantiser {
    pub(super) fn new(vector: &[f32], range: f32) -> Self {
        let largest = vector.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let inverse = if largest > f32::MIN_POSITIVE { range / largest } else { 0.0 };
        // A range that overflows (numbers near the smallest there are) rounds everything to zero: all error, no harm.
        if inverse.is_finite() {
            Self { unit: largest / range, inverse }
        } else {
            Self { unit: 0.0, inverse: 0.0 }
        }
    }

    /// Rounded to the nearest whole number, ties to even, without a call: adding 1.5 · 2²³ drops the fraction.
    fn one(&self, x: f32) -> i8 {
        const SHIFT: f32 = 12_582_912.0;
        ((x * self.inverse + SHIFT) - SHIFT) as i8
    }

    pub(super) fn four(&self, numbers: &[f32]) -> u32 {
        let mut bytes = [0; 4];
        for (byte, &x) in bytes.iter_mut().zip(numbers) {
            *byte = self.one(x) as u8;
        }
        u32::from_le_bytes(bytes)
    }

    /// Length of the difference between a vector and what it was rounded to.
    pub(super) fn error(&self, vector: &[f32]) -> f32 {
        let squared: f32 = vector
            .iter()
            .map(|&x| {
                let off = x - f32::from(self.one(x)) * self.unit;
                off * off
            })
            .sum();
        squared.sqrt()
    }
}
