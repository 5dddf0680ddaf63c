//! Fonts of a PDF: from the bytes of a shown string to characters and their widths. ISO 32000-1, 9.5 to 9.10.

use std::collections::HashMap;

use encoding_rs::{BIG5, EUC_KR, Encoding, GB18030, SHIFT_JIS, UTF_16BE};
use lopdf::{Dictionary, Document, Object};

use super::cmap::CMap;
use super::objects::{dictionary, name, number, resolve};

/// How a string is cut into codes.
#[derive(Debug)]
enum Codes {
    /// A byte each.
    One,
    /// Two bytes each.
    Two,
    /// A code of a charset, whose text is the code itself.
    Charset(&'static Encoding),
    /// By an embedded map.
    Map(CMap),
}

/// A font.
#[derive(Debug)]
pub(super) struct Font {
    codes: Codes,
    to_unicode: Option<CMap>,
    /// Of simple fonts, the text of each byte.
    table: Vec<Option<char>>,
    widths: HashMap<u32, f32>,
    /// First and last code of equal width.
    width_ranges: Vec<(u32, u32, f32)>,
    default_width: f32,
    /// Glyphs go downwards.
    pub(super) vertical: bool,
}

/// Most widths of a composite font's glyphs, which are 65,536 at most.
const WIDTHS: usize = 1 << 17;
/// Bytes that one takes, of which a document has only so many.
const WIDTH_BYTES: usize = 16;

/// One code of a string.
pub(super) struct Shown {
    /// Its text; `None` where the font does not tell.
    pub(super) text: Option<String>,
    /// Width, in thousandths of the size.
    pub(super) width: f32,
    /// A single byte 32, which word spacing widens.
    pub(super) is_space: bool,
}

impl Font {
    /// A font from its dictionary; `room` bounds what its streams unpack to, and is lowered by it.
    pub(super) fn read(document: &Document, font: &Dictionary, room: &mut usize) -> Self {
        let to_unicode =
            stream(document, font, b"ToUnicode", room).map(|bytes| CMap::parse(&bytes));
        let to_unicode = to_unicode.filter(|map| !map.is_empty());
        if name(document, font, b"Subtype") == Some(b"Type0") {
            return Self::composite(document, font, to_unicode, room);
        }
        let mut out = Self {
            codes: Codes::One,
            table: table(document, font, *room),
            to_unicode,
            widths: HashMap::new(),
            width_ranges: Vec::new(),
            default_width: 500.0,
            vertical: false,
        };
        let first = number(document, font, b"FirstChar").unwrap_or(0.0) as u32;
        // A Type 3 font's widths are in its own space.
        let scale = if name(document, font, b"Subtype") == Some(b"Type3") {
            let matrix =
                resolve(document, font.get(b"FontMatrix").ok()).and_then(|m| m.as_array().ok());
            matrix.and_then(|m| m.first()).and_then(|a| a.as_float().ok()).unwrap_or(0.001) * 1000.0
        } else {
            1.0
        };
        if let Some(widths) =
            resolve(document, font.get(b"Widths").ok()).and_then(|w| w.as_array().ok())
        {
            for (at, width) in widths.iter().take(256).enumerate() {
                if let Some(width) = resolve(document, Some(width)).and_then(|w| w.as_float().ok())
                {
                    out.widths.insert(first.saturating_add(at as u32), width * scale);
                }
            }
        } else {
            out.widths = standard(name(document, font, b"BaseFont").unwrap_or_default());
        }
        out
    }

    fn composite(
        document: &Document,
        font: &Dictionary,
        to_unicode: Option<CMap>,
        room: &mut usize,
    ) -> Self {
        let encoding =
            name(document, font, b"Encoding").map(|n| String::from_utf8_lossy(n).into_owned());
        let codes = match &encoding {
            Some(encoding) => charset(encoding).map_or(Codes::Two, Codes::Charset),
            None => stream(document, font, b"Encoding", room)
                .map_or(Codes::Two, |bytes| Codes::Map(CMap::parse(&bytes))),
        };
        let mut out = Self {
            codes,
            to_unicode,
            table: Vec::new(),
            widths: HashMap::new(),
            width_ranges: Vec::new(),
            default_width: 1000.0,
            vertical: encoding.is_some_and(|encoding| encoding.ends_with("-V") || encoding == "V"),
        };
        let descendant = resolve(document, font.get(b"DescendantFonts").ok())
            .and_then(|fonts| fonts.as_array().ok())
            .and_then(|fonts| resolve(document, fonts.first()))
            .and_then(|font| font.as_dict().ok());
        if let Some(descendant) = descendant {
            out.default_width = number(document, descendant, b"DW").unwrap_or(1000.0);
            if let Some(widths) =
                resolve(document, descendant.get(b"W").ok()).and_then(|w| w.as_array().ok())
            {
                out.cid_widths(document, widths, room);
            }
        }
        out
    }

