//! A view: what part of a projection lies where in a picture.

use super::PlotError;
use super::projection::{Projection, near};
use super::scene::{Path, Pixel};
use crate::regrid::crop::Area;

/// A part of a projection in a rectangle of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The projection.
    pub projection: Projection,
    /// Left, bottom, right and top of what is shown, in the projection's plane.
    pub plane: [f64; 4],
    /// Left and top edge in the picture, in pixels.
    pub corner: (u32, u32),
    /// Width and height in the picture.
    pub size: (u32, u32),
    /// What is shown, where it was asked for.
    pub area: Option<Area>,
}

impl View {
    /// The view of an area (the whole globe, for none) as wide as is asked, and as high as it must be, though not above `most`.
    ///
    /// # Errors
    /// [`PlotError::Projection`] where the area has no extent in the projection, or lies outside of what it shows.
    pub fn new(
        projection: Projection,
        area: Option<Area>,
        width: u32,
        most: u32,
    ) -> Result<Self, PlotError> {
        let plane = extent(projection, area);
        let wrong = |why: &str| {
            Err(PlotError::Projection { projection: projection.name(), why: why.to_owned() })
        };
        let (wide, high) = (plane[2] - plane[0], plane[3] - plane[1]);
        if !(wide.is_finite() && high.is_finite() && wide > 1e-6 && high > 1e-6) {
            return wrong("the area has no extent, or lies outside of what the projection shows");
        }
        let ratio = high / wide;
        let (mut width, mut height) = (f64::from(width), f64::from(width) * ratio);
        if height > f64::from(most) {
            (width, height) = (f64::from(most) / ratio, f64::from(most));
        }
        if width < 32.0 || height < 32.0 {
            return wrong("the area is too narrow for a picture: give one whose sides differ less");
        }
        Ok(Self {
            projection,
            plane,
            corner: (0, 0),
            size: (width.round() as u32, height.round() as u32),
            area,
        })
    }

    /// The same at another place of the picture.
    #[must_use]
    pub fn at(mut self, left: u32, top: u32) -> Self {
        self.corner = (left, top);
        self
    }

    /// Left, top, right and bottom in the picture.
    #[must_use]
    pub fn rect(&self) -> [f32; 4] {
        let (left, top) = (self.corner.0 as f32, self.corner.1 as f32);
        [left, top, left + self.size.0 as f32, top + self.size.1 as f32]
    }

    /// The frame's outline: a circle for a globe, else a rectangle.
    #[must_use]
    pub fn outline(&self) -> Path {
        let [left, top, right, bottom] = self.rect();
        if matches!(self.projection, Projection::Orthographic { .. }) && self.area.is_none() {
            let scale = self.size.0 as f32 / (self.plane[2] - self.plane[0]) as f32;
            Path::circle((f32::midpoint(left, right), f32::midpoint(top, bottom)), scale)
        } else {
            Path::rect(left, top, right - left, bottom - top)
        }
    }

    fn to_pixel(self, (x, y): (f64, f64)) -> Pixel {
        let [left, bottom, right, top] = self.plane;
        (
            (f64::from(self.corner.0) + (x - left) / (right - left) * f64::from(self.size.0))
                as f32,
            (f64::from(self.corner.1) + (top - y) / (top - bottom) * f64::from(self.size.1)) as f32,
        )
    }

    /// Where a place lies in the picture, within the frame or not; none where the projection does not show it.
    #[must_use]
    pub fn pixel(&self, lat: f64, lon: f64) -> Option<Pixel> {
        self.projection.forward(lat, lon).map(|point| self.to_pixel(point))
    }

    /// Where a place lies in the picture, if that is within the frame.
    #[must_use]
    pub fn inside(&self, lat: f64, lon: f64, margin: f32) -> Option<Pixel> {
        let [left, top, right, bottom] = self.rect();
        self.pixel(lat, lon).filter(|(x, y)| {
            (left + margin..=right - margin).contains(x)
                && (top + margin..=bottom - margin).contains(y)
        })
    }

