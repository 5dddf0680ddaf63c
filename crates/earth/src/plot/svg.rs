//! Scenes as SVG. Lettering stays text; filled fields are images within it.

use std::fmt::Write as _;

use base64::Engine as _;

use super::PlotError;
use super::font::Font;
use super::raster::{BASE, encode};
use super::scene::{Anchor, Colour, Item, Path, Scene, Text};

/// Draws a scene as SVG.
///
/// # Errors
/// [`PlotError::Encode`] where an image within it is not as large as it says.
pub fn svg(scene: &Scene, font: &Font) -> Result<String, PlotError> {
    let (width, height) = (scene.width, scene.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"'{}', 'Noto Sans', 'DejaVu Sans', Arial, sans-serif\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        font.family()
    );
    for item in &scene.items {
        match item {
            Item::Fill { path, colour } => {
                let _ = writeln!(out, "<path d=\"{}\" {}/>", data(path), ink("fill", *colour));
            }
            Item::Stroke { path, colour, width, dash } => {
                let dash = dash
                    .map(|[on, off]| {
                        format!(
                            " stroke-dasharray=\"{} {}\" stroke-linecap=\"butt\"",
                            short(on),
                            short(off)
                        )
                    })
                    .unwrap_or_default();
                let _ = writeln!(
                    out,
                    "<path d=\"{}\" fill=\"none\" {} stroke-width=\"{}\"{dash}/>",
                    data(path),
                    ink("stroke", *colour),
                    short(*width)
                );
            }
            Item::Text(text) => out += &lettering(text),
            Item::Image { x, y, width, height, rgba } => {
                let png = encode(*width, *height, rgba, png::ColorType::Rgba)?;
                let png = base64::engine::general_purpose::STANDARD.encode(png);
                let _ = writeln!(
                    out,
                    "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{png}\"/>"
                );
            }
        }
    }
    out += "</svg>\n";
    Ok(out)
}

/// A number to a hundredth, without noughts at its end.
fn short(value: f32) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn ink(what: &str, [r, g, b, a]: Colour) -> String {
    let colour = format!("{what}=\"#{r:02x}{g:02x}{b:02x}\"");
    if a == 255 {
        colour
    } else {
        format!("{colour} {what}-opacity=\"{}\"", short(f32::from(a) / 255.0))
    }
}

fn data(path: &Path) -> String {
    let mut out = String::new();
    for (points, closed) in &path.lines {
        let finite = points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        for (at, (x, y)) in finite.enumerate() {
            let step = if at == 0 { 'M' } else { 'L' };
            let tenth = |value: f32| (value * 10.0).round() / 10.0;
            let _ = write!(out, "{step}{} {}", tenth(*x), tenth(*y));
        }
        if *closed && !points.is_empty() {
            out.push('Z');
        }
    }
    out
}

/// Text with what XML gives a meaning written out, and without characters that XML has not.
fn escape(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_control());
    kept.fold(String::new(), |mut out, c| {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
        out
    })
}

fn lettering(text: &Text) -> String {
    let anchor = match text.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let (x, y) = (short(text.at.0), short(text.at.1));
    let turn = if text.angle == 0.0 {
        String::new()
    } else {
        format!(" transform=\"rotate({} {x} {y})\"", short(text.angle))
    };
    let halo = text
        .halo
        .map(|colour| {
            let width = short((text.size * 0.22).max(2.0));
            format!(" {} stroke-width=\"{width}\" paint-order=\"stroke\"", ink("stroke", colour))
        })
        .unwrap_or_default();
    let weight = if text.bold { " font-weight=\"600\"" } else { "" };
    format!(
        "<text x=\"{x}\" y=\"{y}\" dy=\"{}\" font-size=\"{}\" text-anchor=\"{anchor}\" {}{weight}{halo}{turn}>{}</text>\n",
        short(BASE * text.size),
        short(text.size),
        ink("fill", text.colour),
        escape(&text.text)
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn signs_of_xml_are_written_out() {
        let mut scene = Scene::new(100, 80);
        scene.text(Text::new((5.0, 5.0), "a<b & \"c\"\u{0}\u{7}", 10.0, Anchor::End).turned(-90.0));
        scene.dashed(
            Path::line(vec![(0.0, 0.0), (f32::NAN, 1.0), (9.96, 5.0)]),
            [1, 2, 3, 128],
            1.5,
            [4.0, 2.0],
        );
        let text = svg(&scene, &Font::builtin().unwrap()).unwrap();
        assert!(text.contains(">a&lt;b &amp; &quot;c&quot;</text>"), "{text}");
        assert!(
            text.contains(
                "d=\"M0 0L10 5\" fill=\"none\" stroke=\"#010203\" stroke-opacity=\"0.5\""
            ),
            "{text}"
        );
    }
}
