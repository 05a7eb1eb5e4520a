//! Contacts and the keys they are found by: some statements for a whole batch, never one for each contact.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::connections::{Session, Verdict};
use super::failure::Failure;
use super::sql::{get, now, number, signed};
use super::unlisted;
use crate::domain::{ContactId, StoredContact, TenantId, UniqueKey};
use crate::store::{Applied, ContactWrite, StoreError, WriteTarget};

/// Bytes of documents that are read at a time: a thousand contacts of 64 KiB, where most have less than one.
const FOUND: usize = 64 << 20;

pub(super) async fn find(
    session: &Session,
    tenant: TenantId,
    ids: &[ContactId],
    keys: &[UniqueKey],
) -> Result<Vec<StoredContact>, Failure> {
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
          SELECT id, version, document FROM contacts WHERE tenant = $1 AND contacts.id = wanted.id LIMIT 1
        ) AS contact";
    // An id beyond signed numbers is no contact's.
    let ids: Vec<i64> = ids.iter().filter_map(|id| i64::try_from(id.0).ok()).collect();
    let (fields, values): (Vec<_>, Vec<_>) =
        keys.iter().map(|key| (as_stored(&key.field), as_stored(&key.value))).unzip();
    if ids.is_empty() && fields.is_empty() {
        return Ok(Vec::new());
    }
    let find = session.prepare_cached(FIND).await?;
    let mut contacts = read(session, &find, &[&tenant.0, &ids, &fields, &values]).await?;
    contacts.sort_unstable_by_key(|contact| contact.id);
    Ok(contacts)
}

/// Contacts that a statement finds: id, version, document.
pub(super) async fn read(
    session: &Session,
    statement: &Statement,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<StoredContact>, Failure> {
    let rows = session.query_raw(statement, slice(values)).await?;
    let mut rows = std::pin::pin!(rows);
    let mut contacts = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await? {
        let contact =
            StoredContact { id: ContactId(number(&row, 0)?), version: get(&row, 1)?, document: get(&row, 2)? };
        bytes += contact.document.len();
        if bytes > FOUND {
            return Err(StoreError::TooMuch(FOUND).into());
        }
        contacts.push(contact);
    }
    Ok(contacts)
}

fn slice<'a>(values: &'a [&'a (dyn ToSql + Sync)]) -> impl ExactSizeIterator<Item = &'a (dyn ToSql + Sync)> + 'a {
    values.iter().copied()
}

/// A key as it is stored. PostgreSQL has no character 0 in text, so what has control characters of that kind is stored as
/// their hash: keys are only ever looked up.
fn as_stored(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\u{1}', '\u{2}']) {
        Cow::Owned(format!("\u{1}{}", hex::encode(Sha256::digest(text))))
    } else {
        Cow::Borrowed(text)
    }
}

/// Writes as columns: those of new contacts, those of existing ones, and the keys of both.
pub(super) struct Writes<'a> {
    all: &'a [ContactWrite],
    new: Vec<&'a ContactWrite>,
    existing: Vec<(i64, i64, &'a ContactWrite)>,
    /// Whether all of them name contacts that can exist.
    are_possible: bool,
}

impl<'a> Writes<'a> {
    pub(super) fn new(all: &'a [ContactWrite]) -> Self {
        let (mut new, mut existing, mut are_possible) = (Vec::new(), Vec::new(), true);
        for write in all {
            match write.target {
                WriteTarget::New => new.push(write),
                WriteTarget::Existing { id, version } => match i64::try_from(id.0) {
                    Ok(id) => existing.push((id, version, write)),
                    Err(_) => are_possible = false,
                },
            }
        }
        Self { all, new, existing, are_possible }
    }

    /// The contacts' ids in the order of the writes.
    pub(super) fn ids(&self, tally: Tally) -> Vec<ContactId> {
        let mut next = tally.first_contact.unsigned_abs()..;
        let id = |write: &ContactWrite| match write.target {
            WriteTarget::New => ContactId(next.next().unwrap_or(u64::MAX)),
            WriteTarget::Existing { id, .. } => id,
        };
        self.all.iter().map(id).collect()
    }
}

