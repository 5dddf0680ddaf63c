//! Derived quantities: each names what it needs, and is refused where that is missing. Nothing is made up.

pub mod formulas;

use std::sync::Arc;

use crate::calculus::{Calculus, CalculusError};
use crate::field::{Field, Header};
use crate::gate::units;
use crate::grid::EARTH_RADIUS;
use crate::level::{Level, LevelKind};

/// A quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// Wind speed (`ws`, `10si`, `100si`).
    WindSpeed,
    /// Direction the wind comes from, in degrees (`wdir`).
    WindDirection,
    /// Relative vorticity (`vo`).
    Vorticity,
    /// Divergence (`d`).
    Divergence,
    /// Geopotential height in gpm (`gh`).
    GeopotentialHeight,
    /// Geopotential (`z`).
    Geopotential,
    /// Geopotential height of the other level above this one, in gpm (`thickness`).
    Thickness {
        /// The upper pressure, in hPa.
        to: f64,
    },
    /// Relative humidity over water, in % (`r`, `2r`).
    RelativeHumidity,
    /// Specific humidity (`q`).
    SpecificHumidity,
    /// Dew point (`dpt`).
    DewPoint,
    /// Virtual temperature (`vtmp`).
    VirtualTemperature,
    /// Potential temperature (`pt`).
    PotentialTemperature,
    /// Apparent temperature at 2 m in the shade (`aptmp`).
    ApparentTemperature,
    /// Wind speed at a hub's height above ground, from the wind at 10 m and, where it is there, at 100 m.
    HubWind {
        /// Height, in m.
        height: f64,
        /// Exponent of the power law, for want of the wind at 100 m.
        exponent: f64,
    },
}

/// What a quantity needs: a field of one of these variables, at a level.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// Short names, the first that is there is taken.
    pub any: &'static [&'static str],
    /// Level.
    pub level: Level,
}

/// Why a quantity cannot be derived.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeriveError {
    /// A field is not there.
    #[error("{quantity} at {level} needs {needs}, which the fields lack; they have {has}")]
    Missing {
        /// Quantity.
        quantity: String,
        /// Where.
        level: String,
        /// What is missing.
        needs: String,
        /// What there is.
        has: String,
    },
    /// It is not defined there.
    #[error("{quantity} is not defined at {level}: {why}")]
    Level {
        /// Quantity.
        quantity: String,
        /// Where.
        level: String,
        /// Where it is.
        why: &'static str,
    },
    /// A field's unit is not known for its variable.
    #[error("{variable} is in {unit:?}, which is no unit that is known for it ({expected})")]
    Unit {
        /// Variable.
        variable: String,
        /// Its unit.
        unit: String,
        /// The SI unit.
        expected: &'static str,
    },
    /// Fields do not go together.
    #[error("{quantity} from fields of different {what}: {first} and {second}")]
    Apart {
        /// Quantity.
        quantity: String,
        /// `grids`, `times`, `members`.
        what: &'static str,
        /// One.
        first: String,
        /// Another.
        second: String,
    },
    /// A field has not as many values as its grid has points, or the grid no differences.
    #[error(transparent)]
    Calculus(#[from] CalculusError),
}

const U: &[&str] = &["u"];
const V: &[&str] = &["v"];

