//! `inspect`: what a file of fields holds, and whether it is a state that a model takes.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;
use strata_earth::card::Contract;
use strata_earth::gate::{Options, Report, check};
use strata_earth::level::LevelKind;
use strata_earth::source::Source;
use strata_earth::time::{HOUR, Time};

/// A variable of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variable {
    /// Short name.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// Levels, each as text; pressures from the ground up.
    pub levels: Vec<String>,
    /// Points.
    pub grid: String,
    /// Fields.
    pub fields: usize,
    /// Least, mean and largest value of all its fields; none where none can be read.
    pub values: Option<Values>,
}

/// Values of a field, or of several: plain figures over its points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Values {
    /// Least.
    pub min: f64,
    /// Mean over the points, without weights.
    pub mean: f64,
    /// Largest.
    pub max: f64,
    /// Points without a value.
    pub missing: usize,
}

impl Values {
    fn of(values: &[f32]) -> Option<Self> {
        let present =
            || values.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value));
        let count = present().count();
        (count > 0).then(|| Self {
            min: present().fold(f64::INFINITY, f64::min),
            mean: present().sum::<f64>() / count as f64,
            max: present().fold(f64::NEG_INFINITY, f64::max),
            missing: values.len() - count,
        })
    }
}

/// One field of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneField {
    /// Short name.
    pub variable: String,
    /// Level, as text.
    pub level: String,
    /// When it holds.
    pub time: Time,
    /// Hours from the start of the forecast.
    pub step_hours: f64,
    /// Member of an ensemble.
    pub member: Option<u32>,
    /// Unit.
    pub unit: String,
    /// Its values; none where all are missing, or it cannot be read.
    #[serde(flatten)]
    pub values: Option<Values>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a file holds.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// `grib`, `netcdf`, `zarr`.
    pub format: String,
    /// Fields.
    pub fields: usize,
    /// Each field, in the file's order.
    pub each: Vec<OneField>,
    /// When they hold, ascending.
    pub times: Vec<Time>,
    /// When forecasts began.
    pub references: Vec<Time>,
    /// Members.
    pub members: Vec<u32>,
    /// Variables by name, unit and grid.
    pub variables: Vec<Variable>,
    /// Parts that could not be read.
    pub notes: Vec<String>,
    /// What a model's gate says of it.
    pub gate: Option<Report>,
}

/// Name, unit and grid.
type Key = (String, String, String);

/// Levels by kind and from the ground up, with their text.
type Levels = Vec<(LevelKind, f64, String)>;

/// Lists a file's fields; with a contract, all of them go through its gate.
#[must_use]
pub fn inspect(source: &dyn Source, model: Option<(&Contract, &Options)>) -> Inspection {
    let headers = source.headers();
    let each: Vec<OneField> =
        (0..headers.len()).into_par_iter().map(|at| one(source, at)).collect();
    let mut variables: BTreeMap<Key, (Levels, Vec<usize>)> = BTreeMap::new();
    for (at, header) in headers.iter().enumerate() {
        let key = (header.variable.clone(), header.unit.clone(), header.grid.to_string());
        let (levels, fields) = variables.entry(key).or_default();
        let level = (header.level.kind, -header.level.value, header.level.to_string());
        if !levels.contains(&level) {
            levels.push(level);
        }
        fields.push(at);
    }
    let variables = variables.into_iter().map(|((name, unit, grid), (mut levels, fields))| {
        levels.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let levels = levels.into_iter().map(|(.., text)| text).collect();
        let values = together(fields.iter().filter_map(|at| each[*at].values));
        Variable { name, unit, levels, grid, fields: fields.len(), values }
    });
    let variables: Vec<Variable> = variables.collect();
    let times: BTreeSet<Time> = headers.iter().map(strata_earth::field::Header::valid).collect();
    let references: BTreeSet<Time> = headers.iter().map(|header| header.reference).collect();
    let members: BTreeSet<u32> = headers.iter().filter_map(|header| header.member).collect();
    Inspection {
        format: source.format().to_owned(),
        fields: headers.len(),
        times: times.into_iter().collect(),
        references: references.into_iter().collect(),
        members: members.into_iter().collect(),
        variables,
        each,
        notes: source.notes().to_vec(),
        gate: model.map(|(contract, options)| check(source, contract, options)),
    }
}

fn one(source: &dyn Source, at: usize) -> OneField {
    let header = &source.headers()[at];
    let read = source.values(at);
    OneField {
        variable: header.variable.clone(),
        level: header.level.to_string(),
        time: header.valid(),
        step_hours: header.step as f64 / HOUR as f64,
        member: header.member,
        unit: header.unit.clone(),
        values: read.as_ref().ok().and_then(|values| Values::of(values)),
        error: read.err().map(|error| error.to_string()),
    }
}

/// Figures of fields on one grid, as of one.
fn together(all: impl Iterator<Item = Values>) -> Option<Values> {
    let (mut count, mut sum) = (0_usize, 0.0);
    let figures = all.inspect(|one| {
        count += 1;
        sum += one.mean;
    });
    let whole = figures.reduce(|a, b| Values {
        min: a.min.min(b.min),
        mean: 0.0,
        max: a.max.max(b.max),
        missing: a.missing + b.missing,
    })?;
    Some(Values { mean: sum / count as f64, ..whole })
}
