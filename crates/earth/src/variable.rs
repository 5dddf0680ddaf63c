//! Variables that are known: names, units and codes after ECMWF's parameter database, WMO's GRIB tables and CF.

use crate::level::{Level, LevelKind};

/// A variable that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// ECMWF's short name.
    pub short: &'static str,
    /// Name in words.
    pub long: &'static str,
    /// Name in Chinese.
    pub chinese: &'static str,
    /// CF standard name; empty where CF has none.
    pub standard: &'static str,
    /// Name in NetCDF files of the Climate Data Store, where names may not begin with a digit.
    pub netcdf: &'static str,
    /// SI unit.
    pub unit: &'static str,
    /// Number in ECMWF's table 128 of GRIB 1; 0 for none.
    pub grib1: u8,
    /// Discipline, category and number of GRIB 2.
    pub grib2: (u8, u8, u8),
    /// The level that the name implies.
    pub at: At,
    /// Other names in use (WeatherBench, older files).
    pub aliases: &'static [&'static str],
}

/// The level that a variable's name implies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// None: levels are told with it.
    Any,
    /// The ground.
    Surface,
    /// Mean sea level.
    MeanSea,
    /// Metres above ground.
    Height(f64),
    /// The whole column.
    Column,
}

impl At {
    /// The level, where one is implied.
    #[must_use]
    pub fn level(self) -> Option<Level> {
        match self {
            Self::Any => None,
            Self::Surface => Some(Level::SURFACE),
            Self::MeanSea => Some(Level::MEAN_SEA),
            Self::Height(metres) => Some(Level::height(metres)),
            Self::Column => Some(Level { kind: LevelKind::Column, value: 0.0 }),
        }
    }
}

macro_rules! known {
    ($($short:literal $long:literal $chinese:literal $standard:literal $netcdf:literal $unit:literal $grib1:literal $grib2:tt $at:expr, $aliases:expr;)*) => {
        &[$(Known {
            short: $short, long: $long, chinese: $chinese, standard: $standard, netcdf: $netcdf, unit: $unit, grib1: $grib1,
            grib2: $grib2, at: $at, aliases: &$aliases,
        }),*]
    };
}

/// All that are known.
#[rustfmt::skip]
pub const KNOWN: &[Known] = known! {
    "z" "geopotential" "位势" "geopotential" "z" "m2 s-2" 129 (0, 3, 4) At::Any, ["geopotential", "phi"];
    "gh" "geopotential height" "位势高度" "geopotential_height" "gh" "gpm" 156 (0, 3, 5) At::Any, ["geopotential_height", "hgt"];
    "t" "temperature" "气温" "air_temperature" "t" "K" 130 (0, 0, 0) At::Any, ["temperature", "ta", "tmp"];
    "u" "eastward wind" "纬向风" "eastward_wind" "u" "m s-1" 131 (0, 2, 2) At::Any, ["u_component_of_wind", "ua", "ugrd"];
    "v" "northward wind" "经向风" "northward_wind" "v" "m s-1" 132 (0, 2, 3) At::Any, ["v_component_of_wind", "va", "vgrd"];
    "q" "specific humidity" "比湿" "specific_humidity" "q" "kg kg-1" 133 (0, 1, 0) At::Any, ["specific_humidity", "spfh"];
    "r" "relative humidity" "相对湿度" "relative_humidity" "r" "%" 157 (0, 1, 1) At::Any, ["relative_humidity", "rh"];
    "w" "vertical velocity" "垂直速度" "lagrangian_tendency_of_air_pressure" "w" "Pa s-1" 135 (0, 2, 8) At::Any, ["vertical_velocity", "omega"];
    "vo" "relative vorticity" "相对涡度" "atmosphere_relative_vorticity" "vo" "s-1" 138 (0, 2, 12) At::Any, ["vorticity", "relv"];
    "d" "divergence" "散度" "divergence_of_wind" "d" "s-1" 155 (0, 2, 13) At::Any, ["divergence"];
    "o3" "ozone mass mixing ratio" "臭氧" "mass_fraction_of_ozone_in_air" "o3" "kg kg-1" 203 (0, 14, 1) At::Any, ["ozone_mass_mixing_ratio"];
    "ws" "wind speed" "风速" "wind_speed" "ws" "m s-1" 10 (0, 2, 1) At::Any, ["wind_speed"];
    "msl" "mean sea level pressure" "海平面气压" "air_pressure_at_mean_sea_level" "msl" "Pa" 151 (0, 3, 0) At::MeanSea, ["mean_sea_level_pressure", "mslp", "prmsl", "mslet"];
    "sp" "surface pressure" "地面气压" "surface_air_pressure" "sp" "Pa" 134 (0, 3, 0) At::Surface, ["surface_pressure", "ps", "pres"];
    "2t" "2 m temperature" "2 米气温" "air_temperature" "t2m" "K" 167 (0, 0, 0) At::Height(2.0), ["2m_temperature", "t2", "tas"];
    "2d" "2 m dew point" "2 米露点" "dew_point_temperature" "d2m" "K" 168 (0, 0, 6) At::Height(2.0), ["2m_dewpoint_temperature"];
    "10u" "10 m eastward wind" "10 米纬向风" "eastward_wind" "u10" "m s-1" 165 (0, 2, 2) At::Height(10.0), ["10m_u_component_of_wind", "uas"];
    "10v" "10 m northward wind" "10 米经向风" "northward_wind" "v10" "m s-1" 166 (0, 2, 3) At::Height(10.0), ["10m_v_component_of_wind", "vas"];
    "10si" "10 m wind speed" "10 米风速" "wind_speed" "si10" "m s-1" 207 (0, 2, 1) At::Height(10.0), ["10m_wind_speed"];
    "100u" "100 m eastward wind" "100 米纬向风" "eastward_wind" "u100" "m s-1" 0 (0, 2, 2) At::Height(100.0), ["100m_u_component_of_wind"];
    "100v" "100 m northward wind" "100 米经向风" "northward_wind" "v100" "m s-1" 0 (0, 2, 3) At::Height(100.0), ["100m_v_component_of_wind"];
    "tp" "total precipitation" "总降水量" "" "tp" "m" 228 (0, 1, 193) At::Surface, ["total_precipitation", "total_precipitation_6hr", "apcp"];
    "skt" "skin temperature" "地表温度" "surface_temperature" "skt" "K" 235 (0, 0, 17) At::Surface, ["skin_temperature"];
    "sst" "sea surface temperature" "海表温度" "sea_surface_temperature" "sst" "K" 34 (10, 3, 0) At::Surface, ["sea_surface_temperature"];
    "ci" "sea ice fraction" "海冰比例" "sea_ice_area_fraction" "siconc" "1" 31 (10, 2, 0) At::Surface, ["sea_ice_cover"];
    "lsm" "land-sea mask" "海陆掩膜" "land_binary_mask" "lsm" "1" 172 (2, 0, 0) At::Surface, ["land_sea_mask", "land"];
    "tcc" "total cloud cover" "总云量" "cloud_area_fraction" "tcc" "1" 164 (0, 6, 1) At::Column, ["total_cloud_cover"];
    "tcwv" "total column water vapour" "整层水汽" "atmosphere_mass_content_of_water_vapor" "tcwv" "kg m-2" 137 (0, 1, 64) At::Column, ["total_column_water_vapour", "pwat"];
    "sd" "snow depth" "雪深" "lwe_thickness_of_surface_snow_amount" "sd" "m" 141 (0, 1, 254) At::Surface, ["snow_depth"];
};

