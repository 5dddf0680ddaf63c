//! Where the values of a run lie, in the order of time series: in memory while they are few, else in a file without a name
//! that is gone with the run. Files are read by position and not mapped: one that is cut short is an error, not a signal.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that runs may take, shared by the runs of a store.
#[derive(Debug, Clone)]
pub struct Room {
    /// Bytes of memory for all runs.
    pub memory: usize,
    /// Folder of the files of larger ones; the system's for temporary files where none is named.
    pub folder: Option<PathBuf>,
    taken: Arc<AtomicUsize>,
}

impl Room {
    /// So many bytes of memory, then files in a folder.
    #[must_use]
    pub fn new(memory: usize, folder: Option<PathBuf>) -> Self {
        Self { memory, folder, taken: Arc::default() }
    }

    fn take(&self, bytes: usize) -> Option<Taken> {
        let fits = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= self.memory);
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        taken.is_ok().then(|| Taken { bytes, of: Arc::clone(&self.taken) })
    }
}

/// Memory that was taken, until it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    bytes: usize,
    of: Arc<AtomicUsize>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Values.
#[derive(Debug)]
pub(super) enum Held {
    Memory { values: Vec<f32>, _taken: Taken },
    File(File),
}

/// Takes values in order.
pub(super) enum Writer {
    Memory(Vec<f32>, Taken),
    File(BufWriter<File>),
}

impl Writer {
    /// For so many values.
    pub(super) fn new(count: usize, room: &Room) -> std::io::Result<Self> {
        if let Some(taken) = room.take(count.saturating_mul(4)) {
            return Ok(Self::Memory(Vec::with_capacity(count), taken));
        }
        let file = match &room.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                tempfile::tempfile_in(folder)?
            }
            None => tempfile::tempfile()?,
        };
        Ok(Self::File(BufWriter::with_capacity(1 << 20, file)))
    }

    pub(super) fn push(&mut self, more: &[f32]) -> std::io::Result<()> {
        match self {
            Self::Memory(values, _) => values.extend_from_slice(more),
            Self::File(file) => {
                for value in more {
                    file.write_all(&value.to_le_bytes())?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(self) -> std::io::Result<Held> {
        match self {
            Self::Memory(values, _taken) => Ok(Held::Memory { values, _taken }),
            Self::File(file) => {
                Ok(Held::File(file.into_inner().map_err(std::io::IntoInnerError::into_error)?))
            }
        }
    }
}

impl Held {
    /// Values from a place on.
    pub(super) fn read(&self, from: usize, out: &mut [f32]) -> std::io::Result<()> {
        match self {
            Self::Memory { values, .. } => {
                let part = values.get(from..from + out.len());
                let part = part.ok_or(std::io::ErrorKind::UnexpectedEof)?;
                out.copy_from_slice(part);
            }
            Self::File(file) => {
                let mut bytes = vec![0; out.len() * 4];
                read_at(file, &mut bytes, from as u64 * 4)?;
                for (value, four) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*four);
                }
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            more => {
                bytes = &mut bytes[more..];
                at += more as u64;
            }
        }
    }
    Ok(())
}
