//! Lists of contacts. An index yields a page; no list reads all contacts of a tenant.

use tokio_postgres::types::ToSql;

use super::connections::{Session, TxOutcome};
use super::contacts;
use super::error::PgError;
use super::sql::number;
use super::word_index;
use crate::domain::TenantId;
use crate::store::listing::{MAX_ORDERED_MATCHES, order};
use crate::store::{ContactFilter, ContactList, ContactQuery};

/// Returns a part of a list of contacts.
pub(super) async fn list(session: &Session, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, PgError> {
    const OF_TENANT: &str = "SELECT contact, changed_at, sort FROM listed WHERE tenant = $1";
    const AMONG: &str = "FROM unnest($2::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
        SELECT contact, changed_at, sort FROM listed WHERE tenant = $1 AND contact = wanted.id LIMIT 1
    ) AS listed";
    // The words are marked with their tenant.
    const WITH_WORDS: &str = "FROM listed WHERE words @@ $2::text::tsquery";
    match &query.filter {
        ContactFilter::All => {
            let count = "SELECT contacts FROM tallies WHERE tenant = $1";
            page(session, tenant, query, count, OF_TENANT, None).await
        }
        ContactFilter::Ids(ids) => {
            let mut wanted: Vec<i64> = ids.iter().filter_map(|id| i64::try_from(id.0).ok()).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let count = format!("SELECT count(*) {AMONG}");
            let found = format!("SELECT contact, changed_at, sort {AMONG}");
            page(session, tenant, query, &count, &found, Some(&wanted)).await
        }
        ContactFilter::Words(words) => {
            let Some(query_text) = word_index::match_query(tenant, words) else {
                return Ok(ContactList { total: 0, contacts: Vec::new() });
            };
            // Uses the first parameter, which is the tenant in all of these statements.
            let count = format!("SELECT count(*) {WITH_WORDS} AND $1::bigint IS NOT NULL");
            let found = format!(
                "SELECT contact, changed_at, sort {WITH_WORDS} ORDER BY contact DESC LIMIT {MAX_ORDERED_MATCHES}"
            );
            page(session, tenant, query, &count, &found, Some(&query_text)).await
        }
    }
}

/// Returns how many contacts a list has, and a page of them, both as of one moment.
async fn page(
    session: &Session,
    tenant: TenantId,
    query: &ContactQuery,
    count: &str,
    found: &str,
    parameter: Option<&(dyn ToSql + Sync)>,
) -> Result<ContactList, PgError> {
    let order = order(query);
    let (limit, start) = if parameter.is_some() { ("$3", "$4") } else { ("$2", "$3") };
    // Rows are numbered, because a join keeps no order.
    let page = format!(
        "SELECT contact.* FROM (
           SELECT contact, row_number() OVER () AS place FROM (
             SELECT contact FROM ({found}) AS found ORDER BY {order} LIMIT {limit} OFFSET {start}
           ) AS ordered
         ) AS page CROSS JOIN LATERAL (
           SELECT id, version, document FROM contacts WHERE tenant = $1 AND id = page.contact LIMIT 1
         ) AS contact ORDER BY page.place"
    );
    let count = session.prepare_cached(count).await?;
    let page = session.prepare_cached(&page).await?;
    let (limit, start) = (i64::from(query.limit), i64::from(query.start));
    let mut of_count: Vec<&(dyn ToSql + Sync)> = vec![&tenant.0];
    of_count.extend(parameter);
    let mut of_page = of_count.clone();
    of_page.extend([&limit as &(dyn ToSql + Sync), &start]);
    session
        .transact(async || {
            let ((), total, contacts) = tokio::try_join!(
                biased;
                async { Ok(session.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?) },
                async { Ok(session.query_one(&count, &of_count).await?) },
                contacts::read(session, &page, &of_page),
            )?;
            Ok(TxOutcome::Commit(ContactList { total: number(&total, 0)?, contacts }))
        })
        .await
}
