//! JSON records: a record a line, an array of records, or one object; read as a stream, each record on its own.

use std::io::{BufRead, Read};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::encoding::{Charset, Tally, decode_line};
use super::fields::{self, Value};
use super::limits::ReadLimits;
use super::lines::{Line, Lines};
use super::problem::Problem;
use crate::document::Extract;

type Item = Result<Extract, Problem>;

/// An object's entries in its order, values unparsed: numbers keep every digit.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Entries(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// What one JSON text holds: a record, or several when it wraps them.
pub(super) fn records(text: &str) -> Vec<Item> {
    let mut out = Vec::new();
    expand(text, 0, &mut out);
    out
}

fn expand(text: &str, depth: usize, out: &mut Vec<Item>) {
    // Names under which an object keeps its records.
    const WRAPS: [&str; 8] =
        ["data", "paragraphs", "records", "documents", "rows", "items", "list", "results"];
    if let Some(text) = string(text) {
        out.push(fields::document(vec![("text".to_owned(), Value::Scalar(text))]));
        return;
    }
    let pairs = match serde_json::from_str::<Entries<'_>>(text) {
        Ok(Entries(pairs)) => pairs,
        Err(error) => {
            let near: String = text.chars().take(40).collect();
            out.push(Err(Problem::new(
                "bad-json",
                format!("{near:?} is no JSON record ({error}); write {{\"id\": …, \"title\": …, \"text\": …}}"),
            )));
            return;
        }
    };
    let wrapped = pairs.iter().find_map(|(name, value)| {
        let inside = value.get().trim_start();
        let objects =
            inside.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with('{'));
        (depth < 3 && objects && WRAPS.contains(&name.as_str())).then_some(*value)
    });
    let Some(wrapped) = wrapped else {
        out.push(fields::document(
            pairs.into_iter().map(|(name, raw)| (name, value(raw))).collect(),
        ));
        return;
    };
    let first = out.len();
    match serde_json::from_str::<Vec<&RawValue>>(wrapped.get()) {
        Ok(elements) => {
            elements.into_iter().for_each(|element| expand(element.get(), depth + 1, out));
        }
        Err(error) => out.push(Err(Problem::new("bad-json", error.to_string()))),
    }
    // A title around its paragraphs is theirs.
    let title =
        pairs.iter().find(|(name, _)| name == "title").and_then(|(_, raw)| string(raw.get()));
    if let Some(title) = title {
        for extract in out[first..].iter_mut().flatten() {
            extract.title.get_or_insert_with(|| title.clone());
        }
    }
}

fn string(raw: &str) -> Option<String> {
    raw.trim_start().starts_with('"').then(|| serde_json::from_str(raw).ok()).flatten()
}

/// A value: scalars as they stand, lists of scalars, MongoDB's `{"$oid": …}`.
fn value(raw: &RawValue) -> Value {
    let text = raw.get().trim();
    match text.bytes().next() {
        Some(b'"') => string(text).map_or(Value::Other, Value::Scalar),
        Some(b'n') => Value::Nothing,
        Some(b'[') => {
            let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) else {
                return Value::Other;
            };
            let scalars = elements.into_iter().map(|element| match element.get().bytes().next() {
                // What is nested deeper is not taken apart.
                Some(b'[' | b'{') => None,
                _ => match value(element) {
                    Value::Scalar(text) => Some(text),
                    _ => None,
                },
            });
            scalars.collect::<Option<Vec<_>>>().map_or(Value::Other, Value::List)
        }
        Some(b'{') => match serde_json::from_str::<Entries<'_>>(text) {
            Ok(Entries(pairs)) => match pairs.as_slice() {
                [(name, inner)]
                    if name.starts_with('$') && !inner.get().starts_with(['{', '[']) =>
                {
                    value(inner)
                }
                _ => Value::Other,
            },
            Err(_) => Value::Other,
        },
        _ => Value::Scalar(text.to_owned()),
    }
}

/// A record a line.
pub(super) struct JsonLines<R> {
    lines: Lines<R>,
    charset: Charset,
    ready: std::vec::IntoIter<Item>,
    tally: Tally,
}

impl<R: BufRead> JsonLines<R> {
    pub(super) fn new(inner: R, charset: Charset, limits: &ReadLimits) -> Self {
        Self {
            lines: Lines::new(inner, limits.record_bytes),
            charset,
            ready: Vec::new().into_iter(),
            tally: Tally::default(),
        }
    }

