//! How spans reach the collector: one POST at a time from the exporter's own thread, with a limit of
//! time, and one line in the log when the collector goes away and when it is back.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

/// Time for the collector to take a batch of spans; then the batch is dropped.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of the collector's reply that are read.
const REPLY_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(super) struct Client {
    agent: ureq::Agent,
    down: AtomicBool,
}

impl Client {
    pub(super) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // A collector is a neighbour; the way out of the site is not the way to it.
            .proxy(None)
            .build();
        Self { agent: config.into(), down: AtomicBool::new(false) }
    }

    fn post(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let answer = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = answer.into_parts();
        let body = body.with_config().limit(REPLY_BYTES).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }

    fn report(&self, result: &Result<Response<Bytes>, HttpError>) {
        let trouble = match result {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers with status {}", answer.status().as_u16())),
            Err(error) => Some(error.to_string()),
        };
        let was_down = self.down.swap(trouble.is_some(), Ordering::AcqRel);
        match trouble {
            Some(why) if !was_down => tracing::warn!(why, "the collector does not take traces"),
            None if was_down => tracing::info!("the collector takes traces again"),
            _ => {}
        }
    }
}

/// What the trait's own macro makes of an `async fn`.
type Sent<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'client, 'sent>(&'client self, request: Request<Bytes>) -> Sent<'sent>
    where
        'client: 'sent,
        Self: 'sent,
    {
        // Blocking is right here: the thread that polls this has nothing else to do.
        Box::pin(async move {
            let result = self.post(request);
            self.report(&result);
            result
        })
    }
}
