//! Maps: a field's colours, contour lines, wind, tracks, coasts and what explains them.

use super::PlotError;
use super::coast::coasts;
use super::colour::{Palette, Scale};
use super::contour::Plane;
use super::decor::{Taken, bar, centres, contours, graticule};
use super::font::Font;
use super::frame::View;
pub use super::layers::WindKind;
use super::layers::{fill, land, values, wind};
use super::projection::Projection;
use super::sample::Sampler;
use super::scene::{Anchor, Colour, FAINT, INK, Path, Scene, Text};
use super::style::{Style, round_step, short, style};
use super::tracks::{self, Tracks};
use super::words;
use crate::card::EARTH;
use crate::field::{Field, Header};
use crate::gate::units;
use crate::regrid::crop::Area;

/// What a map shows of the globe, and how large it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Projection.
    pub projection: Projection,
    /// Area; none for all that the projection shows.
    pub area: Option<Area>,
    /// Width of the picture, in pixels.
    pub width: u32,
    /// Most height of the map itself.
    pub height: u32,
}

/// How a field's colours are chosen, where not as usual for its variable.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Filling {
    /// First and last level and their step, in the picture's unit.
    pub range: Option<(f64, f64, Option<f64>)>,
    /// Colours.
    pub palette: Option<Palette>,
    /// A gradient instead of bands.
    pub smooth: bool,
}

pub(super) struct Fill {
    sampler: Sampler,
    pub(super) style: Style,
    pub(super) scale: Scale,
    title: String,
}

struct Lines {
    sampler: Sampler,
    style: Style,
    interval: f64,
    title: String,
    centres: bool,
}

/// A map.
pub struct Map {
    frame: Frame,
    pub(super) fill: Option<Fill>,
    lines: Vec<Lines>,
    wind: Option<(Sampler, Sampler, WindKind, String)>,
    tracks: Option<Tracks>,
    title: Option<String>,
    pub(super) when: String,
    member: Option<u32>,
    pub(super) model: String,
    earth: bool,
    borders: bool,
}

/// Colours of the first, second and further sets of contour lines.
const INKS: [Colour; 3] = [[20, 22, 28, 255], [20, 60, 150, 255], [140, 30, 60, 255]];

impl Map {
    /// A map of nothing yet.
    #[must_use]
    pub fn new(frame: Frame) -> Self {
        Self {
            frame,
            fill: None,
            lines: Vec::new(),
            wind: None,
            tracks: None,
            title: None,
            when: String::new(),
            member: None,
            model: String::new(),
            earth: true,
            borders: false,
        }
    }

    fn note(&mut self, header: &Header) {
        if self.when.is_empty() {
            self.when = words::when(header);
            self.member = header.member;
        }
        let planet = header.attributes.get("planet").map_or(EARTH, String::as_str);
        if planet != EARTH {
            self.earth = false;
            self.model = format!("{planet}, not Earth weather");
        }
    }

    /// Fills the map with a field's colours.
    ///
    /// # Errors
    /// [`PlotError`] where its grid has no points to lie between.
    pub fn fill(mut self, field: &Field, filling: Filling) -> Result<Self, PlotError> {
        self.note(&field.header);
        let sampler = Sampler::new(&field.header.grid, &field.values)?;
        let mut style = style(&field.header);
        if let Some(palette) = filling.palette {
            style.palette = palette;
        }
        let range = sampler
            .usual_range()
            .map(|(a, b)| (style.shown(a).min(style.shown(b)), style.shown(a).max(style.shown(b))));
        let mut scale = style.scale(filling.range, range);
        if filling.smooth {
            scale = scale.smooth(style.palette);
        }
        let title = words::what(&field.header, &style.title());
        self.fill = Some(Fill { sampler, style, scale, title });
        Ok(self)
    }