    /// The records of one line, with a note where it was in another encoding than the file.
    fn line(&mut self, line: &[u8]) -> Vec<Item> {
        self.tally = Tally::default();
        let text = decode_line(line, self.charset, &mut self.tally);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Vec::new();
        }
        let mut items = records(text);
        for extract in items.iter_mut().flatten() {
            extract.notes.extend(self.tally.notes(self.charset));
        }
        items
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.next() {
                return Some(item);
            }
            self.ready = match self.lines.next()? {
                Ok(Line::Whole(line)) => self.line(&line).into_iter(),
                Ok(Line::Long(bytes)) => vec![Err(too_long(bytes))].into_iter(),
                Err(problem) => vec![Err(problem)].into_iter(),
            };
        }
    }
}

fn too_long(bytes: u64) -> Problem {
    Problem::new(
        "record-too-long",
        format!("the record has more than the {bytes} bytes that are read; divide it"),
    )
}

/// The elements of an array, found by brackets and quotes without taking them apart; any other JSON text is one.
pub(super) struct Elements<R> {
    inner: R,
    limit: usize,
    state: State,
    ready: std::vec::IntoIter<Item>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Array,
    Ended,
}

impl<R: BufRead> Elements<R> {
    /// `inner` is UTF-8.
    pub(super) fn new(inner: R, limits: &ReadLimits) -> Self {
        Self {
            inner,
            limit: limits.record_bytes,
            state: State::Begin,
            ready: Vec::new().into_iter(),
        }
    }

    fn fail(&mut self, problem: Problem) -> Option<Item> {
        self.state = State::Ended;
        Some(Err(problem))
    }

    /// The next byte that is neither white space nor (in an array) a comma, left in place.
    fn peek(&mut self) -> Result<Option<u8>, Problem> {
        loop {
            let buffer = self.inner.fill_buf().map_err(io)?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let skip =
                |b: &u8| !(b.is_ascii_whitespace() || (*b == b',' && self.state == State::Array));
            match buffer.iter().position(skip) {
                Some(at) => {
                    let byte = buffer[at];
                    self.inner.consume(at);
                    return Ok(Some(byte));
                }
                None => {
                    let all = buffer.len();
                    self.inner.consume(all);
                }
            }
        }
    }

    /// The bytes of one element, up to the comma or bracket behind it; `None` when it is too long, and skipped.
    fn element(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let (mut out, mut long) = (Vec::new(), false);
        let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
        loop {
            let buffer = self.inner.fill_buf().map_err(io)?;
            if buffer.is_empty() {
                return Err(Problem::new(
                    "truncated",
                    "the file ends within a record; fetch it again",
                ));
            }
            let mut end = None;
            for (at, &byte) in buffer.iter().enumerate() {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    _ if quoted => {}
                    b'{' | b'[' => depth += 1,
                    b',' | b']' | b'}' if depth == 0 => {
                        end = Some(at);
                        break;
                    }
                    b']' | b'}' => depth -= 1,
                    _ => {}
                }
            }
            let taken = end.unwrap_or(buffer.len());
            long |= out.len() + taken > self.limit;
            if !long {
                out.extend_from_slice(&buffer[..taken]);
            } else {
                out = Vec::new();
            }
            self.inner.consume(taken);
            if end.is_some() {
                return Ok((!long).then_some(out));
            }
        }
    }

    fn advance(&mut self) -> Option<Result<Vec<Item>, Problem>> {
        match (self.state, self.peek()) {
            (_, Err(problem)) => Some(Err(problem)),
            (State::Ended, _) | (State::Begin, Ok(None)) => None,
            (State::Begin, Ok(Some(b'['))) => {
                self.inner.consume(1);
                self.state = State::Array;
                Some(Ok(Vec::new()))
            }
            (State::Begin, Ok(Some(_))) => {
                self.state = State::Ended;
                let mut all = Vec::new();
                match (&mut self.inner).take(self.limit as u64 + 1).read_to_end(&mut all) {
                    Err(error) => Some(Err(io(error))),
                    Ok(_) if all.len() > self.limit => Some(Err(Problem::new(
                        "record-too-long",
                        format!(
                            "one JSON object of more than {} bytes; write its records as JSON lines",
                            self.limit
                        ),
                    ))),
                    Ok(_) => Some(Ok(records(&String::from_utf8_lossy(&all)))),
                }
            }
            (State::Array, Ok(None)) => {
                Some(Err(Problem::new("truncated", "the array does not end; fetch the file again")))
            }
            (State::Array, Ok(Some(b']' | b'}'))) => None,
            (State::Array, Ok(Some(_))) => Some(match self.element() {
                Ok(Some(bytes)) => Ok(records(&String::from_utf8_lossy(&bytes))),
                Ok(None) => Ok(vec![Err(too_long(self.limit as u64))]),
                Err(problem) => Err(problem),
            }),
        }
    }
}

