//! Whether an answer says what the golden answer said: bytes, JSON with numbers to their last places, streamed chats.

use serde_json::{Map, Value};

/// How far numbers may be apart: sums of 32-bit numbers in another order.
const TOLERANCE: f64 = 1e-5;

/// What differs from one answer to the next without anything being wrong: names of requests, moments, times taken, files
/// that newer ones replaced.
const VOLATILE: [&str; 8] = [
    "request_id",
    "instance",
    "id",
    "created",
    "generationtime_ms",
    "queued_us",
    "batch_rows",
    "troubles",
];

/// How the answers of a request are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Like {
    /// JSON: everything but [`VOLATILE`] the same, numbers to a hundred-thousandth.
    Json,
    /// Every byte.
    Bytes,
    /// Tensors as bytes: a head of JSON, then every byte.
    Tensors,
    /// A chat in pieces: what was said, put together.
    Chat,
    /// It contains this text.
    Says(&'static str),
}

/// The answer that was given while all was calm.
#[derive(Debug, Clone)]
pub(crate) struct Golden {
    pub(crate) status: u16,
    body: Vec<u8>,
    value: Value,
    like: Like,
}

impl Golden {
    /// Keeps an answer. What says nothing of the request cannot be golden.
    pub(crate) fn new(like: Like, status: u16, body: &[u8]) -> Result<Self, String> {
        let value = match like {
            Like::Json => parsed(body)?,
            Like::Tensors => head(body)?.0,
            Like::Chat => Value::String(said(body)?),
            Like::Says(text) if !contains(body, text) => {
                return Err(format!("{text:?} is not in it"));
            }
            Like::Bytes | Like::Says(_) => Value::Null,
        };
        Ok(Self { status, body: body.to_vec(), value, like })
    }

    /// Looks at an answer with the golden status.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), String> {
        match self.like {
            Like::Json => same(&parsed(body)?, &self.value, ""),
            Like::Tensors => {
                let ((got, bytes), (_, golden)) = (head(body)?, head(&self.body)?);
                same(&got, &self.value, "")?;
                if bytes == golden { Ok(()) } else { Err("other bytes in a tensor".to_owned()) }
            }
            Like::Chat if Value::String(said(body)?) == self.value => Ok(()),
            Like::Bytes if body == self.body => Ok(()),
            Like::Says(text) if contains(body, text) => Ok(()),
            _ => Err(format!("{} instead of {}", shown(body), shown(&self.body))),
        }
    }
}

fn parsed(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("no JSON ({error}): {}", shown(body)))
}

/// The JSON that a body begins with, and the rest.
fn head(body: &[u8]) -> Result<(Value, &[u8]), String> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Ok((value, body.get(values.byte_offset()..).unwrap_or_default())),
        _ => Err(format!("no JSON in front: {}", shown(body))),
    }
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The beginning of a body, for people.
pub(crate) fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(400)]);
    format!("{text:?} ({} bytes)", body.len())
}

/// The text of a streamed chat; an error where the stream was not brought to its end.
fn said(body: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(body);
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("data: ")).peekable();
    let mut said = String::new();
    while let Some(line) = lines.next() {
        if lines.peek().is_none() {
            return if line == "[DONE]" && !said.is_empty() {
                Ok(said)
            } else {
                Err(format!("a stream without an end: {line}"))
            };
        }
        let chunk: Value =
            serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        said += chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
    }
    Err("an empty stream".to_owned())
}

/// Whether two values say the same; the place where they do not.
pub(crate) fn same(got: &Value, golden: &Value, place: &str) -> Result<(), String> {
    let differ = || Err(format!("{place}: {} instead of {}", brief(got), brief(golden)));
    match (got, golden) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut both = a.iter().zip(b).enumerate();
            both.try_for_each(|(at, (a, b))| same(a, b, &format!("{place}/{at}")))
        }
        (Value::Object(a), Value::Object(b)) => of_objects(a, b, place),
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) if (a - b).abs() <= TOLERANCE * (1.0 + b.abs()) => Ok(()),
            _ => differ(),
        },
        (a, b) if a == b => Ok(()),
        _ => differ(),
    }
}

