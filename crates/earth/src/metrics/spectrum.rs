//! Zonal energy spectra: how much of a field's energy along a circle of latitude is in waves of which length.
//!
//! As WeatherBench 2's `ZonalEnergySpectrum`: with F the discrete Fourier transform over L longitudes, divided by L, and C the
//! circumference of the circle, S(0) = C |F(0)|² and S(k) = 2 C |F(k)|². The sum over k is the integral of the field's square along
//! the circle. Unit: that of the field squared, times m.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::wide::wide;
use super::{MetricError, Missing, fits};
use crate::grid::Grid;

/// Radius of the Earth in WeatherBench 2, in m: the mean of the radii at the poles and the equator.
pub const WEATHERBENCH_RADIUS: f64 = 6_367_500.0;

/// The transform of the rows of a grid.
#[derive(Clone)]
pub struct Spectra {
    transform: Arc<dyn Fft<f64>>,
    circumferences: Vec<f64>,
    lats: Vec<f64>,
    columns: usize,
}

impl fmt::Debug for Spectra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spectra({} x {})", self.lats.len(), self.columns)
    }
}

impl Spectra {
    /// The transform for a grid whose columns go around the globe.
    ///
    /// # Errors
    /// [`MetricError::Grid`] for any other grid.
    pub fn new(grid: &Grid, radius: f64) -> Result<Self, MetricError> {
        if !grid.is_periodic() {
            return Err(MetricError::Grid {
                kind: grid.to_string(),
                remedy: "a spectrum needs columns that go all the way around",
            });
        }
        let columns = grid.shape.1;
        let circumference = |lat: &f64| TAU * radius * lat.to_radians().cos();
        Ok(Self {
            transform: FftPlanner::new().plan_fft_forward(columns),
            circumferences: grid.lats.iter().map(circumference).collect(),
            lats: grid.lats.clone(),
            columns,
        })
    }

    /// Wave numbers of a spectrum: L/2 + 1, from 0.
    #[must_use]
    pub fn wavenumbers(&self) -> usize {
        self.columns / 2 + 1
    }

    /// Length of a wave at a row, in m; infinite for wave number 0.
    #[must_use]
    pub fn wavelength(&self, row: usize, wavenumber: usize) -> f64 {
        self.circumferences[row] / wavenumber as f64
    }
}

