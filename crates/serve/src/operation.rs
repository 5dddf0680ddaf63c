//! Operations: what a server can do, as plain functions from a typed request to a typed reply. An
//! application describes its operations here and sees nothing of HTTP; limits, keys, cancellation,
//! errors and the OpenAPI document are the server's.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::HeaderMap;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::input;
use crate::keys::Scope;
use crate::openapi::{BodyDoc, Doc, SchemaOf};
use crate::problem::Problem;
use crate::stream::Feed;

/// An answer, or why there is none.
pub(crate) type Answer = Result<Output, Problem>;

/// A reply's body.
#[derive(Debug)]
pub(crate) enum Output {
    /// JSON.
    Json(Vec<u8>),
    /// Any bytes, with their content type.
    Bytes {
        /// Content type.
        content_type: String,
        /// The bytes.
        bytes: Bytes,
        /// More headers.
        headers: Vec<(&'static str, String)>,
    },
    /// A file, streamed.
    File {
        /// Where it lies.
        path: PathBuf,
        /// Content type.
        content_type: String,
        /// The name a browser saves it under.
        name: String,
    },
    /// JSON with another status than 200, and perhaps a `Location`.
    Status {
        /// The status.
        status: u16,
        /// The JSON.
        json: Vec<u8>,
        /// Where the thing made is.
        location: Option<String>,
    },
    /// No body.
    Empty,
    /// The client has it already, under this `ETag`.
    Unchanged {
        /// The tag.
        tag: String,
    },
    /// Bytes as they come, for as long as the client stays.
    Stream(Feed),
}

impl Output {
    /// A value as JSON.
    ///
    /// # Errors
    /// Never for plain data; a map with keys that are no strings is an internal error.
    pub(crate) fn json(value: &impl Serialize) -> Answer {
        serde_json::to_vec(value).map(Self::Json).map_err(Problem::internal)
    }

    /// A value as JSON with a status and a location.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub(crate) fn status(status: u16, value: &impl Serialize, location: Option<String>) -> Answer {
        let json = serde_json::to_vec(value).map_err(Problem::internal)?;
        Ok(Self::Status { status, json, location })
    }
}

/// A request as it came, its body read and within the limits.
#[derive(Debug)]
pub(crate) struct Request {
    /// Values of the address's `{names}`.
    pub(crate) path: Vec<(String, String)>,
    /// The query string, still encoded.
    pub(crate) query: String,
    /// Content type without its parameters, in lower case; empty where none was given.
    pub(crate) content_type: String,
    /// The body, decompressed.
    pub(crate) body: Bytes,
    /// All headers.
    pub(crate) headers: HeaderMap,
    /// `Inference-Header-Content-Length` where it was given.
    pub(crate) inference_header_length: Option<String>,
}

/// What is to be done for a request.
pub(crate) enum Work {
    /// Waits for something, such as a batch.
    Waits(BoxFuture<'static, Answer>),
    /// Computes; runs on a thread of its own, a limited number at a time.
    Computes(Box<dyn FnOnce() -> Answer + Send>),
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Waits(_) => "Waits",
            Self::Computes(_) => "Computes",
        })
    }
}

/// What answers a request whose body is in memory.
pub(crate) type RequestHandler = Arc<dyn Fn(Call, Request) -> Result<Work, Problem> + Send + Sync>;

/// Looks at a request before its body is read.
pub(crate) type Precheck = Arc<dyn Fn(&Call, &Request) -> Result<(), Problem> + Send + Sync>;

/// Begins an upload, once the key and the parameters are known.
pub(crate) type UploadHandler =
    Arc<dyn Fn(&Call, &Request) -> Result<Box<dyn UploadSink>, Problem> + Send + Sync>;

/// What answers a request.
#[derive(Clone)]
pub(crate) enum Handler {
    Request(RequestHandler),
    Upload(UploadHandler),
}

