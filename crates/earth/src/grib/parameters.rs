//! Parameters: codes of GRIB 1 and 2 to ECMWF's short names and units, and back.
//!
//! The tables are facts of ECMWF's parameter database (`data/grib1.tsv`, `data/grib2.tsv`; `tests/fixtures/make_grib_tables.py`).
//! An entry may hold under conditions (a level type, a statistic); of those that hold, the one with the most conditions is right.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::variable;

const GRIB1: &str = include_str!("../../data/grib1.tsv");
const GRIB2: &str = include_str!("../../data/grib2.tsv");

/// What a message says that a name may depend on: key and value, none where the value is missing.
pub(super) type Facts = [(&'static str, Option<i64>)];

struct Entry {
    centre: Centre,
    short: &'static str,
    unit: &'static str,
    conditions: &'static str,
}

/// Whose table an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Centre {
    Any,
    Of(u16),
    /// ECMWF's, where no other names it.
    Ecmwf,
    /// ECMWF's, of constituents that are told apart from the parameter.
    Split,
    /// Older or newer names, where no other names it.
    Legacy,
}

type Table = HashMap<&'static str, Vec<Entry>>;

fn table(cell: &'static OnceLock<Table>, text: &'static str) -> &'static Table {
    cell.get_or_init(|| {
        let mut table = Table::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.split('\t');
            let mut part = || parts.next().unwrap_or("");
            let centre = match part() {
                "0" => Centre::Any,
                "e" => Centre::Ecmwf,
                "l" => Centre::Legacy,
                "c" => Centre::Split,
                number => Centre::Of(number.parse().unwrap_or(u16::MAX)),
            };
            let (codes, short, unit, conditions) = (part(), part(), part(), part());
            table.entry(codes).or_default().push(Entry { centre, short, unit, conditions });
        }
        table
    })
}

fn grib1() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    table(&TABLE, GRIB1)
}

fn grib2() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    table(&TABLE, GRIB2)
}

/// Conditions that an entry sets, if all hold.
fn held(conditions: &str, facts: &Facts) -> Option<usize> {
    let mut count = 0;
    for condition in conditions.split(';').filter(|condition| !condition.is_empty()) {
        let (key, value) = condition.split_once('=')?;
        let found = facts.iter().find(|(name, _)| *name == key)?.1;
        let wanted = if value == "x" { None } else { value.parse().ok() };
        if found != wanted {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// The first of the entries with the most conditions that hold.
fn best<'a>(entries: &'a [Entry], facts: &Facts, of: impl Fn(Centre) -> bool) -> Option<&'a Entry> {
    let mut found: Option<(usize, &Entry)> = None;
    for entry in entries.iter().filter(|entry| of(entry.centre)) {
        if let Some(count) = held(entry.conditions, facts)
            && found.is_none_or(|(most, _)| count > most)
        {
            found = Some((count, entry));
        }
    }
    found.map(|(_, entry)| entry)
}

/// Short name and unit.
pub(super) type Named = (String, String);

fn named(entry: &Entry) -> Named {
    // `m s**-1` is written `m s-1` here as in CF.
    let unit = match entry.unit {
        "~" | "(0 - 1)" | "Numeric" | "Proportion" | "dimensionless" => "1".to_owned(),
        unit => unit.replace("**", ""),
    };
    (entry.short.to_owned(), unit)
}

/// A parameter of GRIB 1 by its centre, table and number.
pub(super) fn of_grib1(centre: u16, table: u8, number: u8, facts: &Facts) -> Option<Named> {
    let entries = grib1().get(format!("{table}.{number}").as_str())?;
    best(entries, facts, |of| of == Centre::Of(centre))
        .or_else(|| best(entries, facts, |of| of == Centre::Any))
        .or_else(|| best(entries, facts, |of| of == Centre::Of(98)))
        .map(named)
}

/// A parameter of GRIB 2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) centre: u16,
    /// Version of WMO's tables.
    pub(super) tables: u8,
    /// Discipline, category and number.
    pub(super) codes: (u8, u8, u8),
    /// Whether it is of a chemical or an aerosol.
    pub(super) constituent: bool,
}

