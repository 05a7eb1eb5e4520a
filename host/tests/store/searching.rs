//! Searches that combine filters.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bulkhead::domain::{ContactId, IndexEntry, TenantId};
use bulkhead::store::{ContactFilter, ContactOrder, ContactQuery, ContactWrite, RangeKey, WriteTarget};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

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

/// Returns the newest contacts that a filter finds before one.
fn newest(
    fixture: &StoreFixture,
    tenant: TenantId,
    filter: &ContactFilter,
    before: Option<u64>,
    limit: usize,
) -> Vec<u64> {
    let found = fixture.store.newest_matches(tenant, filter, before.map(ContactId), limit).unwrap();
    found.into_iter().map(|contact| contact.0).collect()
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

/// PostgreSQL finds words that many have another way.
pub(crate) fn words_that_many_have_are_found_like_others(fixture: &StoreFixture) {
    const MANY: usize = 20_500;
    let tenant = fixture.add_tenant("acme");
    // The newest have words that the oldest have not, and the other way round.
    let text = |number: usize| match number {
        0..250 => "word old",
        20_250.. => "word new",
        _ if number.is_multiple_of(4) => "word fourth",
        _ => "word",
    };
    let writes: Vec<ContactWrite> = (0..MANY).map(|number| indexed(text(number), "")).collect();
    let made = make(fixture, tenant, &writes);
    while fixture.store.index_next(Duration::ZERO).unwrap() {}
    for word in ["word", "fourth", "new", "old", "wor"] {
        let expected: Vec<u64> =
            (0..MANY).rev().filter(|number| text(*number).contains(word)).map(|number| made[number]).collect();
        let page = ContactQuery { order: ContactOrder::Id, descending: true, limit: 100, ..query(words(word)) };
        let (total, first) = ids(fixture, tenant, &page);
        assert!(total == expected.len() as u64 || (total == 10_000 && expected.len() > 10_000), "{word}: {total}");
        assert_eq!(first, expected[..100], "{word}");
        assert_eq!(newest(fixture, tenant, &words(word), Some(expected[99]), 100), expected[100..200], "{word}");
    }
    // Few or many contacts are outside of a range.
    for outside in [0, 1, 9_999, 10_000, 10_001, MANY - 1] {
        let inside = MANY - outside;
        for (from, to) in [(outside, MANY - 1), (0, inside - 1), (outside / 2, outside / 2 + inside - 1)] {
            let page = ContactQuery { limit: 1, ..query(range(RangeKey::Id, made[from], made[to])) };
            assert_eq!(ids(fixture, tenant, &page), (inside as u64, vec![made[from]]), "{outside} outside");
        }
    }
    assert_eq!(ids(fixture, tenant, &query(range(RangeKey::Id, made[7_000], made[2]))), (0, vec![]));
}

pub(crate) fn a_search_is_ordered_and_paged(fixture: &StoreFixture) {
    const MANY: usize = 9_030;
    let tenant = fixture.add_tenant("acme");
    let writes: Vec<ContactWrite> =
        (0..MANY).map(|number| indexed(&format!("word n{number}"), &format!("{:05}", MANY - number))).collect();
    let made = make(fixture, tenant, &writes);
    while fixture.store.index_next(Duration::ZERO).unwrap() {}
    for filter in
        [words("word"), not(words("other")), ContactFilter::And(vec![words("word"), range(RangeKey::Id, 0, u64::MAX)])]
    {
        for (order, descending, start, expected) in [
            (ContactOrder::Id, false, 9_028, vec![made[MANY - 2], made[MANY - 1]]),
            (ContactOrder::Id, true, 9_029, vec![made[0]]),
            (ContactOrder::Sort, false, 0, vec![made[MANY - 1], made[MANY - 2]]),
            (ContactOrder::Sort, true, 9_029, vec![made[MANY - 1]]),
            (ContactOrder::Sort, true, 9_030, vec![]),
        ] {
            let page = ContactQuery { filter: filter.clone(), order, descending, start, limit: 2 };
            assert_eq!(ids(fixture, tenant, &page), (MANY as u64, expected), "{page:?}");
        }
    }
    for filter in [
        ContactFilter::All,
        words("word"),
        not(words("other")),
        range(RangeKey::Id, 0, u64::MAX),
        range(RangeKey::Changed, 0, u64::MAX),
        ContactFilter::And(vec![words("word"), range(RangeKey::Id, 0, u64::MAX)]),
    ] {
        for before in [0, 1, 2, 500, MANY - 1] {
            let expected: Vec<u64> = made.iter().take(before).rev().take(3).copied().collect();
            assert_eq!(newest(fixture, tenant, &filter, Some(made[before]), 3), expected, "{filter:?} before {before}");
        }
        assert_eq!(newest(fixture, tenant, &filter, None, 1), made[MANY - 1..], "{filter:?}");
    }
    let before = newest(fixture, tenant, &range(RangeKey::Id, made[3], made[7]), Some(made[6]), 9);
    assert_eq!(before, [made[5], made[4], made[3]]);
    let some = ContactQuery { limit: 1, ..query(words("n7")) };
    assert_eq!(ids(fixture, tenant, &some), (1_111, vec![made[7]]));
    let range = ContactQuery { start: 9_028, ..query(range(RangeKey::Id, made[1], u64::MAX)) };
    assert_eq!(ids(fixture, tenant, &range), (9_029, vec![made[MANY - 1]]));
}

/// Contacts are made, changed and deleted, and some of that is indexed, in any order. A search finds what a plain look at the texts
/// finds, whatever the index has merged by then.
pub(crate) fn searches_find_what_the_texts_have(fixture: &StoreFixture) {
    const WORDS: [&str; 12] =
        ["ada", "adam", "adama", "b", "bo", "zoë", "東京", "everybody", "x1", "x10", "x100", "Ünal"];
    const FOLDED: [&str; 12] =
        ["ada", "adam", "adama", "b", "bo", "zoe", "東京", "everybody", "x1", "x10", "x100", "unal"];
    let mut random = ChaCha8Rng::seed_from_u64(15);
    let tenants = ["acme", "other"].map(|name| fixture.add_tenant(name));
    // The words of each contact and its version, by its id.
    let mut known: [BTreeMap<u64, (Vec<usize>, i64)>; 2] = Default::default();
    for round in 0..120 {
        let place = random.random_range(0..2);
        let (tenant, contacts) = (tenants[place], &mut known[place]);
        let mut some_words = || -> Vec<usize> {
            let mut words: Vec<usize> = (0..WORDS.len()).filter(|_| random.random_ratio(1, 4)).collect();
            words.push(7);
            words
        };
        let text = |words: &[usize]| words.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" ");
        // A few large commits make segments that are merged in steps.
        let count = if round % 6 == 0 { 700 } else { 5 };
        let added: Vec<Vec<usize>> = (0..count).map(|_| some_words()).collect();
        let mut writes: Vec<ContactWrite> = added.iter().map(|words| indexed(&text(words), "")).collect();
        let changed: Vec<(u64, i64, Vec<usize>)> =
            contacts.iter().step_by(7).take(count).map(|(id, (_, version))| (*id, *version, some_words())).collect();
        writes.extend(changed.iter().map(|(id, version, words)| ContactWrite {
            target: WriteTarget::Existing { id: ContactId(*id), version: *version },
            ..indexed(&text(words), "")
        }));
        let made = make(fixture, tenant, &writes);
        for (id, version, words) in changed {
            contacts.insert(id, (words, version + 1));
        }
        contacts.extend(made.into_iter().zip(added.into_iter().map(|words| (words, 1))));
        if round % 5 == 0 {
            let gone: Vec<u64> = contacts.keys().copied().filter(|_| random.random_ratio(1, 20)).collect();
            for id in gone {
                fixture.store.delete_contact(tenant, ContactId(id)).unwrap().unwrap();
                contacts.remove(&id);
            }
        }
        for _ in 0..random.random_range(0..4) {
            fixture.store.index_next(Duration::ZERO).unwrap();
        }
        if round % 10 > 0 {
            continue;
        }
        for beginning in ["ada", "adam", "b", "zo", "東", "everybody", "x1", "x10", "una", "nobody"] {
            let has = |words: &[usize]| words.iter().any(|word| FOLDED[*word].starts_with(beginning));
            let expected: BTreeSet<u64> =
                contacts.iter().filter(|(_, (words, _))| has(words)).map(|(id, _)| *id).collect();
            let whole = ContactQuery { limit: 10_000, ..query(words(beginning)) };
            let found: BTreeSet<u64> = ids(fixture, tenant, &whole).1.into_iter().collect();
            assert_eq!(found, expected, "{beginning} in round {round}");
        }
    }
}
