//! What the report says: targets by part, the newest run of every suite, soak and fuzzing, and what is kept.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::page::{Block, Page, Span, plain, rich, table_markdown};
use super::plot::{self, Line, Ratio};
use super::runs::{OURS, RUNS, Runs};
use super::suites;
use super::targets::{Shown, Source, Status, Target, Targets};

/// Everything that a report is made of.
pub(super) struct Book<'a> {
    pub(super) root: &'a Path,
    pub(super) targets: &'a Targets,
    pub(super) runs: &'a Runs,
}

impl Book<'_> {
    /// The page of figures.
    pub(super) fn page(&self) -> Result<Page> {
        let mut page = Page { title: "Figures".to_owned(), ..Page::default() };
        let words = |text: &str| Span::Plain(text.to_owned());
        page.blocks.push(Block::Text(vec![
            words("Made by "),
            Span::Code("cargo xtask report".to_owned()),
            words(" from the runs, cards, pages and tests of this repository; "),
            Span::Code("cargo xtask tidy".to_owned()),
            words(" fails when they differ. The drawings are in "),
            Span::Link("figures.html".to_owned(), "figures.html".to_owned()),
            words(", which says the same and asks for no network."),
        ]));
        page.text(
            "A ratio is the other program's cost by ours, so that above 1 ours is faster or smaller; in brackets are \
             the least and the greatest of the rounds. Where a figure was written into a page from a run that was \
             not kept, the page is named as its source.",
        );
        self.overview(&mut page)?;
        for part in &self.targets.parts {
            self.part(&mut page, &part.name, &part.title)?;
        }
        for suite in self.runs.suites.values() {
            suites::write(&mut page, suite);
        }
        soak(&mut page, self.runs.soak.as_ref());
        fuzz(&mut page, &self.runs.fuzz);
        self.kept(&mut page);
        Ok(page)
    }

    fn of_part<'t>(&'t self, part: &'t str) -> impl Iterator<Item = &'t Target> {
        self.targets.targets.iter().filter(move |target| target.part == part)
    }

    fn overview(&self, page: &mut Page) -> Result<()> {
        page.heading(2, "Targets");
        let counts = |part: &str| {
            Status::ALL.map(|s| self.of_part(part).filter(|target| target.status == s).count())
        };
        let parts: Vec<(String, [usize; 4])> =
            self.targets.parts.iter().map(|p| (p.title.clone(), counts(&p.name))).collect();
        page.plot(plot::verdicts(&parts), "Targets of each part, by how they stand.");
        let rows = parts.iter().map(|(title, counts)| {
            let numbers = counts.iter().map(|count| plain(count.to_string()));
            std::iter::once(plain(title.clone())).chain(numbers).collect()
        });
        let head: Vec<&str> =
            std::iter::once("part").chain(Status::ALL.map(Status::word)).collect();
        page.table(&head, rows.collect());
        let mut ratios = Vec::new();
        for target in &self.targets.targets {
            for (figure, shown) in target.figures.iter().zip(target.shown(self.root, self.runs)?) {
                if let (Some(peer), Some(value)) = (&figure.peer, shown.value) {
                    let label = figure.label.clone().unwrap_or_else(|| target.what.clone());
                    ratios.push(Ratio { label, peer: peer.clone(), value, bar: figure.least });
                }
            }
        }
        for extra in &self.targets.ratios {
            let value = extra.figure.shown(self.root, self.runs)?.value;
            if let (Some(peer), Some(value)) = (&extra.figure.peer, value) {
                ratios.push(Ratio {
                    label: extra.label.clone(),
                    peer: peer.clone(),
                    value,
                    bar: extra.figure.least,
                });
            }
        }
        page.plot(
            plot::ratios(&ratios),
            "Cost of other programs by ours, from the figures of the targets; the dashed mark is the bar, where there is one.",
        );
        Ok(())
    }

    fn part(&self, page: &mut Page, name: &str, title: &str) -> Result<()> {
        if self.of_part(name).next().is_none() {
            return Ok(());
        }
        page.heading(2, title);
        let mut rows = Vec::new();
        for target in self.of_part(name) {
            let shown = target.shown(self.root, self.runs)?;
            let mut measured = Vec::new();
            for (i, one) in shown.iter().enumerate() {
                if i > 0 {
                    measured.push(Span::Break);
                }
                // Figures of one source that stand together share its link.
                let last = shown.get(i + 1).is_none_or(|next| next.source != one.source);
                measured.extend(figure(one, last));
            }
            if measured.is_empty() {
                measured = plain("not measured in a kept run");
            }
            let mut verdict = vec![Span::Verdict(target.status)];
            if !target.cause.is_empty() {
                verdict.extend([Span::Break, Span::Plain(target.cause.clone())]);
            }
            rows.push(vec![rich(&target.what), rich(&target.bar), measured, verdict]);
        }
        page.table(&["what", "bar", "measured", "verdict"], rows);
        Ok(())
    }

    fn kept(&self, page: &mut Page) {
        page.heading(2, "Runs that are kept");
        let suites = self.runs.suites.values().map(|s| (&s.path, &s.value));
        let rest = self.runs.soak.iter().chain(&self.runs.fuzz).map(|(path, value)| (path, value));
        let mut all: Vec<(&String, &Value)> =
            self.runs.singles.iter().chain(suites).chain(rest).collect();
        all.sort_by_key(|(path, _)| *path);
        let rows = all.into_iter().map(|(path, value)| {
            let title = ["title", "what", "bench", "suite"].iter().find_map(|k| value[*k].as_str());
            let name = || path.rsplit(['Z', '/']).next().unwrap_or(path).trim_start_matches('-');
            let title = title.unwrap_or_else(|| name().trim_end_matches(".json"));
            vec![vec![run_link(path)], plain(title)]
        });
        page.table(&["file", "what"], rows.collect());
    }

    /// README's table.
    pub(super) fn headlines(&self) -> Result<String> {
        let mut rows = Vec::new();
        for headline in &self.targets.headlines {
            let title = self.targets.parts.iter().find(|part| part.name == headline.part);
            let shown = headline.figure.shown(self.root, self.runs)?;
            let short = title.map_or("", |part| part.short.as_deref().unwrap_or(&part.title));
            rows.push(vec![
                plain(short),
                plain(&headline.what),
                plain(shown.text),
                plain(&headline.bar),
            ]);
        }
        let head = ["industry", "what", "measured", "bar"].map(str::to_owned);
        Ok(table_markdown(&head, &rows))
    }
}

