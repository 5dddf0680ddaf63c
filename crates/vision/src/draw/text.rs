//! Lettering in Chinese and English, in the font of `crates/vision/data`.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

use super::line::paint;
use crate::geometry::Point;
use crate::image::Image;

static FONT: &[u8] = include_bytes!("../../data/label.otf");

/// The font. It is part of the program and a test reads it; `None` would mean a broken build, and
/// then pictures have no lettering.
fn font() -> Option<&'static FontRef<'static>> {
    static READ: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    READ.get_or_init(|| FontRef::try_from_slice(FONT).ok()).as_ref()
}

/// The library's scale, which is from ascent to descent, for an em of so many pixels.
fn scale(font: &FontRef<'_>, em: f32) -> PxScale {
    let per_em = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(em * font.height_unscaled() / per_em)
}

/// A character of the text and the pixels it takes along the line. Control characters take none;
/// what the font lacks takes the place of a box.
fn places(font: &FontRef<'_>, text: &str, em: f32) -> Vec<(char, GlyphId, f32)> {
    let scaled = font.as_scaled(scale(font, em));
    let place = |character: char| {
        let glyph = font.glyph_id(character);
        let missing = glyph == GlyphId(0);
        (character, glyph, if missing { em * 0.7 } else { scaled.h_advance(glyph) })
    };
    text.chars().filter(|c| !c.is_control()).map(place).collect()
}

/// Pixels that a text takes along the line.
pub(super) fn width(text: &str, em: f32) -> f32 {
    font().map_or(0.0, |font| places(font, text, em).iter().map(|place| place.2).sum())
}

/// The text, cut so that with an ellipsis it takes no more than `most` pixels.
pub(super) fn shortened(text: &str, em: f32, most: f32) -> String {
    let Some(font) = font() else { return text.to_owned() };
    let places = places(font, text, em);
    if places.iter().map(|place| place.2).sum::<f32>() <= most {
        return text.to_owned();
    }
    let mut left = most - width("…", em);
    let fits = |place: &&(char, GlyphId, f32)| {
        left -= place.2;
        left >= 0.0
    };
    let mut kept: String = places.iter().take_while(fits).map(|place| place.0).collect();
    kept.push('…');
    kept
}

/// Writes a text whose left end is at `at`, halfway up its capitals and characters.
pub(super) fn write(image: &mut Image, text: &str, at: Point, em: f32, colour: [u8; 3]) {
    let Some(font) = font() else { return };
    // Chinese characters reach from 0.12 em below the base line to 0.88 above it, capitals to 0.73:
    // 0.37 is halfway for both, near enough.
    let base = at.y + 0.37 * em;
    let mut x = at.x;
    for (character, glyph, advance) in places(font, text, em) {
        if glyph == GlyphId(0) {
            missing(image, Point { x, y: base }, em, colour);
        } else if character != ' ' {
            let glyph = glyph.with_scale_and_position(scale(font, em), point(x, base));
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|dx, dy, cover| {
                    let (px, py) = (bounds.min.x + dx as f32, bounds.min.y + dy as f32);
                    if px >= 0.0 && py >= 0.0 {
                        paint(image, px as u32, py as u32, colour, cover.clamp(0.0, 1.0));
                    }
                });
            }
        }
        x += advance;
    }
}

/// A box in place of a character that the font lacks.
fn missing(image: &mut Image, base: Point, em: f32, colour: [u8; 3]) {
    let thick = (em / 14.0).max(1.0);
    let (left, right) = (base.x + em * 0.1, base.x + em * 0.6);
    let (top, bottom) = (base.y - em * 0.72, base.y);
    let corner = |x, y| Point { x, y };
    let corners =
        [corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)];
    for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
        super::line::segment(image, *a, *b, thick, colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn the_font_has_what_labels_need() {
        let font = font().expect("the font is readable");
        let needed = "Hole 97% Ünscharf ±0.5 °C 孔洞撕裂划伤破损煤矿皮带跑偏异物锚杆矸石安全帽人员，。（）：铁器木材大块托辊巷道";
        for character in needed.chars() {
            assert_ne!(font.glyph_id(character), GlyphId(0), "{character}");
        }
        assert!((width("煤", 20.0) - 20.0).abs() < 0.01, "{}", width("煤", 20.0));
    }

    #[test]
    fn long_texts_are_cut_to_fit() {
        let long = "输送带纵向撕裂 longitudinal tear";
        assert_eq!(shortened(long, 20.0, 1000.0), long);
        for most in [30.0, 90.0, 200.0] {
            let cut = shortened(long, 20.0, most);
            assert!(cut.ends_with('…') && width(&cut, 20.0) <= most, "{cut}");
        }
    }

    #[test]
    fn what_is_written_is_seen() {
        let ink = |text: &str| {
            let mut image = Image::filled(Size::new(60, 40), [0; 3]);
            write(&mut image, text, Point { x: 10.0, y: 20.0 }, 24.0, [255; 3]);
            image.data().iter().filter(|&&v| v > 128).count()
        };
        // The last is a character that the font lacks: a box.
        assert!(ink("一") > 30 && ink("矿") > ink("一") && ink("\u{1F600}") > 60);
        assert_eq!(ink(" \u{7}\n"), 0);
    }
}
