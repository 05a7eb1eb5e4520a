//! What is run for a batch of contacts: some statements for all of it, never one for each contact, and none that joins lists
//! with tables, where a plan could read all of a tenant's rows.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::connections::Session;
use super::error::PgError;
use super::index_queue;
use super::sql::{get, signed};
use super::writes::{Before, Changes, Keys, Rows, Tally, Writes};
use crate::domain::{ContactId, TenantId};
use crate::store::StoreError;

/// They are prepared once for each connection.
pub(super) struct Statements {
    tally: Statement,
    read: Statement,
    insert: Statement,
    update: Statement,
    give_up_keys: Statement,
    take_keys: Statement,
    note: Statement,
}

impl Statements {
    pub(super) async fn prepare(session: &Session) -> Result<Self, PgError> {
        // Lists within a list stand behind a character each that no key has.
        const INSERT: &str = "
            INSERT INTO contacts (tenant, id, version, key_fields, key_values, document)
            SELECT $1, id, version, (string_to_array(fields, E'\\x02'))[2:], (string_to_array(key_values, E'\\x02'))[2:],
                   document
            FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
              AS new (id, version, fields, key_values, document)";
        // Those that are there already, and in this version, which is known by then.
        let update = format!(
            "{INSERT} ON CONFLICT (tenant, id) DO UPDATE
             SET version = contacts.version + 1, key_fields = excluded.key_fields, key_values = excluded.key_values,
                 document = excluded.document"
        );
        Ok(Self {
            tally: session
                .prepare_cached(
                    "UPDATE tallies SET next_contact = next_contact + $2, contacts = contacts + $2,
                                        next_note = next_note + $3
                     WHERE tenant = $1 RETURNING next_contact - $2, next_note - $3",
                )
                .await?,
            read: session
                .prepare_cached(
                    "SELECT id, version, key_fields, key_values FROM contacts
                     WHERE tenant = $1 AND id = ANY($2::bigint[])",
                )
                .await?,
            insert: session.prepare_cached(INSERT).await?,
            update: session.prepare_cached(&update).await?,
            give_up_keys: session
                .prepare_cached("DELETE FROM contact_keys WHERE tenant = $1 AND field = $2 AND value = ANY($3::text[])")
                .await?,
            take_keys: session
                .prepare_cached(
                    "INSERT INTO contact_keys (tenant, field, value, contact)
                     SELECT $1, field, value, contact
                     FROM unnest($2::bigint[], $3::text[], $4::text[]) AS wanted (contact, field, value)",
                )
                .await?,
            note: session
                .prepare_cached(
                    "INSERT INTO unlisted (tenant, sequence, changed_at, entries)
                     SELECT $1, $2 + place - 1, $3, entries
                     FROM unnest($4::bytea[]) WITH ORDINALITY AS new (entries, place)",
                )
                .await?,
        })
    }

    /// Locks the tenant's tally and takes numbers out of it. `None` if the tenant is gone.
    pub(super) async fn take_tally(
        &self,
        session: &Session,
        tenant: TenantId,
        writes: &Writes<'_>,
    ) -> Result<Option<Tally>, PgError> {
        let notes = signed(index_queue::notes(writes.all));
        let row = session.query_opt(&self.tally, &[&tenant.0, &signed(writes.new.len()), &notes]).await?;
        let read = |row: Row| Ok::<_, StoreError>(Tally { first_contact: get(&row, 0)?, note: get(&row, 1)?, now: 0 });
        Ok(row.map(read).transpose()?)
    }

    /// What the contacts that are to be changed are now, under the tenant's tally.
    pub(super) async fn read(
        &self,
        session: &Session,
        tenant: TenantId,
        writes: &Writes<'_>,
    ) -> Result<Before, PgError> {
        let mut before = Before::new();
        if writes.existing.is_empty() {
            return Ok(before);
        }
        let ids: Vec<i64> = writes.existing.iter().map(|(id, ..)| *id).collect();
        for row in session.query(&self.read, &[&tenant.0, &ids]).await? {
            let keys = get::<Vec<String>>(&row, 2)?.into_iter().zip(get::<Vec<String>>(&row, 3)?).collect();
            before.insert(get(&row, 0)?, (get(&row, 1)?, keys));
        }
        Ok(before)
    }

    /// Gives keys up, before any is taken: two contacts of a batch can swap one.
    pub(super) async fn give_up_keys(
        &self,
        session: &Session,
        tenant: TenantId,
        changes: &Changes<'_>,
    ) -> Result<(), PgError> {
        for (field, values) in &changes.given_up {
            session.execute(&self.give_up_keys, &[&tenant.0, field, values]).await?;
        }
        Ok(())
    }

    /// Writes the contacts. Sends everything when it is first polled. Fails if another contact has a key.
    pub(super) async fn write(
        &self,
        session: &Session,
        tenant: TenantId,
        changes: &Changes<'_>,
    ) -> Result<(), PgError> {
        let write = async |statement: &Statement, rows: &Rows<'_>| {
            if rows.ids.is_empty() {
                return Ok::<_, PgError>(());
            }
            let values: [&(dyn ToSql + Sync); 6] =
                [&tenant.0, &rows.ids, &rows.versions, &rows.fields, &rows.values, &rows.documents];
            session.execute(statement, &values).await?;
            Ok(())
        };
        let take_keys = async |keys: &Keys<'_>| {
            if !keys.contacts.is_empty() {
                let Keys { contacts, fields, values } = keys;
                session.execute(&self.take_keys, &[&tenant.0, contacts, fields, values]).await?;
            }
            Ok::<_, PgError>(())
        };
        tokio::try_join!(
            biased;
            write(&self.insert, &changes.new),
            take_keys(&changes.new.taken),
            write(&self.update, &changes.existing),
            take_keys(&changes.existing.taken),
        )?;
        Ok(())
    }

    /// Notes how the contacts are found from now on.
    pub(super) async fn note(
        &self,
        session: &Session,
        tenant: TenantId,
        writes: &Writes<'_>,
        ids: &[ContactId],
        tally: Tally,
    ) -> Result<(), PgError> {
        if !writes.all.is_empty() {
            let notes = index_queue::entries(ids, writes.all)?;
            session.execute(&self.note, &[&tenant.0, &tally.note, &tally.now, &notes]).await?;
        }
        Ok(())
    }
}
