//! Lists of contacts. An index yields a page; no list reads all contacts of a tenant.

use tokio_postgres::types::ToSql;

use super::connections::{Session, TxOutcome};
use super::contacts;
use super::error::PgError;
use super::query_parts::PostgresParts;
use super::sql::{get, number};
use crate::domain::TenantId;
use crate::store::listing::{MAX_ORDERED_MATCHES, bound_matches, order, signed_ids};
use crate::store::search_sets::{ContactSet, Members, QueryParts as _, set_of};
use crate::store::{ContactFilter, ContactList, ContactQuery};

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The contacts with the ids of a list.
const AMONG: &str = "FROM unnest($2::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
        SELECT contact, changed_at, sort FROM listed WHERE tenant = $1 AND contact = wanted.id LIMIT 1
    ) AS listed";

/// Returns a part of a list of contacts.
pub(super) async fn list(session: &Session, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, PgError> {
    match &query.filter {
        ContactFilter::All => all(session, tenant, query).await,
        filter => matching(session, tenant, query, filter).await,
    }
}

async fn all(session: &Session, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, PgError> {
    let count = session.prepare_cached("SELECT contacts FROM tallies WHERE tenant = $1").await?;
    let found = "SELECT contact, changed_at, sort FROM listed WHERE tenant = $1";
    let page = session.prepare_cached(&page_of(found, order(query), "$2", "$3")).await?;
    let (limit, start) = (i64::from(query.limit), i64::from(query.start));
    session
        .transact(async || {
            let ((), total, contacts) = tokio::try_join!(
                biased;
                async { Ok(session.batch_execute(SNAPSHOT).await?) },
                async { Ok(session.query_one(&count, &[&tenant.0]).await?) },
                contacts::read(session, &page, &[&tenant.0, &limit, &start]),
            )?;
            Ok(TxOutcome::Commit(ContactList { total: number(&total, 0)?, is_bounded: false, contacts }))
        })
        .await
}

/// Finds contacts, and returns a page of them and their number, all as of one moment.
async fn matching(
    session: &Session,
    tenant: TenantId,
    query: &ContactQuery,
    filter: &ContactFilter,
) -> Result<ContactList, PgError> {
    let first = signed_ids(&query.first);
    let Some((sql, parameters)) = newest(tenant, filter, &first) else {
        return Ok(ContactList { total: 0, is_bounded: false, contacts: Vec::new() });
    };
    // Other forms are not kept prepared: there are as many statements as there are searches of another form.
    let is_usual = first.is_empty() && matches!(filter, ContactFilter::Ids(_) | ContactFilter::Words(_));
    let newest = if is_usual { session.prepare_cached(&sql).await? } else { session.prepare(&sql).await? };
    let count = session.prepare_cached(&format!("SELECT count(*) {AMONG}")).await?;
    let order = format!("contact = ANY($3::bigint[]) DESC, {}", order(query));
    let found = format!("SELECT contact, changed_at, sort {AMONG}");
    let page = session.prepare_cached(&page_of(&found, &order, "$4", "$5")).await?;
    let (limit, start) = (i64::from(query.limit), i64::from(query.start));
    session
        .transact(async || {
            let parameters = parameters.parameters();
            let ((), rows) = tokio::try_join!(
                biased;
                async { Ok::<_, PgError>(session.batch_execute(SNAPSHOT).await?) },
                async { Ok(session.query(&newest, &parameters).await?) },
            )?;
            let mut wanted: Vec<i64> = rows.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
            let is_bounded = bound_matches(&mut wanted);
            let values: [&(dyn ToSql + Sync); 5] = [&tenant.0, &wanted, &first, &limit, &start];
            let (total, contacts) = tokio::try_join!(
                biased;
                async { Ok::<_, PgError>(session.query_one(&count, &[&tenant.0, &wanted]).await?) },
                contacts::read(session, &page, &values),
            )?;
            Ok(TxOutcome::Commit(ContactList { total: number(&total, 0)?, is_bounded, contacts }))
        })
        .await
}

/// Returns the statement for the contacts that a filter finds, the newest first, but before them those that shall come first.
/// It returns one more than are ordered, if there is one. Returns `None` if the filter can find nobody.
fn newest(tenant: TenantId, filter: &ContactFilter, first: &[i64]) -> Option<(String, PostgresParts)> {
    const OF_TENANT: &str = "SELECT contact FROM listed WHERE tenant = $1";
    let mut parts = PostgresParts::new(tenant);
    let set = set_of(filter, &mut parts);
    let found = match set {
        ContactSet { members: Members::Nobody, is_excluded: false } => return None,
        ContactSet { members: Members::Nobody, is_excluded: true } => String::from(OF_TENANT),
        ContactSet { members: Members::Words(excluded), is_excluded: true } => {
            format!("{OF_TENANT} AND NOT words @@ {}::text::tsquery", parts.parameter(excluded))
        }
        ContactSet { members: Members::Query(excluded), is_excluded: true } => {
            format!("SELECT contact FROM ({OF_TENANT} EXCEPT SELECT contact FROM ({excluded}) AS excluded) AS found")
        }
        ContactSet { members: Members::Words(query), is_excluded: false } => {
            // Uses the first parameter, which is the tenant in all of these statements.
            format!("{} AND $1::bigint IS NOT NULL", parts.of_words(query))
        }
        ContactSet { members: Members::Query(members), is_excluded: false } => {
            format!("SELECT contact FROM ({members}) AS found WHERE $1::bigint IS NOT NULL")
        }
    };
    let before = if first.is_empty() {
        String::new()
    } else {
        format!("contact = ANY({}::bigint[]) DESC, ", parts.parameter(first.to_vec()))
    };
    let limit = MAX_ORDERED_MATCHES + 1;
    Some((format!("{found} ORDER BY {before}contact DESC LIMIT {limit}"), parts))
}

/// Returns the statement for a page of contacts: `limit` and `start` are the names of its parameters.
fn page_of(found: &str, order: &str, limit: &str, start: &str) -> String {
    // Rows are numbered, because a join keeps no order.
    format!(
        "SELECT contact.* FROM (
           SELECT contact, row_number() OVER () AS place FROM (
             SELECT contact FROM ({found}) AS found ORDER BY {order} LIMIT {limit} OFFSET {start}
           ) AS ordered
         ) AS page CROSS JOIN LATERAL (
           SELECT id, version, document FROM contacts WHERE tenant = $1 AND id = page.contact LIMIT 1
         ) AS contact ORDER BY page.place"
    )
}
