//! A place's meteogram out of a forecast's fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::bail;
use strata_earth::grid::Grid;
use strata_earth::plot::barb::Unit;
use strata_earth::plot::meteogram::{Curve, Meteogram, Panel, Wind};
use strata_earth::plot::style::{Style, style};
use strata_earth::plot::{Font, Scene};
use strata_earth::regrid::{Method, Regrid};
use strata_earth::time::{HOUR, Time};

use super::pick::{Files, Moment, Pick};

/// A place and how its meteogram looks.
#[derive(Debug, Clone)]
pub struct PointJob {
    /// Latitude and longitude.
    pub place: (f64, f64),
    /// Its name.
    pub name: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// Unit of barbs.
    pub barb_unit: Unit,
    /// Width, in pixels.
    pub width: u32,
}

/// Values of one quantity by time, one a member; the style of its field.
struct Found {
    values: Vec<(Time, Vec<f32>)>,
    style: Style,
    planet: Option<String>,
    reference: Time,
}

/// Reads values of files at one place.
struct Reader<'a> {
    files: &'a Files,
    to: Arc<Grid>,
    way: Option<(Arc<Grid>, Regrid)>,
}

impl Reader<'_> {
    fn value(
        &mut self,
        pick: &Pick,
        moment: Moment,
        member: Option<u32>,
    ) -> anyhow::Result<(f32, strata_earth::field::Header)> {
        let field = self.files.field(pick, moment, member)?;
        let grid = &field.header.grid;
        if self.way.as_ref().is_none_or(|(known, _)| known != grid) {
            let way = Regrid::new(Arc::clone(grid), Arc::clone(&self.to), Method::Bilinear)?;
            self.way = Some((Arc::clone(grid), way));
        }
        let value = match &self.way {
            Some((_, way)) => way.apply(&field.values)?.first().copied().unwrap_or(f32::NAN),
            None => f32::NAN,
        };
        Ok((value, field.header))
    }

    fn read(&mut self, pick: &Pick) -> anyhow::Result<Option<Found>> {
        if !self.files.has(pick) {
            return Ok(None);
        }
        let members: Vec<Option<u32>> = match self.files.members(pick) {
            members if members.is_empty() => vec![None],
            members => members.into_iter().map(Some).collect(),
        };
        let mut by_time: BTreeMap<Time, Vec<f32>> = BTreeMap::new();
        let mut found: Option<Found> = None;
        for moment in self.files.moments(pick) {
            // Of several forecasts that hold at a time, the latest counts: it comes last.
            by_time.remove(&moment.valid());
            for member in &members {
                let (value, header) = self.value(pick, moment, *member)?;
                let known = found.get_or_insert_with(|| Found {
                    values: Vec::new(),
                    style: style(&header),
                    planet: header.attributes.get("planet").cloned(),
                    reference: header.reference,
                });
                by_time.entry(moment.valid()).or_default().push(known.style.shown(value));
            }
        }
        if let Some(found) = &mut found {
            found.values = by_time.into_iter().collect();
        }
        Ok(found.filter(|found| found.values.len() > 1))
    }

    /// The first of several that is there.
    fn first(&mut self, names: &[&str]) -> anyhow::Result<Option<(Pick, Found)>> {
        for name in names {
            let pick: Pick = name.parse().map_err(anyhow::Error::msg)?;
            if let Some(found) = self.read(&pick)? {
                return Ok(Some((pick, found)));
            }
        }
        Ok(None)
    }
}

fn panel(title: &str, found: &Found, name: &str, least_span: f64) -> Panel {
    let curve = Curve { name: name.to_owned(), values: found.values.clone(), bars: false };
    let title = if found.style.unit.is_empty() {
        title.to_owned()
    } else {
        format!("{title} ({})", found.style.unit)
    };
    Panel { title, curves: vec![curve], wind: None, least_span }
}

/// Where sums since the beginning are given, what fell between the times.
fn increments(found: &mut Found) {
    let members = found.values.first().map_or(0, |(_, values)| values.len());
    let rises = (0..members).all(|m| {
        found.values.windows(2).all(|pair| match (pair[0].1.get(m), pair[1].1.get(m)) {
            (Some(a), Some(b)) => b.is_nan() || a.is_nan() || *b >= *a - 0.01,
            _ => false,
        })
    });
    if !rises {
        return;
    }
    for at in (1..found.values.len()).rev() {
        let before = found.values[at - 1].1.clone();
        for (value, before) in found.values[at].1.iter_mut().zip(before) {
            *value = (*value - before).max(0.0);
        }
    }
}