/// What a transaction got out of its tenant's tally, whose lock it has from then on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// The id of the first of the new contacts.
    pub(super) first_contact: i64,
    /// The place of a note about what was written.
    pub(super) note: i64,
    /// The time of it.
    pub(super) now: i64,
}

/// What is run for a batch. None of them joins lists with tables, where a plan could read all of a tenant's rows.
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
    pub(super) async fn prepare(session: &Session) -> Result<Self, Failure> {
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
                                        next_note = next_note + 1
                     WHERE tenant = $1 RETURNING next_contact - $2, next_note - 1",
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
                .prepare_cached("INSERT INTO unlisted (tenant, sequence, changed_at, entries) VALUES ($1, $2, $3, $4)")
                .await?,
        })
    }
}

/// Locks the tenant's tally and takes numbers out of it. `None` if the tenant is gone.
pub(super) async fn take_tally(
    session: &Session,
    statements: &Statements,
    tenant: TenantId,
    writes: &Writes<'_>,
) -> Result<Option<Tally>, Failure> {
    let row = session.query_opt(&statements.tally, &[&tenant.0, &signed(writes.new.len())]).await?;
    let read = |row: Row| Ok::<_, StoreError>(Tally { first_contact: get(&row, 0)?, note: get(&row, 1)?, now: 0 });
    Ok(row.map(read).transpose()?)
}

/// What the contacts that are to be changed are now, under the tenant's tally.
pub(super) async fn before(
    session: &Session,
    statements: &Statements,
    tenant: TenantId,
    writes: &Writes<'_>,
) -> Result<Before, Failure> {
    let mut before = Before::new();
    if writes.existing.is_empty() {
        return Ok(before);
    }
    let ids: Vec<i64> = writes.existing.iter().map(|(id, ..)| *id).collect();
    for row in session.query(&statements.read, &[&tenant.0, &ids]).await? {
        let keys = get::<Vec<String>>(&row, 2)?.into_iter().zip(get::<Vec<String>>(&row, 3)?).collect();
        before.insert(get(&row, 0)?, (get(&row, 1)?, keys));
    }
    Ok(before)
}

/// By id: version and keys.
pub(super) type Before = BTreeMap<i64, (i64, BTreeSet<(String, String)>)>;

/// What a batch changes, given what there was before.
pub(super) struct Changes<'a> {
    existing: Columns<'a>,
    new: Columns<'a>,
    keys: Keys<'a>,
}

impl<'a> Changes<'a> {
    /// `None` if a contact is not what it was when it was read.
    pub(super) fn of(writes: &Writes<'a>, before: &'a Before, tally: Tally) -> Option<Self> {
        let is_as_read = |(id, version, _): &(i64, i64, _)| before.get(id).is_some_and(|(now, _)| now == version);
        if !writes.are_possible || !writes.existing.iter().all(is_as_read) {
            return None;
        }
        let mut keys = Keys::default();
        let existing = Columns::of(writes.existing.iter().copied(), &mut keys, before);
        let new = (tally.first_contact..).zip(&writes.new).map(|(id, write)| (id, 1, *write));
        let new = Columns::of(new, &mut keys, before);
        Some(Self { existing, new, keys })
    }

    /// Gives keys up, before any is taken: two contacts of a batch can swap one.
    pub(super) async fn give_up_keys(
        &self,
        session: &Session,
        statements: &Statements,
        tenant: TenantId,
    ) -> Result<(), Failure> {
        for (field, values) in &self.keys.given_up {
            session.execute(&statements.give_up_keys, &[&tenant.0, field, values]).await?;
        }
        Ok(())
    }

