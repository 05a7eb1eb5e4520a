//! The statements that write a batch of contacts: a few for the whole batch, never one for each contact. None joins a list
//! with a table, because a plan for that could read all rows of a tenant.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::connections::Session;
use super::error::PgError;
use super::sql::{get, signed};
use super::writes::{Changes, ContactColumns, KeyColumns, Reservation, StoredVersion, StoredVersions, Writes};
use crate::domain::{ContactId, TenantId};
use crate::store::StoreError;
use crate::store::index_queue::{pack_entries, pack_removals, row_count};

/// Locks the tenant's counters and takes numbers from them. Says whether a client deleted one of some contacts.
const RESERVE: &str = "
    UPDATE tallies
    SET next_contact = next_contact + $2, contacts = contacts + $2 + $4, next_note = next_note + $3
    WHERE tenant = $1 RETURNING next_contact - $2, next_note - $3, kept_bytes";

/// Looks for contacts that a client deleted, under the lock of the tenant's counters.
const PURGED: &str = "SELECT EXISTS (SELECT 1 FROM purged_contacts WHERE tenant = $1 AND contact = ANY($2::bigint[]))";

const DELETE: &str = "DELETE FROM contacts WHERE tenant = $1 AND id = ANY($2::bigint[])";

const READ: &str = "
    SELECT id, version, key_fields, key_values, octet_length(document)::bigint, index_bytes FROM contacts WHERE tenant = $1 AND id = ANY($2::bigint[])";

/// The lists of a contact's keys are nested in columns: each element stands behind a character that no key has.
const INSERT: &str = r"
    INSERT INTO contacts (tenant, id, version, key_fields, key_values, document, index_bytes)
    SELECT $1, id, version, (string_to_array(fields, E'\x02'))[2:], (string_to_array(key_values, E'\x02'))[2:], document,
           index_bytes
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
      AS new (id, version, fields, key_values, document, index_bytes)";

/// Writes contacts that exist in this version, which the transaction has checked.
const UPDATE: &str = r"
    INSERT INTO contacts (tenant, id, version, key_fields, key_values, document, index_bytes)
    SELECT $1, id, version, (string_to_array(fields, E'\x02'))[2:], (string_to_array(key_values, E'\x02'))[2:], document,
           index_bytes
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
      AS new (id, version, fields, key_values, document, index_bytes)
    ON CONFLICT (tenant, id) DO UPDATE
    SET version = contacts.version + 1, key_fields = excluded.key_fields, key_values = excluded.key_values,
        document = excluded.document, index_bytes = excluded.index_bytes";

const REMOVE_KEYS: &str = "DELETE FROM contact_keys WHERE tenant = $1 AND field = $2 AND value = ANY($3::text[])";

const ADD_KEYS: &str = "
    INSERT INTO contact_keys (tenant, field, value, contact)
    SELECT $1, field, value, contact
    FROM unnest($2::bigint[], $3::text[], $4::text[]) AS added (contact, field, value)";

const ENQUEUE: &str = "
    INSERT INTO unlisted (tenant, sequence, changed_at, entries)
    SELECT $1, $2 + place - 1, $3, entries
    FROM unnest($4::bytea[]) WITH ORDINALITY AS new (entries, place)";

/// The statements, prepared. Each connection prepares them once.
pub(super) struct Statements {
    reserve: Statement,
    read: Statement,
    purged: Statement,
    delete: Statement,
    insert: Statement,
    update: Statement,
    remove_keys: Statement,
    add_keys: Statement,
    enqueue: Statement,
}

impl Statements {
    pub(super) async fn prepare(session: &Session) -> Result<Self, PgError> {
        Ok(Self {
            reserve: session.prepare_cached(RESERVE).await?,
            read: session.prepare_cached(READ).await?,
            purged: session.prepare_cached(PURGED).await?,
            delete: session.prepare_cached(DELETE).await?,
            insert: session.prepare_cached(INSERT).await?,
            update: session.prepare_cached(UPDATE).await?,
            remove_keys: session.prepare_cached(REMOVE_KEYS).await?,
            add_keys: session.prepare_cached(ADD_KEYS).await?,
            enqueue: session.prepare_cached(ENQUEUE).await?,
        })
    }

