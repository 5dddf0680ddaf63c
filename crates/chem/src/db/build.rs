//! Writes a library file in one pass over the molecules and in bounded memory: fingerprints are sorted by popcount
//! in runs of [`RUN`], which lie in a temporary file and are merged at the end; the finished file takes its name in
//! one step.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::format::{ALIGNMENT, Counts, HEAD_BYTES, Head, Place, SECTIONS, Section};
use super::{Entry, LibraryError};
use crate::arena::matrix::{BLOCK_ROWS, LINE_ROWS, Line, transpose_block};
use crate::arena::{check_bits, popcount};

/// Fingerprints sorted in memory at once: 16 MB at 2,048 bits.
const RUN: usize = 65_536;

/// What a library is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// Bits of a fingerprint.
    pub fingerprint_bits: usize,
    /// Bits of the substructure screen.
    pub screen_bits: usize,
    /// `key=value` lines kept in the head: the fingerprint's parameters, its hash.
    pub description: String,
}

/// Takes molecules one by one and writes the library at the end.
#[derive(Debug)]
pub struct LibraryBuilder {
    path: PathBuf,
    options: BuildOptions,
    counts: Counts,
    run: Vec<u64>,
    runs: Vec<Run>,
    run_file: BufWriter<File>,
    run_numbers: BufWriter<File>,
    screen_rows: Vec<u64>,
    screen: Spool,
    text_ends: Spool,
    text: Spool,
    text_end: u64,
    input_rows: Spool,
    bad: Spool,
}

/// A sorted run: how many of its fingerprints have fewer than p bits.
#[derive(Debug)]
struct Run {
    starts: Vec<u32>,
}

/// A section on its way: bytes in a temporary file, and their digest.
#[derive(Debug)]
struct Spool {
    file: BufWriter<File>,
    digest: Sha256,
    length: u64,
}

