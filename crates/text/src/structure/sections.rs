//! Texts that are no law: levels 一、（一）1.（1）①, headings, paragraphs, tables; cut into passages of moderate size.

use super::Context;
use super::lines::Line;
use super::marker::{Class, Marker, marker, markers};
use super::scan::{ends_sentence, head, trim};
use super::{law, table};
use crate::address::Address;
use crate::document::{Unit, UnitKind};
use crate::span::Span;

/// What the lines stand under.
#[derive(Debug, Clone, Default)]
pub(crate) struct Base {
    pub(crate) annex: Option<String>,
    pub(crate) headings: Vec<String>,
}

/// A level that the reading is in.
#[derive(Debug, Clone)]
struct Level {
    rank: i32,
    label: String,
    heading: String,
}

/// The passages of lines.
pub(crate) fn sections(context: &Context<'_>, lines: &[Line], base: &Base) -> Vec<Unit> {
    let mut packer = Packer { context, base, levels: Vec::new(), open: None, units: Vec::new() };
    let shown = lines.iter().map(|line| line.span.of(context.text).unwrap_or(""));
    let marks = markers(shown, None);
    let mut i = 0;
    while let Some(line) = lines.get(i) {
        if line.row.is_some() {
            packer.close();
            let rows = lines[i..].iter().take_while(|line| line.row.is_some()).count();
            let place = packer.place(packer.levels.len());
            packer.units.extend(table::rows(context, &lines[i..i + rows], &place));
            i += rows;
        } else {
            packer.line(line, marks[i]);
            i += 1;
        }
    }
    packer.close();
    packer.units
}

/// A passage being gathered.
struct Open {
    span: Span,
    chars: usize,
    /// Whether there is more than headings in it.
    body: bool,
    /// Levels all its lines share.
    depth: usize,
    levels: Vec<String>,
    headings: Vec<String>,
}

struct Packer<'a> {
    context: &'a Context<'a>,
    base: &'a Base,
    levels: Vec<Level>,
    open: Option<Open>,
    units: Vec<Unit>,
}

/// Where a passage stands: its address and the headings above it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) address: Address,
    pub(crate) headings: Vec<String>,
}

impl Packer<'_> {
    fn line(&mut self, line: &Line, mark: Option<Marker>) {
        let Some(shown) = line.span.of(self.context.text) else { return };
        let chars = shown.chars().count();
        let begins = rank_of(shown, mark, line.heading, self.context.title);
        self.part_before(begins.as_ref(), chars);
        let above = match &begins {
            Some(level) => {
                self.levels.retain(|own| own.rank < level.rank);
                self.levels.push(level.clone());
                self.levels.len() - 1
            }
            None => self.levels.len(),
        };
        if chars > self.context.options.cap {
            self.close();
            self.long(line.span, above);
            return;
        }
        let body = begins.as_ref().is_none_or(|level| level.heading != shown);
        self.append(line.span, chars, body, above);
    }

    /// Ends the open passage where the next line is better not in it.
    fn part_before(&mut self, begins: Option<&Level>, chars: usize) {
        let options = self.context.options;
        let Some(open) = &self.open else { return };
        let full = open.chars + chars > options.cap;
        let top = open.body && begins.is_some_and(|level| level.rank <= 0);
        let enough = open.body && open.chars >= options.least && begins.is_some();
        let long = open.body && open.chars >= options.least && open.chars + chars > options.most;
        if full || top || enough || long {
            self.close();
        }
    }

    fn append(&mut self, span: Span, chars: usize, body: bool, above: usize) {
        let labels: Vec<&str> = self.levels.iter().map(|level| level.label.as_str()).collect();
        match &mut self.open {
            Some(open) => {
                open.span.end = span.end;
                open.chars += chars;
                open.body |= body;
                let shared =
                    open.levels.iter().zip(&labels).take_while(|(own, new)| own == *new).count();
                open.depth = open.depth.min(shared);
            }
            None => {
                let place = self.place(above);
                self.open = Some(Open {
                    span,
                    chars,
                    body,
                    depth: labels.len(),
                    levels: labels.into_iter().map(str::to_owned).collect(),
                    headings: place.headings,
                });
            }
        }
    }

    /// The place below the first `depth` levels.
    fn place(&self, depth: usize) -> Place {
        let own = self.levels.iter().take(depth);
        Place {
            address: Address {
                annex: self.base.annex.clone(),
                levels: own.clone().map(|level| level.label.clone()).collect(),
                ..Address::default()
            },
            headings: self
                .base
                .headings
                .iter()
                .cloned()
                .chain(own.map(|level| level.heading.clone()))
                .collect(),
        }
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        open.levels.truncate(open.depth);
        self.push(open.span, open.levels, open.headings);
    }

    fn push(&mut self, span: Span, levels: Vec<String>, headings: Vec<String>) {
        let section = !levels.is_empty() || !headings.is_empty();
        self.units.push(Unit {
            kind: if section { UnitKind::Section } else { UnitKind::Paragraph },
            address: Address { annex: self.base.annex.clone(), levels, ..Address::default() },
            headings,
            span,
            page: self.context.page(span.start),
            ..Unit::default()
        });
    }

    /// A paragraph beyond the cap, cut behind sentences.
    fn long(&mut self, span: Span, above: usize) {
        let levels: Vec<String> = self.levels.iter().map(|level| level.label.clone()).collect();
        for (i, piece) in
            cut(self.context.text, span, self.context.options.most).into_iter().enumerate()
        {
            let depth = if i == 0 { above } else { self.levels.len() };
            let headings = self.place(depth).headings;
            self.push(piece, levels.clone(), headings);
        }
    }
}

