//! Ingestion on the belt: read and structure, make vectors, hand over to the index.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use strata_core::runtime::RunOptions;
use strata_core::stream::{Interpret, RecordError, Stages};
use strata_text::document::{Document, Extract, declared};
use strata_text::embed::Embedder;
use strata_text::mask::mask;
use strata_text::read::{self, ReadLimits, RecordProblem};
use strata_text::structure::{self, BuildOptions};

use super::report::Trouble;
use super::source::{FileRef, Item};

/// Bytes of passages of a chunk that holds long documents. They go to the model a few at a time, as its memory follows its
/// largest run and is kept; those of a chunk of usual records go together, sorted by length.
const LONG: usize = 1 << 20;
const FEW: usize = 32;

/// How documents are built beyond what their files say.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// What identifiers begin with.
    pub(super) prefix: String,
    /// Departments that may see the documents, where they name none themselves.
    pub(super) labels: Vec<String>,
    /// Keep personal data of hotline cases as it is.
    pub(super) keep_personal: bool,
    /// What else changes a document's form: the embedding model, the version of the format.
    pub(super) salt: String,
}

/// What is to be done with a document.
#[derive(Debug)]
pub(super) enum Step {
    /// It is the same as in the index.
    Unchanged { source: Arc<FileRef>, id: String },
    /// It is written.
    Write {
        source: Arc<FileRef>,
        own_id: bool,
        digest: [u8; 32],
        document: Box<Document>,
        vectors: Option<Vec<f32>>,
    },
    /// It could not be read.
    Failed { source: Arc<FileRef>, trouble: Trouble },
}

/// Steps on their way from workers to the index; the stream carries their tickets, in order.
#[derive(Debug, Default)]
pub(super) struct Handover {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, Step>>,
}

impl Handover {
    fn leave(&self, step: Step) -> u64 {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(ticket, step);
        ticket
    }

    /// Takes what the tickets of a payload stand for.
    pub(super) fn take(&self, payload: &[u8]) -> Vec<Step> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let tickets = payload.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok());
        tickets.filter_map(|bytes| waiting.remove(&u64::from_le_bytes(bytes))).collect()
    }
}

/// A record between its preparation and the index: one document, or several of a file.
#[derive(Debug)]
pub(super) struct Prepared {
    steps: Mutex<Vec<Step>>,
}

/// Buffers of a worker.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Texts to embed, by slot.
    texts: Vec<Vec<String>>,
    /// Vectors, by slot.
    vectors: Vec<Vec<f32>>,
}

/// The stages of an ingestion.
pub(super) struct IngestStages {
    pub(super) embedder: Option<Arc<Embedder>>,
    pub(super) limits: ReadLimits,
    pub(super) shape: Shape,
    /// Digests of what the index has, by identifier.
    pub(super) known: Arc<HashMap<String, [u8; 32]>>,
    pub(super) handover: Arc<Handover>,
}

impl IngestStages {
    fn document(&self, source: &Arc<FileRef>, extract: Extract, only: bool, number: u64) -> Step {
        let own_id = extract.id.is_some();
        let id = match (&extract.id, only) {
            (Some(id), _) => format!("{}{id}", self.shape.prefix),
            (None, true) => format!("{}{}", self.shape.prefix, source.name),
            (None, false) => format!("{}{}#{number}", self.shape.prefix, source.name),
        };
        let mut extract = extract;
        if !self.shape.labels.is_empty() {
            let labels = extract.declared.entry(declared::LABELS.to_owned()).or_default();
            if labels.is_empty() {
                *labels = self.shape.labels.join(",");
            }
        }
        if !self.shape.keep_personal {
            mask_case(&mut extract);
        }
        let digest = self.digest(&extract);
        if self.known.get(&id) == Some(&digest) {
            return Step::Unchanged { source: Arc::clone(source), id };
        }
        extract.id = Some(id);
        let document = Box::new(structure::build(extract, &source.name, &BuildOptions::default()));
        let source = Arc::clone(source);
        Step::Write { source, own_id, digest, document, vectors: None }
    }

    /// What a document is made of: the same gives the same document.
    fn digest(&self, extract: &Extract) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(self.shape.salt.as_bytes());
        part(extract.title.as_deref().unwrap_or_default().as_bytes());
        part(extract.text.as_bytes());
        for (key, value) in &extract.declared {
            part(key.as_bytes());
            part(value.as_bytes());
        }
        hasher.finalize().into()
    }

    /// The documents of a file; `bytes` where it is in memory already.
    fn read_file(&self, source: &Arc<FileRef>, bytes: Option<&[u8]>) -> Vec<Step> {
        let failed = |record: u64, code: &str, message: String| Step::Failed {
            source: Arc::clone(source),
            trouble: Trouble { record, page: None, code: code.to_owned(), message },
        };
        let all = match bytes {
            None => read::open_with(&source.path, &self.limits, None).map(Iterator::collect),
            Some(bytes) => read::read(&source.name, bytes, &self.limits, None).map(|outcome| {
                let problems = outcome.problems.into_iter().map(Err);
                outcome.documents.into_iter().map(Ok).chain(problems).collect()
            }),
        };
        let all: Vec<Result<Extract, RecordProblem>> = match all {
            Ok(all) => all,
            Err(error) => return vec![failed(0, error.code(), error.to_string())],
        };
        let step = |(number, record)| match record {
            // What hangs on a document, such as a letter's attachment, comes behind it.
            Ok(extract) => self.document(source, extract, number == 1, number),
            Err(RecordProblem { code, message, .. }) => failed(number, &code, message),
        };
        (1..).zip(all).map(step).collect()
    }
}

