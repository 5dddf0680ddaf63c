//! The HTML report of a screening: one file, no scripts, nothing from the network, legible on paper.

mod chart;
mod hits;
mod optimized;
mod pareto;
mod structure;

pub use optimized::optimized;

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use strata_core::calendar::civil_from_days;

use crate::scenario::{Loaded, MissingPolicy, ScoreMethod, Scorer};
use crate::screen::{Provenance, Summary};

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The scenario, as loaded.
    pub scenario: &'a Loaded,
    /// The scenario, bound to the run's columns.
    pub scorer: &'a Scorer,
    /// The run's counts, hits and distributions.
    pub summary: &'a Summary,
    /// Where the result comes from.
    pub provenance: &'a Provenance,
}

/// The report as one HTML page.
#[must_use]
pub fn html(report: &Report<'_>) -> String {
    let mut page = String::with_capacity(1 << 16);
    let title = escape(&report.scenario.scenario.title);
    let input = escape(&report.provenance.input.name);
    page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    let _ = write!(
        page,
        "<title>{title}: {input}</title><style>{}</style></head>",
        include_str!("style.css")
    );
    let date = date(SystemTime::now());
    let _ = write!(
        page,
        "<body><header><p class=\"kicker\">Screening report</p><h1>{title}</h1>\
         <p class=\"sub\"><b>{input}</b> · {date} · strata-drug {}</p></header><main>",
        escape(&report.provenance.strata),
    );
    overview(&mut page, report);
    hits::section(&mut page, report);
    chart::section(&mut page, report.summary);
    scoring(&mut page, report);
    origins(&mut page, report);
    page.push_str("</main></body></html>\n");
    page
}

fn overview(page: &mut String, report: &Report<'_>) {
    let summary = report.summary;
    page.push_str("<section class=\"tiles\">");
    let mut tile = |value: String, label: &str| {
        let _ = write!(page, "<div class=\"tile\"><b>{value}</b><span>{label}</span></div>");
    };
    tile(thousands(summary.rows), "rows");
    tile(thousands(summary.good()), "molecules scored");
    tile(thousands(summary.rows - summary.good()), "rows with an error");
    tile(thousands(summary.flagged), "past a cut-off");
    tile(thousands(summary.alerted), "with an alert");
    page.push_str("</section>");
    if !summary.failed.is_empty() {
        page.push_str("<p class=\"note\">Errors by code: ");
        let codes = summary.failed.iter();
        let codes: Vec<String> = codes
            .map(|(code, count)| format!("<code>{}</code> {}", escape(code), thousands(*count)))
            .collect();
        let _ = write!(
            page,
            "{}. Each such row is in the result, with its reason.</p>",
            codes.join(", ")
        );
    }
}

fn scoring(page: &mut String, report: &Report<'_>) {
    let scenario = &report.scenario.scenario;
    page.push_str("<section><h2>How the score is made</h2>");
    for line in scenario.description.trim().split("\n\n") {
        let _ = write!(page, "<p>{}</p>", escape(line));
    }
    page.push_str(
        "<table><thead><tr><th>Property</th><th>Wanted</th><th class=\"n\">Weight</th><th>Why</th></tr></thead><tbody>",
    );
    for part in report.scorer.parts(&[]) {
        let left_out = report.summary.left_out.iter().any(|name| name == part.property);
        let why = if left_out { "left out: its model was not run" } else { part.reason };
        let _ = write!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td class=\"n\">{:.0} %</td><td>{}</td></tr>",
            escape(part.property),
            part.shape,
            part.weight * 100.0,
            escape(why)
        );
    }
    page.push_str("</tbody></table>");
    let mean = match scenario.score.method {
        ScoreMethod::Geometric => format!(
            "The score is the weighted geometric mean of the desirabilities (0 to 1, at least {} each)",
            scenario.score.floor
        ),
        ScoreMethod::Arithmetic => {
            "The score is the weighted arithmetic mean of the desirabilities (0 to 1)".to_owned()
        }
    };
    let missing = match scenario.score.missing {
        MissingPolicy::Skip => "a property without a value is left out",
        MissingPolicy::Zero => "a property without a value counts as undesirable",
        MissingPolicy::Empty => "a molecule that lacks a value gets no score",
    };
    let _ = write!(page, "<p>{mean}; {missing}.");
    let cutoffs = scenario.cutoffs.iter().map(|cutoff| {
        let limit = |side, limit: Option<f64>| {
            limit.map(|limit| format!(" {side} {limit}")).unwrap_or_default()
        };
        let (low, high) = (limit("&lt;", cutoff.min), limit("&gt;", cutoff.max));
        let name = escape(cutoff.property.get_ref());
        format!("{name}{low}{high} (×{})", cutoff.penalty.get_ref())
    });
    let alerts = scenario.alerts.iter().map(|rule| {
        let name = rule.set.as_ref().or(rule.file.as_ref()).map_or("", |name| name.get_ref());
        format!("{} alert (×{})", escape(name), rule.penalty.get_ref())
    });
    let penalties: Vec<String> = cutoffs.chain(alerts).collect();
    if !penalties.is_empty() {
        let _ = write!(page, " It is then multiplied for each of: {}.", penalties.join(", "));
    }
    page.push_str("</p></section>");
}

fn origins(page: &mut String, report: &Report<'_>) {
    let provenance = report.provenance;
    page.push_str("<section><h2>Provenance</h2>");
    if !provenance.models.is_empty() {
        page.push_str(
            "<table class=\"small\"><thead><tr><th>Model</th><th>Version</th><th>SHA-256 of the file</th><th>Ran on</th></tr></thead><tbody>",
        );
        for model in &provenance.models {
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{}</td><td><code>{}</code></td><td>{} · ONNX Runtime {}</td></tr>",
                escape(&model.model),
                escape(&model.version),
                escape(&model.sha256),
                escape(&model.provider),
                escape(&model.onnx_runtime)
            );
        }
        page.push_str("</tbody></table>");
    }
    page.push_str("<table class=\"small\"><tbody>");
    let mut row = |name: &str, value: &str| {
        let _ = write!(page, "<tr><th>{name}</th><td><code>{}</code></td></tr>", escape(value));
    };
    let scenario = &provenance.scenario;
    row("Scenario", &format!("{} {} · {}", scenario.name, scenario.version, scenario.sha256));
    for featuriser in &provenance.featurisers {
        row("Features", &format!("{} · {}", featuriser.id, featuriser.hash));
    }
    row("Training domain", &format!("{} molecules", thousands(provenance.domain_molecules as u64)));
    row("Input rows", &provenance.input.rows_sha256);
    page.push_str("</tbody></table></section>");
}

/// Text made safe for HTML, attributes included.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A count with commas between its thousands.
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The day in UTC, as `2026-01-31`.
fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil_from_days(i64::try_from(seconds / 86_400).unwrap_or(0));
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_follow_the_calendar() {
        let at = |seconds| date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01");
        assert_eq!(at(951_782_400), "2000-02-29");
        assert_eq!(at(1_798_761_599), "2026-12-31");
    }

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escape("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(12), "12");
    }
}
