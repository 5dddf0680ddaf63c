//! Scores of one forecast field against the truth: bias, absolute and squared error, anomaly correlation, activity, wind vectors.

use super::area::Area;
use super::wide::wide;
use super::{MetricError, Missing, fits};

/// The fields that are compared, on one grid.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The forecast.
    pub forecast: &'a [f32],
    /// What happened.
    pub truth: &'a [f32],
    /// What is usual at that time, for scores of anomalies.
    pub climatology: Option<&'a [f32]>,
}

/// Scores of one time; NaN where there is no number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// ⟨f − o⟩.
    pub bias: f64,
    /// ⟨|f − o|⟩.
    pub mae: f64,
    /// ⟨(f − o)²⟩.
    pub mse: f64,
    /// Share of the area that both fields have.
    pub coverage: f64,
    /// Scores of anomalies, where a climatology was given.
    pub anomaly: Option<AnomalyScores>,
}

/// Scores of the anomalies f′ = f − c and o′ = o − c of one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnomalyScores {
    /// Anomaly correlation, uncentred: ⟨f′o′⟩ / √(⟨f′²⟩⟨o′²⟩), as WeatherBench 2 has it.
    pub acc: f64,
    /// Anomaly correlation, centred: the anomalies' means over the region are taken off first.
    pub acc_centred: f64,
    /// Variance over the region of the forecast's anomaly; its root is the forecast's activity.
    pub forecast_variance: f64,
    /// Likewise of the truth.
    pub truth_variance: f64,
}

/// Numbers that are worked on at once.
const LANES: usize = 16;

/// Points that are worked on in one go: what lies between two loops stays in the nearest cache.
const BLOCK: usize = 8 * LANES;

/// Numbers of a block, filled up with zeros.
type Block = [f64; BLOCK];

/// A sum in lanes. One simple loop for each sum is what compilers turn into vector instructions; several sums in one loop are not.
#[derive(Clone, Copy)]
struct Lanes([f64; LANES]);

impl Lanes {
    const ZERO: Self = Self([0.0; LANES]);

    #[inline(always)]
    fn add(&mut self, block: &Block, number: impl Fn(f64) -> f64) {
        let mut sum = self.0;
        for chunk in block.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                sum[lane] += number(chunk[lane]);
            }
        }
        self.0 = sum;
    }

    #[inline(always)]
    fn add_products(&mut self, a: &Block, b: &Block) {
        let mut sum = self.0;
        for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sum[lane] += a[lane] * b[lane];
            }
        }
        self.0 = sum;
    }

    fn sum(self) -> f64 {
        self.0.iter().sum()
    }
}

/// The differences of two runs in 32 bits, as numbers of 64.
#[inline(always)]
fn minus(a: &[f32], b: &[f32], block: &mut Block) {
    for ((to, a), b) in block.iter_mut().zip(a).zip(b) {
        *to = f64::from(a - b);
    }
}

wide! {
    /// Differences of two runs: count, sum, absolute sum, squared sum. A missing difference counts as nothing where `SKIP`.
    fn differences<const SKIP: bool>(forecast: &[f32], truth: &[f32]) -> [f64; 4] {
        let mut count = 0;
        let [mut sum, mut absolute, mut squares] = [Lanes::ZERO; 3];
        for (f, o) in forecast.chunks(BLOCK).zip(truth.chunks(BLOCK)) {
            let mut d = [0.0; BLOCK];
            minus(f, o, &mut d);
            count += f.len();
            if SKIP {
                for d in &mut d {
                    count -= usize::from(d.is_nan());
                    *d = if d.is_nan() { 0.0 } else { *d };
                }
            }
            sum.add(&d, |d| d);
            absolute.add(&d, f64::abs);
            squares.add_products(&d, &d);
        }
        [count as f64, sum.sum(), absolute.sum(), squares.sum()]
    }

    /// Anomalies of two runs: count, Σf′, Σo′, Σf′², Σo′², Σf′o′.
    fn anomalies<const SKIP: bool>(forecast: &[f32], truth: &[f32], usual: &[f32]) -> [f64; 6] {
        let mut count = 0;
        let [mut fs, mut os, mut ffs, mut oos, mut fos] = [Lanes::ZERO; 5];
        let runs = forecast.chunks(BLOCK).zip(truth.chunks(BLOCK)).zip(usual.chunks(BLOCK));
        for ((forecast, truth), usual) in runs {
            let (mut f, mut o) = ([0.0; BLOCK], [0.0; BLOCK]);
            minus(forecast, usual, &mut f);
            minus(truth, usual, &mut o);
            count += forecast.len();
            if SKIP {
                for (f, o) in f.iter_mut().zip(&mut o) {
                    let there = !(*f + *o).is_nan();
                    count -= usize::from(!there);
                    (*f, *o) = if there { (*f, *o) } else { (0.0, 0.0) };
                }
            }
            fs.add(&f, |f| f);
            os.add(&o, |o| o);
            ffs.add_products(&f, &f);
            oos.add_products(&o, &o);
            fos.add_products(&f, &o);
        }
        [count as f64, fs.sum(), os.sum(), ffs.sum(), oos.sum(), fos.sum()]
    }
}