    /// Adds contour lines, every `interval` of the picture's unit (as usual for the variable, for none).
    ///
    /// # Errors
    /// As [`Self::fill`].
    pub fn contours(mut self, field: &Field, interval: Option<f64>) -> Result<Self, PlotError> {
        self.note(&field.header);
        let sampler = Sampler::new(&field.header.grid, &field.values)?;
        let style = style(&field.header);
        let usual = style.interval.or_else(|| {
            let (low, high) = sampler.range()?;
            Some(round_step(f64::from(style.shown(high) - style.shown(low)), 12.0))
        });
        let interval =
            interval.or(usual).filter(|step| step.is_finite() && *step > 0.0).unwrap_or(1.0);
        let title = format!(
            "{} every {}",
            words::what(&field.header, &style.title()),
            words::number(interval, interval)
        );
        let centres = matches!(short(&field.header), "msl" | "z" | "gh");
        self.lines.push(Lines { sampler, style, interval, title, centres });
        Ok(self)
    }

    /// Adds the wind of its two components.
    ///
    /// # Errors
    /// As [`Self::fill`], and [`PlotError::Unfit`] where a component is in no unit of speed.
    pub fn wind(mut self, u: &Field, v: &Field, kind: WindKind) -> Result<Self, PlotError> {
        self.note(&u.header);
        let sampler = |field: &Field| {
            let unit = &field.header.unit;
            let way = units::conversion(unit, "m s-1")
                .filter(|_| !units::is_silent(unit))
                .unwrap_or(units::Conversion::NONE);
            if way.is_none()
                && !units::is_silent(unit)
                && units::conversion(unit, "m s-1").is_none()
            {
                return Err(PlotError::Unfit(format!(
                    "{} is in {unit:?}, no unit of speed",
                    field.header.variable
                )));
            }
            let mut values = field.values.clone();
            way.apply(&mut values);
            Sampler::new(&field.header.grid, &values)
        };
        let legend = match kind {
            WindKind::Barbs(unit) => unit.legend().to_owned(),
            WindKind::Arrows(fastest) => format!("arrows: the longest {fastest} m/s"),
        };
        let level = &u.header.level;
        let title = format!("wind at {level} ({legend})");
        self.wind = Some((sampler(u)?, sampler(v)?, kind, title));
        Ok(self)
    }

    /// Adds cyclone tracks.
    #[must_use]
    pub fn tracks(mut self, tracks: Tracks) -> Self {
        let reference = tracks.forecast.iter().find_map(|track| track.reference);
        if let (true, Some(reference)) = (self.when.is_empty(), reference) {
            self.when = format!("Init {}", words::time(reference));
        }
        self.tracks = Some(tracks);
        self
    }

    /// Sets the title in place of what is on the map.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Names the model at the upper right. The planet, where it is not the Earth, stays with it.
    #[must_use]
    pub fn model(mut self, model: &str) -> Self {
        self.model = if self.earth || self.model.is_empty() {
            model.to_owned()
        } else {
            format!("{model}: {}", self.model)
        };
        self
    }

    /// Draws borders between countries.
    #[must_use]
    pub fn borders(mut self, borders: bool) -> Self {
        self.borders = borders;
        self
    }

    /// The scale of the colours, so that other maps can have the same.
    #[must_use]
    pub fn scale(&self) -> Option<&Scale> {
        self.fill.as_ref().map(|fill| &fill.scale)
    }

    /// Sets the scale of the colours.
    #[must_use]
    pub fn with_scale(mut self, scale: Scale) -> Self {
        if let Some(fill) = &mut self.fill {
            fill.scale = scale;
        }
        self
    }

    /// A scale of the field's colours over a range, in the picture's unit.
    #[must_use]
    pub fn scale_over(&self, low: f64, high: f64) -> Option<Scale> {
        let fill = self.fill.as_ref()?;
        let scale = fill.style.scale(Some((low, high, None)), None);
        Some(if fill.scale.is_smooth() { scale.smooth(fill.style.palette) } else { scale })
    }

    /// What is on the map, in words.
    #[must_use]
    pub fn what(&self) -> String {
        let parts = self.fill.iter().map(|fill| fill.title.clone());
        let parts = parts.chain(self.lines.iter().map(|lines| lines.title.clone()));
        let parts = parts.chain(self.wind.iter().map(|wind| wind.3.clone()));
        let all: Vec<String> =
            parts.chain(self.tracks.iter().map(|_| "cyclone tracks".to_owned())).collect();
        let text = all.join("; ");
        let mut letters = text.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    }

