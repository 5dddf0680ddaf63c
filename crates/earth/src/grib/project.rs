//! Projections: where the points of Lambert, polar stereographic, Mercator, rotated and HEALPix grids lie on the globe.
//!
//! Formulas of a sphere and an ellipsoid after Snyder, "Map Projections: A Working Manual" (USGS 1395), and of HEALPix after
//! Górski et al. 2005.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use super::layout::{Point, Rotation};
use super::octets::Why;
use super::wind::Axes;

/// Size of the Earth: half axes in m; equal for a sphere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Earth {
    pub(super) equator: f64,
    pub(super) pole: f64,
}

impl Earth {
    pub(super) fn sphere(radius: f64) -> Self {
        Self { equator: radius, pole: radius }
    }

    /// The ellipsoid's eccentricity.
    fn eccentricity(self) -> f64 {
        let ratio = self.pole / self.equator;
        (1.0 - ratio * ratio).max(0.0).sqrt()
    }
}

/// A projected grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plane {
    pub(super) ni: usize,
    pub(super) nj: usize,
    pub(super) first: Point,
    /// Steps along columns and rows, in m, always positive.
    pub(super) step: (f64, f64),
    pub(super) earth: Earth,
    pub(super) kind: PlaneKind,
}

/// The projection of a plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PlaneKind {
    /// Steps hold at latitude `at`.
    Mercator { at: f64 },
    /// Meridian that is vertical, and the two latitudes that the cone cuts.
    Lambert { meridian: f64, cuts: (f64, f64) },
    /// Meridian that is vertical; steps hold at latitude `at`; whether the pole is the south pole.
    Polar { meridian: f64, at: f64, south: bool },
}

/// Snyder's t (15-9): the tangent that conformal projections share.
fn tangent(lat: f64, e: f64) -> f64 {
    let sine = lat.sin();
    (FRAC_PI_4 - lat / 2.0).tan() / ((1.0 - e * sine) / (1.0 + e * sine)).powf(e / 2.0)
}

/// Snyder's m (14-15): the radius of a parallel over the equator's.
fn parallel(lat: f64, e: f64) -> f64 {
    lat.cos() / (1.0 - (e * lat.sin()).powi(2)).sqrt()
}

/// The latitude of a t, by iteration (7-9).
fn latitude(t: f64, e: f64) -> f64 {
    let mut lat = FRAC_PI_2 - 2.0 * t.atan();
    if e == 0.0 {
        return lat;
    }
    for _ in 0..15 {
        let sine = e * lat.sin();
        let next = FRAC_PI_2 - 2.0 * (t * ((1.0 - sine) / (1.0 + sine)).powf(e / 2.0)).atan();
        let apart = (next - lat).abs();
        lat = next;
        if apart < 1e-13 {
            break;
        }
    }
    lat
}

/// The constant of the cone that cuts two latitudes (15-8), or touches one.
fn cone(one: f64, two: f64, e: f64) -> f64 {
    if (one - two).abs() < 1e-10 {
        return one.sin();
    }
    (parallel(one, e) / parallel(two, e)).ln() / (tangent(one, e) / tangent(two, e)).ln()
}

/// A longitude in 0..360.
fn wrapped(degrees: f64) -> f64 {
    let lon = degrees.rem_euclid(360.0);
    // A hair below 0 is 0, not 360.
    if 360.0 - lon < 1e-10 { 0.0 } else { lon }
}