/// Adds up the sums of an area's runs, each times its weight.
fn over_area<const N: usize>(
    area: &Area,
    run: impl Fn(std::ops::Range<usize>) -> [f64; N],
) -> [f64; N] {
    let mut total = [0.0; N];
    for part in &area.runs {
        let sums = run(part.points.clone());
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += part.weight * sum;
        }
    }
    total
}

/// Scores of one time over an area.
///
/// # Errors
/// [`MetricError::Size`] where a field is not of the area's grid.
pub fn scores(area: &Area, pair: &Pair<'_>, missing: Missing) -> Result<Scores, MetricError> {
    let Pair { forecast, truth, climatology } = *pair;
    fits("the forecast", forecast.len(), area.points)?;
    fits("the truth", truth.len(), area.points)?;
    let [weight, bias, mae, mse] = over_area(area, |at| match missing {
        Missing::Skip => differences::<true>(&forecast[at.clone()], &truth[at]),
        Missing::Propagate => differences::<false>(&forecast[at.clone()], &truth[at]),
    });
    let anomaly = match climatology {
        None => None,
        Some(usual) => {
            fits("the climatology", usual.len(), area.points)?;
            Some(correlation(over_area(area, |at| {
                let (f, o, c) = (&forecast[at.clone()], &truth[at.clone()], &usual[at]);
                match missing {
                    Missing::Skip => anomalies::<true>(f, o, c),
                    Missing::Propagate => anomalies::<false>(f, o, c),
                }
            })))
        }
    };
    // Nothing over nothing is NaN: no number.
    Ok(Scores {
        bias: bias / weight,
        mae: mae / weight,
        mse: mse / weight,
        coverage: weight / area.total,
        anomaly,
    })
}

fn correlation([weight, f, o, ff, oo, fo]: [f64; 6]) -> AnomalyScores {
    let (f, o, ff, oo, fo) = (f / weight, o / weight, ff / weight, oo / weight, fo / weight);
    // A variance of rounding errors is none.
    let variance = |square: f64, mean: f64| {
        let variance = square - mean * mean;
        if variance < square * 1e-14 { 0.0 } else { variance }
    };
    let (forecast_variance, truth_variance) = (variance(ff, f), variance(oo, o));
    AnomalyScores {
        acc: fo / (ff * oo).sqrt(),
        acc_centred: (fo - f * o) / (forecast_variance * truth_variance).sqrt(),
        forecast_variance,
        truth_variance,
    }
}

