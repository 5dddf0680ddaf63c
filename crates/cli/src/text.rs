//! Tables for people: columns as wide as they need to be, numbers to the right; sizes and numbers as people write them.

/// A table on its way to the terminal.
#[derive(Clone, Debug, Default)]
pub struct TextTable {
    rows: Vec<Vec<String>>,
}

/// Widest a column gets.
const WIDEST: usize = 64;

impl TextTable {
    /// A table with these headings.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as lines.
    #[must_use]
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let shown: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| cut(cell)).collect()).collect();
        let body = || shown.iter().skip(1);
        let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                shown.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0)
            })
            .collect();
        let numeric: Vec<bool> = (0..columns)
            .map(|column| {
                let is_number = |row| {
                    let text: String = cell(row, column);
                    text.is_empty() || text == "–" || text.replace(',', "").parse::<f64>().is_ok()
                };
                body().all(is_number)
            })
            .collect();
        let mut text = String::new();
        for row in &shown {
            let mut line = String::new();
            for (column, &width) in widths.iter().enumerate() {
                let cell = cell(row, column);
                let space = " ".repeat(width - cell.chars().count());
                let (before, after) = if numeric[column] { (&*space, "") } else { ("", &*space) };
                line.push_str(&format!(
                    "{}{before}{cell}{after}",
                    if column > 0 { "  " } else { "" }
                ));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// At most [`WIDEST`] characters, none of them control characters.
fn cut(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() <= WIDEST {
        return clean;
    }
    clean.chars().take(WIDEST - 1).chain(['…']).collect()
}

/// A number with four decimals, or `–`.
#[must_use]
pub fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
}

/// A number of bytes as people say it.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.0} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_text_left() {
        let mut table = TextTable::new(&["name", "value"]);
        table.row(vec!["a".into(), "1.5".into()]);
        table.row(vec!["long\tname".into(), "12".into()]);
        assert_eq!(table.render(), "name       value\na            1.5\nlong name     12\n");
        assert_eq!(number(None), "–");
    }

    #[test]
    fn sizes_are_said_in_units_that_fit() {
        let said = [9_999, 10_000, 9_999_999, 12_345_678].map(size);
        assert_eq!(said, ["9999 B", "10 kB", "10000 kB", "12 MB"]);
    }
}
