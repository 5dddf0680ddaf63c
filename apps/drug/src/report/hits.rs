//! The best molecules: structure, key numbers, what the score is made of, warnings.

use std::fmt::Write as _;

use crate::output::Cell;
use crate::screen::Hit;

use super::chart::short;
use super::structure;
use super::{Report, escape, thousands};

/// More structures than this make a page nobody reads and browsers choke on.
const MOST: usize = 200;

pub(super) fn section(page: &mut String, report: &Report<'_>) {
    let hits = &report.summary.hits;
    let _ =
        write!(page, "<section><h2>Top {} by score</h2>", thousands(hits.len().min(MOST) as u64));
    if hits.is_empty() {
        page.push_str("<p>No molecule has a score.</p>");
    }
    page.push_str("<div class=\"hits\">");
    for hit in hits.iter().take(MOST) {
        card(page, report, hit);
    }
    page.push_str("</div></section>");
}

fn card(page: &mut String, report: &Report<'_>, hit: &Hit) {
    let schema = &report.summary.schema;
    let smiles = hit.cell(schema, "canonical_smiles");
    let score = hit.cell(schema, "score").number().unwrap_or(0.0);
    let _ = write!(
        page,
        "<article class=\"hit\"><h3><span class=\"rank\">{}</span><span>{}</span><span class=\"score\">{score:.3}</span></h3><figure>{}</figure><code class=\"smiles\">{}</code>",
        hit.rank,
        escape(&hit.name),
        structure::svg(smiles.text()).unwrap_or_default(),
        escape(smiles.text())
    );
    page.push_str("<div class=\"facts\">");
    for (column, label) in [
        ("MolWt", "Weight"),
        ("MolLogP", "logP"),
        ("TPSA", "TPSA"),
        ("QED", "QED"),
        ("SA", "SA"),
        ("NumHDonors", "Donors"),
        ("NumHAcceptors", "Acceptors"),
        ("nn_tanimoto", "Nearest"),
    ] {
        let value = match hit.cell(schema, column) {
            Cell::Integer(value) => value.to_string(),
            cell => cell.number().map_or_else(|| "–".to_owned(), short),
        };
        let _ = write!(page, "<div><span>{label}</span>{value}</div>");
    }
    page.push_str("</div>");
    parts(page, report, hit);
    let warnings: Vec<&str> = ["flags", "alerts"]
        .into_iter()
        .filter_map(|column| {
            let at = schema.position(column)?;
            hit.cells.get(at).map(|cell| match cell {
                crate::screen::OwnedCell::Text(text) => text.as_str(),
                _ => "",
            })
        })
        .filter(|text| !text.is_empty())
        .collect();
    if !warnings.is_empty() {
        let _ = write!(page, "<p class=\"chips\">{}</p>", escape(&warnings.join("; ")));
    }
    page.push_str("</article>");
}

/// A bar a property: how desirable its value is.
fn parts(page: &mut String, report: &Report<'_>, hit: &Hit) {
    let numbers: Vec<Option<f64>> = report
        .summary
        .numbers
        .iter()
        .map(|column| hit.cell(&report.summary.schema, column).number())
        .collect();
    page.push_str("<div class=\"parts\">");
    for part in report.scorer.parts(&numbers) {
        let (Some(value), Some(desirability)) = (part.value, part.desirability) else { continue };
        let low = if desirability < 0.5 { " class=\"low\"" } else { "" };
        let _ = write!(
            page,
            "<span>{}</span><span class=\"bar\"><i{low} style=\"width:{:.0}%\"></i></span><span>{}</span>",
            escape(part.property),
            desirability * 100.0,
            short(value)
        );
    }
    page.push_str("</div>");
}
