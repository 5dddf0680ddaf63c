//! The markers of a JPEG file: frame, tables, scans, and what they leave to be guessed.

use super::huffman::{HuffmanTable, standard};
use crate::geometry::Size;
use crate::image::decode::{DecodeError, Format};

/// Where the coefficients of a block belong, in the order in which they are stored; more places than
/// coefficients, as damaged files run over the end.
pub(super) const ZIGZAG: [u8; 80] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63,
];

/// What a quantised coefficient is multiplied by, row by row.
pub(super) type Quantisation = [u16; 64];

/// The file contradicts the format.
pub(super) fn corrupt(reason: &str) -> DecodeError {
    DecodeError::Corrupt { format: Format::Jpeg, reason: reason.to_owned() }
}

/// The file ends too early.
pub(super) fn truncated(reason: &str) -> DecodeError {
    DecodeError::Truncated { format: Format::Jpeg, reason: reason.to_owned() }
}

/// A kind of JPEG that is not read here.
pub(super) fn unsupported(reason: &str) -> DecodeError {
    DecodeError::Unsupported { format: Format::Jpeg, reason: reason.to_owned() }
}

/// One colour's samples.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks side by side and above each other in one unit of an interleaved scan.
    pub(super) h: usize,
    pub(super) v: usize,
    /// Samples of the picture, without those that fill up blocks.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks that hold them.
    pub(super) blocks_x: usize,
    pub(super) blocks_y: usize,
    /// Its table among the four.
    table: usize,
    /// The table as it was when its first scan came.
    pub(super) quantisation: Option<Box<Quantisation>>,
}

/// What the frame header says.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) size: Size,
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    /// The largest sampling factors.
    pub(super) h_max: usize,
    pub(super) v_max: usize,
    /// Units of an interleaved scan.
    pub(super) units_x: usize,
    pub(super) units_y: usize,
}

/// How the components make colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    Grey,
    Rgb,
    YCbCr,
    /// Four inks.
    Cmyk {
        inverted: bool,
    },
    /// Four inks, inverted, three of them as YCbCr.
    Ycck,
}

/// A component in a scan, with its Huffman tables' numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanComponent {
    pub(super) index: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// A scan's header.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    pub(super) components: Vec<ScanComponent>,
    /// First and last coefficient, in the stored order.
    pub(super) first: usize,
    pub(super) last: usize,
    /// The lowest bit that earlier scans gave, zero if none did, and that this one gives.
    pub(super) high: u32,
    pub(super) low: u32,
    /// Where its entropy-coded bytes begin.
    pub(super) at: usize,
}

/// Reads a file marker by marker.
pub(super) struct Parser<'a> {
    pub(super) bytes: &'a [u8],
    /// Where to go on.
    pub(super) at: usize,
    pub(super) frame: Option<Frame>,
    quantisation: [Option<Box<Quantisation>>; 4],
    /// DC and AC tables.
    pub(super) huffman: [[Option<HuffmanTable>; 4]; 2],
    /// Units between two restart markers; zero without.
    pub(super) restart_interval: usize,
    jfif: bool,
    /// The colour transform of Adobe's marker.
    adobe: Option<u8>,
    /// The TIFF structure in the first EXIF segment.
    pub(super) exif: Option<&'a [u8]>,
}

