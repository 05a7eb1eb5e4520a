//! Contacts and the keys they are found by.

use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::index_queue::INDEXED_BYTES;
use super::{SqliteStore, index_queue, listing, shown_contacts, undo, usage, word_index};
use crate::domain::{ContactId, Indexed, StoredContact, TenantId, Timestamp, UniqueKey};
use crate::store::error::Context;
use crate::store::usage::{contact_bytes, signed};
use crate::store::{
    ApplyOutcome, ContactFilter, ContactList, ContactQuery, ContactStore, ContactWrite, Deletion, StoreError,
    WriteTarget,
};

/// Bytes of documents that are read at once at most: a thousand contacts of 64 KiB, where most have less than one.
pub(super) const MAX_FOUND_BYTES: usize = 64 << 20;
pub(super) const READING: &str = "reading contacts";
const WRITING: &str = "writing contacts";

impl ContactStore for SqliteStore {
    fn find_contacts(
        &self,
        tenant: TenantId,
        ids: &[ContactId],
        keys: &[UniqueKey],
    ) -> Result<Vec<StoredContact>, StoreError> {
        self.connections.read(|connection| find(connection, tenant, ids, keys))
    }

    fn apply_writes(&self, tenant: TenantId, writes: &[ContactWrite]) -> Result<ApplyOutcome, StoreError> {
        let now = self.clock.now();
        let bytes = writes.iter().map(ContactWrite::bytes).sum::<usize>();
        self.connections.write_growing(bytes as u64, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(WRITING)?;
            let known: bool = transaction
                .query_row("SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?1)", [tenant.0], |row| row.get(0))
                .context(WRITING)?;
            if !known {
                return Ok(ApplyOutcome::NoTenant);
            }
            let Some(ids) = apply(&transaction, tenant, writes, &[], now)? else { return Ok(ApplyOutcome::Conflict) };
            transaction.commit().context(WRITING)?;
            Ok(ApplyOutcome::Done(ids))
        })
    }

    fn delete_contact(&self, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, StoreError> {
        const DELETING: &str = "deleting a contact";
        let now = self.clock.now();
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(DELETING)?;
            let Some(contact) = find(&transaction, tenant, &[id], &[])?.pop() else { return Ok(None) };
            let bytes = delete(&transaction, tenant, id, contact.version)?.unwrap_or(0);
            usage::add_bytes(&transaction, tenant, -bytes)?;
            add_to_count(&transaction, tenant, -1)?;
            undo::purge(&transaction, tenant, i64::try_from(id.0).unwrap_or(i64::MAX), now)?;
            transaction.commit().context(DELETING)?;
            Ok(Some(contact))
        })
    }

    fn list_contacts(&self, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
        index_queue::catch_up(&self.connections, tenant)?;
        self.connections.read(|connection| listing::list(connection, tenant, query))
    }

    fn newest_matches(
        &self,
        tenant: TenantId,
        filter: &ContactFilter,
        before: Option<ContactId>,
        limit: usize,
    ) -> Result<Vec<ContactId>, StoreError> {
        index_queue::catch_up(&self.connections, tenant)?;
        let found = self.connections.read(|connection| listing::newest(connection, tenant, filter, before, limit))?;
        Ok(found.into_iter().map(|id| ContactId(id.unsigned_abs())).collect())
    }

    fn contacts_after(
        &self,
        tenant: TenantId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<StoredContact>, StoreError> {
        self.connections.read(|connection| shown_contacts::after(connection, tenant, after, limit))
    }

    fn index_next(&self, age: Duration) -> Result<bool, StoreError> {
        let until = self.clock.now().before(age);
        // First, because it makes room.
        let deleted = word_index::delete_merged(&self.connections)?;
        let is_due = self.connections.read(|connection| index_queue::is_due(connection, until))?;
        if is_due {
            let index = |connection: &mut Connection| index_queue::index_next(connection, None, until);
            self.connections.write_awaited(INDEXED_BYTES, index)?;
        }
        // After each transaction, or segments would become ever more while contacts are indexed without a pause.
        let merged = word_index::merge_next(&self.connections)?;
        Ok(deleted || is_due || merged)
    }
}

