//! What a call knows about itself: who calls, for how long, and what it may hold.

use std::time::Instant;

use strata_core::runtime::{CancelToken, RunOptions};

use crate::keys::Caller;
use crate::problem::Problem;

/// What a call knows about itself.
#[derive(Debug, Clone)]
pub struct Call {
    /// Names the request in logs, errors and the `x-request-id` header.
    pub request_id: String,
    /// Who calls.
    pub caller: Caller,
    /// When the answer is of no use any more.
    pub deadline: Instant,
    /// Cancelled when the client has gone or the deadline has passed.
    pub cancel: CancelToken,
    /// Most rows (molecules, texts, pictures) one request may hold.
    pub max_rows: usize,
    /// Most pixels a picture may have.
    pub max_pixels: u64,
    /// The `Accept` header; empty where there is none.
    pub(crate) accept: String,
}

impl Call {
    /// Deadline and cancellation as the runtime takes them.
    #[must_use]
    pub fn run_options(&self) -> RunOptions {
        RunOptions { deadline: Some(self.deadline), cancel: Some(self.cancel.clone()) }
    }

    /// Which of the content types offered the client likes best, by its `Accept` header (RFC 9110,
    /// section 12.5.1). The first where it has no preference, and where it takes none of them: an answer
    /// of another type says more than a refusal. `""` where nothing is offered.
    #[must_use]
    pub fn prefers(&self, offered: &[&'static str]) -> &'static str {
        let mut best: Option<(&'static str, f32)> = None;
        for &kind in offered {
            let quality = quality(&self.accept, kind);
            if quality > best.map_or(0.0, |(_, quality)| quality) {
                best = Some((kind, quality));
            }
        }
        best.map(|(kind, _)| kind).or(offered.first().copied()).unwrap_or_default()
    }

    /// Refuses a request of more rows than the server takes.
    ///
    /// # Errors
    /// A problem that names the field and the limit.
    pub fn check_rows(&self, field: &str, rows: usize) -> Result<(), Problem> {
        if rows <= self.max_rows {
            return Ok(());
        }
        let limit = self.max_rows;
        let what = format!("{rows} are given and {limit} is the most a request may hold");
        Err(Problem::new(crate::problem::Kind::TooLarge, "too-many-rows", &what)
            .with_field(field, what)
            .with_remedy("send fewer at a time, or run a job"))
    }

    /// Refuses a picture of more pixels than the server takes, before they are decoded.
    ///
    /// # Errors
    /// A problem that names the field and the limit.
    pub fn check_pixels(&self, field: &str, width: u32, height: u32) -> Result<(), Problem> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels <= self.max_pixels {
            return Ok(());
        }
        let limit = self.max_pixels;
        let what = format!("{width} × {height} is {pixels} pixels and {limit} is the most");
        Err(Problem::new(crate::problem::Kind::TooLarge, "too-many-pixels", &what)
            .with_field(field, what)
            .with_remedy("send a smaller picture, or cut it into tiles"))
    }
}

/// How much an `Accept` header likes a content type, 0 to 1: the most specific range counts.
fn quality(accept: &str, kind: &str) -> f32 {
    if accept.trim().is_empty() {
        return 1.0;
    }
    let family = kind.split('/').next().unwrap_or_default();
    let mut found = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let specific = match name.as_str() {
            "*/*" => 1,
            name if name.strip_suffix("/*") == Some(family) => 2,
            name if name == kind => 3,
            _ => continue,
        };
        let given = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        // A weight that is no number is no preference.
        let weight = given.map_or(Some(1.0), |text| text.trim().parse::<f32>().ok());
        let weight = weight.filter(|weight| weight.is_finite()).unwrap_or(0.0).clamp(0.0, 1.0);
        if specific > found.0 {
            found = (specific, weight);
        }
    }
    found.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(accept: &str) -> Call {
        Call {
            request_id: "r".to_owned(),
            caller: Caller::anonymous(),
            deadline: Instant::now(),
            cancel: CancelToken::new(),
            max_rows: 2,
            max_pixels: 50_000_000,
            accept: accept.to_owned(),
        }
    }

    #[test]
    fn limits_of_a_request_are_said_with_the_field() {
        let call = call("");
        assert!(call.check_rows("/smiles", 2).is_ok());
        let problem = call.check_rows("/smiles", 3).unwrap_err();
        assert_eq!((problem.kind.status(), problem.errors[0].field.as_str()), (413, "/smiles"));
        assert!(call.check_pixels("/image", 8000, 6000).is_ok());
        assert_eq!(call.check_pixels("/image", 50_000, 50_000).unwrap_err().kind.status(), 413);
    }

    #[test]
    fn what_a_client_likes_best_is_what_it_gets() {
        const BOTH: [&str; 2] = ["application/json", "image/png"];
        for (accept, kind) in [
            ("", "application/json"),
            ("*/*", "application/json"),
            ("image/*", "image/png"),
            ("IMAGE/PNG", "image/png"),
            ("image/png;q=0.5, application/json;q=0.4", "image/png"),
            ("image/png, */*;q=0.1", "image/png"),
            ("application/*;q=0, */*", "image/png"),
            ("text/html, application/json;q=0.9, image/avif, image/*;q=0.2", "application/json"),
            ("text/html", "application/json"),
            ("image/png;q=many", "application/json"),
            (",;,q=1,/,*", "application/json"),
        ] {
            assert_eq!(call(accept).prefers(&BOTH), kind, "{accept}");
        }
        assert_eq!(call("*/*").prefers(&[]), "");
    }
}
