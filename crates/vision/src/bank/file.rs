//! A bank's file: versioned, checksummed, written whole or not at all.
//!
//! ```text
//! "STRATABK"  version u32  header bytes u32  header crc32 u32  vectors crc32 u32
//! header      JSON: identity, options, grid, normals, calibration, counts
//! vectors     rows * dim f32, then rows u32: the normal each row is from
//! ```
//! Numbers are little-endian. Counts are compared to the length of the file before anything is allocated.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::memory::Contents;
use super::{BankError, FitOptions, Identity, MemoryBank, Normal, Precision};
use crate::calibrate::Calibration;

const MAGIC: [u8; 8] = *b"STRATABK";
const VERSION: u32 = 1;
const FIXED: usize = 24;
/// A header of more is refused: 64 MiB are names of hundreds of thousands of normals.
const MOST_HEADER: u32 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Header {
    identity: Identity,
    options: FitOptions,
    grid: (usize, usize),
    dim: usize,
    rows: usize,
    radius: f32,
    offered: usize,
    normals: Vec<Normal>,
    calibration: Option<Calibration>,
}

impl MemoryBank {
    /// Writes the bank beside `path` and renames it: readers see the old file or the new one, never a part.
    ///
    /// # Errors
    /// [`BankError::Io`]; the file that was there is untouched then.
    pub fn save(&self, path: &Path) -> Result<(), BankError> {
        let failed = |source| BankError::Io { path: path.display().to_string(), source };
        let temporary = beside(path);
        let written = self.write_new(&temporary).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // The error that counts is the first one.
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(failed)
    }

    fn write_new(&self, path: &Path) -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        self.write_to(&mut file)?;
        file.sync_all()
    }

    /// Writes the bank's bytes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, writer: &mut impl Write) -> std::io::Result<()> {
        let contents = self.contents();
        let header = serde_json::to_vec(&Header {
            identity: contents.identity.clone(),
            options: contents.options,
            grid: contents.grid,
            dim: contents.dim,
            rows: contents.owners.len(),
            radius: contents.radius,
            offered: contents.offered,
            normals: contents.images.clone(),
            calibration: contents.calibration.clone(),
        })?;
        let mut fixed = Vec::with_capacity(FIXED);
        fixed.extend(MAGIC);
        fixed.extend(VERSION.to_le_bytes());
        let length = u32::try_from(header.len()).ok().filter(|&length| length <= MOST_HEADER);
        let length = length.ok_or_else(|| std::io::Error::other("too many normals for one bank file"))?;
        fixed.extend(length.to_le_bytes());
        fixed.extend(crc32fast::hash(&header).to_le_bytes());
        let mut crc = crc32fast::Hasher::new();
        parts_of(&contents.rows, &contents.owners, |part| {
            crc.update(part);
            Ok(())
        })?;
        fixed.extend(crc.finalize().to_le_bytes());
        writer.write_all(&fixed)?;
        writer.write_all(&header)?;
        parts_of(&contents.rows, &contents.owners, |part| writer.write_all(part))
    }

    /// Reads a bank file.
    ///
    /// # Errors
    /// [`BankError::Io`], [`BankError::File`] for bytes that are not a whole bank of this version.
    pub fn load(path: &Path, precision: Precision) -> Result<Self, BankError> {
        let what = path.display().to_string();
        let failed = |source| BankError::Io { path: path.display().to_string(), source };
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Self::read_from(&mut file, length, &what, precision)
    }

    /// Reads a bank of `length` bytes; `what` names it in errors.
    ///
    /// # Errors
    /// [`BankError::File`] as for [`MemoryBank::load`].
    pub fn read_from(
        reader: &mut impl Read,
        length: u64,
        what: &str,
        precision: Precision,
    ) -> Result<Self, BankError> {
        let contents = read(reader, length).map_err(|why| BankError::File { what: what.to_owned(), why })?;
        Ok(Self::from_contents(contents, precision))
    }
}

