//! The product definition section of GRIB 2: parameter, level, time, member and statistic of a field.

use std::collections::BTreeMap;

use crate::time::{Civil, DAY, HOUR, Time};

use super::edition1::About;
use super::levels::{self, Surface};
use super::octets::{Octets, Why};
use super::parameters::{self, Parameter};

/// Where a template keeps what most templates have.
struct Places {
    /// Octet of the type of generating process; time and surfaces lie at fixed distances from it.
    process: usize,
    /// Octets of the forecast time: two in a template that WMO corrected later.
    time: usize,
    /// Whether an ensemble's member follows the surfaces.
    member: bool,
    /// Octets from the end of the surfaces to the end of the interval, where values are over one.
    interval: Option<usize>,
}

fn places(template: u16) -> Option<Places> {
    let process = match template {
        0..=12 | 15 | 51 | 60 | 61 => 12,
        40..=43 => 14,
        44..=47 | 50 => 25,
        48 | 49 => 36,
        _ => return None,
    };
    let member = matches!(template, 1 | 11 | 41 | 43 | 45 | 47 | 49 | 60 | 61);
    let interval = match template {
        8 | 42 | 46 => Some(0),
        10 => Some(1),
        12 => Some(2),
        11 | 43 | 47 => Some(3),
        61 => Some(10),
        9 => Some(13),
        _ => None,
    };
    Some(Places { process, time: if template == 44 { 2 } else { 4 }, member, interval })
}

/// Time units (table 4.4), in seconds.
fn unit_seconds(unit: u8) -> Result<i64, Why> {
    Ok(match unit {
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
        13 => 1,
        _ => return Err(format!("time unit {unit} is not known")),
    })
}

/// Longest step taken, in seconds: about 10,000 years. Octets can say more than a time can hold.
const LONGEST: i64 = 10_000 * 366 * DAY;

/// A number of units of time in seconds.
fn seconds(count: i64, unit: u8) -> Result<i64, Why> {
    let seconds = count.checked_mul(unit_seconds(unit)?).filter(|seconds| seconds.abs() < LONGEST);
    seconds.ok_or_else(|| format!("{count} units of time {unit} are no step"))
}

fn statistic(code: u8) -> &'static str {
    match code {
        0 => "average",
        1 => "accumulation",
        2 => "maximum",
        3 => "minimum",
        4 => "difference",
        5 => "root mean square",
        6 => "standard deviation",
        7 => "covariance",
        8 => "difference of start and end",
        9 => "ratio",
        11 => "summation",
        _ => "other",
    }
}

fn surface(section: Octets<'_>, at: usize) -> Result<Surface, Why> {
    let given = section.u1(at + 1)? != u8::MAX && section.u4(at + 2)? != u32::MAX;
    Ok(Surface {
        code: section.u1(at)?,
        scale: given.then(|| section.s1(at + 1)).transpose()?,
        scaled: given.then(|| section.s4(at + 2)).transpose()?,
    })
}

/// When the forecast began, of section 1.
pub(super) fn reference(identification: Octets<'_>) -> Result<Time, Why> {
    let part = |at: usize| identification.u1(at).map(u32::from);
    let civil = Civil {
        year: identification.u2(13)?.into(),
        month: part(15)?,
        day: part(16)?,
        hour: part(17)?,
        minute: part(18)?,
        second: part(19)?,
    };
    Time::from_civil(civil).ok_or_else(|| format!("{civil:?} is no time"))
}

/// The interval that values are over: how it ends, and what was done.
struct Interval {
    seconds: i64,
    statistic: u8,
    unit: u8,
    length: i64,
}

/// The time ranges at an octet: the outermost one that steps in time tells when the interval ends.
fn interval(section: Octets<'_>, at: usize) -> Result<Interval, Why> {
    let ranges = usize::from(section.u1(at + 7)?).min(16);
    let mut found = None;
    for range in 0..ranges {
        let at = at + 12 + 12 * range;
        let (unit, length) = (section.u1(at + 2)?, i64::from(section.u4(at + 3)?));
        let this = || -> Result<Interval, Why> {
            let seconds = seconds(length, unit)?;
            Ok(Interval { seconds, statistic: section.u1(at)?, unit, length })
        };
        // Increment 1 steps the start of the forecast at the same length: it does not lengthen it.
        if found.is_none() && (ranges == 1 || section.u1(at + 1)? != 1) {
            found = Some(this()?);
        }
    }
    found.ok_or_else(|| "an interval without time ranges".to_owned())
}

