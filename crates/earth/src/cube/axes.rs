//! What a coordinate is of: latitude, time, pressure … told by CF's attributes and by the names in use.

use crate::level::{Level, LevelKind};

use super::Variable;

/// What a coordinate is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Latitude,
    Longitude,
    /// When a field holds (or, beside a step on another dimension, when a forecast began).
    Time,
    /// When a forecast began.
    Reference,
    /// How long after that a field holds.
    Step,
    Level,
    Member,
    /// ERA5's mark of a stream (1) and its preliminary one (5): each field is in one of them.
    Expver,
}

const LATITUDES: [&str; 9] =
    ["lat", "latitude", "xlat", "xlat_m", "xlat_u", "xlat_v", "nav_lat", "clat", "gridlat_0"];
const LONGITUDES: [&str; 9] =
    ["lon", "longitude", "xlong", "xlong_m", "xlong_u", "xlong_v", "nav_lon", "clon", "gridlon_0"];
const STEPS: [&str; 7] = [
    "step",
    "prediction_timedelta",
    "lead_time",
    "leadtime",
    "forecast_period",
    "forecast_hour",
    "lead",
];
const REFERENCES: [&str; 6] = [
    "forecast_reference_time",
    "reference_time",
    "init_time",
    "analysis_time",
    "base_time",
    "forecast_base_time",
];
const MEMBERS: [&str; 6] =
    ["number", "realization", "member", "ensemble", "ens", "ensemble_member"];
/// Dimensions that count a model's own levels where no coordinate tells them.
pub(crate) const MODEL_LEVELS: [&str; 7] = [
    "bottom_top",
    "bottom_top_stag",
    "hybrid",
    "model_level",
    "model_level_number",
    "modellevel",
    "lev_model",
];

/// What a variable is a coordinate of, where it can be one.
pub(crate) fn role(variable: &Variable) -> Option<Role> {
    let name = variable.name.to_ascii_lowercase();
    let name = name.as_str();
    let standard = variable.attribute("standard_name");
    let units = variable.attribute("units");
    let rank = variable.shape.len();
    if variable.text {
        return match name {
            "times" => Some(Role::Time),
            "expver" => Some(Role::Expver),
            _ => None,
        };
    }
    // A rotated pole's own latitudes are in degrees too.
    let rotated = standard.starts_with("grid_") || name.starts_with('r') && name.ends_with("lat");
    let unit_is = |of: &[&str]| of.contains(&units);
    if rank <= 3 && !rotated {
        let north = unit_is(&[
            "degrees_north",
            "degree_north",
            "degree_N",
            "degrees_N",
            "degreeN",
            "degreesN",
        ]);
        let east = unit_is(&[
            "degrees_east",
            "degree_east",
            "degree_E",
            "degrees_E",
            "degreeE",
            "degreesE",
        ]);
        if standard == "latitude" || LATITUDES.contains(&name) || north && rank <= 2 {
            return Some(Role::Latitude);
        }
        if standard == "longitude" || LONGITUDES.contains(&name) || east && rank <= 2 {
            return Some(Role::Longitude);
        }
    }
    if rank <= 2 {
        if units.contains(" since ") {
            let reference = standard == "forecast_reference_time" || REFERENCES.contains(&name);
            return Some(if reference { Role::Reference } else { Role::Time });
        }
        if standard == "forecast_period" || STEPS.contains(&name) {
            return super::time::seconds_of(units).map(|_| Role::Step);
        }
    }
    if rank > 1 {
        return None;
    }
    if standard == "realization" || MEMBERS.contains(&name) {
        return Some(Role::Member);
    }
    if name == "expver" {
        return Some(Role::Expver);
    }
    level_kind(variable).map(|_| Role::Level)
}

/// How values of a vertical coordinate are levels.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Vertical {
    /// Levels of a kind, by value times a factor.
    Scaled(LevelKind, f64),
    /// Levels that have no value.
    Fixed(LevelKind),
    /// Pressures or a model's levels, which only the values tell.
    Unsaid,
}

