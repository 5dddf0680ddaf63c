//! Plain NumPy arrays of a forecast: one `.npy` file of 32-bit floats with the axes member (of an ensemble), step, field, latitude,
//! longitude, and beside it `NAME.json` with what they are. Any program can read it, and nothing is packed.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::field::Header;
use crate::grid::Grid;
use crate::level::Level;
use crate::sink::{Plan, Sink, WriteError};
use crate::source::{Limits, ReadError, Source};
use crate::time::Time;

/// Bytes of the header, data begin there.
const HEADER: usize = 192;

/// What the axes of an array are: the text of `NAME.json`.
#[derive(Debug, Serialize)]
struct Index<'a> {
    axes: Vec<&'static str>,
    reference: Time,
    steps_hours: Vec<f64>,
    members: Option<u32>,
    fields: Vec<Row<'a>>,
    grid: &'a Grid,
    attributes: &'a BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    variable: &'a str,
    level: Level,
    unit: &'a str,
}

/// An array that is being written, under `NAME.part` until it ends.
#[derive(Debug)]
pub struct RawSink {
    path: PathBuf,
    part: PathBuf,
    file: File,
    plan: Plan,
    fields: Vec<(String, Level)>,
    /// Whether something was written that is not on the disk for sure.
    dirty: bool,
}

