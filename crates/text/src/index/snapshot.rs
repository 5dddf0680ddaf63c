//! An index as it was at one commit: searched, listed and read by any number of threads, untouched by later commits.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::address::Address;
use crate::document::Document;

use super::chain;
use super::config::{IndexConfig, Scoring};
use super::error::IndexError;
use super::manifest::{Manifest, SegmentEntry};
use super::part::Part;
use super::query::{Filter, IndexStats, Summary, UnitRef, Viewer};
use super::rows::article_code;
use super::segment::Segment;
use super::view::{Kept, Selection, View};

/// Documents that are kept parsed.
const DOCUMENTS_KEPT: usize = 64;

/// A document's place: its part, and its number in the segment.
pub(super) type DocAt = (u32, u32);

/// An index as it was at one commit.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) manifest: Manifest,
    pub(super) parts: Vec<Part>,
    ids: FxHashMap<Arc<str>, DocAt>,
    /// Documents by identifier.
    sorted: Vec<DocAt>,
    works: FxHashMap<String, Vec<DocAt>>,
    /// Documents by 发文字号, in the form of [`number_key`].
    numbers: FxHashMap<String, Vec<DocAt>>,
    views: Kept<Viewer, View>,
    selections: Kept<Filter, Selection>,
    documents: Mutex<VecDeque<(DocAt, Arc<Document>)>>,
}

impl Snapshot {
    /// Reads what a manifest names. Segments that an older snapshot has open are shared.
    pub(super) fn load(
        dir: &Path,
        manifest: Manifest,
        older: Option<&Self>,
    ) -> Result<Self, IndexError> {
        let dim = manifest.config.embedding.as_ref().map_or(0, |embedding| embedding.dim);
        let mut parts = Vec::with_capacity(manifest.segments.len());
        for entry in &manifest.segments {
            let open = older.and_then(|older| {
                let names = older.manifest.segments.iter();
                let at = names.clone().position(|old| old.file == entry.file)?;
                older.parts.get(at).map(|part| Arc::clone(&part.segment))
            });
            let segment = match open {
                Some(segment) => segment,
                None => Arc::new(Segment::open(&dir.join(&entry.file), entry.length, dim)?),
            };
            parts.push(Part::new(segment, &entry.deleted, &manifest.config.scoring));
        }
        Self::new(manifest, parts)
    }

    /// The snapshot of segments that are open.
    pub(super) fn of(manifest: Manifest, segments: Vec<Arc<Segment>>) -> Result<Self, IndexError> {
        let scoring = &manifest.config.scoring;
        let new =
            |(segment, entry): (_, &SegmentEntry)| Part::new(segment, &entry.deleted, scoring);
        let parts = segments.into_iter().zip(&manifest.segments).map(new).collect();
        Self::new(manifest, parts)
    }

    fn new(manifest: Manifest, mut parts: Vec<Part>) -> Result<Self, IndexError> {
        let mut ids = FxHashMap::default();
        let (mut works, mut numbers) = (FxHashMap::default(), FxHashMap::default());
        for (number, part) in parts.iter().enumerate() {
            for doc in part.living.iter() {
                let at = (number as u32, doc);
                let (Some(id), Some(meta)) =
                    (part.segment.ids.get(doc as usize), part.segment.metas.get(doc as usize))
                else {
                    continue;
                };
                ids.insert(Arc::clone(id), at);
                works.entry(meta.work.clone()).or_insert_with(Vec::new).push(at);
                if let Some(number) = &meta.number {
                    numbers.entry(number_key(number)).or_insert_with(Vec::new).push(at);
                }
            }
        }
        let mut named: Vec<(&Arc<str>, DocAt)> = ids.iter().map(|(id, at)| (id, *at)).collect();
        named.sort_unstable();
        let sorted: Vec<DocAt> = named.into_iter().map(|(_, at)| at).collect();
        // Lists of a work or number are ordered like everything: by identifier.
        let order: FxHashMap<DocAt, usize> =
            sorted.iter().enumerate().map(|(place, at)| (*at, place)).collect();
        let by_id = |list: &mut Vec<DocAt>| list.sort_unstable_by_key(|at| order.get(at).copied());
        works.values_mut().for_each(by_id);
        numbers.values_mut().for_each(by_id);
        chain::apply(&mut parts, &sorted)?;
        Ok(Self {
            manifest,
            parts,
            ids,
            sorted,
            works,
            numbers,
            views: Kept::default(),
            selections: Kept::default(),
            documents: Mutex::default(),
        })
    }

