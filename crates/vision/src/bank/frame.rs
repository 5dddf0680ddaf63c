//! The frame of bank files: magic, version, a JSON header and numbers, each part checksummed, written whole or not at all.
//!
//! ```text
//! magic (8 bytes)  version u32  header bytes u32  header crc32 u32  numbers crc32 u32
//! header           JSON
//! numbers          little-endian
//! ```
//! What a header announces is compared to the length of the file before anything is allocated.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::Pod;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::BankError;

const VERSION: u32 = 1;
const FIXED: usize = 24;
/// A header of more is refused: 64 MiB are names of hundreds of thousands of normals.
const MOST_HEADER: u32 = 64 << 20;

/// A number of a bank file.
pub(super) trait Number: Pod {
    /// The same number with its bytes in the other order.
    fn swapped(self) -> Self;
}

impl Number for f32 {
    fn swapped(self) -> Self {
        Self::from_bits(self.to_bits().swap_bytes())
    }
}

impl Number for f64 {
    fn swapped(self) -> Self {
        Self::from_bits(self.to_bits().swap_bytes())
    }
}

impl Number for u32 {
    fn swapped(self) -> Self {
        self.swap_bytes()
    }
}

/// Numbers as the bytes of a file, one part after another.
pub(super) fn numbers<T: Number>(
    values: &[T],
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    if cfg!(target_endian = "little") {
        return take(bytemuck::cast_slice(values));
    }
    for part in values.chunks(1 << 16) {
        let swapped: Vec<T> = part.iter().map(|value| value.swapped()).collect();
        take(bytemuck::cast_slice(&swapped))?;
    }
    Ok(())
}

/// What hands out the numbers of a file: called twice, for the checksum and to write.
pub(super) type Parts<'a> = &'a dyn Fn(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>;

/// Writes a frame.
pub(super) fn write(
    writer: &mut dyn Write,
    magic: [u8; 8],
    header: &impl Serialize,
    parts: Parts<'_>,
) -> io::Result<()> {
    let header = serde_json::to_vec(header)?;
    let length = u32::try_from(header.len()).ok().filter(|&length| length <= MOST_HEADER);
    let length = length.ok_or_else(|| io::Error::other("too many normals for one bank file"))?;
    let mut crc = crc32fast::Hasher::new();
    parts(&mut |part| {
        crc.update(part);
        Ok(())
    })?;
    let mut fixed = Vec::with_capacity(FIXED);
    fixed.extend(magic);
    for word in [VERSION, length, crc32fast::hash(&header), crc.finalize()] {
        fixed.extend(word.to_le_bytes());
    }
    writer.write_all(&fixed)?;
    writer.write_all(&header)?;
    parts(&mut |part| writer.write_all(part))
}

/// Writes a file beside `path` and renames it: readers see the old file or the new one, never a part.
pub(super) fn save(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), BankError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    let temporary = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| {
            write(&mut file)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error that counts is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(|source| BankError::Io { path: path.display().to_string(), source })
}

/// Opens a file and tells its length.
pub(super) fn open(path: &Path) -> Result<(File, u64), BankError> {
    let failed = |source| BankError::Io { path: path.display().to_string(), source };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok((file, length))
}

/// The numbers that follow a header.
pub(super) struct Payload<'a> {
    reader: &'a mut dyn Read,
    left: u64,
    checksum: u32,
    crc: crc32fast::Hasher,
}

fn cut(_: io::Error) -> String {
    "it ends too early".to_owned()
}

/// Reads the frame of `length` bytes up to its numbers.
pub(super) fn read<'a, H: DeserializeOwned>(
    reader: &'a mut dyn Read,
    length: u64,
    magic: [u8; 8],
) -> Result<(H, Payload<'a>), String> {
    let mut fixed = [0_u8; FIXED];
    reader.read_exact(&mut fixed).map_err(cut)?;
    if fixed[..8] != magic {
        return Err("it does not begin like one".to_owned());
    }
    let [version, header_length, header_crc, checksum] = [8, 12, 16, 20]
        .map(|at| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]));
    if version != VERSION {
        return Err(format!(
            "version {version} of the format, this program reads version {VERSION}"
        ));
    }
    let rest = length.saturating_sub(FIXED as u64);
    if header_length > MOST_HEADER || u64::from(header_length) > rest {
        return Err("it ends too early".to_owned());
    }
    let mut header = vec![0; header_length as usize];
    reader.read_exact(&mut header).map_err(cut)?;
    if crc32fast::hash(&header) != header_crc {
        return Err("its header is damaged: the checksum differs".to_owned());
    }
    let header = serde_json::from_slice(&header).map_err(|error| format!("its header: {error}"))?;
    let left = rest - u64::from(header_length);
    Ok((header, Payload { reader, left, checksum, crc: crc32fast::Hasher::new() }))
}

impl Payload<'_> {
    /// The next numbers. What is announced and does not follow is refused before it is allocated.
    pub(super) fn take<T: Number>(&mut self, count: usize) -> Result<Vec<T>, String> {
        let bytes = count.checked_mul(size_of::<T>()).map_or(u64::MAX, |bytes| bytes as u64);
        if bytes > self.left {
            return Err(format!("{count} numbers are announced, {} bytes follow", self.left));
        }
        self.left -= bytes;
        let mut values = vec![T::zeroed(); count];
        // Read and summed in parts that stay in the cache.
        for part in bytemuck::cast_slice_mut::<T, u8>(&mut values).chunks_mut(1 << 18) {
            self.reader.read_exact(part).map_err(cut)?;
            self.crc.update(part);
        }
        if cfg!(target_endian = "big") {
            values.iter_mut().for_each(|value| *value = value.swapped());
        }
        Ok(values)
    }

    /// Whether all was read and is what was written.
    pub(super) fn finish(self) -> Result<(), String> {
        if self.left > 0 {
            return Err(format!("{} bytes too many", self.left));
        }
        if self.crc.finalize() == self.checksum {
            Ok(())
        } else {
            Err("its numbers are damaged: the checksum differs".to_owned())
        }
    }
}
