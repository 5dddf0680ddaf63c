//! A picture as a list of shapes, lettering and images, in pixels from the top left, drawn in their order.

use super::font::Font;

/// Red, green, blue and opacity.
pub type Colour = [u8; 4];

/// Ink of lettering and frames.
pub const INK: Colour = [28, 32, 38, 255];
/// A fainter ink.
pub const FAINT: Colour = [96, 104, 114, 255];
/// Ground.
pub const WHITE: Colour = [255, 255, 255, 255];

/// A place in a picture, in pixels.
pub type Pixel = (f32, f32);

/// Lines, each open or closed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// Points of each line and whether it is closed.
    pub lines: Vec<(Vec<Pixel>, bool)>,
}

impl Path {
    /// One open line.
    #[must_use]
    pub fn line(points: Vec<Pixel>) -> Self {
        Self { lines: vec![(points, false)] }
    }

    /// One closed line.
    #[must_use]
    pub fn polygon(points: Vec<Pixel>) -> Self {
        Self { lines: vec![(points, true)] }
    }

    /// A rectangle.
    #[must_use]
    pub fn rect(x: f32, y: f32, width: f32, height: f32) -> Self {
        let (right, bottom) = (x + width, y + height);
        Self::polygon(vec![(x, y), (right, y), (right, bottom), (x, bottom)])
    }

    /// A circle, of as many corners as make it look round.
    #[must_use]
    pub fn circle(centre: Pixel, radius: f32) -> Self {
        let corners = ((radius * 4.0) as usize).clamp(16, 360);
        let point = |at: usize| {
            let angle = at as f32 / corners as f32 * std::f32::consts::TAU;
            (centre.0 + radius * angle.cos(), centre.1 + radius * angle.sin())
        };
        Self::polygon((0..corners).map(point).collect())
    }

    /// Adds an open line.
    pub fn push(&mut self, points: Vec<Pixel>) {
        self.lines.push((points, false));
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|(points, _)| points.len() < 2)
    }
}

/// Which part of a text lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// Lettering of one line; its place is halfway up its capitals.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Where.
    pub at: Pixel,
    /// What.
    pub text: String,
    /// Height of the em, in pixels.
    pub size: f32,
    /// Which part lies there.
    pub anchor: Anchor,
    /// Turned clockwise, in degrees.
    pub angle: f32,
    /// Colour.
    pub colour: Colour,
    /// A rim in this colour that sets it off from what is below.
    pub halo: Option<Colour>,
    /// Drawn heavier.
    pub bold: bool,
}

impl Text {
    /// Plain lettering in ink.
    #[must_use]
    pub fn new(at: Pixel, text: impl Into<String>, size: f32, anchor: Anchor) -> Self {
        let text = text.into();
        Self { at, text, size, anchor, angle: 0.0, colour: INK, halo: None, bold: false }
    }

    /// In another colour.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }

    /// Turned.
    #[must_use]
    pub fn turned(mut self, degrees: f32) -> Self {
        self.angle = degrees;
        self
    }

    /// With a rim.
    #[must_use]
    pub fn halo(mut self, colour: Colour) -> Self {
        self.halo = Some(colour);
        self
    }

    /// Heavier.
    #[must_use]
    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    /// The corners of its box, turned as it is, with a margin around.
    #[must_use]
    pub fn corners(&self, font: &Font, margin: f32) -> [Pixel; 4] {
        let width = font.width(&self.text, self.size);
        let left = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        } - margin;
        let (right, half) = (left + width + 2.0 * margin, self.size * 0.45 + margin);
        let (sine, cosine) = self.angle.to_radians().sin_cos();
        [(left, -half), (right, -half), (right, half), (left, half)]
            .map(|(x, y)| (self.at.0 + x * cosine - y * sine, self.at.1 + x * sine + y * cosine))
    }

    /// The box around it that has no turn: left, top, right, bottom.
    #[must_use]
    pub fn bounds(&self, font: &Font, margin: f32) -> [f32; 4] {
        let corners = self.corners(font, margin);
        let fold = |pick: fn(&Pixel) -> f32, join: fn(f32, f32) -> f32| {
            corners.iter().map(pick).reduce(join).unwrap_or(0.0)
        };
        [
            fold(|p| p.0, f32::min),
            fold(|p| p.1, f32::min),
            fold(|p| p.0, f32::max),
            fold(|p| p.1, f32::max),
        ]
    }
}

/// Something drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An area.
    Fill {
        /// Its outline.
        path: Path,
        /// Colour.
        colour: Colour,
    },
    /// Lines.
    Stroke {
        /// The lines.
        path: Path,
        /// Colour.
        colour: Colour,
        /// Thickness, in pixels.
        width: f32,
        /// Lengths of dashes and gaps; none for a whole line.
        dash: Option<[f32; 2]>,
    },
    /// Lettering.
    Text(Text),
    /// An image, one of its pixels a pixel of the picture.
    Image {
        /// Left edge.
        x: u32,
        /// Top edge.
        y: u32,
        /// Width.
        width: u32,
        /// Height.
        height: u32,
        /// Red, green, blue, opacity (not multiplied), row by row.
        rgba: Vec<u8>,
    },
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width, in pixels.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// What is drawn, the first lowest.
    pub items: Vec<Item>,
}

impl Scene {
    /// A white picture.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, items: Vec::new() }
    }

    /// Fills an area.
    pub fn fill(&mut self, path: Path, colour: Colour) {
        self.items.push(Item::Fill { path, colour });
    }

    /// Draws lines.
    pub fn stroke(&mut self, path: Path, colour: Colour, width: f32) {
        if !path.is_empty() {
            self.items.push(Item::Stroke { path, colour, width, dash: None });
        }
    }

    /// Draws dashed lines.
    pub fn dashed(&mut self, path: Path, colour: Colour, width: f32, dash: [f32; 2]) {
        if !path.is_empty() {
            self.items.push(Item::Stroke { path, colour, width, dash: Some(dash) });
        }
    }

    /// Writes.
    pub fn text(&mut self, text: Text) {
        if !text.text.is_empty() {
            self.items.push(Item::Text(text));
        }
    }

    /// Puts another picture's content into this one, moved by whole pixels.
    pub fn place(&mut self, other: Self, right: u32, down: u32) {
        let (dx, dy) = (right as f32, down as f32);
        let moved = |mut path: Path| {
            for point in path.lines.iter_mut().flat_map(|(points, _)| points) {
                *point = (point.0 + dx, point.1 + dy);
            }
            path
        };
        self.items.extend(other.items.into_iter().map(|item| match item {
            Item::Fill { path, colour } => Item::Fill { path: moved(path), colour },
            Item::Stroke { path, colour, width, dash } => {
                Item::Stroke { path: moved(path), colour, width, dash }
            }
            Item::Text(text) => Item::Text(Text { at: (text.at.0 + dx, text.at.1 + dy), ..text }),
            Item::Image { x, y, width, height, rgba } => {
                Item::Image { x: x + right, y: y + down, width, height, rgba }
            }
        }));
    }

    /// All lettering, in the order it is drawn.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.items.iter().filter_map(|item| match item {
            Item::Text(text) => Some(text),
            _ => None,
        })
    }
}