pub(super) fn find(
    connection: &Connection,
    tenant: TenantId,
    ids: &[ContactId],
    keys: &[UniqueKey],
) -> Result<Vec<StoredContact>, StoreError> {
    let mut wanted = Vec::with_capacity(ids.len() + keys.len());
    for id in ids {
        // No contact has an id beyond SQLite's integers.
        wanted.extend(i64::try_from(id.0));
    }
    let mut by_key = connection
        .prepare_cached("SELECT contact FROM contact_keys WHERE tenant = ?1 AND field = ?2 AND value = ?3")
        .context(READING)?;
    for key in keys {
        let found: Option<i64> =
            by_key.query_row(params![tenant.0, key.field, key.value], |row| row.get(0)).optional().context(READING)?;
        wanted.extend(found);
    }
    wanted.sort_unstable();
    wanted.dedup();

    let mut by_id = connection
        .prepare_cached("SELECT keys, octet_length(document), index_bytes, version, document FROM contacts WHERE tenant = ?1 AND id = ?2")
        .context(READING)?;
    let mut contacts = Vec::with_capacity(wanted.len());
    let mut bytes = 0;
    for id in wanted {
        let found: Option<(StoredRow, i64, String)> = by_id
            .query_row(params![tenant.0, id], |row| Ok((StoredRow::read(row)?, row.get(3)?, row.get(4)?)))
            .optional()
            .context(READING)?;
        let Some((row, version, document)) = found else { continue };
        bytes += document.len();
        if bytes > MAX_FOUND_BYTES {
            return Err(StoreError::ResultTooLarge(MAX_FOUND_BYTES));
        }
        let id = ContactId(id.unsigned_abs());
        contacts.push(StoredContact { id, version, document, indexed: Some(row.indexed()?) });
    }
    Ok(contacts)
}

/// Applies all writes, and returns the contacts' ids in the order of the writes. Returns `None` if there is a conflict.
/// Then the transaction must be rolled back.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    writes: &[ContactWrite],
    deletions: &[Deletion],
    now: Timestamp,
) -> Result<Option<Vec<ContactId>>, StoreError> {
    let new = writes.iter().filter(|write| write.target == WriteTarget::New).count();
    let mut next_id = reserve_ids(transaction, tenant, new)?;
    let mut bytes = 0;
    let mut restored = 0;
    // Before any key is taken, so that two contacts of a batch can swap keys.
    for write in writes {
        match write.target {
            WriteTarget::New => {}
            WriteTarget::Existing { id, version } => {
                let Some(stored) = free_keys(transaction, tenant, id, version, write)? else { return Ok(None) };
                bytes -= stored;
            }
            WriteTarget::Deleted { id, .. } => {
                if !can_be_restored(transaction, tenant, id)? {
                    return Ok(None);
                }
                restored += 1;
            }
        }
    }
    for deletion in deletions {
        let Some(stored) = delete(transaction, tenant, deletion.id, deletion.version)? else { return Ok(None) };
        bytes -= stored;
    }
    add_to_count(transaction, tenant, restored - signed(deletions.len()))?;
    let mut statements = Statements::prepare(transaction)?;
    let mut ids = Vec::with_capacity(writes.len());
    for write in writes {
        let mut keys: Vec<_> = write.keys.iter().map(|key| (key.field.as_str(), key.value.as_str())).collect();
        keys.sort_unstable();
        keys.dedup();
        let index_bytes = signed(write.index_entry.bytes());
        bytes += contact_bytes(signed(write.document.len()), keys.iter().copied(), index_bytes);
        let keys = serde_json::to_string(&keys).context(WRITING)?;
        let id = match write.target {
            WriteTarget::New => {
                next_id += 1;
                next_id - 1
            }
            WriteTarget::Existing { id, .. } | WriteTarget::Deleted { id, .. } => {
                i64::try_from(id.0).unwrap_or(i64::MAX)
            }
        };
        let document = &write.document;
        match write.target {
            WriteTarget::New => statements.insert.execute(params![tenant.0, id, keys, document, index_bytes, 1]),
            WriteTarget::Deleted { version, .. } => {
                statements.insert.execute(params![tenant.0, id, keys, document, index_bytes, version])
            }
            WriteTarget::Existing { .. } => {
                statements.update.execute(params![tenant.0, id, keys, document, index_bytes])
            }
        }
        .context(WRITING)?;
        for key in &write.keys {
            if statements.take_key.execute(params![tenant.0, key.field, key.value, id]).context(WRITING)? == 0 {
                return Ok(None);
            }
        }
        ids.push(ContactId(id.unsigned_abs()));
    }
    index_queue::enqueue(transaction, tenant, &ids, writes, now)?;
    usage::add_bytes(transaction, tenant, bytes)?;
    Ok(Some(ids))
}

/// The statements that are run for each contact of a batch.
struct Statements<'a> {
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
    /// Changes one row if the contact has the key then, and none if another contact has it.
    take_key: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn prepare(transaction: &'a Transaction<'_>) -> Result<Self, StoreError> {
        let prepare = |sql| transaction.prepare_cached(sql).context(WRITING);
        Ok(Self {
            insert: prepare(
                "INSERT INTO contacts (tenant, id, version, keys, document, index_bytes) VALUES (?1, ?2, ?6, ?3, ?4, ?5)",
            )?,
            update: prepare(
                "UPDATE contacts SET version = version + 1, keys = ?3, document = ?4, index_bytes = ?5
                 WHERE tenant = ?1 AND id = ?2",
            )?,
            take_key: prepare(
                "INSERT INTO contact_keys (tenant, field, value, contact) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (tenant, field, value) DO UPDATE SET contact = contact WHERE contact = excluded.contact",
            )?,
        })
    }
}

