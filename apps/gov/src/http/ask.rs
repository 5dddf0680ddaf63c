//! `/v1/ask` and `/v1/search`: a question to its answer, or to the passages that fit it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::{Call, Operation, Problem, Source};
use strata_text::date::Date;
use strata_text::document::DocumentKind;

use super::office::Office;
use super::problems::of_desk;
use super::who;
use crate::answer::{Ask, SearchAsk, SearchReply, render, search};
use crate::audit::Record;
use crate::desk::{Desk, today};
use crate::guide::{Field, Guided, guide};
use crate::scenario::{Loaded, Mode};

/// Who asks, and as of when.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asker {
    /// The day that texts must be in force, `2021-06-01`; today where it is left out.
    pub(super) as_of: Option<String>,
    /// Departments of the asker, who sees their documents beside the public ones. With keys, these narrow what the key may see.
    pub(super) departments: Vec<String>,
    /// Region of the asker: texts of other regions are not found.
    pub(super) region: Option<String>,
}

/// A question.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskRequest {
    /// The question.
    pub(super) question: String,
    /// A scenario of mode ask or guide.
    #[serde(default)]
    pub(super) scenario: Option<String>,
    /// Who asks, and as of when.
    #[serde(default)]
    pub(super) asker: Asker,
}

/// An answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AskReply {
    /// The answer, as `strata-gov ask --json` writes it; `service` and `fields` are of scenarios of mode guide.
    #[serde(flatten)]
    pub(super) answer: Guided,
    /// The answer as one text with `[n]`.
    pub(super) text: String,
    /// The scenario.
    pub(super) scenario: String,
    /// Names the request in the audit log and for feedback.
    pub(super) request_id: String,
    /// The models it rests on.
    pub(super) provenance: Vec<Source>,
}

/// What is to be found.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchRequest {
    /// Words, an article (`劳动合同法第三十九条`) or a 发文字号.
    query: String,
    /// Passages, 1 to 200; 10 where it is left out.
    #[serde(default)]
    top: Option<usize>,
    /// Also texts that are not in force on the day.
    #[serde(default)]
    history: bool,
    /// Kinds of documents: law, notice, service-guide, encyclopaedia, hotline-case, other.
    #[serde(default)]
    kinds: Vec<String>,
    /// Who asks, and as of when.
    #[serde(default)]
    asker: Asker,
}

pub(super) fn operations(office: &Arc<Office>) -> Vec<Operation> {
    let (asked, searched) = (Arc::clone(office), Arc::clone(office));
    vec![
        Operation::post("ask", "/v1/ask")
            .about(
                "Questions",
                "Ask a question",
                "The answer is made of verbatim quotes with their exact place, or refused, with what comes nearest. Every quote is \
                 checked against the stored document before it leaves.",
            )
            .computes(move |call, request: AskRequest| answer(&asked, call, &request)),
        Operation::post("search", "/v1/search")
            .about(
                "Questions",
                "Find passages",
                "By words, meaning, article or 发文字号. The same result as `strata-gov search --json`.",
            )
            .computes(move |call, request: SearchRequest| find(&searched, call, &request)),
    ]
}

/// The day of a request.
pub(super) fn day(asker: &Asker) -> Result<Date, Problem> {
    match asker.as_of.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|error| {
            Problem::field("as_of", error)
                .with_remedy("write the day as 2024-05-01, or leave it out for today")
        }),
        None => Ok(today()),
    }
}

/// A question as a scenario answers it.
pub(super) fn asked(
    loaded: &Loaded,
    call: &Call,
    question: &str,
    asker: &Asker,
) -> Result<Ask, Problem> {
    let scenario = &loaded.scenario;
    let retrieval = &scenario.retrieval;
    Ok(Ask {
        search: SearchAsk {
            text: question.to_owned(),
            as_of: day(asker)?,
            history: false,
            viewer: who::viewer(call, &asker.departments),
            region: asker.region.clone().filter(|region| !region.is_empty()),
            kinds: scenario.corpus.kinds.clone(),
            top: retrieval.top,
            depth: retrieval.depth,
            per_record: retrieval.per_document,
            lexical_weight: retrieval.lexical_weight,
            choose: retrieval.choose,
        },
        task: scenario.answer.clone(),
    })
}

/// Answers and writes the log: what `/v1/ask` and chat completions share.
pub(super) fn answered(
    office: &Office,
    call: &Call,
    loaded: &Loaded,
    ask: &Ask,
) -> Result<(Guided, Arc<Desk>), Problem> {
    let desk = office.desk(loaded)?;
    let run = call.run_options();
    let guided = match loaded.scenario.mode {
        Mode::Guide => guide(&desk, ask, &loaded.scenario.guide, &run),
        _ => crate::answer::ask(&desk, ask, &run).map(|answer| Guided {
            answer,
            service: String::new(),
            fields: Vec::<Field>::new(),
        }),
    };
    let guided = guided.map_err(|error| of_desk(&error))?;
    let departments = who::departments(&ask.search.viewer);
    office.log(call, guided.answer.record("", departments, ""))?;
    Ok((guided, desk))
}

fn answer(office: &Office, call: &Call, request: &AskRequest) -> Result<AskReply, Problem> {
    let loaded = office.scenario(request.scenario.as_deref(), &[Mode::Ask, Mode::Guide])?;
    let ask = asked(loaded, call, &request.question, &request.asker)?;
    let (guided, desk) = answered(office, call, loaded, &ask)?;
    let provenance = desk.provenance();
    Ok(AskReply {
        text: render(&guided.answer),
        answer: guided,
        scenario: loaded.scenario.name.clone(),
        request_id: call.request_id.clone(),
        provenance: provenance.iter().map(|model| Source::from(model.as_ref())).collect(),
    })
}

fn find(office: &Office, call: &Call, request: &SearchRequest) -> Result<SearchReply, Problem> {
    let loaded = office.scenario(None, &[Mode::Ask])?;
    let mut ask = asked(loaded, call, &request.query, &request.asker)?.search;
    ask.top = request.top.unwrap_or(ask.top);
    if !(1..=200).contains(&ask.top) {
        return Err(Problem::field("top", format!("{} is not from 1 to 200", ask.top)));
    }
    ask.history = request.history;
    ask.kinds = kinds(&request.kinds)?;
    let desk = office.finder()?;
    let found = search(&desk, &ask, &call.run_options()).map_err(|error| of_desk(&error))?;
    office.log(
        call,
        Record {
            action: "search".to_owned(),
            question: strata_text::mask::mask(&ask.text),
            as_of: found.as_of.clone(),
            departments: who::departments(&ask.viewer),
            outcome: format!("{} passages", found.passages.len()),
            cited: found.passages.iter().map(|passage| passage.citation.cited()).collect(),
            ..Record::default()
        },
    )?;
    Ok(found)
}

/// Kinds of documents by their names.
fn kinds(names: &[String]) -> Result<Vec<DocumentKind>, Problem> {
    let kind = |name: &String| {
        crate::answer::kind(name).map_err(|problem| Problem::field("kinds", problem))
    };
    names.iter().take(16).map(kind).collect()
}
