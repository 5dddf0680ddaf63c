//! Results as rows: for CSV, JSON and the tables.

use std::fmt::Write as _;

use serde::Serialize;
use strata_earth::climatology::Key;
use strata_earth::metrics::area::Weighting;
use strata_earth::metrics::bootstrap::{Bootstrap, Interval};
use strata_earth::metrics::series::Metric;

use super::{Group, Options, SpectrumPair, Unpaired, Verification};

/// A figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Short name; `wind`, `10wind` for wind vectors.
    pub variable: String,
    /// Level.
    pub level: String,
    /// Hours from the forecast's begin.
    pub lead_hours: f64,
    /// Region.
    pub region: String,
    /// Metric.
    pub metric: Metric,
    /// The figure; none where no time has a number.
    pub value: Option<f64>,
    /// Lower end of its bootstrap interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Unit of the figure.
    pub unit: String,
    /// Forecasts.
    pub times: usize,
    /// Members.
    pub members: usize,
    /// Mean share of the region that was compared.
    pub coverage: f64,
}

/// How much larger a figure is here than in another forecast, over the forecasts that both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DifferenceRow {
    /// Short name.
    pub variable: String,
    /// Level.
    pub level: String,
    /// Hours from the forecast's begin.
    pub lead_hours: f64,
    /// Region.
    pub region: String,
    /// Metric.
    pub metric: Metric,
    /// This forecast's figure less the other's, with the paired interval.
    #[serde(flatten)]
    pub difference: Interval,
    /// Whether the interval leaves out 0, and which forecast is better then.
    pub better: Option<&'static str>,
}

/// A rank histogram.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Short name.
    pub variable: String,
    /// Level.
    pub level: String,
    /// Hours from the forecast's begin.
    pub lead_hours: f64,
    /// Region.
    pub region: String,
    /// Share of the area whose truth has this many members below it.
    pub shares: Vec<f64>,
}

/// Mean zonal spectra between 30 and 60 degrees of latitude.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpectrumRow {
    /// Short name.
    pub variable: String,
    /// Level.
    pub level: String,
    /// Hours from the forecast's begin.
    pub lead_hours: f64,
    /// By wave number, from 1: wavelength in km, energy of the forecast, energy of the truth.
    pub waves: SpectrumPair,
}

/// All results.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Area weights.
    pub weighting: Weighting,
    /// Intervals.
    pub bootstrap: Bootstrap,
    /// Pairs that were compared.
    pub pairs: usize,
    /// Figures.
    pub rows: Vec<Row>,
    /// Differences to another forecast.
    pub differences: Vec<DifferenceRow>,
    /// Rank histograms.
    pub histograms: Vec<Histogram>,
    /// Spectra.
    pub spectra: Vec<SpectrumRow>,
    /// What was not compared.
    pub unpaired: Vec<Unpaired>,
}

pub(super) fn hours(lead: i64) -> f64 {
    lead as f64 / 3600.0
}

fn unit(metric: Metric, unit: &str) -> String {
    match metric {
        Metric::Mse | Metric::DebiasedEnsembleMeanMse => format!("({unit})2"),
        Metric::Acc
        | Metric::AccCentred
        | Metric::Seeps
        | Metric::SpreadSkill
        | Metric::SpreadSkillAdjusted
        | Metric::Brier
        | Metric::DebiasedBrier => "1".to_owned(),
        _ => unit.to_owned(),
    }
}

/// Metrics of a report.
fn asked(options: &Options) -> Vec<Metric> {
    options.metrics.clone().unwrap_or_else(|| Metric::ALL.to_vec())
}

/// Figures of a verification.
pub(super) fn rows(verification: &Verification, options: &Options) -> Vec<Row> {
    use rayon::prelude::*;
    let groups: Vec<_> = verification.groups.iter().collect();
    let of = |(Group { key, lead, region }, measured): &(&Group, &super::Measured)| -> Vec<Row> {
        let row = |metric| {
            let interval = measured.series.interval(metric, &options.bootstrap)?;
            Some(Row {
                variable: key.variable.clone(),
                level: key.level().to_string(),
                lead_hours: hours(*lead),
                region: options.regions[*region].name.clone(),
                metric,
                value: Some(interval.value).filter(|value| !value.is_nan()),
                low: interval.low,
                high: interval.high,
                unit: unit(metric, &measured.unit),
                times: interval.count,
                members: measured.series.members,
                coverage: measured.coverage,
            })
        };
        asked(options).into_iter().filter_map(row).collect()
    };
    groups.par_iter().flat_map_iter(of).collect()
}

/// Differences of two forecasts, metric by metric.
pub(super) fn differences(
    verification: &Verification,
    other: &Verification,
    options: &Options,
) -> Vec<DifferenceRow> {
    let mut rows = Vec::new();
    for (group, measured) in &verification.groups {
        let Some(against) = other.groups.get(group) else { continue };
        for metric in asked(options) {
            let difference =
                measured.series.difference(&against.series, metric, &options.bootstrap);
            let Some(difference) = difference.filter(|difference| !difference.value.is_nan())
            else {
                continue;
            };
            let sign = match (difference.low, difference.high) {
                (Some(low), _) if low > 0.0 => Some(true),
                (_, Some(high)) if high < 0.0 => Some(false),
                _ => None,
            };
            let better = sign.zip(metric.larger_is_better());
            let better =
                better.map(|(above, larger)| if above == larger { "this" } else { "other" });
            let (lead_hours, region) =
                (hours(group.lead), options.regions[group.region].name.clone());
            let (variable, level) = (group.key.variable.clone(), group.key.level().to_string());
            rows.push(DifferenceRow {
                variable,
                level,
                lead_hours,
                region,
                metric,
                difference,
                better,
            });
        }
    }
    rows
}

impl Report {
    /// The report of a verification, and its differences to that of another forecast.
    #[must_use]
    pub fn new(
        verification: &Verification,
        other: Option<&Verification>,
        options: &Options,
    ) -> Self {
        let histogram = |(group, measured): (&Group, &super::Measured)| {
            Some(Histogram {
                variable: group.key.variable.clone(),
                level: group.key.level().to_string(),
                lead_hours: hours(group.lead),
                region: options.regions[group.region].name.clone(),
                shares: measured.ranks.clone()?,
            })
        };
        let spectrum = |((key, lead), waves): (&(Key, i64), &SpectrumPair)| SpectrumRow {
            variable: key.variable.clone(),
            level: key.level().to_string(),
            lead_hours: hours(*lead),
            waves: waves.iter().skip(1).map(|[length, f, o]| [length / 1000.0, *f, *o]).collect(),
        };
        Self {
            weighting: options.weighting,
            bootstrap: options.bootstrap,
            pairs: verification.pairs,
            rows: rows(verification, options),
            differences: other
                .map_or_else(Vec::new, |other| differences(verification, other, options)),
            histograms: verification.groups.iter().filter_map(histogram).collect(),
            spectra: verification.spectra.iter().map(spectrum).collect(),
            unpaired: verification.unpaired.clone(),
        }
    }

    /// Its figures as CSV, one a line.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "variable,level,lead_hours,region,metric,value,low,high,unit,times,members,coverage\n",
        );
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        for row in &self.rows {
            let _ = writeln!(
                text,
                "{},{},{},{},{},{},{},{},{},{},{},{}",
                quoted(&row.variable),
                quoted(&row.level),
                row.lead_hours,
                quoted(&row.region),
                row.metric.name(),
                number(row.value),
                number(row.low),
                number(row.high),
                quoted(&row.unit),
                row.times,
                row.members,
                row.coverage
            );
        }
        text
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
