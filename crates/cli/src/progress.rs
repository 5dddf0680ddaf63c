//! Progress of long work: a bar with rate and time left on a terminal, JSON lines otherwise.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use strata_core::stream::{Progress, Silent, Update};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// What fits where standard error goes to, for records that are rows.
#[must_use]
pub fn reporter(quiet: bool) -> Box<dyn Progress> {
    reporter_of(quiet, "rows")
}

/// As [`reporter`], for records that people call something else, such as `pictures`. JSON lines have
/// the same keys for all records, so that one program can read them all.
#[must_use]
pub fn reporter_of(quiet: bool, unit: &'static str) -> Box<dyn Progress> {
    match () {
        () if quiet => Box::new(Silent),
        () if std::io::stderr().is_terminal() => Box::new(Bar::new(unit)),
        () => Box::new(Lines { started: Instant::now(), last: None, first: None }),
    }
}

/// Steps of the bar: the source tells a fraction, not a count of rows.
const STEPS: u64 = 10_000;

/// A bar.
struct Bar {
    bar: ProgressBar,
    unit: &'static str,
    started: Instant,
    first: Option<Update>,
}

impl Bar {
    fn new(unit: &'static str) -> Self {
        let bar = ProgressBar::new(STEPS);
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {percent:>3}% {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, unit, started: Instant::now(), first: None }
    }
}

impl Progress for Bar {
    fn update(&mut self, update: &Update) {
        let first = *self.first.get_or_insert(Update { rows: update.resumed, ..*update });
        let speed = Speed::of(&first, update, self.started.elapsed());
        if let Some(fraction) = update.fraction {
            self.bar.set_position((fraction * STEPS as f64) as u64);
        }
        self.bar.set_message(message(self.unit, update, &speed));
    }
}

fn message(unit: &str, update: &Update, speed: &Speed) -> String {
    let mut message = format!("{} {unit}, {:.0}/s", update.rows, speed.rate);
    if let Some(left) = speed.left {
        message += &format!(", {} left", clock(left));
    }
    if update.failed > 0 {
        message += &format!(", {} with errors", update.failed);
    }
    message
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// JSON lines.
struct Lines {
    started: Instant,
    last: Option<Instant>,
    first: Option<Update>,
}

impl Progress for Lines {
    fn update(&mut self, update: &Update) {
        let now = Instant::now();
        let first = *self.first.get_or_insert(Update { rows: update.resumed, ..*update });
        if self.last.is_some_and(|last| now - last < LINE_EVERY) {
            return;
        }
        self.last = Some(now);
        let speed = Speed::of(&first, update, now - self.started);
        let line = serde_json::json!({
            "event": "progress",
            "rows": update.rows,
            "resumed": update.resumed,
            "errors": update.failed,
            "fraction": update.fraction.map(|fraction| (fraction * 1e4).round() / 1e4),
            "rows_per_second": legible(speed.rate),
            "seconds_left": speed.left.map(|left| left.as_secs()),
        });
        // Whoever closed standard error does not want to know.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// A rate by as many digits as say something: steps of a forecast come every few seconds, molecules by the thousand.
fn legible(rate: f64) -> f64 {
    if rate >= 10.0 { rate.round() } else { (rate * 1e3).round() / 1e3 }
}

/// How fast, and how long still.
struct Speed {
    rate: f64,
    left: Option<Duration>,
}

impl Speed {
    fn of(first: &Update, now: &Update, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64().max(1e-3);
        let rate = (now.rows - first.rows) as f64 / seconds;
        let left = now.fraction.zip(first.fraction).and_then(|(now, first)| {
            let done = now - first.min(now);
            // Too little is known at the very start.
            (done > 0.005)
                .then(|| Duration::try_from_secs_f64(seconds * (1.0 - now) / done).ok())?
        });
        Self { rate, left }
    }
}

/// A duration as people say it: `12 s`, `3:05`, `2:10:00`.
#[must_use]
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_rates_are_not_zero() {
        assert_eq!(legible(0.2371), 0.237);
        assert_eq!(legible(1234.6), 1235.0);
    }

    #[test]
    fn time_left_comes_from_what_this_run_did() {
        let at =
            |rows, fraction| Update { rows, resumed: 100, failed: 0, fraction: Some(fraction) };
        let speed = Speed::of(&at(100, 0.5), &at(200, 0.75), Duration::from_secs(10));
        assert!((speed.rate - 10.0).abs() < 1e-9);
        assert_eq!(speed.left, Some(Duration::from_secs(10)));
        assert_eq!(clock(Duration::from_secs(3725)), "1:02:05");
    }

    #[test]
    fn the_bar_says_what_is_counted() {
        let update = Update { rows: 200, resumed: 0, failed: 3, fraction: Some(0.5) };
        let speed = Speed { rate: 10.0, left: Some(Duration::from_secs(20)) };
        let said = message("pictures", &update, &speed);
        assert_eq!(said, "200 pictures, 10/s, 20 s left, 3 with errors");
    }
}