    /// Where a region's field ends, so does its map.
    fn area(&self) -> Option<Area> {
        if self.frame.area.is_some()
            || !matches!(
                self.frame.projection,
                Projection::Equirectangular { .. } | Projection::Mercator { .. }
            )
        {
            return self.frame.area;
        }
        let extents = self
            .fill
            .iter()
            .map(|fill| &fill.sampler)
            .chain(self.lines.iter().map(|lines| &lines.sampler));
        let [south, west, north, east] = extents.filter_map(Sampler::extent).next()?;
        Some(Area { south, west, north, east })
    }

    pub(super) fn view(&self, width: u32) -> Result<View, PlotError> {
        let area = self.area();
        let projection = match (self.frame.projection, area, self.frame.area) {
            // The projection's middle is that of the area, and a degree of longitude as long as it is there.
            (Projection::Equirectangular { true_lat, .. }, Some(area), _) => {
                let width = if area.east - area.west >= 360.0 {
                    360.0
                } else {
                    (area.east - area.west).rem_euclid(360.0)
                };
                let middle = f64::midpoint(area.north, area.south);
                let true_lat = if width < 180.0 && true_lat == 0.0 {
                    middle.clamp(-75.0, 75.0)
                } else {
                    true_lat
                };
                Projection::Equirectangular { centre: area.west + width / 2.0, true_lat }
            }
            (Projection::Mercator { .. }, Some(area), _) => {
                let width = if area.east - area.west >= 360.0 {
                    360.0
                } else {
                    (area.east - area.west).rem_euclid(360.0)
                };
                Projection::Mercator { centre: area.west + width / 2.0 }
            }
            (projection, ..) => projection,
        };
        View::new(projection, area, width, self.frame.height)
    }

    /// Lays the picture out.
    ///
    /// # Errors
    /// [`PlotError`] where the area cannot be shown.
    pub fn scene(&self, font: &Font) -> Result<Scene, PlotError> {
        let width = self.frame.width;
        let size = lettering(width);
        let (left, right) = ((size * 3.6) as u32, (size * 3.0) as u32);
        // Polar maps name meridians above as well.
        let round = matches!(self.frame.projection, Projection::PolarStereographic { .. });
        let head = if round { 5.2 } else { 4.4 };
        let (top, mut below) = ((size * head) as u32, (size * 2.0) as u32);
        let bar_at = below as f32;
        if self.fill.is_some() {
            below += (size * 2.6) as u32;
        }
        let inner = width.saturating_sub(left + right).max(32);
        let view = self.view(inner)?;
        let left = left + (inner - view.size.0.min(inner)) / 2;
        let view = view.at(left, top);
        let mut scene = Scene::new(width, top + view.size.1 + below);
        self.draw(&mut scene, &view, font, size)?;
        self.headline(&mut scene, font, size);
        if let Some(fill) = &self.fill {
            let [left, _, right, bottom] = view.rect();
            let unit = words::unit(&fill.style.unit);
            let span = (right - left).min(size * 60.0);
            let wide = span * 0.9 - font.width(&unit, size);
            let x = f32::midpoint(left, right) - wide / 2.0;
            bar(
                &mut scene,
                &fill.scale,
                &unit,
                font,
                (x, bottom + bar_at - size * 0.2, wide, size),
            );
        }
        Ok(scene)
    }

    /// Names of all that is on the map.
    fn headline(&self, scene: &mut Scene, font: &Font, size: f32) {
        let title = self.title.clone().unwrap_or_else(|| self.what());
        let (left, room) = (size * 1.0, scene.width as f32 - size * 2.0);
        let large = font.fitting(&title, size * 1.2, room);
        scene.text(Text::new((left, size * 1.3), title, large, Anchor::Start).bold());
        let model = font.width(&self.model, size * 0.9);
        let member = self.member.map_or(String::new(), |member| format!("   member {member}"));
        let when = format!("{}{member}", self.when);
        let small = font.fitting(&when, size * 0.95, (room - model - size).max(size * 5.0));
        scene.text(Text::new((left, size * 2.9), when, small, Anchor::Start).colour(FAINT));
        let right = scene.width as f32 - size;
        scene.text(
            Text::new((right, size * 2.9), self.model.clone(), size * 0.9, Anchor::End)
                .colour(FAINT),
        );
    }

