//! PNG, BMP, TIFF, WebP and GIF, by the `image` crate's decoders, brought to 8-bit RGB.

use std::io::Cursor;

use ::image::codecs::{bmp, gif, png, tiff, webp};
use ::image::error::ImageError;
use ::image::metadata::Orientation;
use ::image::{ColorType, ImageDecoder, Limits};

use super::decode::{DecodeError, DecodeLimits, Format};
use super::{Image, orient};
use crate::geometry::Size;

/// Decodes into `image`. JPEG is not of these formats.
pub(super) fn decode(
    format: Format,
    bytes: &[u8],
    limits: &DecodeLimits,
    image: &mut Image,
) -> Result<(), DecodeError> {
    let source = Cursor::new(bytes);
    let wrong = |error| fault(format, &error);
    if format == Format::WebP {
        // The file says how long it is; its orientation may come after the picture.
        let says = bytes.get(4..8).and_then(|n| n.try_into().ok()).map_or(0, u32::from_le_bytes);
        if (bytes.len() as u64) < u64::from(says) + 8 {
            let reason = format!("{} of {} bytes", bytes.len(), u64::from(says) + 8);
            return Err(DecodeError::Truncated { format, reason });
        }
        let end = usize::try_from(says).map_or(bytes.len(), |says| says.saturating_add(8));
        if !bytes.get(12..end).is_none_or(|chunks| chunks_fit(chunks, true)) {
            let reason = "a part of it is longer than the file".to_owned();
            return Err(DecodeError::Truncated { format, reason });
        }
    }
    if let (Format::Bmp, Some(&[w0, w1, w2, w3, h0, h1, h2, h3])) = (format, bytes.get(18..26)) {
        // The library calls these too large. The oldest headers have the sides in two bytes each.
        let old = bytes.get(14..18) == Some(&[12, 0, 0, 0]);
        let long = (u32::from_le_bytes([w0, w1, w2, w3]), u32::from_le_bytes([h0, h1, h2, h3]));
        let size =
            if old { Size::new(long.0 & 0xFFFF, long.0 >> 16) } else { Size::new(long.0, long.1) };
        if size.area() == 0 {
            return Err(DecodeError::ZeroSize { format, size });
        }
    }
    // Each constructor reads the header only.
    match format {
        Format::Png => {
            let allowed = library_limits(limits);
            read(
                format,
                png::PngDecoder::with_limits(source, allowed).map_err(wrong)?,
                limits,
                image,
            )
        }
        Format::Bmp => read(format, bmp::BmpDecoder::new(source).map_err(wrong)?, limits, image),
        Format::Tiff => read(format, tiff::TiffDecoder::new(source).map_err(wrong)?, limits, image),
        Format::WebP => read(format, webp::WebPDecoder::new(source).map_err(wrong)?, limits, image),
        Format::Gif => read(format, gif::GifDecoder::new(source).map_err(wrong)?, limits, image),
        Format::Jpeg => Err(DecodeError::Unsupported { format, reason: "not here".to_owned() }),
    }
}

/// Whether the chunks of a WebP lie within it, those within its frames too: the library makes room for what a chunk says that it
/// holds before it reads it.
fn chunks_fit(mut rest: &[u8], frames: bool) -> bool {
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let [name @ .., s0, s1, s2, s3] = *head;
        let size = u32::from_le_bytes([s0, s1, s2, s3]) as usize;
        let Some(content) = after.get(..size) else { return false };
        // A frame begins with 16 bytes of its own.
        let inner = content.get(16..).filter(|_| frames && &name == b"ANMF");
        if !inner.is_none_or(|inner| chunks_fit(inner, false)) {
            return false;
        }
        rest = after.get(size + size % 2..).unwrap_or_default();
    }
    true
}

fn library_limits(limits: &DecodeLimits) -> Limits {
    let mut allowed = Limits::no_limits();
    allowed.max_alloc = Some(limits.max_alloc);
    allowed
}

