//! JPEG, to the bit as libjpeg-turbo decodes it by default, which OpenCV and Pillow use: detectors are
//! trained on its pixels, and some change their scores by several hundredths when a decoder with another
//! rounding gives them others.
//!
//! Read are the Huffman codings with 8 bits a sample, sequential and progressive, of one, three and four
//! components. A progressive file that lacks scans is the one case of other pixels: libjpeg smooths its
//! blocks.

mod bits;
mod colour;
mod frame;
mod huffman;
mod idct;
mod output;
mod scan;
mod upsample;

use ::image::metadata::Orientation;

use self::bits::BitReader;
use self::frame::{Component, Frame, Parser, Scan, ScanComponent, corrupt, truncated};
use self::huffman::{BadCode, HuffmanTable};
use self::output::Output;
use self::scan::{Band, Block};
use super::decode::{DecodeError, DecodeLimits, Format};
use super::{Image, orient};

/// Most scans of a file. Encoders write about ten; each costs a pass over the picture.
const MAX_SCANS: usize = 64;

/// Decodes into `image`.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
    image: &mut Image,
) -> Result<(), DecodeError> {
    let mut parser = Parser::new(bytes);
    let no_scan = || truncated("no scan before the end-of-image marker");
    let first = parser.next_scan()?.ok_or_else(no_scan)?;
    let frame = parser.frame.clone().ok_or_else(no_scan)?;
    limits.check_size(frame.size, Format::Jpeg)?;
    let whole = !frame.progressive && first.components.len() == frame.components.len();
    let stored = if whole { 0 } else { frame.components.iter().map(|c| blocks(&frame, c)).sum() };
    let memory =
        frame.size.area() * 3 + stored * size_of::<Block>() as u64 + output::memory(&frame);
    limits.check_alloc(frame.size, memory)?;
    let size = frame.size;
    image.reset(size).ok_or(DecodeError::ZeroSize { format: Format::Jpeg, size })?;
    if whole {
        let reader = one_scan(&parser, &frame, &first, limits.lenient, &mut image.data)?;
        // What follows is no part of the picture, but that it ends is to be seen.
        let rest = bytes.get(reader.end()..).unwrap_or_default();
        if !limits.lenient && !rest.windows(2).any(|pair| pair == [0xFF, 0xD9]) {
            return Err(truncated("no end-of-image marker"));
        }
    } else {
        let mut store = Store::new(&frame);
        let all = store.read(&mut parser, first);
        if !limits.lenient {
            all?;
        }
        store.show(&parser, &mut image.data);
    }
    let orientation = parser.exif.and_then(Orientation::from_exif_chunk);
    orient::apply(image, orientation.map_or(1, Orientation::to_exif));
    Ok(())
}

/// How many blocks a component has, with those that fill up units.
fn blocks(frame: &Frame, component: &Component) -> u64 {
    (frame.units_x * component.h) as u64 * (frame.units_y * component.v) as u64
}

/// Why a scan could not be read on.
fn fault(reader: &BitReader<'_>) -> DecodeError {
    if reader.is_at_end() {
        truncated("a scan ends before its picture")
    } else {
        corrupt("a scan holds a code that is in no table")
    }
}

/// What is counted from block to block of a scan.
struct Progress<'a> {
    reader: BitReader<'a>,
    /// The last DC value of each of its components.
    predicted: [i32; 4],
    /// Blocks to come that have nothing more in the band.
    ended: u32,
    /// Units until a restart marker, and how many such markers there were.
    interval: usize,
    left: usize,
    restarts: u8,
}

impl<'a> Progress<'a> {
    fn new(bytes: &'a [u8], scan: &Scan, interval: usize) -> Self {
        let reader = BitReader::new(bytes, scan.at);
        Self { reader, predicted: [0; 4], ended: 0, interval, left: interval, restarts: 0 }
    }

    /// Before each unit.
    #[inline(always)]
    fn begin_unit(&mut self) -> Result<(), DecodeError> {
        if self.interval > 0 {
            if self.left == 0 {
                self.restart()?;
            }
            self.left -= 1;
        }
        Ok(())
    }

