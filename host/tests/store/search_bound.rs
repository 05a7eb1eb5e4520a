//! How many contacts a search lists.

use bulkhead::store::{ContactFilter, ContactOrder, ContactQuery, RangeKey};

use crate::fixture::StoreFixture;
use crate::listing::{indexed, make, query};
use crate::searching::{range, words};

/// Except where the order is that of the filter.
pub(crate) fn a_search_ends_behind_the_newest_hundred_thousand(fixture: &StoreFixture) {
    const STEP: usize = 10_003;
    let tenant = fixture.add_tenant("acme");
    let mut made = Vec::new();
    for _ in 0..10 {
        made.extend(make(fixture, tenant, &(0..STEP).map(|_| indexed("w", "")).collect::<Vec<_>>()));
        while fixture.store.index_next(std::time::Duration::ZERO).unwrap() {}
    }
    let total = made.len() as u64;
    for (filter, order, expected) in [
        (words("w"), ContactOrder::Id, (100_000, true)),
        (words("w"), ContactOrder::Sort, (100_000, true)),
        (range(RangeKey::Id, 0, u64::MAX), ContactOrder::Sort, (100_000, true)),
        (range(RangeKey::Id, 0, u64::MAX), ContactOrder::Id, (total, false)),
        (range(RangeKey::Changed, 0, u64::MAX), ContactOrder::Changed, (total, false)),
        (ContactFilter::All, ContactOrder::Sort, (total, false)),
    ] {
        let page = ContactQuery { order, start: 99_999, limit: 1, ..query(filter) };
        let list = fixture.store.list_contacts(tenant, &page).unwrap();
        assert_eq!((list.total, list.is_bounded), expected, "{page:?}");
        assert_eq!(list.contacts.len(), 1, "{page:?}");
        let last = ContactQuery { start: u32::try_from(list.total).unwrap(), ..page };
        assert!(fixture.store.list_contacts(tenant, &last).unwrap().contacts.is_empty());
    }
}
