//! Questions with replies: 12345 cases and FAQ pairs, each a passage.

use super::scan::head;
use super::sections::{Base, cut, sections};
use super::{Context, lines::Line};
use crate::document::{Unit, UnitKind};
use crate::span::Span;

/// The labelled lines of a case whose text does not hold its question and reply already.
pub(crate) fn lines(question: &str, reply: &str, department: Option<&str>, text: &str) -> String {
    let mut out = String::new();
    let mut add = |label: &str, value: &str| {
        let value = value.trim();
        if !value.is_empty() && !text.contains(value) {
            out.push_str(label);
            out.push('：');
            out.push_str(value);
            out.push('\n');
        }
    };
    add("问题", question);
    add("答复", reply);
    if let Some(department) = department {
        add("承办单位", department);
    }
    out.truncate(out.trim_end().len());
    out
}

/// The passages of a case: one, or the reply in pieces with the question as context.
pub(crate) fn case_units(context: &Context<'_>, span: Span, question: &str) -> Vec<Unit> {
    let long = span
        .of(context.text)
        .is_some_and(|shown| head(shown, context.options.cap).len() < shown.len());
    let pieces = if long { cut(context.text, span, context.options.most) } else { vec![span] };
    pieces
        .into_iter()
        .enumerate()
        .map(|(i, piece)| Unit {
            kind: UnitKind::Case,
            span: piece,
            context: if i == 0 { String::new() } else { head(question, 200).to_owned() },
            page: context.page(piece.start),
            ..Unit::default()
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Question,
    Answer,
}

fn mark(shown: &str) -> Option<Mark> {
    let rest = |words: &[&str]| {
        words.iter().any(|word| {
            shown.strip_prefix(word).is_some_and(|rest| {
                let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
                rest.starts_with(['：', ':', '、', '.']) && !rest.starts_with(":/")
            })
        })
    };
    if rest(&["问题", "问", "Q", "【问】", "提问"]) || shown.starts_with("【问】") {
        Some(Mark::Question)
    } else if rest(&["答复", "答", "A", "回复", "解答", "回答"]) || shown.starts_with("【答】")
    {
        Some(Mark::Answer)
    } else {
        None
    }
}

/// Whether lines hold pairs of question and answer.
pub(crate) fn has_pairs(text: &str, lines: &[Line]) -> bool {
    let marks: Vec<Mark> =
        lines.iter().filter_map(|line| line.span.of(text).and_then(mark)).collect();
    marks.windows(2).any(|pair| pair == [Mark::Question, Mark::Answer])
}

/// The passages of a text with pairs: one a pair, and sections of what stands around.
pub(crate) fn pair_units(context: &Context<'_>, all: &[Line]) -> Vec<Unit> {
    let marks: Vec<Option<Mark>> =
        all.iter().map(|line| line.span.of(context.text).and_then(mark)).collect();
    let mut units = Vec::new();
    let mut i = 0;
    while i < all.len() {
        if marks[i] != Some(Mark::Question) {
            let run = marks[i..].iter().take_while(|mark| **mark != Some(Mark::Question)).count();
            units.extend(sections(context, &all[i..i + run], &Base::default()));
            i += run;
            continue;
        }
        // Up to the next question, unless there is a heading between.
        let behind = &marks[i + 1..];
        let run = 1 + behind.iter().take_while(|mark| **mark != Some(Mark::Question)).count();
        let pair = &all[i..i + run];
        let end = pair
            .iter()
            .skip(1)
            .position(|line| line.heading.is_some() || line.row.is_some())
            .map_or(run, |at| at + 1);
        let span = Span::new(pair[0].span.start, pair[end - 1].span.end);
        let question = pair[0].span.of(context.text).unwrap_or("");
        units.extend(case_units(context, span, question));
        i += end;
    }
    units
}
