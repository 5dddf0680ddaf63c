//! The audit log: who asked what, as of when, and what was cited. One JSON line an entry, each with the SHA-256 of the one
//! before it, so that an edit, a removal or an insertion anywhere is found by [`verify`]. The newest entry's hash is what an
//! office notes elsewhere to find a log cut at its end.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the first entry follows.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Longest line that is read: an entry holds a question and its citations' places.
const LONGEST: u64 = 1 << 20;

/// Why a log cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file.
    #[error("audit log {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The log does not hold together.
    #[error("audit log {}, line {line}: {why}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// Another program writes it.
    #[error("audit log {}: another program writes it; stop that program, or name another log", .0.display())]
    Busy(PathBuf),
}

/// What is written of a question.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Who asked: the key's name, or the system's user.
    pub who: String,
    /// What was done: `ask`, `search`, `route`, `check`, `ingest`, `delete`.
    pub action: String,
    /// What was asked.
    pub question: String,
    /// As of which day.
    pub as_of: String,
    /// Departments the asker may see.
    pub departments: Vec<String>,
    /// `answered`, `refused`, or an error's code.
    pub outcome: String,
    /// What was cited: document, version, address and range of characters.
    pub cited: Vec<Cited>,
    /// State of the index: its digest or generation.
    pub index: String,
    /// The request, as its reply names it.
    pub request: String,
}

/// A citation in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cited {
    /// Document.
    pub document: String,
    /// Version.
    pub version: Option<String>,
    /// Address, as people read it.
    pub address: String,
    /// First character.
    pub char_start: usize,
    /// The character behind the last.
    pub char_end: usize,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Number, from 1.
    pub number: u64,
    /// Milliseconds since 1970, UTC.
    pub time_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub record: Record,
    /// Hash of the entry before.
    pub previous: String,
    /// SHA-256 over the previous hash and this entry without this field.
    pub hash: String,
}

impl Entry {
    fn seal(&mut self) {
        self.hash = String::new();
        // Struct fields have an order, and maps are not used: the same entry gives the same bytes.
        let body = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::new().chain_update(self.previous.as_bytes()).chain_update(&body);
        self.hash = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    }

    fn holds(&self) -> bool {
        let mut again = self.clone();
        again.seal();
        again.hash == self.hash
    }
}

/// A log that is written. Entries of several threads are one after the other.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    number: u64,
    last: String,
}

impl AuditLog {
    /// Opens a log, or begins one. A last line that a power cut left half is taken away; anything else that does not hold
    /// together is an error, so that a log is never continued behind an edit.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let io = |source| AuditError::Io { path: path.to_path_buf(), source };
        let file =
            OpenOptions::new().create(true).read(true).append(true).open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(AuditError::Busy(path.to_path_buf()));
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        let report = walk(path, &file)?;
        if report.torn > 0 {
            file.set_len(report.bytes).map_err(io)?;
        }
        let state = State { file, number: report.entries, last: report.last };
        Ok(Self { path: path.to_path_buf(), state: Mutex::new(state) })
    }

    /// Writes an entry, and waits until the disk has it: an answer leaves only when its entry is kept.
    ///
    /// # Errors
    /// [`AuditError::Io`].
    pub fn append(&self, record: Record) -> Result<(), AuditError> {
        let time_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entry = Entry {
            number: state.number + 1,
            time_ms: u64::try_from(time_ms).unwrap_or(u64::MAX),
            record,
            previous: state.last.clone(),
            hash: String::new(),
        };
        entry.seal();
        let io = |source| AuditError::Io { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(&entry).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        let before = state.file.seek(SeekFrom::End(0)).map_err(io)?;
        if let Err(source) = state.file.write_all(&line).and_then(|()| state.file.sync_data()) {
            // Half an entry would break the chain for those behind it.
            let _ = state.file.set_len(before);
            return Err(io(source));
        }
        state.number = entry.number;
        state.last = entry.hash;
        Ok(())
    }
}

/// What a check of a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Entries that hold.
    pub entries: u64,
    /// Hash of the newest: note it elsewhere to find a log cut at its end.
    pub last: String,
    /// Bytes of a last line that is not whole.
    pub torn: u64,
    bytes: u64,
}

