//! The newest run of a suite: ratios with their spread, our own figures, growth, and who was not there.

use serde_json::Value;

use super::content::lines;
use super::page::{Block, Page, Span, plain};
use super::plot::{self, Ratio, times};
use super::runs::{Agreement, Case, OURS, RUNS, Spread, Suite};
use super::targets::{number, spread};

/// Writes a suite's section.
pub(super) fn write(page: &mut Page, suite: &Suite) {
    let record = &suite.record;
    page.heading(2, format!("Suite {}: {}", record.suite, record.title));
    let machine = &record.machine;
    let mut words = format!(
        "{}, {} cores, {}",
        machine["cpu"].as_str().unwrap_or("a processor"),
        machine["cores"],
        day(&record.date)
    );
    if let Some(load) = machine["load"].as_f64() {
        words += &format!(", load {} at the start", number(load));
    }
    let versions: Vec<String> = record.versions.iter().map(|(n, v)| format!("{n} {v}")).collect();
    if !versions.is_empty() {
        words += &format!("; {}", versions.join(", "));
    }
    let link = Span::Link("run".to_owned(), format!("../{RUNS}/{}", suite.path));
    page.blocks.push(Block::Text(vec![Span::Plain(format!("{words}. ")), link]));
    ratios(page, &record.cases);
    ours(page, &record.cases);
    growth(page, &record.cases);
    reports(page, &record.cases);
    absent(page, suite);
}

fn day(date: &str) -> &str {
    date.split('T').next().unwrap_or(date)
}

fn named(case: &Case) -> String {
    let title = if case.title.is_empty() { &case.name } else { &case.title };
    match (case.size, case.threads) {
        (Some(size), Some(threads)) => {
            format!("{title} ({} {}, {})", number(size as f64), case.unit, threads_text(threads))
        }
        (Some(size), None) => format!("{title} ({} {})", number(size as f64), case.unit),
        _ => title.clone(),
    }
}

fn threads_text(threads: u64) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}

fn ratios(page: &mut Page, cases: &[Case]) {
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for case in cases {
        for (peer, ratio) in &case.ratios {
            rows.push(vec![
                plain(named(case)),
                plain(peer),
                plain(times(ratio.seconds)),
                plain(times(ratio.cpu_seconds)),
                plain(times(ratio.peak_mb)),
                plain(case.agreement.get(peer).map_or_else(|| "not compared".to_owned(), agreed)),
            ]);
            // Processor time does not feel the machine's other work.
            if let Some(value) = ratio.cpu_seconds.or(ratio.seconds) {
                let label = if case.title.is_empty() { &case.name } else { &case.title };
                bars.push(Ratio { label: label.clone(), peer: peer.clone(), value, bar: None });
            }
        }
    }
    page.table(&["case", "against", "time", "processor time", "memory", "answers"], rows);
    page.plot(
        plot::ratios(&bars),
        "Processor time of the other program by ours; lines are the least and greatest of the rounds.",
    );
}

fn agreed(agreement: &Agreement) -> String {
    let verdict = if agreement.agree { "agree" } else { "DIFFER" };
    let share = agreement.within * 100.0;
    let share = if share > 99.99 && share < 100.0 { "99.99+".to_owned() } else { number(share) };
    format!(
        "{verdict}: {share} % of {} within {}",
        number(agreement.compared as f64),
        number(agreement.tolerance)
    )
}

fn ours(page: &mut Page, cases: &[Case]) {
    let shown = |value: Option<Spread>| {
        plain(value.map_or_else(|| "–".to_owned(), |value| spread(value, "")))
    };
    let mut rows = Vec::new();
    for case in cases {
        let Some(side) = case.sides.get(OURS) else { continue };
        let share = side.model_share.map(|s| Spread {
            median: s.median * 100.0,
            min: s.min * 100.0,
            max: s.max * 100.0,
        });
        rows.push(vec![
            plain(named(case)),
            shown(side.per_second),
            shown(side.p50_ms),
            shown(side.p99_ms),
            shown(side.peak_mb),
            shown(share),
            shown(side.first_answer_s),
        ]);
    }
    if !rows.is_empty() {
        page.heading(3, "Ours alone");
    }
    page.table(
        &["case", "a second", "p50 ms", "p99 ms", "peak MB", "model's share %", "first answer s"],
        rows,
    );
}

