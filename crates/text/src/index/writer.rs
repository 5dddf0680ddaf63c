//! Changing an index: documents are put and deleted, and all of it happens at once when it is committed.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::build::{Builder, Prepared};
use super::config::WriterOptions;
use super::error::IndexError;
use super::manifest::{Manifest, SegmentEntry};
use super::merge::{Source, merge};
use super::segment::Segment;
use super::{Index, Snapshot};

/// A document's text may have this many bytes.
const LONGEST_TEXT: usize = 256 << 20;

/// Number of a commit, counted from the making of the index.
pub type Generation = u64;

/// The one writer of an index. What it did since the last commit is lost when it is dropped or killed.
#[derive(Debug)]
pub struct Writer {
    index: Index,
    options: WriterOptions,
    manifest: Manifest,
    base: Arc<Snapshot>,
    /// The segments of the manifest, then those written since.
    segments: Vec<Open>,
    builder: Builder,
    /// Documents of the segment in memory that are gone again.
    builder_dead: BTreeSet<u32>,
    /// Where what was put since the last commit is: its segment (`None` is the one in memory) and its number.
    put: FxHashMap<String, (Option<usize>, u32)>,
    changed: bool,
    /// Released when the file is closed, also by the system when the process is killed.
    _lock: File,
}

/// A segment that is part of what is written.
#[derive(Debug)]
struct Open {
    entry: SegmentEntry,
    segment: Arc<Segment>,
    dead: BTreeSet<u32>,
}

impl Writer {
    pub(super) fn new(
        index: Index,
        options: WriterOptions,
        lock: File,
    ) -> Result<Self, IndexError> {
        // Another process may have written since this one looked.
        index.refresh()?;
        let base = index.snapshot();
        let manifest = base.manifest.clone();
        manifest.sweep(index.dir());
        let mut writer = Self {
            index,
            options,
            manifest,
            segments: Vec::new(),
            builder: Builder::default(),
            builder_dead: BTreeSet::new(),
            put: FxHashMap::default(),
            changed: false,
            base,
            _lock: lock,
        };
        writer.rebase();
        Ok(writer)
    }

    /// Begins anew from the last commit.
    fn rebase(&mut self) {
        self.manifest = self.base.manifest.clone();
        let entries = self.manifest.segments.iter().zip(&self.base.parts);
        self.segments = entries
            .map(|(entry, part)| Open {
                entry: entry.clone(),
                segment: Arc::clone(&part.segment),
                dead: entry.deleted.iter().copied().collect(),
            })
            .collect();
        self.put.clear();
        self.changed = false;
    }

    fn dim(&self) -> usize {
        self.manifest.config.embedding.as_ref().map_or(0, |embedding| embedding.dim)
    }

    /// The digest a document was put with, committed or not: a caller leaves out what did not change.
    #[must_use]
    pub fn source_digest(&self, id: &str) -> Option<[u8; 32]> {
        match self.put.get(id) {
            Some((None, doc)) => self.builder.source(*doc),
            Some((Some(at), doc)) => {
                self.segments.get(*at)?.segment.docs.get(*doc as usize).map(|row| row.source)
            }
            None => {
                let (part, doc) = self.base.at(id)?;
                let gone = self.segments.get(part as usize)?.dead.contains(&doc);
                if gone { None } else { self.base.source_digest(id) }
            }
        }
    }

    /// Takes a document in. One of the same identifier is replaced.
    ///
    /// # Errors
    /// [`IndexError::Document`] for one without identifier, with passages that are no places in its text, or with
    /// vectors that are not those of the index: it is left out, the rest stays. [`IndexError::Io`]: everything since the
    /// last commit is lost.
    pub fn put(&mut self, prepared: &Prepared) -> Result<(), IndexError> {
        check(prepared, self.dim())?;
        let id = &prepared.document.id;
        let json = serde_json::to_vec(&prepared.document)
            .map_err(|error| IndexError::Document { id: id.clone(), why: error.to_string() })?;
        self.forget(id);
        let doc = self.builder.push(prepared, &json);
        self.put.insert(id.clone(), (None, doc));
        self.changed = true;
        if self.builder.bytes() < self.options.memory {
            return Ok(());
        }
        self.flush().inspect_err(|_| self.roll_back())
    }

