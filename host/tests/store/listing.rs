//! Lists of contacts, and searches.

use std::time::Duration;

use bulkhead::domain::{ContactId, IndexEntry, TenantId};
use bulkhead::store::{ApplyOutcome, ContactFilter, ContactOrder, ContactQuery, ContactWrite};

use crate::fixture::{StoreFixture, contact_write, creating, new_contact};

pub(crate) fn query(filter: ContactFilter) -> ContactQuery {
    ContactQuery { filter, order: ContactOrder::Id, descending: false, start: 0, limit: 1_000 }
}

/// Returns how many contacts a list has, and the ids on the page.
pub(crate) fn ids(fixture: &StoreFixture, tenant: TenantId, query: &ContactQuery) -> (u64, Vec<u64>) {
    let list = fixture.store.list_contacts(tenant, query).unwrap();
    (list.total, list.contacts.iter().map(|contact| contact.id.0).collect())
}

pub(crate) fn search(fixture: &StoreFixture, tenant: TenantId, words: &[&str]) -> Vec<u64> {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    let (total, ids) = ids(fixture, tenant, &query(ContactFilter::Words(words)));
    assert_eq!(total, ids.len() as u64);
    ids
}

/// Returns a contact with this search text and sort key.
pub(crate) fn indexed(words: &str, sort: &str) -> ContactWrite {
    ContactWrite {
        keys: Vec::new(),
        index_entry: IndexEntry { search_text: words.to_owned(), sort_key: sort.to_owned() },
        ..new_contact("-")
    }
}

pub(crate) fn make(fixture: &StoreFixture, tenant: TenantId, writes: &[ContactWrite]) -> Vec<u64> {
    let ApplyOutcome::Done(ids) = fixture.store.apply_writes(tenant, writes).unwrap() else {
        panic!("the contacts are new")
    };
    ids.iter().map(|id| id.0).collect()
}

pub(crate) fn lists_are_ordered_and_paged(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.add_contacts(fixture.add_tenant("other"), &["z@x"]);
    let sorts = ["b", "Z", "é", "a", "", "ab", "a", "~"];
    let made: Vec<u64> = sorts.iter().flat_map(|sort| make(fixture, tenant, &[indexed("", sort)])).collect();
    // By code points, so that the order depends on no language; equal sort keys by id.
    let by_sort = [4, 1, 3, 6, 5, 0, 7, 2].map(|place: usize| made[place]);
    for (order, ascending) in [(ContactOrder::Id, made.clone()), (ContactOrder::Sort, by_sort.to_vec())] {
        for descending in [false, true] {
            let mut expected = ascending.clone();
            if descending {
                expected.reverse();
            }
            let whole = ContactQuery { order, descending, ..query(ContactFilter::All) };
            assert_eq!(ids(fixture, tenant, &whole), (8, expected.clone()), "{order:?} {descending}");
            for (start, limit) in [(0, 3), (3, 3), (6, 3), (8, 3), (100, 1), (0, 0)] {
                let part = ContactQuery { start, limit, ..whole.clone() };
                let from = expected.iter().skip(start as usize).take(limit as usize).copied().collect();
                assert_eq!(ids(fixture, tenant, &part), (8, from), "{part:?}");
            }
        }
    }
}

pub(crate) fn contacts_are_read_by_their_ids_without_an_index(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let first = make(fixture, acme, &[indexed("", "a"), indexed("", "b")]);
    make(fixture, other, &[indexed("", "x")]);
    let last = make(fixture, acme, &[indexed("", "c")]);
    fixture.store.delete_contact(acme, ContactId(first[1])).unwrap();
    let made = [first[0], last[0]];
    let read = |after, limit| -> Vec<u64> {
        let contacts = fixture.store.contacts_after(acme, after, limit).unwrap();
        contacts.iter().map(|contact| contact.id.0).collect()
    };
    assert_eq!(read(None, 10), made);
    assert_eq!((read(None, 1), read(Some(ContactId(made[0])), 1)), (vec![made[0]], vec![made[1]]));
    for beyond in [made[1], made[1] + 1, u64::MAX] {
        assert!(read(Some(ContactId(beyond)), 10).is_empty(), "{beyond}");
    }
    assert!(fixture.store.index_next(Duration::ZERO).unwrap(), "nothing was indexed for it");
}

