//! `eval`: figures of a detector or a bank on labelled data.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use strata_cli::progress::reporter_of;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say, stop_on_interrupt};

use super::detect::{TaskArgs, threads};
use super::inspect::open;
use crate::evaluate::{
    AnomalyEval, AnomalyFigures, DetectionEval, DetectionFigures, evaluate_bank, evaluate_detector,
};

/// Measure a detector or a bank on labelled data.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining eval --model belt-damage --data valid/ --json
  strata-mining eval --model yolox-nano --data annotations/instances_val2017.json
  strata-mining eval --bank tiles.bank --normal MT_Free/ --anomalous MT_Crack/ MT_Break/ --json

Detectors: a folder with images/ and labels/ (YOLO, names in data.yaml) or a COCO file. Banks: folders of pictures; a mask is a
PNG of the same name beside a JPEG, or lies where MVTec AD has it; normals that the bank was made of are left out.")]
pub struct Args {
    #[command(flatten)]
    task: TaskArgs,
    /// Detectors: the annotated pictures.
    #[arg(
        long,
        value_name = "DIR|FILE",
        required_unless_present = "bank",
        conflicts_with = "bank"
    )]
    data: Option<PathBuf>,
    /// Detectors: a file with the names of pictures to leave out, one a line, such as near-duplicates of the training pictures.
    #[arg(long, value_name = "FILE", requires = "data")]
    without: Option<PathBuf>,
    /// The bank to measure, made by `fit`.
    #[arg(long, value_name = "FILE", requires = "normal", requires = "anomalous")]
    bank: Option<PathBuf>,
    /// Banks: folder of normal pictures.
    #[arg(long, value_name = "DIR")]
    normal: Option<PathBuf>,
    /// Banks: folders of anomalous pictures.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    anomalous: Vec<PathBuf>,
    /// JSON.
    #[arg(long)]
    json: bool,
}

/// Lets nearly everything through: average precision needs the whole ranking.
const LEAST: f32 = 0.001;
/// Overlap of the suppression that published figures are made with.
const IOU: f32 = 0.65;

/// Measures.
///
/// # Errors
/// Data, a model or a bank that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let threads = threads(args.task.threads);
    let mut progress = reporter_of(globals.quiet, "pictures");
    let (json, text) = match (&args.bank, &args.data, &args.normal) {
        (Some(bank), _, Some(normal)) => {
            let (features, bank) = open(bank, args.task.models_dir.as_deref(), threads)?;
            let eval =
                AnomalyEval { normal: normal.clone(), anomalous: args.anomalous.clone(), threads };
            let figures = evaluate_bank(&features, &bank, &eval, (&stop, progress.as_mut()))?;
            (serde_json::to_string_pretty(&figures)?, of_bank(&figures))
        }
        (None, Some(data), _) => {
            let mut task = args.task.clone();
            task.conf = task.conf.or(Some(LEAST));
            task.iou = task.iou.or(Some(IOU));
            let detector = task.detector(true)?;
            let without = match &args.without {
                None => Vec::new(),
                Some(file) => std::fs::read_to_string(file)
                    .with_context(|| format!("cannot read {}", file.display()))?
                    .lines()
                    .map(|line| line.trim().to_owned())
                    .filter(|line| !line.is_empty())
                    .collect(),
            };
            let eval = DetectionEval { data: data.clone(), without, threads };
            let figures = evaluate_detector(&detector, &eval, (&stop, progress.as_mut()))?;
            (serde_json::to_string_pretty(&figures)?, of_detector(&figures))
        }
        _ => bail!("give --data for a detector, or --bank with --normal and --anomalous"),
    };
    drop(progress);
    say(&if args.json { json + "\n" } else { text })?;
    Ok(ExitCode::SUCCESS)
}

fn of_detector(figures: &DetectionFigures) -> String {
    let mut table = TextTable::new(&["class", "AP50", "AP50-95", "annotated"]);
    let number = |value: f64| if value < 0.0 { "none".to_owned() } else { format!("{value:.4}") };
    for class in &figures.classes {
        let count = class.annotations.to_string();
        table.row(vec![class.name.clone(), number(class.ap50), number(class.ap50_95), count]);
    }
    let all = figures.annotations.to_string();
    table.row(vec!["all".to_owned(), number(figures.map50), number(figures.map50_95), all]);
    let left_out = match figures.left_out {
        0 => String::new(),
        count => format!(", {count} left out"),
    };
    table.render()
        + &format!(
            "{} pictures{left_out}, {} that could not be read\n",
            figures.images,
            figures.failed.len()
        )
}

fn of_bank(figures: &AnomalyFigures) -> String {
    let percent = |value: Option<f64>| {
        value.map_or("no masks".to_owned(), |value| format!("{:.2} %", value * 100.0))
    };
    let mut text = format!(
        "image AUROC  {}\npixel AUROC  {}\nAUPRO (0.3)  {}\nF1           {:.4} at {:.4}\n",
        percent(Some(figures.image_auroc)),
        percent(figures.pixel_auroc),
        percent(figures.aupro),
        figures.f1,
        figures.f1_threshold,
    );
    if let (Some(alarms), Some(recall)) = (figures.false_alarm_rate, figures.recall) {
        text += &format!(
            "the bank's own threshold: {} of the normals, {} of the anomalous pictures are called anomalous\n",
            percent(Some(alarms)),
            percent(Some(recall))
        );
    }
    let mut table = TextTable::new(&["folder", "pictures", "image AUROC"]);
    for folder in &figures.folders {
        table.row(vec![
            folder.folder.clone(),
            folder.pictures.to_string(),
            percent(Some(folder.image_auroc)),
        ]);
    }
    text + &format!(
        "\n{}{} normals ({} more are in the bank), {} anomalous pictures, {} with masks, {} that could not be read\n",
        table.render(),
        figures.normals,
        figures.in_bank,
        figures.anomalous,
        figures.with_mask,
        figures.failed.len(),
    )
}
