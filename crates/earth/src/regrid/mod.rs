//! Regridding: the weights between two grids are built once and applied to many fields.
//!
//! From rectilinear grids the weights are products of one list a row and one a column, so a field costs two passes and the
//! plan a few kilobytes. From points and projections each target has its list.
//!
//! Missing points: what is present is weighed anew; a target of which less than [`Regrid::least_share`] is present is missing.

mod axis;
pub mod crop;
mod scattered;
pub mod search;

use std::sync::Arc;

use rayon::prelude::*;

use crate::field::Field;
use crate::grid::Grid;
use axis::Axis;

/// How values go from one grid to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The value of the nearest point (of the nearest row and column, from rectilinear grids).
    Nearest,
    /// Linear in latitude and in longitude between the four points around; exact for linear functions.
    Bilinear,
    /// Means over the target's cells, weighed by area: first-order conservative, from rectilinear to rectilinear grids.
    Conservative,
}

impl std::str::FromStr for Method {
    type Err = RegridError;

    fn from_str(text: &str) -> Result<Self, RegridError> {
        match text {
            "nearest" => Ok(Self::Nearest),
            "bilinear" => Ok(Self::Bilinear),
            "conservative" => Ok(Self::Conservative),
            _ => Err(RegridError::Method { name: text.to_owned() }),
        }
    }
}

/// Why there are no weights between two grids, or a field does not fit them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegridError {
    /// No such method.
    #[error("{name:?} is no regridding method: nearest, bilinear or conservative")]
    Method {
        /// What was asked for.
        name: String,
    },
    /// The method does not know such a grid.
    #[error("{method:?} regridding from {from} to {to}: {why}")]
    Unfit {
        /// Method.
        method: Method,
        /// The source's grid.
        from: String,
        /// The target's.
        to: String,
        /// What is wrong, and what would do.
        why: &'static str,
    },
    /// A field is not of the source's grid.
    #[error("a field of {found} values for a grid of {expected} points")]
    Length {
        /// Values.
        found: usize,
        /// Points.
        expected: usize,
    },
    /// No point lies in an area.
    #[error("no point of {grid} lies in {area}")]
    Empty {
        /// The grid.
        grid: String,
        /// The area.
        area: String,
    },
    /// A text is no area.
    #[error("{text:?} is no area: north/west/south/east in degrees, as in 60/-10/35/40")]
    Area {
        /// What was read.
        text: String,
    },
}

/// Weights from one grid to another.
#[derive(Debug, Clone)]
pub struct Regrid {
    from: Arc<Grid>,
    to: Arc<Grid>,
    plan: Plan,
    least_share: f64,
}

#[derive(Debug, Clone)]
enum Plan {
    /// Product of weights along rows and along columns. Rows beyond the source's are its poles.
    Separable { rows: Axis, columns: Axis },
    /// Each target's points (of the source and the two rows of poles, where it is rectilinear).
    Sparse(Axis),
}

impl Regrid {
    /// Builds the weights.
    ///
    /// A grid that is global but has no row at a pole gets one for [`Method::Bilinear`]: the mean of its nearest row.
    /// Targets outside a regional source are missing.
    ///
    /// # Errors
    /// [`RegridError::Unfit`] names the grids.
    pub fn new(from: Arc<Grid>, to: Arc<Grid>, method: Method) -> Result<Self, RegridError> {
        let unfit =
            |why| RegridError::Unfit { method, from: from.to_string(), to: to.to_string(), why };
        let plan = match (from.is_rectilinear(), to.is_rectilinear(), method) {
            (true, true, _) => {
                let (rows, columns) = axis::between(&from, &to.lats, &to.lons, method);
                Plan::Separable { rows, columns }
            }
            (_, _, Method::Conservative) => {
                let why = "cells are known of rectilinear grids alone; use bilinear or nearest";
                return Err(unfit(why));
            }
            (true, false, _) => {
                let (rows, columns) = axis::between(&from, &to.lats, &to.lons, method);
                let width = u32::try_from(from.shape.1).map_err(|_| unfit("too many columns"))?;
                Plan::Sparse(axis::zipped(&rows, &columns, width))
            }
            (false, _, Method::Nearest) => Plan::Sparse(scattered::nearest(&from, &to)),
            (false, _, Method::Bilinear) => {
                Plan::Sparse(scattered::bilinear(&from, &to).ok_or_else(|| {
                    unfit("points lie in no rows to interpolate between; use nearest")
                })?)
            }
        };
        Ok(Self { from, to, plan, least_share: 0.5 })
    }

