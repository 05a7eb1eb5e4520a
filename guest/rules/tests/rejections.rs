//! The content of a rejection: the order of errors, one text for each field, and a validator's objections.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{FieldEntry, Objection, Operation, Outcome, Rejection, Session};
use common::{profile, reject};

const INVALID: &str = "This value is not valid.";

fn objection(index: u32, field: &str, message: &str) -> Objection {
    Objection { index, field: field.to_owned(), code: "own_code".to_owned(), message: message.to_owned() }
}

fn decide(operation: Operation, items: &[&str], objections: Vec<Objection>) -> Vec<Outcome> {
    let mut session = Session::new(operation, profile(&[]));
    session.plan(items.iter().map(|&item| item.to_owned()).collect());
    session.decide(Vec::new(), objections)
}

fn details(rejection: &Rejection) -> Vec<(&str, &str)> {
    rejection.details.iter().map(|complaint| (complaint.field.as_str(), complaint.messages[0].as_str())).collect()
}

#[test]
fn errors_are_in_catalogue_order() {
    let item = r#"{"tags":{"a":1},"owner":99,"points":"abc","country":"Narnia","email":"x","stage":1}"#;
    let rejection = reject(decide(Operation::Create, &[item], Vec::new()).remove(0));
    let expected = [
        ("email", "A valid email is required."),
        ("points", INVALID),
        ("country", INVALID),
        ("tags", INVALID),
        ("owner", INVALID),
        ("stage", INVALID),
    ];
    assert_eq!(details(&rejection), expected);
    let message: Vec<_> = expected.iter().map(|(alias, text)| format!("{alias}: {text}")).collect();
    assert_eq!(rejection.message, message.join(", "));
    assert_eq!(rejection.status, 400);
}

#[test]
fn objections_are_merged_with_errors() {
    let objections = vec![
        objection(0, "zeta", "Outside."),
        objection(0, "points", "Too few."),
        objection(0, "email", "First."),
        objection(0, "email", "Not this domain."),
        objection(0, "alpha", "Outside, too."),
        objection(2, "city", "No."),
        objection(99, "city", "There is no such item."),
    ];
    let items = [r#"{"email":"x","city":1,"country":"x"}"#, "{}", r#"{"city":"A"}"#];
    let mut outcomes = decide(Operation::Create, &items, objections);
    let third = reject(outcomes.remove(2));
    assert_eq!((third.message.as_str(), third.status, third.api_style), ("city: No.", 400, false));
    assert!(matches!(outcomes.remove(1), Outcome::Write(_)));
    let expected = [
        ("email", "Not this domain."),
        ("points", "Too few."),
        ("country", INVALID),
        ("zeta", "Outside."),
        ("alpha", "Outside, too."),
    ];
    assert_eq!(details(&reject(outcomes.remove(0))), expected);
}

#[test]
fn an_objection_does_not_change_the_answer_of_an_unread_item() {
    let objections = vec![objection(0, "email", "No."), objection(1, "email", "No.")];
    let mut outcomes = decide(Operation::Update, &["7", r#"{"id":3}"#], objections);
    assert_eq!(reject(outcomes.remove(1)).status, 404);
    assert_eq!(reject(outcomes.remove(0)).message, "A contact must be a JSON object.");
}

#[test]
fn the_size_of_a_rejection_is_limited() {
    let many = (0..1_000).map(|n| objection(0, &format!("f{n}"), &"é".repeat(500))).collect();
    let rejection = reject(decide(Operation::Create, &["{}"], many).remove(0));
    assert!(rejection.details.len() <= 256 && rejection.message.len() <= 16 * 1024);
    let text: usize =
        rejection.details.iter().map(|complaint| complaint.field.len() + complaint.messages[0].len()).sum();
    assert!(text <= 64 * 1024);
}

#[test]
fn each_field_has_a_code_for_programs() {
    let required = FieldEntry { is_required: Some(true), ..common::entry("city", "text") };
    let profile = profile(&[required]);
    let taken = common::stored(1, r#"{"email":"a@b.co"}"#);
    let mut session = Session::new(Operation::Replace, profile);
    session.plan(vec![r#"{"id":9,"email":"a@b.co","points":"x","owner":99}"#.to_owned()]);
    let rejection = reject(session.decide(vec![taken], vec![objection(0, "phone", "No.")]).remove(0));
    let codes: Vec<_> =
        rejection.details.iter().map(|complaint| (complaint.field.as_str(), complaint.code.as_ref())).collect();
    let expected = [
        ("email", "not_unique"),
        ("phone", "own_code"),
        ("points", "not_a_number"),
        ("city", "required"),
        ("owner", "not_a_choice"),
    ];
    assert_eq!(codes, expected);
}
