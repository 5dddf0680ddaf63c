//! The way of a request: key, rate, body within the limits, the operation, and a reply that says what
//! went wrong where something did.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{RawPathParams, Request as HttpRequest};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::FutureExt;
use strata_core::provenance::STRATA_VERSION;
use strata_core::runtime::CancelToken;

use crate::body;
use crate::call::Call;
use crate::keys::Caller;
use crate::operation::{Answer, BodyKind, Handler, Operation, Output, Request, Work};
use crate::problem::{Kind, Problem};
use crate::reply;
use crate::state::{Phase, State};
use crate::telemetry::Access;
use crate::telemetry::trace::{self, Begun, Ended, RequestSpan};

/// Header that names a request.
pub(crate) const REQUEST_ID: &str = "x-request-id";
/// How long a server that stops takes to say so.
const REFUSAL: Duration = Duration::from_millis(100);
/// Header that says which version of Strata made an answer.
const VERSION: &str = "x-strata-version";
/// Header with which a client shortens the server's limit of time, in milliseconds.
pub(crate) const TIMEOUT: &str = "x-strata-timeout-ms";
pub(crate) const INFERENCE_HEADER: &str = "inference-header-content-length";
/// Id of the operation that stands for requests that fit none.
pub(crate) const OTHER: &str = "other";
/// Header with the trace that a request is part of (W3C Trace Context).
pub(crate) const TRACE_PARENT: &str = "traceparent";

/// Serves one request of an operation.
pub(crate) async fn serve(
    state: Arc<State>,
    operation: Arc<Operation>,
    path: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    http: HttpRequest,
) -> Response {
    let visit = Visit::begin(&state, &operation, &http);
    let (answer, caller) = match path {
        Ok(path) => {
            let path = path.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            visit.answer(path, http).await
        }
        Err(error) => (Err(Problem::new(Kind::BadRequest, "bad-address", error)), None),
    };
    visit.finish(answer, caller.as_ref())
}

/// A request that fits no operation.
pub(crate) async fn refuse(state: Arc<State>, http: HttpRequest, problem: Problem) -> Response {
    let oip = http.uri().path().starts_with("/v2");
    let operation = state.other(oip);
    let visit = Visit::begin(&state, &operation, &http);
    body::discard(http.into_body()).await;
    visit.finish(Err(problem), None)
}

/// One request on its way.
struct Visit<'a> {
    state: &'a Arc<State>,
    operation: &'a Arc<Operation>,
    started: Instant,
    request_id: String,
    method: String,
    path: String,
    bytes_in: u64,
    span: RequestSpan,
}

/// Counts a request that is being served.
struct InFlight<'a>(&'a State);

impl<'a> InFlight<'a> {
    fn enter(state: &'a State) -> Self {
        let in_flight = state.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        state.metrics.in_flight(in_flight);
        Self(state)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let left = self.0.in_flight.fetch_sub(1, Ordering::SeqCst) - 1;
        self.0.metrics.in_flight(left);
        self.0.left.notify_waiters();
    }
}

