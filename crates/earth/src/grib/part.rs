//! A GRIB 2 file that has its name only when it is whole, and that a run which was cut off goes on with.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::field::Header;
use crate::level::Level;
use crate::sink::{Plan, Sink, WriteError};
use crate::source::{Limits, Source as _};

use super::encode::Bits;
use super::write::{Writer, told_level};

/// Octets of a message's first section, and of its end.
const INDICATOR: u64 = 16;
const END: u64 = 4;

/// What tells the fields of one file apart.
#[derive(Debug, PartialEq)]
struct Key {
    variable: String,
    level: Level,
    step: i64,
    member: Option<u32>,
}

impl Key {
    fn of(header: &Header) -> Self {
        Self {
            variable: header.variable.clone(),
            level: told_level(header),
            step: header.step,
            member: header.member,
        }
    }
}

/// Writes under `NAME.part` until the file ends.
#[derive(Debug)]
pub struct PartFile {
    path: PathBuf,
    part: PathBuf,
    writer: Writer,
    /// Fields that were there before.
    have: Vec<Key>,
}

impl PartFile {
    /// Begins a file; with `resume` the whole messages of one that was cut off stay, and so do those of one that ended.
    ///
    /// # Errors
    /// [`WriteError`] where GRIB cannot hold the plan, or the disk refuses.
    pub fn create(path: &Path, plan: Plan, bits: Bits, resume: bool) -> Result<Self, WriteError> {
        let io = |source| WriteError::Io { path: path.to_owned(), source };
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        if resume && !part.exists() && path.exists() {
            std::fs::rename(path, &part).map_err(io)?;
        }
        let whole = if resume && part.exists() { cut(&part).map_err(io)? } else { 0 };
        if whole == 0 {
            let writer = Writer::create(&part, plan, bits)?;
            return Ok(Self { path: path.to_owned(), part, writer, have: Vec::new() });
        }
        let wrong = |why| WriteError::Unfit { path: part.clone(), why };
        let source = super::open(&part, &Limits::default()).map_err(|e| wrong(e.to_string()))?;
        if source.headers().iter().any(|header| header.reference != plan.reference) {
            return Err(wrong("it is of another forecast; delete it to begin anew".to_owned()));
        }
        let have = source.headers().iter().map(Key::of).collect();
        let writer = Writer::append_to(&part, plan, bits)?;
        Ok(Self { path: path.to_owned(), part, writer, have })
    }
}

/// Cuts a file after its last whole message, and says where.
fn cut(path: &Path) -> std::io::Result<u64> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let size = file.metadata()?.len();
    let mut whole = 0;
    while let Some(length) = message(&file, whole, size)? {
        whole += length;
    }
    file.set_len(whole)?;
    Ok(whole)
}

/// The length of the message that begins somewhere, where it is all there.
fn message(file: &File, at: u64, size: u64) -> std::io::Result<Option<u64>> {
    if size.saturating_sub(at) < INDICATOR + END {
        return Ok(None);
    }
    let mut head = [0; INDICATOR as usize];
    file.read_exact_at(&mut head, at)?;
    let [b'G', b'R', b'I', b'B', .., a, b, c, d, e, f, g, h] = head else { return Ok(None) };
    let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    if length < INDICATOR + END || at.checked_add(length).is_none_or(|end| end > size) {
        return Ok(None);
    }
    let mut end = [0; END as usize];
    file.read_exact_at(&mut end, at + length - END)?;
    Ok((&end == b"7777").then_some(length))
}

impl Sink for PartFile {
    fn write(&mut self, header: &Header, values: &[f32]) -> Result<(), WriteError> {
        if self.has(header) {
            return Ok(());
        }
        self.writer.write(header, values)
    }

    fn has(&self, header: &Header) -> bool {
        !self.have.is_empty() && self.have.contains(&Key::of(header))
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.writer.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.flush()?;
        std::fs::rename(&self.part, &self.path)
            .map_err(|source| WriteError::Io { path: self.path.clone(), source })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::grid::Grid;
    use crate::sink::Planned;
    use crate::time::{HOUR, Time};

    fn plan() -> Plan {
        let planned = Planned {
            variable: "t".to_owned(),
            unit: "K".to_owned(),
            levels: vec![Level::pressure(850.0), Level::pressure(500.0)],
        };
        Plan {
            grid: Arc::new(Grid::regular(9, 16)),
            reference: Time::from_date(2024, 5, 1).unwrap(),
            steps: vec![6 * HOUR, 12 * HOUR],
            members: None,
            variables: vec![planned],
            attributes: BTreeMap::new(),
        }
    }

    fn give(sink: &mut dyn Sink, upto: usize) {
        let plan = plan();
        let places = plan
            .steps
            .iter()
            .flat_map(|step| plan.variables[0].levels.iter().map(move |level| (*step, *level)));
        for (at, (step, level)) in places.enumerate().take(upto) {
            let header = Header {
                variable: "t".to_owned(),
                level,
                reference: plan.reference,
                step,
                member: None,
                unit: "K".to_owned(),
                grid: Arc::clone(&plan.grid),
                attributes: BTreeMap::new(),
            };
            let values: Vec<f32> = (0..144).map(|i| 250.0 + (i * (at + 1)) as f32 * 0.1).collect();
            sink.write(&header, &values).unwrap();
        }
        sink.flush().unwrap();
    }

    #[test]
    fn a_file_that_was_cut_anywhere_is_gone_on_with_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole.grib");
        let mut sink = PartFile::create(&whole, plan(), Bits::ByRange, false).unwrap();
        give(&mut sink, 4);
        assert!(!whole.exists());
        Box::new(sink).finish().unwrap();
        let expected = std::fs::read(&whole).unwrap();
        for cut in (0..expected.len()).step_by(37) {
            let path = folder.path().join(format!("cut-{cut}.grib"));
            std::fs::write(folder.path().join(format!("cut-{cut}.grib.part")), &expected[..cut])
                .unwrap();
            let mut sink = PartFile::create(&path, plan(), Bits::ByRange, true).unwrap();
            give(&mut sink, 4);
            Box::new(sink).finish().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), expected, "cut at {cut}");
        }
        // One that ended is gone on with as well, and another forecast's is refused.
        let mut sink = PartFile::create(&whole, plan(), Bits::ByRange, true).unwrap();
        give(&mut sink, 4);
        Box::new(sink).finish().unwrap();
        assert_eq!(std::fs::read(&whole).unwrap(), expected);
        let other = Plan { reference: Time::from_date(2024, 5, 2).unwrap(), ..plan() };
        assert!(PartFile::create(&whole, other, Bits::ByRange, true).is_err());
    }
}
