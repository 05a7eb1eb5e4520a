//! Keys of an item that are not fields.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{Operation, Stored};
use common::{NOW, document, one, profile, reject};
use serde_json::{Value, json};

/// Sends each value of `table` as `name`. Asserts the value of the stored contact's `member` afterwards, or the message of the
/// rejection.
fn check(before: &Value, name: &str, member: &str, table: &[(Value, Result<Value, &str>)]) {
    for (sent, expected) in table {
        let contact = Stored { id: 5, document: json!({ "fields": {}, member: before }).to_string() };
        let item = json!({"id": 5, name: sent}).to_string();
        let outcome = one(Operation::Update, &profile(&[]), &[contact], &item);
        match expected {
            Ok(after) => assert_eq!(&document(outcome)[member], after, "{name}: {sent}"),
            Err(text) => assert_eq!(reject(outcome).message, format!("{name}: {text}"), "{name}: {sent}"),
        }
    }
}

const INVALID: Result<Value, &str> = Err("This value is not valid.");

#[test]
fn owner_and_stage_must_be_in_the_profile() {
    for (name, listed) in [("owner", 1), ("stage", 7)] {
        let table = [
            (json!(listed), Ok(json!(listed))),
            (json!(listed.to_string()), Ok(json!(listed))),
            (json!(null), Ok(json!(null))),
            (json!(""), Ok(json!(null))),
            (json!(99), INVALID),
            (json!(-1), INVALID),
            (json!("x"), INVALID),
            (json!([1]), INVALID),
        ];
        check(&json!(listed), name, name, &table);
    }
}

#[test]
fn companies_replace_the_old_list() {
    let table = [
        (json!([4]), Ok(json!([4]))),
        (json!(["4", 3, 4]), Ok(json!([4, 3]))),
        (json!([]), Ok(json!(null))),
        (json!(null), Ok(json!([3]))),
        (json!({"0": 4, "2": "3"}), Ok(json!([4, 3]))),
        (json!(["4.0"]), Ok(json!([4]))),
        (json!([4.0]), Ok(json!([4]))),
        (json!([99]), INVALID),
        (json!(3), INVALID),
        (json!({"a": 4}), INVALID),
        (json!({"id": 4}), INVALID),
    ];
    check(&json!([3]), "companies", "companies", &table);
}

#[test]
fn tags_are_added_and_removed() {
    let table = [
        (json!(["b", "a"]), Ok(json!(["a", "b"]))),
        (json!("b, c ,,"), Ok(json!(["a", "b", "c"]))),
        (json!(["-a", "b"]), Ok(json!(["b"]))),
        (json!("-a"), Ok(json!(null))),
        (json!(["-x", "<i>y</i> &amp; z", 7]), Ok(json!(["a", "y & z", "7"]))),
        (json!([]), Ok(json!(["a"]))),
        (json!(null), Ok(json!(["a"]))),
        (json!({"0": "b", "2": "-a"}), Ok(json!(["b"]))),
        (json!({}), Ok(json!(["a"]))),
        (json!([["b"]]), INVALID),
        (json!({"0": ["b"]}), INVALID),
        (json!({"b": "c"}), INVALID),
        (json!({"0": "b", "name": "c"}), INVALID),
    ];
    check(&json!(["a"]), "tags", "tags", &table);

    // The same letters in two forms of Unicode are one tag.
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    for (stored, sent) in [(composed, decomposed), (decomposed, composed)] {
        let table = [
            (json!([sent]), Ok(json!([stored]))),
            (json!([format!("-{sent}")]), Ok(json!(null))),
            (json!(["cafe"]), Ok(json!([stored, "cafe"]))),
        ];
        check(&json!([stored]), "tags", "tags", &table);
    }
}

#[test]
fn do_not_contact_entries_are_added_and_removed() {
    let entry = |channel: &str, reason: u8, comments: &str, date: &str| json!({"channel": channel, "reason": reason, "comments": comments, "dateAdded": date});
    let bounced = entry("email", 2, "", "d");
    let table = [
        (json!([{}]), Ok(json!([entry("email", 3, "", NOW)]))),
        (json!([{"reason": 1, "comments": "c"}]), Ok(json!([entry("email", 1, "c", NOW)]))),
        (json!([{"channel": "sms", "reason": "2"}]), Ok(json!([bounced, entry("sms", 2, "", NOW)]))),
        (json!([{"reason": 0, "channelId": null}]), Ok(json!(null))),
        (json!([]), Ok(json!([bounced]))),
        (json!(null), Ok(json!([bounced]))),
        (json!({"1": {"channel": "sms", "reason": 2}, "4": {"reason": 0}}), Ok(json!([entry("sms", 2, "", NOW)]))),
        (json!({"channel": "email"}), INVALID),
        (json!([{"reason": 4}]), INVALID),
        (json!([7]), INVALID),
        (json!("email"), INVALID),
    ];
    check(&json!([bounced]), "doNotContact", "doNotContact", &table);

    let unsubscribed = json!([entry("email", 1, "", "d")]);
    check(&unsubscribed, "doNotContact", "doNotContact", &[(json!([{"reason": 3}]), Ok(unsubscribed.clone()))]);
}