/// Where an upload's bytes go. Dropped without [`UploadSink::finish`], it leaves nothing behind.
pub(crate) trait UploadSink: Send {
    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Problem>;

    /// All bytes are there.
    fn finish(self: Box<Self>) -> Answer;
}

/// HTTP methods that operations use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each name is the method's own")]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// How a body is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    None,
    /// Read whole into memory.
    Whole,
    /// Read whole into memory, and no JSON: a picture.
    File,
}

/// How a request's type is read from it.
pub(crate) type Read<I> = fn(&Request) -> Result<I, Problem>;

/// How an operation writes its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errors {
    /// RFC 9457 problem details.
    Details,
    /// `{"error": "…"}` of the Open Inference Protocol.
    Oip,
    /// `{"error": true, "reason": "…"}` of Open-Meteo.
    Reason,
}

/// One thing a server can do.
pub struct Operation {
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) scope: Option<Scope>,
    pub(crate) body: BodyKind,
    pub(crate) doc: Doc,
    pub(crate) handler: Handler,
    /// Refuses before the body is read, where that is known by then.
    pub(crate) precheck: Option<Precheck>,
    /// How errors are written.
    pub(crate) errors: Errors,
    /// Answered while the server is draining.
    pub(crate) always: bool,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.id, self.method.as_str(), self.path)
    }
}

/// The start of an operation: its address and what people should know.
#[derive(Debug)]
pub struct Describe {
    id: &'static str,
    method: Method,
    path: &'static str,
    summary: &'static str,
    description: &'static str,
    tag: &'static str,
    scope: Option<Scope>,
}

impl Operation {
    /// Begins a `GET`; `{names}` in the path become fields of the request type.
    #[must_use]
    pub fn get(id: &'static str, path: &'static str) -> Describe {
        Describe::new(id, Method::Get, path)
    }

    /// Begins a `POST` with a JSON body.
    #[must_use]
    pub fn post(id: &'static str, path: &'static str) -> Describe {
        Describe::new(id, Method::Post, path)
    }

    /// Begins a `PUT` with a JSON body.
    #[must_use]
    pub fn put(id: &'static str, path: &'static str) -> Describe {
        Describe::new(id, Method::Put, path)
    }

    /// Begins a `DELETE`.
    #[must_use]
    pub fn delete(id: &'static str, path: &'static str) -> Describe {
        Describe::new(id, Method::Delete, path)
    }

    pub(crate) fn precheck(
        mut self,
        check: impl Fn(&Call, &Request) -> Result<(), Problem> + Send + Sync + 'static,
    ) -> Self {
        self.precheck = Some(Arc::new(check));
        self
    }

    pub(crate) fn oip(mut self) -> Self {
        self.errors = Errors::Oip;
        self
    }

    /// Errors as `{"error": true, "reason": …}`, and 400 where a value cannot be used: what clients of Open-Meteo's API read.
    #[must_use]
    pub fn reasons(mut self) -> Self {
        self.errors = Errors::Reason;
        self
    }

    pub(crate) fn always(mut self) -> Self {
        self.always = true;
        self
    }
}

impl Describe {
    fn new(id: &'static str, method: Method, path: &'static str) -> Self {
        let (summary, description, tag) = ("", "", "");
        Self { id, method, path, summary, description, tag, scope: Some(Scope::Infer) }
    }

    /// One line, then as much as people need, and the group it belongs to.
    #[must_use]
    pub fn about(
        mut self,
        tag: &'static str,
        summary: &'static str,
        description: &'static str,
    ) -> Self {
        (self.tag, self.summary, self.description) = (tag, summary, description);
        self
    }

