//! `/v1/embeddings`, as clients of OpenAI's API speak it, and `/rerank`.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strata_serve::{Call, Kind, Operation, Problem};

use super::office::Office;
use super::problems::of_desk;

/// Texts of a request.
const MOST: usize = 2048;

/// Texts to embed.
#[derive(Debug, Deserialize, JsonSchema)]
struct EmbeddingRequest {
    /// The index's model, or left out.
    #[serde(default)]
    model: Option<String>,
    /// A text, or a list of texts.
    input: Value,
    /// `float` or `base64`.
    #[serde(default)]
    encoding_format: Option<String>,
    /// `query` for questions, which some models embed in another way than passages.
    #[serde(default)]
    input_type: Option<String>,
}

/// Vectors.
#[derive(Debug, Serialize, JsonSchema)]
struct EmbeddingReply {
    /// `list`.
    object: &'static str,
    /// A vector a text, in order.
    data: Vec<EmbeddingEntry>,
    /// The model.
    model: String,
    /// Characters, counted as tokens.
    usage: EmbeddingUsage,
}

/// A vector.
#[derive(Debug, Serialize, JsonSchema)]
struct EmbeddingEntry {
    /// `embedding`.
    object: &'static str,
    /// Place of its text.
    index: usize,
    /// Numbers, or their little-endian bytes as base64.
    embedding: Numbers,
}

/// The numbers of a vector.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Numbers {
    /// As they are.
    Floats(Vec<f32>),
    /// As base64.
    Coded(String),
}

/// Characters, counted as tokens.
#[derive(Debug, Serialize, JsonSchema)]
struct EmbeddingUsage {
    /// Of all texts.
    prompt_tokens: usize,
    /// The same.
    total_tokens: usize,
}

/// Texts to be put in order.
#[derive(Debug, Deserialize, JsonSchema)]
struct RerankRequest {
    /// The question.
    query: String,
    /// The texts.
    #[serde(alias = "texts")]
    documents: Vec<String>,
    /// The best so many; all where it is left out.
    #[serde(default, alias = "top_k")]
    top_n: Option<usize>,
    /// Whether the texts come back.
    #[serde(default)]
    return_documents: bool,
}

/// Texts in order.
#[derive(Debug, Serialize, JsonSchema)]
struct RerankReply {
    /// The model that scored.
    model: String,
    /// Best first.
    results: Vec<RerankEntry>,
}

/// A text with its score.
#[derive(Debug, Serialize, JsonSchema)]
struct RerankEntry {
    /// Its place in the request.
    index: usize,
    /// The score: a cross-encoder's, or the cosine of the vectors where there is none.
    relevance_score: f32,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
}

pub(super) fn operations(office: &Arc<Office>) -> Vec<Operation> {
    let (vectors, ranks) = (Arc::clone(office), Arc::clone(office));
    vec![
        Operation::post("embeddings", "/v1/embeddings")
            .about("OpenAI", "Vectors of texts", "By the model of the index, normalised to length 1.")
            .computes(move |call, request: EmbeddingRequest| embed(&vectors, call, &request)),
        Operation::post("rerank", "/rerank")
            .about(
                "Questions",
                "Put texts in order for a question",
                "By the scenario's cross-encoder, or by the cosine of the vectors where there is none; `model` says which.",
            )
            .computes(move |call, request: RerankRequest| rerank(&ranks, call, &request)),
    ]
}

fn no_vectors() -> Problem {
    Problem::new(Kind::Conflict, "no-vectors", "the index of this server has no vectors")
        .with_remedy("make an index with a retriever")
}

