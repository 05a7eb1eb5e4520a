//! Lists of contacts. A page is read by an index, never by reading all contacts of the tenant.

use rusqlite::{Connection, Params, params};

use super::{contacts, word_index};
use crate::domain::{ContactId, StoredContact, TenantId};
use crate::store::error::Context;
use crate::store::listing::{MAX_ORDERED_MATCHES, order};
use crate::store::{ContactFilter, ContactList, ContactQuery, StoreError};

const CONTEXT: &str = "listing contacts";

pub(super) fn list(connection: &Connection, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
    match &query.filter {
        ContactFilter::All => all(connection, tenant, query),
        ContactFilter::Ids(ids) => by_ids(connection, tenant, query, ids),
        ContactFilter::Words(words) => by_words(connection, tenant, query, words),
    }
}

fn all(connection: &Connection, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
    let total = count(connection, "SELECT contacts FROM tenants WHERE id = ?1", [tenant.0])?;
    let sql = format!("SELECT contact FROM listed WHERE tenant = ?1 ORDER BY {} LIMIT ?2 OFFSET ?3", order(query));
    let ids = ids(connection, &sql, params![tenant.0, query.limit, query.start])?;
    Ok(ContactList { total, contacts: in_order(connection, tenant, &ids)? })
}

/// The contacts with the ids of a JSON list. `CROSS JOIN` makes SQLite look up each id, even where an index has the wanted order.
const AMONG: &str = "FROM json_each(?2) AS wanted CROSS JOIN listed ON tenant = ?1 AND contact = wanted.value";

fn by_ids(
    connection: &Connection,
    tenant: TenantId,
    query: &ContactQuery,
    ids: &[ContactId],
) -> Result<ContactList, StoreError> {
    let mut wanted: Vec<i64> = ids.iter().filter_map(|id| i64::try_from(id.0).ok()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let wanted = as_json(&wanted)?;
    let total = count(connection, &format!("SELECT count(*) {AMONG}"), params![tenant.0, wanted])?;
    Ok(ContactList { total, contacts: page_of(connection, tenant, query, &wanted)? })
}

/// Returns ids as a JSON list, which is one parameter, however long it is.
fn as_json(ids: &[i64]) -> Result<String, StoreError> {
    serde_json::to_string(ids).context(CONTEXT)
}

fn page_of(
    connection: &Connection,
    tenant: TenantId,
    query: &ContactQuery,
    wanted: &str,
) -> Result<Vec<StoredContact>, StoreError> {
    let sql = format!("SELECT contact {AMONG} ORDER BY {} LIMIT ?3 OFFSET ?4", order(query));
    let ids = ids(connection, &sql, params![tenant.0, wanted, query.limit, query.start])?;
    in_order(connection, tenant, &ids)
}

fn by_words(
    connection: &Connection,
    tenant: TenantId,
    query: &ContactQuery,
    words: &[String],
) -> Result<ContactList, StoreError> {
    let Some(matching) = word_index::match_query(tenant, words) else {
        return Ok(ContactList { total: 0, contacts: Vec::new() });
    };
    let found = "FROM contact_words WHERE contact_words MATCH ?1";
    let total = count(connection, &format!("SELECT count(*) {found}"), [&matching])?;
    let sql = format!("SELECT rowid {found} ORDER BY rowid DESC LIMIT ?2");
    let newest = ids(connection, &sql, params![matching, MAX_ORDERED_MATCHES])?;
    let newest: Vec<i64> = newest.into_iter().map(word_index::contact).collect();
    Ok(ContactList { total, contacts: page_of(connection, tenant, query, &as_json(&newest)?)? })
}

fn count(connection: &Connection, sql: &str, params: impl Params) -> Result<u64, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(params, |row| row.get::<_, i64>(0)))
        .map(i64::unsigned_abs)
        .context(CONTEXT)
}

fn ids(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(sql).context(CONTEXT)?;
    let rows = statement.query_map(params, |row| row.get(0)).context(CONTEXT)?;
    rows.collect::<Result<_, _>>().context(CONTEXT)
}

fn in_order(connection: &Connection, tenant: TenantId, ids: &[i64]) -> Result<Vec<StoredContact>, StoreError> {
    let wanted: Vec<ContactId> = ids.iter().map(|id| ContactId(id.unsigned_abs())).collect();
    let mut found = contacts::find(connection, tenant, &wanted, &[])?;
    found.sort_by_key(|contact| wanted.iter().position(|id| *id == contact.id));
    Ok(found)
}
