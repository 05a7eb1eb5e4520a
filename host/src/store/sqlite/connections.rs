//! One connection to write, a few to read. SQLite allows one writer at a time; queueing for it here, not in SQLite's
//! busy handler, keeps the waits short and in order of arrival: a thread that writes all the time cannot keep others out.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parking_lot::FairMutex;
use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;
use crate::store::error::Doing;

/// Most connections that read at once; more would wait for the same two disks and cores.
const READERS: usize = 4;
/// How long to wait for another process (such as `bulkhead tenant add`) to finish a transaction.
const BUSY: Duration = Duration::from_secs(10);
/// Pages of 4 KiB between checkpoints; larger than SQLite's 1,000, because a job writes that many in a few chunks.
const CHECKPOINT_PAGES: u32 = 4_000;
/// How SQLite calls a file from which free pages are taken a few at a time.
const INCREMENTAL: i64 = 2;

#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    writer: FairMutex<Connection>,
    readers: Mutex<Readers>,
    reader_free: Condvar,
}

#[derive(Debug)]
struct Readers {
    idle: Vec<Connection>,
    open: usize,
}

impl Connections {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = Connection::open(path).doing("opening the database")?;
        // Both are properties of the file. The first is written anew whenever it is set, also by whoever only wants to read, on
        // a disk that may be full.
        let vacuum: i64 =
            writer.pragma_query_value(None, "auto_vacuum", |row| row.get(0)).doing("setting up the database")?;
        if vacuum != INCREMENTAL {
            writer.pragma_update(None, "auto_vacuum", INCREMENTAL).doing("setting up the database")?;
        }
        writer.pragma_update(None, "journal_mode", "WAL").doing("setting up the database")?;
        writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).doing("setting up the database")?;
        configure(&writer)?;
        Ok(Self {
            path: path.to_owned(),
            writer: FairMutex::new(writer),
            readers: Mutex::new(Readers { idle: Vec::new(), open: 0 }),
            reader_free: Condvar::new(),
        })
    }

    /// Runs `work` on the connection that writes.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        work(&mut self.writer.lock())
    }

    /// Runs `work` on a connection that can only read, in one transaction: it sees one state of the database, and takes
    /// SQLite's locks once, not for each statement.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let lease = ReaderLease { pool: self, connection: Some(self.take_reader()?) };
        match &lease.connection {
            Some(connection) => {
                let snapshot = connection.unchecked_transaction().doing("beginning to read")?;
                work(&snapshot)
            }
            None => Err(StoreError::Corrupt(String::from("a reader without a connection"))),
        }
    }

    /// Runs `work` that is no transaction, on a connection of its own that only reads.
    pub(super) fn apart<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&self.open_reader()?)
    }

    fn take_reader(&self) -> Result<Connection, StoreError> {
        let mut readers = lock(&self.readers);
        loop {
            if let Some(connection) = readers.idle.pop() {
                return Ok(connection);
            }
            if readers.open < READERS {
                readers.open += 1;
                drop(readers);
                return self.open_reader().inspect_err(|_| {
                    lock(&self.readers).open -= 1;
                    self.reader_free.notify_one();
                });
            }
            readers = self.reader_free.wait(readers).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open_reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).doing("opening the database to read")?;
        configure(&connection)?;
        Ok(connection)
    }
}

/// Gives the connection back also when the work panics, or the pool would run dry.
struct ReaderLease<'a> {
    pool: &'a Connections,
    connection: Option<Connection>,
}

impl Drop for ReaderLease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            lock(&self.pool.readers).idle.push(connection);
            self.pool.reader_free.notify_one();
        }
    }
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY).doing("setting up the database")?;
    connection.pragma_update(None, "synchronous", "FULL").doing("setting up the database")?;
    connection.pragma_update(None, "temp_store", "MEMORY").doing("setting up the database")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// A panic while a lock was held leaves nothing half done: an open transaction is rolled back when it is dropped.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Connections;

    #[test]
    fn what_is_committed_survives_a_power_cut() {
        let folder = tempfile::tempdir().unwrap();
        let connections = Connections::open(&folder.path().join("test.sqlite")).unwrap();
        let setting = |name: &str| {
            connections
                .write(|connection| {
                    Ok(connection.pragma_query_value(None, name, |row| row.get::<_, String>(0)).unwrap_or_else(|_| {
                        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap().to_string()
                    }))
                })
                .unwrap()
        };
        // 2 is FULL: a commit waits for the disk.
        assert_eq!((setting("journal_mode").as_str(), setting("synchronous").as_str()), ("wal", "2"));
    }
}
