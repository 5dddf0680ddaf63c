//! Whether geopotentials and temperatures go together: a layer's thickness gives its mean virtual temperature.
//!
//! Measured on an ERA5 state (T31, the 12 layers of Pangu's 13 levels): root mean square differences of 0.2 to 2.0 K, the most
//! below 700 hPa, where the ground cuts through the layers, and means of at most 0.9 K. The limits are about twice that. On
//! that state they and the bounds tell every swap of two neighbouring levels of z or of t, but for t at 925 and 850 hPa.
//! Atmospheres of other planets come from coarse simulations, whose levels are interpolated: they get three times as much.

use super::{Refusal, Report};
use crate::card::{Contract, EARTH};
use crate::derive::formulas::{R_DRY, virtual_temperature};
use crate::grid::Grid;
use crate::level::LevelKind;

/// Most that a layer's two mean temperatures may be apart, in K: root mean square over the area, and in the mean.
fn limits(below: f64, above: f64, moist: bool, earth: bool) -> (f64, f64) {
    // Curved profiles of thick layers are not told by their ends.
    let thick = ((below / above).ln() / 0.35).max(1.0);
    let slack = if earth { 1.0 } else { 3.0 };
    let square = if above >= 650.0 { 4.0 } else { 2.5 };
    // Vapour that is not told makes the layers thicker by up to a kelvin.
    let mean = if moist { 1.5 } else { 2.5 };
    (slack * thick * square, slack * thick.powf(1.5) * mean)
}

pub(super) fn check(contract: &Contract, ports: &[Vec<f32>], grid: &Grid, report: &mut Report) {
    let fields: Vec<_> = contract.fields().collect();
    let at = |variable: &str, hpa: f64| {
        fields
            .iter()
            .find(|place| {
                place.variable == variable && place.level.is_some_and(|l| l.is_pressure(hpa))
            })
            .and_then(|place| ports[place.port].get(place.range.clone()))
    };
    let mut levels: Vec<f64> = fields
        .iter()
        .filter_map(|place| place.level.filter(|level| level.kind == LevelKind::Pressure))
        .map(|level| level.value)
        .filter(|hpa| *hpa > 0.0 && at("z", *hpa).is_some() && at("t", *hpa).is_some())
        .collect();
    levels.sort_by(|a, b| b.total_cmp(a));
    levels.dedup();
    for pair in levels.windows(2) {
        let (below, above) = (pair[0], pair[1]);
        let layers = [below, above].map(|hpa| (at("z", hpa), at("t", hpa), at("q", hpa)));
        let [(Some(z0), Some(t0), q0), (Some(z1), Some(t1), q1)] = layers else { continue };
        let depth = R_DRY * (below / above).ln();
        let warmth = |t: f32, q: Option<&[f32]>, at: usize| match q {
            Some(q) => virtual_temperature(f64::from(t), f64::from(q[at])),
            None => f64::from(t),
        };
        let (mut sum, mut squares, mut weights) = (0.0, 0.0, 0.0);
        for point in 0..grid.len() {
            let weight = grid.at(point).0.to_radians().cos();
            let by_thickness = (f64::from(z1[point]) - f64::from(z0[point])) / depth;
            let mean = f64::midpoint(warmth(t0[point], q0, point), warmth(t1[point], q1, point));
            let apart = by_thickness - mean;
            sum += weight * apart;
            squares += weight * apart * apart;
            weights += weight;
        }
        let (most, most_mean) =
            limits(below, above, q0.is_some() && q1.is_some(), contract.planet == EARTH);
        let checks = [((squares / weights).sqrt(), most), ((sum / weights).abs(), most_mean)];
        let over = checks.into_iter().find(|(apart, limit)| apart.is_nan() || apart > limit);
        if let Some((apart, limit)) = over {
            report.refusals.push(Refusal::Hydrostatic { below, above, apart, limit });
        }
    }
}
