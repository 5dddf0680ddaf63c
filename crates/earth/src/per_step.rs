//! A file for each step (and member): `out-{step}.grib`, `out-{step}-{member}.nc`. Steps are hours; each file ends, and appears,
//! when its last field is in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::field::Header;
use crate::sink::{Plan, Sink, WriteError};

/// Opens files of a format by their path.
pub trait Opener: Send {
    /// Starts a file. Where `resume` is true, a file of the same plan that was cut off, or that ended, must be gone on with: what was
    /// flushed stays, and fields that were written before may come again with the same values. The file is seen under its name
    /// when it ends.
    ///
    /// # Errors
    /// [`WriteError`]
    fn open(&mut self, path: &Path, plan: &Plan, resume: bool)
    -> Result<Box<dyn Sink>, WriteError>;

    /// Whether files of the format can be gone on with. Where they cannot, a run that was cut off goes on only if each of its files
    /// is written at once: one a step, and a member of an ensemble.
    fn resumes(&self) -> bool {
        true
    }
}

impl<F: FnMut(&Path, &Plan, bool) -> Result<Box<dyn Sink>, WriteError> + Send> Opener for F {
    fn open(
        &mut self,
        path: &Path,
        plan: &Plan,
        resume: bool,
    ) -> Result<Box<dyn Sink>, WriteError> {
        self(path, plan, resume)
    }
}

/// Whether a path stands for several files.
#[must_use]
pub fn is_pattern(path: &str) -> bool {
    path.contains("{step}") || path.contains("{member}")
}

/// The sink of a path: one file, or one for each step or member.
///
/// # Errors
/// [`WriteError`]
pub fn open(
    path: &str,
    plan: &Plan,
    mut opener: Box<dyn Opener>,
    resume: bool,
) -> Result<Box<dyn Sink>, WriteError> {
    let at_once = path.contains("{step}") && (path.contains("{member}") || plan.members.is_none());
    if resume && !opener.resumes() && !at_once {
        let why = "a file of this format cannot be gone on with: write a file a step ({step}), and a member ({member}), or NetCDF or \
                   Zarr; or begin anew without --resume";
        return Err(WriteError::Unfit { path: PathBuf::from(path), why: why.to_owned() });
    }
    if !is_pattern(path) {
        return opener.open(Path::new(path), plan, resume);
    }
    if path.contains("{member}") && plan.members.is_none() {
        return Err(WriteError::Unfit {
            path: PathBuf::from(path),
            why: "{member} is for ensembles".to_owned(),
        });
    }
    Ok(Box::new(PerStep {
        pattern: path.to_owned(),
        plan: plan.clone(),
        opener,
        resume,
        open: BTreeMap::new(),
        seen: BTreeSet::new(),
    }))
}

struct PerStep {
    pattern: String,
    plan: Plan,
    opener: Box<dyn Opener>,
    resume: bool,
    /// Files by path, with the number of fields that are still to come.
    open: BTreeMap<PathBuf, (Box<dyn Sink>, usize)>,
    /// Files that were opened.
    seen: BTreeSet<PathBuf>,
}

impl PerStep {
    fn path(&self, member: Option<u32>, step: i64) -> PathBuf {
        let member = member.map(|member| format!("{member:02}")).unwrap_or_default();
        let step = (step / 3600).to_string();
        PathBuf::from(self.pattern.replace("{step}", &step).replace("{member}", &member))
    }

    /// What goes into the file of a member and a step, and how many fields that is.
    fn part(&self, member: Option<u32>, step: i64) -> (Plan, usize) {
        let mut plan = self.plan.clone();
        if self.pattern.contains("{step}") {
            plan.steps = vec![step];
        }
        if self.pattern.contains("{member}") {
            plan.members = None;
            // The file has no axis that says which one it is.
            plan.attributes.insert("member".to_owned(), member.unwrap_or_default().to_string());
        }
        let levels: usize = plan.variables.iter().map(|planned| planned.levels.len()).sum();
        let fields = levels * plan.steps.len() * plan.members.unwrap_or(1) as usize;
        (plan, fields)
    }

    fn start(
        &mut self,
        member: Option<u32>,
        step: i64,
    ) -> Result<(Box<dyn Sink>, usize), WriteError> {
        let path = self.path(member, step);
        let (plan, fields) = self.part(member, step);
        let sink = self.opener.open(&path, &plan, self.resume)?;
        self.seen.insert(path);
        Ok((sink, fields))
    }
}

impl Sink for PerStep {
    fn write(&mut self, header: &Header, values: &[f32]) -> Result<(), WriteError> {
        let path = self.path(header.member, header.step);
        let (mut sink, left) = match self.open.remove(&path) {
            Some(open) => open,
            None => self.start(header.member, header.step)?,
        };
        if self.pattern.contains("{member}") {
            let header = Header { member: None, ..header.clone() };
            sink.write(&header, values)?;
        } else {
            sink.write(header, values)?;
        }
        match left.saturating_sub(1) {
            0 => sink.finish(),
            left => {
                self.open.insert(path, (sink, left));
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.open.values_mut().try_for_each(|(sink, _)| sink.flush())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        for (sink, _) in std::mem::take(&mut self.open).into_values() {
            sink.finish()?;
        }
        if !self.resume || !self.opener.resumes() {
            return Ok(());
        }
        // Files whose last field came before the run was cut off, and that did not end.
        let members =
            self.plan.members.map_or_else(|| vec![None], |all| (0..all).map(Some).collect());
        for member in members {
            for step in self.plan.steps.clone() {
                if !self.seen.contains(&self.path(member, step)) {
                    self.start(member, step)?.0.finish()?;
                }
            }
        }
        Ok(())
    }
}