    /// Commits since the index was made.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// What the index was made with.
    #[must_use]
    pub fn config(&self) -> &IndexConfig {
        &self.manifest.config
    }

    /// The same documents, with words weighed in another way.
    ///
    /// # Errors
    /// [`IndexError::Query`] for weights that make no sense.
    pub fn with_scoring(&self, scoring: Scoring) -> Result<Self, IndexError> {
        if let Some(why) = scoring.fault() {
            return Err(IndexError::Query(why));
        }
        let mut manifest = self.manifest.clone();
        manifest.config.scoring = scoring;
        Self::of(manifest, self.parts.iter().map(|part| Arc::clone(&part.segment)).collect())
    }

    /// What a word weighs in a question of a viewer: ln(1 + (N − n + ½) / (n + ½)) of N records seen, n of which have it.
    ///
    /// # Errors
    /// [`IndexError::Damaged`]
    pub fn idf(&self, viewer: &Viewer, token: &str) -> Result<f64, IndexError> {
        let view = self.view(viewer);
        let having = super::lexical::frequency(&self.parts, &view, crate::tokenize::key(token))?;
        Ok(weight(view.records as f64, having as f64))
    }

    /// What a word weighs that nothing has.
    #[must_use]
    pub fn idf_most(&self, viewer: &Viewer) -> f64 {
        weight(self.view(viewer).records as f64, 0.0)
    }

    pub(super) fn view(&self, viewer: &Viewer) -> Arc<View> {
        let make = || View::new(&self.parts, viewer, &self.manifest.config.scoring);
        self.views.get(viewer, make)
    }

    pub(super) fn selection(&self, filter: &Filter) -> Arc<Selection> {
        let make = || Selection::new(&self.parts, filter, self.view(&filter.viewer));
        self.selections.get(filter, make)
    }

    pub(super) fn at(&self, id: &str) -> Option<DocAt> {
        self.ids.get(id).copied()
    }

    fn part(&self, at: DocAt) -> Option<&Part> {
        self.parts.get(at.0 as usize)
    }

    fn visible(&self, at: DocAt, viewer: &Viewer) -> bool {
        self.part(at).is_some_and(|part| part.sees(at.1, viewer))
    }

    /// sha256 of what a document was made of, as the one who put it said. It tells of hidden documents too: it is for
    /// those who write.
    #[must_use]
    pub fn source_digest(&self, id: &str) -> Option<[u8; 32]> {
        let at = self.at(id)?;
        self.part(at)?.segment.docs.get(at.1 as usize).map(|row| row.source)
    }

    /// A document; `None` where there is none of that identifier, or the viewer may not see it.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] where its bytes are not what was written.
    pub fn document(&self, id: &str, viewer: &Viewer) -> Result<Option<Arc<Document>>, IndexError> {
        let Some(at) = self.at(id).filter(|at| self.visible(*at, viewer)) else {
            return Ok(None);
        };
        self.read(at).map(Some)
    }

    fn read(&self, at: DocAt) -> Result<Arc<Document>, IndexError> {
        let lock = || self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lock().iter().find(|(place, _)| *place == at).map(|(_, doc)| Arc::clone(doc));
        if let Some(document) = kept {
            return Ok(document);
        }
        let part = self.part(at).ok_or_else(|| IndexError::Query("no such document".into()))?;
        let document = Arc::new(part.segment.document(at.1)?);
        let mut kept = lock();
        if kept.len() >= DOCUMENTS_KEPT {
            kept.pop_front();
        }
        kept.push_back((at, Arc::clone(&document)));
        Ok(document)
    }

    /// What is known of a document; `None` as for [`Snapshot::document`].
    #[must_use]
    pub fn summary(&self, id: &str, viewer: &Viewer) -> Option<Summary> {
        let at = self.at(id).filter(|at| self.visible(*at, viewer))?;
        self.part(at)?.summary(at.1)
    }

