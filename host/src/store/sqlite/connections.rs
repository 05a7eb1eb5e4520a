//! One connection that writes, and a few that read. SQLite allows one writer at a time. Writers queue here, not in SQLite's
//! busy handler, so that waits are short and in order of arrival: a thread that always writes cannot keep others out.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, FairMutex, FairMutexGuard, Mutex};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::room::{self, AwaitedRoom};
use crate::metrics::METRICS;
use crate::private_files::{PrivacyError, check_file, open_private_file};
use crate::store::error::Context;
use crate::store::{PoolUse, StoreError};

/// Connections that read at once at most. More would wait for the same disks and cores.
const MAX_READERS: usize = 4;
/// How long a transaction waits for another process, such as `bulkhead tenant add`, to finish its own.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before another attempt to set the kind of a file that another program is setting.
const KIND_PAUSE: Duration = Duration::from_millis(5);
/// Pages of 4 KiB between checkpoints. More than SQLite's 1,000, because a job writes that many in a few chunks.
const CHECKPOINT_PAGES: u32 = 4_000;
/// Bytes that the write-ahead log keeps on the disk after a checkpoint: twice what is written between two checkpoints.
const MAX_KEPT_LOG_BYTES: u32 = CHECKPOINT_PAGES * 4_096 * 2;
/// Prepared statements that a connection keeps.
const CACHED_STATEMENTS: usize = 64;
/// SQLite's number for the `auto_vacuum` mode in which free pages are given back a few at a time.
pub(super) const INCREMENTAL_VACUUM: i64 = 2;

const SETTING_UP: &str = "setting up the database";

/// The connections to one database file.
#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    writer: FairMutex<Connection>,
    readers: Mutex<Readers>,
    reader_free: Condvar,
    awaited_room: AwaitedRoom,
}

#[derive(Debug, Default)]
struct Readers {
    idle: Vec<Connection>,
    busy: usize,
}

impl Connections {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        check_files(path)?;
        // SQLite gives the write-ahead log the mode of this file. An existing one may be on a disk that takes no writes.
        if !path.exists() {
            drop(open_private_file(path).context("creating the database")?);
        }
        let writer = Connection::open(path).context("opening the database")?;
        set_kind_of_file(&writer)?;
        writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).context(SETTING_UP)?;
        writer.pragma_update(None, "journal_size_limit", MAX_KEPT_LOG_BYTES).context(SETTING_UP)?;
        configure(&writer)?;
        Ok(Self {
            path: path.to_owned(),
            writer: FairMutex::new(writer),
            readers: Mutex::default(),
            reader_free: Condvar::new(),
            awaited_room: AwaitedRoom::default(),
        })
    }

    /// Runs `work` on the connection that writes.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.lock_writer();
        room::keep_log_short(&writer, &self.path);
        work(&mut writer)
    }

    fn lock_writer(&self) -> FairMutexGuard<'_, Connection> {
        let waiting = Instant::now();
        let writer = self.writer.lock();
        METRICS.store.waited_for_connection(waiting.elapsed());
        writer
    }

    /// Returns how the connections are used.
    pub(super) fn pool_use(&self) -> PoolUse {
        let is_writing = self.writer.try_lock().is_none();
        PoolUse { most: MAX_READERS + 1, busy: self.readers.lock().busy + usize::from(is_writing), waiting: 0 }
    }

    /// As [`Self::write`], for work by which the database may grow by about `bytes`.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] if there is no room for that.
    pub(super) fn write_growing<T>(
        &self,
        bytes: u64,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.lock_writer();
        room::ensure(&writer, &self.path, bytes)?;
        work(&mut writer)
    }

    /// As [`Self::write_growing`], for a write that is tried again until there is room: of a job or of the contact index.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] if there is no room.
    pub(super) fn write_awaited<T>(
        &self,
        bytes: u64,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let written = self.write_growing(bytes, work);
        if matches!(written, Err(StoreError::DiskFull { .. })) {
            self.awaited_room.refused(bytes);
        }
        written
    }

    /// Returns about how many bytes wait to be written because the disk had no room a moment ago, or 0.
    pub(super) fn awaited_bytes(&self) -> u64 {
        self.awaited_room.bytes()
    }

    /// Runs `work` on the connection that writes, unless that would mean to wait. Returns `None` if the connection or the database
    /// is in use.
    pub(super) fn write_if_free<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Option<rusqlite::Result<T>> {
        let writer = self.writer.try_lock()?;
        writer.busy_timeout(Duration::ZERO).ok()?;
        let result = work(&writer);
        drop(writer.busy_timeout(BUSY_TIMEOUT));
        if result.as_ref().is_err_and(is_busy) { None } else { Some(result) }
    }

    /// Runs `work` on a connection that can only read, in one transaction: `work` sees one state of the database, and SQLite
    /// takes its locks once, not for each statement.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _place = self.take_place();
        let idle = self.readers.lock().idle.pop();
        let connection = idle.map_or_else(|| self.open_reader(), Ok)?;
        let result = {
            let snapshot = connection.unchecked_transaction().context("beginning to read")?;
            work(&snapshot)
        };
        self.readers.lock().idle.push(connection);
        result
    }

    /// Runs `work` outside a transaction, on a new connection that can only read.
    pub(super) fn apart<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&self.open_reader()?)
    }

    /// Waits until fewer than [`MAX_READERS`] read.
    fn take_place(&self) -> ReaderPlace<'_> {
        let waiting = Instant::now();
        let mut readers = self.readers.lock();
        self.reader_free.wait_while(&mut readers, |readers| readers.busy >= MAX_READERS);
        readers.busy += 1;
        METRICS.store.waited_for_connection(waiting.elapsed());
        ReaderPlace(self)
    }

    fn open_reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).context("opening the database to read")?;
        configure(&connection)?;
        Ok(connection)
    }
}

