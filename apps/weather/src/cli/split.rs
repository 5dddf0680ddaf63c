//! `split`: a model into parts that need less memory.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_cli::text::TextTable;
use strata_cli::{Globals, say};
use strata_core::card::ModelCard;
use strata_core::runtime::split::Cuts;
use strata_earth::split::cut;

/// Cut a model into parts that are loaded one after the other.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather split pangu-weather-24 --out parts --parts 6
  strata-weather split pangu-weather-24 --out parts --at /layer1/Add_3_output_0 --at /layer2/Add_7_output_0
  strata-weather forecast --models-dir parts --model pangu-weather --file analysis.nc --lead-time 120 --path out.nc

The parts lie below --out as models of their own; the first has the model's name and contract. They give what the whole gives,
and no more than one of them is in memory.")]
pub struct Args {
    /// The model (see `models list`).
    model: String,
    /// Folder for the parts, which is then a folder of models.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number of parts of about the same size; cuts go where the least passes on.
    #[arg(long, value_name = "N", default_value_t = 4)]
    parts: usize,
    /// Cut after the node that makes this tensor, instead; may be repeated.
    #[arg(long, value_name = "TENSOR", conflicts_with = "parts")]
    at: Vec<String>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

/// Cuts it.
///
/// # Errors
/// A model that cannot be cut.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let search = strata_core::paths::search_path(args.models_dir.as_deref());
    let card = ModelCard::find(&args.model, &search)?;
    let cuts = if args.at.is_empty() { Cuts::Parts(args.parts) } else { Cuts::At(args.at.clone()) };
    let parts = cut(&card, &search, &cuts, &args.out)?;
    if globals.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = TextTable::new(&["part", "nodes", "MB", "passes on, MB", "tensors"]);
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    for written in &parts {
        let part = &written.part;
        let bytes = part.model.bytes + part.data.as_ref().map_or(0, |data| data.bytes);
        let names: Vec<&str> = part.outputs.iter().map(|port| port.name.as_str()).collect();
        table.row(vec![
            written.name.clone(),
            part.nodes.to_string(),
            megabytes(bytes),
            megabytes(part.passes),
            names.join(", "),
        ]);
    }
    say(&table.render())?;
    Ok(ExitCode::SUCCESS)
}
