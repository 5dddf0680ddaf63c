//! Files of sections: written once, checked by CRC-32, mapped for reading.
//!
//! Sections begin at multiples of 64 bytes. Behind the last stands a table of them (name, start, length, CRC-32) and a
//! trailer with the table's place and CRC, so that a file that was cut short is known by its end.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::error::{IndexError, damaged, io};

const MAGIC: &[u8; 8] = b"STRTXT01";
const ALIGN: u64 = 64;
const NAME: usize = 8;
const ENTRY: usize = NAME + 8 + 8 + 4;
const TRAILER: usize = 8 + 4 + 4 + MAGIC.len();
/// Bytes that are looked through before their memory is given back.
pub(super) const STRETCH: usize = 16 << 20;

/// Parts of a segment's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// What is known of each document, JSON lines, deflated.
    Meta,
    /// A row for each document: digests and places.
    Documents,
    /// Where blocks of documents lie.
    BlockTable,
    /// Blocks of documents, deflated.
    Blocks,
    /// A row for each passage.
    Units,
    /// Keys of the terms, ascending.
    Terms,
    /// Where each term's postings lie, and how many passages have it.
    Spots,
    /// Postings.
    Postings,
    /// Vectors in 8 bits.
    Codes,
    /// Scale, error and length of each vector.
    Scales,
    /// Vectors in 32 bits.
    Rows,
}

impl Section {
    const ALL: [Self; 11] = [
        Self::Meta,
        Self::Documents,
        Self::BlockTable,
        Self::Blocks,
        Self::Units,
        Self::Terms,
        Self::Spots,
        Self::Postings,
        Self::Codes,
        Self::Scales,
        Self::Rows,
    ];

    const fn name(self) -> &'static [u8; NAME] {
        match self {
            Self::Meta => b"meta    ",
            Self::Documents => b"docs    ",
            Self::BlockTable => b"blocktab",
            Self::Blocks => b"blocks  ",
            Self::Units => b"units   ",
            Self::Terms => b"terms   ",
            Self::Spots => b"spots   ",
            Self::Postings => b"postings",
            Self::Codes => b"codes   ",
            Self::Scales => b"scales  ",
            Self::Rows => b"rows    ",
        }
    }
}

/// Writes a file of sections. It gets its name when it is complete and on the disk.
pub(super) struct FileWriter {
    out: BufWriter<File>,
    path: PathBuf,
    draft: PathBuf,
    at: u64,
    table: Vec<(Section, u64, u64, u32)>,
    crc: crc32fast::Hasher,
    start: u64,
}

impl FileWriter {
    pub(super) fn create(path: &Path) -> Result<Self, IndexError> {
        let draft = path.with_extension("tmp");
        let file = File::create(&draft).map_err(io(&draft))?;
        Ok(Self {
            out: BufWriter::with_capacity(1 << 18, file),
            path: path.to_owned(),
            draft,
            at: 0,
            table: Vec::new(),
            crc: crc32fast::Hasher::new(),
            start: 0,
        })
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes).map_err(io(&self.draft))
    }

    fn align(&mut self) -> Result<(), IndexError> {
        let gap = (ALIGN - self.at % ALIGN) % ALIGN;
        self.raw(&[0; ALIGN as usize][..gap as usize])
    }

    /// Begins the next section.
    pub(super) fn begin(&mut self) -> Result<(), IndexError> {
        self.align()?;
        (self.start, self.crc) = (self.at, crc32fast::Hasher::new());
        Ok(())
    }

    /// Adds to the section that was begun.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        self.crc.update(bytes);
        self.raw(bytes)
    }

    /// Ends the section.
    pub(super) fn end(&mut self, section: Section) {
        let crc = std::mem::take(&mut self.crc).finalize();
        self.table.push((section, self.start, self.at - self.start, crc));
    }

    /// A whole section.
    pub(super) fn section(&mut self, section: Section, bytes: &[u8]) -> Result<(), IndexError> {
        self.begin()?;
        self.write(bytes)?;
        self.end(section);
        Ok(())
    }

    /// Completes the file; its length in bytes.
    pub(super) fn finish(mut self) -> Result<u64, IndexError> {
        self.align()?;
        let mut table = Vec::with_capacity(self.table.len() * ENTRY);
        for (section, start, length, crc) in &self.table {
            table.extend_from_slice(section.name());
            table.extend_from_slice(&start.to_le_bytes());
            table.extend_from_slice(&length.to_le_bytes());
            table.extend_from_slice(&crc.to_le_bytes());
        }
        let place = self.at;
        let mut tail = table.clone();
        tail.extend_from_slice(&place.to_le_bytes());
        tail.extend_from_slice(&(self.table.len() as u32).to_le_bytes());
        tail.extend_from_slice(&crc32fast::hash(&table).to_le_bytes());
        tail.extend_from_slice(MAGIC);
        self.raw(&tail)?;
        self.out.flush().map_err(io(&self.draft))?;
        self.out.get_ref().sync_all().map_err(io(&self.draft))?;
        std::fs::rename(&self.draft, &self.path).map_err(io(&self.path))?;
        Ok(self.at)
    }
}

/// A mapped file of sections.
#[derive(Debug)]
pub(super) struct FileMap {
    map: Mmap,
    path: PathBuf,
    places: [(Range<usize>, u32); Section::ALL.len()],
}

