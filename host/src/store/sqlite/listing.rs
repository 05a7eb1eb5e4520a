//! Lists of contacts: a page by an index, never by reading the whole tenant.

use rusqlite::{Connection, Params, params};

use super::{contacts, words};
use crate::domain::{ContactId, StoredContact, TenantId};
use crate::store::error::Doing;
use crate::store::{ContactFilter, ContactList, ContactOrder, ContactQuery, StoreError};

const DOING: &str = "listing contacts";
/// Of the contacts that a search finds, the newest that are ordered.
const ORDERED: u32 = 10_000;

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

fn by_ids(
    connection: &Connection,
    tenant: TenantId,
    query: &ContactQuery,
    wanted: &[ContactId],
) -> Result<ContactList, StoreError> {
    // A list of numbers as JSON is one parameter, however long it is.
    let wanted: Vec<i64> = wanted.iter().filter_map(|id| i64::try_from(id.0).ok()).collect();
    let wanted = serde_json::to_string(&wanted).doing(DOING)?;
    let found = "FROM listed WHERE tenant = ?1 AND contact IN (SELECT value FROM json_each(?2))";
    let total = count(connection, &format!("SELECT count(*) {found}"), params![tenant.0, wanted])?;
    let sql = format!("SELECT contact {found} ORDER BY {} LIMIT ?3 OFFSET ?4", order(query));
    let ids = ids(connection, &sql, params![tenant.0, wanted, query.limit, query.start])?;
    Ok(ContactList { total, contacts: in_order(connection, tenant, &ids)? })
}

fn by_words(
    connection: &Connection,
    tenant: TenantId,
    query: &ContactQuery,
    words: &[String],
) -> Result<ContactList, StoreError> {
    let Some(question) = words::question(words) else { return Ok(ContactList { total: 0, contacts: Vec::new() }) };
    let (first, last) = words::places(tenant);
    let found = "FROM contact_words WHERE contact_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3";
    let total = count(connection, &format!("SELECT count(*) {found}"), params![question, first, last])?;
    let sql = format!("SELECT rowid {found} ORDER BY rowid DESC LIMIT ?4");
    let newest = ids(connection, &sql, params![question, first, last, ORDERED])?;
    let newest: Vec<ContactId> = newest.into_iter().map(|at| ContactId(words::contact(at).unsigned_abs())).collect();
    Ok(ContactList { total, ..by_ids(connection, tenant, query, &newest)? })
}

/// Each order has an index, which ends in the contact's id.
fn order(query: &ContactQuery) -> &'static str {
    match (query.order, query.descending) {
        (ContactOrder::Id, false) => "contact",
        (ContactOrder::Id, true) => "contact DESC",
        (ContactOrder::Changed, false) => "changed_at, contact",
        (ContactOrder::Changed, true) => "changed_at DESC, contact DESC",
        (ContactOrder::Sort, false) => "sort, contact",
        (ContactOrder::Sort, true) => "sort DESC, contact DESC",
    }
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
