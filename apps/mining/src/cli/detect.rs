//! `detect`: arguments of [`crate::detect::detect`], and its summary for people.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use strata_cli::progress::reporter_of;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say, stop_on_interrupt};

use crate::detect::{DetectJob, Detected, Detector, Format, Found, detect};
use crate::models::{Folder, ModelSource};
use crate::note::Note;
use crate::scenario::{DetectTask, Loaded, Mode, Tiling};

use super::source::SourceArgs;

/// Pictures whose findings are listed one by one.
const LISTED: usize = 20;

/// Find things in pictures, folders, videos and cameras.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining detect photo.jpg
  strata-mining detect photos/ --model belt-damage --out found.json --save marked/
  strata-mining detect 'shift-*/*.jpg' --scenario foreign-object --out found.csv
  strata-mining detect clip.avi --every 5 --classes rod,timber --conf 0.5
  strata-mining detect wide.jpg --tile 640

The form of --out follows its name: .json is COCO results, .csv a table, .jsonl a line a picture, a name without
an ending a folder of YOLO labels.")]
pub struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) task: TaskArgs,
    /// Where the result goes.
    #[arg(long, short, value_name = "FILE|DIR")]
    pub(super) out: Option<PathBuf>,
    /// The form of the result, where its name does not tell it.
    #[arg(long, value_enum, requires = "out")]
    pub(super) format: Option<Format>,
    /// Draw what was found into copies of the pictures, in this folder.
    #[arg(long, value_name = "DIR")]
    pub(super) save: Option<PathBuf>,
    /// Write over an existing result.
    #[arg(long)]
    pub(super) overwrite: bool,
}

/// What to look for, and how.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct TaskArgs {
    /// A scenario by name (see `scenarios`) or a TOML file: its model and thresholds.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "model")]
    pub scenario: Option<String>,
    /// The model [default: belt-damage].
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
    /// Least score of a detection, from 0 to 1 [default: the scenario's or the card's].
    #[arg(long, value_name = "SCORE", visible_alias = "confidence", value_parser = share)]
    pub conf: Option<f32>,
    /// Overlap from which two boxes of a class are one thing [default: the scenario's or the card's].
    #[arg(long, value_name = "IOU", value_parser = share)]
    pub iou: Option<f32>,
    /// Classes to look for, by name, separated by commas [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Most detections of a picture.
    #[arg(long, value_name = "N")]
    pub max_detections: Option<usize>,
    /// Look at tiles of this many pixels a side beside the whole picture, for small things in large pictures.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(32..))]
    pub tile: Option<u32>,
    /// Share of a tile that its neighbour covers too.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = overlap, requires = "tile")]
    pub overlap: f32,
    /// Worker threads, each with a session of the model; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 1 is wanted".to_owned()),
    }
}

fn overlap(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=0.9).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 0.9 is wanted".to_owned()),
    }
}

/// Worker threads as asked for; 0 takes all cores.
pub(super) fn threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// The model that looks where nothing else is asked for.
const DEFAULT_MODEL: &str = "belt-damage";

impl TaskArgs {
    /// Worker threads.
    pub(super) fn threads(&self) -> usize {
        threads(self.threads)
    }

    /// The model's name and the task, from the scenario and the arguments over it.
    pub(super) fn task(&self) -> anyhow::Result<(String, DetectTask)> {
        let (model, mut task) = match &self.scenario {
            None => (
                self.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
                DetectTask::default(),
            ),
            Some(name) => {
                let scenario = Loaded::find(name)?.scenario;
                let Some(model) = scenario.model.filter(|_| scenario.mode == Mode::Detect) else {
                    let mode = scenario.mode;
                    bail!(
                        "scenario {} is of mode {mode}: use `strata-mining run {}`",
                        scenario.name,
                        scenario.name
                    );
                };
                (model, scenario.detect)
            }
        };
        task.confidence = self.conf.or(task.confidence);
        task.iou = self.iou.or(task.iou);
        task.max_detections = self.max_detections.or(task.max_detections);
        if !self.classes.is_empty() {
            task.classes.clone_from(&self.classes);
        }
        if let Some(size) = self.tile {
            task.tile = Some(Tiling { size, overlap: self.overlap });
        }
        Ok((model, task))
    }

    /// The detector that the arguments ask for; `multi_label` lets a place count for every class that passes.
    pub(super) fn detector(&self, multi_label: bool) -> anyhow::Result<Arc<Detector>> {
        let (model, mut task) = self.task()?;
        task.multi_label = multi_label;
        let folder = Folder::new(self.models_dir.as_deref(), self.threads());
        Ok(Arc::new(Detector::new(folder.vision(&model)?, &task)?))
    }
}

