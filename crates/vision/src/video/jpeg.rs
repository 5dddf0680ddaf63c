//! One frame of Motion JPEG to a picture.

use std::borrow::Cow;

use super::VideoLimits;
use crate::image::{DecodeLimits, Format, Image, decode};

/// The mark by which decoders know that the Huffman tables of the standard are meant where a frame
/// has none: APP0 "AVI1", polarity 0 (one picture a frame).
const AVI1: [u8; 18] = [0xFF, 0xE0, 0, 16, b'A', b'V', b'I', b'1', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Decodes one frame.
///
/// # Errors
/// What is wrong, without the clip's name.
pub fn decode_frame(bytes: &[u8], limits: &VideoLimits) -> Result<Image, String> {
    let bytes = with_tables(bytes);
    if Format::of(&bytes) != Some(Format::Jpeg) {
        return Err("not a JPEG picture".to_owned());
    }
    decode(&bytes, &decode_limits(limits)).map_err(|e| e.to_string())
}

/// The limits of a clip's frame as those of a picture.
pub(super) fn decode_limits(limits: &VideoLimits) -> DecodeLimits {
    DecodeLimits {
        max_pixels: limits.max_pixels,
        max_bytes: limits.max_frame_bytes as u64,
        ..DecodeLimits::default()
    }
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