/// Two rows that are transformed as the real and the imaginary part of one: half the work.
struct Work {
    rows: Vec<Complex<f64>>,
    waves: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Work {
    fn transform(&mut self, transform: &dyn Fft<f64>, first: &[f32], second: &[f32]) {
        as_complex(&mut self.rows, first, second);
        transform.process_outofplace_with_scratch(
            &mut self.rows,
            &mut self.waves,
            &mut self.scratch,
        );
    }

    /// Adds the energy of both rows.
    fn add(&self, circumferences: [f64; 2], [first, second]: [&mut [f64]; 2]) {
        let length = self.waves.len() as f64;
        // Twice the energy, as waves go both ways; a quarter of it is of the halves in `energies`.
        let scales = circumferences.map(|around| 2.0 * around / (4.0 * length * length));
        let Some((zero, others)) = self.waves.split_first() else { return };
        let (Some((first_mean, first)), Some((second_mean, second))) =
            (first.split_first_mut(), second.split_first_mut())
        else {
            return;
        };
        // The mean goes no way.
        let [of_a, of_b] = energies(*zero, *zero);
        *first_mean += scales[0] * of_a / 2.0;
        *second_mean += scales[1] * of_b / 2.0;
        add_energies(others, scales, first, second);
    }
}

/// Energies of two rows at a wave number, times four. With Z the transform of a + ib, A(k) = (Z(k) + Z*(L − k)) / 2 and
/// B(k) = (Z(k) − Z*(L − k)) / 2i.
#[inline(always)]
fn energies(z: Complex<f64>, w: Complex<f64>) -> [f64; 2] {
    let (sum, difference) = (z + w, z - w);
    let (a, b) = ((sum.re, difference.im), (sum.im, difference.re));
    [a.0 * a.0 + a.1 * a.1, b.0 * b.0 + b.1 * b.1]
}

wide! {
    fn has_gap(line: &[f32]) -> bool {
        // No early end: the loop then runs on many points at once.
        line.iter().fold(false, |gap, value| gap | value.is_nan())
    }

    fn as_complex(to: &mut [Complex<f64>], first: &[f32], second: &[f32]) {
        for ((to, a), b) in to.iter_mut().zip(first).zip(second) {
            *to = Complex::new(f64::from(*a), f64::from(*b));
        }
    }

    /// Adds the energies at all wave numbers but 0; `waves` are the transform without its first number.
    fn add_energies(waves: &[Complex<f64>], scales: [f64; 2], first: &mut [f64], second: &mut [f64]) {
        let pairs = waves.iter().zip(waves.iter().rev());
        for ((a, b), (z, w)) in first.iter_mut().zip(second).zip(pairs) {
            let [of_a, of_b] = energies(*z, *w);
            *a += scales[0] * of_a;
            *b += scales[1] * of_b;
        }
    }
}

/// Spectra of many fields, row by row.
#[derive(Debug, Clone)]
pub struct SpectrumSum {
    spectra: Spectra,
    sums: Vec<f64>,
    counts: Vec<usize>,
    missing: Missing,
}

impl SpectrumSum {
    /// No field yet.
    #[must_use]
    pub fn new(spectra: &Spectra, missing: Missing) -> Self {
        let rows = spectra.lats.len();
        let sums = vec![0.0; rows * spectra.wavenumbers()];
        Self { spectra: spectra.clone(), sums, counts: vec![0; rows], missing }
    }

    /// Adds a field. A row with a missing point counts as missing.
    ///
    /// # Errors
    /// [`MetricError::Size`] where it is not of the grid.
    pub fn add(&mut self, values: &[f32]) -> Result<(), MetricError> {
        let Spectra { transform, circumferences, columns, .. } = &self.spectra;
        fits("the field", values.len(), circumferences.len() * columns)?;
        let empty = vec![Complex::default(); *columns];
        let mut work = Work {
            rows: empty.clone(),
            waves: empty,
            scratch: vec![Complex::default(); transform.get_outofplace_scratch_len()],
        };
        let wavenumbers = self.spectra.wavenumbers();
        let mut waiting = None;
        for (at, line) in values.chunks_exact(*columns).enumerate() {
            if has_gap(line) {
                if self.missing == Missing::Propagate {
                    self.counts[at] += 1;
                    self.sums[at * wavenumbers..][..wavenumbers].fill(f64::NAN);
                }
                continue;
            }
            self.counts[at] += 1;
            match waiting.take() {
                None => waiting = Some((at, line)),
                Some(first) => {
                    work.transform(transform.as_ref(), first.1, line);
                    let (before, from) = self.sums.split_at_mut(at * wavenumbers);
                    let sums = [
                        &mut before[first.0 * wavenumbers..][..wavenumbers],
                        &mut from[..wavenumbers],
                    ];
                    work.add([circumferences[first.0], circumferences[at]], sums);
                }
            }
        }
        if let Some((at, line)) = waiting {
            work.transform(transform.as_ref(), line, line);
            let sum = &mut self.sums[at * wavenumbers..][..wavenumbers];
            work.add([circumferences[at], 0.0], [sum, &mut vec![0.0; wavenumbers]]);
        }
        Ok(())
    }

    /// Adds what another sum of the same grid has.
    pub fn merge(&mut self, other: &Self) {
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| *count += other);
    }

    /// Mean spectrum of a row, by wave number; NaN where no field had the row whole.
    #[must_use]
    pub fn row(&self, row: usize) -> Vec<f64> {
        let wavenumbers = self.spectra.wavenumbers();
        let count = self.counts[row] as f64;
        self.sums[row * wavenumbers..][..wavenumbers].iter().map(|sum| sum / count).collect()
    }