    /// Documents that a viewer may see, by identifier: those from `offset` on, `limit` at most, and how many there are.
    /// With `text`, those that have it in identifier, title, work or 发文字号.
    #[must_use]
    pub fn documents(
        &self,
        viewer: &Viewer,
        offset: usize,
        limit: usize,
        text: Option<&str>,
    ) -> (Vec<Summary>, usize) {
        let wanted = text.map(|text| crate::tokenize::normalise(text).trim().to_owned());
        let matches = |at: DocAt| {
            let Some(wanted) = wanted.as_deref().filter(|wanted| !wanted.is_empty()) else {
                return true;
            };
            let meta = self.part(at).and_then(|part| part.segment.metas.get(at.1 as usize));
            let has = |text: &str| crate::tokenize::normalise(text).contains(wanted);
            meta.is_some_and(|meta| {
                has(&meta.title)
                    || has(&meta.id)
                    || has(&meta.work)
                    || meta.number.as_deref().is_some_and(|number| {
                        has(number) || number_key(number).contains(&number_key(wanted))
                    })
            })
        };
        let (mut found, mut total) = (Vec::new(), 0);
        for at in self.sorted.iter().copied() {
            if !self.visible(at, viewer) || !matches(at) {
                continue;
            }
            if total >= offset && found.len() < limit {
                found.extend(self.part(at).and_then(|part| part.summary(at.1)));
            }
            total += 1;
        }
        (found, total)
    }

    /// Documents and passages that a viewer may see.
    #[must_use]
    pub fn counts(&self, viewer: &Viewer) -> (usize, usize) {
        let seen = |at: &&DocAt| self.visible(**at, viewer);
        let documents = self.sorted.iter().filter(seen).count();
        (documents, self.view(viewer).units as usize)
    }

    /// Documents of a 发文字号, however its brackets and spaces are written. Whether they are in force on the filter's
    /// day is for the caller to tell from [`Summary::validity`]: a number names one text, in force or not.
    #[must_use]
    pub fn by_number(&self, number: &str, filter: &Filter) -> Vec<Summary> {
        let found = self.numbers.get(&number_key(number)).into_iter().flatten();
        found
            .filter(|at| self.part(**at).is_some_and(|part| part.admits(at.1, filter)))
            .filter_map(|at| self.part(*at)?.summary(at.1))
            .collect()
    }

    /// The versions of a work that a viewer may see, by identifier.
    #[must_use]
    pub fn versions(&self, work: &str, viewer: &Viewer) -> Vec<Summary> {
        let found = self.works.get(work).into_iter().flatten();
        found
            .filter(|at| self.visible(**at, viewer))
            .filter_map(|at| self.part(*at)?.summary(at.1))
            .collect()
    }

    /// Passages of a work at an address, within a filter and in force on its day: those whose own address says the same
    /// in every level that both have (a passage that is a whole article answers for its 款 and 项).
    ///
    /// # Errors
    /// [`IndexError::Damaged`]
    pub fn by_address(
        &self,
        work: &str,
        address: &Address,
        filter: &Filter,
    ) -> Result<Vec<UnitRef>, IndexError> {
        let code = article_code(address);
        let mut found = Vec::new();
        for at in self.works.get(work).into_iter().flatten().copied() {
            let Some(part) = self.part(at).filter(|part| part.admits(at.1, filter)) else {
                continue;
            };
            let fits =
                |unit: u32| filter.include_not_in_force || part.validity(unit).holds(filter.as_of);
            let likely: Vec<(u32, usize)> = part
                .units(at.1)
                .enumerate()
                .filter(|(_, (unit, row))| (code == 0 || row.article == code) && fits(*unit))
                .map(|(number, (unit, _))| (unit, number))
                .collect();
            if likely.is_empty() {
                continue;
            }
            let document = self.read(at)?;
            for (unit, number) in likely {
                let Some(passage) = document.units.get(number) else { continue };
                if agrees(&passage.address, address) {
                    found.push(UnitRef {
                        doc: Arc::from(document.id.as_str()),
                        unit: number,
                        kind: passage.kind,
                        address: passage.address.clone(),
                        validity: part.validity(unit),
                    });
                }
            }
        }
        Ok(found)
    }

