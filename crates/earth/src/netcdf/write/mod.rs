//! NetCDF-4 files of forecasts, written field by field.
//!
//! While it is written the file is `NAME.part`: its head has room for everything that the plan announces, and fields follow as
//! they come, each with a frame that tells which it is and its checksum. After a crash the frames are read through and writing
//! goes on after the last whole one. [`Writer::flush`] brings the head up to date: the part is then a NetCDF file that any
//! program reads. At the end the fields are copied in the plan's order into the file itself, without frames: the same fields give
//! the same bytes, in whatever order they came and however often the writer was killed. (The disk holds both for that moment.)
//! A seal at its end tells whether the file was damaged since.

mod hdf5;
mod layout;

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::{Compress, Compression, FlushCompress, Status};
use rayon::prelude::*;

use crate::cube::forecast::Forecast;
use crate::field::Header;
use crate::sink::{Plan, Sink, WriteError};
use crate::zarr::codec::shuffled;

use super::seal;
use layout::{Layout, Place};

/// How a file is written.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Level of deflate, 1 (fast) to 9.
    pub deflate: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { deflate: 1 }
    }
}

/// A NetCDF-4 file that takes the fields of a plan.
///
/// Attributes of the plan become those of the file. A field that comes twice is taken once; one that never comes is missing (NaN).
pub struct Writer {
    path: PathBuf,
    part_path: PathBuf,
    part: File,
    layout: Layout,
    index: Vec<Option<Place>>,
    /// Where the next frame goes.
    end: u64,
    /// Fields that wait to be compressed together, one a thread.
    pending: Vec<(usize, Vec<f32>)>,
    options: Options,
    /// The file itself is there: nothing is left to do.
    finished: bool,
}

/// Bytes of a frame before its chunk: a mark, the chunk's number, its size, its checksum, and the frame's own.
const FRAME: usize = 24;
const MARK: &[u8; 4] = b"STFR";

fn frame(chunk: usize, bytes: &[u8]) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..4].copy_from_slice(MARK);
    frame[4..12].copy_from_slice(&(chunk as u64).to_le_bytes());
    frame[12..16].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    frame[16..20].copy_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    let own = crc32fast::hash(&frame[..20]);
    frame[20..].copy_from_slice(&own.to_le_bytes());
    frame
}

