//! A climatology's own file: the line `strata climatology 1`, the length of a JSON header as eight bytes (little endian), the
//! header, and the fields as 32-bit floats (little endian), ordered by variable and level, hour, day, point. Read from the disk
//! field by field: a climatology of the whole globe at 0.25° has 6 GB for each variable and level.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Climatology, ClimatologyError, DAYS, Entry, Key};
use crate::grid::Grid;
use crate::level::Level;

const MAGIC: &[u8] = b"strata climatology 1\n";
/// Most bytes of a header.
const MAX_HEADER: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Head {
    lats: Vec<f64>,
    lons: Vec<f64>,
    rectilinear: bool,
    hours: Vec<u32>,
    entries: Vec<HeadEntry>,
}

#[derive(Serialize, Deserialize)]
struct HeadEntry {
    variable: String,
    level: Level,
    unit: String,
}

/// Where the fields are.
#[derive(Debug)]
pub(super) enum Backing {
    /// All of them, one after the other.
    Memory(Vec<f32>),
    /// In a file.
    Disk { path: String, file: Mutex<File>, from: u64 },
}

impl Backing {
    pub(super) fn field(
        &self,
        index: usize,
        points: usize,
    ) -> Result<Cow<'_, [f32]>, ClimatologyError> {
        match self {
            Self::Memory(values) => Ok(Cow::Borrowed(&values[index * points..][..points])),
            Self::Disk { path, file, from } => {
                let mut bytes = vec![0; points * 4];
                let mut read = || {
                    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                    file.seek(SeekFrom::Start(from + index as u64 * points as u64 * 4))?;
                    file.read_exact(&mut bytes)
                };
                read().map_err(|source| ClimatologyError::Io { path: path.clone(), source })?;
                let (values, _) = bytes.as_chunks::<4>();
                Ok(Cow::Owned(values.iter().map(|value| f32::from_le_bytes(*value)).collect()))
            }
        }
    }
}