impl Plane {
    /// CF's name of the projection.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            PlaneKind::Mercator { .. } => "mercator",
            PlaneKind::Lambert { .. } => "lambert_conformal_conic",
            PlaneKind::Polar { .. } => "polar_stereographic",
        }
    }

    /// How columns and rows lie to the meridians.
    pub(super) fn axes(&self) -> Axes {
        match self.kind {
            PlaneKind::Mercator { .. } => Axes::Straight,
            PlaneKind::Lambert { meridian, cuts: (one, two) } => {
                let e = self.earth.eccentricity();
                Axes::Cone { constant: cone(one.to_radians(), two.to_radians(), e), meridian }
            }
            PlaneKind::Polar { meridian, south, .. } => {
                Axes::Cone { constant: if south { -1.0 } else { 1.0 }, meridian }
            }
        }
    }

    /// Latitudes and longitudes of all points, row by row, as the scanning flags say columns and rows go.
    pub(super) fn coordinates(&self, scan: u8) -> Result<(Vec<f64>, Vec<f64>), Why> {
        let east = if scan & 0x80 == 0 { self.step.0 } else { -self.step.0 };
        let north = if scan & 0x40 == 0 { -self.step.1 } else { self.step.1 };
        let sizes = [self.earth.equator, self.earth.pole, self.step.0, self.step.1];
        if !sizes.iter().all(|size| size.is_finite() && *size > 0.0) {
            return Err("a projection without size or steps".into());
        }
        let (lats, lons): (Vec<f64>, Vec<f64>) = match self.kind {
            PlaneKind::Mercator { at } => self.mercator(at, (east, north)),
            PlaneKind::Lambert { meridian, cuts } => self.lambert(meridian, cuts, (east, north))?,
            PlaneKind::Polar { meridian, at, south } => {
                self.polar(meridian, at, south, (east, north))
            }
        };
        if lats.iter().chain(&lons).all(|angle| angle.is_finite()) {
            Ok((lats, lons))
        } else {
            Err("a projection whose points lie nowhere".into())
        }
    }

    fn mercator(&self, at: f64, (east, north): (f64, f64)) -> (Vec<f64>, Vec<f64>) {
        let e = self.earth.eccentricity();
        let scale = self.earth.equator * parallel(at.to_radians(), e);
        let first = -tangent(self.first.0.to_radians(), e).ln();
        let lats: Vec<f64> = (0..self.nj)
            .map(|row| latitude((-(first + row as f64 * north / scale)).exp(), e).to_degrees())
            .collect();
        let lons: Vec<f64> = (0..self.ni)
            .map(|column| wrapped(self.first.1 + (column as f64 * east / scale).to_degrees()))
            .collect();
        let every = |lat: &f64| lons.iter().map(move |lon| (*lat, *lon)).collect::<Vec<_>>();
        lats.iter().flat_map(every).unzip()
    }

    fn lambert(
        &self,
        meridian: f64,
        cuts: (f64, f64),
        (east, north): (f64, f64),
    ) -> Result<(Vec<f64>, Vec<f64>), Why> {
        let e = self.earth.eccentricity();
        let (one, two) = (cuts.0.to_radians(), cuts.1.to_radians());
        if (one + two).abs() < 1e-10 || one.abs() > FRAC_PI_2 || two.abs() > FRAC_PI_2 {
            return Err(format!("no cone cuts the latitudes {} and {}", cuts.0, cuts.1));
        }
        let cone = cone(one, two, e);
        let factor = self.earth.equator * parallel(one, e) / (cone * tangent(one, e).powf(cone));
        let radius = factor * tangent(self.first.0.to_radians(), e).powf(cone);
        let turn = cone * half_turn(self.first.1 - meridian).to_radians();
        // From the cone's apex, northward negative.
        let (x0, y0) = (radius * turn.sin(), -radius * turn.cos());
        let point = |x: f64, y: f64| {
            let sign = cone.signum();
            let radius = sign * x.hypot(y);
            let angle = (sign * x).atan2(-sign * y);
            let lat = latitude((radius / factor).powf(1.0 / cone), e).to_degrees();
            (lat, wrapped(meridian + (angle / cone).to_degrees()))
        };
        Ok(self.plane((x0, y0), (east, north), point))
    }

    fn polar(
        &self,
        meridian: f64,
        at: f64,
        south: bool,
        (east, north): (f64, f64),
    ) -> (Vec<f64>, Vec<f64>) {
        let e = self.earth.eccentricity();
        let sign = if south { -1.0 } else { 1.0 };
        let at = at.abs().to_radians();
        // Radius of the parallel where t is 1, from the latitude at which steps are true (21-34; 21-33 at the pole).
        let scale = if (FRAC_PI_2 - at).abs() < 1e-10 {
            2.0 * self.earth.equator / ((1.0 + e).powf(1.0 + e) * (1.0 - e).powf(1.0 - e)).sqrt()
        } else {
            self.earth.equator * parallel(at, e) / tangent(at, e)
        };
        let radius = scale * tangent((sign * self.first.0).to_radians(), e);
        let turn = (sign * (self.first.1 - meridian)).to_radians();
        let (x0, y0) = (sign * radius * turn.sin(), -sign * radius * turn.cos());
        let point = |x: f64, y: f64| {
            let (x, y) = (sign * x, sign * y);
            let radius = x.hypot(y);
            let lat = sign * latitude(radius / scale, e).to_degrees();
            let angle = if radius == 0.0 { 0.0 } else { x.atan2(-y) };
            (lat, wrapped(meridian + sign * angle.to_degrees()))
        };
        self.plane((x0, y0), (east, north), point)
    }

    fn plane(
        &self,
        (x0, y0): (f64, f64),
        (east, north): (f64, f64),
        point: impl Fn(f64, f64) -> Point,
    ) -> (Vec<f64>, Vec<f64>) {
        let size = self.ni * self.nj;
        let (mut lats, mut lons) = (Vec::with_capacity(size), Vec::with_capacity(size));
        for row in 0..self.nj {
            for column in 0..self.ni {
                let (lat, lon) = point(x0 + column as f64 * east, y0 + row as f64 * north);
                lats.push(lat);
                lons.push(lon);
            }
        }
        (lats, lons)
    }
}

