//! Typed requests from bodies and addresses, with errors that name the field.

use serde::de::DeserializeOwned;

use crate::operation::Request;
use crate::problem::{Kind, Problem};

/// The body as JSON.
///
/// # Errors
/// Another content type, broken JSON, or a field that does not fit, named by its JSON pointer.
pub(crate) fn from_body<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    let json = matches!(request.content_type.as_str(), "" | "application/json")
        || request.content_type.ends_with("+json");
    if !json {
        let given = &request.content_type;
        let text = format!("the body is {given}, this operation reads application/json");
        return Err(Problem::new(Kind::UnsupportedMediaType, "content-type", text)
            .with_remedy("send JSON with the header Content-Type: application/json"));
    }
    from_json(&request.body)
}

/// A JSON document.
///
/// # Errors
/// As [`from_body`].
pub(crate) fn from_json<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    if body.trim_ascii().is_empty() {
        return Err(Problem::new(Kind::BadRequest, "no-body", "the body is empty")
            .with_remedy("send a JSON object; /openapi.json says which"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = pointer(error.path());
        let inner = error.into_inner();
        let detail = inner.to_string();
        match inner.classify() {
            serde_json::error::Category::Data => {
                // The pointer says where, better than a column does.
                let detail =
                    detail.rsplit_once(" at line ").map_or(detail.as_str(), |(what, _)| what);
                Problem::new(Kind::Unprocessable, "invalid-value", detail)
                    .with_field(field, detail)
                    .with_remedy("/openapi.json says what each field takes")
            }
            _ => broken(&detail),
        }
    })?;
    json.end().map_err(|error| broken(&error.to_string()))?;
    Ok(value)
}

fn broken(detail: &str) -> Problem {
    Problem::new(Kind::BadRequest, "broken-json", format!("the body is no JSON document: {detail}"))
}

/// The `{names}` of the address and the query's parameters, as one flat object.
///
/// # Errors
/// A parameter that is unknown, missing or of the wrong type.
pub(crate) fn from_address<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    parameters(&encode_path(request))
}

fn parameters<T: DeserializeOwned>(encoded: &str) -> Result<T, Problem> {
    let parser = serde_html_form::Deserializer::from_bytes(encoded.as_bytes());
    serde_path_to_error::deserialize(parser).map_err(|error| {
        let field = error.path().to_string();
        let detail = error.into_inner().to_string();
        let problem = Problem::new(Kind::Unprocessable, "invalid-parameter", &detail);
        match field.as_str() {
            "." | "?" => problem,
            _ => problem.with_field(field, detail),
        }
        .with_remedy("/openapi.json says which parameters there are")
    })
}

/// The address's parameters, and behind them those of the body: a form, or a flat JSON object of numbers, strings and lists of
/// them. So a request that is too long for an address means the same as one that is not.
///
/// # Errors
/// As [`from_address`]; a body of another content type, or JSON that is no flat object.
pub(crate) fn from_form<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let body = match request.content_type.as_str() {
        _ if request.body.is_empty() => String::new(),
        "" | FORM => String::from_utf8(request.body.to_vec()).map_err(|_| {
            Problem::new(Kind::BadRequest, "broken-form", "the form is no text of UTF-8")
        })?,
        "application/json" => flat(from_json(&request.body)?)?,
        given => {
            let text = format!("the body is {given}, this operation reads {FORM} or JSON");
            return Err(Problem::new(Kind::UnsupportedMediaType, "content-type", text)
                .with_remedy("send the parameters as a form or as a JSON object"));
        }
    };
    let encoded = encode_path(request) + if request.query.is_empty() { "" } else { "&" } + &body;
    parameters(encoded.trim_end_matches('&'))
}

/// A flat object of JSON in the query's encoding.
fn flat(object: serde_json::Map<String, serde_json::Value>) -> Result<String, Problem> {
    use serde_json::Value;
    let mut text = String::new();
    for (name, value) in object {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        for value in values {
            let value = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    let detail = "it is not a number, a string or a list of them";
                    let name: String = name.chars().take(80).collect();
                    return Err(Problem::new(Kind::Unprocessable, "invalid-value", detail)
                        .with_field(format!("/{name}"), detail));
                }
            };
            for (part, end) in [(name.as_str(), '='), (value.as_str(), '&')] {
                encode(part, &mut text);
                text.push(end);
            }
        }
    }
    Ok(text)
}

