//! One frame of Motion JPEG to a picture.

use std::borrow::Cow;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::VideoLimits;
use crate::geometry::Size;
use crate::image::Image;

/// The mark by which decoders know that the Huffman tables of the standard are meant where a frame
/// has none: APP0 "AVI1", polarity 0 (one picture a frame).
const AVI1: [u8; 18] = [0xFF, 0xE0, 0, 16, b'A', b'V', b'I', b'1', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Decodes one frame.
///
/// # Errors
/// What is wrong, without the clip's name.
pub fn decode_frame(bytes: &[u8], limits: &VideoLimits) -> Result<Image, String> {
    let bytes = with_tables(bytes);
    let side = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_max_width(side)
        .set_max_height(side)
        .set_strict_mode(false)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes[..]), options);
    decoder.decode_headers().map_err(|e| format!("not a JPEG picture: {e}"))?;
    let (width, height) = decoder.dimensions().ok_or("a JPEG picture without a size")?;
    let size = Size::new(u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0));
    if size.area() == 0 || size.area() > limits.max_pixels {
        return Err(format!("a picture of {size} pixels, and 1 to {} are read", limits.max_pixels));
    }
    let data = decoder.decode().map_err(|e| format!("damaged JPEG picture: {e}"))?;
    Image::new(size, data).ok_or_else(|| "a JPEG picture in colours that are not read".to_owned())
}

/// Cameras leave out the Huffman tables, which are then the standard's: marks such a frame.
fn with_tables(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(scan) = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]) else {
        return Cow::Borrowed(bytes);
    };
    let head = &bytes[..scan];
    if head.len() < 2 || head.windows(2).any(|pair| pair == [0xFF, 0xC4]) {
        return Cow::Borrowed(bytes);
    }
    let mut marked = Vec::with_capacity(bytes.len() + AVI1.len());
    marked.extend_from_slice(&bytes[..2]);
    marked.extend_from_slice(&AVI1);
    marked.extend_from_slice(&bytes[2..]);
    Cow::Owned(marked)
}
