//! A state of the atmosphere as a weather model takes it: one tensor a port, in the order of the contract's ports.

use std::sync::Arc;

use crate::card::{Axis, Contract, GridSpecKind, Port};
use crate::grid::Grid;
use crate::level::Level;
use crate::time::Time;
use crate::variable::known;

/// A state.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// When the analysis was.
    pub reference: Time,
    /// Values of each port, contiguous in the order of its axes, in SI units.
    pub ports: Vec<Vec<f32>>,
}

/// A field of a state: which part of which port.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The port.
    pub port: usize,
    /// Short name.
    pub variable: String,
    /// The pressure; none where the port has no axis of levels.
    pub level: Option<Level>,
    /// The values in the port, row by row.
    pub range: std::ops::Range<usize>,
}

impl Place {
    /// The level the field lies at: its pressure, or what its name implies.
    #[must_use]
    pub fn at(&self) -> Level {
        let implied = || known(&self.variable).and_then(|known| known.at.level());
        self.level.or_else(implied).unwrap_or(Level::SURFACE)
    }
}

impl Contract {
    /// The model's points.
    #[must_use]
    pub fn grid(&self) -> Arc<Grid> {
        let (rows, columns) = (self.grid.latitudes, self.grid.longitudes);
        Arc::new(match self.grid.kind {
            GridSpecKind::Regular => Grid::regular(rows, columns),
            GridSpecKind::Gaussian => Grid::gaussian(rows, columns),
        })
    }

    /// The shape of a port's tensor.
    #[must_use]
    pub fn shape(&self, port: usize) -> Vec<usize> {
        let Some(port) = self.ports.get(port) else { return Vec::new() };
        let size = |axis: &Axis| match axis {
            Axis::Batch => 1,
            Axis::Variable => port.variables.len(),
            Axis::Level => port.levels.len(),
            Axis::Latitude => self.grid.latitudes,
            Axis::Longitude => self.grid.longitudes,
        };
        port.axes.iter().map(size).collect()
    }

    /// Values of a port.
    #[must_use]
    pub fn port_len(&self, port: usize) -> usize {
        if port < self.ports.len() { self.shape(port).iter().product() } else { 0 }
    }

    /// Bytes of a state.
    #[must_use]
    pub fn state_bytes(&self) -> u64 {
        (0..self.ports.len()).map(|port| 4 * self.port_len(port) as u64).sum()
    }

    /// The fields of a state, port by port in the order in which they lie.
    pub fn fields(&self) -> impl Iterator<Item = Place> + '_ {
        let points = self.grid.latitudes * self.grid.longitudes;
        self.ports.iter().enumerate().flat_map(move |(index, port)| {
            let levels = port.levels.len().max(1);
            (0..port.variables.len() * levels).map(move |slot| {
                let (variable, level) = split(port, slot);
                let range = slot * points..(slot + 1) * points;
                Place { port: index, variable, level, range }
            })
        })
    }

    /// What is wrong with it, where the engine cannot use it.
    ///
    /// # Errors
    /// Says which port and why: fields must lie row by row (latitude and longitude the last axes), every axis once, and the
    /// sizes must be there and not overflow.
    pub fn check(&self) -> Result<(), String> {
        if self.kit != crate::card::KIT {
            return Err(format!("kit {:?} is not {:?}", self.kit, crate::card::KIT));
        }
        if self.step_hours == 0 || self.ports.is_empty() {
            return Err("step_hours and ports must not be empty".to_owned());
        }
        self.ports.iter().try_for_each(|port| {
            check_port(port, self.grid.latitudes, self.grid.longitudes)
                .map_err(|why| format!("port {}: {why}", port.input))
        })
    }
}

/// Variable and level of a port's field, whichever of their axes comes first.
fn split(port: &Port, slot: usize) -> (String, Option<Level>) {
    let order = |axis| port.axes.iter().position(|other| *other == axis);
    let levels = port.levels.len().max(1);
    let level_first =
        matches!((order(Axis::Level), order(Axis::Variable)), (Some(l), Some(v)) if l < v);
    let (variable, level) = if level_first {
        (slot % port.variables.len(), slot / port.variables.len())
    } else {
        (slot / levels, slot % levels)
    };
    (port.variables[variable].clone(), port.levels.get(level).map(|hpa| Level::pressure(*hpa)))
}

