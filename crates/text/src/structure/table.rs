//! Tables: every row is a passage that knows its header.

use super::Context;
use super::lines::Line;
use super::scan::head;
use super::sections::Place;
use crate::document::{Unit, UnitKind};

/// Characters of a header that are kept as context.
const HEADER: usize = 300;

/// The passages of rows that follow each other, of one table or several.
pub(crate) fn rows(context: &Context<'_>, lines: &[Line], place: &Place) -> Vec<Unit> {
    let mut units = Vec::new();
    let (mut table, mut header, mut number) = (None, Vec::<&str>::new(), 0);
    // Whether the header still goes on: a later header row (of a page's continuation) replaces it.
    let mut heading = false;
    for line in lines {
        let (Some((own, is_header)), Some(shown)) = (line.row, line.span.of(context.text)) else {
            continue;
        };
        if table != Some(own) {
            (table, number, heading) = (Some(own), 0, false);
            header.clear();
        }
        if is_header {
            if !heading {
                header.clear();
            }
            header.push(shown);
            heading = true;
            continue;
        }
        (heading, number) = (false, number + 1);
        let mut address = place.address.clone();
        address.levels.push(format!("第{number}行"));
        units.push(Unit {
            kind: UnitKind::Row,
            address,
            headings: place.headings.clone(),
            span: line.span,
            context: head(&header.join("\n").replace('\t', " "), HEADER).to_owned(),
            page: context.page(line.span.start),
            validity: None,
        });
    }
    // A table of headers only is still text.
    if units.is_empty()
        && let (Some(first), Some(last)) = (lines.first(), lines.last())
    {
        let mut span = first.span;
        span.end = last.span.end;
        units.push(Unit {
            kind: UnitKind::Row,
            address: place.address.clone(),
            headings: place.headings.clone(),
            span,
            page: context.page(span.start),
            ..Unit::default()
        });
    }
    units
}
