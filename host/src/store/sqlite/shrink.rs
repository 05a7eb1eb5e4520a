//! Gives free pages back to the file system, a few at a time, so that commits do not wait for long.
//!
//! SQLite reuses the pages of what was deleted, but keeps them in its file. `auto_vacuum = INCREMENTAL` lets a program move
//! pages from the end of the file into free ones and cut the file.

use rusqlite::Connection;

use super::connections::BUSY_TIMEOUT;
use crate::store::StoreError;
use crate::store::error::Context;

const CONTEXT: &str = "giving free space back";
/// Bytes of a page.
const PAGE_BYTES: u64 = 4_096;
/// Pages of 4 KiB that one transaction gives back at most: 1 MiB.
const MAX_PAGES: u64 = 256;
/// Free pages that the file may keep in any case: 8 MiB, which the next jobs use.
const MIN_KEPT_PAGES: u64 = 2_048;
/// The part of the file that may be free in any case, as a divisor: 5 %.
const KEPT_PART: u64 = 20;

/// Gives some free pages back if there are many or, on a full disk, if there are any. Returns whether there are still so many.
pub(super) fn shrink(connection: &Connection, is_disk_full: bool) -> Result<bool, StoreError> {
    let excess = excess_pages(connection, is_disk_full)?;
    if excess == 0 {
        return Ok(false);
    }
    vacuum(connection, excess.min(MAX_PAGES))?;
    let is_left = excess_pages(connection, is_disk_full)? > 0;
    if !is_left {
        truncate_log(connection)?;
    }
    Ok(is_left)
}

/// Returns how many free pages there are beyond those that the file may keep.
fn excess_pages(connection: &Connection, is_disk_full: bool) -> Result<u64, StoreError> {
    let free = pragma(connection, "freelist_count")?;
    if is_disk_full {
        return Ok(free);
    }
    Ok(free.saturating_sub(MIN_KEPT_PAGES.max(pragma(connection, "page_count")? / KEPT_PART)))
}

/// Returns the bytes of the file that hold nothing.
pub(super) fn free_bytes(connection: &Connection) -> Result<u64, StoreError> {
    Ok(pragma(connection, "freelist_count")?.saturating_mul(PAGE_BYTES))
}

fn pragma(connection: &Connection, name: &str) -> Result<u64, StoreError> {
    let number: i64 = connection.pragma_query_value(None, name, |row| row.get(0)).context(CONTEXT)?;
    Ok(number.unsigned_abs())
}

fn vacuum(connection: &Connection, pages: u64) -> Result<(), StoreError> {
    // The statement returns a row for each page, and gives back no further page until that row is taken.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})")).context(CONTEXT)?;
    let mut rows = statement.query([]).context(CONTEXT)?;
    while rows.next().context(CONTEXT)?.is_some() {}
    Ok(())
}

/// Writes the write-ahead log into the file and cuts the log to nothing, unless a reader needs it now. Returns whether it did.
pub(super) fn truncate_log(connection: &Connection) -> Result<bool, StoreError> {
    // Without waiting for readers, as commits wait for this.
    connection.busy_timeout(std::time::Duration::ZERO).context(CONTEXT)?;
    let truncated = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(BUSY_TIMEOUT).context(CONTEXT)?;
    Ok(truncated.context(CONTEXT)? == 0)
}