fn encode(value: &str, text: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// The path's values in the query's encoding, with the query behind them.
fn encode_path(request: &Request) -> String {
    let mut text = String::new();
    for (name, value) in &request.path {
        text.push_str(name);
        text.push('=');
        encode(value, &mut text);
        text.push('&');
    }
    text + &request.query
}

/// RFC 6901 pointer of a place in a document.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |text, segment| match segment {
        Segment::Seq { index } => format!("{text}/{index}"),
        Segment::Map { key } => format!("{text}/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("{text}/{variant}"),
        Segment::Unknown => text + "/?",
    })
}

/// How deep arrays and objects are nested, without building anything. A string's content does not
/// count. Stops as soon as `limit` is passed.
pub(crate) fn deeper_than(json: &[u8], limit: usize) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for &byte in json {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Ask {
        name: String,
        #[serde(default)]
        limit: Option<usize>,
        #[serde(default)]
        smiles: Vec<String>,
    }

    fn request(path: &[(&str, &str)], query: &str, body: &str) -> Request {
        Request {
            path: path.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            query: query.to_owned(),
            content_type: "application/json".to_owned(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            headers: axum::http::HeaderMap::new(),
            inference_header_length: None,
        }
    }

    #[test]
    fn address_and_query_make_one_object() {
        let ask: Ask = from_address(&request(&[("name", "a b&c=ü")], "limit=3", "")).unwrap();
        assert_eq!((ask.name.as_str(), ask.limit), ("a b&c=ü", Some(3)));
        assert!(ask.smiles.is_empty());
        let problem =
            from_address::<Ask>(&request(&[("name", "x")], "limit=many", "")).unwrap_err();
        assert_eq!(problem.errors[0].field, "limit");
        let problem =
            from_address::<Ask>(&request(&[("name", "x")], "colour=red", "")).unwrap_err();
        assert!(problem.detail.contains("colour"), "{problem:?}");
    }

    #[test]
    fn a_form_and_an_object_say_the_same() {
        let asked = |kind: &str, body: &str| {
            let mut request = request(&[("name", "a b")], "limit=3", body);
            request.content_type = kind.to_owned();
            from_form::<Ask>(&request)
        };
        for (kind, body) in [
            ("application/x-www-form-urlencoded", "smiles=C%2CN&smiles=%C3%BC"),
            ("application/json", r#"{"smiles": ["C,N", "ü"]}"#),
        ] {
            let ask = asked(kind, body).unwrap();
            assert_eq!((ask.name.as_str(), ask.limit), ("a b", Some(3)), "{kind}");
            assert_eq!(ask.smiles, ["C,N", "ü"], "{kind}");
        }
        assert!(asked("application/json", r#"{"smiles": null}"#).unwrap().smiles.is_empty());
        assert_eq!(asked("application/json", r#"{"smiles": 7}"#).unwrap().smiles, ["7"]);
        assert!(asked("", "").unwrap().smiles.is_empty());
        let nested = asked("application/json", r#"{"smiles": [["C"]]}"#).unwrap_err();
        assert_eq!(nested.errors[0].field, "/smiles");
        let wrong = asked("application/json", r#"["smiles"]"#).unwrap_err();
        assert_eq!(wrong.kind, Kind::Unprocessable);
        assert_eq!(asked("text/csv", "a,b").unwrap_err().kind, Kind::UnsupportedMediaType);
        assert!(asked("", "colour=red").unwrap_err().detail.contains("colour"));
    }

    #[test]
    fn a_wrong_field_is_named_by_its_pointer() {
        let bad = r#"{"name":"x","smiles":["C",7]}"#;
        let problem = from_body::<Ask>(&request(&[], "", bad)).unwrap_err();
        assert_eq!(
            (problem.kind, problem.errors[0].field.as_str()),
            (Kind::Unprocessable, "/smiles/1")
        );
        let problem = from_body::<Ask>(&request(&[], "", "{\"name\":")).unwrap_err();
        assert_eq!((problem.kind, problem.code.as_ref()), (Kind::BadRequest, "broken-json"));
        let problem = from_body::<Ask>(&request(&[], "", "{\"name\":\"x\"} y")).unwrap_err();
        assert_eq!(problem.code, "broken-json");
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert!(!deeper_than(br#"{"a":"[[[[[\"[["}"#, 1));
        assert!(deeper_than(b"[[[]]]", 2) && !deeper_than(b"[[[]]]", 3));
        assert!(!deeper_than(&b"[],".repeat(1000), 1));
        assert!(deeper_than("[".repeat(10_000).as_bytes(), 32));
    }
}
