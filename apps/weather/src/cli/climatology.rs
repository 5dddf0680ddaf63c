//! `climatology`: what is usual by day of the year and hour, from years of fields.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::{Globals, say};
use strata_earth::climatology::{Builder, Window};
use strata_earth::source::Limits;

use super::progress::Watch;

/// Build a climatology by day of the year and hour from years of fields.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather climatology era5-1990-2019.nc --out usual.clim
  strata-weather climatology train-*.nc --out mean.clim --window 0 --all-times

Fields of all years are averaged over a window of days around each day, with weights that fall linearly to 0 at both ends, as
WeatherBench 2 does; hours of the day are kept apart. The file is this program's own; `verify` and `eval` read it.")]
pub struct Args {
    /// Files of fields.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where it goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Days of the window, an odd number; 0 for each day alone.
    #[arg(long, default_value_t = 61, value_name = "DAYS")]
    window: usize,
    /// A Gaussian window of this standard deviation in days in place of the linear one.
    #[arg(long, value_name = "DAYS")]
    gaussian: Option<f64>,
    /// The mean of all times, whatever the day and hour.
    #[arg(long)]
    all_times: bool,
    /// Short names; all where none is named.
    #[arg(long, value_delimiter = ',', value_name = "VARIABLE")]
    fields: Vec<String>,
    /// Gigabytes that it may hold in memory.
    #[arg(long, default_value_t = 8.0, value_name = "GB")]
    memory: f64,
}

/// Builds.
///
/// # Errors
/// Files that cannot be read, lie on several grids, or are too much for the memory.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let window = match (args.all_times, args.window, args.gaussian) {
        (true, ..) => Window::AllTimes,
        (_, 0, _) => Window::None,
        (_, days, _) if days % 2 == 0 || days > 365 => {
            anyhow::bail!("a window of {days} days: write an odd number up to 365")
        }
        (_, days, Some(deviation)) => Window::Gaussian { days, deviation },
        (_, days, None) => Window::Triangular(days),
    };
    let mut builder = Builder::new(window).within((args.memory.max(0.0) * 1e9) as u64);
    let mut count = 0_usize;
    let watch = Watch::new(globals.quiet, "fields");
    for (file, path) in args.files.iter().enumerate() {
        let source = strata_earth::open(path, &Limits::default())?;
        for (at, header) in source.headers().iter().enumerate() {
            let key = strata_earth::climatology::Key::of(header);
            if args.fields.is_empty() || args.fields.contains(&key.variable) {
                builder
                    .add(header, &source.values(at)?)
                    .with_context(|| format!("{}", path.display()))?;
                count += 1;
            }
            // Files of years are about of one size.
            let fields = source.headers().len();
            watch.count(file * fields + at + 1, args.files.len() * fields);
        }
    }
    let climatology = builder.finish()?;
    drop(watch);
    climatology.save(&args.out)?;
    if !globals.quiet {
        let of: Vec<String> = climatology.keys().map(ToString::to_string).collect();
        say(&format!("{}: {} from {count} fields\n", args.out.display(), of.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
