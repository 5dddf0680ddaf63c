//! JPEG: a walk over the markers for what the decoder does not tell, then zune-jpeg.

use ::image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::decode::{DecodeError, DecodeLimits, Format};
use super::{Image, orient};
use crate::geometry::Size;

/// Most scans of a progressive file. Encoders write about ten; each costs a pass over the picture.
const MAX_SCANS: usize = 64;

/// Zeros after a scan: twice what the decoder's bit buffer holds.
const READ_AHEAD: usize = 16;

/// What the markers before the first scan say.
#[derive(Debug, Default, PartialEq)]
struct Header {
    size: Size,
    components: u8,
    progressive: bool,
    /// Adobe's marker: four components are then stored inverted.
    adobe: bool,
    /// Where the entropy-coded bytes of the first scan begin.
    scan: usize,
    /// Components of the first scan.
    scan_components: u8,
}

/// Reads the markers up to the first scan.
fn header(bytes: &[u8]) -> Result<Header, DecodeError> {
    let cut =
        |reason: &str| DecodeError::Truncated { format: Format::Jpeg, reason: reason.to_owned() };
    let in_headers = "the file ends within its headers";
    let mut header = Header::default();
    let mut sized = false;
    let mut at = 2_usize;
    loop {
        // Markers may be preceded by fill bytes.
        let start = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF));
        at += start.ok_or_else(|| cut(in_headers))?;
        while bytes.get(at) == Some(&0xFF) {
            at += 1;
        }
        let marker = *bytes.get(at).ok_or_else(|| cut(in_headers))?;
        at += 1;
        match marker {
            // Stuffed zero, temporary and restart markers and a second start carry no length.
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            0xD9 => return Err(cut("no scan before the end-of-image marker")),
            _ => {}
        }
        let length = bytes.get(at..at + 2).ok_or_else(|| cut(in_headers))?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let body = bytes.get(at + 2..at + length.max(2)).ok_or_else(|| cut(in_headers))?;
        match marker {
            // Start of frame, of every coding; the three numbers left out are other segments.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) && !sized => {
                let &[_precision, h1, h0, w1, w0, components, ..] = body else {
                    return Err(DecodeError::Corrupt {
                        format: Format::Jpeg,
                        reason: "its frame header is too short".to_owned(),
                    });
                };
                let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                header.size = Size::new(side(w1, w0), side(h1, h0));
                header.components = components;
                header.progressive = matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE);
                sized = true;
            }
            0xEE => header.adobe |= body.starts_with(b"Adobe"),
            0xDA if sized => {
                header.scan = at + length.max(2);
                header.scan_components = body.first().copied().unwrap_or_default();
                return Ok(header);
            }
            0xDA => {
                return Err(DecodeError::Corrupt {
                    format: Format::Jpeg,
                    reason: "a scan comes before the frame header".to_owned(),
                });
            }
            _ => {}
        }
        at += length.max(2);
    }
}

/// Decodes into `image`.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
    image: &mut Image,
) -> Result<(), DecodeError> {
    let header = header(bytes)?;
    limits.check_size(header.size, Format::Jpeg)?;
    // A progressive file holds all its coefficients, two bytes each, until the last scan.
    let components = u64::from(header.components.clamp(1, 4));
    let each = 3 + if header.progressive { 2 * components } else { 0 };
    limits.check_alloc(header.size, header.size.area().saturating_mul(each))?;
    // The decoder does not mind a missing end, and whether it notices missing rows depends on where
    // the file was cut. The marker cannot occur within a scan; a thumbnail's lies before it.
    let after = bytes.get(header.scan..).unwrap_or_default();
    let end = after.windows(2).rposition(|pair| pair == [0xFF, 0xD9]);
    if end.is_none() && !limits.lenient {
        return Err(DecodeError::Truncated {
            format: Format::Jpeg,
            reason: "no end-of-image marker".to_owned(),
        });
    }
    // At an end marker that comes too early, as where a recorder closed a cut file, the decoder goes
    // on with zeros for ever. So where there is but one scan it is shown no marker, only zeros that
    // its reading ahead may touch: a whole scan ends before them, a cut one runs out of them.
    let one_scan = !header.progressive && header.scan_components == header.components;
    let open = end.filter(|_| one_scan && !limits.lenient).map(|end| {
        let scanned = &bytes[..header.scan + end];
        let mut open = Vec::with_capacity(scanned.len() + READ_AHEAD);
        open.extend_from_slice(scanned);
        open.resize(scanned.len() + READ_AHEAD, 0);
        open
    });
    let bytes = open.as_deref().unwrap_or(bytes);

    let plain_cmyk = header.components == 4 && !header.adobe;
    let colours = if plain_cmyk { ColorSpace::CMYK } else { ColorSpace::RGB };
    let options = DecoderOptions::new_fast()
        .set_strict_mode(!limits.lenient)
        .set_max_width(limits.max_width as usize)
        .set_max_height(limits.max_height as usize)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| fault(&error))?;
    let size = decoder.dimensions().map(|(w, h)| Size::new(w as u32, h as u32)).unwrap_or_default();
    if size != header.size {
        return Err(DecodeError::Corrupt {
            format: Format::Jpeg,
            reason: format!("two frame headers, of {} and {size} pixels", header.size),
        });
    }
    image.reset(size).ok_or(DecodeError::ZeroSize { format: Format::Jpeg, size })?;
    if plain_cmyk {
        limits.check_alloc(size, size.area().saturating_mul(each + 4))?;
        let mut cmyk = vec![0_u8; image.data.len() / 3 * 4];
        decoder.decode_into(&mut cmyk).map_err(|error| fault(&error))?;
        for (rgb, cmyk) in image.data.chunks_exact_mut(3).zip(cmyk.chunks_exact(4)) {
            let white = 255 - u32::from(cmyk[3]);
            for (out, &ink) in rgb.iter_mut().zip(cmyk) {
                *out = (((255 - u32::from(ink)) * white + 127) / 255) as u8;
            }
        }
    } else {
        decoder.decode_into(&mut image.data).map_err(|error| fault(&error))?;
    }
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    orient::apply(image, orientation.map_or(1, Orientation::to_exif));
    Ok(())
}

/// The decoder's error in our terms.
fn fault(error: &DecodeErrors) -> DecodeError {
    let format = Format::Jpeg;
    let reason = error.to_string().trim_matches('"').to_owned();
    match error {
        DecodeErrors::Unsupported(_) => DecodeError::Unsupported { format, reason },
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => {
            DecodeError::Truncated { format, reason }
        }
        _ if reason.contains("Premature end") => DecodeError::Truncated { format, reason },
        _ => DecodeError::Corrupt { format, reason },
    }
}
