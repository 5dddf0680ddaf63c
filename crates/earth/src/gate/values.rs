//! One field's values: read, brought to the model's unit and order, and checked.

use super::bounds::{LEAST_HUMIDITY, bounds};
use super::pick::{Pick, count};
use super::units::{Conversion, conversion, is_silent};
use super::{Refusal, Repair, Report, Way, Ways};
use crate::derive::formulas::GRAVITY;
use crate::field::Header;
use crate::grid::Grid;
use crate::level::Level;
use crate::source::Source;
use crate::variable::{known, wind_partner};

/// Values of a field in the model's order and unit.
pub(super) struct Taken {
    pub(super) values: Vec<f32>,
    pub(super) repairs: Vec<Repair>,
    pub(super) refusals: Vec<Refusal>,
}

pub(super) fn take(
    source: &dyn Source,
    pick: &Pick,
    to: &Grid,
    ways: &Ways,
) -> Result<Taken, Refusal> {
    let name = format!("{} at {}", pick.place.variable, pick.place.at());
    let Some((first, others)) = pick.found.split_first() else {
        return Err(Refusal::Unreadable { why: format!("{name} is not there") });
    };
    let header = &source.headers()[*first];
    let read = read(source, *first)?;
    for other in others {
        let same = same_values(&read, &self::read(source, *other)?)
            && source.headers()[*other].unit == header.unit
            && source.headers()[*other].variable == header.variable;
        if !same {
            return Err(Refusal::Ambiguous { field: name, count: pick.found.len() });
        }
    }
    let way = ways.of(&header.grid).ok_or_else(|| Refusal::Grid {
        found: header.grid.to_string(),
        expected: to.to_string(),
    })?;
    let mut repairs = Vec::new();
    let mut values = arranged(source, *first, read, way, &mut repairs)?;
    let mut refusals = Vec::new();
    if let Some(refusal) = missing(&values, to, &name) {
        // Nothing can be said of a field with holes.
        return Ok(Taken { values, repairs, refusals: vec![refusal] });
    }
    let at = pick.place.at();
    match way_to_si(header, &pick.place.variable, at, range(&values)) {
        Ok((conversion, repair)) => {
            conversion.apply(&mut values);
            repairs.extend(repair);
        }
        Err(()) => {
            let expected = known(&pick.place.variable).map_or("", |known| known.unit);
            let unit = header.unit.clone();
            refusals.push(Refusal::Unit {
                field: name.clone(),
                unit,
                expected: expected.to_owned(),
            });
        }
    }
    if refusals.is_empty() {
        refusals.extend(out_of_bounds(&values, &pick.place.variable, at, to, &name));
    }
    Ok(Taken { values, repairs, refusals })
}

fn read(source: &dyn Source, at: usize) -> Result<Vec<f32>, Refusal> {
    let values =
        source.values(at).map_err(|error| Refusal::Unreadable { why: error.to_string() })?;
    let header = &source.headers()[at];
    if values.len() != header.grid.len() {
        let why = format!(
            "{} at {}: {} values for {} points",
            header.variable,
            header.level,
            values.len(),
            header.grid.len()
        );
        return Err(Refusal::Unreadable { why });
    }
    Ok(values)
}

fn same_values(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

fn arranged(
    source: &dyn Source,
    at: usize,
    values: Vec<f32>,
    way: &Way,
    repairs: &mut Vec<Repair>,
) -> Result<Vec<f32>, Refusal> {
    let header = &source.headers()[at];
    match way {
        Way::Same => Ok(values),
        Way::Arranged(way) => {
            if way.flipped {
                repairs.push(Repair::LatitudesFlipped { fields: 1 });
            }
            if let Some(from) = way.rolled {
                repairs.push(Repair::LongitudesRolled { from, fields: 1 });
            }
            if way.dropped {
                repairs.push(Repair::MeridianDropped { fields: 1 });
            }
            Ok(way.apply(&values))
        }
        Way::Regridded(regrid, method) => {
            let unfit =
                |error: crate::regrid::RegridError| Refusal::Unreadable { why: error.to_string() };
            let method = format!("{method:?}").to_lowercase();
            repairs.push(Repair::Regridded { from: header.grid.to_string(), method, fields: 1 });
            match partner(source.headers(), at) {
                Some((partner, true)) => {
                    Ok(regrid.apply_wind(&values, &read(source, partner)?).map_err(unfit)?.0)
                }
                Some((partner, false)) => {
                    Ok(regrid.apply_wind(&read(source, partner)?, &values).map_err(unfit)?.1)
                }
                None => regrid.apply(&values).map_err(unfit),
            }
        }
    }
}

/// The other component of a wind, and whether the one asked for is the eastward one.
fn partner(headers: &[Header], at: usize) -> Option<(usize, bool)> {
    let header = &headers[at];
    let (other, eastward) = wind_partner(&header.variable)?;
    let same = |one: &Header| {
        one.variable == other
            && one.level == header.level
            && one.valid() == header.valid()
            && one.member == header.member
            && one.grid == header.grid
    };
    headers.iter().position(same).map(|at| (at, eastward))
}

fn missing(values: &[f32], grid: &Grid, name: &str) -> Option<Refusal> {
    let (mut count, mut within) = (0, [f64::MAX, f64::MIN, f64::MAX, f64::MIN]);
    for (at, _) in values.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
        let (lat, lon) = grid.at(at);
        count += 1;
        within = [within[0].min(lat), within[1].max(lat), within[2].min(lon), within[3].max(lon)];
    }
    (count > 0).then(|| Refusal::MissingValues {
        field: name.to_owned(),
        count,
        of: values.len(),
        within,
    })
}

