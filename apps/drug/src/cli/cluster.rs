//! `cluster`: groups of similar molecules.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_chem::db::FingerprintSpec;
use strata_cli::progress::reporter;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say};

use crate::tools::cluster::{ClusterOptions, Clusters, Method, cluster};
use crate::tools::sink::MoleculeSink;

use super::common::InputArgs;

/// Group similar molecules (Butina), or pick diverse ones and group the others around them (MaxMin).
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug cluster hits.csv --out clustered.csv --cutoff 0.35
  strata-drug cluster vendor.smi --method maxmin --cutoff 0.3 --picks 200 --seed 7 --out diverse.csv")]
pub struct Args {
    /// What to read.
    #[command(flatten)]
    input: InputArgs,
    /// Where all rows go, with the columns cluster, cluster_size, is_centre, error_code, error: .csv, .csv.gz or
    /// .parquet [default: only the summary].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How clusters form.
    #[arg(long, value_enum, default_value = "butina")]
    method: Method,
    /// Tanimoto distance of ECFP4: Butina's radius; the least distance between MaxMin's picks.
    #[arg(long, value_name = "DISTANCE", default_value_t = 0.35)]
    cutoff: f64,
    /// Most picks of MaxMin.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    picks: usize,
    /// Seed of MaxMin's first pick.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// JSON: clusters with the identifiers of their members.
    #[arg(long)]
    json: bool,
}

/// Clusters.
///
/// # Errors
/// Where the input cannot be read, the cut-off is out of range or the output cannot be written.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let options = ClusterOptions {
        method: args.method,
        cutoff: args.cutoff,
        picks: args.picks,
        seed: args.seed,
        spec: FingerprintSpec::default(),
    };
    let mut reader = args.input.open()?;
    let clusters = cluster(reader.as_mut(), &options, reporter(globals.quiet).as_mut())?;
    if let Some(path) = &args.out {
        write(path, &clusters)?;
    }
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&json(&clusters))?))?;
    } else if !globals.quiet {
        say(&summary(&clusters))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &std::path::Path, clusters: &Clusters) -> anyhow::Result<()> {
    let layout = &clusters.layout;
    let columns = ["cluster", "cluster_size", "is_centre", "error_code", "error"];
    let mut sink = MoleculeSink::create(path, layout, &columns)?;
    for (number, row) in clusters.rows.iter().enumerate() {
        let cells = match &row.cluster {
            Ok((cluster, is_centre)) => {
                let size = clusters.sizes[cluster - 1];
                [
                    cluster.to_string(),
                    size.to_string(),
                    is_centre.to_string(),
                    String::new(),
                    String::new(),
                ]
            }
            Err(error) => [
                String::new(),
                String::new(),
                String::new(),
                error.code.to_string(),
                error.message.clone(),
            ],
        };
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        sink.row(layout, &row.record, number as u64, (row.smiles.as_deref(), &cells))?;
    }
    Ok(sink.finish()?)
}

fn json(clusters: &Clusters) -> serde_json::Value {
    let mut members = vec![Vec::new(); clusters.sizes.len()];
    for (number, row) in clusters.rows.iter().enumerate() {
        if let Ok((cluster, _)) = row.cluster {
            members[cluster - 1].push(row.record.id(&clusters.layout, number as u64).into_owned());
        }
    }
    let centre =
        |row: usize| clusters.rows[row].record.id(&clusters.layout, row as u64).into_owned();
    let list: Vec<serde_json::Value> = members
        .into_iter()
        .zip(&clusters.centres)
        .map(|(members, &row)| serde_json::json!({ "centre": centre(row), "size": members.len(), "members": members }))
        .collect();
    serde_json::json!({ "rows": clusters.counts.rows, "errors": clusters.counts.errors, "clusters": list })
}

fn summary(clusters: &Clusters) -> String {
    let alone = clusters.sizes.iter().filter(|&&size| size == 1).count();
    let mut text = format!(
        "{} clusters, {alone} of a single molecule; {}\n",
        clusters.sizes.len(),
        clusters.counts.line()
    );
    let mut order: Vec<usize> = (0..clusters.sizes.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(clusters.sizes[at]), at));
    let mut table = TextTable::new(&["cluster", "molecules", "centre", "smiles"]);
    for &at in order.iter().take(10) {
        let row = clusters.centres[at];
        let record = &clusters.rows[row].record;
        let smiles = clusters.layout.smiles.map(|column| record.value(column).to_owned());
        let smiles = smiles.or_else(|| clusters.rows[row].smiles.clone()).unwrap_or_default();
        table.row(vec![
            (at + 1).to_string(),
            clusters.sizes[at].to_string(),
            record.id(&clusters.layout, row as u64).into_owned(),
            smiles,
        ]);
    }
    if !order.is_empty() {
        text.push_str(&table.render());
    }
    text
}