/// Reads a field's sections 1 and 4.
pub(super) fn about(
    discipline: u8,
    identification: Octets<'_>,
    product: Octets<'_>,
    packing: String,
) -> Result<About, Why> {
    let template = product.u2(8)?;
    let places = places(template)
        .ok_or_else(|| format!("product definition template 4.{template} is not read"))?;
    let (category, number) = (product.u1(10)?, product.u1(11)?);
    let process = places.process;
    let unit = product.u1(process + 6)?;
    let time = if places.time == 2 { product.s2(process + 7)? } else { product.s4(process + 7)? };
    let surfaces = process + 7 + places.time;
    let (first, second) = (surface(product, surfaces)?, surface(product, surfaces + 6)?);
    let after = surfaces + 12;
    let start = seconds(time, unit)?;
    let interval = places.interval.map(|at| interval(product, after + at)).transpose()?;
    let centre = identification.u2(6)?;
    let facts = facts(product, template, (first, second), interval.as_ref())?;
    let constituent = (40..=50).contains(&template);
    let named = parameters::of_grib2(
        Parameter {
            centre,
            tables: identification.u1(10)?,
            codes: (discipline, category, number),
            constituent,
        },
        &facts,
    );
    let named = named.or_else(|| parameters::of_known((discipline, category, number)));
    let parameter = format!("{discipline}.{category}.{number}");
    let (variable, unit) = named.unwrap_or_else(|| (format!("var_{parameter}"), String::new()));
    let found = levels::of_grib2(first, second);
    let mut attributes = BTreeMap::from([
        ("edition".to_owned(), "2".to_owned()),
        ("centre".to_owned(), centre.to_string()),
        ("packing".to_owned(), packing),
        ("parameter".to_owned(), parameter),
        ("product_template".to_owned(), template.to_string()),
    ]);
    if let Some(bottom) = found.bottom {
        attributes.insert("level_bottom".to_owned(), bottom.to_string());
    }
    if let Some(interval) = &interval {
        attributes.insert("statistic".to_owned(), statistic(interval.statistic).to_owned());
        attributes.insert("step_start".to_owned(), start.to_string());
    }
    if constituent {
        attributes.insert("constituent".to_owned(), product.u2(12)?.to_string());
    }
    if matches!(template, 2 | 12) {
        attributes.insert("derived".to_owned(), product.u1(35)?.to_string());
    }
    Ok(About {
        variable,
        unit,
        level: found.level,
        reference: reference(identification)?,
        step: start + interval.map_or(0, |interval| interval.seconds),
        member: places.member.then(|| product.u1(after + 1)).transpose()?.map(u32::from),
        attributes,
    })
}

/// What a parameter's name may depend on.
fn facts(
    product: Octets<'_>,
    template: u16,
    (first, second): (Surface, Surface),
    interval: Option<&Interval>,
) -> Result<Vec<(&'static str, Option<i64>)>, Why> {
    let mut facts = vec![
        ("L1", Some(first.code.into())),
        ("V1", first.scaled),
        ("F1", first.scale),
        ("L2", Some(second.code.into())),
        ("V2", second.scaled),
        ("F2", second.scale),
    ];
    if let Some(interval) = interval {
        facts.extend([
            ("S", Some(interval.statistic.into())),
            ("U", Some(interval.unit.into())),
            ("T", Some(interval.length)),
        ]);
    }
    let chemical = (40..=43).contains(&template);
    let aerosol = matches!(template, 44..=50);
    let optical = matches!(template, 48 | 49);
    facts.extend([
        ("KC", Some(chemical.into())),
        ("KA", Some((aerosol && !optical).into())),
        ("KO", Some(optical.into())),
    ]);
    if chemical {
        facts.push(("C", Some(product.u2(12)?.into())));
    }
    if aerosol {
        facts.push(("A", Some(product.u2(12)?.into())));
    }
    if optical {
        let (one, two) = (surface(product, 25)?, surface(product, 30)?);
        facts.extend([
            ("W", Some(product.u1(25)?.into())),
            ("WF1", one.scale),
            ("WV1", one.scaled),
            ("WF2", two.scale),
            ("WV2", two.scaled),
        ]);
    }
    if let Some(places) = places(template) {
        facts.push(("G", Some(product.u1(places.process)?.into())));
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_seconds_and_what_no_time_can_hold_is_refused() {
        assert_eq!(seconds(6, 1), Ok(6 * HOUR));
        assert_eq!(seconds(-3, 11), Ok(-18 * HOUR));
        // A length of four octets in centuries is more than 64 bits of seconds.
        assert!(seconds(i64::from(u32::MAX), 7).unwrap_err().contains("no step"));
        assert!(seconds(-i64::from(i32::MAX), 7).is_err());
        assert!(seconds(1, 99).unwrap_err().contains("99"));
    }
}
