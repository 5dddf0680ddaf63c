//! Questions to the journal: changes after a number, events by camera, time and severity.

use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Change, Event, Journal, JournalError, Severity, Transition, outbox};

/// Most events of a page.
const MAX_PAGE: u32 = 1000;

/// Which events are asked for. Everything left out is not asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EventQuery {
    /// Of a camera.
    pub camera: Option<String>,
    /// Of a scene.
    pub scene: Option<String>,
    /// Of a rule.
    pub rule: Option<String>,
    /// Of a class.
    pub class: Option<String>,
    /// Of this severity or a higher one.
    pub min_severity: Option<Severity>,
    /// That began at this moment or later, milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// That began before this moment.
    pub to_ms: Option<i64>,
    /// Only those that are not over.
    pub open: bool,
    /// The page after this event: `next` of the page before.
    pub before: Option<String>,
    /// Events on the page; 50 when left out, 1,000 at most.
    pub limit: Option<u32>,
}

/// Events, the youngest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// What to give as `before` for the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

impl Journal {
    /// The changes after a number, in order, `limit` at most.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn changes_after(&self, seq: u64, limit: u32) -> Result<Vec<Change>, JournalError> {
        type Raw = (i64, u32, String, i64, String);
        let rows: Vec<Raw> = self.read(|reader| {
            let mut rows = reader.prepare(
                "SELECT seq, n, kind, at, body FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let after = i64::try_from(seq).unwrap_or(i64::MAX);
            let raw = |row: &Row<'_>| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            };
            rows.query_map(params![after, limit], raw)?.collect()
        })?;
        let changes = rows.into_iter().map(|(seq, n, kind, at_ms, body)| {
            let kind = outbox::kind_of(&kind);
            let transition = Transition { kind, at_ms, event: self.parse(&body)? };
            Ok(self.change(seq.unsigned_abs(), n, &transition))
        });
        changes.collect()
    }

    /// A page of events, the youngest first.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn events(&self, query: &EventQuery) -> Result<EventPage, JournalError> {
        let mut parts = vec!["1".to_owned()];
        let mut values: Vec<Value> = Vec::new();
        let mut ask = |part: &str, value: Value| {
            values.push(value);
            parts.push(format!("{part} ?{}", values.len()));
        };
        for (column, value) in [
            ("camera =", &query.camera),
            ("scene =", &query.scene),
            ("rule =", &query.rule),
            ("class =", &query.class),
            ("id <", &query.before),
        ] {
            if let Some(value) = value {
                ask(column, Value::Text(value.clone()));
            }
        }
        if let Some(from) = query.from_ms {
            ask("started >=", Value::Integer(from));
        }
        if let Some(to) = query.to_ms {
            ask("started <", Value::Integer(to));
        }
        if query.min_severity == Some(Severity::Alert) {
            ask("severity =", Value::Text(Severity::Alert.as_str().to_owned()));
        }
        if query.open {
            parts.push("ended IS NULL".to_owned());
        }
        let limit = query.limit.unwrap_or(50).clamp(1, MAX_PAGE) as usize;
        let statement = format!(
            "SELECT body FROM events WHERE {} ORDER BY id DESC LIMIT {}",
            parts.join(" AND "),
            limit + 1
        );
        let bodies: Vec<String> = self.read(|reader| {
            let mut rows = reader.prepare(&statement)?;
            rows.query_map(params_from_iter(values), |row| row.get(0))?.collect()
        })?;
        let more = bodies.len() > limit;
        let events: Vec<Event> =
            bodies.iter().take(limit).map(|body| self.parse(body)).collect::<Result<_, _>>()?;
        let next = events.last().filter(|_| more).map(|event| event.id.clone());
        Ok(EventPage { events, next })
    }

    /// An event by its identifier.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn event(&self, id: &str) -> Result<Option<Event>, JournalError> {
        let body: Option<String> = self.read(|reader| {
            let mut rows = reader.prepare("SELECT body FROM events WHERE id = ?1")?;
            rows.query_map([id], |row| row.get(0))?.next().transpose()
        })?;
        body.map(|body| self.parse(&body)).transpose()
    }
}