/// A frame's chunk, its size and its checksum.
fn framed(frame: &[u8; FRAME]) -> Option<(usize, u32, u32)> {
    let word = |at: usize| frame[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
    let whole = &frame[..4] == MARK && crc32fast::hash(&frame[..20]) == word(20) && word(8) == 0;
    whole.then(|| (word(4) as usize, word(12), word(16)))
}

impl Writer {
    /// Begins a file anew; what another run left of it is dropped.
    ///
    /// # Errors
    /// [`WriteError`]: the plan does not fit the format, or the disk refuses.
    pub fn create(path: &Path, plan: &Plan, options: Options) -> Result<Self, WriteError> {
        let layout = Self::layout(path, plan, options)?;
        let part_path = part_of(path, "part");
        let io = |source| WriteError::Io { path: part_path.clone(), source };
        let mut open = OpenOptions::new();
        let part =
            open.read(true).write(true).create(true).truncate(true).open(&part_path).map_err(io)?;
        let (index, end) = (vec![None; layout.chunks()], layout.size);
        let path = path.to_owned();
        let mut writer = Self {
            path,
            part_path,
            part,
            layout,
            index,
            end,
            pending: vec![],
            options,
            finished: false,
        };
        writer.write_head()?;
        Ok(writer)
    }

    /// Goes on with a file that a run left unfinished; begins it where there is none. [`Sink::has`] tells what it holds.
    ///
    /// # Errors
    /// [`WriteError`]: the file was begun with another plan (or other attributes), or the disk refuses.
    pub fn resume(path: &Path, plan: &Plan, options: Options) -> Result<Self, WriteError> {
        let part_path = part_of(path, "part");
        if !part_path.is_file() && !path.is_file() {
            return Self::create(path, plan, options);
        }
        let layout = Self::layout(path, plan, options)?;
        if !part_path.is_file() {
            return Self::done(path, layout, options);
        }
        let io = |source| WriteError::Io { path: part_path.clone(), source };
        let part = OpenOptions::new().read(true).write(true).open(&part_path).map_err(io)?;
        let mut reader = BufReader::with_capacity(1 << 20, &part);
        let mut head = Vec::new();
        (&mut reader).take(layout.size).read_to_end(&mut head).map_err(io)?;
        if !layout.is_of(&head) {
            // A head that is cut short is of a run that was killed as it began.
            let begun = vec![None; layout.chunks()];
            if layout.head(layout.size, &begun).starts_with(&head) {
                return Self::create(path, plan, options);
            }
            let why = "it was begun with another plan or other attributes; remove it to begin anew";
            return Err(WriteError::Unfit { path: part_path, why: why.to_owned() });
        }
        let mut index = vec![None; layout.chunks()];
        let mut end = layout.size;
        let mut bytes = Vec::new();
        loop {
            let mut head = [0; FRAME];
            if reader.read_exact(&mut head).is_err() {
                break;
            }
            let Some((chunk, size, sum)) = framed(&head).filter(|(chunk, ..)| *chunk < index.len())
            else {
                break;
            };
            bytes.resize(size as usize, 0);
            if reader.read_exact(&mut bytes).is_err() || crc32fast::hash(&bytes) != sum {
                break;
            }
            index[chunk] = Some((end + FRAME as u64, size));
            end += FRAME as u64 + u64::from(size);
        }
        part.set_len(end).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            part_path,
            part,
            layout,
            index,
            end,
            pending: vec![],
            options,
            finished: false,
        })
    }

    /// A file that was finished, which may be by an earlier run of the same plan only.
    fn done(path: &Path, layout: Layout, options: Options) -> Result<Self, WriteError> {
        let io = |source| WriteError::Io { path: path.to_owned(), source };
        let mut part = File::open(path).map_err(io)?;
        let mut head = Vec::new();
        (&mut part).take(layout.size).read_to_end(&mut head).map_err(io)?;
        if !layout.is_of(&head) {
            let why = "it is there and is of another plan; remove it to begin anew".to_owned();
            return Err(WriteError::Unfit { path: path.to_owned(), why });
        }
        let (path, part_path) = (path.to_owned(), path.to_owned());
        let (index, end, pending) = (vec![], 0, vec![]);
        Ok(Self { path, part_path, part, layout, index, end, pending, options, finished: true })
    }

    fn layout(path: &Path, plan: &Plan, options: Options) -> Result<Layout, WriteError> {
        let unfit = |why| WriteError::Unfit { path: path.to_owned(), why };
        Layout::new(Forecast::new(plan).map_err(unfit)?, options.deflate.clamp(1, 9)).map_err(unfit)
    }

    fn io(&self, source: std::io::Error) -> WriteError {
        WriteError::Io { path: self.part_path.clone(), source }
    }

    fn chunk_of(&self, header: &Header) -> Result<usize, WriteError> {
        let place = self.layout.forecast.place(header);
        let (variable, at) =
            place.map_err(|why| WriteError::Unfit { path: self.path.clone(), why })?;
        Ok(self.layout.chunk(variable, at))
    }

    fn write_head(&mut self) -> Result<(), WriteError> {
        let head = self.layout.head(self.end, &self.index);
        let mut write = || {
            self.part.seek(SeekFrom::Start(0))?;
            self.part.write_all(&head)?;
            self.part.sync_data()
        };
        let written = write();
        written.map_err(|source| self.io(source))
    }

    /// Compresses what waits and appends it.
    fn append(&mut self) -> Result<(), WriteError> {
        let level = self.options.deflate.clamp(1, 9);
        let pending = std::mem::take(&mut self.pending);
        let chunks: Result<Vec<_>, std::io::Error> = pending
            .par_iter()
            .map(|(chunk, values)| Ok((*chunk, packed(values, level)?)))
            .collect();
        for (chunk, bytes) in chunks.map_err(|source| self.io(source))? {
            let at = self.end;
            let mut write = || {
                self.part.seek(SeekFrom::Start(at))?;
                self.part.write_all(&frame(chunk, &bytes))?;
                self.part.write_all(&bytes)
            };
            let written = write();
            written.map_err(|source| self.io(source))?;
            self.index[chunk] = Some((at + FRAME as u64, bytes.len() as u32));
            self.end = at + (FRAME + bytes.len()) as u64;
        }
        Ok(())
    }

    /// Copies the fields in order into the file itself.
    fn copy(&mut self) -> Result<(), WriteError> {
        let new = part_of(&self.path, "new");
        let mut index = self.index.clone();
        let mut at = self.layout.size;
        for (address, size) in index.iter_mut().flatten() {
            *address = at;
            at += u64::from(*size);
        }
        let head = self.layout.head(at + seal::SIZE as u64, &index);
        let mut copy = || {
            let mut to = BufWriter::with_capacity(1 << 20, File::create(&new)?);
            to.write_all(&head)?;
            let mut bytes = Vec::new();
            for (address, size) in self.index.iter().flatten() {
                bytes.resize(*size as usize, 0);
                self.part.seek(SeekFrom::Start(*address))?;
                self.part.read_exact(&mut bytes)?;
                to.write_all(&bytes)?;
            }
            to.write_all(&seal::seal(&head))?;
            to.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            std::fs::rename(&new, &self.path)?;
            std::fs::remove_file(&self.part_path)
        };
        copy().map_err(|source| WriteError::Io { path: new.clone(), source })
    }
}

