//! States that wait for a later run, in memory or on the disk, and the checkpoint: which runs are done and which states are there.
//! A run that is killed at any moment goes on from its last checkpoint, and what it then writes is the same as without the kill.
//!
//! The folder holds `checkpoint.json` and a `.state` file a state. Files are written under another name, brought to the disk and
//! renamed, the checkpoint after the states it names, and states that it no longer names go after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strata_core::runtime::Buffer;

use super::RolloutError;
use super::step::Buffers;
use super::writer::Shared;

/// The checkpoint's file.
const CHECKPOINT: &str = "checkpoint.json";
/// What a state's file begins with.
const MAGIC: &[u8; 8] = b"STRATAS1";

/// A state: of which member, at which lead.
pub(super) type Key = (u32, u32);

/// Text of the checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    /// What the run was asked for; a run that is asked for something else must not go on with it.
    pub(super) settings: serde_json::Value,
    /// Runs that are done and written.
    pub(super) done: BTreeSet<Key>,
    /// States that are in the folder.
    pub(super) states: BTreeSet<Key>,
}

enum Held {
    Memory(Arc<Shared>),
    Disk,
}

/// States that wait.
pub(super) struct Store {
    folder: Option<PathBuf>,
    held: BTreeMap<Key, Held>,
    /// States whose file is whole, waiting or not.
    files: BTreeSet<Key>,
    /// Those of them that may not be on the disk yet: only a checkpoint has to wait for that.
    loose: BTreeSet<Key>,
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> RolloutError + '_ {
    |source| RolloutError::Checkpoint { path: path.to_owned(), why: source.to_string() }
}

