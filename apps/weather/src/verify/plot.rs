//! Plots of a report as SVG: each metric against lead time with its interval, spectra, rank histograms.

use strata_earth::metrics::series::Metric;
use strata_earth::plot::chart::{Chart, Mark, Series};
use strata_earth::plot::{Font, PlotError, svg};

use super::{Report, Row};

/// A plot's size, in pixels.
const SIZE: (u32, u32) = (760, 460);

/// A file's name and text.
pub type Plot = (String, String);

fn named(parts: &[&str]) -> String {
    let text = parts.join("-");
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    text.chars().map(plain).collect::<String>() + ".svg"
}

/// All plots of a report.
///
/// # Errors
/// [`PlotError`] of the built-in font, in a broken build.
pub fn plots(report: &Report) -> Result<Vec<Plot>, PlotError> {
    let font = Font::builtin()?;
    let charts = metrics(report).into_iter().chain(spectra(report)).chain(histograms(report));
    charts
        .filter_map(|(name, chart)| Some((name, chart.scene(&font, SIZE)?)))
        .map(|(name, scene)| Ok((name, svg(&scene, &font)?)))
        .collect()
}

fn metrics(report: &Report) -> Vec<(String, Chart)> {
    let mut heads: Vec<(&str, &str, Metric)> = Vec::new();
    for row in &report.rows {
        let head = (row.variable.as_str(), row.level.as_str(), row.metric);
        if !heads.contains(&head) {
            heads.push(head);
        }
    }
    let chart = |(variable, level, metric): (&str, &str, Metric)| {
        let rows: Vec<&Row> = report
            .rows
            .iter()
            .filter(|row| {
                (row.variable.as_str(), row.level.as_str(), row.metric) == (variable, level, metric)
            })
            .collect();
        let unit = rows.first().map_or("", |row| row.unit.as_str());
        let chart = Chart {
            title: format!("{variable} {level}: {}", metric.name()),
            labels: ("lead time (h)".to_owned(), format!("{} ({unit})", metric.name())),
            series: by_region(&rows),
            ..Chart::default()
        };
        (named(&[variable, level, metric.name()]), chart)
    };
    heads.into_iter().map(chart).collect()
}

fn spectra(report: &Report) -> Vec<(String, Chart)> {
    let chart = |spectrum: &super::report::SpectrumRow| {
        let line = |label: &str, at: usize| Series {
            label: label.to_owned(),
            points: spectrum.waves.iter().map(|wave| (wave[0], wave[at])).collect(),
            mark: if at == 1 { Mark::Line } else { Mark::Dashed },
            ..Series::default()
        };
        let lead = format!("{}h", spectrum.lead_hours);
        let chart = Chart {
            title: format!("{} {}, {lead}, 30 to 60 degrees", spectrum.variable, spectrum.level),
            labels: ("wavelength (km)".to_owned(), "energy (unit squared, m)".to_owned()),
            series: vec![line("forecast", 1), line("truth", 2)],
            logarithmic: true,
            reversed: true,
            ..Chart::default()
        };
        (named(&[&spectrum.variable, &spectrum.level, "spectrum", &lead]), chart)
    };
    report.spectra.iter().map(chart).collect()
}

fn histograms(report: &Report) -> Vec<(String, Chart)> {
    let chart = |histogram: &super::report::Histogram| {
        let lead = format!("{}h", histogram.lead_hours);
        let parts = [&histogram.variable, &histogram.level, "ranks", &histogram.region, &lead];
        let points = histogram.shares.iter().enumerate().map(|(at, share)| (at as f64, *share));
        let chart = Chart {
            title: parts.join(" "),
            labels: ("members below the truth".to_owned(), "share of the area".to_owned()),
            series: vec![Series {
                points: points.collect(),
                mark: Mark::Bars,
                ..Series::default()
            }],
            // What every rank has of a reliable ensemble.
            level: Some(1.0 / histogram.shares.len().max(1) as f64),
            ..Chart::default()
        };
        (named(&parts), chart)
    };
    report.histograms.iter().map(chart).collect()
}

fn by_region(rows: &[&Row]) -> Vec<Series> {
    let mut found: Vec<Series> = Vec::new();
    for row in rows {
        let Some(value) = row.value else { continue };
        let at = found.iter().position(|line| line.label == row.region).unwrap_or_else(|| {
            found.push(Series { label: row.region.clone(), ..Series::default() });
            found.len() - 1
        });
        found[at].points.push((row.lead_hours, value));
        if let (Some(low), Some(high)) = (row.low, row.high) {
            found[at].band.push((row.lead_hours, low, high));
        }
    }
    found
}