/// An angle in −180..180.
fn half_turn(degrees: f64) -> f64 {
    (degrees + 180.0).rem_euclid(360.0) - 180.0
}

/// The place on the globe of a point of a rotated grid.
pub(super) fn unrotate((lat, lon): Point, rotation: Rotation) -> Point {
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    let (sin_lon, cos_lon) = (lon - rotation.angle).to_radians().sin_cos();
    let (x, y, z) = (cos_lat * cos_lon, cos_lat * sin_lon, sin_lat);
    let tilt = -(90.0 + rotation.south.0).to_radians();
    let (sin_tilt, cos_tilt) = tilt.sin_cos();
    let (x1, z1) = (cos_tilt * x + sin_tilt * z, cos_tilt * z - sin_tilt * x);
    let lon = y.atan2(x1).to_degrees() + rotation.south.1;
    (z1.clamp(-1.0, 1.0).asin().to_degrees(), wrapped(lon))
}

/// Latitudes and longitudes of the pixels of a HEALPix grid, in its ring or nested order.
pub(super) fn healpix(nside: usize, nested: bool, first: f64) -> (Vec<f64>, Vec<f64>) {
    // The first base pixel of the plain grid is centred at 45 E.
    let turn = first - 45.0;
    let pixels = 12 * nside * nside;
    let at = |pixel: usize| {
        let (z, angle) = if nested { of_nested(nside, pixel) } else { of_ring(nside, pixel) };
        (z.clamp(-1.0, 1.0).asin().to_degrees(), wrapped(angle.to_degrees() + turn))
    };
    (0..pixels).map(at).unzip()
}

/// Sine of the latitude, and longitude, of the `at`th pixel of a ring (from 1 at the north pole).
fn on_ring(nside: usize, ring: usize, at: usize) -> (f64, f64) {
    let n = nside as f64;
    if ring < nside || ring > 3 * nside {
        let from_pole = ring.min(4 * nside - ring) as f64;
        let z = 1.0 - from_pole * from_pole / (3.0 * n * n);
        let z = if ring < nside { z } else { -z };
        (z, PI / 2.0 / from_pole * (at as f64 + 0.5))
    } else {
        let shift = if (ring - nside).is_multiple_of(2) { 0.5 } else { 0.0 };
        (4.0 / 3.0 - 2.0 * ring as f64 / (3.0 * n), PI / 2.0 / n * (at as f64 + shift))
    }
}

