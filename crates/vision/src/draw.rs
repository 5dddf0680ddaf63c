//! Findings drawn into the picture: boxes, labels, zones, masks and heat maps, in a size that suits
//! the picture.

mod colour;
mod line;
mod text;

pub use colour::{class_colour, heat_colour};

use crate::geometry::{BBox, Detection, Point, Size};
use crate::image::{Image, Plane};
use colour::blend;

/// Sizes of what is drawn, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Thickness of lines.
    pub line: f32,
    /// Height of lettering (the em: a Chinese character is as high and as wide).
    pub text: f32,
    /// Opacity of masks and of the hottest place of a heat map, from 0 to 1.
    pub opacity: f32,
}

impl Style {
    /// What is legible on a picture of this size, shown whole on a screen: lettering of a
    /// thirty-second of the picture's shorter side, but of no less than 11 pixels.
    #[must_use]
    pub fn for_size(size: Size) -> Self {
        let short = size.width.min(size.height) as f32;
        Self {
            line: (short / 320.0).round().clamp(1.0, 24.0),
            text: (short / 32.0).round().clamp(11.0, 200.0),
            opacity: 0.5,
        }
    }
}

/// A picture being drawn on. Nothing outside the picture is touched, wherever a shape lies; a shape
/// with a coordinate that is no number is left out.
#[derive(Debug)]
pub struct Canvas<'a> {
    image: &'a mut Image,
    style: Style,
}

impl<'a> Canvas<'a> {
    /// Draws on a picture in the style for its size.
    pub fn new(image: &'a mut Image) -> Self {
        let style = Style::for_size(image.size());
        Self { image, style }
    }

    /// Draws on a picture in a style of one's own.
    pub fn with_style(image: &'a mut Image, style: Style) -> Self {
        let Style { line, text, opacity } = style;
        let within =
            |v: f32, low: f32, high: f32| if v.is_nan() { low } else { v.clamp(low, high) };
        let style = Style {
            line: within(line, 1.0, 200.0),
            text: within(text, 6.0, 400.0),
            opacity: within(opacity, 0.0, 1.0),
        };
        Self { image, style }
    }

    /// The sizes in use.
    #[must_use]
    pub fn style(&self) -> Style {
        self.style
    }

    /// A detection: its box and, with it, its class's name and score in per cent.
    pub fn detection(&mut self, detection: &Detection, name: &str) {
        let colour = class_colour(detection.class);
        self.bbox(&detection.bbox, colour);
        self.label(&detection.bbox, &format!("{name} {:.0}%", detection.score * 100.0), colour);
    }

    /// The outline of a box; the line lies inside the box's edges.
    pub fn bbox(&mut self, bbox: &BBox, colour: [u8; 3]) {
        if ![bbox.x1, bbox.y1, bbox.x2, bbox.y2].iter().all(|v| v.is_finite()) {
            return;
        }
        let line = self.style.line;
        let BBox { x1, y1, x2, y2 } = *bbox;
        let (inner_y1, inner_y2) = ((y1 + line).min(y2), (y2 - line).max(y1));
        for side in [
            BBox::new(x1, y1, x2, inner_y1),
            BBox::new(x1, inner_y2.max(inner_y1), x2, y2),
            BBox::new(x1, inner_y1, (x1 + line).min(x2), inner_y2),
            BBox::new((x2 - line).max(x1), inner_y1, x2, inner_y2),
        ] {
            self.fill(&side, colour, 1.0);
        }
    }

    /// A filled rectangle of an opacity from 0 to 1.
    pub fn fill(&mut self, bbox: &BBox, colour: [u8; 3], opacity: f32) {
        let inside = bbox.clipped(self.image.size());
        let (x1, x2) = (inside.x1.round() as usize, inside.x2.round() as usize);
        for y in inside.y1.round() as u32..inside.y2.round() as u32 {
            if let Some(pixels) = self.row_mut(y).get_mut(x1 * 3..x2 * 3) {
                pixels.chunks_exact_mut(3).for_each(|pixel| blend(pixel, colour, opacity));
            }
        }
    }

    /// Lettering on a ground of `colour`, at a box: above it where there is room, else at its top,
    /// and always inside the picture; what is too long for the picture ends in an ellipsis.
    pub fn label(&mut self, bbox: &BBox, label: &str, colour: [u8; 3]) {
        let size = self.image.size();
        let (width, height) = (size.width as f32, size.height as f32);
        let pad = (self.style.text / 6.0).round();
        let label = text::shortened(label, self.style.text, width - 2.0 * pad);
        let wide = text::width(&label, self.style.text) + 2.0 * pad;
        let high = (self.style.text * 1.25).round();
        let above = bbox.y1 - high;
        let top = if above >= 0.0 { above } else { bbox.y1.max(0.0) };
        // `max` and `min` rather than `clamp`: the label may be larger than the picture.
        let left = bbox.x1.min(width - wide).max(0.0).round();
        let top = top.min(height - high).max(0.0).round();
        if !(left.is_finite() && top.is_finite()) || label.is_empty() {
            return;
        }
        self.fill(&BBox::new(left, top, left + wide, top + high), colour, 0.85);
        let at = Point { x: left + pad, y: top + high * 0.5 };
        text::write(self.image, &label, at, self.style.text, colour::ink_on(colour));
    }