/// Cancels what runs for a client that has gone: the future of its request is dropped.
struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl<'a> Visit<'a> {
    fn begin(state: &'a Arc<State>, operation: &'a Arc<Operation>, http: &HttpRequest) -> Self {
        let length = http.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let request_id = request_id(http.headers());
        let span = state.traces.begin(&Begun {
            operation: operation.id,
            route: (operation.id != OTHER).then_some(operation.path),
            method: http.method().as_str(),
            path: http.uri().path(),
            request_id: &request_id,
            headers: http.headers(),
        });
        Self {
            state,
            operation,
            started: Instant::now(),
            request_id,
            method: http.method().to_string(),
            path: http.uri().path().to_owned(),
            bytes_in: length.unwrap_or(0),
            span,
        }
    }

    async fn answer(
        &self,
        path: Vec<(String, String)>,
        http: HttpRequest,
    ) -> (Answer, Option<Caller>) {
        // Counted before the phase is looked at: a server that stops sees this request, or this
        // request sees that it stops.
        let in_flight = InFlight::enter(self.state);
        let caller = match self.admit(http.headers()) {
            Ok(caller) => caller,
            Err(problem) => {
                // What is refused is not waited for when the server stops.
                drop(in_flight);
                body::discard(http.into_body()).await;
                if refuses(self.state, self.operation) {
                    // Clients that try again at once would still be connecting when the socket closes.
                    tokio::time::sleep(REFUSAL).await;
                }
                return (Err(problem), None);
            }
        };
        let cancel = CancelToken::new();
        let gone = CancelOnDrop(cancel.clone());
        let call = Call {
            request_id: self.request_id.clone(),
            caller: caller.clone(),
            deadline: self.deadline(http.headers()),
            cancel,
            max_rows: self.state.limits.rows,
            max_pixels: self.state.limits.pixels,
            accept: accept(http.headers()),
        };
        let work = AssertUnwindSafe(self.work(call, path, http)).catch_unwind();
        let answer = work.await.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
        let answer = match answer {
            // The stream goes on when the request is answered; until then nobody is to cancel it.
            Ok(Output::Stream(feed)) => self
                .state
                .streams
                .open()
                .map(|slot| Output::Stream(feed.holding((slot, gone), self.state.ending()))),
            other => other,
        };
        drop(in_flight);
        (answer, Some(caller))
    }

    /// Whether the request may come in, and who sends it.
    fn admit(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let state = self.state;
        if refuses(state, self.operation) {
            return Err(Problem::new(Kind::Unavailable, "draining", "the server is stopping")
                .with_remedy("send the request to another server, or again in a moment")
                .retry(Duration::from_secs(5)));
        }
        state.origins.check(headers)?;
        let Some(scope) = self.operation.scope else { return Ok(Caller::anonymous()) };
        let given = headers.get(header::AUTHORIZATION);
        let given = match given.map(|value| value.to_str()) {
            Some(Err(_)) => return Err(unauthorized("the Authorization header is no plain text")),
            Some(Ok(text)) => Some(text),
            None => None,
        };
        let ring = state.keys();
        let caller = ring.check(given).map_err(unauthorized)?;
        if !caller.has(scope) {
            let text = format!("the key {:?} lacks the scope {scope}", caller.name);
            return Err(Problem::new(Kind::Forbidden, "scope", text)
                .with_remedy("ask whoever runs the server for a key with this scope"));
        }
        state.take_token(&caller).map_err(|wait| {
            let text = format!("the key {:?} has used up its rate", caller.name);
            Problem::new(Kind::TooManyRequests, "rate", text).retry(wait)
        })?;
        Ok(caller)
    }

    fn deadline(&self, headers: &HeaderMap) -> Instant {
        let most = self.state.limits.request_timeout;
        let asked = headers.get(TIMEOUT).and_then(|v| v.to_str().ok()?.trim().parse().ok());
        self.started + asked.map_or(most, |ms| Duration::from_millis(ms).min(most))
    }

    async fn work(&self, call: Call, path: Vec<(String, String)>, http: HttpRequest) -> Answer {
        let (parts, http_body) = http.into_parts();
        let mut request = Request {
            path,
            query: parts.uri.query().unwrap_or_default().to_owned(),
            content_type: body::content_type(&parts.headers),
            body: bytes::Bytes::new(),
            inference_header_length: text(&parts.headers, INFERENCE_HEADER),
            headers: parts.headers,
        };
        let limits = &self.state.limits;
        if let Some(precheck) = &self.operation.precheck
            && let Err(problem) = precheck(&call, &request)
        {
            body::discard(http_body).await;
            return Err(problem);
        }
        let handler = match (&self.operation.handler, self.operation.body) {
            (Handler::Upload(begin), _) => {
                let sink = begin(&call, &request)?;
                return body::upload(sink, http_body, &request.headers, limits).await;
            }
            (Handler::Request(handler), kind @ (BodyKind::Whole | BodyKind::File)) => {
                request.body = body::whole(http_body, &request.headers, limits).await?;
                if kind == BodyKind::Whole {
                    body::check_depth(&request, limits.json_depth)?;
                }
                handler
            }
            (Handler::Request(handler), _) => {
                body::discard(http_body).await;
                handler
            }
        };
        let (deadline, cancel) = (call.deadline, call.cancel.clone());
        let work = trace::within(&self.span, self.carry_out(Arc::clone(handler), call, request));
        match tokio::time::timeout_at(deadline.into(), work).await {
            Ok(answer) => answer,
            Err(_) => {
                cancel.cancel();
                Err(out_of_time(self.started.elapsed()))
            }
        }
    }

    async fn carry_out(
        &self,
        handler: crate::operation::RequestHandler,
        call: Call,
        request: Request,
    ) -> Answer {
        /// A body above this is read on a thread: parsing it would hold up other requests.
        const LARGE: usize = 64 << 10;
        let work = if request.body.len() > LARGE {
            let read = tokio::task::spawn_blocking(move || handler(call, request));
            read.await.map_err(|e| panicked_join(&e))??
        } else {
            handler(call, request)?
        };
        match work {
            Work::Waits(future) => future.await,
            Work::Computes(compute) => {
                // Who looks at a server looks when it has too much to do.
                let permit = match self.operation.always {
                    true => None,
                    false => Some(self.state.gate.enter().await?),
                };
                let run = move || {
                    let _permit = permit;
                    compute()
                };
                tokio::task::spawn_blocking(run).await.map_err(|e| panicked_join(&e))?
            }
        }
    }

    fn finish(self, answer: Answer, caller: Option<&Caller>) -> Response {
        let errors = self.operation.errors;
        let mut code = None;
        let mut response = match answer {
            Ok(output) => reply::of(output),
            Err(problem) => {
                self.state.metrics.problem(self.operation.id, &problem.code);
                let response = reply::of_problem(&problem, &self.request_id, errors);
                code = Some(problem.code);
                response
            }
        };
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&self.request_id) {
            headers.insert(REQUEST_ID, value);
        }
        headers.insert(VERSION, HeaderValue::from_static(STRATA_VERSION));
        if self.state.phase() != Phase::Serving {
            // Clients move to another connection, and so to another server, in time.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        self.report(&response, caller);
        self.span.end(&Ended {
            status: response.status().as_u16(),
            caller: caller.map(|caller| caller.name.as_str()),
            problem: code.as_deref(),
        });
        response
    }

    fn report(&self, response: &Response<Body>, caller: Option<&Caller>) {
        let (status, took) = (response.status().as_u16(), self.started.elapsed());
        let id = self.operation.id;
        self.state.metrics.request(id, &self.method, status, took.as_secs_f64());
        if self.state.access_log {
            let length = response.headers().get(header::CONTENT_LENGTH);
            let length = length.and_then(|v| v.to_str().ok()?.parse().ok());
            crate::telemetry::access(&Access {
                request_id: &self.request_id,
                method: &self.method,
                path: &self.path,
                status,
                took,
                bytes_in: self.bytes_in,
                bytes_out: length.unwrap_or(0),
                caller: caller.map_or("-", |caller| caller.name.as_str()),
            });
        }
    }
}