fn read(reader: &mut impl Read, length: u64) -> Result<Contents, String> {
    let cut = |_| "it ends too early".to_owned();
    let mut fixed = [0_u8; FIXED];
    reader.read_exact(&mut fixed).map_err(cut)?;
    if fixed[..8] != MAGIC {
        return Err("it does not begin like one".to_owned());
    }
    let [version, header_length, header_crc, vectors_crc] =
        [8, 12, 16, 20].map(|at| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]));
    if version != VERSION {
        return Err(format!("version {version} of the format, this program reads version {VERSION}"));
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
    let header: Header = serde_json::from_slice(&header).map_err(|error| format!("its header: {error}"))?;
    check(&header)?;
    let numbers = header.rows.checked_mul(header.dim).ok_or("absurd counts")?;
    let bytes = numbers.checked_add(header.rows).and_then(|count| count.checked_mul(4)).ok_or("absurd counts")?;
    if bytes as u64 != rest - u64::from(header_length) {
        return Err(format!("{bytes} bytes of vectors are announced, {} follow", rest - u64::from(header_length)));
    }
    let mut rows = vec![0.0_f32; numbers];
    let mut owners = vec![0_u32; header.rows];
    let mut crc = crc32fast::Hasher::new();
    for part in bytemuck::cast_slice_mut::<f32, u8>(&mut rows).chunks_mut(1 << 20) {
        reader.read_exact(part).map_err(cut)?;
        crc.update(part);
    }
    let part = bytemuck::cast_slice_mut::<u32, u8>(&mut owners);
    reader.read_exact(part).map_err(cut)?;
    crc.update(part);
    if crc.finalize() != vectors_crc {
        return Err("its vectors are damaged: the checksum differs".to_owned());
    }
    if cfg!(target_endian = "big") {
        rows.iter_mut().for_each(|x| *x = f32::from_bits(x.to_bits().swap_bytes()));
        owners.iter_mut().for_each(|x| *x = x.swap_bytes());
    }
    if !rows.par_chunks(1 << 16).all(|part| part.iter().all(|x| x.is_finite())) {
        return Err("a vector holds a number that is not finite".to_owned());
    }
    if owners.iter().any(|&owner| owner as usize >= header.normals.len()) {
        return Err("a vector is from a normal that is not listed".to_owned());
    }
    Ok(Contents {
        identity: header.identity,
        options: header.options,
        grid: header.grid,
        dim: header.dim,
        radius: header.radius,
        offered: header.offered,
        images: header.normals,
        calibration: header.calibration,
        rows,
        owners,
    })
}

/// What a header that passed its checksum may still get wrong.
fn check(header: &Header) -> Result<(), String> {
    header.options.check().map_err(|error| error.to_string())?;
    let (height, width) = header.grid;
    if height == 0 || width == 0 || height > 4096 || width > 4096 || header.dim == 0 || header.dim > 1 << 16 {
        return Err(format!("a {height}x{width} grid of {} numbers", header.dim));
    }
    if header.rows == 0 || header.normals.is_empty() || u32::try_from(header.rows).is_err() {
        return Err(format!("{} vectors of {} normals", header.rows, header.normals.len()));
    }
    if !(header.radius >= 0.0 && header.radius.is_finite()) {
        return Err(format!("a cover radius of {}", header.radius));
    }
    let mut names: Vec<&str> = header.normals.iter().map(|normal| normal.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("normal `{}` is listed twice", pair[0])),
        None => Ok(()),
    }
}

/// Hands out the payload in little-endian parts.
fn parts_of(
    rows: &[f32],
    owners: &[u32],
    mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    if cfg!(target_endian = "little") {
        take(bytemuck::cast_slice(rows))?;
        return take(bytemuck::cast_slice(owners));
    }
    for part in rows.chunks(1 << 16) {
        take(&part.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    take(&owners.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

/// A name of its own in the folder of `path`.
fn beside(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    path.with_file_name(name)
}
