//! Octets of a section, numbered from 1 as WMO's Manual on Codes numbers them, and the numbers packed in their bits.

/// What is wrong with a message: the place is added where it is known.
pub(super) type Why = String;

/// A section's bytes.
#[derive(Clone, Copy)]
pub(super) struct Octets<'a>(pub(super) &'a [u8]);

impl<'a> Octets<'a> {
    /// `count` octets from octet `first`.
    pub(super) fn slice(self, first: usize, count: usize) -> Result<&'a [u8], Why> {
        let from = first.wrapping_sub(1);
        let to = from.checked_add(count);
        to.and_then(|to| self.0.get(from..to)).ok_or_else(|| {
            format!("a section of {} octets has no octets {first} to {first}+{count}", self.0.len())
        })
    }

    /// All octets from octet `first`.
    pub(super) fn rest(self, first: usize) -> Result<&'a [u8], Why> {
        self.slice(first, (self.0.len() + 1).saturating_sub(first))
    }

    fn whole(self, first: usize, count: usize) -> Result<u32, Why> {
        Ok(self.slice(first, count)?.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)))
    }

    pub(super) fn u1(self, at: usize) -> Result<u8, Why> {
        Ok(self.slice(at, 1)?[0])
    }

    pub(super) fn u2(self, at: usize) -> Result<u16, Why> {
        Ok(self.whole(at, 2)? as u16)
    }

    pub(super) fn u3(self, at: usize) -> Result<u32, Why> {
        self.whole(at, 3)
    }

    pub(super) fn u4(self, at: usize) -> Result<u32, Why> {
        self.whole(at, 4)
    }

    /// One to four octets as a sign and a magnitude.
    fn signed(self, at: usize, count: usize) -> Result<i64, Why> {
        let all = i64::from(self.whole(at, count)?);
        let sign = 1_i64 << (8 * count - 1);
        Ok(if all & sign == 0 { all } else { -(all & (sign - 1)) })
    }

    pub(super) fn s1(self, at: usize) -> Result<i64, Why> {
        self.signed(at, 1)
    }

    pub(super) fn s2(self, at: usize) -> Result<i64, Why> {
        self.signed(at, 2)
    }

    pub(super) fn s3(self, at: usize) -> Result<i64, Why> {
        self.signed(at, 3)
    }

    pub(super) fn s4(self, at: usize) -> Result<i64, Why> {
        self.signed(at, 4)
    }

    /// IEEE single precision.
    pub(super) fn ieee(self, at: usize) -> Result<f64, Why> {
        Ok(f64::from(f32::from_bits(self.u4(at)?)))
    }

    /// IBM System/360 single precision: a sign, a power of 16 in excess of 64, a fraction of 24 bits.
    pub(super) fn ibm(self, at: usize) -> Result<f64, Why> {
        let bits = self.u4(at)?;
        let power = i32::try_from(bits >> 24 & 0x7f).unwrap_or(0) - 64;
        let value = f64::from(bits & 0x00ff_ffff) * 16_f64.powi(power - 6);
        Ok(if bits >> 31 == 1 { -value } else { value })
    }
}

/// The widest number that [`unpack`] takes: eight octets hold it wherever it begins within an octet.
pub(super) const WIDEST: usize = 57;

/// Hands `count` numbers of `width` bits each, from bit `first` on, to `take`.
pub(super) fn unpack(
    bytes: &[u8],
    first: usize,
    width: usize,
    count: usize,
    mut take: impl FnMut(u64),
) -> Result<(), Why> {
    if width == 0 {
        (0..count).for_each(|_| take(0));
        return Ok(());
    }
    let end = width.checked_mul(count).and_then(|bits| bits.checked_add(first));
    if width > WIDEST || end.is_none_or(|end| end.div_ceil(8) > bytes.len()) {
        let held = bytes.len();
        return Err(format!("{count} numbers of {width} bits do not fit into {held} octets"));
    }
    let mut at = first;
    for _ in 0..count {
        take(window(bytes, at) << (at % 8) >> (64 - width));
        at += width;
    }
    Ok(())
}

/// Eight octets from the one that holds bit `at`, zeros beyond the end.
#[inline]
fn window(bytes: &[u8], at: usize) -> u64 {
    let from = bytes.get(at / 8..).unwrap_or(&[]);
    if let Some(eight) = from.first_chunk::<8>() {
        return u64::from_be_bytes(*eight);
    }
    let mut eight = [0; 8];
    eight[..from.len()].copy_from_slice(from);
    u64::from_be_bytes(eight)
}

/// Reads numbers of changing widths one after another.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// `count` numbers of `width` bits.
    pub(super) fn take(
        &mut self,
        width: usize,
        count: usize,
        take: impl FnMut(u64),
    ) -> Result<(), Why> {
        unpack(self.bytes, self.at, width, count, take)?;
        self.at += width * count;
        Ok(())
    }

    /// One number of at most 57 bits.
    pub(super) fn one(&mut self, width: usize) -> Result<u64, Why> {
        let mut value = 0;
        self.take(width, 1, |read| value = read)?;
        Ok(value)
    }

    /// One number as a sign and a magnitude.
    pub(super) fn one_signed(&mut self, width: usize) -> Result<i64, Why> {
        let all = self.one(width)?;
        let Some(sign) = width.checked_sub(1).map(|shift| 1_u64 << shift) else { return Ok(0) };
        let magnitude = i64::try_from(all & (sign - 1)).unwrap_or(0);
        Ok(if all & sign == 0 { magnitude } else { -magnitude })
    }

    /// On to the next whole octet.
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

