//! `ingest`: files into an index.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::progress::reporter_of;
use strata_cli::text::TextTable;
use strata_cli::{Globals, atomic, say, stop_on_interrupt};
use strata_text::read::ReadLimits;

use super::common::IndexArgs;
use crate::desk::open_or_create;
use crate::ingest::{COMMIT_EVERY, FileReport, IngestJob, Ingested, PART, ingest};
use crate::models::Folder;

/// Files that are listed one by one.
const LISTED: usize = 20;

/// Put files and folders into an index: laws, notices, guides, cases.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov ingest laws/ notices/ --index office
  strata-gov ingest 'incoming/*.pdf' --index office --label 公安局
  strata-gov ingest corpus.jsonl.gz --index corpus --report report.json

Reads PDF, DOCX, XLSX, PPTX, HTML, EML, Markdown, text in UTF-8, GB18030 and UTF-16, CSV, and JSON lines of {id, title, text}.
What is in the index unchanged is passed over: run it again after changes, or after it was stopped. Documents that their file
does not hold any more are removed; those of files that are gone are removed with `documents`.")]
pub struct Args {
    /// Files, folders, or patterns in quotes.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    index: IndexArgs,
    /// Model of vectors for a new index; "none" searches by words alone.
    #[arg(long, value_name = "NAME", default_value = "gov-retriever")]
    retriever: String,
    /// Department that may see the documents, where they name none themselves; may be repeated [default: everybody].
    #[arg(long, value_name = "NAME")]
    label: Vec<String>,
    /// What identifiers begin with, for files whose records have the same identifiers.
    #[arg(long, value_name = "TEXT", default_value = "")]
    id_prefix: String,
    /// Keep documents that their file does not hold any more.
    #[arg(long)]
    keep_removed: bool,
    /// Keep personal data of hotline cases as it is; it is masked otherwise.
    #[arg(long)]
    keep_personal: bool,
    /// Largest file, in MB.
    #[arg(long, value_name = "MB", default_value_t = 4096)]
    max_file_mb: u64,
    /// Write what became of each file here, as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Passages after which what was written is made lasting: what a power cut can lose.
    #[arg(long, value_name = "N", default_value_t = COMMIT_EVERY)]
    commit_every: usize,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

impl Args {
    /// Arguments for a scenario's sample.
    pub(super) fn sample(paths: Vec<PathBuf>, index: PathBuf, models_dir: Option<PathBuf>) -> Self {
        Self {
            paths,
            index: IndexArgs { index, models_dir },
            retriever: "gov-retriever".to_owned(),
            label: Vec::new(),
            id_prefix: String::new(),
            keep_removed: false,
            keep_personal: false,
            max_file_mb: 4096,
            report: None,
            commit_every: COMMIT_EVERY,
            threads: 0,
        }
    }
}

/// Ingests.
///
/// # Errors
/// A path where nothing is, an index or model that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let threads = match args.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let models = Folder::new(args.index.models_dir.as_deref(), threads);
    let retriever = Some(args.retriever.as_str()).filter(|name| *name != "none");
    let (index, embedder) = open_or_create(&args.index.index, &models, retriever)?;
    let job = IngestJob {
        threads,
        prefix: args.id_prefix.clone(),
        labels: args.label.clone(),
        keep_removed: args.keep_removed,
        keep_personal: args.keep_personal,
        commit_every: args.commit_every,
        limits: ReadLimits {
            file_bytes: args.max_file_mb << 20,
            stream_bytes: args.max_file_mb << 20,
            document_bytes: PART,
            ..ReadLimits::default()
        },
    };
    let mut progress = reporter_of(globals.quiet, "documents");
    let done = ingest((&index, embedder.as_ref()), &args.paths, &job, (&stop, progress.as_mut()));
    drop(progress);
    let done = done?;
    if let Some(path) = &args.report {
        let report = serde_json::to_vec_pretty(&done.report)?;
        atomic::write_whole(path, &report).with_context(|| path.display().to_string())?;
    }
    if !globals.quiet {
        say(&summary(&done))?;
        let stats = index.snapshot().stats();
        say(&format!(
            "index {}: {} documents, {} passages\n",
            args.index.index.display(),
            stats.documents,
            stats.units
        ))?;
    }
    if done.interrupted {
        return Ok(ExitCode::from(130));
    }
    let total = done.report.total();
    let nothing = total.failed > 0 && total.written + total.unchanged + total.duplicates == 0;
    Ok(if nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn cells(file: &FileReport) -> Vec<String> {
    vec![
        file.source.clone(),
        file.written.to_string(),
        file.unchanged.to_string(),
        file.duplicates.to_string(),
        file.removed.to_string(),
        file.failed.to_string(),
        file.units.to_string(),
    ]
}

fn summary(done: &Ingested) -> String {
    let headings = ["file", "written", "unchanged", "same text", "removed", "failed", "passages"];
    let mut table = TextTable::new(&headings);
    let files = &done.report.files;
    // Files with troubles first: the others need nobody.
    let mut order: Vec<&FileReport> = files.values().collect();
    order.sort_by_key(|file| (file.failed == 0, file.troubles.is_empty()));
    for file in order.iter().take(LISTED) {
        table.row(cells(file));
    }
    if files.len() > 1 {
        table.row(cells(&done.report.total()));
    }
    let mut text = table.render();
    if files.len() > LISTED {
        text += &format!("… and {} more files\n", files.len() - LISTED);
    }
    let troubles = order.iter().flat_map(|file| file.troubles.iter().map(|t| (&file.source, t)));
    for (source, trouble) in troubles.take(LISTED) {
        let record = match trouble.record {
            0 => String::new(),
            record => format!(", record {record}"),
        };
        let page = trouble.page.map(|page| format!(", page {page}")).unwrap_or_default();
        text += &format!("{source}{record}{page}: {} ({})\n", trouble.message, trouble.code);
    }
    let seconds = done.elapsed.as_secs_f64().max(1e-9);
    let total = done.report.total();
    text + &format!(
        "\n{} passages in {seconds:.1} s ({:.0}/s)\n",
        total.units,
        total.units as f64 / seconds
    )
}
