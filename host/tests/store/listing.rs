//! Lists of contacts and searches.

use std::time::Duration;

use bulkhead::domain::{ContactId, IndexEntry, TenantId};
use bulkhead::store::{ApplyOutcome, ContactFilter, ContactOrder, ContactQuery, ContactWrite};

use crate::ground::{Ground, making, new, write};

fn query(filter: ContactFilter) -> ContactQuery {
    ContactQuery { filter, order: ContactOrder::Id, descending: false, start: 0, limit: 1_000 }
}

/// How many there are, and the ids of those that are shown.
fn ids(ground: &Ground, tenant: TenantId, query: &ContactQuery) -> (u64, Vec<u64>) {
    let list = ground.store.list_contacts(tenant, query).unwrap();
    (list.total, list.contacts.iter().map(|contact| contact.id.0).collect())
}

fn search(ground: &Ground, tenant: TenantId, words: &[&str]) -> Vec<u64> {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    let (total, ids) = ids(ground, tenant, &query(ContactFilter::Words(words)));
    assert_eq!(total, ids.len() as u64);
    ids
}

/// A contact that is found by these words and ordered by this text.
fn listed(words: &str, sort: &str) -> ContactWrite {
    ContactWrite {
        keys: Vec::new(),
        index_entry: IndexEntry { search_text: words.to_owned(), sort_key: sort.to_owned() },
        ..new("-")
    }
}

fn make(ground: &Ground, tenant: TenantId, writes: &[ContactWrite]) -> Vec<u64> {
    let ApplyOutcome::Done(ids) = ground.store.apply_writes(tenant, writes).unwrap() else { panic!("they are new") };
    ids.iter().map(|id| id.0).collect()
}

pub(crate) fn have_an_order_and_parts(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.contacts(ground.tenant("other"), &["z@x"]);
    let sorts = ["b", "Z", "é", "a", "", "ab", "a", "~"];
    let made: Vec<u64> = sorts.iter().flat_map(|sort| make(ground, tenant, &[listed("", sort)])).collect();
    // By code points, which needs no agreement on languages; equal ones by id.
    let by_sort = [4, 1, 3, 6, 5, 0, 7, 2].map(|place: usize| made[place]);
    for (order, ascending) in [(ContactOrder::Id, made.clone()), (ContactOrder::Sort, by_sort.to_vec())] {
        for descending in [false, true] {
            let mut expected = ascending.clone();
            if descending {
                expected.reverse();
            }
            let whole = ContactQuery { order, descending, ..query(ContactFilter::All) };
            assert_eq!(ids(ground, tenant, &whole), (8, expected.clone()), "{order:?} {descending}");
            for (start, limit) in [(0, 3), (3, 3), (6, 3), (8, 3), (100, 1), (0, 0)] {
                let part = ContactQuery { start, limit, ..whole.clone() };
                let from = expected.iter().skip(start as usize).take(limit as usize).copied().collect();
                assert_eq!(ids(ground, tenant, &part), (8, from), "{part:?}");
            }
        }
    }
}

pub(crate) fn can_go_by_the_last_change(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let contacts = ground.contacts(tenant, &["a@x", "b@x", "c@x"]);
    ground.set_clock(Duration::from_secs(10));
    ground.store.apply_writes(tenant, &[write(&contacts[1], "b@x")]).unwrap();
    ground.set_clock(Duration::from_secs(20));
    ground.job_of(tenant, 1);
    ground.commit(&ground.claim(), &making(0, &["d@x"]));
    let [a, b, c] = [0, 1, 2].map(|place: usize| contacts[place].id.0);
    let d = ground.by_address(tenant, "d@x").unwrap().id.0;
    let changed = ContactQuery { order: ContactOrder::Changed, ..query(ContactFilter::All) };
    assert_eq!(ids(ground, tenant, &changed).1, [a, c, b, d]);
    assert_eq!(ids(ground, tenant, &ContactQuery { descending: true, ..changed }).1, [d, b, c, a]);
}

pub(crate) fn show_what_was_committed_before(ground: &Ground) {
    let tenant = ground.tenant("acme");
    for round in 0..30_u64 {
        let address = format!("c{round}@x");
        let id = make(ground, tenant, &[new(&address)])[0];
        let store = ground.another();
        let list = store.list_contacts(tenant, &query(ContactFilter::All)).unwrap();
        assert_eq!((list.total, list.contacts.len() as u64), (round + 1, round + 1));
        assert_eq!(search(ground, tenant, &[&format!("c{round}")]), [id]);
    }
    assert!(!ground.store.index_next(Duration::ZERO).unwrap(), "everything is listed");
}

