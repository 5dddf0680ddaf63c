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
            .map(|column| shown.iter().map(|row| width(&cell(row, column))).max().unwrap_or(0))
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
            for (column, &wide) in widths.iter().enumerate() {
                let cell = cell(row, column);
                let space = " ".repeat(wide - width(&cell));
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

/// At most [`WIDEST`] columns of the terminal, no control characters.
fn cut(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if width(&clean) <= WIDEST {
        return clean;
    }
    let mut left = WIDEST - 1;
    let fits = |c: &char| {
        let taken = left.checked_sub(columns(*c));
        left = taken.unwrap_or(left);
        taken.is_some()
    };
    clean.chars().take_while(fits).chain(['…']).collect()
}

/// Columns of the terminal that a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Two for what East Asian writing sets in a square (the wide and full-width ranges of Unicode's UAX #11), one otherwise.
fn columns(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
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
    fn chinese_takes_two_columns() {
        let mut table = TextTable::new(&["标题", "n"]);
        table.row(vec!["临江市".into(), "1".into()]);
        table.row(vec!["ab".into(), "2".into()]);
        assert_eq!(table.render(), "标题    n\n临江市  1\nab      2\n");
        assert_eq!(width(&cut(&"长".repeat(80))), 63);
    }

    #[test]
    fn sizes_are_said_in_units_that_fit() {
        let said = [9_999, 10_000, 9_999_999, 12_345_678].map(size);
        assert_eq!(said, ["9999 B", "10 kB", "10000 kB", "12 MB"]);
    }
}
