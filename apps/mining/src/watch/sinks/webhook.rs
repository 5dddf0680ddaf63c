//! Events to an address: one `POST` a change, tried again while the receiver is down or busy.

use std::time::Duration;

use ureq::Agent;
use ureq::http::StatusCode;

use super::{Backoff, NAP, Sink, SinkError, SinkState, Surroundings, hmac_sha256, variable};
use crate::watch::config::WebhookConfig;
use crate::watch::event::Change;
use crate::watch::journal::{Delivery, JournalError};

const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300) };
/// The longest that a receiver may ask us to wait.
const MOST_ASKED: Duration = Duration::from_secs(3600);

/// An address that is called for every change.
#[derive(Debug)]
pub struct WebhookSink {
    name: String,
    url: String,
    headers: Vec<(String, String)>,
    secret: Option<String>,
    give_up_ms: i64,
    backoff: Backoff,
    agent: Agent,
}

/// How a call went.
#[derive(Debug, PartialEq)]
enum Answer {
    Taken,
    /// Never again.
    Refused(String),
    /// Later, and when, if the receiver says so.
    Busy(String, Option<Duration>),
}

impl WebhookSink {
    /// Its name in the journal: the address without what may be a secret.
    #[must_use]
    pub fn name_of(url: &str) -> String {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, rest) = place.split_once("://").unwrap_or(("", place));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        // Two addresses that differ in their secret only are still two.
        let mark = match query.is_empty() && host.len() == authority.len() {
            true => String::new(),
            false => format!(" {}", &hmac_sha256(b"", &[url.as_bytes()])[..8]),
        };
        format!("webhook {scheme}://{host}{path}{mark}")
    }

    /// A sink to this address.
    ///
    /// # Errors
    /// An environment variable that is not set.
    pub fn new(config: &WebhookConfig) -> Result<Self, SinkError> {
        let mut headers: Vec<(String, String)> = config.headers.clone().into_iter().collect();
        for (header, name) in &config.headers_env {
            let key = format!("outputs.webhook.headers_env.{header}");
            headers.push((header.clone(), variable(&key, name)?));
        }
        for (header, value) in &headers {
            let fault = ureq::http::HeaderName::try_from(header)
                .map_err(|error| error.to_string())
                .and_then(|_| {
                    ureq::http::HeaderValue::try_from(value).map_err(|error| error.to_string())
                });
            if let Err(detail) = fault {
                let key = format!("outputs.webhook.headers.{header}");
                return Err(SinkError::Value { key, detail });
            }
        }
        let secret = config.secret_env.as_ref();
        let secret = secret.map(|name| variable("outputs.webhook.secret_env", name)).transpose()?;
        let agent = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs_f64(config.timeout)))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("strata-mining")
            .build()
            .new_agent();
        Ok(Self {
            name: Self::name_of(&config.url),
            url: config.url.clone(),
            headers,
            secret,
            give_up_ms: (config.give_up_hours * 3_600_000.0) as i64,
            backoff: BACKOFF,
            agent,
        })
    }

    /// Other waits after failures, as a test needs them.
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    fn call(&self, change: &Change, now_ms: i64) -> Answer {
        let body = match serde_json::to_vec(change) {
            Ok(body) => body,
            Err(error) => return Answer::Refused(error.to_string()),
        };
        let mut request = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", &change.key);
        for (header, value) in &self.headers {
            request = request.header(header, value);
        }
        if let Some(secret) = &self.secret {
            let time = (now_ms / 1000).to_string();
            let parts: [&[u8]; 3] = [time.as_bytes(), b".", &body];
            let signature = hmac_sha256(secret.as_bytes(), &parts);
            request = request
                .header("X-Strata-Timestamp", &time)
                .header("X-Strata-Signature", format!("sha256={signature}"));
        }
        match request.send(&body[..]) {
            Ok(response) => {
                let header = |name| response.headers().get(name)?.to_str().ok();
                judge(response.status(), header("retry-after"))
            }
            Err(error) => Answer::Busy(error.to_string(), None),
        }
    }

    fn settle(
        &self,
        delivery: &Delivery,
        around: &Surroundings,
        state: &SinkState,
    ) -> Result<(), JournalError> {
        let (journal, seq) = (&around.journal, delivery.change.seq);
        match self.call(&delivery.change, around.clock.now_ms()) {
            Answer::Taken => {
                state.up();
                journal.delivered(&self.name, &[seq])
            }
            Answer::Refused(error) => {
                state.down(&error);
                tracing::error!(
                    sink = self.name,
                    key = delivery.change.key,
                    error,
                    "refused for good"
                );
                journal.refused(&self.name, seq)
            }
            Answer::Busy(error, asked) => {
                state.down(&error);
                let failures = delivery.attempts.saturating_add(1);
                let own = self.backoff.random(failures);
                let wait = asked.map_or(own, |asked| asked.min(MOST_ASKED).max(own));
                let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                let due = around.clock.now_ms().saturating_add(wait_ms);
                tracing::warn!(sink = self.name, error, failures, wait_ms, "tried again later");
                journal.failed(&self.name, seq, due, &error)
            }
        }
    }

    fn step(&self, around: &Surroundings, state: &SinkState) -> Result<bool, JournalError> {
        let seen = around.journal.latest();
        let Some(delivery) = around.journal.outbox(&self.name, 0, 1)?.pop() else {
            if around.life.is_stopping() {
                return Ok(false);
            }
            let _ = around.journal.wait(seen, NAP);
            return Ok(true);
        };
        let now = around.clock.now_ms();
        if now.saturating_sub(delivery.since_ms) > self.give_up_ms && delivery.attempts > 0 {
            tracing::error!(sink = self.name, key = delivery.change.key, "given up");
            around.journal.given_up(&self.name, delivery.change.seq)?;
        } else if delivery.due_ms <= now {
            self.settle(&delivery, around, state)?;
        } else if around.life.wait(NAP.min(Duration::from_millis((delivery.due_ms - now) as u64))) {
            // What failed a moment ago is not worth the wait: it is the next run's.
            return Ok(false);
        }
        Ok(true)
    }
}