/// Makes personal data of a hotline case unreadable before anything is made of it; other documents are left as they are.
fn mask_case(extract: &mut Extract) {
    let kind = extract.declared.get(declared::KIND).map(String::as_str);
    let case = extract.declared.contains_key(declared::QUESTION)
        && extract.declared.contains_key(declared::REPLY);
    if !case && kind != Some("hotline-case") {
        return;
    }
    let before = extract.text.len();
    extract.text = mask(&extract.text);
    if extract.text.len() != before {
        // Places of the old text are none of the new.
        extract.blocks.clear();
        extract.pages.clear();
    }
    extract.title = extract.title.as_deref().map(mask);
    for key in [declared::QUESTION, declared::REPLY] {
        if let Some(value) = extract.declared.get_mut(key) {
            *value = mask(value);
        }
    }
}

impl Stages for IngestStages {
    type Record = Item;
    type Prepared = Prepared;
    type Scratch = Scratch;

    fn scratch(&self, chunk: usize) -> Scratch {
        Scratch { texts: vec![Vec::new(); chunk], vectors: vec![Vec::new(); chunk] }
    }

    fn prepare(
        &self,
        record: &Item,
        slot: usize,
        scratch: &mut Scratch,
    ) -> Result<Prepared, RecordError> {
        let steps = match record {
            Item::File(source) => self.read_file(source, None),
            Item::Bytes(source, bytes) => self.read_file(source, Some(bytes)),
            Item::Record(source, number, extract) => {
                vec![self.document(source, (**extract).clone(), false, *number)]
            }
            Item::Broken(source, number, code, message) => vec![Step::Failed {
                source: Arc::clone(source),
                trouble: Trouble {
                    record: *number,
                    page: None,
                    code: code.clone(),
                    message: message.clone(),
                },
            }],
        };
        let texts = &mut scratch.texts[slot];
        texts.clear();
        for step in &steps {
            if let Step::Write { document, .. } = step {
                texts.extend((0..document.units.len()).map(|unit| document.passage(unit)));
            }
        }
        Ok(Prepared { steps: Mutex::new(steps) })
    }

    fn infer(
        &self,
        slots: Range<usize>,
        run: &RunOptions,
        scratch: &mut Scratch,
    ) -> Result<(), RecordError> {
        let Some(embedder) = &self.embedder else { return Ok(()) };
        let texts: Vec<&str> =
            scratch.texts[slots.clone()].iter().flatten().map(String::as_str).collect();
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let together = if bytes > LONG { FEW } else { texts.len().max(1) };
        let mut all = Vec::with_capacity(texts.len() * embedder.dim());
        for some in texts.chunks(together) {
            let made = embedder.passages(some, run);
            all.extend(made.map_err(|error| RecordError::new("infer", error.to_string()))?);
        }
        let mut rest = all.as_slice();
        for slot in slots {
            let take = scratch.texts[slot].len() * embedder.dim();
            let (mine, behind) = rest.split_at_checked(take).unwrap_or((&[], &[]));
            scratch.vectors[slot] = mine.to_vec();
            rest = behind;
        }
        Ok(())
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        scratch: &Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let mut steps = done.prepared.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = scratch.vectors[done.slot].as_slice();
        for mut step in steps.drain(..) {
            if let (Step::Write { document, vectors, .. }, Some(embedder)) =
                (&mut step, &self.embedder)
            {
                let (mine, behind) =
                    rest.split_at_checked(document.units.len() * embedder.dim())
                        .ok_or_else(|| RecordError::new("internal", "vectors are missing"))?;
                *vectors = Some(mine.to_vec());
                rest = behind;
            }
            out.extend(self.handover.leave(step).to_le_bytes());
        }
        Ok(())
    }

    fn failed(&self, record: &Item, error: &RecordError, out: &mut Vec<u8>) {
        let (source, number) = match record {
            Item::File(source) | Item::Bytes(source, _) => (source, 0),
            Item::Record(source, number, _) | Item::Broken(source, number, ..) => (source, *number),
        };
        let (code, message) = (error.code.to_string(), error.message.clone());
        let trouble = Trouble { record: number, page: None, code, message };
        let step = Step::Failed { source: Arc::clone(source), trouble };
        out.extend(self.handover.leave(step).to_le_bytes());
    }
}
