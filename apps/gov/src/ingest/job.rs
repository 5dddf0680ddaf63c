//! An ingestion from its paths to its report: what the command line and the server call.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use strata_core::stream::{self, Options, Outcome, Progress, Silent, StreamError, Tally};
use strata_text::embed::Embedder;
use strata_text::index::{Index, IndexError, Viewer};
use strata_text::read::ReadLimits;

use super::report::{FileReport, IngestReport};
use super::sink::{IndexSink, Known};
use super::source::{FileRef, Files, Upload, list};
use super::stages::{Handover, IngestStages, Shape};

/// Usual records in a chunk; of texts as long as [`PART`] it holds two. Six chunks are under way on two threads.
const CHUNK: usize = 32;

/// Longest text of one document, in bytes; a longer one is taken in parts, so that no file takes all memory.
pub const PART: usize = 1 << 20;

/// Changes when the same file gives documents of another form than before, so that they are made anew.
const FORM: u32 = 1;

/// Why nothing can be ingested.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// There is nothing at a path.
    #[error("there is no file at {}; give files, folders, or a pattern in quotes", path.display())]
    Nothing {
        /// The path.
        path: PathBuf,
    },
    /// A folder or file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The run.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Passages after which what was written is made lasting.
pub const COMMIT_EVERY: usize = 20_000;

/// How files are ingested.
#[derive(Debug, Clone)]
pub struct IngestJob {
    /// Worker threads; 0 takes all cores.
    pub threads: usize,
    /// What identifiers begin with, for files whose records have the same identifiers.
    pub prefix: String,
    /// Departments that may see what names none itself; empty means everybody.
    pub labels: Vec<String>,
    /// Keep documents that their file does not hold any more.
    pub keep_removed: bool,
    /// Keep personal data of hotline cases as it is; it is masked otherwise.
    pub keep_personal: bool,
    /// Limits of files.
    pub limits: ReadLimits,
    /// Passages after which what was written is made lasting: what a kill can lose.
    pub commit_every: usize,
}

impl Default for IngestJob {
    fn default() -> Self {
        Self {
            threads: 0,
            prefix: String::new(),
            labels: Vec::new(),
            keep_removed: false,
            keep_personal: false,
            limits: ReadLimits { document_bytes: PART, ..ReadLimits::default() },
            commit_every: COMMIT_EVERY,
        }
    }
}

/// A finished ingestion.
#[derive(Debug)]
pub struct Ingested {
    /// What became of each file.
    pub report: IngestReport,
    /// Counts, and where the time went.
    pub tally: Tally,
    /// From the first file to the index.
    pub elapsed: Duration,
    /// Whether it was stopped before its end; what was written stays.
    pub interrupted: bool,
}

