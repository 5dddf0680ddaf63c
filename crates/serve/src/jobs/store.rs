//! Jobs in the database: every change of state is one durable transaction.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::types::Type;
use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, TransactionBehavior, named_params, params,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::time::{now_ms, rfc3339};
use super::view::{JobCounts, JobError, JobFile, JobInput, JobProgress, JobState, JobView};
use super::{JobsError, lock, schema};

const COLUMNS: &str = "id, kind, state, owner, params, created, started, finished, attempt, cancel, \
     progress, summary, files, error, input_name, input_file, input_bytes, input_sha256";

/// The database, for all threads.
pub(super) struct Store {
    path: PathBuf,
    writer: Mutex<Writer>,
    reader: Mutex<Connection>,
}

struct Writer {
    connection: Connection,
    /// When each owner had a job started last, by the number of that start.
    served: HashMap<String, u64>,
    turn: u64,
}

/// A job that is to be.
pub(super) struct NewJob<'a> {
    pub(super) id: &'a str,
    pub(super) kind: &'a str,
    pub(super) owner: &'a str,
    pub(super) params: &'a Value,
    /// The file's description, and its name in the job's folder.
    pub(super) input: Option<(&'a JobInput, &'a str)>,
}

/// A job as it is in the database.
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) state: JobState,
    pub(super) owner: String,
    pub(super) params: Value,
    pub(super) attempt: u32,
    pub(super) cancel: bool,
    pub(super) progress: Option<JobProgress>,
    pub(super) files: Vec<JobFile>,
    /// The file's description, and its name in the job's folder.
    pub(super) input: Option<(JobInput, String)>,
    times: [Option<i64>; 3],
    summary: Option<Value>,
    error: Option<JobError>,
}

/// How a run ended.
pub(super) enum Ending {
    Done {
        files: Vec<JobFile>,
        summary: Value,
    },
    Failed(JobError),
    /// Because of a shutdown, if it is one.
    Interrupted {
        shutdown: bool,
    },
}

/// What a cancellation met.
pub(super) enum Cancelled {
    /// It waited, or was cancelled before.
    Already,
    /// It is running and must be told.
    Running,
}

impl Store {
    /// # Errors
    /// See [`schema::open`].
    pub(super) fn open(path: &Path) -> Result<Self, JobsError> {
        let connection = schema::open(path)?;
        let writer = Writer { connection, served: HashMap::new(), turn: 0 };
        let reader = Mutex::new(schema::open_reader(path)?);
        Ok(Self { path: path.to_path_buf(), writer: Mutex::new(writer), reader })
    }

