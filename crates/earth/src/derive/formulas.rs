//! Formulas of derived quantities, SI units in and out unless said; f64, one point.

/// Standard gravity, in m s⁻².
pub const GRAVITY: f64 = 9.806_65;
/// Gas constant of dry air, in J kg⁻¹ K⁻¹.
pub const R_DRY: f64 = 287.059_7;
/// Gas constant of water vapour, in J kg⁻¹ K⁻¹.
pub const R_VAPOUR: f64 = 461.525;
/// R over heat capacity of dry air at constant pressure.
pub const KAPPA: f64 = 2.0 / 7.0;
/// Ice point, in K.
pub const ZERO_CELSIUS: f64 = 273.15;

/// Wind speed.
#[must_use]
pub fn speed(u: f64, v: f64) -> f64 {
    u.hypot(v)
}

/// Direction the wind comes from, in degrees clockwise from north, 0 to 360; 0 for no wind.
#[must_use]
pub fn direction(u: f64, v: f64) -> f64 {
    if u == 0.0 && v == 0.0 {
        return 0.0;
    }
    let degrees = (-u).atan2(-v).to_degrees().rem_euclid(360.0);
    // A hair west of north rounds to a full turn.
    if degrees >= 360.0 { 0.0 } else { degrees }
}

/// Saturation vapour pressure over water, in Pa (Buck 1981, as in the documentation of ECMWF's IFS).
#[must_use]
pub fn saturation(t: f64) -> f64 {
    611.21 * (17.502 * (t - 273.16) / (t - 32.19)).exp()
}

/// Temperature at which a vapour pressure saturates: the inverse of [`saturation`], in K.
#[must_use]
pub fn dew_point(vapour: f64) -> f64 {
    let ln = (vapour / 611.21).ln();
    (17.502 * 273.16 - 32.19 * ln) / (17.502 - ln)
}

/// Vapour pressure of a specific humidity at a pressure, in Pa.
#[must_use]
pub fn vapour(q: f64, p: f64) -> f64 {
    let ratio = R_DRY / R_VAPOUR;
    q * p / (ratio + (1.0 - ratio) * q)
}

/// Specific humidity of a vapour pressure at a pressure, in kg/kg.
#[must_use]
pub fn specific_humidity(vapour: f64, p: f64) -> f64 {
    let ratio = R_DRY / R_VAPOUR;
    ratio * vapour / (p - (1.0 - ratio) * vapour)
}

/// Relative humidity over water, in %: not cut off at 100; a negative specific humidity counts as none.
#[must_use]
pub fn relative_humidity(q: f64, t: f64, p: f64) -> f64 {
    100.0 * vapour(q.max(0.0), p) / saturation(t)
}

/// Virtual temperature, in K.
#[must_use]
pub fn virtual_temperature(t: f64, q: f64) -> f64 {
    t * (1.0 + (R_VAPOUR / R_DRY - 1.0) * q)
}

/// Potential temperature for 1000 hPa, in K.
#[must_use]
pub fn potential_temperature(t: f64, p: f64) -> f64 {
    t * (100_000.0 / p).powf(KAPPA)
}

/// Apparent temperature in the shade (Steadman 1994, as Australia's Bureau of Meteorology gives it), in K: from temperature
/// (K), vapour pressure (Pa) and wind speed at 10 m.
#[must_use]
pub fn apparent_temperature(t: f64, vapour: f64, wind: f64) -> f64 {
    t + 0.33 * vapour / 100.0 - 0.70 * wind - 4.00
}

/// Wind speed at another height by the power law, with an exponent (1/7 over land in neutral air, 0.11 over sea).
#[must_use]
pub fn power_law(speed: f64, from: f64, to: f64, exponent: f64) -> f64 {
    speed * (to / from).powf(exponent)
}

/// Wind speed at a height between (or beyond) two heights (m, m/s) where it is known, linear in the logarithm of height.
#[must_use]
pub fn log_profile(low: (f64, f64), high: (f64, f64), to: f64) -> f64 {
    let share = (to / low.0).ln() / (high.0 / low.0).ln();
    (low.1 + share * (high.1 - low.1)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, within: f64) {
        assert!((a - b).abs() <= within, "{a} {b}");
    }

    #[test]
    fn winds_come_from_where_they_are_said_to() {
        for (u, v, from) in [
            (0.0, -1.0, 0.0),
            (-1.0, 0.0, 90.0),
            (0.0, 1.0, 180.0),
            (1.0, 0.0, 270.0),
            (1.0, 1.0, 225.0),
        ] {
            near(direction(u, v), from, 1e-12);
        }
        near(direction(0.0, 0.0), 0.0, 0.0);
        assert!((0.0..360.0).contains(&direction(1e-300, -1.0)));
        near(speed(3.0, 4.0), 5.0, 1e-12);
    }

    #[test]
    fn humidities_turn_into_each_other() {
        // Tables: 23.37 hPa at 20 C, 6.11 hPa at 0 C; both to the formula's 0.2 %.
        near(saturation(293.15) / 2337.0, 1.0, 2e-3);
        near(saturation(273.15) / 611.2, 1.0, 2e-3);
        for t in [230.0, 260.0, 285.0, 310.0] {
            near(dew_point(saturation(t)), t, 1e-9);
            let q = specific_humidity(0.6 * saturation(t), 85_000.0);
            near(relative_humidity(q, t, 85_000.0), 60.0, 1e-9);
            near(vapour(q, 85_000.0), 0.6 * saturation(t), 1e-9);
        }
        near(relative_humidity(-1e-6, 280.0, 1e5), 0.0, 0.0);
    }

    #[test]
    fn temperatures_and_profiles() {
        near(virtual_temperature(300.0, 0.01), 301.823, 2e-3);
        near(potential_temperature(250.0, 50_000.0), 304.75, 0.01);
        near(potential_temperature(288.0, 100_000.0), 288.0, 1e-12);
        // 30 C, 20 hPa, 2 m/s: 30 + 6.6 - 1.4 - 4 = 31.2 C.
        near(apparent_temperature(303.15, 2000.0, 2.0), 304.35, 1e-9);
        near(power_law(5.0, 10.0, 100.0, 1.0 / 7.0), 6.947, 1e-3);
        near(log_profile((10.0, 5.0), (100.0, 8.0), 100.0), 8.0, 1e-12);
        near(log_profile((10.0, 5.0), (100.0, 8.0), 31.622_776_6), 6.5, 1e-6);
    }
}
