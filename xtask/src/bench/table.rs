//! A suite's run as tables for people, in Markdown.

use serde_json::Value;

use super::record::{Case, OURS, Run, Side, Spread};

/// The whole run.
pub(crate) fn markdown(run: &Run) -> String {
    let mut text = format!("# {}\n\n{}\n", run.title, setting(run));
    for absent in &run.absent {
        text += &format!("- {} is not measured: {}\n", absent.name, absent.why);
    }
    for case in &run.cases {
        if let Some(why) = &case.skipped {
            text += &format!("- {} was skipped: {why}\n", case.name);
        }
        if let Some(why) = &case.unavailable {
            text += &format!("- {} has no peer here: {}\n", case.name, one_line(why));
        }
        for (side, why) in &case.failed {
            text += &format!("- {}: {side} failed: {}\n", case.name, one_line(why));
        }
    }
    for part in [against(run), sides(run), inner(run), growth(run), reports(run)] {
        if !part.is_empty() {
            text += "\n";
            text += &part;
        }
    }
    text
}

fn setting(run: &Run) -> String {
    let word = |key: &str| run.machine[key].as_str().unwrap_or("?").to_owned();
    let revision: String = word("revision").chars().take(12).collect();
    let changed = if run.machine["changed"] == Value::Bool(true) { " with changes" } else { "" };
    let versions: Vec<String> =
        run.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let quick = if run.quick {
        " Quick: one round, small sizes; no figure of this run counts."
    } else {
        ""
    };
    format!(
        "{} · {}, {} cores, {}, load {} at the start · revision {revision}{changed}.{quick}\n\nVersions: {}.\n",
        run.date,
        word("cpu"),
        run.machine["cores"],
        word("os"),
        run.machine["load"],
        versions.join(", ")
    )
}

/// Ratios to each peer.
fn against(run: &Run) -> String {
    let mut rows = Vec::new();
    for case in &run.cases {
        for (peer, ratios) in &case.ratios {
            let (Some(ours), Some(theirs)) = (case.sides.get(OURS), case.sides.get(peer)) else {
                continue;
            };
            let agreement = case.agreement.get(peer).map_or("not compared".to_owned(), |found| {
                let word = if found.agree { "yes" } else { "**no**" };
                format!("{word}: {} of {}", share(found.within), found.compared)
            });
            rows.push(vec![
                case.title.clone(),
                case.threads.to_string(),
                amount(case),
                peer.clone(),
                seconds(ours.seconds),
                seconds(theirs.seconds),
                times(ratios.seconds),
                times(ratios.cpu_seconds),
                times(ratios.peak_mb),
                agreement,
            ]);
        }
    }
    let head = [
        "case",
        "threads",
        "work",
        "peer",
        "strata",
        "peer's",
        "time",
        "processor time",
        "memory",
        "same answers",
    ];
    let table = table(&head, &rows);
    if table.is_empty() {
        return table;
    }
    format!(
        "Peer by ours, paired by round: above 1, ours is faster or smaller. Median, with the smallest and the largest.\n\n{table}"
    )
}

/// What each side did and took.
fn sides(run: &Run) -> String {
    let mut rows = Vec::new();
    for case in &run.cases {
        for (name, side) in &case.sides {
            if case.figures.is_some() {
                continue;
            }
            rows.push(vec![
                case.name.clone(),
                name.clone(),
                spread(side.per_second, ""),
                seconds(side.cpu_seconds),
                spread(side.peak_mb, ""),
                latencies(side),
                side.model_share.map_or(String::new(), |s| share(s.median)),
                seconds(side.first_answer_s),
                side.disk_mb.map_or(String::new(), figure),
            ]);
        }
    }
    table(
        &[
            "case",
            "side",
            "items a second",
            "processor time",
            "peak MB",
            "p50 / p95 / p99 ms",
            "model's share",
            "first answer",
            "disk MB",
        ],
        &rows,
    )
}

/// What sides say beyond that.
fn inner(run: &Run) -> String {
    let mut rows = Vec::new();
    for case in &run.cases {
        for (name, side) in &case.sides {
            if side.inner.is_empty() || case.figures.is_some() {
                continue;
            }
            let figures: Vec<String> = side
                .inner
                .iter()
                .map(|(key, value)| format!("{key} {}", figure(value.median)))
                .collect();
            rows.push(vec![case.name.clone(), name.clone(), figures.join("; ")]);
        }
    }
    table(&["case", "side", "further figures (medians)"], &rows)
}

fn growth(run: &Run) -> String {
    let mut rows = Vec::new();
    for case in &run.cases {
        for (name, growth) in &case.growth {
            let list = |values: &[f64]| {
                values.iter().map(|value| figure(*value)).collect::<Vec<_>>().join(", ")
            };
            let sizes: Vec<f64> = growth.sizes.iter().map(|size| *size as f64).collect();
            let exponent = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.2}"));
            rows.push(vec![
                case.name.clone(),
                name.clone(),
                list(&sizes),
                list(&growth.seconds),
                exponent(growth.exponent),
                list(&growth.peak_mb),
                exponent(growth.memory_exponent),
            ]);
        }
    }
    let table = table(
        &["case", "side", "sizes", "seconds", "exponent", "peak MB", "exponent of memory"],
        &rows,
    );
    if table.is_empty() {
        return table;
    }
    format!("Growth: cost ~ size^exponent, by least squares over the logarithms.\n\n{table}")
}

