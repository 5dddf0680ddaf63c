//! `inspect`: arguments of [`crate::inspect::inspect`], and its summary for people.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say};
use strata_core::card::ModelStore;
use strata_core::paths;
use strata_earth::card::Contract;
use strata_earth::gate::Options;
use strata_earth::regrid::Method;
use strata_earth::source::Limits;
use strata_earth::time::Time;

use crate::inspect::{Inspection, inspect};

/// List the fields of a file; with --model, say whether the model takes them.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather inspect analysis.grib
  strata-weather inspect analysis.nc --model pangu-weather-24 --time 2024-05-01T00
  strata-weather inspect analysis.nc --json

With --model the exit status is 1 where the file is refused.")]
pub struct Args {
    /// GRIB, NetCDF or Zarr.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A model whose gate the fields go through.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// The state's time, where the file has several.
    #[arg(long, value_name = "TIME", value_parser = Time::parse, requires = "model")]
    time: Option<Time>,
    /// The state's member [default: the control].
    #[arg(long, value_name = "N", requires = "model")]
    member: Option<u32>,
    /// Regrid another grid to the model's: nearest, bilinear or conservative.
    #[arg(long, value_name = "METHOD", requires = "model")]
    regrid: Option<Method>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, _globals: &Globals) -> anyhow::Result<ExitCode> {
    let contract = args.model.as_deref().map(|model| contract(model, args)).transpose()?;
    let source = crate::forecast::open_input(&args.file, &Limits::default())?;
    let options = Options { time: args.time, member: args.member, regrid: args.regrid };
    let found = inspect(source.as_ref(), contract.as_ref().map(|contract| (contract, &options)));
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&found)?)
    } else {
        summary(&found, args.model.as_deref().unwrap_or_default())
    };
    say(&text)?;
    let passes = found.gate.is_none_or(|report| report.passes());
    Ok(if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn contract(model: &str, args: &Args) -> anyhow::Result<Contract> {
    let store = ModelStore::new(paths::search_path(args.models_dir.as_deref()));
    let card = store.card(model)?;
    let contract = card.preprocess.clone().try_into::<Contract>();
    contract.with_context(|| format!("{model} is no weather model"))
}

fn summary(found: &Inspection, model: &str) -> String {
    let span = |times: &[Time]| match times {
        [] => "none".to_owned(),
        [one] => one.to_string(),
        [first, .., last] => format!("{} from {first} to {last}", times.len()),
    };
    let mut text = format!("{}, {} fields\n", found.format, found.fields);
    text += &format!("times: {}\n", span(&found.times));
    if found.references != found.times {
        text += &format!("forecasts began: {}\n", span(&found.references));
    }
    if !found.members.is_empty() {
        text += &format!("members: {}\n", found.members.len());
    }
    let mut table =
        TextTable::new(&["variable", "unit", "levels", "fields", "min", "mean", "max", "grid"]);
    for variable in &found.variables {
        table.row(vec![
            variable.name.clone(),
            variable.unit.clone(),
            variable.levels.join(", "),
            variable.fields.to_string(),
            variable.values.map_or_else(String::new, |values| figure(values.min)),
            variable.values.map_or_else(String::new, |values| figure(values.mean)),
            variable.values.map_or_else(String::new, |values| figure(values.max)),
            variable.grid.clone(),
        ]);
    }
    text += &table.render();
    for field in found.each.iter().filter(|field| field.error.is_some()) {
        let why = field.error.as_deref().unwrap_or_default();
        text += &format!("{} at {}, {}: {why}\n", field.variable, field.level, field.time);
    }
    for note in &found.notes {
        text += &format!("note: {note}\n");
    }
    if let Some(report) = &found.gate {
        let verdict = if report.passes() { "takes it" } else { "refuses it" };
        text += &format!("{model} {verdict}\n");
        let lines = report.to_string();
        if !lines.is_empty() {
            text += &format!("{lines}\n");
        }
    }
    text
}

/// Five digits.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 1e-3 => format!("{value:.3e}"),
        large => {
            let decimals = 4 - large.log10().floor().clamp(-1.0, 4.0) as i32;
            format!("{value:.*}", usize::try_from(decimals).unwrap_or(0))
        }
    }
}
