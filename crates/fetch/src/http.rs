//! One attempt to bring a file, or the rest of it, over HTTP.

use std::io::Read;
use std::time::{Duration, Instant, SystemTime};

use ureq::http::{HeaderMap, Response, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::digest::CHUNK;
use crate::part::{Note, Part};
use crate::progress::{Meter, Progress, Snapshot};
use crate::url::{join, parts, shown};
use crate::{FetchError, Request, Result};

/// Redirects followed before an address is given up.
const MAX_REDIRECTS: usize = 10;
const AGENT: &str = concat!("strata-fetch/", env!("CARGO_PKG_VERSION"));

/// Appends to `part` what the address gives from where the part ends. `Ok(true)` when the whole file came in this
/// one answer, `Ok(false)` when earlier bytes were built upon.
pub(crate) fn attempt(
    url: &str,
    request: &Request,
    part: &mut Part,
    progress: &mut dyn Progress,
) -> Result<bool> {
    let note = part.note().filter(|n| n.url == shown(url));
    let mut answer = ask(url, request, part.len(), note.as_ref())?;
    // 416: the part is longer than the server's file, so it is not a beginning of it.
    if answer.status().as_u16() == 416 && part.len() > 0 {
        part.restart()?;
        answer = ask(url, request, 0, None)?;
    }
    let start = match answer.status().as_u16() {
        200 => {
            if part.len() > 0 {
                part.restart()?;
            }
            0
        }
        206 if part.len() > 0 => {
            if let Err(error) = check_range(url, request, part.len(), answer.headers()) {
                part.restart()?;
                return Err(error);
            }
            part.len()
        }
        206 => return Err(protocol(url, "206 though no range was asked")),
        status => {
            return Err(FetchError::Status {
                url: shown(url),
                status,
                retry_after: retry_after(answer.headers(), SystemTime::now()),
            });
        }
    };
    let announced = check_head(url, request, start, &answer)?;
    part.set_note(
        validator(answer.headers()).map(|v| Note { url: shown(url), validator: v }).as_ref(),
    )?;
    let body = Transfer { url, request, start, end: announced.map(|n| start + n) };
    body.receive(answer.into_body(), part, progress)?;
    Ok(start == 0)
}

/// Sends the request, following redirects by hand: each hop chooses its own proxy, and may not fall from https
/// to http.
fn ask(url: &str, request: &Request, offset: u64, note: Option<&Note>) -> Result<Response<Body>> {
    let mut at = url.to_owned();
    for _ in 0..=MAX_REDIRECTS {
        let from = parts(&at)?;
        let mut get = agent(&at, request)?.get(&at).header(header::ACCEPT_ENCODING, "identity");
        if offset > 0 {
            get = get.header(header::RANGE, format!("bytes={offset}-"));
            if let Some(note) = note {
                get = get.header(header::IF_RANGE, &note.validator);
            }
        }
        let answer = get.call().map_err(|e| connection(url, &e, offset))?;
        if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(answer);
        }
        let redirect = |reason: String| FetchError::Redirect { url: shown(url), reason };
        let location = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|v| v.to_str().ok())
            .ok_or_else(|| redirect("without saying where to".into()))?;
        let next = join(&at, location).map_err(|e| redirect(format!("to a bad address: {e}")))?;
        if from.https && !parts(&next)?.https {
            return Err(redirect(format!("from https to {}", shown(&next))));
        }
        at = next;
    }
    Err(FetchError::Redirect {
        url: shown(url),
        reason: format!("more than {MAX_REDIRECTS} times"),
    })
}

fn agent(url: &str, request: &Request) -> Result<Agent> {
    let proxy = request.proxies.choose(&parts(url)?)?;
    let timeouts = &request.timeouts;
    let mut config = Agent::config_builder()
        .user_agent(AGENT)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .timeout_resolve(Some(timeouts.connect))
        .timeout_connect(Some(timeouts.connect))
        .timeout_recv_response(Some(timeouts.response))
        .timeout_per_read(Some(timeouts.read));
    if let Some(path) = &request.ca_file {
        let bad = |reason: String| FetchError::BadCertificates { path: path.clone(), reason };
        let pem = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
        let mut roots = Vec::new();
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(cert) = item.map_err(|e| bad(e.to_string()))? {
                roots.push(cert);
            }
        }
        if roots.is_empty() {
            return Err(bad("it holds no certificate".into()));
        }
        config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::from(roots)).build());
    }
    Ok(config.build().new_agent())
}

