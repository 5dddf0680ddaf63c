//! `search`: the most similar molecules of a library.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_chem::arena::{Metric, Search};
use strata_cli::atomic::AtomicFile;
use strata_cli::{Globals, say};

use crate::input::{Format, InputSpec};
use crate::tools::search::{QueryResult, open_library, render, similar, write_csv};

/// Similarity measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum MetricName {
    /// Common bits ÷ bits of either.
    Tanimoto,
    /// Common bits ÷ (α × bits only the query has + β × bits only the molecule has + common bits).
    Tversky,
}

/// Find the molecules of a library that are most similar to a query; exact, best first.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug search 'CC(=O)Oc1ccccc1C(=O)O' --db vendor.sfp --top-k 20
  strata-drug search actives.smi --db vendor.sfp --threshold 0.6 --out similar.csv
  strata-drug search c1ccncc1 --db vendor.sfp --metric tversky --alpha 1 --beta 0 --json")]
pub struct Args {
    /// A SMILES, or a file of molecules (or - for standard input).
    #[arg(value_name = "SMILES|FILE")]
    query: String,
    /// Library made by `index`.
    #[arg(long, value_name = "LIB")]
    db: PathBuf,
    /// At most so many hits a query [default: 10 without --threshold].
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Only hits at least this similar, 0 to 1.
    #[arg(long, value_name = "S")]
    threshold: Option<f64>,
    /// Similarity measure.
    #[arg(long, value_enum, default_value = "tanimoto")]
    metric: MetricName,
    /// Tversky's weight of what only the query has.
    #[arg(long, default_value_t = 1.0)]
    alpha: f64,
    /// Tversky's weight of what only the molecule has.
    #[arg(long, default_value_t = 0.0)]
    beta: f64,
    /// Format of a file of queries, where neither name nor content tells it.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Threads [default: one a core].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Compare the checksums of the whole library first.
    #[arg(long)]
    verify: bool,
    /// JSON: one object a query.
    #[arg(long)]
    json: bool,
    /// Write comma-separated rows to a file instead.
    #[arg(long, value_name = "CSV")]
    out: Option<PathBuf>,
}

/// Searches.
///
/// # Errors
/// Where the library or the queries cannot be read.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let search = wanted(args)?;
    let library = open_library(&args.db)?;
    if args.verify {
        library.verify()?;
    }
    let spec =
        InputSpec { path: PathBuf::from(&args.query), format: args.format, ..InputSpec::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0)).build()?;
    let results = pool.install(|| similar(&library, &args.query, &spec, &search))?;
    if let Some(path) = &args.out {
        let mut file = AtomicFile::create(path).with_context(|| path.display().to_string())?;
        write_csv(&results, &mut file)?;
        file.commit().with_context(|| path.display().to_string())?;
        let hits: usize = results.iter().map(|result| result.hits.len()).sum();
        say(&format!("{}: {} queries, {hits} hits\n", path.display(), results.len()))?;
    } else if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&results)?))?;
    } else {
        say(&render(&results))?;
    }
    Ok(exit_code(&results))
}

/// A file of queries may hold bad rows; where all are bad, nothing was searched.
fn exit_code(results: &[QueryResult]) -> ExitCode {
    let all_bad = !results.is_empty() && results.iter().all(|result| !result.error_code.is_empty());
    if all_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn wanted(args: &Args) -> anyhow::Result<Search> {
    let threshold = args.threshold.unwrap_or(0.0);
    anyhow::ensure!(
        threshold.is_finite() && threshold >= 0.0,
        "--threshold {threshold}: give a similarity of 0 or more"
    );
    let metric = match args.metric {
        MetricName::Tanimoto => Metric::Tanimoto,
        MetricName::Tversky => Metric::Tversky { alpha: args.alpha, beta: args.beta },
    };
    let few = args.threshold.is_none().then_some(10);
    Ok(Search { metric, threshold, top_k: args.top_k.or(few), ..Search::default() })
}
