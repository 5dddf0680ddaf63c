//! Which texts share a run. Texts of like length go together, so that little is filled up; a batch holds as many as fit
//! a budget of padded tokens.

/// Limits of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Rows times the longest of them.
    pub(crate) tokens: usize,
    /// Rows.
    pub(crate) rows: usize,
}

/// Numbers of the texts of each batch, longest texts first. A text longer than the budget is a batch of its own; texts
/// without tokens are in none.
pub(crate) fn plan(lengths: &[usize], budget: Budget) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).filter(|&at| lengths[at] > 0).collect();
    // Stable: equal lengths stay in the order they came.
    order.sort_by_key(|&at| std::cmp::Reverse(lengths[at]));
    let mut batches = Vec::new();
    let mut rest = order.as_slice();
    while let [first, ..] = rest {
        let fits = (budget.tokens / lengths[*first]).min(budget.rows).clamp(1, rest.len());
        let (batch, behind) = rest.split_at(fits);
        batches.push(batch.to_vec());
        rest = behind;
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn like_lengths_go_together() {
        let budget = Budget { tokens: 10, rows: 3 };
        let batches = plan(&[2, 9, 0, 5, 4, 2, 2, 2, 12], budget);
        assert_eq!(batches, [vec![8], vec![1], vec![3, 4], vec![0, 5, 6], vec![7]]);
        assert!(plan(&[], budget).is_empty());
    }

    proptest! {
        #[test]
        fn every_text_is_in_one_batch_within_the_budget(
            lengths in prop::collection::vec(0_usize..50, 0..60), tokens in 1_usize..80, rows in 1_usize..9,
        ) {
            let batches = plan(&lengths, Budget { tokens, rows });
            let mut seen: Vec<usize> = batches.concat();
            seen.sort_unstable();
            let wanted: Vec<usize> = (0..lengths.len()).filter(|&at| lengths[at] > 0).collect();
            prop_assert_eq!(seen, wanted);
            for batch in &batches {
                let longest = batch.iter().map(|&at| lengths[at]).max().unwrap();
                prop_assert!(batch.len() == 1 || longest * batch.len() <= tokens);
                prop_assert!(batch.len() <= rows);
            }
        }
    }
}