/// Reports: every number by its path.
fn reports(run: &Run) -> String {
    let mut text = String::new();
    for case in &run.cases {
        let Some(figures) = &case.figures else { continue };
        let mut rows = Vec::new();
        flatten("", figures, &mut rows);
        text += &format!("## {}\n\n{}\n", case.title, table(&["figure", "value"], &rows));
    }
    text
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                flatten(&below(key), field, rows);
            }
        }
        Value::Array(list) if list.iter().any(|entry| entry.is_object() || entry.is_array()) => {
            for (number, entry) in list.iter().enumerate() {
                flatten(&below(&number.to_string()), entry, rows);
            }
        }
        other => rows.push(vec![path.to_owned(), other.to_string()]),
    }
}

/// A Markdown table; nothing where it has no row.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let safe = |cell: &String| cell.replace('|', "\\|").replace('\n', " ");
    let mut text = line(head.iter().map(|cell| (*cell).to_owned()).collect());
    text += &line(head.iter().map(|_| "---".to_owned()).collect());
    for row in rows {
        text += &line(row.iter().map(safe).collect());
    }
    text
}

fn amount(case: &Case) -> String {
    let items = case.sides.get(OURS).and_then(|side| side.items);
    let count = items.or(case.size.map(|size| size as f64));
    count.map_or(case.unit.clone(), |count| format!("{count} {}", case.unit))
}

fn latencies(side: &Side) -> String {
    let all = [side.p50_ms, side.p95_ms, side.p99_ms];
    if all.iter().all(Option::is_none) {
        return String::new();
    }
    all.map(|one| one.map_or("-".to_owned(), |one| figure(one.median))).join(" / ")
}

fn seconds(spread: Option<Spread>) -> String {
    spread.map_or(String::new(), |spread| match spread.median {
        s if s >= 0.1 => format!("{} s", figure(s)),
        s if s >= 1e-4 => format!("{} ms", figure(s * 1e3)),
        s => format!("{} µs", figure(s * 1e6)),
    })
}

fn spread(spread: Option<Spread>, unit: &str) -> String {
    spread.map_or(String::new(), |s| {
        let ends = if s.min == s.max {
            String::new()
        } else {
            format!(" ({}–{})", figure(s.min), figure(s.max))
        };
        format!("{}{unit}{ends}", figure(s.median))
    })
}

fn times(ratio: Option<Spread>) -> String {
    spread(ratio, "×")
}

fn share(value: f64) -> String {
    // Rounded down: what is not all is not 100 %.
    let cut = (value * 1e4).floor() / 100.0;
    format!("{cut} %")
}

/// Three digits that count, and whole numbers whole.
pub(crate) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 || v == 0.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v => (2 - v.log10().floor() as i32).clamp(3, 12) as usize,
    };
    let text = format!("{value:.digits$}");
    if digits == 0 || !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::{Agreement, Growth, Ratios};
    use serde_json::json;

    fn one(value: f64) -> Option<Spread> {
        Some(Spread { median: value, min: value, max: value })
    }

    #[test]
    fn figures_have_three_digits() {
        let all = [1234.5, 99.96, 12.34, 1.234, 0.1234, 0.001_234, 0.0, 5.0];
        let shown = all.map(figure);
        assert_eq!(shown, ["1234", "100", "12.3", "1.23", "0.123", "0.00123", "0", "5"]);
        assert_eq!(share(0.999_999), "99.99 %");
        assert_eq!(share(1.0), "100 %");
    }

    #[test]
    fn a_run_is_shown_with_its_ratios_growth_and_gaps() {
        let mut case = Case {
            title: "Parse | write".into(),
            name: "parse".into(),
            unit: "molecules".into(),
            threads: 1,
            size: Some(20),
            ..Case::default()
        };
        let side = |s: f64| Side {
            seconds: one(s),
            items: Some(20.0),
            disk_mb: Some(4.0),
            ..Side::default()
        };
        case.sides.insert(OURS.into(), side(0.5));
        case.sides.insert("RDKit".into(), side(2.0));
        let ratio = Some(Spread { median: 4.0, min: 3.5, max: 4.2 });
        case.ratios.insert("RDKit".into(), Ratios { seconds: ratio, ..Ratios::default() });
        case.agreement.insert(
            "RDKit".into(),
            Agreement { compared: 20, within: 0.95, agree: false, ..Agreement::default() },
        );
        case.growth.insert(
            OURS.into(),
            Growth {
                sizes: vec![5, 20],
                seconds: vec![0.1, 0.5],
                exponent: Some(1.16),
                ..Growth::default()
            },
        );
        case.failed.insert("FPSim2".into(), "no\nfile".into());
        let report = Case {
            title: "Load".into(),
            figures: Some(json!({ "p99": { "ms": 3 }, "list": [1, 2] })),
            ..Case::default()
        };
        let run = Run {
            schema: 1,
            suite: "drug".into(),
            title: "Molecules".into(),
            date: "2026-01-01T00:00:00Z".into(),
            quick: true,
            machine: json!({ "cores": 2, "revision": "0123456789abcdef", "load": 0.1 }),
            versions: [("rdkit".to_owned(), "1".to_owned())].into(),
            absent: vec![],
            cases: vec![case, report],
        };
        let text = markdown(&run);
        for part in [
            "no figure of this run counts",
            "revision 0123456789ab.",
            "rdkit 1",
            "parse: FPSim2 failed: no file",
            "| Parse \\| write | 1 | 20 molecules | RDKit | 0.5 s | 2 s | 4× (3.5–4.2) |",
            "**no**: 95 % of 20",
            "| 5, 20 | 0.1, 0.5 | 1.16 |",
            "## Load",
            "| p99.ms | 3 |",
            "| list | [1,2] |",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }
}
