//! MDL molfiles (V2000 and V3000) and SD files, read record by record.
//!
//! Covered: atoms, charges, isotopes, valences, radicals' hydrogens by valence, bonds 1–4 and 9 (dative), tetrahedral stereo
//! from wedged bonds in 2D, double-bond geometry from coordinates, data items. Not covered: S-groups,
//! query features, stereo from 3D coordinates, enhanced stereo groups.
use std::io::BufRead;

use crate::error::{ChemError, Result};
use crate::mol::{Atom, ELEMENTS, MAX_MAP, Mol};
use crate::sdf_drawing::Drawing;

/// Longest record read, in bytes.
const MAX_RECORD: usize = 10_000_000;

/// One record of an SD file.
#[derive(Debug, Clone)]
pub struct SdfRecord {
    /// First line of the molblock.
    pub name: String,
    /// The molblock as it stands in the file.
    pub block: String,
    /// Data items in order.
    pub properties: Vec<(String, String)>,
}

impl SdfRecord {
    /// The molecule.
    ///
    /// # Errors
    /// What is wrong with the molblock.
    pub fn mol(&self) -> Result<Mol> {
        mol_from_block(&self.block)
    }
}

/// Reads an SD file record by record; a bad record gives an error and the next one follows.
#[derive(Debug)]
pub struct SdfReader<R> {
    input: R,
    done: bool,
}

impl<R: BufRead> SdfReader<R> {
    /// A reader over any buffered input.
    pub fn new(input: R) -> Self {
        Self { input, done: false }
    }

    fn record(&mut self) -> std::io::Result<Option<SdfRecord>> {
        let (mut block, mut properties) = (String::new(), Vec::new());
        let mut name = None;
        let (mut in_block, mut any, mut size) = (true, false, 0);
        let mut item: Option<(String, Vec<String>)> = None;
        let mut raw = Vec::new();
        loop {
            raw.clear();
            if self.input.read_until(b'\n', &mut raw)? == 0 {
                self.done = true;
                break;
            }
            let text = String::from_utf8_lossy(&raw);
            let line = text.trim_end_matches(['\n', '\r']);
            if line.starts_with("$$$$") {
                any = true;
                break;
            }
            any |= !line.trim().is_empty();
            size += raw.len();
            if size > MAX_RECORD {
                continue;
            }
            name.get_or_insert_with(|| line.trim().to_owned());
            if in_block {
                block.push_str(line);
                block.push('\n');
                in_block = !line.starts_with("M  END");
            } else if line.starts_with('>') {
                properties.extend(item.take().map(finish_item));
                item = item_name(line).map(|n| (n, Vec::new()));
            } else if let Some((_, lines)) = &mut item {
                lines.push(line.to_owned());
            }
        }
        properties.extend(item.map(finish_item));
        Ok(any.then(|| SdfRecord { name: name.unwrap_or_default(), block, properties }))
    }
}

fn finish_item((name, lines): (String, Vec<String>)) -> (String, String) {
    (name, lines.join("\n").trim_end().to_owned())
}

fn item_name(line: &str) -> Option<String> {
    let start = line.find('<')? + 1;
    let end = line.rfind('>').filter(|&e| e >= start)?;
    Some(line[start..end].to_owned())
}

impl<R: BufRead> Iterator for SdfReader<R> {
    type Item = std::io::Result<SdfRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.record() {
            Ok(record) => record.map(Ok),
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
        }
    }
}

pub(crate) fn bad<T>(line: usize, reason: impl Into<String>) -> Result<T> {
    Err(ChemError::Parse {
        what: "molblock (position is the line)",
        position: line + 1,
        reason: reason.into(),
    })
}

pub(crate) fn mol_from_block(block: &str) -> Result<Mol> {
    let lines: Vec<&str> = block.lines().collect();
    let Some(counts) = lines.get(3) else {
        return bad(lines.len(), "the counts line is missing");
    };
    let drawing = if counts.contains("V3000") { v3000(&lines)? } else { v2000(&lines)? };
    drawing.finish()
}

fn field(line: &str, from: usize, to: usize) -> &str {
    line.get(from..to.min(line.len())).unwrap_or("").trim()
}

