//! The bits of an entropy-coded segment: a 64-bit window that is filled eight bytes at a time, with the
//! zeros after 0xFF bytes taken out and a stop at the first marker.

/// Reads bits, the highest of a byte first. Cheap to copy: a block is decoded on a copy in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    /// Next byte of `data`; on a marker's 0xFF once the segment is over.
    at: usize,
    /// The next bits, at the upper end.
    window: u64,
    /// How many bits of the window count.
    count: u32,
    /// How many of them, at the lower end, are zeros put in after the segment's end.
    padding: u32,
}

impl<'a> BitReader<'a> {
    /// At the entropy-coded bytes that begin at `at`.
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, window: 0, count: 0, padding: 0 }
    }

    /// Makes at least 32 bits readable. After the segment's end these are zeros.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(next) = self.data.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_be_bytes(*next);
            // No byte is 0xFF: its complement has no zero byte.
            if (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
                // The bits of the last, partial byte are put in again by the next filling.
                self.window |= word >> self.count;
                let bytes = (63 - self.count) >> 3;
                self.at += bytes as usize;
                self.count += bytes * 8;
                return;
            }
        }
        self.refill_bytewise();
    }

    /// Where there is a 0xFF among the next eight bytes, or their end.
    #[cold]
    #[inline(never)]
    fn refill_bytewise(&mut self) {
        while self.count <= 56 {
            let mut length = 1;
            match self.data.get(self.at) {
                Some(0xFF) => {
                    // Fill bytes may come before a marker's code, or before the zero.
                    let rest = self.data.get(self.at + 1..).unwrap_or_default();
                    let fill = rest.iter().position(|&b| b != 0xFF).unwrap_or(rest.len());
                    if rest.get(fill) != Some(&0) {
                        self.padding += 64 - self.count;
                        self.count = 64;
                        return;
                    }
                    length = fill + 2;
                    self.window |= 0xFF << (56 - self.count);
                }
                Some(&byte) => self.window |= u64::from(byte) << (56 - self.count),
                None => {
                    self.padding += 64 - self.count;
                    self.count = 64;
                    return;
                }
            }
            self.at += length;
            self.count += 8;
        }
    }

    /// The next 1 to 16 bits, which are not taken.
    #[inline(always)]
    pub(super) fn peek(&self, bits: u32) -> u32 {
        (self.window >> (64 - bits)) as u32
    }

    /// Takes bits that were made readable.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) {
        self.window <<= bits;
        self.count -= bits;
    }

    /// Takes up to 16 bits, after a refill, as a number.
    #[inline(always)]
    pub(super) fn number(&mut self, bits: u32) -> u32 {
        // In two shifts, as none takes a whole word away.
        let value = (self.window >> 1 >> (63 - bits)) as u32;
        self.take(bits);
        value
    }

    /// Takes one bit.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        if self.count == 0 {
            self.refill();
        }
        let set = self.window >> 63 == 1;
        self.take(1);
        set
    }

    /// Takes a coefficient's `bits` extra bits, up to 16: numbers whose highest bit is clear are
    /// negative (ITU-T T.81, figure F.12).
    #[inline(always)]
    pub(super) fn signed(&mut self, bits: u32) -> i32 {
        extend(self.number(bits), bits)
    }

    /// More was read than the segment holds.
    #[inline(always)]
    pub(super) fn is_overrun(&self) -> bool {
        self.padding > self.count
    }

    /// The window reaches to the end of the segment.
    pub(super) fn is_at_end(&self) -> bool {
        let mut ahead = *self;
        ahead.refill();
        ahead.padding > 0
    }

    /// The segment ends with a restart marker.
    pub(super) fn is_followed_by_restart(&self) -> bool {
        let rest = self.data.get(self.end()..).unwrap_or_default();
        matches!(rest.iter().find(|&&b| b != 0xFF), Some(0xD0..=0xD7))
    }

    /// Drops what is left of the segment and steps over the restart marker after it; where there is
    /// none, its number modulo 8 not being `number`, nothing is changed.
    pub(super) fn restart(&mut self, number: u8) -> Option<()> {
        let at = self.end();
        let rest = self.data.get(at..)?;
        let fill = rest.iter().position(|&b| b != 0xFF)?;
        if rest[fill] != 0xD0 + (number & 7) {
            return None;
        }
        *self = Self::new(self.data, at + fill + 1);
        Some(())
    }

    /// Where the marker lies that ends the segment, or the data's end.
    pub(super) fn end(&self) -> usize {
        let mut at = self.at;
        while let Some(found) = self.data.get(at..).and_then(|r| r.iter().position(|&b| b == 0xFF))
        {
            at += found;
            let after = self.data[at..].iter().find(|&&b| b != 0xFF);
            match after {
                Some(0) | None => at += 1,
                Some(_) => return at,
            }
        }
        self.data.len()
    }
}

/// The coefficient of some extra bits.
#[inline(always)]
pub(super) fn extend(number: u32, bits: u32) -> i32 {
    let number = number as i32;
    // Whether the highest of the bits is clear; of none it is.
    let half = (1_i32 << bits) >> 1;
    if number < half { number + 1 - (1 << bits) } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_order_without_stuffing() {
        let data =
            [0xA5, 0xFF, 0x00, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0, 0x11, 0xFF, 0xD9];
        let plain = [0xA5_u8, 0xFF, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0, 0x11];
        let mut reader = BitReader::new(&data, 0);
        for byte in plain {
            for bit in (0..8).rev() {
                assert!(!reader.is_overrun());
                assert_eq!(reader.bit(), byte >> bit & 1 == 1);
            }
        }
        assert!(!reader.is_overrun());
        assert!(!reader.bit());
        assert!(reader.is_overrun());
        assert_eq!(reader.end(), 12);
    }

    #[test]
    fn restart_markers_are_stepped_over() {
        let data = [0x80, 0x7F, 0xFF, 0xFF, 0xD3, 0x40, 0xFF, 0xD9];
        let mut reader = BitReader::new(&data, 0);
        assert!(reader.bit());
        assert_eq!(reader.restart(2), None);
        assert_eq!(reader.restart(11), Some(()));
        assert!(!reader.bit());
        assert!(reader.bit());
    }

    #[test]
    fn signs_of_extra_bits() {
        assert_eq!([extend(0, 1), extend(1, 1), extend(0, 2), extend(3, 2)], [-1, 1, -3, 3]);
        assert_eq!([extend(0, 0), extend(0, 15), extend(0x7FFF, 15)], [0, -0x7FFF, 0x7FFF]);
    }
}