fn growth(page: &mut Page, cases: &[Case]) {
    let mut rows = Vec::new();
    let exponent = |value: Option<f64>| plain(value.map_or("–".to_owned(), |e| format!("{e:.2}")));
    for case in cases {
        for (side, growth) in &case.growth {
            let sizes: Vec<String> = growth.sizes.iter().map(|&s| number(s as f64)).collect();
            rows.push(vec![
                plain(if case.title.is_empty() { &case.name } else { &case.title }),
                plain(side),
                plain(sizes.join(", ")),
                exponent(growth.exponent),
                exponent(growth.memory_exponent),
            ]);
        }
    }
    if rows.is_empty() {
        return;
    }
    page.heading(3, "Growth");
    page.text("Cost against size fitted as cost ~ size^exponent: 1 is in proportion.");
    page.table(&["case", "side", "sizes", "time's exponent", "memory's exponent"], rows);
    for case in cases {
        let title = if case.title.is_empty() { &case.name } else { &case.title };
        page.half_plot(plot::growth(&lines(case), &case.unit), title.clone());
    }
}

/// What load generators and other programs of their own report.
fn reports(page: &mut Page, cases: &[Case]) {
    for case in cases {
        let Some(figures) = case.figures.as_ref().and_then(Value::as_object) else { continue };
        page.heading(3, named(case));
        let rows = flat(figures).into_iter().map(|(key, value)| vec![plain(key), plain(value)]);
        page.table(&["figure", "value"], rows.collect());
    }
}

/// Numbers and words of an object by their path; lists of many are counted.
fn flat(object: &serde_json::Map<String, Value>) -> Vec<(String, String)> {
    const MOST: usize = 40;
    let mut all = Vec::new();
    let mut waiting: Vec<(String, &Value)> =
        object.iter().rev().map(|(key, value)| (key.clone(), value)).collect();
    while let Some((key, value)) = waiting.pop() {
        match value {
            Value::Object(inner)
                if ["median", "min", "max"].iter().all(|k| inner.contains_key(*k)) =>
            {
                if let Ok(value) = serde_json::from_value::<Spread>(value.clone()) {
                    all.push((key, spread(value, "")));
                }
            }
            Value::Object(inner) => {
                waiting.extend(inner.iter().rev().map(|(k, v)| (format!("{key} / {k}"), v)));
            }
            Value::Array(list) if list.len() <= 4 => {
                waiting.extend(
                    list.iter().enumerate().rev().map(|(i, v)| (format!("{key} / {}", i + 1), v)),
                );
            }
            Value::Array(list) => all.push((key, format!("{} values, in the run", list.len()))),
            value => all.push((key, plain_number(value))),
        }
    }
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    if more > 0 {
        all.push(("…".to_owned(), format!("{more} more in the run")));
    }
    all
}

/// A value as a cell shows it.
pub(super) fn plain_number(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        value => value.as_f64().map_or_else(|| value.to_string(), number),
    }
}

fn absent(page: &mut Page, suite: &Suite) {
    let mut rows = Vec::new();
    for one in &suite.record.absent {
        rows.push(vec![plain(&one.name), plain(&one.why)]);
    }
    for case in &suite.record.cases {
        let why = case.skipped.as_ref().or(case.unavailable.as_ref());
        if let Some(why) = why {
            rows.push(vec![plain(named(case)), plain(why)]);
        }
        for (side, why) in &case.failed {
            rows.push(vec![plain(format!("{}: {side}", named(case))), plain(why)]);
        }
    }
    if !rows.is_empty() {
        page.heading(3, "Not run");
    }
    page.table(&["what", "why"], rows);
}
