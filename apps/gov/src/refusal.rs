//! When to refuse: the signals of a question's search, and the threshold of an index.
//!
//! The weights are shipped. The threshold is the index's own: lines of small talk that ship with the program are asked of it,
//! and what ninety-five of a hundred of them stay below is where answers begin. An office with questions of its own sets it by
//! those (`strata-gov calibrate`). It is kept beside the index, in `refusal.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strata_text::date::Date;
use strata_text::index::{Filter, Hit, Index, IndexError, Query, Snapshot, Viewer};
use strata_text::refuse::{
    Calibration, Evidence, OFF_TOPIC_REFUSED, Refusal, Signals, calibrate as fit,
};
use strata_text::tokenize;

/// Small talk, ours; those of the split `tune` set thresholds.
const SMALL_TALK: &str = include_str!("../../../datasets/gov/smalltalk.jsonl");

/// Name of the file beside an index.
const FILE: &str = "refusal.json";

/// Share by which the number of records may change before a threshold from small talk is made anew.
const CHANGED: f64 = 0.2;

/// What is kept beside an index.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    refusal: Refusal,
    /// Documents of the index when it was made.
    documents: usize,
    /// Whether it was made from an office's own questions, which is not done over by itself.
    own: bool,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    split: String,
}

/// The signals of a question and what was found for it.
pub(crate) fn signals(
    snapshot: &Snapshot,
    viewer: &Viewer,
    question: &str,
    hits: &[Hit],
) -> Result<Signals, IndexError> {
    let lexical = |hit: &&Hit| hit.lexical.unwrap_or(0.0);
    let best = hits.iter().max_by(|a, b| lexical(a).total_cmp(&lexical(b)));
    let Some(best) = best.filter(|hit| hit.lexical.is_some()) else {
        return Ok(Signals::default());
    };
    let passage = snapshot.document(&best.doc, viewer)?.map(|document| document.passage(best.unit));
    // A damaged file was told by the search already.
    let idf = |token: &str| snapshot.idf(viewer, token).unwrap_or(0.0);
    let evidence = Evidence {
        lexical: f64::from(lexical(&best)),
        k1: f64::from(snapshot.config().scoring.k1),
        tokens: &tokenize::tokens(question),
        idf: &idf,
        idf_most: snapshot.idf_most(viewer),
    };
    Ok(Signals::of(question, &passage.unwrap_or_default(), &evidence))
}

/// Signals of a question by words alone, as the one who runs an index sees it.
fn asked(snapshot: &Snapshot, question: &str, as_of: Date) -> Result<Signals, IndexError> {
    let viewer = Viewer::everything();
    let filter = Filter::new(viewer.clone(), as_of);
    let hits = snapshot.search(&Query { top: 1, ..Query::new(question, filter) })?;
    signals(snapshot, &viewer, question, &hits)
}

/// The threshold of an index by small talk.
fn by_small_talk(snapshot: &Snapshot, as_of: Date) -> Result<Refusal, IndexError> {
    let lines = SMALL_TALK.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let lines = lines.filter(|line| line.split == "tune");
    let signals = lines.map(|line| asked(snapshot, &line.text, as_of));
    Ok(Refusal::default()
        .with_off_topic(&signals.collect::<Result<Vec<_>, _>>()?, OFF_TOPIC_REFUSED))
}

fn path(index: &Index) -> PathBuf {
    index.dir().join(FILE)
}

fn read(path: &Path) -> Option<Kept> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The model of an index: the one kept beside it, or one made now where it fits no more.
pub(crate) fn of(index: &Index, as_of: Date) -> Result<Refusal, IndexError> {
    let snapshot = index.snapshot();
    let now = snapshot.stats().documents as f64;
    let fits = |kept: &Kept| {
        kept.own || (now - kept.documents as f64).abs() <= CHANGED * kept.documents as f64
    };
    match read(&path(index)).filter(fits) {
        Some(kept) => Ok(kept.refusal),
        None => by_small_talk(&snapshot, as_of),
    }
}

/// Makes the threshold of an index anew where it is from small talk, and keeps it.
pub(crate) fn renew(index: &Index, as_of: Date) -> Result<(), IndexError> {
    let path = path(index);
    if read(&path).is_some_and(|kept| kept.own) {
        return Ok(());
    }
    let snapshot = index.snapshot();
    let refusal = by_small_talk(&snapshot, as_of)?;
    keep(&path, &Kept { refusal, documents: snapshot.stats().documents, own: false })
}

/// Sets the model of an index by questions with and without an answer in it, of those with one at most `wrongly` refused.
///
/// # Errors
/// An index that is damaged, or a file that cannot be written.
pub fn calibrate(
    index: &Index,
    questions: &[(String, bool)],
    (wrongly, as_of): (f64, Date),
) -> Result<Calibration, IndexError> {
    let snapshot = index.snapshot();
    let line = |(question, answerable): &(String, bool)| {
        asked(&snapshot, question, as_of).map(|signals| (signals, *answerable))
    };
    let lines = questions.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let made = fit(&Refusal::default(), &lines, wrongly);
    let documents = snapshot.stats().documents;
    keep(&path(index), &Kept { refusal: made.refusal.clone(), documents, own: true })?;
    Ok(made)
}

fn keep(path: &Path, kept: &Kept) -> Result<(), IndexError> {
    let bytes = serde_json::to_vec_pretty(kept).unwrap_or_default();
    strata_cli::atomic::write_whole(path, &bytes)
        .map_err(|source| IndexError::Io { path: path.to_path_buf(), source })
}

/// How sure it is that the corpus holds an answer, 0 to 1; 0.5 at the index's threshold.
pub(crate) fn confidence(refusal: &Refusal, signals: &Signals) -> f32 {
    let odds = refusal.log_odds(signals) - refusal.threshold;
    (1.0 / (1.0 + (-odds).exp())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_talk_ships_in_two_splits() {
        let lines: Vec<Line> =
            SMALL_TALK.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
        let tune = lines.iter().filter(|line| line.split == "tune").count();
        assert!(tune >= 100 && lines.len() - tune >= 100, "{tune} of {}", lines.len());
        assert!(lines.iter().all(|line| !line.text.trim().is_empty()));
    }

    #[test]
    fn half_is_the_threshold() {
        let signals = Signals { coverage: 0.5, content_share: 0.5, evidence: 0.5 };
        let shipped = Refusal::default();
        let at = Refusal { threshold: shipped.log_odds(&signals), ..shipped };
        assert!((confidence(&at, &signals) - 0.5).abs() < 1e-6);
        assert!(confidence(&at, &Signals::default()) < 0.5);
    }
}
