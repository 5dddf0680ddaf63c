//! `optimize`: arguments of [`crate::optimize::optimize`], and its summary for people.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use strata_chem::alerts::AlertCatalog;
use strata_chem::optimize::{Constraints, Goal, Limit, Settings};
use strata_cli::progress::reporter_of;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say, stop_on_interrupt};

use crate::input::{Format, InputSpec};
use crate::optimize::{OptimizeJob, Optimized, optimize, read_starts, said};
use crate::scenario::Loaded;
use crate::screen::ModelChoice;

/// Find better analogues of a molecule: valid, synthesisable, as like it as asked for.
///
/// Goals are columns of a screening (QED, MolLogP, TPSA, SA, MolWt, …, each model's endpoints) or penalized_logP
/// (logP - SA - ring penalty). OUT holds the best by fitness and the whole Pareto front: rank, smiles, fitness,
/// pareto_front, similarity, the way from the start, the changed atoms, and every value.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug optimize 'COc1ccc(cc1)C(=O)NCCc1c[nH]c2ccccc12' --goal QED=max --goal MolLogP=1..3 --out better.csv
  strata-drug optimize hits.smi --profile cns-penetration --similarity 0.5 --report better.html --out better.sdf
  strata-drug optimize hit.smi --models esol --goal ESOL=max:2 --goal SA=min --scaffold keep --library ours.sdf --out a.csv")]
pub struct Args {
    /// A SMILES, or a file of molecules (.smi .csv .tsv .sdf, each also .gz, .parquet).
    #[arg(value_name = "SMILES|FILE")]
    start: String,
    /// What is wanted: NAME=max, NAME=min, NAME=LOW..HIGH, with :WEIGHT behind it if not 1. Repeatable.
    #[arg(long, value_name = "GOAL")]
    goal: Vec<Goal>,
    /// Raise the score of a scenario (a name, or a TOML file); its properties are axes of the Pareto front.
    #[arg(long, value_name = "NAME|FILE")]
    profile: Option<String>,
    /// Models to run, separated by commas, or none [default: those of the scenario].
    #[arg(long, value_name = "NAMES")]
    models: Option<ModelChoice>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    #[command(flatten)]
    keep: KeepArgs,
    /// Only candidates with NAME=LOW..HIGH (either end may be left out) are hits. Repeatable.
    #[arg(long, value_name = "LIMIT")]
    limit: Vec<Limit>,
    /// Whether the start's Murcko scaffold stays.
    #[arg(long, value_enum, default_value = "free")]
    scaffold: Scaffold,
    /// Candidates to score.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    budget: usize,
    /// End after this many seconds.
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// The random choices: the same seed gives the same result on any number of threads.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many of the best are written, and of the Pareto front beyond them.
    #[arg(long, value_name = "N", default_value_t = 200)]
    top: usize,
    /// The result: .csv, .csv.gz, .parquet, .sdf or .smi.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Also write a report with the Pareto plot and the structures of the best (.html).
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Write over an existing result.
    #[arg(long)]
    overwrite: bool,
}

/// What products must keep, for `optimize` and `generate` alike.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct KeepArgs {
    /// Least Tanimoto similarity (ECFP4) to the start.
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    similarity: f64,
    /// No product may have an alert of these sets: pains, brenk, nih, separated by commas.
    #[arg(long, value_name = "SETS", value_delimiter = ',')]
    forbid_alerts: Vec<String>,
    /// Highest synthetic accessibility score (1 easy, 10 hard).
    #[arg(long, value_name = "SCORE")]
    max_sa: Option<f64>,
    /// Highest weight, g/mol.
    #[arg(long, value_name = "G_PER_MOL")]
    max_weight: Option<f64>,
    /// A library whose BRICS fragments and matched pairs are the moves [default: a small one of ours].
    #[arg(long, value_name = "FILE")]
    pub(super) library: Option<PathBuf>,
}

impl KeepArgs {
    pub(super) fn constraints(&self) -> anyhow::Result<Constraints> {
        let names: Vec<String> =
            self.forbid_alerts.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let alerts = match names.is_empty() {
            true => None,
            false => Some(AlertCatalog::builtin(&names)?),
        };
        Ok(Constraints {
            similarity: self.similarity,
            alerts,
            max_sa: self.max_sa,
            max_weight: self.max_weight,
            ..Constraints::default()
        })
    }

