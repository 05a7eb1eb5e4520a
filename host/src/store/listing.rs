//! What lists have in common in all dialects.

use super::{ContactOrder, ContactQuery};

/// Of the contacts that a search finds, the newest that are ordered.
pub(super) const ORDERED: u32 = 10_000;

/// The order of a list, by the columns of `listed`. Each has an index, which ends in the contact's id.
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
