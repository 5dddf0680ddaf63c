//! Pictures to files: JPEG for snapshots, PNG for what must not lose anything.

use ::image::codecs::png::PngEncoder;
use ::image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use thiserror::Error;

use crate::geometry::Size;
use crate::image::{Image, Plane};

/// How a JPEG is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JpegOptions {
    /// From 1, small, to 100, faithful.
    pub quality: u8,
    /// Colour at half the resolution each way (4:2:0): a third smaller, and lettering in colour gets
    /// soft edges.
    pub subsample: bool,
}

impl Default for JpegOptions {
    /// Quality 90 with colour at half resolution.
    fn default() -> Self {
        Self { quality: 90, subsample: true }
    }
}

/// Why a picture could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// No pixels, or more than the format can hold.
    #[error("a picture of {size} pixels cannot be a {format}: it holds 1 to {most} pixels a side")]
    Size {
        /// Size of the picture.
        size: Size,
        /// The format.
        format: &'static str,
        /// Longest side.
        most: u32,
    },
    /// A setting out of range.
    #[error("JPEG quality {0} is not possible: give 1 to 100")]
    Quality(u8),
    /// The encoder's own complaint.
    #[error("the picture could not be written as {format}: {reason}")]
    Encoder {
        /// The format.
        format: &'static str,
        /// What it said.
        reason: String,
    },
}

fn check(size: Size, format: &'static str, most: u32) -> Result<(), EncodeError> {
    let fits = |side: u32| (1..=most).contains(&side);
    if fits(size.width) && fits(size.height) {
        Ok(())
    } else {
        Err(EncodeError::Size { size, format, most })
    }
}

/// A picture as a baseline JPEG.
///
/// # Errors
/// No pixels, a side over 65,535, or a quality out of range.
pub fn jpeg(image: &Image, options: JpegOptions) -> Result<Vec<u8>, EncodeError> {
    let size = image.size();
    check(size, "JPEG", u32::from(u16::MAX))?;
    if !(1..=100).contains(&options.quality) {
        return Err(EncodeError::Quality(options.quality));
    }
    // About what a photograph takes at quality 90: fewer moves while it grows.
    let mut bytes = Vec::with_capacity(image.data().len() / 8);
    let mut encoder = Encoder::new(&mut bytes, options.quality);
    encoder.set_sampling_factor(if options.subsample {
        SamplingFactor::F_2_2
    } else {
        SamplingFactor::F_1_1
    });
    encoder
        .encode(image.data(), size.width as u16, size.height as u16, ColorType::Rgb)
        .map_err(|error| EncodeError::Encoder { format: "JPEG", reason: error.to_string() })?;
    Ok(bytes)
}

/// A picture as an 8-bit RGB PNG.
///
/// # Errors
/// No pixels, or a side beyond the format's.
pub fn png(image: &Image) -> Result<Vec<u8>, EncodeError> {
    write_png(image.data(), image.size(), ExtendedColorType::Rgb8)
}

/// A plane of bytes, such as a mask, as a grey PNG.
///
/// # Errors
/// As [`png`].
pub fn png_grey(plane: &Plane<u8>) -> Result<Vec<u8>, EncodeError> {
    write_png(plane.data(), plane.size(), ExtendedColorType::L8)
}

/// A plane of 16-bit numbers, such as a heat map to be measured, as a grey PNG.
///
/// # Errors
/// As [`png`].
pub fn png_grey16(plane: &Plane<u16>) -> Result<Vec<u8>, EncodeError> {
    let bytes: Vec<u8> = plane.data().iter().flat_map(|value| value.to_ne_bytes()).collect();
    write_png(&bytes, plane.size(), ExtendedColorType::L16)
}

fn write_png(data: &[u8], size: Size, colour: ExtendedColorType) -> Result<Vec<u8>, EncodeError> {
    check(size, "PNG", i32::MAX as u32)?;
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(data, size.width, size.height, colour)
        .map_err(|error| EncodeError::Encoder { format: "PNG", reason: error.to_string() })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{DecodeLimits, decode};

    fn picture() -> Image {
        let (w, h) = (70_u32, 41_u32);
        let data = (0..w * h).flat_map(|i| {
            let (x, y) = (i % w, i / w);
            [(x * 3) as u8, (y * 5) as u8, (x + y) as u8]
        });
        Image::new(Size::new(w, h), data.collect()).expect("three bytes a pixel")
    }

    #[test]
    fn what_is_written_is_read() {
        let (image, limits) = (picture(), DecodeLimits::default());
        assert_eq!(decode(&png(&image).expect("written"), &limits).expect("read"), image);
        for (quality, subsample, allowed) in [(95, false, 6), (95, true, 12), (50, true, 30)] {
            let bytes = jpeg(&image, JpegOptions { quality, subsample }).expect("written");
            let back = decode(&bytes, &limits).expect("read");
            let worst = back.data().iter().zip(image.data()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(allowed), "quality {quality}: {worst:?}");
        }
    }

    #[test]
    fn planes() {
        let (size, limits) = (Size::new(16, 16), DecodeLimits::default());
        let mask = Plane::new(size, (0..=255).collect()).expect("256 pixels");
        let back = decode(&png_grey(&mask).expect("written"), &limits).expect("read");
        assert!((0..=255).all(|i| back.pixel(i % 16, i / 16) == Some([i as u8; 3])));
        let deep = Plane::new(size, (0..256_u16).map(|v| v * 257).collect()).expect("256 pixels");
        assert_eq!(decode(&png_grey16(&deep).expect("written"), &limits).expect("read"), back);
    }

    #[test]
    fn mistakes_are_told() {
        let empty = Image::filled(Size::new(0, 4), [0; 3]);
        assert!(matches!(png(&empty), Err(EncodeError::Size { .. })));
        assert!(matches!(jpeg(&empty, JpegOptions::default()), Err(EncodeError::Size { .. })));
        let long = Image::filled(Size::new(70_000, 1), [0; 3]);
        let error = jpeg(&long, JpegOptions::default()).expect_err("too long");
        assert!(error.to_string().contains("65535"), "{error}");
        let options = JpegOptions { quality: 0, subsample: false };
        assert!(matches!(jpeg(&picture(), options), Err(EncodeError::Quality(0))));
    }
}
