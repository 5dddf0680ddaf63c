//! The journal of events: an SQLite database that is the truth. A change of an event and what every
//! output still has to deliver of it are written in one transaction, so that a program killed at any
//! moment neither loses a change nor makes it twice.

mod outbox;
mod query;
mod schema;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

pub use outbox::{Delivery, Route, SinkCounts};
pub use query::{EventPage, EventQuery};

use super::event::{Change, ChangeKind, EndReason, Event, Severity, Transition, rfc3339};

/// A journal that cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// SQLite refuses.
    #[error("the journal {} cannot be used: {error}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// It is no journal of this program.
    #[error("the journal {} cannot be used: {detail}; move it away or give outputs.journal.path another name", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// What is written in it is not what this program writes.
    #[error("the journal {} has an entry that cannot be read: {error}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
}

impl JournalError {
    pub(super) fn database(path: &Path) -> impl Fn(rusqlite::Error) -> Self + '_ {
        |error| Self::Database { path: path.to_path_buf(), error }
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Milliseconds that an event is kept after it began.
    pub age_ms: i64,
    /// Most events.
    pub events: u64,
    /// Most changes that wait for one sink.
    pub outbox: u64,
}

/// A rule, zone (empty for the whole picture) and camera, and when they last made an event.
pub type Fired = ((String, String, String), i64);

