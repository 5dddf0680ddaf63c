//! A run: the fields of a model that begin at one time, as series at places and as maps.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use strata_earth::card::EARTH;
use strata_earth::field::Header;
use strata_earth::gate::units::{self, Conversion};
use strata_earth::grid::Grid;
use strata_earth::level::{Level, LevelKind};
use strata_earth::source::{ReadError, Source};
use strata_earth::time::{HOUR, Time};
use strata_earth::variable;

use super::Trouble;
use super::files::Seen;
use super::held::{Held, Room, Writer};
use super::locate::{Corner, Locator, Spot};

/// Bytes that are turned from maps into series at a time.
const BLOCK: usize = 256 << 20;

/// Why fields make no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Fields that do not go together, or are of a kind that is not served.
    #[error("{0}")]
    Unfit(String),
    /// A field cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Series cannot be kept.
    #[error("series cannot be kept: {0}")]
    Io(#[from] std::io::Error),
}

/// Fields of a file that belong to a run.
pub(super) struct Part {
    pub(super) file: Seen,
    pub(super) source: Arc<dyn Source>,
    pub(super) fields: Vec<usize>,
}

impl Part {
    /// Which of the parts an error is about: the one it names, else the newest, the last to have come.
    pub(super) fn at_fault(parts: &[Self], error: &RunError) -> Option<usize> {
        let named = |error: &ReadError| {
            parts.iter().position(|part| error.path().starts_with(&part.file.path))
        };
        let named = if let RunError::Read(error) = error { named(error) } else { None };
        let newest =
            || (0..parts.len()).max_by_key(|at| (parts[*at].file.changed, &parts[*at].file));
        named.or_else(newest)
    }
}

/// The files of a run, and those that have a field which a newer file has too, with why they are left out: the same forecast,
/// made before. Mixed together they would be neither.
pub(super) fn newest(mut parts: Vec<Part>) -> (Vec<Part>, Vec<(Part, Trouble)>) {
    parts.sort_by(|a, b| (b.file.changed, &b.file).cmp(&(a.file.changed, &a.file)));
    let mut holders: HashMap<(String, String, i64, u32), String> = HashMap::new();
    let (mut fit, mut replaced) = (Vec::new(), Vec::new());
    for part in parts {
        let headers = part.fields.iter().map(|at| &part.source.headers()[*at]);
        let fields: Vec<_> = headers
            .map(|h| (h.variable.clone(), h.level.to_string(), h.step, h.member.unwrap_or(0)))
            .collect();
        if let Some(newer) = fields.iter().find_map(|field| holders.get(field)) {
            let why = format!("{newer} is newer and has the same fields");
            let trouble = Trouble { file: part.file.name(), why };
            replaced.push((part, trouble));
            continue;
        }
        holders.extend(fields.into_iter().map(|field| (field, part.file.name())));
        fit.push(part);
    }
    fit.sort_by(|a, b| a.file.cmp(&b.file));
    (fit, replaced)
}

/// A variable at a level, through all steps and members.
#[derive(Debug, Clone)]
pub struct Band {
    /// Short name.
    pub variable: String,
    /// Level.
    pub level: Level,
    /// Unit of the values that are given out: SI, where the variable is known.
    pub unit: String,
    conversion: Conversion,
    /// Field of each member and step, by part and place in its source.
    fields: Vec<Option<(usize, usize)>>,
}

/// A run of a model.
pub struct Run {
    /// Model, or family of models.
    pub model: String,
    /// Whose atmosphere it is.
    pub planet: String,
    /// When it begins.
    pub reference: Time,
    /// Steps, in seconds, ascending.
    pub steps: Vec<i64>,
    /// Members, in order; one for one forecast.
    pub members: Vec<u32>,
    /// Points.
    pub grid: Arc<Grid>,
    /// Variables and levels.
    pub bands: Vec<Band>,
    /// Files it lies in.
    pub files: Vec<Seen>,
    /// What the files say of it: `source`, `title`, `schedule`, …
    pub attributes: BTreeMap<String, String>,
    sources: Vec<Arc<dyn Source>>,
    locator: Locator,
    held: Held,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({} {})", self.model, self.reference)
    }
}