    /// `c [w1 w2 …]` and `first last w`. 9.7.4.3. Lists may be named many times over, so that a small file could ask for any number.
    /// `bytes` is lowered by what they take.
    fn cid_widths(&mut self, document: &Document, widths: &[Object], bytes: &mut usize) {
        let mut room = (*bytes / WIDTH_BYTES).min(WIDTHS);
        let mut entries =
            widths.iter().take(400_000).filter_map(|entry| resolve(document, Some(entry)));
        while let Some(first) = entries.next() {
            let Ok(first) = first.as_float() else { continue };
            let first = first.max(0.0) as u32;
            match entries.next() {
                Some(Object::Array(list)) => {
                    let list = &list[..list.len().min(room)];
                    room -= list.len();
                    *bytes -= list.len() * WIDTH_BYTES;
                    for (at, width) in list.iter().enumerate() {
                        if let Some(width) =
                            resolve(document, Some(width)).and_then(|w| w.as_float().ok())
                        {
                            self.widths.insert(first.saturating_add(at as u32), width);
                        }
                    }
                }
                Some(last) => {
                    let width = entries.next().and_then(|width| width.as_float().ok());
                    if let (Ok(last), Some(width)) = (last.as_float(), width)
                        && room > 0
                    {
                        (room, *bytes) = (room - 1, *bytes - WIDTH_BYTES);
                        self.width_ranges.push((first, last.max(0.0) as u32, width));
                    }
                }
                None => return,
            }
        }
        self.width_ranges.truncate(10_000);
        self.width_ranges.sort_by_key(|range| range.0);
    }

    fn width(&self, code: u32) -> f32 {
        if let Some(width) = self.widths.get(&code) {
            return *width;
        }
        let at = self.width_ranges.partition_point(|range| range.0 <= code);
        match at.checked_sub(1).and_then(|at| self.width_ranges.get(at)) {
            Some((_, last, width)) if code <= *last => *width,
            _ => self.default_width,
        }
    }

    /// The codes of a string.
    pub(super) fn show(&self, mut bytes: &[u8], mut see: impl FnMut(Shown)) {
        while !bytes.is_empty() {
            let (code, length) = match &self.codes {
                Codes::One => (u32::from(bytes[0]), 1),
                Codes::Two if bytes.len() == 1 => (u32::from(bytes[0]), 1),
                Codes::Two => (u32::from(bytes[0]) << 8 | u32::from(bytes[1]), 2),
                Codes::Charset(encoding) => charset_code(encoding, bytes),
                Codes::Map(map) => map.next_code(bytes).unwrap_or((0, 1)),
            };
            let (own, rest) = bytes.split_at(length.clamp(1, bytes.len()));
            bytes = rest;
            let text = self
                .to_unicode
                .as_ref()
                .and_then(|map| map.get(code))
                .or_else(|| self.own_text(code, own));
            let text = text.filter(|text| !text.is_empty() && text.chars().all(is_told));
            // The glyph numbers behind a charset are not known; Western letters are half as wide as Chinese ones.
            let width = match &self.codes {
                Codes::Charset(_) if text.as_ref().is_some_and(|text| text.is_ascii()) => {
                    self.default_width / 2.0
                }
                Codes::Charset(_) => self.default_width,
                _ => self.width(code),
            };
            see(Shown { text, width, is_space: own == b" " });
        }
    }