fn of_ring(nside: usize, pixel: usize) -> (f64, f64) {
    let cap = 2 * nside * (nside - 1);
    let pixels = 12 * nside * nside;
    if pixel < cap {
        let ring = ((1.0 + (1.0 + 2.0 * pixel as f64).sqrt()) / 2.0).floor() as usize;
        on_ring(nside, ring, pixel - 2 * ring * (ring - 1))
    } else if pixel < pixels - cap {
        let within = pixel - cap;
        on_ring(nside, within / (4 * nside) + nside, within % (4 * nside))
    } else {
        let back = pixels - pixel;
        let ring = ((1.0 + (2.0 * back as f64 - 1.0).sqrt()) / 2.0).floor() as usize;
        let at = 4 * ring - (back - 2 * ring * (ring - 1));
        on_ring(nside, 4 * nside - ring, at)
    }
}

fn of_nested(nside: usize, pixel: usize) -> (f64, f64) {
    let (face, within) = (pixel / (nside * nside), pixel % (nside * nside));
    let even = |bits: usize| (0..32).fold(0, |sum, bit| sum | (bits >> (2 * bit) & 1) << bit);
    let (x, y) = (even(within), even(within >> 1));
    // Rings of the faces' southern corners, and their longitudes, in units of nside and of an eighth of a turn.
    let south = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4][face];
    let eighths = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7][face];
    let ring = south * nside - x - y - 1;
    let in_ring = if ring < nside {
        ring
    } else if ring > 3 * nside {
        4 * nside - ring
    } else {
        nside
    };
    let (z, _) = on_ring(nside, ring, 0);
    let steps = (eighths * in_ring + x) as f64 - y as f64;
    (z, PI / 4.0 / in_ring as f64 * steps)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn healpix_orders_hold_the_same_pixels() {
        let points = |nested| {
            let (lats, lons) = healpix(4, nested, 45.0);
            let mut all: Vec<(i64, i64)> = lats
                .iter()
                .zip(&lons)
                .map(|(lat, lon)| ((lat * 1e7).round() as i64, (lon * 1e7).round() as i64))
                .collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        assert_eq!(points(false).len(), 192);
        assert_eq!(points(false), points(true));
    }

    #[test]
    fn a_plane_begins_at_its_first_point() {
        let earth = Earth { equator: 6_378_137.0, pole: 6_356_752.0 };
        let kinds = [
            PlaneKind::Mercator { at: 20.0 },
            PlaneKind::Lambert { meridian: 262.0, cuts: (25.0, 55.0) },
            PlaneKind::Polar { meridian: 262.0, at: 60.0, south: false },
        ];
        for kind in kinds {
            for earth in [earth, Earth::sphere(6_371_229.0)] {
                let plane =
                    Plane { ni: 3, nj: 2, first: (35.0, 250.0), step: (1e4, 1e4), earth, kind };
                let (lats, lons) = plane.coordinates(0x40).unwrap();
                assert!(
                    (lats[0] - 35.0).abs() < 1e-9 && (lons[0] - 250.0).abs() < 1e-9,
                    "{kind:?}"
                );
                assert!(lats[3] > 35.0 && lons[1] > 250.0, "{kind:?} {lats:?} {lons:?}");
            }
        }
        let plane = Plane {
            ni: 2,
            nj: 2,
            first: (-70.0, 10.0),
            step: (1e4, 1e4),
            earth,
            kind: PlaneKind::Polar { meridian: 0.0, at: -60.0, south: true },
        };
        let (lats, lons) = plane.coordinates(0x40).unwrap();
        assert!((lats[0] + 70.0).abs() < 1e-9 && (lons[0] - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_turn_of_the_pole_by_nothing_is_nothing() {
        let (lat, lon) = unrotate((10.0, 20.0), Rotation { south: (-90.0, 0.0), angle: 0.0 });
        assert!((lat - 10.0).abs() < 1e-12 && (lon - 20.0).abs() < 1e-12);
    }
}