/// The model that a field is of: as our forecasts tell it, as the title or the source does, else the file's name.
#[must_use]
pub fn model_of(header: &Header, file: &str) -> String {
    let told = |key: &str| header.attributes.get(key).map(String::as_str);
    let family = told("model_family").or_else(|| {
        let title = told("title")?;
        title.split_once(" forecast").map(|(family, _)| family)
    });
    let source = || told("source").and_then(|source| source.split([' ', ',']).next());
    let name = family.or_else(source).or_else(|| told("centre")).unwrap_or(file);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(plain).take(64).collect();
    if name.is_empty() { "forecast".to_owned() } else { name.to_ascii_lowercase() }
}

pub(super) fn planet_of(parts: &[Part]) -> String {
    let planet = parts.iter().find_map(|part| {
        let first = part.source.headers().get(*part.fields.first()?)?;
        first.attributes.get("planet").cloned()
    });
    planet.unwrap_or_else(|| EARTH.to_owned())
}

impl Run {
    /// Reads all fields and turns them into series.
    pub(super) fn load(
        model: &str,
        planet: &str,
        reference: Time,
        parts: &[Part],
        room: &Room,
    ) -> Result<Self, RunError> {
        let headers = |part: &'_ Part| -> Vec<Header> {
            part.fields.iter().map(|at| part.source.headers()[*at].clone()).collect()
        };
        let all: Vec<Vec<Header>> = parts.iter().map(headers).collect();
        let first = all.iter().flatten().next();
        let first = first.ok_or_else(|| RunError::Unfit("it has no field".to_owned()))?.clone();
        let locator = Locator::new(&first.grid).ok_or_else(|| {
            let text = format!("its grid ({}) has no rows and columns; regrid it", first.grid);
            RunError::Unfit(text)
        })?;
        if let Some(other) = all.iter().flatten().find(|header| {
            !Arc::ptr_eq(&header.grid, &first.grid) && !header.grid.same_points(&first.grid)
        }) {
            let text = format!("its fields are on two grids: {} and {}", first.grid, other.grid);
            return Err(RunError::Unfit(text));
        }
        let steps: BTreeSet<i64> = all.iter().flatten().map(|header| header.step).collect();
        let members: BTreeSet<u32> =
            all.iter().flatten().map(|header| header.member.unwrap_or(0)).collect();
        let mut run = Self {
            model: model.to_owned(),
            planet: planet.to_owned(),
            reference,
            steps: steps.into_iter().collect(),
            members: members.into_iter().collect(),
            grid: Arc::clone(&first.grid),
            bands: Vec::new(),
            files: parts.iter().map(|part| part.file.clone()).collect(),
            attributes: first.attributes.clone(),
            sources: parts.iter().map(|part| Arc::clone(&part.source)).collect(),
            locator,
            held: Writer::new(0, room)?.end()?,
        };
        for (part, headers) in all.iter().enumerate() {
            for (at, header) in headers.iter().enumerate() {
                run.add(header, (part, parts[part].fields[at]))?;
            }
        }
        run.held = run.series(room)?;
        Ok(run)
    }

    fn add(&mut self, header: &Header, place: (usize, usize)) -> Result<(), RunError> {
        let known = |band: &Band| band.variable == header.variable && band.level == header.level;
        let at = match self.bands.iter().position(known) {
            Some(at) => at,
            None => {
                let si = variable::known(&header.variable).map_or("", |known| known.unit);
                let conversion = units::conversion(&header.unit, si);
                self.bands.push(Band {
                    variable: header.variable.clone(),
                    level: header.level,
                    unit: if conversion.is_some() { si } else { header.unit.as_str() }.to_owned(),
                    conversion: conversion.unwrap_or(Conversion::NONE),
                    fields: vec![None; self.steps.len() * self.members.len()],
                });
                self.bands.len() - 1
            }
        };
        let member = self.members.binary_search(&header.member.unwrap_or(0));
        let step = self.steps.binary_search(&header.step);
        let (Ok(member), Ok(step)) = (member, step) else { return Ok(()) };
        let slot = &mut self.bands[at].fields[member * self.steps.len() + step];
        if slot.is_some() {
            let text = format!(
                "two of its fields are {} at {}, {} h, member {}",
                header.variable,
                header.level,
                header.step / HOUR,
                header.member.unwrap_or(0)
            );
            return Err(RunError::Unfit(text));
        }
        *slot = Some(place);
        Ok(())
    }

    /// Maps turned into series: a point's values of all members and steps lie together.
    fn series(&self, room: &Room) -> Result<Held, RunError> {
        let (points, times) = (self.grid.len(), self.times());
        let mut writer = Writer::new(self.bands.len() * points * times, room)?;
        let width = (BLOCK / (4 * times.max(1))).clamp(1, points.max(1));
        for band in 0..self.bands.len() {
            for from in (0..points).step_by(width) {
                let count = width.min(points - from);
                let mut block = vec![f32::NAN; count * times];
                for time in 0..times {
                    let Some(values) = self.values(band, time)? else { continue };
                    let part = values.iter().skip(from).take(count);
                    for (slot, value) in block.iter_mut().skip(time).step_by(times).zip(part) {
                        *slot = *value;
                    }
                }
                writer.push(&block)?;
            }
        }
        Ok(writer.end()?)
    }

    fn times(&self) -> usize {
        self.steps.len() * self.members.len()
    }

    fn values(&self, band: usize, time: usize) -> Result<Option<Vec<f32>>, ReadError> {
        let band = &self.bands[band];
        let Some((part, at)) = band.fields.get(time).copied().flatten() else { return Ok(None) };
        let mut values = self.sources[part].values(at)?;
        band.conversion.apply(&mut values);
        Ok(Some(values))
    }

    /// A map of a band, by the places of a member and a step; none where the files lack it.
    ///
    /// # Errors
    /// A field that cannot be read any more.
    pub fn map(
        &self,
        band: usize,
        member: usize,
        step: usize,
    ) -> Result<Option<Vec<f32>>, ReadError> {
        self.values(band, member * self.steps.len() + step)
    }

    /// The band of a variable: at a pressure in hPa, or at the one level that its name implies.
    #[must_use]
    pub fn band(&self, variable: &str, pressure: Option<f64>) -> Option<usize> {
        self.bands.iter().position(|band| {
            band.variable == variable
                && match pressure {
                    Some(hpa) => band.level.is_pressure(hpa),
                    None => band.level.kind != LevelKind::Pressure,
                }
        })
    }

    /// Where a place lies in the grid; none outside.
    #[must_use]
    pub fn spot(&self, lat: f64, lon: f64) -> Option<Spot> {
        self.locator.at(lat, lon)
    }

    /// When the last step holds.
    #[must_use]
    pub fn end(&self) -> Time {
        self.reference + self.steps.last().copied().unwrap_or(0)
    }

    /// Values of a point for the first members, one after the other.
    fn point(&self, band: usize, point: usize, members: usize) -> std::io::Result<Vec<f32>> {
        let mut values = vec![0.0; members.min(self.members.len()) * self.steps.len()];
        self.held.read((band * self.grid.len() + point) * self.times(), &mut values)?;
        Ok(values)
    }

    /// A scalar at a place: the first members one after the other, each through all steps. Where less than half of the weight
    /// is there, it is missing.
    ///
    /// # Errors
    /// The file of the series cannot be read.
    pub fn scalar(&self, band: usize, spot: &Spot, members: usize) -> std::io::Result<Vec<f64>> {
        let mut sum = Mean::new(members.min(self.members.len()) * self.steps.len());
        for (corner, weight) in &spot.corners {
            match corner {
                Corner::Point(point) => sum.add(&self.point(band, *point, members)?, *weight),
                Corner::Pole { row, .. } => {
                    let width = self.grid.shape.1;
                    let mut mean = Mean::new(sum.values.len());
                    for column in 0..width {
                        mean.add(&self.point(band, row * width + column, members)?, 1.0);
                    }
                    let mean: Vec<f32> = mean.end(0.0).iter().map(|v| *v as f32).collect();
                    sum.add(&mean, *weight);
                }
            }
        }
        Ok(sum.end(0.5))
    }

    /// Both components of a wind at a place. At a pole without a row the wind is one vector, the mean of the nearest row's,
    /// seen from the place's longitude.
    ///
    /// # Errors
    /// The file of the series cannot be read.
    pub fn wind(
        &self,
        bands: (usize, usize),
        spot: &Spot,
        members: usize,
    ) -> std::io::Result<(Vec<f64>, Vec<f64>)> {
        let count = members.min(self.members.len()) * self.steps.len();
        let (mut us, mut vs) = (Mean::new(count), Mean::new(count));
        for (corner, weight) in &spot.corners {
            let (u, v) = match corner {
                Corner::Point(point) => {
                    (self.point(bands.0, *point, members)?, self.point(bands.1, *point, members)?)
                }
                Corner::Pole { row, north } => {
                    self.polar_wind(bands, (*row, *north), spot.lon, members)?
                }
            };
            us.add(&u, *weight);
            vs.add(&v, *weight);
        }
        Ok((us.end(0.5), vs.end(0.5)))
    }

    fn polar_wind(
        &self,
        bands: (usize, usize),
        (row, north): (usize, bool),
        lon: f64,
        members: usize,
    ) -> std::io::Result<(Vec<f32>, Vec<f32>)> {
        let width = self.grid.shape.1;
        let count = members.min(self.members.len()) * self.steps.len();
        let (mut us, mut vs) = (Mean::new(count), Mean::new(count));
        for column in 0..width {
            let at = row * width + column;
            let (u, v) = (self.point(bands.0, at, members)?, self.point(bands.1, at, members)?);
            // Seen from another longitude, a vector at a pole is turned by the difference.
            let turn = (self.grid.lons[column] - lon).to_radians();
            let (sin, cos) = if north { turn.sin_cos() } else { (-turn).sin_cos() };
            let turned = |u: &f32, v: &f32| {
                let (u, v) = (f64::from(*u), f64::from(*v));
                ((u * cos - v * sin) as f32, (u * sin + v * cos) as f32)
            };
            let (u, v): (Vec<f32>, Vec<f32>) = u.iter().zip(&v).map(|(u, v)| turned(u, v)).unzip();
            us.add(&u, 1.0);
            vs.add(&v, 1.0);
        }
        let narrow = |mean: Mean| mean.end(0.0).iter().map(|v| *v as f32).collect();
        Ok((narrow(us), narrow(vs)))
    }

    /// The fields as a source, for what works on whole forecasts.
    #[must_use]
    pub fn source(&self) -> RunSource {
        let places = self.bands.iter().flat_map(|band| band.fields.iter().copied().flatten());
        let (mut fields, mut headers) = (Vec::new(), Vec::new());
        for (part, at) in places {
            headers.push(self.sources[part].headers()[at].clone());
            fields.push((Arc::clone(&self.sources[part]), at));
        }
        RunSource { headers, fields }
    }
}