fn texts(input: &Value) -> Result<Vec<&str>, Problem> {
    let wrong = || {
        Problem::field("input", "it is neither a text nor a list of texts")
            .with_remedy("send the texts themselves; lists of tokens are not taken")
    };
    let texts = match input {
        Value::String(text) => vec![text.as_str()],
        Value::Array(texts) => {
            texts.iter().map(Value::as_str).collect::<Option<Vec<_>>>().ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    if texts.is_empty() || texts.len() > MOST {
        return Err(Problem::field(
            "input",
            format!("{} texts; 1 to {MOST} are taken", texts.len()),
        ));
    }
    Ok(texts)
}

fn embed(
    office: &Office,
    call: &Call,
    request: &EmbeddingRequest,
) -> Result<EmbeddingReply, Problem> {
    let texts = texts(&request.input)?;
    let embedder = office.embedder()?.ok_or_else(no_vectors)?;
    let own = embedder.identity().name;
    // Vectors of another model than asked for would be compared with that model's.
    let is_own = |name: &String| own == *name || own.split(' ').next() == Some(name.as_str());
    if let Some(name) = request.model.as_ref().filter(|name| !name.is_empty() && !is_own(name)) {
        let name: String = name.chars().take(80).collect();
        let what = format!("this server has the vectors of {own:?}, not of {name:?}");
        return Err(Problem::field("model", what).with_remedy("/v1/models lists it"));
    }
    let base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => {
            let problem = Problem::field("encoding_format", "float and base64 are known");
            return Err(problem.with_remedy("leave it out for float"));
        }
    };
    let run = call.run_options();
    let made = match request.input_type.as_deref() {
        Some("query") => texts
            .iter()
            .map(|text| embedder.query(text, &run))
            .collect::<Result<Vec<_>, _>>()
            .map(|vectors| vectors.concat()),
        _ => embedder.passages(&texts, &run),
    };
    let made = made.map_err(|error| of_desk(&error.into()))?;
    let vector = |(index, vector): (usize, &[f32])| EmbeddingEntry {
        object: "embedding",
        index,
        embedding: match base64 {
            true => {
                let bytes: Vec<u8> = vector.iter().flat_map(|v| v.to_le_bytes()).collect();
                Numbers::Coded(BASE64_STANDARD.encode(&bytes))
            }
            false => Numbers::Floats(vector.to_vec()),
        },
    };
    let data = made.chunks_exact(embedder.dim().max(1)).enumerate().map(vector).collect();
    let count = texts.iter().map(|text| text.chars().count()).sum();
    let usage = EmbeddingUsage { prompt_tokens: count, total_tokens: count };
    Ok(EmbeddingReply { object: "list", data, model: embedder.identity().name, usage })
}

fn rerank(office: &Office, call: &Call, request: &RerankRequest) -> Result<RerankReply, Problem> {
    if request.documents.is_empty() || request.documents.len() > MOST {
        let what = format!("{} texts; 1 to {MOST} are taken", request.documents.len());
        return Err(Problem::field("documents", what));
    }
    let desk = office.finder()?;
    let texts: Vec<&str> = request.documents.iter().map(String::as_str).collect();
    let run = call.run_options();
    let (model, scores) = match &desk.reranker {
        Some(reranker) => {
            let scores = reranker.score(&request.query, &texts, &run);
            (reranker.model().card().name.clone(), scores.map_err(|e| of_desk(&e.into()))?)
        }
        None => {
            let embedder = desk.embedder.as_ref().ok_or_else(no_vectors)?;
            let question = embedder.query(&request.query, &run);
            let question = question.map_err(|error| of_desk(&error.into()))?;
            let made = embedder.passages(&texts, &run).map_err(|error| of_desk(&error.into()))?;
            let cosine = |passage: &[f32]| passage.iter().zip(&question).map(|(a, b)| a * b).sum();
            let scores = made.chunks_exact(embedder.dim().max(1)).map(cosine).collect();
            (embedder.identity().name, scores)
        }
    };
    let mut results: Vec<RerankEntry> = scores
        .into_iter()
        .enumerate()
        .map(|(index, relevance_score)| RerankEntry { index, relevance_score, document: None })
        .collect();
    results.sort_by(|a, b| b.relevance_score.total_cmp(&a.relevance_score));
    results.truncate(request.top_n.unwrap_or(MOST));
    if request.return_documents {
        for entry in &mut results {
            entry.document = request.documents.get(entry.index).cloned();
        }
    }
    Ok(RerankReply { model, results })
}
