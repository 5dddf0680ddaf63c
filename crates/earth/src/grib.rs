//! GRIB files, editions 1 and 2 mixed: read ([`open`]) and written ([`Writer`]).
//!
//! Reading scans the messages' headers; values are decoded when they are asked for, by as many threads as ask. Coordinates are made
//! of the first and the last point and the counts, as ecCodes does. Values are row by row, in the file's order of latitudes; rows
//! that run backwards and columns that are consecutive are put in order.

mod codec;
mod edition1;
mod edition2;
mod encode;
mod grid1;
mod grid2;
mod layout;
mod levels;
mod octets;
mod packing;
mod parameters;
mod part;
mod product2;
mod project;
mod scan;
mod second_order;
mod wind;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::field::Header;
use crate::grid::Grid;
use crate::source::{Limits, ReadError, Source};

pub use encode::Bits;
pub use part::PartFile;
pub use wind::{ALONG, Eastward, TURNED, WIND};
pub use write::Writer;

use edition1::About;
use layout::{Layout, Scan};
use octets::Why;
use scan::{Bytes, Extent, Window};
use wind::Axes;

/// Notes that are kept: a file of garbage has one for every scrap.
const MOST_NOTES: usize = 1000;

/// A GRIB file whose messages were found.
#[derive(Debug)]
pub struct GribFile {
    path: PathBuf,
    bytes: Bytes,
    headers: Vec<Header>,
    entries: Vec<Entry>,
    notes: Vec<String>,
}

/// Where a field's values are.
#[derive(Debug)]
struct Entry {
    /// Message, from 1, and field within it, from 1.
    place: (usize, usize),
    scan: Arc<Scan>,
    /// Axes that a wind goes along, where those are not east and north.
    axes: Option<Axes>,
    packed: Packed,
}

#[derive(Debug)]
enum Packed {
    One(edition1::Packed),
    Two(edition2::Packed),
}

/// Opens a file and scans its messages.
///
/// Messages that are broken or not supported, and what lies between messages, are left out with a note each. Components of a wind
/// are as the file has them, which may be along the grid's axes: [`Eastward`] turns them.
///
/// # Errors
/// [`ReadError`] where the file cannot be read, or has no message that can be.
pub fn open(path: &Path, limits: &Limits) -> Result<GribFile, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let bytes = Bytes::open(path).map_err(io)?;
    let mut scanner = Scanner::new(limits);
    scanner.scan(&mut Window::new(&bytes));
    let Scanner { headers, entries, notes, .. } = scanner;
    if headers.is_empty() {
        let why = match notes.first() {
            Some(note) => format!("no GRIB message that can be read: {note}"),
            None => "no GRIB message in it".to_owned(),
        };
        return Err(ReadError::Format { path: path.to_owned(), why });
    }
    Ok(GribFile { path: path.to_owned(), bytes, headers, entries, notes })
}

impl GribFile {
    fn path(&self) -> &Path {
        &self.path
    }

    /// Axes that a field goes along if it is a component of a wind, where those are not east and north.
    fn axes(&self, index: usize) -> Option<Axes> {
        self.entries.get(index).and_then(|entry| entry.axes)
    }
}

/// A grid, and how a file's values are scanned over it.
type Placed = (Arc<Grid>, Arc<Scan>);

/// What a scan has found so far.
struct Scanner<'a> {
    limits: &'a Limits,
    headers: Vec<Header>,
    entries: Vec<Entry>,
    notes: Vec<String>,
    /// Grids by edition and section.
    grids: HashMap<(u8, Vec<u8>), Placed>,
    /// Coordinates that these grids hold.
    coordinates: usize,
    messages: usize,
}

/// What lies between messages.
#[derive(Default)]
struct Gaps {
    count: usize,
    octets: u64,
    first: Option<u64>,
}

