//! `/v1/chat/completions` and `/v1/models`, as clients of OpenAI's API speak them. The last message of the user is the
//! question; other messages are not followed, so that no text can instruct the server. The answer is quotes with `[n]`, and
//! the citations come with it, before `[DONE]` where it is streamed.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strata_serve::keys::Scope;
use strata_serve::{Call, Nothing, Operation, Problem, Spoken};

use super::ask::{Asker, answered, asked};
use super::office::Office;
use crate::answer::{Answer, Citation, render};
use crate::scenario::{Loaded, Mode};

/// A chat. Fields of the API that are not listed are taken and not used: an answer is quotes, whatever the temperature.
#[derive(Debug, Deserialize, JsonSchema)]
struct ChatRequest {
    /// A scenario of mode ask or guide, by its name; any other name takes the first.
    #[serde(default)]
    model: Option<String>,
    /// The messages; the last one of the user is the question.
    messages: Vec<Message>,
    /// Whether the answer comes as server-sent events.
    #[serde(default)]
    stream: Option<bool>,
    /// Whether the last event counts tokens.
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    /// The day that texts must be in force.
    #[serde(default)]
    as_of: Option<String>,
    /// Departments of the asker.
    #[serde(default)]
    departments: Vec<String>,
    /// Region of the asker.
    #[serde(default)]
    region: Option<String>,
}

/// Options of a streamed answer.
#[derive(Debug, Deserialize, JsonSchema)]
struct StreamOptions {
    /// Whether the last event counts tokens.
    #[serde(default)]
    include_usage: bool,
}

/// A message.
#[derive(Debug, Deserialize, JsonSchema)]
struct Message {
    /// `user`, `system`, `assistant` …
    role: String,
    /// A text, or a list of parts of which those of type `text` are read.
    #[serde(default)]
    content: Value,
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts =
                    parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
                texts.collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }
}

/// A whole answer.
#[derive(Debug, Serialize, JsonSchema)]
struct Completion {
    /// Names the answer.
    id: String,
    /// `chat.completion`.
    object: &'static str,
    /// Seconds since 1970.
    created: u64,
    /// The scenario.
    model: String,
    /// One choice.
    choices: Vec<Choice>,
    /// Characters, counted as tokens.
    usage: Usage,
    /// The citations, `[1]` first.
    citations: Vec<Citation>,
    /// Whether it is a refusal.
    refused: bool,
}

/// A choice.
#[derive(Debug, Serialize, JsonSchema)]
struct Choice {
    /// 0.
    index: u32,
    /// The answer.
    message: Said,
    /// `stop`.
    finish_reason: &'static str,
}

/// A message of the server.
#[derive(Debug, Serialize, JsonSchema)]
struct Said {
    /// `assistant`.
    role: &'static str,
    /// The answer, or what to do where it is refused.
    content: String,
    /// The same where it is a refusal.
    refusal: Option<String>,
    /// Where the content's `[n]` lead.
    annotations: Vec<Value>,
}

/// Characters, counted as tokens.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
struct Usage {
    /// Of the question.
    prompt_tokens: usize,
    /// Of the answer.
    completion_tokens: usize,
    /// Both.
    total_tokens: usize,
}

/// The models of the API: scenarios that answer, and the model of vectors.
#[derive(Debug, Serialize, JsonSchema)]
struct ModelList {
    /// `list`.
    object: &'static str,
    /// The models.
    data: Vec<ModelEntry>,
}

/// A model of the API.
#[derive(Debug, Serialize, JsonSchema)]
struct ModelEntry {
    /// Its name.
    id: String,
    /// `model`.
    object: &'static str,
    /// 0: not known.
    created: u64,
    /// Who made it.
    owned_by: &'static str,
}

pub(super) fn operations(office: &Arc<Office>) -> Vec<Operation> {
    let (chat, models) = (Arc::clone(office), Arc::clone(office));
    vec![
        Operation::post("chat_completions", "/v1/chat/completions")
            .about(
                "OpenAI",
                "Chat completions",
                "The last message of the user is the question. With `stream` the answer comes as `chat.completion.chunk` events, the \
                 citations in the last of them before `[DONE]`. `as_of`, `departments` and `region` are taken beside the API's fields.",
            )
            .speaks(move |call, request: ChatRequest| complete(&chat, call, &request)),
        Operation::get("models", "/v1/models")
            .about("OpenAI", "Scenarios that answer, and the model of vectors", "")
            .scope(Scope::Read)
            .computes(move |_, _: Nothing| list(&models)),
    ]
}

fn list(office: &Office) -> Result<ModelList, Problem> {
    let answers = |loaded: &&Loaded| matches!(loaded.scenario.mode, Mode::Ask | Mode::Guide);
    let names = office.scenarios().iter().filter(answers).map(|l| l.scenario.name.clone());
    let vectors = office.index()?.config().embedding.map(|known| known.name);
    let entry = |id| ModelEntry { id, object: "model", created: 0, owned_by: "strata" };
    Ok(ModelList { object: "list", data: names.chain(vectors).map(entry).collect() })
}

