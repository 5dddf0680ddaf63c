//! Rows of a table, whatever format they come from: which are its header, and what is in merged cells.

use super::build::Builder;
use super::fields::one_line;
use super::problem::Problem;

/// A cell as its format gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// Text.
    pub(super) text: String,
    /// Columns it takes, from 1.
    pub(super) columns: usize,
    /// Rows it takes, from 1.
    pub(super) rows: usize,
}

impl Cell {
    pub(super) fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), columns: 1, rows: 1 }
    }
}

/// Most columns of a table; those beyond stand in one cell.
const COLUMNS: usize = 512;
/// Longest text that is repeated where cells are merged.
const REPEATED: usize = 200;

/// A cell that goes on into the rows below.
#[derive(Clone)]
struct Below {
    text: String,
    rows: usize,
}

/// A table row by row. Cells merged downwards are repeated in each row, so that a row can be read alone; cells merged
/// sideways are repeated in the header, where they name each of their columns.
pub(super) struct Table<'a> {
    builder: &'a mut Builder,
    below: Vec<Option<Below>>,
    header: Vec<Vec<String>>,
    /// Rows that the header still takes, by merged cells of it.
    more_header: usize,
    first: Option<First>,
    rows: usize,
    begun: bool,
}

/// The first row, kept until the second tells what it was.
struct First {
    cells: Vec<String>,
    /// Rows that its cells take, the most.
    deep: usize,
    /// Whether cells of it are merged sideways.
    wide: bool,
    declared: bool,
}

impl<'a> Table<'a> {
    pub(super) fn new(builder: &'a mut Builder) -> Self {
        Self {
            builder,
            below: Vec::new(),
            header: Vec::new(),
            more_header: 0,
            first: None,
            rows: 0,
            begun: false,
        }
    }

    /// A row; `declared` says that the format itself calls it a header.
    pub(super) fn row(&mut self, cells: &[Cell], declared: bool) -> Result<(), Problem> {
        let deep = cells.iter().map(|c| c.rows).max().unwrap_or(1).min(8);
        let wide = cells.iter().any(|c| c.columns > 1);
        let header = declared || self.more_header > 0 || self.first.is_none() && !self.begun;
        let filled = self.fill(cells, header);
        if cells.iter().all(|cell| cell.text.trim().is_empty()) {
            // Nothing of its own.
            return Ok(());
        }
        if self.first.is_none() && !self.begun {
            let one = cells.iter().filter(|c| !c.text.trim().is_empty()).count() == 1;
            if one && !declared && self.below.iter().all(Option::is_none) {
                // One cell alone above a table is its caption.
                let caption =
                    filled.iter().find(|text| !text.is_empty()).cloned().unwrap_or_default();
                return self.builder.paragraph(&caption);
            }
            self.first = Some(First { cells: filled, deep, wide, declared });
            return Ok(());
        }
        self.open(Some(&filled), cells)?;
        if self.more_header > 0 {
            self.more_header -= 1;
            return self.head(filled);
        }
        if declared && self.rows == 0 {
            return self.head(filled);
        }
        if self.is_header_again(&filled) {
            return Ok(());
        }
        self.rows += 1;
        self.builder.row(false, &filled)
    }

    /// A header printed again on the next sheet of paper, perhaps with its merged cells written once.
    fn is_header_again(&self, row: &[String]) -> bool {
        let filled = row.iter().filter(|text| !text.is_empty()).count();
        filled > 1
            && self.header.iter().any(|header| {
                row.iter()
                    .enumerate()
                    .all(|(at, text)| text.is_empty() || header.get(at) == Some(text))
            })
    }

    /// Writes the first row, as what it is.
    fn open(&mut self, second: Option<&[String]>, raw: &[Cell]) -> Result<(), Problem> {
        let Some(first) = self.first.take() else { return Ok(()) };
        self.begun = true;
        self.builder.begin_table();
        let header = first.declared || second.is_some_and(|second| is_header(&first.cells, second));
        if !header {
            self.rows += 1;
            return self.builder.row(false, &first.cells);
        }
        // Merged sideways: the names of the single columns are in the next row, if that looks like names.
        let named_below =
            first.wide && raw.iter().filter(|c| !c.text.is_empty()).all(|c| is_name(&c.text));
        self.more_header = (first.deep - 1).max(usize::from(named_below && second.is_some()));
        self.head(first.cells)
    }

    fn head(&mut self, cells: Vec<String>) -> Result<(), Problem> {
        self.builder.row(true, &cells)?;
        self.header.push(cells);
        Ok(())
    }

    /// The texts of a row's columns, merged cells filled in.
    fn fill(&mut self, cells: &[Cell], header: bool) -> Vec<String> {
        let (mut out, mut at) = (Vec::new(), 0);
        for cell in cells {
            self.reach_down(&mut out, &mut at);
            let text = one_line(&cell.text);
            for part in 0..cell.columns.clamp(1, COLUMNS) {
                if at >= COLUMNS {
                    if let (0, Some(last)) = (part, out.last_mut()) {
                        let last: &mut String = last;
                        last.push(' ');
                        last.push_str(&text);
                    }
                    break;
                }
                let repeated = header && text.len() <= REPEATED;
                let shown = if part == 0 || repeated { text.clone() } else { String::new() };
                if self.below.len() <= at {
                    self.below.resize(at + 1, None);
                }
                if cell.rows > 1 {
                    let text = if text.len() <= REPEATED { shown.clone() } else { String::new() };
                    self.below[at] = Some(Below { text, rows: cell.rows - 1 });
                }
                out.push(shown);
                at += 1;
            }
        }
        self.reach_down(&mut out, &mut at);
        out
    }

