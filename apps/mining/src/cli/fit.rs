//! `fit`: arguments of [`crate::inspect::fit`], and what became of the normals.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use strata_cli::progress::reporter_of;
use strata_cli::text::size;
use strata_cli::{Globals, say, stop_on_interrupt};
use strata_vision::bank::{AnyOptions, FitOptions, GaussianOptions, Keep, Scoring};
use strata_vision::calibrate::{Calibration, Promise};

use super::detect::threads;
use super::source::SourceArgs;
use crate::evaluate::labelled;
use crate::inspect::{FeatureModel, FitJob, fit, normal_scores};
use crate::models::{Folder, ModelSource};
use crate::picture::Pictures;
use crate::scenario::{Loaded, Mode};

/// Make a bank of normal pictures: a few or many, no labels.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining fit normals/ --out surface.bank
  strata-mining fit normals/ --out surface.bank --per-day 1 --frames-per-day 17280
  strata-mining fit 'good/*.png' --out few.bank --keep-all --scoring anomaly-dino
  strata-mining fit normals/ --out part.bank --share 0.8 --seed 0

The threshold comes from the normals' own scores, each scored as if it was not in the bank, so that false alarms keep
within --per-day. A mask beside a picture (a.png beside a.jpg) is not taken for a picture.")]
pub struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// Where the bank goes.
    #[arg(long, short, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// A scenario by name (see `scenarios`) or a TOML file: its model and settings.
    #[arg(long, value_name = "NAME|FILE", default_value = SCENARIO)]
    pub(super) scenario: String,
    /// The model of feature maps [default: the scenario's].
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    pub(super) models_dir: Option<PathBuf>,
    /// Share of the normals' patches that the bank keeps [default: the scenario's].
    #[arg(long, value_name = "SHARE", conflicts_with = "keep_all")]
    pub(super) coreset: Option<f64>,
    /// Keep all patches: for a few pictures.
    #[arg(long)]
    pub(super) keep_all: bool,
    /// How patch distances become a score.
    #[arg(long, value_enum, default_value = "patch-core")]
    pub(super) scoring: ScoringName,
    /// Take this share of the pictures, drawn by --seed, and leave the rest for `eval`.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub(super) share: f64,
    /// Draws pictures and patches.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) promise: PromiseArgs,
    /// Leave the bank without a threshold.
    #[arg(long)]
    pub(super) no_calibration: bool,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) threads: usize,
    /// Write over an existing bank.
    #[arg(long)]
    pub(super) overwrite: bool,
}

/// The scenario whose settings hold where nothing else is said.
const SCENARIO: &str = "surface-anomaly";

/// How patch distances become a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ScoringName {
    /// Largest distance, weighted by its neighbourhood (PatchCore).
    PatchCore,
    /// Mean of the largest 1 % of cosine distances (AnomalyDINO); good with a few normals.
    AnomalyDino,
    /// Mean and covariance of each place (PaDiM); for fixed cameras and pieces, with a hundred normals or more.
    #[value(name = "padim")]
    PaDim,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            source: SourceArgs::default(),
            out: PathBuf::new(),
            scenario: SCENARIO.to_owned(),
            model: None,
            models_dir: None,
            coreset: None,
            keep_all: false,
            scoring: ScoringName::PatchCore,
            share: 1.0,
            seed: 0,
            promise: PromiseArgs::default(),
            no_calibration: false,
            threads: 0,
            overwrite: false,
        }
    }
}

/// What a threshold promises.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct PromiseArgs {
    /// False alarms of a camera and day that you accept [default: the scenario's].
    #[arg(long, value_name = "N")]
    pub per_day: Option<f64>,
    /// Pictures inspected a day [default: the scenario's].
    #[arg(long, value_name = "N")]
    pub frames_per_day: Option<f64>,
    /// Anomalous frames in a row that make an alarm.
    #[arg(long, value_name = "N")]
    pub consecutive: Option<u32>,
    /// Frames after an alarm in which there is no other.
    #[arg(long, value_name = "N")]
    pub cooldown: Option<u64>,
    /// Successive frames show different things (pieces on a belt), not the same place again.
    #[arg(long)]
    pub independent: bool,
    /// Confidence that the threshold is high enough, from 0.5 to below 1.
    #[arg(long, value_name = "SHARE")]
    pub confidence: Option<f64>,
}

impl PromiseArgs {
    /// The promise, over what is promised where nothing is said.
    pub(super) fn over(&self, usual: Promise) -> Promise {
        Promise {
            per_day: self.per_day.unwrap_or(usual.per_day),
            frames_per_day: self.frames_per_day.unwrap_or(usual.frames_per_day),
            consecutive: self.consecutive.unwrap_or(usual.consecutive),
            cooldown: self.cooldown.unwrap_or(usual.cooldown),
            independent: self.independent || usual.independent,
            confidence: self.confidence.unwrap_or(usual.confidence),
        }
    }
}

impl Args {
    /// The pictures, each time anew: the bank is made of them and then calibrated on them.
    fn pictures(&self) -> anyhow::Result<Pictures> {
        let folder = PathBuf::from(&self.source.source);
        if !folder.is_dir() {
            if self.share < 1.0 {
                bail!("--share draws from the pictures of a folder; {} is none", folder.display());
            }
            return self.source.open();
        }
        let mut paths: Vec<PathBuf> =
            labelled(&folder)?.into_iter().map(|one| one.picture).collect();
        if self.share < 1.0 {
            paths = draw(&paths, self.share, self.seed);
        }
        Ok(Pictures::files(paths, Some(folder), self.source.limits()))
    }
}

