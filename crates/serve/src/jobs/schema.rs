//! The jobs database: opened, checked, brought up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::JobsError;

/// Marks the file as ours: "STRJ".
const APPLICATION_ID: i64 = 0x5354_524a;

/// How long a statement waits for another connection: a person's look with `sqlite3`, a backup.
const BUSY: Duration = Duration::from_secs(10);

/// What leads from each version (`user_version`) to the next. Entries are never changed, only added.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        owner TEXT NOT NULL,
        params TEXT NOT NULL,
        created INTEGER NOT NULL,
        started INTEGER,
        finished INTEGER,
        attempt INTEGER NOT NULL DEFAULT 1,
        crashes INTEGER NOT NULL DEFAULT 0,
        cancel INTEGER NOT NULL DEFAULT 0,
        progress TEXT,
        summary TEXT,
        files TEXT,
        error TEXT,
        input_name TEXT,
        input_file TEXT,
        input_bytes INTEGER,
        input_sha256 TEXT
    ) STRICT;
    CREATE INDEX jobs_by_state ON jobs (state, seq);
    CREATE INDEX jobs_by_owner ON jobs (owner, seq);
"];

/// Opens the database for writing, made if it isn't there. Refuses what is damaged, newer or another
/// program's before anything is changed.
pub(super) fn open(path: &Path) -> Result<Connection, JobsError> {
    let mut connection =
        connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let of = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = of("user_version").map_err(JobsError::database(path))?;
    let application = of("application_id").map_err(JobsError::database(path))?;
    let damaged = |detail| JobsError::Damaged { path: path.to_path_buf(), detail };
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(JobsError::database(path))?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(damaged("it belongs to another program".to_owned()));
    }
    let known = MIGRATIONS.len() as i64;
    if version > known {
        return Err(JobsError::Newer { path: path.to_path_buf(), found: version, known });
    }
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))
        .map_err(JobsError::database(path))?;
    if verdict != "ok" {
        return Err(damaged(verdict));
    }
    prepare(&mut connection, usize::try_from(version).unwrap_or(0))
        .map_err(JobsError::database(path))?;
    Ok(connection)
}

/// Opens a database that [`open`] has checked, for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, JobsError> {
    // A reader of a write-ahead log writes to its index, so that the file is opened for writing.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true).map_err(JobsError::database(path))?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, JobsError> {
    // Every connection is behind a mutex of ours.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(JobsError::database(path))?;
    connection.busy_timeout(BUSY).map_err(JobsError::database(path))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_is_brought_up_to_date_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jobs.sqlite");
        for _ in 0..2 {
            let connection = open(&path).unwrap();
            let text = |name| connection.pragma_query_value(None, name, |row| row.get(0));
            assert_eq!(text("journal_mode"), Ok("wal".to_owned()));
            let number =
                |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            assert_eq!(number("user_version"), Ok(1));
            assert_eq!(number("synchronous"), Ok(2));
            let reader = open_reader(&path).unwrap();
            assert!(reader.execute("DELETE FROM jobs", ()).is_err());
        }
    }

    #[test]
    fn newer_and_foreign_databases_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jobs.sqlite");
        open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let refused = open(&path).unwrap_err();
        assert!(matches!(refused, JobsError::Newer { found: 99, known: 1, .. }), "{refused}");
        let path = dir.path().join("other.sqlite");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
        drop(other);
        let refused = open(&path).unwrap_err();
        assert!(refused.to_string().contains("another program"), "{refused}");
    }
}