pub(crate) fn follow_commits(ground: &Ground) {
    let (acme, other) = (ground.tenant("acme"), ground.tenant("other"));
    let store = &ground.store;
    assert!(!store.index_next(Duration::ZERO).unwrap());
    for tenant in [acme, other] {
        for number in 0..25 {
            make(ground, tenant, &[new(&format!("c{number}@x"))]);
        }
    }
    // Not yet: jobs go first.
    assert!(!store.index_next(Duration::from_secs(60)).unwrap());
    let mut turns = 0;
    while store.index_next(Duration::ZERO).unwrap() {
        turns += 1;
        assert!(turns < 1_000, "it never ends");
    }
    assert!(turns >= 2, "all at a stroke");
    for tenant in [acme, other] {
        assert_eq!(ids(ground, tenant, &query(ContactFilter::All)).0, 25);
        assert_eq!(search(ground, tenant, &["c24"]).len(), 1);
    }
}

/// However much one commit holds, no transaction has to list all of it.
pub(crate) fn follow_large_commits_in_parts(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let writes: Vec<ContactWrite> = (0..6_000).map(|n| listed(&format!("word{n}"), "")).collect();
    make(ground, tenant, &writes);
    let mut turns = 0;
    while ground.store.index_next(Duration::ZERO).unwrap() {
        turns += 1;
    }
    assert!(turns >= 2, "all at a stroke");
    assert_eq!(search(ground, tenant, &["word5999"]).len(), 1);
    assert_eq!(search(ground, tenant, &["word599"]).len(), 11);
}

pub(crate) fn can_be_of_some_ids(ground: &Ground) {
    let (acme, other) = (ground.tenant("acme"), ground.tenant("other"));
    let made = make(ground, acme, &[listed("", "c"), listed("", "b"), listed("", "a")]);
    make(ground, other, &[listed("", ""), listed("", ""), listed("", ""), listed("", ""), listed("", "")]);
    let wanted = [made[2], made[0], made[0], 5, 999, 0, u64::MAX].map(ContactId).to_vec();
    let some = query(ContactFilter::Ids(wanted));
    assert_eq!(ids(ground, acme, &some), (2, vec![made[0], made[2]]));
    let by_sort = ContactQuery { order: ContactOrder::Sort, start: 1, limit: 1, ..some };
    assert_eq!(ids(ground, acme, &by_sort), (2, vec![made[0]]));
    assert_eq!(ids(ground, acme, &query(ContactFilter::Ids(Vec::new()))), (0, vec![]));
}

pub(crate) fn are_searched_by_the_beginnings_of_words(ground: &Ground) {
    let (acme, other) = (ground.tenant("acme"), ground.tenant("other"));
    let words = [
        "Ada Lovelace ada@example.com London",
        "Grace Hopper grace@example.com Arlington",
        "Jürgen Groß-Ünal Lübeck 23552",
        "O'Neil, Zoë; ÉCOLE",
        "nul\0byte 'quote' \\ % _ : & | ! ( )",
    ];
    let writes: Vec<ContactWrite> = words.iter().map(|words| listed(words, "")).collect();
    let made = make(ground, acme, &writes);
    make(ground, other, &[listed("Ada secret", "")]);
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
    ] {
        let expected: Vec<u64> = found.iter().map(|place| made[*place]).collect();
        assert_eq!(search(ground, acme, asked), expected, "{asked:?}");
    }
}

pub(crate) fn forget_what_was_changed_or_deleted(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let contact = ground.contacts(tenant, &["before@x"]).pop().unwrap();
    assert_eq!(search(ground, tenant, &["before"]), [contact.id.0]);
    ground.store.apply_writes(tenant, &[write(&contact, "after@x")]).unwrap();
    assert!(search(ground, tenant, &["before"]).is_empty());
    assert_eq!(search(ground, tenant, &["after"]), [contact.id.0]);
    ground.store.delete_contact(tenant, contact.id).unwrap();
    assert!(search(ground, tenant, &["after"]).is_empty());
    assert_eq!(ids(ground, tenant, &query(ContactFilter::All)), (0, vec![]));
    // Deleted before it was ever listed.
    let contact = ground.contacts(tenant, &["short@x"]).pop().unwrap();
    ground.store.delete_contact(tenant, contact.id).unwrap();
    assert!(search(ground, tenant, &["short"]).is_empty());
    assert_eq!(ids(ground, tenant, &query(ContactFilter::Ids(vec![contact.id]))), (0, vec![]));
    assert_eq!(ids(ground, tenant, &query(ContactFilter::All)), (0, vec![]));
}

/// Changes that wait to be listed take effect in the order in which they were committed.
pub(crate) fn end_with_the_last_change(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let mut contact = ground.contacts(tenant, &["c@x"]).pop().unwrap();
    for round in 0..30 {
        ground
            .store
            .apply_writes(
                tenant,
                &[ContactWrite { document: String::from("1"), ..write(&contact, &format!("r{round}@x")) }],
            )
            .unwrap();
        contact = ground.contact(tenant, contact.id);
    }
    assert_eq!(search(ground, tenant, &["r29"]), [contact.id.0]);
    assert!(search(ground, tenant, &["r28"]).is_empty());
    assert!(search(ground, tenant, &["c"]).is_empty());
}