    #[cold]
    fn restart(&mut self) -> Result<(), DecodeError> {
        if self.reader.restart(self.restarts).is_none() {
            return Err(if self.reader.is_followed_by_restart() {
                corrupt("a restart marker is missing")
            } else {
                truncated("a scan ends before its picture")
            });
        }
        self.restarts = self.restarts.wrapping_add(1);
        self.predicted = [0; 4];
        self.ended = 0;
        self.left = self.interval;
        Ok(())
    }

    /// After each unit.
    #[inline(always)]
    fn end_unit(&self) -> Result<(), DecodeError> {
        if self.reader.is_overrun() { Err(fault(&self.reader)) } else { Ok(()) }
    }
}

/// A table that a scan names.
fn table<'t>(
    parser: &'t Parser<'_>,
    class: usize,
    slot: usize,
) -> Result<&'t HuffmanTable, DecodeError> {
    let table = parser.huffman.get(class).and_then(|tables| tables.get(slot)?.as_ref());
    table.ok_or_else(|| corrupt("a Huffman table is missing"))
}

/// A sequential file whose only scan has all components: block by block into the picture.
fn one_scan<'a>(
    parser: &Parser<'a>,
    frame: &Frame,
    scan: &Scan,
    lenient: bool,
    rgb: &mut [u8],
) -> Result<BitReader<'a>, DecodeError> {
    let mut plan = Vec::with_capacity(4);
    for part in &scan.components {
        let component = &frame.components[part.index];
        let tables = (table(parser, 0, part.dc)?, table(parser, 1, part.ac)?);
        let steps = component.quantisation.as_deref();
        plan.push((
            part.index,
            component,
            tables,
            steps.ok_or_else(|| corrupt("a quantisation table is missing"))?,
        ));
    }
    let mut output = Output::new(frame, parser.colours(), rgb);
    let mut progress = Progress::new(parser.bytes, scan, parser.restart_interval);
    let mut broken = false;
    for unit_y in 0..frame.units_y {
        if lenient {
            output.clear(unit_y);
        }
        let mut row = || {
            for unit_x in 0..frame.units_x {
                progress.begin_unit()?;
                for (slot, &(index, component, tables, steps)) in plan.iter().enumerate() {
                    for part in 0..component.h * component.v {
                        let (x, y) = (part % component.h, part / component.h);
                        let (x, y) = (unit_x * component.h + x, unit_y * component.v + y);
                        let mut block = [0; 64];
                        let predicted = &mut progress.predicted[slot & 3];
                        let read =
                            scan::sequential(&mut progress.reader, tables, predicted, &mut block);
                        if read.map_err(|BadCode| fault(&progress.reader))? == 1 {
                            output.put_flat(index, x, y, idct::flat(block[0], steps));
                        } else {
                            output.put(index, x, y, &idct::inverse(&block, steps));
                        }
                    }
                }
                progress.end_unit()?;
            }
            Ok(())
        };
        if !broken && let Err(error) = row() {
            if !lenient {
                return Err(error);
            }
            broken = true;
        }
        output.finish(unit_y);
    }
    Ok(progress.reader)
}

/// All coefficients of a file of several scans.
struct Store {
    /// Each component's blocks, row by row.
    blocks: Vec<Vec<Block>>,
    /// Which components had a scan.
    seen: [bool; 4],
}

impl Store {
    fn new(frame: &Frame) -> Self {
        let empty = |c| vec![[0; 64]; blocks(frame, c) as usize];
        Self { blocks: frame.components.iter().map(empty).collect(), seen: [false; 4] }
    }

    /// Reads all scans. After an error those before it are in the store, and what of the last there was.
    fn read(&mut self, parser: &mut Parser<'_>, first: Scan) -> Result<(), DecodeError> {
        let mut next = Some(first);
        let mut count = 0;
        while let Some(scan) = next {
            count += 1;
            if count > MAX_SCANS {
                return Err(corrupt("it has more than 64 scans"));
            }
            parser.at = self.read_scan(parser, &scan)?;
            next = parser.next_scan()?;
        }
        let lacks = self.seen.iter().zip(&self.blocks).any(|(seen, _)| !seen);
        if lacks { Err(truncated("the scan of a component is missing")) } else { Ok(()) }
    }

