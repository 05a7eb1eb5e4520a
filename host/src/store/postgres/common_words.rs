//! Searches for words that many contacts have.
//!
//! PostgreSQL's index of words returns all contacts that have a word before it returns the first. If many have the word, a walk
//! through the newest contacts finds enough of them sooner. A sample of the newest contacts tells which way is shorter, and a walk
//! that finds too few is given up.

use super::connections::Session;
use super::error::PgError;
use super::listing::signed_before;
use super::sql::get;
use crate::domain::{ContactId, TenantId};

/// Whether one in eight of the 1,000 newest contacts has the words. Of a tenant with fewer than 20,000 contacts nobody looks.
const SAMPLE: &str = "SELECT 8 * count(*) >= 1000 FROM (
        SELECT words FROM listed WHERE tenant = $1 ORDER BY contact DESC LIMIT (
          SELECT coalesce(max(CASE WHEN contacts >= 20000 THEN 1000 END), 0) FROM tallies WHERE tenant = $1
        )
    ) AS newest WHERE words @@ $2::text::tsquery";
/// The matches among the 100,000 newest contacts before one, the newest first.
const WALK: &str = "SELECT contact FROM (
        SELECT contact, words FROM listed WHERE tenant = $1 AND contact < $4 ORDER BY contact DESC LIMIT 100000
    ) AS newest WHERE words @@ $2::text::tsquery ORDER BY contact DESC LIMIT $3";

/// Finds the newest `limit` contacts before one that a query of the word index finds, the newest first. Returns `None` if a walk is not
/// the way to find them.
pub(super) async fn newest(
    session: &Session,
    tenant: TenantId,
    query: &str,
    before: Option<ContactId>,
    limit: usize,
) -> Result<Option<Vec<i64>>, PgError> {
    let sample = session.prepare_cached(SAMPLE).await?;
    let is_common: bool = get(&session.query_one(&sample, &[&tenant.0, &query]).await?, 0)?;
    if !is_common {
        return Ok(None);
    }
    let walk = session.prepare_cached(WALK).await?;
    let rows = session
        .query(&walk, &[&tenant.0, &query, &i64::try_from(limit).unwrap_or(i64::MAX), &signed_before(before)])
        .await?;
    let found: Vec<i64> = rows.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
    Ok((found.len() >= limit).then_some(found))
}