/// Checks every entry of a log.
///
/// # Errors
/// [`AuditError::Broken`] names the first line that does not hold.
pub fn verify(path: &Path) -> Result<Report, AuditError> {
    let file =
        File::open(path).map_err(|source| AuditError::Io { path: path.to_path_buf(), source })?;
    walk(path, &file)
}

fn walk(path: &Path, file: &File) -> Result<Report, AuditError> {
    let io = |source| AuditError::Io { path: path.to_path_buf(), source };
    let mut reader = BufReader::new(file);
    let mut report = Report { entries: 0, last: GENESIS.to_owned(), torn: 0, bytes: 0 };
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(io)? as u64;
        if read == 0 {
            return Ok(report);
        }
        if line.last() != Some(&b'\n') && read < LONGEST {
            report.torn = read;
            return Ok(report);
        }
        let broken = |why: String| {
            let line = report.entries + 1;
            AuditError::Broken { path: path.to_path_buf(), line, why }
        };
        let entry: Entry =
            serde_json::from_slice(&line).map_err(|error| broken(format!("no entry: {error}")))?;
        // What serde passes over, such as a field added by hand, is an edit too.
        let mut again = serde_json::to_vec(&entry).map_err(|error| broken(error.to_string()))?;
        again.push(b'\n');
        if entry.number != report.entries + 1 {
            let number = entry.number;
            return Err(broken(format!("it is number {number}: an entry is missing or doubled")));
        }
        if entry.previous != report.last {
            return Err(broken("it does not follow the entry before it".to_owned()));
        }
        if !entry.holds() || again != line {
            return Err(broken("it was changed after it was written".to_owned()));
        }
        report.entries = entry.number;
        report.last = entry.hash;
        report.bytes += read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(question: &str) -> Record {
        let cited = Cited {
            document: "law".to_owned(),
            version: Some("2021".to_owned()),
            address: "第三条".to_owned(),
            char_start: 3,
            char_end: 9,
        };
        let (who, action) = ("desk".to_owned(), "ask".to_owned());
        Record {
            who,
            action,
            question: question.to_owned(),
            cited: vec![cited],
            ..Record::default()
        }
    }

    fn log(entries: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open(&path).unwrap();
        for number in 0..entries {
            log.append(record(&format!("第{number}问：落户要什么材料？"))).unwrap();
        }
        (dir, path)
    }

    #[test]
    fn a_whole_log_holds_and_goes_on() {
        let (_dir, path) = log(3);
        let report = verify(&path).unwrap();
        assert_eq!((report.entries, report.torn), (3, 0));
        AuditLog::open(&path).unwrap().append(record("又一问")).unwrap();
        let after = verify(&path).unwrap();
        assert_eq!(after.entries, 4);
        assert_ne!(after.last, report.last);
    }

    #[test]
    fn every_edit_of_a_byte_is_found() {
        let (_dir, path) = log(3);
        let good = std::fs::read(&path).unwrap();
        let mut missed = 0;
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            // The last line's end is the one byte whose loss looks like a power cut.
            match verify(&path) {
                Ok(report) if report.torn > 0 && at == good.len() - 1 => {}
                Ok(_) => missed += 1,
                Err(_) => {}
            }
        }
        assert_eq!(missed, 0);
    }

    #[test]
    fn removed_doubled_and_swapped_lines_are_found() {
        let (_dir, path) = log(4);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for order in [vec![1, 2, 3], vec![0, 2, 3], vec![0, 1, 1, 2, 3], vec![0, 2, 1, 3]] {
            let edited: String = order.iter().map(|&at| format!("{}\n", lines[at])).collect();
            std::fs::write(&path, edited).unwrap();
            assert!(matches!(verify(&path), Err(AuditError::Broken { .. })), "{order:?}");
            assert!(AuditLog::open(&path).is_err(), "continued behind an edit");
        }
    }

    #[test]
    fn half_a_last_line_is_a_power_cut() {
        let (_dir, path) = log(2);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert!(verify(&path).unwrap().torn > 0);
        AuditLog::open(&path).unwrap().append(record("之后")).unwrap();
        let report = verify(&path).unwrap();
        assert_eq!((report.entries, report.torn), (2, 0));
    }

    #[test]
    fn a_log_has_one_writer() {
        let (_dir, path) = log(1);
        let first = AuditLog::open(&path).unwrap();
        assert!(matches!(AuditLog::open(&path), Err(AuditError::Busy(_))));
        drop(first);
        AuditLog::open(&path).unwrap();
    }
}