impl Quantity {
    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WindSpeed => "ws",
            Self::WindDirection => "wdir",
            Self::Vorticity => "vo",
            Self::Divergence => "d",
            Self::GeopotentialHeight => "gh",
            Self::Geopotential => "z",
            Self::Thickness { .. } => "thickness",
            Self::RelativeHumidity => "r",
            Self::SpecificHumidity => "q",
            Self::DewPoint => "dpt",
            Self::VirtualTemperature => "vtmp",
            Self::PotentialTemperature => "pt",
            Self::ApparentTemperature => "aptmp",
            Self::HubWind { .. } => "hubws",
        }
    }

    /// A quantity that needs no number, by its short name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::WindSpeed,
            Self::WindDirection,
            Self::Vorticity,
            Self::Divergence,
            Self::GeopotentialHeight,
            Self::Geopotential,
            Self::RelativeHumidity,
            Self::SpecificHumidity,
            Self::DewPoint,
            Self::VirtualTemperature,
            Self::PotentialTemperature,
            Self::ApparentTemperature,
        ];
        all.into_iter().find(|one| one.name() == name)
    }

    /// Unit of its values.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::WindSpeed | Self::HubWind { .. } => "m s-1",
            Self::WindDirection => "degrees",
            Self::Vorticity | Self::Divergence => "s-1",
            Self::GeopotentialHeight | Self::Thickness { .. } => "gpm",
            Self::Geopotential => "m2 s-2",
            Self::RelativeHumidity => "%",
            Self::SpecificHumidity => "kg kg-1",
            Self::DewPoint
            | Self::VirtualTemperature
            | Self::PotentialTemperature
            | Self::ApparentTemperature => "K",
        }
    }

    /// The short name of it at a level.
    #[must_use]
    pub fn variable(self, level: Level) -> &'static str {
        match (self, level == Level::height(10.0), level == Level::height(2.0)) {
            (Self::WindSpeed, true, _) => "10si",
            (Self::WindDirection, true, _) => "10wdir",
            (Self::RelativeHumidity, _, true) => "2r",
            _ => self.name(),
        }
    }

    /// What it needs at a level.
    ///
    /// # Errors
    /// [`DeriveError::Level`]
    pub fn needs(self, level: Level) -> Result<Vec<Need>, DeriveError> {
        let need = |any, level| Need { any, level };
        let pressure = level.kind == LevelKind::Pressure;
        let at = |metres: f64| level == Level::height(metres);
        let undefined = |why| {
            Err(DeriveError::Level {
                quantity: self.name().to_owned(),
                level: level.to_string(),
                why,
            })
        };
        let two = Level::height(2.0);
        Ok(match self {
            Self::WindSpeed | Self::WindDirection | Self::Vorticity | Self::Divergence => {
                if at(10.0) {
                    vec![need(&["10u"], level), need(&["10v"], level)]
                } else if at(100.0) {
                    vec![need(&["100u"], level), need(&["100v"], level)]
                } else {
                    vec![need(U, level), need(V, level)]
                }
            }
            Self::GeopotentialHeight => vec![need(&["z"], level)],
            Self::Geopotential => vec![need(&["gh"], level)],
            Self::Thickness { to } if pressure => {
                vec![need(&["gh", "z"], level), need(&["gh", "z"], Level::pressure(to))]
            }
            Self::Thickness { .. } => return undefined("it lies between two pressures"),
            Self::RelativeHumidity if at(2.0) => vec![need(&["2t"], two), need(&["2d"], two)],
            Self::RelativeHumidity if pressure => vec![need(&["t"], level), need(&["q"], level)],
            Self::SpecificHumidity if pressure => vec![need(&["t"], level), need(&["r"], level)],
            Self::DewPoint if pressure => vec![need(&["q"], level)],
            Self::VirtualTemperature if pressure => vec![need(&["t"], level), need(&["q"], level)],
            Self::PotentialTemperature if pressure => vec![need(&["t"], level)],
            Self::ApparentTemperature if at(2.0) => {
                let ten = Level::height(10.0);
                vec![
                    need(&["2t"], two),
                    need(&["2d"], two),
                    need(&["10u"], ten),
                    need(&["10v"], ten),
                ]
            }
            Self::HubWind { height, .. } if at(height) && height > 0.0 => {
                vec![need(&["10u"], Level::height(10.0)), need(&["10v"], Level::height(10.0))]
            }
            Self::RelativeHumidity => return undefined("pressures and 2 m"),
            Self::ApparentTemperature => return undefined("2 m"),
            Self::HubWind { .. } => return undefined("the hub's height, above 0"),
            _ => return undefined("pressures"),
        })
    }
}

/// Derives a quantity at a level from fields of one time and one member.
///
/// # Errors
/// [`DeriveError`] names what is missing, or what does not go together.
pub fn derive(fields: &[Field], quantity: Quantity, level: Level) -> Result<Field, DeriveError> {
    let found: Vec<&Field> = quantity
        .needs(level)?
        .iter()
        .map(|need| find(fields, need).ok_or_else(|| missing(fields, quantity, level, need)))
        .collect::<Result<_, _>>()?;
    let extra = match quantity {
        Quantity::HubWind { .. } => hundred(fields),
        _ => Vec::new(),
    };
    let inputs: Vec<&Field> = found.iter().chain(&extra).copied().collect();
    together(&inputs, quantity)?;
    let values: Vec<Vec<f32>> = inputs.iter().map(|field| si(field)).collect::<Result<_, _>>()?;
    let first = &inputs[0].header;
    let values = compute(quantity, level, &inputs, &values)?;
    let header = Header {
        variable: quantity.variable(level).to_owned(),
        level,
        unit: quantity.unit().to_owned(),
        grid: Arc::clone(&first.grid),
        attributes: first.attributes.clone(),
        ..first.clone()
    };
    Ok(Field { header, values })
}

fn find<'a>(fields: &'a [Field], need: &Need) -> Option<&'a Field> {
    need.any.iter().find_map(|name| {
        fields.iter().find(|field| {
            let header = &field.header;
            let level = match need.level.kind {
                LevelKind::Pressure => header.level.is_pressure(need.level.value),
                _ => header.level == need.level,
            };
            header.variable == *name && level
        })
    })
}

fn hundred(fields: &[Field]) -> Vec<&Field> {
    let level = Level::height(100.0);
    let both: Vec<&Field> = [&["100u"], &["100v"]]
        .into_iter()
        .filter_map(|any| find(fields, &Need { any, level }))
        .collect();
    if both.len() == 2 { both } else { Vec::new() }
}