    /// Writes the contacts. Sends everything when it is first polled. Fails if another contact has a key.
    pub(super) async fn write(
        &self,
        session: &Session,
        statements: &Statements,
        tenant: TenantId,
    ) -> Result<(), Failure> {
        let write = async |statement: &Statement, rows: &Columns<'_>| {
            if rows.ids.is_empty() {
                return Ok::<_, Failure>(0);
            }
            let values: [&(dyn ToSql + Sync); 6] =
                [&tenant.0, &rows.ids, &rows.versions, &rows.fields, &rows.values, &rows.documents];
            Ok(session.execute(statement, &values).await?)
        };
        let take_keys = async {
            if self.keys.contacts.is_empty() {
                return Ok::<_, Failure>(0);
            }
            let Keys { contacts, fields, values, .. } = &self.keys;
            Ok(session.execute(&statements.take_keys, &[&tenant.0, contacts, fields, values]).await?)
        };
        tokio::try_join!(
            biased;
            write(&statements.update, &self.existing),
            write(&statements.insert, &self.new),
            take_keys,
        )?;
        Ok(())
    }
}

/// Notes how the contacts are found from now on.
pub(super) async fn note(
    session: &Session,
    statements: &Statements,
    tenant: TenantId,
    writes: &Writes<'_>,
    ids: &[ContactId],
    tally: Tally,
) -> Result<(), Failure> {
    if !writes.all.is_empty() {
        let entries = unlisted::entries(ids, writes.all)?;
        session.execute(&statements.note, &[&tenant.0, &tally.note, &tally.now, &entries]).await?;
    }
    Ok(())
}

/// A list within a list: a character that no key has before each.
fn listed<'a>(texts: impl Iterator<Item = &'a Cow<'a, str>>) -> String {
    texts.fold(String::new(), |list, text| list + "\u{2}" + text)
}

/// Contacts as columns, as statements want them.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<i64>,
    versions: Vec<i64>,
    fields: Vec<String>,
    values: Vec<String>,
    documents: Vec<&'a str>,
}

/// Keys that change hands: taken ones as columns, given up ones by field.
#[derive(Default)]
struct Keys<'a> {
    contacts: Vec<i64>,
    fields: Vec<Cow<'a, str>>,
    values: Vec<Cow<'a, str>>,
    given_up: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(
        writes: impl Iterator<Item = (i64, i64, &'a ContactWrite)>,
        changed: &mut Keys<'a>,
        before: &'a Before,
    ) -> Self {
        let mut columns = Self::default();
        for (id, version, write) in writes {
            let keys: BTreeSet<_> =
                write.keys.iter().map(|key| (as_stored(&key.field), as_stored(&key.value))).collect();
            columns.ids.push(id);
            columns.versions.push(version);
            columns.fields.push(listed(keys.iter().map(|(field, _)| field)));
            columns.values.push(listed(keys.iter().map(|(_, value)| value)));
            columns.documents.push(&write.document);
            let is_kept = |field: &str, value: &str| {
                keys.iter().any(|(kept_field, kept_value)| kept_field == field && kept_value == value)
            };
            let had = before.get(&id).map(|(_, keys)| keys);
            for (field, value) in had.into_iter().flatten().filter(|(field, value)| !is_kept(field, value)) {
                changed.given_up.entry(field).or_default().push(value);
            }
            for (field, value) in keys {
                let has =
                    had.is_some_and(|had| had.iter().any(|(own_field, own)| *own_field == field && *own == value));
                if !has {
                    changed.contacts.push(id);
                    changed.fields.push(field);
                    changed.values.push(value);
                }
            }
        }
        columns
    }
}

