//! Map projections of a sphere of radius one, forwards and backwards.
//!
//! Formulas after Snyder, "Map Projections: A Working Manual" (USGS 1395), those of the sphere.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

/// A projection. Angles in degrees; x to the right, y upwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Projection {
    /// Meridians and parallels are straight and equally spaced; scale is true at `true_lat`.
    Equirectangular {
        /// Longitude in the middle.
        centre: f64,
        /// Latitude where a degree of longitude is as long as it should be beside one of latitude.
        true_lat: f64,
    },
    /// Conformal, north up.
    Mercator {
        /// Longitude in the middle.
        centre: f64,
    },
    /// Conformal around a pole.
    PolarStereographic {
        /// Around the south pole.
        south: bool,
        /// Longitude that points down (up, around the south pole).
        meridian: f64,
    },
    /// Conformal conic.
    Lambert {
        /// Longitude that points up.
        meridian: f64,
        /// Latitudes that the cone cuts; both of one hemisphere.
        cuts: (f64, f64),
    },
    /// The globe seen from afar.
    Orthographic {
        /// Latitude in the middle.
        lat: f64,
        /// Longitude in the middle.
        lon: f64,
    },
}

/// A longitude within half a turn of another's.
#[must_use]
pub fn near(lon: f64, centre: f64) -> f64 {
    let apart = (lon - centre + 180.0).rem_euclid(360.0) - 180.0;
    centre + apart
}

/// Mercator ends here, where its map is a square.
const MERCATOR_END: f64 = 85.051_128_779_806_59;

