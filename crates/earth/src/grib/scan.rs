//! The bytes of a file: read where they are asked for, and searched for messages.

use std::fs::File;
use std::path::Path;

use super::octets::Why;

/// Octets of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) at: u64,
    pub(super) length: usize,
}

/// An open file, read at positions by several threads at once.
///
/// It is read, not mapped: a file that another program cuts short is an error here, where a map would end the process.
#[derive(Debug)]
pub(super) struct Bytes {
    file: File,
    pub(super) length: u64,
}

impl Bytes {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Reads octets; those beyond the end are an error before anything is allocated.
    pub(super) fn read(&self, extent: Extent) -> Result<Vec<u8>, Why> {
        let Extent { at, length } = extent;
        if at.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(format!("{length} octets at {at} lie beyond the end of the file"));
        }
        let mut octets = vec![0; length];
        self.read_at(at, &mut octets).map_err(|error| error.to_string())?;
        Ok(octets)
    }

    #[cfg(unix)]
    fn read_at(&self, at: u64, octets: &mut [u8]) -> std::io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, octets, at)
    }

    #[cfg(windows)]
    fn read_at(&self, mut at: u64, mut octets: &mut [u8]) -> std::io::Result<()> {
        while !octets.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(&self.file, octets, at)?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            at += read as u64;
            octets = &mut octets[read..];
        }
        Ok(())
    }
}

/// Octets that are read ahead.
const AHEAD: usize = 16 << 10;

/// A part of the file that is at hand, for reading headers.
pub(super) struct Window<'a> {
    bytes: &'a Bytes,
    at: u64,
    held: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(super) fn new(bytes: &'a Bytes) -> Self {
        Self { bytes, at: 0, held: Vec::new() }
    }

    /// `count` octets at `at`.
    pub(super) fn get(&mut self, at: u64, count: usize) -> Result<&[u8], Why> {
        let held_to = self.at + self.held.len() as u64;
        if at < self.at || at.saturating_add(count as u64) > held_to {
            let left = usize::try_from(self.bytes.length.saturating_sub(at)).unwrap_or(usize::MAX);
            let length = AHEAD.max(count).min(left);
            if length < count {
                return Err(format!(
                    "truncated: {count} octets at {at} are wanted, {left} are left"
                ));
            }
            self.held = self.bytes.read(Extent { at, length })?;
            self.at = at;
        }
        let from = usize::try_from(at - self.at).unwrap_or(usize::MAX);
        self.held.get(from..from + count).ok_or_else(|| "truncated".to_owned())
    }

    /// Whether all octets from `at` to `end` are 0, as where messages are filled up to whole blocks.
    pub(super) fn is_padding(&mut self, at: u64, end: u64) -> bool {
        let count = usize::try_from(end - at).unwrap_or(usize::MAX);
        count <= AHEAD && self.get(at, count).is_ok_and(|octets| octets.iter().all(|o| *o == 0))
    }

    /// Where the next `GRIB` begins, from `at` on.
    pub(super) fn find(&mut self, mut at: u64) -> Option<u64> {
        while at + 4 <= self.bytes.length {
            let left = usize::try_from(self.bytes.length - at).unwrap_or(usize::MAX);
            let held = self.get(at, left.min(AHEAD)).ok()?;
            if let Some(found) = held.windows(4).position(|four| four == b"GRIB") {
                return Some(at + found as u64);
            }
            at += held.len() as u64 - 3;
        }
        None
    }
}