    /// Sets how much of a target's weight must be present; 0.5 where it is not set.
    #[must_use]
    pub fn least_share(mut self, share: f64) -> Self {
        self.least_share = share;
        self
    }

    /// The target's grid.
    #[must_use]
    pub fn grid(&self) -> &Arc<Grid> {
        &self.to
    }

    /// Regrids a scalar field.
    ///
    /// # Errors
    /// [`RegridError::Length`]
    pub fn apply(&self, values: &[f32]) -> Result<Vec<f32>, RegridError> {
        self.fits(values)?;
        let poles = self.polar_rows(|row| {
            let (sum, count) = row
                .iter()
                .map(|at| f64::from(values[*at]))
                .filter(|value| !value.is_nan())
                .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            vec![(sum / count) as f32; row.len()]
        });
        Ok(self.run(values, &poles))
    }

    /// Regrids the two components of a wind. They differ from a scalar at a pole that the source has no row of: the wind there
    /// is one vector, the mean of the nearest row's, seen from each longitude.
    ///
    /// # Errors
    /// [`RegridError::Length`]
    pub fn apply_wind(&self, u: &[f32], v: &[f32]) -> Result<(Vec<f32>, Vec<f32>), RegridError> {
        self.fits(u)?;
        self.fits(v)?;
        let width = self.from.shape.1;
        let mut both = [Vec::new(), Vec::new()];
        for pole in 0..2 {
            let [us, vs] = self.polar_wind(pole, u, v);
            both[0].extend(us);
            both[1].extend(vs);
        }
        debug_assert!(both[0].is_empty() || both[0].len() == 2 * width);
        Ok((self.run(u, &both[0]), self.run(v, &both[1])))
    }

    /// Regrids a field. Components of a wind are better given to [`Self::apply_wind`] together.
    ///
    /// # Errors
    /// [`RegridError::Length`]
    pub fn field(&self, field: &Field) -> Result<Field, RegridError> {
        let values = self.apply(&field.values)?;
        let mut header = field.header.clone();
        header.grid = Arc::clone(&self.to);
        Ok(Field { header, values })
    }

    fn fits(&self, values: &[f32]) -> Result<(), RegridError> {
        let expected = self.from.len();
        if values.len() == expected {
            return Ok(());
        }
        Err(RegridError::Length { found: values.len(), expected })
    }

    fn uses_poles(&self) -> bool {
        let (at, first) = match &self.plan {
            Plan::Separable { rows, .. } => (rows, self.from.shape.0),
            Plan::Sparse(axis) => (axis, self.from.len()),
        };
        self.from.is_rectilinear() && at.at.iter().any(|at| *at as usize >= first)
    }

    /// Indices of the row nearest to a pole: 0 the north's, 1 the south's.
    fn row_at(&self, pole: usize) -> Vec<usize> {
        let (rows, columns) = self.from.shape;
        let southward = self.from.lats.first() > self.from.lats.last();
        let row = if (pole == 0) == southward { 0 } else { rows - 1 };
        (row * columns..(row + 1) * columns).collect()
    }

    fn polar_rows(&self, value: impl Fn(&[usize]) -> Vec<f32>) -> Vec<f32> {
        if !self.uses_poles() {
            return Vec::new();
        }
        [value(&self.row_at(0)), value(&self.row_at(1))].concat()
    }

