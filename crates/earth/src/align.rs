//! Grids of the same points in another order: rows south to north, columns from 180 W. Fields are brought into order; nothing is
//! interpolated.

use crate::grid::Grid;

/// Coordinates nearer than this are the same, in degrees; files round them to thousandths.
const SLACK: f64 = 2e-3;

/// For each point of `to` its place in `from`, where both are rectilinear and have the same rows and columns; none otherwise.
#[must_use]
pub fn order(from: &Grid, to: &Grid) -> Option<Vec<usize>> {
    if from.shape != to.shape || !from.is_rectilinear() || !to.is_rectilinear() {
        return None;
    }
    let rows = places(&from.lats, &to.lats, |a, b| (a - b).abs())?;
    let around = |a: f64, b: f64| {
        let apart = (a - b).rem_euclid(360.0);
        apart.min(360.0 - apart)
    };
    let columns = places(&from.lons, &to.lons, around)?;
    let width = from.shape.1;
    Some(
        rows.iter()
            .flat_map(|row| columns.iter().map(move |column| row * width + column))
            .collect(),
    )
}

fn places(from: &[f64], to: &[f64], apart: impl Fn(f64, f64) -> f64) -> Option<Vec<usize>> {
    let mut taken = vec![false; from.len()];
    to.iter()
        .map(|to| {
            let place = (0..from.len()).find(|at| !taken[*at] && apart(from[*at], *to) <= SLACK)?;
            taken[place] = true;
            Some(place)
        })
        .collect()
}

/// Values in another order, see [`order`].
#[must_use]
pub fn reordered(values: &[f32], order: &[usize]) -> Vec<f32> {
    order.iter().map(|at| values.get(*at).copied().unwrap_or(f32::NAN)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn flipped_rows_and_turned_columns_find_their_places() {
        let to = Grid::regular(5, 8);
        let lats: Vec<f64> = to.lats.iter().rev().copied().collect();
        let lons: Vec<f64> = (0..8).map(|at| -180.0 + 45.0 * f64::from(at)).collect();
        let from = Grid::rectilinear(lats, lons).unwrap();
        let value = |grid: &Grid, at| {
            let (lat, lon) = grid.at(at);
            (lat * 10.0 + lon.rem_euclid(360.0)) as f32
        };
        let values: Vec<f32> = (0..40).map(|at| value(&from, at)).collect();
        let turned = reordered(&values, &order(&from, &to).unwrap());
        assert!((0..40).all(|at| turned[at] == value(&to, at)));
        assert!(order(&Grid::regular(4, 8), &to).is_none());
        assert!(order(&Grid::gaussian(5, 8), &to).is_none());
        let points = Grid::points(to.lats.clone(), to.lats.clone()).unwrap();
        assert!(order(&points, &to).is_none());
    }
}