fn number<T: std::str::FromStr>(text: &str, line: usize, what: &str) -> Result<T> {
    text.parse().or_else(|_| bad(line, format!("`{text}` is no {what}")))
}

fn element(symbol: &str, line: usize) -> Result<Atom> {
    let (symbol, isotope) = match symbol {
        "D" => ("H", 2),
        "T" => ("H", 3),
        "A" | "Q" | "R" | "R#" | "*" | "L" | "LP" => ("*", 0),
        other => (other, 0),
    };
    match ELEMENTS.iter().position(|e| e.symbol == symbol) {
        Some(z) => Ok(Atom { element: z as u8, isotope, ..Atom::default() }),
        None => bad(line, format!("unknown element `{symbol}`")),
    }
}

fn v2000(lines: &[&str]) -> Result<Drawing> {
    let atoms: usize = number(field(lines[3], 0, 3), 3, "number of atoms")?;
    let bonds: usize = number(field(lines[3], 3, 6), 3, "number of bonds")?;
    let mut drawing = Drawing::default();
    for at in 4..4 + atoms {
        let Some(line) = lines.get(at) else { return bad(at, "the atom block ends early") };
        let mut point = [0.0; 3];
        for (axis, value) in point.iter_mut().enumerate() {
            *value = number(field(line, axis * 10, axis * 10 + 10), at, "coordinate")?;
        }
        let mut atom = element(field(line, 31, 34), at)?;
        atom.charge = match field(line, 36, 39) {
            "1" => 3,
            "2" => 2,
            "3" => 1,
            "5" => -1,
            "6" => -2,
            "7" => -3,
            _ => 0,
        };
        let shift: i32 = field(line, 34, 36).parse().unwrap_or(0);
        if shift != 0 && (-3..=4).contains(&shift) {
            let weight = ELEMENTS[atom.element as usize].weight.round() as i32;
            atom.isotope = (weight + shift).max(0) as u16;
        }
        atom.map_num = field(line, 60, 63).parse().unwrap_or(0);
        let valence = match field(line, 48, 51).parse().unwrap_or(0) {
            15 => Some(0),
            valence @ 1..15 => Some(valence),
            _ => None,
        };
        drawing.atom(atom, point, valence);
    }
    for at in 4 + atoms..4 + atoms + bonds {
        let Some(line) = lines.get(at) else { return bad(at, "the bond block ends early") };
        let begin: usize = number(field(line, 0, 3), at, "atom number")?;
        let end: usize = number(field(line, 3, 6), at, "atom number")?;
        let mark = field(line, 9, 12).parse().unwrap_or(0);
        drawing.bond(at, [begin, end], field(line, 6, 9), mark)?;
    }
    let mut cleared = false;
    for (at, line) in lines.iter().enumerate().skip(4 + atoms + bonds) {
        if line.starts_with("M  END") {
            break;
        }
        let kind = field(line, 0, 6);
        if !matches!(kind, "M  CHG" | "M  ISO" | "M  RAD") {
            continue;
        }
        if !cleared && kind != "M  ISO" {
            drawing.builder.atoms.iter_mut().for_each(|a| a.charge = 0);
            cleared = true;
        }
        for pair in pairs(line) {
            let index = usize::try_from(pair[0]).ok().and_then(|number| number.checked_sub(1));
            let Some(atom) = index.and_then(|index| drawing.builder.atoms.get_mut(index)) else {
                return bad(at, format!("no atom {}", pair[0]));
            };
            match kind {
                "M  CHG" => atom.charge = pair[1].clamp(-100, 100) as i8,
                "M  ISO" => atom.isotope = pair[1].clamp(0, 9_999) as u16,
                _ => atom.radicals = radical_electrons(pair[1]),
            }
        }
    }
    Ok(drawing)
}

