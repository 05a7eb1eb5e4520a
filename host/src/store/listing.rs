//! Lists of contacts, as far as they are alike in all dialects.

use super::{ContactOrder, ContactQuery};

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