/// Whether a name is of a vertical coordinate, and of which.
fn level_kind(variable: &Variable) -> Option<Vertical> {
    let name = variable.name.to_ascii_lowercase();
    let standard = variable.attribute("standard_name");
    let units = variable.attribute("units").to_ascii_lowercase();
    let pressure = match units.trim_end_matches('s') {
        "pa" | "pascal" => Some(0.01),
        "hpa" | "mb" | "mbar" | "millibar" | "hectopascal" => Some(1.0),
        "kpa" => Some(10.0),
        _ => None,
    };
    let scaled = |kind| Some(Vertical::Scaled(kind, 1.0));
    match name.as_str() {
        "isobaricinhpa" => return scaled(LevelKind::Pressure),
        "isobaricinpa" => return Some(Vertical::Scaled(LevelKind::Pressure, 0.01)),
        "level" | "levels" | "pressure_level" | "plev" | "lev" | "pressure" | "isobaric"
        | "vertical" | "lv_isbl0" | "pressure_levels" => {
            return Some(match pressure {
                Some(factor) => Vertical::Scaled(LevelKind::Pressure, factor),
                None if standard.contains("hybrid") || units == "level" => {
                    Vertical::Scaled(LevelKind::Model, 1.0)
                }
                None => Vertical::Unsaid,
            });
        }
        "heightaboveground" | "height_above_ground" => return scaled(LevelKind::HeightAboveGround),
        "height" if matches!(units.as_str(), "m" | "metre" | "metres" | "meters") => {
            return scaled(LevelKind::HeightAboveGround);
        }
        "heightabovesea" | "altitude" => return scaled(LevelKind::HeightAboveSea),
        "depthbelowland" | "depthbelowlandlayer" => return scaled(LevelKind::DepthBelowGround),
        "theta" | "isentropic" => return scaled(LevelKind::Theta),
        "potentialvorticity" => return scaled(LevelKind::PotentialVorticity),
        "surface" => return Some(Vertical::Fixed(LevelKind::Surface)),
        "meansea" => return Some(Vertical::Fixed(LevelKind::MeanSea)),
        "atmosphere" | "entireatmosphere" => return Some(Vertical::Fixed(LevelKind::Column)),
        other if other.starts_with("isobaric") => {
            return Some(
                pressure.map_or(Vertical::Unsaid, |factor| {
                    Vertical::Scaled(LevelKind::Pressure, factor)
                }),
            );
        }
        other if other.starts_with("height_above_ground") => {
            return scaled(LevelKind::HeightAboveGround);
        }
        other if MODEL_LEVELS.contains(&other) => return scaled(LevelKind::Model),
        _ => {}
    }
    match (standard, pressure) {
        ("air_pressure", Some(factor)) => Some(Vertical::Scaled(LevelKind::Pressure, factor)),
        ("height", _) => scaled(LevelKind::HeightAboveGround),
        ("altitude", _) => scaled(LevelKind::HeightAboveSea),
        (hybrid, _) if hybrid.contains("hybrid") => scaled(LevelKind::Model),
        _ => None,
    }
}

/// The levels of a vertical coordinate.
pub(crate) fn levels(variable: &Variable, values: &[f64]) -> Vec<Level> {
    let at = |kind, factor: f64| {
        // A thousandth of a pascal is the last digit that files mean.
        let round = |value: f64| (value * factor * 1e5).round() / 1e5;
        values.iter().map(|value| Level { kind, value: round(*value) }).collect()
    };
    match level_kind(variable) {
        Some(Vertical::Scaled(kind, factor)) => at(kind, factor),
        Some(Vertical::Fixed(kind)) => vec![Level { kind, value: 0.0 }; values.len()],
        Some(Vertical::Unsaid) | None => {
            let counted = values.iter().enumerate().all(|(at, value)| *value == at as f64 + 1.0);
            let most = values.iter().fold(0.0_f64, |most, value| most.max(*value));
            match () {
                () if counted => at(LevelKind::Model, 1.0),
                () if most > 1100.0 => at(LevelKind::Pressure, 0.01),
                () => at(LevelKind::Pressure, 1.0),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::Attribute;
    use super::*;

    fn named(name: &str, rank: usize, attributes: &[(&str, &str)]) -> Variable {
        Variable {
            name: name.to_owned(),
            dims: vec!["d".to_owned(); rank],
            shape: vec![1; rank],
            attributes: attributes
                .iter()
                .map(|(key, text)| ((*key).to_owned(), Attribute::Text((*text).to_owned())))
                .collect(),
            text: false,
        }
    }

    #[test]
    fn roles_are_told_by_attributes_and_names() {
        let of = |name, rank, attributes: &[(&str, &str)]| role(&named(name, rank, attributes));
        assert_eq!(of("XLAT", 3, &[("units", "degree_north")]), Some(Role::Latitude));
        assert_eq!(of("y", 1, &[("standard_name", "latitude")]), Some(Role::Latitude));
        assert_eq!(
            of("rlat", 1, &[("standard_name", "grid_latitude"), ("units", "degrees")]),
            None
        );
        assert_eq!(of("time", 1, &[("units", "hours since 1900-01-01")]), Some(Role::Time));
        let cfgrib =
            [("units", "seconds since 1970-01-01"), ("standard_name", "forecast_reference_time")];
        assert_eq!(of("time", 0, &cfgrib), Some(Role::Reference));
        assert_eq!(of("prediction_timedelta", 1, &[("units", "hours")]), Some(Role::Step));
        assert_eq!(of("number", 1, &[]), Some(Role::Member));
        assert_eq!(of("level", 1, &[]), Some(Role::Level));
        assert_eq!(of("t", 4, &[("units", "K")]), None);
        assert_eq!(of("sp", 3, &[("units", "Pa")]), None);
    }

    #[test]
    fn levels_are_pressures_in_hpa_or_what_they_say() {
        let pa = levels(&named("plev", 1, &[("units", "Pa")]), &[85_000.0, 50.0]);
        assert_eq!(pa, [Level::pressure(850.0), Level::pressure(0.5)]);
        let mb = levels(&named("level", 1, &[("units", "millibars")]), &[500.0]);
        assert_eq!(mb, [Level::pressure(500.0)]);
        assert_eq!(levels(&named("level", 1, &[]), &[1.0, 50.0])[1], Level::pressure(50.0));
        assert_eq!(levels(&named("level", 1, &[]), &[1.0, 2.0])[1].kind, LevelKind::Model);
        assert_eq!(levels(&named("heightAboveGround", 0, &[]), &[2.0]), [Level::height(2.0)]);
        assert_eq!(levels(&named("surface", 0, &[]), &[0.0]), [Level::SURFACE]);
    }
}