/// A weighed mean that leaves out what is missing.
struct Mean {
    values: Vec<f64>,
    weights: Vec<f64>,
}

impl Mean {
    fn new(count: usize) -> Self {
        Self { values: vec![0.0; count], weights: vec![0.0; count] }
    }

    fn add(&mut self, values: &[f32], weight: f64) {
        for (at, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            self.values[at] += f64::from(*value) * weight;
            self.weights[at] += weight;
        }
    }

    fn end(mut self, least: f64) -> Vec<f64> {
        for (value, weight) in self.values.iter_mut().zip(&self.weights) {
            let enough = *weight > 0.0 && *weight >= least;
            *value = if enough { *value / weight } else { f64::NAN };
        }
        self.values
    }
}

/// All fields of a run.
pub struct RunSource {
    headers: Vec<Header>,
    fields: Vec<(Arc<dyn Source>, usize)>,
}

impl Source for RunSource {
    fn format(&self) -> &'static str {
        "run"
    }

    fn headers(&self) -> &[Header] {
        &self.headers
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        let gone = || ReadError::Part {
            path: PathBuf::from("run"),
            place: format!("field {index}"),
            why: "there is no such field".to_owned(),
        };
        let (source, at) = self.fields.get(index).ok_or_else(gone)?;
        source.values(*at)
    }
}
