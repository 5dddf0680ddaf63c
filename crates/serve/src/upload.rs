//! Operations whose request body is a file, such as a picture: the bytes as they are, beside
//! parameters in the address. The type is looked at before the body is read.

use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::call::Call;
use crate::input;
use crate::openapi::{BodyDoc, Doc, SchemaOf};
use crate::operation::{Answer, BodyKind, Describe, Operation, Output, Request, Work};
use crate::problem::{Kind, Problem};

/// Content types of pictures. `application/octet-stream` is for clients that do not know what they
/// send: decoders go by the bytes in any case.
pub const PICTURES: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/bmp",
    "image/tiff",
    "image/webp",
    "image/gif",
    "application/octet-stream",
];

/// Content types of documents; readers go by the bytes and the name in any case.
pub const DOCUMENTS: &[&str] = &[
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/json",
    "application/x-ndjson",
    "application/jsonl",
    "application/gzip",
    "message/rfc822",
    "text/html",
    "text/markdown",
    "text/plain",
    "text/csv",
    "application/octet-stream",
];

const UNKNOWN: &str = "application/octet-stream";

/// A file that came as the body of a request.
#[derive(Debug, Clone)]
pub struct Upload {
    /// What the client says it is; one of the operation's types. Nobody has looked at the bytes yet.
    pub content_type: String,
    /// The bytes: at least one, at most `limits.body_bytes`. A clone shares them.
    pub bytes: Bytes,
}

/// An answer that is one or the other, as the client asked ([`Call::prefers`], or a parameter).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<O> {
    /// A value, as JSON.
    Json(O),
    /// Bytes, such as a picture that was drawn on.
    Bytes {
        /// One of the types the operation names.
        content_type: &'static str,
        /// The bytes.
        bytes: Bytes,
    },
}

impl<O: Serialize> Reply<O> {
    pub(crate) fn output(self) -> Answer {
        match self {
            Self::Json(value) => Output::json(&value),
            Self::Bytes { content_type, bytes } => Ok(Output::Bytes {
                content_type: content_type.to_owned(),
                bytes,
                headers: Vec::new(),
            }),
        }
    }
}

/// An operation that takes a file, up to the function that answers.
#[derive(Debug)]
pub struct Taking {
    describe: Describe,
    types: &'static [&'static str],
}

impl Describe {
    /// The request's body is a file of one of these content types, such as [`PICTURES`]; what else the
    /// function needs comes as parameters of the address. Other types are refused with 415 before the
    /// body is read, larger files than `limits.body_bytes` with 413, empty ones with 400.
    #[must_use]
    pub fn takes(self, types: &'static [&'static str]) -> Taking {
        Taking { describe: self, types }
    }
}

