//! Assignment: which of several candidates belongs to which of several tracks, so that the sum of costs is least.

/// The candidate of each track; none where leaving it out costs less. `cost[track][candidate]` is infinite where the two do not
/// go together, `left_out` is the cost of a track without a candidate.
///
/// The Hungarian method by shortest augmenting paths, cubic in the number of tracks and candidates.
#[must_use]
pub fn assign(cost: &[Vec<f64>], left_out: f64) -> Vec<Option<usize>> {
    let tracks = cost.len();
    let candidates = cost.first().map_or(0, Vec::len);
    // Each track has a place of its own to be left out at.
    let columns = candidates + tracks;
    let at = |track: usize, column: usize| -> f64 {
        if column < candidates {
            let cost = cost[track][column];
            if cost.is_finite() && cost < left_out { cost } else { FORBIDDEN }
        } else if column - candidates == track {
            left_out
        } else {
            FORBIDDEN
        }
    };
    let (mut of_row, mut of_column) = (vec![0.0; tracks + 1], vec![0.0; columns + 1]);
    // Row that holds each column, from 1; 0 is none.
    let mut held = vec![0_usize; columns + 1];
    for row in 1..=tracks {
        held[0] = row;
        let mut column = 0;
        let mut least = vec![f64::INFINITY; columns + 1];
        let mut from = vec![0_usize; columns + 1];
        let mut seen = vec![false; columns + 1];
        loop {
            seen[column] = true;
            let (row, mut next, mut step) = (held[column], 0, f64::INFINITY);
            for other in (1..=columns).filter(|other| !seen[*other]) {
                let reduced = at(row - 1, other - 1) - of_row[row] - of_column[other];
                if reduced < least[other] {
                    (least[other], from[other]) = (reduced, column);
                }
                if least[other] < step {
                    (step, next) = (least[other], other);
                }
            }
            for other in 0..=columns {
                if seen[other] {
                    of_row[held[other]] += step;
                    of_column[other] -= step;
                } else {
                    least[other] -= step;
                }
            }
            column = next;
            if held[column] == 0 {
                break;
            }
        }
        while column != 0 {
            held[column] = held[from[column]];
            column = from[column];
        }
    }
    let mut found = vec![None; tracks];
    for column in 1..=candidates {
        if held[column] > 0 && at(held[column] - 1, column - 1) < FORBIDDEN {
            found[held[column] - 1] = Some(column - 1);
        }
    }
    found
}

/// More than any sum of costs that are allowed, yet finite.
const FORBIDDEN: f64 = 1e12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sum_counts_and_not_the_nearest() {
        // The nearest pair first would leave the other track 10 away.
        assert_eq!(assign(&[vec![1.0, 2.0], vec![1.5, 10.0]], 100.0), [Some(1), Some(0)]);
        assert_eq!(assign(&[vec![f64::INFINITY, 7.0], vec![5.0, 6.0]], 6.5), [None, Some(0)]);
        assert_eq!(assign(&[vec![], vec![]], 1.0), [None, None]);
        assert!(assign(&[], 1.0).is_empty());
    }

    /// The least sum by trying everything.
    fn least(cost: &[Vec<f64>], left_out: f64, row: usize, used: &mut Vec<bool>) -> f64 {
        if row == cost.len() {
            return 0.0;
        }
        let mut best = left_out + least(cost, left_out, row + 1, used);
        for column in 0..used.len() {
            if !used[column] && cost[row][column] < left_out {
                used[column] = true;
                best = best.min(cost[row][column] + least(cost, left_out, row + 1, used));
                used[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_other_assignment_is_cheaper(
            (tracks, candidates, costs) in (1_usize..5, 1_usize..6).prop_flat_map(|(t, c)| {
                (Just(t), Just(c), prop::collection::vec(0.0_f64..10.0, t * c))
            }),
        ) {
            let cost: Vec<Vec<f64>> = (0..tracks).map(|t| costs[t * candidates..(t + 1) * candidates].to_vec()).collect();
            let found = assign(&cost, 7.0);
            let sum: f64 = found.iter().enumerate().map(|(t, c)| c.map_or(7.0, |c| cost[t][c])).sum();
            let mut taken: Vec<usize> = found.iter().flatten().copied().collect();
            taken.sort_unstable();
            taken.dedup();
            prop_assert_eq!(taken.len(), found.iter().flatten().count());
            prop_assert!((sum - least(&cost, 7.0, 0, &mut vec![false; candidates])).abs() < 1e-9);
        }
    }
}
