//! 2D drawings as SVG: one molecule, or a grid of them with their names.
//!
//! The coordinates are the chemistry library's (RDKit's depiction); the drawing is our own: Kekulé
//! bonds, wedges for stereocentres, hydrogens and charges at hetero atoms. Enhanced stereo and
//! coordinates given in an input file are not drawn.
mod bonds;
mod canvas;
mod labels;

use crate::error::Result;
use crate::library::library;
use crate::mol::Mol;
use canvas::Picture;

/// Side by side at most.
const MAX_COLUMNS: usize = 50;

/// Width and height of one place of a grid, and the strip below it for the name.
const CELL: [f64; 2] = [240.0, 200.0];
const STRIP: f64 = 26.0;

/// Letters of a name that fit below a drawing.
const LETTERS: usize = 32;

/// 2D coordinates of the atoms, y upwards, a bond about 1.5 long.
///
/// # Errors
/// When the molecule cannot be laid out.
pub fn coordinates(mol: &Mol) -> Result<Vec<[f64; 2]>> {
    library().layout(mol)
}

/// Draws a molecule as SVG, with some atoms (and the bonds between them) highlighted. Numbers of
/// atoms that are not there change nothing.
///
/// # Errors
/// When the molecule cannot be laid out.
pub fn svg(mol: &Mol, highlight: &[u32]) -> Result<String> {
    let picture = Picture::draw(mol, &coordinates(mol)?, highlight);
    let [w, h] = picture.size;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w:.0}\" height=\"{h:.0}\" \
         viewBox=\"0 0 {w:.1} {h:.1}\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
        picture.body
    ))
}

/// Draws molecules in rows of `columns`, each with its label below; one that cannot be laid out
/// keeps its place, with the words "no drawing".
#[must_use]
pub fn grid(molecules: &[(&Mol, &str)], columns: usize) -> String {
    use std::fmt::Write;
    let columns = columns.clamp(1, MAX_COLUMNS).min(molecules.len().max(1));
    let rows = molecules.len().div_ceil(columns);
    let place = [CELL[0], CELL[1] + STRIP];
    let (width, height) = (place[0] * columns as f64, place[1] * rows as f64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (i, (mol, label)) in molecules.iter().enumerate() {
        let (x, y) = ((i % columns) as f64 * place[0], (i / columns) as f64 * place[1]);
        // Writing to a string cannot fail.
        let _ = match coordinates(mol) {
            Ok(points) => {
                let picture = Picture::draw(mol, &points, &[]);
                let [w, h] = picture.size;
                // Small molecules are not blown up beyond the size they have alone.
                let scale = (CELL[0] / w).min(CELL[1] / h).min(1.0);
                let (dx, dy) = ((CELL[0] - w * scale) / 2.0, (CELL[1] - h * scale) / 2.0);
                writeln!(
                    out,
                    "<g transform=\"translate({:.1} {:.1}) scale({scale:.4})\">\n{}</g>",
                    x + dx,
                    y + dy,
                    picture.body
                )
            }
            Err(_) => caption(&mut out, [x + CELL[0] / 2.0, y + CELL[1] / 2.0], "no drawing"),
        };
        let _ = caption(&mut out, [x + CELL[0] / 2.0, y + CELL[1] + STRIP * 0.6], &shorten(label));
    }
    out.push_str("</svg>\n");
    out
}

fn caption(out: &mut String, at: [f64; 2], text: &str) -> std::fmt::Result {
    use std::fmt::Write;
    writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-family=\"{}\" font-size=\"12\" \
         fill=\"#444\">{}</text>",
        at[0],
        at[1],
        labels::FONT,
        escape(text)
    )
}

fn shorten(label: &str) -> String {
    if label.chars().count() <= LETTERS {
        return label.to_owned();
    }
    label.chars().take(LETTERS - 1).chain(['…']).collect()
}

/// Text as it stands in XML; control characters, which XML does not allow, become spaces.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
