//! Contacts: finding them, writing those of a call, deleting one.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, number, signed};
use super::statements::Statements;
use super::usage::ADD_BYTES;
use super::writes::{Changes, Writes, storable};
use super::{PostgresStore, index_queue, listing};
use crate::domain::{ContactId, Indexed, StoredContact, TenantId, UniqueKey};
use crate::store::index_queue::{INDEXING, pack_removal};
use crate::store::usage::contact_bytes;
use crate::store::{
    ApplyOutcome, ContactFilter, ContactList, ContactQuery, ContactStore, ContactWrite, MaintenanceStore as _,
    StoreError,
};

/// Bytes of documents that one call reads: a thousand contacts of 64 KiB, where most have less than one.
const MAX_FOUND_BYTES: usize = 64 << 20;

impl ContactStore for PostgresStore {
    fn find_contacts(
        &self,
        tenant: TenantId,
        ids: &[ContactId],
        keys: &[UniqueKey],
    ) -> Result<Vec<StoredContact>, StoreError> {
        self.connections.run("reading contacts", async |session| find(session, tenant, ids, keys).await)
    }

    fn apply_writes(&self, tenant: TenantId, writes: &[ContactWrite]) -> Result<ApplyOutcome, StoreError> {
        self.connections.run("writing contacts", async |session| apply(session, tenant, writes).await)
    }

