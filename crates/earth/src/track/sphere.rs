//! Distances and directions on the sphere, in km and degrees.

use crate::grid::EARTH_RADIUS;

/// Kilometres of a degree along a great circle.
pub const KM_PER_DEGREE: f64 = EARTH_RADIUS / 1000.0 * std::f64::consts::PI / 180.0;

/// A place: latitude and longitude, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Latitude.
    pub lat: f64,
    /// Longitude.
    pub lon: f64,
}

impl Place {
    /// A place.
    #[must_use]
    pub fn new(lat: f64, lon: f64) -> Self {
        Self { lat, lon }
    }

    /// Great-circle distance, in km (haversine).
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        let (lat0, lat1) = (self.lat.to_radians(), other.lat.to_radians());
        let (dlat, dlon) = (lat1 - lat0, (other.lon - self.lon).to_radians());
        let square = |x: f64| x * x;
        let h = square((dlat / 2.0).sin()) + lat0.cos() * lat1.cos() * square((dlon / 2.0).sin());
        2.0 * EARTH_RADIUS / 1000.0 * h.clamp(0.0, 1.0).sqrt().asin()
    }

    /// Direction in which the other place lies, in degrees clockwise from north.
    #[must_use]
    pub fn bearing(self, other: Self) -> f64 {
        let (lat0, lat1) = (self.lat.to_radians(), other.lat.to_radians());
        let dlon = (other.lon - self.lon).to_radians();
        let east = dlon.sin() * lat1.cos();
        let north = lat0.cos() * lat1.sin() - lat0.sin() * lat1.cos() * dlon.cos();
        east.atan2(north).to_degrees().rem_euclid(360.0)
    }

    /// The place at a distance in km in a direction.
    #[must_use]
    pub fn step(self, bearing: f64, km: f64) -> Self {
        let (lat, angle, turn) =
            (self.lat.to_radians(), km * 1000.0 / EARTH_RADIUS, bearing.to_radians());
        let sin = lat.sin() * angle.cos() + lat.cos() * angle.sin() * turn.cos();
        let lat1 = sin.clamp(-1.0, 1.0).asin();
        let east = turn.sin() * angle.sin() * lat.cos();
        let dlon = east.atan2(angle.cos() - lat.sin() * lat1.sin());
        Self { lat: lat1.to_degrees(), lon: wrapped(self.lon + dlon.to_degrees()) }
    }

    /// Where going on from `before` over this place leads, after `share` of the time between them.
    #[must_use]
    pub fn beyond(self, before: Self, share: f64) -> Self {
        let km = before.distance(self);
        if km < 1e-9 {
            return self;
        }
        // The direction on arrival is opposite to the one back.
        self.step(self.bearing(before) + 180.0, km * share)
    }

    /// A place between this (0) and another (1) along the great circle.
    #[must_use]
    pub fn between(self, other: Self, share: f64) -> Self {
        let km = self.distance(other);
        if km < 1e-9 { self } else { self.step(self.bearing(other), km * share) }
    }
}

/// A longitude in −180..180.
#[must_use]
pub fn wrapped(lon: f64) -> f64 {
    // Those within keep every bit.
    if (-180.0..180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances_and_ways() {
        // Beijing to Shanghai, 1068 km.
        let (beijing, shanghai) = (Place::new(39.904, 116.407), Place::new(31.230, 121.474));
        assert!((beijing.distance(shanghai) - 1068.0).abs() < 2.0);
        assert!(
            (Place::new(0.0, 359.5).distance(Place::new(0.0, 0.5)) - KM_PER_DEGREE).abs() < 1e-6
        );
        assert!(
            (Place::new(89.0, 0.0).distance(Place::new(89.0, 180.0)) - 2.0 * KM_PER_DEGREE).abs()
                < 1e-6
        );
        for (from, bearing) in [
            (Place::new(10.0, 179.0), 80.0),
            (Place::new(88.0, 5.0), 3.0),
            (Place::new(-60.0, -179.9), 250.0),
        ] {
            let to = from.step(bearing, 700.0);
            assert!((from.distance(to) - 700.0).abs() < 1e-6);
            assert!((from.bearing(to) - bearing).abs() < 1e-6);
            let on = to.beyond(from, 1.0);
            assert!((from.distance(on) - 1400.0).abs() < 1e-5);
            assert!(from.between(on, 0.5).distance(to) < 1e-5);
        }
    }
}
