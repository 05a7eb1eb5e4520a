//! Lists and searches of contacts, as far as they are alike in all dialects.

use super::{ContactFilter, ContactOrder, ContactQuery, RangeKey};
use crate::domain::ContactId;

/// Matches of a search that a dialect orders at most: the newest. A list ends behind them.
#[derive(Debug, Clone, Copy)]
pub(super) struct MaxMatches(pub(super) usize);

impl MaxMatches {
    /// Shortens the ids that a search found to those that are ordered. Returns whether there were more.
    pub(super) fn bound(self, found: &mut Vec<i64>) -> bool {
        let is_bounded = found.len() > self.0;
        found.truncate(self.0);
        is_bounded
    }

    /// Returns how many matches of a search are needed: all that are ordered and one more, which tells that there are more.
    pub(super) fn needed(self) -> usize {
        self.0.saturating_add(1)
    }
}

/// Returns the page of a list in the order of the ids, if that is the order. `found` is all of the list, the newest first.
pub(super) fn page_by_id(found: &[i64], query: &ContactQuery) -> Option<Vec<i64>> {
    let (start, limit) = (query.start as usize, query.limit as usize);
    match (query.order, query.descending) {
        (ContactOrder::Id, true) => Some(found.iter().skip(start).take(limit).copied().collect()),
        (ContactOrder::Id, false) => Some(found.iter().rev().skip(start).take(limit).copied().collect()),
        (ContactOrder::Changed | ContactOrder::Sort, _) => None,
    }
}

/// Returns ids as the store has them, in order and each once. No contact has an id that a signed number cannot hold.
pub(super) fn signed_ids(ids: &[ContactId]) -> Vec<i64> {
    let mut ids: Vec<i64> = ids.iter().filter_map(|id| i64::try_from(id.0).ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Returns the order of a list as columns of the table `listed`. Each order has an index, which ends in the contact's id.
pub(super) fn order(query: &ContactQuery) -> &'static str {
    match (query.order, query.descending) {
        (ContactOrder::Id, false) => "contact",
        (ContactOrder::Id, true) => "contact DESC",
        (ContactOrder::Changed, false) => "changed_at, contact",
        (ContactOrder::Changed, true) => "changed_at DESC, contact DESC",
        (ContactOrder::Sort, false) => "sort, contact",
        (ContactOrder::Sort, true) => "sort DESC, contact DESC",
    }
}

/// Returns the column of the table `listed` that a range is about.
pub(super) fn range_column(key: RangeKey) -> &'static str {
    match key {
        RangeKey::Id => "contact",
        RangeKey::Changed => "changed_at",
    }
}

/// Returns a query of how many contacts of a tenant are in a range. Its parameters are the tenant and the range's ends; `marker` begins
/// a parameter. `all` is a query of how many contacts the tenant has: where few of them are outside of the range, these are counted, and
/// not the others.
pub(super) fn range_count(marker: char, all: &str, column: &str) -> String {
    // A count of this many takes a few milliseconds.
    const MAX_OUTSIDE: u32 = 10_000;

    let [tenant, from, to] = [1, 2, 3].map(|number| format!("{marker}{number}"));
    let listed = format!("FROM listed WHERE tenant = {tenant} AND {column}");
    let some = |outside: &str| {
        format!("(SELECT count(*) FROM (SELECT 1 {listed} {outside} LIMIT {MAX_OUTSIDE} + 1) AS found)")
    };
    let (below, above) = (some(&format!("< {from}")), some(&format!("> {to}")));
    format!(
        "SELECT CASE WHEN CAST({from} AS bigint) > CAST({to} AS bigint) THEN 0
                     WHEN outside <= {MAX_OUTSIDE} THEN ({all}) - outside
                     ELSE (SELECT count(*) {listed} BETWEEN {from} AND {to}) END
         FROM (SELECT {below} + {above} AS outside) AS counted"
    )
}

/// Returns the column and the ends of the range that a list is, if its order is that of the range. Such a list is read by one
/// index, without a bound.
pub(super) fn ordered_range(query: &ContactQuery) -> Option<(&'static str, i64, i64)> {
    match (&query.filter, query.order) {
        (&ContactFilter::Range { key: key @ RangeKey::Id, from, to }, ContactOrder::Id)
        | (&ContactFilter::Range { key: key @ RangeKey::Changed, from, to }, ContactOrder::Changed) => {
            Some((range_column(key), from, to))
        }
        _ => None,
    }
}