impl<'a> Scanner<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            headers: Vec::new(),
            entries: Vec::new(),
            notes: Vec::new(),
            grids: HashMap::new(),
            coordinates: 0,
            messages: 0,
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(note);
        }
    }

    /// Goes through the file from message to message.
    fn scan(&mut self, window: &mut Window<'_>) {
        let mut at = 0;
        let mut gaps = Gaps::default();
        while let Some(found) = window.find(at) {
            if found > at && !window.is_padding(at, found) {
                gaps.count += 1;
                gaps.octets += found - at;
                gaps.first.get_or_insert(at);
            }
            if self.entries.len() >= self.limits.fields {
                self.note(format!("more than {} fields: the rest is left out", self.limits.fields));
                break;
            }
            at = match self.message(window, found) {
                Ok(length) => found + length,
                Err(why) => {
                    self.note(format!("message {} at {found}: {why}", self.messages));
                    // Its length cannot be trusted: the next message is searched for.
                    found + 4
                }
            };
        }
        if let Some(first) = gaps.first {
            let Gaps { count, octets, .. } = gaps;
            self.note(format!(
                "{octets} octets in {count} places, the first at {first}, are no message, and skipped"
            ));
        }
    }

    /// Reads the message at `at`: its octets.
    fn message(&mut self, window: &mut Window<'_>, at: u64) -> Result<u64, Why> {
        self.messages += 1;
        let edition = window.get(at, 8)?[7];
        match edition {
            1 => {
                let message = edition1::read(window, at)?;
                ended(window, at, message.length)?;
                let edition1::Message { about, layout, grid_section, packed, length } = message;
                self.add(1, (about, layout, grid_section, Packed::One(packed)), 1);
                Ok(length)
            }
            2 => {
                let length = edition2::length(window, at)?;
                ended(window, at, length)?;
                let mut fields = 0;
                edition2::read(window, at, length, |field| {
                    fields += 1;
                    match field {
                        Ok(field) => {
                            let edition2::Field { about, layout, grid_section, packed } = field;
                            let found = (about, layout, grid_section, Packed::Two(packed));
                            self.add(2, found, fields);
                        }
                        Err(why) => {
                            let message = self.messages;
                            self.note(format!("message {message} field {fields} at {at}: {why}"));
                        }
                    }
                })?;
                Ok(length)
            }
            other => Err(format!("edition {other} of GRIB is not read")),
        }
    }

    fn add(&mut self, edition: u8, found: (About, Layout, Vec<u8>, Packed), field: usize) {
        let (about, layout, section, packed) = found;
        let place = (self.messages, field);
        if self.entries.len() >= self.limits.fields {
            return;
        }
        match self.grid(edition, &layout, section) {
            Ok((grid, scan)) => {
                if matches!(layout.shape, layout::Shape::Spectral { .. }) {
                    self.note(format!(
                        "message {} holds spherical harmonics: its header is given, its values are refused",
                        self.messages
                    ));
                }
                self.headers.push(header(about, grid));
                self.entries.push(Entry { place, scan, axes: layout.axes(), packed });
            }
            Err(why) => self.note(format!("message {} field {field}: {why}", self.messages)),
        }
    }

    fn grid(&mut self, edition: u8, layout: &Layout, section: Vec<u8>) -> Result<Placed, Why> {
        let key = (edition, section);
        if let Some((grid, scan)) = self.grids.get(&key) {
            return Ok((Arc::clone(grid), Arc::clone(scan)));
        }
        // Grids of all messages together hold no more than one field may.
        let points = layout.points(self.limits)?;
        let reduced = matches!(layout.shape, layout::Shape::Reduced { .. });
        let (grid, scan) = match layout.told {
            Some(told) if told != points && !reduced => {
                self.note(format!(
                    "message {}: a grid of {points} points for {told} values: it is given without coordinates",
                    self.messages
                ));
                let shape = layout::Shape::Unstructured { points: told };
                Layout { shape, rotation: None, ..*layout }.grid(self.limits)?
            }
            _ => layout.grid(self.limits)?,
        };
        let held = self.coordinates.saturating_add(grid.lats.len().max(grid.lons.len()));
        if held > self.limits.points {
            return Err(format!("grids of more than {} points together", self.limits.points));
        }
        self.coordinates = held;
        let made = (Arc::new(grid), Arc::new(scan));
        self.grids.insert(key, (Arc::clone(&made.0), Arc::clone(&made.1)));
        Ok(made)
    }
}

/// Whether a message lies within the file and ends as messages do.
fn ended(window: &mut Window<'_>, at: u64, length: u64) -> Result<(), Why> {
    let end = at.checked_add(length).and_then(|end| end.checked_sub(4));
    let end = end.ok_or("a message beyond all files")?;
    let last = window.get(end, 4).map_err(|_| {
        format!("truncated: {length} octets are told; copy or fetch the file again")
    })?;
    if last == b"7777" { Ok(()) } else { Err("it does not end where its length says".into()) }
}

fn header(about: About, grid: Arc<Grid>) -> Header {
    Header {
        variable: about.variable,
        level: about.level,
        reference: about.reference,
        step: about.step,
        member: about.member,
        unit: about.unit,
        grid,
        attributes: about.attributes,
    }
}

impl Source for GribFile {
    fn format(&self) -> &'static str {
        "grib"
    }

    fn headers(&self) -> &[Header] {
        &self.headers
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        let part =
            |place: String, why: Why| ReadError::Part { path: self.path.clone(), place, why };
        let (Some(entry), Some(header)) = (self.entries.get(index), self.headers.get(index)) else {
            return Err(part(format!("field {index}"), "there is no such field".into()));
        };
        let points = header.grid.len();
        let read = |extent: Extent| self.bytes.read(extent);
        let values = match &entry.packed {
            Packed::One(packed) => packed.values(read, points, &entry.scan),
            Packed::Two(packed) => packed.values(read, points),
        };
        let (message, field) = entry.place;
        values.map(|values| entry.scan.ordered(values)).map_err(|why| {
            let of = if field > 1 { format!(" field {field}") } else { String::new() };
            part(format!("message {message}{of} ({})", header.variable), why)
        })
    }
}
