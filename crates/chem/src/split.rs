//! Splits of a data set into training, validation and test rows: at random, or by Murcko scaffold.
//!
//! Scaffolds come in as strings (one a row), so any scaffold definition works. Rows of one scaffold never part.

use rustc_hash::FxHashMap;

/// Parts of the whole; their sum is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions {
    /// Training part.
    pub train: f64,
    /// Validation part.
    pub valid: f64,
    /// Test part.
    pub test: f64,
}

impl Default for Fractions {
    fn default() -> Fractions {
        Fractions { train: 0.8, valid: 0.1, test: 0.1 }
    }
}

/// Why fractions were refused.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "fractions {train}, {valid}, {test}: give three numbers of 0 or more with the sum 1, such as 0.8,0.1,0.1"
)]
pub struct FractionsError {
    train: f64,
    valid: f64,
    test: f64,
}

impl Fractions {
    /// Checks that no part is negative and the parts make a whole.
    ///
    /// # Errors
    /// [`FractionsError`] otherwise.
    pub fn new(train: f64, valid: f64, test: f64) -> Result<Fractions, FractionsError> {
        let parts = [train, valid, test];
        let fair = parts.iter().all(|part| part.is_finite() && *part >= 0.0);
        if fair && (parts.iter().sum::<f64>() - 1.0).abs() < 1e-6 {
            Ok(Fractions { train, valid, test })
        } else {
            Err(FractionsError { train, valid, test })
        }
    }
}

/// Row numbers of each part, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Training rows.
    pub train: Vec<usize>,
    /// Validation rows.
    pub valid: Vec<usize>,
    /// Test rows.
    pub test: Vec<usize>,
}

impl Split {
    fn sorted(mut self) -> Split {
        for part in [&mut self.train, &mut self.valid, &mut self.test] {
            part.sort_unstable();
        }
        self
    }
}

/// A small, fixed random generator (SplitMix64): the same seed gives the same numbers in every release.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit` (0 where `limit` is 0), all equally likely.
    pub fn below(&mut self, limit: usize) -> usize {
        // The high half of a 128-bit product; its bias is below 2⁻⁶⁴ × limit.
        ((u128::from(self.next_u64()) * limit as u128) >> 64) as usize
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Rows shuffled by a seed, then cut.
#[must_use]
pub fn random(rows: usize, fractions: Fractions, seed: u64) -> Split {
    let mut order: Vec<usize> = (0..rows).collect();
    Random::new(seed).shuffle(&mut order);
    let train = cut(fractions.train, rows);
    let valid = cut(fractions.train + fractions.valid, rows).max(train);
    Split {
        train: order[..train].to_vec(),
        valid: order[train..valid].to_vec(),
        test: order[valid..].to_vec(),
    }
    .sorted()
}

/// Whole scaffolds, the most frequent ones first: fills training, then validation, then test. Scaffolds of one size
/// go by their first row, the later first (DeepChem's `ScaffoldSplitter`). Same input, same split: no seed.
#[must_use]
pub fn scaffold<S: AsRef<str>>(scaffolds: &[S], fractions: Fractions) -> Split {
    let mut groups = groups(scaffolds);
    groups.sort_by(|a, b| (b.len(), b[0]).cmp(&(a.len(), a[0])));
    let rows = scaffolds.len() as f64;
    let (train, until_valid) = (fractions.train * rows, (fractions.train + fractions.valid) * rows);
    let mut split = Split::default();
    for group in groups {
        let filled = split.train.len() + group.len();
        if !exceeds(filled, train) {
            split.train.extend(group);
        } else if !exceeds(filled + split.valid.len(), until_valid) {
            split.valid.extend(group);
        } else {
            split.test.extend(group);
        }
    }
    split.sorted()
}

/// Whole scaffolds in an order shuffled by a seed, those larger than half of the validation or test part first
/// (D-MPNN's `scaffold_balanced`); each goes to the first part that has room.
#[must_use]
pub fn scaffold_balanced<S: AsRef<str>>(scaffolds: &[S], fractions: Fractions, seed: u64) -> Split {
    let rows = scaffolds.len() as f64;
    let (train, valid, test) =
        (fractions.train * rows, fractions.valid * rows, fractions.test * rows);
    let is_big = |group: &Vec<usize>| {
        let size = group.len() as f64;
        size > valid / 2.0 || size > test / 2.0
    };
    let (mut big, mut small): (Vec<_>, Vec<_>) = groups(scaffolds).into_iter().partition(is_big);
    let mut random = Random::new(seed);
    random.shuffle(&mut big);
    random.shuffle(&mut small);
    let mut split = Split::default();
    for group in big.into_iter().chain(small) {
        if !exceeds(split.train.len() + group.len(), train) {
            split.train.extend(group);
        } else if !exceeds(split.valid.len() + group.len(), valid) {
            split.valid.extend(group);
        } else {
            split.test.extend(group);
        }
    }
    split.sorted()
}

/// Rows of each scaffold, in the order of its first row.
fn groups<S: AsRef<str>>(scaffolds: &[S]) -> Vec<Vec<usize>> {
    let mut number_of: FxHashMap<&str, usize> = FxHashMap::default();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, scaffold) in scaffolds.iter().enumerate() {
        let number = *number_of.entry(scaffold.as_ref()).or_insert(groups.len());
        if number == groups.len() {
            groups.push(Vec::new());
        }
        groups[number].push(row);
    }
    groups
}

/// Whether a count is more than a part; 0.1 × 30 is 3, whatever the last bit of the product says.
fn exceeds(count: usize, part: f64) -> bool {
    count as f64 > part + 1e-9
}

fn cut(fraction: f64, rows: usize) -> usize {
    ((fraction * rows as f64 + 1e-9) as usize).min(rows)
}