/// What an answer means: 429 and 5xx pass, as do timeouts (408) and "too early" (425); every other
/// refusal would be the same again.
fn judge(status: StatusCode, retry_after: Option<&str>) -> Answer {
    let asked = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    match status.as_u16() {
        200..=299 => Answer::Taken,
        408 | 425 | 429 | 500..=599 => Answer::Busy(format!("the receiver says {status}"), asked),
        _ => Answer::Refused(format!("the receiver says {status}")),
    }
}

impl Sink for WebhookSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&mut self, around: &Surroundings, state: &SinkState) {
        while !around.life.is_over() {
            match self.step(around, state) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    state.down(&error.to_string());
                    tracing::error!(%error, sink = self.name, "the outbox cannot be used");
                    if around.life.wait(Duration::from_secs(1)) {
                        return;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hide_what_may_be_secret_and_stay_different() {
        let plain = WebhookSink::name_of("https://a.example/hook");
        assert_eq!(plain, "webhook https://a.example/hook");
        let one = WebhookSink::name_of("https://u:p@a.example/hook?token=1");
        let two = WebhookSink::name_of("https://u:p@a.example/hook?token=2");
        assert!(
            one.starts_with(&plain) && one != two && !one.contains("token") && !one.contains("u:p")
        );
    }

    #[test]
    fn answers_are_told_apart() {
        let judge = |code, after| judge(StatusCode::from_u16(code).unwrap(), after);
        assert_eq!(judge(204, None), Answer::Taken);
        assert!(matches!(judge(301, None), Answer::Refused(_)));
        assert!(matches!(judge(404, None), Answer::Refused(_)));
        let Answer::Busy(_, asked) = judge(429, Some(" 7 ")) else { panic!("busy") };
        assert_eq!(asked, Some(Duration::from_secs(7)));
        assert!(matches!(judge(503, Some("Wed, 21 Oct 2015 07:28:00 GMT")), Answer::Busy(_, None)));
    }
}
