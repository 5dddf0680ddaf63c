//! The fingerprints a model was trained on, for its applicability domain: how near is the nearest one?
//!
//! File layout, everything little-endian and without padding:
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | magic | 8 bytes | `STRDOM01` |
//! | bits | u32 | fingerprint length, a multiple of 64 |
//! | radius | u32 | Morgan radius |
//! | data sets | u32 | number of data sets D, 1 to 16 |
//! | D names | u16 length, UTF-8 | bit `d` of a mask means the `d`-th name |
//! | count | u32 | number of fingerprints |
//! | records | | u16 mask (not 0, below 2^D), varint number of bits set, then as many varints: the first bit, then gaps (≥ 1) |
//!
//! A varint is unsigned LEB128. The file ends with its last record. About 55 bytes a drug-like molecule at ECFP4.

use std::path::{Path, PathBuf};

use super::batch::Questions;
use super::{ArenaError, FingerprintArena, Hit, check_bits, on_bits};

const MAGIC: &[u8; 8] = b"STRDOM01";
/// Data sets a mask has room for.
const MAX_DATASETS: usize = 16;
/// More fingerprints than this are refused before anything is allocated for them.
const MAX_COUNT: usize = 1 << 24;
/// Longest fingerprint of a domain file: with it a few bytes of file cannot ask for gigabytes.
const MAX_BITS: usize = 4096;

/// Why a domain file was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// The file system said no.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are not a domain file.
    #[error(
        "not a training-domain file, or a damaged one: {what} at byte {at}; fetch the model again"
    )]
    Format {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// What was to be written has no place in the format.
    #[error("training-domain fingerprints cannot be written: {0}")]
    Unwritable(&'static str),
    /// The fingerprints themselves.
    #[error(transparent)]
    Arena(#[from] ArenaError),
}

/// One training molecule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRecord {
    /// Bit `d` is set where the molecule is in the `d`-th data set.
    pub mask: u16,
    /// Its fingerprint.
    pub words: Vec<u64>,
}

/// Training molecules of up to 16 data sets, searchable by data set.
#[derive(Clone, Debug)]
pub struct DomainSet {
    bits: usize,
    radius: u32,
    count: usize,
    datasets: Vec<Dataset>,
}

#[derive(Clone, Debug)]
struct Dataset {
    name: String,
    arena: FingerprintArena,
    /// File row of each row of the arena.
    rows: Vec<u32>,
}

impl DomainSet {
    /// Builds the set in memory.
    ///
    /// # Errors
    /// [`DomainError`] where names, masks or fingerprints do not fit the format.
    pub fn new(
        bits: usize,
        radius: u32,
        names: &[String],
        records: &[DomainRecord],
    ) -> Result<DomainSet, DomainError> {
        check(bits, names, records)?;
        let dataset = |(number, name): (usize, &String)| {
            let (mut words, mut rows) = (Vec::new(), Vec::new());
            for (row, record) in records.iter().enumerate() {
                if record.mask >> number & 1 == 1 {
                    words.extend_from_slice(&record.words);
                    rows.push(row as u32);
                }
            }
            Ok(Dataset { name: name.clone(), arena: FingerprintArena::new(bits, &words)?, rows })
        };
        let datasets = names.iter().enumerate().map(dataset);
        let datasets = datasets.collect::<Result<Vec<_>, ArenaError>>()?;
        Ok(DomainSet { bits, radius, count: records.len(), datasets })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`DomainError`] where it is absent or damaged.
    pub fn read(path: &Path) -> Result<DomainSet, DomainError> {
        let bytes = std::fs::read(path)
            .map_err(|source| DomainError::Io { path: path.to_path_buf(), source })?;
        DomainSet::from_bytes(&bytes)
    }

    /// Reads the bytes of a file (already verified against a model card, say).
    ///
    /// # Errors
    /// [`DomainError::Format`] where they are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<DomainSet, DomainError> {
        let mut reader = Reader { bytes, at: 0 };
        if reader.take(8)? != MAGIC {
            return Err(DomainError::Format { what: "no STRDOM01 magic", at: 0 });
        }
        let bits = reader.u32()? as usize;
        let radius = reader.u32()?;
        let names = reader.u32()? as usize;
        if check_bits(bits).is_err() || bits > MAX_BITS || names == 0 || names > MAX_DATASETS {
            return Err(reader.wrong("an impossible fingerprint length or number of data sets"));
        }
        let names = (0..names).map(|_| reader.name()).collect::<Result<Vec<_>, _>>()?;
        let count = reader.u32()? as usize;
        // A record takes at least three bytes: a count beyond that is a lie, not a reason to allocate.
        if count > MAX_COUNT || count > (bytes.len() - reader.at) / 3 {
            return Err(reader.wrong("more fingerprints announced than there are bytes"));
        }
        let records =
            (0..count).map(|_| reader.record(bits, names.len())).collect::<Result<Vec<_>, _>>()?;
        if reader.at != bytes.len() {
            return Err(reader.wrong("bytes after the last fingerprint"));
        }
        DomainSet::new(bits, radius, &names, &records)
    }

    /// Writes a file that [`DomainSet::read`] reads.
    ///
    /// # Errors
    /// [`DomainError`] where something does not fit the format or the file cannot be written.
    pub fn write(
        path: &Path,
        (bits, radius): (usize, u32),
        names: &[String],
        records: &[DomainRecord],
    ) -> Result<(), DomainError> {
        check(bits, names, records)?;
        let mut out = MAGIC.to_vec();
        for number in [bits as u32, radius, names.len() as u32] {
            out.extend(number.to_le_bytes());
        }
        for name in names {
            out.extend((name.len() as u16).to_le_bytes());
            out.extend(name.as_bytes());
        }
        out.extend((records.len() as u32).to_le_bytes());
        for record in records {
            out.extend(record.mask.to_le_bytes());
            let bits = on_bits(&record.words);
            put_varint(&mut out, bits.len() as u32);
            let mut before = 0;
            for bit in bits {
                put_varint(&mut out, bit - before);
                before = bit;
            }
        }
        std::fs::write(path, out)
            .map_err(|source| DomainError::Io { path: path.to_path_buf(), source })
    }

    /// Bits of a fingerprint.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Morgan radius of the fingerprints.
    #[must_use]
    pub fn radius(&self) -> u32 {
        self.radius
    }

    /// Number of molecules, each counted once.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Names of the data sets, in the order of the answers.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.datasets.iter().map(|dataset| dataset.name.as_str())
    }

    /// Number of a data set.
    #[must_use]
    pub fn dataset(&self, name: &str) -> Option<usize> {
        self.datasets.iter().position(|dataset| dataset.name == name)
    }

    /// The nearest training molecule (file row and Tanimoto) in each data set, for every query: `[query][data
    /// set]`, `None` where a data set is empty.
    ///
    /// # Errors
    /// [`ArenaError::Words`] where a query has another length.
    pub fn nearest_batch<Q: AsRef<[u64]> + Sync>(
        &self,
        queries: &[Q],
    ) -> Result<Vec<Vec<Option<Hit>>>, ArenaError> {
        let words = |query: &Q| query.as_ref().len();
        if let Some(query) = queries.iter().find(|query| words(query) * 64 != self.bits) {
            return Err(ArenaError::Words { words: words(query), bits: self.bits });
        }
        let questions = Questions::new(queries);
        let mut answers = vec![Vec::with_capacity(self.datasets.len()); queries.len()];
        for dataset in &self.datasets {
            for (answer, hit) in answers.iter_mut().zip(dataset.arena.nearest_in(&questions)) {
                answer.push(hit.map(|hit| Hit { row: dataset.rows[hit.row as usize], ..hit }));
            }
        }
        Ok(answers)
    }
}

