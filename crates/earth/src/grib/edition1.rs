//! Messages of GRIB edition 1: what they are of, and their values.

use std::collections::BTreeMap;

use crate::level::Level;
use crate::time::{Civil, DAY, HOUR, Time};

use super::layout::{Layout, Scan};
use super::levels;
use super::octets::{Octets, Scale, Why, present, simple, spread};
use super::scan::{Extent, Window};
use super::{grid1, parameters, second_order};

/// What a message or field says beside its grid and values.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) variable: String,
    pub(super) unit: String,
    pub(super) level: Level,
    pub(super) reference: Time,
    pub(super) step: i64,
    pub(super) member: Option<u32>,
    pub(super) attributes: BTreeMap<String, String>,
}

/// Where the values of a message lie in the file.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    bitmap: Option<Extent>,
    data: Extent,
    decimal: i32,
}

/// A message, understood.
pub(super) struct Message {
    pub(super) about: About,
    pub(super) layout: Layout,
    /// The grid section: messages with the same one share a grid.
    pub(super) grid_section: Vec<u8>,
    pub(super) packed: Packed,
    /// Octets of the message.
    pub(super) length: u64,
}

/// Reads everything but the values of the message at `at`.
pub(super) fn read(window: &mut Window<'_>, at: u64) -> Result<Message, Why> {
    let coded = Octets(window.get(at, 8)?).u3(5)?;
    let product = section(window, at + 8)?;
    let flags = Octets(&product).u1(8)?;
    let mut next = at + 8 + product.len() as u64;
    if flags & 0x80 == 0 {
        let number = Octets(&product).u1(7)?;
        return Err(format!("no grid section; the catalogued grid {number} is not read"));
    }
    let grid_section = section(window, next)?;
    next += grid_section.len() as u64;
    let mut bitmap = None;
    if flags & 0x40 != 0 {
        let head = Octets(window.get(next, 6)?);
        let (length, catalogued) = (head.u3(1)?, head.u2(5)?);
        if catalogued != 0 {
            return Err(format!("the catalogued bitmap {catalogued} is not read"));
        }
        let bits = length.checked_sub(6).ok_or("a bitmap section without a header")?;
        bitmap = Some(Extent { at: next + 6, length: bits as usize });
        next += u64::from(length);
    }
    let head = Octets(window.get(next, 11)?);
    let (mut length, mut total) = (u64::from(head.u3(1)?), u64::from(coded));
    if coded & 0x80_0000 != 0 && length < 120 {
        // Messages beyond 8 MiB count in units of 120 octets, and the data section's length says what is too much.
        total = (u64::from(coded & 0x7f_ffff) * 120).saturating_sub(length) + 4;
        length = total.saturating_sub(next - at + 4);
    }
    if next + length + 4 > at + total || length < 11 {
        return Err("its sections do not fit into its length".into());
    }
    let about = about(Octets(&product), describe(head)?)?;
    let decimal = i32::try_from(Octets(&product).s2(27)?).unwrap_or(0);
    let layout = grid1::layout(Octets(&grid_section))?;
    let data = Extent { at: next, length: usize::try_from(length).map_err(|e| e.to_string())? };
    Ok(Message {
        about,
        layout,
        grid_section,
        packed: Packed { bitmap, data, decimal },
        length: total,
    })
}

/// A section of the header, whole.
fn section(window: &mut Window<'_>, at: u64) -> Result<Vec<u8>, Why> {
    let length = Octets(window.get(at, 3)?).u3(1)? as usize;
    if length < 28 {
        return Err(format!("a header section of {length} octets"));
    }
    Ok(window.get(at, length)?.to_vec())
}

/// Packing in words, as ecCodes names it.
fn describe(head: Octets<'_>) -> Result<String, Why> {
    Ok(match head.u1(4)? >> 4 {
        0 | 2 => "grid_simple",
        4..=7 => "grid_second_order",
        8..=11 => "spectral_simple",
        12..=15 => "spectral_complex",
        _ => "grid_simple_matrix",
    }
    .to_owned())
}

