//! `track`: arguments of [`crate::track::track_forecast`], and its summary for people.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use strata_cli::atomic::write_whole;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say};
use strata_earth::source::Limits;
use strata_earth::track::{Place, Track, atcf, best, verify, write};

use super::progress::Watch;
use crate::track::{Method, TrackJob, Tracked, track_forecast};

/// Track the tropical cyclones of a forecast, and verify them against best tracks.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather track forecast.nc --from 18.5,131.5 --out track.csv
  strata-weather track forecast.grib --best-track bwp052023.dat --out doksuri.geojson
  strata-weather track forecast.zarr --best-track hurdat2.txt --storm AL122005
  strata-weather track forecast.nc --method tempest --warm-core --out all.atcf

The form of --out follows its name: .csv a table, .geojson lines and points, .atcf an a-deck. Best tracks are HURDAT2,
ATCF decks or IBTrACS' CSV.")]
pub struct Args {
    /// The forecast: GRIB, NetCDF or Zarr, with msl and, for Pangu's method, u and v at 850 hPa.
    #[arg(value_name = "FORECAST")]
    forecast: PathBuf,
    /// Rules [default: pangu where there is a place to begin from, else tempest].
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// Where a cyclone is when the forecast begins; may be given several times.
    #[arg(long, value_name = "LAT,LON", value_parser = place, allow_hyphen_values = true)]
    from: Vec<Place>,
    /// Best tracks: cyclones are followed from their places, and verified.
    #[arg(long, value_name = "FILE")]
    best_track: Option<PathBuf>,
    /// One of the best tracks, by identifier or name [default: all that are there when the forecast begins].
    #[arg(long, value_name = "ID", requires = "best_track")]
    storm: Option<String>,
    /// Member of an ensemble [default: the first].
    #[arg(long, value_name = "N")]
    member: Option<u32>,
    /// Tempest: only cyclones with a warm core between 500 and 300 hPa.
    #[arg(long)]
    warm_core: bool,
    /// Places at the grid's points instead of between them.
    #[arg(long)]
    on_grid: bool,
    /// Where the tracks go.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The name of the forecast's model in an a-deck.
    #[arg(long, value_name = "NAME", default_value = "STRA")]
    technique: String,
    /// Write over an existing file.
    #[arg(long)]
    overwrite: bool,
}

fn place(text: &str) -> Result<Place, String> {
    let wrong =
        || format!("{text:?} is no place: latitude and longitude in degrees, as in 18.5,131.5");
    let (lat, lon) = text.split_once(',').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let (lat, lon) = (number(lat)?, number(lon)?);
    if !(lat.abs() <= 90.0 && lon.abs() <= 360.0) {
        return Err(wrong());
    }
    Ok(Place::new(lat, lon))
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let form = args.out.as_deref().map(form).transpose()?;
    if let Some(out) = args.out.as_ref().filter(|out| out.exists() && !args.overwrite) {
        bail!("{} is there already; --overwrite writes over it", out.display());
    }
    let best = match &args.best_track {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            best::read(&text).with_context(|| path.display().to_string())?
        }
        None => Vec::new(),
    };
    let source = strata_earth::open(&args.forecast, &Limits::default())?;
    let job = TrackJob {
        method: args.method,
        from: args.from.clone(),
        best,
        storm: args.storm.clone(),
        member: args.member,
        warm_core: args.warm_core,
        on_grid: args.on_grid,
    };
    let watch = Watch::new(globals.quiet, "times");
    let found = track_forecast(source.as_ref(), &job, &mut |done, total| watch.count(done, total))
        .with_context(|| args.forecast.display().to_string())?;
    drop(watch);
    if let Some((out, form)) = args.out.as_ref().zip(form) {
        let text = match form {
            Form::Csv => write::csv(&found.tracks),
            Form::GeoJson => format!("{:#}\n", write::geojson(&found.tracks)),
            Form::Atcf => atcf::write(&found.tracks, &args.technique),
        };
        write_whole(out, text.as_bytes()).with_context(|| out.display().to_string())?;
    }
    if !globals.quiet {
        say(&summary(&found))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Csv,
    GeoJson,
    Atcf,
}

fn form(path: &Path) -> anyhow::Result<Form> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    match ending.to_ascii_lowercase().as_str() {
        "csv" => Ok(Form::Csv),
        "geojson" | "json" => Ok(Form::GeoJson),
        "atcf" | "dat" => Ok(Form::Atcf),
        _ => bail!("{}: tracks are written as .csv, .geojson or .atcf", path.display()),
    }
}

fn summary(found: &Tracked) -> String {
    let mut text = String::new();
    for note in &found.notes {
        text += &format!("note: {note}\n");
    }
    if found.tracks.is_empty() {
        return text + "no cyclone was found\n";
    }
    let mut table =
        TextTable::new(&["track", "name", "from", "to", "fixes", "first", "last", "hPa", "m/s"]);
    found.tracks.iter().for_each(|track| table.row(line(track)));
    text += &table.render();
    let Some(verification) = &found.verification else { return text };
    let mut table =
        TextTable::new(&["lead h", "pairs", "km", "along km", "across km", "hPa", "m/s"]);
    let round = |value: Option<f64>, by: f64| {
        value.map_or("–".to_owned(), |value| format!("{:.1}", value / by))
    };
    for errors in verify::by_lead(&verification.pairs) {
        table.row(vec![
            errors.lead.to_string(),
            errors.count.to_string(),
            format!("{:.1}", errors.distance),
            round(errors.along, 1.0),
            round(errors.across, 1.0),
            round(errors.pressure, 100.0),
            round(errors.wind, 1.0),
        ]);
    }
    text += "\nerrors against the best tracks (forecast less observed)\n";
    text += &table.render();
    text += &format!(
        "{} missed times, {} false tracks\n",
        verification.misses.len(),
        verification.false_tracks.len()
    );
    text
}

fn line(track: &Track) -> Vec<String> {
    let place = |at: Option<&strata_earth::track::Fix>| {
        at.map_or(String::new(), |fix| format!("{:.1},{:.1}", fix.lat, fix.lon))
    };
    let time = |at: Option<&strata_earth::track::Fix>| {
        at.map_or(String::new(), |fix| fix.time.to_string())
    };
    let least = track.fixes.iter().filter_map(|fix| fix.pressure).min_by(f64::total_cmp);
    let most = track.fixes.iter().filter_map(|fix| fix.wind).max_by(f64::total_cmp);
    vec![
        track.id.clone(),
        track.name.clone(),
        time(track.fixes.first()),
        time(track.fixes.last()),
        track.fixes.len().to_string(),
        place(track.fixes.first()),
        place(track.fixes.last()),
        least.map_or("–".to_owned(), |pressure| format!("{:.1}", pressure / 100.0)),
        most.map_or("–".to_owned(), |wind| format!("{wind:.1}")),
    ]
}
