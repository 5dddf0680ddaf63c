//! Huffman tables: a look-up by the next ten bits that gives short codes with their coefficient, and the
//! canonical search for longer codes.

use super::bits::{BitReader, extend};

/// Bits of the look-up.
const LOOK: u32 = 10;

/// A code that is in no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadCode;

/// A table for decoding.
#[derive(Clone)]
pub(super) struct HuffmanTable {
    /// By the next bits: in the upper half the coefficient, if its extra bits are among them, in the
    /// lowest byte how many bits are to be taken with it, between them the zeros before it. A
    /// coefficient of zero means that the extra bits are still to be read: then there are the symbol
    /// and the code's length, zero for a code longer than the look-up.
    look: Box<[u32; 1 << LOOK]>,
    /// For each length, the first sixteen bits that are beyond its codes.
    limit: [u32; 17],
    /// For each length, what is added to a code for its place among the symbols.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl HuffmanTable {
    /// From the number of codes of each length from 1 and their symbols (ITU-T T.81, annex C).
    /// `None` when there are more codes than bits make, or other than 1 to 256 symbols.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let total: usize = counts.iter().map(|&n| usize::from(n)).sum();
        if total > 256 || total != symbols.len() {
            return None;
        }
        let mut table = Self {
            look: Box::new([0; 1 << LOOK]),
            limit: [0; 17],
            offset: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for length in 1..=16_u32 {
            let count = usize::from(counts[length as usize - 1]);
            table.offset[length as usize] = place as i32 - code as i32;
            for &symbol in symbols.get(place..place + count)? {
                if code >= 1 << length {
                    return None;
                }
                if length <= LOOK {
                    let free = LOOK - length;
                    for rest in 0..1_u32 << free {
                        let at = (code << free | rest) as usize;
                        table.look[at] = entry(symbol, length, rest, free);
                    }
                }
                code += 1;
            }
            place += count;
            table.limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// Whether all symbols are sizes of a DC difference.
    pub(super) fn is_for_dc(&self) -> bool {
        self.symbols.iter().all(|&s| s <= 15)
    }

    /// The next coefficient: how many zeros come before it, and its value. A value of zero is the end
    /// of the block or band, or with fifteen zeros before it just a zero. Takes up to 31 bits.
    #[inline(always)]
    pub(super) fn coefficient(&self, bits: &mut BitReader<'_>) -> Result<(usize, i32), BadCode> {
        bits.refill();
        let found = self.look[bits.peek(LOOK) as usize];
        let (value, between, length) = (found as i32 >> 16, found >> 8 & 0xFF, found & 0xFF);
        if value != 0 {
            bits.take(length);
            return Ok((between as usize, value));
        }
        let symbol = if length != 0 {
            bits.take(length);
            between
        } else {
            u32::from(self.search(bits)?)
        };
        Ok(((symbol >> 4) as usize, bits.signed(symbol & 15)))
    }

    #[inline(never)]
    fn search(&self, bits: &mut BitReader<'_>) -> Result<u8, BadCode> {
        let next = bits.peek(16);
        for length in 1..=16_u32 {
            if next < self.limit[length as usize] {
                let place = self.offset[length as usize] + (next >> (16 - length)) as i32;
                bits.take(length);
                let symbol = usize::try_from(place).ok().and_then(|at| self.symbols.get(at));
                return symbol.copied().ok_or(BadCode);
            }
        }
        Err(BadCode)
    }
}

/// One entry of the look-up: a symbol, its code's length and the `free` bits after it.
fn entry(symbol: u8, length: u32, rest: u32, free: u32) -> u32 {
    let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
    if size == 0 || size > free {
        return u32::from(symbol) << 8 | length;
    }
    let value = extend(rest >> (free - size), size);
    u32::from(value as i16 as u16) << 16 | zeros << 8 | (length + size)
}

/// The tables that Motion JPEG frames leave out (ITU-T T.81, tables K.3 to K.6): `class` 0 is DC, 1 is
/// AC; `slot` 0 is luma, 1 is chroma.
pub(super) fn standard(class: usize, slot: usize) -> Option<HuffmanTable> {
    const SIZES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    match (class, slot) {
        (0, 0) => HuffmanTable::new(&[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &SIZES),
        (0, 1) => HuffmanTable::new(&[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &SIZES),
        (1, 0) => HuffmanTable::new(
            &[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
            &ac_symbols(b"\
                \x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\
                \x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82"),
        ),
        (1, 1) => HuffmanTable::new(
            &[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
            &ac_symbols(b"\
                \x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\
                \x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1"),
        ),
        _ => None,
    }
}

/// The 162 symbols of a standard AC table: after the frequent ones come all others in order.
fn ac_symbols(frequent: &[u8]) -> Vec<u8> {
    let sizes = (0_u8..16).flat_map(|zeros| (1..=10).map(move |size| zeros << 4 | size));
    let others = sizes.filter(|symbol| !frequent.contains(symbol));
    frequent.iter().copied().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_cannot_be_are_refused() {
        let counts = |head: &[u8]| {
            let mut counts = [0; 16];
            counts[..head.len()].copy_from_slice(head);
            counts
        };
        assert!(HuffmanTable::new(&counts(&[2]), &[0, 1]).is_some());
        assert!(HuffmanTable::new(&counts(&[3]), &[0, 1, 2]).is_none());
        assert!(HuffmanTable::new(&counts(&[1, 3]), &[0, 1, 2, 3]).is_none());
        assert!(HuffmanTable::new(&counts(&[1, 1]), &[0]).is_none());
        for (class, slot) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let table = standard(class, slot).expect("a table");
            assert_eq!(table.symbols.len(), [12, 162][class]);
            assert_eq!(table.is_for_dc(), class == 0);
        }
    }

    #[test]
    fn short_and_long_codes() {
        // Codes 0, 10, 110, ... for sizes of 1 to 15 and, at sixteen bits, of 0.
        let symbols: Vec<u8> = (1..=16).map(|size| 0x30 | size & 15).collect();
        let table = HuffmanTable::new(&[1; 16], &symbols).expect("a table");
        for length in 1..=16_u32 {
            let size = length & 15;
            // Ones up to the code's zero, then a coefficient of ones: the largest of its size.
            let word = ((1_u64 << length) - 2) << (64 - length)
                | ((1 << size) - 1) << (64 - length - size);
            let stuffed = |byte: u8| if byte == 0xFF { vec![0xFF, 0] } else { vec![byte] };
            let data: Vec<u8> = word.to_be_bytes().into_iter().flat_map(stuffed).collect();
            let mut bits = BitReader::new(&data, 0);
            assert_eq!(table.coefficient(&mut bits), Ok((3, (1 << size) - 1)), "{length}");
            assert!(bits.number(16) == 0 && !bits.is_overrun());
        }
        let mut bits = BitReader::new(&[0xFF, 0, 0xFF, 0, 1], 0);
        assert_eq!(table.coefficient(&mut bits), Err(BadCode));
    }
}
