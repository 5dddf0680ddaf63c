//! The lines of an extract: what its blocks say, or the text's own lines, or, where a text is one long line, the
//! paragraphs that blanks and markers show.

use super::marker::marker;
use super::scan::{head, is_blank, tail, trim};
use super::{law, number};
use crate::document::{BlockKind, Extract};
use crate::span::Span;

/// A line: a paragraph, a heading or a row of a table. It is never empty and has no blanks at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) span: Span,
    /// Level of a heading that the format itself marks.
    pub(crate) heading: Option<u8>,
    /// Table and whether it is a header's row.
    pub(crate) row: Option<(u32, bool)>,
}

impl Line {
    const fn plain(span: Span) -> Self {
        Self { span, heading: None, row: None }
    }
}

/// The lines of an extract in order.
pub(crate) fn lines(extract: &Extract) -> Vec<Line> {
    let text = extract.text.as_str();
    let mut found = Vec::new();
    let mut at = 0;
    for block in &extract.blocks {
        let span = block.span;
        // Blocks come from readers; what does not fit the text is read as plain lines.
        if span.start < at || span.of(text).is_none() {
            continue;
        }
        plain_lines(text, Span::new(at, span.start), &mut found);
        at = span.end;
        match block.kind {
            BlockKind::Paragraph => {
                let first = found.len();
                plain_lines(text, span, &mut found);
                unwrap_lines(text, &mut found, first);
            }
            BlockKind::Heading { level } => {
                push(text, span, &mut found, |line| line.heading = Some(level));
            }
            BlockKind::Row { table, header } => {
                push(text, span, &mut found, |line| line.row = Some((table, header)));
            }
        }
    }
    let first = found.len();
    plain_lines(text, Span::new(at, text.len()), &mut found);
    if !extract.pages.is_empty() && extract.blocks.is_empty() {
        unwrap_lines(text, &mut found, first);
    }
    found
}

fn push(text: &str, span: Span, found: &mut Vec<Line>, mark: impl FnOnce(&mut Line)) {
    let span = trim(text, span);
    if !span.is_empty() {
        let mut line = Line::plain(span);
        mark(&mut line);
        found.push(line);
    }
}

/// A line longer than this, in characters, may hold paragraphs that were run together.
const LONG_LINE: usize = 120;

fn plain_lines(text: &str, span: Span, found: &mut Vec<Line>) {
    let Some(inner) = span.of(text) else { return };
    let mut at = span.start;
    for raw in inner.split('\n') {
        let line = trim(text, Span::new(at, at + raw.len()));
        at += raw.len() + 1;
        let Some(shown) = line.of(text).filter(|shown| !shown.is_empty()) else { continue };
        if shown.contains(is_blank) && head(shown, LONG_LINE).len() < shown.len() {
            let pieces = flat_pieces(shown);
            found.extend(pieces.into_iter().map(|piece| Line::plain(piece.shifted(line.start))));
        } else {
            found.push(Line::plain(line));
        }
    }
}

/// Joins lines that a page's width broke: a long line without a stop, and a next line that begins nothing.
fn unwrap_lines(text: &str, found: &mut Vec<Line>, first: usize) {
    let chars = |line: &Line| line.span.of(text).map_or(0, |shown| shown.chars().count());
    let widest = found[first..].iter().map(chars).max().unwrap_or(0);
    let mut kept: Vec<Line> = Vec::with_capacity(found.len() - first);
    let mut last_width = 0;
    for line in found.drain(first..) {
        let width = chars(&line);
        let begins = line.span.of(text).is_some_and(begins_something);
        let open = kept.last().is_some_and(|before| {
            before.heading.is_none()
                && before.row.is_none()
                && before
                    .span
                    .of(text)
                    .is_some_and(|shown| !shown.ends_with(['。', '；', '：', ':']))
        });
        match kept.last_mut() {
            Some(before)
                if open
                    && !begins
                    && line.row.is_none()
                    && last_width * 10 >= widest * 8
                    && widest >= 20 =>
            {
                before.span.end = line.span.end;
            }
            _ => kept.push(line),
        }
        last_width = width;
    }
    found.append(&mut kept);
}

fn begins_something(line: &str) -> bool {
    marker(line).is_some()
        || law::begins_article(line)
        || law::begins_heading(line)
        || line.starts_with("附件")
}

