//! `convert`: files into another format, grid, area or selection.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use strata_cli::{Globals, say};
use strata_earth::derive::Quantity;
use strata_earth::memory_source::MemorySource;
use strata_earth::regrid::Method;
use strata_earth::regrid::crop::Area;
use strata_earth::rollout::parse_leads;
use strata_earth::source::{Limits, Source};

use super::forecast::moment;
use crate::convert::{Conversion, convert, grid};
use crate::forecast::open_input;

/// Convert files of fields: another format, grid, area or selection, and what can be derived.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather convert analysis.grib --out analysis.nc
  strata-weather convert forecast.nc --fields z,t --levels 500,850 --area 60/70/0/150 --out asia.grib
  strata-weather convert era5.grib --grid gaussian:32x64 --regrid conservative --out t31.nc
  strata-weather convert forecast.nc --derive ws,vo --fields z --out derived.zarr

A name ending in .series.zarr has chunks for time series at a place; {step} in a name makes a file a step.")]
pub struct Args {
    /// Files: GRIB, NetCDF, Zarr.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file, by its ending (.nc, .zarr, .series.zarr, .grib, .npy).
    #[arg(long, short, value_name = "PATH")]
    out: String,
    /// Variables, such as t,z,2t [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    fields: Vec<String>,
    /// Pressures in hPa [default: all].
    #[arg(long, value_name = "HPA", value_delimiter = ',')]
    levels: Vec<f64>,
    /// Steps in hours: 24, 6,12 or 6..120/6 [default: all].
    #[arg(long, value_name = "HOURS")]
    steps: Option<String>,
    /// Date that the forecast begins, where there are several: 20240501.
    #[arg(long, value_name = "YYYYMMDD")]
    date: Option<String>,
    /// Time of day that it begins, UTC.
    #[arg(long, value_name = "HHMM", requires = "date")]
    time: Option<String>,
    /// Quantities to derive, such as ws,wdir,vo,d,gh,r,pt.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    derive: Vec<String>,
    /// Another grid: 1.5 (degrees), 181x360 or gaussian:32x64.
    #[arg(long, value_name = "GRID")]
    grid: Option<String>,
    /// How values get there: nearest, bilinear or conservative.
    #[arg(long, value_name = "METHOD", default_value = "bilinear")]
    regrid: Method,
    /// North/west/south/east, in degrees.
    #[arg(long, value_name = "N/W/S/E", allow_hyphen_values = true)]
    area: Option<Area>,
    /// Metadata of the file; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    metadata: Vec<String>,
    /// What was done, as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn conversion(&self) -> anyhow::Result<Conversion> {
        let quantity = |name: &String| {
            Quantity::named(name)
                .with_context(|| format!("{name:?} is nothing that can be derived: ws wdir vo d gh z r q dpt vtmp pt aptmp"))
        };
        let pair = |text: &String| {
            let parts = text.split_once('=');
            let (key, value) =
                parts.with_context(|| format!("--metadata {text}: write KEY=VALUE"))?;
            Ok((key.trim().to_owned(), value.to_owned()))
        };
        let target = self.grid.as_deref().map(grid).transpose()?;
        Ok(Conversion {
            variables: self.fields.clone(),
            levels: self.levels.clone(),
            steps: match &self.steps {
                Some(steps) => parse_leads(steps).map_err(anyhow::Error::msg)?,
                None => Vec::new(),
            },
            reference: moment(self.date.as_deref(), self.time.as_deref())?,
            derive: self.derive.iter().map(quantity).collect::<anyhow::Result<_>>()?,
            grid: target.map(|target| (Arc::new(target), self.regrid)),
            area: self.area,
            attributes: self.metadata.iter().map(pair).collect::<anyhow::Result<_>>()?,
        })
    }
}

/// Runs it.
///
/// # Errors
/// A file or argument that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let limits = Limits::default();
    let source: Box<dyn Source> = match args.files.as_slice() {
        [file] => open_input(file, &limits)?,
        several => {
            let mut all = MemorySource::default();
            for file in several {
                let source = open_input(file, &limits)?;
                for index in 0..source.headers().len() {
                    all.push(source.field(index)?);
                }
            }
            Box::new(all)
        }
    };
    let done = convert(source.as_ref(), &args.conversion()?, &args.out)?;
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&done)?))?;
    } else if !globals.quiet {
        for note in &done.notes {
            say(&format!("note: {note}\n"))?;
        }
        say(&format!(
            "{}: {} fields ({} derived) on {}\n",
            args.out, done.fields, done.derived, done.grid
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
