//! Lists and searches of contacts, as far as they are alike in all dialects.

use super::{ContactOrder, ContactQuery};
use crate::domain::TenantId;

/// Matches of a search that are ordered at most: the newest. A list beyond them ends.
pub(super) const MAX_ORDERED_MATCHES: u32 = 10_000;

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

/// Returns a word as it is indexed: marked with its tenant, so that a search reads no index entries of other tenants, however
/// many contacts those have.
pub(super) fn mark(tenant: TenantId, word: &str) -> String {
    format!("{}x{word}", tenant.0)
}

/// Returns words as they are indexed, with a blank between two.
pub(super) fn mark_all<'a>(tenant: TenantId, words: impl Iterator<Item = &'a str>) -> String {
    let mut marked = String::new();
    for word in words {
        if !marked.is_empty() {
            marked.push(' ');
        }
        marked.push_str(&mark(tenant, word));
    }
    marked
}
