//! Search: passages by words and meaning, by address and by 发文字号, within what the asker may see, as of a day.

use std::collections::HashSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::runtime::RunOptions;
use strata_text::address::Address;
use strata_text::choose::{Candidate, Choice};
use strata_text::date::Date;
use strata_text::document::DocumentKind;
use strata_text::fusion::Fusion;
use strata_text::index::{Filter, Hit, IndexError, Query, Snapshot, Viewer};
use strata_text::structure;

use super::citation::{Citation, Ground};
use crate::desk::{Desk, DeskError};

/// Longest question, in characters.
pub const LONGEST: usize = 2000;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct SearchAsk {
    /// The words.
    pub text: String,
    /// The day that texts must be in force.
    pub as_of: Date,
    /// Whether texts that are not in force on that day are found too.
    pub history: bool,
    /// Who looks.
    pub viewer: Viewer,
    /// Region: texts of other regions are not found.
    pub region: Option<String>,
    /// Kinds of documents; empty means all.
    pub kinds: Vec<DocumentKind>,
    /// Passages.
    pub top: usize,
    /// Passages each retriever gives.
    pub depth: usize,
    /// Passages of one notice; articles are counted one by one.
    pub per_record: usize,
    /// Weight of words against meaning; `None` takes the index's.
    pub lexical_weight: Option<f32>,
    /// The first passages that are put in order again by how they fit the question; fewer than two, or those of an index
    /// without vectors, are left as found.
    pub choose: usize,
}

impl SearchAsk {
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            include_not_in_force: self.history,
            region: self.region.as_deref().map(structure::region::whole),
            kinds: self.kinds.iter().copied().collect(),
            ..Filter::new(self.viewer.clone(), self.as_of)
        }
    }

    pub(crate) fn check(&self) -> Result<(), DeskError> {
        let text = self.text.trim();
        if text.is_empty() {
            return Err(DeskError::Question(
                "the question is empty; write what is to be found".to_owned(),
            ));
        }
        let length = text.chars().count();
        if length > LONGEST {
            let what = format!(
                "the question has {length} characters and {LONGEST} is the most; shorten it"
            );
            return Err(DeskError::Question(what));
        }
        Ok(())
    }
}

/// A kind of documents by its name.
///
/// # Errors
/// For other words, with the names there are.
pub fn kind(name: &str) -> Result<DocumentKind, String> {
    serde_json::from_value(serde_json::Value::from(name)).map_err(|_| {
        let name: String = name.chars().take(40).collect();
        format!(
            "{name:?} is no kind of document: there are law, notice, service-guide, encyclopaedia, hotline-case, other"
        )
    })
}

/// A passage that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Passage {
    /// The passage, as it is cited.
    #[serde(flatten)]
    pub citation: Citation,
    /// Score by words, where it was found by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexical: Option<f32>,
    /// Similarity of meaning, -1 to 1, where it was found by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense: Option<f32>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchReply {
    /// The day.
    pub as_of: String,
    /// Passages, best first.
    pub passages: Vec<Passage>,
    /// Documents whose 发文字号 or address was named in the question: these come first.
    pub exact: usize,
}

/// Searches.
///
/// # Errors
/// A question that cannot be asked, an index or model that fails.
pub fn search(desk: &Desk, ask: &SearchAsk, run: &RunOptions) -> Result<SearchReply, DeskError> {
    ask.check()?;
    let snapshot = desk.snapshot();
    let Found { hits, exact, .. } = hits(desk, &snapshot, ask, run)?;
    let ground = Ground { snapshot: &snapshot, viewer: &ask.viewer, as_of: ask.as_of };
    let mut passages = Vec::with_capacity(hits.len());
    for hit in hits {
        let Some(document) = snapshot.document(&hit.doc, &ask.viewer)? else { continue };
        let Some(span) = document.units.get(hit.unit).map(|unit| unit.span) else { continue };
        let citation = Citation::new(ground, &document, (hit.unit, span), hit.score);
        passages.extend(citation.map(|citation| Passage {
            citation,
            lexical: hit.lexical,
            dense: hit.dense,
        }));
    }
    Ok(SearchReply { as_of: ask.as_of.to_string(), passages, exact })
}

/// The documents of a question, best passage first.
///
/// # Errors
/// As [`search`].
pub fn ranked_documents(
    desk: &Desk,
    ask: &SearchAsk,
    most: usize,
    run: &RunOptions,
) -> Result<Vec<String>, DeskError> {
    ask.check()?;
    let snapshot = desk.snapshot();
    // Several passages of a document count once. They are found as for an answer, so that what is counted first answers.
    let top = most * ask.per_record.max(2);
    let deep = SearchAsk { top, depth: ask.depth.max(1000), ..ask.clone() };
    let hits = hits(desk, &snapshot, &deep, run)?.hits;
    let mut seen = std::collections::HashSet::new();
    let ids = hits.into_iter().map(|hit| hit.doc.to_string());
    Ok(ids.filter(|id| seen.insert(id.clone())).take(most).collect())
}

/// What a search finds.
#[derive(Debug)]
pub(crate) struct Found {
    /// The passages, those named by address or number first.
    pub(crate) hits: Vec<Hit>,
    /// How many those are.
    pub(crate) exact: usize,
    /// The first passages before any choice among them: what tells whether the corpus holds an answer, so that the choice
    /// moves no threshold.
    pub(crate) as_found: Vec<Hit>,
}

