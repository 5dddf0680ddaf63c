//! Ranks of a whole run: 1 is the highest score, ties go by row order. Twelve bytes a row at most.

/// The rank of every row, from the scores of all rows.
///
/// Memory: 4 bytes a row for the scores, 4 for the order and 4 for the ranks, so a run of 10⁸ rows
/// needs 1.2 GB for the moment of ranking; the belt itself stays flat.
#[derive(Debug, Clone, Default)]
pub struct Ranking {
    ranks: Vec<u32>,
    order: Vec<u32>,
}

impl Ranking {
    /// Ranks rows by descending score. A NaN score (a failed record) gets no rank.
    ///
    /// Rows beyond `u32::MAX` are not ranked.
    #[must_use]
    pub fn from_scores(scores: &[f32]) -> Self {
        let ranked = |&row: &u32| !scores[row as usize].is_nan();
        let rows = u32::try_from(scores.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..rows).filter(ranked).collect();
        // Adding 0.0 turns -0.0 into 0.0, so that the two tie.
        order.sort_unstable_by(|&a, &b| {
            (scores[b as usize] + 0.0).total_cmp(&(scores[a as usize] + 0.0)).then(a.cmp(&b))
        });
        let mut ranks = vec![0; scores.len()];
        for (rank, &row) in (1..).zip(&order) {
            ranks[row as usize] = rank;
        }
        Self { ranks, order }
    }

    /// The rank of a row, 1 for the best; `None` for a row without a score.
    #[must_use]
    pub fn rank(&self, row: u64) -> Option<u32> {
        let rank = *self.ranks.get(usize::try_from(row).ok()?)?;
        (rank > 0).then_some(rank)
    }

    /// Rows in the order of their ranks, best first.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_by_row_and_failed_rows_have_no_rank() {
        let ranking = Ranking::from_scores(&[0.5, f32::NAN, 0.9, 0.5, -0.0, 0.0]);
        let ranks: Vec<_> = (0..7).map(|row| ranking.rank(row)).collect();
        assert_eq!(ranks, [Some(2), None, Some(1), Some(3), Some(4), Some(5), None]);
        assert_eq!(ranking.order(), [2, 0, 3, 4, 5]);
    }
}