impl<R: BufRead> Iterator for Elements<R> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.next() {
                return Some(item);
            }
            match self.advance() {
                Some(Ok(items)) => self.ready = items.into_iter(),
                Some(Err(problem)) => return self.fail(problem),
                None => {
                    self.state = State::Ended;
                    return None;
                }
            }
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
pub(super) fn io(error: std::io::Error) -> Problem {
    let code =
        if error.kind() == std::io::ErrorKind::UnexpectedEof { "truncated" } else { "damaged" };
    Problem::new(code, format!("the file cannot be read on ({error}); fetch it again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(items: Vec<Result<Extract, Problem>>) -> Extract {
        assert_eq!(items.len(), 1, "{items:?}");
        items.into_iter().next().unwrap().unwrap()
    }

    fn array(text: &str, record_bytes: usize) -> Vec<Item> {
        let limits = ReadLimits { record_bytes, ..ReadLimits::default() };
        Elements::new(std::io::BufReader::with_capacity(5, text.as_bytes()), &limits).collect()
    }

    #[test]
    fn records_keep_ids_numbers_and_lists() {
        let text = r#"{"id": 12345678901234567890123, "name": "刑法第一条", "text": "甲\n乙",
            "kinds": ["a", 2], "score": 1.50, "n": null, "deep": {"x": [1]}, "ok": true}"#;
        let record = one(records(text));
        assert_eq!(record.id.as_deref(), Some("12345678901234567890123"));
        assert_eq!((record.title.as_deref(), record.text.as_str()), (Some("刑法第一条"), "甲\n乙"));
        let declared: Vec<_> = record.declared.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(declared, ["kinds=a，2", "ok=true", "score=1.50"]);
        let mongo = one(records(r#"{"_id": {"$oid": "60ae"}, "text": "x"}"#));
        assert_eq!(mongo.id.as_deref(), Some("60ae"));
    }

    #[test]
    fn arrays_are_cut_into_records() {
        let items = array(r#" [ {"text":"甲],}\""} , {"text":"乙"},"丙", 5 ] trailing"#, 1000);
        let texts: Vec<_> =
            items.iter().map(|i| i.as_ref().map(|e| e.text.as_str()).map_err(|p| p.code)).collect();
        assert_eq!(texts, [Ok("甲],}\""), Ok("乙"), Ok("丙"), Err("bad-json")]);
        let items = array(&format!(r#"[{{"text":"{}"}},{{"text":"乙"}}]"#, "长".repeat(50)), 60);
        assert_eq!(items[0].as_ref().unwrap_err().code, "record-too-long");
        assert_eq!(items[1].as_ref().unwrap().text, "乙");
        assert_eq!(array(r#"[{"text":"甲"},{"te"#, 99)[1].as_ref().unwrap_err().code, "truncated");
    }

    #[test]
    fn wrapped_records_are_unwrapped() {
        let text = r#"{"version":"v1","data":[{"title":"战国无双3","paragraphs":[{"id":"DEV_0","context":"《战国无双3》","qas":[{"question":"何时"}]}]}]}"#;
        let items = array(text, 1 << 20);
        let record = one(items);
        assert_eq!((record.id.as_deref(), record.text.as_str()), (Some("DEV_0"), "《战国无双3》"));
        assert_eq!(record.title.as_deref(), Some("战国无双3"));
    }

    #[test]
    fn depth_does_not_matter() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(array(&deep, 1 << 20).iter().all(Result::is_err));
        let deep =
            format!(r#"{{"text":"甲","x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let items = records(&deep);
        assert_eq!(items.len(), 1);
    }
}
