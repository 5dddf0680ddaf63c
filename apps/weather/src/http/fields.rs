//! `/v1/fields`: a map of a variable at a step, on few enough points for a picture.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_earth::grid::Grid;
use strata_earth::regrid::{Method, Regrid};
use strata_earth::time::{HOUR, Time};
use strata_serve::keys::Scope;
use strata_serve::{Kind, Operation, Problem, Reply};

use super::forecast::run;
use super::variables::{Units, Variable};
use crate::store::{Run, Store};

const BINARY: &str = "application/octet-stream";

/// Most columns of a map.
const WIDEST: usize = 1440;

/// Which map.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldAsk {
    /// Model; the one with the newest run where it is left out.
    #[serde(default)]
    model: String,
    /// When the run begins; the newest where it is left out.
    #[serde(default)]
    run: Option<String>,
    /// The variable, as in /v1/forecast; winds are in m/s.
    variable: String,
    /// The step, in hours; it must be one that the run has.
    #[serde(default)]
    step: Option<f64>,
    /// The member; the first where it is left out.
    #[serde(default)]
    member: Option<u32>,
    /// Columns around the globe, at most 1440; as many as the model has, up to 360, where it is left out.
    #[serde(default)]
    columns: Option<usize>,
    /// `json`, or `bin`: the size of a head of JSON (32 bits, little endian), the head, then 32-bit floats.
    #[serde(default)]
    format: Option<String>,
}

/// What a map is of.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct FieldHead {
    /// Model.
    model: String,
    /// Whose atmosphere it is.
    planet: String,
    /// When the run begins.
    run: String,
    /// The step, in hours.
    step: f64,
    /// When it holds.
    valid: String,
    /// The variable.
    variable: String,
    /// Its unit.
    unit: String,
    /// Rows, north to south.
    rows: usize,
    /// Columns, eastwards.
    columns: usize,
    /// Latitude of the first row.
    north: f64,
    /// Longitude of the first column.
    west: f64,
    /// Degrees between rows.
    row_step: f64,
    /// Degrees between columns.
    column_step: f64,
    /// Whether the columns go all the way around.
    periodic: bool,
    /// Least of the values; null where there is none.
    least: Option<f32>,
    /// Greatest.
    most: Option<f32>,
}

/// A map.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FieldReply {
    /// What it is of.
    #[serde(flatten)]
    head: FieldHead,
    /// Values row by row; null where missing.
    #[schemars(with = "Vec<Option<f32>>")]
    values: Vec<f32>,
}

pub(super) fn operations(store: &Arc<Store>) -> Vec<Operation> {
    let store = Arc::clone(store);
    vec![
        Operation::get("field", "/v1/fields")
            .about(
                "Forecasts",
                "A map of a variable at a step",
                "On rows and columns of equal steps, linear between the model's points. Temperatures in °C, pressures in hPa, \
                 winds in m/s, heights in m.",
            )
            .scope(Scope::Read)
            .replies::<FieldAsk, FieldReply, _>(&[BINARY], move |_, ask| {
                let reference = ask.run.as_deref().map(Time::parse).transpose();
                let reference = reference.map_err(|error| Problem::field("run", error))?;
                let run = run(&store.snapshot(), &ask.model, reference)?;
                let map = map(&run, &ask)?;
                match ask.format.as_deref() {
                    None | Some("json") => Ok(Reply::Json(map)),
                    Some("bin") => Ok(Reply::Bytes { content_type: BINARY, bytes: binary(&map)?.into() }),
                    Some(_) => Err(Problem::field("format", "it is neither json nor bin")),
                }
            }),
    ]
}

fn binary(map: &FieldReply) -> Result<Vec<u8>, Problem> {
    let mut head = serde_json::to_vec(&map.head).map_err(Problem::internal)?;
    // Floats begin at a multiple of four.
    head.resize(head.len().next_multiple_of(4), b' ');
    let size = u32::try_from(head.len()).map_err(Problem::internal)?;
    let mut bytes = size.to_le_bytes().to_vec();
    bytes.extend(head);
    bytes.extend(map.values.iter().flat_map(|value| value.to_le_bytes()));
    Ok(bytes)
}

