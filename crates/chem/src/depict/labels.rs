//! Atom labels: the symbol on the atom, hydrogens at the free side, charge and isotope raised.
use std::fmt::Write;

use crate::mol::Mol;

pub(super) const FONT: &str = "Helvetica, Arial, sans-serif";
const SIZE: f64 = 14.0;
const SMALL: f64 = 10.0;

/// What stands at an atom, and how far it reaches to either side of the atom's place.
pub(super) struct Label {
    symbol: &'static str,
    hydrogens: u8,
    hydrogens_left: bool,
    isotope: u16,
    map_num: u32,
    charge: i8,
    radicals: u8,
    pub(super) left: f64,
    pub(super) right: f64,
}

/// Width of text in the font's usual proportions.
fn width(text: &str, size: f64) -> f64 {
    let ems: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'l' | '•' => 0.3,
            'r' | 't' | 'f' => 0.36,
            '0'..='9' | 'a'..='z' | '+' | '−' => 0.57,
            _ => 0.73,
        })
        .sum();
    ems * size
}

/// The label of an atom; most carbons have none.
pub(super) fn label(mol: &Mol, layout: &[[f64; 2]], a: usize) -> Option<Label> {
    let atom = &mol.atoms()[a];
    let around = mol.neighbors(a);
    let bare = atom.element == 6
        && atom.charge == 0
        && atom.isotope == 0
        && atom.radicals == 0
        && atom.map_num == 0
        && !around.is_empty();
    // The carbon of an allene would be lost in a straight line.
    let straight = around.len() == 2
        && around
            .iter()
            .all(|n| mol.bonds()[n.bond as usize].kekule == crate::mol::BondOrder::Double);
    if bare && !straight {
        return None;
    }
    let lean: f64 = around.iter().map(|n| layout[n.atom as usize][0] - layout[a][0]).sum();
    let hydrogens_left = if around.is_empty() {
        // As formulas are written: H2O, but NH3 and CH4.
        matches!(atom.element, 8 | 9 | 16 | 17 | 34 | 35 | 53)
    } else {
        lean > 0.1
    };
    let mut label = Label {
        symbol: atom.symbol(),
        hydrogens: atom.total_hs,
        hydrogens_left,
        isotope: atom.isotope,
        map_num: atom.map_num,
        charge: atom.charge,
        radicals: atom.radicals,
        left: 0.0,
        right: 0.0,
    };
    let half = width(label.symbol, SIZE) / 2.0;
    let hydrogens = label.hydrogen_width();
    let before = label.isotope_text().map_or(0.0, |t| width(&t, SMALL));
    let after = label.raised().map_or(0.0, |t| width(&t, SMALL));
    label.left = half + before + if hydrogens_left { hydrogens } else { 0.0 };
    label.right = half + after + if hydrogens_left { 0.0 } else { hydrogens };
    Some(label)
}

impl Label {
    fn hydrogen_count(&self) -> Option<String> {
        (self.hydrogens > 1).then(|| self.hydrogens.to_string())
    }

    fn hydrogen_width(&self) -> f64 {
        if self.hydrogens == 0 {
            return 0.0;
        }
        width("H", SIZE) + self.hydrogen_count().map_or(0.0, |t| width(&t, SMALL))
    }

    fn isotope_text(&self) -> Option<String> {
        (self.isotope > 0).then(|| self.isotope.to_string())
    }

    /// Charge, unpaired electrons and map number.
    fn raised(&self) -> Option<String> {
        let mut text = match self.charge {
            0 => String::new(),
            1 => "+".to_owned(),
            -1 => "−".to_owned(),
            c => format!("{}{}", c.unsigned_abs(), if c > 0 { '+' } else { '−' }),
        };
        text.extend(std::iter::repeat_n('•', usize::from(self.radicals)));
        if self.map_num > 0 {
            let _ = write!(text, ":{}", self.map_num);
        }
        (!text.is_empty()).then_some(text)
    }

    /// How far from the atom a bond in a direction has to end.
    pub(super) fn clearance(&self, direction: [f64; 2]) -> f64 {
        let half = width(self.symbol, SIZE) / 2.0 + 2.0;
        let hydrogens = if self.hydrogens == 0 { 0.0 } else { width("H", SIZE) };
        let side = match (direction[0] < 0.0, self.hydrogens_left) {
            (true, true) | (false, false) => half + hydrogens,
            _ => half,
        };
        let tall = SIZE * 0.5 + 2.0;
        let (x, y) = (direction[0].abs(), direction[1].abs());
        // Where the ray leaves the box of the letters.
        (side / x.max(1e-9)).min(tall / y.max(1e-9))
    }
}

fn colour(element: u8) -> &'static str {
    match element {
        7 => "#1d4ed8",
        8 => "#d01818",
        9 | 17 => "#15803d",
        15 => "#c2570c",
        16 => "#9a7200",
        35 => "#8a3a12",
        53 => "#6b21a8",
        _ => "#222",
    }
}

/// Writes the labels.
pub(super) fn draw(mol: &Mol, points: &[[f64; 2]], labels: &[Option<Label>], out: &mut String) {
    if labels.iter().all(Option::is_none) {
        return;
    }
    let _ = writeln!(out, "<g class=\"atoms\" font-family=\"{FONT}\" font-size=\"{SIZE}\">");
    for ((label, &point), atom) in labels.iter().zip(points).zip(mol.atoms()) {
        if let Some(label) = label {
            let _ = writeln!(out, "<g fill=\"{}\">", colour(atom.element));
            label.write(point, out);
            out.push_str("</g>\n");
        }
    }
    out.push_str("</g>\n");
}

impl Label {
    fn write(&self, [x, y]: [f64; 2], out: &mut String) {
        let base = y + SIZE * 0.36;
        let half = width(self.symbol, SIZE) / 2.0;
        let mut text = |x: f64, y: f64, anchor: &str, small: bool, text: &str| {
            let size = if small { format!(" font-size=\"{SMALL}\"") } else { String::new() };
            let _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{size}>{text}</text>"
            );
        };
        text(x, base, "middle", false, self.symbol);
        let (mut left, mut right) = (x - half, x + half);
        if let Some(isotope) = self.isotope_text() {
            text(left, base - 5.0, "end", true, &isotope);
            left -= width(&isotope, SMALL);
        }
        if self.hydrogens > 0 {
            let wide = width("H", SIZE);
            let from = if self.hydrogens_left { left - self.hydrogen_width() } else { right };
            text(from + wide / 2.0, base, "middle", false, "H");
            if let Some(count) = self.hydrogen_count() {
                text(from + wide, base + 3.0, "start", true, &count);
            }
            if !self.hydrogens_left {
                right += self.hydrogen_width();
            }
        }
        if let Some(raised) = self.raised() {
            text(right + 0.5, base - 6.0, "start", true, &raised);
        }
    }
}
