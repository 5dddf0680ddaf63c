//! Zarr stores of forecasts, version 3, written field by field.
//!
//! In maps each field is a file, written beside and then renamed: a store that was left unfinished is one that lacks fields, and
//! goes on from there. In time series a chunk has all steps of a small tile: fields wait in a spool inside the store, compressed in
//! bands of rows, until all are there; the store is read after it is finished, and an unfinished one goes on from its spool.
//! Chunks have the same bytes in whatever order fields came.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::cube::forecast::{Forecast, Named, Values};
use crate::field::Header;
use crate::sink::{Plan, Sink, WriteError};

/// What a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunking {
    /// One field: for maps.
    Maps,
    /// All steps of a tile of so many rows and columns: for series at a place.
    Series(usize),
}

/// How a store is written.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What a chunk holds.
    pub chunking: Chunking,
    /// Level of Zstandard, 1 (fast) to 19.
    pub level: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self { chunking: Chunking::Maps, level: 1 }
    }
}

/// A Zarr store that takes the fields of a plan. A field that comes twice is taken once; one that never comes is missing (NaN).
pub struct Writer {
    path: PathBuf,
    forecast: Forecast,
    options: Options,
    /// Fields that wait to be compressed together, one a thread: variable, place, values.
    pending: Vec<(usize, Vec<usize>, Vec<f32>)>,
    /// Series that were gathered already: nothing is left to do.
    finished: bool,
}

/// Where fields of series wait.
const SPOOL: &str = ".spool";
/// There while a store has no root yet: what a kill left of its beginning is ours to replace.
const BEGUN: &str = ".begun";
const STEP_DIM: &str = "prediction_timedelta";

impl Writer {
    /// Begins a store anew. A folder that is there already must be empty, or a store that is replaced.
    ///
    /// # Errors
    /// [`WriteError`]: the plan does not fit, the folder holds something else, or the disk refuses.
    pub fn create(path: &Path, plan: &Plan, options: Options) -> Result<Self, WriteError> {
        let writer = Self::new(path, plan, options)?;
        if path.exists() {
            let empty = path.read_dir().is_ok_and(|mut list| list.next().is_none());
            let ours = path.join("zarr.json").is_file() || path.join(BEGUN).is_file();
            if !empty && !ours {
                let why = "the folder is there and is no Zarr store; name another".to_owned();
                return Err(WriteError::Unfit { path: path.to_owned(), why });
            }
            if !empty {
                writer.clear().map_err(|source| writer.io(path, source))?;
            }
        }
        writer.begin()?;
        Ok(writer)
    }

    /// Empties the folder of a store. The mark goes in first and stays, so that a kill leaves a folder that is known as ours.
    fn clear(&self) -> std::io::Result<()> {
        File::create(self.path.join(BEGUN))?;
        for entry in self.path.read_dir()? {
            let entry = entry?;
            if entry.file_name() == BEGUN {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }

    /// Goes on with a store that a run left unfinished; begins it where there is none. [`Sink::has`] tells what it holds.
    ///
    /// # Errors
    /// [`WriteError`]: the store was begun with another plan (or other attributes), or the disk refuses.
    pub fn resume(path: &Path, plan: &Plan, options: Options) -> Result<Self, WriteError> {
        let mut writer = Self::new(path, plan, options)?;
        let root = path.join("zarr.json");
        // The root is written last: without it nothing else counts.
        if !root.is_file() {
            return Self::create(path, plan, options);
        }
        let there = std::fs::read(&root).map_err(|source| writer.io(&root, source))?;
        if there != text(&writer.root()) {
            let why = "it was begun with another plan or other attributes; remove it to begin anew"
                .to_owned();
            return Err(WriteError::Unfit { path: path.to_owned(), why });
        }
        writer.end_beginning()?;
        writer.finished = writer.is_series() && !path.join(SPOOL).is_dir();
        Ok(writer)
    }

    /// Takes the mark away.
    fn end_beginning(&self) -> Result<(), WriteError> {
        let mark = self.path.join(BEGUN);
        match std::fs::remove_file(&mark) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(self.io(&mark, source))
            }
            _ => Ok(()),
        }
    }

    fn is_series(&self) -> bool {
        matches!(self.options.chunking, Chunking::Series(_))
    }

