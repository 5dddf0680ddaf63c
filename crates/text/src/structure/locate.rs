//! From a place in a document to its address, and back.

use super::article::{address_of, place_of};
use super::guide;
use super::scan::trim;
use super::sections::levelled;
use crate::address::{Address, parse_address};
use crate::document::{Document, DocumentKind, Unit, UnitKind};
use crate::span::Span;

/// The address of a place, 编 to 目 or all its levels, as exact as holds for the whole of it. `span` is a place in
/// [`Document::text`] within the passage `unit`; where there is no such passage the address is empty.
///
/// 款 is left out where the article has only one, as laws cite it.
#[must_use]
pub fn locate(document: &Document, unit: usize, span: Span) -> Address {
    let Some(own) = document.units.get(unit) else { return Address::default() };
    if own.kind == UnitKind::Article {
        let whole = whole_article(document, unit);
        let Some(text) = whole.of(&document.text) else { return own.address.clone() };
        let inner =
            Span::new(span.start.saturating_sub(whole.start), span.end.saturating_sub(whole.start));
        let below = address_of(text, inner);
        return Address {
            paragraph: below.paragraph,
            item: below.item,
            point: below.point,
            ..own.address.clone()
        };
    }
    if document.kind == DocumentKind::ServiceGuide
        && own.address.levels.is_empty()
        && own.kind != UnitKind::Row
    {
        let mut lines = guide::spans(&document.text, own.span);
        let line =
            lines.find(|line| span.start < line.end + 1).and_then(|line| line.of(&document.text));
        let levels =
            line.and_then(guide::label).map(|label| vec![label.to_owned()]).unwrap_or_default();
        return Address { levels, ..own.address.clone() };
    }
    if own.kind != UnitKind::Section {
        return own.address.clone();
    }
    let Some(text) = own.span.of(&document.text) else { return own.address.clone() };
    let at = span.start.saturating_sub(own.span.start);
    let lines = levelled(text, &own.address.levels);
    let levels =
        lines.into_iter().take_while(|(line, _)| line.start <= at).last().map(|(_, levels)| levels);
    Address { levels: levels.unwrap_or_else(|| own.address.levels.clone()), ..own.address.clone() }
}

/// The whole article of a passage: a long one is cut into several.
fn whole_article(document: &Document, unit: usize) -> Span {
    let same = |other: &&Unit| {
        other.kind == UnitKind::Article
            && document.units.get(unit).is_some_and(|own| {
                other.address.article == own.address.article
                    && other.address.annex == own.address.annex
            })
    };
    let units = &document.units;
    let start =
        units.iter().take(unit + 1).rev().take_while(same).last().map_or(0, |unit| unit.span.start);
    let end = units.iter().skip(unit).take_while(same).last().map_or(start, |unit| unit.span.end);
    Span::new(start, end)
}

/// The text at an address: an article, 款, 项 or 目; a chapter; a section of a notice. Without a 款, an item is looked
/// for in the first 款 that has it.
#[must_use]
pub fn resolve(document: &Document, address: &Address) -> Option<Span> {
    if !address.levels.is_empty() {
        return section(document, address);
    }
    let below = address.paragraph.or(address.item).or(address.point).is_some();
    if address.article.is_none() && !below {
        return range(document, address);
    }
    let unit = find_article(document, address)?;
    let whole = whole_article(document, unit);
    place_of(whole.of(&document.text)?, address).map(|span| span.shifted(whole.start))
}

/// An address as [`locate`] gives it for the same place: with 编 to 节, and 款 only where the article has several. `None`
/// where there is no such place. Two addresses mean one place where this is equal.
#[must_use]
pub fn canonical(document: &Document, address: &Address) -> Option<Address> {
    let span = resolve(document, address)?;
    let behind = document.units.partition_point(|unit| unit.span.start <= span.start);
    let unit = behind.checked_sub(1)?;
    Some(locate(document, unit, span))
}

/// The passage an article begins in. An address without an article means the only one there is.
pub(crate) fn find_article(document: &Document, address: &Address) -> Option<usize> {
    let articles =
        || document.units.iter().enumerate().filter(|(_, unit)| unit.kind == UnitKind::Article);
    if address.article.is_none() {
        let first = articles().next()?;
        let only = articles().all(|(_, unit)| unit.address.article == first.1.address.article);
        return only.then_some(first.0);
    }
    let upper = Address { paragraph: None, item: None, point: None, ..address.clone() };
    let fits = |(_, unit): &(usize, &Unit)| upper.covers(&unit.address);
    // The law itself before laws in its annexes.
    articles()
        .filter(fits)
        .find(|(_, unit)| unit.address.annex == address.annex)
        .or_else(|| articles().find(fits))
        .map(|(at, _)| at)
}

/// From the first to the last passage below an address: a chapter, an annex.
fn range(document: &Document, address: &Address) -> Option<Span> {
    if address.is_empty() {
        return None;
    }
    let mut within = document.units.iter().filter(|unit| address.covers(&unit.address));
    let first = within.next()?;
    let last = within.next_back().unwrap_or(first);
    Some(Span::new(first.span.start, last.span.end))
}

/// The lines at or below levels of a notice.
fn section(document: &Document, address: &Address) -> Option<Span> {
    if let ([field], DocumentKind::ServiceGuide) = (&address.levels[..], document.kind) {
        let whole = Span::new(0, document.text.len());
        let mut lines = guide::spans(&document.text, whole).map(|line| trim(&document.text, line));
        let found =
            lines.find(|line| line.of(&document.text).and_then(guide::label) == Some(field));
        if found.is_some() {
            return found;
        }
    }
    let mut found: Option<Span> = None;
    let mut running: Vec<String> = Vec::new();
    for unit in &document.units {
        if unit.address.annex != address.annex {
            continue;
        }
        if unit.kind == UnitKind::Row {
            if unit.address.levels == address.levels {
                return Some(unit.span);
            }
            continue;
        }
        if !running.starts_with(&unit.address.levels) {
            running.clone_from(&unit.address.levels);
        }
        let text = unit.span.of(&document.text)?;
        for (line, levels) in levelled(text, &running) {
            let line = line.shifted(unit.span.start);
            running = levels;
            if running.starts_with(&address.levels) {
                found = Some(Span::new(found.map_or(line.start, |span| span.start), line.end));
            } else if found.is_some() {
                return found;
            }
        }
    }
    found
}

/// The address a person writes for a place in this document: a law's, a notice's levels (`三`, `二、（一）`), a field of a guide
/// (`办理地点`), a row by one of its cells. `None` where the document has no such place.
#[must_use]
pub fn parse_in(document: &Document, text: &str) -> Option<Address> {
    let text = text.trim();
    let there = |address: &Address| resolve(document, address).is_some();
    if let Some(address) = parse_address(text).filter(there) {
        return Some(address);
    }
    let named = Address { levels: vec![text.to_owned()], ..Address::default() };
    if !text.is_empty() && there(&named) {
        return Some(named);
    }
    let cells = |unit: &&Unit| {
        let row = unit.span.of(&document.text).unwrap_or("");
        unit.kind == UnitKind::Row && row.split('\t').any(|cell| cell.trim() == text)
    };
    document.units.iter().find(cells).map(|unit| unit.address.clone())
}

/// Whether a quote is exactly what stands at a place, character by character.
#[must_use]
pub fn verify_quote(document: &Document, span: Span, quote: &str) -> bool {
    !quote.is_empty() && span.of(&document.text) == Some(quote)
}