impl Spool {
    fn new(folder: &Path) -> std::io::Result<Spool> {
        let file = BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(folder)?);
        Ok(Spool { file, digest: Sha256::new(), length: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

impl LibraryBuilder {
    /// Starts a library; nothing is seen at `path` before [`LibraryBuilder::finish`].
    ///
    /// # Errors
    /// [`LibraryError`] where the folder cannot be written to or the bits are unusable.
    pub fn new(path: &Path, options: BuildOptions) -> Result<LibraryBuilder, LibraryError> {
        check_bits(options.fingerprint_bits)?;
        check_bits(options.screen_bits)?;
        let folder = folder_of(path);
        let io = |source| LibraryError::Io { path: folder.clone(), source };
        let spool = || Spool::new(&folder).map_err(io);
        let temporary = || {
            let file = tempfile::tempfile_in(&folder).map_err(io)?;
            Ok::<_, LibraryError>(BufWriter::with_capacity(1 << 20, file))
        };
        Ok(LibraryBuilder {
            path: path.to_path_buf(),
            counts: Counts {
                fingerprint_bits: options.fingerprint_bits as u64,
                screen_bits: options.screen_bits as u64,
                ..Counts::default()
            },
            run: Vec::with_capacity(RUN.min(1024) * options.fingerprint_bits / 64),
            runs: Vec::new(),
            run_file: temporary()?,
            run_numbers: temporary()?,
            screen_rows: Vec::new(),
            screen: spool()?,
            text_ends: spool()?,
            text: spool()?,
            text_end: 0,
            input_rows: spool()?,
            bad: spool()?,
            options,
        })
    }

    /// Takes the next row of the input.
    ///
    /// # Errors
    /// [`LibraryError`] where temporary space runs out or a fingerprint has another length.
    pub fn push(&mut self, entry: &Entry) -> Result<(), LibraryError> {
        let row = self.counts.input_rows;
        let path = self.path.clone();
        let io = |source| LibraryError::Io { path: path.clone(), source };
        self.counts.input_rows += 1;
        match entry {
            Entry::Bad { id, code, message } => {
                self.counts.bad_rows += 1;
                let line = format!("{row}\t{}\t{}\t{}\n", plain(id), plain(code), plain(message));
                self.bad.write(line.as_bytes()).map_err(io)
            }
            Entry::Molecule { id, smiles, fingerprint, screen } => {
                self.check_lengths(fingerprint, screen)?;
                self.counts.molecules += 1;
                if self.counts.molecules > u64::from(u32::MAX) {
                    return Err(LibraryError::TooMany);
                }
                self.input_rows.write(&row.to_le_bytes()).map_err(io)?;
                for text in [id, smiles] {
                    self.text.write(text.as_bytes()).map_err(io)?;
                    self.text_end += text.len() as u64;
                    self.text_ends.write(&self.text_end.to_le_bytes()).map_err(io)?;
                }
                self.screen_rows.extend_from_slice(screen);
                if self.screen_rows.len() == BLOCK_ROWS * self.options.screen_bits / 64 {
                    self.write_screen().map_err(io)?;
                }
                self.run.extend_from_slice(fingerprint);
                if self.run.len() == RUN * self.options.fingerprint_bits / 64 {
                    self.write_run().map_err(io)?;
                }
                Ok(())
            }
        }
    }

    fn check_lengths(&self, fingerprint: &[u64], screen: &[u64]) -> Result<(), LibraryError> {
        for (words, bits) in
            [(fingerprint, self.options.fingerprint_bits), (screen, self.options.screen_bits)]
        {
            if words.len() * 64 != bits {
                return Err(crate::arena::ArenaError::Words { words: words.len(), bits }.into());
            }
        }
        Ok(())
    }

    /// Sorts the fingerprints at hand by popcount and puts them away.
    fn write_run(&mut self) -> std::io::Result<()> {
        let words = self.options.fingerprint_bits / 64;
        let count = self.run.len() / words;
        let first = self.counts.molecules - count as u64;
        let mut order: Vec<(u32, u32)> = self
            .run
            .chunks_exact(words)
            .enumerate()
            .map(|(at, fingerprint)| (popcount(fingerprint), at as u32))
            .collect();
        order.sort_unstable();
        let mut starts = vec![0u32; self.options.fingerprint_bits + 2];
        for &(bits, at) in &order {
            starts[bits as usize + 1] += 1;
            let number = first as u32 + at;
            self.run_numbers.write_all(&number.to_le_bytes())?;
            let fingerprint = &self.run[at as usize * words..(at as usize + 1) * words];
            self.run_file.write_all(bytemuck::cast_slice(fingerprint))?;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        self.runs.push(Run { starts });
        self.run.clear();
        Ok(())
    }

    fn write_screen(&mut self) -> std::io::Result<()> {
        let bits = self.options.screen_bits;
        let rows = self.screen_rows.len() * 64 / bits;
        write_block(bits, &self.screen_rows, rows, &mut self.screen)?;
        self.screen_rows.clear();
        Ok(())
    }

    /// Merges, writes and names the file.
    ///
    /// # Errors
    /// [`LibraryError`] where the disk is full or the file cannot take its name.
    pub fn finish(mut self) -> Result<(), LibraryError> {
        let path = self.path.clone();
        let description = std::mem::take(&mut self.options.description);
        let counts = self.counts;
        let parts = self.parts();
        let io = |source| LibraryError::Io { path: path.clone(), source };
        let parts = parts.map_err(io)?;
        let mut out = NamedTempFile::new_in(folder_of(&path)).map_err(io)?;
        let places = assemble(out.as_file_mut(), parts).map_err(io)?;
        let head = Head { counts, description, places }.to_bytes()?;
        let file = out.as_file_mut();
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        file.write_all(&head).map_err(io)?;
        file.sync_all().map_err(io)?;
        #[cfg(unix)]
        {
            // Temporary files are private to their owner; a library is an ordinary file.
            use std::os::unix::fs::PermissionsExt;
            let readable = std::fs::Permissions::from_mode(0o644);
            file.set_permissions(readable).map_err(io)?;
        }
        out.persist(&path).map_err(|error| io(error.error))?;
        Ok(())
    }

    /// The sections in the order of [`SECTIONS`].
    fn parts(mut self) -> std::io::Result<Vec<Spool>> {
        if !self.screen_rows.is_empty() {
            self.write_screen()?;
        }
        if !self.run.is_empty() {
            self.write_run()?;
        }
        let folder = folder_of(&self.path);
        let (mut order, mut starts, mut columns) =
            (Spool::new(&folder)?, Spool::new(&folder)?, Spool::new(&folder)?);
        let bits = self.options.fingerprint_bits;
        let words = bits / 64;
        let mut fingerprints = self.run_file.into_inner().map_err(std::io::Error::from)?;
        let mut numbers = self.run_numbers.into_inner().map_err(std::io::Error::from)?;
        let mut block: Vec<u64> = Vec::new();
        let mut done = 0u32;
        for bits_set in 0..=bits {
            starts.write(&done.to_le_bytes())?;
            for (run, Run { starts }) in self.runs.iter().enumerate() {
                let (from, to) = (starts[bits_set] as usize, starts[bits_set + 1] as usize);
                if from == to {
                    continue;
                }
                let first = (run * RUN + from) as u64;
                let mut buffer = vec![0u8; (to - from) * 4];
                numbers.seek(SeekFrom::Start(first * 4))?;
                numbers.read_exact(&mut buffer)?;
                order.write(&buffer)?;
                fingerprints.seek(SeekFrom::Start(first * words as u64 * 8))?;
                for _ in from..to {
                    let at = block.len();
                    block.resize(at + words, 0);
                    fingerprints.read_exact(bytemuck::cast_slice_mut(&mut block[at..]))?;
                    if block.len() == BLOCK_ROWS * words {
                        write_block(bits, &block, BLOCK_ROWS, &mut columns)?;
                        block.clear();
                    }
                }
                done += (to - from) as u32;
            }
        }
        starts.write(&done.to_le_bytes())?;
        write_block(bits, &block, block.len() / words, &mut columns)?;
        Ok(vec![
            order,
            starts,
            columns,
            self.screen,
            self.text_ends,
            self.text,
            self.input_rows,
            self.bad,
        ])
    }
}

/// Copies the sections behind the head and says where they lie.
fn assemble(out: &mut File, parts: Vec<Spool>) -> std::io::Result<Vec<Place>> {
    debug_assert_eq!(parts.len(), SECTIONS.len());
    debug_assert_eq!(Section::Bad as usize, SECTIONS.len());
    let mut places = Vec::with_capacity(parts.len());
    let mut at = HEAD_BYTES as u64;
    for part in parts {
        at = at.next_multiple_of(ALIGNMENT);
        out.seek(SeekFrom::Start(at))?;
        let mut file = part.file.into_inner().map_err(std::io::Error::from)?;
        file.seek(SeekFrom::Start(0))?;
        std::io::copy(&mut BufReader::with_capacity(1 << 20, file), out)?;
        let (start, end) = (at as usize, (at + part.length) as usize);
        places.push(Place { range: start..end, sha256: part.digest.finalize().into() });
        at += part.length;
    }
    // Empty sections may start behind the last byte written.
    out.set_len(at)?;
    Ok(places)
}

/// Transposes rows and appends them.
fn write_block(bits: usize, rows: &[u64], count: usize, out: &mut Spool) -> std::io::Result<()> {
    let words = bits / 64;
    let mut lines = vec![Line::ZERO; count.div_ceil(LINE_ROWS) * bits];
    transpose_block(bits, count, &mut lines, |row, buffer| {
        buffer.copy_from_slice(&rows[row * words..(row + 1) * words]);
    });
    out.write(bytemuck::cast_slice(&lines))
}

/// A text without the characters that separate fields and lines.
fn plain(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
