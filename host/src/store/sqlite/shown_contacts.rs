//! Contacts as lists show them: without their keys, and without what the index has of them.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::contacts::{MAX_FOUND_BYTES, READING};
use crate::domain::{ContactId, StoredContact, TenantId};
use crate::store::StoreError;
use crate::store::error::Context;

/// Reads the contacts with these ids, in this order, as far as they exist.
///
/// # Errors
/// If the store fails, or the contacts are too large to hold in memory.
pub(super) fn read(connection: &Connection, tenant: TenantId, ids: &[i64]) -> Result<Vec<StoredContact>, StoreError> {
    let mut by_id = connection
        .prepare_cached("SELECT id, version, document FROM contacts WHERE tenant = ?1 AND id = ?2")
        .context(READING)?;
    let mut shown = Shown::default();
    for id in ids {
        let found = by_id.query_row(params![tenant.0, id], shown_row).optional().context(READING)?;
        found.map_or(Ok(()), |contact| shown.add(contact))?;
    }
    Ok(shown.contacts)
}

/// Reads the contacts behind one, in the order of their ids, at most `limit`.
///
/// # Errors
/// As [`read`].
pub(super) fn after(
    connection: &Connection,
    tenant: TenantId,
    after: Option<ContactId>,
    limit: u32,
) -> Result<Vec<StoredContact>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id, version, document FROM contacts WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3")
        .context(READING)?;
    // No contact has an id beyond SQLite's integers.
    let after = after.map_or(0, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
    let mut shown = Shown::default();
    for contact in statement.query_map(params![tenant.0, after, limit], shown_row).context(READING)? {
        shown.add(contact.context(READING)?)?;
    }
    Ok(shown.contacts)
}

/// Contacts that are read to be shown, and the bytes of their documents.
#[derive(Default)]
struct Shown {
    contacts: Vec<StoredContact>,
    bytes: usize,
}

impl Shown {
    fn add(&mut self, contact: StoredContact) -> Result<(), StoreError> {
        self.bytes += contact.document.len();
        if self.bytes > MAX_FOUND_BYTES {
            return Err(StoreError::ResultTooLarge(MAX_FOUND_BYTES));
        }
        self.contacts.push(contact);
        Ok(())
    }
}

fn shown_row(row: &Row<'_>) -> rusqlite::Result<StoredContact> {
    let id = ContactId(row.get::<_, i64>(0)?.unsigned_abs());
    Ok(StoredContact { id, version: row.get(1)?, document: row.get(2)?, indexed: None })
}