/// The meteogram of a place, of what the forecast has: temperature, wind, pressure, precipitation, 850 and 500 hPa.
///
/// # Errors
/// A place outside of the fields, or nothing of two times.
pub fn meteogram(job: &PointJob, files: &Files, font: &Font) -> anyhow::Result<Scene> {
    let (lat, lon) = job.place;
    let to = Arc::new(Grid::points(vec![lat], vec![lon])?);
    let mut reader = Reader { files, to, way: None };
    let mut panels = Vec::new();
    let mut head: Option<(Time, Option<String>)> = None;
    let mut note = |found: &Found| {
        if head.is_none() {
            head = Some((found.reference, found.planet.clone()));
        }
    };
    if let Some(t) =
        reader.read(&Pick { name: "2t".to_owned(), at: super::pick::Where::Implied })?
    {
        note(&t);
        let mut first = panel("Temperature at 2 m", &t, "temperature", 8.0);
        if let Some((_, dew)) = reader.first(&["2d"])? {
            first.curves.push(Curve {
                name: "dew point".to_owned(),
                values: dew.values,
                bars: false,
            });
        }
        panels.push(first);
    }
    for (names, title) in [(["wind@10m"], "Wind at 10 m"), (["wind@850"], "Wind at 850 hPa")] {
        let Some((pick, found)) = reader.first(&names)? else { continue };
        note(&found);
        let mut winds = panel(title, &found, "speed", 8.0);
        let [u, v] = pick.components();
        if let (Some(u), Some(v)) = (reader.read(&u)?, reader.read(&v)?) {
            let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len().max(1) as f32;
            let values = u
                .values
                .iter()
                .zip(&v.values)
                .map(|((time, u), (_, v))| (*time, mean(u), mean(v)))
                .collect();
            winds.wind = Some(Wind { values });
        }
        panels.push(winds);
        break;
    }
    if let Some((pick, found)) = reader.first(&["msl", "sp"])? {
        note(&found);
        let title = if pick.name == "msl" { "Mean sea level pressure" } else { "Surface pressure" };
        panels.push(panel(title, &found, "pressure", 8.0));
    }
    if let Some((_, mut found)) = reader.first(&["tp"])? {
        note(&found);
        increments(&mut found);
        let hours =
            found.values.windows(2).map(|pair| (pair[1].0 - pair[0].0) / HOUR).min().unwrap_or(0);
        let mut rain = panel(&format!("Precipitation of {hours} h"), &found, "precipitation", 2.0);
        rain.curves.iter_mut().for_each(|curve| curve.bars = true);
        panels.push(rain);
    }
    for (name, title, span) in [
        ("t@850", "Temperature at 850 hPa", 6.0),
        ("z@500", "Height of 500 hPa", 8.0),
        ("gh@500", "Height of 500 hPa", 8.0),
    ] {
        if let Some((_, found)) = reader.first(&[name])? {
            note(&found);
            panels.push(panel(title, &found, "forecast", span));
        }
    }
    if panels.is_empty() {
        bail!(
            "there is nothing of two times to draw: a meteogram is made of 2t, 2d, 10 m wind, msl, sp, tp, t and z"
        );
    }
    let values = panels.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.values);
    if values.flat_map(|(_, values)| values).all(|value| value.is_nan()) {
        bail!("{lat},{lon} lies outside of the fields");
    }
    let (reference, planet) = head.unwrap_or((Time(0), None));
    let side = |value: f64, plus: &str, minus: &str| {
        format!("{:.2}°{}", value.abs(), if value < 0.0 { minus } else { plus })
    };
    let place = format!("{} {}", side(lat, "N", "S"), side(lon, "E", "W"));
    let title = job.name.as_ref().map_or_else(|| place.clone(), |name| format!("{name}  {place}"));
    let began = reference.to_string().replace('T', " ").replace(":00Z", " UTC");
    let mut subtitle = format!("Init {began}");
    if let Some(model) = &job.model {
        subtitle += &format!("   {model}");
    }
    if let Some(planet) = planet.filter(|planet| planet != strata_earth::card::EARTH) {
        subtitle += &format!("   {planet}, not Earth weather");
    }
    let plot = Meteogram { title, subtitle, south: lat < 0.0, barbs: job.barb_unit, panels };
    Ok(plot.scene(font, job.width)?)
}