impl FileMap {
    /// Maps a file that must have `length` bytes.
    pub(super) fn open(path: &Path, length: u64) -> Result<Self, IndexError> {
        let file = File::open(path).map_err(io(path))?;
        let found = file.metadata().map_err(io(path))?.len();
        if found != length {
            return Err(damaged(path, format!("{found} bytes instead of {length}")));
        }
        let map = map(&file).map_err(io(path))?;
        let places = table(&map).ok_or_else(|| damaged(path, "its table of sections"))?;
        Ok(Self { map, path: path.to_owned(), places })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a section.
    pub(super) fn bytes(&self, section: Section) -> &[u8] {
        self.map.get(self.places[section as usize].0.clone()).unwrap_or_default()
    }

    /// The bytes of a section, compared with their CRC; of a long one no more than a stretch is in memory at a time.
    pub(super) fn checked(&self, section: Section) -> Result<&[u8], IndexError> {
        let bytes = self.bytes(section);
        let mut crc = crc32fast::Hasher::new();
        for stretch in bytes.chunks(STRETCH) {
            crc.update(stretch);
            if bytes.len() > STRETCH {
                self.release();
            }
        }
        if crc.finalize() != self.places[section as usize].1 {
            let name = String::from_utf8_lossy(section.name());
            return Err(damaged(&self.path, format!("section {}: wrong checksum", name.trim())));
        }
        Ok(bytes)
    }

    /// Compares every section with its CRC.
    pub(super) fn verify(&self) -> Result<(), IndexError> {
        Section::ALL.iter().try_for_each(|section| self.checked(*section).map(drop))
    }

    /// Gives back the memory of what was read; the file's bytes come again when they are asked for. Reading a whole file
    /// would else count as memory of this process, however large the file is.
    // A hint: where it is not heeded, only memory is the worse for it.
    #[allow(unsafe_code, reason = "advice on a map")]
    pub(super) fn release(&self) {
        #[cfg(unix)]
        // SAFETY: `DontNeed` discards changes of private maps, and nothing else: this one is shared and read-only, so every
        // page has the same bytes when it is read again.
        let _ = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }

    /// Length of the file in bytes.
    pub(super) fn len(&self) -> u64 {
        self.map.len() as u64
    }
}

/// The places of all sections, from the end of a file.
fn table(bytes: &[u8]) -> Option<[(Range<usize>, u32); Section::ALL.len()]> {
    let trailer = bytes.get(bytes.len().checked_sub(TRAILER)?..)?;
    let place = usize::try_from(u64_at(trailer, 0)?).ok()?;
    let count = u32_at(trailer, 8)? as usize;
    let table = bytes.get(place..bytes.len() - TRAILER)?;
    let whole = trailer.ends_with(MAGIC)
        && count == Section::ALL.len()
        && table.len() == count * ENTRY
        && crc32fast::hash(table) == u32_at(trailer, 12)?;
    if !whole {
        return None;
    }
    let mut places = std::array::from_fn(|_| (0..0, 0));
    for (at, section) in Section::ALL.iter().enumerate() {
        let entry = table.chunks_exact(ENTRY).find(|entry| entry.starts_with(section.name()))?;
        let start = usize::try_from(u64_at(entry, NAME)?).ok()?;
        let end = start.checked_add(usize::try_from(u64_at(entry, NAME + 8)?).ok()?)?;
        bytes.get(start..end)?;
        places[at] = (start..end, u32_at(entry, NAME + 16)?);
    }
    Some(places)
}

/// Maps a file.
// A map is the point of the format: postings and vectors larger than memory are searched without reading them whole.
#[allow(unsafe_code, reason = "mapping a file")]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and private to this process. What the compiler must not see change is the file
    // itself: segments are written under another name, renamed when complete and never changed afterwards, only
    // unlinked; and every number read from the map is checked where it is used. Someone truncating the file by hand
    // while it is open ends the process with SIGBUS, as with any mapped file; it cannot corrupt memory.
    unsafe { Mmap::map(file) }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

/// Appends a number in 7-bit groups, lowest first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number in 7-bit groups.
#[inline]
pub(super) fn take_varint(bytes: &mut &[u8]) -> Option<u32> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    if first < 0x80 {
        return Some(u32::from(first));
    }
    let mut number = u32::from(first & 0x7f);
    for shift in [7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 127, 128, 16_383, 16_384, 1 << 28, u32::MAX];
        numbers.iter().for_each(|n| put_varint(&mut bytes, *n));
        let mut rest = bytes.as_slice();
        for number in numbers {
            assert_eq!(take_varint(&mut rest), Some(number));
        }
        assert_eq!(take_varint(&mut rest), None);
        assert_eq!(take_varint(&mut [0xff; 9].as_slice()), None);
    }

    #[test]
    fn a_file_cut_or_changed_anywhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.seg");
        let mut writer = FileWriter::create(&path).unwrap();
        for (at, section) in Section::ALL.iter().enumerate() {
            writer.section(*section, &vec![at as u8; at * 7]).unwrap();
        }
        let length = writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len() as u64, length);
        let file = FileMap::open(&path, length).unwrap();
        assert_eq!(file.checked(Section::Spots).unwrap(), [6; 42]);
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(FileMap::open(&path, length).is_err());
            if cut > 0 {
                assert!(FileMap::open(&path, cut as u64).is_err());
            }
        }
        let mut unnoticed = 0;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            let seen = FileMap::open(&path, length).and_then(|file| file.verify());
            unnoticed += usize::from(seen.is_ok());
        }
        // Gaps between sections are the only bytes that mean nothing.
        let used = (0..11).map(|at| at * 7).sum::<usize>() + 11 * ENTRY + TRAILER;
        assert_eq!(unnoticed, whole.len() - used);
    }
}
