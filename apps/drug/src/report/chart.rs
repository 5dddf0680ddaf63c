//! Small histograms of the numeric columns, as inline SVG.

use std::fmt::Write as _;

use crate::screen::{Histogram, Summary};

use super::escape;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 76.0;

pub(super) fn section(page: &mut String, summary: &Summary) {
    // The spread and the ends of intervals are of use in the table, not as pictures.
    let shown = |histogram: &&Histogram| {
        !["_sd", "_lo", "_hi"].iter().any(|end| histogram.column.ends_with(end))
            && histogram.column != "rank"
    };
    let mut histograms: Vec<&Histogram> = summary.histograms.iter().filter(shown).collect();
    if histograms.is_empty() {
        return;
    }
    // What the list is sorted by comes first.
    histograms.sort_by_key(|histogram| histogram.column != "score");
    page.push_str("<section><h2>Distributions</h2><div class=\"charts\">");
    for histogram in histograms {
        one(page, histogram);
    }
    page.push_str("</div></section>");
}

fn one(page: &mut String, histogram: &Histogram) {
    let most = histogram.bins.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = WIDTH / histogram.bins.len() as f64;
    let _ = write!(
        page,
        "<div class=\"chart\"><h3>{}</h3><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Distribution of {}\">",
        escape(&histogram.column),
        escape(&histogram.column)
    );
    for (bin, &count) in histogram.bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        // A bin with a single molecule stays visible.
        let height = (count as f64 / most * (HEIGHT - 2.0)).max(1.0);
        let _ = write!(
            page,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height:.2}\" fill=\"#1f6f8b\"/>",
            bin as f64 * step + 0.5,
            HEIGHT - 1.0 - height,
            step - 1.0
        );
    }
    let _ = write!(
        page,
        "<path d=\"M0 {0}H{WIDTH}\" stroke=\"#9aa7b4\"/></svg><div class=\"ends\"><span>{1}</span><span>{2}</span></div></div>",
        HEIGHT - 0.5,
        short(histogram.low),
        short(histogram.high)
    );
}

/// A number for the end of an axis.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