/// A parameter of GRIB 2, named.
pub(super) fn of_grib2(parameter: Parameter, facts: &Facts) -> Option<Named> {
    let Parameter { centre, tables, codes: (discipline, category, number), constituent } =
        parameter;
    // Discipline 192 of ECMWF is its tables of GRIB 1: category the table, number the parameter.
    if centre == 98 && discipline == 192 {
        let entries = grib1().get(format!("{category}.{number}").as_str())?;
        return best(entries, facts, |of| of == Centre::Of(98)).map(named);
    }
    let entries = grib2().get(format!("{discipline}.{category}.{number}").as_str())?;
    let split = centre == 98 && tables > 33 && constituent;
    let split = if split { best(entries, facts, |of| of == Centre::Split) } else { None };
    let own = |of: Centre| of == Centre::Of(centre) || centre == 98 && of == Centre::Ecmwf;
    split
        .or_else(|| best(entries, facts, |of| of == Centre::Any || own(of)))
        .or_else(|| best(entries, facts, |of| of == Centre::Ecmwf))
        .or_else(|| best(entries, facts, |of| of == Centre::Legacy))
        .map(named)
}

/// A parameter that only our own list names: one that is written so for want of a code of WMO.
pub(super) fn of_known(codes: (u8, u8, u8)) -> Option<Named> {
    let known = variable::KNOWN.iter().find(|known| known.grib2 == codes)?;
    Some((known.short.to_owned(), known.unit.to_owned()))
}

/// Discipline, category and number of GRIB 2 that a short name is written with.
pub(super) fn codes(short: &str) -> Option<(u8, u8, u8)> {
    static CODES: OnceLock<HashMap<&'static str, (u8, u8, u8)>> = OnceLock::new();
    if let Some(known) = variable::KNOWN.iter().find(|known| known.short == short) {
        return Some(known.grib2);
    }
    let all = CODES.get_or_init(|| {
        let mut all = HashMap::new();
        let mut entries: Vec<_> = grib2()
            .iter()
            .flat_map(|(codes, entries)| entries.iter().map(move |entry| (*codes, entry)))
            .filter(|(_, entry)| entry.centre == Centre::Any)
            .filter(|(_, entry)| {
                !["S=", "C=", "KC=", "KA=", "A="].iter().any(|key| entry.conditions.contains(key))
            })
            .collect();
        entries.sort_by_key(|(codes, entry)| (entry.conditions.len(), *codes));
        for (codes, entry) in entries {
            let mut parts = codes.split('.').map(|part| part.parse::<u8>().ok());
            if let (Some(Some(a)), Some(Some(b)), Some(Some(c))) =
                (parts.next(), parts.next(), parts.next())
            {
                all.entry(entry.short).or_insert((a, b, c));
            }
        }
        all
    });
    all.get(short).copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_depend_on_level_and_centre() {
        let plain = |found: Option<Named>| found.unwrap().0;
        let of = |centre, codes| Parameter { centre, tables: 28, codes, constituent: false };
        assert_eq!(plain(of_grib1(98, 128, 130, &[])), "t");
        assert_eq!(plain(of_grib1(98, 128, 167, &[])), "2t");
        assert_eq!(plain(of_grib1(7, 2, 7, &[("L", Some(100)), ("H", Some(500))])), "gh");
        let at = |level: i64, value: Option<i64>| {
            let facts = [("L1", Some(level)), ("V1", value), ("F1", Some(0))];
            plain(of_grib2(of(7, (0, 0, 0)), &facts))
        };
        assert_eq!((at(103, Some(2)), at(100, Some(50_000))), ("2t".to_owned(), "t".to_owned()));
        assert_eq!(plain(of_grib2(of(7, (0, 3, 192)), &[])), "mslet");
        assert!(
            of_grib2(of(98, (250, 1, 1)), &[]).is_none() && of_grib1(98, 128, 255, &[]).is_none()
        );
    }

    #[test]
    fn known_variables_have_ecmwf_s_codes() {
        for known in variable::KNOWN {
            if known.grib1 > 0 {
                let (short, _) = of_grib1(98, 128, known.grib1, &[]).unwrap();
                assert_eq!(short, known.short);
            }
            assert_eq!(codes(known.short), Some(known.grib2));
        }
        assert_eq!(codes("pv"), Some((0, 2, 14)));
        assert_eq!(codes("no such"), None);
    }
}
