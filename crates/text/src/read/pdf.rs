//! PDF: characters at their places become lines, columns, tables, paragraphs and headings, page by page. `lopdf` opens
//! the file (references, decryption, filters, within limits); fonts and layout are read here, since what a library takes
//! for the order of a page decides what is cited.

mod cmap;
mod content;
mod font;
mod grid;
mod lines;
mod margins;
mod matrix;
mod objects;
mod order;
mod paragraphs;
mod protection;
mod scan;

use lopdf::{Document, LoadOptions, Object, ObjectId};

use content::{Budget, Interpreter, Shown};
use lines::Piece;
use matrix::Matrix;
use objects::{dictionary, inherited, numbers};
use paragraphs::{PageText, Sizes, Writer};

use super::Context;
use super::build::Builder;
use super::limits::ReadLimits;
use super::problem::{Problem, note};
use crate::document::{Extract, Note};

/// Reads a PDF.
pub(super) fn read(bytes: &[u8], context: Context<'_>) -> Result<Vec<Extract>, Problem> {
    let limits = context.limits;
    let document = open(bytes, limits)?;
    let mut interpreter = Interpreter::new(
        &document,
        Budget {
            operations: limits.operations,
            bytes: usize::try_from(limits.unpacked_bytes).unwrap_or(usize::MAX),
        },
    );
    let (mut pages, mut heights, mut notes, mut scans) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let ids: Vec<ObjectId> = document.page_iter().take(limits.pages.saturating_add(1)).collect();
    if ids.is_empty() {
        return Err(Problem::damaged("it has no pages"));
    }
    for (at, id) in ids.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        if at >= limits.pages || interpreter.budget.operations == 0 || interpreter.budget.bytes == 0
        {
            let message =
                format!("only the first {at} pages were read; divide the file, or raise the limit");
            notes.push(note(Some(number), "truncated", message));
            break;
        }
        let (mut shown, height) = page(&document, *id, &mut interpreter, limits);
        told(number, &shown, &mut notes);
        if scan::is_scan(&shown, height) {
            scans.push((pages.len(), std::mem::take(&mut shown.pictures)));
        }
        pages.push(layout(number, shown, &mut notes));
        heights.push((height.0, height.1));
    }
    write(&document, pages, &heights, (notes, scans), context)
}

type Scans = Vec<(usize, Vec<content::Picture>)>;

fn write(
    document: &Document,
    mut pages: Vec<PageText>,
    heights: &[(f32, f32)],
    (notes, scans): (Vec<Note>, Scans),
    context: Context<'_>,
) -> Result<Vec<Extract>, Problem> {
    let mut lines: Vec<Vec<order::Line>> =
        pages.iter_mut().map(|page| std::mem::take(&mut page.lines)).collect();
    margins::remove(&mut lines, heights);
    pages.iter_mut().zip(lines).for_each(|(page, lines)| page.lines = lines);
    let mut builder = Builder::new(context.limits);
    notes.into_iter().for_each(|note| builder.note(note));
    let sizes = Sizes::of(&pages);
    let mut writer = Writer::new(&mut builder, sizes);
    let mut scans = scans.into_iter().peekable();
    for (at, page) in pages.iter().enumerate() {
        writer.page(page)?;
        if let Some((_, pictures)) = scans.next_if(|(scanned, _)| *scanned == at) {
            writer.flush()?;
            scan::read(document, page.number, &pictures, context, writer.builder())?;
        }
    }
    writer.flush()?;
    Ok(builder.finish())
}

/// Opens a file within limits, with the empty password where it is encrypted.
fn open(bytes: &[u8], limits: &ReadLimits) -> Result<Document, Problem> {
    // The library unpacks every stream of objects while it opens the file, each within a bound: together within ours.
    let streams = object_streams(bytes) as u64;
    let each = (limits.unpacked_bytes / 4 / (streams + 1))
        .clamp(256 << 10, limits.entry_bytes.max(256 << 10));
    let options = LoadOptions {
        max_decompressed_size: Some(usize::try_from(each).unwrap_or(usize::MAX)),
        ..LoadOptions::default()
    };
    let damaged = |error: lopdf::Error| {
        let said = error.to_string();
        if said.to_lowercase().contains("password") {
            encrypted()
        } else {
            Problem::damaged(format!("it cannot be opened ({said})"))
        }
    };
    let mut document = Document::load_mem_with_options(bytes, options.clone()).map_err(damaged)?;
    if let Some(reopened) = protection::reopened(&document, bytes, &options) {
        document = reopened;
    }
    if document.trailer.has(b"Encrypt") && document.get_pages().is_empty() {
        return Err(encrypted());
    }
    Ok(document)
}

