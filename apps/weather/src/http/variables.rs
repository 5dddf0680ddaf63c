//! Variables as Open-Meteo names them, and what they are made of. A variable that the run has no fields for is refused: rain or
//! sunshine is never made up.

use strata_earth::derive::formulas as f;

use crate::store::Run;

/// Unit of what is asked for; what it is written in is up to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Temperature,
    Pressure,
    Speed,
    Direction,
    Percent,
    Height,
}

/// How a variable comes from its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Formula {
    /// It is its part, as it is.
    Plain,
    /// Geopotential over standard gravity.
    OverGravity,
    /// Of both components of a wind.
    Speed,
    Direction,
    /// From temperature and dew point.
    HumidityOfDew,
    /// From temperature and specific humidity at a pressure, in Pa.
    HumidityOfSpecific(f64),
    /// From specific humidity at a pressure, in Pa.
    DewOfSpecific(f64),
    /// From temperature and relative humidity.
    DewOfRelative,
    /// From temperature, dew point and both components of the wind.
    Apparent,
}

/// A variable of a run: what it is made of, and how clients are told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable {
    /// As it was asked for.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Number in Open-Meteo's FlatBuffers.
    pub(super) code: u8,
    /// Height above ground in m, and pressure in hPa; 0 for none.
    pub(super) altitude: i16,
    pub(super) pressure: i16,
    formula: Formula,
    /// Bands of the run.
    bands: Vec<usize>,
    /// Which of them are a wind's components.
    wind: Option<(usize, usize)>,
}

/// Bases with their old spellings.
const OLD: [(&str, &str); 5] = [
    ("windspeed", "wind_speed"),
    ("winddirection", "wind_direction"),
    ("relativehumidity", "relative_humidity"),
    ("dewpoint", "dew_point"),
    ("geopotentialheight", "geopotential_height"),
];