    /// Latitude and longitude of a pixel.
    #[must_use]
    pub fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let [left, bottom, right, top] = self.plane;
        let across = (x - f64::from(self.corner.0)) / f64::from(self.size.0);
        let down = (y - f64::from(self.corner.1)) / f64::from(self.size.1);
        self.projection.inverse(left + across * (right - left), top - down * (top - bottom))
    }

    /// Directions of east and north in the picture, each of length one.
    #[must_use]
    pub fn compass(&self, lat: f64, lon: f64) -> Option<(Pixel, Pixel)> {
        let (h, lat) = (1e-3, lat.clamp(-89.9, 89.9));
        let wide = h / lat.to_radians().cos();
        let unit = |from: (f64, f64), to: (f64, f64)| {
            // y goes down in a picture.
            let (x, y) = (to.0 - from.0, from.1 - to.1);
            let length = x.hypot(y);
            (length > 0.0).then_some(((x / length) as f32, (y / length) as f32))
        };
        let at = |lat, lon| self.projection.forward(lat, lon);
        let here = at(lat, lon)?;
        // Beside a seam or the rim of a globe one of the two neighbours is far off or out of sight.
        let towards = |ahead: Option<(f64, f64)>, behind: Option<(f64, f64)>| {
            let close = |point: &(f64, f64)| (point.0 - here.0).hypot(point.1 - here.1) < 0.1;
            match (ahead.filter(close), behind.filter(close)) {
                (Some(ahead), _) => unit(here, ahead),
                (None, Some(behind)) => unit(behind, here),
                _ => None,
            }
        };
        let east = towards(at(lat, lon + wide), at(lat, lon - wide))?;
        let north = towards(at(lat + h, lon), at(lat - h, lon))?;
        Some((east, north))
    }

    /// Lines on the globe as lines in the picture: long steps are divided, cut at the seam, at the rim of what is shown and
    /// at the frame; places are latitude and longitude.
    #[must_use]
    pub fn lines(&self, places: &[(f64, f64)]) -> Vec<Vec<Pixel>> {
        let mut whole: Vec<Vec<Pixel>> = Vec::new();
        let mut line: Vec<Pixel> = Vec::new();
        let mut before: Option<(f64, f64)> = None;
        for place in places {
            let Some(from) = before else {
                line.extend(self.pixel(place.0, place.1));
                before = Some(*place);
                continue;
            };
            let to = (place.0, near(place.1, from.1));
            let parts = ((to.0 - from.0).abs().max((to.1 - from.1).abs()) / 2.0).ceil().max(1.0);
            let mut last = from;
            for part in 1..=parts as usize {
                let share = part as f64 / parts;
                let next = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
                self.step(last, next, &mut line, &mut whole);
                last = next;
            }
            before = Some(*place);
        }
        whole.push(line);
        whole
            .into_iter()
            .filter(|line| line.len() > 1)
            .flat_map(|line| self.clipped(&line))
            .collect()
    }

    /// One short step of a line.
    fn step(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        line: &mut Vec<Pixel>,
        whole: &mut Vec<Vec<Pixel>>,
    ) {
        if let Some(seam) = self.projection.seam() {
            // The seam lies where the number of whole turns from it changes.
            let (a, b) = (from.1 - seam, to.1 - seam);
            let (turn_a, turn_b) = ((a / 360.0).floor(), (b / 360.0).floor());
            if turn_a != turn_b {
                let edge = 360.0 * turn_a.max(turn_b);
                let lat = from.0 + (to.0 - from.0) * (edge - a) / (b - a);
                let hair = 1e-9 * (b - a).signum();
                line.extend(self.pixel(lat, seam - hair));
                whole.push(std::mem::take(line));
                line.extend(self.pixel(lat, seam + hair));
                line.extend(self.pixel(to.0, to.1));
                return;
            }
        }
        match (self.pixel(from.0, from.1), self.pixel(to.0, to.1)) {
            (_, Some(here)) if !line.is_empty() => line.push(here),
            (None, Some(here)) => {
                line.extend(self.rim(to, from));
                line.push(here);
            }
            (Some(_), None) => {
                line.extend(self.rim(from, to));
                whole.push(std::mem::take(line));
            }
            (_, Some(here)) => line.push(here),
            (None, None) => {}
        }
    }

    /// The last visible point between a place that is shown and one that is not.
    fn rim(&self, shown: (f64, f64), hidden: (f64, f64)) -> Option<Pixel> {
        let (mut low, mut high) = (0.0, 1.0);
        let at = |share: f64| {
            self.pixel(
                shown.0 + share * (hidden.0 - shown.0),
                shown.1 + share * (hidden.1 - shown.1),
            )
        };
        for _ in 0..20 {
            let middle = f64::midpoint(low, high);
            if at(middle).is_some() { low = middle } else { high = middle }
        }
        at(low)
    }

    /// A line without what lies outside of the frame.
    #[must_use]
    pub fn clipped(&self, line: &[Pixel]) -> Vec<Vec<Pixel>> {
        let rect = self.rect();
        let mut out: Vec<Vec<Pixel>> = Vec::new();
        let mut current: Vec<Pixel> = Vec::new();
        for pair in line.windows(2) {
            match clip(pair[0], pair[1], rect) {
                Some((a, b)) => {
                    if current.last() != Some(&a) {
                        out.push(std::mem::take(&mut current));
                        current.push(a);
                    }
                    current.push(b);
                }
                None => out.push(std::mem::take(&mut current)),
            }
        }
        out.push(current);
        out.retain(|line| line.len() > 1);
        out
    }
}

