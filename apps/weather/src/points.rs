//! Values at places, read from a finished forecast: quantities through time, over the members of an ensemble, and how often they
//! reach a threshold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail};
use strata_earth::grid::Grid;
use strata_earth::level::{Level, LevelKind};
use strata_earth::regrid::{Method, Regrid};
use strata_earth::source::{Limits, Source};
use strata_earth::time::Time;

use crate::forecast::open_input;
use crate::scenario::{Scenario, Threshold};

/// What a series is taken from.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantity {
    /// A variable at a pressure, or at the level its name implies.
    Variable(String, Option<f64>),
    /// Speed of the wind at a pressure, in hPa.
    WindAt(f64),
    /// Speed of the wind at a height above ground, in m.
    WindAbove(u32),
}

impl FromStr for Quantity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no quantity: write 2t, t@925, wind@10m or wind@925");
        let (name, at) = match text.split_once('@') {
            Some((name, at)) => (name, Some(at)),
            None => (text, None),
        };
        match (name, at) {
            ("wind", None) | ("", _) => Err(wrong()),
            ("wind", Some(at)) => match at.strip_suffix('m') {
                Some(height) => height.parse().map(Self::WindAbove).map_err(|_| wrong()),
                None => at.parse().map(Self::WindAt).map_err(|_| wrong()),
            },
            (name, at) => {
                let at = at.map(|at| at.parse::<f64>().map_err(|_| wrong())).transpose()?;
                Ok(Self::Variable(name.to_owned(), at))
            }
        }
    }
}

impl Quantity {
    /// The fields it is made of: one, or both components of the wind.
    fn fields(&self) -> Vec<(String, Option<f64>)> {
        match self {
            Self::Variable(name, at) => vec![(name.clone(), *at)],
            Self::WindAt(at) => ["u", "v"].map(|name| (name.to_owned(), Some(*at))).to_vec(),
            Self::WindAbove(height) => {
                ["u", "v"].map(|name| (format!("{height}{name}"), None)).to_vec()
            }
        }
    }
}

/// Values of a series at a place and a lead, one a member.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Place.
    pub point: String,
    /// Series.
    pub series: String,
    /// What it was taken from.
    pub from: String,
    /// Unit.
    pub unit: String,
    /// Lead, in seconds.
    pub step: i64,
    /// When it holds.
    pub valid: Time,
    /// Members in order; one for one forecast.
    pub values: Vec<f32>,
}

impl Row {
    /// Mean, lowest and highest.
    #[must_use]
    pub fn spread(&self) -> (f64, f32, f32) {
        let sum: f64 = self.values.iter().map(|value| f64::from(*value)).sum();
        let least = self.values.iter().copied().fold(f32::INFINITY, f32::min);
        let most = self.values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        (sum / self.values.len().max(1) as f64, least, most)
    }

    /// Share of the members that reach a threshold.
    #[must_use]
    pub fn share(&self, threshold: &Threshold) -> f64 {
        let reached = self.values.iter().filter(|value| threshold.reached(**value)).count();
        reached as f64 / self.values.len().max(1) as f64
    }
}

/// The files that a forecast wrote.
#[must_use]
pub fn written(path: &str, leads: &[u32], members: u32) -> Vec<PathBuf> {
    let steps: Vec<String> = if path.contains("{step}") {
        leads.iter().map(ToString::to_string).collect()
    } else {
        vec![String::new()]
    };
    let all: Vec<String> = if path.contains("{member}") {
        (0..members).map(|member| format!("{member:02}")).collect()
    } else {
        vec![String::new()]
    };
    let file = |step: &String, member: &String| {
        PathBuf::from(path.replace("{step}", step).replace("{member}", member))
    };
    steps.iter().flat_map(|step| all.iter().map(move |member| file(step, member))).collect()
}

/// Values of a scenario's series at its points.
///
/// # Errors
/// A file that cannot be read, a series that none of its sources is there for, a place outside of the area that was written.
pub fn extract(files: &[PathBuf], scenario: &Scenario) -> anyhow::Result<Vec<Row>> {
    let lats = scenario.points.iter().map(|point| point.latitude).collect();
    let lons = scenario.points.iter().map(|point| point.longitude).collect();
    let to = Arc::new(Grid::points(lats, lons)?);
    let sources: Vec<Box<dyn Source>> = files
        .iter()
        .map(|file| open_input(file, &Limits::default()))
        .collect::<anyhow::Result<_>>()?;
    let first = sources.first().context("no file was written")?;
    let mut rows = Vec::new();
    for series in &scenario.series {
        let mut chosen = None;
        for text in &series.from {
            let quantity: Quantity = text.parse().map_err(anyhow::Error::msg)?;
            if quantity
                .fields()
                .iter()
                .all(|field| first.headers().iter().any(|header| is(header, field)))
            {
                chosen = Some((text, quantity));
                break;
            }
        }
        let Some((from, quantity)) = chosen else {
            bail!("series {}: the forecast has none of {}", series.name, series.from.join(", "));
        };
        rows.extend(one(&sources, &to, scenario, (&series.name, from, &quantity))?);
    }
    rows.sort_by(|a, b| (&a.point, &a.series, a.step).cmp(&(&b.point, &b.series, b.step)));
    Ok(rows)
}

