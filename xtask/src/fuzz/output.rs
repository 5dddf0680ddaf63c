//! What a fuzzing program prints, as figures.

use serde_json::{Value, json};

/// Where cargo-fuzz puts programs, below its target folder.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) const PROGRAMS: &str = "x86_64-unknown-linux-gnu/release";
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub(super) const PROGRAMS: &str = "aarch64-unknown-linux-gnu/release";
#[cfg(target_os = "macos")]
pub(super) const PROGRAMS: &str = "aarch64-apple-darwin/release";
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) const PROGRAMS: &str = "release";

/// Head of the lines that [`Outcome::line`] gives.
pub(super) const HEAD: &str =
    "target        minutes   executions   edges      of  corpus  findings";

/// What a target's runs came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// Seconds that it ran.
    pub(super) seconds: f64,
    /// Inputs that were run.
    executions: u64,
    /// Edges of the program that inputs reached, and that it has.
    edges: u64,
    all_edges: u64,
    /// Inputs that each reach something of their own.
    corpus: u64,
    /// Files of what was found wrong.
    pub(super) findings: Vec<String>,
}

impl Outcome {
    /// Adds what a program printed; what it found, where it did.
    pub(super) fn add(&mut self, text: &str) -> Option<String> {
        let before = self.findings.len();
        let mut executions = 0;
        for line in text.lines() {
            if let Some(row) = line.strip_prefix('#') {
                let words: Vec<&str> = row.split_whitespace().collect();
                let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
                executions = executions.max(number(words.first().copied()).unwrap_or(0));
                let after = |name: &str| {
                    let at = words.iter().position(|word| *word == name)?;
                    number(words.get(at + 1)?.split('/').next())
                };
                self.edges = self.edges.max(after("cov:").unwrap_or(0));
                self.corpus = self.corpus.max(after("corp:").unwrap_or(0));
            } else if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
                executions = executions.max(count.trim().parse().unwrap_or(0));
            } else if let Some((_, rest)) = line.split_once("Loaded 1 modules") {
                let count =
                    rest.split_once('(').and_then(|(_, counts)| counts.split_whitespace().next());
                self.all_edges =
                    self.all_edges.max(count.and_then(|n| n.parse().ok()).unwrap_or(0));
            } else if let Some((_, path)) = line.split_once("Test unit written to ") {
                self.findings.push(path.trim().to_owned());
            }
        }
        self.executions += executions;
        self.findings.get(before).cloned()
    }

    /// A line of the table.
    pub(super) fn line(&self, name: &str) -> String {
        format!(
            "{name:<12} {:>8.1} {:>12} {:>7} {:>7} {:>7} {:>9}",
            self.seconds / 60.0,
            self.executions,
            self.edges,
            self.all_edges,
            self.corpus,
            self.findings.len()
        )
    }

    /// The figures that are kept.
    pub(super) fn figures(&self, name: &str) -> Value {
        json!({
            "target": name,
            "minutes": (self.seconds / 6.0).round() / 10.0,
            "executions": self.executions,
            "edges": self.edges,
            "edges_of_program": self.all_edges,
            "corpus": self.corpus,
            "findings": self.findings.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "INFO: Loaded 1 modules   (4200 inline 8-bit counters): 4200 [0x1, 0x2), \n\
        #2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb\n\
        #900\tNEW    cov: 320 ft: 500 corp: 17/1Kb lim: 4 exec/s: 90 rss: 31Mb L: 4/4 MS: 1 ChangeBit-\n";

    #[test]
    fn figures_are_read_and_runs_are_added_up() {
        let mut outcome = Outcome::default();
        let done = format!(
            "{TEXT}#1000\tDONE   cov: 321 ft: 500 corp: 18/1Kb\nstat::number_of_executed_units: 1000\n"
        );
        assert_eq!(outcome.add(&done), None);
        let found = format!(
            "{TEXT}==1== ERROR\nTest unit written to f/crash-1\nstat::number_of_executed_units: 950\n"
        );
        assert_eq!(outcome.add(&found).as_deref(), Some("f/crash-1"));
        outcome.seconds = 90.0;
        let expected = json!({
            "target": "a", "minutes": 1.5, "executions": 1950, "edges": 321, "edges_of_program": 4200,
            "corpus": 18, "findings": 1,
        });
        assert_eq!(outcome.figures("a"), expected);
        assert_eq!(outcome.line("a").len(), HEAD.len());
    }
}