fn map(run: &Run, ask: &FieldAsk) -> Result<FieldReply, Problem> {
    let variable = Variable::find(run, &ask.variable).ok_or_else(|| {
        let name: String = ask.variable.chars().take(80).collect();
        let all = Variable::all(run).join(", ");
        Problem::field("variable", format!("{name} is no variable of {}; it has {all}", run.model))
    })?;
    let wanted = ask.step.map_or(run.steps.first().copied().unwrap_or(0), |hours| {
        (hours * HOUR as f64).round() as i64
    });
    let step = run.steps.binary_search(&wanted).map_err(|_| {
        let hours: Vec<String> = run.steps.iter().map(|step| (step / HOUR).to_string()).collect();
        Problem::field("step", format!("the run has no such step; it has {} h", hours.join(", ")))
    })?;
    let member = ask.member.map_or(Ok(0), |member| {
        run.members.binary_search(&member).map_err(|_| {
            Problem::field("member", format!("the run has {} members, from 0", run.members.len()))
        })
    })?;
    let grid = Arc::new(target(&run.grid, ask.columns)?);
    let parts = parts(run, &variable, (member, step), &grid)?;
    let units = Units { speed: super::variables::Speed::Ms, ..Units::default() };
    let value = |point: usize| {
        let here: Vec<f64> = parts.iter().map(|part| f64::from(part[point])).collect();
        units.in_units(variable.kind, variable.value(&here))
    };
    let values: Vec<f32> = (0..grid.len()).map(value).collect();
    let there = || values.iter().copied().filter(|value| value.is_finite());
    let steps = |line: &[f64]| match line {
        [first, second, ..] => (second - first).abs(),
        _ => 0.0,
    };
    let head = FieldHead {
        model: run.model.clone(),
        planet: run.planet.clone(),
        run: run.reference.to_string(),
        step: wanted as f64 / HOUR as f64,
        valid: (run.reference + wanted).to_string(),
        variable: variable.name.clone(),
        unit: units.of(variable.kind).0.to_owned(),
        rows: grid.shape.0,
        columns: grid.shape.1,
        north: grid.lats.first().copied().unwrap_or(0.0),
        west: grid.lons.first().copied().unwrap_or(0.0),
        row_step: steps(&grid.lats),
        column_step: steps(&grid.lons),
        periodic: run.grid.is_periodic(),
        least: there().reduce(f32::min),
        most: there().reduce(f32::max),
    };
    Ok(FieldReply { head, values })
}

/// The fields that a variable is made of, on the map's points. A wind's components go together.
fn parts(
    run: &Run,
    variable: &Variable,
    (member, step): (usize, usize),
    grid: &Arc<Grid>,
) -> Result<Vec<Vec<f32>>, Problem> {
    let regrid = Regrid::new(Arc::clone(&run.grid), Arc::clone(grid), Method::Bilinear);
    let regrid = regrid.map_err(Problem::internal)?;
    let read = |band: &usize| -> Result<Vec<f32>, Problem> {
        run.map(*band, member, step)
            .map_err(Problem::internal)?
            .ok_or_else(|| Problem::new(Kind::NotFound, "no-field", "the files lack this field"))
    };
    let maps: Vec<Vec<f32>> = variable.bands().iter().map(read).collect::<Result<_, _>>()?;
    let mut parts = maps
        .iter()
        .map(|map| regrid.apply(map).map_err(Problem::internal))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some((u, v)) = variable.wind() {
        let pair = regrid.apply_wind(&maps[u], &maps[v]);
        (parts[u], parts[v]) = pair.map_err(Problem::internal)?;
    }
    Ok(parts)
}

/// Rows and columns of a map: from 180° W where the model goes around, else those of its area.
fn target(grid: &Grid, columns: Option<usize>) -> Result<Grid, Problem> {
    let wanted = columns.unwrap_or(360.min(grid.shape.1));
    if !(2..=WIDEST).contains(&wanted) {
        return Err(Problem::field("columns", format!("it is not from 2 to {WIDEST}")));
    }
    let ends = |values: &[f64]| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let lons = strata_earth::grid::unwrapped(&grid.lons);
    let ((west, east), (mut south, mut north)) = (ends(&lons), ends(&grid.lats));
    if grid.is_global() {
        (south, north) = (-90.0, 90.0);
    }
    let line = |from: f64, step: f64, count: usize| -> Vec<f64> {
        (0..count).map(|at| from + step * at as f64).collect()
    };
    let (lons, width) = if grid.is_periodic() {
        let step = 360.0 / wanted as f64;
        (line(-180.0, step, wanted), step)
    } else {
        let step = (east - west) / (wanted - 1) as f64;
        (line(west, step, wanted), step)
    };
    let rows = (((north - south) / width).round() as usize).clamp(1, WIDEST) + 1;
    let lats = line(north, -(north - south) / (rows - 1) as f64, rows);
    let lats = lats.into_iter().map(|lat| lat.clamp(-90.0, 90.0)).collect();
    Grid::rectilinear(lats, lons).map_err(|error| Problem::field("columns", error))
}
