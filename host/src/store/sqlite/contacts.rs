//! Contacts and the keys they are found by.

use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{SqliteStore, listing, unlisted};
use crate::domain::{ContactId, StoredContact, TenantId, Timestamp, UniqueKey};
use crate::store::error::Doing;
use crate::store::{ApplyOutcome, ContactList, ContactQuery, ContactStore, ContactWrite, StoreError, WriteTarget};

/// Bytes of documents that are read at a time: a thousand contacts of 64 KiB, where most have less than one.
const FOUND: usize = 64 << 20;
const READING: &str = "reading contacts";
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
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(WRITING)?;
            let known: bool = transaction
                .query_row("SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?1)", [tenant.0], |row| row.get(0))
                .doing(WRITING)?;
            if !known {
                return Ok(ApplyOutcome::NoTenant);
            }
            let Some(ids) = apply(&transaction, tenant, writes, now)? else { return Ok(ApplyOutcome::Conflict) };
            transaction.commit().doing(WRITING)?;
            Ok(ApplyOutcome::Done(ids))
        })
    }

    fn delete_contact(&self, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, StoreError> {
        const DELETING: &str = "deleting a contact";
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(DELETING)?;
            let Some(contact) = find(&transaction, tenant, &[id], &[])?.pop() else { return Ok(None) };
            let number = i64::try_from(id.0).unwrap_or(i64::MAX);
            let keys: String = transaction
                .query_row(
                    "DELETE FROM contacts WHERE tenant = ?1 AND id = ?2 RETURNING keys",
                    params![tenant.0, number],
                    |row| row.get(0),
                )
                .doing(DELETING)?;
            for (field, value) in parse_keys(&keys)? {
                transaction
                    .execute(
                        "DELETE FROM contact_keys WHERE tenant = ?1 AND field = ?2 AND value = ?3 AND contact = ?4",
                        params![tenant.0, field, value, number],
                    )
                    .doing(DELETING)?;
            }
            unlisted::forget(&transaction, tenant, number).doing(DELETING)?;
            transaction
                .execute("UPDATE tenants SET contacts = contacts - 1 WHERE id = ?1", [tenant.0])
                .doing(DELETING)?;
            transaction.commit().doing(DELETING)?;
            Ok(Some(contact))
        })
    }

    fn list_contacts(&self, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
        unlisted::catch_up(&self.connections, tenant)?;
        self.connections.read(|connection| listing::list(connection, tenant, query))
    }

    fn index_next(&self, age: Duration) -> Result<bool, StoreError> {
        let until = self.clock.now().before(age);
        self.connections.write(|connection| unlisted::index_next(connection, None, until))
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
        // An id beyond SQLite's integers is no contact's.
        wanted.extend(i64::try_from(id.0));
    }
    let mut by_key = connection
        .prepare_cached("SELECT contact FROM contact_keys WHERE tenant = ?1 AND field = ?2 AND value = ?3")
        .doing(READING)?;
    for key in keys {
        let found: Option<i64> =
            by_key.query_row(params![tenant.0, key.field, key.value], |row| row.get(0)).optional().doing(READING)?;
        wanted.extend(found);
    }
    wanted.sort_unstable();
    wanted.dedup();

    let mut by_id = connection
        .prepare_cached("SELECT version, document FROM contacts WHERE tenant = ?1 AND id = ?2")
        .doing(READING)?;
    let mut contacts = Vec::with_capacity(wanted.len());
    let mut bytes = 0;
    for id in wanted {
        let found = by_id
            .query_row(params![tenant.0, id], |row| {
                Ok(StoredContact { id: ContactId(id.unsigned_abs()), version: row.get(0)?, document: row.get(1)? })
            })
            .optional()
            .doing(READING)?;
        bytes += found.as_ref().map_or(0, |contact| contact.document.len());
        if bytes > FOUND {
            return Err(StoreError::ResultTooLarge(FOUND));
        }
        contacts.extend(found);
    }
    Ok(contacts)
}