impl RawSink {
    /// Starts an array, or goes on with one that was cut off: fields may be written again.
    ///
    /// # Errors
    /// [`WriteError`]
    pub fn create(path: &Path, plan: &Plan, resume: bool) -> Result<Self, WriteError> {
        let io = |source| WriteError::Io { path: path.to_owned(), source };
        let fields: Vec<(String, Level)> = plan
            .variables
            .iter()
            .flat_map(|planned| {
                planned.levels.iter().map(|level| (planned.variable.clone(), *level))
            })
            .collect();
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        if resume && !part.exists() && path.exists() {
            // It ended, and the run did not learn of it.
            std::fs::rename(path, &part).map_err(io)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(!resume);
        let file = options.open(&part).map_err(io)?;
        let mut sink =
            Self { path: path.to_owned(), part, file, plan: plan.clone(), fields, dirty: true };
        let bytes =
            sink.shape().iter().try_fold(4_u64, |size, length| size.checked_mul(*length as u64));
        let bytes = bytes
            .ok_or_else(|| sink.unfit("the forecast is too large for one array".to_owned()))?;
        let header = sink.header()?;
        sink.file.write_all(&header).map_err(io)?;
        sink.file.set_len(HEADER as u64 + bytes).map_err(io)?;
        Ok(sink)
    }

    fn shape(&self) -> Vec<usize> {
        let (rows, columns) = self.plan.grid.shape;
        let members = self.plan.members.map(|members| members as usize);
        members
            .into_iter()
            .chain([self.plan.steps.len(), self.fields.len(), rows, columns])
            .collect()
    }

    fn header(&self) -> Result<Vec<u8>, WriteError> {
        let shape: Vec<String> = self.shape().iter().map(ToString::to_string).collect();
        let text = format!(
            "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}",
            shape.join(", ")
        );
        let room = HEADER - 10;
        if text.len() >= room {
            return Err(self.unfit("its shape is too long".to_owned()));
        }
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((room as u16).to_le_bytes());
        bytes.extend(format!("{text:<width$}\n", width = room - 1).into_bytes());
        Ok(bytes)
    }

    fn unfit(&self, why: String) -> WriteError {
        WriteError::Unfit { path: self.path.clone(), why }
    }

    fn io(&self, source: std::io::Error) -> WriteError {
        WriteError::Io { path: self.path.clone(), source }
    }
}

impl Sink for RawSink {
    fn write(&mut self, header: &Header, values: &[f32]) -> Result<(), WriteError> {
        let step = self.plan.steps.iter().position(|step| *step == header.step);
        let field = self
            .fields
            .iter()
            .position(|(name, level)| *name == header.variable && *level == header.level);
        let member = match (self.plan.members, header.member) {
            (None, None) => Some(0),
            (Some(members), Some(member)) if member < members => Some(member as usize),
            _ => None,
        };
        let (Some(step), Some(field), Some(member)) = (step, field, member) else {
            let why = format!(
                "{} at {}, step {} h, member {:?} was not announced",
                header.variable,
                header.level,
                header.step / 3600,
                header.member
            );
            return Err(self.unfit(why));
        };
        let points = self.plan.grid.len();
        if values.len() != points {
            return Err(self.unfit(format!("{} values for {points} points", values.len())));
        }
        let slot = (member * self.plan.steps.len() + step) * self.fields.len() + field;
        let offset = HEADER as u64 + slot as u64 * points as u64 * 4;
        self.file.seek(SeekFrom::Start(offset)).map_err(|error| self.io(error))?;
        self.dirty = true;
        let written = if cfg!(target_endian = "little") {
            self.file.write_all(bytemuck::cast_slice(values))
        } else {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.file.write_all(&bytes)
        };
        written.map_err(|error| self.io(error))
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        if self.dirty {
            self.file.sync_data().map_err(|error| self.io(error))?;
            self.dirty = false;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        let plan = &self.plan;
        let members = plan.members.map(|_| "member");
        let unit = |name: &str| {
            plan.variables
                .iter()
                .find(|planned| planned.variable == name)
                .map_or("", |planned| &planned.unit)
        };
        let index = Index {
            axes: members.into_iter().chain(["step", "field", "latitude", "longitude"]).collect(),
            reference: plan.reference,
            steps_hours: plan.steps.iter().map(|step| *step as f64 / 3600.0).collect(),
            members: plan.members,
            fields: self
                .fields
                .iter()
                .map(|(variable, level)| Row { variable, level: *level, unit: unit(variable) })
                .collect(),
            grid: &plan.grid,
            attributes: &plan.attributes,
        };
        let json =
            serde_json::to_vec_pretty(&index).map_err(|error| self.unfit(error.to_string()))?;
        std::fs::write(side(&self.path), json).map_err(|error| self.io(error))?;
        self.file.sync_all().map_err(|error| self.io(error))?;
        std::fs::rename(&self.part, &self.path).map_err(|error| self.io(error))
    }
}

/// What is read of `NAME.json`.
#[derive(Debug, Deserialize)]
struct Known {
    reference: Time,
    steps_hours: Vec<f64>,
    members: Option<u32>,
    fields: Vec<KnownField>,
    grid: KnownGrid,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct KnownField {
    variable: String,
    level: Level,
    unit: String,
}

#[derive(Debug, Deserialize)]
struct KnownGrid {
    lats: Vec<f64>,
    lons: Vec<f64>,
}

/// An array that was written by [`RawSink`].
#[derive(Debug)]
pub struct RawSource {
    path: PathBuf,
    headers: Vec<Header>,
}

/// Where the description of an array lies.
#[must_use]
pub fn side(path: &Path) -> PathBuf {
    let mut side = path.as_os_str().to_owned();
    side.push(".json");
    PathBuf::from(side)
}

/// Opens an array by the description beside it.
///
/// # Errors
/// [`ReadError`]
pub fn open(path: &Path, limits: &Limits) -> Result<RawSource, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let wrong = |why: String| ReadError::Format { path: path.to_owned(), why };
    let side = side(path);
    if std::fs::metadata(&side)
        .map_err(|source| ReadError::Io { path: side.clone(), source })?
        .len()
        > 64 << 20
    {
        return Err(wrong("its description is too large".to_owned()));
    }
    let text = std::fs::read(&side).map_err(io)?;
    let known: Known = serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("its description: {error}")))?;
    let grid =
        Grid::rectilinear(known.grid.lats, known.grid.lons).map_err(|error| wrong(error.why))?;
    let members: Vec<Option<u32>> = known
        .members
        .map_or_else(|| vec![None], |members| (0..members.min(10_000)).map(Some).collect());
    let count = members
        .len()
        .checked_mul(known.steps_hours.len())
        .and_then(|count| count.checked_mul(known.fields.len()));
    let count = count.filter(|count| *count <= limits.fields && grid.len() <= limits.points);
    let count =
        count.ok_or_else(|| wrong("it has more fields or points than are allowed".to_owned()))?;
    let expected = HEADER as u64 + count as u64 * grid.len() as u64 * 4;
    let mut head = [0; HEADER];
    let mut file = File::open(path).map_err(io)?;
    file.read_exact(&mut head).map_err(io)?;
    if file.metadata().map_err(io)?.len() != expected || !head.starts_with(b"\x93NUMPY\x01\x00") {
        return Err(wrong(format!(
            "it is not the array of {expected} bytes that its description tells of"
        )));
    }
    let grid = Arc::new(grid);
    let mut headers = Vec::with_capacity(count);
    for member in members {
        for hours in &known.steps_hours {
            for field in &known.fields {
                headers.push(Header {
                    variable: field.variable.clone(),
                    level: field.level,
                    reference: known.reference,
                    step: (hours * 3600.0) as i64,
                    member,
                    unit: field.unit.clone(),
                    grid: Arc::clone(&grid),
                    attributes: known.attributes.clone(),
                });
            }
        }
    }
    Ok(RawSource { path: path.to_owned(), headers })
}

