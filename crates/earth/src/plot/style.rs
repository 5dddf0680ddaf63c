//! How each variable is usually drawn: its unit on maps, its range and levels, its colours.

use super::colour::{Palette, Scale};
use crate::field::Header;
use crate::gate::units;
use crate::level::LevelKind;
use crate::variable;

/// How a variable is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// What it is, in words.
    pub name: String,
    /// Unit on the picture; empty for none.
    pub unit: String,
    /// From the file's unit to the picture's: factor.
    pub factor: f64,
    /// From the file's unit to the picture's: added after the factor.
    pub offset: f64,
    /// Levels of the bands, in the picture's unit; empty where they are taken from the values.
    pub levels: Vec<f64>,
    /// Distance of contour lines, in the picture's unit; none where it is taken from the values.
    pub interval: Option<f64>,
    /// Colours.
    pub palette: Palette,
    /// Nothing is drawn below the first level.
    pub bare: bool,
}

/// A row of the table: unit on the picture, factor from SI, offset, palette.
type Shown = (&'static str, f64, f64, Palette);

const CELSIUS: Shown = ("°C", 1.0, -273.15, Palette::Temperature);
const SPEED: Shown = ("m/s", 1.0, 0.0, Palette::Wind);
const COMPONENT: Shown = ("m/s", 1.0, 0.0, Palette::Diverging);

/// Levels from `low` to `high`.
fn steps(low: f64, high: f64, step: f64) -> Vec<f64> {
    let count = ((high - low) / step).round().max(1.0) as usize;
    (0..=count).map(|at| low + at as f64 * step).collect()
}

/// A number from a table by pressure: that of the nearest pressure in its logarithm.
fn at_pressure<T: Copy>(pressure: f64, table: &[(f64, T)]) -> Option<T> {
    let far = |p: f64| (p.max(0.1) / pressure.max(0.1)).ln().abs();
    table.iter().min_by(|a, b| far(a.0).total_cmp(&far(b.0))).map(|(_, value)| *value)
}

/// Temperature by pressure, °C; height by pressure, dam: low, high, step.
const TEMPERATURE: &[(f64, (f64, f64, f64))] = &[
    (1000.0, (-40.0, 40.0, 4.0)),
    (925.0, (-36.0, 36.0, 4.0)),
    (850.0, (-32.0, 32.0, 4.0)),
    (700.0, (-36.0, 20.0, 4.0)),
    (500.0, (-52.0, 4.0, 4.0)),
    (300.0, (-64.0, -24.0, 2.0)),
    (200.0, (-76.0, -36.0, 2.0)),
    (100.0, (-90.0, -42.0, 3.0)),
    (50.0, (-90.0, -36.0, 3.0)),
];
const HEIGHT: &[(f64, (f64, f64, f64))] = &[
    (1000.0, (-28.0, 32.0, 4.0)),
    (925.0, (28.0, 100.0, 4.0)),
    (850.0, (104.0, 164.0, 4.0)),
    (700.0, (248.0, 324.0, 4.0)),
    (500.0, (472.0, 600.0, 8.0)),
    (300.0, (800.0, 984.0, 8.0)),
    (250.0, (928.0, 1112.0, 8.0)),
    (200.0, (1056.0, 1256.0, 8.0)),
    (100.0, (1496.0, 1688.0, 8.0)),
    (50.0, (1880.0, 2088.0, 8.0)),
];

/// A field's short name, whichever of its names the file has.
pub(super) fn short(header: &Header) -> &str {
    variable::known(&header.variable).map_or(&header.variable, |known| known.short)
}

/// The style of a field.
#[must_use]
pub fn style(header: &Header) -> Style {
    let pressure = (header.level.kind == LevelKind::Pressure).then_some(header.level.value);
    let known = variable::known(&header.variable);
    let name = header.attributes.get("name").cloned();
    let name = known
        .map(|known| known.long.to_owned())
        .or(name)
        .unwrap_or_else(|| header.variable.clone());
    let plain = Style {
        name,
        unit: header.unit.clone(),
        factor: 1.0,
        offset: 0.0,
        levels: Vec::new(),
        interval: None,
        palette: Palette::Sequential,
        bare: false,
    };
    let Some((si, (unit, factor, offset, palette), levels, interval)) =
        usual(short(header), pressure)
    else {
        return plain;
    };
    let way = match units::conversion(&header.unit, si) {
        Some(way) => way,
        None if units::is_silent(&header.unit) => units::Conversion::NONE,
        // Accumulations in kg m-2 are millimetres.
        None if si == "m" && units::conversion(&header.unit, "kg m-2").is_some() => {
            units::Conversion { scale: 0.001, offset: 0.0 }
        }
        None => return Style { palette, ..plain },
    };
    // Geopotential is shown as the height it stands for.
    let name = if unit == "dam" && short(header) == "z" {
        "geopotential height".to_owned()
    } else {
        plain.name.clone()
    };
    Style {
        name,
        unit: unit.to_owned(),
        factor: way.scale * factor,
        offset: way.offset * factor + offset,
        levels,
        interval,
        palette,
        bare: palette == Palette::Precipitation,
    }
}

/// SI unit, how it is shown, levels and interval of contours.
fn usual(
    name: &str,
    pressure: Option<f64>,
) -> Option<(&'static str, Shown, Vec<f64>, Option<f64>)> {
    let by = |table, other: (f64, f64, f64)| {
        let (low, high, step) = pressure.and_then(|p| at_pressure(p, table)).unwrap_or(other);
        (steps(low, high, step), Some(step))
    };
    let fixed = |low, high, step| (steps(low, high, step), Some(step));
    let (si, shown, (levels, interval)) = match name {
        "t" => ("K", CELSIUS, by(TEMPERATURE, (-40.0, 40.0, 4.0))),
        "2t" | "skt" | "mx2t" | "mn2t" | "aptmp" => ("K", CELSIUS, fixed(-40.0, 44.0, 4.0)),
        "2d" | "dpt" => ("K", CELSIUS, fixed(-40.0, 32.0, 4.0)),
        "sst" => ("K", ("°C", 1.0, -273.15, Palette::Sequential), fixed(-2.0, 32.0, 2.0)),
        "pt" => ("K", ("K", 1.0, 0.0, Palette::Sequential), (Vec::new(), Some(5.0))),
        "z" if pressure.is_some() => (
            "m2 s-2",
            ("dam", 1.0 / 98.0665, 0.0, Palette::Sequential),
            by(HEIGHT, (0.0, 0.0, 1.0)),
        ),
        "gh" if pressure.is_some() => {
            ("gpm", ("dam", 0.1, 0.0, Palette::Sequential), by(HEIGHT, (0.0, 0.0, 1.0)))
        }
        "thickness" => ("gpm", ("dam", 0.1, 0.0, Palette::Temperature), (Vec::new(), Some(6.0))),
        "msl" => ("Pa", ("hPa", 0.01, 0.0, Palette::Pressure), fixed(964.0, 1060.0, 4.0)),
        // It goes with the height of the ground: from 520 hPa over mountains, within 60 hPa over a sea or a planet without any.
        "sp" => ("Pa", ("hPa", 0.01, 0.0, Palette::Sequential), (Vec::new(), None)),
        "10si" | "100si" | "hubws" => ("m s-1", SPEED, fixed(0.0, 32.0, 2.0)),
        "ws" if pressure.is_none_or(|p| p > 600.0) => ("m s-1", SPEED, fixed(0.0, 40.0, 2.5)),
        "ws" => ("m s-1", SPEED, fixed(0.0, 90.0, 5.0)),
        "10u" | "10v" | "100u" | "100v" => ("m s-1", COMPONENT, fixed(-24.0, 24.0, 3.0)),
        "u" | "v" if pressure.is_none_or(|p| p > 600.0) => {
            ("m s-1", COMPONENT, fixed(-32.0, 32.0, 4.0))
        }
        "u" | "v" => ("m s-1", COMPONENT, fixed(-70.0, 70.0, 10.0)),
        "q" if pressure.is_none_or(|p| p > 600.0) => {
            ("kg kg-1", ("g/kg", 1000.0, 0.0, Palette::Humidity), fixed(0.0, 20.0, 1.0))
        }
        "q" => ("kg kg-1", ("g/kg", 1000.0, 0.0, Palette::Humidity), (Vec::new(), None)),
        "r" | "2r" => ("%", ("%", 1.0, 0.0, Palette::Humidity), fixed(0.0, 100.0, 10.0)),
        "vo" | "d" => ("s-1", ("1e−5/s", 1e5, 0.0, Palette::Diverging), fixed(-32.0, 32.0, 4.0)),
        "w" => ("Pa s-1", ("Pa/s", 1.0, 0.0, Palette::Diverging), fixed(-2.0, 2.0, 0.25)),
        "tp" => {
            let levels =
                vec![0.1, 1.0, 2.0, 5.0, 10.0, 15.0, 25.0, 50.0, 75.0, 100.0, 150.0, 250.0];
            ("m", ("mm", 1000.0, 0.0, Palette::Precipitation), (levels, None))
        }
        "tcwv" => ("kg m-2", ("kg/m²", 1.0, 0.0, Palette::Precipitation), fixed(5.0, 70.0, 5.0)),
        "tcc" | "ci" | "lsm" => ("1", ("%", 100.0, 0.0, Palette::Grey), fixed(10.0, 100.0, 10.0)),
        "o3" => ("kg kg-1", ("mg/kg", 1e6, 0.0, Palette::Sequential), (Vec::new(), None)),
        _ => return None,
    };
    Some((si, shown, levels, interval))
}

/// A round step of about a span over `parts`: 1, 2, 2.5 or 5 times a power of ten.
#[must_use]
pub fn round_step(span: f64, parts: f64) -> f64 {
    let rough = (span / parts).abs();
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    let power = 10.0_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= rough * (1.0 - 1e-9)).unwrap_or(rough)
}