fn part_of(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    PathBuf::from(name)
}

/// A field as a chunk stores it: shuffled, then deflated.
fn packed(values: &[f32], level: u32) -> Result<Vec<u8>, std::io::Error> {
    let plain: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let plain = shuffled(&plain, 4);
    let mut packed = Vec::with_capacity(plain.len() + plain.len() / 1000 + 64);
    let mut deflate = Compress::new(Compression::new(level), true);
    loop {
        let from = deflate.total_in() as usize;
        match deflate.compress_vec(&plain[from..], &mut packed, FlushCompress::Finish)? {
            Status::StreamEnd => return Ok(packed),
            Status::Ok | Status::BufError => packed.reserve(1 << 16),
        }
    }
}

impl Sink for Writer {
    fn write(&mut self, header: &Header, values: &[f32]) -> Result<(), WriteError> {
        let chunk = self.chunk_of(header)?;
        if values.len() != self.layout.forecast.points() {
            let why =
                format!("{} values for {} points", values.len(), self.layout.forecast.points());
            return Err(WriteError::Unfit { path: self.path.clone(), why });
        }
        if self.finished
            || self.index[chunk].is_some()
            || self.pending.iter().any(|(one, _)| *one == chunk)
        {
            return Ok(());
        }
        self.pending.push((chunk, values.to_vec()));
        if self.pending.len() >= rayon::current_num_threads() {
            self.append()?;
        }
        Ok(())
    }

    fn has(&self, header: &Header) -> bool {
        self.chunk_of(header).is_ok_and(|chunk| self.finished || self.index[chunk].is_some())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        if self.finished {
            return Ok(());
        }
        self.append()?;
        // Fields first: the index must not name what is not there.
        self.part.sync_data().map_err(|source| self.io(source))?;
        self.write_head()
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        match self.finished {
            true => Ok(()),
            false => self.append().and_then(|()| self.copy()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::grid::Grid;
    use crate::level::Level;
    use crate::sink::Planned;
    use crate::source::{Limits, Source};
    use crate::time::Time;
    use std::sync::Arc;

    #[test]
    fn chunks_beyond_four_gigabytes_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.nc");
        let grid = Arc::new(Grid::regular(5, 8));
        let (variable, unit) = ("t".to_owned(), "K".to_owned());
        let level = Level::pressure(500.0);
        let planned =
            Planned { variable: variable.clone(), unit: unit.clone(), levels: vec![level] };
        let plan = Plan {
            grid: Arc::clone(&grid),
            reference: Time(0),
            steps: vec![3600],
            members: None,
            variables: vec![planned],
            attributes: [].into(),
        };
        let (reference, attributes) = (Time(0), [].into());
        let header =
            Header { variable, level, reference, step: 3600, member: None, unit, grid, attributes };
        let values: Vec<f32> = (0..40).map(|at| at as f32).collect();
        let mut writer = Writer::create(&path, &plan, Options::default()).unwrap();
        // The file has a hole where the fields before would be.
        writer.end = 5 << 30;
        writer.write(&header, &values).unwrap();
        writer.flush().unwrap();
        let source = crate::netcdf::open(&writer.part_path, &Limits::default()).unwrap();
        assert_eq!(source.values(0).unwrap(), values);
    }
}