    /// Reads a scan; gives where it ends.
    fn read_scan(&mut self, parser: &Parser<'_>, scan: &Scan) -> Result<usize, DecodeError> {
        let frame = parser.frame.as_ref().ok_or_else(|| corrupt("no frame header"))?;
        let mut progress = Progress::new(parser.bytes, scan, parser.restart_interval);
        let band = Band { first: scan.first, last: scan.last, low: scan.low };
        let refines = scan.high > 0;
        match (frame.progressive, scan.first, scan.components.as_slice()) {
            (false, _, parts) => {
                let mut tables = Vec::with_capacity(4);
                for part in parts {
                    tables.push((table(parser, 0, part.dc)?, table(parser, 1, part.ac)?));
                }
                self.walk(frame, scan, &mut progress, |progress, slot, block| {
                    *block = [0; 64];
                    let predicted = &mut progress.predicted[slot & 3];
                    scan::sequential(&mut progress.reader, tables[slot], predicted, block).map(drop)
                })?;
            }
            (true, 0, _) if refines => {
                self.walk(frame, scan, &mut progress, |progress, _, block| {
                    scan::dc_refine(&mut progress.reader, band.low, block);
                    Ok(())
                })?;
            }
            (true, 0, parts) => {
                let mut tables = Vec::with_capacity(4);
                for part in parts {
                    tables.push(table(parser, 0, part.dc)?);
                }
                self.walk(frame, scan, &mut progress, |progress, slot, block| {
                    let predicted = &mut progress.predicted[slot & 3];
                    scan::dc_first(&mut progress.reader, tables[slot], predicted, band.low, block)
                })?;
            }
            (true, _, parts) => {
                let ac = parts.first().map_or(0, |part| part.ac);
                let table = table(parser, 1, ac)?;
                self.walk(frame, scan, &mut progress, |progress, _, block| {
                    let (reader, ended) = (&mut progress.reader, &mut progress.ended);
                    if refines {
                        scan::ac_refine(reader, table, band, ended, block)
                    } else {
                        scan::ac_first(reader, table, band, ended, block)
                    }
                })?;
            }
        }
        if scan.first == 0 {
            for part in &scan.components {
                self.seen[part.index & 3] = true;
            }
        }
        Ok(progress.reader.end())
    }

    /// Goes through the blocks of a scan in their order. A scan of one component has only the blocks
    /// that hold its samples.
    fn walk<'a>(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        progress: &mut Progress<'a>,
        mut each: impl FnMut(&mut Progress<'a>, usize, &mut Block) -> Result<(), BadCode>,
    ) -> Result<(), DecodeError> {
        if let &[ScanComponent { index, .. }] = scan.components.as_slice() {
            let component = &frame.components[index];
            let rows = self.blocks[index].chunks_exact_mut(frame.units_x * component.h);
            for row in rows.take(component.blocks_y) {
                for block in &mut row[..component.blocks_x] {
                    progress.begin_unit()?;
                    each(progress, 0, block).map_err(|BadCode| fault(&progress.reader))?;
                    progress.end_unit()?;
                }
            }
            return Ok(());
        }
        for unit_y in 0..frame.units_y {
            for unit_x in 0..frame.units_x {
                progress.begin_unit()?;
                for (slot, part) in scan.components.iter().enumerate() {
                    let component = &frame.components[part.index];
                    let across = frame.units_x * component.h;
                    for y in 0..component.v {
                        let first = (unit_y * component.v + y) * across + unit_x * component.h;
                        for block in &mut self.blocks[part.index][first..first + component.h] {
                            each(progress, slot, block)
                                .map_err(|BadCode| fault(&progress.reader))?;
                        }
                    }
                }
                progress.end_unit()?;
            }
        }
        Ok(())
    }

    /// Makes the picture.
    fn show(&self, parser: &Parser<'_>, rgb: &mut [u8]) {
        let Some(frame) = &parser.frame else { return };
        let mut output = Output::new(frame, parser.colours(), rgb);
        let none = [0; 64];
        for unit_y in 0..frame.units_y {
            for (index, component) in frame.components.iter().enumerate() {
                let across = frame.units_x * component.h;
                let steps = component.quantisation.as_deref().unwrap_or(&none);
                for y in unit_y * component.v..(unit_y + 1) * component.v {
                    let row = &self.blocks[index][y * across..(y + 1) * across];
                    for (x, block) in row.iter().enumerate() {
                        output.put(index, x, y, &idct::inverse(block, steps));
                    }
                }
            }
            output.finish(unit_y);
        }
    }
}