fn about(product: Octets<'_>, packing: String) -> Result<About, Why> {
    let (table, centre, number) = (product.u1(4)?, u16::from(product.u1(5)?), product.u1(9)?);
    let (code, top, bottom) = (product.u1(10)?, product.u1(11)?, product.u1(12)?);
    let value = i64::from(product.u2(11)?);
    let range = product.u1(21)?;
    let facts = [("L", Some(code.into())), ("H", Some(value)), ("R", Some(range.into()))];
    let named = parameters::of_grib1(centre, table, number, &facts);
    let (variable, unit) =
        named.unwrap_or_else(|| (format!("var{number}_table{table}"), String::new()));
    let found = levels::of_grib1(code, top, bottom);
    let steps = steps(product, range)?;
    let mut attributes = BTreeMap::from([
        ("edition".to_owned(), "1".to_owned()),
        ("centre".to_owned(), centre.to_string()),
        ("packing".to_owned(), packing),
        ("parameter".to_owned(), format!("{number}.{table}")),
    ]);
    if let Some(bottom) = found.bottom {
        attributes.insert("level_bottom".to_owned(), bottom.to_string());
    }
    if let Some(statistic) = steps.statistic {
        attributes.insert("statistic".to_owned(), statistic.to_owned());
        attributes.insert("step_start".to_owned(), steps.start.to_string());
    }
    let reference = reference(product)?;
    let member = member(product, centre);
    Ok(About { variable, unit, level: found.level, reference, step: steps.end, member, attributes })
}

fn reference(product: Octets<'_>) -> Result<Time, Why> {
    let part = |at: usize| product.u1(at).map(u32::from);
    let (year, century) = (part(13)?, part(25)?);
    let (month, day) = (part(14)?, part(15)?);
    // A climatology has no year: it is given as year 1, the first that is written. Monthly means have day 0.
    let year = if year == 255 { 1 } else { (century.max(1) - 1) * 100 + year };
    let civil = Civil {
        year: i32::try_from(year).unwrap_or(0),
        month: if month == 255 { 1 } else { month },
        day: if day == 0 || day == 255 { 1 } else { day },
        hour: part(16)?,
        minute: match part(17)? {
            255 => 0,
            minute => minute,
        },
        second: 0,
    };
    Time::from_civil(civil)
        .ok_or_else(|| format!("{year}-{month}-{day} is no date, or its time none"))
}

/// Seconds from the reference to when a range begins and ends, and what is done over it.
struct Steps {
    start: i64,
    end: i64,
    statistic: Option<&'static str>,
}

/// Time units (table 4), in seconds; months and years as ecCodes counts them.
fn unit_seconds(unit: u8) -> Option<i64> {
    Some(match unit {
        0 => 60,
        1 => HOUR,
        2 => DAY,
        3 => 30 * DAY,
        4 => 365 * DAY,
        5 => 3650 * DAY,
        6 => 10_950 * DAY,
        7 => 36_500 * DAY,
        10 => 3 * HOUR,
        11 => 6 * HOUR,
        12 => 12 * HOUR,
        13 => 900,
        14 => 1800,
        254 => 1,
        _ => return None,
    })
}

fn steps(product: Octets<'_>, range: u8) -> Result<Steps, Why> {
    let unit = product.u1(18)?;
    let unit = unit_seconds(unit).ok_or_else(|| format!("time unit {unit} is not known"))?;
    let (one, two) = (i64::from(product.u1(19)?) * unit, i64::from(product.u1(20)?) * unit);
    let at = |step: i64| Steps { start: step, end: step, statistic: None };
    let over = |start: i64, end: i64, statistic| Steps { start, end, statistic: Some(statistic) };
    Ok(match range {
        0 => at(one),
        // An initialised analysis; a field of no length of time.
        1 | 14 => at(0),
        2 => over(one, two, "range"),
        3 => over(one, two, "average"),
        4 => over(one, two, "accumulation"),
        5 => over(one, two, "difference"),
        // Averages that reach back to the reference, or on both sides of it.
        6 => over(-one, -two, "average"),
        7 => over(-one, two, "average"),
        10 => at(i64::from(product.u2(19)?) * unit),
        51 | 113 | 115 | 117 | 123 | 128 | 129 | 130 | 131 | 134 | 136 | 137 | 138 | 139 | 140 => {
            over(one, one, "average")
        }
        114 | 116 | 124 | 132 | 133 | 135 => over(one, one, "accumulation"),
        118 => over(one, one, "covariance"),
        119 => over(one, one, "standard deviation"),
        125 => over(one, one, "standard deviation"),
        _ => return Err(format!("time range indicator {range} is not known")),
    })
}