/// The paragraphs of a text whose line breaks were lost: broken where blanks follow a stop, precede a marker, or
/// indent; behind a heading, and behind the title.
pub(crate) fn flat_pieces(text: &str) -> Vec<Span> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut from = 0;
    while let Some(at) = text[from..].find(is_blank).map(|i| from + i) {
        let rest = text[at..].trim_start_matches(is_blank);
        let next = text.len() - rest.len();
        let piece = &text[start..at];
        if rest.is_empty() {
            break;
        }
        if breaks(piece, &text[at..next], rest, pieces.len()) {
            if !piece.is_empty() {
                pieces.push(Span::new(start, at));
            }
            start = next;
        }
        from = next;
    }
    let last = trim(text, Span::new(start, text.len()));
    if !last.is_empty() {
        pieces.push(last);
    }
    pieces
}

/// Words that titles of notices end with.
pub(crate) const TITLE_ENDS: [&str; 24] = [
    "通知", "公告", "意见", "通告", "决定", "办法", "规定", "措施", "方案", "细则", "指南", "批复",
    "通报", "公报", "令", "函", "条例", "指引", "预案", "规划", "要求", "解读", "政策", "问答",
];

fn breaks(piece: &str, gap: &str, rest: &str, pieces: usize) -> bool {
    let before = piece.chars().next_back();
    // A blank before closing punctuation is only sloppy.
    if rest.starts_with(['”', '’', '）', ')', '》', '。', '，', '、', '；', '：', ',', ';', ':'])
    {
        return false;
    }
    if before.is_some_and(|c| matches!(c, '“' | '‘' | '（' | '(' | '《')) {
        return false;
    }
    let closed = piece.trim_end_matches(['”', '’', '）', ')', '》', '"']);
    if closed.ends_with(['。', '；', '！', '？', '!', '?', '：', ':', '…']) || before.is_none()
    {
        return true;
    }
    // A heading's first word: the rest of the text is no short line.
    let word = || rest.split(is_blank).next().unwrap_or("");
    if begins_something(rest)
        || rest.starts_with('第') && law::begins_heading(word())
        || gap.matches('\u{3000}').count() >= 2
        || gap.contains('\n')
    {
        return true;
    }
    // A heading: a marker, and no stop since.
    let short = head(piece, 40).len() == piece.len();
    let stops = |shown: &str| shown.contains(['。', '；', '，']);
    let quoted = rest.starts_with(['“', '‘', '"']) || before == Some('”');
    if short && !quoted && (marker(piece).is_some() && !stops(piece) || law::begins_heading(piece))
    {
        return true;
    }
    if pieces > 3 {
        return false;
    }
    // The head of a notice: title, number, whom it is for.
    let end = tail(piece, 40).split([' ', '\u{3000}']).next_back().unwrap_or("");
    number::is_number(end)
        || number::is_number(rest.split(is_blank).next().unwrap_or(""))
        || TITLE_ENDS.iter().any(|word| end.ends_with(word)) && end.chars().count() > 6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<&str> {
        flat_pieces(text).into_iter().filter_map(|piece| piece.of(text)).collect()
    }

    #[test]
    fn paragraphs_run_together_come_apart() {
        let text = "关于加强污染防治资金管理 支持打赢疫情防控阻击战的通知 财资环〔2020〕3号 各省、自治区财政厅（局）： 为做好资金\
            管理工作通知如下： 一、环保支出要倾斜 各省份要继续保障。 二、资金使用 1.水污染 “ 点对点 ” 防治。 财政部 2020年2月20日";
        assert_eq!(
            shown(text),
            [
                "关于加强污染防治资金管理 支持打赢疫情防控阻击战的通知",
                "财资环〔2020〕3号",
                "各省、自治区财政厅（局）：",
                "为做好资金管理工作通知如下：",
                "一、环保支出要倾斜",
                "各省份要继续保障。",
                "二、资金使用",
                "1.水污染 “ 点对点 ” 防治。",
                "财政部 2020年2月20日",
            ]
        );
    }

    #[test]
    fn a_law_in_one_line() {
        assert_eq!(
            shown("第一章 总则 第一条 为了管理，制定本办法。 第二条 有下列情形的： （一）甲；"),
            [
                "第一章",
                "总则",
                "第一条 为了管理，制定本办法。",
                "第二条 有下列情形的：",
                "（一）甲；"
            ]
        );
    }

    #[test]
    fn lines_broken_by_a_page_are_joined() {
        let text = "第一条　为了规范本市养犬行为，保障公众健康和人身安全，维护市容环境和社\n会公共秩序，制定本条例。\n第二条　本条例适用于本市。";
        let page = crate::document::Page { number: 1, span: Span::new(0, text.len()) };
        let extract = Extract { text: text.to_owned(), pages: vec![page], ..Extract::default() };
        let found = lines(&extract);
        assert_eq!(found.len(), 2);
        assert!(found[0].span.of(text).unwrap().ends_with("制定本条例。"));
    }
}
