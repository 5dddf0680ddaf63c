//! `/v1/route`, `/v1/check` and `/v1/mask`: a case to its department, a draft's citations, personal data.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::{Call, Operation, Problem};
use strata_text::mask;

use super::ask::{Asker, asked, day};
use super::office::Office;
use super::problems::{of_desk, of_index};
use super::who;
use crate::audit::Record;
use crate::check::{Finding, LONGEST, check};
use crate::route::{Routed, route};
use crate::scenario::Mode;

/// A case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RouteRequest {
    /// What the caller of the hotline says.
    text: String,
    /// A scenario of mode route.
    #[serde(default)]
    scenario: Option<String>,
    /// Who asks.
    #[serde(default)]
    asker: Asker,
}

/// A draft.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CheckRequest {
    /// Its text.
    text: String,
    /// Who asks, and as of when.
    #[serde(default)]
    asker: Asker,
}

/// What was found in a draft.
#[derive(Debug, Serialize, JsonSchema)]
struct CheckReply {
    /// A finding a citation, in order.
    findings: Vec<Finding>,
}

/// A text with personal data.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MaskRequest {
    /// The text.
    text: String,
}

/// A text without personal data.
#[derive(Debug, Serialize, JsonSchema)]
struct MaskReply {
    /// The text, masked.
    text: String,
    /// What was found.
    found: Vec<PersonalInfo>,
}

/// A piece of personal data.
#[derive(Debug, Serialize, JsonSchema)]
struct PersonalInfo {
    /// What it is.
    kind: String,
    /// First character.
    char_start: usize,
    /// The character behind the last.
    char_end: usize,
}

pub(super) fn operations(office: &Arc<Office>) -> Vec<Operation> {
    let (routed, checked) = (Arc::clone(office), Arc::clone(office));
    vec![
        Operation::post("route", "/v1/route")
            .about(
                "Hotline",
                "Find the department of a case",
                "By the cases and services of the index that name a department. Personal data is masked in the reply and in the log.",
            )
            .computes(move |call, request: RouteRequest| dispatch(&routed, call, &request)),
        Operation::post("check", "/v1/check")
            .about(
                "Drafts",
                "Check the citations of a draft",
                "Wrong articles, repealed and amended texts, misquotes; with the right text beside.",
            )
            .computes(move |call, request: CheckRequest| draft(&checked, call, &request)),
        Operation::post("mask", "/v1/mask")
            .about("Hotline", "Mask personal data", "ID numbers, phones, plates, addresses, names.")
            .computes(|_, request: MaskRequest| Ok(masked(&request.text))),
    ]
}

fn dispatch(office: &Office, call: &Call, request: &RouteRequest) -> Result<Routed, Problem> {
    let loaded = office.scenario(request.scenario.as_deref(), &[Mode::Route])?;
    let search = asked(loaded, call, &request.text, &request.asker)?.search;
    let desk = office.desk(loaded)?;
    let routed = route(&desk, &search, &loaded.scenario.route, &call.run_options());
    let routed = routed.map_err(|error| of_desk(&error))?;
    office.log(
        call,
        Record {
            action: "route".to_owned(),
            question: routed.text.clone(),
            as_of: search.as_of.to_string(),
            departments: who::departments(&search.viewer),
            outcome: routed.department.clone(),
            ..Record::default()
        },
    )?;
    Ok(routed)
}

fn draft(office: &Office, call: &Call, request: &CheckRequest) -> Result<CheckReply, Problem> {
    if request.text.len() > LONGEST {
        let what = format!("the draft has more than {} MB; check it in parts", LONGEST >> 20);
        return Err(Problem::field("text", what));
    }
    let loaded = office.scenario(None, &[Mode::Check])?;
    let desk = office.desk(loaded)?;
    let viewer = who::viewer(call, &request.asker.departments);
    let as_of = day(&request.asker)?;
    let findings = check(&desk, &request.text, &viewer, as_of).map_err(|error| of_index(&error))?;
    office.log(
        call,
        Record {
            action: "check".to_owned(),
            as_of: as_of.to_string(),
            departments: who::departments(&viewer),
            outcome: format!("{} citations", findings.len()),
            cited: findings
                .iter()
                .filter_map(|f| f.source.as_ref())
                .map(crate::answer::Citation::cited)
                .collect(),
            ..Record::default()
        },
    )?;
    Ok(CheckReply { findings })
}

fn masked(text: &str) -> MaskReply {
    let info = |found: mask::Personal| {
        let chars = found.span.chars(text).unwrap_or_default();
        let kind = serde_json::to_value(found.kind).ok();
        let kind = kind.and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        PersonalInfo { kind, char_start: chars.start, char_end: chars.end }
    };
    MaskReply { text: mask::mask(text), found: mask::find(text).into_iter().map(info).collect() }
}
