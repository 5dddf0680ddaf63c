//! Scenes as pixels, with anti-aliasing, and as PNG.

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PixmapPaint, Rect, Stroke,
    StrokeDash, Transform,
};

use super::PlotError;
use super::font::{Font, Step};
use super::scene::{Anchor, Colour, Item, Path, Scene, Text};

/// Pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Red, green, blue, row by row.
    pub rgb: Vec<u8>,
}

/// Draws a scene.
///
/// # Errors
/// [`PlotError::Size`]
pub fn raster(scene: &Scene, font: &Font) -> Result<Picture, PlotError> {
    let (width, height) = (scene.width, scene.height);
    let fits = |side: u32| (64..=16_384).contains(&side);
    let mut pixels = Pixmap::new(width, height)
        .filter(|_| {
            fits(width) && fits(height) && u64::from(width) * u64::from(height) <= 100_000_000
        })
        .ok_or(PlotError::Size { width: f64::from(width), height: f64::from(height) })?;
    pixels.fill(Color::WHITE);
    for item in &scene.items {
        draw(&mut pixels, item, font);
    }
    let rgb = pixels
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    Ok(Picture { width, height, rgb })
}

/// Draws a scene as PNG.
///
/// # Errors
/// [`PlotError::Size`]
pub fn png(scene: &Scene, font: &Font) -> Result<Vec<u8>, PlotError> {
    let Picture { width, height, rgb } = raster(scene, font)?;
    encode(width, height, &rgb, png::ColorType::Rgb)
}

/// Pixels as PNG.
pub(super) fn encode(
    width: u32,
    height: u32,
    bytes: &[u8],
    colour: png::ColorType,
) -> Result<Vec<u8>, PlotError> {
    let failed = |error: png::EncodingError| PlotError::Encode(error.to_string());
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(bytes).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

fn paint(colour: Colour) -> Paint<'static> {
    let [r, g, b, a] = colour;
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, a);
    paint.anti_alias = true;
    paint
}

fn path(path: &Path) -> Option<tiny_skia::Path> {
    let mut builder = PathBuilder::new();
    for (points, closed) in &path.lines {
        let mut points = points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        let Some(first) = points.next() else { continue };
        builder.move_to(first.0, first.1);
        points.for_each(|point| builder.line_to(point.0, point.1));
        if *closed {
            builder.close();
        }
    }
    builder.finish()
}

fn stroke(width: f32, dash: Option<[f32; 2]>) -> Stroke {
    // Nobody sees how thin lines bend, and round bends cost many points.
    let thin = width < 2.5;
    Stroke {
        width,
        line_cap: if dash.is_some() || thin { LineCap::Butt } else { LineCap::Round },
        line_join: if thin { LineJoin::Bevel } else { LineJoin::Round },
        dash: dash.and_then(|dash| StrokeDash::new(dash.to_vec(), 0.0)),
        ..Stroke::default()
    }
}

fn draw(pixels: &mut Pixmap, item: &Item, font: &Font) {
    match item {
        Item::Fill { path: shape, colour } => {
            if let Some(shape) = path(shape) {
                pixels.fill_path(
                    &shape,
                    &paint(*colour),
                    FillRule::Winding,
                    Transform::identity(),
                    None,
                );
            }
        }
        Item::Stroke { path: lines, colour, width, dash } => {
            if let Some(lines) = path(lines) {
                pixels.stroke_path(
                    &lines,
                    &paint(*colour),
                    &stroke(*width, *dash),
                    Transform::identity(),
                    None,
                );
            }
        }
        Item::Text(text) => write(pixels, text, font),
        Item::Image { x, y, width, height, rgba } => {
            image(pixels, (*x, *y), (*width, *height), rgba);
        }
    }
}

fn image(pixels: &mut Pixmap, (x, y): (u32, u32), (width, height): (u32, u32), rgba: &[u8]) {
    let Some(mut source) = Pixmap::new(width, height) else { return };
    for (to, from) in source.pixels_mut().iter_mut().zip(rgba.chunks_exact(4)) {
        *to = tiny_skia::ColorU8::from_rgba(from[0], from[1], from[2], from[3]).premultiply();
    }
    let (Ok(x), Ok(y)) = (i32::try_from(x), i32::try_from(y)) else { return };
    pixels.draw_pixmap(x, y, source.as_ref(), &PixmapPaint::default(), Transform::identity(), None);
}

/// How far below its middle a capital's base line lies, as a share of the em.
pub(super) const BASE: f32 = 0.36;

fn write(pixels: &mut Pixmap, text: &Text, font: &Font) {
    let mut builder = PathBuilder::new();
    for step in font.outlines(&text.text, text.size) {
        match step {
            Step::Move([x, y]) => builder.move_to(x, y),
            Step::Line([x, y]) => builder.line_to(x, y),
            Step::Quad([a, b], [x, y]) => builder.quad_to(a, b, x, y),
            Step::Cubic([a, b], [c, d], [x, y]) => builder.cubic_to(a, b, c, d, x, y),
            Step::Close => builder.close(),
        }
    }
    let Some(glyphs) = builder.finish() else { return };
    let back = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => font.width(&text.text, text.size) / 2.0,
        Anchor::End => font.width(&text.text, text.size),
    };
    let place = Transform::from_translate(-back, BASE * text.size)
        .post_concat(Transform::from_rotate(text.angle))
        .post_translate(text.at.0, text.at.1);
    let bounds = glyphs.bounds();
    if Rect::from_xywh(0.0, 0.0, pixels.width() as f32, pixels.height() as f32).is_none()
        || !bounds.left().is_finite()
    {
        return;
    }
    if let Some(halo) = text.halo {
        pixels.stroke_path(
            &glyphs,
            &paint(halo),
            &stroke((text.size * 0.22).max(2.0), None),
            place,
            None,
        );
    }
    pixels.fill_path(&glyphs, &paint(text.colour), FillRule::Winding, place, None);
    if text.bold {
        pixels.stroke_path(
            &glyphs,
            &paint(text.colour),
            &stroke(text.size * 0.035, None),
            place,
            None,
        );
    }
}
