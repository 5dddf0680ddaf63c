//! A Gaussian bank's file: in the header its identity, options, normals and calibration; then the components (mean and
//! directions as f32, variances as f64) and the sums at each place as f64.

use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::file::{check_normals, check_shape};
use super::gaussian::{GaussianState, Moments, triangle};
use super::pca::Components;
use super::{BankError, GaussianBank, GaussianOptions, Identity, Normal, frame};
use crate::calibrate::Calibration;

pub(super) const MAGIC: [u8; 8] = *b"STRATAGB";

#[derive(Serialize, Deserialize)]
struct Header {
    identity: Identity,
    options: GaussianOptions,
    grid: (usize, usize),
    dim: usize,
    components: usize,
    normals: Vec<Normal>,
    calibration: Option<Calibration>,
}

impl GaussianBank {
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
        let state = self.state();
        let header = Header {
            identity: state.identity.clone(),
            options: state.options,
            grid: state.grid,
            dim: state.dim,
            components: state.components.count(),
            normals: state.images.clone(),
            calibration: state.calibration.clone(),
        };
        frame::write(writer, MAGIC, &header, &|take| {
            frame::numbers(&state.components.mean, take)?;
            frame::numbers(&state.components.basis, take)?;
            frame::numbers(&state.components.variances, take)?;
            frame::numbers(&state.moments.sums, take)?;
            frame::numbers(&state.moments.products, take)
        })
    }

    /// Reads a Gaussian bank's file.
    ///
    /// # Errors
    /// [`BankError::Io`], [`BankError::File`] for bytes that are not a whole Gaussian bank of this version.
    pub fn load(path: &Path) -> Result<Self, BankError> {
        let (mut file, length) = frame::open(path)?;
        Self::read_from(&mut file, length, &path.display().to_string())
    }

    /// Reads a bank of `length` bytes; `what` names it in errors.
    ///
    /// # Errors
    /// [`BankError::File`] as for [`GaussianBank::load`].
    pub fn read_from(reader: &mut dyn Read, length: u64, what: &str) -> Result<Self, BankError> {
        let state =
            read(reader, length).map_err(|why| BankError::File { what: what.to_owned(), why })?;
        Ok(Self::from_state(state))
    }
}

fn read(reader: &mut dyn Read, length: u64) -> Result<GaussianState, String> {
    let (header, mut payload) = frame::read::<Header>(reader, length, MAGIC)?;
    header.options.check().map_err(|error| error.to_string())?;
    check_shape(header.grid, header.dim)?;
    check_normals(&header.normals)?;
    let size = header.components;
    if header.normals.len() < 3 || size == 0 || size > 512 || size > header.dim {
        return Err(format!("{} normals and {size} components", header.normals.len()));
    }
    // At most 2^24 places of 2^17 numbers: no overflow of 64 bits; the payload says whether so many follow.
    let places = header.grid.0 * header.grid.1;
    let products = places.checked_mul(triangle(size)).ok_or("absurd counts")?;
    let components = Components {
        mean: payload.take(header.dim)?,
        basis: payload.take(size * header.dim)?,
        variances: payload.take(size)?,
    };
    let moments =
        Moments { size, sums: payload.take(places * size)?, products: payload.take(products)? };
    payload.finish()?;
    let finite = components.mean.iter().chain(&components.basis).all(|x| x.is_finite())
        && components
            .variances
            .iter()
            .chain(&moments.sums)
            .chain(&moments.products)
            .all(|x| x.is_finite());
    if !finite {
        return Err("it holds a number that is not finite".to_owned());
    }
    Ok(GaussianState {
        identity: header.identity,
        options: header.options,
        grid: header.grid,
        dim: header.dim,
        images: header.normals,
        calibration: header.calibration,
        components,
        moments,
    })
}