    /// Lettering alone, outlined against any ground; `at` is its left end, halfway up.
    pub fn text(&mut self, at: Point, text: &str, colour: [u8; 3]) {
        if !(at.x.is_finite() && at.y.is_finite()) {
            return;
        }
        let edge = (self.style.text / 14.0).max(1.0);
        for (dx, dy) in [(-edge, 0.0), (edge, 0.0), (0.0, -edge), (0.0, edge)] {
            let at = Point { x: at.x + dx, y: at.y + dy };
            text::write(self.image, text, at, self.style.text, colour::ink_on(colour));
        }
        text::write(self.image, text, at, self.style.text, colour);
    }

    /// A line through points, such as a counting line or a track.
    pub fn polyline(&mut self, points: &[Point], colour: [u8; 3]) {
        for pair in points.windows(2) {
            line::segment(self.image, pair[0], pair[1], self.style.line, colour);
        }
    }

    /// A polygon, such as a zone: its outline, and its inside faintly.
    pub fn polygon(&mut self, points: &[Point], colour: [u8; 3]) {
        line::fill_polygon(self.image, points, colour, self.style.opacity * 0.4);
        self.polyline(points, colour);
        if let (Some(&first), Some(&last)) = (points.first(), points.last()) {
            line::segment(self.image, last, first, self.style.line, colour);
        }
    }

    /// Where a mask is not 0, a colour over the picture. A mask of another size is stretched over
    /// the picture.
    pub fn mask(&mut self, mask: &Plane<u8>, colour: [u8; 3]) {
        let opacity = self.style.opacity;
        let Some(columns) = Stretched::new(mask.size(), self.image.size()) else { return };
        for y in 0..self.image.height() {
            let from = columns.row(y);
            for (x, pixel) in self.row_mut(y).chunks_exact_mut(3).enumerate() {
                if mask.get(columns.across[x], from).is_some_and(|value| value != 0) {
                    blend(pixel, colour, opacity);
                }
            }
        }
    }

    /// The outline of what is not 0 in a mask, which is stretched over the picture. The line lies
    /// inside the mask's pixels.
    pub fn contour(&mut self, mask: &Plane<u8>, colour: [u8; 3]) {
        let size = self.image.size();
        let Some(columns) = Stretched::new(mask.size(), size) else { return };
        let is_in = |x: i64, y: i64| {
            let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return false };
            x < size.width
                && y < size.height
                && mask
                    .get(columns.across[x as usize], columns.row(y))
                    .is_some_and(|value| value != 0)
        };
        let reach = self.style.line as i64;
        for y in 0..i64::from(size.height) {
            for x in 0..i64::from(size.width) {
                // Within `reach` of the outside, along rows and columns.
                let near = |d: i64| {
                    !is_in(x - d, y) || !is_in(x + d, y) || !is_in(x, y - d) || !is_in(x, y + d)
                };
                if is_in(x, y) && (1..=reach).any(near) {
                    self.image.set_pixel(x as u32, y as u32, colour);
                }
            }
        }
    }

    /// A heat map over the picture, stretched over it with values in between found linearly: `low`
    /// and below leave the picture as it is, `high` and above are the hottest. A value that is no
    /// number is drawn as `low`.
    pub fn heat(&mut self, map: &Plane<f32>, low: f32, high: f32) {
        let (size, opacity) = (self.image.size(), self.style.opacity);
        if map.size().area() == 0 || !(high - low).is_normal() {
            return;
        }
        let (across, down) =
            (neighbours(map.size().width, size.width), neighbours(map.size().height, size.height));
        let share = |x: u32, y: u32| {
            let share = (map.get(x, y).unwrap_or(low) - low) / (high - low);
            if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
        };
        for (y, &(y0, y1, beyond_y)) in down.iter().enumerate() {
            for (pixel, &(x0, x1, beyond_x)) in
                self.row_mut(y as u32).chunks_exact_mut(3).zip(&across)
            {
                let between = |a: f32, b: f32, at: f32| a + (b - a) * at;
                let upper = between(share(x0, y0), share(x1, y0), beyond_x);
                let lower = between(share(x0, y1), share(x1, y1), beyond_x);
                let value = between(upper, lower, beyond_y);
                // Cold places stay visible as they are.
                blend(pixel, heat_colour(value), opacity * value.sqrt());
            }
        }
    }

    /// Bytes of one row.
    fn row_mut(&mut self, y: u32) -> &mut [u8] {
        let stride = self.image.width() as usize * 3;
        let start = y as usize * stride;
        self.image.data_mut().get_mut(start..start + stride).unwrap_or_default()
    }
}

/// A plane laid over a picture of another size, by the nearest.
struct Stretched {
    across: Vec<u32>,
    down: (u32, u32),
}

impl Stretched {
    /// `None` when one of them has no pixels.
    fn new(plane: Size, picture: Size) -> Option<Self> {
        if plane.area() == 0 || picture.area() == 0 {
            return None;
        }
        let nearest =
            |x: u32| (u64::from(x) * u64::from(plane.width) / u64::from(picture.width)) as u32;
        Some(Self {
            across: (0..picture.width).map(nearest).collect(),
            down: (plane.height, picture.height),
        })
    }

    /// The plane's row for a row of the picture.
    fn row(&self, y: u32) -> u32 {
        (u64::from(y) * u64::from(self.down.0) / u64::from(self.down.1)) as u32
    }
}

/// For each of `shown` pixels the two of `length` values around its centre and how far between.
fn neighbours(length: u32, shown: u32) -> Vec<(u32, u32, f32)> {
    let last = length.saturating_sub(1);
    let pair = |x: u32| {
        let at = ((f64::from(x) + 0.5) * f64::from(length) / f64::from(shown) - 0.5)
            .clamp(0.0, f64::from(last));
        let first = at as u32;
        (first, (first + 1).min(last), (at - f64::from(first)) as f32)
    };
    (0..shown).map(pair).collect()
}
