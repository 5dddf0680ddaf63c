//! Traces: a span a request, sent to an OpenTelemetry collector. A program that is built without the
//! feature `otel` has none, and what is here costs it nothing.

#[cfg(feature = "otel")]
mod client;
#[cfg(not(feature = "otel"))]
mod off;
#[cfg(feature = "otel")]
mod otel;

use axum::http::HeaderMap;

#[cfg(not(feature = "otel"))]
pub(crate) use off::{RequestSpan, Traces, batch, within};
#[cfg(feature = "otel")]
pub(crate) use otel::{RequestSpan, Traces, batch, within};

/// Whether this program can send traces.
pub(crate) const BUILT_IN: bool = cfg!(feature = "otel");

/// What to tell those who ask for traces of a program that has none.
pub(crate) const NOT_BUILT_IN: &str = "this program was built without traces: leave it out, or build the program with --features otel";

/// A request that begins.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "otel"), allow(dead_code, reason = "only traces read it"))]
pub(crate) struct Begun<'a> {
    /// The operation's id.
    pub(crate) operation: &'static str,
    /// The operation's address, with `{names}`; `None` where the request fits no operation.
    pub(crate) route: Option<&'static str>,
    pub(crate) method: &'a str,
    /// Without the query: queries can hold what is nobody's business.
    pub(crate) path: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// How a request ended.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "otel"), allow(dead_code, reason = "only traces read it"))]
pub(crate) struct Ended<'a> {
    pub(crate) status: u16,
    /// The name of the caller's key, where there is a caller.
    pub(crate) caller: Option<&'a str>,
    /// The code of what went wrong, if something did.
    pub(crate) problem: Option<&'a str>,
}
