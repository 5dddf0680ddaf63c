//! Sequence parameter sets of H.264: a stream's picture size, kind and colours, read before a decoder
//! sees them, so that what is too large or not decodable is refused in words.
//!
//! ITU-T H.264 (08/2021), 7.3.2.1.1 and E.1.1.

use super::yuv::{Matrix, YuvColor};
use crate::geometry::Size;

/// What a sequence parameter set says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sps {
    /// Width and height after cropping.
    pub size: Size,
    /// Width and height of what is decoded, before cropping.
    pub coded: Size,
    /// `profile_idc`: 66 baseline, 77 main, 100 high.
    pub profile: u8,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u32,
    /// The larger of luma's and chroma's bits a sample.
    pub bits: u32,
    /// False where fields or mixed frames may come.
    pub progressive: bool,
    /// Matrix and range, where the stream says them.
    pub color: Option<YuvColor>,
    /// Frames a second, where the stream says them.
    pub fps: Option<f64>,
}

impl Sps {
    /// Why the built-in decoder cannot read such a stream; `None` where it can.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        if self.bits > 8 {
            return Some(format!("H.264 with {} bits a sample", self.bits));
        }
        match self.chroma_format {
            0 | 1 => {}
            2 => return Some("H.264 with 4:2:2 colours".to_owned()),
            _ => return Some("H.264 with 4:4:4 colours".to_owned()),
        }
        (!self.progressive).then(|| "interlaced H.264".to_owned())
    }

    /// The colours, assumed where the stream does not say them.
    #[must_use]
    pub fn color(&self) -> YuvColor {
        self.color.unwrap_or_else(|| YuvColor::assumed(self.size))
    }
}

/// Reads a NAL unit of type 7, with its head byte; `None` when it is damaged or of another type.
#[must_use]
pub fn parse_sps(nal: &[u8]) -> Option<Sps> {
    if nal.first()? & 0x1F != 7 {
        return None;
    }
    let payload = without_emulation(nal.get(1..)?);
    let mut bits = Bits { bytes: &payload, at: 0 };
    let profile = bits.take(8)? as u8;
    bits.take(16)?;
    bits.unsigned()?;
    let (mut chroma_format, mut depth) = (1, 8);
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma_format = bits.unsigned()?;
        if chroma_format == 3 {
            bits.take(1)?;
        }
        let (luma, chroma) = (bits.unsigned()?, bits.unsigned()?);
        depth = 8 + luma.max(chroma).min(56);
        bits.take(1)?;
        if bits.flag()? {
            for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    bits.scaling_list(if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.unsigned()?;
    match bits.unsigned()? {
        0 => {
            bits.unsigned()?;
        }
        1 => {
            bits.take(1)?;
            bits.unsigned()?;
            bits.unsigned()?;
            for _ in 0..bits.unsigned().filter(|&n| n <= 255)? {
                bits.unsigned()?;
            }
        }
        _ => {}
    }
    bits.unsigned()?;
    bits.take(1)?;
    let (columns, rows) = (bits.unsigned()?.checked_add(1)?, bits.unsigned()?.checked_add(1)?);
    let progressive = bits.flag()?;
    if !progressive {
        bits.take(1)?;
    }
    bits.take(1)?;
    let fields = if progressive { 1 } else { 2 };
    let coded = Size::new(columns.checked_mul(16)?, rows.checked_mul(16)?.checked_mul(fields)?);
    let (mut width, mut height) = (coded.width, coded.height);
    if bits.flag()? {
        let step_x = if matches!(chroma_format, 1 | 2) { 2 } else { 1 };
        let step_y = if chroma_format == 1 { 2 } else { 1 } * fields;
        let mut side = |step: u32| bits.unsigned()?.checked_mul(step);
        let crop = [side(step_x)?, side(step_x)?, side(step_y)?, side(step_y)?];
        width = width.checked_sub(crop[0].checked_add(crop[1])?).filter(|&w| w > 0)?;
        height = height.checked_sub(crop[2].checked_add(crop[3])?).filter(|&h| h > 0)?;
    }
    let size = Size::new(width, height);
    let (color, fps) = if bits.flag()? { usability(&mut bits, size) } else { (None, None) };
    Some(Sps { size, coded, profile, chroma_format, bits: depth, progressive, color, fps })
}

/// The usability information: colours and pace, as far as they can be read.
fn usability(bits: &mut Bits<'_>, size: Size) -> (Option<YuvColor>, Option<f64>) {
    let mut color = None;
    let mut read = || -> Option<f64> {
        if bits.flag()? && bits.take(8)? == 255 {
            bits.take(32)?;
        }
        if bits.flag()? {
            bits.take(1)?;
        }
        if bits.flag()? {
            bits.take(3)?;
            let mut found = YuvColor { full_range: bits.flag()?, ..YuvColor::assumed(size) };
            if bits.flag()? {
                bits.take(16)?;
                match bits.take(8)? {
                    1 => found.matrix = Matrix::Bt709,
                    4..=7 => found.matrix = Matrix::Bt601,
                    _ => {}
                }
            }
            color = Some(found);
        }
        if bits.flag()? {
            bits.unsigned()?;
            bits.unsigned()?;
        }
        if !bits.flag()? {
            return None;
        }
        // A tick is a field: two make a frame.
        let (tick, scale) = (bits.take(32)?, bits.take(32)?);
        let fps = f64::from(scale) / (2.0 * f64::from(tick));
        (fps.is_finite() && (0.01..=1000.0).contains(&fps)).then_some(fps)
    };
    let fps = read();
    (color, fps)
}

/// Takes the bytes out that keep start codes from appearing (7.4.1).
fn without_emulation(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for &byte in bytes {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

/// Bits from the highest, as H.264 counts them.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 32.
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    /// Exp-Golomb, 9.1.
    fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some(((1_u64 << zeros) - 1 + u64::from(self.take(zeros)?)) as u32)
    }

    fn signed(&mut self) -> Option<i64> {
        let code = i64::from(self.unsigned()?);
        Some(if code % 2 == 1 { (code + 1) / 2 } else { -code / 2 })
    }

    /// Passes over a scaling list, 7.3.2.1.1.1.
    fn scaling_list(&mut self, count: usize) -> Option<()> {
        let (mut last, mut next) = (8_i64, 8_i64);
        for _ in 0..count {
            if next != 0 {
                next = (last + self.signed()? + 256).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_real_encoders() {
        // x264, 1920 x 1080, high profile, 25 frames a second, BT.709 limited.
        let bytes = [
            0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0x9A, 0x80, 0x80,
            0x80, 0xA0, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x06, 0x41, 0xE3, 0x06, 0x32,
            0xC0,
        ];
        if let Some(sps) = parse_sps(&bytes) {
            assert_eq!(sps.size, Size::new(1920, 1080));
            assert_eq!((sps.profile, sps.progressive, sps.bits), (100, true, 8));
        } else {
            panic!("not read");
        }
        assert_eq!(parse_sps(&bytes[..5]), None);
        assert_eq!(parse_sps(&[0x68, 0, 0]), None);
    }
}
