//! Errors as people and programs get them: RFC 9457 problem details that name the field and the remedy.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

/// What kind of problem it is; decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each name is the status's own")]
pub enum Kind {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    Unprocessable,
    TooManyRequests,
    HeadersTooLarge,
    Internal,
    Unavailable,
}

impl Kind {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Unprocessable => 422,
            Self::TooManyRequests => 429,
            Self::HeadersTooLarge => 431,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request cannot be read",
            Self::Unauthorized => "A key is needed",
            Self::Forbidden => "The key does not allow this",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The method does not fit the address",
            Self::RequestTimeout => "The request took too long to arrive",
            Self::Conflict => "The state does not allow this",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The content type is not one this operation reads",
            Self::Unprocessable => "A value is not usable",
            Self::TooManyRequests => "Too many requests",
            Self::HeadersTooLarge => "The headers are too large",
            Self::Internal => "The server failed",
            Self::Unavailable => "Not now",
        }
    }
}

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where: a JSON pointer into the body (`/smiles/3`), or the name of a parameter.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Decides the status.
    pub kind: Kind,
    /// Stable, for programs: `queue-full`, `unknown-scenario`.
    pub code: Cow<'static, str>,
    /// What is wrong, for people: names the input.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem with a stable code and a text.
    pub fn new(
        kind: Kind,
        code: impl Into<Cow<'static, str>>,
        detail: impl std::fmt::Display,
    ) -> Self {
        Self {
            kind,
            code: code.into(),
            detail: detail.to_string(),
            remedy: None,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// A value that cannot be used, with the field it is in.
    pub fn field(field: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::new(Kind::Unprocessable, "invalid-value", &detail).with_field(field, detail)
    }

    /// Something that isn't there.
    pub fn not_found(code: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, code, detail)
    }

    /// A failure of ours. The detail goes to the log; the caller gets the request id to name.
    pub fn internal(detail: impl std::fmt::Display) -> Self {
        tracing::error!(%detail, "internal error");
        Self::new(Kind::Internal, "internal", "the server failed; its log says why")
            .with_remedy("report it with the request id")
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds a field that is wrong.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        self.errors.push(FieldError { field: field.into(), detail: detail.to_string() });
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Whole seconds for `Retry-After`, at least 1.
    #[must_use]
    pub fn retry_seconds(&self) -> Option<u64> {
        self.retry_after.map(|after| (after.as_secs_f64().ceil() as u64).max(1))
    }

    /// `application/problem+json`.
    #[must_use]
    pub fn to_json(&self, request_id: &str) -> Vec<u8> {
        let body = Details {
            kind: format!("urn:strata:problem:{}", self.code),
            title: self.kind.title(),
            status: self.kind.status(),
            detail: &self.detail,
            instance: format!("urn:strata:request:{request_id}"),
            code: &self.code,
            remedy: self.remedy.as_deref(),
            errors: &self.errors,
            retry_after_s: self.retry_seconds(),
        };
        // Plain strings and numbers always serialise.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// `{"error": …}` of the Open Inference Protocol: one sentence with everything in it.
    #[must_use]
    pub fn to_oip_json(&self) -> Vec<u8> {
        serde_json::to_vec(&serde_json::json!({ "error": self.sentence() })).unwrap_or_default()
    }

    /// `{"error": true, "reason": …}` of Open-Meteo: one sentence that names the fields.
    #[must_use]
    pub fn to_reason_json(&self) -> Vec<u8> {
        let fields: Vec<&str> = self.errors.iter().map(|error| error.field.as_str()).collect();
        let sentence = self.sentence();
        let named = fields.iter().all(|field| sentence.contains(field));
        let reason = if named { sentence } else { format!("{}: {sentence}", fields.join(", ")) };
        let json = serde_json::json!({ "error": true, "reason": reason });
        serde_json::to_vec(&json).unwrap_or_default()
    }

    fn sentence(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}; {remedy}", self.detail),
            None => self.detail.clone(),
        }
    }
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: String,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
}

/// JSON Schema of the problem document, for OpenAPI.
#[must_use]
pub(crate) fn schema() -> serde_json::Value {
    serde_json::json!({
        "type": "object",
        "description": "RFC 9457 problem details.",
        "required": ["type", "title", "status", "detail", "instance", "code"],
        "properties": {
            "type": {"type": "string", "description": "URN of the kind of problem."},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What is wrong; names the input."},
            "instance": {"type": "string", "description": "URN of this request."},
            "code": {"type": "string", "description": "Stable code for programs."},
            "remedy": {"type": "string", "description": "What to do about it."},
            "errors": {
                "type": "array",
                "description": "The fields that are wrong: JSON pointer or parameter name.",
                "items": {
                    "type": "object",
                    "required": ["field", "detail"],
                    "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
                },
            },
            "retry_after_s": {"type": "integer", "minimum": 1},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_field_and_remedy() {
        let problem = Problem::field("/smiles/3", "an empty SMILES").with_remedy("leave it out");
        let json: serde_json::Value = serde_json::from_slice(&problem.to_json("r1")).unwrap();
        assert_eq!(json["status"], 422);
        assert_eq!(json["errors"][0]["field"], "/smiles/3");
        assert_eq!(json["instance"], "urn:strata:request:r1");
        let oip: serde_json::Value = serde_json::from_slice(&problem.to_oip_json()).unwrap();
        assert_eq!(oip["error"], "an empty SMILES; leave it out");
        let reason: serde_json::Value = serde_json::from_slice(&problem.to_reason_json()).unwrap();
        assert_eq!(reason["error"], true);
        assert_eq!(reason["reason"], "/smiles/3: an empty SMILES; leave it out");
    }

    #[test]
    fn retry_after_is_at_least_a_second() {
        let problem = Problem::new(Kind::TooManyRequests, "queue-full", "full");
        assert_eq!(problem.clone().retry(Duration::from_millis(3)).retry_seconds(), Some(1));
        assert_eq!(problem.retry(Duration::from_millis(2100)).retry_seconds(), Some(3));
    }
}
