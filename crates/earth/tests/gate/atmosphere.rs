//! An atmosphere in hydrostatic balance, as fields of a file and as a model's contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_earth::card::{Axis, Contract, EARTH, GridSpec, GridSpecKind, KIT, Port};
use strata_earth::field::{Field, Header};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::memory_source::MemorySource;
use strata_earth::time::Time;

pub(crate) const LEVELS: [f64; 6] = [1000.0, 850.0, 700.0, 500.0, 250.0, 100.0];
pub(crate) const ROWS: usize = 19;
pub(crate) const COLUMNS: usize = 36;

pub(crate) fn contract() -> Contract {
    let port = |name: &str, axes: &[Axis], variables: &[&str], levels: &[f64]| Port {
        input: name.to_owned(),
        output: name.replace("input", "output"),
        axes: axes.to_vec(),
        variables: variables.iter().map(|name| (*name).to_owned()).collect(),
        levels: levels.to_vec(),
    };
    let upper = [Axis::Variable, Axis::Level, Axis::Latitude, Axis::Longitude];
    let surface = [Axis::Variable, Axis::Latitude, Axis::Longitude];
    Contract {
        kit: KIT.to_owned(),
        family: "pangu-weather".to_owned(),
        planet: EARTH.to_owned(),
        step_hours: 24,
        grid: GridSpec { kind: GridSpecKind::Regular, latitudes: ROWS, longitudes: COLUMNS },
        ports: vec![
            port("input", &upper, &["z", "q", "t", "u", "v"], &LEVELS),
            port("input_surface", &surface, &["msl", "10u", "10v", "2t"], &[]),
        ],
        parts: Vec::new(),
    }
}

/// A value of a variable at a place and a pressure.
fn value(variable: &str, hpa: f64, lat: f64, lon: f64) -> f64 {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    let cos = lat.cos();
    let wave = (3.0 * lon).cos() * cos * cos;
    let humidity = |hpa: f64| 0.012 * cos * (hpa / 1000.0).powi(3) + 2e-6;
    let warmth = |hpa: f64| {
        let height = -7.5 * (hpa / 1000.0).ln();
        (255.0 + 40.0 * cos + 3.0 * wave - 6.0 * height).max(200.0 + wave)
    };
    match variable {
        "t" => warmth(hpa),
        "q" => humidity(hpa),
        "2t" => warmth(1000.0) - 1.0,
        "msl" => 101_300.0 + 1500.0 * wave,
        "u" | "10u" => 20.0 * cos - 5.0 + 10.0 * wave,
        "v" | "10v" => 8.0 * (2.0 * lon).sin() * cos,
        // The same trapezium over fine layers for each level.
        "z" => {
            let steps = 200;
            let depth = (1000.0 / hpa).ln() / f64::from(steps);
            let virtual_at = |step: f64| {
                let at = 1000.0 * (-step * depth).exp();
                warmth(at) * (1.0 + 0.608 * humidity(at))
            };
            let sum: f64 = (0..steps).map(|step| virtual_at(f64::from(step) + 0.5)).sum();
            1000.0 + 1200.0 * wave + 287.06 * depth * sum
        }
        _ => unreachable!("{variable}"),
    }
}

pub(crate) fn field(variable: &str, level: Level, grid: &Arc<Grid>) -> Field {
    let unit = strata_earth::variable::known(variable).unwrap().unit;
    let values = (0..grid.len())
        .map(|at| {
            let (lat, lon) = grid.at(at);
            value(variable, level.value, lat, lon) as f32
        })
        .collect();
    let header = Header {
        variable: variable.to_owned(),
        level,
        reference: Time::from_date(2024, 5, 1).unwrap(),
        step: 0,
        member: None,
        unit: unit.to_owned(),
        grid: Arc::clone(grid),
        attributes: BTreeMap::new(),
    };
    Field { header, values }
}

/// All fields of the contract, on a grid.
pub(crate) fn fields_on(grid: &Grid) -> Vec<Field> {
    let grid = Arc::new(grid.clone());
    contract().fields().map(|place| field(&place.variable, place.at(), &grid)).collect()
}

/// All fields of the contract.
pub(crate) fn fields() -> Vec<Field> {
    fields_on(&Grid::regular(ROWS, COLUMNS))
}

pub(crate) fn source(fields: Vec<Field>) -> MemorySource {
    MemorySource::new(fields)
}

/// The fields with one changed.
pub(crate) fn changed(variable: &str, hpa: f64, change: impl Fn(&mut Field)) -> MemorySource {
    let mut fields = fields();
    let mut hit = 0;
    for field in &mut fields {
        let header = &field.header;
        if header.variable == variable && (hpa == 0.0 || header.level.is_pressure(hpa)) {
            change(field);
            hit += 1;
        }
    }
    assert!(hit > 0);
    source(fields)
}
