//! Searches that combine filters.

use std::collections::BTreeSet;

use bulkhead::domain::{ContactId, IndexEntry, TenantId};
use bulkhead::store::{ContactFilter, ContactOrder, ContactQuery, ContactWrite};

use crate::builders::unique_key;
use crate::fixture::StoreFixture;
use crate::listing::{ids, indexed, make, query};

fn words(word: &str) -> ContactFilter {
    ContactFilter::Words(vec![word.to_owned()])
}

fn beginning(field: &str, beginning: &str) -> ContactFilter {
    ContactFilter::KeyBeginning { field: field.to_owned(), beginning: beginning.to_owned() }
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
    ];
    let mut signed = Vec::new();
    for (filter, expected) in leaves {
        assert_eq!(found(fixture, acme, filter.clone()), expected, "{filter:?}");
        let others = all.difference(&expected).copied().collect();
        assert_eq!(found(fixture, acme, not(filter.clone())), others, "not {filter:?}");
        signed.extend([(not(filter.clone()), others), (filter, expected)]);
    }
    for (one, ones) in &signed {
        for (other, others) in &signed {
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

pub(crate) fn contacts_that_come_first_are_among_those_found(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let made =
        make(fixture, tenant, &[indexed("ada", "a"), indexed("ada", "b"), indexed("ada", "c"), indexed("eve", "d")]);
    let first = vec![ContactId(made[1]), ContactId(made[3]), ContactId(999)];
    let list = |filter, start| {
        let order = ContactOrder::Sort;
        let list = ContactQuery { filter, order, descending: true, first: first.clone(), start, limit: 2 };
        ids(fixture, tenant, &list)
    };
    assert_eq!(list(words("ada"), 0), (3, vec![made[1], made[2]]));
    assert_eq!(list(words("ada"), 2), (3, vec![made[0]]));
    assert_eq!(list(not(words("eve")), 0), (3, vec![made[1], made[2]]));
}

pub(crate) fn a_search_ends_behind_the_newest_ten_thousand(fixture: &StoreFixture) {
    const MORE: usize = 10_030;
    let tenant = fixture.add_tenant("acme");
    let writes: Vec<ContactWrite> = (0..MORE).map(|number| indexed(&format!("word n{number}"), "")).collect();
    let made = make(fixture, tenant, &writes);
    while fixture.store.index_next(std::time::Duration::ZERO).unwrap() {}
    for filter in
        [words("word"), not(words("other")), ContactFilter::Or(vec![words("word"), ContactFilter::Ids(vec![])])]
    {
        let whole = ContactQuery { start: 9_999, limit: 5, ..query(filter.clone()) };
        let list = fixture.store.list_contacts(tenant, &whole).unwrap();
        assert_eq!((list.total, list.is_bounded), (10_000, true), "{filter:?}");
        assert_eq!(list.contacts.iter().map(|contact| contact.id.0).collect::<Vec<_>>(), [made[MORE - 1]]);
        let first = ContactQuery { first: vec![ContactId(made[0])], limit: 2, ..query(filter) };
        assert_eq!(ids(fixture, tenant, &first), (10_000, vec![made[0], made[31]]));
    }
    let exact = ContactQuery { limit: 1, ..query(words("n7")) };
    let list = fixture.store.list_contacts(tenant, &exact).unwrap();
    assert_eq!((list.total, list.is_bounded), (1_111, false));
    let all = fixture.store.list_contacts(tenant, &ContactQuery { limit: 1, ..query(ContactFilter::All) }).unwrap();
    assert_eq!((all.total, all.is_bounded), (MORE as u64, false));
}
