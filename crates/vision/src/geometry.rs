//! Points, boxes and detections, in pixels of the picture: x to the right, y down, the first pixel
//! covering 0 to 1.

use serde::{Deserialize, Serialize};

/// A position in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// Width and height in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// A size.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    #[must_use]
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.width, self.height)
    }
}

/// A rectangle with edges along the axes, by two corners.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct BBox {
    /// Left edge.
    pub x1: f32,
    /// Upper edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Lower edge.
    pub y2: f32,
}

impl BBox {
    /// A box from its corners.
    #[must_use]
    pub const fn new(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// A box from its centre, width and height.
    #[must_use]
    pub fn from_centre(cx: f32, cy: f32, width: f32, height: f32) -> Self {
        let (w, h) = (width / 2.0, height / 2.0);
        Self::new(cx - w, cy - h, cx + w, cy + h)
    }

    /// Width, 0 for a box whose corners are the wrong way round.
    #[must_use]
    pub fn width(&self) -> f32 {
        (self.x2 - self.x1).max(0.0)
    }

    /// Height, 0 for a box whose corners are the wrong way round.
    #[must_use]
    pub fn height(&self) -> f32 {
        (self.y2 - self.y1).max(0.0)
    }

    /// Area in square pixels.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The middle.
    #[must_use]
    pub fn centre(&self) -> Point {
        Point { x: f32::midpoint(self.x1, self.x2), y: f32::midpoint(self.y1, self.y2) }
    }

    /// The middle of the lower edge: where a thing stands on the ground.
    #[must_use]
    pub fn bottom_centre(&self) -> Point {
        Point { x: f32::midpoint(self.x1, self.x2), y: self.y2 }
    }

    /// Area shared with another box.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> f32 {
        let width = self.x2.min(other.x2) - self.x1.max(other.x1);
        let height = self.y2.min(other.y2) - self.y1.max(other.y1);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union, from 0 to 1; 0 for two boxes without area.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// The part of the box inside a picture.
    #[must_use]
    pub fn clipped(&self, size: Size) -> Self {
        let (w, h) = (size.width as f32, size.height as f32);
        let x = |v: f32| v.clamp(0.0, w);
        let y = |v: f32| v.clamp(0.0, h);
        Self::new(x(self.x1), y(self.y1), x(self.x2), y(self.y2))
    }

    /// The box moved.
    #[must_use]
    pub fn shifted(&self, dx: f32, dy: f32) -> Self {
        Self::new(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)
    }
}

/// A thing found in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Where.
    pub bbox: BBox,
    /// How sure, from 0 to 1.
    pub score: f32,
    /// Class, as its place in the model's list.
    pub class: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_of_halves() {
        let a = BBox::new(0.0, 0.0, 10.0, 10.0);
        let b = BBox::from_centre(10.0, 5.0, 10.0, 10.0);
        assert_eq!(a.intersection(&b), 50.0);
        assert!((a.iou(&b) - 50.0 / 150.0).abs() < 1e-7);
        assert_eq!(a.iou(&BBox::new(10.0, 0.0, 20.0, 10.0)), 0.0);
        assert_eq!(BBox::default().iou(&BBox::default()), 0.0);
        assert_eq!(BBox::new(5.0, 5.0, 1.0, 1.0).area(), 0.0);
    }

    #[test]
    fn clipped_to_the_picture() {
        let clipped = BBox::new(-3.0, 2.0, 50.0, 9.0).clipped(Size::new(20, 8));
        assert_eq!(clipped, BBox::new(0.0, 2.0, 20.0, 8.0));
    }
}