impl Store {
    /// Without a folder everything stays in memory.
    pub(super) fn new(folder: Option<&Path>) -> Result<Self, RolloutError> {
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(io(folder))?;
        }
        Ok(Self {
            folder: folder.map(Path::to_owned),
            held: BTreeMap::new(),
            files: BTreeSet::new(),
            loose: BTreeSet::new(),
        })
    }

    /// The last checkpoint of a folder, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Checkpoint>, RolloutError> {
        let path = folder.join(CHECKPOINT);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(&path)(error)),
        };
        let wrong = |error: serde_json::Error| RolloutError::Checkpoint {
            path: path.clone(),
            why: error.to_string(),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(wrong)
    }

    /// Goes on with what a checkpoint names.
    pub(super) fn adopt(&mut self, checkpoint: &Checkpoint) {
        for key in &checkpoint.states {
            self.held.insert(*key, Held::Disk);
            self.files.insert(*key);
        }
    }

    pub(super) fn put(&mut self, key: Key, state: Arc<Shared>) {
        self.held.insert(key, Held::Memory(state));
    }

    pub(super) fn drop_state(&mut self, key: Key) {
        self.held.remove(&key);
    }

    pub(super) fn has(&self, key: Key) -> bool {
        self.held.contains_key(&key)
    }

    /// States in memory.
    pub(super) fn in_memory(&self) -> Vec<Key> {
        self.held
            .iter()
            .filter(|(_, held)| matches!(held, Held::Memory(_)))
            .map(|(key, _)| *key)
            .collect()
    }

    /// A state that is in memory.
    pub(super) fn get(&self, key: Key) -> Option<Arc<Shared>> {
        match self.held.get(&key) {
            Some(Held::Memory(shared)) => Some(Arc::clone(shared)),
            _ => None,
        }
    }

    /// Reads a state that is on the disk into memory.
    pub(super) fn load(&self, key: Key, into: &mut Buffers) -> Result<(), RolloutError> {
        let path = self.path(key).ok_or(RolloutError::Writer)?;
        read_state(&path, key, into)
    }

    /// Moves a state from memory to the disk.
    pub(super) fn spill(&mut self, key: Key) -> Result<(), RolloutError> {
        self.save(key)?;
        if self.files.contains(&key) {
            self.held.insert(key, Held::Disk);
        }
        Ok(())
    }

    pub(super) fn can_spill(&self) -> bool {
        self.folder.is_some()
    }

    fn path(&self, (member, lead): Key) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("m{member:03}-h{lead:04}.state")))
    }

    fn save(&mut self, key: Key) -> Result<(), RolloutError> {
        let (Some(path), Some(Held::Memory(shared))) = (self.path(key), self.held.get(&key)) else {
            return Ok(());
        };
        if let (false, Some(state)) = (self.files.contains(&key), shared.state()) {
            write_state(&path, key, state).map_err(io(&path))?;
            self.files.insert(key);
            self.loose.insert(key);
        }
        Ok(())
    }

    /// Makes a checkpoint of all that waits; what is no longer needed goes.
    pub(super) fn checkpoint(
        &mut self,
        settings: &serde_json::Value,
        done: &BTreeSet<Key>,
    ) -> Result<(), RolloutError> {
        let Some(folder) = self.folder.clone() else { return Ok(()) };
        for key in self.held.keys().copied().collect::<Vec<_>>() {
            self.save(key)?;
        }
        for key in std::mem::take(&mut self.loose) {
            if let (true, Some(path)) = (self.held.contains_key(&key), self.path(key)) {
                File::open(&path).and_then(|file| file.sync_all()).map_err(io(&path))?;
            }
        }
        let states: BTreeSet<Key> = self.held.keys().copied().collect();
        let checkpoint = Checkpoint { settings: settings.clone(), done: done.clone(), states };
        let path = folder.join(CHECKPOINT);
        let json = serde_json::to_vec(&checkpoint).map_err(|error| RolloutError::Checkpoint {
            path: path.clone(),
            why: error.to_string(),
        })?;
        replace(&path, true, |file| file.write_all(&json)).map_err(io(&path))?;
        let gone: Vec<Key> = self.files.difference(&checkpoint.states).copied().collect();
        for key in gone {
            self.files.remove(&key);
            if let Some(path) = self.path(key) {
                // A file that stays does no harm.
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// Removes the checkpoint and its states, and the folder if nothing else is in it.
    pub(super) fn clear(folder: &Path) -> Result<(), RolloutError> {
        let ours = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name == CHECKPOINT
                || name.ends_with(".state")
                || name.ends_with(".state.tmp")
                || name == "checkpoint.json.tmp"
        };
        let checkpoint = folder.join(CHECKPOINT);
        if checkpoint.exists() {
            std::fs::remove_file(&checkpoint).map_err(io(&checkpoint))?;
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if ours(&entry.path()) {
                std::fs::remove_file(entry.path()).map_err(io(&entry.path()))?;
            }
        }
        let _ = std::fs::remove_dir(folder);
        Ok(())
    }
}

/// Writes a file that is seen under its name when it is whole and, where asked for, on the disk.
fn replace(
    path: &Path,
    sync: bool,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&temporary)?);
    write(&mut file)?;
    file.flush()?;
    if sync {
        file.get_ref().sync_all()?;
    }
    std::fs::rename(&temporary, path)?;
    if !sync {
        return Ok(());
    }
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn write_state(path: &Path, key: Key, state: &Buffers) -> std::io::Result<()> {
    replace(path, false, |file| {
        let mut digest = crc32fast::Hasher::new();
        let mut put = |bytes: &[u8]| {
            digest.update(bytes);
            file.write_all(bytes)
        };
        put(MAGIC)?;
        for number in [u64::from(key.0), u64::from(key.1), state.0.len() as u64] {
            put(&number.to_le_bytes())?;
        }
        for buffer in &state.0 {
            put(&(buffer.values().len() as u64).to_le_bytes())?;
            // A checkpoint is read on the machine that wrote it.
            put(bytemuck::cast_slice(buffer.values()))?;
        }
        let digest = digest.finalize();
        file.write_all(&digest.to_le_bytes())
    })
}

fn read_state(path: &Path, key: Key, into: &mut Buffers) -> Result<(), RolloutError> {
    let broken = || RolloutError::Checkpoint {
        path: path.to_owned(),
        why: "the state is damaged; begin anew without --resume".to_owned(),
    };
    let mut file = File::open(path).map_err(io(path))?;
    let mut digest = crc32fast::Hasher::new();
    let mut take = |bytes: &mut [u8]| -> Result<(), RolloutError> {
        file.read_exact(bytes).map_err(|_| broken())?;
        digest.update(bytes);
        Ok(())
    };
    let mut magic = [0; 8];
    take(&mut magic)?;
    let mut number = || -> Result<u64, RolloutError> {
        let mut bytes = [0; 8];
        take(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    };
    let head = (number()?, number()?, number()?);
    if magic != *MAGIC || head != (u64::from(key.0), u64::from(key.1), into.0.len() as u64) {
        return Err(broken());
    }
    for buffer in &mut into.0 {
        let mut length = [0; 8];
        take(&mut length)?;
        if u64::from_le_bytes(length) != buffer.values().len() as u64 {
            return Err(broken());
        }
        take(bytemuck::cast_slice_mut(Buffer::values_mut(buffer)))?;
    }
    let expected = digest.finalize();
    let mut found = [0; 4];
    file.read_exact(&mut found).map_err(|_| broken())?;
    if u32::from_le_bytes(found) == expected { Ok(()) } else { Err(broken()) }
}