    pub(super) fn library(&self) -> Option<InputSpec> {
        self.library.as_deref().map(spec)
    }
}

/// Whether a scaffold stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scaffold {
    /// Each of its atoms and bonds stays as it is.
    Keep,
    /// It may change.
    Free,
}

/// A file read by its name and content.
fn spec(path: &Path) -> InputSpec {
    InputSpec {
        path: path.to_path_buf(),
        format: None::<Format>,
        smiles_column: None,
        id_column: None,
    }
}

/// Searches.
///
/// # Errors
/// As [`optimize`], or where Ctrl-C cannot be caught.
pub(super) fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let path = Path::new(&args.start);
    let file = path.is_file().then(|| spec(path));
    let limit = match args.seconds {
        None => None,
        Some(seconds) => Some(Duration::try_from_secs_f64(seconds).context("--seconds")?),
    };
    let mut constraints = args.keep.constraints()?;
    constraints.keep_scaffold = args.scaffold == Scaffold::Keep;
    constraints.limits.clone_from(&args.limit);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let job = OptimizeJob {
        starts: read_starts(&args.start, file.as_ref())?,
        input_name: name.filter(|_| file.is_some()).unwrap_or_else(|| "SMILES".to_owned()),
        goals: args.goal,
        scenario: args.profile.as_deref().map(Loaded::find).transpose()?,
        models: args.models.unwrap_or_default(),
        models_dir: args.models_dir,
        constraints,
        library: args.keep.library(),
        settings: Settings { budget: args.budget, seed: args.seed, ..Settings::default() },
        limit,
        threads: args.threads,
        top: args.top,
        out: args.out,
        report: args.report,
        overwrite: args.overwrite,
    };
    let mut progress = reporter_of(globals.quiet, "candidates");
    let result = optimize(&job, &stop, progress.as_mut());
    drop(progress);
    let result = result?;
    if !globals.quiet {
        say(&summary(&result, &job))?;
    }
    // What was found until Ctrl-C is written, and the exit code says that it is not all.
    let cut = result.outcome.stopped && !result.late;
    Ok(if cut { ExitCode::from(130) } else { ExitCode::SUCCESS })
}

fn summary(result: &Optimized, job: &OptimizeJob) -> String {
    let outcome = &result.outcome;
    let mut text = format!(
        "{} candidates scored ({:.0}/s), {} within all limits, {} on the Pareto front\n",
        outcome.candidates.len(),
        result.rate(),
        outcome.ranking.len(),
        outcome.front.len()
    );
    let all = result.on_front().iter().filter(|on| **on).count();
    let meets = |id: &&u32| result.goals_met(&outcome.candidates[**id as usize]) == all;
    let meeting = outcome.ranking.iter().filter(meets).count();
    text += &format!("{meeting} meet every goal (range reached, or better than the start):\n");
    for goal in &result.goals {
        text += &format!("  {}\n", said(&goal.name, &goal.wanted));
    }
    text.push('\n');
    let shown: Vec<&Goal> = result.goals.iter().take(4).collect();
    let mut headings = vec!["rank", "fitness", "similarity"];
    headings.extend(shown.iter().map(|goal| goal.name.as_str()));
    headings.push("structure");
    let mut table = TextTable::new(&headings);
    let first = outcome.candidates.first().map(|start| ("start".to_owned(), start));
    let best = result.hits.iter().take(10);
    let best = best.map(|hit| (hit.rank.to_string(), &outcome.candidates[hit.id as usize]));
    for (rank, candidate) in first.into_iter().chain(best) {
        let mut cells =
            vec![rank, format!("{:.4}", candidate.fitness), format!("{:.2}", candidate.similarity)];
        for goal in &shown {
            let at = result.columns.iter().position(|name| *name == goal.name);
            let value = at.and_then(|at| candidate.values.get(at).copied()?);
            cells.push(value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}")));
        }
        cells.push(candidate.smiles.clone());
        table.row(cells);
    }
    text += &table.render();
    let files = [Some(&job.out), job.report.as_ref()];
    let files: Vec<String> = files.into_iter().flatten().map(|f| f.display().to_string()).collect();
    text += &format!("\nWritten: {}\n", files.join(", "));
    text
}