    /// The days a passage is in force, after newer versions and repeals; `None` as for [`Snapshot::document`].
    #[must_use]
    pub fn validity(
        &self,
        id: &str,
        unit: usize,
        viewer: &Viewer,
    ) -> Option<crate::document::Validity> {
        let at = self.at(id).filter(|at| self.visible(*at, viewer))?;
        let part = self.part(at)?;
        let (unit, _) = part.units(at.1).nth(unit)?;
        Some(part.validity(unit))
    }

    /// The document that ended a document's days, by taking its place or repealing it; `None` where nothing did, and where
    /// the viewer may not see it.
    #[must_use]
    pub fn ended_by(&self, id: &str, viewer: &Viewer) -> Option<Arc<str>> {
        let at = self.at(id).filter(|at| self.visible(*at, viewer))?;
        let by = self.part(at)?.left.get(at.1 as usize)?.ended_by.as_deref()?;
        self.summary(by, viewer).map(|summary| summary.id)
    }

    /// A hash of what the index holds: every document with its passages, labels and vectors, the days in force, and the
    /// model of the vectors. It does not depend on the order or the number of commits that brought them in.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut sha = Sha256::new();
        let embedding = serde_json::to_vec(&self.manifest.config.embedding).unwrap_or_default();
        sha.update(Sha256::digest(&embedding));
        for at in &self.sorted {
            let Some(part) = self.part(*at) else { continue };
            let Some(row) = part.segment.docs.get(at.1 as usize) else { continue };
            sha.update(row.content);
            sha.update(row.vectors);
            let days: Vec<_> = part.units(at.1).map(|(unit, _)| part.validity(unit)).collect();
            let days = serde_json::to_vec(&(part.document_validity(at.1), days));
            sha.update(Sha256::digest(days.unwrap_or_default()));
        }
        sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> IndexStats {
        let all: usize = self.parts.iter().map(|part| part.segment.docs.len()).sum();
        let living =
            |part: &Part| part.living.iter().map(|doc| part.units(doc).count()).sum::<usize>();
        IndexStats {
            generation: self.manifest.generation,
            documents: self.sorted.len(),
            units: self.parts.iter().map(living).sum(),
            segments: self.parts.len(),
            deleted: all - self.sorted.len(),
            bytes: self.parts.iter().map(|part| part.segment.bytes()).sum(),
            dim: self.manifest.config.embedding.as_ref().map_or(0, |embedding| embedding.dim),
        }
    }

    /// Reads everything and compares it with its checksums.
    ///
    /// # Errors
    /// [`IndexError::Damaged`]
    pub fn verify(&self) -> Result<(), IndexError> {
        self.parts.iter().try_for_each(|part| part.segment.verify())
    }
}

fn weight(all: f64, having: f64) -> f64 {
    (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
}

/// Whether two addresses say the same in every level that both have.
fn agrees(own: &Address, asked: &Address) -> bool {
    let levels = |a: &Address| {
        [a.book, a.part, a.chapter, a.section, a.article, a.paragraph, a.item, a.point]
    };
    let same = levels(own)
        .into_iter()
        .zip(levels(asked))
        .all(|(own, asked)| own.is_none() || asked.is_none() || own == asked);
    let nested = own.levels.iter().zip(&asked.levels).all(|(own, asked)| own == asked);
    let annex = own.annex.is_none() || asked.annex.is_none() || own.annex == asked.annex;
    // Something must be asked that the passage answers.
    let named = asked.article.is_none() || own.article.is_some();
    let deep = asked.levels.is_empty() || !own.levels.is_empty();
    same && nested && annex && named && deep
}

/// A 发文字号 as it is looked up: NFKC, all brackets alike, no spaces.
pub(super) fn number_key(number: &str) -> String {
    let plain = crate::tokenize::normalise(number);
    plain
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c {
            '〔' | '(' | '【' | '〈' | '《' | '{' => '[',
            '〕' | ')' | '】' | '〉' | '》' | '}' => ']',
            other => other,
        })
        .collect()
}