pub(crate) fn lists_are_ordered_by_last_change(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let contacts = fixture.add_contacts(tenant, &["a@x", "b@x", "c@x"]);
    fixture.set_clock(Duration::from_secs(10));
    fixture.store.apply_writes(tenant, &[contact_write(&contacts[1], "b@x")]).unwrap();
    fixture.set_clock(Duration::from_secs(20));
    fixture.job_of(tenant, 1);
    fixture.commit(&fixture.claim(), &creating(0, &["d@x"]));
    let [a, b, c] = [0, 1, 2].map(|place: usize| contacts[place].id.0);
    let d = fixture.by_address(tenant, "d@x").unwrap().id.0;
    let changed = ContactQuery { order: ContactOrder::Changed, ..query(ContactFilter::All) };
    assert_eq!(ids(fixture, tenant, &changed).1, [a, c, b, d]);
    assert_eq!(ids(fixture, tenant, &ContactQuery { descending: true, ..changed }).1, [d, b, c, a]);
}

pub(crate) fn a_list_has_every_contact_committed_before(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    for round in 0..30_u64 {
        let address = format!("c{round}@x");
        let id = make(fixture, tenant, &[new_contact(&address)])[0];
        let store = fixture.another_server();
        let list = store.list_contacts(tenant, &query(ContactFilter::All)).unwrap();
        assert_eq!((list.total, list.contacts.len() as u64), (round + 1, round + 1));
        assert_eq!(search(fixture, tenant, &[&format!("c{round}")]), [id]);
    }
    assert!(!fixture.store.index_next(Duration::ZERO).unwrap(), "everything is indexed");
}

pub(crate) fn queued_contacts_are_indexed_in_several_steps(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let store = &fixture.store;
    assert!(!store.index_next(Duration::ZERO).unwrap());
    for tenant in [acme, other] {
        for number in 0..25 {
            make(fixture, tenant, &[new_contact(&format!("c{number}@x"))]);
        }
    }
    // The commits are not old enough.
    assert!(!store.index_next(Duration::from_secs(60)).unwrap());
    let mut turns = 0;
    while store.index_next(Duration::ZERO).unwrap() {
        turns += 1;
        assert!(turns < 1_000, "indexing does not end");
    }
    assert!(turns >= 2, "all were indexed in one transaction");
    for tenant in [acme, other] {
        assert_eq!(ids(fixture, tenant, &query(ContactFilter::All)).0, 25);
        assert_eq!(search(fixture, tenant, &["c24"]).len(), 1);
    }
}

/// No transaction indexes all of a large commit.
pub(crate) fn a_large_commit_is_indexed_in_parts(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let writes: Vec<ContactWrite> = (0..6_000).map(|n| indexed(&format!("word{n}"), "")).collect();
    make(fixture, tenant, &writes);
    let mut turns = 0;
    while fixture.store.index_next(Duration::ZERO).unwrap() {
        turns += 1;
    }
    assert!(turns >= 2, "all were indexed in one transaction");
    assert_eq!(search(fixture, tenant, &["word5999"]).len(), 1);
    assert_eq!(search(fixture, tenant, &["word599"]).len(), 11);
}

pub(crate) fn a_list_of_ids_has_those_that_exist(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let made = make(fixture, acme, &[indexed("", "c"), indexed("", "b"), indexed("", "a")]);
    make(fixture, other, &[indexed("", ""), indexed("", ""), indexed("", ""), indexed("", ""), indexed("", "")]);
    let wanted = [made[2], made[0], made[0], 5, 999, 0, u64::MAX].map(ContactId).to_vec();
    let some = query(ContactFilter::Ids(wanted));
    assert_eq!(ids(fixture, acme, &some), (2, vec![made[0], made[2]]));
    let by_sort = ContactQuery { order: ContactOrder::Sort, start: 1, limit: 1, ..some };
    assert_eq!(ids(fixture, acme, &by_sort), (2, vec![made[0]]));
    assert_eq!(ids(fixture, acme, &query(ContactFilter::Ids(Vec::new()))), (0, vec![]));
}

