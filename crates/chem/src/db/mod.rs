//! Libraries on disk (`.sfp`): fingerprints sorted by popcount, a substructure screen, identifiers and SMILES, mapped
//! into memory, so that opening takes milliseconds and searching reads only the columns a query touches.
//!
//! Opening checks the head's checksum, every section's place and the sizes and offsets that hold them together; a
//! damaged file gives an error, never a panic. [`Library::verify`] compares the checksums of all sections.

mod build;
mod featurise;
mod format;
mod substructure;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use sha2::{Digest, Sha256};

pub use self::build::{BuildOptions, LibraryBuilder};
pub use self::featurise::{FingerprintSpec, SCREEN_BITS, build_options, entry};
pub use self::substructure::SubstructureHits;

use self::format::{Head, SECTIONS, Section};
use crate::arena::matrix::BitMatrix;
use crate::arena::storage::Storage;
use crate::arena::{ArenaError, FingerprintArena};

/// What can go wrong with a library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The file system said no.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something else than a library.
    #[error("not a fingerprint library (.sfp): make one with `strata-drug index`")]
    NotALibrary,
    /// Written by a newer release.
    #[error(
        "library format {found}, this program knows {known}: update it, or index the input again"
    )]
    Version {
        /// Version in the file.
        found: u32,
        /// Version this program writes.
        known: u32,
    },
    /// Bytes contradict each other.
    #[error("the library is damaged ({0}): index the input again")]
    Damaged(&'static str),
    /// Fingerprints of another kind.
    #[error(
        "the library's fingerprints are {found}, this program computes {computed}: index the input again"
    )]
    Fingerprint {
        /// What the library says.
        found: String,
        /// What this program would compute.
        computed: String,
    },
    /// The fingerprints.
    #[error(transparent)]
    Arena(#[from] ArenaError),
    /// Too long to keep in the head.
    #[error("a description of {0} bytes does not fit into a library's head")]
    Description(usize),
    /// A pattern that cannot be searched.
    #[error(transparent)]
    Smarts(#[from] crate::smarts::SmartsError),
    /// Molecule numbers are 32 bits wide.
    #[error("more than 4,294,967,295 molecules: split the input")]
    TooMany,
}

/// One row of the input on its way into a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A molecule.
    Molecule {
        /// Its identifier, as given.
        id: String,
        /// Its SMILES, as given where it came as SMILES.
        smiles: String,
        /// Its fingerprint.
        fingerprint: Vec<u64>,
        /// Its substructure screen.
        screen: Vec<u64>,
    },
    /// A row that gave no molecule.
    Bad {
        /// Its identifier, as given.
        id: String,
        /// Stable error code.
        code: String,
        /// What was wrong.
        message: String,
    },
}

/// A molecule of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Molecule<'a> {
    /// Row of the input it came from, from 0.
    pub input_row: u64,
    /// Its identifier.
    pub id: &'a str,
    /// Its SMILES.
    pub smiles: &'a str,
}

/// A row that gave no molecule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRow<'a> {
    /// Row of the input, from 0.
    pub input_row: u64,
    /// Its identifier.
    pub id: &'a str,
    /// Stable error code.
    pub code: &'a str,
    /// What was wrong.
    pub message: &'a str,
}

/// A library, open.
#[derive(Debug)]
pub struct Library {
    map: Arc<Mmap>,
    head: Head,
    arena: FingerprintArena,
    screen: BitMatrix,
    text_ends: Storage<u64>,
    input_rows: Storage<u64>,
}

impl Library {
    /// Opens a file.
    ///
    /// # Errors
    /// [`LibraryError`] where it is absent, something else, or damaged.
    pub fn open(path: &Path) -> Result<Library, LibraryError> {
        let io = |source| LibraryError::Io { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(LibraryError::NotALibrary);
        }
        let map = Arc::new(map(&file).map_err(io)?);
        let head = Head::read(&map)?;
        let damaged = LibraryError::Damaged;
        let counts = head.counts;
        let molecules = usize::try_from(counts.molecules).map_err(|_| LibraryError::TooMany)?;
        let bits = usize::try_from(counts.fingerprint_bits).unwrap_or(usize::MAX);
        let screen_bits = usize::try_from(counts.screen_bits).unwrap_or(usize::MAX);
        crate::arena::check_bits(bits)?;
        crate::arena::check_bits(screen_bits)?;
        let range = |section| head.place(section).range.clone();
        let columns = BitMatrix::from_map(&map, range(Section::Columns), molecules, bits)
            .ok_or(damaged("the fingerprints"))?;
        let screen = BitMatrix::from_map(&map, range(Section::Screen), molecules, screen_bits)
            .ok_or(damaged("the substructure screen"))?;
        let order = Storage::from_map(&map, range(Section::Order))
            .ok_or(damaged("the molecule numbers"))?;
        let starts = Storage::<u32>::from_map(&map, range(Section::Starts))
            .ok_or(damaged("the popcount offsets"))?;
        let arena = FingerprintArena::from_parts(columns, order, starts.as_slice().to_vec())?;
        let text_ends = Storage::<u64>::from_map(&map, range(Section::TextEnds))
            .ok_or(damaged("the text offsets"))?;
        let input_rows = Storage::<u64>::from_map(&map, range(Section::InputRows))
            .ok_or(damaged("the row numbers"))?;
        if text_ends.as_slice().len() != 2 * molecules || input_rows.as_slice().len() != molecules {
            return Err(damaged("the number of texts"));
        }
        Ok(Library { map, head, arena, screen, text_ends, input_rows })
    }

