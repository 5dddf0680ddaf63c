//! Traces of a program that is built without them: none.

use strata_core::batching::Done;

use super::{Begun, Ended, NOT_BUILT_IN};

/// What sends spans: nothing.
#[derive(Debug)]
pub(crate) struct Traces;

/// A request's span: nothing.
#[derive(Debug)]
pub(crate) struct RequestSpan;

impl Traces {
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) fn start(endpoint: Option<&str>, _: &'static str) -> Result<Self, String> {
        endpoint.map_or(Ok(Self), |_| Err(NOT_BUILT_IN.to_owned()))
    }

    pub(crate) fn begin(&self, _: &Begun<'_>) -> RequestSpan {
        RequestSpan
    }

    pub(crate) fn shutdown(&self) {}
}

impl RequestSpan {
    pub(crate) fn end(self, _: &Ended<'_>) {}
}

/// Does the work of a request.
pub(crate) async fn within<T>(_: &RequestSpan, work: impl Future<Output = T>) -> T {
    work.await
}

pub(crate) fn batch<R>(_: &Done<R>) {}