/// What a variable may be made of: short names at its level, the first whose parts are all there is taken.
type Ways = Vec<(Formula, Vec<&'static str>)>;

/// Kind and code of a base, and its ways at a pressure in hPa.
fn at_pressure(base: &str, hpa: f64) -> Option<(Kind, u8, Ways)> {
    let pa = hpa * 100.0;
    Some(match base {
        "temperature" => (Kind::Temperature, 47, vec![(Formula::Plain, vec!["t"])]),
        "geopotential_height" => (
            Kind::Height,
            61,
            vec![(Formula::Plain, vec!["gh"]), (Formula::OverGravity, vec!["z"])],
        ),
        "relative_humidity" => (
            Kind::Percent,
            29,
            vec![(Formula::Plain, vec!["r"]), (Formula::HumidityOfSpecific(pa), vec!["t", "q"])],
        ),
        "dew_point" => (
            Kind::Temperature,
            8,
            vec![(Formula::DewOfSpecific(pa), vec!["q"]), (Formula::DewOfRelative, vec!["t", "r"])],
        ),
        "wind_speed" => {
            (Kind::Speed, 59, vec![(Formula::Speed, vec!["u", "v"]), (Formula::Plain, vec!["ws"])])
        }
        "wind_direction" => (Kind::Direction, 57, vec![(Formula::Direction, vec!["u", "v"])]),
        "wind_u_component" => (Kind::Speed, 149, vec![(Formula::Plain, vec!["u"])]),
        "wind_v_component" => (Kind::Speed, 150, vec![(Formula::Plain, vec!["v"])]),
        _ => return None,
    })
}

/// Kind, code, height and ways of a variable at or near the ground.
fn at_surface(name: &str) -> Option<(Kind, u8, i16, Ways)> {
    let plain = |short| vec![(Formula::Plain, vec![short])];
    Some(match name {
        "temperature_2m" => (Kind::Temperature, 47, 2, plain("2t")),
        "dew_point_2m" => (Kind::Temperature, 8, 2, plain("2d")),
        "relative_humidity_2m" => {
            (Kind::Percent, 29, 2, vec![(Formula::HumidityOfDew, vec!["2t", "2d"])])
        }
        "apparent_temperature" => {
            (Kind::Temperature, 1, 0, vec![(Formula::Apparent, vec!["2t", "2d", "10u", "10v"])])
        }
        "pressure_msl" => (Kind::Pressure, 27, 0, plain("msl")),
        "surface_pressure" => (Kind::Pressure, 45, 0, plain("sp")),
        "surface_temperature" => (Kind::Temperature, 46, 0, plain("skt")),
        "sea_surface_temperature" => (Kind::Temperature, 133, 0, plain("sst")),
        "wind_speed_10m" => (
            Kind::Speed,
            59,
            10,
            vec![(Formula::Speed, vec!["10u", "10v"]), (Formula::Plain, vec!["10si"])],
        ),
        "wind_direction_10m" => {
            (Kind::Direction, 57, 10, vec![(Formula::Direction, vec!["10u", "10v"])])
        }
        "wind_u_component_10m" => (Kind::Speed, 149, 10, plain("10u")),
        "wind_v_component_10m" => (Kind::Speed, 150, 10, plain("10v")),
        "wind_speed_100m" => (Kind::Speed, 59, 100, vec![(Formula::Speed, vec!["100u", "100v"])]),
        "wind_direction_100m" => {
            (Kind::Direction, 57, 100, vec![(Formula::Direction, vec!["100u", "100v"])])
        }
        "wind_u_component_100m" => (Kind::Speed, 149, 100, plain("100u")),
        "wind_v_component_100m" => (Kind::Speed, 150, 100, plain("100v")),
        _ => return None,
    })
}

const SURFACE: [&str; 16] = [
    "temperature_2m",
    "dew_point_2m",
    "relative_humidity_2m",
    "apparent_temperature",
    "pressure_msl",
    "surface_pressure",
    "surface_temperature",
    "sea_surface_temperature",
    "wind_speed_10m",
    "wind_direction_10m",
    "wind_u_component_10m",
    "wind_v_component_10m",
    "wind_speed_100m",
    "wind_direction_100m",
    "wind_u_component_100m",
    "wind_v_component_100m",
];

const UPPER: [&str; 8] = [
    "temperature",
    "geopotential_height",
    "wind_speed",
    "wind_direction",
    "relative_humidity",
    "dew_point",
    "wind_u_component",
    "wind_v_component",
];

impl Variable {
    /// A variable of a run; none where it is not known, or the run lacks what it is made of.
    pub(super) fn find(run: &Run, name: &str) -> Option<Self> {
        let mut plain = name.to_owned();
        for (old, new) in OLD {
            if let Some(rest) = name.strip_prefix(old) {
                plain = format!("{new}{rest}");
            }
        }
        let upper = plain.strip_suffix("hPa").and_then(|rest| rest.rsplit_once('_'));
        let (kind, code, altitude, pressure, ways) = match upper {
            Some((base, hpa)) => {
                let hpa: u16 = hpa.parse().ok().filter(|hpa| (1..=1100).contains(hpa))?;
                let (kind, code, ways) = at_pressure(base, f64::from(hpa))?;
                (kind, code, 0, hpa, ways)
            }
            None => {
                let (kind, code, altitude, ways) = at_surface(&plain)?;
                (kind, code, altitude, 0, ways)
            }
        };
        let at = (pressure > 0).then(|| f64::from(pressure));
        let (formula, bands) = ways.into_iter().find_map(|(formula, shorts)| {
            let bands: Option<Vec<usize>> =
                shorts.into_iter().map(|short| run.band(short, at)).collect();
            Some((formula, bands?))
        })?;
        let wind = match formula {
            Formula::Speed | Formula::Direction => Some((0, 1)),
            Formula::Apparent => Some((2, 3)),
            _ => None,
        };
        let pressure = i16::try_from(pressure).unwrap_or(0);
        let name = name.to_owned();
        Some(Self { name, kind, code, altitude, pressure, formula, bands, wind })
    }

    /// The names of all variables of a run.
    pub(super) fn all(run: &Run) -> Vec<String> {
        let surface = SURFACE.iter().map(|name| (*name).to_owned());
        let mut pressures: Vec<u32> = run
            .bands
            .iter()
            .filter(|band| band.level.kind == strata_earth::level::LevelKind::Pressure)
            .filter(|band| band.level.value.fract() == 0.0)
            .map(|band| band.level.value as u32)
            .collect();
        pressures.sort_unstable_by(|a, b| b.cmp(a));
        pressures.dedup();
        let upper = UPPER
            .iter()
            .flat_map(|base| pressures.iter().map(move |hpa| format!("{base}_{hpa}hPa")));
        surface.chain(upper).filter(|name| Self::find(run, name).is_some()).collect()
    }

    /// Bands it is made of.
    pub(super) fn bands(&self) -> &[usize] {
        &self.bands
    }

    /// Which of its bands are both components of a wind.
    pub(super) fn wind(&self) -> Option<(usize, usize)> {
        self.wind
    }

    /// Its value, in SI units, from its parts.
    pub(super) fn value(&self, parts: &[f64]) -> f64 {
        let at = |index: usize| parts.get(index).copied().unwrap_or(f64::NAN);
        match self.formula {
            Formula::Plain => at(0),
            Formula::OverGravity => at(0) / f::GRAVITY,
            Formula::Speed => f::speed(at(0), at(1)),
            Formula::Direction => match at(0) + at(1) {
                sum if sum.is_nan() => f64::NAN,
                _ => f::direction(at(0), at(1)),
            },
            Formula::HumidityOfDew => 100.0 * f::saturation(at(1)) / f::saturation(at(0)),
            Formula::HumidityOfSpecific(pa) => f::relative_humidity(at(1), at(0), pa),
            Formula::DewOfSpecific(pa) => {
                let vapour = f::vapour(at(0), pa);
                // Air without vapour has no dew point.
                if vapour > 0.0 { f::dew_point(vapour) } else { f64::NAN }
            }
            Formula::DewOfRelative => {
                let vapour = at(1) / 100.0 * f::saturation(at(0));
                if vapour > 0.0 { f::dew_point(vapour) } else { f64::NAN }
            }
            Formula::Apparent => {
                f::apparent_temperature(at(0), f::saturation(at(1)), f::speed(at(2), at(3)))
            }
        }
    }

    /// Whether its mean is that of a vector.
    pub(super) fn is_direction(&self) -> bool {
        self.formula == Formula::Direction
    }
}

/// Units of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Units {
    pub(super) fahrenheit: bool,
    pub(super) speed: Speed,
}

