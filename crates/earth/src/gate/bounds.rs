//! Values that no analysis of the Earth's atmosphere leaves: extremes of ERA5 by variable and pressure, widened.

use crate::level::{Level, LevelKind};

/// Least and greatest value, in SI units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Least.
    pub low: f64,
    /// Greatest.
    pub high: f64,
}

impl Bounds {
    /// Whether a range lies within.
    #[must_use]
    pub fn hold(self, least: f64, most: f64) -> bool {
        self.low <= least && most <= self.high
    }

    fn scaled(self, by: f64) -> Self {
        Self { low: self.low * by, high: self.high * by }
    }
}

type Row = (f64, (f64, f64), (f64, f64), f64, f64);

/// Pressure in hPa; temperature in K, height in gpm, both components of the wind in m/s (±), specific humidity in kg/kg (up to).
#[rustfmt::skip]
const BY_PRESSURE: &[Row] = &[
    (1000.0, (190.0, 340.0), (-1400.0, 800.0), 100.0, 0.045),
    (925.0, (190.0, 335.0), (-700.0, 1400.0), 110.0, 0.040),
    (850.0, (190.0, 325.0), (200.0, 2050.0), 115.0, 0.035),
    (700.0, (190.0, 315.0), (1750.0, 3600.0), 120.0, 0.028),
    (600.0, (190.0, 305.0), (2950.0, 4900.0), 125.0, 0.022),
    (500.0, (190.0, 290.0), (4200.0, 6250.0), 130.0, 0.016),
    (400.0, (185.0, 278.0), (5700.0, 8050.0), 145.0, 0.012),
    (300.0, (180.0, 264.0), (7400.0, 10250.0), 170.0, 0.006),
    (250.0, (175.0, 258.0), (8500.0, 11550.0), 180.0, 0.004),
    (200.0, (170.0, 256.0), (9900.0, 13050.0), 180.0, 0.002),
    (150.0, (165.0, 260.0), (11600.0, 14900.0), 180.0, 0.001),
    (100.0, (160.0, 268.0), (13900.0, 17400.0), 180.0, 0.0005),
    (50.0, (155.0, 280.0), (17300.0, 21700.0), 190.0, 0.0005),
    (10.0, (155.0, 305.0), (25500.0, 33500.0), 240.0, 0.0005),
    (1.0, (155.0, 335.0), (38000.0, 54000.0), 300.0, 0.0005),
];

/// Least specific humidity that spectral models' analyses have, by rounding.
pub const LEAST_HUMIDITY: f64 = -5e-4;

/// The bounds of a variable at a level; none where they are not known.
#[must_use]
pub fn bounds(variable: &str, level: Level) -> Option<Bounds> {
    let both = |most: f64| Some(Bounds { low: -most, high: most });
    let within = |low: f64, high: f64| Some(Bounds { low, high });
    match variable {
        "msl" => return within(85_000.0, 110_000.0),
        "sp" => return within(45_000.0, 112_000.0),
        "2t" | "2d" => return within(170.0, 340.0),
        "skt" | "sst" => return within(170.0, 365.0),
        "10u" | "10v" => return both(100.0),
        "100u" | "100v" => return both(120.0),
        "10si" | "ws" => return within(0.0, 300.0),
        "tp" | "sd" => return within(-1e-3, 30.0),
        "r" => return within(-30.0, 250.0),
        "w" => return both(120.0),
        "vo" | "d" => return both(0.02),
        "o3" => return within(-1e-5, 1e-3),
        "lsm" | "ci" | "tcc" => return within(-1e-3, 1.001),
        "tcwv" => return within(-1.0, 150.0),
        _ => {}
    }
    if level.kind != LevelKind::Pressure {
        return None;
    }
    let hpa = level.value;
    match variable {
        "t" => between(hpa, |row| Bounds { low: row.1.0, high: row.1.1 }),
        "gh" => between(hpa, |row| Bounds { low: row.2.0, high: row.2.1 }),
        "z" => between(hpa, |row| Bounds { low: row.2.0, high: row.2.1 }.scaled(9.806_65)),
        "u" | "v" => between(hpa, |row| Bounds { low: -row.3, high: row.3 }),
        "q" => between(hpa, |row| Bounds { low: LEAST_HUMIDITY, high: row.4 }),
        _ => None,
    }
}

/// Linear in the logarithm of pressure; none outside the table (1050 to 1 hPa).
fn between(hpa: f64, of: impl Fn(&Row) -> Bounds) -> Option<Bounds> {
    let first = &BY_PRESSURE[0];
    if hpa > first.0 {
        return (hpa <= 1050.0).then(|| of(first));
    }
    let pair = BY_PRESSURE.windows(2).find(|pair| (pair[1].0..=pair[0].0).contains(&hpa))?;
    let share = (pair[0].0 / hpa).ln() / (pair[0].0 / pair[1].0).ln();
    let (below, above) = (of(&pair[0]), of(&pair[1]));
    let mix = |a: f64, b: f64| a + share * (b - a);
    Some(Bounds { low: mix(below.low, above.low), high: mix(below.high, above.high) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_era5_and_part_heights_from_geopotentials() {
        let p = Level::pressure;
        // Extremes of one ERA5 state (1959-01-02) at 500 hPa.
        assert!(bounds("z", p(500.0)).unwrap().hold(47_568.0, 57_906.0));
        assert!(!bounds("z", p(500.0)).unwrap().hold(4850.0, 5905.0));
        assert!(bounds("gh", p(500.0)).unwrap().hold(4850.0, 5905.0));
        assert!(bounds("t", p(850.0)).unwrap().hold(232.7, 297.8));
        assert!(!bounds("t", p(850.0)).unwrap().hold(-40.0, 24.0));
        assert!(bounds("t", p(775.0)).is_some() && bounds("t", p(0.1)).is_none());
        assert!(!bounds("msl", Level::MEAN_SEA).unwrap().hold(980.0, 1040.0));
        assert!(bounds("soil", p(500.0)).is_none());
        for pair in BY_PRESSURE.windows(2) {
            assert!(pair[0].0 > pair[1].0);
        }
    }
}
