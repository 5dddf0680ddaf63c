//! Evaluation over many initial times: the forecasts and the baselines that cost nothing, over the same times, with the differences,
//! the lead time at which anomaly correlation is lost, and published figures beside them.

use serde::Serialize;
use strata_earth::card::EARTH;
use strata_earth::climatology::Climatology;
use strata_earth::metrics::bootstrap::Interval;
use strata_earth::metrics::series::{Component, Metric};

use super::fields::Supply;
use super::measure::measure;
use super::pairing::Pairing;
use super::report::{differences, hours, rows};
use super::scoreboard::{Standing, standings};
use super::{DifferenceRow, Group, Inputs, Options, Row, Unpaired, Verification};

/// Forecasts that cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// It stays as it is when the forecast begins.
    Persistence,
    /// What is usual at that time of the year and of the day.
    Climatology,
    /// The mean of all times of the climatology's record.
    TimeMean,
}

/// Anomaly correlation that a useful forecast has.
pub const USEFUL: f64 = 0.6;

/// A forecast system's results.
#[derive(Debug, Clone, Serialize)]
pub struct System {
    /// `forecast`, or the baseline.
    pub name: String,
    /// Figures.
    pub rows: Vec<Row>,
    /// Lead times of useful forecasts.
    pub horizons: Vec<Horizon>,
}

/// The lead time at which the mean anomaly correlation falls below [`USEFUL`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Horizon {
    /// Short name.
    pub variable: String,
    /// Level.
    pub level: String,
    /// Region.
    pub region: String,
    /// Hours, interpolated between lead times; the last lead time where it never falls.
    #[serde(flatten)]
    pub hours: Interval,
    /// Whether the correlation is still above at the last lead time: the horizon is longer than that.
    pub beyond: bool,
}

/// Differences of the forecast to a baseline.
#[derive(Debug, Clone, Serialize)]
pub struct Against {
    /// The baseline.
    pub baseline: Baseline,
    /// Forecast less baseline.
    pub differences: Vec<DifferenceRow>,
}

/// All results.
#[derive(Debug, Clone, Serialize)]
pub struct EvalReport {
    /// Forecast systems: the forecasts, where there are any, then the baselines.
    pub systems: Vec<System>,
    /// The forecasts against the baselines, over the times that both have.
    pub against: Vec<Against>,
    /// Published figures beside the forecasts'.
    pub scoreboard: Vec<Standing>,
    /// What must be known to compare them, or why there are none.
    pub scoreboard_note: String,
    /// What was not compared.
    pub unpaired: Vec<Unpaired>,
}

/// Says what published figures are not.
const NOTE: &str = "published figures are global RMSE against ERA5 at the resolution and of the years that their source says; yours \
                    are of the truth, grid and times that were given";

/// Evaluates forecasts and baselines. Without forecasts each time of the truth begins one of each of `leads` (seconds).
///
/// # Errors
/// Where nothing could be compared.
pub fn evaluate(
    inputs: &Inputs<'_>,
    options: &Options,
    time_mean: Option<&Climatology>,
    leads: &[i64],
) -> anyhow::Result<EvalReport> {
    let planet = inputs.planet()?;
    let alone = inputs.forecasts.is_empty();
    let pairing = if alone { Pairing::of_truth(inputs, leads)? } else { Pairing::new(inputs)? };
    let supplies: Vec<(Option<Baseline>, Supply<'_>)> = [
        (None, (!alone).then_some(Supply::Files)),
        (Some(Baseline::Persistence), Some(Supply::Persistence)),
        (Some(Baseline::Climatology), inputs.climatology.map(Supply::Usual)),
        (Some(Baseline::TimeMean), time_mean.map(Supply::Usual)),
    ]
    .into_iter()
    .filter_map(|(baseline, supply)| Some((baseline, supply?)))
    .collect();
    let mut measured: Vec<(Option<Baseline>, Verification)> = Vec::new();
    let parts = supplies.len();
    for (part, (baseline, supply)) in supplies.into_iter().enumerate() {
        // Each system is a part of the whole.
        let counted = |done: usize, total: usize| {
            if let Some(progress) = inputs.progress {
                progress(part * total + done, parts * total);
            }
        };
        let inputs = Inputs { progress: Some(&counted), ..*inputs };
        measured.push((baseline, measure(&inputs, options, &pairing, &supply)?));
    }
    let pairs: usize = measured.iter().map(|(_, verification)| verification.pairs).sum();
    anyhow::ensure!(pairs > 0, "nothing could be compared: the truth has no pair of such times");
    Ok(report(&measured, options, &planet))
}

