//! Vectors in 8 bits, with what the loss is worth.

use super::format::u32_at;

/// Rows of codes are filled up to a multiple of this many bytes.
pub(super) const STEP: usize = 64;
/// What the code of 0 is: codes are stored as `value + 128`.
pub(super) const ZERO: u8 = 128;

/// Bytes of a row of codes.
pub(super) const fn stride(dim: usize) -> usize {
    dim.div_ceil(STEP) * STEP
}

/// What belongs to a vector in 8 bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// What a unit of its numbers is worth.
    pub(super) unit: f32,
    /// At most this far is the vector from what its codes say (Euclidean).
    pub(super) error: f32,
    /// At most its length.
    pub(super) length: f32,
}

impl Scale {
    pub(super) const BYTES: usize = 12;

    pub(super) fn write(self, out: &mut Vec<u8>) {
        for number in [self.unit, self.error, self.length] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(super) fn read(rows: &[u8], at: usize) -> Option<Self> {
        let number = |place: usize| u32_at(rows, at * Self::BYTES + 4 * place).map(f32::from_bits);
        Some(Self { unit: number(0)?, error: number(1)?, length: number(2)? })
    }
}

/// The nearest whole numbers of -127 to 127, and what they are worth.
pub(super) fn quantise(vector: &[f32]) -> (Vec<i8>, Scale) {
    let largest = vector.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
    // A vector of almost nothing is nothing: its scale would not be a normal number.
    let unit = if largest < 1e-30 { 0.0 } else { largest / 127.0 };
    let code = |number: f32| if unit == 0.0 { 0.0 } else { (number / unit).round() };
    let codes: Vec<i8> = vector.iter().map(|n| code(*n).clamp(-127.0, 127.0) as i8).collect();
    let (mut error, mut length) = (0.0_f64, 0.0_f64);
    for (number, code) in vector.iter().zip(&codes) {
        error += (f64::from(*number) - f64::from(unit) * f64::from(*code)).powi(2);
        length += f64::from(*number).powi(2);
    }
    // Rounded up, as these are bounds.
    let up = |square: f64| (square.sqrt() * (1.0 + 1e-6)) as f32;
    (codes, Scale { unit, error: up(error), length: up(length) })
}

/// Appends a row of codes.
pub(super) fn put_codes(codes: &[i8], out: &mut Vec<u8>) {
    let end = out.len() + stride(codes.len());
    out.extend(codes.iter().map(|code| (*code as u8) ^ ZERO));
    out.resize(end, ZERO);
}

/// Dot product of a row of little-endian f32 with a vector, the same on every machine: sixteen sums, then those in order.
pub(super) fn dot(row: &[u8], vector: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (rows, tail) = row.as_chunks::<{ 4 * LANES }>();
    let (vectors, vector_tail) = vector.as_chunks::<LANES>();
    for (bytes, numbers) in rows.iter().zip(vectors) {
        let (values, _) = bytes.as_chunks::<4>();
        for ((sum, value), number) in sums.iter_mut().zip(values).zip(numbers) {
            *sum += f32::from_le_bytes(*value) * number;
        }
    }
    let (values, _) = tail.as_chunks::<4>();
    for ((sum, value), number) in sums.iter_mut().zip(values).zip(vector_tail) {
        *sum += f32::from_le_bytes(*value) * number;
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bounds_hold(a in prop::collection::vec(-1.0_f32..1.0, 1..90), seed in -1.0_f32..1.0) {
            let b: Vec<f32> = a.iter().enumerate().map(|(i, x)| (x * 7.3 + i as f32 * seed).sin()).collect();
            let ((ca, sa), (cb, sb)) = (quantise(&a), quantise(&b));
            let bytes: Vec<u8> = a.iter().flat_map(|n| n.to_le_bytes()).collect();
            let exact = dot(&bytes, &b);
            let whole: i32 = ca.iter().zip(&cb).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum();
            let estimate = sa.unit * sb.unit * whole as f32;
            let bound = (sb.length + sb.error) * sa.error + sb.error * sa.length;
            prop_assert!((exact - estimate).abs() <= bound + 1e-4, "{exact} {estimate} {bound}");
            let slow: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            prop_assert!((f64::from(exact) - slow).abs() < 1e-4);
        }
    }

    #[test]
    fn nothing_is_nothing() {
        let (codes, scale) = quantise(&[0.0; 5]);
        assert_eq!(codes, [0; 5]);
        assert_eq!(scale, Scale { unit: 0.0, error: 0.0, length: 0.0 });
        let mut row = Vec::new();
        put_codes(&codes, &mut row);
        assert_eq!(row, [ZERO; STEP]);
        assert_eq!((stride(1), stride(64), stride(65), stride(256)), (64, 64, 128, 256));
    }
}