/// How packed whole numbers become values: `(reference + number · 2^binary) · 10^−decimal`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) reference: f64,
    pub(super) binary: i32,
    pub(super) decimal: i32,
}

impl Scale {
    /// The two factors.
    pub(super) fn factors(self) -> (f64, f64) {
        (2_f64.powi(self.binary), 10_f64.powi(-self.decimal))
    }

    /// The value of number 0: of a field whose values are all the same.
    pub(super) fn constant(self) -> f32 {
        (self.reference * self.factors().1) as f32
    }

    /// A number's value.
    pub(super) fn of(self) -> impl Fn(f64) -> f32 + Copy {
        let (binary, decimal) = self.factors();
        move |number| ((number * binary + self.reference) * decimal) as f32
    }
}

/// Simple packing: `count` values of `width` bits.
pub(super) fn simple(
    bytes: &[u8],
    width: usize,
    count: usize,
    scale: Scale,
) -> Result<Vec<f32>, Why> {
    if width == 0 {
        return Ok(vec![scale.constant(); count]);
    }
    if width.checked_mul(count).is_none_or(|bits| bits.div_ceil(8) > bytes.len()) {
        let held = bytes.len();
        return Err(format!("{count} values of {width} bits do not fit into {held} octets"));
    }
    let of = scale.of();
    let whole = |bytes: &[u8]| bytes.iter().fold(0_u32, |sum, octet| sum << 8 | u32::from(*octet));
    Ok(match width {
        8 => bytes.iter().take(count).map(|octet| of(f64::from(*octet))).collect(),
        16 => bytes
            .chunks_exact(2)
            .take(count)
            .map(|pair| of(f64::from(u16::from_be_bytes([pair[0], pair[1]]))))
            .collect(),
        24 => bytes.chunks_exact(3).take(count).map(|three| of(f64::from(whole(three)))).collect(),
        _ => {
            let mut values = Vec::with_capacity(count);
            unpack(bytes, 0, width, count, |number| values.push(of(number as f64)))?;
            values
        }
    })
}

/// Spreads the values that are there over all points of a bitmap; the others are NaN.
pub(super) fn spread(values: &[f32], bitmap: &[u8], points: usize) -> Result<Vec<f32>, Why> {
    if points.div_ceil(8) > bitmap.len() {
        return Err(format!("a bitmap of {} octets does not cover {points} points", bitmap.len()));
    }
    let mut given = values.iter();
    let mut all = Vec::with_capacity(points);
    for point in 0..points {
        let present = bitmap[point / 8] >> (7 - point % 8) & 1 == 1;
        all.push(if present {
            *given.next().ok_or("the bitmap has more points than there are values")?
        } else {
            f32::NAN
        });
    }
    Ok(all)
}

/// Points that a bitmap says are there, of the first `points`.
pub(super) fn present(bitmap: &[u8], points: usize) -> Result<usize, Why> {
    let (whole, rest) = (points / 8, points % 8);
    let short = || format!("a bitmap of {} octets does not cover {points} points", bitmap.len());
    let ones: u32 = bitmap.get(..whole).ok_or_else(short)?.iter().map(|b| b.count_ones()).sum();
    let mut ones = ones as usize;
    if rest > 0 {
        let last = bitmap.get(whole).ok_or_else(short)?;
        ones += (last >> (8 - rest)).count_ones() as usize;
    }
    Ok(ones)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn octets_count_from_one_and_signs_are_a_bit() {
        let octets = Octets(&[0x80, 0x05, 0x00, 0x01, 0x42, 0x64, 0x00, 0x00]);
        assert_eq!(octets.s2(1), Ok(-5));
        assert_eq!(octets.u3(2), Ok(0x05_0001));
        // 0x42640000 is 100 in IBM's form.
        assert_eq!(octets.ibm(5), Ok(100.0));
        assert!(octets.u4(6).is_err() && octets.u1(0).is_err() && octets.u1(9).is_err());
    }

    #[test]
    fn numbers_of_all_widths_come_back() {
        for width in 1..=WIDEST {
            let numbers: Vec<u64> = (0..41_u64)
                .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - width))
                .collect();
            let mut bytes = vec![0_u8; (width * numbers.len()).div_ceil(8)];
            for (at, number) in numbers.iter().enumerate() {
                for bit in 0..width {
                    let to = at * width + bit;
                    bytes[to / 8] |= ((number >> (width - 1 - bit) & 1) as u8) << (7 - to % 8);
                }
            }
            let mut back = Vec::new();
            unpack(&bytes, 0, width, numbers.len(), |number| back.push(number)).unwrap();
            assert_eq!(back, numbers, "{width}");
            let scale = Scale { reference: 0.0, binary: 0, decimal: 0 };
            let values = simple(&bytes, width, numbers.len(), scale).unwrap();
            assert!(values.iter().zip(&numbers).all(|(a, b)| *a == *b as f32), "{width}");
            assert!(unpack(&bytes, 0, width, numbers.len() + 8, |_| ()).is_err());
            assert!(simple(&bytes, width, numbers.len() + 8, scale).is_err());
        }
    }

    #[test]
    fn a_bitmap_spreads_values() {
        let all = spread(&[1.0, 2.0], &[0b0101_0000], 5).unwrap();
        assert!(all[0].is_nan() && all[1] == 1.0 && all[2].is_nan() && all[3] == 2.0);
        assert_eq!(present(&[0b0101_0000], 5), Ok(2));
        assert!(spread(&[1.0], &[0xff], 2).is_err() && spread(&[], &[0], 9).is_err());
    }
}