/// A span in pieces of `most` characters at most, behind sentences where there are any, else behind commas, else anywhere.
pub(crate) fn cut(text: &str, span: Span, most: usize) -> Vec<Span> {
    let most = most.max(1);
    let mut pieces = Vec::new();
    let mut start = span.start;
    while let Some(rest) = Span::new(start, span.end).of(text).filter(|rest| !rest.is_empty()) {
        let window = head(rest, most);
        if window.len() == rest.len() {
            pieces.push(trim(text, Span::new(start, span.end)));
            break;
        }
        let behind = |found: Option<(usize, char)>| found.map(|(at, c)| at + c.len_utf8());
        let late = |at: &usize| *at * 2 >= window.len();
        let stop = behind(window.char_indices().rfind(|(_, c)| ends_sentence(*c) || *c == '\n'));
        let comma = behind(
            window.char_indices().rfind(|(_, c)| matches!(c, '，' | '、' | ',' | ' ' | '\u{3000}')),
        );
        let end = stop.filter(late).or(comma.filter(late)).or(stop).unwrap_or(window.len());
        // Closing marks stay with their sentence.
        let tail = rest[end..].len() - rest[end..].trim_start_matches(['”', '’', '）', '》']).len();
        let piece = trim(text, Span::new(start, start + end + tail));
        start += end + tail;
        if !piece.is_empty() {
            pieces.push(piece);
        }
    }
    pieces
}

/// The level a line begins: by its marker, by the format's heading, or by 第X章 and 第X部分.
fn rank_of(shown: &str, mark: Option<Marker>, heading: Option<u8>, title: &str) -> Option<Level> {
    if let Some(found) = mark {
        let heading = heading_of(shown, found.len);
        return Some(Level {
            rank: i32::try_from(found.class.depth()).unwrap_or(0),
            label: found.label(),
            heading,
        });
    }
    if shown == title {
        return None;
    }
    let rank = match heading {
        Some(level) => i32::from(level.min(20)) - 30,
        None if law::begins_heading(shown) || begins_division(shown) => -1,
        None => return None,
    };
    Some(Level { rank, label: head(shown, 40).to_owned(), heading: shown.to_owned() })
}

fn begins_division(shown: &str) -> bool {
    let Some(rest) = shown.strip_prefix('第') else { return false };
    let used = crate::address::leading_numeral(rest).map_or(0, |(_, used)| used);
    used > 0
        && rest[used..].starts_with("部分")
        && head(shown, 40).len() == shown.len()
        && !shown.ends_with('。')
}

/// What of a marked line is its heading: all of a short line without a stop, else its first sentence if that is short,
/// else its first words.
fn heading_of(shown: &str, marker: usize) -> String {
    const LONGEST: usize = 40;
    let body = &shown[marker..];
    let first = body.find(['。', '：', '；', ':', '！']).map_or(body, |stop| &body[..stop]);
    let short = head(first, LONGEST).len() == first.len();
    if short && first.len() == body.len() {
        return shown.to_owned();
    }
    let kept = if short { first } else { head(first, 20) };
    format!("{}{kept}", &shown[..marker])
}

/// The lines of a passage whose first stands below `start`, each with the levels it stands at.
pub(crate) fn levelled(text: &str, start: &[String]) -> Vec<(Span, Vec<String>)> {
    let mut levels: Vec<(i32, String)> = Vec::new();
    for label in start {
        let rank =
            marker(label).map_or(-1, |found| i32::try_from(found.class.depth()).unwrap_or(0));
        levels.push((rank, label.clone()));
    }
    let pieces: Vec<Span> = if text.contains('\n') {
        let mut from = 0;
        let line = |line: &str| {
            let span = trim(text, Span::new(from, from + line.len()));
            from += line.len() + 1;
            span
        };
        text.split('\n').map(line).collect()
    } else {
        super::lines::flat_pieces(text)
    };
    let last =
        start.iter().filter_map(|label| marker(label)).find(|mark| mark.class == Class::Comma);
    let shown = |piece: &Span| piece.of(text).unwrap_or("");
    let marks = markers(pieces.iter().map(shown), last.map(|mark| mark.number));
    let mut found = Vec::with_capacity(pieces.len());
    for (piece, mark) in pieces.into_iter().zip(marks) {
        if piece.is_empty() {
            continue;
        }
        if let Some(mark) = mark {
            let rank = i32::try_from(mark.class.depth()).unwrap_or(0);
            levels.retain(|(own, _)| *own < rank);
            levels.push((rank, mark.label()));
        }
        found.push((piece, levels.iter().map(|(_, label)| label.clone()).collect()));
    }
    found
}
