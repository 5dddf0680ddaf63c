//! Inputs made of seeds by changing them at random, for where no compiler counts what an input reaches: on the pinned
//! toolchain, and in the tests. What is shallow is found this way within seconds.

/// Longest input made.
const MOST: usize = 64 << 10;
/// Words that parsers of numbers and of text stumble over.
const WORDS: [&str; 24] = [
    "-9223372036854775808",
    "18446744073709551615",
    "4294967296",
    "-1",
    "0",
    "1e308",
    "NaN",
    "inf",
    "\"",
    "\\",
    "{",
    "[",
    "(",
    "<",
    "\u{3000}",
    "第",
    "\u{feff}",
    "é",
    "\u{1f600}",
    "\r\n",
    "\0",
    ",",
    "=",
    "%",
];
/// Letters that SMILES, numbers and names are made of.
const LETTERS: &[u8] = b"CNOPSFclnos0123456789()[]=#@+-/\\.HBrI%:~$*ARax";
/// Numbers at the edges of their types.
const EDGES: [u64; 10] =
    [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, i64::MAX as u64, u64::MAX];

/// Makes inputs of seeds. The same seeds and the same start give the same inputs.
#[derive(Debug)]
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Mutator {
    /// `start` chooses the sequence of inputs.
    #[must_use]
    pub fn new(seeds: Vec<Vec<u8>>, start: u64) -> Self {
        Self { seeds, state: start }
    }

    /// The next input: a seed with one to eight changes.
    pub fn next_input(&mut self) -> Vec<u8> {
        let Some(seed) = self.below(self.seeds.len()) else { return Vec::new() };
        let mut data = self.seeds[seed].clone();
        let changes = if self.random().is_multiple_of(3) { 8 } else { 2 };
        for _ in 0..=self.below(changes).unwrap_or(0) {
            self.change(&mut data);
            data.truncate(MOST);
        }
        data
    }

    fn change(&mut self, data: &mut Vec<u8>) {
        let end = data.len();
        let place = self.below(end + 1).unwrap_or(0);
        let length = 1 + self.below(64).unwrap_or(0);
        let within = place..(place + length).min(end);
        let random = self.random();
        match random % 10 {
            0 => self.at(data, |byte, random| *byte ^= 1 << (random % 8)),
            1 => self.at(data, |byte, random| *byte = random as u8),
            2 => self.at(data, |byte, random| *byte = LETTERS[random as usize % LETTERS.len()]),
            3 => data.insert(place, (random >> 32) as u8),
            4 => drop(data.drain(within)),
            5 => {
                let again = data[within].to_vec();
                data.splice(place..place, again);
            }
            6 => {
                let word = WORDS[(random >> 32) as usize % WORDS.len()];
                data.splice(place..place, word.bytes());
            }
            7 => self.number(data, place),
            8 => self.piece_of_another(data, place),
            _ => data.truncate(place),
        }
    }

    fn at(&mut self, data: &mut [u8], change: impl FnOnce(&mut u8, u64)) {
        let random = self.random();
        if let Some(place) = self.below(data.len()) {
            change(&mut data[place], random);
        }
    }

    /// A number at the edge of its type, of one to eight bytes in either order.
    fn number(&mut self, data: &mut [u8], place: usize) {
        let random = self.random();
        let size = 1 << (random % 4);
        let value = EDGES[(random >> 8) as usize % EDGES.len()];
        let (big, little) = (value.to_be_bytes(), value.to_le_bytes());
        let bytes = if random >> 32 & 1 == 0 { &big[8 - size..] } else { &little[..size] };
        if let Some(there) = data.get_mut(place..place + size) {
            there.copy_from_slice(bytes);
        }
    }

    /// Some bytes of another seed, in between or to the end.
    fn piece_of_another(&mut self, data: &mut Vec<u8>, place: usize) {
        let (Some(other), random) = (self.below(self.seeds.len()), self.random()) else { return };
        let other = &self.seeds[other];
        let from = random as usize % (other.len() + 1);
        if random >> 40 & 1 == 0 {
            data.truncate(place);
            data.extend_from_slice(&other[from..]);
        } else {
            let to = (from + 1 + (random >> 48) as usize % 128).min(other.len());
            data.splice(place..place, other[from..to.max(from)].iter().copied());
        }
    }

    /// A number below `end`, where there is one.
    fn below(&mut self, end: usize) -> Option<usize> {
        let random = self.random();
        usize::try_from(random.checked_rem(end as u64)?).ok()
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_differ_from_their_seeds_and_come_again() {
        let seeds = vec![b"CC(=O)O".to_vec(), vec![0; 300]];
        let inputs = |start: u64| {
            let mut mutator = Mutator::new(seeds.clone(), start);
            (0..500).map(|_| mutator.next_input()).collect::<Vec<_>>()
        };
        let all = inputs(1);
        assert_eq!(all, inputs(1));
        assert_ne!(all, inputs(2));
        assert!(all.iter().filter(|one| !seeds.contains(one)).count() > 400);
        assert!(all.iter().all(|one| one.len() <= MOST));
        assert_eq!(Mutator::new(Vec::new(), 1).next_input(), Vec::<u8>::new());
    }
}
