//! The index: documents in a folder, searched by words (BM25) and by meaning (exact dot products) as of a day, within
//! what the reader may see.
//!
//! Documents lie in *segments*, files that never change: compressed documents, a row for each passage, postings, and
//! vectors in 8 and 32 bits. The *manifest* names the segments and what was deleted of them; replacing it by a rename is
//! the commit, so a process killed at any moment leaves the index as it was at the last one. Small segments are merged
//! into larger ones as they come. A reader holds a [`Snapshot`] and never waits; one [`Writer`] at a time holds the lock
//! file.
//!
//! Labels are kept inside: a search, a list or a count for a viewer is what an index without the documents hidden from
//! them would give, statistics of words included. One thing crosses: where a hidden document amends or repeals another,
//! the other's days end for everybody, as a stale text cited as current would do more harm; by what they ended is not
//! told.

mod bits;
mod blocks;
mod build;
mod chain;
mod config;
mod dense;
mod error;
mod format;
mod kernel;
mod lexical;
mod manifest;
mod merge;
mod part;
mod postings;
mod quantise;
mod query;
mod rank;
mod rows;
mod search;
mod segment;
mod snapshot;
mod view;
mod writer;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

pub use build::Prepared;
pub use config::{EmbeddingIdentity, IndexConfig, Scoring, WriterOptions};
pub use error::IndexError;
pub use query::{Filter, Hit, IndexStats, Query, Summary, UnitRef, Viewer};
pub use snapshot::Snapshot;
pub use writer::{Generation, Writer};

use error::io;
use manifest::Manifest;

/// Vectors of more numbers than this are no vectors of passages.
const LARGEST_DIM: usize = 8192;

/// An index. Clones are the same index.
#[derive(Debug, Clone)]
pub struct Index {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    /// Held only while the pointer is read or replaced.
    current: RwLock<Arc<Snapshot>>,
}

impl Index {
    /// Makes an empty index in a folder, which is made too.
    ///
    /// # Errors
    /// [`IndexError::Exists`] where there is one, [`IndexError::Locked`], [`IndexError::Io`]; [`IndexError::Query`] for a
    /// configuration that makes no sense.
    pub fn create(dir: &Path, config: &IndexConfig) -> Result<Self, IndexError> {
        if let Some(why) = config.scoring.fault() {
            return Err(IndexError::Query(why));
        }
        let dim = config.embedding.as_ref().map(|embedding| embedding.dim);
        if dim.is_some_and(|dim| !(1..=LARGEST_DIM).contains(&dim)) {
            return Err(IndexError::Query(format!("vectors have 1 to {LARGEST_DIM} numbers")));
        }
        fs::create_dir_all(dir).map_err(io(dir))?;
        let _lock = lock(dir)?;
        if Manifest::path(dir).exists() {
            return Err(IndexError::Exists(dir.to_owned()));
        }
        let manifest = Manifest { config: config.clone(), ..Manifest::default() };
        manifest.write(dir)?;
        Self::open(dir)
    }

    /// Opens the index of a folder, as it was at its last commit.
    ///
    /// # Errors
    /// [`IndexError::NotAnIndex`], [`IndexError::Damaged`], [`IndexError::Format`], [`IndexError::Io`]
    pub fn open(dir: &Path) -> Result<Self, IndexError> {
        let snapshot = Arc::new(load(dir, None)?);
        let current = RwLock::new(snapshot);
        Ok(Self { shared: Arc::new(Shared { dir: dir.to_owned(), current }) })
    }

    /// Whether a folder holds an index.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        Manifest::path(dir).exists()
    }

    /// How it was made.
    #[must_use]
    pub fn config(&self) -> IndexConfig {
        self.snapshot().config().clone()
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// The index as it is now. A snapshot stays as it is; what was deleted since is still in it, so none should be held
    /// longer than a request.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, snapshot: Arc<Snapshot>) {
        let mut current = self.shared.current.write().unwrap_or_else(PoisonError::into_inner);
        // A refresh that began before a commit must not take it back.
        if snapshot.generation() > current.generation() {
            *current = snapshot;
        }
    }

    /// Looks for commits of other processes; whether there was one.
    ///
    /// # Errors
    /// As [`Index::open`]; the index then stays at the commit it had.
    pub fn refresh(&self) -> Result<bool, IndexError> {
        let now = self.snapshot();
        if Manifest::read(self.dir())?.generation == now.manifest.generation {
            return Ok(false);
        }
        let snapshot = load(self.dir(), Some(&now))?;
        self.publish(Arc::new(snapshot));
        Ok(true)
    }

    /// The writer. There is one at a time, in all processes.
    ///
    /// # Errors
    /// [`IndexError::Locked`] while there is another, and as [`Index::refresh`].
    pub fn writer(&self) -> Result<Writer, IndexError> {
        self.writer_with(WriterOptions::default())
    }

    /// The writer, within other limits.
    ///
    /// # Errors
    /// As [`Index::writer`].
    pub fn writer_with(&self, options: WriterOptions) -> Result<Writer, IndexError> {
        let lock = lock(self.dir())?;
        Writer::new(self.clone(), options, lock)
    }
}

/// Reads the last commit. A writer of another process may drop files between reading the manifest and opening them:
/// then there is a newer manifest.
fn load(dir: &Path, older: Option<&Snapshot>) -> Result<Snapshot, IndexError> {
    let mut tries = 0;
    loop {
        let manifest = Manifest::read(dir)?;
        let generation = manifest.generation;
        match Snapshot::load(dir, manifest, older) {
            Err(error) if tries < 10 && Manifest::read(dir)?.generation != generation => {
                let _ = error;
                tries += 1;
            }
            other => return other,
        }
    }
}

/// Takes the lock of a folder; the system releases it with the process.
fn lock(dir: &Path) -> Result<File, IndexError> {
    let path = dir.join("index.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(IndexError::Locked(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(&path)(error)),
    }
}
