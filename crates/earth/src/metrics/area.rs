//! Area weights, and the points of a region with their weights.

use std::ops::Range;

use serde::Serialize;

use super::MetricError;
use super::region::Region;
use crate::grid::{Grid, GridKind};

/// How points are weighted by their area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// sin of the upper less sin of the lower edge of a row, edges at the midpoints between rows and at the poles
    /// (WeatherBench 2). A grid that is not global ends half a step beyond its last row instead of at the pole.
    #[default]
    SinDifference,
    /// Cosine of the latitude (earth2studio); also for grids whose points each have a latitude.
    Cosine,
}

/// Weights of the rows of a rectilinear grid, or of the points of any other; their mean is 1.
///
/// # Errors
/// [`MetricError::Grid`] where the weighting needs rows and the grid has none.
pub fn weights(grid: &Grid, how: Weighting) -> Result<Vec<f64>, MetricError> {
    let raw: Vec<f64> = match how {
        Weighting::Cosine => grid.lats.iter().map(|lat| lat.to_radians().cos().max(0.0)).collect(),
        Weighting::SinDifference if grid.is_rectilinear() => {
            let edges = edges(grid);
            let sine = |degrees: f64| degrees.to_radians().sin();
            edges.windows(2).map(|pair| (sine(pair[1]) - sine(pair[0])).abs()).collect()
        }
        Weighting::SinDifference => {
            let kind = match &grid.kind {
                GridKind::Projected { projection } => projection.clone(),
                _ => "points".to_owned(),
            };
            let remedy =
                "regrid it to latitudes and longitudes, or weight by the cosine of latitude";
            return Err(MetricError::Grid { kind, remedy });
        }
    };
    let mean = raw.iter().sum::<f64>() / raw.len() as f64;
    if mean > 0.0 {
        Ok(raw.into_iter().map(|weight| weight / mean).collect())
    } else {
        // One row at a pole has no area by the cosine.
        Ok(vec![1.0; raw.len()])
    }
}

/// Edges of rows in degrees, one more than rows.
fn edges(grid: &Grid) -> Vec<f64> {
    let lats = &grid.lats;
    let last = lats.len() - 1;
    let descending = lats[0] > lats[last];
    let (first_pole, last_pole) = if descending { (90.0, -90.0) } else { (-90.0, 90.0) };
    let middle = lats.windows(2).map(|pair| f64::midpoint(pair[0], pair[1]));
    let ends = if grid.is_global() || last == 0 {
        (first_pole, last_pole)
    } else {
        let beyond = |end: f64, inner: f64| (end + (end - inner) / 2.0).clamp(-90.0, 90.0);
        (beyond(lats[0], lats[1]), beyond(lats[last], lats[last - 1]))
    };
    std::iter::once(ends.0).chain(middle).chain(std::iter::once(ends.1)).collect()
}

/// Points that lie one after the other in a field and have one weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Their places.
    pub points: Range<usize>,
    /// Weight of each.
    pub weight: f64,
}

/// The points of a region on a grid.
#[derive(Debug, Clone)]
pub struct Area {
    /// The region's name.
    pub name: String,
    pub(super) points: usize,
    pub(super) runs: Vec<Run>,
    pub(super) total: f64,
}

impl Area {
    /// The points of a grid that lie in a region.
    ///
    /// # Errors
    /// [`MetricError`] where the grid has no such weights, or no point in the region.
    pub fn new(grid: &Grid, region: &Region, how: Weighting) -> Result<Self, MetricError> {
        let weights = weights(grid, how)?;
        let mut runs: Vec<Run> = Vec::new();
        let mut push = |points: Range<usize>, weight: f64| match runs.last_mut() {
            Some(run) if run.points.end == points.start && run.weight == weight => {
                run.points.end = points.end;
            }
            _ => runs.push(Run { points, weight }),
        };
        if grid.is_rectilinear() {
            let columns = grid.shape.1;
            for (row, (&lat, &weight)) in grid.lats.iter().zip(&weights).enumerate() {
                for (column, &lon) in grid.lons.iter().enumerate() {
                    if region.has(lat, lon) {
                        let at = row * columns + column;
                        push(at..at + 1, weight);
                    }
                }
            }
        } else {
            for (at, &weight) in weights.iter().enumerate() {
                let (lat, lon) = grid.at(at);
                if region.has(lat, lon) {
                    push(at..at + 1, weight);
                }
            }
        }
        let total: f64 = runs.iter().map(|run| run.weight * run.points.len() as f64).sum();
        if runs.is_empty() || total <= 0.0 {
            let (region, grid) = (region.name.clone(), grid.to_string());
            return Err(MetricError::Empty { region, grid });
        }
        Ok(Self { name: region.name.clone(), points: grid.len(), runs, total })
    }