impl Climatology {
    /// Whether a file begins as a climatology does.
    #[must_use]
    pub fn is_file(path: &Path) -> bool {
        let mut start = [0; MAGIC.len()];
        File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok()) && start == MAGIC
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// [`ClimatologyError::Io`]
    pub fn save(&self, path: &Path) -> Result<(), ClimatologyError> {
        let failed = |source| ClimatologyError::Io { path: path.display().to_string(), source };
        let entry = |Entry { key, unit }: &Entry| HeadEntry {
            variable: key.variable.clone(),
            level: key.level(),
            unit: unit.clone(),
        };
        let head = Head {
            lats: self.grid.lats.clone(),
            lons: self.grid.lons.clone(),
            rectilinear: self.grid.is_rectilinear(),
            hours: self.hours.clone(),
            entries: self.entries.iter().map(entry).collect(),
        };
        let head = serde_json::to_vec(&head).map_err(|error| failed(error.into()))?;
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
        out.write_all(MAGIC).map_err(failed)?;
        out.write_all(&(head.len() as u64).to_le_bytes()).map_err(failed)?;
        out.write_all(&head).map_err(failed)?;
        for field in 0..self.entries.len() * self.slots() {
            for value in self.backing.field(field, self.grid.len())?.iter() {
                out.write_all(&value.to_le_bytes()).map_err(failed)?;
            }
        }
        out.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)
    }

    /// Opens a file that [`Climatology::save`] wrote. Fields are read when they are asked for.
    ///
    /// # Errors
    /// [`ClimatologyError`] where it cannot be read or is none.
    pub fn load(path: &Path) -> Result<Self, ClimatologyError> {
        let name = path.display().to_string();
        let failed = |source| ClimatologyError::Io { path: name.clone(), source };
        let wrong = |why: String| ClimatologyError::Format { path: name.clone(), why };
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut start = [0; MAGIC.len() + 8];
        let whole = file.read_exact(&mut start).is_ok() && start.starts_with(MAGIC);
        let length =
            start.last_chunk::<8>().filter(|_| whole).map(|length| u64::from_le_bytes(*length));
        let Some(length) = length.filter(|length| *length <= MAX_HEADER.min(size)) else {
            return Err(wrong("it does not begin as one".to_owned()));
        };
        let mut head = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact(&mut head).map_err(failed)?;
        let head: Head = serde_json::from_slice(&head).map_err(|error| wrong(error.to_string()))?;
        let grid = match head.rectilinear {
            true => Grid::rectilinear(head.lats, head.lons),
            false => Grid::points(head.lats, head.lons),
        };
        let grid = grid.map_err(|error| wrong(error.why))?;
        let hours_fit =
            head.hours.is_sorted_by(|a, b| a < b) && head.hours.iter().all(|hour| *hour < 24);
        if !hours_fit || head.entries.is_empty() {
            return Err(wrong("its hours or variables are not in order".to_owned()));
        }
        let slots = if head.hours.is_empty() { 1 } else { head.hours.len() * DAYS } as u64;
        let fields = head.entries.len() as u64 * slots;
        let from = start.len() as u64 + length;
        let expected =
            fields.checked_mul(4 * grid.len() as u64).and_then(|size| size.checked_add(from));
        if expected != Some(size) {
            return Err(wrong(format!("it has {size} bytes in place of {expected:?}")));
        }
        let entry = |entry: HeadEntry| Entry {
            key: Key::new(&entry.variable, entry.level),
            unit: entry.unit,
        };
        Ok(Self {
            grid: Arc::new(grid),
            hours: head.hours,
            entries: head.entries.into_iter().map(entry).collect(),
            backing: Backing::Disk { path: name, file: Mutex::new(file), from },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::Window;
    use super::*;
    use crate::field::{Field, Header};
    use crate::memory_source::MemorySource;
    use crate::time::Time;

    #[test]
    fn what_is_saved_is_loaded_and_broken_files_are_refused() {
        let grid = Arc::new(Grid::gaussian(4, 8));
        let field = |variable: &str, level, day: i64| Field {
            header: Header {
                variable: variable.to_owned(),
                level,
                reference: Time::from_date(2003, 1, 1).unwrap() + day * 86400,
                step: 21600,
                member: None,
                unit: "K".to_owned(),
                grid: Arc::clone(&grid),
                attributes: [].into(),
            },
            values: (0..32).map(|at| (at as f32).sin() + day as f32).collect(),
        };
        let fields: Vec<Field> = (0..20)
            .flat_map(|day| {
                [field("t", Level::pressure(500.0), day), field("2t", Level::height(2.0), day)]
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usual.clim");
        for window in [Window::Triangular(5), Window::AllTimes] {
            let built = Climatology::build(&fields, window).unwrap();
            built.save(&path).unwrap();
            assert!(Climatology::is_file(&path));
            let loaded = Climatology::load(&path).unwrap();
            assert!(loaded.grid().same_points(built.grid()) && loaded.hours() == built.hours());
            for field in &fields {
                let key = Key::of(&field.header);
                let (a, b) =
                    (built.at(field.header.valid(), &key), loaded.at(field.header.valid(), &key));
                assert_eq!(a.unwrap().unwrap(), b.unwrap().unwrap());
            }
            // Through the fields that it is, as a file format of others holds them.
            let through = MemorySource::new(built.fields().map(Result::unwrap));
            let again = Climatology::from_source(&through).unwrap();
            let key = Key::new("2t", Level::height(2.0));
            let time = fields[3].header.valid();
            if window != Window::AllTimes {
                assert_eq!(again.at(time, &key).unwrap(), built.at(time, &key).unwrap());
            }
        }
        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 10, MAGIC.len() + 4, MAGIC.len() + 9, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(Climatology::load(&path).is_err(), "{cut}");
        }
        for at in 0..MAGIC.len() + 300 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x20;
            std::fs::write(&path, &flipped).unwrap();
            if let Ok(loaded) = Climatology::load(&path) {
                let key = loaded.keys().next().unwrap().clone();
                let _ = loaded.at(Time(0), &key);
            }
        }
    }
}