    /// The scope a key needs; `infer` otherwise.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Needs no key.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.scope = None;
        self
    }

    /// A function that waits for its answer, such as one that goes through a batch.
    #[must_use]
    pub fn waits<I, O, F, Fut>(self, work: F) -> Operation
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(Call, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Problem>> + Send + 'static,
    {
        let (read, doc) = self.typed::<I>(SchemaOf::reply::<O>("application/json"));
        self.build(doc, move |call, request| {
            let work = work(call, read(&request)?);
            Ok(Work::Waits(Box::pin(async move { Output::json(&work.await?) })))
        })
    }

    /// A function that computes its answer on a thread.
    #[must_use]
    pub fn computes<I, O, F>(self, work: F) -> Operation
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(&Call, I) -> Result<O, Problem> + Send + Sync + 'static,
    {
        let (read, doc) = self.typed::<I>(SchemaOf::reply::<O>("application/json"));
        let work = Arc::new(work);
        self.build(doc, move |call, request| {
            let (input, work) = (read(&request)?, Arc::clone(&work));
            Ok(Work::Computes(Box::new(move || Output::json(&work(&call, input)?))))
        })
    }

    /// A function that computes bytes of one content type, such as a drawing.
    #[must_use]
    pub fn draws<I, F>(self, content_type: &'static str, work: F) -> Operation
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&Call, I) -> Result<Vec<u8>, Problem> + Send + Sync + 'static,
    {
        let (read, doc) = self.typed::<I>(SchemaOf::bytes(content_type));
        let work = Arc::new(work);
        self.build(doc, move |call, request| {
            let (input, work) = (read(&request)?, Arc::clone(&work));
            Ok(Work::Computes(Box::new(move || {
                let bytes = work(&call, input)?.into();
                let content_type = content_type.to_owned();
                // The same question has the same drawing, for as long as the program is the same.
                let headers = vec![("cache-control", "private, max-age=3600".to_owned())];
                Ok(Output::Bytes { content_type, bytes, headers })
            })))
        })
    }

    /// An operation of the server's own, which reads the request itself.
    pub(crate) fn raw(
        self,
        body: BodyKind,
        doc: Doc,
        work: impl Fn(Call, Request) -> Result<Work, Problem> + Send + Sync + 'static,
    ) -> Operation {
        let mut operation = self.build(doc, work);
        operation.body = body;
        operation
    }

    /// An operation that takes a body of any size as it arrives.
    pub(crate) fn uploads(
        self,
        doc: Doc,
        begin: impl Fn(&Call, &Request) -> Result<Box<dyn UploadSink>, Problem> + Send + Sync + 'static,
    ) -> Operation {
        let mut operation = self.build(doc, |_, _| Err(Problem::internal("an upload")));
        operation.handler = Handler::Upload(Arc::new(begin));
        operation
    }

    /// How the request type is read, and what the document says of it.
    pub(crate) fn typed<I: DeserializeOwned + JsonSchema>(
        &self,
        reply: SchemaOf,
    ) -> (Read<I>, Doc) {
        let doc = Doc { replies: vec![(200, reply)], ..Doc::default() };
        match self.method {
            Method::Post | Method::Put => {
                let body = Some(BodyDoc::of(SchemaOf::request::<I>("application/json")));
                (input::from_body::<I>, Doc { body, ..doc })
            }
            Method::Get | Method::Delete => {
                let parameters = Some(SchemaOf::request::<I>(""));
                (input::from_address::<I>, Doc { parameters, ..doc })
            }
        }
    }

    fn build(
        self,
        doc: Doc,
        work: impl Fn(Call, Request) -> Result<Work, Problem> + Send + Sync + 'static,
    ) -> Operation {
        let Self { id, method, path, summary, description, tag, scope } = self;
        let with_body = matches!(method, Method::Post | Method::Put);
        Operation {
            id,
            method,
            path,
            scope,
            body: if with_body { BodyKind::Whole } else { BodyKind::None },
            doc: Doc { summary, description, tag, ..doc },
            handler: Handler::Request(Arc::new(work)),
            precheck: None,
            errors: Errors::Details,
            always: false,
        }
    }
}

/// A request without fields.
#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
