//! Layout of a library file (`.sfp`), and reading its head from untrusted bytes.
//!
//! A head of [`HEAD_BYTES`] bytes, then sections, each starting at a multiple of 64 bytes. All numbers are
//! little-endian. Head: magic `STRATSFP`, version u32, number of sections u32, counts ([`Counts`], five u64), length
//! of the description u32 and zero u32, then for each section its kind u32, zero u32, offset u64, length u64, SHA-256;
//! then the description (UTF-8, `key=value` lines); the last 32 bytes are the SHA-256 of all before them.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::LibraryError;

pub(super) const MAGIC: &[u8; 8] = b"STRATSFP";
pub(super) const VERSION: u32 = 1;
pub(super) const HEAD_BYTES: usize = 4096;
/// Sections start at multiples of this: a line of the bit matrix.
pub(super) const ALIGNMENT: u64 = 64;
const FIXED_BYTES: usize = 8 + 4 + 4 + 5 * 8 + 8;
const ENTRY_BYTES: usize = 4 + 4 + 8 + 8 + 32;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Section {
    /// Molecule number at each position of the popcount order, u32.
    Order = 1,
    /// Position where fingerprints with p bits start, u32, bits + 2 of them.
    Starts = 2,
    /// Fingerprints, column-major, in popcount order.
    Columns = 3,
    /// Substructure screen, column-major, in molecule order.
    Screen = 4,
    /// Ends of the texts, u64: id 0, SMILES 0, id 1, …
    TextEnds = 5,
    /// Identifiers and SMILES, UTF-8.
    Text = 6,
    /// Input row of each molecule, u64.
    InputRows = 7,
    /// Rows that gave no molecule: lines of row, id, code, message separated by tabs.
    Bad = 8,
}

pub(super) const SECTIONS: [Section; 8] = [
    Section::Order,
    Section::Starts,
    Section::Columns,
    Section::Screen,
    Section::TextEnds,
    Section::Text,
    Section::InputRows,
    Section::Bad,
];

/// Numbers of the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) molecules: u64,
    pub(super) input_rows: u64,
    pub(super) bad_rows: u64,
    pub(super) fingerprint_bits: u64,
    pub(super) screen_bits: u64,
}

/// Where a section lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) range: Range<usize>,
    pub(super) sha256: [u8; 32],
}

/// The head of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) counts: Counts,
    pub(super) description: String,
    /// In the order of [`SECTIONS`].
    pub(super) places: Vec<Place>,
}

impl Head {
    /// The bytes of the head.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, LibraryError> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend((SECTIONS.len() as u32).to_le_bytes());
        let counts = &self.counts;
        for count in [
            counts.molecules,
            counts.input_rows,
            counts.bad_rows,
            counts.fingerprint_bits,
            counts.screen_bits,
        ] {
            out.extend(count.to_le_bytes());
        }
        out.extend((self.description.len() as u32).to_le_bytes());
        out.extend(0u32.to_le_bytes());
        for (section, place) in SECTIONS.iter().zip(&self.places) {
            out.extend((*section as u32).to_le_bytes());
            out.extend(0u32.to_le_bytes());
            out.extend((place.range.start as u64).to_le_bytes());
            out.extend((place.range.len() as u64).to_le_bytes());
            out.extend(place.sha256);
        }
        out.extend(self.description.as_bytes());
        if out.len() > HEAD_BYTES - 32 {
            return Err(LibraryError::Description(self.description.len()));
        }
        out.resize(HEAD_BYTES - 32, 0);
        let digest = Sha256::digest(&out);
        out.extend(digest);
        Ok(out)
    }

    /// Reads the head of a file of which all bytes are given (mapped).
    pub(super) fn read(file: &[u8]) -> Result<Head, LibraryError> {
        let Some(head) = file.get(..HEAD_BYTES) else {
            return Err(LibraryError::NotALibrary);
        };
        if head[..8] != MAGIC[..] {
            return Err(LibraryError::NotALibrary);
        }
        let mut reader = Reader { bytes: head, at: 8 };
        let version = reader.u32()?;
        if version != VERSION {
            return Err(LibraryError::Version { found: version, known: VERSION });
        }
        if Sha256::digest(&head[..HEAD_BYTES - 32])[..] != head[HEAD_BYTES - 32..] {
            return Err(LibraryError::Damaged("the checksum of the head"));
        }
        let sections = reader.u32()? as usize;
        let counts = Counts {
            molecules: reader.u64()?,
            input_rows: reader.u64()?,
            bad_rows: reader.u64()?,
            fingerprint_bits: reader.u64()?,
            screen_bits: reader.u64()?,
        };
        let description_length = reader.u32()? as usize;
        reader.u32()?;
        if sections != SECTIONS.len() {
            return Err(LibraryError::Damaged("the number of sections"));
        }
        let places = SECTIONS
            .iter()
            .map(|&section| reader.place(section, file.len()))
            .collect::<Result<Vec<_>, _>>()?;
        let description = reader.take(description_length)?;
        let description = std::str::from_utf8(description)
            .map_err(|_| LibraryError::Damaged("the description"))?
            .to_owned();
        Ok(Head { counts, description, places })
    }

    pub(super) fn place(&self, section: Section) -> &Place {
        // Sections are numbered from one in the order of `SECTIONS`.
        &self.places[section as usize - 1]
    }
}

const _: () = assert!(FIXED_BYTES + ENTRY_BYTES * SECTIONS.len() + 1024 < HEAD_BYTES);

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], LibraryError> {
        let part = self.at.checked_add(length).and_then(|end| self.bytes.get(self.at..end));
        let part = part.ok_or(LibraryError::Damaged("the head"))?;
        self.at += length;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LibraryError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn u32(&mut self) -> Result<u32, LibraryError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, LibraryError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn place(&mut self, section: Section, file_length: usize) -> Result<Place, LibraryError> {
        let kind = self.u32()?;
        self.u32()?;
        let (offset, length) = (self.u64()?, self.u64()?);
        let sha256 = self.array()?;
        let end = offset.checked_add(length);
        let fits = end.is_some_and(|end| end <= file_length as u64);
        let whole = kind == section as u32 && fits && offset.is_multiple_of(ALIGNMENT);
        if !whole || offset < HEAD_BYTES as u64 {
            return Err(LibraryError::Damaged("the place of a section"));
        }
        let start = offset as usize;
        Ok(Place { range: start..start + length as usize, sha256 })
    }
}
