//! `bench/targets.toml`: what Strata set out to show, and where each figure stands.
//!
//! A figure is read from a run or a card at the moment of the report, or it is a sentence that a page really has, or the
//! name of a test that is really there. A verdict that the figures contradict is an error.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use strata_core::card::ModelCard;
use strata_core::paths::MODELS_FOLDER;

use super::runs::{RUNS, Runs, Spread, at};

/// The table of targets, from the root.
pub(super) const TARGETS: &str = "bench/targets.toml";

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Targets {
    #[serde(rename = "part")]
    pub(super) parts: Vec<Part>,
    #[serde(default, rename = "target")]
    pub(super) targets: Vec<Target>,
    #[serde(default, rename = "headline")]
    pub(super) headlines: Vec<Headline>,
    /// Ratios that no target asked for.
    #[serde(default, rename = "ratio")]
    pub(super) ratios: Vec<Extra>,
}

/// A part of Strata that targets are of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) title: String,
    /// Its name in README's table, where that is shorter.
    pub(super) short: Option<String>,
}

/// One target.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) part: String,
    pub(super) what: String,
    pub(super) bar: String,
    pub(super) status: Status,
    /// Why it was missed; needed unless it was met.
    #[serde(default)]
    pub(super) cause: String,
    #[serde(default)]
    pub(super) figures: Vec<Figure>,
}

/// A line of the table in README.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Headline {
    pub(super) part: String,
    pub(super) what: String,
    pub(super) bar: String,
    pub(super) figure: Figure,
}

/// A ratio for the drawing alone; its figure has a peer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extra {
    pub(super) label: String,
    pub(super) figure: Figure,
}

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    Met,
    Partly,
    Missed,
    /// No kept run, card, page or test shows it.
    Unmeasured,
}

impl Status {
    pub(super) const ALL: [Self; 4] = [Self::Met, Self::Partly, Self::Missed, Self::Unmeasured];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::Missed => "missed",
            Self::Unmeasured => "not in a kept run",
        }
    }
}

/// One figure with its source: exactly one of `run`, `card`, `doc` and `test`, or `suite`, which may stand before any.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figure {
    /// What is said, with `{}` where the value comes; of a page, the sentence itself when this is empty.
    #[serde(default)]
    pub(super) text: String,
    /// Suite whose newest run is asked first, and the pointer into it.
    pub(super) suite: Option<String>,
    pub(super) suite_at: Option<String>,
    /// File of a run, and the pointer into it.
    pub(super) run: Option<String>,
    pub(super) at: Option<String>,
    /// A model's card: the first of its figures with this metric (and note, where one is given).
    pub(super) card: Option<String>,
    pub(super) metric: Option<String>,
    pub(super) note: Option<String>,
    /// A page, and words that stand in it.
    pub(super) doc: Option<String>,
    pub(super) quote: Option<String>,
    /// A test: `file.rs::name`.
    pub(super) test: Option<String>,
    /// What the value is multiplied by before it is shown and compared.
    pub(super) scale: Option<f64>,
    /// The bar in numbers.
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
    /// The peer whose cost by ours this is: it is drawn among the ratios.
    pub(super) peer: Option<String>,
    /// What the drawing calls it [default: the target].
    pub(super) label: Option<String>,
}

/// A figure with its value and where it is from.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) source: Source,
    /// Middle and ends, where it is a number.
    pub(super) value: Option<Spread>,
    /// True when the value is on the right side of the bar, `None` where there is no bar in numbers.
    pub(super) holds: Option<bool>,
}

/// Where a figure is from, as a path below the root or a test's name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    Run(String),
    Card(String),
    Page(String),
    Test(String),
}

impl Targets {
    /// Reads the table of `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join(TARGETS))
            .with_context(|| format!("cannot read {TARGETS}"))?;
        let targets: Self = toml::from_str(&text).context(TARGETS)?;
        let known = |part: &str| targets.parts.iter().any(|known| known.name == part);
        let named = targets.targets.iter().map(|t| &t.part);
        for part in named.chain(targets.headlines.iter().map(|h| &h.part)) {
            ensure!(known(part), "{TARGETS}: there is no part named {part:?}");
        }
        Ok(targets)
    }
}

impl Target {
    /// The figures, read; an error where a source does not have what is said or the verdict cannot be right.
    pub(super) fn shown(&self, root: &Path, runs: &Runs) -> Result<Vec<Shown>> {
        let read = || -> Result<Vec<Shown>> {
            let figures: Result<Vec<Shown>> =
                self.figures.iter().map(|figure| figure.shown(root, runs)).collect();
            let figures = figures?;
            let unmeasured = self.status == Status::Unmeasured;
            ensure!(
                figures.is_empty() == unmeasured,
                "`unmeasured` is the status of a target without figures, and of no other"
            );
            ensure!(
                self.status == Status::Met || !self.cause.is_empty(),
                "say the cause, as it is not met"
            );
            let failing = figures.iter().find(|figure| figure.holds == Some(false));
            if let (Status::Met, Some(figure)) = (self.status, failing) {
                bail!(
                    "it says `met`, and {:?} is beyond the bar: mend the status and say the cause",
                    figure.text
                );
            }
            let with_bar: Vec<&Shown> = figures.iter().filter(|f| f.holds.is_some()).collect();
            if self.status == Status::Missed && !with_bar.is_empty() && failing.is_none() {
                bail!("it says `missed`, and every figure with a bar holds: mend the status");
            }
            Ok(figures)
        };
        read().with_context(|| format!("{TARGETS}: {} of {}", self.what, self.part))
    }
}

