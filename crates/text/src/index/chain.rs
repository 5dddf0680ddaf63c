//! What newer versions and repeals leave of the documents of an index.
//!
//! It is worked out anew for every snapshot, so that it depends on nothing but the documents. Most have no other version
//! and are named by no repeal; only the rest goes through [`chain`].

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Address;
use crate::structure::versions::{Ending, Interval, WorkVersion, chain};

use super::error::IndexError;
use super::part::{Left, Part};
use super::rows::Meta;
use super::snapshot::{DocAt, number_key};

/// What versions of one work share.
type Key<'a> = (&'a str, Option<&'a Address>, Option<&'a str>);

fn key(meta: &Meta) -> Key<'_> {
    (&meta.work, meta.part.as_ref(), meta.scope.as_deref())
}

/// Sets what others leave of each of these documents, which are all there are.
pub(super) fn apply(parts: &mut [Part], documents: &[DocAt]) -> Result<(), IndexError> {
    let (concerned, versions) = concerned(parts, documents);
    for (at, interval) in concerned.into_iter().zip(chain(&versions)) {
        let Some(part) = parts.get_mut(at.0 as usize) else { continue };
        let left = left(part, at.1, &interval)?;
        if part.left.is_empty() {
            part.left = vec![Left::default(); part.segment.docs.len()];
        }
        if let Some(place) = part.left.get_mut(at.1 as usize) {
            *place = left;
        }
    }
    Ok(())
}

/// The documents that have other versions, do something to others or may be meant by what others do.
fn concerned(parts: &[Part], documents: &[DocAt]) -> (Vec<DocAt>, Vec<WorkVersion>) {
    let meta = |at: &DocAt| parts.get(at.0 as usize)?.segment.metas.get(at.1 as usize);
    let mut counts: FxHashMap<Key<'_>, u32> = FxHashMap::default();
    let (mut works, mut numbers) = (FxHashSet::default(), FxHashSet::default());
    for meta in documents.iter().filter_map(meta) {
        *counts.entry(key(meta)).or_default() += 1;
        for relation in &meta.relations {
            works.insert(relation.target.as_str());
            numbers.insert(number_key(&relation.target));
        }
    }
    let named = |meta: &Meta| {
        let number = meta.number.as_deref().map(number_key);
        works.contains(meta.work.as_str()) || number.is_some_and(|number| numbers.contains(&number))
    };
    let mut found = (Vec::new(), Vec::new());
    for at in documents {
        let Some(meta) = meta(at) else { continue };
        let several = counts.get(&key(meta)).is_some_and(|count| *count > 1);
        if several || !meta.relations.is_empty() || (!works.is_empty() && named(meta)) {
            found.0.push(*at);
            found.1.push(meta.work_version());
        }
    }
    found
}

fn left(part: &Part, doc: u32, interval: &Interval) -> Result<Left, IndexError> {
    let mut units = Vec::new();
    if !interval.parts.is_empty() {
        let document = part.segment.document(doc)?;
        for (number, unit) in document.units.iter().enumerate() {
            units.extend(interval.of_part(&unit.address).map(|days| (number as u32, days)));
        }
    }
    let ended_by = match &interval.status_reason {
        Some(Ending::Superseded(by) | Ending::Repealed(by)) => Some(by.clone()),
        Some(Ending::Expired) | None => None,
    };
    Ok(Left { validity: interval.validity, superseded: interval.superseded(), ended_by, units })
}