/// Units of wind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Speed {
    #[default]
    Kmh,
    Ms,
    Mph,
    Kn,
}

impl Units {
    /// A value in SI in the request's unit.
    pub(super) fn in_units(self, kind: Kind, value: f64) -> f32 {
        let value = match (kind, self.speed) {
            (Kind::Temperature, _) if self.fahrenheit => (value - f::ZERO_CELSIUS) * 1.8 + 32.0,
            (Kind::Temperature, _) => value - f::ZERO_CELSIUS,
            (Kind::Pressure, _) => value / 100.0,
            (Kind::Speed, Speed::Kmh) => value * 3.6,
            (Kind::Speed, Speed::Mph) => value * 3600.0 / 1609.344,
            (Kind::Speed, Speed::Kn) => value * 3600.0 / 1852.0,
            (Kind::Speed, Speed::Ms) | (Kind::Direction | Kind::Percent | Kind::Height, _) => value,
        };
        value as f32
    }

    /// As JSON and CSV write the unit, and its number in Open-Meteo's FlatBuffers.
    pub(super) fn of(self, kind: Kind) -> (&'static str, u8) {
        match (kind, self.speed) {
            (Kind::Temperature, _) if self.fahrenheit => ("°F", 9),
            (Kind::Temperature, _) => ("°C", 1),
            (Kind::Pressure, _) => ("hPa", 16),
            (Kind::Speed, Speed::Kmh) => ("km/h", 24),
            (Kind::Speed, Speed::Ms) => ("m/s", 28),
            (Kind::Speed, Speed::Mph) => ("mp/h", 31),
            (Kind::Speed, Speed::Kn) => ("kn", 25),
            (Kind::Direction, _) => ("°", 5),
            (Kind::Percent, _) => ("%", 35),
            (Kind::Height, _) => ("m", 29),
        }
    }
}
