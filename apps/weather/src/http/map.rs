//! `/v1/map`: a picture of a run's fields, drawn by the code of `strata-weather plot`.

use std::sync::Arc;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Deserialize;
use strata_earth::plot::map::Filling;
use strata_earth::plot::{Font, png, svg};
use strata_earth::regrid::crop::Area;
use strata_earth::time::Time;
use strata_serve::keys::Scope;
use strata_serve::{Drawing, Kind, Operation, Problem};

use super::forecast::run;
use crate::plot::words::{barb_unit, place, range, wind};
use crate::plot::{Files, MapJob, Pick, Projecting, map};
use crate::store::{Run, Store};

const PNG: &str = "image/png";
const SVG: &str = "image/svg+xml";

/// Narrowest and widest picture, in pixels.
const WIDTHS: std::ops::RangeInclusive<u32> = 200..=4000;

/// Which picture. Fields are named as on the command line: `2t`, `t@850`, `wind@10m`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MapAsk {
    /// Model; the one with the newest run where it is left out.
    #[serde(default)]
    model: String,
    /// When the run begins; the newest where it is left out.
    #[serde(default)]
    run: Option<String>,
    /// The field in colours, as in `z@500`.
    #[serde(default)]
    field: Option<String>,
    /// Fields as contour lines; may be repeated.
    #[serde(default)]
    contour: Vec<String>,
    /// Distance of contour lines, in the unit of the picture.
    #[serde(default)]
    interval: Option<f64>,
    /// Wind as barbs: `10m`, or a pressure in hPa.
    #[serde(default)]
    barbs: Option<String>,
    /// What barbs count in: `kt` or `ms`.
    #[serde(default)]
    barb_unit: Option<String>,
    /// The step, in hours; the first where it is left out.
    #[serde(default)]
    step: Option<i64>,
    /// When it holds, such as 2024-05-01T06:00, in the place of a step.
    #[serde(default)]
    time: Option<String>,
    /// The member; the first where it is left out.
    #[serde(default)]
    member: Option<u32>,
    /// Bounding box `west,south,east,north`, in degrees; it may go over 180°.
    #[serde(default)]
    bbox: Option<String>,
    /// `equirectangular`, `mercator`, `polar`, `lambert` or `globe`.
    #[serde(default)]
    projection: Option<String>,
    /// `latitude,longitude` in the middle of a projection.
    #[serde(default)]
    centre: Option<String>,
    /// Colours, as `plot --palette` names them.
    #[serde(default)]
    palette: Option<String>,
    /// First and last level of the colours and, if wanted, their step: `-40,40,5`.
    #[serde(default)]
    range: Option<String>,
    /// A gradient instead of bands of colour.
    #[serde(default)]
    smooth: bool,
    /// Borders between countries.
    #[serde(default)]
    borders: bool,
    /// Title, in place of what is drawn.
    #[serde(default)]
    title: Option<String>,
    /// Width of the picture in pixels, 200 to 4000; 1200 where it is left out.
    #[serde(default)]
    width: Option<u32>,
    /// Most height of the map in it; the width where it is left out.
    #[serde(default)]
    height: Option<u32>,
    /// `png` or `svg`.
    #[serde(default)]
    format: Option<String>,
}

pub(super) fn operations(store: &Arc<Store>) -> Vec<Operation> {
    let store = Arc::clone(store);
    vec![
        Operation::get("map", "/v1/map")
            .about(
                "Forecasts",
                "A map as a picture",
                "By the function of `strata-weather plot`: title, units, times, colour bar, and coastlines where the planet is the \
                 Earth. It has an ETag, and is drawn again only when the run's files have changed.",
            )
            .scope(Scope::Read)
            .pictures::<MapAsk, _>(&[PNG, SVG], move |_, ask| {
                let reference = moment("run", ask.run.as_ref())?;
                let run = run(&store.snapshot(), &ask.model, reference)?;
                drawing(run, &ask)
            }),
    ]
}

fn moment(field: &str, given: Option<&String>) -> Result<Option<Time>, Problem> {
    given.map(|text| Time::parse(text)).transpose().map_err(|error| Problem::field(field, error))
}