/// Mean square length of the error of a wind vector over an area: ⟨(u_f − u_o)² + (v_f − v_o)²⟩.
///
/// # Errors
/// [`MetricError::Size`] where a field is not of the area's grid.
pub fn wind_mse(
    area: &Area,
    eastward: &Pair<'_>,
    northward: &Pair<'_>,
    missing: Missing,
) -> Result<f64, MetricError> {
    for field in [eastward.forecast, eastward.truth, northward.forecast, northward.truth] {
        fits("a wind component", field.len(), area.points)?;
    }
    let [weight, sum] = over_area(area, |at| {
        let component = |pair: &Pair<'_>, at: usize| pair.forecast[at] - pair.truth[at];
        let mut sums = [0.0; 2];
        for at in at {
            let (u, v) = (component(eastward, at), component(northward, at));
            if missing == Missing::Propagate || !(u + v).is_nan() {
                sums[0] += 1.0;
                sums[1] += f64::from(u).powi(2) + f64::from(v).powi(2);
            }
        }
        sums
    });
    Ok(sum / weight)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::area::Weighting;
    use super::super::region::Region;
    use super::*;
    use crate::grid::Grid;

    fn area(grid: &Grid) -> Area {
        Area::new(grid, &Region::global(), Weighting::default()).unwrap()
    }

    fn scored(area: &Area, f: &[f32], o: &[f32], c: Option<&[f32]>, missing: Missing) -> Scores {
        scores(area, &Pair { forecast: f, truth: o, climatology: c }, missing).unwrap()
    }

    #[test]
    fn a_constant_error_is_told_whatever_the_weights() {
        let area = area(&Grid::regular(19, 36));
        let truth = vec![280.0; 19 * 36];
        let forecast = vec![278.5; 19 * 36];
        let scores = scored(&area, &forecast, &truth, None, Missing::Skip);
        assert!((scores.bias + 1.5).abs() < 1e-12 && (scores.mae - 1.5).abs() < 1e-12);
        assert!((scores.mse - 2.25).abs() < 1e-12 && scores.coverage == 1.0);
        assert!(scores.anomaly.is_none());
    }

    #[test]
    fn missing_points_are_left_out_or_carry_through() {
        let area = area(&Grid::regular(3, 4));
        let truth = [1.0_f32; 12];
        let mut forecast = [2.0_f32; 12];
        forecast[5] = f32::NAN;
        let skipped = scored(&area, &forecast, &truth, Some(&[0.5; 12]), Missing::Skip);
        assert!((skipped.mse - 1.0).abs() < 1e-12 && skipped.coverage < 1.0);
        assert!((skipped.anomaly.unwrap().acc - 1.0).abs() < 1e-12);
        let carried = scored(&area, &forecast, &truth, Some(&[0.5; 12]), Missing::Propagate);
        assert!(carried.mse.is_nan() && carried.anomaly.unwrap().acc.is_nan());
        let nothing = scored(&area, &[f32::NAN; 12], &truth, None, Missing::Skip);
        assert!(nothing.mse.is_nan() && nothing.coverage == 0.0);
    }

    #[test]
    fn correlation_is_of_the_sign_of_the_anomaly() {
        let area = area(&Grid::regular(3, 4));
        let usual: Vec<f32> = (0..12).map(|at| at as f32).collect();
        let plus: Vec<f32> =
            usual.iter().enumerate().map(|(at, c)| c + (at % 3) as f32 - 1.0).collect();
        let minus: Vec<f32> = usual.iter().zip(&plus).map(|(c, p)| 2.0 * c - p).collect();
        let up = scored(&area, &plus, &plus, Some(&usual), Missing::Skip).anomaly.unwrap();
        assert!((up.acc - 1.0).abs() < 1e-12 && (up.acc_centred - 1.0).abs() < 1e-12);
        assert!((up.forecast_variance - up.truth_variance).abs() < 1e-15);
        let down = scored(&area, &minus, &plus, Some(&usual), Missing::Skip).anomaly.unwrap();
        assert!((down.acc + 1.0).abs() < 1e-12 && (down.acc_centred + 1.0).abs() < 1e-12);
        // A shift of both alone: fully correlated uncentred, no number centred.
        let shifted: Vec<f32> = usual.iter().map(|c| c + 1.0).collect();
        let flat = scored(&area, &shifted, &shifted, Some(&usual), Missing::Skip).anomaly.unwrap();
        assert!((flat.acc - 1.0).abs() < 1e-12 && flat.acc_centred.is_nan());
    }

    #[test]
    fn wind_errors_add_as_vectors_and_sizes_are_checked() {
        let area = area(&Grid::regular(3, 4));
        let (zero, three, four) = ([0.0; 12], [3.0; 12], [4.0; 12]);
        let pair = |forecast| Pair { forecast, truth: &zero, climatology: None };
        let mse = wind_mse(&area, &pair(&three), &pair(&four), Missing::Skip).unwrap();
        assert!((mse - 25.0).abs() < 1e-12);
        assert!(wind_mse(&area, &pair(&three[1..]), &pair(&four), Missing::Skip).is_err());
        assert!(scores(&area, &pair(&three[1..]), Missing::Skip).is_err());
    }
}
