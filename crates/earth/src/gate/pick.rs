//! Which of a file's fields a model's state is made of.

use std::collections::BTreeSet;

use super::{Options, Refusal, Repair, Report};
use crate::card::{Contract, EARTH};
use crate::field::Header;
use crate::level::{Level, LevelKind};
use crate::source::Source;
use crate::state::Place;
use crate::time::Time;
use crate::variable::short_at;

/// A field of the state and the file's field for it.
pub(super) struct Pick {
    pub(super) place: Place,
    /// In the source; several where the file has it several times.
    pub(super) found: Vec<usize>,
}

/// Picks fields; what is wrong is in the report, and what could not be picked has no field.
pub(super) fn pick(
    source: &dyn Source,
    contract: &Contract,
    options: &Options,
    report: &mut Report,
) -> (Vec<Pick>, Time) {
    let headers = source.headers();
    planet(headers, contract, report);
    let places: Vec<Place> = contract.fields().collect();
    let candidates: Vec<Vec<usize>> =
        places.iter().map(|place| matching(headers, place, report)).collect();
    let all: BTreeSet<usize> = candidates.iter().flatten().copied().collect();
    let time = time_of(headers, &all, options.time, report);
    let member = member_of(headers, &all, time, options.member, report);
    let (mut picks, mut missing) = (Vec::new(), Vec::new());
    for (place, candidates) in places.into_iter().zip(candidates) {
        let found: Vec<usize> = candidates
            .into_iter()
            .filter(|at| time.is_none_or(|time| headers[*at].valid() == time))
            .filter(|at| {
                member.is_none_or(|member| headers[*at].member.is_none_or(|one| one == member))
            })
            .collect();
        if found.is_empty() {
            missing.push(format!("{} at {}", place.variable, place.at()));
        }
        picks.push(Pick { place, found });
    }
    if !missing.is_empty() {
        let mut unread = source.notes().to_vec();
        unread.truncate(8);
        report.refusals.push(Refusal::Missing { fields: missing, has: inventory(headers), unread });
    }
    reordered(&picks, report);
    (picks, time.unwrap_or_default())
}

fn planet(headers: &[Header], contract: &Contract, report: &mut Report) {
    let of = |header: &Header| {
        header.attributes.get("planet").cloned().unwrap_or_else(|| EARTH.to_owned())
    };
    let planets: BTreeSet<String> = headers.iter().map(of).collect();
    for found in planets.into_iter().filter(|found| *found != contract.planet) {
        report.refusals.push(Refusal::Planet { found, expected: contract.planet.clone() });
    }
}

/// Fields of a place's variable and level; heights stand for geopotentials where there are none.
fn matching(headers: &[Header], place: &Place, report: &mut Report) -> Vec<usize> {
    let of = |variable: &str| -> Vec<usize> {
        let fits = |header: &&Header| fits(header, variable, place);
        (0..headers.len()).filter(|at| fits(&&headers[*at])).collect()
    };
    let mut found = of(&place.variable);
    if found.is_empty() && place.variable == "z" {
        found = of("gh");
    }
    if let Some(first) = found.first() {
        let pascals =
            place.level.is_some_and(|level| !headers[*first].level.is_pressure(level.value));
        if pascals {
            count(
                report,
                |repair| matches!(repair, Repair::LevelsInPascals { .. }),
                Repair::LevelsInPascals { fields: 1 },
            );
        }
    }
    found
}

fn fits(header: &Header, variable: &str, place: &Place) -> bool {
    let level = header.level;
    match place.level {
        Some(wanted) => {
            // 50000 is no pressure in hPa.
            let same = level.is_pressure(wanted.value)
                || (level.value > 1100.0 && level.is_pressure(wanted.value * 100.0));
            same && short_at(&header.variable, wanted).unwrap_or(&header.variable) == variable
        }
        None if level.kind == LevelKind::Pressure => false,
        None => {
            header.variable == variable
                || short_at(&header.variable, level) == Some(variable) && known_level(level, place)
        }
    }
}

fn known_level(level: Level, place: &Place) -> bool {
    level == place.at() || level == Level::SURFACE
}