/// Detects.
///
/// # Errors
/// A source, model or result that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let format = match (&args.out, args.format) {
        (None, _) => None,
        (Some(_), Some(format)) => Some(format),
        (Some(out), None) => Some(Format::of(out)?),
    };
    if let Some(out) = args.out.as_ref().filter(|out| out.is_file() && !args.overwrite) {
        bail!("{} exists already: choose another name, or add --overwrite", out.display());
    }
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let mut pictures = args.source.open()?;
    let detector = args.task.detector(false)?;
    let job = DetectJob {
        threads: args.task.threads(),
        limits: args.source.limits(),
        save: args.save.clone(),
    };
    let mut progress = reporter_of(globals.quiet, "pictures");
    let detected = detect(&detector, &mut pictures, &job, (&stop, progress.as_mut()));
    drop(progress);
    let detected = detected?;
    if let (Some(out), Some(format)) = (&args.out, format) {
        format.write(out, &detected.rows)?;
        let settings = detector.settings();
        let mut note = Note::new(&args.source.source, &detected.tally, &detected.digest)
            .with_scenario(args.task.scenario.as_deref())?;
        note.model = Some((*detected.provenance).clone());
        note.settings = serde_json::json!({ "decode": settings.decode, "tile": settings.tile });
        note.write_beside(out).with_context(|| out.display().to_string())?;
    }
    if !globals.quiet {
        say(&summary(&detected, &detector))?;
        for written in [&args.out, &args.save].into_iter().flatten() {
            say(&format!("written: {}\n", written.display()))?;
        }
    }
    if detected.interrupted {
        eprintln!("stopped after {} pictures; the result holds these", detected.rows.len());
        return Ok(ExitCode::from(130));
    }
    let all_failed =
        !detected.rows.is_empty() && detected.rows.iter().all(|row| row.error.is_some());
    Ok(if all_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What was found, for people.
fn summary(detected: &Detected, detector: &Detector) -> String {
    let mut text = String::new();
    for row in detected.rows.iter().take(LISTED) {
        text += &line(row);
    }
    if detected.rows.len() > LISTED {
        text += &format!("… and {} more pictures\n", detected.rows.len() - LISTED);
    }
    let mut classes: BTreeMap<u32, (usize, f32)> = BTreeMap::new();
    for object in detected.rows.iter().flat_map(|row| &row.objects) {
        let entry = classes.entry(object.class).or_insert((0, 0.0));
        *entry = (entry.0 + 1, entry.1.max(object.score));
    }
    if !classes.is_empty() {
        let mut table = TextTable::new(&["class", "found", "best score"]);
        for (class, (count, best)) in classes {
            let name = detector.classes().get(class as usize).cloned().unwrap_or_default();
            table.row(vec![name, count.to_string(), format!("{best:.3}")]);
        }
        text += &format!("\n{}", table.render());
    }
    text + &stages(detected)
}

/// One line a picture.
fn line(row: &Found) -> String {
    if let Some(error) = &row.error {
        return format!("{}: {} ({})\n", row.image, error.message, error.code);
    }
    let mut counts: BTreeMap<&str, (usize, f32)> = BTreeMap::new();
    for object in &row.objects {
        let entry = counts.entry(&object.label).or_insert((0, 0.0));
        *entry = (entry.0 + 1, entry.1.max(object.score));
    }
    let found: Vec<String> =
        counts.iter().map(|(name, (count, best))| format!("{count} {name} ({best:.2})")).collect();
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    format!("{} {}x{}: {found}\n", row.image, row.width, row.height)
}

/// Where the time went.
fn stages(detected: &Detected) -> String {
    let pictures = detected.tally.rows.max(1);
    let each = |time: Duration| time.as_secs_f64() * 1e3 / pictures as f64;
    let times = &detected.tally.times;
    let failed: u64 = detected.tally.failed.values().sum();
    let seconds = detected.elapsed.as_secs_f64().max(1e-9);
    let errors = if failed == 0 { String::new() } else { format!(", {failed} with errors") };
    format!(
        "\n{} pictures{errors} in {seconds:.2} s ({:.1}/s)\nms a picture: read {:.2}, decode and prepare {:.2}, model {:.2}, \
         boxes and drawing {:.2}\nmodel {} {} on {}\n",
        detected.tally.rows,
        detected.tally.rows as f64 / seconds,
        each(times.source),
        each(times.prepare),
        each(times.infer),
        each(times.interpret),
        detected.provenance.model,
        detected.provenance.version,
        detected.provenance.provider,
    )
}
