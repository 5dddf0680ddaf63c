//! What each sink still has to deliver: filled in the transaction that writes a change, emptied when
//! the sink says that it has it.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Change, ChangeKind, Journal, JournalError, Severity, Transition};

/// A sink as the journal knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Its name, the same from run to run.
    pub sink: String,
    /// Events below are not for it.
    pub min_severity: Severity,
    /// Only beginnings of events are for it.
    pub only_new: bool,
    /// Milliseconds after a new event in which others of the same rule and camera are not for it.
    pub cooldown_ms: i64,
}

/// A change on its way to a sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The change.
    pub change: Change,
    /// Attempts that failed.
    pub attempts: u32,
    /// When it was made, milliseconds since 1970.
    pub since_ms: i64,
    /// When it may be tried again.
    pub due_ms: i64,
}

/// What became of the changes for a sink, over all runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SinkCounts {
    /// Name of the sink.
    pub sink: String,
    /// Changes that it has.
    pub delivered: u64,
    /// Changes that wait for it.
    pub waiting: u64,
    /// Changes that it refused for good.
    pub refused: u64,
    /// Changes that waited too long, or were too many.
    pub given_up: u64,
    /// Events that its cooldown kept from it.
    pub muted: u64,
    /// Failed attempts of the change that is next.
    pub attempts: u32,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// Makes the sinks of this run known, and gives up what waits for others.
pub(super) fn register(connection: &mut Connection, routes: &[Route]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for route in routes {
        transaction.execute("INSERT OR IGNORE INTO sinks (sink) VALUES (?1)", [&route.sink])?;
    }
    let known: Vec<String> = transaction
        .prepare("SELECT DISTINCT sink FROM outbox")?
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for sink in known.iter().filter(|sink| !routes.iter().any(|route| route.sink == **sink)) {
        let dropped = transaction.execute("DELETE FROM outbox WHERE sink = ?1", [sink])?;
        tracing::warn!(sink, dropped, "the sink is no longer configured: what waited is given up");
        count(&transaction, sink, "given_up", dropped)?;
    }
    transaction.commit()
}

/// Names of the sinks that a new event is for, one a line.
pub(super) fn sinks_of(
    transaction: &Transaction<'_>,
    routes: &[Route],
    new: &Transition,
) -> rusqlite::Result<String> {
    let mut sinks = Vec::new();
    for route in routes.iter().filter(|route| new.event.severity >= route.min_severity) {
        if route.cooldown_ms > 0 {
            let place = params![route.sink, new.event.rule, new.event.camera];
            let last: Option<i64> = transaction
                .prepare("SELECT at FROM cooldowns WHERE sink = ?1 AND rule = ?2 AND camera = ?3")?
                .query_row(place, |row| row.get(0))
                .optional()?;
            // A moment in the future is a clock that was set back: it counts as over.
            if last.is_some_and(|at| (0..route.cooldown_ms).contains(&(new.at_ms - at))) {
                count(transaction, &route.sink, "muted", 1)?;
                continue;
            }
            transaction
                .prepare(
                    "INSERT OR REPLACE INTO cooldowns (sink, rule, camera, at) \
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![route.sink, new.event.rule, new.event.camera, new.at_ms])?;
        }
        sinks.push(route.sink.as_str());
    }
    Ok(sinks.join("\n"))
}

/// A change to be delivered.
pub(super) struct Entry<'a> {
    /// The event's sinks, one a line.
    pub(super) sinks: &'a str,
    pub(super) seq: i64,
    pub(super) transition: &'a Transition,
    /// Most changes that wait for a sink.
    pub(super) most: u64,
}

pub(super) fn enqueue(
    transaction: &Transaction<'_>,
    routes: &[Route],
    entry: &Entry<'_>,
) -> rusqlite::Result<()> {
    let Entry { sinks, seq, transition, most } = entry;
    for route in routes.iter().filter(|route| sinks.lines().any(|sink| sink == route.sink)) {
        if route.only_new && transition.kind != ChangeKind::New {
            continue;
        }
        transaction
            .prepare("INSERT INTO outbox (sink, seq, since) VALUES (?1, ?2, ?3)")?
            .execute(params![route.sink, seq, transition.at_ms])?;
        // The row that has `most` younger ones, if there is one, and all before it.
        let over: Option<i64> = transaction
            .prepare("SELECT seq FROM outbox WHERE sink = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2")?
            .query_row(params![route.sink, i64::try_from(*most).unwrap_or(i64::MAX)], |row| {
                row.get(0)
            })
            .optional()?;
        if let Some(over) = over {
            let dropped = transaction.execute(
                "DELETE FROM outbox WHERE sink = ?1 AND seq <= ?2",
                params![route.sink, over],
            )?;
            count(transaction, &route.sink, "given_up", dropped)?;
        }
    }
    Ok(())
}

fn count(
    transaction: &Transaction<'_>,
    sink: &str,
    column: &'static str,
    by: usize,
) -> rusqlite::Result<()> {
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    let statement = format!(
        "INSERT INTO sinks (sink, {column}) VALUES (?1, ?2) \
         ON CONFLICT (sink) DO UPDATE SET {column} = {column} + ?2"
    );
    transaction.prepare(&statement)?.execute(params![sink, by])?;
    Ok(())
}