fn of_objects(a: &Map<String, Value>, b: &Map<String, Value>, place: &str) -> Result<(), String> {
    if let Some(more) = a.keys().find(|key| !b.contains_key(*key)) {
        return Err(format!("{place}: {more:?} was not there"));
    }
    for (key, golden) in b {
        let Some(got) = a.get(key) else {
            return Err(format!("{place}: {key:?} is not there"));
        };
        // A document's identifier is part of the answer; only that of a chat or an event is drawn anew.
        let drawn = key != "id" || golden.as_str().is_some_and(|id| id.starts_with("chatcmpl"));
        if VOLATILE.contains(&key.as_str()) && drawn {
            continue;
        }
        // Which state of an index an answer is of changes with each document that comes or goes.
        if key == "index" && golden.is_string() {
            continue;
        }
        same(got, golden, &format!("{place}/{key}"))?;
    }
    Ok(())
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn golden(like: Like, text: &str) -> Golden {
        Golden::new(like, 200, text.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_have_room_and_names_of_requests_do_not_count() {
        let golden = golden(Like::Json, r#"{"request_id":"a","id":"doc","rows":[{"x":1.0}]}"#);
        let check = |value: Value| golden.check(value.to_string().as_bytes());
        assert_eq!(
            check(json!({"request_id": "b", "id": "doc", "rows": [{"x": 1.000_001}]})),
            Ok(())
        );
        for (wrong, place) in [
            (json!({"request_id": "b", "id": "doc", "rows": [{"x": 1.001}]}), "/rows/0/x"),
            (json!({"request_id": "b", "id": "other", "rows": [{"x": 1.0}]}), "/id"),
            (json!({"request_id": "b", "id": "doc", "rows": []}), "/rows"),
            (json!({"request_id": "b", "id": "doc"}), "rows"),
            (json!({"request_id": "b", "id": "doc", "rows": [{"x": 1.0}], "y": 1}), "y"),
            (json!({"request_id": "b", "id": "doc", "rows": [{"x": null}]}), "/rows/0/x"),
        ] {
            let error = check(wrong).unwrap_err();
            assert!(error.contains(place), "{error}");
        }
        assert!(golden.check(b"oops").unwrap_err().contains("no JSON"));
    }

    #[test]
    fn a_chat_is_what_was_said_whatever_its_pieces() {
        let piece = |text: &str| {
            format!("data: {}\n\n", json!({"id": text, "choices": [{"delta": {"content": text}}]}))
        };
        let whole = golden(Like::Chat, &(piece("ab") + &piece("c") + "data: [DONE]\n\n"));
        let check = |text: String| whole.check(text.as_bytes());
        assert_eq!(check(piece("a") + &piece("bc") + "data: [DONE]\n\n"), Ok(()));
        assert!(check(piece("a") + &piece("b") + "data: [DONE]\n\n").is_err());
        assert!(check(piece("ab") + &piece("c")).unwrap_err().contains("without an end"));
        assert!(check(String::new()).is_err());
    }

    #[test]
    fn tensors_are_a_head_and_bytes() {
        let golden = Golden::new(Like::Tensors, 200, b"{\"queued_us\":1,\"n\":2}\x00\x01").unwrap();
        assert_eq!(golden.check(b"{\"queued_us\":9,\"n\":2}\x00\x01"), Ok(()));
        assert!(golden.check(b"{\"queued_us\":1,\"n\":3}\x00\x01").is_err());
        assert!(golden.check(b"{\"queued_us\":1,\"n\":2}\x00\x02").unwrap_err().contains("bytes"));
        assert!(golden.check(b"\x00").is_err());
    }

    #[test]
    fn bytes_and_texts() {
        assert!(golden(Like::Bytes, "ab").check(b"ab").is_ok());
        assert!(golden(Like::Bytes, "ab").check(b"ac").is_err());
        let says = golden(Like::Says("b c"), "ab cd");
        assert!(says.check(b"xb cx").is_ok() && says.check(b"bc").is_err());
        assert!(Golden::new(Like::Says("nothing"), 200, b"x").is_err());
    }
}