fn encrypted() -> Problem {
    Problem::new("encrypted", "it is protected by a password; save it without one")
}

/// How many streams of objects a file may have, at most: names are compared with their escapes resolved.
fn object_streams(bytes: &[u8]) -> usize {
    let mut count = 0;
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let mut rest = bytes[at + 1..].iter().take(24);
        let mut matched = 0;
        while let (Some(&wanted), Some(&byte)) = (b"ObjStm".get(matched), rest.next()) {
            let hex = |digit: Option<&u8>| digit.and_then(|&digit| char::from(digit).to_digit(16));
            let is = if byte == b'#' {
                let code =
                    hex(rest.next()).zip(hex(rest.next())).map(|(high, low)| high * 16 + low);
                code == Some(u32::from(wanted))
            } else {
                byte == wanted
            };
            if !is {
                break;
            }
            matched += 1;
        }
        count += usize::from(matched == 6);
    }
    count
}

/// What a page shows, turned as it is looked at, and its lower and upper edge and its area.
fn page<'a>(
    document: &'a Document,
    id: ObjectId,
    interpreter: &mut Interpreter<'a>,
    limits: &ReadLimits,
) -> (Shown, (f32, f32, f32)) {
    let nothing = (Shown::default(), (0.0, 842.0, 595.0 * 842.0));
    let Ok(page) = document.get_dictionary(id) else { return nothing };
    let room =
        interpreter.budget.bytes.min(usize::try_from(limits.entry_bytes).unwrap_or(usize::MAX));
    let content = document.get_page_content_with_limit(id, room).unwrap_or_default();
    interpreter.budget.bytes -= content.len().min(interpreter.budget.bytes);
    let resources = match inherited(document, page, b"Resources") {
        Some(resources) => dictionary(document, Some(resources)),
        None => None,
    };
    let turns =
        inherited(document, page, b"Rotate").and_then(|r| r.as_i64().ok()).unwrap_or(0) / 90;
    let base = Matrix::turned(-turns);
    let edge = inherited(document, page, b"MediaBox")
        .map(|b| numbers(document, Some(b)))
        .unwrap_or_default();
    let corners = match edge.as_slice() {
        &[a, b, c, d] => [base.apply(a, b), base.apply(c, d)],
        _ => [base.apply(0.0, 0.0), base.apply(595.0, 842.0)],
    };
    let (low, high) = (corners[0].1.min(corners[1].1), corners[0].1.max(corners[1].1));
    let area = ((corners[0].0 - corners[1].0) * (high - low)).abs();
    (interpreter.page(&content, resources, base), (low, high, area))
}

/// Notes of what a page's fonts do not tell.
fn told(number: u32, shown: &Shown, notes: &mut Vec<Note>) {
    let all = shown.glyphs.len() + shown.untold;
    if shown.untold > 0 && shown.untold * 50 > all {
        let message = format!(
            "page {number}: {} of {all} characters have a font that does not say what they are; make the PDF again from its source, or read the page by OCR",
            shown.untold
        );
        notes.push(note(Some(number), "bad-font", message));
    }
}

/// Lines in order of reading, and tables.
fn layout(number: u32, mut shown: Shown, notes: &mut Vec<Note>) -> PageText {
    let aside = lines::upright(&mut shown);
    if aside > 20 && aside * 20 > shown.glyphs.len() {
        let message =
            format!("page {number}: {aside} characters run in another direction and are left out");
        notes.push(note(Some(number), "turned-text", message));
    }
    lines::once(&mut shown.glyphs);
    let grids = grid::tables(&shown.rules, &mut shown.glyphs);
    let mut pieces = lines::pieces(&mut shown.glyphs);
    for (at, grid) in grids.iter().enumerate() {
        pieces.push(Piece {
            text: String::new(),
            x: grid.x,
            y: grid.y.1,
            size: 1.0,
            table: Some(at),
        });
    }
    PageText { number, lines: order::lines(pieces), grids }
}

/// The object that a reference in a dictionary leads to, as a stream.
fn stream(document: &Document, id: ObjectId) -> Option<&lopdf::Stream> {
    document.get_object(id).ok().and_then(|object| Object::as_stream(object).ok())
}
