//! The same points in another order: rows the other way, columns that begin elsewhere.

use crate::grid::Grid;

/// Where a model's points lie in a file's field.
#[derive(Debug, Clone)]
pub(super) struct Arrangement {
    rows: Vec<usize>,
    columns: Vec<usize>,
    width: usize,
    /// Rows ran the other way.
    pub(super) flipped: bool,
    /// The file's first longitude, where columns began elsewhere.
    pub(super) rolled: Option<f64>,
    /// A meridian stood twice.
    pub(super) dropped: bool,
}

impl Arrangement {
    /// The way from a file's grid to a model's; none where the points are others.
    pub(super) fn new(from: &Grid, to: &Grid) -> Option<Self> {
        if !from.is_rectilinear() || from.shape.0 != to.shape.0 {
            return None;
        }
        let dropped = from.shape.1 == to.shape.1 + 1;
        if from.shape.1 != to.shape.1 && !dropped {
            return None;
        }
        // Files round coordinates: a hundredth of a step is the same point.
        let step = |degrees: f64, count: usize| (degrees / count as f64 * 0.01).max(1.1e-3);
        let slack = step(180.0, to.shape.0);
        let rows = places(&from.lats, &to.lats, |a, b| (a - b).abs() < slack)?;
        let slack = step(360.0, to.shape.1);
        let turned = |a: f64, b: f64| {
            let apart = (a - b).rem_euclid(360.0);
            apart < slack || apart > 360.0 - slack
        };
        let columns = places(&from.lons, &to.lons, turned)?;
        let flipped = rows.len() > 1 && rows[0] > rows[1];
        let rolled = (columns[0] != 0).then(|| from.lons[0]);
        Some(Self { rows, columns, width: from.shape.1, flipped, rolled, dropped })
    }

    /// Puts values in the model's order.
    pub(super) fn apply(&self, values: &[f32]) -> Vec<f32> {
        let rows = self.rows.iter().map(|row| &values[row * self.width..][..self.width]);
        rows.flat_map(|row| self.columns.iter().map(|column| row[*column])).collect()
    }
}

/// Where each coordinate of `to` stands in `from`; both are monotone but for one jump, so the search goes on from the last.
fn places(from: &[f64], to: &[f64], same: impl Fn(f64, f64) -> bool) -> Option<Vec<usize>> {
    let count = from.len();
    let mut at = from.iter().position(|value| same(*value, to[0]))?;
    let second = *to.get(1)?;
    let found = |at: usize| same(from[at], second);
    let forward = found((at + 1) % count) || found((at + 2) % count);
    let next = |at: usize| if forward { (at + 1) % count } else { (at + count - 1) % count };
    let mut places = vec![at];
    for value in &to[1..] {
        at = next(at);
        if !same(from[at], *value) {
            // The meridian that stands twice.
            at = next(at);
        }
        if !same(from[at], *value) {
            return None;
        }
        places.push(at);
    }
    Some(places)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_the_same_points_is_brought_back() {
        let to = Grid::regular(5, 8);
        let value = |lat: f64, lon: f64| (lat * 1000.0 + lon.rem_euclid(360.0)) as f32;
        let on = |grid: &Grid| -> Vec<f32> {
            (0..grid.len())
                .map(|at| {
                    let (lat, lon) = grid.at(at);
                    value(lat, lon)
                })
                .collect()
        };
        let south: Vec<f64> = to.lats.iter().rev().copied().collect();
        let west: Vec<f64> = (0..8).map(|k| f64::from(k) * 45.0 - 180.0).collect();
        let closed: Vec<f64> = (0..9).map(|k| f64::from(k) * 45.0).collect();
        let closed_west: Vec<f64> = (0..9).map(|k| f64::from(k) * 45.0 - 180.0).collect();
        for (lats, lons, flipped, rolled, dropped) in [
            (south.clone(), to.lons.clone(), true, None, false),
            (to.lats.clone(), west, false, Some(-180.0), false),
            (south, closed, true, None, true),
            (to.lats.clone(), closed_west, false, Some(-180.0), true),
        ] {
            let from = Grid::rectilinear(lats, lons).unwrap();
            let way = Arrangement::new(&from, &to).unwrap();
            assert_eq!((way.flipped, way.rolled, way.dropped), (flipped, rolled, dropped));
            assert_eq!(way.apply(&on(&from)), on(&to), "{from}");
        }
        assert!(Arrangement::new(&Grid::regular(5, 10), &to).is_none());
        assert!(Arrangement::new(&Grid::gaussian(5, 8), &to).is_none());
    }
}
