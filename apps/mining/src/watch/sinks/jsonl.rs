//! Events as lines of JSON in a file: each change is one line, exactly once.
//!
//! A line is written and synced before the journal is told. When the program is killed in between, the
//! file's own last whole line says how far it came; half a line is cut off.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Backoff, NAP, Sink, SinkError, SinkState, Surroundings};
use crate::watch::event::Change;
use crate::watch::journal::Journal;

const BATCH: usize = 256;
/// More than any line is long.
const TAIL: u64 = 1 << 20;
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };

/// A file of one JSON object a line.
#[derive(Debug)]
pub struct JsonlSink {
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Bytes that we know of: another length means that the file was replaced.
    length: u64,
}

impl JsonlSink {
    /// A sink to this file, which is made with its folder where it is not there.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), open: None }
    }

    /// Delivers what waits, once. How many changes were delivered.
    ///
    /// # Errors
    /// A file that cannot be written, or a journal that cannot be read or written.
    pub fn deliver(&mut self, journal: &Journal) -> Result<usize, SinkError> {
        let known = self.open.as_ref().map(|open| open.length);
        let there = std::fs::metadata(&self.path).ok().map(|meta| meta.len());
        if known.is_none() || known != there {
            self.open = None;
            self.open = Some(self.recover(journal)?);
        }
        let deliveries = journal.outbox(self.name(), 0, BATCH)?;
        let Some(open) = self.open.as_mut().filter(|_| !deliveries.is_empty()) else {
            return Ok(0);
        };
        let mut text = Vec::new();
        for delivery in &deliveries {
            let value = |error: serde_json::Error| SinkError::Value {
                key: "event".to_owned(),
                detail: error.to_string(),
            };
            serde_json::to_writer(&mut text, &delivery.change).map_err(value)?;
            text.push(b'\n');
        }
        let written = open.file.write_all(&text).and_then(|()| open.file.sync_data());
        if let Err(error) = written {
            // Part of it may be there: the next attempt looks.
            self.open = None;
            return Err(SinkError::File { path: self.path.clone(), error });
        }
        open.length += text.len() as u64;
        let seqs: Vec<u64> = deliveries.iter().map(|delivery| delivery.change.seq).collect();
        if let Err(error) = journal.delivered("jsonl", &seqs) {
            // The lines are there and the journal does not know: the next attempt reads them.
            self.open = None;
            return Err(error.into());
        }
        Ok(seqs.len())
    }

    /// Opens the file, cuts off half a line, and settles in the journal what the file already has.
    fn recover(&self, journal: &Journal) -> Result<Open, SinkError> {
        let of = |error| SinkError::File { path: self.path.clone(), error };
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(of)?;
        }
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(&self.path).map_err(of)?;
        if let Err(error) = file.try_lock() {
            let error = match error {
                std::fs::TryLockError::Error(error) => error,
                std::fs::TryLockError::WouldBlock => {
                    std::io::Error::other("another program writes to it")
                }
            };
            return Err(of(error));
        }
        let (length, last) = last_line(&mut file).map_err(of)?;
        file.set_len(length).map_err(of)?;
        let last = last.and_then(|line| serde_json::from_slice::<Change>(&line).ok());
        if let Some(change) = last.filter(|change| change.journal == journal.name()) {
            let settled = journal.settle(self.name(), change.seq)?;
            if settled > 0 {
                tracing::info!(
                    settled,
                    "the events file already has what the journal did not know of"
                );
            }
        }
        Ok(Open { file, length })
    }
}

/// Length of the file up to its last line feed, and the line before that.
fn last_line(file: &mut File) -> std::io::Result<(u64, Option<Vec<u8>>)> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(&*file);
    let (mut whole, mut last, mut at) = (0, None, start);
    loop {
        let mut line = Vec::new();
        let read = reader.read_until(b'\n', &mut line)? as u64;
        at += read;
        if read == 0 || line.last() != Some(&b'\n') {
            break;
        }
        whole = at;
        line.pop();
        last = Some(line);
    }
    // Without any line feed in the tail the file is not ours: it is left as it is.
    Ok(if whole == 0 && start > 0 { (length, None) } else { (whole, last) })
}

impl Sink for JsonlSink {
    fn name(&self) -> &str {
        "jsonl"
    }

    fn run(&mut self, around: &Surroundings, state: &SinkState) {
        let mut failures = 0;
        loop {
            let seen = around.journal.latest();
            match self.deliver(&around.journal) {
                Ok(0) if around.life.is_stopping() => return,
                Ok(0) => {
                    let _ = around.journal.wait(seen, NAP);
                }
                Ok(_) => {
                    failures = 0;
                    state.up();
                }
                Err(error) => {
                    failures += 1;
                    state.down(&error.to_string());
                    tracing::warn!(%error, failures, "events cannot be written to the file yet");
                    if around.life.wait(BACKOFF.random(failures)) {
                        return;
                    }
                }
            }
        }
    }
}
