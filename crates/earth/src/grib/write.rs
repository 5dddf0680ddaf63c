//! Writing GRIB 2: one file, or a file for each step, as the forecast goes.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::field::Header;
use crate::level::{Level, LevelKind};
use crate::sink::{Plan, Sink, WriteError};
use crate::time::HOUR;
use crate::variable;

use super::encode::{self, About, Bits};
use super::{levels, parameters};

/// Files that are kept open at once.
const MOST_OPEN: usize = 64;
/// What a pattern's step is written in place of.
const STEP: &str = "{step}";
/// A centre of no code.
const NO_CENTRE: u16 = 255;

/// Takes fields and writes each as a message, as soon as it comes: what was taken can be read.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    plan: Plan,
    bits: Bits,
    centre: u16,
    /// Files that were begun; those that were closed again are none.
    files: HashMap<PathBuf, Option<File>>,
}

impl Writer {
    /// Begins a file, or files where the path has `{step}` (hours from the start) in it, as `out-{step}.grib`. Files that are there
    /// are replaced.
    ///
    /// The originating centre is the plan's attribute `centre` (a code of WMO's table C-11); without one it is 255, missing.
    ///
    /// # Errors
    /// [`WriteError`] where GRIB cannot hold a variable, a level, the grid or the number of members, or the file cannot be made.
    pub fn create(path: &Path, plan: Plan, bits: Bits) -> Result<Self, WriteError> {
        let mut writer = Self::checked(path, plan, bits)?;
        if !writer.is_pattern() {
            writer.append(path, &[])?;
        }
        Ok(writer)
    }

    /// Goes on at the end of a file.
    pub(super) fn append_to(path: &Path, plan: Plan, bits: Bits) -> Result<Self, WriteError> {
        let mut writer = Self::checked(path, plan, bits)?;
        writer.files.insert(path.to_owned(), None);
        Ok(writer)
    }

    fn checked(path: &Path, plan: Plan, bits: Bits) -> Result<Self, WriteError> {
        let unfit = |why: String| WriteError::Unfit { path: path.to_owned(), why };
        let centre = match plan.attributes.get("centre") {
            Some(code) => code.parse().map_err(|_| unfit(format!("centre {code} is no code")))?,
            None => NO_CENTRE,
        };
        if plan.members.is_some_and(|members| members > 255) {
            return Err(unfit("more than 255 members".to_owned()));
        }
        for planned in &plan.variables {
            if parameters::codes(&planned.variable).is_none() {
                return Err(unfit(format!("{} has no code of GRIB 2", planned.variable)));
            }
            if let Some(level) = planned.levels.iter().find(|at| levels::surfaces(**at).is_none()) {
                return Err(unfit(format!("{level} has no code of GRIB 2")));
            }
        }
        let writer = Self { path: path.to_owned(), plan, bits, centre, files: HashMap::new() };
        let broken = writer.plan.steps.iter().find(|step| **step % HOUR != 0);
        if let Some(step) = broken.filter(|_| writer.is_pattern()) {
            return Err(unfit(format!("{step} s are no whole hours, which {STEP} is written in")));
        }
        Ok(writer)
    }

    fn is_pattern(&self) -> bool {
        self.path.to_string_lossy().contains(STEP)
    }

    /// Files that were begun.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> = self.files.keys().cloned().collect();
        paths.sort();
        paths
    }

    fn target(&self, step: i64) -> PathBuf {
        let path = self.path.to_string_lossy();
        PathBuf::from(path.replace(STEP, &(step / HOUR).to_string()))
    }

    fn append(&mut self, path: &Path, message: &[u8]) -> Result<(), WriteError> {
        let io = |source| WriteError::Io { path: path.to_owned(), source };
        let begun = self.files.contains_key(path);
        if !matches!(self.files.get(path), Some(Some(_))) {
            let open = self.files.values().filter(|file| file.is_some()).count();
            if open >= MOST_OPEN {
                self.files.values_mut().for_each(|file| *file = None);
            }
            let file = if begun {
                OpenOptions::new().append(true).open(path).map_err(io)?
            } else {
                File::create(path).map_err(io)?
            };
            self.files.insert(path.to_owned(), Some(file));
        }
        match self.files.get_mut(path) {
            Some(Some(file)) => file.write_all(message).map_err(io),
            _ => Ok(()),
        }
    }

    /// Why a field is none of the plan's.
    fn stranger(&self, header: &Header, values: &[f32]) -> Option<String> {
        let Header { variable, level, step, member, .. } = header;
        let planned = self.plan.variables.iter().find(|planned| planned.variable == *variable);
        let Some(planned) = planned else { return Some(format!("{variable} was not announced")) };
        if !planned.levels.contains(level) {
            return Some(format!("{variable} at {level} was not announced"));
        }
        if !self.plan.steps.contains(step) {
            return Some(format!("a step of {step} s was not announced"));
        }
        if header.reference != self.plan.reference {
            return Some(format!("a forecast from {} was not announced", header.reference));
        }
        if member.is_some() != self.plan.members.is_some()
            || member.zip(self.plan.members).is_some_and(|(member, members)| member >= members)
        {
            return Some(format!("member {member:?} was not announced"));
        }
        let same = std::sync::Arc::ptr_eq(&header.grid, &self.plan.grid)
            || header.grid.same_points(&self.plan.grid);
        if !same || values.len() != self.plan.grid.len() {
            return Some(format!("{} values on {}", values.len(), header.grid));
        }
        None
    }
}

/// The level that a name implies, where the field's is the surface: ECMWF's GRIB 1 has 2 m temperature and pressure at mean sea level
/// at the surface, which would make other variables of them in GRIB 2.
pub(super) fn told_level(header: &Header) -> Level {
    let implied = variable::known(&header.variable).and_then(|known| known.at.level());
    implied.filter(|_| header.level.kind == LevelKind::Surface).unwrap_or(header.level)
}

impl Sink for Writer {
    fn write(&mut self, header: &Header, values: &[f32]) -> Result<(), WriteError> {
        let path = self.target(header.step);
        let unfit = |why: String| WriteError::Unfit { path: path.clone(), why };
        if let Some(why) = self.stranger(header, values) {
            return Err(unfit(why));
        }
        let codes = parameters::codes(&header.variable);
        let (Some(codes), Some(surfaces)) = (codes, levels::surfaces(told_level(header))) else {
            return Err(unfit(format!("{} at {} has no code", header.variable, header.level)));
        };
        let small = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        let about = About {
            centre: self.centre,
            codes,
            surfaces,
            reference: header.reference,
            step: header.step,
            member: header.member.zip(self.plan.members).map(|(m, all)| (small(m), small(all))),
            grid: &self.plan.grid,
        };
        let message = encode::message(&about, values, self.bits)
            .map_err(|why| unfit(format!("{} at {}: {why}", header.variable, header.level)))?;
        self.append(&path, &message)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        for (path, file) in &self.files {
            if let Some(file) = file {
                let io = |source| WriteError::Io { path: path.clone(), source };
                file.sync_data().map_err(io)?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.flush()
    }
}