fn report(
    measured: &[(Option<Baseline>, Verification)],
    options: &Options,
    planet: &str,
) -> EvalReport {
    let name = |baseline: &Option<Baseline>| match baseline {
        None => "forecast",
        Some(Baseline::Persistence) => "persistence",
        Some(Baseline::Climatology) => "climatology",
        Some(Baseline::TimeMean) => "time_mean",
    };
    let mut systems = Vec::new();
    let mut unpaired: Vec<Unpaired> = Vec::new();
    for (baseline, verification) in measured {
        systems.push(System {
            name: name(baseline).to_owned(),
            rows: rows(verification, options),
            // A climatology has no anomaly of its own to correlate.
            horizons: match baseline {
                None | Some(Baseline::Persistence) => horizons(verification, options),
                _ => Vec::new(),
            },
        });
        for gap in &verification.unpaired {
            let system = name(baseline);
            let named = Unpaired { why: format!("{system}: {}", gap.why), ..gap.clone() };
            if !unpaired.contains(&named) {
                unpaired.push(named);
            }
        }
    }
    let forecast = measured.iter().find(|(baseline, _)| baseline.is_none());
    let against = measured
        .iter()
        .filter_map(|(baseline, other)| {
            let (_, forecast) = forecast?;
            let differences = differences(forecast, other, options);
            Some(Against { baseline: (*baseline)?, differences })
        })
        .collect();
    let scoreboard = match (forecast, systems.first()) {
        (Some(_), Some(system)) if planet == EARTH => standings(&system.rows),
        _ => Vec::new(),
    };
    let scoreboard_note = match planet {
        EARTH => NOTE.to_owned(),
        planet => format!(
            "these are fields of another planet ({planet}): published figures are of the Earth's weather and cannot stand beside them"
        ),
    };
    EvalReport { systems, against, scoreboard, scoreboard_note, unpaired }
}

fn horizons(verification: &Verification, options: &Options) -> Vec<Horizon> {
    let mut heads: Vec<(&strata_earth::climatology::Key, usize)> =
        verification.groups.keys().map(|group| (&group.key, group.region)).collect();
    heads.sort();
    heads.dedup();
    heads
        .into_iter()
        .filter_map(|(key, region)| {
            let groups: Vec<_> = verification
                .groups
                .iter()
                .filter(|(group, measured)| {
                    group.key == *key
                        && group.region == region
                        && group.lead > 0
                        && measured.series.has(Metric::Acc)
                })
                .collect();
            let (hours, beyond) = horizon(&groups, options)?;
            let (variable, level) = (key.variable.clone(), key.level().to_string());
            Some(Horizon {
                variable,
                level,
                region: options.regions[region].name.clone(),
                hours,
                beyond,
            })
        })
        .collect()
}

/// The horizon over the forecasts that have all lead times: all leads of one forecast are drawn together.
fn horizon(groups: &[(&Group, &super::Measured)], options: &Options) -> Option<(Interval, bool)> {
    let (_, first) = groups.first()?;
    let common: Vec<_> = first
        .series
        .times()
        .iter()
        .filter(|time| groups.iter().all(|(_, m)| m.series.times().binary_search(time).is_ok()))
        .collect();
    let leads: Vec<f64> = groups.iter().map(|(group, _)| hours(group.lead)).collect();
    let table: Vec<Vec<f64>> = groups
        .iter()
        .map(|(_, m)| {
            common.iter().filter_map(|time| m.series.at(**time, Component::Acc)).collect()
        })
        .collect();
    if common.is_empty() {
        return None;
    }
    let curve = |drawn: &[usize]| -> Vec<f64> {
        let mean = |row: &Vec<f64>| {
            let held = || drawn.iter().filter_map(|at| row.get(*at)).filter(|acc| !acc.is_nan());
            held().sum::<f64>() / held().count() as f64
        };
        table.iter().map(mean).collect()
    };
    let interval =
        options.bootstrap.interval(common.len(), |drawn| crossing(&leads, &curve(drawn)).0);
    let all: Vec<usize> = (0..common.len()).collect();
    Some((interval, crossing(&leads, &curve(&all)).1))
}

/// Where a curve falls below [`USEFUL`] first, from 1 at the beginning; and whether it never does.
fn crossing(leads: &[f64], curve: &[f64]) -> (f64, bool) {
    let (mut before, mut above) = (0.0, 1.0);
    for (lead, acc) in leads.iter().zip(curve) {
        if acc.is_nan() {
            return (f64::NAN, false);
        }
        if *acc < USEFUL {
            return (before + (lead - before) * (above - USEFUL) / (above - acc), false);
        }
        (before, above) = (*lead, *acc);
    }
    (before, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_is_interpolated() {
        let leads = [24.0, 48.0, 72.0];
        assert_eq!(crossing(&leads, &[0.9, 0.7, 0.5]), (60.0, false));
        assert_eq!(crossing(&leads, &[0.5, 0.7, 0.5]).0, 24.0 * 0.4 / 0.5);
        assert_eq!(crossing(&leads, &[0.9, 0.8, 0.7]), (72.0, true));
        assert!(crossing(&leads, &[0.9, f64::NAN, 0.5]).0.is_nan());
    }
}