    /// The map within its frame.
    pub(super) fn draw(
        &self,
        scene: &mut Scene,
        view: &View,
        font: &Font,
        size: f32,
    ) -> Result<(), PlotError> {
        let mut taken = Taken::default();
        match &self.fill {
            Some(field) => fill(scene, view, &field.sampler, (&field.style, &field.scale)),
            None if self.earth => land(scene, view),
            None => {}
        }
        if self.earth {
            let shores = coasts().shores(view);
            if self.fill.is_some() {
                scene.stroke(shores.clone(), [255, 255, 255, 110], size * 0.2);
            }
            scene.stroke(shores, [42, 40, 36, 255], (size * 0.065).max(0.7));
            if self.borders {
                scene.stroke(coasts().frontiers(view), [70, 66, 60, 170], (size * 0.05).max(0.6));
            }
        }
        graticule(scene, view, font, size);
        let planes: Vec<Plane> = self.lines.iter().map(|lines| lines.plane(view)).collect();
        // Highs and lows of the first field that has them take their places before the numbers of lines do.
        let write = |value: f32| words::number(f64::from(value).round(), 1.0);
        let first = self.lines.iter().zip(&planes).find(|(lines, _)| lines.centres);
        let marks = first.map_or_else(Vec::new, |(lines, plane)| {
            let least = lines.interval as f32 / 2.0;
            centres((plane, view, CONTOUR_STEP), (&write, least), (size, font, &mut taken))
        });
        for (at, (lines, plane)) in self.lines.iter().zip(&planes).enumerate() {
            lines.draw(
                scene,
                (view, plane),
                (INKS[at.min(INKS.len() - 1)], size),
                (font, &mut taken),
            );
        }
        if let Some((u, v, kind, _)) = &self.wind {
            wind(scene, view, (u, v), *kind, size * 1.55);
        }
        marks.into_iter().for_each(|text| scene.text(text));
        if let Some(tracks) = &self.tracks {
            tracks::draw(scene, view, tracks, font, size);
        }
        scene.stroke(view.outline(), INK, (size * 0.09).max(0.8));
        Ok(())
    }
}

impl Lines {
    /// Values in the picture's unit, somewhat smoothed.
    fn plane(&self, view: &View) -> Plane {
        let mut plane = values(view, &self.sampler, (0.0, f64::from(CONTOUR_STEP)));
        plane.values.iter_mut().for_each(|value| *value = self.style.shown(*value));
        plane.smoothed().smoothed()
    }

    fn draw(
        &self,
        scene: &mut Scene,
        (view, plane): (&View, &Plane),
        (ink, size): (Colour, f32),
        (font, taken): (&Font, &mut Taken),
    ) {
        let Some((low, high)) = super::sample::range(&plane.values) else { return };
        let step = self.interval;
        let (first, last) =
            ((f64::from(low) / step).ceil() as i64, (f64::from(high) / step).floor() as i64);
        // A map has room for so many; more would be a blot.
        let every = (last.saturating_sub(first) / 80 + 1).max(1);
        let (mut thin, mut heavy, mut labels) = (Path::default(), Path::default(), Vec::new());
        let begin = first + (every - first.rem_euclid(every)) % every;
        for at in (begin..=last).step_by(usize::try_from(every).unwrap_or(1)) {
            let level = at as f64 * step;
            let text = words::number(level, step);
            let found = plane.contours(level as f32);
            let (path, texts) =
                contours(found, (view, CONTOUR_STEP), (&text, size * 0.72), (font, taken));
            // Every fifth line is heavier.
            if at.rem_euclid(5 * every) == 0 {
                heavy.lines.extend(path.lines);
            } else {
                thin.lines.extend(path.lines);
            }
            labels.extend(texts);
        }
        scene.stroke(thin, ink, (size * 0.07).max(0.7));
        scene.stroke(heavy, ink, (size * 0.13).max(1.0));
        labels.into_iter().for_each(|label| scene.text(label.colour(ink)));
    }
}

/// Pixels between the values that contours are drawn from.
const CONTOUR_STEP: f32 = 2.0;

/// Height of lettering for a picture's width.
pub(super) fn lettering(width: u32) -> f32 {
    (width as f32 / 85.0).clamp(9.0, 40.0)
}
