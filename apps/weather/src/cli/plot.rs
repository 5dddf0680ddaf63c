//! `plot`: arguments of [`crate::plot`], and files of its pictures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use strata_cli::atomic::write_whole;
use strata_cli::{Globals, say};
use strata_earth::plot::barb::Unit;
use strata_earth::plot::colour::Palette;
use strata_earth::plot::map::Filling;
use strata_earth::plot::tracks::Tracks;
use strata_earth::plot::{Font, Scene, gif, png, svg};
use strata_earth::regrid::crop::Area;
use strata_earth::time::{HOUR, Time};
use strata_earth::track::{Track, best, write};

use crate::plot::words::{barb_unit, place, range, wind};
use crate::plot::{Files, MapJob, Pick, PointJob, Projecting, animation, map, meteogram, stamps};

/// Draw maps, animations, panels of an ensemble and meteograms of what files hold.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather plot forecast.nc --field z --level 500 --step 24 --contour msl --barbs 10m --out z500.png
  strata-weather plot forecast.nc --field 2t --area 55/70/15/140 --projection lambert --out china.svg
  strata-weather plot forecast.nc --field wind@850 --projection globe --centre 35,110 --out globe.png
  strata-weather plot forecast.nc --field msl --out msl.gif
  strata-weather plot forecast.nc --field tp --out 'rain-{step}.png'
  strata-weather plot ensemble.nc --field z@500 --stamps --out stamps.png
  strata-weather plot --tracks track.csv --best-track bwp052023.dat --area 45/105/5/150 --out track.png
  strata-weather plot forecast.nc --point 39.9,116.4 --name Beijing --out beijing.svg

The form of --out follows its name: .png, .svg, or .gif of all times. Fields are named as 2t, t@850, wind@850 or wind@10m.")]
pub struct Args {
    /// GRIB, NetCDF or Zarr; several are taken together.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The field drawn in colours.
    #[arg(long, value_name = "FIELD")]
    field: Option<Pick>,
    /// Level of --field and --contour where they name none: a pressure in hPa.
    #[arg(long, value_name = "LEVEL")]
    level: Option<f64>,
    /// A field drawn as contour lines; may be given several times.
    #[arg(long, value_name = "FIELD")]
    contour: Vec<Pick>,
    /// Distance of contour lines, in the unit of the picture.
    #[arg(long, value_name = "N", requires = "contour")]
    interval: Option<f64>,
    /// Wind drawn as barbs: a height or a pressure, as in 10m or 850, or its two components, as in 10u,10v.
    #[arg(long, value_name = "LEVEL", value_parser = wind)]
    barbs: Option<Pick>,
    /// Arrows instead of barbs.
    #[arg(long, requires = "barbs")]
    arrows: bool,
    /// What barbs count in: kt (half 5, full 10, pennant 50) or ms (2, 4, 20 m/s).
    #[arg(long, value_name = "UNIT", default_value = "kt", value_parser = barb_unit)]
    barb_unit: Unit,
    /// Lead, in hours [default: the first].
    #[arg(long, value_name = "HOURS")]
    step: Option<i64>,
    /// When it holds.
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    time: Option<Time>,
    /// Member of an ensemble [default: the first].
    #[arg(long, value_name = "N")]
    member: Option<u32>,
    /// All members side by side.
    #[arg(long, conflicts_with = "member")]
    stamps: bool,
    /// Columns of --stamps.
    #[arg(long, value_name = "N", requires = "stamps")]
    columns: Option<usize>,
    /// Projection [default: equirectangular].
    #[arg(long, value_enum)]
    projection: Option<Projecting>,
    /// What lies in the middle of a projection.
    #[arg(long, value_name = "LAT,LON", value_parser = place, allow_hyphen_values = true)]
    centre: Option<(f64, f64)>,
    /// Area, in degrees [default: all there is].
    #[arg(long, value_name = "NORTH/WEST/SOUTH/EAST", allow_hyphen_values = true)]
    area: Option<Area>,
    /// Colours: sequential, diverging, temperature, wind, precipitation, humidity, pressure, grey [default: by variable].
    #[arg(long, value_name = "NAME")]
    palette: Option<Palette>,
    /// First and last level of the colours and, if wanted, their step, in the unit of the picture.
    #[arg(long, value_name = "LOW,HIGH[,STEP]", value_parser = range, allow_hyphen_values = true)]
    range: Option<(f64, f64, Option<f64>)>,
    /// A gradient instead of bands of colour.
    #[arg(long)]
    smooth: bool,
    /// Cyclone tracks, as `track` writes them (.csv), or of a form that --best-track takes.
    #[arg(long, value_name = "FILE")]
    tracks: Option<PathBuf>,
    /// Observed tracks: HURDAT2, ATCF decks or IBTrACS' CSV. Those of --tracks' time are drawn.
    #[arg(long, value_name = "FILE", requires = "tracks")]
    best_track: Option<PathBuf>,
    /// A meteogram of a place instead of a map.
    #[arg(long, value_name = "LAT,LON", value_parser = place, allow_hyphen_values = true, conflicts_with_all = ["field", "stamps", "tracks"])]
    point: Option<(f64, f64)>,
    /// The place's name.
    #[arg(long, requires = "point")]
    name: Option<String>,
    /// Title [default: what is drawn].
    #[arg(long)]
    title: Option<String>,
    /// The model's name, at the upper right.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Borders between countries (see datasets/weather/coastlines).
    #[arg(long)]
    borders: bool,
    /// Width, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 1200, value_parser = clap::value_parser!(u32).range(200..=8000))]
    width: u32,
    /// A TrueType or OpenType font for names beyond Latin.
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
    /// Time of each picture of an animation, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 400, value_parser = clap::value_parser!(u16).range(20..=10_000))]
    delay: u16,
    /// Where the picture goes; with {step} in its name one a time.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

fn tracks(path: &Path) -> anyhow::Result<Vec<Track>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let ours = text.starts_with(write::CSV_HEAD);
    let read = if ours { write::read_csv(&text) } else { best::read(&text) };
    read.with_context(|| path.display().to_string())
}