/// Writes that belong to no job.
pub(super) async fn apply_alone(
    session: &Session,
    shift: i64,
    tenant: TenantId,
    writes: &[ContactWrite],
) -> Result<Applied, Failure> {
    let writes = Writes::new(writes);
    let statements = Statements::prepare(session).await?;
    let time = session.prepare_cached(concat!("SELECT ", now!())).await?;
    session
        .transact(async || {
            let ((), tally, before, time) = tokio::try_join!(
                biased;
                session.begin(),
                take_tally(session, &statements, tenant, &writes),
                before(session, &statements, tenant, &writes),
                async { Ok(session.query_one(&time, &[&shift]).await?) },
            )?;
            let Some(tally) = tally else { return Ok(Verdict::RollBack(Applied::NoTenant)) };
            let tally = Tally { now: get(&time, 0)?, ..tally };
            let Some(changes) = Changes::of(&writes, &before, tally) else {
                return Ok(Verdict::RollBack(Applied::Conflict));
            };
            changes.give_up_keys(session, &statements, tenant).await?;
            let ids = writes.ids(tally);
            let written = tokio::try_join!(
                biased;
                changes.write(session, &statements, tenant),
                note(session, &statements, tenant, &writes, &ids, tally),
                session.commit(),
            );
            match written {
                Ok(_) => Ok(Verdict::Committed(Applied::Done(ids))),
                Err(failure) if failure.is_taken_key() => Ok(Verdict::RollBack(Applied::Conflict)),
                Err(failure) => Err(failure),
            }
        })
        .await
}

pub(super) async fn delete(
    session: &Session,
    shift: i64,
    tenant: TenantId,
    id: ContactId,
) -> Result<Option<StoredContact>, Failure> {
    const NOTE: &str =
        concat!("INSERT INTO unlisted (tenant, sequence, changed_at, entries) VALUES ($2, $3, ", now!(), ", $4)");
    let Ok(number) = i64::try_from(id.0) else { return Ok(None) };
    // Whoever writes contacts locks the tally first, also here, where the number of contacts follows at the end.
    let lock = session
        .prepare_cached("UPDATE tallies SET next_note = next_note + 1 WHERE tenant = $1 RETURNING next_note - 1")
        .await?;
    let give_up =
        session.prepare_cached("DELETE FROM contact_keys WHERE tenant = $1 AND field = $2 AND value = $3").await?;
    let delete = session
        .prepare_cached(
            "DELETE FROM contacts WHERE tenant = $1 AND id = $2 RETURNING version, document, key_fields, key_values",
        )
        .await?;
    let count = session.prepare_cached("UPDATE tallies SET contacts = contacts - 1 WHERE tenant = $1").await?;
    let note = session.prepare_cached(NOTE).await?;
    session
        .transact(async || {
            let ((), place, deleted) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query_opt(&lock, &[&tenant.0]).await?) },
                async { Ok(session.query_opt(&delete, &[&tenant.0, &number]).await?) },
            )?;
            let (Some(place), Some(deleted)) = (place, deleted) else { return Ok(Verdict::RollBack(None)) };
            for (field, value) in get::<Vec<&str>>(&deleted, 2)?.into_iter().zip(get::<Vec<&str>>(&deleted, 3)?) {
                session.execute(&give_up, &[&tenant.0, &field, &value]).await?;
            }
            let entries = unlisted::removal(id)?;
            tokio::try_join!(
                biased;
                async { Ok::<_, Failure>(session.execute(&count, &[&tenant.0]).await?) },
                async {
                    Ok(session.execute(&note, &[&shift, &tenant.0, &get::<i64>(&place, 0)?, &entries]).await?)
                },
            )?;
            Ok(Verdict::Commit(Some(StoredContact { id, version: get(&deleted, 0)?, document: get(&deleted, 1)? })))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::as_stored;

    #[test]
    fn keys_are_stored_as_what_the_database_takes_and_stay_apart() {
        assert_eq!(as_stored("ada@example.com"), "ada@example.com");
        let odd = ["\0", "\u{1}", "a\0b", "\u{1}5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"];
        for (place, text) in odd.iter().enumerate() {
            assert!(!as_stored(text).contains('\0'));
            assert!(odd.iter().take(place).all(|other| as_stored(other) != as_stored(text)), "{text:?}");
        }
    }
}
