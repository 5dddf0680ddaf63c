//! `generate`: arguments of [`crate::optimize::generate`], and its figures for people.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use strata_chem::Mol;
use strata_chem::optimize::Around;
use strata_cli::progress::reporter_of;
use strata_cli::{Globals, say, stop_on_interrupt};

use crate::optimize::{GenerateJob, GeneratedLibrary, generate};

use super::optimize::KeepArgs;

/// Make a focused library around a molecule or on a scaffold.
///
/// Moves are those of `optimize`: fragments and matched pairs of the library, small changes, crossovers. Every
/// molecule is valid, unlike all others, and says how it came about. The figures: novelty against the library,
/// uniqueness, internal diversity (mean Tanimoto distance), scaffolds.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug generate --scaffold 'c1ccc2[nH]ccc2c1' --count 1000 --max-sa 4 --out indoles.smi
  strata-drug generate --around 'CC(=O)Nc1ccc(O)cc1' --similarity 0.3 --library ours.sdf --out near.csv")]
pub struct Args {
    /// A scaffold that every molecule holds unchanged.
    #[arg(
        long,
        value_name = "SMILES",
        required_unless_present = "around",
        conflicts_with = "around"
    )]
    scaffold: Option<String>,
    /// A molecule whose analogues are made.
    #[arg(long, value_name = "SMILES")]
    around: Option<String>,
    #[command(flatten)]
    keep: KeepArgs,
    /// Molecules.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    count: usize,
    /// The random choices.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Where they go: .csv, .csv.gz, .parquet, .sdf or .smi.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Write over an existing result.
    #[arg(long)]
    overwrite: bool,
    /// JSON: the figures.
    #[arg(long)]
    json: bool,
}

/// Makes the library.
///
/// # Errors
/// As [`generate`], or where Ctrl-C cannot be caught.
pub(super) fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let (smiles, around) = match (&args.scaffold, &args.around) {
        (Some(scaffold), _) => (scaffold, Around::Scaffold),
        (None, Some(molecule)) => (molecule, Around::Molecule),
        (None, None) => bail!("give --scaffold SMILES or --around SMILES"),
    };
    let job = GenerateJob {
        start: Mol::from_smiles(smiles).with_context(|| smiles.clone())?,
        around,
        constraints: args.keep.constraints()?,
        library: args.keep.library(),
        count: args.count,
        seed: args.seed,
        threads: args.threads,
        out: args.out,
        overwrite: args.overwrite,
    };
    let mut progress = reporter_of(globals.quiet, "molecules");
    let library = generate(&job, &stop, progress.as_mut());
    drop(progress);
    let library = library?;
    if args.json {
        say(&format!("{}\n", library.provenance()))?;
    } else if !globals.quiet {
        say(&summary(&library, &job))?;
    }
    let cut = library.generated.stopped;
    Ok(if cut { ExitCode::from(130) } else { ExitCode::SUCCESS })
}

fn summary(library: &GeneratedLibrary, job: &GenerateJob) -> String {
    let figures = &library.generated.figures;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut text = format!("{} molecules", figures.molecules);
    if figures.molecules < job.count {
        text += &format!(" of {} asked for: nothing more was found", job.count);
    }
    text += &format!(
        "\n  valid               {}\n  unique              {}\n  new to the library  {}\n  \
         internal diversity  {:.3}\n  scaffolds           {} ({:.3} a molecule)\n\nWritten: {}\n",
        percent(figures.validity),
        percent(figures.uniqueness),
        percent(figures.novelty),
        figures.internal_diversity,
        figures.scaffolds,
        figures.scaffold_diversity,
        job.out.display()
    );
    text
}