/// Takes `count` ids from the tenant's sequence, and returns the first.
fn reserve_ids(transaction: &Transaction<'_>, tenant: TenantId, count: usize) -> Result<i64, StoreError> {
    if count == 0 {
        return Ok(0);
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    transaction
        .prepare_cached("UPDATE tenants SET next_contact = next_contact + ?2, contacts = contacts + ?2 WHERE id = ?1 RETURNING next_contact - ?2")
        .and_then(|mut statement| statement.query_row(params![tenant.0, count], |row| row.get(0)))
        .context("numbering contacts")
}

/// Deletes a contact with its keys and its place in the index. Returns the bytes that the contact counted, or `None` if it is not in
/// this version.
fn delete(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    id: ContactId,
    version: i64,
) -> Result<Option<i64>, StoreError> {
    const DELETING: &str = "deleting a contact";
    let Ok(number) = i64::try_from(id.0) else { return Ok(None) };
    let deleted = transaction
        .prepare_cached(
            "DELETE FROM contacts WHERE tenant = ?1 AND id = ?2 AND version = ?3
             RETURNING keys, octet_length(document), index_bytes",
        )
        .and_then(|mut statement| statement.query_row([tenant.0, number, version], StoredRow::read).optional())
        .context(DELETING)?;
    let Some(deleted) = deleted else { return Ok(None) };
    let keys = deleted.keys()?;
    for (field, value) in &keys {
        transaction
            .prepare_cached("DELETE FROM contact_keys WHERE tenant = ?1 AND field = ?2 AND value = ?3 AND contact = ?4")
            .and_then(|mut statement| statement.execute(params![tenant.0, field, value, number]))
            .context(DELETING)?;
    }
    index_queue::remove(transaction, tenant, number)?;
    Ok(Some(deleted.bytes(&keys)))
}

/// Returns whether a contact can be stored again under the id that it had: there is none, and no client deleted it.
fn can_be_restored(transaction: &Transaction<'_>, tenant: TenantId, id: ContactId) -> Result<bool, StoreError> {
    let Ok(number) = i64::try_from(id.0) else { return Ok(false) };
    let exists: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM contacts WHERE tenant = ?1 AND id = ?2)")
        .and_then(|mut statement| statement.query_row([tenant.0, number], |row| row.get(0)))
        .context(WRITING)?;
    Ok(!exists && !undo::is_purged(transaction, tenant, number)?)
}

/// Adds to the number of the tenant's contacts.
fn add_to_count(transaction: &Transaction<'_>, tenant: TenantId, contacts: i64) -> Result<(), StoreError> {
    if contacts == 0 {
        return Ok(());
    }
    transaction
        .prepare_cached("UPDATE tenants SET contacts = contacts + ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute([tenant.0, contacts]))
        .map(drop)
        .context("counting contacts")
}

/// Frees the keys that a contact will not keep. Returns the bytes that the contact counted, or `None` if it is not in the
/// version that was read.
fn free_keys(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    id: ContactId,
    version: i64,
    write: &ContactWrite,
) -> Result<Option<i64>, StoreError> {
    let Ok(id) = i64::try_from(id.0) else { return Ok(None) };
    let stored = transaction
        .prepare_cached(
            "SELECT keys, octet_length(document), index_bytes FROM contacts WHERE tenant = ?1 AND id = ?2 AND version = ?3",
        )
        .and_then(|mut statement| statement.query_row(params![tenant.0, id, version], StoredRow::read).optional())
        .context(WRITING)?;
    let Some(stored) = stored else { return Ok(None) };
    let keys = stored.keys()?;
    for (field, value) in &keys {
        if !write.keys.iter().any(|key| key.field == *field && key.value == *value) {
            transaction
                .prepare_cached(
                    "DELETE FROM contact_keys WHERE tenant = ?1 AND field = ?2 AND value = ?3 AND contact = ?4",
                )
                .and_then(|mut statement| statement.execute(params![tenant.0, field, value, id]))
                .context(WRITING)?;
        }
    }
    Ok(Some(stored.bytes(&keys)))
}

/// What a stored contact counts.
struct StoredRow {
    keys: String,
    document_bytes: i64,
    index_bytes: i64,
}

impl StoredRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { keys: row.get(0)?, document_bytes: row.get(1)?, index_bytes: row.get(2)? })
    }

    /// Parses the column `keys`: pairs of field and value, each once.
    fn keys(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut keys: Vec<_> = serde_json::from_str(&self.keys)
            .map_err(|error| StoreError::Corrupt(format!("a contact's keys: {error}")))?;
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn indexed(&self) -> Result<Indexed, StoreError> {
        let keys = self.keys()?.into_iter().map(|(field, value)| UniqueKey { field, value }).collect();
        Ok(Indexed::new(keys, usize::try_from(self.index_bytes).unwrap_or(usize::MAX)))
    }

    fn bytes(&self, keys: &[(String, String)]) -> i64 {
        let keys = keys.iter().map(|(field, value)| (field.as_str(), value.as_str()));
        contact_bytes(self.document_bytes, keys, self.index_bytes)
    }
}
