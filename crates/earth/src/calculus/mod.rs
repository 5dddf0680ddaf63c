//! Differences on the sphere: gradient, divergence and relative vorticity on any rectilinear grid.
//!
//! Three-point differences of second order for steps of any width: centred inside, around the globe where the grid goes
//! around. Rows at a pole take the limit by Stokes' and Gauss' theorems over the cap within the next row; global grids
//! without such rows continue over the pole to the opposite meridian; the ends of regions are one-sided. Values in f32, sums
//! in f64. A missing point makes the points missing that need it.

use std::sync::Arc;

use rayon::prelude::*;

use crate::grid::{Grid, unwrapped};

/// Why a grid or a field has no differences.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalculusError {
    /// Points without rows and columns, or fewer than three of them.
    #[error("{grid}: {why}")]
    Grid {
        /// The grid.
        grid: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A field is not of the grid.
    #[error("a field of {found} values for a grid of {expected} points")]
    Length {
        /// Values.
        found: usize,
        /// Points.
        expected: usize,
    },
}

/// A three-point difference: places and factors.
#[derive(Debug, Clone, Copy)]
struct Stencil {
    at: [usize; 3],
    by: [f64; 3],
}

/// Where a row's neighbours in latitude lie.
#[derive(Debug, Clone, Copy)]
enum Row {
    /// Rows of the grid.
    Inside(Stencil),
    /// The first point of the difference lies over the pole, on the opposite meridian.
    Over(Stencil),
    /// At a pole: +1 north, −1 south; the next row, 1 − |sine| and the cosine of its latitude.
    Pole { sign: f64, next: usize, cap: f64, cos: f64 },
}

/// Differences on one grid.
#[derive(Debug, Clone)]
pub struct Calculus {
    grid: Arc<Grid>,
    radius: f64,
    /// Per radian.
    columns: Vec<Stencil>,
    rows: Vec<Row>,
    cos: Vec<f64>,
}

impl Calculus {
    /// Prepares a grid's differences; `radius` is the planet's, in m.
    ///
    /// # Errors
    /// [`CalculusError::Grid`] where it has no rows and columns or fewer than three of either.
    pub fn new(grid: Arc<Grid>, radius: f64) -> Result<Self, CalculusError> {
        let wrong = |why| Err(CalculusError::Grid { grid: grid.to_string(), why });
        if !grid.is_rectilinear() {
            return wrong("differences need rows and columns; regrid it");
        }
        if grid.shape.0 < 3 || grid.shape.1 < 3 {
            return wrong("differences need three rows and three columns");
        }
        let lons: Vec<f64> = unwrapped(&grid.lons).iter().map(|lon| lon.to_radians()).collect();
        let lats: Vec<f64> = grid.lats.iter().map(|lat| lat.to_radians()).collect();
        let turn = if grid.is_periodic() { std::f64::consts::TAU } else { 0.0 };
        let columns = (0..lons.len()).map(|column| stencil(&lons, column, turn)).collect();
        let global = grid.is_global();
        let over = global && lons.len().is_multiple_of(2);
        let rows = (0..lats.len()).map(|row| row_of(&lats, row, global, over)).collect();
        let cos = lats.iter().map(|lat| lat.cos()).collect();
        Ok(Self { grid, radius, columns, rows, cos })
    }

    /// Eastward and northward derivative, per m. At a pole, components of the one gradient there.
    ///
    /// # Errors
    /// [`CalculusError::Length`]
    pub fn gradient(&self, values: &[f32]) -> Result<(Vec<f32>, Vec<f32>), CalculusError> {
        self.fits(values)?;
        let width = self.grid.shape.1;
        let mut east = vec![0.0_f32; values.len()];
        let mut north = vec![0.0_f32; values.len()];
        let rows = east.par_chunks_mut(width).zip(north.par_chunks_mut(width)).enumerate();
        rows.for_each(|(row, (east, north))| match self.rows[row] {
            Row::Pole { sign, next, cos, .. } => {
                let next = &values[next * width..][..width];
                self.polar_gradient(next, (sign, cos), [east, north]);
            }
            inside => {
                let scale = 1.0 / (self.radius * self.cos[row]);
                let of_row = &values[row * width..][..width];
                let value = |at: usize| f64::from(values[at]);
                for (column, (east, north)) in east.iter_mut().zip(north).enumerate() {
                    *east = (along(of_row, &self.columns[column]) * scale) as f32;
                    *north = (self.across(inside, column, value) / self.radius) as f32;
                }
            }
        });
        Ok((east, north))
    }

    /// Relative vorticity of a wind, per s: (∂v/∂λ − ∂(u cosφ)/∂φ) / (a cosφ).
    ///
    /// # Errors
    /// [`CalculusError::Length`]
    pub fn vorticity(&self, u: &[f32], v: &[f32]) -> Result<Vec<f32>, CalculusError> {
        self.rotation(v, u, -1.0)
    }

    /// Divergence of a wind, per s: (∂u/∂λ + ∂(v cosφ)/∂φ) / (a cosφ).
    ///
    /// # Errors
    /// [`CalculusError::Length`]
    pub fn divergence(&self, u: &[f32], v: &[f32]) -> Result<Vec<f32>, CalculusError> {
        self.rotation(u, v, 1.0)
    }