impl Taking {
    /// A function that computes its answer on a thread.
    #[must_use]
    pub fn computes<P, O, F>(self, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(&Call, P, Upload) -> Result<O, Problem> + Send + Sync + 'static,
    {
        let json = vec![SchemaOf::reply::<O>("application/json")];
        self.on_a_thread::<P>(json, move |call, parameters, upload| {
            Output::json(&work(call, parameters, upload)?)
        })
    }

    /// A function that waits for its answer, such as one that goes through a batch.
    #[must_use]
    pub fn waits<P, O, F, Fut>(self, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(Call, P, Upload) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Problem>> + Send + 'static,
    {
        let json = vec![SchemaOf::reply::<O>("application/json")];
        self.build::<P>(json, move |call, parameters, upload| {
            let work = work(call, parameters, upload);
            Work::Waits(Box::pin(async move { Output::json(&work.await?) }))
        })
    }

    /// A function that computes bytes of one content type, such as the picture with boxes drawn on it.
    #[must_use]
    pub fn draws<P, F>(self, content_type: &'static str, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&Call, P, Upload) -> Result<Vec<u8>, Problem> + Send + Sync + 'static,
    {
        self.on_a_thread::<P>(
            vec![SchemaOf::file(content_type)],
            move |call, parameters, upload| {
                let bytes = work(call, parameters, upload)?.into();
                Reply::<()>::Bytes { content_type, bytes }.output()
            },
        )
    }

    /// A function that computes JSON or bytes of one of these content types, as the client asked.
    #[must_use]
    pub fn replies<P, O, F>(self, kinds: &'static [&'static str], work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(&Call, P, Upload) -> Result<Reply<O>, Problem> + Send + Sync + 'static,
    {
        self.on_a_thread::<P>(either::<O>(kinds), move |call, parameters, upload| {
            work(call, parameters, upload)?.output()
        })
    }

    /// As [`Self::replies`] for a function that waits.
    #[must_use]
    pub fn replies_later<P, O, F, Fut>(self, kinds: &'static [&'static str], work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(Call, P, Upload) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<O>, Problem>> + Send + 'static,
    {
        self.build::<P>(either::<O>(kinds), move |call, parameters, upload| {
            let work = work(call, parameters, upload);
            Work::Waits(Box::pin(async move { work.await?.output() }))
        })
    }

    fn on_a_thread<P: DeserializeOwned + JsonSchema + Send + 'static>(
        self,
        replies: Vec<SchemaOf>,
        work: impl Fn(&Call, P, Upload) -> Answer + Send + Sync + 'static,
    ) -> Operation {
        let work = Arc::new(work);
        self.build::<P>(replies, move |call, parameters, upload| {
            let work = Arc::clone(&work);
            Work::Computes(Box::new(move || work(&call, parameters, upload)))
        })
    }

    fn build<P: DeserializeOwned + JsonSchema + Send + 'static>(
        self,
        replies: Vec<SchemaOf>,
        work: impl Fn(Call, P, Upload) -> Work + Send + Sync + 'static,
    ) -> Operation {
        let Self { describe, types } = self;
        let binary = json!({"type": "string", "format": "binary"});
        let schemas = types.iter().map(|kind| SchemaOf::literal(kind, binary.clone())).collect();
        let doc = Doc {
            parameters: Some(SchemaOf::request::<P>("")),
            body: Some(BodyDoc { schemas, required: true, description: "The file as it is." }),
            replies: replies.into_iter().map(|reply| (200, reply)).collect(),
            ..Doc::default()
        };
        let answer = move |call: Call, request: Request| {
            let parameters = input::from_address::<P>(&request)?;
            if request.body.is_empty() {
                return Err(Problem::new(Kind::BadRequest, "no-body", "the body is empty")
                    .with_remedy("send the file itself as the body: curl --data-binary @FILE"));
            }
            let content_type = match request.content_type.as_str() {
                "" => UNKNOWN.to_owned(),
                _ => request.content_type,
            };
            Ok(work(call, parameters, Upload { content_type, bytes: request.body }))
        };
        describe.raw(BodyKind::File, doc, answer).precheck(move |_, request| {
            check_type(types, &request.content_type)?;
            input::from_address::<P>(request).map(drop)
        })
    }
}

pub(crate) fn either<O: JsonSchema>(kinds: &[&'static str]) -> Vec<SchemaOf> {
    let json = SchemaOf::reply::<O>("application/json");
    std::iter::once(json).chain(kinds.iter().map(|kind| SchemaOf::file(kind))).collect()
}

fn check_type(types: &[&str], given: &str) -> Result<(), Problem> {
    let given = if given.is_empty() { UNKNOWN } else { given };
    if types.contains(&given) {
        return Ok(());
    }
    let listed = types.join(", ");
    let text = format!("the body is {given}, this operation reads {listed}");
    let example = types.first().copied().unwrap_or(UNKNOWN);
    Err(Problem::new(Kind::UnsupportedMediaType, "content-type", text).with_remedy(format!(
        "send the file itself as the body with its type: curl -H 'Content-Type: {example}' --data-binary @FILE"
    )))
}
