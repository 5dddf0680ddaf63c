//! The table of fragment contributions; its format is described in `data/README.md`.

use std::sync::LazyLock;

const TABLE: &[u8] = include_bytes!("../../data/sa_fragments.bin");

/// Slots of the hash table: about 1.5 for each fragment.
const SLOTS: usize = 1 << 20;

/// Open addressing: fragment identifiers and, beside them, the number of their score plus one.
struct Fragments {
    ids: Vec<u32>,
    groups: Vec<u16>,
    scores: Vec<f64>,
}

static FRAGMENTS: LazyLock<Fragments> = LazyLock::new(|| {
    // The table is part of the program and read whole by a test.
    Fragments::read(TABLE).unwrap_or(Fragments {
        ids: vec![0; SLOTS],
        groups: vec![0; SLOTS],
        scores: Vec::new(),
    })
});

/// Contribution of a Morgan environment, `None` where it is not in the table.
pub(super) fn score(id: u32) -> Option<f64> {
    FRAGMENTS.get(id)
}

impl Fragments {
    fn read(table: &[u8]) -> Option<Self> {
        let u32_at = |at: usize| Some(u32::from_le_bytes(table.get(at..at + 4)?.try_into().ok()?));
        if table.get(..4)? != b"SAF1" {
            return None;
        }
        let count = u32_at(4)? as usize;
        let head = 12;
        let mut bits = Bits { bytes: table.get(head + 13 * count..)?, at: 0 };
        let mut read = Self { ids: vec![0; SLOTS], groups: vec![0; SLOTS], scores: Vec::new() };
        for group in 0..count {
            let at = head + 13 * group;
            read.scores.push(f64::from_le_bytes(table.get(at..at + 8)?.try_into().ok()?));
            let (members, k) = (u32_at(at + 8)?, *table.get(at + 12)?);
            let mut id = 0u32;
            for _ in 0..members {
                let quotient = bits.ones()?;
                id = id.checked_add((quotient << k) | bits.take(k)?)?;
                read.insert(id, u16::try_from(group + 1).ok()?);
            }
        }
        Some(read)
    }

    fn slot(id: u32) -> usize {
        (id.wrapping_mul(0x9e37_79b1) >> 12) as usize % SLOTS
    }

    fn insert(&mut self, id: u32, group: u16) {
        let mut slot = Self::slot(id);
        while self.groups[slot] != 0 && self.ids[slot] != id {
            slot = (slot + 1) % SLOTS;
        }
        self.ids[slot] = id;
        self.groups[slot] = group;
    }

    fn get(&self, id: u32) -> Option<f64> {
        let mut slot = Self::slot(id);
        loop {
            match self.groups[slot] {
                0 => return None,
                group if self.ids[slot] == id => {
                    return self.scores.get(usize::from(group) - 1).copied();
                }
                _ => slot = (slot + 1) % SLOTS,
            }
        }
    }
}

/// Reads bits, lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits, at least 32 of them while the stream lasts, and how many are real.
    fn window(&self) -> (u64, u32) {
        let from = self.at / 8;
        let mut raw = [0u8; 8];
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        let count = rest.len().min(8);
        raw[..count].copy_from_slice(&rest[..count]);
        let shift = (self.at % 8) as u32;
        (u64::from_le_bytes(raw) >> shift, (count as u32 * 8).saturating_sub(shift))
    }

    fn ones(&mut self) -> Option<u32> {
        let mut total = 0;
        loop {
            let (window, real) = self.window();
            let run = window.trailing_ones().min(real);
            total += run;
            if run < real {
                self.at += run as usize + 1;
                return Some(total);
            }
            if real == 0 {
                return None;
            }
            self.at += run as usize;
        }
    }

    fn take(&mut self, width: u8) -> Option<u32> {
        let (window, real) = self.window();
        if u32::from(width) > real || width > 32 {
            return None;
        }
        self.at += usize::from(width);
        Some((window & ((1u64 << width) - 1)) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_complete() {
        let read = Fragments::read(TABLE).expect("the table is well formed");
        assert_eq!(read.scores.len(), 3549);
        assert_eq!(read.groups.iter().filter(|&&g| g != 0).count(), 705_292);
        // First row of RDKit's table.
        assert_eq!(read.get(910_163_969), Some(-2.8254));
        assert_eq!(read.get(12_345), None);
    }

    #[test]
    fn damaged_tables_are_refused() {
        assert!(Fragments::read(&TABLE[..TABLE.len() / 2]).is_none());
        assert!(Fragments::read(b"SAF0").is_none());
        assert!(Fragments::read(&[]).is_none());
    }
}