    /// Takes documents out; how many of them there were.
    pub fn delete<S: AsRef<str>>(&mut self, ids: &[S]) -> usize {
        let gone = ids.iter().filter(|id| self.forget(id.as_ref())).count();
        self.changed |= gone > 0;
        gone
    }

    /// Marks the document of an identifier as gone; whether there was one.
    fn forget(&mut self, id: &str) -> bool {
        match self.put.remove(id) {
            Some((None, doc)) => self.builder_dead.insert(doc),
            Some((Some(at), doc)) => {
                self.segments.get_mut(at).is_some_and(|open| open.dead.insert(doc))
            }
            None => self.base.at(id).is_some_and(|(part, doc)| {
                self.segments.get_mut(part as usize).is_some_and(|open| open.dead.insert(doc))
            }),
        }
    }

    /// Writes the segment in memory.
    fn flush(&mut self) -> Result<(), IndexError> {
        if self.builder.is_empty() {
            return Ok(());
        }
        let builder = std::mem::take(&mut self.builder);
        let dead = std::mem::take(&mut self.builder_dead);
        let (path, file) = self.next_file();
        let all_gone = dead.len() == builder.documents() as usize;
        if all_gone {
            return Ok(());
        }
        let length = builder.finish(&path)?;
        let segment = Arc::new(Segment::open(&path, length, self.dim())?);
        // It was read whole to be checked; who only writes asks for none of it again.
        segment.release();
        let at = self.segments.len();
        for place in self.put.values_mut().filter(|(segment, _)| segment.is_none()) {
            place.0 = Some(at);
        }
        let entry = SegmentEntry { file, length, deleted: Vec::new() };
        self.segments.push(Open { entry, segment, dead });
        Ok(())
    }

    fn next_file(&mut self) -> (PathBuf, String) {
        let file = self.manifest.next_name();
        (self.index.dir().join(&file), file)
    }

    /// Makes everything since the last commit part of the index, all at once, and gives it to readers. Without changes
    /// nothing is written.
    ///
    /// # Errors
    /// [`IndexError::Io`]: the index is what it was at the last commit, and what was done since is lost.
    pub fn commit(&mut self) -> Result<Generation, IndexError> {
        self.finish(false)
    }

    /// Commits, and brings everything into one file without what was deleted.
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub fn compact(&mut self) -> Result<Generation, IndexError> {
        let deleted = self.segments.iter().any(|open| !open.dead.is_empty());
        self.changed |= deleted || self.segments.len() > 1;
        self.finish(true)
    }

    fn finish(&mut self, whole: bool) -> Result<Generation, IndexError> {
        if !self.changed {
            return Ok(self.manifest.generation);
        }
        self.write(whole).inspect_err(|_| self.roll_back())
    }

    /// Back to what is committed: half of a change must not come with the next. Which commit that is the disk says, as
    /// the error may have come after the rename; files that belong to none wait for the next writer.
    fn roll_back(&mut self) {
        (self.builder, self.builder_dead) = (Builder::default(), BTreeSet::new());
        // Where even reading fails, so will the next commit.
        let _ = self.index.refresh();
        self.base = self.index.snapshot();
        self.rebase();
    }

    fn write(&mut self, whole: bool) -> Result<Generation, IndexError> {
        self.flush()?;
        self.segments.retain(|open| open.dead.len() < open.segment.docs.len());
        if whole {
            let all: Vec<usize> = (0..self.segments.len()).collect();
            self.merge(&all)?;
        } else {
            self.rewrite()?;
            while let Some(alike) = alike(&self.sizes(), self.options.merge_at) {
                self.merge(&alike)?;
            }
        }
        let mut manifest = self.manifest.clone();
        manifest.generation += 1;
        manifest.segments = self
            .segments
            .iter()
            .map(|open| SegmentEntry {
                deleted: open.dead.iter().copied().collect(),
                ..open.entry.clone()
            })
            .collect();
        let dir = self.index.dir().to_owned();
        let known = self.segments.iter().map(|open| Arc::clone(&open.segment)).collect();
        let snapshot = Arc::new(Snapshot::of(manifest.clone(), known)?);
        manifest.write(&dir)?;
        self.base = Arc::clone(&snapshot);
        self.index.publish(snapshot);
        self.rebase();
        self.manifest.sweep(&dir);
        Ok(self.manifest.generation)
    }