    /// Mean over rows whose distance from the equator is within these latitudes, each weighted by cos φ (its share of the area),
    /// with the mean wavelength of each wave number in m. Rows at the poles have no length and are left out.
    #[must_use]
    pub fn band(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        let lats = &self.spectra.lats;
        let rows: Vec<usize> = (0..lats.len())
            .filter(|row| (from..=to).contains(&lats[*row].abs()) && self.counts[*row] > 0)
            .filter(|row| lats[*row].abs() < 90.0 - 1e-6)
            .collect();
        let weight = |row: usize| lats[row].to_radians().cos();
        let total: f64 = rows.iter().map(|row| weight(*row)).sum();
        (0..self.spectra.wavenumbers())
            .map(|wavenumber| {
                let mean = |number: &dyn Fn(usize) -> f64| {
                    rows.iter().map(|row| weight(*row) * number(*row)).sum::<f64>() / total
                };
                let at = |row: usize| row * self.spectra.wavenumbers() + wavenumber;
                let energy = mean(&|row| self.sums[at(row)] / self.counts[row] as f64);
                (mean(&|row| self.spectra.wavelength(row, wavenumber)), energy)
            })
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::grid::EARTH_RADIUS;

    #[test]
    fn a_wave_is_found_at_its_number_and_energy_is_kept() {
        for columns in [12, 15, 48] {
            let grid = Grid::regular(8, columns);
            let spectra = Spectra::new(&grid, EARTH_RADIUS).unwrap();
            let wave =
                |column: usize| 3.0 + 2.0 * (TAU * 4.0 * column as f64 / columns as f64).cos();
            let field: Vec<f32> = (0..grid.len()).map(|at| wave(at % columns) as f32).collect();
            let mut sum = SpectrumSum::new(&spectra, Missing::Skip);
            sum.add(&field).unwrap();
            sum.add(&field).unwrap();
            let row = sum.row(2);
            let around = TAU * EARTH_RADIUS * grid.lats[2].to_radians().cos();
            assert!((row[0] / around - 9.0).abs() < 1e-6 && (row[4] / around - 2.0).abs() < 1e-6);
            let others = row.iter().enumerate().filter(|(k, _)| ![0, 4].contains(k));
            assert!(others.map(|(_, energy)| energy / around).sum::<f64>() < 1e-9);
            assert!((spectra.wavelength(2, 4) - around / 4.0).abs() < 1e-6);
            let band = sum.band(0.0, 90.0);
            assert_eq!(band.len(), columns / 2 + 1);
            assert!(band[4].1 > 0.0 && band[0].0.is_infinite());
        }
    }

    #[test]
    fn rows_with_gaps_are_left_out_and_regional_grids_refused() {
        let grid = Grid::regular(4, 8);
        let spectra = Spectra::new(&grid, EARTH_RADIUS).unwrap();
        let mut field = vec![1.0; 32];
        field[9] = f32::NAN;
        let mut sum = SpectrumSum::new(&spectra, Missing::Skip);
        sum.add(&field).unwrap();
        assert!(sum.row(1)[0].is_nan() && sum.row(2)[0] > 0.0);
        let mut whole = sum.clone();
        whole.add(&[1.0; 32]).unwrap();
        whole.merge(&sum);
        assert!((whole.row(1)[0] - whole.row(2)[0]).abs() < 1e-6);
        let mut carried = SpectrumSum::new(&spectra, Missing::Propagate);
        carried.add(&field).unwrap();
        carried.add(&[1.0; 32]).unwrap();
        assert!(carried.row(1)[0].is_nan() && carried.add(&[1.0; 31]).is_err());
        let part = Grid::rectilinear(vec![10.0, 20.0], vec![0.0, 1.0, 2.0]).unwrap();
        assert!(Spectra::new(&part, EARTH_RADIUS).is_err());
    }
}