impl Source for RawSource {
    fn format(&self) -> &'static str {
        "npy"
    }

    fn headers(&self) -> &[Header] {
        &self.headers
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        let io = |source| ReadError::Io { path: self.path.clone(), source };
        let Some(header) = self.headers.get(index) else {
            return Err(ReadError::Part {
                path: self.path.clone(),
                place: format!("field {index}"),
                why: "there is none".to_owned(),
            });
        };
        let points = header.grid.len();
        let mut file = File::open(&self.path).map_err(io)?;
        file.seek(SeekFrom::Start(HEADER as u64 + index as u64 * points as u64 * 4)).map_err(io)?;
        let mut bytes = vec![0; points * 4];
        file.read_exact(&mut bytes).map_err(io)?;
        Ok(bytes.as_chunks().0.iter().map(|word| f32::from_le_bytes(*word)).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::sink::Planned;

    fn plan() -> Plan {
        let planned = |name: &str, levels: Vec<Level>| Planned {
            variable: name.to_owned(),
            unit: "K".to_owned(),
            levels,
        };
        Plan {
            grid: Arc::new(Grid::regular(3, 4)),
            reference: Time(0),
            steps: vec![21_600, 43_200],
            members: None,
            variables: vec![
                planned("t", vec![Level::pressure(850.0), Level::pressure(500.0)]),
                planned("2t", vec![Level::height(2.0)]),
            ],
            attributes: BTreeMap::new(),
        }
    }

    fn header(plan: &Plan, variable: &str, level: Level, step: i64) -> Header {
        Header {
            variable: variable.to_owned(),
            level,
            reference: plan.reference,
            step,
            member: None,
            unit: "K".to_owned(),
            grid: Arc::clone(&plan.grid),
            attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn fields_lie_where_numpy_looks_for_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.npy");
        let plan = plan();
        let mut sink = RawSink::create(&path, &plan, false).unwrap();
        sink.write(&header(&plan, "2t", Level::height(2.0), 43_200), &[7.5; 12]).unwrap();
        sink.flush().unwrap();
        // Cut off here, and gone on with.
        drop(sink);
        let mut sink = RawSink::create(&path, &plan, true).unwrap();
        sink.write(&header(&plan, "t", Level::pressure(500.0), 21_600), &[1.5; 12]).unwrap();
        assert!(sink.write(&header(&plan, "u", Level::height(2.0), 21_600), &[0.0; 12]).is_err());
        assert!(sink.write(&header(&plan, "2t", Level::height(2.0), 0), &[0.0; 12]).is_err());
        assert!(sink.write(&header(&plan, "2t", Level::height(2.0), 21_600), &[0.0; 11]).is_err());
        assert!(!path.exists());
        Box::new(sink).finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), HEADER + 2 * 3 * 12 * 4);
        assert!(
            String::from_utf8_lossy(&bytes[..HEADER]).contains("'shape': (2, 3, 3, 4)")
                && bytes[HEADER - 1] == b'\n'
                && HEADER.is_multiple_of(64)
        );
        let at =
            |slot: usize| f32::from_le_bytes(bytes[HEADER + slot * 48..][..4].try_into().unwrap());
        assert_eq!((at(0), at(1), at(5)), (0.0, 1.5, 7.5));
        let json = std::fs::read_to_string(dir.path().join("out.npy.json")).unwrap();
        assert!(json.contains("\"steps_hours\"") && json.contains("\"2t\""));

        let source = open(&path, &Limits::default()).unwrap();
        assert_eq!(source.headers().len(), 6);
        let last = &source.headers()[5];
        assert_eq!((last.variable.as_str(), last.step, &last.grid), ("2t", 43_200, &plan.grid));
        assert_eq!(
            (source.values(5).unwrap(), source.values(1).unwrap()),
            (vec![7.5; 12], vec![1.5; 12])
        );
        assert!(source.values(6).is_err());
        assert!(open(&path, &Limits { points: 3, ..Limits::default() }).is_err());
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(
            open(&path, &Limits::default())
                .unwrap_err()
                .to_string()
                .contains("bytes that its description")
        );
    }
}