impl<'a> Parser<'a> {
    /// After the start-of-image marker.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 2,
            frame: None,
            quantisation: [None, None, None, None],
            huffman: Default::default(),
            restart_interval: 0,
            jfif: false,
            adobe: None,
            exif: None,
        }
    }

    /// Reads up to and with the next scan header; `None` at the end of the picture.
    pub(super) fn next_scan(&mut self) -> Result<Option<Scan>, DecodeError> {
        let bytes = self.bytes;
        let in_headers = self.frame.is_none();
        let cut = || {
            truncated(if in_headers {
                "the file ends within its headers"
            } else {
                "no end-of-image marker"
            })
        };
        let mut at = self.at;
        loop {
            // Markers may be preceded by fill bytes.
            let start = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF));
            at += start.ok_or_else(cut)?;
            while bytes.get(at) == Some(&0xFF) {
                at += 1;
            }
            let marker = *bytes.get(at).ok_or_else(cut)?;
            at += 1;
            match marker {
                // Stuffed zero, temporary and restart markers and a second start carry no length.
                0x00 | 0x01 | 0xD0..=0xD8 => continue,
                0xD9 => {
                    self.at = at;
                    return Ok(None);
                }
                _ => {}
            }
            let length = bytes.get(at..at + 2).ok_or_else(cut)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            let body = bytes.get(at + 2..at + length).ok_or_else(cut)?;
            at += length;
            match marker {
                0xC4 => self.huffman_tables(body)?,
                0xC8 | 0xCC => {}
                0xC0..=0xCF => self.frame_header(marker, body)?,
                0xDA => {
                    self.at = at;
                    return self.scan_header(body).map(Some);
                }
                0xDB => self.quantisation_tables(body)?,
                0xDD => {
                    let &[high, low] = body else {
                        return Err(corrupt("its restart interval is no number of two bytes"));
                    };
                    self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                }
                0xE0 => self.jfif |= body.len() >= 12 && body.starts_with(b"JFIF\0"),
                0xE1 if self.exif.is_none() => self.exif = body.strip_prefix(b"Exif\0\0"),
                0xEE if body.starts_with(b"Adobe") => {
                    self.adobe = body.get(11).copied().or(self.adobe);
                }
                _ => {}
            }
        }
    }

    fn frame_header(&mut self, marker: u8, body: &[u8]) -> Result<(), DecodeError> {
        if self.frame.is_some() {
            return Err(corrupt("it has two frame headers"));
        }
        let &[precision, h1, h0, w1, w0, count, ref rest @ ..] = body else {
            return Err(corrupt("its frame header is too short"));
        };
        let size =
            Size::new(u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into());
        if size.area() == 0 {
            return Err(DecodeError::ZeroSize { format: Format::Jpeg, size });
        }
        match marker {
            0xC0..=0xC2 if precision == 8 => {}
            0xC0..=0xC2 => return Err(unsupported(&format!("samples of {precision} bits"))),
            0xC3 => return Err(unsupported("lossless coding")),
            0xC9..=0xCB => return Err(unsupported("arithmetic coding")),
            _ => return Err(unsupported("hierarchical coding")),
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(&format!("{count} components")));
        }
        if rest.len() != usize::from(count) * 3 {
            return Err(corrupt("its frame header has another length than its components need"));
        }
        // One component is never interleaved: its factors mean nothing.
        let factor = |f: u8| if count == 1 && f != 0 { 1 } else { usize::from(f) };
        let factors = || rest.chunks_exact(3).map(|c| (factor(c[1] >> 4), factor(c[1] & 15)));
        if !factors().all(|(h, v)| (1..=4).contains(&h) && (1..=4).contains(&v)) {
            return Err(corrupt("its sampling factors are not 1 to 4"));
        }
        let h_max = factors().map(|f| f.0).max().unwrap_or(1);
        let v_max = factors().map(|f| f.1).max().unwrap_or(1);
        if !factors().all(|(h, v)| h_max % h == 0 && v_max % v == 0) {
            return Err(unsupported("sampling factors of which one is no multiple of the other"));
        }
        let (w, h) = (size.width as usize, size.height as usize);
        let components = rest.chunks_exact(3).zip(factors()).map(|(c, (across, down))| {
            let (width, height) = ((w * across).div_ceil(h_max), (h * down).div_ceil(v_max));
            Component {
                id: c[0],
                h: across,
                v: down,
                width,
                height,
                blocks_x: width.div_ceil(8),
                blocks_y: height.div_ceil(8),
                table: usize::from(c[2]),
                quantisation: None,
            }
        });
        self.frame = Some(Frame {
            size,
            progressive: marker == 0xC2,
            components: components.collect(),
            h_max,
            v_max,
            units_x: w.div_ceil(h_max * 8),
            units_y: h.div_ceil(v_max * 8),
        });
        Ok(())
    }

    fn huffman_tables(&mut self, mut body: &[u8]) -> Result<(), DecodeError> {
        while let Some((&[about, ref counts @ ..], rest)) = body.split_first_chunk::<17>() {
            let total = counts.iter().map(|&n| usize::from(n)).sum();
            let (class, slot) = (usize::from(about >> 4), usize::from(about & 15));
            let place = self.huffman.get_mut(class).and_then(|tables| tables.get_mut(slot));
            let symbols = rest.get(..total);
            let table = symbols.and_then(|symbols| HuffmanTable::new(counts, symbols));
            let (Some(place), Some(table)) = (place, table) else {
                return Err(corrupt("a Huffman table that cannot be"));
            };
            if class == 0 && !table.is_for_dc() {
                return Err(corrupt("a Huffman table for DC with sizes over 15 bits"));
            }
            *place = Some(table);
            body = &rest[total..];
        }
        if body.is_empty() { Ok(()) } else { Err(corrupt("a Huffman table is cut")) }
    }

    fn quantisation_tables(&mut self, mut body: &[u8]) -> Result<(), DecodeError> {
        while let Some((&about, rest)) = body.split_first() {
            let wide = about >> 4;
            let bytes = if wide == 0 { 64 } else { 128 };
            let place = self.quantisation.get_mut(usize::from(about & 15));
            let (Some(place), Some(values), 0..=1) = (place, rest.get(..bytes), wide) else {
                return Err(corrupt("a quantisation table that cannot be"));
            };
            let mut table = Box::new([0_u16; 64]);
            for (k, &at) in ZIGZAG[..64].iter().enumerate() {
                table[usize::from(at)] = if wide == 0 {
                    values[k].into()
                } else {
                    u16::from_be_bytes([values[2 * k], values[2 * k + 1]])
                };
            }
            *place = Some(table);
            body = &rest[bytes..];
        }
        Ok(())
    }

    fn scan_header(&mut self, body: &[u8]) -> Result<Scan, DecodeError> {
        let Some(frame) = &mut self.frame else {
            return Err(corrupt("a scan comes before the frame header"));
        };
        let wrong = || corrupt("a scan header that cannot be");
        let (&count, rest) = body.split_first().ok_or_else(wrong)?;
        let (named, band) = rest.split_at_checked(usize::from(count) * 2).ok_or_else(wrong)?;
        let (&[first, last, bits], 1..=4) = (band, count) else {
            return Err(wrong());
        };
        let mut scan = Scan { last: 63, at: self.at, ..Scan::default() };
        for pair in named.chunks_exact(2) {
            let index = frame.components.iter().position(|c| c.id == pair[0]).ok_or_else(wrong)?;
            let (dc, ac) = (usize::from(pair[1] >> 4), usize::from(pair[1] & 15));
            if dc > 3 || ac > 3 || scan.components.iter().any(|c| c.index == index) {
                return Err(wrong());
            }
            scan.components.push(ScanComponent { index, dc, ac });
            let component = &mut frame.components[index];
            if component.quantisation.is_none() {
                let table = self.quantisation.get(component.table).cloned().flatten();
                component.quantisation =
                    Some(table.ok_or_else(|| corrupt("a quantisation table is missing"))?);
            }
        }
        if frame.progressive {
            scan.first = first.into();
            scan.last = last.into();
            (scan.high, scan.low) = ((bits >> 4).into(), (bits & 15).into());
            let band =
                if first == 0 { last == 0 } else { first <= last && last < 64 && count == 1 };
            if !band || scan.low > 13 || (scan.high != 0 && scan.high != scan.low + 1) {
                return Err(wrong());
            }
        } else {
            // Motion JPEG leaves out the standard's tables.
            for (class, tables) in self.huffman.iter_mut().enumerate() {
                for (slot, table) in tables.iter_mut().enumerate() {
                    if table.is_none() {
                        *table = standard(class, slot);
                    }
                }
            }
        }
        Ok(scan)
    }

    /// How the components make colours, by the markers and the components' names, as libjpeg guesses.
    pub(super) fn colours(&self) -> Colours {
        let components = self.frame.as_ref().map(|f| f.components.as_slice()).unwrap_or_default();
        let inverted = self.adobe.is_some();
        match *components {
            [_] => Colours::Grey,
            [ref r, ref g, ref b] => match self.adobe {
                _ if self.jfif => Colours::YCbCr,
                Some(0) => Colours::Rgb,
                None if [r.id, g.id, b.id] == *b"RGB" => Colours::Rgb,
                _ => Colours::YCbCr,
            },
            _ if matches!(self.adobe, None | Some(0)) => Colours::Cmyk { inverted },
            _ => Colours::Ycck,
        }
    }
}
