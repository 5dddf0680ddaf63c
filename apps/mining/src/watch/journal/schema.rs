//! The journal's database: opened, checked, brought up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::JournalError;

/// Marks the file as ours: "STRW".
const APPLICATION_ID: i64 = 0x5354_5257;

/// How long a statement waits for another connection: a person's look with `sqlite3`, a backup.
const BUSY: Duration = Duration::from_secs(10);

/// What leads from each version (`user_version`) to the next. Entries are never changed, only added.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE journal (name TEXT NOT NULL) STRICT;
    INSERT INTO journal VALUES (lower(hex(randomblob(8))));
    -- An event as of its last change.
    CREATE TABLE events (
        id TEXT PRIMARY KEY,
        camera TEXT NOT NULL,
        scene TEXT NOT NULL,
        rule TEXT NOT NULL,
        zone TEXT NOT NULL,
        class TEXT NOT NULL,
        severity TEXT NOT NULL,
        started INTEGER NOT NULL,
        ended INTEGER,
        changes INTEGER NOT NULL,
        sinks TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX events_by_camera ON events (camera, id);
    CREATE INDEX events_open ON events (id) WHERE ended IS NULL;
    -- Every change; AUTOINCREMENT, so that a number is never used again.
    CREATE TABLE changes (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        event TEXT NOT NULL,
        n INTEGER NOT NULL,
        kind TEXT NOT NULL,
        at INTEGER NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (event, n)
    ) STRICT;
    -- What a sink has not yet had.
    CREATE TABLE outbox (
        sink TEXT NOT NULL,
        seq INTEGER NOT NULL,
        since INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        PRIMARY KEY (sink, seq)
    ) STRICT, WITHOUT ROWID;
    -- What became of it, and when a sink last had a new event of a rule and camera.
    CREATE TABLE sinks (
        sink TEXT PRIMARY KEY,
        delivered INTEGER NOT NULL DEFAULT 0,
        refused INTEGER NOT NULL DEFAULT 0,
        given_up INTEGER NOT NULL DEFAULT 0,
        muted INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE cooldowns (
        sink TEXT NOT NULL,
        rule TEXT NOT NULL,
        camera TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (sink, rule, camera)
    ) STRICT, WITHOUT ROWID;
    -- When a rule last made an event in a zone of a camera: cooldowns last over a restart.
    CREATE TABLE fired (
        rule TEXT NOT NULL,
        zone TEXT NOT NULL,
        camera TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (rule, zone, camera)
    ) STRICT, WITHOUT ROWID;
"];

/// Opens the database for writing, made if it isn't there. Refuses what is damaged, newer or another
/// program's before anything is changed.
pub(super) fn open(path: &Path) -> Result<Connection, JournalError> {
    let mut connection =
        connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let of = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = of("user_version").map_err(JournalError::database(path))?;
    let application = of("application_id").map_err(JournalError::database(path))?;
    let refused = |detail| JournalError::Unusable { path: path.to_path_buf(), detail };
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(JournalError::database(path))?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(refused("it belongs to another program".to_owned()));
    }
    let known = MIGRATIONS.len() as i64;
    if version > known {
        return Err(refused(format!("its version {version} is newer than this program's {known}")));
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(JournalError::database(path))?;
    if verdict != "ok" {
        return Err(refused(format!("it is damaged: {verdict}")));
    }
    prepare(&mut connection, usize::try_from(version).unwrap_or(0))
        .map_err(JournalError::database(path))?;
    Ok(connection)
}

/// Opens a database that [`open`] has checked, for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    // A reader of a write-ahead log writes to its index, so that the file is opened for writing.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true).map_err(JournalError::database(path))?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, JournalError> {
    // Every connection is behind a mutex of ours.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(JournalError::database(path))?;
    connection.busy_timeout(BUSY).map_err(JournalError::database(path))?;
    Ok(connection)
}

fn prepare(connection: &mut Connection, version: usize) -> rusqlite::Result<()> {
    // Readers aren't held up by the writer, and a commit is one write to the end of a file.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
