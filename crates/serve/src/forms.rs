//! Further forms of operations: a body beside parameters of the address, nothing to answer, streams of
//! events, and pictures that change.

use std::sync::Arc;

use axum::http::header;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::call::Call;
use crate::input;
use crate::openapi::{BodyDoc, Doc, HeaderDoc, SchemaOf};
use crate::operation::{Answer, BodyKind, Describe, Operation, Output, Request, Work};
use crate::problem::{Kind, Problem};
use crate::screen::{Film, MULTIPART, Screen};
use crate::topic::Subscription;
use crate::upload::{Reply, either};

/// Content type of server-sent events.
const EVENTS: &str = "text/event-stream";

/// What a request is answered with that may ask for events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken<O> {
    /// One value, as JSON.
    Whole(O),
    /// The data of one event after the other.
    Pieces(Vec<String>),
}

/// A picture that is yet to be drawn.
pub struct Drawing {
    /// One of the operation's content types.
    pub content_type: &'static str,
    /// All that the picture depends on, as text: the same text is the same picture.
    pub of: String,
    /// Draws it.
    #[allow(clippy::type_complexity, reason = "a function without arguments")]
    pub draw: Box<dyn FnOnce() -> Result<Vec<u8>, Problem>>,
}

impl std::fmt::Debug for Drawing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Drawing({}, {:?})", self.content_type, self.of)
    }
}

fn known_tag() -> HeaderDoc {
    HeaderDoc {
        name: "if-none-match",
        description: "The ETag of the picture that the client has.",
        schema: json!({"type": "string"}),
    }
}

/// Parameters of the address, and what the client has already.
fn parameters_and_tag<P: DeserializeOwned>(request: &Request) -> Result<(P, String), Problem> {
    let known = request.headers.get(header::IF_NONE_MATCH);
    let known = known.and_then(|tags| tags.to_str().ok()).unwrap_or_default().to_owned();
    Ok((input::from_address::<P>(request)?, known))
}

/// Whether a client that has some pictures has this one.
fn has(known: &str, tag: &str) -> bool {
    known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}

/// The wire form of an event's data. A line end would begin another field: each line is one of its own.
fn event(data: &str) -> String {
    let lines: Vec<String> = data.lines().map(|line| format!("data: {line}\n")).collect();
    lines.concat() + "\n"
}

