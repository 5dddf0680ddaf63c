//! Quantities from small fields, and what they say when one is missing.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::grid::Grid;
use crate::time::Time;

fn field(variable: &str, level: Level, unit: &str, value: f32) -> Field {
    let grid = Arc::new(Grid::regular(9, 16));
    let values = vec![value; grid.len()];
    let header = Header {
        variable: variable.to_owned(),
        level,
        reference: Time(0),
        step: 0,
        member: None,
        unit: unit.to_owned(),
        grid,
        attributes: std::collections::BTreeMap::new(),
    };
    Field { header, values }
}

fn first(fields: &[Field], quantity: Quantity, level: Level) -> f32 {
    derive(fields, quantity, level).unwrap().values[40]
}

#[test]
fn wind_at_10_m_and_on_pressures() {
    let (ten, p850) = (Level::height(10.0), Level::pressure(850.0));
    let fields = [
        field("10u", ten, "m s**-1", 3.0),
        field("10v", ten, "m s**-1", 4.0),
        field("u", p850, "m/s", -8.0),
        field("v", p850, "m/s", 6.0),
    ];
    let ten_m = derive(&fields, Quantity::WindSpeed, ten).unwrap();
    assert_eq!((ten_m.header.variable.as_str(), ten_m.values[0]), ("10si", 5.0));
    assert!((first(&fields, Quantity::WindSpeed, p850) - 10.0).abs() < 1e-6);
    assert!((first(&fields, Quantity::WindDirection, p850) - 126.87).abs() < 1e-2);
    let hub = Quantity::HubWind { height: 100.0, exponent: 1.0 / 7.0 };
    assert!((first(&fields, hub, Level::height(100.0)) - 6.947).abs() < 1e-3);
    let error = derive(&fields, Quantity::Vorticity, Level::pressure(500.0)).unwrap_err();
    assert!(error.to_string().contains("u at 500 hPa"), "{error}");
    assert!(error.to_string().contains("v at 850 hPa"), "{error}");
}

#[test]
fn heights_humidities_and_temperatures() {
    let (low, high) = (Level::pressure(1000.0), Level::pressure(500.0));
    let fields = [
        field("z", low, "m**2 s**-2", 980.665),
        field("gh", high, "gpm", 5500.0),
        field("t", low, "K", 290.0),
        field("q", low, "g kg-1", 8.0),
    ];
    assert!((first(&fields, Quantity::GeopotentialHeight, low) - 100.0).abs() < 1e-4);
    assert!((first(&fields, Quantity::Thickness { to: 500.0 }, low) - 5400.0).abs() < 1e-3);
    let humidity = first(&fields, Quantity::RelativeHumidity, low);
    assert!((60.0..72.0).contains(&humidity), "{humidity}");
    let again = [field("t", low, "K", 290.0), field("r", low, "%", humidity)];
    assert!((first(&again, Quantity::SpecificHumidity, low) - 0.008).abs() < 1e-7);
    let dew = first(&fields, Quantity::DewPoint, low);
    assert!(dew > 280.0 && dew < 290.0);
    assert!((first(&fields, Quantity::PotentialTemperature, low) - 290.0).abs() < 1e-4);
}

#[test]
fn what_does_not_go_together_is_refused_by_name() {
    let two = Level::height(2.0);
    let celsius = [field("2t", two, "degC", 20.0), field("2d", two, "degC", 20.0)];
    assert!((first(&celsius, Quantity::RelativeHumidity, two) - 100.0).abs() < 1e-3);
    let odd = [field("2t", two, "furlong", 20.0), field("2d", two, "K", 290.0)];
    let error = derive(&odd, Quantity::RelativeHumidity, two).unwrap_err().to_string();
    assert!(error.contains("furlong") && error.contains("2t"), "{error}");
    let mut later = celsius.clone();
    later[1].header.step = 3600;
    let error = derive(&later, Quantity::RelativeHumidity, two).unwrap_err().to_string();
    assert!(error.contains("different times"), "{error}");
    let error = derive(&celsius, Quantity::ApparentTemperature, two).unwrap_err().to_string();
    assert!(error.contains("10u at 10 m"), "{error}");
    let error = derive(&celsius, Quantity::DewPoint, two).unwrap_err().to_string();
    assert!(error.contains("not defined at 2 m"), "{error}");
    assert!(derive(&[], Quantity::WindSpeed, two).unwrap_err().to_string().contains("have none"));
}