/// Refuses an answer that cannot be the file; returns the announced length of the body.
fn check_head(
    url: &str,
    request: &Request,
    start: u64,
    answer: &Response<Body>,
) -> Result<Option<u64>> {
    let encoding = answer.headers().get(header::CONTENT_ENCODING).and_then(|v| v.to_str().ok());
    if let Some(encoding) = encoding.filter(|e| !e.eq_ignore_ascii_case("identity")) {
        return Err(protocol(
            url,
            &format!("the body is packed as {encoding}, which was not asked for"),
        ));
    }
    let announced = answer.body().content_length();
    if let (Some(expected), Some(announced)) = (request.bytes, announced)
        && start + announced != expected
    {
        return Err(FetchError::Length { url: shown(url), expected, got: start + announced });
    }
    if announced.is_some_and(|n| start.saturating_add(n) > request.limit()) {
        return Err(FetchError::TooLong { url: shown(url), limit: request.limit() });
    }
    Ok(announced)
}

/// `Content-Range: bytes <first>-<last>/<total>` must continue where the part ends.
fn check_range(url: &str, request: &Request, offset: u64, headers: &HeaderMap) -> Result<()> {
    let text = headers.get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let wrong = || protocol(url, &format!("asked for bytes from {offset} on, it sent `{text}`"));
    let (range, total) =
        text.strip_prefix("bytes ").and_then(|r| r.split_once('/')).ok_or_else(wrong)?;
    let first: Option<u64> = range.split_once('-').and_then(|(first, _)| first.trim().parse().ok());
    if first != Some(offset) {
        return Err(wrong());
    }
    if let (Some(expected), Ok(got)) = (request.bytes, total.trim().parse::<u64>())
        && got != expected
    {
        return Err(FetchError::Length { url: shown(url), expected, got });
    }
    Ok(())
}

/// What `If-Range` may be given: a strong ETag, or else a date.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let etag = text(header::ETAG).filter(|tag| tag.starts_with('"'));
    etag.or_else(|| text(header::LAST_MODIFIED)).filter(|v| !v.is_empty()).map(str::to_owned)
}

/// `Retry-After` in seconds; its date form is counted from `now`.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = crate::date::parse_http_date(text)?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// A body on its way into the part.
struct Transfer<'a> {
    url: &'a str,
    request: &'a Request,
    start: u64,
    /// Where the part ends when the whole body has come, if it was announced.
    end: Option<u64>,
}

impl Transfer<'_> {
    fn receive(&self, body: Body, part: &mut Part, progress: &mut dyn Progress) -> Result<()> {
        // The library's own limit is lifted: ours is exact.
        let mut reader = body.into_with_config().limit(u64::MAX).reader();
        let origin = shown(self.url);
        let limit = self.request.limit();
        let mut meter = Meter::new();
        let mut pace = Pace::new();
        let mut buffer = vec![0_u8; CHUNK];
        loop {
            let n = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) => return Err(self.cut(&read_reason(&error), part)),
            };
            if part.len() + n as u64 > limit {
                part.restart()?;
                return Err(FetchError::TooLong { url: origin, limit });
            }
            part.write(&buffer[..n])?;
            let told = meter.add(n);
            if told && progress.update(&self.snapshot(&origin, part, &meter)).is_break() {
                return Err(FetchError::Cancelled {
                    dest: self.request.dest.clone(),
                    received: part.len(),
                });
            }
            if pace.too_slow(n, &self.request.timeouts) {
                return Err(self.cut("the transfer is too slow", part));
            }
        }
        let want = self.request.bytes.or(self.end);
        if want.is_some_and(|want| part.len() < want) {
            return Err(self.cut("the connection was closed early", part));
        }
        // A break at the end has nothing left to stop.
        let _ = progress.update(&self.snapshot(&origin, part, &meter));
        Ok(())
    }

    fn snapshot<'s>(&self, origin: &'s str, part: &Part, meter: &Meter) -> Snapshot<'s> {
        Snapshot {
            origin,
            bytes: part.len(),
            total: self.request.bytes.or(self.end),
            rate: meter.rate(),
            resumed_from: self.start,
        }
    }

    fn cut(&self, reason: &str, part: &Part) -> FetchError {
        FetchError::Connection {
            url: shown(self.url),
            reason: reason.to_owned(),
            received: part.len(),
        }
    }
}