/// The journal, for all threads.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    name: String,
    retention: Retention,
    routes: Vec<Route>,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    latest: Mutex<u64>,
    grown: Condvar,
    /// Held until the journal is released, and let go by the system when the program is killed.
    lock: Mutex<Option<File>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic between two statements rolls the transaction back; the connection stays usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    /// Opens the journal, made with its folder where it isn't there. `routes` are the sinks of this
    /// run; what waits for others is given up.
    ///
    /// # Errors
    /// A file that cannot be made, is damaged, newer, or another program's.
    pub fn open(
        path: &Path,
        retention: Retention,
        routes: Vec<Route>,
    ) -> Result<Self, JournalError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| JournalError::Unusable {
                path: path.to_path_buf(),
                detail: format!("its folder cannot be made ({error})"),
            })?;
        }
        let guard = lock_file(path)?;
        let mut connection = schema::open(path)?;
        let (name, latest) = (|| {
            outbox::register(&mut connection, &routes)?;
            let name = connection.query_row("SELECT name FROM journal", (), |row| row.get(0))?;
            let latest =
                "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)";
            let latest: i64 = connection.query_row(latest, (), |row| row.get(0))?;
            Ok((name, latest.unsigned_abs()))
        })()
        .map_err(JournalError::database(path))?;
        Ok(Self {
            reader: Mutex::new(schema::open_reader(path)?),
            path: path.to_path_buf(),
            name,
            retention,
            routes,
            writer: Mutex::new(connection),
            latest: Mutex::new(latest),
            grown: Condvar::new(),
            lock: Mutex::new(Some(guard)),
        })
    }

    /// The journal's own name, made once: numbers of changes count within it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of the last change.
    #[must_use]
    pub fn latest(&self) -> u64 {
        *lock(&self.latest)
    }

    /// Waits until there is a change after `seen`, or `most` is over; the number of the last change.
    #[must_use]
    pub fn wait(&self, seen: u64, most: Duration) -> u64 {
        let until = Instant::now() + most;
        let mut latest = lock(&self.latest);
        while *latest <= seen {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            latest =
                self.grown.wait_timeout(latest, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *latest
    }

    /// Wakes everybody in [`wait`](Self::wait), so that they see that the program stops.
    pub fn wake(&self) {
        self.grown.notify_all();
    }

    /// Lets another program, or another watch of this one, use the file; it can still be read.
    pub fn release(&self) {
        *lock(&self.lock) = None;
    }

    /// Writes changes and what the sinks have to deliver of them, all or nothing.
    ///
    /// # Errors
    /// A database that cannot be written, as on a full disk: nothing has changed then.
    pub fn commit(&self, transitions: &[Transition]) -> Result<Vec<Change>, JournalError> {
        if transitions.is_empty() {
            return Ok(Vec::new());
        }
        let write = |transaction: &Transaction<'_>| {
            transitions.iter().map(|transition| self.write(transaction, transition)).collect()
        };
        let changes: Vec<Change> = self.transact(write)?;
        self.announce(&changes);
        Ok(changes)
    }

    /// Ends every event that is open in the database: the program that had it open was killed. The
    /// changes that were made.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and an entry that cannot be read.
    pub fn interrupt_open(&self, now_ms: i64) -> Result<Vec<Change>, JournalError> {
        let bodies: Vec<String> = self.read(|reader| {
            let mut open =
                reader.prepare("SELECT body FROM events WHERE ended IS NULL ORDER BY id")?;
            open.query_map((), |row| row.get(0))?.collect()
        })?;
        let mut transitions = Vec::with_capacity(bodies.len());
        for body in bodies {
            let mut event: Event = self.parse(&body)?;
            event.ended = Some(rfc3339(now_ms));
            event.reason = Some(EndReason::Interrupted);
            transitions.push(Transition { kind: ChangeKind::End, at_ms: now_ms, event });
        }
        self.commit(&transitions)
    }

    /// When each rule, zone and camera last made an event.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn fired(&self) -> Result<Vec<Fired>, JournalError> {
        self.read(|reader| {
            let mut rows = reader.prepare("SELECT rule, zone, camera, at FROM fired")?;
            let rows = rows
                .query_map((), |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)))?;
            rows.collect()
        })
    }

    /// Drops what is older or more than is kept. The snapshots and clips of the dropped events, which
    /// the caller removes. Open events, and changes that a sink still waits for, stay.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn prune(&self, now_ms: i64) -> Result<Vec<Event>, JournalError> {
        let bodies: Vec<String> = self.transact(|transaction| {
            let oldest = now_ms.saturating_sub(self.retention.age_ms);
            let doomed = "SELECT id FROM events WHERE ended IS NOT NULL AND (started < ?1 OR id IN \
                 (SELECT id FROM events ORDER BY id DESC LIMIT -1 OFFSET ?2)) \
                 AND id NOT IN (SELECT event FROM changes WHERE seq IN (SELECT seq FROM outbox)) \
                 LIMIT 5000";
            let most = i64::try_from(self.retention.events).unwrap_or(i64::MAX);
            let bodies = transaction
                .prepare(&format!("SELECT body FROM events WHERE id IN ({doomed})"))?
                .query_map(params![oldest, most], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            transaction.execute(
                &format!("DELETE FROM changes WHERE event IN ({doomed})"),
                params![oldest, most],
            )?;
            // The changes are gone, so that none of the rows waits for a sink any more.
            transaction.execute(
                "DELETE FROM events WHERE ended IS NOT NULL AND id NOT IN (SELECT event FROM changes)",
                (),
            )?;
            Ok(bodies)
        })?;
        bodies.iter().map(|body| self.parse(body)).collect()
    }

    fn announce(&self, changes: &[Change]) {
        if let Some(last) = changes.last() {
            let mut latest = lock(&self.latest);
            *latest = (*latest).max(last.seq);
            self.grown.notify_all();
        }
    }

    fn write(
        &self,
        transaction: &Transaction<'_>,
        transition: &Transition,
    ) -> rusqlite::Result<Change> {
        let Transition { kind, at_ms, event } = transition;
        let known: Option<(u32, String)> = transaction
            .prepare("SELECT changes, sinks FROM events WHERE id = ?1")?
            .query_row([&event.id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (before, sinks) = match known {
            Some(known) => known,
            None => (0, outbox::sinks_of(transaction, &self.routes, transition)?),
        };
        let sequence = before + 1;
        let body = to_json(event)?;
        let mut insert = transaction.prepare(
            "INSERT INTO changes (event, n, kind, at, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let seq = insert.insert(params![event.id, sequence, kind.as_str(), at_ms, body])?;
        let ended = (*kind == ChangeKind::End).then_some(at_ms);
        let zone = event.zone.as_deref().unwrap_or_default();
        transaction
            .prepare(
                "INSERT INTO events (id, camera, scene, rule, zone, class, severity, started, ended, \
                 changes, sinks, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
                 ON CONFLICT (id) DO UPDATE SET ended = coalesce(ended, excluded.ended), \
                 changes = excluded.changes, body = excluded.body",
            )?
            .execute(params![
                event.id, event.camera, event.scene, event.rule, zone, event.class,
                event.severity.as_str(), at_ms, ended, sequence, sinks, body,
            ])?;
        if *kind == ChangeKind::New {
            transaction
                .prepare(
                    "INSERT OR REPLACE INTO fired (rule, zone, camera, at) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![event.rule, zone, event.camera, at_ms])?;
        }
        let most = self.retention.outbox;
        outbox::enqueue(
            transaction,
            &self.routes,
            &outbox::Entry { sinks: &sinks, seq, transition, most },
        )?;
        Ok(self.change(seq.unsigned_abs(), sequence, transition))
    }

    fn change(&self, seq: u64, sequence: u32, transition: &Transition) -> Change {
        Change {
            journal: self.name.clone(),
            seq,
            key: format!("{}:{sequence}", transition.event.id),
            kind: transition.kind,
            sequence,
            time: rfc3339(transition.at_ms),
            event: transition.event.clone(),
        }
    }

    fn parse(&self, body: &str) -> Result<Event, JournalError> {
        serde_json::from_str(body)
            .map_err(|error| JournalError::Entry { path: self.path.clone(), error })
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        work(&lock(&self.reader)).map_err(JournalError::database(&self.path))
    }

    fn transact<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let mut writer = lock(&self.writer);
        let done = (|| {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        done.map_err(JournalError::database(&self.path))
    }
}

/// Two programs with one journal would end each other's events.
fn lock_file(path: &Path) -> Result<File, JournalError> {
    let refused = |detail| JournalError::Unusable { path: path.to_path_buf(), detail };
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options().write(true).create(true).truncate(false).open(&name);
    let file = file.map_err(|error| refused(format!("its lock cannot be made ({error})")))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(refused("another program that watches is using it".to_owned()))
        }
        // Some network file systems know no locks; that is no reason not to watch.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn to_json(event: &Event) -> rusqlite::Result<String> {
    serde_json::to_string(event)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
