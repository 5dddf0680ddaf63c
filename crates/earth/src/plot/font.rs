//! Lettering: widths and outlines of a font.

use std::sync::Arc;

use ab_glyph::{Font as _, FontArc, GlyphId, OutlineCurve};

use super::PlotError;

static LETTERING: &[u8] = include_bytes!("../../data/plot/lettering.otf");

/// A font.
#[derive(Debug, Clone)]
pub struct Font {
    face: FontArc,
    /// What SVG viewers are asked for first.
    family: Arc<str>,
}

/// A part of a glyph's outline, in pixels from the text's left end and base line, y downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Move([f32; 2]),
    Line([f32; 2]),
    Quad([f32; 2], [f32; 2]),
    Cubic([f32; 2], [f32; 2], [f32; 2]),
    Close,
}

impl Font {
    /// The font that is part of the program: Latin, Greek and signs.
    ///
    /// # Errors
    /// [`PlotError::Font`] means a broken build.
    pub fn builtin() -> Result<Self, PlotError> {
        let face = FontArc::try_from_slice(LETTERING)
            .map_err(|_| PlotError::Font("the built-in font".to_owned()))?;
        Ok(Self { face, family: Arc::from("Noto Sans") })
    }

    /// A font of a file's bytes (TrueType, OpenType, or the first of a collection).
    ///
    /// # Errors
    /// [`PlotError::Font`] with the name that is given.
    pub fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Self, PlotError> {
        let face = FontArc::try_from_vec(bytes).map_err(|_| PlotError::Font(name.to_owned()))?;
        let family: String =
            name.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-')).collect();
        Ok(Self { face, family: Arc::from(family) })
    }

    pub(super) fn family(&self) -> &str {
        &self.family
    }

    fn scale(&self, size: f32) -> f32 {
        size / self.face.units_per_em().unwrap_or(1000.0)
    }

    fn glyphs<'a>(&'a self, text: &'a str, size: f32) -> impl Iterator<Item = (GlyphId, f32)> + 'a {
        let scale = self.scale(size);
        text.chars().filter(|c| !c.is_control()).map(move |c| {
            let glyph = self.face.glyph_id(c);
            // What the font lacks is shown as an empty box.
            let advance = if glyph == GlyphId(0) {
                size * 0.6
            } else {
                self.face.h_advance_unscaled(glyph) * scale
            };
            (glyph, advance)
        })
    }

    /// Pixels that a text takes along its line.
    #[must_use]
    pub fn width(&self, text: &str, size: f32) -> f32 {
        self.glyphs(text, size).map(|(_, advance)| advance).sum()
    }

    /// The size at which a text takes no more than `most` pixels: the one given, or a smaller one.
    #[must_use]
    pub fn fitting(&self, text: &str, size: f32, most: f32) -> f32 {
        let width = self.width(text, size);
        if width <= most { size } else { size * (most / width).max(0.3) }
    }

    /// Outlines of a text.
    pub(super) fn outlines(&self, text: &str, size: f32) -> Vec<Step> {
        let scale = self.scale(size);
        let mut steps = Vec::new();
        let mut x = 0.0;
        for (glyph, advance) in self.glyphs(text, size) {
            if glyph == GlyphId(0) {
                let (left, right, top) = (x + size * 0.08, x + size * 0.52, -size * 0.72);
                steps.extend([
                    Step::Move([left, 0.0]),
                    Step::Line([left, top]),
                    Step::Line([right, top]),
                    Step::Line([right, 0.0]),
                    Step::Close,
                ]);
            } else if let Some(outline) = self.face.outline(glyph) {
                let to = |point: ab_glyph::Point| [x + point.x * scale, -point.y * scale];
                let mut end: Option<[f32; 2]> = None;
                for curve in outline.curves {
                    let (start, step, last) = match curve {
                        OutlineCurve::Line(a, b) => (to(a), Step::Line(to(b)), to(b)),
                        OutlineCurve::Quad(a, b, c) => (to(a), Step::Quad(to(b), to(c)), to(c)),
                        OutlineCurve::Cubic(a, b, c, d) => {
                            (to(a), Step::Cubic(to(b), to(c), to(d)), to(d))
                        }
                    };
                    if end != Some(start) {
                        if end.is_some() {
                            steps.push(Step::Close);
                        }
                        steps.push(Step::Move(start));
                    }
                    steps.push(step);
                    end = Some(last);
                }
                if end.is_some() {
                    steps.push(Step::Close);
                }
            }
            x += advance;
        }
        steps
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_what_pictures_need() {
        let font = Font::builtin().unwrap();
        for c in "850 hPa geopotential height (dam) −12.5 °C m/s 1e−5 kg/m² µ σ ≥ → 30°N".chars()
        {
            assert_ne!(font.face.glyph_id(c), GlyphId(0), "{c}");
        }
        assert!((font.width("00", 20.0) - 2.0 * font.width("0", 20.0)).abs() < 1e-3);
        let size = font.fitting("a long title", 20.0, 50.0);
        assert!(size < 20.0 && font.width("a long title", size) <= 50.1);
    }

    #[test]
    fn outlines_close_and_bytes_that_are_no_font_are_refused() {
        let font = Font::builtin().unwrap();
        let steps = font.outlines("Bi\u{597d}", 30.0);
        let count = |what: fn(&Step) -> bool| steps.iter().filter(|step| what(step)).count();
        let (moves, closes) = (count(|s| matches!(s, Step::Move(_))), count(|s| *s == Step::Close));
        // B has three outlines, i two, and what the font lacks is one box.
        assert_eq!((moves, closes), (6, 6));
        assert!(Font::from_bytes(vec![0; 64], "x").is_err());
    }
}
