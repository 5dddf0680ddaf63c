//! Pictures and maps in memory: 8-bit RGB, and planes of one number a pixel.

mod decode;
mod jpeg;
mod orient;
mod source;

pub use decode::{DecodeError, DecodeLimits, Format, decode, decode_file, decode_into};

use crate::geometry::{BBox, Size};

/// A picture: 8-bit RGB, interleaved, rows from the top, no padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    size: Size,
    data: Vec<u8>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({})", self.size)
    }
}

impl Image {
    /// A picture from its bytes; `None` when there are not three for each pixel.
    #[must_use]
    pub fn new(size: Size, data: Vec<u8>) -> Option<Self> {
        let bytes = usize::try_from(size.area().checked_mul(3)?).ok()?;
        (data.len() == bytes).then_some(Self { size, data })
    }

    /// A picture of one colour.
    #[must_use]
    pub fn filled(size: Size, rgb: [u8; 3]) -> Self {
        let count = size.area() as usize;
        Self { size, data: rgb.repeat(count) }
    }

    /// Gives the picture a new size, keeping its memory where that suffices. What was in it is not
    /// cleared. `None`, and no change, when the size does not fit into memory's addresses.
    fn reset(&mut self, size: Size) -> Option<()> {
        let bytes = usize::try_from(size.area().checked_mul(3)?).ok()?;
        self.data.resize(bytes, 0);
        self.size = size;
        Some(())
    }

    /// Width and height.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.size.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.size.height
    }

    /// The bytes: R, G, B of each pixel.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The bytes, to be changed.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The picture in grey: luma of ITU-R BT.601, rounded.
    #[must_use]
    pub fn to_grey(&self) -> Plane<u8> {
        let luma = |p: &[u8]| {
            let (r, g, b) = (u32::from(p[0]), u32::from(p[1]), u32::from(p[2]));
            // 0.299, 0.587 and 0.114 in units of 2^-14.
            ((r * 4899 + g * 9617 + b * 1868 + 8192) >> 14) as u8
        };
        Plane { size: self.size, data: self.data.chunks_exact(3).map(luma).collect() }
    }

    /// The bytes, given away.
    #[must_use]
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The bytes of one row; empty below the picture.
    #[must_use]
    pub fn row(&self, y: u32) -> &[u8] {
        let stride = self.size.width as usize * 3;
        let start = y as usize * stride;
        self.data.get(start..start + stride).unwrap_or_default()
    }

    /// The colour of a pixel; `None` outside.
    #[must_use]
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        if x >= self.size.width {
            return None;
        }
        let at = x as usize * 3;
        self.row(y).get(at..at + 3)?.try_into().ok()
    }

    /// Sets the colour of a pixel; outside the picture nothing happens.
    pub fn set_pixel(&mut self, x: u32, y: u32, rgb: [u8; 3]) {
        if x < self.size.width && y < self.size.height {
            let at = (y as usize * self.size.width as usize + x as usize) * 3;
            self.data[at..at + 3].copy_from_slice(&rgb);
        }
    }

    /// A part of the picture as a picture of its own: the box, clipped and rounded to whole pixels.
    /// `None` when nothing of it is inside.
    #[must_use]
    pub fn crop(&self, region: &BBox) -> Option<Self> {
        let inside = region.clipped(self.size);
        let (x1, y1) = (inside.x1.round() as usize, inside.y1.round() as usize);
        let (x2, y2) = (inside.x2.round() as usize, inside.y2.round() as usize);
        if x2 <= x1 || y2 <= y1 {
            return None;
        }
        let stride = self.size.width as usize * 3;
        let mut data = Vec::with_capacity((x2 - x1) * (y2 - y1) * 3);
        for y in y1..y2 {
            data.extend_from_slice(&self.data[y * stride + x1 * 3..y * stride + x2 * 3]);
        }
        Some(Self { size: Size::new((x2 - x1) as u32, (y2 - y1) as u32), data })
    }
}

/// One number a pixel: a heat map, a mask, a grey picture.
#[derive(Clone, PartialEq)]
pub struct Plane<T> {
    size: Size,
    data: Vec<T>,
}

impl<T> std::fmt::Debug for Plane<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plane({})", self.size)
    }
}

impl<T: Copy> Plane<T> {
    /// A plane from its numbers; `None` when there is not one for each pixel.
    #[must_use]
    pub fn new(size: Size, data: Vec<T>) -> Option<Self> {
        (u64::try_from(data.len()).ok()? == size.area()).then_some(Self { size, data })
    }

    /// A plane of one value.
    #[must_use]
    pub fn filled(size: Size, value: T) -> Self {
        Self { size, data: vec![value; size.area() as usize] }
    }

    /// Width and height.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The numbers, row by row.
    #[must_use]
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The numbers, to be changed.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The number at a pixel; `None` outside.
    #[must_use]
    pub fn get(&self, x: u32, y: u32) -> Option<T> {
        if x >= self.size.width {
            return None;
        }
        self.data.get(y as usize * self.size.width as usize + x as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_clipped() {
        let mut image = Image::filled(Size::new(4, 3), [1, 2, 3]);
        image.set_pixel(3, 2, [9, 9, 9]);
        image.set_pixel(4, 0, [7, 7, 7]);
        let part = image.crop(&BBox::new(2.0, 1.0, 100.0, 100.0)).expect("overlaps");
        assert_eq!(part.size(), Size::new(2, 2));
        assert_eq!((part.pixel(1, 1), part.pixel(2, 0)), (Some([9, 9, 9]), None));
        assert!(image.crop(&BBox::new(5.0, 5.0, 9.0, 9.0)).is_none());
        assert!(Image::new(Size::new(u32::MAX, u32::MAX), Vec::new()).is_none());
    }
}