    /// (∂east/∂λ + sign ∂(north cosφ)/∂φ) / (a cosφ); at the poles the flow of `north` out of the cap over its area.
    fn rotation(&self, east: &[f32], north: &[f32], sign: f64) -> Result<Vec<f32>, CalculusError> {
        self.fits(east)?;
        self.fits(north)?;
        let width = self.grid.shape.1;
        let mut out = vec![0.0_f32; east.len()];
        out.par_chunks_mut(width).enumerate().for_each(|(row, out)| match self.rows[row] {
            Row::Pole { sign: pole, next, cap, cos } => {
                let of_row = &north[next * width..][..width];
                let mean = of_row.iter().map(|value| f64::from(*value)).sum::<f64>() / width as f64;
                // Out of the northern cap is southwards.
                out.fill((-pole * sign * mean * cos / (self.radius * cap)) as f32);
            }
            inside => {
                let scale = 1.0 / (self.radius * self.cos[row]);
                let of_row = &east[row * width..][..width];
                // Over a pole both the component and the cosine change their sign, so that the product keeps it.
                let value = |at: usize| f64::from(north[at]) * self.cos[at / width];
                for (column, out) in out.iter_mut().enumerate() {
                    let by_lon = along(of_row, &self.columns[column]);
                    let by_lat = self.across(inside, column, value);
                    *out = ((by_lon + sign * by_lat) * scale) as f32;
                }
            }
        });
        Ok(out)
    }

    /// Difference in latitude, per radian.
    fn across(&self, row: Row, column: usize, value: impl Fn(usize) -> f64) -> f64 {
        let width = self.grid.shape.1;
        let (stencil, first) = match row {
            Row::Inside(stencil) => (stencil, column),
            Row::Over(stencil) => (stencil, (column + width / 2) % width),
            Row::Pole { .. } => return f64::NAN,
        };
        (0..3)
            .filter(|k| stencil.by[*k] != 0.0)
            .map(|k| {
                let column = if k == 0 { first } else { column };
                stencil.by[k] * value(stencil.at[k] * width + column)
            })
            .sum()
    }

    /// The gradient at a pole is one vector: the first wave of the next row over its distance, seen from each longitude.
    fn polar_gradient(&self, next: &[f32], (sign, cos): (f64, f64), out: [&mut [f32]; 2]) {
        let [east, north] = out;
        let lons: Vec<(f64, f64)> =
            self.grid.lons.iter().map(|lon| lon.to_radians().sin_cos()).collect();
        let (mut x, mut y) = (0.0, 0.0);
        for ((sin, cos), value) in lons.iter().zip(next) {
            x += f64::from(*value) * cos;
            y += f64::from(*value) * sin;
        }
        let scale = 2.0 / (next.len() as f64 * self.radius * cos);
        let (x, y) = (x * scale, y * scale);
        for (((sin, cos), east), north) in lons.iter().zip(east).zip(north) {
            *east = (-x * sin + y * cos) as f32;
            *north = (-sign * (x * cos + y * sin)) as f32;
        }
    }

    fn fits(&self, values: &[f32]) -> Result<(), CalculusError> {
        let expected = self.grid.len();
        if values.len() == expected {
            return Ok(());
        }
        Err(CalculusError::Length { found: values.len(), expected })
    }
}

fn along(row: &[f32], stencil: &Stencil) -> f64 {
    (0..3)
        .filter(|k| stencil.by[*k] != 0.0)
        .map(|k| stencil.by[k] * f64::from(row[stencil.at[k]]))
        .sum()
}

/// Factors of the derivative at `x[of]` of the parabola through three points.
fn parabola(x: [f64; 3], of: usize) -> [f64; 3] {
    [0, 1, 2].map(|k| {
        let (i, j) = ((k + 1) % 3, (k + 2) % 3);
        let (to_i, to_j) = (x[of] - x[i], x[of] - x[j]);
        let rise = to_i + to_j;
        // The rounding of equal steps is no weight for the point in the middle.
        if rise.abs() < to_i.abs().max(to_j.abs()) * 1e-9 {
            return 0.0;
        }
        rise / ((x[k] - x[i]) * (x[k] - x[j]))
    })
}

fn stencil(x: &[f64], at: usize, turn: f64) -> Stencil {
    let last = x.len() - 1;
    let turn = if x[last] > x[0] { turn } else { -turn };
    let (places, xs, of) = match at {
        0 if turn != 0.0 => ([last, 0, 1], [x[last] - turn, x[0], x[1]], 1),
        0 => ([0, 1, 2], [x[0], x[1], x[2]], 0),
        at if at == last && turn != 0.0 => {
            ([last - 1, last, 0], [x[last - 1], x[last], x[0] + turn], 1)
        }
        at if at == last => ([last - 2, last - 1, last], [x[last - 2], x[last - 1], x[last]], 2),
        at => ([at - 1, at, at + 1], [x[at - 1], x[at], x[at + 1]], 1),
    };
    Stencil { at: places, by: parabola(xs, of) }
}

fn row_of(lats: &[f64], row: usize, global: bool, over: bool) -> Row {
    let last = lats.len() - 1;
    let lat = lats[row];
    let pole = std::f64::consts::FRAC_PI_2.copysign(lat);
    if row != 0 && row != last {
        return Row::Inside(stencil(lats, row, 0.0));
    }
    let next = if row == 0 { 1 } else { last - 1 };
    if global && (pole - lat).abs() < 1e-8 {
        let (sin, cos) = lats[next].sin_cos();
        return Row::Pole { sign: pole.signum(), next, cap: 1.0 - sin.abs(), cos };
    }
    if !over {
        return Row::Inside(stencil(lats, row, 0.0));
    }
    let by = parabola([2.0 * pole - lat, lat, lats[next]], 1);
    Row::Over(Stencil { at: [row, row, next], by })
}

#[cfg(test)]
mod tests;
