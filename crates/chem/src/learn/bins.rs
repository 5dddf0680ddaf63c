//! Features cut into bins for histograms; rows keep only the bins that differ from a feature's most frequent one.

use super::{Table, View};

/// Most bins of a feature.
const MAX_BINS: usize = 63;

/// A feature that can be cut.
#[derive(Clone, Debug)]
pub(super) struct Feature {
    /// Its column.
    pub(super) column: u32,
    /// Its first bin among all features' bins.
    pub(super) first: usize,
    /// Bin `b` holds values above cut `b − 1` and up to cut `b`.
    pub(super) cuts: Vec<f32>,
    /// The most frequent bin, which rows do not list.
    pub(super) usual: usize,
}

/// The bins of some rows of a table.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    pub(super) features: Vec<Feature>,
    /// Bins of all features together.
    pub(super) total: usize,
    starts: Vec<usize>,
    entries: Vec<u32>,
}

impl Bins {
    /// Bins of the rows listed, of counts and descriptors (an embedding's hundreds of dense columns would take most of
    /// the time); features that fewer than `least` rows tell from the rest are left out.
    pub(super) fn new(table: Table<'_>, rows: &[usize], least: usize) -> Self {
        let mut features = Vec::new();
        let mut total = 0;
        let mut of_feature: Vec<Vec<u8>> = Vec::new();
        let mut values = Vec::with_capacity(rows.len());
        for column in 0..table.dense(View::Descriptors).end {
            values.clear();
            values.extend(rows.iter().map(|&row| table.row(row)[column]));
            let bins_of = |cuts: &[f32]| -> Vec<u8> {
                values.iter().map(|value| cuts.partition_point(|cut| cut < value) as u8).collect()
            };
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            let cuts = cuts(&sorted);
            if cuts.is_empty() {
                continue;
            }
            let bins = bins_of(&cuts);
            let mut sizes = vec![0usize; cuts.len() + 1];
            bins.iter().for_each(|&bin| sizes[usize::from(bin)] += 1);
            let usual = (0..sizes.len()).max_by_key(|&bin| (sizes[bin], usize::MAX - bin));
            let usual = usual.unwrap_or(0);
            if rows.len() - sizes[usual] < least {
                continue;
            }
            features.push(Feature { column: column as u32, first: total, cuts, usual });
            total += sizes.len();
            of_feature.push(bins);
        }
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for row in 0..rows.len() {
            for (feature, bins) in features.iter().zip(&of_feature) {
                let bin = usize::from(bins[row]);
                if bin != feature.usual {
                    entries.push((feature.first + bin) as u32);
                }
            }
            starts.push(entries.len());
        }
        Self { features, total, starts, entries }
    }

    /// The bins of a row (by its position among the rows listed) that are not the usual ones.
    pub(super) fn of(&self, position: usize) -> &[u32] {
        &self.entries[self.starts[position]..self.starts[position + 1]]
    }
}

/// Cuts between ascending values: between all that differ, or where there are many, so that bins are equally full.
fn cuts(sorted: &[f32]) -> Vec<f32> {
    let distinct = 1 + sorted.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let least = if distinct <= MAX_BINS { 1 } else { sorted.len().div_ceil(MAX_BINS) };
    let (mut cuts, mut filled) = (Vec::new(), 0);
    for pair in sorted.windows(2) {
        filled += 1;
        if pair[0] < pair[1] && filled >= least {
            let middle = pair[0] + (pair[1] - pair[0]) / 2.0;
            // Rounded up to the higher value, the middle would send both values the same way.
            cuts.push(if middle < pair[1] { middle } else { pair[0] });
            filled = 0;
        }
    }
    cuts
}