/// The member, from ECMWF's or NCEP's octets after 40; none where the message is of no ensemble.
fn member(product: Octets<'_>, centre: u16) -> Option<u32> {
    let one = |at: usize| product.u1(at).ok().map(u32::from);
    let two = |at: usize| product.u2(at).ok().map(u32::from);
    let local = one(41)?;
    if centre == 98 || one(26)? == 98 {
        let (number, total) = match local {
            1 | 13 | 23 | 26 | 27 | 28 | 30 | 36 | 38 | 45 => (one(50)?, one(51)?),
            2 => (one(50)?, one(51)?),
            // Seasonal forecasts: numbers of two octets, and often no total.
            12 | 15 | 16 | 18 => return two(50),
            _ => return None,
        };
        return (total > 0).then_some(number);
    }
    if centre == 7 && local == 1 {
        // Controls are 0, the pair ±n is 2n − 1 and 2n.
        let number = one(43)?;
        return match one(42)? {
            1 => Some(0),
            2 => Some(2 * number),
            3 => Some((2 * number).saturating_sub(1)),
            _ => None,
        };
    }
    None
}

impl Packed {
    /// The values, in the file's order.
    pub(super) fn values(
        &self,
        read: impl Fn(Extent) -> Result<Vec<u8>, Why>,
        points: usize,
        scan: &Scan,
    ) -> Result<Vec<f32>, Why> {
        let bytes = read(self.data)?;
        let bitmap = self.bitmap.map(&read).transpose()?;
        let section = Octets(&bytes);
        let flags = section.u1(4)? >> 4;
        if flags & 8 != 0 {
            return Err("spherical harmonics: coefficients are not made into values".into());
        }
        let count = match &bitmap {
            Some(bitmap) => present(bitmap, points)?,
            None => points,
        };
        let binary = i32::try_from(section.s2(5)?).unwrap_or(0);
        let scale = Scale { reference: section.ibm(7)?, binary, decimal: self.decimal };
        let width = usize::from(section.u1(11)?);
        let (values, boustrophedon) = match flags & 5 {
            0 => (simple(section.rest(12)?, width, count, scale)?, false),
            // A field of one value has no groups.
            4 | 5 if count == 0 => (Vec::new(), false),
            4 | 5 => {
                let lines = lines_present(scan, bitmap.as_deref());
                let decoded = second_order::decode(section, count, &lines, scale)?;
                (decoded.values, decoded.boustrophedon)
            }
            _ => return Err("a matrix of values at each point is not read".into()),
        };
        let mut values = match bitmap {
            Some(bitmap) => spread(&values, &bitmap, points)?,
            None => values,
        };
        if boustrophedon {
            let mut rest = values.as_mut_slice();
            for (line, length) in scan.lines().into_iter().enumerate() {
                let (this, after) = rest.split_at_mut(length.min(rest.len()));
                if line % 2 == 1 {
                    this.reverse();
                }
                rest = after;
            }
        }
        Ok(values)
    }
}

/// Values that are there of each line.
fn lines_present(scan: &Scan, bitmap: Option<&[u8]>) -> Vec<usize> {
    let lines = scan.lines();
    let Some(bitmap) = bitmap else { return lines };
    let mut point = 0;
    let there = |point: usize| bitmap.get(point / 8).is_some_and(|b| b >> (7 - point % 8) & 1 == 1);
    lines
        .into_iter()
        .map(|length| {
            point += length;
            (point - length..point).filter(|point| there(*point)).count()
        })
        .collect()
}