/// The passages of a question, those it names by address or number first.
pub(crate) fn hits(
    desk: &Desk,
    snapshot: &Snapshot,
    ask: &SearchAsk,
    run: &RunOptions,
) -> Result<Found, DeskError> {
    let filter = ask.filter();
    let vector = desk.vector(&ask.text, run)?;
    let fusion = match ask.lexical_weight {
        Some(lexical_weight) => Fusion::Convex { lexical_weight },
        None => desk.embedder.as_ref().and_then(|model| model.fusion()).unwrap_or_default(),
    };
    let query = Query {
        text: &ask.text,
        vector: vector.as_deref(),
        top: ask.top.max(ask.choose),
        depth: ask.depth.max(ask.top).max(ask.choose),
        per_record: ask.per_record,
        filter: filter.clone(),
        fusion,
    };
    let found = snapshot.search(&query)?;
    let as_found = found.iter().take(ask.top).cloned().collect();
    // The weights were fitted on what both retrievers find.
    let found = if vector.is_some() { chosen(snapshot, ask, found)? } else { found };
    let named = named(snapshot, &ask.text, &filter)?;
    let best = found.first().map_or(1.0, |hit| hit.score);
    let mut hits: Vec<Hit> = Vec::with_capacity(ask.top);
    for (doc, unit) in named.into_iter().take(ask.top) {
        let known = found.iter().find(|hit| hit.doc == doc && hit.unit == unit);
        let unknown = || Hit { doc, unit, score: best, lexical: None, dense: None, coverage: 1.0 };
        let hit = known.cloned().unwrap_or_else(unknown);
        // What is asked for by its number fits at least as well as what merely reads alike.
        hits.push(Hit { score: hit.score.max(best), ..hit });
    }
    let exact = hits.len();
    for hit in found {
        if hits.len() == ask.top {
            break;
        }
        if !hits.iter().any(|known| known.doc == hit.doc && known.unit == hit.unit) {
            hits.push(hit);
        }
    }
    Ok(Found { hits, exact, as_found })
}

/// The passages with the first of them in the order of the choice. Scores stay with the places: they tell how well a search
/// fits, which the choice among its passages does not.
fn chosen(
    snapshot: &Snapshot,
    ask: &SearchAsk,
    mut hits: Vec<Hit>,
) -> Result<Vec<Hit>, IndexError> {
    let among = ask.choose.min(hits.len());
    let Some(choice) = Choice::shipped().filter(|_| among > 1) else { return Ok(hits) };
    let rest = hits.split_off(among);
    let mut documents = Vec::with_capacity(among);
    for hit in &hits {
        documents.push(snapshot.document(&hit.doc, &ask.viewer)?);
    }
    let text = |at: usize, unit: usize| {
        let document = documents[at].as_ref()?;
        document.units.get(unit)?.span.of(&document.text)
    };
    let passages: Vec<Candidate<'_>> = (0..among)
        .map(|at| Candidate { hit: &hits[at], text: text(at, hits[at].unit).unwrap_or_default() })
        .collect();
    // A damaged file was told by the search already.
    let idf = |token: &str| snapshot.idf(&ask.viewer, token).unwrap_or(0.0);
    let order = choice.order(&ask.text, &passages, &idf);
    let put = |(at, place): (usize, &usize)| Hit { score: hits[at].score, ..hits[*place].clone() };
    let ordered: Vec<Hit> = order.iter().enumerate().map(put).collect();
    Ok(ordered.into_iter().chain(rest).collect())
}

/// A passage: document and number.
type Place = (Arc<str>, usize);

/// Longest name of a work that is looked for without its brackets, in characters.
const LONGEST_NAME: usize = 40;

/// Passages that a question names: `《劳动合同法》第三十九条`, `临政发〔2024〕3号`.
fn named(snapshot: &Snapshot, text: &str, filter: &Filter) -> Result<Vec<Place>, IndexError> {
    let mut found = Vec::new();
    for citation in structure::citations(text) {
        if let Some(work) = &citation.work {
            let work = known_work(snapshot, work, filter).unwrap_or_else(|| work.clone());
            for address in &citation.addresses {
                found.extend(places(snapshot, &work, address, filter)?);
            }
        }
    }
    // Numbers are written with other brackets too, and orders have none: 令第41号.
    for number in structure::number::find_all(text) {
        let documents = snapshot.by_number(&number.text, filter).into_iter();
        found.extend(documents.map(|document| (document.id, 0)).filter(|(id, unit)| {
            let days = snapshot.validity(id, *unit, &filter.viewer);
            days.is_some_and(|days| filter.include_not_in_force || days.holds(filter.as_of))
        }));
    }
    let mut seen = HashSet::new();
    found.retain(|place| seen.insert(place.clone()));
    Ok(found)
}

/// The passages of a work at an address.
fn places(
    snapshot: &Snapshot,
    work: &str,
    address: &Address,
    filter: &Filter,
) -> Result<Vec<Place>, IndexError> {
    let found = snapshot.by_address(work, address, filter)?;
    Ok(found.into_iter().map(|place| (place.doc, place.unit)).collect())
}

/// The work of the index that a name ends with: who asks writes 请问劳动合同法, without brackets.
fn known_work(snapshot: &Snapshot, name: &str, filter: &Filter) -> Option<String> {
    let known = |name: &str| !snapshot.versions(name, &filter.viewer).is_empty();
    let starts = name.char_indices().map(|(at, _)| at).take(LONGEST_NAME);
    starts.filter_map(|at| name.get(at..)).find(|end| known(end)).map(str::to_owned)
}