    fn delete_contact(&self, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, StoreError> {
        self.connections.run("deleting a contact", async |session| delete(session, tenant, id).await)
    }

    fn list_contacts(&self, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
        index_queue::catch_up(&self.connections, tenant)?;
        self.connections.run("listing contacts", async |session| listing::list(session, tenant, query).await)
    }

    fn newest_matches(
        &self,
        tenant: TenantId,
        filter: &ContactFilter,
        before: Option<ContactId>,
        limit: usize,
    ) -> Result<Vec<ContactId>, StoreError> {
        index_queue::catch_up(&self.connections, tenant)?;
        let find = async |session: &Session| listing::newest(session, tenant, filter, before, limit).await;
        let found = self.connections.run("searching contacts", find)?;
        Ok(found.into_iter().map(|id| ContactId(id.unsigned_abs())).collect())
    }

    fn contacts_after(
        &self,
        tenant: TenantId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<StoredContact>, StoreError> {
        self.connections.run("reading contacts", async |session| listing::after(session, tenant, after, limit).await)
    }

    fn index_next(&self, age: Duration) -> Result<bool, StoreError> {
        let until = self.now().before(age);
        self.connections.run(INDEXING, async |session| index_queue::index_next(session, until).await)
    }
}

async fn find(
    session: &Session,
    tenant: TenantId,
    ids: &[ContactId],
    keys: &[UniqueKey],
) -> Result<Vec<StoredContact>, PgError> {
    const FIND: &str = "
        WITH wanted AS (
          SELECT unnest($2::bigint[]) AS id
          UNION
          SELECT owner.contact FROM unnest($3::text[], $4::text[]) AS key (field, value)
          CROSS JOIN LATERAL (
            SELECT contact FROM contact_keys WHERE tenant = $1 AND field = key.field AND value = key.value LIMIT 1
          ) AS owner
        )
        SELECT contact.* FROM wanted CROSS JOIN LATERAL (
          SELECT id, version, document, key_fields, key_values, index_bytes FROM contacts
          WHERE tenant = $1 AND contacts.id = wanted.id LIMIT 1
        ) AS contact";
    // No contact has an id that a signed number cannot hold.
    let ids: Vec<i64> = ids.iter().filter_map(|id| i64::try_from(id.0).ok()).collect();
    let (fields, values): (Vec<_>, Vec<_>) =
        keys.iter().map(|key| (storable(&key.field), storable(&key.value))).unzip();
    if ids.is_empty() && fields.is_empty() {
        return Ok(Vec::new());
    }
    let find = session.prepare_cached(FIND).await?;
    let mut contacts = read_with(session, &find, &[&tenant.0, &ids, &fields, &values], indexed).await?;
    contacts.sort_unstable_by_key(|contact| contact.id);
    Ok(contacts)
}

/// Returns the contacts that a statement finds: id, version, document.
pub(super) async fn read(
    session: &Session,
    statement: &Statement,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<StoredContact>, PgError> {
    read_with(session, statement, values, |_| Ok(None)).await
}

/// Reads how the store finds a contact from the columns of [`find`].
fn indexed(row: &Row) -> Result<Option<Indexed>, StoreError> {
    let keys = get::<Vec<String>>(row, 3)?.into_iter().zip(get::<Vec<String>>(row, 4)?);
    let keys = keys.map(|(field, value)| UniqueKey { field, value }).collect();
    Ok(Some(Indexed::new(keys, number(row, 5)?)))
}

async fn read_with(
    session: &Session,
    statement: &Statement,
    values: &[&(dyn ToSql + Sync)],
    indexed: impl Fn(&Row) -> Result<Option<Indexed>, StoreError>,
) -> Result<Vec<StoredContact>, PgError> {
    let rows = session.query_raw(statement, slice(values)).await?;
    let mut rows = std::pin::pin!(rows);
    let mut contacts = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await? {
        let contact = StoredContact {
            id: ContactId(number(&row, 0)?),
            version: get(&row, 1)?,
            document: get(&row, 2)?,
            indexed: indexed(&row)?,
        };
        bytes += contact.document.len();
        if bytes > MAX_FOUND_BYTES {
            return Err(StoreError::ResultTooLarge(MAX_FOUND_BYTES).into());
        }
        contacts.push(contact);
    }
    Ok(contacts)
}

fn slice<'a>(values: &'a [&'a (dyn ToSql + Sync)]) -> impl ExactSizeIterator<Item = &'a (dyn ToSql + Sync)> + 'a {
    values.iter().copied()
}

/// Makes the writes of a call take effect.
async fn apply(session: &Session, tenant: TenantId, writes: &[ContactWrite]) -> Result<ApplyOutcome, PgError> {
    let writes = Writes::new(writes, &[]);
    let statements = Statements::prepare(session).await?;
    let time = session.prepare_cached("SELECT bulkhead_now($1)").await?;
    let add_bytes = session.prepare_cached(ADD_BYTES).await?;
    session
        .transact(async || {
            let ((), reserved, stored, time, new) = tokio::try_join!(
                biased;
                session.begin(),
                statements.reserve(session, tenant, &writes),
                statements.read(session, tenant, &writes),
                async { Ok(session.query_one(&time, &[&session.clock_shift]).await?) },
                async { Ok(writes.new_columns()) },
            )?;
            let Some(reserved) = reserved else { return Ok(TxOutcome::RollBack(ApplyOutcome::NoTenant)) };
            let Some(changes) = Changes::of(&writes, new, &stored, reserved) else {
                return Ok(TxOutcome::RollBack(ApplyOutcome::Conflict));
            };
            statements.remove_keys(session, tenant, &changes).await?;
            let (ids, now) = (writes.ids(reserved), get(&time, 0)?);
            let written = tokio::try_join!(
                biased;
                statements.write(session, tenant, &changes),
                statements.enqueue(session, tenant, &writes, &ids, reserved, now),
                async { Ok(session.execute(&add_bytes, &[&tenant.0, &changes.bytes]).await?) },
                session.commit(),
            );
            match written {
                Ok(_) => Ok(TxOutcome::AlreadyCommitted(ApplyOutcome::Done(ids))),
                Err(error) if error.is_key_taken() => Ok(TxOutcome::RollBack(ApplyOutcome::Conflict)),
                Err(error) => Err(error),
            }
        })
        .await
}

async fn delete(session: &Session, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, PgError> {
    const ENQUEUE: &str =
        "INSERT INTO unlisted (tenant, sequence, changed_at, entries) VALUES ($2, $3, bulkhead_now($1), $4)";
    // Under the lock of the counters, so that no image of the contact is stored afterwards.
    const PURGE: &str = "
        INSERT INTO purged_contacts (tenant, sequence, contact, purged_at)
        SELECT $2::bigint, $3::bigint, $4::bigint, bulkhead_now($1)
        WHERE EXISTS (SELECT 1 FROM undoable_jobs WHERE tenant = $2)";
    let Ok(number) = i64::try_from(id.0) else { return Ok(None) };
    // As all transactions that write contacts, locks the tenant's counters first. The number of contacts follows at the end.
    let lock = session
        .prepare_cached("UPDATE tallies SET next_note = next_note + 1 WHERE tenant = $1 RETURNING next_note - 1")
        .await?;
    let remove_key =
        session.prepare_cached("DELETE FROM contact_keys WHERE tenant = $1 AND field = $2 AND value = $3").await?;
    let delete = session
        .prepare_cached(
            "DELETE FROM contacts WHERE tenant = $1 AND id = $2
             RETURNING version, document, key_fields, key_values, index_bytes",
        )
        .await?;
    let count = session
        .prepare_cached(
            "UPDATE tallies SET contacts = contacts - 1, stored_bytes = stored_bytes - $2 WHERE tenant = $1",
        )
        .await?;
    let enqueue = session.prepare_cached(ENQUEUE).await?;
    let purge = session.prepare_cached(PURGE).await?;
    session
        .transact(async || {
            let ((), queue_row, deleted) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query_opt(&lock, &[&tenant.0]).await?) },
                async { Ok(session.query_opt(&delete, &[&tenant.0, &number]).await?) },
            )?;
            let (Some(queue_row), Some(deleted)) = (queue_row, deleted) else { return Ok(TxOutcome::RollBack(None)) };
            let keys: Vec<(&str, &str)> =
                get::<Vec<&str>>(&deleted, 2)?.into_iter().zip(get::<Vec<&str>>(&deleted, 3)?).collect();
            let document_bytes = signed(get::<&str>(&deleted, 1)?.len());
            let bytes = contact_bytes(document_bytes, keys.iter().copied(), get(&deleted, 4)?);
            for (field, value) in keys {
                session.execute(&remove_key, &[&tenant.0, &field, &value]).await?;
            }
            let (queue_row, entries) = (get::<i64>(&queue_row, 0)?, pack_removal(id)?);
            tokio::try_join!(
                biased;
                async { Ok::<_, PgError>(session.execute(&count, &[&tenant.0, &bytes]).await?) },
                async { Ok(session.execute(&enqueue, &[&session.clock_shift, &tenant.0, &queue_row, &entries]).await?) },
                async { Ok(session.execute(&purge, &[&session.clock_shift, &tenant.0, &queue_row, &number]).await?) },
            )?;
            let (version, document) = (get(&deleted, 0)?, get(&deleted, 1)?);
            Ok(TxOutcome::Commit(Some(StoredContact { id, version, document, indexed: None })))
        })
        .await
}
