//! A memory bank's file: in the header its identity, options, normals and calibration; then the vectors as f32, row after
//! row, and for each row the place of the normal that it is from as u32.

use std::io::{self, Read, Write};
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::memory::Contents;
use super::patches::usable;
use super::{BankError, FitOptions, Identity, MemoryBank, Normal, Precision, frame};
use crate::calibrate::Calibration;

const MAGIC: [u8; 8] = *b"STRATABK";

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
        frame::save(path, |file| self.write_to(file))
    }

    /// Writes the bank's bytes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, writer: &mut dyn Write) -> io::Result<()> {
        let contents = self.contents();
        let header = Header {
            identity: contents.identity.clone(),
            options: contents.options,
            grid: contents.grid,
            dim: contents.dim,
            rows: contents.owners.len(),
            radius: contents.radius,
            offered: contents.offered,
            normals: contents.images.clone(),
            calibration: contents.calibration.clone(),
        };
        frame::write(writer, MAGIC, &header, &|take| {
            frame::numbers(&contents.rows, take)?;
            frame::numbers(&contents.owners, take)
        })
    }

    /// Reads a bank file. Whether it fits the model in use is [`Identity::check`]'s to say.
    ///
    /// # Errors
    /// [`BankError::Io`], [`BankError::File`] for bytes that are not a whole bank of this version.
    pub fn load(path: &Path, precision: Precision) -> Result<Self, BankError> {
        let (mut file, length) = frame::open(path)?;
        Self::read_from(&mut file, length, &path.display().to_string(), precision)
    }

    /// Reads a bank of `length` bytes; `what` names it in errors.
    ///
    /// # Errors
    /// [`BankError::File`] as for [`MemoryBank::load`].
    pub fn read_from(
        reader: &mut dyn Read,
        length: u64,
        what: &str,
        precision: Precision,
    ) -> Result<Self, BankError> {
        let contents =
            read(reader, length).map_err(|why| BankError::File { what: what.to_owned(), why })?;
        Ok(Self::from_contents(contents, precision))
    }
}

fn read(reader: &mut dyn Read, length: u64) -> Result<Contents, String> {
    let (header, mut payload) = frame::read::<Header>(reader, length, MAGIC)?;
    header.options.check().map_err(|error| error.to_string())?;
    check_shape(header.grid, header.dim)?;
    check_normals(&header.normals)?;
    if header.rows == 0 || u32::try_from(header.rows).is_err() {
        return Err(format!("{} vectors", header.rows));
    }
    if !(header.radius >= 0.0 && header.radius.is_finite()) {
        return Err(format!("a cover radius of {}", header.radius));
    }
    let rows: Vec<f32> =
        payload.take(header.rows.checked_mul(header.dim).ok_or("absurd counts")?)?;
    let owners: Vec<u32> = payload.take(header.rows)?;
    payload.finish()?;
    if !rows.par_chunks(1 << 16).all(usable) {
        return Err("a vector holds a number that is not finite, or beyond 1e15".to_owned());
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

/// Refuses an empty or absurd grid and vector length.
pub(super) fn check_shape((height, width): (usize, usize), dim: usize) -> Result<(), String> {
    let sides = 1..=4096;
    if sides.contains(&height) && sides.contains(&width) && (1..=1 << 16).contains(&dim) {
        Ok(())
    } else {
        Err(format!("a {height}x{width} grid of {dim} numbers"))
    }
}

/// Refuses an empty list and names that occur twice.
pub(super) fn check_normals(normals: &[Normal]) -> Result<(), String> {
    let mut names: Vec<&str> = normals.iter().map(|normal| normal.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("normal `{}` is listed twice", pair[0])),
        None if names.is_empty() => Err("no normals are listed".to_owned()),
        None => Ok(()),
    }
}