/// The part of a segment within a rectangle (Liang and Barsky).
fn clip(a: Pixel, b: Pixel, [left, top, right, bottom]: [f32; 4]) -> Option<(Pixel, Pixel)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut first, mut last) = (0.0_f32, 1.0_f32);
    for (step, room) in [(-dx, a.0 - left), (dx, right - a.0), (-dy, a.1 - top), (dy, bottom - a.1)]
    {
        if step == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            first = first.max(room / step);
        } else {
            last = last.min(room / step);
        }
    }
    let at = |share: f32| (a.0 + share * dx, a.1 + share * dy);
    // A touch at a corner is no part of a line.
    (last - first > 1e-6)
        .then(|| (if first > 0.0 { at(first) } else { a }, if last < 1.0 { at(last) } else { b }))
}

/// What of the plane shows an area.
fn extent(projection: Projection, area: Option<Area>) -> [f64; 4] {
    let Some(area) = area else { return whole(projection) };
    let width = match area.east - area.west {
        width if width >= 360.0 => 360.0,
        width => width.rem_euclid(360.0),
    };
    let mut plane = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for down in 0..=60 {
        for across in 0..=60 {
            let lat = area.south + (area.north - area.south) * f64::from(down) / 60.0;
            // A hair inwards, so that edges on the seam lie on the sides they should.
            let share = (f64::from(across) / 60.0).clamp(1e-9, 1.0 - 1e-9);
            if let Some((x, y)) = projection.forward(lat, area.west + width * share) {
                plane = [plane[0].min(x), plane[1].min(y), plane[2].max(x), plane[3].max(y)];
            }
        }
    }
    plane
}

