//! The end of an ingestion: documents go into the index, batch by batch, and the report says what became of each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use strata_core::stream::{Chunk, Sink, StreamError};
use strata_text::index::{IndexError, Prepared, Writer};

use super::report::{IngestReport, Trouble};
use super::stages::{Handover, Step};

/// Code of a document whose identifier another has that the one who writes may not see.
pub(crate) const TAKEN: &str = "name-taken";

/// What the index has.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Who has a text already, for files that are there twice.
    pub(super) texts: HashMap<[u8; 32], String>,
    /// Identifiers that must not be taken.
    pub(super) hidden: HashSet<String>,
}

pub(super) struct IndexSink<'a> {
    writer: &'a mut Writer,
    handover: Arc<Handover>,
    known: Known,
    uncommitted: usize,
    pub(super) commit_every: usize,
    pub(super) report: IngestReport,
    /// Identifiers that each file gave.
    pub(super) seen: HashMap<String, HashSet<String>>,
}

impl<'a> IndexSink<'a> {
    pub(super) fn new(writer: &'a mut Writer, handover: Arc<Handover>, known: Known) -> Self {
        let (report, seen) = (IngestReport::default(), HashMap::new());
        let commit_every = super::job::COMMIT_EVERY;
        Self { writer, handover, known, uncommitted: 0, commit_every, report, seen }
    }

    fn step(&mut self, step: Step) -> Result<(), StreamError> {
        match step {
            Step::Unchanged { source, id } => {
                self.report.file(&source.name).unchanged += 1;
                self.saw(&source.name, id);
            }
            Step::Failed { source, trouble } => {
                let file = self.report.file(&source.name);
                file.failed += 1;
                file.trouble(trouble);
            }
            Step::Write { source, own_id, digest, document, vectors } => {
                let file = self.report.file(&source.name);
                let id = document.id.clone();
                if self.known.hidden.contains(&id) {
                    file.failed += 1;
                    let message =
                        format!("{id} is the name of another document; choose another name");
                    let code = TAKEN.to_owned();
                    file.trouble(Trouble { record: 0, page: None, code, message });
                    return Ok(());
                }
                if !own_id
                    && let Some(other) = self.known.texts.get(&digest).filter(|other| **other != id)
                {
                    file.duplicates += 1;
                    let message = format!("{id} has the same text as {other}, and is passed over");
                    file.trouble(Trouble {
                        record: 0,
                        page: None,
                        code: "duplicate".to_owned(),
                        message,
                    });
                    return Ok(());
                }
                file.written += 1;
                file.units += document.units.len() as u64;
                for note in &document.notes {
                    let (page, code) = (note.page, note.code.clone());
                    file.trouble(Trouble { record: 0, page, code, message: note.message.clone() });
                }
                self.uncommitted += document.units.len();
                self.known.texts.insert(digest, id.clone());
                self.saw(&source.name, id);
                let prepared = Prepared { document: *document, vectors, digest };
                match self.writer.put(&prepared) {
                    Ok(()) => {}
                    Err(IndexError::Document { why, .. }) => {
                        let file = self.report.file(&source.name);
                        file.failed += 1;
                        let code = "document".to_owned();
                        file.trouble(Trouble { record: 0, page: None, code, message: why });
                    }
                    Err(error) => return Err(failed("cannot write the index", &error)),
                }
            }
        }
        Ok(())
    }

    fn saw(&mut self, source: &str, id: String) {
        self.seen.entry(source.to_owned()).or_default().insert(id);
    }
}

/// An index that cannot be written ends the run.
pub(super) fn failed(what: &'static str, error: &dyn std::fmt::Display) -> StreamError {
    StreamError::Sink(format!("{what}: {error}").into())
}

impl Sink for IndexSink<'_> {
    fn done(&self) -> (u64, [u8; 32]) {
        (0, [0; 32])
    }

    fn append(&mut self, chunk: &Chunk) -> Result<(), StreamError> {
        for step in self.handover.take(&chunk.payload) {
            self.step(step)?;
        }
        if self.uncommitted >= self.commit_every {
            self.writer.commit().map_err(|error| failed("cannot keep the index", &error))?;
            self.uncommitted = 0;
        }
        Ok(())
    }
}