/// Round levels over a range.
#[must_use]
pub fn round_levels(low: f64, high: f64, parts: f64) -> Vec<f64> {
    let step = round_step(high - low, parts);
    let first = (low / step).floor() * step;
    let last = (high / step).ceil() * step;
    if last > first { steps(first, last, step) } else { vec![first, first + step] }
}

impl Style {
    /// A value in the picture's unit.
    #[must_use]
    pub fn shown(&self, value: f32) -> f32 {
        (f64::from(value) * self.factor + self.offset) as f32
    }

    /// `mean sea level pressure (hPa)`.
    #[must_use]
    pub fn title(&self) -> String {
        let unit = super::words::unit(&self.unit);
        if unit.is_empty() { self.name.clone() } else { format!("{} ({unit})", self.name) }
    }

    /// The scale over a range that is asked for, else the usual one, else one over the values' range (in the picture's unit).
    #[must_use]
    pub fn scale(
        &self,
        range: Option<(f64, f64, Option<f64>)>,
        values: Option<(f32, f32)>,
    ) -> Scale {
        let levels = match range {
            Some((low, high, Some(step))) if (high - low) / step <= 256.0 => steps(low, high, step),
            Some((low, high, _)) => round_levels(low, high, 16.0),
            None if !self.levels.is_empty() => self.levels.clone(),
            None => {
                let (low, high) = values.unwrap_or((0.0, 1.0));
                let (low, high) = (f64::from(low), f64::from(high));
                // Departures are shown around nought.
                let (low, high) = if self.palette == Palette::Diverging {
                    let most = low.abs().max(high.abs());
                    (-most, most)
                } else {
                    (low, high)
                };
                round_levels(low, high, 14.0)
            }
        };
        Scale::bands(levels, self.palette, self.bare)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::grid::Grid;
    use crate::level::Level;
    use crate::time::Time;

    fn header(variable: &str, level: Level, unit: &str) -> Header {
        Header {
            variable: variable.to_owned(),
            level,
            reference: Time(0),
            step: 0,
            member: None,
            unit: unit.to_owned(),
            grid: Arc::new(Grid::regular(3, 4)),
            attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn units_go_to_what_maps_show() {
        let z = style(&header("z", Level::pressure(500.0), "m**2 s**-2"));
        assert!(
            (z.shown(55_000.0) - 560.84).abs() < 0.01
                && z.unit == "dam"
                && z.levels.contains(&560.0)
        );
        let t = style(&header("2t", Level::height(2.0), "degC"));
        assert!((t.shown(12.0) - 12.0).abs() < 1e-3, "{t:?}");
        let rain = style(&header("tp", Level::SURFACE, "kg m**-2"));
        assert!((rain.shown(7.0) - 7.0).abs() < 1e-4 && rain.bare);
        let odd = style(&header("msl", Level::MEAN_SEA, "furlong"));
        assert_eq!((odd.factor, odd.unit.as_str(), odd.levels.len()), (1.0, "furlong", 0));
    }

    #[test]
    fn levels_are_round_and_cover_the_range() {
        for (low, high) in [(0.0, 1.0), (-3.7, 12.2), (99_000.0, 103_210.0), (1e-6, 3e-6)] {
            let levels = round_levels(low, high, 14.0);
            assert!(
                levels[0] <= low
                    && *levels.last().unwrap() >= high * (1.0 - 1e-9)
                    && levels.len() < 20,
                "{levels:?}"
            );
        }
        assert_eq!(round_levels(5.0, 5.0, 10.0).len(), 2);
    }
}
