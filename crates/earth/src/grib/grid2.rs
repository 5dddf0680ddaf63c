//! The grid definition section of GRIB 2.

use super::layout::{Layout, Point, Rotation, Shape};
use super::octets::{Octets, Why};
use super::project::{Earth, Plane, PlaneKind};

/// Flag of the projection centre: the south pole is on the plane.
const SOUTH: u8 = 0x80;
/// Flag of the resolution (table 3.3): components of vectors go along the grid's axes.
const ALONG: u8 = 0x08;

/// Reads a section.
pub(super) fn layout(section: Octets<'_>) -> Result<Layout, Why> {
    let points = section.u4(7)? as usize;
    let template = section.u2(13)?;
    if section.u1(6)? != 0 {
        return Err(format!("the catalogued grid {} is not read", section.u1(6)?));
    }
    let mut rotation = None;
    let (mut scan, mut along) = (0, false);
    let shape = match template {
        0 | 1 | 40 | 41 => {
            scan = section.u1(72)?;
            along = section.u1(55)? & ALONG != 0;
            let rotated = template % 2 == 1;
            if rotated {
                let south = (micro(section, 73)?, micro(section, 77)?);
                rotation = Some(Rotation { south, angle: section.ieee(81)? });
            }
            let parallels = if template >= 40 { Some(section.u4(68)? as usize) } else { None };
            rows(section, parallels, if rotated { 85 } else { 73 })?
        }
        10 | 20 | 30 => {
            let (plane, flags) = plane(section, template)?;
            scan = flags;
            along = section.u1(47)? & ALONG != 0;
            Shape::Plane(plane)
        }
        50 => {
            let wave = |at: usize| section.u4(at).map(|wave| wave as usize);
            Shape::Spectral { triangle: (wave(15)?, wave(19)?, wave(23)?) }
        }
        101 => Shape::Unstructured { points },
        150 => {
            let nested = match section.u1(41)? {
                0 => false,
                1 => true,
                order => return Err(format!("HEALPix of order {order} is not read")),
            };
            let first = (0.0, micro(section, 36)?);
            Shape::HealPix { nside: section.u4(32)? as usize, nested, first }
        }
        _ => return Err(format!("grid definition template 3.{template} is not read")),
    };
    let told = (template != 50).then_some(points);
    Ok(Layout { shape, rotation, scan, told, along })
}

/// Millionths of a degree.
fn micro(section: Octets<'_>, at: usize) -> Result<f64, Why> {
    Ok(section.s4(at)? as f64 / 1e6)
}

/// Rows and columns of latitude and longitude, or rows of differing length, which follow the template.
fn rows(section: Octets<'_>, parallels: Option<usize>, list: usize) -> Result<Shape, Why> {
    let (ni, nj) = (section.u4(31)?, section.u4(35)?);
    // Degrees are in millionths, or in parts of another angle.
    let (basic, parts) = (section.u4(39)?, section.u4(43)?);
    let unit = match (basic, parts) {
        (0 | u32::MAX, _) | (_, 0 | u32::MAX) => 1e6,
        _ => f64::from(parts) / f64::from(basic),
    };
    let angle = |at: usize| section.s4(at).map(|angle| angle as f64 / unit);
    let first = (angle(47)?, angle(51)?);
    let last = (angle(56)?, angle(60)?);
    let (columns, rows) = (ni as usize, nj as usize);
    if ni != u32::MAX {
        return Ok(match parallels {
            Some(parallels) => Shape::Gaussian { ni: columns, nj: rows, parallels, first, last },
            None => Shape::LatLon { ni: columns, nj: rows, first, last },
        });
    }
    let size = usize::from(section.u1(11)?);
    if !matches!(size, 1 | 2 | 4) {
        return Err(format!("row lengths of {size} octets"));
    }
    let held = section.rest(list)?;
    let lengths = held.chunks_exact(size).take(rows);
    let lengths: Vec<usize> = lengths
        .map(|octets| octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)))
        .collect();
    if lengths.len() < rows {
        return Err(format!("{} row lengths for {rows} rows", lengths.len()));
    }
    Ok(Shape::Reduced { rows: lengths, parallels, first, last })
}

/// The Earth's shape (table 3.2).
fn earth(section: Octets<'_>) -> Result<Earth, Why> {
    let length = |at: usize| -> Result<f64, Why> {
        let power = i32::try_from(section.s1(at)?).unwrap_or(0);
        Ok(f64::from(section.u4(at + 1)?) / 10_f64.powi(power))
    };
    Ok(match section.u1(15)? {
        0 => Earth::sphere(6_367_470.0),
        1 => Earth::sphere(length(16)?),
        2 => Earth { equator: 6_378_160.0, pole: 6_356_775.0 },
        3 => Earth { equator: length(21)? * 1000.0, pole: length(26)? * 1000.0 },
        4 => Earth { equator: 6_378_137.0, pole: 6_356_752.314 },
        5 => Earth { equator: 6_378_137.0, pole: 6_356_752.314_2 },
        6 => Earth::sphere(6_371_229.0),
        7 => Earth { equator: length(21)?, pole: length(26)? },
        8 => Earth::sphere(6_371_200.0),
        9 => Earth { equator: 6_377_563.396, pole: 6_356_256.909 },
        other => return Err(format!("shape {other} of the Earth is not known")),
    })
}

/// A projected grid, and its scanning flags.
fn plane(section: Octets<'_>, template: u16) -> Result<(Plane, u8), Why> {
    let first: Point = (micro(section, 39)?, micro(section, 43)?);
    let at = micro(section, 48)?;
    let step = |at: usize| section.u4(at).map(|step| f64::from(step) / 1000.0);
    let (step, scan, kind) = match template {
        // NCEP writes a longitude where the angle of the grid should be: ecCodes does not turn it either.
        10 => ((step(65)?, step(69)?), section.u1(60)?, PlaneKind::Mercator { at }),
        _ => {
            let meridian = micro(section, 52)?;
            let south = section.u1(64)? & SOUTH != 0;
            let kind = if template == 20 {
                PlaneKind::Polar { meridian, at, south }
            } else {
                PlaneKind::Lambert { meridian, cuts: (micro(section, 66)?, micro(section, 70)?) }
            };
            ((step(56)?, step(60)?), section.u1(65)?, kind)
        }
    };
    let (ni, nj) = (section.u4(31)? as usize, section.u4(35)? as usize);
    Ok((Plane { ni, nj, first, step, earth: earth(section)?, kind }, scan))
}