fn missing(fields: &[Field], quantity: Quantity, level: Level, need: &Need) -> DeriveError {
    let mut has: Vec<String> = fields
        .iter()
        .map(|field| format!("{} at {}", field.header.variable, field.header.level))
        .collect();
    has.truncate(20);
    DeriveError::Missing {
        quantity: quantity.name().to_owned(),
        level: level.to_string(),
        needs: format!("{} at {}", need.any.join(" or "), need.level),
        has: if has.is_empty() { "none".to_owned() } else { has.join(", ") },
    }
}

fn together(inputs: &[&Field], quantity: Quantity) -> Result<(), DeriveError> {
    let first = &inputs[0].header;
    let apart = |what, first: String, second: String| {
        Err(DeriveError::Apart { quantity: quantity.name().to_owned(), what, first, second })
    };
    for field in inputs {
        let header = &field.header;
        if !header.grid.same_points(&first.grid) {
            return apart("grids", first.grid.to_string(), header.grid.to_string());
        }
        if header.valid() != first.valid() {
            return apart("times", first.valid().to_string(), header.valid().to_string());
        }
        if header.member != first.member {
            return apart("members", format!("{:?}", first.member), format!("{:?}", header.member));
        }
        if field.values.len() != header.grid.len() {
            let (found, expected) = (field.values.len(), header.grid.len());
            return Err(CalculusError::Length { found, expected }.into());
        }
    }
    Ok(())
}

/// A field's values in the SI unit of its variable.
fn si(field: &Field) -> Result<Vec<f32>, DeriveError> {
    let header = &field.header;
    let expected = crate::variable::known(&header.variable).map_or("", |known| known.unit);
    let conversion = units::conversion(&header.unit, expected).ok_or_else(|| {
        DeriveError::Unit { variable: header.variable.clone(), unit: header.unit.clone(), expected }
    })?;
    let mut values = field.values.clone();
    conversion.apply(&mut values);
    Ok(values)
}

fn each<const N: usize>(values: &[Vec<f32>], of: impl Fn([f64; N]) -> f64) -> Vec<f32> {
    (0..values[0].len())
        .map(|at| of(std::array::from_fn(|k| f64::from(values[k][at]))) as f32)
        .collect()
}

fn compute(
    quantity: Quantity,
    level: Level,
    inputs: &[&Field],
    values: &[Vec<f32>],
) -> Result<Vec<f32>, DeriveError> {
    use formulas::*;
    let p = level.value * 100.0;
    let sphere = || Calculus::new(Arc::clone(&inputs[0].header.grid), EARTH_RADIUS);
    Ok(match quantity {
        Quantity::WindSpeed => each(values, |[u, v]| speed(u, v)),
        Quantity::WindDirection => each(values, |[u, v]| direction(u, v)),
        Quantity::Vorticity => sphere()?.vorticity(&values[0], &values[1])?,
        Quantity::Divergence => sphere()?.divergence(&values[0], &values[1])?,
        Quantity::GeopotentialHeight => each(values, |[z]| z / GRAVITY),
        Quantity::Geopotential => each(values, |[gh]| gh * GRAVITY),
        Quantity::Thickness { .. } => {
            let gpm = |k: usize| if inputs[k].header.variable == "z" { GRAVITY } else { 1.0 };
            let (low, high) = (gpm(0), gpm(1));
            each(values, |[bottom, top]| top / high - bottom / low)
        }
        Quantity::RelativeHumidity if level.kind == LevelKind::Pressure => {
            each(values, |[t, q]| relative_humidity(q, t, p))
        }
        Quantity::RelativeHumidity => each(values, |[t, d]| 100.0 * saturation(d) / saturation(t)),
        Quantity::SpecificHumidity => {
            each(values, |[t, r]| specific_humidity(r / 100.0 * saturation(t), p))
        }
        // Air without vapour has no dew point.
        Quantity::DewPoint => {
            each(values, |[q]| if q > 0.0 { dew_point(vapour(q, p)) } else { f64::NAN })
        }
        Quantity::VirtualTemperature => each(values, |[t, q]| virtual_temperature(t, q)),
        Quantity::PotentialTemperature => each(values, |[t]| potential_temperature(t, p)),
        Quantity::ApparentTemperature => {
            each(values, |[t, d, u, v]| apparent_temperature(t, saturation(d), speed(u, v)))
        }
        Quantity::HubWind { height, .. } if values.len() == 4 => {
            each(values, |[u, v, u100, v100]| {
                log_profile((10.0, speed(u, v)), (100.0, speed(u100, v100)), height)
            })
        }
        Quantity::HubWind { height, exponent } => {
            each(values, |[u, v]| power_law(speed(u, v), 10.0, height, exponent))
        }
    })
}

#[cfg(test)]
mod tests;
