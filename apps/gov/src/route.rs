//! Hotline cases to departments: the most similar cases and services of the office's own index vote, and a model's opinion
//! is added where the scenario names one. Departments are those of the office, without training.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::runtime::RunOptions;
use strata_text::document::{DocumentKind, declared};
use strata_text::index::Hit;

use crate::answer::SearchAsk;
use crate::desk::{Desk, DeskError};
use crate::scenario::RouteTask;

/// Cases that vote.
const NEIGHBOURS: usize = 15;

/// Weight of the model's opinion beside the neighbours'.
const MODEL_WEIGHT: f32 = 0.5;

/// How fast a vote fades with the distance to the best: a neighbour of half the score has an eighth of the vote.
const POWER: i32 = 3;

/// The departments of an office.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    phone: Option<String>,
}

/// A directory that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("departments of {}: {why}; a line is {{\"name\", \"aliases\": […], \"duties\", \"phone\"}}", path.display())]
pub struct DirectoryError {
    path: PathBuf,
    why: String,
}

impl Directory {
    /// Reads a file of departments.
    ///
    /// # Errors
    /// A file that is not there or not of the form.
    pub fn read(path: &Path) -> Result<Self, DirectoryError> {
        let wrong = |why: String| DirectoryError { path: path.to_path_buf(), why };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let entry = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| wrong(format!("line {number}: {error}")))
        };
        Ok(Self { entries: lines.map(entry).collect::<Result<_, _>>()? })
    }

    /// A department's own name, where it is known by another.
    #[must_use]
    pub fn name<'a>(&'a self, named: &'a str) -> &'a str {
        let known =
            |entry: &&Entry| entry.name == named || entry.aliases.iter().any(|a| a == named);
        self.entries.iter().find(known).map_or(named, |entry| &entry.name)
    }

    /// The department that is called so, where there is one.
    fn known(&self, named: &str) -> Option<&str> {
        let called =
            |entry: &&Entry| entry.name == named || entry.aliases.iter().any(|a| a == named);
        self.entries.iter().find(called).map(|entry| entry.name.as_str())
    }

    fn phone(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.name == name)?.phone.as_deref()
    }
}

/// A department that was proposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// The department.
    pub department: String,
    /// Its telephone, where the directory has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// How sure, from 0 to 1; all departments together are 1.
    pub confidence: f32,
    /// Cases and services that speak for it.
    pub evidence: Vec<Evidence>,
}

/// A case or service that speaks for a department.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Document.
    pub doc_id: String,
    /// Its title, or the beginning of the case; personal data is masked.
    pub title: String,
    /// How alike.
    pub score: f32,
}

/// Where a case goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Routed {
    /// The case, personal data masked.
    pub text: String,
    /// Who gets it: the first proposal, or people where it is not sure enough.
    pub department: String,
    /// Whether it goes to people.
    pub fallback: bool,
    /// Departments, surest first.
    pub proposals: Vec<Proposal>,
}

/// Routes a case.
///
/// # Errors
/// As a search.
pub fn route(
    desk: &Desk,
    search: &SearchAsk,
    task: &RouteTask,
    run: &RunOptions,
) -> Result<Routed, DeskError> {
    let search = SearchAsk {
        kinds: vec![DocumentKind::HotlineCase, DocumentKind::ServiceGuide],
        top: NEIGHBOURS,
        choose: 0,
        history: true,
        ..search.clone()
    };
    search.check()?;
    let snapshot = desk.snapshot();
    let hits = crate::answer::hits(desk, &snapshot, &search, run)?.hits;
    let mut votes: BTreeMap<String, (f32, Vec<Evidence>)> = BTreeMap::new();
    let best = hits.first().map_or(1.0, |hit| hit.score).max(f32::MIN_POSITIVE);
    for hit in &hits {
        let Some(document) = snapshot.document(&hit.doc, &search.viewer)? else { continue };
        let Some(named) = document.attributes.get(declared::DEPARTMENT) else { continue };
        let entry = votes.entry(desk.directory.name(named).to_owned()).or_default();
        entry.0 += (hit.score / best).max(0.0).powi(POWER);
        entry.1.push(evidence(hit, &document.title, &document.text));
    }
    let total: f32 = votes.values().map(|vote| vote.0).sum();
    if total > 0.0 {
        votes.values_mut().for_each(|vote| vote.0 /= total);
    }
    if let Some(router) = &desk.router {
        let share = if total > 0.0 { MODEL_WEIGHT } else { 1.0 };
        votes.values_mut().for_each(|vote| vote.0 *= 1.0 - share);
        for (bureau, probability) in router.classify(&search.text, usize::MAX, run)? {
            // A bureau the office does not have is no proposal.
            let Some(department) = desk.directory.known(bureau) else { continue };
            votes.entry(department.to_owned()).or_default().0 += share * probability;
        }
    }
    let mut proposals: Vec<Proposal> = votes
        .into_iter()
        .map(|(department, (confidence, evidence))| Proposal {
            phone: desk.directory.phone(&department).map(str::to_owned),
            department,
            confidence,
            evidence,
        })
        .collect();
    proposals.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    proposals.truncate(task.top);
    let sure = proposals.first().filter(|first| first.confidence >= task.min_confidence);
    Ok(Routed {
        text: strata_text::mask::mask(search.text.trim()),
        department: sure.map_or_else(|| task.fallback.clone(), |first| first.department.clone()),
        fallback: sure.is_none(),
        proposals,
    })
}

fn evidence(hit: &Hit, title: &str, text: &str) -> Evidence {
    const SHOWN: usize = 40;
    let shown = if title.is_empty() { text } else { title };
    let shown: String = strata_text::mask::mask(shown).chars().take(SHOWN).collect();
    Evidence { doc_id: hit.doc.to_string(), title: shown, score: hit.score }
}
