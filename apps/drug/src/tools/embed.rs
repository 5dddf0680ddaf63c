//! `embed`: a vector for each molecule from a graph encoder: ours, or MolCLR's.
//!
//! Records ride the same belt as in screening, in batches of [`BATCH`] molecules a run of the model.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use strata_chem::graph_features::MOLCLR_ID;
use strata_chem::graph_features::chemprop::CHEMPROP_ID;
use strata_core::card::{CardError, Dim, ModelCard, ModelStore};
use strata_core::paths;
use strata_core::provenance::{Provenance, STRATA_VERSION};
use strata_core::runtime::{Model, OpenError, OpenOptions, PoolConfig};
use strata_core::stream::{self, Options, Outcome, Progress};
use strata_core::verify::VerifyError;

use super::ToolError;
use super::embed_stages::{Embedding, Encoder, Reads, TableSink};
use super::rows::Counts;
use crate::input::{InputSpec, open};
use crate::output::{OutColumn, OutFormat, OutKind, Schema, create, write_note_beside};
use crate::screen::LibrarySource;

/// Molecules in one run of the model.
pub const BATCH: usize = 64;

/// The model's output with a vector for each molecule.
const OUTPUT: &str = "embedding";

/// What to embed, with what, and where to.
#[derive(Debug, Clone)]
pub struct EmbedJob {
    /// The molecules.
    pub input: InputSpec,
    /// Where the vectors go: .csv, .csv.gz or .parquet.
    pub out: PathBuf,
    /// Name of the model.
    pub model: String,
    /// Where the models lie, if not in the usual places.
    pub models_dir: Option<PathBuf>,
    /// Worker threads; 0 takes all cores.
    pub threads: usize,
    /// Write over an existing result.
    pub overwrite: bool,
}

/// How it went.
#[derive(Debug, Clone, Serialize)]
pub struct EmbedSummary {
    /// Version of the program.
    pub strata: String,
    /// The model.
    pub model: Provenance,
    /// Numbers a molecule: columns `e0`, `e1`, and so on.
    pub dimensions: usize,
    /// Name of the input.
    pub input: String,
    /// SHA-256 over the input's rows as they were read.
    pub rows_sha256: String,
    /// Rows, and those without a vector by error code.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Embeds the molecules of an input: one output row for each input row, in order. `None` when `stop`
/// was set before the end; nothing is written then.
///
/// # Errors
/// [`ToolError`]; a file that is absent names the remedy. What is wrong with a row is in the row.
pub fn embed(
    job: &EmbedJob,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Option<EmbedSummary>, ToolError> {
    OutFormat::of(&job.out)?;
    if job.out.exists() && !job.overwrite {
        let out = job.out.display();
        let text = format!("{out} exists already: choose another name, or add --overwrite");
        return Err(ToolError::Request(text));
    }
    let threads = match job.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let reader = open(&job.input)?;
    let encoder = open_encoder(job, threads)?;
    let layout = reader.layout().clone();
    let schema = Schema::new(&layout, computed(encoder.width));
    let mut sink = TableSink {
        table: create(&job.out, &schema)?,
        columns: schema.columns.len(),
        rows: 0,
        input_digest: [0; 32],
    };
    let stages = Embedding { layout: &layout, schema: &schema, encoder: &encoder };
    let options = Options { threads, chunk: BATCH, stop };
    let mut source = LibrarySource::new(reader);
    let (outcome, tally) = stream::run(&mut source, &stages, &mut sink, options, progress)?;
    if outcome == Outcome::Interrupted {
        return Ok(None);
    }
    let path = &job.input.path;
    let summary = EmbedSummary {
        strata: STRATA_VERSION.to_owned(),
        model: (**encoder.model.provenance()).clone(),
        dimensions: encoder.width,
        input: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        rows_sha256: sink.input_digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        counts: Counts { rows: tally.rows, errors: tally.failed },
    };
    // Serialising plain strings and numbers cannot fail.
    let json = serde_json::to_string_pretty(&summary).unwrap_or_default();
    sink.table.finish(&[("strata.provenance".to_owned(), json.clone())])?;
    write_note_beside(&job.out, &json)?;
    Ok(Some(summary))
}

/// The columns behind the given ones.
fn computed(width: usize) -> Vec<OutColumn> {
    let column = |kind| move |name: String| OutColumn { name, kind };
    let texts = ["canonical_smiles", "error_code", "error"].map(str::to_owned);
    let numbers = (0..width).map(|at| format!("e{at}"));
    let texts = texts.into_iter().map(column(OutKind::Text));
    texts.chain(numbers.map(column(OutKind::Float))).collect()
}

fn open_encoder(job: &EmbedJob, threads: usize) -> Result<Encoder, ToolError> {
    let store = ModelStore::new(paths::search_path(job.models_dir.as_deref()));
    let card = store.card(&job.model)?;
    let (reads, _) = form(&card).map_err(|why| unfit(&card, &why))?;
    let options = OpenOptions {
        // The arena keeps what its largest batch took, in every session.
        pool: PoolConfig {
            sessions: threads,
            arena: false,
            memory_pattern: false,
            ..PoolConfig::default()
        },
        featuriser: Some(reads.featuriser()),
        ..OpenOptions::default()
    };
    let opened = Model::open(card.clone(), store.search(), &options);
    let model = opened.map_err(|error| with_remedy(error, &card))?;
    encoder_of(Arc::new(model))
}

/// An open model as an encoder.
pub(super) fn encoder_of(model: Arc<Model>) -> Result<Encoder, ToolError> {
    let (reads, width) = form(model.card()).map_err(|why| unfit(model.card(), &why))?;
    Ok(Encoder { model, reads, output: OUTPUT.to_owned(), width })
}

fn unfit(card: &ModelCard, why: &str) -> ToolError {
    let name = &card.name;
    ToolError::Request(format!(
        "model {name} cannot embed molecules: {why}; molecule-encoder and molclr-gcn can"
    ))
}

/// Which graphs the model of a card reads, and the length of its vectors.
fn form(card: &ModelCard) -> Result<(Reads, usize), String> {
    let reads = card.featuriser().and_then(|(id, _)| Reads::of(id)).ok_or_else(|| {
        format!("its card names neither of the featurisers {MOLCLR_ID} and {CHEMPROP_ID} alone")
    })?;
    let output = card.outputs.iter().find(|port| port.name == OUTPUT);
    match output.map(|port| port.shape.as_slice()) {
        Some([Dim::Symbol(_), Dim::Fixed(width)]) => {
            let width = usize::try_from(*width).map_err(|error| error.to_string())?;
            Ok((reads, width))
        }
        _ => Err(format!("its card has no output {OUTPUT:?} of a fixed length a molecule")),
    }
}

/// An absent file that no address is known of cannot be fetched as other files can: says how.
fn with_remedy(error: OpenError, card: &ModelCard) -> ToolError {
    let (OpenError::Card(absent) | OpenError::Verify(VerifyError::Card(absent))) = &error else {
        return error.into();
    };
    let CardError::FileAbsent { model, file, .. } = absent else { return error.into() };
    match card.files.iter().find(|known| known.path == *file) {
        Some(known) if known.url.is_none() => ToolError::Request(format!(
            "model {model}: {file} is not on this machine, and its card has no address to fetch it from. Bring it with \
             `strata-drug models fetch {model} --from DIR`, where DIR holds the file with the SHA-256 {}; or copy it to {}",
            known.sha256,
            card.dir.join(file).display()
        )),
        _ => error.into(),
    }
}
