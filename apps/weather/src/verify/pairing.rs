//! Which forecast field is compared with which field of the truth.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::Serialize;
use strata_earth::climatology::Key;
use strata_earth::field::Header;
use strata_earth::source::Source;
use strata_earth::time::Time;

use super::Inputs;

/// A field of several sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    source: usize,
    index: usize,
}

impl Place {
    pub(super) fn header(self, sources: &[Box<dyn Source>]) -> &Header {
        &sources[self.source].headers()[self.index]
    }

    pub(super) fn values(self, sources: &[Box<dyn Source>]) -> anyhow::Result<Vec<f32>> {
        Ok(sources[self.source].values(self.index)?)
    }
}

/// Fields that were not compared, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unpaired {
    /// Variable and level.
    pub field: String,
    /// Why.
    pub why: String,
    /// How many.
    pub count: usize,
    /// The first of them: when it began, and its lead time.
    pub first: String,
}

impl fmt::Display for Unpaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, why, count, first } = self;
        write!(f, "{field}: {why} ({count} fields, the first {first})")
    }
}

/// Gathers what was not compared: one entry a variable and reason.
#[derive(Debug, Default)]
pub(super) struct Gaps(BTreeMap<(String, String), (usize, String)>);

impl Gaps {
    pub(super) fn add(&mut self, key: &Key, why: &str, (reference, lead): (Time, i64)) {
        let first = || format!("of {reference} + {} h", lead as f64 / 3600.0);
        self.0.entry((key.to_string(), why.to_owned())).or_insert_with(|| (0, first())).0 += 1;
    }

    pub(super) fn into_list(self) -> Vec<Unpaired> {
        let entry = |((field, why), (count, first))| Unpaired { field, why, count, first };
        self.0.into_iter().map(entry).collect()
    }
}

/// The members of one forecast of one variable.
pub(super) type Members = Vec<Place>;

/// A forecast's begin and lead time in seconds.
pub(super) type Moment = (Time, i64);

/// All pairs.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// By when a forecast began and its lead time: variables that have a partner.
    pub(super) tasks: BTreeMap<Moment, BTreeMap<Key, (Members, Place)>>,
    truth: HashMap<(Key, Time), Place>,
    pub(super) unpaired: Vec<Unpaired>,
}

impl Pairing {
    /// Pairs the forecasts with the truth.
    pub(super) fn new(inputs: &Inputs<'_>) -> anyhow::Result<Self> {
        let truth = index(inputs.truth)?;
        let mut members: BTreeMap<(Moment, Key), BTreeMap<Option<u32>, Place>> = BTreeMap::new();
        let mut gaps = Gaps::default();
        for (place, header) in all(inputs.forecasts) {
            let (key, moment) = (Key::of(header), (header.reference, header.step));
            let members = members.entry((moment, key.clone())).or_default();
            if members.insert(header.member, place).is_some() {
                gaps.add(
                    &key,
                    "there are two forecasts of this time and member; the later file counts",
                    moment,
                );
            }
        }
        let mut tasks: BTreeMap<Moment, BTreeMap<Key, (Members, Place)>> = BTreeMap::new();
        for ((moment, key), members) in members {
            let valid = moment.0 + moment.1;
            let first = members.values().next().map(|place| place.header(inputs.forecasts));
            let partner = truth.get(&(key.clone(), valid)).copied();
            match (partner, first) {
                (Some(partner), Some(header))
                    if same_unit(header, partner.header(inputs.truth)) =>
                {
                    let members = members.into_values().collect();
                    tasks.entry(moment).or_default().insert(key, (members, partner));
                }
                (Some(partner), Some(header)) => {
                    let (ours, theirs) = (&header.unit, &partner.header(inputs.truth).unit);
                    gaps.add(
                        &key,
                        &format!("its unit is {ours:?}, the truth's {theirs:?}"),
                        moment,
                    );
                }
                _ => gaps.add(&key, reason(&truth, &key), moment),
            }
        }
        Ok(Self { tasks, truth, unpaired: gaps.into_list() })
    }

