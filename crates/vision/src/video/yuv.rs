//! From the colours that codecs work in (Y'CbCr, planar, 8 bits) to RGB.
//!
//! Coefficients: ITU-R BT.601-7 and BT.709-6, limited range (16 to 235, 16 to 240) and full range,
//! in integers of 14 fractional bits: at most one step from the exact value. Chroma is repeated, not
//! interpolated.

use crate::geometry::Size;
use crate::image::Image;

/// Weights of red and blue in luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// Standard definition, and every JPEG.
    Bt601,
    /// High definition.
    Bt709,
}

/// How numbers stand for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YuvColor {
    /// The weights.
    pub matrix: Matrix,
    /// True where 0 to 255 is used, false where 16 to 235 is.
    pub full_range: bool,
}

impl YuvColor {
    /// What players assume of a clip that does not say: BT.709 from 720 lines on, limited range.
    #[must_use]
    pub fn assumed(size: Size) -> Self {
        let matrix = if size.height >= 720 { Matrix::Bt709 } else { Matrix::Bt601 };
        Self { matrix, full_range: false }
    }
}

/// Three planes of one picture.
#[derive(Debug, Clone, Copy)]
pub struct YuvPlanes<'a> {
    /// Width and height of the picture, and of the luma plane.
    pub size: Size,
    /// Luma, then blue and red difference. The last two may be empty: a grey picture.
    pub planes: [&'a [u8]; 3],
    /// Bytes from one row to the next, of each plane.
    pub strides: [usize; 3],
    /// Columns and rows of luma to one of chroma: (2, 2) for 4:2:0, (2, 1) for 4:2:2, (1, 1) for 4:4:4.
    pub subsampling: (u32, u32),
}

const BITS: i32 = 14;

/// Coefficients of 14 fractional bits.
#[derive(Clone, Copy)]
struct Coefficients {
    y: i32,
    y_offset: i32,
    red: i32,
    green_u: i32,
    green_v: i32,
    blue: i32,
}

