//! Whether a NetCDF-4 file is still the one that was written.
//!
//! HDF5 guards its headers, and deflate its chunks (Adler-32), but nothing guards what lies between: the values of coordinates,
//! the index of the chunks. One flipped bit there is another date or another level. So our files end with a seal, a checksum of
//! all that stands before the first chunk. It lies where HDF5 keeps nothing: other programs pass over it, and a program that
//! writes the file anew leaves it out. Files without a seal are read as they are, but for those that end too early.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

const MARK: &[u8; 8] = b"STRATAhd";

/// Bytes of a seal: its mark, the size of the head, the head's CRC-32, and the CRC-32 of these.
pub(super) const SIZE: usize = 24;

/// The seal of a file with this head.
pub(super) fn seal(head: &[u8]) -> [u8; SIZE] {
    let mut seal = [0; SIZE];
    seal[..8].copy_from_slice(MARK);
    seal[8..16].copy_from_slice(&(head.len() as u64).to_le_bytes());
    seal[16..20].copy_from_slice(&crc32fast::hash(head).to_le_bytes());
    let own = crc32fast::hash(&seal[..20]);
    seal[20..].copy_from_slice(&own.to_le_bytes());
    seal
}

/// The size of the head and its checksum, where these bytes are a seal.
fn read(seal: &[u8; SIZE]) -> Option<(u64, u32)> {
    let word = |at: usize| seal[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
    let whole = seal.starts_with(MARK) && crc32fast::hash(&seal[..20]) == word(20);
    let long = u64::from(word(8)) | u64::from(word(12)) << 32;
    whole.then(|| (long, word(16)))
}

/// Where the superblock says that the file ends; none where it is no HDF5, or begins with a user's block.
fn end(start: &[u8]) -> Option<u64> {
    if !start.starts_with(b"\x89HDF\r\n\x1a\n") {
        return None;
    }
    // Addresses of eight bytes, and the place of the end, by the superblock's version.
    let (width, at) = match start.get(8)? {
        0 => (13, 40),
        1 => (13, 44),
        2 | 3 => (9, 28),
        _ => return None,
    };
    let bytes = start.get(at..at + 8)?;
    (*start.get(width)? == 8).then(|| bytes.try_into().map(u64::from_le_bytes).ok())?
}

/// What is wrong with a file: its end is missing, or its head is not the one that was sealed.
///
/// # Errors
/// Where the file cannot be read.
pub(super) fn damage(file: &mut File) -> std::io::Result<Option<String>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let mut start = Vec::new();
    file.take(64).read_to_end(&mut start)?;
    // The seal first: where it is there, nothing is cut off.
    if length >= SIZE as u64 {
        let mut last = [0; SIZE];
        file.seek(SeekFrom::End(-(SIZE as i64)))?;
        file.read_exact(&mut last)?;
        if let Some((size, sum)) = read(&last) {
            return Ok((!holds(file, size, sum)?).then(|| {
                "the file is damaged: its head does not have the checksum that it was written with; copy or make it again"
                    .to_owned()
            }));
        }
    }
    Ok(end(&start).filter(|end| *end > length && *end != u64::MAX).map(|end| {
        format!("the file is cut short: {length} of {end} bytes are there; copy or fetch it again")
    }))
}

fn holds(file: &mut File, size: u64, sum: u32) -> std::io::Result<bool> {
    file.rewind()?;
    let mut own = crc32fast::Hasher::new();
    let mut rest = size;
    let mut block = vec![0; 1 << 16];
    while rest > 0 {
        let most = block.len().min(usize::try_from(rest).unwrap_or(block.len()));
        match file.read(&mut block[..most])? {
            0 => return Ok(false),
            more => {
                own.update(&block[..more]);
                rest -= more as u64;
            }
        }
    }
    Ok(own.finalize() == sum)
}