/// A figure's words and where they are from.
fn figure(shown: &Shown, linked: bool) -> Vec<Span> {
    let mut spans = rich(&shown.text);
    if !linked {
        return spans;
    }
    if !shown.text.is_empty() {
        spans.push(Span::Plain(" ".to_owned()));
    }
    spans.push(match &shown.source {
        Source::Run(path) => run_link(path).named("run"),
        Source::Card(model) => {
            Span::Link("card".to_owned(), format!("../shared-models/{model}/card.toml"))
        }
        Source::Page(page) => {
            let to = page.strip_prefix("docs/").map_or_else(|| format!("../{page}"), str::to_owned);
            Span::Link("page".to_owned(), to)
        }
        Source::Test(test) => {
            let (file, name) = test.split_once("::").unwrap_or((test, ""));
            // Names of tests are sentences.
            Span::Link(format!("test: {}", name.replace('_', " ")), format!("../{file}"))
        }
    });
    spans
}

fn run_link(path: &str) -> Span {
    Span::Link(path.to_owned(), format!("../{RUNS}/{path}"))
}

impl Span {
    fn named(self, words: &str) -> Self {
        match self {
            Self::Link(_, to) => Self::Link(words.to_owned(), to),
            other => other,
        }
    }
}

fn soak(page: &mut Page, soak: Option<&(String, Value)>) {
    let Some((path, value)) = soak else { return };
    page.heading(2, "Soak");
    let held = value["held"].as_bool().unwrap_or(false);
    let broken: Vec<&str> =
        value["broken"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let verdict = if held {
        "everything held".to_owned()
    } else {
        format!("did not hold: {}", broken.join("; "))
    };
    let mut words = vec![Span::Plain(format!(
        "Mixed traffic on all servers with clients that vanish, reloads, replaced files, signals and restarts, {}: {verdict}; {} faults. ",
        minutes(value),
        value["fault_count"]
    ))];
    words.push(run_link(path).named("run"));
    page.blocks.push(Block::Text(words));
    let rows = value["servers"].as_object().into_iter().flatten().map(|(name, server)| {
        let memory = &server["memory"];
        let cell = |value: &Value| plain(super::suites::plain_number(value));
        let total: f64 = server["all"]["statuses"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, count)| count.as_f64())
            .sum();
        vec![
            plain(name),
            plain(super::targets::number(total)),
            cell(&server["all"]["right"]),
            plain(server["restarts"].as_array().map_or(0, Vec::len).to_string()),
            cell(&memory["settled_mb"]),
            cell(&memory["final_mb"]),
            cell(&memory["growth_mb"]),
        ]
    });
    page.table(
        &[
            "server",
            "answers",
            "compared and right",
            "restarts",
            "MB after warm-up",
            "MB at the end",
            "growth MB",
        ],
        rows.collect(),
    );
}