/// A variable by its short name, its NetCDF name or another name in use.
#[must_use]
pub fn known(name: &str) -> Option<&'static Known> {
    let lower = name.to_ascii_lowercase();
    let name = lower.as_str();
    KNOWN.iter().find(|known| known.short == name).or_else(|| {
        KNOWN.iter().find(|known| known.netcdf == name || known.aliases.contains(&name))
    })
}

/// The short name of a variable at a level: temperature at 2 m is `2t`, wind at 10 m `10u`; else the name that is known for it.
#[must_use]
pub fn short_at(name: &str, level: Level) -> Option<&'static str> {
    let base = known(name)?;
    let lifted = KNOWN.iter().find(|other| {
        base.at == At::Any && other.at.level() == Some(level) && other.grib2 == base.grib2
    });
    Some(lifted.unwrap_or(base).short)
}

/// Components of one vector: towards the east (or along a grid's rows), and towards the north.
const PAIRS: [(&str, &str); 5] =
    [("u", "v"), ("10u", "10v"), ("100u", "100v"), ("200u", "200v"), ("ustm", "vstm")];

/// The other component of a wind by the short name of one, and whether that one is the eastward.
#[must_use]
pub fn wind_partner(name: &str) -> Option<(&'static str, bool)> {
    PAIRS.iter().find_map(|(u, v)| match name {
        name if name == *u => Some((*v, true)),
        name if name == *v => Some((*u, false)),
        _ => None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_to_their_variable() {
        for known_one in KNOWN {
            assert_eq!(known(known_one.short).unwrap(), known_one);
            assert_eq!(known(known_one.netcdf).unwrap(), known_one, "{}", known_one.netcdf);
            for alias in known_one.aliases {
                assert_eq!(known(alias).unwrap(), known_one, "{alias}");
            }
        }
        assert_eq!(known("T2M").unwrap().short, "2t");
        assert!(known("soil").is_none());
    }

    #[test]
    fn a_level_lifts_a_name() {
        assert_eq!(short_at("t", Level::height(2.0)), Some("2t"));
        assert_eq!(short_at("u", Level::height(10.0)), Some("10u"));
        assert_eq!(short_at("u", Level::pressure(850.0)), Some("u"));
        assert_eq!(short_at("2t", Level::height(2.0)), Some("2t"));
        assert_eq!(wind_partner("10v"), Some(("10u", false)));
        assert_eq!(wind_partner("t"), None);
    }
}