    fn own_text(&self, code: u32, bytes: &[u8]) -> Option<String> {
        match &self.codes {
            Codes::One => self.table.get(code as usize).copied().flatten().map(String::from),
            Codes::Charset(encoding) => {
                let text = encoding.decode_without_bom_handling(bytes).0;
                (!text.contains('\u{fffd}')).then(|| text.into_owned())
            }
            Codes::Two | Codes::Map(_) => None,
        }
    }
}

/// Neither a control character nor one of private use, by which fonts without a map show themselves.
fn is_told(c: char) -> bool {
    !(c == '\u{fffd}' || (c.is_control() && c != '\t') || ('\u{e000}'..='\u{f8ff}').contains(&c))
}

/// The charset of a predefined character map. 9.7.5.2.
fn charset(encoding: &str) -> Option<&'static Encoding> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| encoding.starts_with(prefix));
    if encoding.contains("-UCS2-") || encoding.contains("-UTF16-") {
        Some(UTF_16BE)
    } else if starts(&["GBK", "GB-EUC", "GBpc-EUC", "GBT"]) {
        Some(GB18030)
    } else if starts(&["B5pc", "HKscs", "ETen", "ETHK", "HKdl"]) {
        Some(BIG5)
    } else if starts(&["83pv", "90ms", "90pv", "Add-RKSJ", "Ext-RKSJ", "RKSJ"]) {
        Some(SHIFT_JIS)
    } else if starts(&["KSC"]) {
        Some(EUC_KR)
    } else {
        None
    }
}

fn charset_code(encoding: &'static Encoding, bytes: &[u8]) -> (u32, usize) {
    let length = if encoding == UTF_16BE {
        if (0xd8..0xdc).contains(&bytes[0]) { 4 } else { 2 }
    } else if bytes[0] < 0x81 {
        1
    } else if encoding == GB18030 && bytes.get(1).is_some_and(u8::is_ascii_digit) {
        4
    } else if encoding == SHIFT_JIS && (0xa0..0xe0).contains(&bytes[0]) {
        1
    } else {
        2
    };
    let length = length.min(bytes.len());
    (bytes[..length].iter().fold(0, |code, &byte| code << 8 | u32::from(byte)), length)
}

/// The text of each byte of a simple font, by its encoding and the names of its differences.
fn table(document: &Document, font: &Dictionary, room: usize) -> Vec<Option<char>> {
    // Without the map, which the library would unfold range by range.
    let mut plain = font.clone();
    plain.remove(b"ToUnicode");
    let Ok(encoding) = plain.get_font_encoding_with_limit(document, room) else {
        return Vec::new();
    };
    (0..=255u8)
        .map(|byte| encoding.bytes_to_string(&[byte]).ok().and_then(|text| text.chars().next()))
        .collect()
}

/// The bytes of a stream that a dictionary names.
fn stream(
    document: &Document,
    holder: &Dictionary,
    key: &[u8],
    room: &mut usize,
) -> Option<Vec<u8>> {
    let stream = resolve(document, holder.get(key).ok())?.as_stream().ok()?;
    let bytes = stream.get_plain_content_with_limit((*room).min(16 << 20)).ok()?;
    *room = room.saturating_sub(bytes.len());
    Some(bytes)
}

/// Whether an object is a font's dictionary.
pub(super) fn as_font<'a>(document: &'a Document, object: &'a Object) -> Option<&'a Dictionary> {
    dictionary(document, Some(object))
}

/// Widths of Helvetica from the space on, in thousandths (Adobe's AFM): for the 14 standard fonts, whose widths a file may
/// leave out.
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// The widths of a standard font by its name: fixed for Courier, Helvetica's for the others, to which Times is near.
fn standard(base: &[u8]) -> HashMap<u32, f32> {
    let fixed = base.windows(7).any(|part| part == b"Courier");
    let width =
        |at: usize| if fixed { 600.0 } else { HELVETICA.get(at).map_or(500.0, |&w| f32::from(w)) };
    (0..HELVETICA.len()).map(|at| (at as u32 + 32, width(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_widths_named_many_times_costs_no_more_than_a_font_has() {
        let mut document = Document::new();
        let list = document.add_object(Object::Array(vec![Object::Integer(500); 1 << 16]));
        let lists = (0..2000).flat_map(|at| [Object::Integer(at << 16), Object::Reference(list)]);
        let widths: Vec<Object> =
            [7.into(), 8.into(), 250.into()].into_iter().chain(lists).collect();
        let read = |mut bytes: usize| {
            let mut font = Font::composite(&document, &Dictionary::new(), None, &mut 0);
            font.cid_widths(&document, &widths, &mut bytes);
            (font, bytes)
        };
        let (font, left) = read(1 << 30);
        assert_eq!((font.widths.len(), left), (WIDTHS - 1, (1 << 30) - WIDTHS * WIDTH_BYTES));
        // Nor do all fonts of a document together take more than it may.
        let (scarce, left) = read(1000);
        assert_eq!((scarce.widths.len(), left), (61, 8));
        assert_eq!((font.width(3), font.width(u32::MAX)), (500.0, 1000.0));
        assert_eq!(font.width_ranges, [(7, 8, 250.0)]);
    }
}