impl Describe {
    /// As [`Self::computes`] for a `POST` or `PUT` whose address says something too: the `{names}` of
    /// the path and the query's parameters are `P`, the JSON body is `I`.
    #[must_use]
    pub fn computes_at<P, I, O, F>(self, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(&Call, P, I) -> Result<O, Problem> + Send + Sync + 'static,
    {
        let reply = (200, SchemaOf::reply::<O>("application/json"));
        let doc = at::<P, I>(reply);
        self.on_a_thread(doc, at_and_body::<P, I>, move |call, (at, body)| {
            Output::json(&work(call, at, body)?)
        })
    }

    /// As [`Self::waits`], with what the address says beside the body.
    #[must_use]
    pub fn waits_at<P, I, O, F, Fut>(self, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(Call, P, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Problem>> + Send + 'static,
    {
        let reply = (200, SchemaOf::reply::<O>("application/json"));
        self.raw(BodyKind::Whole, at::<P, I>(reply), move |call, request| {
            let (at, body) = at_and_body::<P, I>(&request)?;
            let work = work(call, at, body);
            Ok(Work::Waits(Box::pin(async move { Output::json(&work.await?) })))
        })
    }

    /// A function that does something and has nothing to say: 204 without a body.
    #[must_use]
    pub fn does<I, F>(self, work: F) -> Operation
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&Call, I) -> Result<(), Problem> + Send + Sync + 'static,
    {
        let (read, doc) = self.typed::<I>(SchemaOf::bytes(""));
        let doc = Doc { replies: vec![(204, SchemaOf::bytes(""))], ..doc };
        self.on_a_thread(doc, read, move |call, input| work(call, input).map(|()| Output::Empty))
    }

    /// As [`Self::does`], with what the address says beside the body.
    #[must_use]
    pub fn does_at<P, I, F>(self, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        I: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&Call, P, I) -> Result<(), Problem> + Send + Sync + 'static,
    {
        let doc = at::<P, I>((204, SchemaOf::bytes("")));
        self.on_a_thread(doc, at_and_body::<P, I>, move |call, (at, body)| {
            work(call, at, body).map(|()| Output::Empty)
        })
    }

    /// A `GET` that is answered with a stream of server-sent events for as long as the client stays: no
    /// thread is held for it, at most `limits.streams` are open, and it ends when the server drains.
    /// The function gets the id of the last event the client saw (`Last-Event-ID`), from which
    /// [`Subscription::resume`] goes on. It runs on a thread and may look things up.
    #[must_use]
    pub fn streams<P, T, F>(self, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        T: Serialize + JsonSchema + 'static,
        F: Fn(&Call, P, Option<u64>) -> Result<Subscription<T>, Problem> + Send + Sync + 'static,
    {
        let doc = Doc {
            parameters: Some(SchemaOf::request::<P>("")),
            headers: vec![HeaderDoc {
                name: "last-event-id",
                description: "The last event that was seen: the stream begins behind it.",
                schema: json!({"type": "integer", "minimum": 0}),
            }],
            replies: vec![(200, SchemaOf::bytes("text/event-stream"))],
            event: Some(SchemaOf::reply::<T>("")),
            ..Doc::default()
        };
        let read =
            |request: &Request| Ok((input::from_address::<P>(request)?, last_event(request)?));
        self.on_a_thread(doc, read, move |call, (parameters, last)| {
            Ok(Output::Stream(work(call, parameters, last)?.feed()))
        })
    }

    /// A `POST` that is answered with JSON, or with server-sent events where the request asks for them: what clients of chat
    /// completions speak. The function runs on a thread.
    #[must_use]
    pub fn speaks<I, O, F>(self, work: F) -> Operation
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(&Call, I) -> Result<Spoken<O>, Problem> + Send + Sync + 'static,
    {
        let doc = Doc {
            body: Some(BodyDoc::of(SchemaOf::request::<I>("application/json"))),
            replies: vec![
                (200, SchemaOf::reply::<O>("application/json")),
                (200, SchemaOf::bytes(EVENTS)),
            ],
            ..Doc::default()
        };
        self.on_a_thread(doc, input::from_body::<I>, move |call, asked| match work(call, asked)? {
            Spoken::Whole(value) => Output::json(&value),
            // They are all there: as one body they cannot be cut by the end of the server.
            Spoken::Pieces(pieces) => Ok(Output::Bytes {
                content_type: EVENTS.to_owned(),
                bytes: pieces.iter().map(|piece| event(piece)).collect::<String>().into(),
                headers: vec![("cache-control", "no-cache".to_owned())],
            }),
        })
    }

    /// A `GET` that computes JSON or bytes of one of these content types, as a parameter or the client's `Accept` says. The
    /// function runs on a thread.
    #[must_use]
    pub fn replies<P, O, F>(self, kinds: &'static [&'static str], work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(&Call, P) -> Result<Reply<O>, Problem> + Send + Sync + 'static,
    {
        let doc = Doc {
            parameters: Some(SchemaOf::request::<P>("")),
            replies: either::<O>(kinds).into_iter().map(|reply| (200, reply)).collect(),
            ..Doc::default()
        };
        self.on_a_thread(doc, input::from_address::<P>, move |call, parameters| {
            work(call, parameters)?.output()
        })
    }

    /// As [`Self::replies`] for a `POST`: the parameters come as a form or as a flat JSON object, which hold more of them than an
    /// address does. Those of the address are taken too.
    #[must_use]
    pub fn replies_to_form<P, O, F>(self, kinds: &'static [&'static str], work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(&Call, P) -> Result<Reply<O>, Problem> + Send + Sync + 'static,
    {
        let body = BodyDoc {
            schemas: vec![
                SchemaOf::request::<P>("application/x-www-form-urlencoded"),
                SchemaOf::request::<P>("application/json"),
            ],
            required: true,
            description: "The parameters of the GET. In JSON, numbers may be numbers and one value needs no list.",
        };
        let doc = Doc {
            body: Some(body),
            replies: either::<O>(kinds).into_iter().map(|reply| (200, reply)).collect(),
            ..Doc::default()
        };
        self.on_a_thread(doc, input::from_form::<P>, move |call, parameters| {
            work(call, parameters)?.output()
        })
    }

    /// A `GET` of a picture that is the same until its data change: it carries an `ETag`, and is not made again for a client that
    /// has it (304). What the function gives says which picture it is before it is drawn.
    #[must_use]
    pub fn pictures<P, F>(self, kinds: &'static [&'static str], work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&Call, P) -> Result<Drawing, Problem> + Send + Sync + 'static,
    {
        let doc = Doc {
            parameters: Some(SchemaOf::request::<P>("")),
            headers: vec![known_tag()],
            replies: (kinds.iter().map(|kind| (200, SchemaOf::file(kind))))
                .chain([(304, SchemaOf::bytes(""))])
                .collect(),
            ..Doc::default()
        };
        self.on_a_thread(doc, parameters_and_tag::<P>, move |call, (parameters, known)| {
            let Drawing { content_type, of, draw } = work(call, parameters)?;
            // Another version may draw another picture of the same.
            let of = format!("{of}\n{content_type}\n{}", env!("CARGO_PKG_VERSION"));
            let tag = format!("\"{}\"", &strata_core::verify::sha256_hex(of.as_bytes())[..32]);
            if has(&known, &tag) {
                return Ok(Output::Unchanged { tag });
            }
            let headers = vec![("etag", tag), ("cache-control", "private, no-cache".to_owned())];
            let bytes = draw()?.into();
            Ok(Output::Bytes { content_type: content_type.to_owned(), bytes, headers })
        })
    }

    /// A `GET` of the newest picture of a [`Screen`], to be asked for again and again: it carries an
    /// `ETag`, and a client that has that picture already is told so (304) without being sent it.
    #[must_use]
    pub fn shows<P, F>(self, content_type: &'static str, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&Call, P) -> Result<Screen, Problem> + Send + Sync + 'static,
    {
        let (_, doc) = self.typed::<P>(SchemaOf::file(content_type));
        let doc = Doc {
            headers: vec![known_tag()],
            replies: vec![(200, SchemaOf::file(content_type)), (304, SchemaOf::bytes(""))],
            ..doc
        };
        self.on_a_thread(doc, parameters_and_tag::<P>, move |call, (parameters, known)| {
            let Some((tag, bytes)) = work(call, parameters)?.newest() else {
                return Err(Problem::new(
                    Kind::Unavailable,
                    "no-picture-yet",
                    "no picture has come yet",
                )
                .with_remedy("ask again in a moment")
                .retry(std::time::Duration::from_secs(1)));
            };
            if has(&known, &tag) {
                return Ok(Output::Unchanged { tag });
            }
            // To be kept, and asked about before it is used.
            let headers = vec![("etag", tag), ("cache-control", "private, no-cache".to_owned())];
            Ok(Output::Bytes { content_type: content_type.to_owned(), bytes, headers })
        })
    }

    /// A `GET` of the pictures of a [`Screen`] as they come (`multipart/x-mixed-replace`), which a
    /// browser shows in an `img`. Bounded as [`Self::streams`]; a slow client misses pictures, the newest
    /// is sent.
    #[must_use]
    pub fn films<P, F>(self, work: F) -> Operation
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&Call, P) -> Result<Film, Problem> + Send + Sync + 'static,
    {
        let (read, doc) = self.typed::<P>(SchemaOf::file(MULTIPART));
        self.on_a_thread(doc, read, move |call, parameters| {
            Ok(Output::Stream(work(call, parameters)?.feed()))
        })
    }

    fn on_a_thread<I: Send + 'static>(
        self,
        doc: Doc,
        read: impl Fn(&Request) -> Result<I, Problem> + Send + Sync + 'static,
        work: impl Fn(&Call, I) -> Answer + Send + Sync + 'static,
    ) -> Operation {
        let body = if doc.body.is_some() { BodyKind::Whole } else { BodyKind::None };
        let work = Arc::new(work);
        self.raw(body, doc, move |call, request| {
            let (input, work) = (read(&request)?, Arc::clone(&work));
            Ok(Work::Computes(Box::new(move || work(&call, input))))
        })
    }
}

fn at<P: JsonSchema, I: JsonSchema>(reply: (u16, SchemaOf)) -> Doc {
    Doc {
        parameters: Some(SchemaOf::request::<P>("")),
        body: Some(BodyDoc::of(SchemaOf::request::<I>("application/json"))),
        replies: vec![reply],
        ..Doc::default()
    }
}

fn at_and_body<P: DeserializeOwned, I: DeserializeOwned>(
    request: &Request,
) -> Result<(P, I), Problem> {
    Ok((input::from_address(request)?, input::from_body(request)?))
}

fn last_event(request: &Request) -> Result<Option<u64>, Problem> {
    let Some(given) = request.headers.get("last-event-id") else { return Ok(None) };
    match given.to_str().map(str::trim) {
        // Browsers send it empty where they have seen none.
        Ok("") => Ok(None),
        Ok(text)
            if text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok() =>
        {
            Ok(text.parse().ok())
        }
        _ => Err(Problem::new(Kind::BadRequest, "last-event-id", "Last-Event-ID is no event's id")
            .with_field("last-event-id", "it must be a whole number, as events carry it")
            .with_remedy("leave it out to begin with the next event")),
    }
}