    fn new(path: &Path, plan: &Plan, options: Options) -> Result<Self, WriteError> {
        let unfit = |why| WriteError::Unfit { path: path.to_owned(), why };
        let forecast = Forecast::new(plan).map_err(unfit)?;
        let level = options.level.clamp(1, 19);
        let options = Options { level, ..options };
        if options.chunking == Chunking::Series(0) {
            return Err(unfit("a tile needs at least one row".to_owned()));
        }
        Ok(Self { path: path.to_owned(), forecast, options, pending: vec![], finished: false })
    }

    fn io(&self, path: &Path, source: std::io::Error) -> WriteError {
        WriteError::Io { path: path.to_owned(), source }
    }

    fn unfit(&self, why: String) -> WriteError {
        WriteError::Unfit { path: self.path.clone(), why }
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
        put(path, bytes).map_err(|source| self.io(path, source))
    }

    /// Sides of a variable's chunks.
    fn chunk(&self, variable: usize) -> Vec<usize> {
        let shape = self.forecast.shape(variable);
        let outer = shape.len() - self.forecast.map_rank();
        let dims = &self.forecast.variables[variable].dims;
        let side = |(at, size): (usize, &usize)| match self.options.chunking {
            Chunking::Maps if at < outer => 1,
            Chunking::Maps => *size,
            Chunking::Series(_) if at < outer && self.forecast.dims[dims[at]].0 == STEP_DIM => {
                *size
            }
            Chunking::Series(_) if at < outer => 1,
            Chunking::Series(tile) => tile.min(*size),
        };
        shape.iter().enumerate().map(side).collect()
    }

    /// Metadata of all arrays, by name.
    fn arrays(&self) -> Vec<(String, Value)> {
        let forecast = &self.forecast;
        let sides = |named: &Named| -> Vec<usize> {
            named.dims.iter().map(|dim| forecast.dims[*dim].1).collect()
        };
        let mut all = Vec::new();
        for (named, values) in &forecast.coordinates {
            let whole = matches!(values, Values::Whole(_));
            let (kind, fill) = if whole { ("int64", json!(0)) } else { ("float64", json!("NaN")) };
            let shape = sides(named);
            all.push((named.name.clone(), self.array(named, (&shape, &shape), (kind, fill))));
        }
        for (index, named) in forecast.variables.iter().enumerate() {
            let (shape, chunk) = (forecast.shape(index), self.chunk(index));
            all.push((
                named.name.clone(),
                self.array(named, (&shape, &chunk), ("float32", json!("NaN"))),
            ));
        }
        all
    }

