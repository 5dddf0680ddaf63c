//! The whole download: what is there already, the sources in turn, the attempts at each, and the final check.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::part::Part;
use crate::progress::Progress;
use crate::source::{self, Source};
use crate::{FetchError, Mirror, Request, Result, RetryPolicy, copy, hash_file, http};

/// A file that is in its place, with the size and digest asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a fetched file came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was there already; its digest was checked.
    Present,
    /// An earlier call had brought all its bytes.
    Part,
    /// A URL or a path in a mirror.
    Source(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Present => f.write_str("here already"),
            Self::Part => f.write_str("an earlier download"),
            Self::Source(text) => f.write_str(text),
        }
    }
}

/// Brings the file of `request` to its destination, or says why it could not.
///
/// A file that is there already with the right digest is left as it is. A file with a wrong digest is replaced, but
/// only once the right one is whole. Bytes of an unfinished download stay in `<dest>.part` for the next call.
///
/// # Errors
/// See [`FetchError`]; after an error the destination is as it was before.
pub fn fetch(request: &Request, progress: &mut dyn Progress) -> Result<Fetched> {
    if let Some(present) = present(request)? {
        return Ok(present);
    }
    if let Some(folder) = request.dest.parent() {
        std::fs::create_dir_all(folder).map_err(FetchError::io("make the folder", folder))?;
    }
    let mut part = Part::open(&request.dest, request.timeouts.lock, progress)?;
    // The process that held the part before us may have finished the file.
    if let Some(present) = present(request)? {
        part.delete()?;
        return Ok(present);
    }
    if part.len() > request.limit() {
        part.restart()?;
    }
    match bring(request, &mut part, progress) {
        Ok(origin) => {
            let bytes = part.len();
            part.finish()?;
            Ok(Fetched { path: request.dest.clone(), bytes, origin })
        }
        Err(error) => {
            // The first error is the one to report, whatever happens to the part now.
            let _ = part.keep();
            Err(error)
        }
    }
}

fn present(request: &Request) -> Result<Option<Fetched>> {
    let Ok(meta) = std::fs::metadata(&request.dest) else { return Ok(None) };
    if !meta.is_file() || request.bytes.is_some_and(|b| b != meta.len()) {
        return Ok(None);
    }
    let (bytes, digest) = hash_file(&request.dest)?;
    let here = Fetched { path: request.dest.clone(), bytes, origin: Origin::Present };
    Ok((digest == request.sha256).then_some(here))
}

fn bring(request: &Request, part: &mut Part, progress: &mut dyn Progress) -> Result<Origin> {
    if part.len() > 0 && part.digest() == request.sha256 {
        return Ok(Origin::Part);
    }
    let sources = source::all(request);
    let mut reasons = Vec::new();
    for source in &sources {
        match from_source(source, request, part, progress) {
            Ok(()) => return Ok(Origin::Source(source.to_string())),
            Err(error) if error.is_local() => return Err(error),
            // A mirror that cannot be reached under one name cannot be reached under the other.
            Err(error @ (FetchError::Connection { .. } | FetchError::Certificate { .. }))
                if request.mirror.is_some() =>
            {
                return Err(error);
            }
            Err(error) => {
                // The two names in a mirror are one source to a person.
                if reasons.len() + 1 < sources.len() && request.mirror.is_none() {
                    progress.next_source(&error.to_string());
                }
                reasons.push(error);
            }
        }
    }
    Err(verdict(request, reasons))
}

/// One error for all that the sources answered.
fn verdict(request: &Request, mut reasons: Vec<FetchError>) -> FetchError {
    let digest = request.sha256;
    if let Some(mirror) = &request.mirror {
        let absent = |e: &FetchError| {
            matches!(
                e,
                FetchError::NotInMirror { .. } | FetchError::Status { status: 404 | 410, .. }
            )
        };
        // The two names in a mirror are one question: an answer to either is the one that matters.
        reasons.retain(|e| !absent(e));
        if reasons.is_empty() {
            return FetchError::NotInMirror { mirror: mirror.to_string(), digest };
        }
    }
    let dest = request.dest.clone();
    match reasons.len() {
        0 => FetchError::NoSource { dest, digest },
        1 => reasons.remove(0),
        _ => FetchError::AllFailed { dest, digest, reasons },
    }
}

fn from_source(
    source: &Source,
    request: &Request,
    part: &mut Part,
    progress: &mut dyn Progress,
) -> Result<()> {
    match source {
        Source::Url(url) => from_url(url, request, part, progress),
        Source::Path(path) => {
            if !copy::copy(path, request, part, progress)? {
                let mirror = request
                    .mirror
                    .as_ref()
                    .map_or_else(|| path.display().to_string(), Mirror::to_string);
                return Err(FetchError::NotInMirror { mirror, digest: request.sha256 });
            }
            check(source, request, part)
        }
    }
}

