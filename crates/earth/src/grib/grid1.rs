//! The grid description section of GRIB 1.

use super::layout::{Layout, Rotation, Shape};
use super::octets::{Octets, Why};
use super::project::{Earth, Plane, PlaneKind};

/// Thousandths of a degree.
fn degrees(section: Octets<'_>, at: usize) -> Result<f64, Why> {
    Ok(section.s3(at)? as f64 / 1000.0)
}

fn point(section: Octets<'_>, at: usize) -> Result<(f64, f64), Why> {
    Ok((degrees(section, at)?, degrees(section, at + 3)?))
}

/// Reads a section.
pub(super) fn layout(section: Octets<'_>) -> Result<Layout, Why> {
    let kind = section.u1(6)?;
    let (ni, nj) = (section.u2(7)?, section.u2(9)?);
    let (columns, rows) = (usize::from(ni), usize::from(nj));
    let scan = if kind == 50 { 0 } else { section.u1(28)? };
    let reduced = ni == u16::MAX;
    let mut rotation = None;
    let shape = match kind {
        0 | 10 | 4 | 14 => {
            let (first, last) = (point(section, 11)?, point(section, 18)?);
            if kind >= 10 {
                let south = point(section, 33)?;
                rotation = Some(Rotation { south, angle: section.ibm(39)? });
            }
            let parallels = (kind == 4 || kind == 14).then_some(usize::from(section.u2(26)?));
            match parallels {
                _ if reduced => {
                    let rows = row_lengths(section, rows)?;
                    Shape::Reduced { rows, parallels, first, last }
                }
                Some(parallels) => {
                    Shape::Gaussian { ni: columns, nj: rows, parallels, first, last }
                }
                None => Shape::LatLon { ni: columns, nj: rows, first, last },
            }
        }
        1 | 3 | 5 => Shape::Plane(plane(section, kind, (columns, rows))?),
        50 | 60 | 70 | 80 => {
            let wave = |at: usize| section.u2(at).map(usize::from);
            Shape::Spectral { triangle: (wave(7)?, wave(9)?, wave(11)?) }
        }
        _ => return Err(format!("grid type {kind} of edition 1 is not read")),
    };
    // Code table 7: components of vectors go along the grid's axes.
    let along = !matches!(shape, Shape::Spectral { .. }) && section.u1(17)? & 0x08 != 0;
    Ok(Layout { shape, rotation, scan, told: None, along })
}

/// Points of each row, listed after the vertical coordinates.
fn row_lengths(section: Octets<'_>, rows: usize) -> Result<Vec<usize>, Why> {
    let (vertical, place) = (usize::from(section.u1(4)?), usize::from(section.u1(5)?));
    if place == 255 {
        return Err("a reduced grid without its row lengths".into());
    }
    let start = place + 4 * vertical;
    (0..rows).map(|row| section.u2(start + 2 * row).map(usize::from)).collect()
}

fn plane(section: Octets<'_>, kind: u8, (ni, nj): (usize, usize)) -> Result<Plane, Why> {
    // Radii of edition 1: a sphere, or the IAU's ellipsoid of 1965.
    let oblate = section.u1(17)? & 0x40 != 0;
    let earth = if oblate {
        Earth { equator: 6_378_160.0, pole: 6_356_775.0 }
    } else {
        Earth::sphere(6_367_470.0)
    };
    let first = point(section, 11)?;
    let step = |at: usize| section.u3(at).map(f64::from);
    let (step, kind) = match kind {
        1 => ((step(29)?, step(32)?), PlaneKind::Mercator { at: degrees(section, 24)? }),
        3 => {
            let cuts = (degrees(section, 29)?, degrees(section, 32)?);
            let meridian = degrees(section, 18)?;
            ((step(21)?, step(24)?), PlaneKind::Lambert { meridian, cuts })
        }
        _ => {
            let south = section.u1(27)? & 0x80 != 0;
            let at = if south { -60.0 } else { 60.0 };
            let meridian = degrees(section, 18)?;
            ((step(21)?, step(24)?), PlaneKind::Polar { meridian, at, south })
        }
    };
    Ok(Plane { ni, nj, first, step, earth, kind })
}