impl Figure {
    /// The figure with its value.
    pub(super) fn shown(&self, root: &Path, runs: &Runs) -> Result<Shown> {
        let (value, source) = self.value(root, runs)?;
        let Some(value) = value else {
            let text =
                if self.text.is_empty() { self.quote.clone() } else { Some(self.text.clone()) };
            let text = text.unwrap_or_default();
            return Ok(Shown { text, source, value: None, holds: None });
        };
        let scale = self.scale.unwrap_or(1.0);
        let value =
            Spread { median: value.median * scale, min: value.min * scale, max: value.max * scale };
        ensure!(
            self.text.contains("{}"),
            "the text {:?} has no place {{}} for its value",
            self.text
        );
        let bar = self.least.is_some() || self.most.is_some();
        let holds = self.least.is_none_or(|least| value.median >= least)
            && self.most.is_none_or(|most| value.median <= most);
        Ok(Shown {
            text: self.text.replace("{}×", &spread(value, "×")).replace("{}", &spread(value, "")),
            source,
            value: Some(value),
            holds: bar.then_some(holds),
        })
    }

    fn value(&self, root: &Path, runs: &Runs) -> Result<(Option<Spread>, Source)> {
        if let (Some(suite), Some(pointer)) = (&self.suite, &self.suite_at)
            && let Some(run) = runs.suites.get(suite)
            && let Some(value) = at(&run.value, pointer)
        {
            return Ok((Some(numbers(value, &run.path, pointer)?), Source::Run(run.path.clone())));
        }
        if let (Some(run), Some(pointer)) = (&self.run, &self.at) {
            let value = runs.singles.get(run).with_context(|| format!("{RUNS} has no {run}"))?;
            let value =
                at(value, pointer).with_context(|| format!("{run} has nothing at {pointer}"))?;
            return Ok((Some(numbers(value, run, pointer)?), Source::Run(run.clone())));
        }
        if let (Some(name), Some(metric)) = (&self.card, &self.metric) {
            let card = ModelCard::load(&root.join(MODELS_FOLDER).join(name))?;
            let figure = card.figures.iter().find(|figure| {
                figure.metric == *metric
                    && self.note.as_ref().is_none_or(|n| figure.note.as_ref() == Some(n))
            });
            let figure =
                figure.with_context(|| format!("the card of {name} has no figure {metric:?}"))?;
            return Ok((Some(single(figure.value)), Source::Card(name.clone())));
        }
        if let (Some(page), Some(quote)) = (&self.doc, &self.quote) {
            let text = std::fs::read_to_string(root.join(page))
                .with_context(|| format!("cannot read {page}"))?;
            ensure!(plain(&text).contains(&plain(quote)), "{page} does not say {quote:?}");
            return Ok((None, Source::Page(page.clone())));
        }
        if let Some(test) = &self.test {
            return Ok((None, Source::Test(test.clone())));
        }
        bail!(
            "the figure {:?} has no whole source: suite and suite_at, run and at, card and metric, doc and quote, or test",
            self.text
        )
    }
}

/// Text without differences of line ends.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn single(value: f64) -> Spread {
    Spread { median: value, min: value, max: value }
}

/// A number, a truth (1 or 0), or an object of middle and ends.
fn numbers(value: &Value, run: &str, pointer: &str) -> Result<Spread> {
    match value {
        Value::Bool(truth) => Ok(single(f64::from(u8::from(*truth)))),
        Value::Object(_) => serde_json::from_value(value.clone())
            .with_context(|| format!("{run}{pointer} is no object of median, min and max")),
        _ => value.as_f64().map(single).with_context(|| format!("{run}{pointer} is no number")),
    }
}

/// A middle with its unit, and its ends where they differ.
pub(super) fn spread(value: Spread, unit: &str) -> String {
    let (low, middle, high) = (number(value.min), number(value.median), number(value.max));
    if low == high { format!("{middle}{unit}") } else { format!("{middle}{unit} ({low}–{high})") }
}

/// Three digits, with commas from a thousand on and powers of ten below a thousandth.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-3 {
        return format!("{value:.1e}").replace(".0e", "e");
    }
    if size >= 1000.0 {
        let digits = format!("{size:.0}");
        let mut out = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i) % 3 == 0 {
                out.push(',');
            }
            out.push(digit);
        }
        return if value < 0.0 { format!("-{out}") } else { out };
    }
    // What is not quite 1 must not read as 1: shares and overlaps are bars of their own.
    if (0.9999..1.0).contains(&size) {
        let text = format!("{value:.6}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let places = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 1.0 {
        2
    } else {
        3
    };
    let text = format!("{value:.places$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
#[path = "targets_tests.rs"]
mod tests;