/// What becomes of a change at a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Refused,
    GivenUp,
}

impl Journal {
    /// The first changes that a sink has not yet had, after `after`, in order.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn outbox(
        &self,
        sink: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Delivery>, JournalError> {
        type Raw = (i64, u32, i64, i64, u32, String, i64, String);
        let rows: Vec<Raw> = self.read(|reader| {
            let mut rows = reader.prepare(
                "SELECT o.seq, o.attempts, o.since, o.due, c.n, c.kind, c.at, c.body \
                     FROM outbox o JOIN changes c ON c.seq = o.seq \
                     WHERE o.sink = ?1 AND o.seq > ?2 ORDER BY o.seq LIMIT ?3",
            )?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let raw = |row: &Row<'_>| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                ))
            };
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            rows.query_map(params![sink, after, limit], raw)?.collect()
        })?;
        let deliveries =
            rows.into_iter().map(|(seq, attempts, since_ms, due_ms, n, kind, at, body)| {
                let kind = kind_of(&kind);
                let transition = Transition { kind, at_ms: at, event: self.parse(&body)? };
                let change = self.change(seq.unsigned_abs(), n, &transition);
                Ok(Delivery { change, attempts, since_ms, due_ms })
            });
        deliveries.collect()
    }

    /// A sink has these changes.
    ///
    /// # Errors
    /// A database that cannot be written; the changes will be delivered again.
    pub fn delivered(&self, sink: &str, seqs: &[u64]) -> Result<(), JournalError> {
        self.done(sink, seqs, Outcome::Delivered)
    }

    /// A sink refused a change for good.
    ///
    /// # Errors
    /// As [`delivered`](Self::delivered).
    pub fn refused(&self, sink: &str, seq: u64) -> Result<(), JournalError> {
        self.done(sink, &[seq], Outcome::Refused)
    }

    /// A change waited too long for a sink.
    ///
    /// # Errors
    /// As [`delivered`](Self::delivered).
    pub fn given_up(&self, sink: &str, seq: u64) -> Result<(), JournalError> {
        self.done(sink, &[seq], Outcome::GivenUp)
    }

    fn done(&self, sink: &str, seqs: &[u64], outcome: Outcome) -> Result<(), JournalError> {
        if seqs.is_empty() {
            return Ok(());
        }
        let column = match outcome {
            Outcome::Delivered => "delivered",
            Outcome::Refused => "refused",
            Outcome::GivenUp => "given_up",
        };
        self.transact(|transaction| {
            let mut removed = 0;
            for seq in seqs {
                removed += transaction
                    .prepare("DELETE FROM outbox WHERE sink = ?1 AND seq = ?2")?
                    .execute(params![sink, seq.cast_signed()])?;
            }
            count(transaction, sink, column, removed)
        })
    }

    /// An attempt failed; the next is due at `due_ms`.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn failed(
        &self,
        sink: &str,
        seq: u64,
        due_ms: i64,
        error: &str,
    ) -> Result<(), JournalError> {
        self.transact(|transaction| {
            transaction
                .prepare(
                    "UPDATE outbox SET attempts = attempts + 1, due = ?3, error = ?4 \
                     WHERE sink = ?1 AND seq = ?2",
                )?
                .execute(params![sink, seq.cast_signed(), due_ms, error])?;
            Ok(())
        })
    }

    /// What became of the changes for every sink.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn sink_counts(&self) -> Result<Vec<SinkCounts>, JournalError> {
        self.read(|reader| {
            let mut rows = reader.prepare(
                "SELECT s.sink, delivered, refused, given_up, muted, \
                 (SELECT count(*) FROM outbox o WHERE o.sink = s.sink), \
                 (SELECT attempts FROM outbox o WHERE o.sink = s.sink ORDER BY seq LIMIT 1), \
                 (SELECT error FROM outbox o WHERE o.sink = s.sink ORDER BY seq LIMIT 1) \
                 FROM sinks s ORDER BY s.sink",
            )?;
            let counts = |row: &Row<'_>| {
                let number = |at| row.get::<_, i64>(at).map(i64::unsigned_abs);
                Ok(SinkCounts {
                    sink: row.get(0)?,
                    delivered: number(1)?,
                    refused: number(2)?,
                    given_up: number(3)?,
                    muted: number(4)?,
                    waiting: number(5)?,
                    attempts: row.get::<_, Option<u32>>(6)?.unwrap_or(0),
                    error: row.get(7)?,
                })
            };
            rows.query_map((), counts)?.collect()
        })
    }

    /// Number of the last delivered change that a sink has by its own account, as the last line of a
    /// file: everything up to it is delivered. The number of changes that this settles.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn settle(&self, sink: &str, last: u64) -> Result<usize, JournalError> {
        self.transact(|transaction| {
            let removed = transaction.execute(
                "DELETE FROM outbox WHERE sink = ?1 AND seq <= ?2",
                params![sink, last.cast_signed()],
            )?;
            count(transaction, sink, "delivered", removed)?;
            Ok(removed)
        })
    }
}

pub(super) fn kind_of(kind: &str) -> ChangeKind {
    match kind {
        "new" => ChangeKind::New,
        "end" => ChangeKind::End,
        _ => ChangeKind::Update,
    }
}