    /// The part of it that a mask has (land-sea mask: weights are multiplied by it, as WeatherBench 2 does; NaN counts as 0).
    ///
    /// # Errors
    /// [`MetricError`] where the mask is of another size, or nothing is left.
    pub fn masked(&self, mask: &[f32]) -> Result<Self, MetricError> {
        super::fits("the mask", mask.len(), self.points)?;
        let mut runs: Vec<Run> = Vec::new();
        for run in &self.runs {
            for at in run.points.clone() {
                let share = f64::from(mask[at]);
                if share > 0.0 {
                    let weight = run.weight * share;
                    match runs.last_mut() {
                        Some(last) if last.points.end == at && last.weight == weight => {
                            last.points.end = at + 1;
                        }
                        _ => runs.push(Run { points: at..at + 1, weight }),
                    }
                }
            }
        }
        let total: f64 = runs.iter().map(|run| run.weight * run.points.len() as f64).sum();
        if runs.is_empty() {
            let (region, grid) = (self.name.clone(), "under the mask".to_owned());
            return Err(MetricError::Empty { region, grid });
        }
        Ok(Self { name: self.name.clone(), points: self.points, runs, total })
    }

    /// Its points, as runs of equal weight in the order of the field.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Sum of its points' weights.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Points of the grid it lies on.
    #[must_use]
    pub fn grid_points(&self) -> usize {
        self.points
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn weights_have_mean_one_and_follow_the_area() {
        let grids = [
            Grid::regular(721, 4),
            Grid::regular(32, 4),
            Grid::gaussian(32, 4),
            Grid::regular(1, 4),
        ];
        for grid in grids {
            for how in [Weighting::SinDifference, Weighting::Cosine] {
                let weights = weights(&grid, how).unwrap();
                let mean = weights.iter().sum::<f64>() / weights.len() as f64;
                assert!((mean - 1.0).abs() < 1e-12, "{grid} {how:?}");
            }
        }
        // Rows at 90, 0 and -90: caps beyond 45 degrees and the band between.
        let three = weights(&Grid::regular(3, 4), Weighting::SinDifference).unwrap();
        let cap = (1.0 - 45.0_f64.to_radians().sin()) * 1.5;
        assert!((three[0] - cap).abs() < 1e-12 && (three[2] - cap).abs() < 1e-12);
        assert!((three[1] - (3.0 - 2.0 * cap)).abs() < 1e-12);
    }

    #[test]
    fn a_regional_grid_ends_half_a_step_beyond_its_rows() {
        let grid = Grid::rectilinear(vec![30.0, 20.0, 10.0], vec![100.0, 110.0]).unwrap();
        assert_eq!(edges(&grid), [35.0, 25.0, 15.0, 5.0]);
        let turned = Grid::rectilinear(vec![10.0, 20.0, 30.0], vec![100.0, 110.0]).unwrap();
        let (a, b) = (weights(&grid, Weighting::default()), weights(&turned, Weighting::default()));
        for (a, b) in a.unwrap().iter().zip(b.unwrap().iter().rev()) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn points_need_the_cosine_and_regions_select() {
        let points = Grid::points(vec![0.0, 60.0, 80.0], vec![0.0, 10.0, 20.0]).unwrap();
        let error = weights(&points, Weighting::SinDifference).unwrap_err();
        assert!(error.to_string().contains("cosine"), "{error}");
        let area = Area::new(&points, &"arctic".parse().unwrap(), Weighting::Cosine).unwrap();
        assert_eq!(area.runs().iter().map(|run| run.points.len()).sum::<usize>(), 2);

        let grid = Grid::regular(19, 36);
        let area = Area::new(&grid, &"europe".parse().unwrap(), Weighting::default()).unwrap();
        // 40, 50, 60 and 70 N; 350, 0, 10, 20, 30 and 40 E.
        assert_eq!(area.runs().iter().map(|run| run.points.len()).sum::<usize>(), 24);
        let whole = Area::new(&grid, &Region::global(), Weighting::default()).unwrap();
        assert!((whole.total() - grid.len() as f64).abs() < 1e-9);
        let half: Vec<f32> = (0..grid.len()).map(|at| (at % 2) as f32).collect();
        assert!((whole.masked(&half).unwrap().total() - grid.len() as f64 / 2.0).abs() < 1e-9);
        assert!(whole.masked(&vec![0.0; grid.len()]).is_err() && whole.masked(&[1.0]).is_err());
        let nowhere = Region { name: "nowhere".to_owned(), ..("1/1/1/1".parse().unwrap()) };
        assert!(matches!(
            Area::new(&grid, &nowhere, Weighting::default()),
            Err(MetricError::Empty { .. })
        ));
    }
}