    /// Passages of each segment.
    fn sizes(&self) -> Vec<usize> {
        self.segments.iter().map(|open| open.segment.units.len()).collect()
    }

    /// Rewrites segments of which much was deleted.
    fn rewrite(&mut self) -> Result<(), IndexError> {
        for at in (0..self.segments.len()).rev() {
            let Some(open) = self.segments.get(at) else { continue };
            if open.dead.len() * self.options.rewrite_at > open.segment.docs.len() {
                self.merge(&[at])?;
            }
        }
        Ok(())
    }

    /// Puts one segment in the place of several.
    fn merge(&mut self, places: &[usize]) -> Result<(), IndexError> {
        let chosen: Vec<&Open> = places.iter().filter_map(|at| self.segments.get(*at)).collect();
        if chosen.is_empty() || (chosen.len() == 1 && chosen.iter().all(|o| o.dead.is_empty())) {
            return Ok(());
        }
        let sources: Vec<Source> = chosen
            .iter()
            .map(|open| Source {
                segment: Arc::clone(&open.segment),
                deleted: open.dead.iter().copied().collect(),
            })
            .collect();
        let (path, file) = self.next_file();
        let length = merge(&sources, self.dim(), &path)?;
        let segment = Arc::new(Segment::open(&path, length, self.dim())?);
        // It was read whole to be checked; who only writes asks for none of it again.
        segment.release();
        let entry = SegmentEntry { file, length, deleted: Vec::new() };
        let mut at = 0;
        self.segments.retain(|_| {
            at += 1;
            !places.contains(&(at - 1))
        });
        self.segments.push(Open { entry, segment, dead: BTreeSet::new() });
        Ok(())
    }
}

/// Segments that are merged next: `merge_at` or more whose sizes lie within a factor of eight. So a passage is rewritten
/// about once for each time the index grows eightfold.
fn alike(sizes: &[usize], merge_at: usize) -> Option<Vec<usize>> {
    let tier = |units: usize| (units / 512).max(1).ilog(8);
    (0..=20).find_map(|wanted| {
        let places: Vec<usize> = (0..sizes.len()).filter(|at| tier(sizes[*at]) == wanted).collect();
        (places.len() >= merge_at.max(2)).then_some(places)
    })
}

/// Whether a document can be taken.
fn check(prepared: &Prepared, dim: usize) -> Result<(), IndexError> {
    let document = &prepared.document;
    let refuse =
        |why: String| Err(IndexError::Document { id: document.id.chars().take(80).collect(), why });
    if document.id.is_empty() {
        return refuse(format!("it has no identifier; {:?} needs one", document.source));
    }
    if document.text.len() > LONGEST_TEXT {
        return refuse(format!("its text has {} bytes; split it", document.text.len()));
    }
    let outside = document.units.iter().position(|unit| unit.span.of(&document.text).is_none());
    if let Some(number) = outside {
        return refuse(format!("passage {number} is no place in its text"));
    }
    let wanted = document.units.len() * dim;
    match &prepared.vectors {
        None if dim == 0 => Ok(()),
        None => refuse("it has no vectors, but the index holds them; embed its passages".into()),
        Some(_) if dim == 0 => refuse("it has vectors, but the index was made without".into()),
        Some(numbers) if numbers.len() != wanted => refuse(format!(
            "its vectors have {} numbers instead of {wanted}, {dim} for each passage",
            numbers.len()
        )),
        Some(numbers) if !numbers.iter().all(|number| number.is_finite()) => {
            refuse("its vectors have numbers that are not finite".into())
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_alike_are_merged() {
        assert_eq!(alike(&[10; 7], 8), None);
        assert_eq!(alike(&[10; 8], 8), Some((0..8).collect()));
        assert_eq!(alike(&[58_000, 10, 20, 30], 3), Some(vec![1, 2, 3]));
        assert_eq!(alike(&[], 8), None);
    }
}
