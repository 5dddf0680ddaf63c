//! Laws: 编, 分编, 章, 节 as headings, one passage an article, annexes behind.

use super::article;
use super::lines::Line;
use super::scan::{head, is_blank, is_han};
use super::sections::{Base, sections};
use super::{Context, marker::marker};
use crate::address::{Address, Level, Number, leading_annex, leading_step};
use crate::document::{Unit, UnitKind};
use crate::span::Span;

/// An article's heading at the beginning of a line. It is `sure` where something other than a sentence follows.
struct Heading {
    number: Number,
    sure: bool,
}

fn article_heading(line: &str) -> Option<Heading> {
    if !line.starts_with('第') {
        return None;
    }
    let (level, number, used) = leading_step(line)?;
    if level != Level::Article {
        return None;
    }
    let next = line[used..].chars().next();
    let sure = next
        .is_none_or(|c| is_blank(c) || matches!(c, '【' | '（' | '(' | '：' | ':' | '［' | '“'));
    // `第三条规定的`, `第三条第二款` begin sentences.
    let sentence = "规第的所至和款之、，中及或与修增删改项以到；。";
    let can_follow = next.is_some_and(|c| is_han(c) && !sentence.contains(c) || c == '《');
    (sure || can_follow).then_some(Heading { number, sure })
}

/// Whether a line may begin an article.
pub(crate) fn begins_article(line: &str) -> bool {
    article_heading(line).is_some()
}

/// Longest heading of a chapter, in characters.
const HEADING: usize = 40;

/// 编, 分编, 章, 节 at the beginning of a short line that is no sentence.
fn chapter_heading(line: &str) -> Option<(Level, Number, usize)> {
    if !line.starts_with('第') {
        return None;
    }
    let (level, number, used) = leading_step(line).filter(|found| found.0 < Level::Article)?;
    let next = line[used..].chars().next();
    let follows = next.is_none_or(|c| {
        is_blank(c) || is_han(c) && !"规第的所至和、，中及或与".contains(c) || c == '：'
    });
    // Looked at only in a short line: the rest of a text may come here.
    let title = || {
        head(line, HEADING).len() == line.len()
            && !line.ends_with(['。', '；', '，', '”', '：'])
            && !line.contains(['。', '；'])
    };
    (follows && title()).then_some((level, number, used))
}

/// Whether a line is a heading of 编, 分编, 章, 节, or of a 部分.
pub(crate) fn begins_heading(line: &str) -> bool {
    chapter_heading(line).is_some()
}

/// Whether lines are a law: two articles that count, or one where it begins.
pub(crate) fn is_law(text: &str, lines: &[Line]) -> bool {
    let (mut last, mut count) = (0, 0);
    for line in lines {
        let Some(found) = line.span.of(text).and_then(article_heading) else { continue };
        if found.number.value == last + 1 {
            (last, count) = (last + 1, count + 1);
            if count >= 2 {
                return true;
            }
        }
    }
    false
}

/// The article a document begins in, where it is a record of one article.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seed(pub(crate) Option<Address>);

/// The passages of a law's text.
pub(crate) fn units(context: &Context<'_>, lines: &[Line], seed: &Seed) -> Vec<Unit> {
    let mut law = Law {
        context,
        address: Address::default(),
        headings: Vec::new(),
        open: None,
        run: Vec::new(),
        last: 0,
        units: Vec::new(),
        record: seed.0.is_some(),
        flat: !context.text.trim().contains('\n'),
    };
    if let (Some(address), Some(first)) = (&seed.0, lines.first()) {
        law.address = address.clone();
        law.last = address.article.map_or(0, |article| article.value);
        law.open = Some(Span::new(first.span.start, first.span.start));
    }
    let mut i = 0;
    while let Some(line) = lines.get(i) {
        i += law.line(line, lines.get(i + 1));
    }
    law.close();
    law.flush();
    law.units
}

struct Law<'a> {
    context: &'a Context<'a>,
    /// Where the reading stands, down to the article.
    address: Address,
    /// Headings with their levels, outermost first.
    headings: Vec<(Level, String)>,
    /// The article being read.
    open: Option<Span>,
    /// Lines outside articles.
    run: Vec<Line>,
    /// Number of the last article.
    last: u32,
    units: Vec<Unit>,
    record: bool,
    flat: bool,
}