fn check_port(port: &Port, rows: usize, columns: usize) -> Result<(), String> {
    let last: Vec<Axis> = port.axes.iter().rev().take(2).rev().copied().collect();
    if last != [Axis::Latitude, Axis::Longitude] {
        return Err("the last axes must be latitude and longitude".to_owned());
    }
    let count = |axis: Axis| port.axes.iter().filter(|other| **other == axis).count();
    if [Axis::Batch, Axis::Variable, Axis::Level, Axis::Latitude, Axis::Longitude]
        .into_iter()
        .any(|axis| count(axis) > 1)
    {
        return Err("an axis stands twice".to_owned());
    }
    if count(Axis::Batch) == 1 && port.axes.first() != Some(&Axis::Batch) {
        return Err("the batch axis must be the first".to_owned());
    }
    let variables = port.variables.len();
    if variables == 0 || (variables > 1 && count(Axis::Variable) == 0) {
        return Err("variables need names and an axis".to_owned());
    }
    if (count(Axis::Level) == 1) == port.levels.is_empty() {
        return Err("levels and their axis go together".to_owned());
    }
    let size = [port.levels.len().max(1), rows, columns, 4]
        .into_iter()
        .try_fold(variables, usize::checked_mul);
    match size {
        Some(size) if size > 0 && rows > 0 && columns > 0 => Ok(()),
        _ => Err("its size is 0 or too large".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::card::GridSpec;

    fn pangu() -> Contract {
        let port = |name: &str, axes: &[Axis], variables: &[&str], levels: &[f64]| Port {
            input: name.to_owned(),
            output: name.replace("input", "output"),
            axes: axes.to_vec(),
            variables: variables.iter().map(|name| (*name).to_owned()).collect(),
            levels: levels.to_vec(),
        };
        let levels: [f64; 13] =
            [1000., 925., 850., 700., 600., 500., 400., 300., 250., 200., 150., 100., 50.];
        let upper = [Axis::Variable, Axis::Level, Axis::Latitude, Axis::Longitude];
        let surface = [Axis::Variable, Axis::Latitude, Axis::Longitude];
        Contract {
            kit: crate::card::KIT.to_owned(),
            family: "pangu-weather".to_owned(),
            planet: crate::card::EARTH.to_owned(),
            step_hours: 24,
            grid: GridSpec { kind: GridSpecKind::Regular, latitudes: 721, longitudes: 1440 },
            ports: vec![
                port("input", &upper, &["z", "q", "t", "u", "v"], &levels),
                port("input_surface", &surface, &["msl", "10u", "10v", "2t"], &[]),
            ],
            parts: Vec::new(),
        }
    }

    #[test]
    fn pangu_s_state_has_its_size_and_its_fields() {
        let contract = pangu();
        contract.check().unwrap();
        assert_eq!(contract.shape(0), [5, 13, 721, 1440]);
        assert_eq!(contract.state_bytes(), 286_554_240);
        let fields: Vec<Place> = contract.fields().collect();
        assert_eq!(fields.len(), 69);
        let t500 = &fields[2 * 13 + 5];
        assert_eq!((t500.variable.as_str(), t500.level), ("t", Some(Level::pressure(500.0))));
        assert_eq!(t500.range.start, (2 * 13 + 5) * 721 * 1440);
        let last = &fields[68];
        assert_eq!((last.port, last.variable.as_str(), last.at()), (1, "2t", Level::height(2.0)));
        assert_eq!(last.range.end, contract.port_len(1));
    }

    #[test]
    fn levels_may_come_before_variables() {
        let mut contract = pangu();
        contract.ports[0].axes.swap(0, 1);
        contract.check().unwrap();
        let second = contract.fields().nth(1).unwrap();
        assert_eq!((second.variable.as_str(), second.level), ("q", Some(Level::pressure(1000.0))));
        contract.ports[0].axes.swap(2, 3);
        assert!(contract.check().unwrap_err().contains("last axes"));
    }
}
