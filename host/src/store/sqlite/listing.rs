//! Lists of contacts. A page is read by an index, never by reading all contacts of the tenant.

use roaring::RoaringTreemap;
use rusqlite::{Connection, Params, params};

use super::found::Found;
use super::shown_contacts;
use crate::domain::{ContactId, TenantId};
use crate::store::error::Context;
use crate::store::listing::{MaxMatches, order, ordered_range, page_by_id, range_count};
use crate::store::{ContactFilter, ContactList, ContactQuery, RangeKey, StoreError};

const CONTEXT: &str = "listing contacts";
/// How many contacts a tenant has.
const ALL: &str = "SELECT contacts FROM tenants WHERE id = ?1";
/// Bits of a set are quick to walk through.
const MAX_MATCHES: MaxMatches = MaxMatches(100_000);

pub(super) fn list(connection: &Connection, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
    match (&query.filter, ordered_range(query)) {
        (ContactFilter::All, _) => all(connection, tenant, query),
        (_, Some(range)) => in_range(connection, tenant, query, range),
        (filter, None) => matching(connection, tenant, query, filter),
    }
}

fn all(connection: &Connection, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
    let total = count(connection, ALL, [tenant.0])?;
    let sql = format!("SELECT contact FROM listed WHERE tenant = ?1 ORDER BY {} LIMIT ?2 OFFSET ?3", order(query));
    let ids = ids(connection, &sql, params![tenant.0, query.limit, query.start])?;
    Ok(ContactList { total, is_bounded: false, contacts: shown_contacts::read(connection, tenant, &ids)? })
}

fn in_range(
    connection: &Connection,
    tenant: TenantId,
    query: &ContactQuery,
    (column, from, to): (&str, i64, i64),
) -> Result<ContactList, StoreError> {
    let range = format!("FROM listed WHERE tenant = ?1 AND {column} BETWEEN ?2 AND ?3");
    let total = count(connection, &range_count('?', ALL, column), [tenant.0, from, to])?;
    let sql = format!("SELECT contact {range} ORDER BY {} LIMIT ?4 OFFSET ?5", order(query));
    let ids = ids(connection, &sql, params![tenant.0, from, to, query.limit, query.start])?;
    Ok(ContactList { total, is_bounded: false, contacts: shown_contacts::read(connection, tenant, &ids)? })
}

/// Returns the newest contacts that a filter finds and that were made before one, the newest first, at most `limit`.
pub(super) fn newest(
    connection: &Connection,
    tenant: TenantId,
    filter: &ContactFilter,
    before: Option<ContactId>,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    let below = before.map_or(i64::MAX, |contact| i64::try_from(contact.0).unwrap_or(i64::MAX));
    if let &ContactFilter::Range { key: RangeKey::Id, from, to } = filter {
        const IN_RANGE: &str =
            "SELECT contact FROM listed WHERE tenant = ?1 AND contact BETWEEN ?2 AND ?3 AND contact < ?4
                                ORDER BY contact DESC LIMIT ?5";
        return ids(connection, IN_RANGE, params![tenant.0, from, to, below, i64::try_from(limit).unwrap_or(i64::MAX)]);
    }
    Found::by(connection, tenant, filter)?.newest(connection, tenant, below, limit)
}

fn matching(
    connection: &Connection,
    tenant: TenantId,
    query: &ContactQuery,
    filter: &ContactFilter,
) -> Result<ContactList, StoreError> {
    let mut found = newest(connection, tenant, filter, None, MAX_MATCHES.needed())?;
    let is_bounded = MAX_MATCHES.bound(&mut found);
    let page = match page_by_id(&found, query) {
        Some(page) => page,
        None => page_in_order(connection, tenant, query, &found)?,
    };
    Ok(ContactList {
        total: found.len() as u64,
        is_bounded,
        contacts: shown_contacts::read(connection, tenant, &page)?,
    })
}

/// Returns the page of those that were found, in the order of an index.
fn page_in_order(
    connection: &Connection,
    tenant: TenantId,
    query: &ContactQuery,
    found: &[i64],
) -> Result<Vec<i64>, StoreError> {
    // `CROSS JOIN` makes SQLite look up each id, even where an index has the wanted order.
    const AMONG: &str = "FROM json_each(?2) AS wanted CROSS JOIN listed ON tenant = ?1 AND contact = wanted.value";
    let all = count(connection, ALL, [tenant.0])?;
    let (start, limit, matches) = (query.start as usize, query.limit as usize, found.len() as u64);
    // Where many are found, most entries of the index are among them, so the page is near the index's beginning.
    let passed_in_index = (u64::from(query.start) + u64::from(query.limit)).saturating_mul(all) / matches.max(1);
    if passed_in_index > matches {
        let sql = format!("SELECT contact {AMONG} ORDER BY {} LIMIT ?3 OFFSET ?4", order(query));
        return ids(connection, &sql, params![tenant.0, as_json(found)?, query.limit, query.start]);
    }
    let set: RoaringTreemap = found.iter().rev().map(|contact| contact.unsigned_abs()).collect();
    let sql = format!("SELECT contact FROM listed WHERE tenant = ?1 ORDER BY {}", order(query));
    let mut statement = connection.prepare_cached(&sql).context(CONTEXT)?;
    let in_order = statement.query_map([tenant.0], |row| row.get::<_, i64>(0)).context(CONTEXT)?;
    let is_found =
        |contact: &Result<i64, _>| contact.as_ref().map_or(true, |contact| set.contains(contact.unsigned_abs()));
    in_order.filter(is_found).skip(start).take(limit).collect::<Result<_, _>>().context(CONTEXT)
}

/// Returns ids as a JSON list, which is one parameter, however long it is.
fn as_json(ids: &[i64]) -> Result<String, StoreError> {
    serde_json::to_string(ids).context(CONTEXT)
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