fn range(values: &[f32]) -> (f64, f64) {
    let (least, most) = values
        .iter()
        .fold((f32::MAX, f32::MIN), |(least, most), value| (least.min(*value), most.max(*value)));
    (f64::from(least), f64::from(most))
}

/// The conversion to the model's unit, and the repair that it is; an error where the unit is not known for the variable.
fn way_to_si(
    header: &Header,
    variable: &str,
    at: Level,
    (least, most): (f64, f64),
) -> Result<(Conversion, Option<Repair>), ()> {
    let unit = header.unit.as_str();
    let si = known(variable).map_or("", |known| known.unit);
    let inside = |variable: &str, by: Conversion| {
        bounds(variable, at).is_some_and(|bounds| {
            bounds.hold(least * by.scale + by.offset, most * by.scale + by.offset)
        })
    };
    let told = |from: &str, by: Conversion| {
        let repair = Repair::Unit {
            variable: variable.to_owned(),
            from: from.to_owned(),
            to: si.to_owned(),
            fields: 1,
        };
        (by, Some(repair))
    };
    if variable == "z" {
        if let Some(height) = conversion(unit, "gpm") {
            // By unit and by range; where the range says otherwise, it is refused as it stands.
            if inside("gh", height) {
                let by = Conversion { scale: height.scale * GRAVITY, offset: 0.0 };
                let (variable, unit) = (header.variable.clone(), unit.to_owned());
                return Ok((by, Some(Repair::HeightToGeopotential { variable, unit, fields: 1 })));
            }
            return Err(());
        }
        if header.variable == "gh" && !is_silent(unit) {
            return Err(());
        }
        if header.variable == "gh" {
            let by = Conversion { scale: GRAVITY, offset: 0.0 };
            let (variable, unit) = ("gh".to_owned(), "no unit".to_owned());
            return Ok((by, Some(Repair::HeightToGeopotential { variable, unit, fields: 1 })));
        }
    }
    let by = match conversion(unit, si) {
        Some(by) => by,
        None if is_silent(unit) || si.is_empty() => Conversion::NONE,
        None => return Err(()),
    };
    if !by.is_none() {
        return Ok(told(unit, by));
    }
    // Values that cannot be in the SI unit but are plausible in another; fields of every pressure part from each other there.
    let celsius = Conversion { scale: 1.0, offset: 273.15 };
    let hecto = Conversion { scale: 100.0, offset: 0.0 };
    if si == "K" && !inside(variable, by) && most < 100.0 && inside(variable, celsius) {
        return Ok(told("degrees Celsius by its values", celsius));
    }
    if si == "Pa" && !inside(variable, by) && most < 2000.0 && inside(variable, hecto) {
        return Ok(told("hPa by its values", hecto));
    }
    Ok((by, None))
}

fn out_of_bounds(
    values: &[f32],
    variable: &str,
    at: Level,
    grid: &Grid,
    name: &str,
) -> Option<Refusal> {
    let (least, most) = range(values);
    if variable == "q" && least < LEAST_HUMIDITY {
        return Some(Refusal::NegativeHumidity { field: name.to_owned(), least });
    }
    if least >= most && values.len() > 1 {
        return Some(Refusal::Constant { field: name.to_owned(), value: least });
    }
    let limits = bounds(variable, at)?;
    if limits.hold(least, most) {
        return None;
    }
    let outward = |value: f64| (limits.low - value).max(value - limits.high);
    let farthest = if outward(least) > outward(most) { least } else { most };
    let place = values.iter().position(|value| f64::from(*value) == farthest).unwrap_or(0);
    let (lat, lon) = grid.at(place);
    let hint = hint(variable, at, least, most);
    Some(Refusal::Range {
        field: name.to_owned(),
        found: [least, most],
        bounds: [limits.low, limits.high],
        at: [lat, lon],
        hint,
    })
}

/// What values out of bounds look like.
fn hint(variable: &str, at: Level, least: f64, most: f64) -> String {
    let looks = |other: &str, by: f64| {
        bounds(other, at).is_some_and(|bounds| bounds.hold(least * by, most * by))
    };
    let text = match variable {
        "z" if looks("gh", 1.0) => {
            "they look like geopotential heights in gpm; give them as gh, or with the unit gpm"
        }
        "q" if looks("q", 1e-3) => "they look like g/kg; give the unit",
        "t" if looks("gh", 1.0) || looks("z", 1.0) => {
            "they look like heights; are variables swapped?"
        }
        "msl" if looks("sp", 1.0) => {
            "they look like surface pressure; the model takes mean sea level pressure"
        }
        _ => "",
    };
    text.to_owned()
}

/// Adds a field's repair to the report, counting fields of one kind together.
pub(super) fn tell(report: &mut Report, repair: Repair) {
    let one = repair.clone();
    count(
        report,
        |there| match (there, &one) {
            (Repair::LatitudesFlipped { .. }, Repair::LatitudesFlipped { .. })
            | (Repair::MeridianDropped { .. }, Repair::MeridianDropped { .. }) => true,
            (
                Repair::LongitudesRolled { from: a, .. },
                Repair::LongitudesRolled { from: b, .. },
            ) => a == b,
            (Repair::Regridded { from: a, .. }, Repair::Regridded { from: b, .. }) => a == b,
            (
                Repair::HeightToGeopotential { variable: a, unit: c, .. },
                Repair::HeightToGeopotential { variable: b, unit: d, .. },
            )
            | (
                Repair::Unit { variable: a, from: c, .. },
                Repair::Unit { variable: b, from: d, .. },
            ) => a == b && c == d,
            _ => false,
        },
        repair,
    );
}