/// Ingests files and folders.
///
/// # Errors
/// A path where nothing is, or an index that cannot be written; what is wrong with one file is in the report.
pub fn ingest(
    (index, embedder): (&Index, Option<&Arc<Embedder>>),
    paths: &[PathBuf],
    job: &IngestJob,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Ingested, IngestError> {
    let started = Instant::now();
    let files = list(paths)?.into_iter().map(|(path, name)| {
        let bytes = path.metadata().map_or(0, |metadata| metadata.len());
        Arc::new(FileRef { path, name, bytes })
    });
    let files: Vec<Arc<FileRef>> = files.collect();
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    let mut writer = index.writer()?;
    let have = Have::of(index, &Viewer::everything());
    let handover = Arc::new(Handover::default());
    let stages = IngestStages {
        embedder: embedder.cloned(),
        limits: job.limits.clone(),
        shape: Shape {
            prefix: job.prefix.clone(),
            labels: job.labels.clone(),
            keep_personal: job.keep_personal,
            salt: salt(embedder.map(AsRef::as_ref)),
        },
        known: Arc::new(have.digests),
        handover: Arc::clone(&handover),
    };
    let mut source = Files::new(files, job.limits.clone());
    let mut sink =
        IndexSink::new(&mut writer, handover, Known { texts: have.texts, hidden: have.hidden });
    sink.commit_every = job.commit_every;
    let options = Options { threads: job.threads, chunk: CHUNK, stop };
    let (outcome, tally) = stream::run(&mut source, &stages, &mut sink, options, progress)?;
    let (mut report, seen) = (std::mem::take(&mut sink.report), std::mem::take(&mut sink.seen));
    if outcome == Outcome::Complete && !job.keep_removed {
        for name in &names {
            let file = report.file(name);
            // A file that could not be read in full may hold what is missed.
            if file.failed > 0 {
                continue;
            }
            let none = HashSet::new();
            let now = seen.get(name).unwrap_or(&none);
            let gone = have.sources.get(name).into_iter().flatten();
            let gone: Vec<&str> =
                gone.filter(|id| !now.contains(*id)).map(String::as_str).collect();
            file.removed = writer.delete(&gone) as u64;
        }
    }
    writer.commit()?;
    drop(writer);
    crate::refusal::renew(index, crate::desk::today())?;
    let interrupted = outcome == Outcome::Interrupted;
    Ok(Ingested { report, tally, elapsed: started.elapsed(), interrupted })
}

/// What the index has before a run, of what the one who writes may see.
#[derive(Default)]
struct Have {
    /// Digests by identifier.
    digests: HashMap<String, [u8; 32]>,
    /// Identifiers by digest.
    texts: HashMap<[u8; 32], String>,
    /// Identifiers by file.
    sources: HashMap<String, Vec<String>>,
    /// Identifiers of the rest: they are neither told of nor replaced.
    hidden: HashSet<String>,
}

impl Have {
    fn of(index: &Index, viewer: &Viewer) -> Self {
        let snapshot = index.snapshot();
        let mut have = Self::default();
        for known in snapshot.documents(&Viewer::everything(), 0, usize::MAX, None).0 {
            let id = known.id.to_string();
            if !viewer.sees(&known.labels) {
                have.hidden.insert(id);
                continue;
            }
            if let Some(digest) = snapshot.source_digest(&id) {
                have.texts.insert(digest, id.clone());
                have.digests.insert(id.clone(), digest);
            }
            have.sources.entry(known.source).or_default().push(id);
        }
        have
    }
}

/// What a document's form depends on beside its file.
fn salt(embedder: Option<&Embedder>) -> String {
    let model = embedder.map(|embedder| embedder.identity().sha256.clone()).unwrap_or_default();
    format!("{FORM} {model}")
}

/// For whom a file is taken, and by whom.
#[derive(Debug, Clone)]
pub struct AsWhom<'a> {
    /// Departments that may see the documents, where they name none themselves; empty means everybody.
    pub labels: Vec<String>,
    /// What the one who sends the file may see: nothing else is replaced.
    pub viewer: &'a Viewer,
}

/// Takes a file in memory into an index: what became of it, and the identifiers of its documents.
///
/// # Errors
/// An index that cannot be written, or a model that fails.
pub fn put(
    index: &Index,
    embedder: Option<&Arc<Embedder>>,
    (name, bytes): (&str, &[u8]),
    as_whom: AsWhom<'_>,
) -> Result<(FileReport, Vec<String>), IngestError> {
    let mut writer = index.writer()?;
    let have = Have::of(index, as_whom.viewer);
    let handover = Arc::new(Handover::default());
    let stages = IngestStages {
        embedder: embedder.cloned(),
        limits: IngestJob::default().limits,
        shape: Shape {
            labels: as_whom.labels,
            salt: salt(embedder.map(AsRef::as_ref)),
            ..Shape::default()
        },
        known: Arc::new(have.digests),
        handover: Arc::clone(&handover),
    };
    let mut source = Upload::new(name, bytes);
    let mut sink =
        IndexSink::new(&mut writer, handover, Known { texts: have.texts, hidden: have.hidden });
    let stop = AtomicBool::new(false);
    let options = Options { threads: 1, chunk: CHUNK, stop: &stop };
    stream::run(&mut source, &stages, &mut sink, options, &mut Silent)?;
    let mut report = std::mem::take(sink.report.file(name));
    let now = sink.seen.remove(name).unwrap_or_default();
    // A file sent again without some of its documents has lost them.
    if report.failed == 0 {
        let gone = have.sources.get(name).into_iter().flatten();
        let gone: Vec<&String> = gone.filter(|id| !now.contains(*id)).collect();
        report.removed = writer.delete(&gone) as u64;
    }
    writer.commit()?;
    let mut ids: Vec<String> = now.into_iter().collect();
    ids.sort();
    Ok((report, ids))
}
