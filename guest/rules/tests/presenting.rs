//! The presentation of contacts.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{FieldEntry, Operation, Outcome, Stored, cells, present};
use common::{choices, entry, one, profile, shown, stored, write};
use serde_json::{Value, json};

#[test]
fn members_are_in_the_order_of_mautic() {
    let contacts = vec![Stored { id: 5, document: "{}".to_owned() }];
    let text = present(&profile(&[]), contacts).remove(0);
    let members = "isPublished dateAdded dateModified createdBy createdByUser modifiedBy modifiedByUser id points color \
                   fields lastActive owner ipAddresses tags utmtags stage dateIdentified preferredProfileImage \
                   doNotContact frequencyRules";
    let mut rest = text.as_str();
    for member in members.split(' ') {
        let at = rest.find(&format!("\"{member}\":")).unwrap_or_else(|| panic!("{member} in {text}"));
        rest = &rest[at..];
    }
    let contact: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(contact.as_object().unwrap().len(), members.split(' ').count());
    assert_eq!((&contact["ipAddresses"], &contact["fields"]["professional"]), (&json!([]), &json!([])));
    assert_eq!((&contact["points"], &contact["owner"]), (&json!(0), &json!(null)));
    assert_eq!(contact["fields"]["all"]["points"].to_string(), "0");
    assert_eq!(contact["fields"]["all"]["firstname"], json!(null));
}

#[test]
fn written_values_are_presented() {
    let item = json!({
        "email": "a@b.co", "points": 2.7, "price": 3, "amount": -2.5, "member": true, "colour": "b&c", "sizes": [1, 2],
        "twitter": "t", "owner": 1, "stage": 7, "companies": [3], "tags": "x", "ipAddress": "::1",
        "doNotContact": [{}], "lastActive": "2024-01-02",
    });
    let profile = profile(&[]);
    let written = write(one(Operation::Create, &profile, &[], &item.to_string()));
    let contact = shown(&profile, 12, &written.document);

    let all = &contact["fields"]["all"];
    assert_eq!((&all["id"], &all["email"], &all["points"]), (&json!(12), &json!("a@b.co"), &json!(2)));
    assert_eq!((&all["price"], &all["amount"], &all["sizes"]), (&json!(3.0), &json!(-2), &json!("1|2")));
    let colour = &contact["fields"]["core"]["colour"];
    assert_eq!((&colour["value"], &colour["normalizedValue"]), (&json!("b&c"), &json!("Blue & co")));
    assert_eq!((&colour["type"], &colour["alias"]), (&json!("select"), &json!("colour")));
    assert_eq!(contact["fields"]["social"]["twitter"]["value"], "t");

    assert_eq!((&contact["id"], &contact["points"]), (&json!(12), &json!(2)));
    assert_eq!(contact["dateAdded"], "2024-05-06T07:08:09+00:00");
    assert_eq!((&contact["dateModified"], &contact["lastActive"]), (&json!(null), &json!("2024-01-02T00:00:00+00:00")));
    assert_eq!(contact["owner"], json!({"id": 1, "username": "ann", "firstName": "Ann", "lastName": "Lee"}));
    assert_eq!((&contact["stage"]["id"], &contact["stage"]["name"]), (&json!(7), &json!("Lead")));
    assert_eq!(contact["tags"][0]["tag"], "x");
    assert_eq!(contact["ipAddresses"]["::1"]["ipAddress"], "::1");
    assert_eq!(
        (&contact["doNotContact"][0]["channel"], &contact["doNotContact"][0]["reason"]),
        (&json!("email"), &json!(3))
    );
}

#[test]
fn a_row_has_a_text_for_each_column() {
    let profile = profile(&[]);
    let row = |document: Value, columns: &[&str]| {
        let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
        let contact = Stored { id: 5, document: document.to_string() };
        let rows = cells(&profile, &columns, &[contact]);
        serde_json::from_str::<Vec<String>>(&rows[0]).unwrap()
    };
    let document = json!({
        "fields": {"email": "a@b.co", "points": 2.7, "member": true, "firstname": "A \"b\"\n"},
        "owner": 1, "stage": 8, "tags": ["x", "y"], "dateAdded": "2024-05-06T07:08:09Z",
    });
    for (columns, expected) in [
        (&["email", "points", "member", "firstname", "lastname"][..], &["a@b.co", "2", "true", "A \"b\"\n", ""][..]),
        (&["tags", "owner", "stage", "dateAdded", "lastActive"], &["x|y", "1", "", "2024-05-06T07:08:09+00:00", ""]),
        (&["nope", "email", "email"], &["", "a@b.co", "a@b.co"]),
        (&[], &[]),
    ] {
        assert_eq!(row(document.clone(), columns), expected, "{columns:?}");
    }
    for (tags, expected) in [
        (json!([]), ""),
        (json!(["x"]), "x"),
        (json!(["x|y"]), r#"["x|y"]"#),
        (json!([" x"]), r#"[" x"]"#),
        (json!(["[]"]), r#"["[]"]"#),
        (json!(["[1", "2"]), "[1|2"),
        (json!(["x", "y|z", "\"w\""]), r#"["x","y|z","\"w\""]"#),
    ] {
        assert_eq!(row(json!({"tags": tags}), &["tags"]), [expected]);
    }
}

/// A contact that the host would refuse to pass on must not be stored, because no list that contains the contact could be
/// shown.
#[test]
fn a_contact_that_cannot_be_presented_is_not_stored() {
    let profile = profile(&[]);
    let mut contact = stored(1, "{}");
    let mut refused = None;
    for round in 0..40 {
        let tags: Vec<String> = (0..1_000).map(|number| format!("{round}{number}")).collect();
        match one(Operation::Update, &profile, &[contact.clone()], &json!({"id": 1, "tags": tags}).to_string()) {
            Outcome::Write(write) => contact.document = write.document,
            Outcome::Reject(rejection) => {
                refused = Some(rejection);
                break;
            }
        }
    }
    let refused = refused.unwrap();
    let message = "A contact may have at most 1048576 bytes when it is shown.";
    assert_eq!((refused.status, refused.id, refused.message.as_str()), (400, Some(1), message));
    assert!(present(&profile, vec![contact]).remove(0).len() <= 1024 * 1024);
}

#[test]
fn values_replace_labels_that_are_too_long_together() {
    let label = "x".repeat(255);
    let profile = profile(&[FieldEntry {
        choices: choices(&[(&label, "a"), ("", "b")]),
        max_length: Some(65_535),
        ..entry("many", "multiselect")
    }]);
    for (values, expected) in [("b|b|a", format!("||{label}")), (&["a"; 17].join("|"), ["a"; 17].join("|"))] {
        let document = json!({"fields": {"many": values}}).to_string();
        assert_eq!(shown(&profile, 1, &document)["fields"]["core"]["many"]["normalizedValue"], expected);
    }
}