fn from_url(
    url: &str,
    request: &Request,
    part: &mut Part,
    progress: &mut dyn Progress,
) -> Result<()> {
    let mut patience = Patience::new(&request.retry, part.len());
    let mut mixed_failed = false;
    loop {
        let error = match http::attempt(url, request, part, progress) {
            Ok(whole) => match check(&Source::Url(url.to_owned()), request, part) {
                Ok(()) => return Ok(()),
                // Bytes of an earlier attempt, perhaps of another version or server, may be what is wrong: the
                // whole is fetched once more before the source is blamed.
                Err(_) if !whole && !mixed_failed => {
                    mixed_failed = true;
                    continue;
                }
                Err(error) => return Err(error),
            },
            Err(error) => error,
        };
        let Some(wait) = patience.after(&error, part.len()) else { return Err(error) };
        progress.retrying(&error.cause(), wait);
        std::thread::sleep(wait);
    }
}

/// Compares the digest; bytes that are not the file are deleted.
fn check(source: &Source, request: &Request, part: &mut Part) -> Result<()> {
    let got = part.digest();
    if got == request.sha256 {
        return Ok(());
    }
    part.restart()?;
    Err(FetchError::WrongDigest { origin: source.to_string(), expected: request.sha256, got })
}

/// Decides whether and when to try again.
struct Patience<'a> {
    policy: &'a RetryPolicy,
    attempts: u32,
    idle: u32,
    furthest: u64,
}

impl<'a> Patience<'a> {
    fn new(policy: &'a RetryPolicy, len: u64) -> Self {
        Self { policy, attempts: 0, idle: 0, furthest: len }
    }

    /// The wait before the next attempt, or `None` to give up. An attempt that got further than all before it
    /// starts the count anew: a bad line brings a large file in many pieces.
    fn after(&mut self, error: &FetchError, len: u64) -> Option<Duration> {
        self.attempts += 1;
        if len >= self.furthest.saturating_add(self.policy.min_progress) {
            self.furthest = len;
            self.idle = 0;
        } else {
            self.idle += 1;
        }
        if !error.is_transient()
            || self.idle > self.policy.retries
            || self.attempts >= self.policy.max_attempts
        {
            return None;
        }
        let doubled =
            self.policy.base_wait.saturating_mul(1 << self.idle.saturating_sub(1).min(16));
        let wait = jittered(doubled.min(self.policy.max_wait));
        match error {
            FetchError::Status { retry_after: Some(asked), .. } => {
                (*asked <= self.policy.max_wait).then_some(wait.max(*asked))
            }
            _ => Some(wait),
        }
    }
}

/// Between 75 and 125 % of `wait`, so that many clients cut off together do not come back together. The clock's
/// last digits are random enough for that.
fn jittered(wait: Duration) -> Duration {
    let nanos =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    wait.mul_f64(0.75 + 0.5 * f64::from(nanos % 1_000) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut() -> FetchError {
        FetchError::Connection { url: "u".into(), reason: "cut".into(), received: 0 }
    }

    #[test]
    fn patience_ends_without_progress_and_renews_with_it() {
        let policy = RetryPolicy { retries: 2, min_progress: 10, ..RetryPolicy::default() };
        let mut patience = Patience::new(&policy, 0);
        assert!(patience.after(&cut(), 0).is_some());
        assert!(patience.after(&cut(), 9).is_some(), "second idle attempt");
        assert!(patience.after(&cut(), 10).is_some(), "progress renews");
        assert!(patience.after(&cut(), 10).is_some());
        assert!(patience.after(&cut(), 10).is_some());
        assert!(patience.after(&cut(), 10).is_none(), "third idle attempt in a row");
    }

    #[test]
    fn attempts_are_bounded_even_with_progress() {
        let policy = RetryPolicy { max_attempts: 3, min_progress: 1, ..RetryPolicy::default() };
        let mut patience = Patience::new(&policy, 0);
        assert!(patience.after(&cut(), 1).is_some());
        assert!(patience.after(&cut(), 2).is_some());
        assert!(patience.after(&cut(), 3).is_none());
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = RetryPolicy {
            retries: 40,
            base_wait: Duration::from_millis(100),
            max_wait: Duration::from_secs(1),
            ..RetryPolicy::default()
        };
        let mut patience = Patience::new(&policy, 0);
        for expected in [100, 200, 400, 800, 1000, 1000] {
            let wait = patience.after(&cut(), 0).unwrap().as_secs_f64() * 1000.0;
            let ratio = wait / f64::from(expected);
            assert!((0.74..=1.26).contains(&ratio), "{wait} for {expected}");
        }
    }

    #[test]
    fn a_server_that_asks_for_too_long_a_wait_is_given_up() {
        let policy = RetryPolicy { max_wait: Duration::from_secs(2), ..RetryPolicy::default() };
        let mut patience = Patience::new(&policy, 0);
        let asks = |s| FetchError::Status {
            url: "u".into(),
            status: 429,
            retry_after: Some(Duration::from_secs(s)),
        };
        assert_eq!(patience.after(&asks(2), 0), Some(Duration::from_secs(2)));
        assert_eq!(patience.after(&asks(3), 0), None);
    }
}
