//! The journal of a run: what is done, appended chunk by chunk, so that a killed run loses at most
//! the chunks under way.
//!
//! Layout, little-endian: a head (`STRATAJ1`, length, identity as JSON, crc32), then frames of
//! `rows u32 | payload length u32 | input digest [32] | crc32 u32 | payload`. A frame is written with
//! one call; a torn one at the end is cut off when the journal is opened again. Any frame behind a
//! damaged one is dropped too, and its rows are done again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::StreamError;

const MAGIC: &[u8; 8] = b"STRATAJ1";
const FRAME_HEAD: usize = 4 + 4 + 32 + 4;
/// No honest chunk comes near this; a length beyond it is damage.
const MAX_PAYLOAD: u32 = 1 << 30;
const MAX_HEAD: u32 = 1 << 20;
/// A kill loses nothing (the page cache survives); this bounds what a power cut can lose.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// Everything that decides the result of a run, by name: settings, models' hashes, the program's
/// version. A journal is only resumed under the identity it was started with.
pub type Identity = BTreeMap<String, String>;

/// One chunk as the journal keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// Rows in this chunk.
    pub rows: u32,
    /// Running digest of all input rows up to the end of this chunk.
    pub input_digest: [u8; 32],
    /// What the stages made of the rows.
    pub payload: Vec<u8>,
}

/// An append-only file of finished chunks.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    rows: u64,
    input_digest: [u8; 32],
    first_frame: u64,
    last_sync: Instant,
    buffer: Vec<u8>,
}

/// What [`Journal::resume`] found.
#[derive(Debug)]
pub enum Opened {
    /// There was nothing to resume: a new journal was started.
    Fresh(Journal),
    /// The journal goes on behind its last whole frame.
    Resumed(Journal),
}

impl Opened {
    /// The journal, whichever it is.
    #[must_use]
    pub fn into_journal(self) -> Journal {
        match self {
            Self::Fresh(journal) | Self::Resumed(journal) => journal,
        }
    }
}

impl Journal {
    /// Starts a journal. One that exists is refused unless `overwrite`.
    ///
    /// # Errors
    /// [`StreamError::JournalExists`], [`StreamError::JournalLocked`] or an I/O error.
    pub fn create(path: &Path, identity: &Identity, overwrite: bool) -> Result<Self, StreamError> {
        if !overwrite && path.exists() {
            let rows = Self::rows_in(path).unwrap_or(0);
            return Err(StreamError::JournalExists { path: path.to_path_buf(), rows });
        }
        let mut file = open_locked(path, true)?;
        file.set_len(0).map_err(StreamError::io("cannot empty", path))?;
        let head = encode_head(identity);
        file.write_all(&head).map_err(StreamError::io("cannot write", path))?;
        Ok(Self::at(path, file, head.len() as u64))
    }

    /// Opens a journal to go on with it, or starts one where there is none.
    ///
    /// A torn or damaged tail is cut off. A journal killed while its head was written holds no rows
    /// and is started anew.
    ///
    /// # Errors
    /// [`StreamError::SettingsChanged`] where the identity differs, [`StreamError::NotAJournal`],
    /// [`StreamError::JournalLocked`] or an I/O error.
    pub fn resume(path: &Path, identity: &Identity) -> Result<Opened, StreamError> {
        if !path.exists() {
            return Self::create(path, identity, false).map(Opened::Fresh);
        }
        let mut file = open_locked(path, false)?;
        let Some((was, first_frame)) = read_head(path, &mut file)? else {
            drop(file);
            return Self::create(path, identity, true).map(Opened::Fresh);
        };
        if let Some((key, was, now)) = difference(&was, identity) {
            return Err(StreamError::SettingsChanged { path: path.to_path_buf(), key, was, now });
        }
        let mut journal = Self::at(path, file, first_frame);
        let end = journal.scan()?;
        journal.file.set_len(end).map_err(StreamError::io("cannot cut", path))?;
        let seek = journal.file.seek(SeekFrom::Start(end));
        seek.map_err(StreamError::io("cannot read", path))?;
        Ok(Opened::Resumed(journal))
    }

    fn at(path: &Path, file: File, first_frame: u64) -> Self {
        Self {
            path: path.to_path_buf(),
            file,
            rows: 0,
            input_digest: [0; 32],
            first_frame,
            last_sync: Instant::now(),
            buffer: Vec::new(),
        }
    }

    /// Rows in a journal, without opening it for writing.
    fn rows_in(path: &Path) -> Result<u64, StreamError> {
        let mut file = File::open(path).map_err(StreamError::io("cannot read", path))?;
        let Some((_, first_frame)) = read_head(path, &mut file)? else { return Ok(0) };
        let mut journal = Self::at(path, file, first_frame);
        journal.scan()?;
        Ok(journal.rows)
    }

    /// Counts whole frames; returns where the last one ends.
    fn scan(&mut self) -> Result<u64, StreamError> {
        let mut frames = self.frames()?;
        let (mut rows, mut digest, mut end) = (0, [0; 32], self.first_frame);
        while let Some(frame) = frames.next_frame()? {
            rows += u64::from(frame.rows);
            digest = frame.input_digest;
            end += (FRAME_HEAD + frame.payload.len()) as u64;
        }
        (self.rows, self.input_digest) = (rows, digest);
        Ok(end)
    }

    /// Where the journal lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows in the journal.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Running digest of the input rows that are done; all zero when there are none.
    #[must_use]
    pub fn input_digest(&self) -> [u8; 32] {
        self.input_digest
    }