/// Atoms and values of a property line, by white space; where that does not give as many as the line promises, by the
/// format's columns of four, which need no space between them (`1-100`).
fn pairs(line: &str) -> Vec<[i32; 2]> {
    let values: Vec<i32> = line[6..].split_whitespace().filter_map(|v| v.parse().ok()).collect();
    let promised: usize = field(line, 6, 9).parse().unwrap_or(0);
    let column = |at: usize| field(line, at, at + 4).parse().ok();
    let columns = || -> Option<Vec<[i32; 2]>> {
        (0..promised).map(|i| Some([column(9 + 8 * i)?, column(13 + 8 * i)?])).collect()
    };
    let spaced = || values.get(1..).unwrap_or(&[]).as_chunks().0.to_vec();
    if values.len() == 1 + 2 * promised { spaced() } else { columns().unwrap_or_else(spaced) }
}

fn radical_electrons(code: i32) -> u8 {
    match code {
        1 | 3 => 2,
        2 => 1,
        _ => 0,
    }
}

fn v3000(lines: &[&str]) -> Result<Drawing> {
    let mut drawing = Drawing::default();
    let mut ids: Vec<usize> = Vec::new();
    let mut section = String::new();
    let mut joined = String::new();
    let mut promised: Option<[usize; 2]> = None;
    for (at, line) in lines.iter().enumerate().skip(4) {
        let Some(body) = line.strip_prefix("M  V30 ") else { continue };
        let body = body.trim_end();
        if let Some(part) = body.strip_suffix('-') {
            joined.push_str(part);
            continue;
        }
        let text = std::mem::take(&mut joined) + body;
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["BEGIN", name, ..] => section = (*name).to_owned(),
            ["END", ..] => section.clear(),
            ["COUNTS", atoms, bonds, ..] => {
                let atoms = number(atoms, at, "number of atoms")?;
                promised = Some([atoms, number(bonds, at, "number of bonds")?]);
            }
            [id, symbol, x, y, z, map, options @ ..] if section == "ATOM" => {
                let mut atom = element(symbol, at)?;
                atom.map_num = map.parse().unwrap_or(0);
                if atom.map_num > MAX_MAP {
                    return bad(at, format!("an atom map number above {MAX_MAP}"));
                }
                let mut valence = None;
                for (key, value) in options.iter().filter_map(|o| o.split_once('=')) {
                    match key {
                        "CHG" => {
                            atom.charge =
                                number::<i32>(value, at, "charge")?.clamp(-100, 100) as i8;
                        }
                        "MASS" => {
                            atom.isotope =
                                number::<f64>(value, at, "mass")?.clamp(0.0, 9_999.0) as u16;
                        }
                        "RAD" => atom.radicals = radical_electrons(number(value, at, "radical")?),
                        "VAL" => {
                            valence = match number::<i8>(value, at, "valence")? {
                                -1 => Some(0),
                                valence => {
                                    u8::try_from(valence).ok().filter(|valence| *valence > 0)
                                }
                            };
                        }
                        _ => {}
                    }
                }
                ids.push(number(id, at, "atom number")?);
                let point = [x, y, z].map(|v| v.parse::<f64>().unwrap_or(0.0));
                drawing.atom(atom, point, valence);
            }
            [_, order, begin, end, options @ ..] if section == "BOND" => {
                let find = |text: &str| -> Result<usize> {
                    let id: usize = number(text, at, "atom number")?;
                    // Numbers nearly always run from 1.
                    if ids.get(id.wrapping_sub(1)) == Some(&id) {
                        return Ok(id);
                    }
                    ids.iter()
                        .position(|&i| i == id)
                        .map_or_else(|| bad(at, format!("no atom {id}")), |i| Ok(i + 1))
                };
                let mark = match options.iter().find_map(|o| o.strip_prefix("CFG=")) {
                    Some("1") => 1,
                    Some("3") => 6,
                    Some("2") if *order == "2" => 3,
                    _ => 0,
                };
                drawing.bond(at, [find(begin)?, find(end)?], order, mark)?;
            }
            _ => {}
        }
    }
    let read = [ids.len(), drawing.builder.bonds.len()];
    if promised != Some(read) {
        let [atoms, bonds] = read;
        return bad(
            lines.len(),
            match promised {
                Some([a, b]) => {
                    format!("{atoms} atoms and {bonds} bonds read of {a} and {b}: cut off?")
                }
                None => "no COUNTS line".to_owned(),
            },
        );
    }
    Ok(drawing)
}