    /// Compares the checksum of every section; reads the whole file.
    ///
    /// # Errors
    /// [`LibraryError::Damaged`] naming the section.
    pub fn verify(&self) -> Result<(), LibraryError> {
        for section in SECTIONS {
            let place = self.head.place(section);
            if Sha256::digest(&self.map[place.range.clone()])[..] != place.sha256[..] {
                return Err(LibraryError::Damaged(match section {
                    Section::Order => "the checksum of the molecule numbers",
                    Section::Starts => "the checksum of the popcount offsets",
                    Section::Columns => "the checksum of the fingerprints",
                    Section::Screen => "the checksum of the substructure screen",
                    Section::TextEnds | Section::Text => "the checksum of the texts",
                    Section::InputRows => "the checksum of the row numbers",
                    Section::Bad => "the checksum of the list of bad rows",
                }));
            }
        }
        Ok(())
    }

    /// Number of molecules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arena.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arena.is_empty()
    }

    /// Rows of the input, good and bad.
    #[must_use]
    pub fn input_rows(&self) -> u64 {
        self.head.counts.input_rows
    }

    /// Fingerprints, searchable; their row numbers are molecule numbers.
    #[must_use]
    pub fn arena(&self) -> &FingerprintArena {
        &self.arena
    }

    /// The `key=value` lines the library was built with.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.head.description
    }

    /// A molecule by its number.
    ///
    /// # Errors
    /// [`LibraryError::Damaged`] where its text is not where the library says.
    pub fn molecule(&self, number: u32) -> Result<Molecule<'_>, LibraryError> {
        let damaged = LibraryError::Damaged("the text of a molecule");
        let (ends, at) = (self.text_ends.as_slice(), number as usize);
        let Some(&[id_end, smiles_end]) = ends.get(2 * at..2 * at + 2) else {
            return Err(damaged);
        };
        let start = if at == 0 { 0 } else { ends[2 * at - 1] };
        let text = &self.map[self.head.place(Section::Text).range.clone()];
        let part = |from: u64, to: u64| {
            let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
            std::str::from_utf8(text.get(from..to)?).ok()
        };
        match (part(start, id_end), part(id_end, smiles_end)) {
            (Some(id), Some(smiles)) => {
                Ok(Molecule { input_row: self.input_rows.as_slice()[at], id, smiles })
            }
            _ => Err(damaged),
        }
    }

    /// Rows of the input that gave no molecule.
    ///
    /// # Errors
    /// [`LibraryError::Damaged`] where the list is unreadable.
    pub fn bad_rows(&self) -> Result<Vec<BadRow<'_>>, LibraryError> {
        let damaged = || LibraryError::Damaged("the list of bad rows");
        let bytes = &self.map[self.head.place(Section::Bad).range.clone()];
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        text.lines()
            .map(|line| {
                let mut fields = line.splitn(4, '\t');
                let mut next = || fields.next().ok_or_else(damaged);
                Ok(BadRow {
                    input_row: next()?.parse().map_err(|_| damaged())?,
                    id: next()?,
                    code: next()?,
                    message: next()?,
                })
            })
            .collect()
    }
}

/// Maps a file.
// A map is the point of the format: a library larger than memory is searched without reading it.
#[allow(unsafe_code)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and private to this process. What the compiler must not see change is the file
    // itself: libraries are written to a temporary file and renamed, so no program of ours changes one in place, and
    // every number read from the map is checked where it is used. Someone truncating the file by hand while it is
    // open ends the process with SIGBUS, as with any mapped file; it cannot corrupt memory.
    unsafe { Mmap::map(file) }
}
