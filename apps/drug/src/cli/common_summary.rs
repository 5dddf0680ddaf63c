//! The end of a screening on the terminal: counts, errors, time by stage, the best molecules.

use std::fmt::Write as _;
use std::time::Duration;

use strata_cli::progress::clock;

use crate::report::thousands;
use crate::screen::Summary;

/// The summary as text.
#[must_use]
pub fn summary(summary: &Summary, title: &str) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = counts(&mut text, summary, title);
    let _ = stages(&mut text, summary);
    let _ = hits(&mut text, summary);
    text
}

fn counts(text: &mut String, summary: &Summary, title: &str) -> std::fmt::Result {
    writeln!(text, "{title}")?;
    writeln!(
        text,
        "  {} rows: {} scored, {} with an error",
        thousands(summary.rows),
        thousands(summary.good()),
        thousands(summary.rows - summary.good())
    )?;
    for (code, count) in &summary.failed {
        writeln!(text, "    {:>10}  {code}", thousands(*count))?;
    }
    writeln!(
        text,
        "  {} past a cut-off, {} with a structural alert",
        thousands(summary.flagged),
        thousands(summary.alerted)
    )?;
    if summary.resumed > 0 {
        writeln!(text, "  {} rows were done by an earlier run", thousands(summary.resumed))?;
    }
    if !summary.left_out.is_empty() {
        let names = summary.left_out.join(", ");
        writeln!(text, "  left out of the score, their models were not run: {names}")?;
    }
    Ok(())
}

fn stages(text: &mut String, summary: &Summary) -> std::fmt::Result {
    if summary.screened == 0 {
        return Ok(());
    }
    writeln!(
        text,
        "  {} in {}, {:.0} molecules/s; writing {}",
        thousands(summary.screened),
        precise(summary.belt),
        summary.rate(),
        precise(summary.writing)
    )?;
    let per_row = |time: Duration| time.as_secs_f64() * 1e6 / summary.screened as f64;
    let times = summary.times;
    writeln!(
        text,
        "  µs a molecule: read {:.1}, prepare {:.1}, infer {:.1}, interpret {:.1}, store {:.1}",
        per_row(times.source),
        per_row(times.prepare),
        per_row(times.infer),
        per_row(times.interpret),
        per_row(times.sink)
    )
}

/// Short times to a tenth of a second, long ones as a clock.
fn precise(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => clock(time),
    }
}

fn hits(text: &mut String, summary: &Summary) -> std::fmt::Result {
    if summary.hits.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n  {:>4}  {:<24} {:>7}  {:>7} {:>6} {:>5}  structure",
        "rank", "name", "score", "MolWt", "logP", "QED"
    )?;
    for hit in &summary.hits {
        let number = |column| hit.cell(&summary.schema, column).number().unwrap_or(f64::NAN);
        let smiles = hit.cell(&summary.schema, "canonical_smiles").text().to_owned();
        writeln!(
            text,
            "  {:>4}  {:<24} {:>7.4}  {:>7.1} {:>6.2} {:>5.2}  {}",
            hit.rank,
            cut(&hit.name, 24),
            number("score"),
            number("MolWt"),
            number("MolLogP"),
            number("QED"),
            cut(&smiles, 60)
        )?;
    }
    Ok(())
}

/// At most `width` characters, without control characters.
fn cut(text: &str, width: usize) -> String {
    let clean: Vec<char> = text.chars().filter(|c| !c.is_control()).take(width + 1).collect();
    match clean.len() > width {
        true => clean[..width - 1].iter().chain(['…'].iter()).collect(),
        false => clean.into_iter().collect(),
    }
}