    fn array(
        &self,
        named: &Named,
        (shape, chunk): (&[usize], &[usize]),
        (kind, fill): (&str, Value),
    ) -> Value {
        let dims: Vec<&str> =
            named.dims.iter().map(|dim| self.forecast.dims[*dim].0.as_str()).collect();
        json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": shape,
            "data_type": kind,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": fill,
            "codecs": [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "zstd", "configuration": {"level": self.options.level, "checksum": false}},
            ],
            "attributes": object(&named.attributes),
            "dimension_names": dims,
            "storage_transformers": [],
        })
    }

    fn root(&self) -> Value {
        let arrays: Map<String, Value> = self.arrays().into_iter().collect();
        json!({
            "zarr_format": 3,
            "node_type": "group",
            "attributes": object(&self.forecast.attributes),
            "consolidated_metadata": {"kind": "inline", "must_understand": false, "metadata": arrays},
        })
    }

    /// Writes metadata and coordinates.
    fn begin(&self) -> Result<(), WriteError> {
        let mark = self.path.join(BEGUN);
        std::fs::create_dir_all(&self.path)
            .and_then(|()| File::create(&mark))
            .map_err(|source| self.io(&mark, source))?;
        for (name, array) in self.arrays() {
            self.put(&self.path.join(name).join("zarr.json"), &text(&array))?;
        }
        for (named, values) in &self.forecast.coordinates {
            let bytes: Vec<u8> = match values {
                Values::Whole(values) => {
                    values.iter().flat_map(|value| value.to_le_bytes()).collect()
                }
                Values::Real(values) => {
                    values.iter().flat_map(|value| value.to_le_bytes()).collect()
                }
            };
            let key = key(&vec![0; named.dims.len()]);
            let packed = self.packed(&bytes)?;
            self.put(&self.path.join(&named.name).join(key), &packed)?;
        }
        if self.is_series() {
            let spool = self.path.join(SPOOL);
            std::fs::create_dir_all(&spool).map_err(|source| self.io(&spool, source))?;
        }
        self.put(&self.path.join("zarr.json"), &text(&self.root()))?;
        self.end_beginning()
    }

    fn packed(&self, bytes: &[u8]) -> Result<Vec<u8>, WriteError> {
        zstd::bulk::compress(bytes, self.options.level)
            .map_err(|source| self.io(&self.path, source))
    }

    /// The file of a field: its chunk, or what waits of it.
    fn file(&self, variable: usize, place: &[usize]) -> PathBuf {
        let name = &self.forecast.variables[variable].name;
        match self.options.chunking {
            Chunking::Maps => {
                let map = std::iter::repeat_n(0, self.forecast.map_rank());
                let at: Vec<usize> = place.iter().copied().chain(map).collect();
                self.path.join(name).join(key(&at))
            }
            Chunking::Series(_) => {
                let at: Vec<String> = place.iter().map(usize::to_string).collect();
                self.path.join(SPOOL).join(format!("{name}.{}", at.join(".")))
            }
        }
    }

    fn append(&mut self) -> Result<(), WriteError> {
        let pending = std::mem::take(&mut self.pending);
        pending.par_iter().try_for_each(|(variable, place, values)| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let path = self.file(*variable, place);
            let packed = match self.options.chunking {
                Chunking::Maps => self.packed(&bytes)?,
                Chunking::Series(_) => self.banded(*variable, &bytes)?,
            };
            self.put(&path, &packed)
        })
    }

    /// Bytes of the rows that a tile is high.
    fn band(&self, variable: usize) -> usize {
        let shape = self.forecast.shape(variable);
        let chunk = self.chunk(variable);
        let map = shape.len() - self.forecast.map_rank();
        let row: usize = shape[map + 1..].iter().product();
        chunk[map] * row * 4
    }

    /// A field in bands, each compressed: the ends of the bands, then the bands.
    fn banded(&self, variable: usize, bytes: &[u8]) -> Result<Vec<u8>, WriteError> {
        let bands: Vec<Vec<u8>> = bytes
            .chunks(self.band(variable))
            .map(|band| self.packed(band))
            .collect::<Result<_, _>>()?;
        let mut at = bands.len() as u64 * 8;
        let mut all = Vec::new();
        for band in &bands {
            at += band.len() as u64;
            all.extend(at.to_le_bytes());
        }
        all.extend(bands.concat());
        Ok(all)
    }

    /// One band of a field that waits; none of one that never came.
    fn unspooled(
        &self,
        variable: usize,
        place: &[usize],
        band: usize,
        most: usize,
    ) -> Result<Option<Vec<u8>>, WriteError> {
        let path = self.file(variable, place);
        let read = || -> std::io::Result<Option<Vec<u8>>> {
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let rows = self.forecast.points() * 4;
            let bands = rows.div_ceil(self.band(variable)) as u64;
            let mut word = |at: u64| {
                let mut word = [0; 8];
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(&mut word)?;
                Ok::<u64, std::io::Error>(u64::from_le_bytes(word))
            };
            let from = if band == 0 { bands * 8 } else { word(band as u64 * 8 - 8)? };
            let to = word(band as u64 * 8)?;
            let mut packed = vec![0; to.saturating_sub(from).min(1 << 32) as usize];
            file.seek(SeekFrom::Start(from))?;
            file.read_exact(&mut packed)?;
            zstd::bulk::decompress(&packed, most).map(Some)
        };
        read().map_err(|source| self.io(&path, source))
    }

    /// Makes the chunks of series of one variable out of its spool.
    fn gather(&self, variable: usize) -> Result<(), WriteError> {
        let shape = self.forecast.shape(variable);
        let outer = shape.len() - self.forecast.map_rank();
        let dims = &self.forecast.variables[variable].dims;
        let Some(along) = (0..outer).find(|at| self.forecast.dims[dims[*at]].0 == STEP_DIM) else {
            return Err(self.unfit("the plan has no steps".to_owned()));
        };
        let (steps, band) = (shape[along], self.band(variable));
        let total = self.forecast.points() * 4;
        let others: usize = (0..outer).filter(|at| *at != along).map(|at| shape[at]).product();
        for other in 0..others {
            let mut place = vec![0; outer];
            let mut left = other;
            for at in (0..outer).rev().filter(|at| *at != along) {
                place[at] = left % shape[at];
                left /= shape[at];
            }
            for number in 0..total.div_ceil(band) {
                let size = band.min(total - number * band);
                let rows: Result<Vec<_>, WriteError> = (0..steps)
                    .into_par_iter()
                    .map(|step| {
                        let mut place = place.clone();
                        place[along] = step;
                        self.unspooled(variable, &place, number, size)
                    })
                    .collect();
                self.tiles(variable, &place, number, &rows?)?;
            }
        }
        Ok(())
    }

    /// Chunks of a band of rows of all steps.
    fn tiles(
        &self,
        variable: usize,
        place: &[usize],
        band: usize,
        rows: &[Option<Vec<u8>>],
    ) -> Result<(), WriteError> {
        let (shape, chunk) = (self.forecast.shape(variable), self.chunk(variable));
        let map = place.len();
        let columns: usize = shape[map + 1..].iter().product();
        let (high, wide) = (chunk[map], chunk.get(map + 1).copied().unwrap_or(1));
        let missing = f32::NAN.to_le_bytes();
        (0..columns.div_ceil(wide)).into_par_iter().try_for_each(|tile| {
            let mut bytes = Vec::with_capacity(rows.len() * high * wide * 4);
            for plane in rows {
                for row in 0..high {
                    for column in tile * wide..(tile + 1) * wide {
                        let at = (row * columns + column) * 4;
                        let value = plane
                            .as_ref()
                            .filter(|_| column < columns)
                            .and_then(|plane| plane.get(at..at + 4));
                        bytes.extend_from_slice(value.unwrap_or(&missing));
                    }
                }
            }
            let map_at: &[usize] =
                if self.forecast.map_rank() == 1 { &[band] } else { &[band, tile] };
            // The only chunk along the steps is the first.
            let at: Vec<usize> = place.iter().chain(map_at).copied().collect();
            let name = &self.forecast.variables[variable].name;
            self.put(&self.path.join(name).join(key(&at)), &self.packed(&bytes)?)
        })
    }
}