pub(crate) fn searches_match_the_beginnings_of_words(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let words = [
        "Ada Lovelace ada@example.com London",
        "Grace Hopper grace@example.com Arlington",
        "Jürgen Groß-Ünal Lübeck 23552",
        "O'Neil, Zoë; ÉCOLE",
        "nul\0byte 'quote' \\ % _ : & | ! ( )",
        "Mu\u{308}ller Poznan\u{301}",
    ];
    let writes: Vec<ContactWrite> = words.iter().map(|words| indexed(words, "")).collect();
    let made = make(fixture, acme, &writes);
    make(fixture, other, &[indexed("Ada secret", "")]);
    for (asked, found) in [
        (&["ada"] as &[&str], &[0_usize] as &[usize]),
        (&["ADA"], &[0]),
        (&["ad"], &[0]),
        (&["da"], &[]),
        (&["ada", "lon"], &[0]),
        (&["ada", "arl"], &[]),
        (&["example"], &[0, 1]),
        (&["ada@example.com"], &[0]),
        (&["ada@example.org"], &[]),
        (&["example", "com", "gr"], &[1]),
        (&["gr"], &[1, 2]),
        (&["jurgen"], &[2]),
        (&["JÜRGEN"], &[2]),
        (&["lubeck"], &[2]),
        (&["unal"], &[2]),
        (&["235"], &[2]),
        (&["zoe"], &[3]),
        (&["neil"], &[3]),
        (&["o'neil"], &[3]),
        (&["ecole"], &[3]),
        (&["école"], &[3]),
        (&["byte"], &[4]),
        (&["nul"], &[4]),
        (&["secret"], &[]),
        (&[""], &[]),
        (&["-"], &[]),
        (&[], &[]),
        (&["ada", "--"], &[0]),
        (&["ada OR grace"], &[]),
        (&["ada", "'"], &[0]),
        (&["quote\""], &[4]),
        (&["a:*"], &[0, 1]),
        (&["!ada"], &[0]),
        (&["ada\0"], &[0]),
        (&["\\"], &[]),
        // Accents may be characters of their own, in the contact and in the search.
        (&["müller"], &[5]),
        (&["mu\u{308}ll"], &[5]),
        (&["muller", "poznań"], &[5]),
        (&["ju\u{308}rgen"], &[2]),
        (&["zoe\u{308}"], &[3]),
    ] {
        let expected: Vec<u64> = found.iter().map(|place| made[*place]).collect();
        assert_eq!(search(fixture, acme, asked), expected, "{asked:?}");
    }
}

pub(crate) fn changed_and_deleted_contacts_leave_the_index(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let contact = fixture.add_contacts(tenant, &["before@x"]).pop().unwrap();
    assert_eq!(search(fixture, tenant, &["before"]), [contact.id.0]);
    fixture.store.apply_writes(tenant, &[contact_write(&contact, "after@x")]).unwrap();
    assert!(search(fixture, tenant, &["before"]).is_empty());
    assert_eq!(search(fixture, tenant, &["after"]), [contact.id.0]);
    fixture.store.delete_contact(tenant, contact.id).unwrap();
    assert!(search(fixture, tenant, &["after"]).is_empty());
    assert_eq!(ids(fixture, tenant, &query(ContactFilter::All)), (0, vec![]));
    // Deleted before it was indexed.
    let contact = fixture.add_contacts(tenant, &["short@x"]).pop().unwrap();
    fixture.store.delete_contact(tenant, contact.id).unwrap();
    assert!(search(fixture, tenant, &["short"]).is_empty());
    assert_eq!(ids(fixture, tenant, &query(ContactFilter::Ids(vec![contact.id]))), (0, vec![]));
    assert_eq!(ids(fixture, tenant, &query(ContactFilter::All)), (0, vec![]));
}

/// Queued changes are indexed in the order of their commits.
pub(crate) fn the_index_has_the_last_change(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let mut contact = fixture.add_contacts(tenant, &["c@x"]).pop().unwrap();
    for round in 0..30 {
        fixture
            .store
            .apply_writes(
                tenant,
                &[ContactWrite { document: String::from("1"), ..contact_write(&contact, &format!("r{round}@x")) }],
            )
            .unwrap();
        contact = fixture.contact(tenant, contact.id);
    }
    assert_eq!(search(fixture, tenant, &["r29"]), [contact.id.0]);
    assert!(search(fixture, tenant, &["r28"]).is_empty());
    assert!(search(fixture, tenant, &["c"]).is_empty());
}