/// A share of the paths, drawn by the seed, in their order.
fn draw(paths: &[PathBuf], share: f64, seed: u64) -> Vec<PathBuf> {
    let wanted = ((paths.len() as f64 * share).round() as usize).min(paths.len());
    let mut keyed: Vec<(u64, usize)> =
        (0..paths.len()).map(|at| (mix(seed, at as u64), at)).collect();
    keyed.sort_unstable();
    let mut chosen: Vec<usize> = keyed.into_iter().take(wanted).map(|(_, at)| at).collect();
    chosen.sort_unstable();
    chosen.into_iter().map(|at| paths[at].clone()).collect()
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same draw on every machine.
fn mix(seed: u64, at: u64) -> u64 {
    let mut z =
        (seed ^ 0x5354_5241_5441).wrapping_add((at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Fits.
///
/// # Errors
/// A source, model or bank that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    if args.out.exists() && !args.overwrite {
        bail!("{} exists already: choose another name, or add --overwrite", args.out.display());
    }
    if !(args.share > 0.0 && args.share <= 1.0) {
        bail!("--share {} is not above 0 and at most 1", args.share);
    }
    let scenario = Loaded::find(&args.scenario)?.scenario;
    let model =
        args.model.as_ref().or(scenario.model.as_ref().filter(|_| scenario.mode == Mode::Anomaly));
    let Some(model) = model else {
        bail!(
            "scenario {} is of mode {}: a bank needs one of mode anomaly, or --model",
            scenario.name,
            scenario.mode
        );
    };
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let threads = threads(args.threads);
    let features = Arc::new(FeatureModel::new(
        Folder::new(args.models_dir.as_deref(), threads).vision(model)?,
    )?);
    let vectors = |scoring| {
        let keep = match args.keep_all {
            true => Keep::All,
            false => Keep::Share(args.coreset.unwrap_or(scenario.anomaly.coreset)),
        };
        AnyOptions::Memory(FitOptions { scoring, keep, seed: args.seed, ..FitOptions::default() })
    };
    let options = match args.scoring {
        ScoringName::PatchCore => vectors(Scoring::patchcore()),
        ScoringName::AnomalyDino => vectors(Scoring::anomaly_dino()),
        ScoringName::PaDim => {
            AnyOptions::Gaussian(GaussianOptions { seed: args.seed, ..GaussianOptions::default() })
        }
    };
    let job = FitJob { options, threads, limits: args.source.limits() };
    let mut progress = reporter_of(globals.quiet, "pictures");
    let fitted = fit(&features, &mut args.pictures()?, &job, (&stop, progress.as_mut()));
    drop(progress);
    let Some(fitted) = fitted? else {
        eprintln!("stopped: no bank was written");
        return Ok(ExitCode::from(130));
    };
    for (name, trouble) in &fitted.failed {
        eprintln!("left out {name}: {}", trouble.message);
    }
    let bank = Arc::new(fitted.bank);
    let usual = Promise {
        per_day: scenario.anomaly.false_alarms_per_day,
        frames_per_day: scenario.anomaly.pictures_per_day,
        ..Promise::default()
    };
    let calibration = match args.no_calibration || bank.stats().images < 2 {
        true => None,
        false => {
            let mut progress = reporter_of(globals.quiet, "pictures");
            let mut pictures = args.pictures()?;
            let rows =
                normal_scores(&features, &bank, (&mut pictures, &job), (&stop, progress.as_mut()));
            drop(progress);
            let rows = rows?;
            let scores: Vec<f32> = rows.iter().filter_map(|row| row.score).collect();
            calibrated(&scores, args.promise.over(usual))
        }
    };
    let mut bank =
        Arc::try_unwrap(bank).map_err(|_| anyhow::anyhow!("the bank is still in use"))?;
    bank.set_calibration(calibration);
    bank.save(&args.out)?;
    if !globals.quiet {
        let stats = bank.stats();
        say(&format!(
            "{}: {} normals, {} of {} patch vectors of {} numbers kept ({}), model {}\n",
            bank.method(),
            stats.images,
            stats.vectors,
            stats.offered,
            stats.dim,
            size(stats.bytes as u64),
            bank.identity().model,
        ))?;
        say(&described(bank.calibration()))?;
        say(&format!("written: {}\n", args.out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A calibration, or a word on standard error why there is none.
pub(super) fn calibrated(scores: &[f32], promise: Promise) -> Option<Calibration> {
    match Calibration::fit(scores, promise) {
        Ok(calibration) => Some(calibration),
        Err(error) => {
            eprintln!("no threshold: {error}");
            None
        }
    }
}

/// A calibration for people.
pub(super) fn described(calibration: Option<&Calibration>) -> String {
    let Some(calibration) = calibration else {
        return "no threshold: scores only, no verdicts\n".to_owned();
    };
    let promise = &calibration.promise;
    let alarms = if promise.per_day == 1.0 { "false alarm" } else { "false alarms" };
    let mut text = format!(
        "threshold {:.4}: at most {} {alarms} a camera and day of {:.0} pictures, from {} normal scores (median {:.4})\n",
        calibration.threshold,
        promise.per_day,
        promise.frames_per_day,
        calibration.samples,
        calibration.median(),
    );
    if let Some(warning) = &calibration.warning {
        text += &format!("warning: {warning}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_for_a_seed_and_of_the_right_size() {
        let paths: Vec<PathBuf> = (0..100).map(|at| PathBuf::from(format!("{at}.jpg"))).collect();
        let one = draw(&paths, 0.8, 0);
        assert_eq!(one.len(), 80);
        assert_eq!(one, draw(&paths, 0.8, 0));
        assert_ne!(one, draw(&paths, 0.8, 1));
        let order = |path: &PathBuf| paths.iter().position(|p| p == path);
        assert!(one.is_sorted_by_key(order));
    }
}