impl Coefficients {
    fn of(color: YuvColor) -> Self {
        let (kr, kb) = match color.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let (y, c) = if color.full_range { (1.0, 1.0) } else { (255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |value: f64| (value * f64::from(1 << BITS)).round() as i32;
        Self {
            y: fixed(y),
            y_offset: if color.full_range { 0 } else { 16 },
            red: fixed(2.0 * (1.0 - kr) * c),
            green_u: fixed(-2.0 * kb * (1.0 - kb) / kg * c),
            green_v: fixed(-2.0 * kr * (1.0 - kr) / kg * c),
            blue: fixed(2.0 * (1.0 - kb) * c),
        }
    }

    /// What a pair of chroma values adds to red, green and blue, with the half for rounding.
    fn chroma(self, u: u8, v: u8) -> [i32; 3] {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let half = 1 << (BITS - 1);
        [self.red * v + half, self.green_u * u + self.green_v * v + half, self.blue * u + half]
    }

    fn pixel(self, y: u8, chroma: [i32; 3]) -> [u8; 3] {
        let y = (i32::from(y) - self.y_offset) * self.y;
        chroma.map(|c| ((y + c) >> BITS).clamp(0, 255) as u8)
    }
}

/// Converts a picture; `None` when a plane is too short for the size.
#[must_use]
pub fn to_rgb(picture: &YuvPlanes<'_>, color: YuvColor) -> Option<Image> {
    let (sx, sy) = picture.subsampling;
    if !matches!(sx, 1 | 2) || !matches!(sy, 1 | 2) || picture.size.area() == 0 {
        return None;
    }
    let coefficients = Coefficients::of(color);
    let width = picture.size.width as usize;
    let chroma_width = width.div_ceil(sx as usize);
    let row = |plane: usize, y: usize, width: usize| {
        let start = y.checked_mul(picture.strides[plane])?;
        picture.planes[plane].get(start..start.checked_add(width)?)
    };
    let grey = picture.planes[1].is_empty();
    let mut data = vec![0; usize::try_from(picture.size.area().checked_mul(3)?).ok()?];
    for (y, out) in data.chunks_exact_mut(width * 3).enumerate() {
        let luma = row(0, y, width)?;
        if grey {
            let flat = coefficients.chroma(128, 128);
            for (pixel, &y) in out.chunks_exact_mut(3).zip(luma) {
                pixel.copy_from_slice(&coefficients.pixel(y, flat));
            }
            continue;
        }
        let chroma_row = y / sy as usize;
        let (u, v) = (row(1, chroma_row, chroma_width)?, row(2, chroma_row, chroma_width)?);
        if sx == 1 {
            for ((pixel, &y), (&u, &v)) in out.chunks_exact_mut(3).zip(luma).zip(u.iter().zip(v)) {
                pixel.copy_from_slice(&coefficients.pixel(y, coefficients.chroma(u, v)));
            }
        } else {
            for ((pixels, y), (&u, &v)) in
                out.chunks_mut(6).zip(luma.chunks(2)).zip(u.iter().zip(v))
            {
                let chroma = coefficients.chroma(u, v);
                for (pixel, &y) in pixels.chunks_exact_mut(3).zip(y) {
                    pixel.copy_from_slice(&coefficients.pixel(y, chroma));
                }
            }
        }
    }
    Image::new(picture.size, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(y: u8, u: u8, v: u8, color: YuvColor) -> [u8; 3] {
        let planes = YuvPlanes {
            size: Size::new(1, 1),
            planes: [&[y], &[u], &[v]],
            strides: [1, 1, 1],
            subsampling: (1, 1),
        };
        to_rgb(&planes, color).expect("one pixel").pixel(0, 0).expect("one pixel")
    }

    /// The standards' formulas in floats.
    fn exact(y: u8, u: u8, v: u8, color: YuvColor) -> [f64; 3] {
        let (kr, kb) =
            if color.matrix == Matrix::Bt601 { (0.299, 0.114) } else { (0.2126, 0.0722) };
        let (y, u, v) = (f64::from(y), f64::from(u) - 128.0, f64::from(v) - 128.0);
        let (y, pb, pr) = if color.full_range {
            (y / 255.0, u / 255.0, v / 255.0)
        } else {
            ((y - 16.0) / 219.0, u / 224.0, v / 224.0)
        };
        let (r, b) = (y + 2.0 * (1.0 - kr) * pr, y + 2.0 * (1.0 - kb) * pb);
        let g = (y - kr * r - kb * b) / (1.0 - kr - kb);
        [r, g, b].map(|c| (c * 255.0).clamp(0.0, 255.0))
    }

    #[test]
    fn equals_the_standards() {
        for matrix in [Matrix::Bt601, Matrix::Bt709] {
            for full_range in [false, true] {
                let color = YuvColor { matrix, full_range };
                for n in 0..4096_u32 {
                    let (y, u, v) = ((n * 37) as u8, (n * 101 + 3) as u8, (n * 53 + 7) as u8);
                    let (ours, right) = (convert(y, u, v, color), exact(y, u, v, color));
                    for (a, b) in ours.iter().zip(right) {
                        assert!(
                            (f64::from(*a) - b).abs() <= 0.6,
                            "{color:?} {y} {u} {v}: {ours:?} {right:?}"
                        );
                    }
                }
            }
        }
        let bars = YuvColor { matrix: Matrix::Bt709, full_range: false };
        assert_eq!(convert(235, 128, 128, bars), [255, 255, 255]);
        assert_eq!(convert(16, 128, 128, bars), [0, 0, 0]);
        // BT.709 primary red and blue of full amplitude.
        assert_eq!(convert(63, 102, 240, bars), [255, 1, 0]);
    }

    #[test]
    fn odd_sizes_and_short_planes() {
        let (y, c) = ([50; 15], [90; 6]);
        let mut planes = YuvPlanes {
            size: Size::new(5, 3),
            planes: [&y, &c, &c],
            strides: [5, 3, 3],
            subsampling: (2, 2),
        };
        let image = to_rgb(&planes, YuvColor::assumed(planes.size)).expect("whole planes");
        assert_eq!(image.pixel(0, 0), image.pixel(4, 2));
        planes.planes[2] = &c[..5];
        assert!(to_rgb(&planes, YuvColor::assumed(planes.size)).is_none());
    }
}
