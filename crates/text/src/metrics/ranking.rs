//! Metrics of rankings. A ranking is a list of items, best first, without repetition; which of them are relevant is a set.

use std::collections::BTreeSet;

/// Share of the relevant items among the first `k`: |relevant ∩ top k| ÷ |relevant|. `None` where nothing is relevant.
#[must_use]
pub fn recall_at<T: Ord>(ranked: &[T], relevant: &BTreeSet<T>, k: usize) -> Option<f64> {
    let found = ranked.iter().take(k).filter(|item| relevant.contains(item)).count();
    (!relevant.is_empty()).then(|| found as f64 / relevant.len() as f64)
}

/// 1 ÷ rank of the first relevant item; 0 where it is not among the first `k`. The mean over questions is MRR@k. `None`
/// where nothing is relevant.
#[must_use]
pub fn mrr_at<T: Ord>(ranked: &[T], relevant: &BTreeSet<T>, k: usize) -> Option<f64> {
    let first = ranked.iter().take(k).position(|item| relevant.contains(item));
    (!relevant.is_empty()).then(|| first.map_or(0.0, |at| 1.0 / (at + 1) as f64))
}

/// Σ rel ÷ log₂(rank + 1) over the first `k`, by the same of the best possible ranking; items are relevant or not.
/// `None` where nothing is relevant.
#[must_use]
pub fn ndcg_at<T: Ord>(ranked: &[T], relevant: &BTreeSet<T>, k: usize) -> Option<f64> {
    let gain = |at: usize| 1.0 / ((at + 2) as f64).log2();
    let found = ranked.iter().take(k).enumerate().filter(|(_, item)| relevant.contains(item));
    let ideal: f64 = (0..relevant.len().min(k)).map(gain).sum();
    let got: f64 = found.map(|(at, _)| gain(at)).sum();
    (ideal > 0.0).then(|| got / ideal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let relevant = BTreeSet::from([3, 5, 9]);
        let ranked = [1, 3, 4, 5, 2, 7];
        let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
        close(recall_at(&ranked, &relevant, 1), 0.0);
        close(recall_at(&ranked, &relevant, 2), 1.0 / 3.0);
        close(recall_at(&ranked, &relevant, 100), 2.0 / 3.0);
        close(mrr_at(&ranked, &relevant, 1), 0.0);
        close(mrr_at(&ranked, &relevant, 10), 0.5);
        // Ranks 2 and 4 of an ideal 1, 2, 3.
        let wanted = (1.0 / 3.0_f64.log2() + 1.0 / 5.0_f64.log2())
            / (1.0 + 1.0 / 3.0_f64.log2() + 1.0 / 4.0_f64.log2());
        close(ndcg_at(&ranked, &relevant, 10), wanted);
        close(ndcg_at(&[5, 3, 9], &relevant, 10), 1.0);
        // An ideal ranking of two has two.
        close(ndcg_at(&[5, 3], &relevant, 2), 1.0);
    }

    #[test]
    fn without_relevant_items_there_is_no_metric() {
        let none = BTreeSet::new();
        assert_eq!(recall_at(&[1], &none, 10), None);
        assert_eq!(mrr_at(&[1], &none, 10), None);
        assert_eq!(ndcg_at(&[1], &none, 10), None);
        assert_eq!(recall_at(&[], &BTreeSet::from([1]), 10), Some(0.0));
    }
}