impl Projection {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Equirectangular { .. } => "equirectangular",
            Self::Mercator { .. } => "mercator",
            Self::PolarStereographic { .. } => "polar",
            Self::Lambert { .. } => "lambert",
            Self::Orthographic { .. } => "orthographic",
        }
    }

    /// The longitude along which the map is cut; none where it is not.
    #[must_use]
    pub fn seam(self) -> Option<f64> {
        match self {
            Self::Equirectangular { centre, .. } | Self::Mercator { centre } => {
                Some(centre + 180.0)
            }
            Self::Lambert { meridian, .. } => Some(meridian + 180.0),
            Self::PolarStereographic { .. } | Self::Orthographic { .. } => None,
        }
    }

    /// Whether parallels and meridians are straight lines along the frame.
    #[must_use]
    pub fn is_cylindrical(self) -> bool {
        matches!(self, Self::Equirectangular { .. } | Self::Mercator { .. })
    }

    /// The cone's constant and its scale (Snyder 15-2, 15-3).
    fn cone(cuts: (f64, f64)) -> (f64, f64) {
        let (one, two) = (cuts.0.to_radians(), cuts.1.to_radians());
        let tangent = |lat: f64| (FRAC_PI_4 + lat / 2.0).tan();
        let n = if (one - two).abs() < 1e-9 {
            one.sin()
        } else {
            (one.cos() / two.cos()).ln() / (tangent(two) / tangent(one)).ln()
        };
        (n, one.cos() * tangent(one).powf(n) / n)
    }

    /// Where a place lies; none where the projection does not show it.
    #[must_use]
    pub fn forward(self, lat: f64, lon: f64) -> Option<(f64, f64)> {
        let phi = lat.to_radians();
        match self {
            Self::Equirectangular { centre, true_lat } => {
                let x = (near(lon, centre) - centre).to_radians() * true_lat.to_radians().cos();
                Some((x, phi))
            }
            Self::Mercator { centre } => {
                let phi = lat.clamp(-MERCATOR_END, MERCATOR_END).to_radians();
                Some((
                    (near(lon, centre) - centre).to_radians(),
                    (FRAC_PI_4 + phi / 2.0).tan().ln(),
                ))
            }
            Self::PolarStereographic { south, meridian } => {
                let side = if south { -1.0 } else { 1.0 };
                if lat * side < -80.0 {
                    return None;
                }
                let r = 2.0 * (FRAC_PI_4 - side * phi / 2.0).tan();
                let turn = (lon - meridian).to_radians();
                Some((r * turn.sin(), -side * r * turn.cos()))
            }
            Self::Lambert { meridian, cuts } => {
                let (n, f) = Self::cone(cuts);
                let phi = if n > 0.0 { lat.max(-75.0) } else { lat.min(75.0) }.to_radians();
                let r = f / (FRAC_PI_4 + phi / 2.0).tan().max(1e-12).powf(n);
                let turn = n * (near(lon, meridian) - meridian).to_radians();
                Some((r * turn.sin(), -r * turn.cos()))
            }
            Self::Orthographic { lat: lat0, lon: lon0 } => {
                let (sine0, cosine0) = lat0.to_radians().sin_cos();
                let (sine, cosine) = phi.sin_cos();
                let (across, along) = (lon - lon0).to_radians().sin_cos();
                let towards = sine0 * sine + cosine0 * cosine * along;
                (towards >= 0.0)
                    .then_some((cosine * across, cosine0 * sine - sine0 * cosine * along))
            }
        }
    }

    /// Latitude and longitude of a point of the map; none outside of it.
    #[must_use]
    pub fn inverse(self, x: f64, y: f64) -> Option<(f64, f64)> {
        let slack = 1e-7;
        match self {
            Self::Equirectangular { centre, true_lat } => {
                let turn = x / true_lat.to_radians().cos();
                let (lat, turn) = (y.to_degrees(), turn.to_degrees());
                (lat.abs() <= 90.0 + slack && turn.abs() <= 180.0 + slack)
                    .then(|| (lat.clamp(-90.0, 90.0), centre + turn))
            }
            Self::Mercator { centre } => {
                let (lat, turn) = ((2.0 * y.exp().atan() - FRAC_PI_2).to_degrees(), x.to_degrees());
                (lat.abs() <= MERCATOR_END + slack && turn.abs() <= 180.0 + slack)
                    .then_some((lat, centre + turn))
            }
            Self::PolarStereographic { south, meridian } => {
                let side = if south { -1.0 } else { 1.0 };
                let r = x.hypot(y);
                let lat = side * (FRAC_PI_2 - 2.0 * (r / 2.0).atan()).to_degrees();
                let lon = meridian + x.atan2(-side * y).to_degrees();
                (lat * side >= -80.0 - slack).then_some((lat, lon))
            }
            Self::Lambert { meridian, cuts } => {
                let (n, f) = Self::cone(cuts);
                let side = n.signum();
                let r = side * x.hypot(y);
                let turn = (side * x).atan2(-side * y).to_degrees() / n;
                if turn.abs() > 180.0 {
                    return None;
                }
                if r == 0.0 {
                    return Some((90.0 * side, meridian));
                }
                let lat = (2.0 * (f / r).powf(1.0 / n).atan() - FRAC_PI_2).to_degrees();
                (lat * side >= -75.0 - slack).then_some((lat, meridian + turn))
            }
            Self::Orthographic { lat, lon } => {
                let r = x.hypot(y);
                if r > 1.0 + slack {
                    return None;
                }
                let (sine0, cosine0) = lat.to_radians().sin_cos();
                let depth = (1.0 - r * r).max(0.0).sqrt();
                let sine = depth * sine0 + y * cosine0;
                let turn = x.atan2(depth * cosine0 - y * sine0);
                Some((sine.clamp(-1.0, 1.0).asin().to_degrees(), lon + turn.to_degrees()))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ALL: [Projection; 8] = [
        Projection::Equirectangular { centre: 100.0, true_lat: 0.0 },
        Projection::Equirectangular { centre: -170.0, true_lat: 40.0 },
        Projection::Mercator { centre: 0.0 },
        Projection::PolarStereographic { south: false, meridian: 105.0 },
        Projection::PolarStereographic { south: true, meridian: 0.0 },
        Projection::Lambert { meridian: 105.0, cuts: (25.0, 47.0) },
        Projection::Lambert { meridian: -60.0, cuts: (-20.0, -20.0) },
        Projection::Orthographic { lat: 35.0, lon: 110.0 },
    ];

    #[test]
    fn places_come_back() {
        for projection in ALL {
            let mut shown = 0;
            for lat in (-85..=85).step_by(5).map(f64::from) {
                for lon in (-179..=179).step_by(7).map(f64::from) {
                    let Some((x, y)) = projection.forward(lat, lon) else { continue };
                    if matches!(projection, Projection::Lambert { .. }) && lat.abs() > 74.0 {
                        continue;
                    }
                    let (back, turned) = projection.inverse(x, y).unwrap();
                    let apart = near(turned, lon) - lon;
                    // The rim of a globe is seen edge on.
                    let most = if matches!(projection, Projection::Orthographic { .. }) {
                        1e-4
                    } else {
                        1e-7
                    };
                    assert!((back - lat).abs() < most, "{projection:?} {lat} {lon}: {back}");
                    assert!(
                        (apart * lat.to_radians().cos()).abs() < most,
                        "{projection:?} {lat} {lon}: {turned}"
                    );
                    shown += 1;
                }
            }
            assert!(shown > 800, "{projection:?} {shown}");
        }
    }

    #[test]
    fn conformal_projections_keep_angles_and_known_points() {
        for projection in &ALL[2..7] {
            for (lat, lon) in [(30.0, 100.0), (-40.0, -60.0), (60.0, 20.0)] {
                let at = |lat, lon| projection.forward(lat, lon).unwrap();
                let h = 1e-4;
                let (west, east) = (at(lat, lon - h), at(lat, lon + h));
                let (south, north) = (at(lat - h, lon), at(lat + h, lon));
                let shrink = lat.to_radians().cos();
                let e = ((east.0 - west.0) / shrink, (east.1 - west.1) / shrink);
                let n = (north.0 - south.0, north.1 - south.1);
                let (le, ln) = (e.0.hypot(e.1), n.0.hypot(n.1));
                assert!((le / ln - 1.0).abs() < 1e-6, "{projection:?}");
                // East is a quarter turn clockwise of north: no projection mirrors.
                assert!(((n.0 * e.1 - n.1 * e.0) / (le * ln) + 1.0).abs() < 1e-6, "{projection:?}");
            }
        }
        // Snyder's example of Lambert (page 295, on the unit sphere): 33 and 45 N, origin at 96 W and 23 N; 35 N 75 W.
        let snyder = Projection::Lambert { meridian: -96.0, cuts: (33.0, 45.0) };
        let (origin, point) =
            (snyder.forward(23.0, -96.0).unwrap(), snyder.forward(35.0, -75.0).unwrap());
        assert!(
            (point.0 - origin.0 - 0.296_678_5).abs() < 1e-6
                && (point.1 - origin.1 - 0.246_211_2).abs() < 1e-6
        );
        let polar = Projection::PolarStereographic { south: false, meridian: 105.0 };
        let (x, y) = polar.forward(60.0, 105.0).unwrap();
        assert!(x.abs() < 1e-12 && y < 0.0, "the meridian points down");
        assert!(Projection::Orthographic { lat: 0.0, lon: 0.0 }.forward(0.0, 100.0).is_none());
    }
}
