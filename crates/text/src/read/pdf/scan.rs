//! Pages of a PDF that are pictures of pages.

use lopdf::{Document, Stream};

use super::content::{Picture, Shown};
use super::objects::{name, number, resolve};
use super::stream;
use crate::read::Context;
use crate::read::build::Builder;
use crate::read::image::{self, ImageFormat, PageImage};
use crate::read::problem::{Problem, note};

/// Fewer characters than this beside a picture are a page number or a stamp.
const FEW: usize = 12;

/// Whether a page is a picture: hardly any text, and pictures over much of it (or nothing but pictures); a page whose
/// fonts tell nothing is one, too, if it has a picture.
pub(super) fn is_scan(shown: &Shown, (_, _, area): (f32, f32, f32)) -> bool {
    let text = shown.glyphs.iter().filter(|glyph| !glyph.c.is_whitespace()).count();
    let covered: f32 = shown.pictures.iter().map(|picture| picture.area).sum();
    !shown.pictures.is_empty() && text < FEW && (covered > 0.3 * area || text == 0)
}

/// Reads the pictures of a page, the largest first.
pub(super) fn read(
    document: &Document,
    page: u32,
    pictures: &[Picture],
    context: Context<'_>,
    builder: &mut Builder,
) -> Result<(), Problem> {
    let largest = pictures.iter().map(|picture| picture.area).fold(0.0, f32::max);
    // Scanners cut a page into strips: those belong to it, logos do not.
    for picture in pictures.iter().filter(|picture| picture.area * 20.0 > largest).take(64) {
        let Some(stream) = stream(document, picture.id) else { continue };
        let size = size(document, stream);
        match data(document, stream, size, context) {
            Ok((format, data)) => {
                image::page(&PageImage { page, size, format, data: &data }, context, builder)?;
            }
            Err(reason) => {
                let message =
                    format!("page {page} is a picture that cannot be unpacked ({reason})");
                builder.note(note(Some(page), "scanned-page", message));
            }
        }
    }
    Ok(())
}

fn size(document: &Document, stream: &Stream) -> Option<(u32, u32)> {
    let side = |key: &[u8]| {
        number(document, &stream.dict, key).filter(|n| (1.0..1e6).contains(n)).map(|n| n as u32)
    };
    Some((side(b"Width")?, side(b"Height")?))
}

/// A picture's bytes, as a reader of pictures can take them.
fn data(
    document: &Document,
    stream: &Stream,
    size: Option<(u32, u32)>,
    context: Context<'_>,
) -> Result<(ImageFormat, Vec<u8>), String> {
    let filters: Vec<Vec<u8>> =
        stream.filters().unwrap_or_default().into_iter().map(<[u8]>::to_vec).collect();
    let last = filters.last().map_or(&b""[..], Vec::as_slice);
    if matches!(last, b"DCTDecode" | b"DCT" | b"JPXDecode") && filters.len() == 1 {
        return Ok((ImageFormat::File, stream.content.clone()));
    }
    if matches!(last, b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode") {
        return Ok((ImageFormat::Fax, stream.content.clone()));
    }
    if context.pages.is_none() {
        // Nobody will look at it.
        return Ok((ImageFormat::Bits, Vec::new()));
    }
    let limit = usize::try_from(context.limits.entry_bytes).unwrap_or(usize::MAX);
    let data = stream.get_plain_content_with_limit(limit).map_err(|error| error.to_string())?;
    let (width, height) = size.ok_or("its size is not stated")?;
    let pixels = width as usize * height as usize;
    let bits = number(document, &stream.dict, b"BitsPerComponent").unwrap_or(1.0) as u32;
    let space =
        resolve(document, stream.dict.get(b"ColorSpace").ok()).and_then(|s| s.as_name().ok());
    let indexed =
        space.is_none() && name(document, &stream.dict, b"ColorSpace").is_none() && bits == 8;
    match (bits, data.len()) {
        (1, length) if length >= width.div_ceil(8) as usize * height as usize => {
            Ok((ImageFormat::Bits, data))
        }
        (8, length) if length >= pixels * 3 => Ok((ImageFormat::Raw { channels: 3 }, data)),
        (8, length) if length >= pixels && !indexed => Ok((ImageFormat::Raw { channels: 1 }, data)),
        _ => Err(format!("{bits} bits a sample in a colour space that is not read")),
    }
}