/// Either every write took effect, and these are the contacts' ids in the order of the writes, or (`None`) some could
/// not, and the transaction must be rolled back.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    writes: &[ContactWrite],
    now: Timestamp,
) -> Result<Option<Vec<ContactId>>, StoreError> {
    let new = writes.iter().filter(|write| write.target == WriteTarget::New).count();
    let mut next_id = reserve_ids(transaction, tenant, new)?;
    // Keys are given up before any is taken, so that two contacts of a batch can swap one.
    for write in writes {
        if let WriteTarget::Existing { id, version } = write.target
            && !give_up_keys(transaction, tenant, id, version, write)?
        {
            return Ok(None);
        }
    }
    let mut statements = Statements::prepare(transaction)?;
    let mut ids = Vec::with_capacity(writes.len());
    for write in writes {
        let keys: Vec<_> = write.keys.iter().map(|key| (&key.field, &key.value)).collect();
        let keys = serde_json::to_string(&keys).doing(WRITING)?;
        let id = match write.target {
            WriteTarget::New => {
                next_id += 1;
                next_id - 1
            }
            WriteTarget::Existing { id, .. } => i64::try_from(id.0).unwrap_or(i64::MAX),
        };
        let statement = if write.target == WriteTarget::New { &mut statements.insert } else { &mut statements.update };
        statement.execute(params![tenant.0, id, keys, write.document]).doing(WRITING)?;
        for key in &write.keys {
            if statements.take_key.execute(params![tenant.0, key.field, key.value, id]).doing(WRITING)? == 0 {
                return Ok(None);
            }
        }
        ids.push(ContactId(id.unsigned_abs()));
    }
    unlisted::note(transaction, tenant, &ids, writes, now)?;
    Ok(Some(ids))
}

/// What is run for each contact of a batch.
struct Statements<'a> {
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
    /// Changes no row if another contact has the key; one that the contact has already counts as taken by it.
    take_key: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn prepare(transaction: &'a Transaction<'_>) -> Result<Self, StoreError> {
        let prepare = |sql| transaction.prepare_cached(sql).doing(WRITING);
        Ok(Self {
            insert: prepare("INSERT INTO contacts (tenant, id, version, keys, document) VALUES (?1, ?2, 1, ?3, ?4)")?,
            update: prepare(
                "UPDATE contacts SET version = version + 1, keys = ?3, document = ?4 WHERE tenant = ?1 AND id = ?2",
            )?,
            take_key: prepare(
                "INSERT INTO contact_keys (tenant, field, value, contact) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (tenant, field, value) DO UPDATE SET contact = contact WHERE contact = excluded.contact",
            )?,
        })
    }
}

/// Takes `count` ids out of the tenant's sequence; returns the first.
fn reserve_ids(transaction: &Transaction<'_>, tenant: TenantId, count: usize) -> Result<i64, StoreError> {
    if count == 0 {
        return Ok(0);
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    transaction
        .prepare_cached("UPDATE tenants SET next_contact = next_contact + ?2, contacts = contacts + ?2 WHERE id = ?1 RETURNING next_contact - ?2")
        .and_then(|mut statement| statement.query_row(params![tenant.0, count], |row| row.get(0)))
        .doing("numbering contacts")
}

/// Checks that the contact is still as it was read, and frees the keys it will not keep. `false` if it is not.
fn give_up_keys(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    id: ContactId,
    version: i64,
    write: &ContactWrite,
) -> Result<bool, StoreError> {
    let Ok(id) = i64::try_from(id.0) else { return Ok(false) };
    let keys: Option<String> = transaction
        .prepare_cached("SELECT keys FROM contacts WHERE tenant = ?1 AND id = ?2 AND version = ?3")
        .and_then(|mut statement| statement.query_row(params![tenant.0, id, version], |row| row.get(0)).optional())
        .doing(WRITING)?;
    let Some(keys) = keys else { return Ok(false) };
    for (field, value) in parse_keys(&keys)? {
        if !write.keys.iter().any(|key| key.field == field && key.value == value) {
            transaction
                .prepare_cached(
                    "DELETE FROM contact_keys WHERE tenant = ?1 AND field = ?2 AND value = ?3 AND contact = ?4",
                )
                .and_then(|mut statement| statement.execute(params![tenant.0, field, value, id]))
                .doing(WRITING)?;
        }
    }
    Ok(true)
}

/// The keys of a contact as its row lists them: field and value.
fn parse_keys(keys: &str) -> Result<Vec<(String, String)>, StoreError> {
    serde_json::from_str(keys).map_err(|error| StoreError::Corrupt(format!("a contact's keys: {error}")))
}