    /// The cells of the rows above that reach down into the next columns.
    fn reach_down(&mut self, out: &mut Vec<String>, at: &mut usize) {
        while let Some(place) = self.below.get_mut(*at) {
            let Some(below) = place else { break };
            out.push(below.text.clone());
            below.rows -= 1;
            if below.rows == 0 {
                *place = None;
            }
            *at += 1;
        }
    }

    /// Ends the table.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.open(None, &[])?;
        if self.begun {
            self.builder.end_table();
        }
        Ok(())
    }
}

/// Whether a first row names the columns: every cell is a name, and of two columns the second is called as columns are,
/// for else it is a list of names and values.
fn is_header(first: &[String], second: &[String]) -> bool {
    const CALLED: [&str; 24] = [
        "内容",
        "数量",
        "电话",
        "说明",
        "备注",
        "要求",
        "名称",
        "地址",
        "时限",
        "标准",
        "份数",
        "依据",
        "单位",
        "金额",
        "时间",
        "结果",
        "部门",
        "类型",
        "日期",
        "联系人",
        "职责",
        "比例",
        "形式",
        "情况",
    ];
    let filled: Vec<&String> = first.iter().filter(|text| !text.is_empty()).collect();
    if filled.len() < 2
        || filled.len() * 2 < second.len()
        || !filled.iter().all(|text| is_name(text))
    {
        return false;
    }
    filled.len() > 2
        || CALLED.iter().any(|end| filled[1].ends_with(end))
        || is_number(second.get(1))
}

fn is_number(text: Option<&String>) -> bool {
    text.is_some_and(|text| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || ".,%-".contains(c))
    })
}

/// Short, and no number, date or sentence.
fn is_name(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    text.chars().count() <= 30 && letters > digits && !text.contains(['。', '；', '，'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::BlockKind;
    use crate::read::limits::ReadLimits;

    fn table(rows: &[&[(&str, usize, usize)]]) -> Vec<String> {
        let mut builder = Builder::new(&ReadLimits::default());
        let mut table = Table::new(&mut builder);
        for row in rows {
            let cells: Vec<Cell> = row
                .iter()
                .map(|&(text, columns, rows)| Cell { text: text.to_owned(), columns, rows })
                .collect();
            table.row(&cells, false).unwrap();
        }
        table.finish().unwrap();
        let [document] = builder.finish().try_into().unwrap();
        document
            .blocks
            .iter()
            .map(|block| {
                let mark = match block.kind {
                    BlockKind::Row { header: true, .. } => "#",
                    BlockKind::Row { .. } => "-",
                    _ => "",
                };
                format!("{mark}{}", block.span.of(&document.text).unwrap().replace('\t', "|"))
            })
            .collect()
    }

    #[test]
    fn headers_of_two_rows_and_merged_cells() {
        let rows = table(&[
            &[("附件：收费标准", 4, 1)],
            &[("项目", 1, 2), ("收费", 2, 1), ("备注", 1, 2)],
            &[("个人", 1, 1), ("企业", 1, 1)],
            &[("登记", 1, 2), ("10元", 1, 1), ("20元", 1, 1), ("每件", 1, 1)],
            &[("5元", 1, 1), ("6元", 1, 1), ("加急", 1, 1)],
            &[("项目", 1, 1), ("收费", 1, 1), ("收费", 1, 1), ("备注", 1, 1)],
            &[("合计", 3, 1), ("无", 1, 1)],
        ]);
        assert_eq!(
            rows,
            [
                "附件：收费标准",
                "#项目|收费|收费|备注",
                "#项目|个人|企业|备注",
                "-登记|10元|20元|每件",
                "-登记|5元|6元|加急",
                "-合计|||无"
            ]
        );
    }

    #[test]
    fn names_and_values_have_no_header() {
        let rows = table(&[
            &[("事项名称", 1, 1), ("企业设立登记", 1, 1)],
            &[("办理时限", 1, 1), ("3个工作日", 1, 1)],
        ]);
        assert_eq!(rows, ["-事项名称|企业设立登记", "-办理时限|3个工作日"]);
        let rows =
            table(&[&[("部门", 1, 1), ("联系电话", 1, 1)], &[("公安局", 1, 1), ("110", 1, 1)]]);
        assert_eq!(rows[0], "#部门|联系电话");
    }

    #[test]
    fn hostile_spans_are_bounded() {
        let rows = table(&[&[("甲", usize::MAX, usize::MAX), ("乙", 1 << 40, 1)], &[("丙", 1, 1)]]);
        assert!(
            rows.len() <= 2 && rows.iter().map(String::len).sum::<usize>() < 10_000,
            "{}",
            rows.len()
        );
    }
}