/// Adds a repair, or one more field to the one that is there.
pub(super) fn count(report: &mut Report, same: impl Fn(&Repair) -> bool, repair: Repair) {
    let Some(there) = report.repairs.iter_mut().find(|there| same(there)) else {
        report.repairs.push(repair);
        return;
    };
    match there {
        Repair::LatitudesFlipped { fields }
        | Repair::LongitudesRolled { fields, .. }
        | Repair::MeridianDropped { fields }
        | Repair::LevelsInPascals { fields }
        | Repair::HeightToGeopotential { fields, .. }
        | Repair::Unit { fields, .. }
        | Repair::Regridded { fields, .. } => *fields += 1,
        _ => {}
    }
}

fn time_of(
    headers: &[Header],
    all: &BTreeSet<usize>,
    asked: Option<Time>,
    report: &mut Report,
) -> Option<Time> {
    let times: BTreeSet<Time> = all.iter().map(|at| headers[*at].valid()).collect();
    match asked {
        Some(time) if times.contains(&time) => {
            if times.len() > 1 {
                report.repairs.push(Repair::TimeChosen { time, of: times.len() });
            }
            Some(time)
        }
        None if times.len() < 2 => times.first().copied(),
        _ if times.is_empty() => None,
        _ => {
            report.refusals.push(Refusal::Times { asked, found: times.iter().copied().collect() });
            times.first().copied()
        }
    }
}

fn member_of(
    headers: &[Header],
    all: &BTreeSet<usize>,
    time: Option<Time>,
    asked: Option<u32>,
    report: &mut Report,
) -> Option<u32> {
    let at_time = all.iter().filter(|at| time.is_none_or(|time| headers[**at].valid() == time));
    let members: BTreeSet<u32> = at_time.filter_map(|at| headers[*at].member).collect();
    let chosen = match asked {
        Some(asked) => members.contains(&asked).then_some(asked),
        // The control is member 0.
        None if members.len() > 1 => members.contains(&0).then_some(0),
        None => return members.first().copied(),
    };
    match chosen {
        Some(member) if members.len() > 1 => {
            report.repairs.push(Repair::MemberChosen { member, of: members.len() });
        }
        Some(_) => {}
        None => {
            let found = members.iter().copied().collect();
            report.refusals.push(Refusal::Members { asked, found });
            return members.first().copied();
        }
    }
    chosen
}

/// Tells of variables whose levels lie in the file in another order than in the model.
fn reordered(picks: &[Pick], report: &mut Report) {
    let mut seen: Vec<(&str, usize, bool)> = Vec::new();
    for pick in picks.iter().filter(|pick| pick.place.level.is_some()) {
        let Some(at) = pick.found.first() else { continue };
        match seen.iter_mut().find(|(variable, ..)| *variable == pick.place.variable) {
            Some((_, before, ordered)) => {
                *ordered &= *at > *before;
                *before = *at;
            }
            None => seen.push((&pick.place.variable, *at, true)),
        }
    }
    for (variable, ..) in seen.into_iter().filter(|(.., ordered)| !ordered) {
        report.repairs.push(Repair::LevelsReordered { variable: variable.to_owned() });
    }
}

/// `t at 1000, 850, 500 hPa; msl`.
fn inventory(headers: &[Header]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for header in headers {
        if !names.contains(&header.variable.as_str()) {
            names.push(&header.variable);
        }
    }
    let more = names.len().saturating_sub(24);
    names.truncate(24);
    let of = |name: &&str| {
        let levels: BTreeSet<i64> = headers
            .iter()
            .filter(|header| header.variable == **name && header.level.kind == LevelKind::Pressure)
            .map(|header| (header.level.value * 1000.0) as i64)
            .collect();
        let levels: Vec<String> = levels
            .iter()
            .rev()
            .take(40)
            .map(|level| (*level as f64 / 1000.0).to_string())
            .collect();
        if levels.is_empty() {
            (*name).to_owned()
        } else {
            format!("{name} at {} hPa", levels.join(", "))
        }
    };
    let mut texts: Vec<String> = names.iter().map(of).collect();
    if more > 0 {
        texts.push(format!("{more} more"));
    }
    if texts.is_empty() { "no fields".to_owned() } else { texts.join("; ") }
}
