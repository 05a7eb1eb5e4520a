//! Lists of contacts. An index yields a page; no list reads all contacts of a tenant.

use tokio_postgres::types::ToSql;

use super::common_words;
use super::connections::{Session, TxOutcome};
use super::contacts;
use super::error::PgError;
use super::query_parts::PostgresParts;
use super::search_sets::{ContactSet, Members, QueryParts as _, set_of};
use super::sql::{get, number, signed};
use crate::domain::{ContactId, StoredContact, TenantId};
use crate::store::listing::{MaxMatches, order, ordered_range, page_by_id, range_count};
use crate::store::{ContactFilter, ContactList, ContactQuery};

/// Each match is a row that the database sends and looks up again for its place in the order.
const MAX_MATCHES: MaxMatches = MaxMatches(10_000);
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The contacts with the ids of a list.
const AMONG: &str = "FROM unnest($2::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
        SELECT contact, changed_at, sort FROM listed WHERE tenant = $1 AND contact = wanted.id LIMIT 1
    ) AS listed";

/// Returns a part of a list of contacts.
pub(super) async fn list(session: &Session, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, PgError> {
    const OF_TENANT: &str = "FROM listed WHERE tenant = $1";
    const ALL: &str = "SELECT contacts FROM tallies WHERE tenant = $1";
    match (&query.filter, ordered_range(query)) {
        (ContactFilter::All, _) => walked(session, tenant, query, ALL, OF_TENANT, &[]).await,
        (_, Some((column, from, to))) => {
            let found = format!("{OF_TENANT} AND {column} BETWEEN $2 AND $3");
            walked(session, tenant, query, &range_count('$', ALL, column), &found, &[from, to]).await
        }
        (filter, None) => matching(session, tenant, query, filter).await,
    }
}

/// Returns the contacts behind one, in the order of their ids.
pub(super) async fn after(
    session: &Session,
    tenant: TenantId,
    after: Option<ContactId>,
    limit: u32,
) -> Result<Vec<StoredContact>, PgError> {
    const AFTER: &str = "SELECT id, version, document FROM contacts WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
    let statement = session.prepare_cached(AFTER).await?;
    let after = after.map_or(0, |id| signed(id.0));
    contacts::read(session, &statement, &[&tenant.0, &after, &i64::from(limit)]).await
}

/// Returns a part of a list that an index has in its order, and the number of its contacts, both as of one moment.
async fn walked(
    session: &Session,
    tenant: TenantId,
    query: &ContactQuery,
    count: &str,
    found: &str,
    range: &[i64],
) -> Result<ContactList, PgError> {
    let (limit, start) = if range.is_empty() { ("$2", "$3") } else { ("$4", "$5") };
    let found = format!("SELECT contact, changed_at, sort {found}");
    let count = session.prepare_cached(count).await?;
    let page = session.prepare_cached(&page_of(&found, order(query), limit, start)).await?;
    let (limit, start) = (i64::from(query.limit), i64::from(query.start));
    let mut of_count: Vec<&(dyn ToSql + Sync)> = vec![&tenant.0];
    of_count.extend(range.iter().map(|end| end as &(dyn ToSql + Sync)));
    let mut of_page = of_count.clone();
    of_page.extend([&limit as &(dyn ToSql + Sync), &start]);
    session
        .transact(async || {
            let ((), total, contacts) = tokio::try_join!(
                biased;
                async { Ok(session.batch_execute(SNAPSHOT).await?) },
                async { Ok(session.query_one(&count, &of_count).await?) },
                contacts::read(session, &page, &of_page),
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
    let Some(newest) = Newest::by(tenant, filter, None, MAX_MATCHES.needed()) else {
        return Ok(ContactList { total: 0, is_bounded: false, contacts: Vec::new() });
    };
    let among = format!("SELECT contact, changed_at, sort {AMONG}");
    let page = session.prepare_cached(&page_of(&among, order(query), "$3", "$4")).await?;
    session
        .transact(async || {
            session.batch_execute(SNAPSHOT).await?;
            let mut found = newest.find(session).await?;
            let is_bounded = MAX_MATCHES.bound(&mut found);
            let total = found.len() as u64;
            let (wanted, start) = match page_by_id(&found, query) {
                Some(page) => (page, 0),
                None => (found, i64::from(query.start)),
            };
            let limit = i64::from(query.limit);
            let values: [&(dyn ToSql + Sync); 4] = [&tenant.0, &wanted, &limit, &start];
            let contacts = contacts::read(session, &page, &values).await?;
            Ok(TxOutcome::Commit(ContactList { total, is_bounded, contacts }))
        })
        .await
}

/// Returns the newest contacts that a filter finds and that were made before one, the newest first, at most `limit`.
pub(super) async fn newest(
    session: &Session,
    tenant: TenantId,
    filter: &ContactFilter,
    before: Option<ContactId>,
    limit: usize,
) -> Result<Vec<i64>, PgError> {
    match Newest::by(tenant, filter, before, limit) {
        Some(newest) => newest.find(session).await,
        None => Ok(Vec::new()),
    }
}

/// How the newest contacts are found that a filter finds.
struct Newest {
    tenant: TenantId,
    before: Option<ContactId>,
    limit: usize,
    /// The statement for them, the newest first.
    sql: String,
    parts: PostgresParts,
    /// Whether the statement is worth being kept prepared. There are as many other statements as there are searches of another form.
    is_usual: bool,
    /// The query of the word index, if the filter is no more than that.
    words: Option<String>,
}

impl Newest {
    /// Returns how the contacts are found that a filter finds and that were made before one, the newest first, `limit` at most.
    /// Returns `None` if the filter can find nobody.
    fn by(tenant: TenantId, filter: &ContactFilter, before: Option<ContactId>, limit: usize) -> Option<Self> {
        const OF_TENANT: &str = "SELECT contact FROM listed WHERE tenant = $1";
        let mut parts = PostgresParts::new(tenant);
        let ContactSet { members, is_excluded } = set_of(filter, &mut parts);
        let below = parts.parameter(signed_before(before));
        let mut words = None;
        let found = match (members, is_excluded) {
            (Members::Nobody, false) => return None,
            (Members::Nobody, true) => String::from(OF_TENANT),
            (Members::Words(excluded), true) => {
                format!("{OF_TENANT} AND NOT words @@ {}::text::tsquery", parts.parameter(excluded))
            }
            (Members::Query(excluded), true) => {
                format!(
                    "SELECT contact FROM ({OF_TENANT} EXCEPT SELECT contact FROM ({excluded}) AS excluded) AS found WHERE true"
                )
            }
            // Uses the first parameter, which is the tenant in all of these statements.
            (Members::Words(query), false) => {
                words = Some(query.clone());
                format!("{} AND $1::bigint IS NOT NULL", parts.of_words(query))
            }
            (Members::Query(members), false) => {
                format!("SELECT contact FROM ({members}) AS found WHERE $1::bigint IS NOT NULL")
            }
        };
        let sql = format!("{found} AND contact < {below}::bigint ORDER BY contact DESC LIMIT {limit}");
        let is_usual = matches!(filter, ContactFilter::Ids(_) | ContactFilter::Words(_));
        Some(Self { tenant, before, limit, sql, parts, is_usual, words })
    }

    /// Finds them.
    async fn find(&self, session: &Session) -> Result<Vec<i64>, PgError> {
        let Self { tenant, before, limit, sql, parts, is_usual, words } = self;
        if let Some(words) = words
            && let Some(found) = common_words::newest(session, *tenant, words, *before, *limit).await?
        {
            return Ok(found);
        }
        let statement = if *is_usual { session.prepare_cached(sql).await? } else { session.prepare(sql).await? };
        let rows = session.query(&statement, &parts.parameters()).await?;
        Ok(rows.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?)
    }
}

/// Returns the id below which contacts were made before one.
pub(super) fn signed_before(contact: Option<ContactId>) -> i64 {
    contact.map_or(i64::MAX, |contact| signed(contact.0))
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