/// Writes a file beside, then puts it in its place.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    File::create(&beside)?.write_all(bytes)?;
    std::fs::rename(&beside, path)
}

fn key(at: &[usize]) -> String {
    at.iter().fold("c".to_owned(), |key, at| format!("{key}/{at}"))
}

fn object(attributes: &[(String, String)]) -> Value {
    let pair = |(key, value): &(String, String)| (key.clone(), Value::String(value.clone()));
    Value::Object(attributes.iter().map(pair).collect())
}

fn text(value: &Value) -> Vec<u8> {
    let mut bytes = format!("{value:#}").into_bytes();
    bytes.push(b'\n');
    bytes
}

impl Sink for Writer {
    fn write(&mut self, header: &Header, values: &[f32]) -> Result<(), WriteError> {
        let (variable, place) = self.forecast.locate(header).map_err(|why| self.unfit(why))?;
        if values.len() != self.forecast.points() {
            return Err(self.unfit(format!(
                "{} values for {} points",
                values.len(),
                self.forecast.points()
            )));
        }
        let same = |(one, at, _): &(usize, Vec<usize>, Vec<f32>)| *one == variable && *at == place;
        if self.finished || self.pending.iter().any(same) || self.file(variable, &place).is_file() {
            return Ok(());
        }
        self.pending.push((variable, place, values.to_vec()));
        if self.pending.len() >= rayon::current_num_threads() {
            self.append()?;
        }
        Ok(())
    }

    fn has(&self, header: &Header) -> bool {
        let there = |(variable, place): (usize, Vec<usize>)| self.file(variable, &place).is_file();
        self.forecast.locate(header).is_ok_and(|place| self.finished || there(place))
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.append()
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.append()?;
        if self.is_series() && !self.finished {
            for variable in 0..self.forecast.variables.len() {
                self.gather(variable)?;
            }
            let spool = self.path.join(SPOOL);
            if spool.is_dir() {
                std::fs::remove_dir_all(&spool).map_err(|source| self.io(&spool, source))?;
            }
        }
        Ok(())
    }
}