fn is(header: &strata_earth::field::Header, (name, pressure): &(String, Option<f64>)) -> bool {
    let level = match pressure {
        Some(pressure) => header.level == Level::pressure(*pressure),
        None => header.level.kind != LevelKind::Pressure,
    };
    header.variable == *name && level
}

fn one(
    sources: &[Box<dyn Source>],
    to: &Arc<Grid>,
    scenario: &Scenario,
    (series, from, quantity): (&str, &str, &Quantity),
) -> anyhow::Result<Vec<Row>> {
    let mut ways: Option<(Arc<Grid>, Regrid)> = None;
    let mut rows: BTreeMap<(i64, usize), Row> = BTreeMap::new();
    for source in sources {
        // Components of a time and a member together.
        let mut parts: BTreeMap<(i64, Option<u32>), Vec<usize>> = BTreeMap::new();
        for field in quantity.fields() {
            for (index, header) in
                source.headers().iter().enumerate().filter(|(_, header)| is(header, &field))
            {
                parts.entry((header.step, header.member)).or_default().push(index);
            }
        }
        for ((step, _), indices) in parts {
            let mut sum = vec![0.0_f32; to.len()];
            let header = &source.headers()[indices[0]];
            for index in &indices {
                let grid = &source.headers()[*index].grid;
                if ways.as_ref().is_none_or(|(known, _)| known != grid) {
                    ways = Some((
                        Arc::clone(grid),
                        Regrid::new(Arc::clone(grid), Arc::clone(to), Method::Bilinear)?,
                    ));
                }
                let Some((_, way)) = &ways else { continue };
                let values = way.apply(&source.values(*index)?)?;
                let add = |(sum, value): (&mut f32, f32)| {
                    *sum += if indices.len() > 1 { value * value } else { value }
                };
                sum.iter_mut().zip(values).for_each(add);
            }
            for (at, (point, value)) in scenario.points.iter().zip(sum).enumerate() {
                if value.is_nan() {
                    bail!("{} lies outside of the area that was written", point.name);
                }
                let value = if indices.len() > 1 { value.sqrt() } else { value };
                let row = rows.entry((step, at)).or_insert_with(|| Row {
                    point: point.name.clone(),
                    series: series.to_owned(),
                    from: from.to_owned(),
                    unit: header.unit.clone(),
                    step,
                    valid: header.valid(),
                    values: Vec::new(),
                });
                row.values.push(value);
            }
        }
    }
    Ok(rows.into_values().collect())
}

/// The table of values, as CSV.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = "point,series,from,unit,lead_hours,valid,members,mean,low,high\n".to_owned();
    for row in rows {
        let (mean, low, high) = row.spread();
        text += &format!(
            "{},{},{},{},{},{},{},{mean:.3},{low:.3},{high:.3}\n",
            quoted(&row.point),
            row.series,
            row.from,
            row.unit,
            row.step / 3600,
            row.valid,
            row.values.len()
        );
    }
    text
}

/// The table of thresholds that are reached, with the share of members, as CSV.
#[must_use]
pub fn warnings(rows: &[Row], thresholds: &[Threshold]) -> String {
    let mut text = "point,threshold,series,lead_hours,valid,share\n".to_owned();
    for row in rows {
        for threshold in thresholds.iter().filter(|threshold| threshold.series == row.series) {
            let share = row.share(threshold);
            if share > 0.0 {
                text += &format!(
                    "{},{},{},{},{},{share:.3}\n",
                    quoted(&row.point),
                    threshold.name,
                    row.series,
                    row.step / 3600,
                    row.valid
                );
            }
        }
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The file of a table beside the forecast.
#[must_use]
pub fn beside(folder: &Path, scenario: &str, what: &str) -> PathBuf {
    folder.join(format!("{scenario}-{what}.csv"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read() {
        assert_eq!("2t".parse(), Ok(Quantity::Variable("2t".to_owned(), None)));
        assert_eq!("t@925".parse(), Ok(Quantity::Variable("t".to_owned(), Some(925.0))));
        assert_eq!("wind@10m".parse(), Ok(Quantity::WindAbove(10)));
        assert_eq!("wind@850".parse(), Ok(Quantity::WindAt(850.0)));
        for text in ["", "wind", "t@x", "wind@m", "@5"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_count_members() {
        let row = Row {
            point: "a,b".to_owned(),
            series: "wind".to_owned(),
            from: "wind@10m".to_owned(),
            unit: "m s-1".to_owned(),
            step: 21_600,
            valid: Time(21_600),
            values: vec![5.0, 20.0, 25.0, 30.0],
        };
        let gale = Threshold {
            name: "gale".to_owned(),
            series: "wind".to_owned(),
            above: Some(20.0),
            below: None,
        };
        assert_eq!(row.share(&gale), 0.75);
        let calm =
            Threshold { name: "calm".to_owned(), above: None, below: Some(1.0), ..gale.clone() };
        let text = warnings(std::slice::from_ref(&row), &[gale, calm]);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("\"a,b\",gale,wind,6,1970-01-01T06:00:00Z,0.750"), "{text}");
        assert!(table(&[row]).contains(",4,20.000,5.000,30.000"));
    }
}
