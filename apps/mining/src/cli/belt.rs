//! `belt`: arguments of [`crate::belt::measure`], and its summary for people.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Deserialize;
use strata_cli::progress::reporter_of;
use strata_cli::text::TextTable;
use strata_cli::{Globals, atomic, say, stop_on_interrupt};
use strata_vision::belt::{BeltConfig, BeltInspector};

use super::detect::threads;
use super::source::SourceArgs;
use crate::belt::{BeltJob, BeltRow, Measured, measure};
use crate::detect::write_row;
use crate::note::Note;
use crate::scenario::{Loaded, Mode};

/// Pictures that are listed one by one.
const LISTED: usize = 20;

/// Measure the belt by geometry: edges, deviation, load, overflow, tears. No model.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining belt photo.jpg --save marked/
  strata-mining belt clip.avi --every 10 --out belt.jsonl
  strata-mining belt photos/ --scenario our-belt.toml

A scenario of mode belt says where the belt and its rollers are: `strata-mining scenarios belt-deviation` prints one to
begin with. Deviation needs the rollers or a baseline; edges, load and tears do not.")]
pub struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// A scenario by name (see `scenarios`), or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "belt-deviation")]
    pub(super) scenario: String,
    /// Where the rows go: .jsonl or .csv.
    #[arg(long, short, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Draw what was measured into copies of the pictures, in this folder.
    #[arg(long, value_name = "DIR")]
    pub(super) save: Option<PathBuf>,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) threads: usize,
    /// Write over an existing result.
    #[arg(long)]
    pub(super) overwrite: bool,
}

/// The inspector of a scenario.
pub(super) fn inspector(scenario: &str) -> anyhow::Result<Arc<BeltInspector>> {
    let loaded = Loaded::find(scenario)?;
    let scenario = &loaded.scenario;
    if scenario.mode != Mode::Belt {
        bail!(
            "scenario {} is of mode {}: belt geometry needs one of mode belt",
            scenario.name,
            scenario.mode
        );
    }
    let config = BeltConfig::deserialize(scenario.belt.clone())
        .with_context(|| format!("{}: [belt]", loaded.origin))?;
    Ok(Arc::new(BeltInspector::new(config).with_context(|| loaded.origin.clone())?))
}

/// Measures.
///
/// # Errors
/// A source, scenario or result that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    if let Some(out) = args.out.as_ref().filter(|out| out.exists() && !args.overwrite) {
        bail!("{} exists already: choose another name, or add --overwrite", out.display());
    }
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let inspector = inspector(&args.scenario)?;
    let mut pictures = args.source.open()?;
    let job = BeltJob {
        threads: threads(args.threads),
        limits: args.source.limits(),
        save: args.save.clone(),
    };
    let mut progress = reporter_of(globals.quiet, "pictures");
    let done = measure(&inspector, &mut pictures, &job, (&stop, progress.as_mut()));
    drop(progress);
    let done = done?;
    if let Some(out) = &args.out {
        atomic::write_whole(out, &encode(out, &done.rows)?)
            .with_context(|| out.display().to_string())?;
        let mut note = Note::new(&args.source.source, &done.tally, &done.digest)
            .with_scenario(Some(&args.scenario))?;
        note.settings = serde_json::to_value(inspector.config())?;
        note.write_beside(out).with_context(|| out.display().to_string())?;
    }
    if !globals.quiet {
        say(&summary(&done))?;
        for written in [&args.out, &args.save].into_iter().flatten() {
            say(&format!("written: {}\n", written.display()))?;
        }
    }
    if done.interrupted {
        return Ok(ExitCode::from(130));
    }
    let all_failed = !done.rows.is_empty() && done.rows.iter().all(|row| row.error.is_some());
    Ok(if all_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What a table says of a picture.
fn cells(row: &BeltRow) -> Vec<String> {
    let percent = |share: f32| format!("{:.1} %", share * 100.0);
    let Some(belt) = &row.belt else {
        let message = row.error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
        return [row.image.clone(), message]
            .into_iter()
            .chain(std::iter::repeat_n(String::new(), 5))
            .collect();
    };
    let edges = if belt.found { "found".to_owned() } else { belt.missing.join("; ") };
    vec![
        row.image.clone(),
        edges,
        belt.width.map(|width| format!("{width:.0} px")).unwrap_or_default(),
        belt.deviation
            .as_ref()
            .map(|d| format!("{:+.1} px = {}", d.px, percent(d.share)))
            .unwrap_or_default(),
        belt.load.as_ref().map(|load| percent(load.filled)).unwrap_or_default(),
        belt.overflow.len().to_string(),
        belt.tears.len().to_string(),
    ]
}

fn encode(out: &std::path::Path, rows: &[BeltRow]) -> anyhow::Result<Vec<u8>> {
    if out.extension().is_some_and(|e| e == "csv") {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record([
            "image",
            "found",
            "missing",
            "width_px",
            "angle_deg",
            "deviation_px",
            "deviation_share",
            "deviation_mm",
            "filled",
            "overflow",
            "tears",
            "error_code",
            "error",
        ])?;
        for row in rows {
            let number = |value: Option<f32>| value.map(|v| v.to_string()).unwrap_or_default();
            let belt = row.belt.as_ref();
            let deviation = belt.and_then(|b| b.deviation.as_ref());
            let error = row.error.as_ref();
            table.write_record([
                row.image.clone(),
                belt.map(|b| b.found.to_string()).unwrap_or_default(),
                belt.map(|b| b.missing.join("; ")).unwrap_or_default(),
                number(belt.and_then(|b| b.width)),
                number(belt.and_then(|b| b.angle)),
                number(deviation.map(|d| d.px)),
                number(deviation.map(|d| d.share)),
                number(deviation.and_then(|d| d.mm)),
                number(belt.and_then(|b| b.load.as_ref()).map(|load| load.filled)),
                belt.map(|b| b.overflow.len().to_string()).unwrap_or_default(),
                belt.map(|b| b.tears.len().to_string()).unwrap_or_default(),
                error.map(|e| e.code.clone()).unwrap_or_default(),
                error.map(|e| e.message.clone()).unwrap_or_default(),
            ])?;
        }
        return Ok(table.into_inner()?);
    }
    let mut bytes = Vec::new();
    for row in rows {
        write_row(row, &mut bytes)?;
    }
    Ok(bytes)
}

/// What was measured, for people.
fn summary(done: &Measured) -> String {
    let mut table =
        TextTable::new(&["picture", "edges", "width", "deviation", "load", "overflow", "tears"]);
    for row in done.rows.iter().take(LISTED) {
        table.row(cells(row));
    }
    let mut text = table.render();
    if done.rows.len() > LISTED {
        text += &format!("… and {} more pictures\n", done.rows.len() - LISTED);
    }
    let seconds = done.elapsed.as_secs_f64().max(1e-9);
    let pictures = done.tally.rows;
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e3 / pictures.max(1) as f64;
    text + &format!(
        "\n{pictures} pictures in {seconds:.2} s ({:.1}/s)\nms a picture: read {:.2}, decode and measure {:.2}, drawing {:.2}\n",
        pictures as f64 / seconds,
        each(done.tally.times.source),
        each(done.tally.times.prepare),
        each(done.tally.times.interpret),
    )
}