    /// What could be forecast of the truth from its own times: each time as a beginning, and these lead times in seconds.
    pub(super) fn of_truth(inputs: &Inputs<'_>, leads: &[i64]) -> anyhow::Result<Self> {
        let truth = index(inputs.truth)?;
        let mut tasks: BTreeMap<Moment, BTreeMap<Key, (Members, Place)>> = BTreeMap::new();
        for (key, time) in truth.keys() {
            for &lead in leads {
                if let Some(partner) = truth.get(&(key.clone(), *time + lead)) {
                    let task = tasks.entry((*time, lead)).or_default();
                    task.insert(key.clone(), (Vec::new(), *partner));
                }
            }
        }
        Ok(Self { tasks, truth, unpaired: Vec::new() })
    }

    /// The truth at a time.
    pub(super) fn truth(&self, key: &Key, time: Time) -> Option<Place> {
        self.truth.get(&(key.clone(), time)).copied()
    }
}

fn all(sources: &[Box<dyn Source>]) -> impl Iterator<Item = (Place, &Header)> {
    sources.iter().enumerate().flat_map(|(source, fields)| {
        let place = move |index| Place { source, index };
        fields.headers().iter().enumerate().map(move |(index, header)| (place(index), header))
    })
}

/// The truth by variable and time. Of several fields of a time the one of the shortest step counts: an analysis before a forecast.
fn index(sources: &[Box<dyn Source>]) -> anyhow::Result<HashMap<(Key, Time), Place>> {
    let mut truth: HashMap<(Key, Time), Place> = HashMap::new();
    for (place, header) in all(sources) {
        let at = (Key::of(header), header.valid());
        let rank = |header: &Header| (header.step.abs(), header.member);
        if let Some(known) = truth.get(&at) {
            let other = known.header(sources);
            if rank(other) <= rank(header) {
                continue;
            }
        }
        truth.insert(at, place);
    }
    anyhow::ensure!(!truth.is_empty(), "the truth has no field that could be read");
    Ok(truth)
}

/// Units as people write them: `m**2 s**-2`, `m2 s-2`, `m^2/s^2`. An unknown unit fits any.
fn same_unit(a: &Header, b: &Header) -> bool {
    let plain = |unit: &str| {
        let unit = unit.replace("**", "").replace('^', "").replace('*', " ");
        let mut parts: Vec<String> = Vec::new();
        for (at, part) in unit.split('/').enumerate() {
            for word in part.split_whitespace() {
                let exponent = word.ends_with(|c: char| c.is_ascii_digit());
                parts.push(match (at, exponent) {
                    (0, _) => word.to_owned(),
                    (_, false) => format!("{word}-1"),
                    (_, true) => {
                        let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
                        format!("{name}-{}", &word[name.len()..])
                    }
                });
            }
        }
        parts.retain(|part| part != "1");
        parts.sort();
        parts.join(" ")
    };
    a.unit.is_empty() || b.unit.is_empty() || plain(&a.unit) == plain(&b.unit)
}

fn reason(truth: &HashMap<(Key, Time), Place>, key: &Key) -> &'static str {
    if truth.keys().any(|(known, _)| known == key) {
        "the truth has no such time"
    } else if truth.keys().any(|(known, _)| known.variable == key.variable) {
        "the truth has no such level"
    } else {
        "the truth has no such variable"
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strata_earth::grid::Grid;
    use strata_earth::level::Level;

    use super::*;

    #[test]
    fn units_are_the_same_however_they_are_written() {
        let header = |unit: &str| Header {
            variable: "z".to_owned(),
            level: Level::pressure(500.0),
            reference: Time(0),
            step: 0,
            member: None,
            unit: unit.to_owned(),
            grid: Arc::new(Grid::regular(1, 1)),
            attributes: [].into(),
        };
        for (a, b, same) in [
            ("m**2 s**-2", "m2 s-2", true),
            ("m^2/s^2", "m2 s-2", true),
            ("m/s", "m s**-1", true),
            ("kg kg**-1", "kg/kg", true),
            ("K", "", true),
            ("K", "degC", false),
            ("gpm", "m2 s-2", false),
            ("Pa", "hPa", false),
        ] {
            assert_eq!(same_unit(&header(a), &header(b)), same, "{a} {b}");
        }
    }
}