impl Args {
    fn tracks(&self) -> anyhow::Result<Option<Tracks>> {
        let Some(path) = &self.tracks else { return Ok(None) };
        let forecast = tracks(path)?;
        let mut observed = self.best_track.as_deref().map(tracks).transpose()?.unwrap_or_default();
        let times = || forecast.iter().flat_map(|track| &track.fixes).map(|fix| fix.time);
        if let (Some(first), Some(last)) = (times().min(), times().max()) {
            for track in &mut observed {
                track.fixes.retain(|fix| fix.time >= first && fix.time <= last);
            }
            observed.retain(|track| !track.fixes.is_empty());
        }
        Ok(Some(Tracks { forecast, observed }))
    }

    fn job(&self) -> anyhow::Result<MapJob> {
        let at = |pick: &Pick| {
            pick.clone().or_at(self.level.filter(|_| {
                strata_earth::variable::known(&pick.name)
                    .is_none_or(|known| known.at.level().is_none())
            }))
        };
        Ok(MapJob {
            field: self.field.as_ref().map(at),
            contours: self.contour.iter().map(at).collect(),
            interval: self.interval,
            barbs: self.barbs.clone().map(|pick| pick.or_at(self.level)),
            arrows: self.arrows,
            barb_unit: self.barb_unit,
            filling: Filling { range: self.range, palette: self.palette, smooth: self.smooth },
            projection: self.projection,
            centre: self.centre,
            area: self.area,
            tracks: self.tracks()?,
            title: self.title.clone(),
            model: self.model.clone(),
            borders: self.borders,
            width: self.width,
            height: None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Png,
    Svg,
    Gif,
}

fn form(path: &Path) -> anyhow::Result<Form> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    match ending.to_ascii_lowercase().as_str() {
        "png" => Ok(Form::Png),
        "svg" => Ok(Form::Svg),
        "gif" => Ok(Form::Gif),
        _ => bail!("{}: pictures are written as .png, .svg or .gif", path.display()),
    }
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let form = form(&args.out)?;
    let font = match &args.font {
        Some(path) => {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
            Font::from_bytes(bytes, &name)?
        }
        None => Font::builtin()?,
    };
    let files = if args.files.is_empty() { None } else { Some(Files::open(&args.files)?) };
    let written = draw(args, form, files.as_ref(), &font)?;
    if !globals.quiet {
        let names: Vec<String> =
            written.iter().map(|path| format!("{}\n", path.display())).collect();
        say(&names.concat())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws what is asked for; gives the files that were written.
fn draw(
    args: &Args,
    form: Form,
    files: Option<&Files>,
    font: &Font,
) -> anyhow::Result<Vec<PathBuf>> {
    let one = |scene: &Scene| save(scene, &args.out, form, font).map(|()| vec![args.out.clone()]);
    if let Some(place) = args.point {
        let files = files.context("a meteogram needs a forecast")?;
        let (name, model) = (args.name.clone(), args.model.clone());
        let job = PointJob { place, name, model, barb_unit: args.barb_unit, width: args.width };
        return one(&meteogram(&job, files, font)?);
    }
    let job = args.job()?;
    let (files, leading) = match (files, job.leading()) {
        (Some(files), Some(leading)) => (files, leading.clone()),
        (_, None) if job.tracks.is_some() => return one(&map(&job, None, None, None, font)?),
        (None, _) => bail!("give a file, or --tracks"),
        (_, None) => bail!("say what to draw: --field, --contour, --barbs, --tracks or --point"),
    };
    if form == Form::Gif {
        if args.stamps {
            bail!("--stamps are written as .png or .svg");
        }
        let pictures = animation(&job, files, &files.moments(&leading), args.member, font)?;
        let bytes = gif(&pictures, args.delay / 10)?;
        write_whole(&args.out, &bytes).with_context(|| args.out.display().to_string())?;
        return Ok(vec![args.out.clone()]);
    }
    let name = args.out.to_string_lossy();
    if !name.contains("{step}") {
        let moment = files.moment(&leading, args.step, args.time)?;
        return match args.stamps {
            true => one(&stamps(&job, files, moment, args.columns, font)?),
            false => one(&map(&job, Some(files), Some(moment), args.member, font)?),
        };
    }
    let mut written = Vec::new();
    let moments = files.moments(&leading);
    if let [first, .., last] = moments[..]
        && first.reference != last.reference
    {
        bail!("{{step}} tells times of one forecast apart; these are of several");
    }
    for moment in moments {
        let path = PathBuf::from(name.replace("{step}", &(moment.step / HOUR).to_string()));
        let scene = match args.stamps {
            true => stamps(&job, files, moment, args.columns, font)?,
            false => map(&job, Some(files), Some(moment), args.member, font)?,
        };
        save(&scene, &path, form, font)?;
        written.push(path);
    }
    Ok(written)
}

fn save(scene: &Scene, path: &Path, form: Form, font: &Font) -> anyhow::Result<()> {
    let bytes = match form {
        Form::Svg => svg(scene, font)?.into_bytes(),
        Form::Png => png(scene, font)?,
        Form::Gif => bail!("{}: an animation is of a field's times", path.display()),
    };
    write_whole(path, &bytes).with_context(|| path.display().to_string())
}
