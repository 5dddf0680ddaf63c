//! Streams of GRIB 2 that other crates decode: JPEG 2000, PNG, CCSDS (adaptive entropy coding).
//!
//! Sizes are checked against the number of values before a stream is decoded, and a panic within a decoder becomes an error: these
//! crates say that they never panic, but a forecast's input is not the place to find out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
use rust_aec::{AecFlags, AecParams, decode, flags_from_grib2_ccsds_flags};

use super::octets::{Octets, Why, unpack};

/// Runs a decoder of another crate; a panic of its is an error.
fn guarded<T>(what: &str, decoder: impl FnOnce() -> Result<T, Why>) -> Result<T, Why> {
    catch_unwind(AssertUnwindSafe(decoder))
        .unwrap_or_else(|_| Err(format!("the {what} stream breaks its decoder")))
}

/// A JPEG 2000 codestream of one component.
pub(super) fn jpeg2000(data: &[u8], count: usize) -> Result<Vec<u32>, Why> {
    // The image and tile size marker comes first: a codestream of another size or of several components is not decoded at all.
    let head = Octets(data);
    if head.u4(1)? != 0xff4f_ff51 {
        return Err("no JPEG 2000 codestream".into());
    }
    let side = |end: usize, start: usize| -> Result<usize, Why> {
        Ok(head.u4(end)?.saturating_sub(head.u4(start)?) as usize)
    };
    let (wide, high, components) = (side(9, 17)?, side(13, 21)?, head.u2(41)?);
    if wide.checked_mul(high) != Some(count) || components != 1 {
        return Err(format!(
            "JPEG 2000 of {wide} x {high} in {components} components for {count} values"
        ));
    }
    guarded("JPEG 2000", || {
        let wrong = |error: hayro_jpeg2000::DecodeError| format!("JPEG 2000: {error}");
        let image = Image::new(data, &DecodeSettings::default()).map_err(wrong)?;
        if image.original_bit_depth() > 24 {
            return Err("JPEG 2000 of more than 24 bits is not read".into());
        }
        let mut context = DecoderContext::default();
        let decoded = image.decode(&mut context).map_err(wrong)?;
        let [component] = decoded.components() else {
            return Err("JPEG 2000 of several components".into());
        };
        Ok(component.samples().iter().map(|sample| sample.round() as u32).collect())
    })
}

/// A PNG picture whose pixels have at least `width` bits in all.
pub(super) fn png(data: &[u8], width: usize, count: usize) -> Result<Vec<u32>, Why> {
    guarded("PNG", || {
        let wrong = |error: png::DecodingError| format!("PNG: {error}");
        let limits = png::Limits { bytes: count.saturating_mul(8).saturating_add(1 << 20) };
        let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(data), limits);
        let mut reader = decoder.read_info().map_err(wrong)?;
        let info = reader.info();
        let (columns, rows) = (info.width as usize, info.height as usize);
        let bits = info.bits_per_pixel();
        // Fewer bits than told are none of the format's depths: they come in a deeper picture.
        if columns.checked_mul(rows) != Some(count) || bits < width || bits > 32 {
            return Err(format!(
                "PNG of {columns} x {rows} in {bits} bits for {count} values of {width}"
            ));
        }
        let size = reader.output_buffer_size().ok_or("PNG: too large")?;
        let mut pixels = vec![0; size];
        let frame = reader.next_frame(&mut pixels).map_err(wrong)?;
        let mut numbers = Vec::with_capacity(count);
        for row in pixels.chunks_exact(frame.line_size.max(1)).take(rows) {
            unpack(row, 0, bits, columns, |number| numbers.push(number as u32))?;
        }
        Ok(numbers)
    })
}

/// A CCSDS 121.0-B stream: flags, block size and reference interval are in section 5.
pub(super) fn ccsds(
    section: Octets<'_>,
    data: &[u8],
    width: usize,
    count: usize,
) -> Result<Vec<u32>, Why> {
    let bits = u8::try_from(width).ok().filter(|bits| *bits <= 32);
    let bits = bits.ok_or_else(|| format!("CCSDS of {width} bits is not read"))?;
    let (block, interval) = (section.u1(23)?, section.u2(24)?);
    if ![8, 16, 32, 64].contains(&block) || !(1..=4096).contains(&interval) {
        return Err(format!("CCSDS of blocks of {block}, {interval} to a reference"));
    }
    // How samples lie in the output is ours to choose: whole octets, high ones first.
    let octets = width.div_ceil(8);
    let flags =
        flags_from_grib2_ccsds_flags(section.u1(22)?) | AecFlags::MSB | AecFlags::DATA_3BYTE;
    if flags.contains(AecFlags::DATA_SIGNED) {
        return Err("CCSDS of signed numbers is not read".into());
    }
    let params = AecParams::new(bits, block.into(), interval.into(), flags);
    guarded("CCSDS", || {
        let bytes = decode(data, params, count).map_err(|error| format!("CCSDS: {error}"))?;
        let mut numbers = Vec::with_capacity(count);
        unpack(&bytes, 0, 8 * octets, count, |number| numbers.push(number as u32))?;
        Ok(numbers)
    })
}