/// One of the [`MAX_READERS`] places. It is given back even if the work panics, or the pool would run dry.
struct ReaderPlace<'a>(&'a Connections);

impl Drop for ReaderPlace<'_> {
    fn drop(&mut self) {
        self.0.readers.lock().busy -= 1;
        self.0.reader_free.notify_one();
    }
}

/// Checks that the files of a database are ordinary files of this user, as far as they exist.
///
/// # Errors
/// If one is not.
pub(super) fn check_files(database: &Path) -> Result<(), PrivacyError> {
    ["", "-wal", "-shm", "-journal"].iter().try_for_each(|ending| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        check_file(name.as_ref())
    })
}

/// Makes the file of the database one with a write-ahead log whose free pages are given back. Another program may be doing that
/// at this moment, and SQLite does not wait where two programs would wait for each other; so this is tried again.
fn set_kind_of_file(connection: &Connection) -> Result<(), StoreError> {
    let started = Instant::now();
    loop {
        match try_to_set_kind_of_file(connection) {
            Err(error) if is_busy(&error) && started.elapsed() < BUSY_TIMEOUT => thread::sleep(KIND_PAUSE),
            result => return result.context(SETTING_UP),
        }
    }
}

fn try_to_set_kind_of_file(connection: &Connection) -> rusqlite::Result<()> {
    // SQLite writes `auto_vacuum` to the file whenever it is set, even if it is set already, and the disk may be full.
    let vacuum: i64 = connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
    if vacuum != INCREMENTAL_VACUUM {
        connection.pragma_update(None, "auto_vacuum", INCREMENTAL_VACUUM)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT).context(SETTING_UP)?;
    connection.pragma_update(None, "synchronous", "FULL").context(SETTING_UP)?;
    connection.pragma_update(None, "temp_store", "MEMORY").context(SETTING_UP)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::{Connections, MAX_READERS};

    #[test]
    fn commits_survive_a_power_cut() {
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

    #[test]
    fn a_panic_while_reading_gives_the_place_back() {
        let folder = tempfile::tempdir().unwrap();
        let connections = Connections::open(&folder.path().join("test.sqlite")).unwrap();
        for _ in 0..=MAX_READERS {
            let panicked = catch_unwind(AssertUnwindSafe(|| connections.read::<()>(|_| panic!("in a test"))));
            assert!(panicked.is_err());
        }
        assert_eq!(connections.read(|_| Ok(1)).unwrap(), 1);
    }
}
