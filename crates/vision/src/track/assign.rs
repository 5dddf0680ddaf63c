//! Optimal assignment of rows to columns: the Hungarian method with potentials (Kuhn 1955, Munkres
//! 1957), shortest augmenting paths, O(n² m).

/// Pairs (row, column) that make the sum of `limit − cost` greatest, only of costs below the limit: what
/// solvers of linear assignment do that are given a cost limit. `costs` is row by row; a cost that is not
/// a number is never taken. Of several best answers always the same one.
pub(super) fn assign(costs: &[f64], columns: usize, limit: f64) -> Vec<(usize, usize)> {
    if columns == 0 || costs.is_empty() {
        return Vec::new();
    }
    let rows = costs.len() / columns;
    // Not to be paired costs 0, so a matched pair's gain is its cost's distance from the limit.
    let gain = |row: usize, column: usize| {
        let cost = costs[row * columns + column];
        if cost < limit { (cost - limit).max(-1e9) } else { 0.0 }
    };
    let columns_of_rows = if rows <= columns {
        hungarian(rows, columns, gain)
    } else {
        let rows_of_columns = hungarian(columns, rows, |column, row| gain(row, column));
        let mut turned = vec![usize::MAX; rows];
        for (column, row) in rows_of_columns.into_iter().enumerate() {
            turned[row] = column;
        }
        turned
    };
    let pairs = columns_of_rows.into_iter().enumerate();
    pairs.filter(|&(row, column)| column < columns && gain(row, column) < 0.0).collect()
}

/// The column of each row; `rows <= columns`.
fn hungarian(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    const FREE: usize = usize::MAX;
    let mut row_potential = vec![0.0; rows];
    // One column more stands for the row that is being placed.
    let mut column_potential = vec![0.0; columns + 1];
    let mut row_of = vec![FREE; columns + 1];
    for start in 0..rows {
        row_of[columns] = start;
        let mut at = columns;
        let mut least = vec![f64::INFINITY; columns];
        let mut from = vec![columns; columns];
        let mut visited = vec![false; columns + 1];
        while row_of[at] != FREE {
            visited[at] = true;
            let row = row_of[at];
            let (mut step, mut next) = (f64::INFINITY, columns);
            for column in 0..columns {
                if visited[column] {
                    continue;
                }
                let reduced = cost(row, column) - row_potential[row] - column_potential[column];
                if reduced < least[column] {
                    least[column] = reduced;
                    from[column] = at;
                }
                if least[column] < step {
                    step = least[column];
                    next = column;
                }
            }
            for column in 0..=columns {
                if visited[column] {
                    row_potential[row_of[column]] += step;
                    column_potential[column] -= step;
                } else {
                    least[column] -= step;
                }
            }
            at = next;
        }
        while at != columns {
            row_of[at] = row_of[from[at]];
            at = from[at];
        }
    }
    let mut columns_of = vec![FREE; rows];
    for (column, &row) in row_of[..columns].iter().enumerate() {
        if row != FREE {
            columns_of[row] = column;
        }
    }
    columns_of
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::assign;

    /// The greatest sum of gains by trying everything.
    fn best(costs: &[f64], columns: usize, limit: f64, row: usize, taken: u32) -> f64 {
        if row * columns >= costs.len() {
            return 0.0;
        }
        let mut most = best(costs, columns, limit, row + 1, taken);
        for column in 0..columns {
            let gain = limit - costs[row * columns + column];
            if taken & 1 << column == 0 && gain > 0.0 {
                most = most.max(gain + best(costs, columns, limit, row + 1, taken | 1 << column));
            }
        }
        most
    }

    proptest! {
        #[test]
        fn is_optimal(
            (columns, costs) in (1..6_usize, 0..6_usize).prop_flat_map(|(columns, rows)| {
                (Just(columns), prop::collection::vec(0.0..1.0_f64, rows * columns))
            }),
            limit in 0.1..1.0_f64,
        ) {
            let pairs = assign(&costs, columns, limit);
            let sum: f64 = pairs.iter().map(|(r, c)| limit - costs[r * columns + c]).sum();
            prop_assert!((sum - best(&costs, columns, limit, 0, 0)).abs() < 1e-9);
            for (at, (row, column)) in pairs.iter().enumerate() {
                prop_assert!(costs[row * columns + column] < limit);
                prop_assert!(pairs[..at].iter().all(|(r, c)| r != row && c != column));
            }
        }
    }

    #[test]
    fn what_is_not_a_number_is_not_taken() {
        assert_eq!(assign(&[f64::NAN, 0.2, 0.1, f64::INFINITY], 2, 0.5), [(0, 1), (1, 0)]);
        assert_eq!(assign(&[f64::NAN; 4], 2, 0.5), []);
        assert_eq!(assign(&[f64::NEG_INFINITY, 0.1], 1, 0.5), [(0, 0)]);
        assert_eq!(assign(&[], 0, 0.5), []);
    }
}