fn whole(projection: Projection) -> [f64; 4] {
    use std::f64::consts::{FRAC_PI_2, PI};
    match projection {
        Projection::Equirectangular { true_lat, .. } => {
            let x = PI * true_lat.to_radians().cos();
            [-x, -FRAC_PI_2, x, FRAC_PI_2]
        }
        // Beyond 80 degrees a Mercator map shows little but its own stretching.
        Projection::Mercator { centre } => {
            let y = projection.forward(80.0, centre).map_or(2.4, |point| point.1);
            [-PI, -y, PI, y]
        }
        Projection::PolarStereographic { south, meridian } => {
            let edge = if south { -20.0 } else { 20.0 };
            let r = projection.forward(edge, meridian).map_or(1.0, |point| point.1.abs());
            [-r, -r, r, r]
        }
        Projection::Lambert { cuts, .. } => {
            let (south, north) = if cuts.0 >= 0.0 { (10.0, 75.0) } else { (-75.0, -10.0) };
            let middle = match projection {
                Projection::Lambert { meridian, .. } => meridian,
                _ => 0.0,
            };
            let area = Area { north, south, west: middle - 70.0, east: middle + 70.0 };
            extent(projection, Some(area))
        }
        Projection::Orthographic { .. } => [-1.01, -1.01, 1.01, 1.01],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_line_across_the_seam_is_cut_there() {
        let view =
            View::new(Projection::Equirectangular { centre: 0.0, true_lat: 0.0 }, None, 720, 720)
                .unwrap();
        assert_eq!(view.size, (720, 360));
        for line in [
            [(0.0, 170.0), (10.0, -170.0)],
            [(0.0, 170.0), (10.0, 190.0)],
            [(10.0, -170.0), (0.0, 170.0)],
        ] {
            let parts = view.lines(&line);
            assert_eq!(parts.len(), 2, "{line:?} {parts:?}");
            // No step is longer than the two degrees it was divided into.
            for pair in parts.iter().flat_map(|part| part.windows(2)) {
                assert!((pair[0].0 - pair[1].0).abs() < 6.0, "{parts:?}");
            }
            let ends: Vec<f32> = parts.iter().flat_map(|part| part.iter().map(|p| p.0)).collect();
            assert!(ends.iter().any(|x| *x > 719.9) && ends.iter().any(|x| *x < 0.1));
        }
        // Seen across 180 E it is whole.
        let area = Area { north: 30.0, west: 150.0, south: -10.0, east: -150.0 };
        let pacific = View::new(
            Projection::Equirectangular { centre: 180.0, true_lat: 0.0 },
            Some(area),
            600,
            600,
        )
        .unwrap();
        assert_eq!(pacific.size, (600, 400));
        let parts = pacific.lines(&[(0.0, 170.0), (10.0, -170.0)]);
        assert_eq!(parts.len(), 1);
        assert!(
            (parts[0][0].0 - 200.0).abs() < 0.01
                && (parts[0].last().unwrap().0 - 400.0).abs() < 0.01
        );
    }

    #[test]
    fn lines_end_at_the_rim_and_at_the_frame() {
        let globe =
            View::new(Projection::Orthographic { lat: 0.0, lon: 0.0 }, None, 404, 404).unwrap();
        let parts = globe.lines(&[(0.0, 0.0), (0.0, 170.0)]);
        assert_eq!(parts.len(), 1);
        let end = parts[0].last().unwrap();
        assert!((end.0 - 402.0).abs() < 0.2 && (end.1 - 202.0).abs() < 0.2, "{end:?}");
        let area = Area { north: 10.0, west: 0.0, south: 0.0, east: 20.0 };
        let view = View::new(
            Projection::Equirectangular { centre: 10.0, true_lat: 0.0 },
            Some(area),
            400,
            400,
        )
        .unwrap();
        let parts = view.lines(&[(5.0, -10.0), (5.0, 30.0)]);
        assert_eq!((parts.len(), parts[0][0].0, parts[0].last().unwrap().0), (1, 0.0, 400.0));
        assert!(view.lines(&[(50.0, -10.0), (60.0, 30.0)]).is_empty());
    }

    #[test]
    fn pixels_and_places_agree_and_north_is_up() {
        let area = Area { north: 55.0, west: 70.0, south: 15.0, east: 140.0 };
        let view = View::new(
            Projection::Lambert { meridian: 105.0, cuts: (25.0, 47.0) },
            Some(area),
            800,
            800,
        )
        .unwrap()
        .at(30, 40);
        let (x, y) = view.pixel(39.9, 116.4).unwrap();
        let (lat, lon) = view.place(f64::from(x), f64::from(y)).unwrap();
        assert!((lat - 39.9).abs() < 1e-3 && (lon - 116.4).abs() < 1e-3);
        let (east, north) = view.compass(30.0, 105.0).unwrap();
        assert!(east.0 > 0.999 && north.1 < -0.999, "{east:?} {north:?}");
        // East of the middle meridian of a northern cone, north leans to the west.
        let (_, north) = view.compass(30.0, 135.0).unwrap();
        assert!(north.0 < -0.1 && north.1 < 0.0);
    }
}