    /// Adds a queued job, and calls `then` before any worker can see it. If that fails, there is no
    /// job.
    pub(super) fn insert(
        &self,
        job: &NewJob<'_>,
        then: impl FnOnce() -> Result<(), JobsError>,
    ) -> Result<(), JobsError> {
        let mut writer = lock(&self.writer);
        let input =
            job.input.map(|(input, file)| (&input.name, file, input.bytes as i64, &input.sha256));
        self.change(&mut writer.connection, |transaction| {
            transaction.execute(
                "INSERT INTO jobs (id, kind, state, owner, params, created, input_name, input_file, \
                 input_bytes, input_sha256) VALUES (?1, ?2, 'queued', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    job.id, job.kind, job.owner, job.params.to_string(), now_ms(),
                    input.map(|input| input.0), input.map(|input| input.1),
                    input.map(|input| input.2), input.map(|input| input.3),
                ],
            )
        })?;
        then().inspect_err(|_| {
            let removed = self.change(&mut writer.connection, |transaction| {
                transaction.execute("DELETE FROM jobs WHERE id = ?1", [job.id])
            });
            if let Err(error) = removed {
                tracing::error!(job = job.id, %error, "a job without its input stays in the queue");
            }
        })
    }

    /// The next job of these kinds, now running: owners take turns, those with fewer jobs running
    /// first; an owner's oldest job first.
    pub(super) fn take(&self, kinds: &[&str]) -> Result<Option<Stored>, JobsError> {
        let writer = &mut *lock(&self.writer);
        let kinds = Value::from(kinds).to_string();
        let waiting = self.change(&mut writer.connection, |transaction| {
            let mut statement = transaction.prepare(
                "SELECT owner, min(seq), (SELECT count(*) FROM jobs AS other WHERE \
                 other.state = 'running' AND other.owner = jobs.owner) FROM jobs \
                 WHERE state = 'queued' AND kind IN (SELECT value FROM json_each(?1)) GROUP BY owner",
            )?;
            let rows = statement.query_map([kinds], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let served = |owner: &str| writer.served.get(owner).copied().unwrap_or(0);
        let next =
            waiting.into_iter().min_by_key(|(owner, seq, running)| (*running, served(owner), *seq));
        let Some((owner, seq, _)) = next else { return Ok(None) };
        let taken = self.change(&mut writer.connection, |transaction| {
            transaction.execute(
                "UPDATE jobs SET state = 'running', started = coalesce(started, ?2) WHERE seq = ?1",
                (seq, now_ms()),
            )?;
            let sql = format!("SELECT {COLUMNS} FROM jobs WHERE seq = ?1");
            transaction.query_row(&sql, [seq], Stored::read)
        })?;
        writer.turn += 1;
        writer.served.insert(owner, writer.turn);
        Ok(Some(taken))
    }

    /// Ends an attempt; the job's new state, or `None` when the attempt is no longer the job's.
    pub(super) fn finish(
        &self,
        (id, attempt): (&str, u32),
        ending: &Ending,
        progress: Option<&JobProgress>,
    ) -> Result<Option<JobState>, JobsError> {
        let mut writer = lock(&self.writer);
        self.change(&mut writer.connection, |transaction| {
            let cancel: Option<bool> = transaction
                .query_row(
                    "SELECT cancel FROM jobs WHERE id = ?1 AND state = 'running' AND attempt = ?2",
                    (id, attempt),
                    |row| row.get(0),
                )
                .optional()?;
            let Some(cancel) = cancel else { return Ok(None) };
            let interrupted = JobError {
                code: "interrupted".to_owned(),
                message: "the job stopped although nobody asked it to".to_owned(),
            };
            let (state, error, output) = match ending {
                Ending::Done { files, summary } => (JobState::Done, None, Some((files, summary))),
                _ if cancel => (JobState::Cancelled, None, None),
                Ending::Failed(error) => (JobState::Failed, Some(error), None),
                Ending::Interrupted { shutdown: true } => (JobState::Queued, None, None),
                Ending::Interrupted { shutdown: false } => {
                    (JobState::Failed, Some(&interrupted), None)
                }
            };
            transaction.execute(
                "UPDATE jobs SET state = :state, attempt = attempt + :again, \
                 crashes = crashes * (1 - :again), finished = :finished, progress = :progress, \
                 files = :files, summary = :summary, error = :error WHERE id = :id",
                named_params! {
                    ":id": id,
                    ":state": state.name(),
                    // A shutdown isn't a crash, and shows that the job doesn't bring us down.
                    ":again": i64::from(state == JobState::Queued),
                    ":finished": state.is_finished().then(now_ms),
                    ":progress": progress.map(json),
                    ":files": output.map(|(files, _)| json(files)),
                    ":summary": output.map(|(_, summary)| json(summary)),
                    ":error": error.map(json),
                },
            )?;
            Ok(Some(state))
        })
    }

    /// Cancels a queued job, or notes that a running one is to be.
    pub(super) fn cancel(&self, id: &str) -> Result<Cancelled, JobsError> {
        let mut writer = lock(&self.writer);
        let job = self.change(&mut writer.connection, |transaction| {
            transaction.execute(
                "UPDATE jobs SET cancel = 1, finished = iif(state = 'queued', ?2, NULL), \
                 state = iif(state = 'queued', 'cancelled', state) \
                 WHERE id = ?1 AND state IN ('queued', 'running')",
                (id, now_ms()),
            )?;
            select(transaction, id)
        })?;
        match job.ok_or_else(|| not_found(id))? {
            Stored { state: JobState::Running, .. } => Ok(Cancelled::Running),
            Stored { state: JobState::Cancelled, .. } => Ok(Cancelled::Already),
            Stored { state, .. } => Err(JobsError::Finished { id: id.to_owned(), state }),
        }
    }

    /// Writes down how far a running job is. Not worth waiting for the disk.
    pub(super) fn save_progress(
        &self,
        id: &str,
        progress: &Option<JobProgress>,
    ) -> Result<(), JobsError> {
        let writer = lock(&self.writer);
        let connection = &writer.connection;
        let saved = connection.pragma_update(None, "synchronous", "NORMAL").and_then(|()| {
            connection.execute(
                "UPDATE jobs SET progress = ?2 WHERE id = ?1 AND state = 'running'",
                (id, progress.as_ref().map(json)),
            )
        });
        saved.map(drop).map_err(JobsError::database(&self.path))
    }

    /// Removes a finished job. `first` puts its files aside while nobody else changes anything.
    pub(super) fn remove(
        &self,
        id: &str,
        first: impl FnOnce() -> Result<(), JobsError>,
    ) -> Result<(), JobsError> {
        let mut writer = lock(&self.writer);
        let job = select(&writer.connection, id).map_err(JobsError::database(&self.path))?;
        let state = job.ok_or_else(|| not_found(id))?.state;
        if !state.is_finished() {
            return Err(JobsError::NotFinished { id: id.to_owned(), state });
        }
        first()?;
        self.forget(&mut writer.connection, id)
    }

    /// Removes a job's row, whatever its state.
    pub(super) fn purge(&self, id: &str) -> Result<(), JobsError> {
        self.forget(&mut lock(&self.writer).connection, id)
    }

    fn forget(&self, connection: &mut Connection, id: &str) -> Result<(), JobsError> {
        self.change(connection, |transaction| {
            transaction.execute("DELETE FROM jobs WHERE id = ?1", [id]).map(drop)
        })
    }

    /// A job.
    pub(super) fn get(&self, id: &str) -> Result<Stored, JobsError> {
        let job = select(&lock(&self.reader), id).map_err(JobsError::database(&self.path))?;
        job.ok_or_else(|| not_found(id))
    }

    /// The newest jobs, of one owner or in one state only if so asked.
    pub(super) fn list(
        &self,
        owner: Option<&str>,
        state: Option<JobState>,
        limit: usize,
    ) -> Result<Vec<Stored>, JobsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs WHERE (?1 IS NULL OR owner = ?1) \
             AND (?2 IS NULL OR state = ?2) ORDER BY seq DESC LIMIT ?3"
        );
        self.rows(&sql, params![owner, state.map(JobState::name), limit as i64], Stored::read)
    }

    /// Finished jobs that ended before a moment, the oldest first.
    pub(super) fn expired(&self, before: i64, limit: i64) -> Result<Vec<String>, JobsError> {
        let sql = "SELECT id FROM jobs WHERE state IN ('done', 'failed', 'cancelled') \
                   AND finished < ?1 ORDER BY seq LIMIT ?2";
        self.rows(sql, (before, limit), |row| row.get(0))
    }

    /// How many jobs are in each state.
    pub(super) fn counts(&self) -> Result<JobCounts, JobsError> {
        let sql = "SELECT state, count(*) FROM jobs GROUP BY state";
        let mut counts = JobCounts::default();
        for (state, count) in
            self.rows(sql, (), |row| Ok((state(row, 0)?, row.get::<_, i64>(1)?)))?
        {
            counts.set(state, count.unsigned_abs());
        }
        Ok(counts)
    }

    /// Kinds that wait and aren't among these, and how many jobs of each.
    pub(super) fn waiting_kinds(&self) -> Result<Vec<(String, i64)>, JobsError> {
        let sql = "SELECT kind, count(*) FROM jobs WHERE state = 'queued' GROUP BY kind";
        self.rows(sql, (), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JobsError> {
        let reader = lock(&self.reader);
        let rows = reader.prepare(sql).and_then(|mut statement| {
            statement.query_map(params, read)?.collect::<rusqlite::Result<Vec<T>>>()
        });
        rows.map_err(JobsError::database(&self.path))
    }

    /// For [`super::recovery`]: one durable transaction.
    pub(super) fn transact<T>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JobsError> {
        self.change(&mut lock(&self.writer).connection, act)
    }

    /// One transaction that is on the disk when this returns.
    fn change<T>(
        &self,
        connection: &mut Connection,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JobsError> {
        let changed = || {
            connection.pragma_update(None, "synchronous", "FULL")?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = act(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        changed().map_err(JobsError::database(&self.path))
    }
}

fn not_found(id: &str) -> JobsError {
    // What was asked for comes from outside and may be anything.
    JobsError::NotFound { id: id.chars().take(64).collect() }
}

fn select(connection: &Connection, id: &str) -> rusqlite::Result<Option<Stored>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
    connection.query_row(&sql, [id], Stored::read).optional()
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    // Our own structs and JSON values: none can fail.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
    parsed.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<JobState> {
    let name: String = row.get(column)?;
    JobState::from_name(&name).ok_or_else(|| {
        let error = format!("{name:?} is no state of a job");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
    })
}

impl Stored {
    /// Reads the columns in [`COLUMNS`].
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let input = match row.get::<_, Option<String>>(14)? {
            Some(name) => {
                let bytes = row.get::<_, i64>(16)?.unsigned_abs();
                Some((JobInput { name, bytes, sha256: row.get(17)? }, row.get(15)?))
            }
            None => None,
        };
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            state: state(row, 2)?,
            owner: row.get(3)?,
            params: from_json(row, 4)?.unwrap_or_default(),
            times: [row.get(5)?, row.get(6)?, row.get(7)?],
            attempt: row.get(8)?,
            cancel: row.get(9)?,
            progress: from_json(row, 10)?,
            summary: from_json(row, 11)?,
            files: from_json(row, 12)?.unwrap_or_default(),
            error: from_json(row, 13)?,
            input,
        })
    }

    /// As others see it. `latest` is newer progress than what the database has.
    pub(super) fn view(self, version: u64, latest: Option<JobProgress>) -> JobView {
        let [created, started, finished] = self.times;
        JobView {
            cancelling: self.cancel && !self.state.is_finished(),
            id: self.id,
            kind: self.kind,
            state: self.state,
            owner: self.owner,
            version,
            attempt: self.attempt,
            created: rfc3339(created.unwrap_or_default()),
            started: started.map(rfc3339),
            finished: finished.map(rfc3339),
            params: self.params,
            progress: latest.or(self.progress),
            summary: self.summary,
            files: self.files,
            error: self.error,
            input: self.input.map(|(input, _)| input),
        }
    }
}