    /// Adds a finished chunk behind the last one.
    ///
    /// # Errors
    /// An I/O error, such as a full disk; the journal can still be resumed.
    pub fn append(
        &mut self,
        rows: u32,
        digest: [u8; 32],
        payload: &[u8],
    ) -> Result<(), StreamError> {
        let length = u32::try_from(payload.len()).ok().filter(|&length| length <= MAX_PAYLOAD);
        let length = length.ok_or_else(|| {
            let why = std::io::Error::other("a chunk's results exceed 1 GiB");
            StreamError::io("cannot write", &self.path)(why)
        })?;
        self.buffer.clear();
        self.buffer.extend_from_slice(&rows.to_le_bytes());
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(&digest);
        let crc = frame_crc(&self.buffer, payload);
        self.buffer.extend_from_slice(&crc.to_le_bytes());
        self.buffer.extend_from_slice(payload);
        self.file.write_all(&self.buffer).map_err(StreamError::io("cannot write", &self.path))?;
        self.rows += u64::from(rows);
        self.input_digest = digest;
        if self.last_sync.elapsed() >= SYNC_EVERY {
            self.file.sync_data().map_err(StreamError::io("cannot flush", &self.path))?;
            self.last_sync = Instant::now();
        }
        Ok(())
    }

    /// Reads the frames from the first on, with a file handle of its own.
    ///
    /// # Errors
    /// An I/O error.
    pub fn frames(&self) -> Result<Frames, StreamError> {
        let mut file =
            File::open(&self.path).map_err(StreamError::io("cannot read", &self.path))?;
        file.seek(SeekFrom::Start(self.first_frame))
            .map_err(StreamError::io("cannot read", &self.path))?;
        Ok(Frames { path: self.path.clone(), file: BufReader::with_capacity(1 << 16, file) })
    }

    /// Deletes the journal, once its rows are safe elsewhere.
    ///
    /// # Errors
    /// An I/O error.
    pub fn remove(self) -> Result<(), StreamError> {
        std::fs::remove_file(&self.path).map_err(StreamError::io("cannot delete", &self.path))
    }
}

/// Reads the frames of a journal in order, with one frame in memory at a time.
#[derive(Debug)]
pub struct Frames {
    path: PathBuf,
    file: BufReader<File>,
}

impl Frames {
    /// The next whole frame; `None` at the end or where a torn or damaged one begins.
    ///
    /// # Errors
    /// An I/O error other than the end of the file.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, StreamError> {
        let mut head = [0; FRAME_HEAD];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (rows, length, crc) = (word(0), word(4), word(40));
        if length > MAX_PAYLOAD {
            return Ok(None);
        }
        let mut payload = Vec::new();
        // `take` rather than a buffer of the stated length: a damaged length allocates nothing.
        (&mut self.file)
            .take(u64::from(length))
            .read_to_end(&mut payload)
            .map_err(StreamError::io("cannot read", &self.path))?;
        if payload.len() != length as usize || frame_crc(&head[..40], &payload) != crc {
            return Ok(None);
        }
        let mut input_digest = [0; 32];
        input_digest.copy_from_slice(&head[8..40]);
        Ok(Some(Frame { rows, input_digest, payload }))
    }

    /// Fills a buffer; `false` where the file ends first.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, StreamError> {
        match self.file.read_exact(buffer) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(StreamError::io("cannot read", &self.path)(error)),
        }
    }
}

fn frame_crc(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

fn open_locked(path: &Path, create: bool) -> Result<File, StreamError> {
    // Not truncated here: only the holder of the lock may do that.
    let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path);
    let file = file.map_err(StreamError::io("cannot open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StreamError::JournalLocked { path: path.to_path_buf() })
        }
        // A file system without locks (some network mounts) is no reason to refuse the work.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn encode_head(identity: &Identity) -> Vec<u8> {
    let text = serde_json::to_vec(identity).unwrap_or_default();
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    head.extend_from_slice(&text);
    head.extend_from_slice(&crc32fast::hash(&text).to_le_bytes());
    head
}

/// The identity and where the first frame begins; `None` for a head cut short.
fn read_head(path: &Path, file: &mut File) -> Result<Option<(Identity, u64)>, StreamError> {
    let damaged = |why| StreamError::NotAJournal { path: path.to_path_buf(), why };
    let mut start = Vec::new();
    Read::by_ref(file)
        .take(u64::from(MAX_HEAD))
        .read_to_end(&mut start)
        .map_err(StreamError::io("cannot read", path))?;
    let magic = &start[..start.len().min(MAGIC.len())];
    if !MAGIC.starts_with(magic) {
        return Err(damaged("it does not begin with STRATAJ1"));
    }
    let Some(length) = start.get(8..12) else { return Ok(None) };
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
    let Some(text) = start.get(12..12 + length) else {
        return if length < MAX_HEAD as usize {
            Ok(None)
        } else {
            Err(damaged("a damaged length"))
        };
    };
    let Some(crc) = start.get(12 + length..16 + length) else { return Ok(None) };
    if crc != crc32fast::hash(text).to_le_bytes() {
        return Err(damaged("a damaged head"));
    }
    let identity = serde_json::from_slice(text).map_err(|_| damaged("an unreadable head"))?;
    Ok(Some((identity, 16 + length as u64)))
}

/// The first setting that differs, with both values.
fn difference(was: &Identity, now: &Identity) -> Option<(String, String, String)> {
    let keys = was.keys().chain(now.keys());
    let absent = || "not set".to_owned();
    keys.filter(|key| was.get(*key) != now.get(*key))
        .map(|key| {
            let value = |from: &Identity| from.get(key).cloned().unwrap_or_else(absent);
            (key.clone(), value(was), value(now))
        })
        .next()
}
