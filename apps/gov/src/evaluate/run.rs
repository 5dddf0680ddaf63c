//! Questions through the same functions as a person's, and the figures over their answers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use strata_core::runtime::RunOptions;
use strata_core::stream::{Progress, Update};
use strata_text::index::Viewer;
use strata_text::span::Span;
use strata_text::{metrics, structure};

use super::questions::Question;
use super::tally::{Figures, Mean, curve, percentile};
use crate::answer::{Answer, Ask, Outcome, SearchAsk, ask, ranked_documents};
use crate::desk::{Desk, DeskError};

/// Documents that are looked at for recall.
const DEEP: usize = 100;

/// What is evaluated.
#[derive(Debug, Clone)]
pub struct EvalJob {
    /// How a question is answered; its words, day and asker are each question's.
    pub ask: Ask,
    /// Retrieval alone, without reading and refusal.
    pub retrieval_only: bool,
    /// Whether documents of any day count as found for questions that are of no day.
    pub any_day: bool,
}

#[derive(Default)]
struct Sums {
    mrr: Mean,
    recall: [Mean; 3],
    ndcg: Mean,
    em: Mean,
    f1: Mean,
    article: Mean,
    verbatim: Mean,
    quotes: usize,
    stale: usize,
    refused: Mean,
    falsely: Mean,
    confidences: Vec<(f32, bool)>,
    times: Vec<f64>,
}

/// Evaluates.
///
/// # Errors
/// The first question that cannot be asked, or an index or model that fails.
pub fn evaluate(
    desk: &Desk,
    questions: &[Question],
    job: &EvalJob,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Figures, DeskError> {
    let mut sums = Sums::default();
    let run = RunOptions::default();
    for (number, question) in (1..).zip(questions) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut asked = job.ask.clone();
        asked.search.text.clone_from(&question.text);
        asked.search.as_of = question.as_of.unwrap_or(asked.search.as_of);
        if !question.departments.is_empty() {
            asked.search.viewer = Viewer::with_labels(question.departments.iter().cloned());
        }
        if !question.relevant.is_empty() {
            // A question of no day is found in texts of any day; its answer is of today.
            let timeless = job.any_day && question.as_of.is_none();
            let search = SearchAsk { history: timeless, ..asked.search.clone() };
            retrieval(desk, question, &search, &run, &mut sums)?;
        }
        if !job.retrieval_only {
            let started = Instant::now();
            let answer = ask(desk, &asked, &run)?;
            sums.times.push(started.elapsed().as_secs_f64() * 1e3);
            answered(desk, question, (&asked, &answer), &mut sums)?;
        }
        let fraction = Some(number as f64 / questions.len() as f64);
        progress.update(&Update { rows: number, fraction, ..Update::default() });
    }
    Ok(figures(questions.len(), sums))
}

fn retrieval(
    desk: &Desk,
    question: &Question,
    search: &SearchAsk,
    run: &RunOptions,
    sums: &mut Sums,
) -> Result<(), DeskError> {
    let started = Instant::now();
    let found = ranked_documents(desk, search, DEEP, run)?;
    sums.times.push(started.elapsed().as_secs_f64() * 1e3);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    let relevant: BTreeSet<&str> = question.relevant.iter().map(String::as_str).collect();
    sums.mrr.extend(metrics::mrr_at(&found, &relevant, 10));
    for (mean, k) in sums.recall.iter_mut().zip([1, 10, DEEP]) {
        mean.extend(metrics::recall_at(&found, &relevant, k));
    }
    sums.ndcg.extend(metrics::ndcg_at(&found, &relevant, 10));
    Ok(())
}

fn answered(
    desk: &Desk,
    question: &Question,
    (asked, answer): (&Ask, &Answer),
    sums: &mut Sums,
) -> Result<(), DeskError> {
    let refused = answer.outcome == Outcome::Refused;
    let counted = if question.answerable { &mut sums.falsely } else { &mut sums.refused };
    counted.add(f64::from(u8::from(refused)));
    sums.confidences.push((answer.confidence, question.answerable));
    let snapshot = desk.snapshot();
    for citation in answer.citations.iter().chain(&answer.references).chain(&answer.related) {
        let document = snapshot.document(&citation.doc_id, &asked.search.viewer)?;
        let holds = document.is_some_and(|document| citation.holds(&document));
        sums.verbatim.add(f64::from(u8::from(holds)));
        sums.quotes += 1;
        sums.stale += usize::from(!citation.is_in_force());
    }
    if !question.answers.is_empty() {
        let said: Vec<&str> = answer.spans.iter().map(|span| span.text.as_str()).collect();
        let said = said.first().copied().unwrap_or_default();
        let answers: Vec<&str> = question.answers.iter().map(String::as_str).collect();
        let score = metrics::em_f1(said, &answers);
        sums.em.add(score.em);
        sums.f1.add(score.f1);
    }
    if let Some(address) = &question.address {
        let right = at_address(desk, question, (asked, answer), address)?;
        sums.article.add(f64::from(u8::from(right)));
    }
    Ok(())
}

/// Whether a span of an answer stands at an address of the right document, or below it.
fn at_address(
    desk: &Desk,
    question: &Question,
    (asked, answer): (&Ask, &Answer),
    address: &str,
) -> Result<bool, DeskError> {
    let snapshot = desk.snapshot();
    for span in &answer.spans {
        let Some(citation) = answer.citations.get(span.citation.saturating_sub(1)) else {
            continue;
        };
        if !question.relevant.contains(&citation.doc_id) {
            continue;
        }
        let Some(document) = snapshot.document(&citation.doc_id, &asked.search.viewer)? else {
            continue;
        };
        let wanted = structure::parse_in(&document, address)
            .and_then(|wanted| structure::canonical(&document, &wanted));
        let place = Span::from_chars(&document.text, span.char_start..span.char_end);
        let (Some(wanted), Some(place)) = (wanted, place) else { continue };
        let own = structure::locate(&document, citation.unit, place);
        if structure::canonical(&document, &own).is_some_and(|own| wanted.covers(&own)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn figures(questions: usize, mut sums: Sums) -> Figures {
    let [recall_1, recall_10, recall_100] = sums.recall.map(Mean::get);
    Figures {
        questions,
        mrr_10: sums.mrr.get(),
        recall_1,
        recall_10,
        recall_100,
        ndcg_10: sums.ndcg.get(),
        em: sums.em.get(),
        f1: sums.f1.get(),
        article_exact: sums.article.get(),
        verbatim: sums.verbatim.get(),
        quotes: sums.quotes,
        stale: sums.stale,
        refused: sums.refused.get(),
        falsely_refused: sums.falsely.get(),
        curve: curve(&sums.confidences),
        ms_p50: percentile(&mut sums.times, 0.5),
        ms_p99: percentile(&mut sums.times, 0.99),
    }
}
