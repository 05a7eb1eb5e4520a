//! Searches that combine filters.

use std::collections::BTreeSet;

use bulkhead::domain::{ContactId, IndexEntry, TenantId};
use bulkhead::store::{ContactFilter, ContactOrder, ContactQuery, ContactWrite, RangeKey};

use crate::builders::unique_key;
use crate::fixture::StoreFixture;
use crate::listing::{ids, indexed, make, query};

pub(crate) fn words(word: &str) -> ContactFilter {
    ContactFilter::Words(vec![word.to_owned()])
}

fn beginning(field: &str, beginning: &str) -> ContactFilter {
    ContactFilter::KeyBeginning { field: field.to_owned(), beginning: beginning.to_owned() }
}

pub(crate) fn range(key: RangeKey, from: u64, to: u64) -> ContactFilter {
    let [from, to] = [from, to].map(|end| i64::try_from(end).unwrap_or(i64::MAX));
    ContactFilter::Range { key, from, to }
}

fn not(filter: ContactFilter) -> ContactFilter {
    ContactFilter::Not(Box::new(filter))
}

/// Returns the ids that a filter finds.
fn found(fixture: &StoreFixture, tenant: TenantId, filter: ContactFilter) -> BTreeSet<u64> {
    let (total, ids) = ids(fixture, tenant, &query(filter));
    assert_eq!(total, ids.len() as u64);
    ids.into_iter().collect()
}

pub(crate) fn filters_are_combined_as_sets(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let mark = IndexEntry::ANONYMOUS_MARK;
    let contact = |text: &str, email: Option<&str>| ContactWrite {
        keys: email.map(|email| unique_key("email", email)).into_iter().collect(),
        ..indexed(text, "")
    };
    let writes = [
        contact("Ada London", Some("ada@x.example")),
        contact("Ada Paris", Some("adam@x.example")),
        contact("Charles London", None),
        contact(&format!("Paris{mark}"), None),
        contact(&format!("{mark}"), None),
        contact("Zoë Ünal", Some("zoë@x.example")),
    ];
    let made = make(fixture, acme, &writes);
    make(fixture, other, &writes);
    let all: BTreeSet<u64> = made.iter().copied().collect();
    let of = |places: &[usize]| -> BTreeSet<u64> { places.iter().map(|place| made[*place]).collect() };
    let leaves = [
        (ContactFilter::All, all.clone()),
        (words("ada"), of(&[0, 1])),
        (words("lond"), of(&[0, 2])),
        (words("nobody"), of(&[])),
        (ContactFilter::Anonymous, of(&[3, 4])),
        (
            ContactFilter::Ids(vec![ContactId(made[0]), ContactId(made[3]), ContactId(u64::MAX), ContactId(999)]),
            of(&[0, 3]),
        ),
        (ContactFilter::Ids(Vec::new()), of(&[])),
        (beginning("email", "ada"), of(&[0, 1])),
        (beginning("email", "ada@"), of(&[0])),
        (beginning("email", "zoë"), of(&[5])),
        (beginning("email", "'%_\0"), of(&[])),
        (beginning("phone", "a"), of(&[])),
        (range(RangeKey::Id, made[1], made[3]), of(&[1, 2, 3])),
        (range(RangeKey::Id, made[3], made[1]), of(&[])),
        (range(RangeKey::Changed, 0, u64::MAX), all.clone()),
        (range(RangeKey::Changed, 0, 1), of(&[])),
    ];
    let mut signed = Vec::new();
    for (filter, expected) in leaves {
        assert_eq!(found(fixture, acme, filter.clone()), expected, "{filter:?}");
        let others = all.difference(&expected).copied().collect();
        assert_eq!(found(fixture, acme, not(filter.clone())), others, "not {filter:?}");
        signed.extend([(not(filter.clone()), others), (filter, expected)]);
    }
    for (place, (one, ones)) in signed.iter().enumerate() {
        for (other, others) in signed.iter().skip(place % 3).step_by(3) {
            let both = ContactFilter::And(vec![one.clone(), other.clone()]);
            assert_eq!(found(fixture, acme, both.clone()), ones & others, "{both:?}");
            let either = ContactFilter::Or(vec![one.clone(), other.clone()]);
            assert_eq!(found(fixture, acme, either), ones | others, "{one:?} or {other:?}");
        }
    }
    // (ada or anonymous) and not (an id or a beginning)
    let deep = ContactFilter::And(vec![
        ContactFilter::Or(vec![words("ada"), ContactFilter::Anonymous]),
        not(ContactFilter::Or(vec![ContactFilter::Ids(vec![ContactId(made[4])]), beginning("email", "adam")])),
    ]);
    assert_eq!(found(fixture, acme, deep), of(&[0, 3]));
}

pub(crate) fn a_search_is_ordered_and_paged(fixture: &StoreFixture) {
    const MANY: usize = 10_030;
    let tenant = fixture.add_tenant("acme");
    let writes: Vec<ContactWrite> =
        (0..MANY).map(|number| indexed(&format!("word n{number}"), &format!("{:05}", MANY - number))).collect();
    let made = make(fixture, tenant, &writes);
    while fixture.store.index_next(std::time::Duration::ZERO).unwrap() {}
    for filter in
        [words("word"), not(words("other")), ContactFilter::And(vec![words("word"), range(RangeKey::Id, 0, u64::MAX)])]
    {
        for (order, descending, start, expected) in [
            (ContactOrder::Id, false, 10_028, vec![made[MANY - 2], made[MANY - 1]]),
            (ContactOrder::Id, true, 10_029, vec![made[0]]),
            (ContactOrder::Sort, false, 0, vec![made[MANY - 1], made[MANY - 2]]),
            (ContactOrder::Sort, true, 10_029, vec![made[MANY - 1]]),
            (ContactOrder::Sort, true, 10_030, vec![]),
        ] {
            let page = ContactQuery { filter: filter.clone(), order, descending, start, limit: 2, is_counted: true };
            assert_eq!(ids(fixture, tenant, &page), (MANY as u64, expected.clone()), "{page:?}");
            let uncounted = ContactQuery { is_counted: false, ..page };
            assert_eq!(ids(fixture, tenant, &uncounted).1, expected, "{uncounted:?}");
        }
    }
    let some = ContactQuery { limit: 1, ..query(words("n7")) };
    assert_eq!(ids(fixture, tenant, &some), (1_111, vec![made[7]]));
    let range = ContactQuery { start: 10_028, ..query(range(RangeKey::Id, made[1], u64::MAX)) };
    assert_eq!(ids(fixture, tenant, &range), (10_029, vec![made[MANY - 1]]));
}