    /// Locks the tenant's counters and reserves numbers for new contacts and rows. Returns `None` if the tenant was removed.
    pub(super) async fn reserve(
        &self,
        session: &Session,
        tenant: TenantId,
        writes: &Writes<'_>,
    ) -> Result<Option<Reservation>, PgError> {
        let (contacts, rows) = (signed(writes.new.len()), signed(row_count(writes.all, writes.deletions)));
        let others = signed(writes.restored.len()) - signed(writes.deletions.len());
        let (row, is_purged) = tokio::try_join!(
            biased;
            async { Ok::<_, PgError>(session.query_opt(&self.reserve, &[&tenant.0, &contacts, &rows, &others]).await?) },
            async {
                let restored = writes.restored_ids();
                if restored.is_empty() {
                    return Ok(false);
                }
                Ok(get(&session.query_one(&self.purged, &[&tenant.0, &restored]).await?, 0)?)
            },
        )?;
        let read = |row: Row| {
            let (first_contact, first_queue_row, kept_bytes) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
            Ok::<_, StoreError>(Reservation { first_contact, first_queue_row, kept_bytes, is_purged })
        };
        Ok(row.map(read).transpose()?)
    }

    /// Reads versions and keys of the existing contacts, under the lock of the tenant's counters.
    pub(super) async fn read(
        &self,
        session: &Session,
        tenant: TenantId,
        writes: &Writes<'_>,
    ) -> Result<StoredVersions, PgError> {
        let mut stored = StoredVersions::new();
        let mut ids: Vec<i64> = writes.existing.iter().map(|(id, ..)| *id).collect();
        ids.extend(writes.restored_ids());
        ids.extend(writes.deleted_ids());
        if ids.is_empty() {
            return Ok(stored);
        }
        for row in session.query(&self.read, &[&tenant.0, &ids]).await? {
            let keys = get::<Vec<String>>(&row, 2)?.into_iter().zip(get::<Vec<String>>(&row, 3)?).collect();
            let (document_bytes, index_bytes) = (get(&row, 4)?, get(&row, 5)?);
            let version = get(&row, 1)?;
            stored.insert(get(&row, 0)?, StoredVersion { version, keys, document_bytes, index_bytes });
        }
        Ok(stored)
    }

    /// Removes keys, also of contacts that are deleted. Comes before [`Self::write`] adds any, so that two contacts of a batch can swap a key.
    pub(super) async fn remove_keys(
        &self,
        session: &Session,
        tenant: TenantId,
        changes: &Changes<'_>,
    ) -> Result<(), PgError> {
        for (field, values) in &changes.removed_keys {
            session.execute(&self.remove_keys, &[&tenant.0, field, values]).await?;
        }
        Ok(())
    }

    /// Writes and deletes the contacts. Sends all statements when it is first polled. Fails if another contact has a key.
    pub(super) async fn write(
        &self,
        session: &Session,
        tenant: TenantId,
        changes: &Changes<'_>,
    ) -> Result<(), PgError> {
        let write = async |statement: &Statement, contacts: &ContactColumns<'_>| {
            if contacts.ids.is_empty() {
                return Ok::<_, PgError>(());
            }
            let ContactColumns { ids, versions, key_fields, key_values, documents, index_bytes, .. } = contacts;
            let values: [&(dyn ToSql + Sync); 7] =
                [&tenant.0, ids, versions, key_fields, key_values, documents, index_bytes];
            session.execute(statement, &values).await?;
            Ok(())
        };
        let add_keys = async |keys: &KeyColumns<'_>| {
            if !keys.contacts.is_empty() {
                let KeyColumns { contacts, fields, values } = keys;
                session.execute(&self.add_keys, &[&tenant.0, contacts, fields, values]).await?;
            }
            Ok::<_, PgError>(())
        };
        tokio::try_join!(
            biased;
            async {
                if !changes.deleted.is_empty() {
                    session.execute(&self.delete, &[&tenant.0, &changes.deleted]).await?;
                }
                Ok(())
            },
            write(&self.insert, &changes.restored),
            add_keys(&changes.restored.added_keys),
            write(&self.insert, &changes.new),
            add_keys(&changes.new.added_keys),
            write(&self.update, &changes.existing),
            add_keys(&changes.existing.added_keys),
        )?;
        Ok(())
    }

    /// Queues the contacts to be indexed.
    pub(super) async fn enqueue(
        &self,
        session: &Session,
        tenant: TenantId,
        writes: &Writes<'_>,
        ids: &[ContactId],
        reserved: Reservation,
        now: i64,
    ) -> Result<(), PgError> {
        if !writes.all.is_empty() || !writes.deletions.is_empty() {
            let rows = [pack_entries(ids, writes.all)?, pack_removals(writes.deletions)?].concat();
            session.execute(&self.enqueue, &[&tenant.0, &reserved.first_queue_row, &now, &rows]).await?;
        }
        Ok(())
    }
}
