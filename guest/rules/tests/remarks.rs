//! What an item's sender is told besides the item's outcome.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{Operation, Outcome, Remarks};
use common::{batch, profile};

fn remarks(outcome: Outcome) -> Remarks {
    match outcome {
        Outcome::Write(write) => write.remarks,
        Outcome::Reject(rejection) => rejection.remarks,
    }
}

fn told(operation: Operation, item: &str) -> Remarks {
    remarks(batch(operation, &profile(&[]), &[], &[item]).remove(0))
}

#[test]
fn members_that_no_field_knows_are_told() {
    for (item, expected) in [
        (r#"{"email":"a@b.co","tags":["x"],"id":null,"overwriteWithBlank":true}"#, &[][..]),
        // A new contact is not found by its id.
        (r#"{"id":7,"email":"a@b.co"}"#, &["id"]),
        (r#"{"id":" ","email":"a@b.co"}"#, &[]),
        (r#"{"Email":"a@b.co","e-mail":1,"email":"a@b.co"}"#, &["Email", "e-mail"]),
        (
            r#"{"utmtags":[],"frequencyRules":{},"dateAdded":"x","fields":{}}"#,
            &["utmtags", "frequencyRules", "dateAdded", "fields"],
        ),
        (r#"{"x":1,"x":2,"":3,"\u0000":4}"#, &["x", "", "\0"]),
        // A refused item's, too; not those of an item that cannot be read.
        (r#"{"email":"no","x":1}"#, &["x"]),
        (r#"{"x":1"#, &[]),
        ("7", &[]),
    ] {
        assert_eq!(told(Operation::Create, item).ignored, expected, "{item}");
    }
    assert_eq!(told(Operation::Update, r#"{"id":404,"x":1}"#).ignored, ["x"]);
}

#[test]
fn names_are_told_within_bounds() {
    let members: Vec<String> = (0..300).map(|number| format!(r#""{}{number}":1"#, "é".repeat(200))).collect();
    let told = told(Operation::Create, &format!("{{{}}}", members.join(",")));
    assert_eq!((told.ignored.len(), told.ignored_more), (1, 0), "cut names are alike");
    let members: Vec<String> = (0..300).map(|number| format!(r#""{number}{}":1"#, "é".repeat(200))).collect();
    let told = self::told(Operation::Create, &format!("{{{}}}", members.join(",")));
    assert_eq!((told.ignored.len(), told.ignored_more), (100, 200));
    assert!(told.ignored.iter().all(|name| name.len() <= 100 && name.ends_with('…')));
}

#[test]
fn a_value_that_is_stored_although_it_is_odd_is_a_warning() {
    let warnings = |item: &str| -> Vec<(String, &str)> {
        let warnings = told(Operation::Create, item).warnings;
        warnings.into_iter().map(|warning| (warning.field, warning.code)).collect()
    };
    for unknown in ["Nowhere at all", "TX", "Bra'ov"] {
        let item = serde_json::json!({"state": unknown}).to_string();
        assert_eq!(warnings(&item), [("state".to_owned(), "unknown_region")], "{item}");
    }
    for known in
        ["Texas", "texas", "Bavaria", "Blekinge lan", "S\u{e3}o Paulo", "<b>Sa\u{303}o Paulo</b>", "mazowieckie"]
    {
        let item = serde_json::json!({"state": known}).to_string();
        assert_eq!(warnings(&item), [], "{item}");
    }
    for item in [r#"{"state":""}"#, r#"{"state":["Texas"]}"#, "{}"] {
        assert_eq!(warnings(item), [], "{item}");
    }
    // `price` has a scale, `points` has none.
    for item in [r#"{"points":3.5}"#, r#"{"points":"3,5"}"#, r#"{"points":"-0.5","price":1.25}"#] {
        assert_eq!(warnings(item), [("points".to_owned(), "decimals_not_shown")], "{item}");
    }
    for item in [r#"{"points":3}"#, r#"{"points":"3.0"}"#, r#"{"points":"","price":1.25}"#] {
        assert_eq!(warnings(item), [], "{item}");
    }
}