fn read<D: ImageDecoder>(
    format: Format,
    mut decoder: D,
    limits: &DecodeLimits,
    image: &mut Image,
) -> Result<(), DecodeError> {
    let (width, height) = decoder.dimensions();
    let size = Size::new(width, height);
    limits.check_size(size, format)?;
    let colour = decoder.color_type();
    let straight = colour == ColorType::Rgb8;
    let needed = decoder.total_bytes();
    let result = if straight { 0 } else { size.area().saturating_mul(3) };
    limits.check_alloc(size, needed.saturating_add(result))?;
    decoder.set_limits(library_limits(limits)).map_err(|error| fault(format, &error))?;
    // A damaged EXIF block is no reason to refuse the picture.
    let orientation = decoder.orientation().map_or(1, Orientation::to_exif);
    image.reset(size).ok_or(DecodeError::ZeroSize { format, size })?;
    if straight {
        decoder.read_image(&mut image.data).map_err(|error| fault(format, &error))?;
    } else {
        let length = usize::try_from(needed).unwrap_or(usize::MAX);
        let to_rgb = converter(colour).ok_or_else(|| DecodeError::Unsupported {
            format,
            reason: format!("pixels of type {colour:?}"),
        })?;
        let mut pixels = vec![0_u8; length];
        decoder.read_image(&mut pixels).map_err(|error| fault(format, &error))?;
        let each = usize::from(colour.bytes_per_pixel());
        for (rgb, pixel) in image.data.chunks_exact_mut(3).zip(pixels.chunks_exact(each)) {
            rgb.copy_from_slice(&to_rgb(pixel));
        }
    }
    orient::apply(image, orientation);
    Ok(())
}

/// Makes RGB of one pixel's bytes.
type ToRgb = fn(&[u8]) -> [u8; 3];

/// How a pixel of some type becomes RGB; `None` for floating-point types, whose range is unknown.
fn converter(colour: ColorType) -> Option<ToRgb> {
    Some(match colour {
        ColorType::L8 => |p| [p[0]; 3],
        ColorType::La8 => |p| on_white([p[0]; 3], p[1]),
        ColorType::Rgb8 => |p| [p[0], p[1], p[2]],
        ColorType::Rgba8 => |p| on_white([p[0], p[1], p[2]], p[3]),
        ColorType::L16 => |p| [half(p, 0); 3],
        ColorType::La16 => |p| on_white([half(p, 0); 3], half(p, 1)),
        ColorType::Rgb16 => |p| [half(p, 0), half(p, 1), half(p, 2)],
        ColorType::Rgba16 => |p| on_white([half(p, 0), half(p, 1), half(p, 2)], half(p, 3)),
        _ => return None,
    })
}

/// The upper half of a 16-bit sample, rounded: 65,535 / 255 is 257. The decoders give samples in the
/// machine's own byte order.
fn half(pixel: &[u8], channel: usize) -> u8 {
    let value = u16::from_ne_bytes([pixel[channel * 2], pixel[channel * 2 + 1]]);
    ((u32::from(value) + 128) / 257) as u8
}

/// A colour of some opacity before white.
fn on_white(rgb: [u8; 3], alpha: u8) -> [u8; 3] {
    let alpha = u32::from(alpha);
    rgb.map(|c| ((u32::from(c) * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
}

/// The library's error in our terms.
fn fault(format: Format, error: &ImageError) -> DecodeError {
    let reason = error.to_string();
    let is_cut = chain(error).any(|e| {
        let io = e.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof)
    });
    match error {
        _ if is_cut => DecodeError::Truncated { format, reason },
        ImageError::Unsupported(_) => DecodeError::Unsupported { format, reason },
        ImageError::Limits(_) => {
            DecodeError::Unsupported { format, reason: format!("over the limits: {reason}") }
        }
        _ => DecodeError::Corrupt { format, reason },
    }
}

/// An error and its causes.
fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |e| e.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_to_eight_bits() {
        let sample = |v: u16| half(&v.to_ne_bytes(), 0);
        assert_eq!([sample(0), sample(128), sample(129), sample(u16::MAX)], [0, 0, 1, 255]);
        assert!((0..=255_u16).all(|v| sample(v * 257) == v as u8));
        assert_eq!(on_white([10, 20, 30], 255), [10, 20, 30]);
        assert_eq!(on_white([10, 20, 30], 0), [255; 3]);
    }
}
