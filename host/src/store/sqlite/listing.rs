//! Lists of contacts: a page by an index, never by reading the whole tenant.

use rusqlite::{Connection, Params, params};

use super::{contacts, words};
use crate::domain::{ContactId, StoredContact, TenantId};
use crate::store::error::Doing;
use crate::store::listing::{ORDERED, order};
use crate::store::{ContactFilter, ContactList, ContactQuery, StoreError};

const DOING: &str = "listing contacts";

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

/// Those of some contacts that exist. The join is crossed so that the numbers lead and the contacts are looked up, also
/// where an index would give the order.
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

/// A list of numbers is one parameter, however long it is.
fn as_json(ids: &[i64]) -> Result<String, StoreError> {
    serde_json::to_string(ids).doing(DOING)
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
    let Some(question) = words::question(tenant, words) else {
        return Ok(ContactList { total: 0, contacts: Vec::new() });
    };
    let found = "FROM contact_words WHERE contact_words MATCH ?1";
    let total = count(connection, &format!("SELECT count(*) {found}"), [&question])?;
    let sql = format!("SELECT rowid {found} ORDER BY rowid DESC LIMIT ?2");
    let newest = ids(connection, &sql, params![question, ORDERED])?;
    let newest: Vec<i64> = newest.into_iter().map(words::contact).collect();
    Ok(ContactList { total, contacts: page_of(connection, tenant, query, &as_json(&newest)?)? })
}

fn count(connection: &Connection, sql: &str, params: impl Params) -> Result<u64, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(params, |row| row.get::<_, i64>(0)))
        .map(i64::unsigned_abs)
        .doing(DOING)
}

fn ids(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(sql).doing(DOING)?;
    let rows = statement.query_map(params, |row| row.get(0)).doing(DOING)?;
    rows.collect::<Result<_, _>>().doing(DOING)
}

fn in_order(connection: &Connection, tenant: TenantId, ids: &[i64]) -> Result<Vec<StoredContact>, StoreError> {
    let wanted: Vec<ContactId> = ids.iter().map(|id| ContactId(id.unsigned_abs())).collect();
    let mut found = contacts::find(connection, tenant, &wanted, &[])?;
    found.sort_by_key(|contact| wanted.iter().position(|id| *id == contact.id));
    Ok(found)
}