    fn polar_wind(&self, pole: usize, u: &[f32], v: &[f32]) -> [Vec<f32>; 2] {
        if !self.uses_poles() {
            return [Vec::new(), Vec::new()];
        }
        // At a pole the plane's axes point to 0 E and 90 E; east is (-sin, cos), north leads over the north pole, or from the
        // south pole outwards.
        let outward = if pole == 0 { -1.0 } else { 1.0 };
        let (mut x, mut y, mut count) = (0.0, 0.0, 0.0);
        for (column, at) in self.row_at(pole).into_iter().enumerate() {
            let (sin, cos) = self.from.lons[column].to_radians().sin_cos();
            let (u, v) = (f64::from(u[at]), f64::from(v[at]));
            if u.is_finite() && v.is_finite() {
                x += -u * sin + outward * v * cos;
                y += u * cos + outward * v * sin;
                count += 1.0;
            }
        }
        let (x, y) = (x / count, y / count);
        let seen = |from: &dyn Fn(f64, f64) -> f64| {
            self.from
                .lons
                .iter()
                .map(|lon| {
                    let (sin, cos) = lon.to_radians().sin_cos();
                    from(sin, cos) as f32
                })
                .collect()
        };
        [seen(&|sin, cos| -x * sin + y * cos), seen(&|sin, cos| outward * (x * cos + y * sin))]
    }

    fn run(&self, values: &[f32], poles: &[f32]) -> Vec<f32> {
        let mut out = vec![f32::NAN; self.to.len()];
        match &self.plan {
            Plan::Separable { rows, columns } => {
                let width = self.to.shape.1;
                let source = Rows {
                    values,
                    poles,
                    width: self.from.shape.1,
                    rows,
                    columns,
                    least: self.least_share,
                };
                out.par_chunks_mut(width).enumerate().for_each_init(
                    || [vec![0.0; source.width], vec![0.0; source.width]],
                    |scratch, (row, out)| {
                        source.row(row, scratch, out);
                    },
                );
            }
            Plan::Sparse(axis) => {
                let value = |at: usize| {
                    f64::from(if at < values.len() { values[at] } else { poles[at - values.len()] })
                };
                out.par_iter_mut().enumerate().with_min_len(1024).for_each(|(target, out)| {
                    let (mut sum, mut share) = (0.0, 0.0);
                    for (at, weight) in axis.of(target) {
                        let value = value(at);
                        if !value.is_nan() {
                            sum += weight * value;
                            share += weight;
                        }
                    }
                    if share > 0.0 && share >= self.least_share {
                        *out = (sum / share) as f32;
                    }
                });
            }
        }
        out
    }
}

/// A field with the rows of its poles.
struct Rows<'a> {
    values: &'a [f32],
    poles: &'a [f32],
    width: usize,
    rows: &'a Axis,
    columns: &'a Axis,
    least: f64,
}

impl Rows<'_> {
    fn at(&self, row: usize) -> &[f32] {
        let from = row * self.width;
        if from < self.values.len() {
            &self.values[from..from + self.width]
        } else {
            let from = from - self.values.len();
            &self.poles[from..from + self.width]
        }
    }

    /// One row of the target: rows are summed first, then columns.
    fn row(&self, row: usize, scratch: &mut [Vec<f64>; 2], out: &mut [f32]) {
        let [sums, shares] = scratch;
        sums.fill(0.0);
        let mut share = 0.0;
        for (at, weight) in self.rows.of(row) {
            share += weight;
            for (sum, value) in sums.iter_mut().zip(self.at(at)) {
                *sum += weight * f64::from(*value);
            }
        }
        if share <= 0.0 {
            return;
        }
        let missing = sums.iter().any(|sum| sum.is_nan());
        if missing {
            sums.fill(0.0);
            shares.fill(0.0);
            for (at, weight) in self.rows.of(row) {
                for ((sum, share), value) in sums.iter_mut().zip(&mut *shares).zip(self.at(at)) {
                    if !value.is_nan() {
                        *sum += weight * f64::from(*value);
                        *share += weight;
                    }
                }
            }
        } else {
            shares.fill(share);
        }
        for (target, out) in out.iter_mut().enumerate() {
            let (mut sum, mut present) = (0.0, 0.0);
            for (at, weight) in self.columns.of(target) {
                sum += weight * sums[at];
                present += weight * shares[at];
            }
            if present > 0.0 && present >= self.least {
                *out = (sum / present) as f32;
            }
        }
    }
}