fn minutes(value: &Value) -> String {
    let minutes = value["minutes"].as_f64().or_else(|| value["seconds"].as_f64().map(|s| s / 60.0));
    minutes.map_or_else(
        || "time not said".to_owned(),
        |m| format!("{} minutes", super::targets::number(m)),
    )
}

fn fuzz(page: &mut Page, records: &[(String, Value)]) {
    if records.is_empty() {
        return;
    }
    page.heading(2, "Fuzzing");
    let mut words = plain(
        "Targets run with libFuzzer, each in several runs that are added up here. Findings are mended and replayed by the tests. ",
    );
    for (at, (path, _)) in records.iter().enumerate() {
        words.extend(plain(if at > 0 { ", " } else { "" }));
        words.push(run_link(path).named(path.get(..10).unwrap_or(path)));
    }
    page.blocks.push(Block::Text(words));
    let of = |(_, value): &(String, Value)| {
        value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
    };
    let runs: Vec<Value> = records.iter().flat_map(of).filter(|run| run["blind"] != true).collect();
    // Runs of one target are added up; coverage is the last one's.
    let mut targets: std::collections::BTreeMap<&str, (f64, f64, f64, Value)> = Default::default();
    for one in runs.iter().flat_map(|run| run["targets"].as_array().into_iter().flatten()) {
        let sum = targets.entry(one["target"].as_str().unwrap_or("?")).or_default();
        sum.0 += one["minutes"].as_f64().unwrap_or(0.0);
        sum.1 += one["executions"].as_f64().unwrap_or(0.0);
        sum.2 += one["findings"].as_f64().unwrap_or(0.0);
        sum.3 = one["edges"].clone();
    }
    let rows = targets.into_iter().map(|(name, (minutes, executions, findings, edges))| {
        let number = |value: f64| plain(super::targets::number(value));
        vec![
            plain(name),
            number(minutes),
            number(executions),
            plain(super::suites::plain_number(&edges)),
            number(findings),
        ]
    });
    page.table(&["target", "minutes", "executions", "edges", "findings"], rows.collect());
}

/// Lines of growth of one case, ours first.
pub(super) fn lines(case: &super::runs::Case) -> Vec<Line> {
    let mut lines: Vec<Line> = case
        .growth
        .iter()
        .map(|(side, growth)| Line {
            side: side.clone(),
            points: growth
                .sizes
                .iter()
                .map(|&s| s as f64)
                .zip(growth.seconds.iter().copied())
                .collect(),
            exponent: growth.exponent,
        })
        .collect();
    lines.sort_by_key(|line| line.side != OURS);
    lines
}
