//! The summary of an adapted model for people.

use std::collections::BTreeMap;

use strata_cli::text::TextTable;

use super::Adapted;

/// Rows and conflicts listed at most.
const LISTED: usize = 10;

impl Adapted {
    /// What was used, what was left out and why, how well it does, and where it is.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = format!(
            "{} rows, {} molecules used; {} rows merged into another of the same molecule\n",
            self.rows, self.molecules, self.merged
        );
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        self.dropped.iter().for_each(|row| *reasons.entry(&row.reason).or_default() += 1);
        for (reason, count) in &reasons {
            out += &format!("  left out  {count:>6}  {reason}\n");
        }
        for row in self.dropped.iter().take(LISTED) {
            out += &format!("    row {} ({}): {}\n", row.row, row.id, row.detail);
        }
        if self.dropped.len() > LISTED {
            out += &format!(
                "    and {} more (all of them with --json)\n",
                self.dropped.len() - LISTED
            );
        }
        if !self.conflicts.is_empty() {
            out += &format!("  {} molecules have rows that disagree:\n", self.conflicts.len());
            self.conflicts.iter().take(LISTED).for_each(|line| out += &format!("    {line}\n"));
        }
        if let Some([negative, positive]) = &self.classes {
            out += &format!("classes: {positive} (positive) and {negative}\n");
        }
        self.notes.iter().for_each(|note| out += &format!("note: {note}\n"));
        let [train, test] = self.parts;
        out += &format!(
            "\n{}, {}: {train} molecules to train on, {test} set aside\nhead: {} (least out-of-fold error of {} blends)\n\n",
            self.task,
            self.split,
            self.chosen,
            self.candidates.len()
        );
        let mut table =
            TextTable::new(&["held-out figure", "value", "95 % interval", "knowing nothing"]);
        for figure in &self.figures {
            let interval =
                figure.interval.map_or_else(String::new, |(a, b)| format!("{a:.3} to {b:.3}"));
            let baseline = figure.baseline.map_or_else(String::new, |value| format!("{value:.4}"));
            table.row(vec![
                figure.metric.clone(),
                format!("{:.4}", figure.value),
                interval,
                baseline,
            ]);
        }
        out += &table.render();
        out += &format!(
            "\nmodel {} trained on {} molecules, ONNX within {:.1e} of it: {}\n",
            self.name,
            self.trained_on,
            self.parity,
            self.folder.display()
        );
        let models = self.folder.parent().unwrap_or(&self.folder).display();
        out += &format!(
            "use it:  strata-drug screen LIBRARY --models {} --models-dir {models} --out OUT.csv\n",
            self.name
        );
        out
    }
}
