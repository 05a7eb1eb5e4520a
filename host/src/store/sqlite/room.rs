//! Keeps the last of the disk for what makes room: deleting and sweeping.
//!
//! Whatever lets the store grow is refused before it starts if the disk would have less than the reserve afterwards. SQLite
//! writes everything twice, into the write-ahead log and then into the main file, so each byte counts twice. The log itself
//! may hold most of what is free: it keeps its size after a large transaction, also after one that was rolled back. So it is
//! cut before anything is refused, and kept short on a full disk, or deleting would use the reserve up. Free pages of the main
//! file, which deletions leave, need no further room.
//!
//! A job's batch that is refused, or a part of the contact index, is tried again until there is room. Meanwhile the disk counts
//! as full, although smaller writes still have room.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::shrink::{free_bytes, truncate_log};
use crate::store::{DiskSpace, DiskState, StoreError};

/// Bytes of the write-ahead log on a full disk, before it is cut.
const SHORT_LOG_BYTES: u64 = 1 << 20;
/// How long a write that was refused counts as awaited. It is tried again sooner.
const AWAITED_TIME: Duration = Duration::from_secs(12);

/// The room that jobs and the contact index wait for.
#[derive(Debug, Default)]
pub(super) struct AwaitedRoom(Mutex<Option<Awaited>>);

#[derive(Debug, Clone, Copy)]
struct Awaited {
    bytes: u64,
    refused_at: Instant,
}

impl AwaitedRoom {
    /// Remembers that such a write of about `bytes` was refused.
    pub(super) fn refused(&self, bytes: u64) {
        *self.0.lock() = Some(Awaited { bytes, refused_at: Instant::now() });
    }

    /// Returns about how many bytes wait to be written, or 0.
    pub(super) fn bytes(&self) -> u64 {
        self.0.lock().filter(|awaited| awaited.refused_at.elapsed() < AWAITED_TIME).map_or(0, |awaited| awaited.bytes)
    }
}

/// Checks that the disk has room for about `bytes` more and for what makes room.
///
/// # Errors
/// [`StoreError::DiskFull`] if it has not.
pub(super) fn ensure(connection: &Connection, database: &Path, bytes: u64) -> Result<(), StoreError> {
    let Some(space) = disk_of(database)? else { return Ok(()) };
    if space.has_room_for(written_bytes(bytes)) {
        return Ok(());
    }
    if log_bytes(database) > 0 {
        // On a disk without any room, cutting the log can fail, too.
        drop(truncate_log(connection));
    }
    let into_free_pages = free_bytes(connection)?.min(bytes);
    match disk_of(database)? {
        Some(space) if !space.has_room_for(written_bytes(bytes) - into_free_pages) => {
            Err(StoreError::DiskFull { free_mib: space.free_bytes >> 20 })
        }
        _ => Ok(()),
    }
}

/// Returns how much a write of `bytes` takes of the disk: its part of the write-ahead log, and of the main file.
pub(super) fn written_bytes(bytes: u64) -> u64 {
    bytes.saturating_mul(2)
}

/// Cuts the write-ahead log on a disk that counts as full. Leaves the log as it is if that fails: the write that comes next
/// may succeed all the same.
pub(super) fn keep_log_short(connection: &Connection, database: &Path) {
    let is_full = || matches!(disk_of(database), Ok(Some(space)) if space.state() == DiskState::Full);
    if log_bytes(database) >= SHORT_LOG_BYTES && is_full() {
        drop(truncate_log(connection));
    }
}

fn disk_of(database: &Path) -> Result<Option<DiskSpace>, StoreError> {
    let folder = database.parent().unwrap_or(Path::new("."));
    DiskSpace::of(folder).map_err(|source| StoreError::File { path: folder.display().to_string(), source })
}

fn log_bytes(database: &Path) -> u64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).map_or(0, |metadata| metadata.len())
}