/// Each entry is compared with the contact's entries, so the time for a long list would be quadratic.
#[test]
fn lists_have_a_maximum_size() {
    let too_many = "This value is too long. It should have 1000 entries or less.";
    let names = |count: usize| -> Vec<String> { (0..count).map(|number| format!("t{number}")).collect() };
    check(
        &json!([]),
        "tags",
        "tags",
        &[
            (json!(names(1_000)), Ok(json!(names(1_000)))),
            (json!(names(1_001)), Err(too_many)),
            (json!(names(1_001).join(",")), Err(too_many)),
        ],
    );
    let entries: Vec<Value> = names(1_001).into_iter().map(|channel| json!({ "channel": channel })).collect();
    check(&json!([]), "doNotContact", "doNotContact", &[(json!(entries), Err(too_many))]);
}

#[test]
fn ip_addresses_are_added_and_last_active_is_set() {
    let table = [
        (json!("203.0.113.7"), Ok(json!(["::1", "203.0.113.7"]))),
        (json!("0:0::1"), Ok(json!(["::1"]))),
        (json!(""), Ok(json!(["::1"]))),
        (json!("203.0.113.777"), INVALID),
        (json!(["::1"]), INVALID),
    ];
    check(&json!(["::1"]), "ipAddress", "ipAddresses", &table);

    let table = [
        (json!("2024-02-03 04:05:06"), Ok(json!("2024-02-03T04:05:06Z"))),
        (json!("2024-02-03T04:05:06+01:00"), Ok(json!("2024-02-03T03:05:06Z"))),
        (json!("Sat, 03 Feb 2024 04:05:06 +0000"), Ok(json!("2024-02-03T04:05:06Z"))),
        (json!("February 3rd, 2024 4:05am"), Ok(json!("2024-02-03T04:05:00Z"))),
        (json!("@1706933106"), Ok(json!("2024-02-03T04:05:06Z"))),
        (json!(null), Ok(json!("d"))),
        (json!("@"), INVALID),
        (json!("@99999999999999999999"), INVALID),
        (json!("@9999999999999"), INVALID),
        (json!("Mon"), INVALID),
        (json!("yesterday"), INVALID),
    ];
    check(&json!("d"), "lastActive", "lastActive", &table);
}

/// `last_active` is a field and `lastActive` is a reserved key. Both must hold the same time.
#[test]
fn last_active_and_the_field_of_that_name_agree() {
    let before = json!({"fields": {"last_active": "2020-01-01 00:00:00"}, "lastActive": "2020-01-01T00:00:07Z"});
    let (old, old_field) = (json!("2020-01-01T00:00:07Z"), json!("2020-01-01 00:00:00"));
    for (operation, item, key, field) in [
        (Operation::Update, json!({}), &old, &old_field),
        (Operation::Update, json!({"last_active": ""}), &old, &old_field),
        (Operation::Update, json!({"last_active": "", "overwriteWithBlank": 1}), &json!(null), &json!(null)),
        (
            Operation::Update,
            json!({"last_active": "2021-02-03 04:05:06"}),
            &json!("2021-02-03T04:05:00Z"),
            &json!("2021-02-03 04:05:00"),
        ),
        (
            Operation::Update,
            json!({"lastActive": "2021-02-03 04:05:06"}),
            &json!("2021-02-03T04:05:06Z"),
            &json!("2021-02-03 04:05:00"),
        ),
        (
            Operation::Update,
            json!({"lastActive": "2021-02-03", "last_active": "2022-02-03"}),
            &json!("2022-02-03T00:00:00Z"),
            &json!("2022-02-03 00:00:00"),
        ),
        (Operation::Replace, json!({}), &json!(null), &json!(null)),
        (Operation::Replace, json!({"last_active": "2020-01-01"}), &old, &old_field),
        (
            Operation::Replace,
            json!({"lastActive": "2021-02-03"}),
            &json!("2021-02-03T00:00:00Z"),
            &json!("2021-02-03 00:00:00"),
        ),
    ] {
        let mut item = item;
        item["id"] = json!(5);
        let contact = Stored { id: 5, document: before.to_string() };
        let after = document(one(operation, &profile(&[]), &[contact], &item.to_string()));
        assert_eq!((&after["lastActive"], &after["fields"]["last_active"]), (key, field), "{item}");
    }
}