fn drawing(run: Arc<Run>, ask: &MapAsk) -> Result<Drawing, Problem> {
    let content_type = match ask.format.as_deref() {
        None | Some("png") => PNG,
        Some("svg") => SVG,
        Some(_) => return Err(Problem::field("format", "it is neither png nor svg")),
    };
    let job = job(&run, ask)?;
    let (step, time, member) = (ask.step, moment("time", ask.time.as_ref())?, ask.member);
    let of = format!("{} {} {:?} {ask:?}", run.model, run.reference, run.files);
    let draw = move || {
        let unfit = |error: anyhow::Error| {
            Problem::new(Kind::Unprocessable, "no-map", format!("{error:#}"))
                .with_remedy("/v1/models lists the fields and steps of each run")
        };
        let font = Font::builtin().map_err(Problem::internal)?;
        let files = Files::of(Box::new(run.source()));
        let leading = job.leading().ok_or_else(|| Problem::internal("a map of nothing"))?;
        let moment = files.moment(leading, step, time).map_err(unfit)?;
        let scene = map(&job, Some(&files), Some(moment), member, &font).map_err(unfit)?;
        let drawn = match content_type {
            SVG => svg(&scene, &font).map(String::into_bytes),
            _ => png(&scene, &font),
        };
        drawn.map_err(Problem::internal)
    };
    Ok(Drawing { content_type, of, draw: Box::new(draw) })
}

/// A parameter that is read from its text.
fn read<T>(
    field: &str,
    given: Option<&String>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Problem> {
    let short = |text: &String| text.chars().take(80).collect::<String>();
    given.map(|text| read(&short(text))).transpose().map_err(|error| Problem::field(field, error))
}

/// `west,south,east,north`.
fn bbox(text: &str) -> Result<Area, String> {
    let wrong =
        || format!("{text:?} is no bounding box: write west,south,east,north, as in 70,15,140,55");
    let parts: Vec<f64> = text
        .split(',')
        .map(|part| part.trim().parse().ok().filter(|value: &f64| value.is_finite()))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    let [west, south, east, north] = parts[..] else { return Err(wrong()) };
    format!("{north}/{west}/{south}/{east}").parse().map_err(|_| wrong())
}

fn job(run: &Run, ask: &MapAsk) -> Result<MapJob, Problem> {
    let pick = |text: &str| text.parse::<Pick>();
    let contours = ask.contour.iter().map(|text| read("contour", Some(text), pick));
    let contours: Vec<Option<Pick>> = contours.collect::<Result<_, _>>()?;
    let field = read("field", ask.field.as_ref(), pick)?;
    let barbs = read("barbs", ask.barbs.as_ref(), wind)?;
    if field.is_none() && barbs.is_none() && contours.is_empty() {
        return Err(Problem::field("field", "say what to draw: field, contour or barbs"));
    }
    let width = ask.width.unwrap_or(1200);
    let sizes = [("width", width), ("height", ask.height.unwrap_or(width))];
    if let Some((name, _)) = sizes.iter().find(|(_, size)| !WIDTHS.contains(size)) {
        let text = format!("it is not from {} to {}", WIDTHS.start(), WIDTHS.end());
        return Err(Problem::field(*name, text));
    }
    let palette = |text: &str| text.parse();
    let projecting = |text: &str| {
        Projecting::from_str(text, true).map_err(|_| {
            let all: Vec<String> = Projecting::value_variants()
                .iter()
                .filter_map(|one| Some(one.to_possible_value()?.get_name().to_owned()))
                .collect();
            format!("{text:?} is none of {}", all.join(", "))
        })
    };
    Ok(MapJob {
        field,
        contours: contours.into_iter().flatten().collect(),
        interval: ask.interval,
        barbs,
        arrows: false,
        barb_unit: read("barb_unit", ask.barb_unit.as_ref(), barb_unit)?.unwrap_or_default(),
        filling: Filling {
            range: read("range", ask.range.as_ref(), range)?,
            palette: read("palette", ask.palette.as_ref(), palette)?,
            smooth: ask.smooth,
        },
        projection: read("projection", ask.projection.as_ref(), projecting)?,
        centre: read("centre", ask.centre.as_ref(), place)?,
        area: read("bbox", ask.bbox.as_ref(), bbox)?,
        tracks: None,
        title: ask.title.as_ref().map(|title| title.chars().take(200).collect()),
        model: Some(run.model.clone()),
        borders: ask.borders,
        width,
        height: ask.height,
    })
}
