//! `/v1/feedback`: what readers say of answers, kept beside the audit log for whoever looks after the corpus.

use std::io::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::{Call, Kind, Operation, Problem};

use super::office::{Office, lock};

/// Longest remark, in bytes.
const LONGEST: usize = 4000;

/// What a reader says of an answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FeedbackRequest {
    /// `request_id` of the answer.
    request_id: String,
    /// Whether it helped.
    helpful: bool,
    /// In the reader's words.
    #[serde(default)]
    remark: String,
}

#[derive(Serialize)]
struct Line<'a> {
    time_ms: u128,
    who: &'a str,
    request: &'a str,
    helpful: bool,
    remark: &'a str,
}

pub(super) fn operations(office: &Arc<Office>) -> Vec<Operation> {
    let office = Arc::clone(office);
    vec![
        Operation::post("feedback", "/v1/feedback")
            .about(
                "Questions",
                "Say whether an answer helped",
                "Kept where the setting `gov.feedback` names a file; 409 otherwise.",
            )
            .does(move |call, request: FeedbackRequest| keep(&office, call, &request)),
    ]
}

fn keep(office: &Office, call: &Call, request: &FeedbackRequest) -> Result<(), Problem> {
    let Some(file) = &office.feedback else {
        return Err(Problem::new(Kind::Conflict, "no-feedback", "this server keeps no feedback")
            .with_remedy("start it with --gov-feedback FILE"));
    };
    for (field, text) in [("request_id", &request.request_id), ("remark", &request.remark)] {
        if text.len() > LONGEST {
            return Err(Problem::field(field, format!("it is longer than {LONGEST} bytes")));
        }
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let line = Line {
        time_ms: time.as_millis(),
        who: &call.caller.name,
        request: &request.request_id,
        helpful: request.helpful,
        remark: &request.remark,
    };
    let mut bytes = serde_json::to_vec(&line).map_err(Problem::internal)?;
    bytes.push(b'\n');
    lock(file).write_all(&bytes).map_err(Problem::internal)
}
