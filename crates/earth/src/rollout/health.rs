//! Whether a state is still an atmosphere: numbers that are none, and values no atmosphere of this kind has, stop a run.

use rayon::prelude::*;

use super::step::Buffers;
use crate::card::Contract;
use crate::level::Level;

/// Values beyond which a variable has blown up: well outside of what was ever seen on Earth, or comes out of a sound model.
const BOUNDS: &[(&str, f32, f32)] = &[
    ("z", -5e4, 1e6),
    ("t", 50.0, 500.0),
    ("2t", 50.0, 500.0),
    ("u", -500.0, 500.0),
    ("v", -500.0, 500.0),
    ("10u", -300.0, 300.0),
    ("10v", -300.0, 300.0),
    ("q", -0.05, 0.2),
    ("sp", 2e4, 1.5e5),
    ("msl", 7e4, 1.2e5),
];

/// A field that is no atmosphere.
#[derive(Debug, Clone, PartialEq)]
pub struct Sick {
    /// Variable.
    pub variable: String,
    /// Level.
    pub level: Level,
    /// Latitude and longitude of the first such point.
    pub at: (f64, f64),
    /// Its value.
    pub value: f32,
}

/// The first field of a state that is sick.
pub(super) fn check(contract: &Contract, state: &Buffers) -> Option<Sick> {
    let places: Vec<_> = contract.fields().collect();
    let sick = places.par_iter().find_map_first(|place| {
        let bounds = BOUNDS.iter().find(|(name, ..)| *name == place.variable);
        let (low, high) = bounds.map_or((f32::MIN, f32::MAX), |(_, low, high)| (*low, *high));
        let values = &state.0[place.port].values()[place.range.clone()];
        // A comparison with a number that is none is false. Whole blocks first: they are compared many at a time.
        let block = values.chunks(4096).position(|block| {
            !block.iter().fold(true, |well, value| well & (*value >= low) & (*value <= high))
        })?;
        let first = block * 4096;
        let within = values[first..].iter().position(|value| !(*value >= low && *value <= high))?;
        Some((place, first + within, values[first + within]))
    });
    sick.map(|(place, index, value)| Sick {
        variable: place.variable.clone(),
        level: place.at(),
        at: contract.grid().at(index),
        value,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::card::{Axis, GridSpec, GridSpecKind, Port};

    #[test]
    fn numbers_that_are_none_and_values_no_atmosphere_has_are_found() {
        let contract = Contract {
            kit: crate::card::KIT.to_owned(),
            family: "f".to_owned(),
            planet: crate::card::EARTH.to_owned(),
            step_hours: 6,
            grid: GridSpec { kind: GridSpecKind::Regular, latitudes: 91, longitudes: 180 },
            ports: vec![Port {
                input: "x".to_owned(),
                output: "y".to_owned(),
                axes: vec![Axis::Variable, Axis::Latitude, Axis::Longitude],
                variables: vec!["2t".to_owned(), "soil".to_owned()],
                levels: Vec::new(),
            }],
            parts: Vec::new(),
        };
        let mut state = Buffers::zeros(&contract).unwrap();
        state.0[0].values_mut().fill(280.0);
        assert_eq!(check(&contract, &state), None);
        for (value, index, variable) in
            [(f32::NAN, 5000, "2t"), (f32::INFINITY, 91 * 180 + 7, "soil"), (900.0, 0, "2t")]
        {
            state.0[0].values_mut()[index] = value;
            let sick = check(&contract, &state).unwrap();
            assert_eq!(
                (sick.variable.as_str(), sick.at),
                (variable, contract.grid().at(index % (91 * 180)))
            );
            assert!(sick.value.is_nan() || sick.value == value);
            state.0[0].values_mut()[index] = 280.0;
        }
    }
}