/// A header's value; two of them, or one that is no text, are wrong in a way that its reader reports.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return Some("given twice".to_owned());
    }
    Some(first.to_str().unwrap_or("not readable").to_owned())
}

/// What the client would like to get: its `Accept` headers, joined, and no longer than is sane.
fn accept(headers: &HeaderMap) -> String {
    const LONGEST: usize = 1024;
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut all = values.collect::<Vec<_>>().join(",");
    all.truncate(LONGEST);
    all
}

/// The client's own id where it is a sane one, else a random one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let sane = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    given.filter(sane).map_or_else(crate::random::id, str::to_owned)
}

/// Whether the server is past taking requests of this operation.
fn refuses(state: &State, operation: &Operation) -> bool {
    state.phase() == Phase::Refusing && !operation.always
}

fn unauthorized(detail: impl std::fmt::Display) -> Problem {
    Problem::new(Kind::Unauthorized, "key", detail)
        .with_remedy("send the header Authorization: Bearer KEY")
}

fn out_of_time(waited: Duration) -> Problem {
    let text = format!("no answer within {:.1} s", waited.as_secs_f64());
    Problem::new(Kind::Unavailable, "deadline", text)
        .with_remedy("send less at a time, or run a job")
        .retry(Duration::from_secs(1))
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Problem {
    Problem::internal(format!("panic: {}", panic_text(panic)))
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

fn panicked_join(error: &tokio::task::JoinError) -> Problem {
    Problem::internal(error)
}