fn check(bits: usize, names: &[String], records: &[DomainRecord]) -> Result<(), DomainError> {
    check_bits(bits)?;
    if bits > MAX_BITS {
        return Err(DomainError::Unwritable("a fingerprint is longer than 4,096 bits"));
    }
    if names.is_empty() || names.len() > MAX_DATASETS {
        return Err(DomainError::Unwritable("there must be 1 to 16 data sets"));
    }
    if names.iter().any(|name| name.len() > usize::from(u16::MAX)) {
        return Err(DomainError::Unwritable("a data set's name is longer than 65,535 bytes"));
    }
    if records.len() > MAX_COUNT {
        return Err(DomainError::Unwritable("more than 16 million fingerprints"));
    }
    for record in records {
        if record.mask == 0 || u32::from(record.mask) >> names.len() != 0 {
            return Err(DomainError::Unwritable(
                "a mask names no data set, or one that is not there",
            ));
        }
        if record.words.len() * 64 != bits {
            return Err(ArenaError::Words { words: record.words.len(), bits }.into());
        }
    }
    Ok(())
}

fn put_varint(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &'static str) -> DomainError {
        DomainError::Format { what, at: self.at }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DomainError> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else { return Err(self.wrong("the file ends early")) };
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn u16(&mut self) -> Result<u16, DomainError> {
        let part = self.take(2)?;
        Ok(u16::from_le_bytes([part[0], part[1]]))
    }

    fn u32(&mut self) -> Result<u32, DomainError> {
        let part = self.take(4)?;
        Ok(u32::from_le_bytes([part[0], part[1], part[2], part[3]]))
    }

    fn name(&mut self) -> Result<String, DomainError> {
        let length = usize::from(self.u16()?);
        let part = self.take(length)?;
        match std::str::from_utf8(part) {
            Ok(name) => Ok(name.to_owned()),
            Err(_) => Err(self.wrong("a data set's name is not UTF-8")),
        }
    }

    fn varint(&mut self) -> Result<u32, DomainError> {
        let mut number = 0u32;
        for shift in [0, 7, 14] {
            let byte = self.take(1)?[0];
            number |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.wrong("a number of more than 21 bits"))
    }

    fn record(&mut self, bits: usize, datasets: usize) -> Result<DomainRecord, DomainError> {
        let mask = self.u16()?;
        if mask == 0 || u32::from(mask) >> datasets != 0 {
            return Err(self.wrong("a mask names no data set, or one that is not there"));
        }
        let count = self.varint()?;
        let mut words = vec![0u64; bits / 64];
        let mut bit = 0usize;
        for number in 0..count {
            let gap = self.varint()? as usize;
            bit += gap;
            if (number > 0 && gap == 0) || bit >= bits {
                return Err(self.wrong("bits out of order or out of range"));
            }
            words[bit / 64] |= 1 << (bit % 64);
        }
        Ok(DomainRecord { mask, words })
    }
}
