//! What a reader sees of an index ([`View`]), and what a question is asked of ([`Selection`]): sets of passages, made
//! once for each reader and filter and kept.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use crate::document::Validity;

use super::bits::Bits;
use super::config::Scoring;
use super::part::Part;
use super::query::{Filter, Viewer};

/// Views and selections that are kept.
const KEPT: usize = 32;

/// What a reader may see, and the statistics of just that: neither scores nor counts depend on what is hidden.
#[derive(Debug)]
pub(super) struct View {
    /// For each part, the passages seen.
    pub(super) seen: Vec<Bits>,
    /// For each part, whether that is all of them.
    pub(super) whole: Vec<bool>,
    /// Passages seen.
    pub(super) units: u64,
    /// Records seen.
    pub(super) records: u64,
    /// k₁ · (1 − b + b · length / average) of a record.
    pub(super) record_norm: Norm,
    /// The same of a passage's own text, where it is not a record of its own.
    pub(super) passage_norm: Norm,
}

/// A length's part in a score: a number, and one for every token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Norm {
    base: f32,
    token: f32,
}

impl Norm {
    /// For lengths of which `count` have the sum `sum`.
    fn new(scoring: &Scoring, sum: f64, count: u64) -> Self {
        let (k1, b) = (f64::from(scoring.k1), f64::from(scoring.b));
        if sum <= 0.0 {
            return Self { base: scoring.k1, token: 0.0 };
        }
        let average = sum / count as f64;
        Self { base: (k1 * (1.0 - b)) as f32, token: (k1 * b / average) as f32 }
    }

    #[inline]
    pub(super) fn of(self, length: f32) -> f32 {
        self.base + self.token * length
    }
}

/// Lengths are summed in thousandths of a token, as sums of whole numbers do not depend on their order.
const GRAIN: f64 = 1000.0;

impl View {
    pub(super) fn new(parts: &[Part], viewer: &Viewer, scoring: &Scoring) -> Self {
        let seen: Vec<Bits> = parts.iter().map(|part| seen(part, viewer)).collect();
        let (mut records, mut record_sum) = (0_u64, 0_u64);
        let (mut passages, mut passage_sum) = (0_u64, 0_u64);
        for (part, seen) in parts.iter().zip(&seen) {
            for (record, length) in part.lengths.iter().enumerate() {
                let range = part.segment.record(record as u32);
                if !seen.contains(range.start) {
                    continue;
                }
                records += 1;
                record_sum += (f64::from(*length) * GRAIN).round() as u64;
                if range.len() > 1 {
                    passages += range.len() as u64;
                    let texts = part.texts.get(range.start as usize..range.end as usize);
                    passage_sum +=
                        texts.unwrap_or_default().iter().map(|n| n.tokens() as u64).sum::<u64>();
                }
            }
        }
        Self {
            whole: parts
                .iter()
                .zip(&seen)
                .map(|(part, seen)| seen.count() == part.segment.units.len())
                .collect(),
            units: seen.iter().map(|seen| seen.count() as u64).sum(),
            records,
            record_norm: Norm::new(scoring, record_sum as f64 / GRAIN, records),
            passage_norm: Norm::new(scoring, passage_sum as f64, passages),
            seen,
        }
    }
}

fn seen(part: &Part, viewer: &Viewer) -> Bits {
    let mut bits = Bits::none(part.segment.units.len());
    for doc in part.living.iter().filter(|doc| part.sees(*doc, viewer)) {
        part.units(doc).for_each(|(unit, _)| bits.insert(unit));
    }
    bits
}

/// What a question is asked of.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) view: Arc<View>,
    /// For each part, the passages that may be found.
    pub(super) chosen: Vec<Bits>,
}

impl Selection {
    pub(super) fn new(parts: &[Part], filter: &Filter, view: Arc<View>) -> Self {
        let chosen = parts
            .iter()
            .map(|part| {
                let mut bits = Bits::none(part.segment.units.len());
                for doc in part.living.iter().filter(|doc| part.admits(*doc, filter)) {
                    for (unit, _) in part.units(doc) {
                        if filter.include_not_in_force || part.validity(unit).holds(filter.as_of) {
                            bits.insert(unit);
                        }
                    }
                }
                bits
            })
            .collect();
        Self { view, chosen }
    }
}

/// Whether a document of a region applies in another: everywhere, there, or where the other lies.
pub(super) fn applies(region: Option<&str>, asked: Option<&str>) -> bool {
    match (region, asked) {
        (None, _) | (_, None) => true,
        (Some(region), Some(asked)) => asked.starts_with(region),
    }
}

/// The days a passage is in force: its own or the document's, within what newer versions and repeals leave.
pub(super) fn in_force(own: Option<Validity>, document: Validity, left: Validity) -> Validity {
    own.unwrap_or(document).and(left)
}

/// The last few values that were made, by key.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    entries: Mutex<Vec<(K, Arc<V>)>>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { entries: Mutex::new(Vec::new()) }
    }
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// The value of a key: as kept, or made now. Two callers at once may both make it.
    pub(super) fn get(&self, key: &K, make: impl FnOnce() -> V) -> Arc<V> {
        let lock = || self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut entries = lock();
            if let Some(at) = entries.iter().position(|(kept, _)| kept == key) {
                // Most recently used last.
                let entry = entries.remove(at);
                let value = Arc::clone(&entry.1);
                entries.push(entry);
                return value;
            }
        }
        let value = Arc::new(make());
        let mut entries = lock();
        if entries.len() >= KEPT {
            entries.remove(0);
        }
        entries.push((key.clone(), Arc::clone(&value)));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        let cases = [
            (None, None, true),
            (None, Some("广东省"), true),
            (Some("广东省"), None, true),
            (Some("广东省"), Some("广东省广州市"), true),
            (Some("广东省广州市"), Some("广东省"), false),
            (Some("湖南省"), Some("广东省"), false),
        ];
        for (region, asked, wanted) in cases {
            assert_eq!(applies(region, asked), wanted, "{region:?} {asked:?}");
        }
    }

    #[test]
    fn the_last_used_stay() {
        let kept = Kept::<u32, u32>::default();
        let mut made = 0;
        for key in (0..40).flat_map(|n| [0, n]) {
            let value = kept.get(&key, || {
                made += 1;
                key * 2
            });
            assert_eq!(*value, key * 2);
        }
        assert_eq!(made, 40);
        assert_eq!(kept.entries.lock().unwrap().len(), KEPT);
    }
}