/// Notices a body that trickles: each read in time, the whole never.
struct Pace {
    since: Instant,
    bytes: u64,
}

impl Pace {
    fn new() -> Self {
        Self { since: Instant::now(), bytes: 0 }
    }

    fn too_slow(&mut self, n: usize, timeouts: &crate::Timeouts) -> bool {
        self.bytes += n as u64;
        let passed = self.since.elapsed();
        if passed < timeouts.slow_window {
            return false;
        }
        let slow = (self.bytes as f64) < timeouts.min_rate * passed.as_secs_f64();
        *self = Self::new();
        slow
    }
}

fn protocol(url: &str, reason: &str) -> FetchError {
    FetchError::Protocol { url: shown(url), reason: reason.to_owned() }
}

/// A failure before the body: some of them no second attempt can mend.
fn connection(url: &str, error: &ureq::Error, received: u64) -> FetchError {
    let url = shown(url);
    match error {
        ureq::Error::BadUri(reason) => FetchError::BadUrl { url, reason: reason.clone() },
        ureq::Error::Http(e) => FetchError::BadUrl { url, reason: e.to_string() },
        ureq::Error::Protocol(e) => FetchError::Protocol { url, reason: e.to_string() },
        ureq::Error::LargeResponseHeader(..) => {
            FetchError::Protocol { url, reason: "its headers are too long".into() }
        }
        ureq::Error::Rustls(e) => FetchError::Certificate { url, reason: e.to_string() },
        // The handshake happens inside a write, so its verdict comes wrapped; no other attempt changes it.
        ureq::Error::Io(e)
            if e.kind() == std::io::ErrorKind::InvalidData
                && e.to_string().contains("certificate") =>
        {
            FetchError::Certificate { url, reason: e.to_string() }
        }
        other => FetchError::Connection { url, reason: other.to_string(), received },
    }
}

fn read_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the connection was closed early".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let parsed = pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()));
        parsed.collect()
    }

    #[test]
    fn an_untrusted_certificate_is_final_and_names_its_remedy() {
        let verdict = std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "invalid peer certificate: UnknownIssuer",
        );
        let error = connection("https://h/x", &ureq::Error::Io(verdict), 0);
        assert!(!error.is_transient());
        assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
        let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(connection("https://h/x", &ureq::Error::Io(cut), 0).is_transient());
    }

    #[test]
    fn only_strong_validators_serve_if_range() {
        let tag = |pairs: &[(&'static str, &str)]| validator(&headers(pairs));
        assert_eq!(tag(&[("etag", "\"v1\"")]).as_deref(), Some("\"v1\""));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(tag(&[("etag", "W/\"v1\""), ("last-modified", date)]).as_deref(), Some(date));
        assert_eq!(tag(&[("etag", "W/\"v1\"")]), None);
        assert_eq!(tag(&[]), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_700);
        let wait = |value| retry_after(&headers(&[("retry-after", value)]), now);
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(77)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "it is past");
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn a_trickle_is_noticed_once_the_window_has_passed() {
        let timeouts = crate::Timeouts {
            slow_window: Duration::from_millis(20),
            min_rate: 1e6,
            ..crate::Timeouts::default()
        };
        let mut pace = Pace::new();
        assert!(!pace.too_slow(1, &timeouts), "too early to tell");
        std::thread::sleep(Duration::from_millis(25));
        assert!(pace.too_slow(1, &timeouts));
        std::thread::sleep(Duration::from_millis(25));
        assert!(!pace.too_slow(100_000_000, &timeouts), "a new window");
    }
}
