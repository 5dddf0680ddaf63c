//! SEEPS, the stable equitable error in probability space, of precipitation (Rodwell et al., 2010, doi:10.1002/qj.656), with
//! WeatherBench 2's settings. A point's day is dry, light or heavy by the point's own climate; confusing categories that are rare
//! costs more. 0 is perfect, 1 no skill.

use super::area::Area;
use super::{MetricError, fits};

/// What is dry, and where there is a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeepsRules {
    /// Below it is dry, in the field's unit. WeatherBench 2: 0.25 mm in 24 h, 0.1 mm in 6 h; ERA5's unit is m.
    pub dry_below: f32,
    /// Points whose share of dry days is not above this have no score.
    pub min_dry: f32,
    /// Points whose share of dry days is not below this have no score.
    pub max_dry: f32,
}

impl Default for SeepsRules {
    fn default() -> Self {
        Self { dry_below: 0.25e-3, min_dry: 0.1, max_dry: 0.85 }
    }
}

/// A point's climate: how often it is dry, and from where on the wettest third of its wet days lies.
#[derive(Debug, Clone, PartialEq)]
pub struct SeepsClimate {
    /// Share of dry days, the average over the year.
    pub dry_share: Vec<f32>,
    /// Least heavy precipitation, at the time of the year.
    pub heavy_from: Vec<f32>,
}

impl SeepsClimate {
    /// The climate of a set of fields: the share of dry ones, and the quantile 2/3 of the wet ones, interpolated linearly. A point
    /// that was never wet has no score.
    ///
    /// # Errors
    /// [`MetricError::Size`] where fields differ in size.
    pub fn of(fields: &[&[f32]], rules: &SeepsRules) -> Result<Self, MetricError> {
        let points = fields.first().map_or(0, |field| field.len());
        fields.iter().try_for_each(|field| fits("a field", field.len(), points))?;
        let (mut dry_share, mut heavy_from) =
            (Vec::with_capacity(points), Vec::with_capacity(points));
        let mut wet = Vec::with_capacity(fields.len());
        for at in 0..points {
            wet.clear();
            let there = fields.iter().map(|field| field[at]).filter(|value| !value.is_nan());
            let mut days = 0;
            for value in there {
                days += 1;
                if value >= rules.dry_below {
                    wet.push(value);
                }
            }
            wet.sort_unstable_by(f32::total_cmp);
            dry_share.push((days - wet.len()) as f32 / days as f32);
            heavy_from.push(match wet.len() {
                0 => f32::NAN,
                count => {
                    let place = 2.0 / 3.0 * (count - 1) as f64;
                    let below = place.floor() as usize;
                    let (low, high) = (wet[below], wet[(below + 1).min(count - 1)]);
                    low + (high - low) * (place - below as f64) as f32
                }
            });
        }
        Ok(Self { dry_share, heavy_from })
    }
}

/// Dry, light, heavy.
fn category(value: f32, heavy_from: f32, rules: &SeepsRules) -> usize {
    usize::from(value >= rules.dry_below)
        + usize::from(value >= rules.dry_below && value >= heavy_from)
}

/// The cost of a forecast category (row) where another came (column), for a share of dry days.
fn cost(dry: f64) -> [[f64; 3]; 3] {
    [
        [0.0, 0.5 / (1.0 - dry), 2.0 / (1.0 - dry)],
        [0.5 / dry, 0.0, 1.5 / (1.0 - dry)],
        [0.5 / dry + 1.5 / (2.0 + dry), 1.5 / (2.0 + dry), 0.0],
    ]
}

/// Mean SEEPS of one time over an area. Points outside the climate's bounds and missing ones do not count, whatever is asked for
/// other metrics: there are always points outside the bounds.
///
/// # Errors
/// [`MetricError::Size`] where a field is not of the area's grid.
pub fn seeps(
    area: &Area,
    (forecast, truth): (&[f32], &[f32]),
    climate: &SeepsClimate,
    rules: &SeepsRules,
) -> Result<f64, MetricError> {
    let sizes = [forecast.len(), truth.len(), climate.dry_share.len(), climate.heavy_from.len()];
    sizes.into_iter().try_for_each(|size| fits("a field", size, area.points))?;
    let (mut sum, mut weight) = (0.0, 0.0);
    for run in &area.runs {
        for at in run.points.clone() {
            let (dry, heavy) = (climate.dry_share[at], climate.heavy_from[at]);
            let scored = dry > rules.min_dry && dry < rules.max_dry && !heavy.is_nan();
            if !scored {
                continue;
            }
            let (f, o) = (forecast[at], truth[at]);
            if f.is_nan() || o.is_nan() {
                continue;
            }
            let row = category(f, heavy, rules);
            sum += run.weight * cost(f64::from(dry))[row][category(o, heavy, rules)];
            weight += run.weight;
        }
    }
    Ok(sum / weight)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::area::Weighting;
    use super::super::region::Region;
    use super::*;
    use crate::grid::Grid;

    #[test]
    fn a_constant_forecast_has_no_skill_and_a_perfect_one_no_error() {
        let area =
            Area::new(&Grid::regular(3, 4), &Region::global(), Weighting::default()).unwrap();
        let rules = SeepsRules::default();
        // Half dry; of the wet, two light and one heavy.
        let days: Vec<Vec<f32>> =
            [0.0, 0.0, 0.0, 1e-3, 2e-3, 9e-3].iter().map(|mm| vec![*mm; 12]).collect();
        let fields: Vec<&[f32]> = days.iter().map(Vec::as_slice).collect();
        let climate = SeepsClimate::of(&fields, &rules).unwrap();
        assert_eq!(climate.dry_share[0], 0.5);
        assert!((climate.heavy_from[0] - (2e-3 + 7e-3 / 3.0)).abs() < 1e-8);
        let mean = |forecast: &dyn Fn(usize) -> &'static [f32]| {
            let of = |at: usize| {
                let pair = (forecast(at), fields[at]);
                seeps(&area, pair, &climate, &rules).unwrap()
            };
            (0..6).map(of).sum::<f64>() / 6.0
        };
        static DRY: [f32; 12] = [0.0; 12];
        static LIGHT: [f32; 12] = [1e-3; 12];
        static HEAVY: [f32; 12] = [9e-3; 12];
        for constant in [&DRY, &LIGHT, &HEAVY] {
            assert!((mean(&|_| constant) - 1.0).abs() < 1e-7);
        }
        assert_eq!(seeps(&area, (fields[4], fields[4]), &climate, &rules), Ok(0.0));
    }

    #[test]
    fn deserts_and_gaps_do_not_count() {
        let area =
            Area::new(&Grid::regular(3, 4), &Region::global(), Weighting::default()).unwrap();
        let rules = SeepsRules::default();
        let mut climate = SeepsClimate { dry_share: vec![0.9; 12], heavy_from: vec![5e-3; 12] };
        let (none, heavy) = ([0.0; 12], [9e-3; 12]);
        assert!(seeps(&area, (&none, &heavy), &climate, &rules).unwrap().is_nan());
        climate.dry_share[5] = 0.5;
        let one = seeps(&area, (&none, &heavy), &climate, &rules).unwrap();
        assert!((one - 4.0).abs() < 1e-12);
        let mut gap = heavy;
        gap[0] = f32::NAN;
        assert_eq!(seeps(&area, (&none, &gap), &climate, &rules), Ok(one));
        gap[5] = f32::NAN;
        assert!(seeps(&area, (&none, &gap), &climate, &rules).unwrap().is_nan());
        assert!(seeps(&area, (&none, &gap[1..]), &climate, &rules).is_err());
    }
}
