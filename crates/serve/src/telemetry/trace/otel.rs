//! Spans by the OpenTelemetry SDK. They are handed to its exporter's thread through a queue that
//! drops what it cannot hold: a collector that is slow or down never holds up a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Span, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span as SdkSpan};
use strata_core::batching::Done;
use strata_core::provenance::STRATA_VERSION;

use super::client::Client;
use super::{Begun, Ended};

/// Batches of one request that get a span of their own; more are counted only.
const BATCHES: u32 = 32;
/// Characters of a path that a span keeps.
const PATH_CHARS: usize = 200;
/// Time for the last spans to leave when the server ends.
const FAREWELL: Duration = Duration::from_secs(3);

tokio::task_local! {
    /// The request that the current task works for.
    static CURRENT: Arc<Current>;
}

struct Current {
    tracer: SdkTracer,
    parent: SpanContext,
    batches: AtomicU32,
}

/// What sends spans, where the settings name a collector.
pub(crate) struct Traces(Option<(SdkTracerProvider, SdkTracer)>);

/// A request's span; nothing where nobody wants it.
pub(crate) struct RequestSpan(Option<(SdkSpan, Arc<Current>)>);

impl Traces {
    /// Nothing is sent.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Sends spans to the collector at `endpoint`, if there is one. Nothing is sent yet: a collector
    /// may come later.
    ///
    /// # Errors
    /// Why the endpoint cannot be used.
    pub(crate) fn start(endpoint: Option<&str>, name: &'static str) -> Result<Self, String> {
        let Some(endpoint) = endpoint else { return Ok(Self::none()) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address(endpoint))
            .build()
            .map_err(|error| error.to_string())?;
        let resource = Resource::builder()
            .with_service_name(name)
            .with_attribute(KeyValue::new("service.version", STRATA_VERSION))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("strata-serve");
        Ok(Self(Some((provider, tracer))))
    }

    /// Begins the span of a request, as a part of its caller's trace where it names one.
    pub(crate) fn begin(&self, begun: &Begun<'_>) -> RequestSpan {
        let Some((_, tracer)) = &self.0 else { return RequestSpan(None) };
        let headers = HeaderExtractor(begun.headers);
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        let path: String = begun.path.chars().take(PATH_CHARS).collect();
        let mut attributes = vec![
            KeyValue::new("http.request.method", method(begun.method)),
            KeyValue::new("url.path", path),
            KeyValue::new("strata.request_id", begun.request_id.to_owned()),
        ];
        attributes.extend(begun.route.map(|route| KeyValue::new("http.route", route)));
        let builder = tracer.span_builder(begun.operation).with_kind(SpanKind::Server);
        let span = tracer.build_with_context(builder.with_attributes(attributes), &parent);
        if !span.is_recording() {
            // The caller does not sample this trace.
            return RequestSpan(None);
        }
        let parent = span.span_context().clone();
        let (tracer, batches) = (tracer.clone(), AtomicU32::new(0));
        RequestSpan(Some((span, Arc::new(Current { tracer, parent, batches }))))
    }

    /// Sends what there is, and waits for that a little.
    pub(crate) fn shutdown(&self) {
        if let Some((provider, _)) = &self.0
            && let Err(error) = provider.shutdown_with_timeout(FAREWELL)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

impl RequestSpan {
    /// Ends the span. One that is dropped instead is that of a client that has gone.
    pub(crate) fn end(mut self, ended: &Ended<'_>) {
        let Some((mut span, current)) = self.0.take() else { return };
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(ended.status)));
        if let Some(caller) = ended.caller {
            span.set_attribute(KeyValue::new("strata.caller", caller.to_owned()));
        }
        if let Some(problem) = ended.problem {
            span.set_attribute(KeyValue::new("error.type", problem.to_owned()));
        }
        note_batches(&mut span, &current);
        // By convention what a client did wrong is no error of the server's span.
        if ended.status >= 500 {
            span.set_status(Status::error(ended.problem.unwrap_or_default().to_owned()));
        }
        span.end();
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        let Some((mut span, current)) = self.0.take() else { return };
        note_batches(&mut span, &current);
        span.set_attribute(KeyValue::new("error.type", "client-gone"));
        span.end();
    }
}

fn note_batches(span: &mut SdkSpan, current: &Current) {
    let batches = current.batches.load(Ordering::Relaxed);
    if batches > 0 {
        span.set_attribute(KeyValue::new("strata.batches", i64::from(batches)));
    }
}

/// Does the work of a request, so that [`batch`] knows whose it is.
pub(crate) async fn within<T>(span: &RequestSpan, work: impl Future<Output = T>) -> T {
    match &span.0 {
        Some((_, current)) => CURRENT.scope(Arc::clone(current), work).await,
        None => work.await,
    }
}

/// Something of the current request has been through a batch: a span from when it was queued to now,
/// with an event where it began to run.
pub(crate) fn batch<R>(done: &Done<R>) {
    let note = |current: &Arc<Current>| {
        if current.batches.fetch_add(1, Ordering::Relaxed) >= BATCHES {
            return;
        }
        let now = SystemTime::now();
        let ran = now.checked_sub(done.running).unwrap_or(now);
        let queued = ran.checked_sub(done.queued).unwrap_or(ran);
        let parent = Context::new().with_remote_span_context(current.parent.clone());
        let attributes = [
            KeyValue::new("strata.queued_us", micros(done.queued)),
            KeyValue::new("strata.running_us", micros(done.running)),
            KeyValue::new("strata.batch_rows", number(done.batch_rows)),
            KeyValue::new("strata.batch_items", number(done.batch_items)),
        ];
        let builder = current.tracer.span_builder("batch").with_kind(SpanKind::Internal);
        let builder = builder.with_start_time(queued).with_attributes(attributes);
        let mut span = current.tracer.build_with_context(builder, &parent);
        span.add_event_with_timestamp("running", ran, Vec::new());
        span.end_with_timestamp(now);
    };
    // Outside of a request, as in a warm-up, there is nobody whose batch it is.
    let _ = CURRENT.try_with(note);
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Where the protocol takes spans: collectors are named by their root.
fn address(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    match endpoint.ends_with("/v1/traces") {
        true => endpoint.to_owned(),
        false => format!("{endpoint}/v1/traces"),
    }
}

/// A method as OpenTelemetry's conventions have it: clients may write any word there.
fn method(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_root_or_its_whole_address() {
        for named in [
            "http://127.0.0.1:4318",
            "http://127.0.0.1:4318/",
            "http://127.0.0.1:4318/v1/traces",
            "http://127.0.0.1:4318/v1/traces/",
        ] {
            assert_eq!(address(named), "http://127.0.0.1:4318/v1/traces");
        }
        assert_eq!(address("https://c.example/otlp"), "https://c.example/otlp/v1/traces");
    }
}