impl Law<'_> {
    /// Takes a line, or two where a heading's title stands on the next. Returns how many.
    fn line(&mut self, line: &Line, next: Option<&Line>) -> usize {
        let Some(shown) = line.span.of(self.context.text) else { return 1 };
        if line.row.is_some() {
            self.close();
            self.run.push(*line);
            return 1;
        }
        if let Some(heading) = article_heading(shown).filter(|found| self.counts(found)) {
            self.close();
            self.flush();
            self.address.enter(Level::Article, heading.number);
            self.last = heading.number.value;
            self.open = Some(line.span);
            return 1;
        }
        if !self.record
            && let Some(found) = chapter_heading(shown)
        {
            return self.heading(shown, found, next);
        }
        if self.is_annex(shown) {
            self.close();
            self.flush();
            let (annex, _) = leading_annex(shown);
            self.address = Address { annex, ..Address::default() };
            self.headings.clear();
            self.last = 0;
            self.run.push(*line);
            return 1;
        }
        if self.open.is_none() && is_contents(shown) {
            return 1;
        }
        match &mut self.open {
            Some(open) => open.end = line.span.end,
            None => self.run.push(*line),
        }
        1
    }

    /// Whether a heading counts on from the last article.
    fn counts(&self, found: &Heading) -> bool {
        let value = found.number.value;
        let next = value == self.last + 1 || value == self.last && found.number.inserted > 0;
        if self.record {
            return next && found.sure && self.flat && self.last > 0;
        }
        next || found.sure && (value > self.last || value == 1)
    }

    fn heading(
        &mut self,
        shown: &str,
        (level, number, used): (Level, Number, usize),
        next: Option<&Line>,
    ) -> usize {
        self.close();
        self.flush();
        let mut title = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut taken = 1;
        if shown[used..].trim_matches(is_blank).is_empty()
            && let Some(below) = next.and_then(|next| next.span.of(self.context.text))
            && head(below, HEADING).len() == below.len()
            && !below.ends_with(['。', '；', '：'])
            && leading_step(below).is_none()
            && marker(below).is_none()
        {
            title = format!("{title} {below}");
            taken = 2;
        }
        self.address.enter(level, number);
        self.headings.retain(|(own, _)| *own < level);
        self.headings.push((level, title));
        taken
    }

    fn is_annex(&self, shown: &str) -> bool {
        if self.open.is_none() && self.address.annex.is_none() && self.last == 0 {
            return false;
        }
        let (annex, rest) = leading_annex(shown);
        let Some(annex) = annex else { return false };
        let short = head(shown, 60).len() == shown.len() && !shown.ends_with(['。', '；']);
        let opens = rest.is_empty() || rest.starts_with(['：', ':', ' ', '\u{3000}', '.', '、']);
        short && (opens || annex != "附" && annex.chars().count() > 2 && rest.starts_with(is_han))
    }

    fn close(&mut self) {
        let Some(span) = self.open.take().filter(|span| !span.is_empty()) else { return };
        let headings: Vec<String> = self.headings.iter().map(|(_, title)| title.clone()).collect();
        let unit = |span: Span, address: Address| Unit {
            kind: UnitKind::Article,
            address,
            headings: headings.clone(),
            span,
            page: self.context.page(span.start),
            ..Unit::default()
        };
        let Some(shown) = span.of(self.context.text) else { return };
        if head(shown, self.context.options.article_chars).len() == shown.len() {
            self.units.push(unit(span, self.address.clone()));
        } else {
            let pieces = pieces(shown, &self.address, self.context.options.cap);
            self.units
                .extend(pieces.into_iter().map(|(piece, at)| unit(piece.shifted(span.start), at)));
        }
        if self.record && self.flat {
            // What follows in a record of one article does not stand under its 款.
            (self.address.paragraph, self.address.item, self.address.point) = (None, None, None);
        }
    }

    fn flush(&mut self) {
        let lines = std::mem::take(&mut self.run);
        if lines.is_empty() {
            return;
        }
        let base = Base {
            annex: self.address.annex.clone(),
            headings: self.headings.iter().map(|(_, title)| title.clone()).collect(),
        };
        self.units.extend(sections(self.context, &lines, &base));
    }
}

fn is_contents(shown: &str) -> bool {
    let compact: String = shown.chars().filter(|c| !is_blank(*c)).take(4).collect();
    matches!(compact.as_str(), "目录" | "目次")
}

/// A long article in pieces of whole 款 and 项, `cap` characters at most where they allow.
fn pieces(text: &str, article: &Address, cap: usize) -> Vec<(Span, Address)> {
    let mut found: Vec<(Span, Address)> = Vec::new();
    let mut chars = 0;
    for part in article::parts(text) {
        let own = part.span.of(text).map_or(0, |shown| shown.chars().count());
        match found.last_mut() {
            Some((span, _)) if chars + own <= cap => {
                span.end = part.span.end;
                chars += own;
            }
            _ => {
                let mut address = article.clone();
                (address.paragraph, address.item) = (Some(Number::new(part.paragraph)), part.item);
                // The first piece begins with the heading.
                let start = if found.is_empty() { 0 } else { part.span.start };
                found.push((Span::new(start, part.span.end), address));
                chars = own;
            }
        }
    }
    found
}