fn complete(
    office: &Office,
    call: &Call,
    request: &ChatRequest,
) -> Result<Spoken<Completion>, Problem> {
    let modes = [Mode::Ask, Mode::Guide];
    // Clients send names of models that they are made for; the scenario of that name, or the first.
    let named = office.scenario(request.model.as_deref(), &modes);
    let loaded = match named {
        Ok(loaded) => loaded,
        Err(_) => office.scenario(None, &modes)?,
    };
    let last = request.messages.iter().rev().find(|message| message.role == "user");
    let question = last.map(Message::text).unwrap_or_default();
    if question.trim().is_empty() {
        let text = "there is no message of the user with text in it";
        let remedy = "end the messages with one of role user whose content is the question";
        return Err(Problem::field("messages", text).with_remedy(remedy));
    }
    let asker = Asker {
        as_of: request.as_of.clone(),
        departments: request.departments.clone(),
        region: request.region.clone(),
    };
    let ask = asked(loaded, call, &question, &asker)?;
    let (guided, _) = answered(office, call, loaded, &ask)?;
    let completion = completion(call, loaded, &question, guided.answer);
    if request.stream != Some(true) {
        return Ok(Spoken::Whole(completion));
    }
    let usage = request.stream_options.as_ref().is_some_and(|options| options.include_usage);
    Ok(Spoken::Pieces(pieces(&completion, usage)))
}

fn completion(call: &Call, loaded: &Loaded, question: &str, answer: Answer) -> Completion {
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let content = render(&answer);
    let refused = answer.refusal.is_some();
    let count = |text: &str| text.chars().count();
    let (prompt, said) = (count(question), count(&content));
    let usage =
        Usage { prompt_tokens: prompt, completion_tokens: said, total_tokens: prompt + said };
    Completion {
        id: format!("chatcmpl-{}", call.request_id),
        object: "chat.completion",
        created,
        model: loaded.scenario.name.clone(),
        choices: vec![Choice {
            index: 0,
            message: Said {
                role: "assistant",
                refusal: refused.then(|| content.clone()),
                annotations: annotations(&content, &answer.citations),
                content,
            },
            finish_reason: "stop",
        }],
        usage,
        citations: answer.citations,
        refused,
    }
}

/// Where each `[n]` of a content is and leads, in characters.
fn annotations(content: &str, citations: &[Citation]) -> Vec<Value> {
    let mut found = Vec::new();
    for (number, citation) in (1..).zip(citations) {
        let mark = format!("[{number}]");
        let Some(at) = content.find(&mark) else { continue };
        let start = content.get(..at).map_or(0, |before| before.chars().count());
        let id = percent_encoded(&citation.doc_id);
        let (from, to) = (citation.char_start, citation.char_end);
        found.push(json!({
            "type": "url_citation",
            "url_citation": {
                "start_index": start,
                "end_index": start + mark.chars().count(),
                "title": crate::answer::named(citation),
                "url": format!("/v1/documents/{id}#char={from},{to}"),
            },
        }));
    }
    found
}

/// A text as a part of an address (RFC 3986).
fn percent_encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let encoded = text.bytes().map(|b| match plain(b) {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    });
    encoded.collect()
}

/// Citations with the digits of their scores that an answer in one piece has: [`Value`] keeps numbers in double precision.
fn as_sent(citations: &[Citation]) -> Value {
    serde_json::to_string(citations)
        .and_then(|text| serde_json::from_str(&text))
        .unwrap_or_default()
}

/// The events of a streamed answer: who speaks, the text line by line, the citations, and the end.
fn pieces(completion: &Completion, usage: bool) -> Vec<String> {
    let chunk = |choices: Value| {
        json!({
            "id": completion.id,
            "object": "chat.completion.chunk",
            "created": completion.created,
            "model": completion.model,
            "choices": choices,
        })
    };
    let delta = |delta: Value, finish: Option<&str>| {
        chunk(json!([{ "index": 0, "delta": delta, "finish_reason": finish }]))
    };
    let said = &completion.choices[0].message;
    let mut pieces = vec![delta(json!({ "role": "assistant", "content": "" }), None)];
    let parts = said.content.split_inclusive(['。', '；', '\n']);
    pieces.extend(parts.map(|part| delta(json!({ "content": part }), None)));
    let mut last = delta(json!({ "annotations": said.annotations }), Some("stop"));
    last["citations"] = as_sent(&completion.citations);
    last["refused"] = json!(completion.refused);
    pieces.push(last);
    if usage {
        let mut counted = chunk(json!([]));
        counted["usage"] = json!(completion.usage);
        pieces.push(counted);
    }
    let mut lines: Vec<String> = pieces.iter().map(Value::to_string).collect();
    lines.push("[DONE]".to_owned());
    lines
}
