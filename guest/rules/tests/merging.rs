//! The contact that an item applies to, the changes that it makes, and the order of items within a batch.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{FieldEntry, Key, Operation, Outcome, Session, Stored, Target, UniqueKey};
use common::{NOW, batch, document, entry, one, profile, reject, stored, write};
use serde_json::{Value, json};

use Operation::{Create, Replace, Update};

fn old() -> Stored {
    stored(5, r#"{"email":"Old@b.co","firstname":"Old","points":5,"colour":"r","sizes":"1|2","member":true}"#)
}

/// Asserts that the contact [`old`] has the fields `expected` after `item`, and that it is dated if they are others.
fn check(operation: Operation, item: &Value, expected: &Value) {
    let outcome = one(operation, &profile(&[]), &[old()], &item.to_string());
    let written = write(outcome);
    assert_eq!((written.target, written.status), (Target::Existing(5), 200), "{item}");
    let stored: Value = serde_json::from_str(&written.document).unwrap();
    assert_eq!(&stored["fields"], expected, "{operation:?} {item}");
    let before: Value = serde_json::from_str(&old().document).unwrap();
    let modified = if *expected == before["fields"] { Value::Null } else { json!(NOW) };
    assert_eq!((&stored["dateAdded"], &stored["dateModified"]), (&json!("2020-01-06T00:00:00Z"), &modified), "{item}");
}

#[test]
fn an_update_changes_only_the_fields_that_were_sent() {
    let rest = json!({"email":"Old@b.co","firstname":"Old","points":5,"colour":"r","sizes":"1|2","member":true});
    let with = |alias: &str, value: Value| {
        let mut fields = rest.clone();
        fields[alias] = value;
        fields
    };
    let without = |alias: &str| {
        let mut fields = rest.clone();
        fields.as_object_mut().unwrap().remove(alias);
        fields
    };
    for (operation, name, value) in
        [(Update, "id", json!(5)), (Update, "id", json!("5")), (Create, "email", json!("OLD@b.co "))]
    {
        let edited = |alias: &str, sent: Value| {
            let mut item = json!({ name: value });
            item[alias] = sent;
            item
        };
        let rest_with_email = |mut fields: Value| {
            if name == "email" {
                fields["email"] = json!("OLD@b.co");
            }
            fields
        };
        check(operation, &edited("unknown", json!(1)), &rest_with_email(rest.clone()));
        check(operation, &edited("firstname", json!("New")), &rest_with_email(with("firstname", json!("New"))));
        check(operation, &edited("points", json!(0)), &rest_with_email(with("points", json!(0))));
        check(operation, &edited("member", json!(false)), &rest_with_email(with("member", json!(false))));
        check(operation, &edited("firstname", json!("0")), &rest_with_email(with("firstname", json!("0"))));
        for blank in [json!(""), json!(null)] {
            for alias in ["firstname", "points", "colour", "sizes", "member"] {
                let mut item = edited(alias, blank.clone());
                check(operation, &item, &rest_with_email(rest.clone()));
                for off in [json!(false), json!(0), json!("0"), json!(null), json!("")] {
                    item["overwriteWithBlank"] = off;
                    check(operation, &item, &rest_with_email(rest.clone()));
                }
                for on in [json!(true), json!(1), json!("1"), json!("true"), json!("false")] {
                    item["overwriteWithBlank"] = on;
                    check(operation, &item, &rest_with_email(without(alias)));
                }
            }
        }
    }
}

#[test]
fn a_replacement_clears_fields_that_were_not_sent() {
    check(Replace, &json!({"id": 5}), &json!({}));
    check(Replace, &json!({"id": 5, "points": 0}), &json!({"points": 0}));
    check(Replace, &json!({"id": 5, "firstname": "New", "city": ""}), &json!({"firstname": "New"}));
    // A blank number is shown as 0, so 0 leaves it blank.
    check(Replace, &json!({"id": 5, "firstname": "New", "amount": 0}), &json!({"firstname": "New"}));
}

#[test]
fn a_replacement_keeps_the_values_of_reserved_keys() {
    let contact = Stored {
        id: 5,
        document: r#"{"fields":{"firstname":"A"},"owner":1,"stage":7,"tags":["x"],"companies":[3],"dateAdded":"d"}"#
            .into(),
    };
    let kept = document(one(Replace, &profile(&[]), &[contact], r#"{"id":5}"#));
    assert_eq!((&kept["owner"], &kept["stage"]), (&json!(1), &json!(7)));
    assert_eq!((&kept["tags"], &kept["companies"]), (&json!(["x"]), &json!([3])));
}

#[test]
fn a_missing_contact_is_404_for_an_update_and_is_created_otherwise() {
    for item in [r#"{"firstname":"x"}"#, r#"{"id":99}"#, r#"{"id":"x"}"#, r#"{"id":null}"#, r#"{"id":99,"points":"x"}"#]
    {
        let rejection = reject(one(Update, &profile(&[]), &[old()], item));
        assert_eq!((rejection.status, rejection.message.as_str()), (404, "Item was not found."), "{item}");
        assert!(rejection.api_style && rejection.details.is_empty());
        assert_eq!(rejection.id, item.contains("99").then_some(99));
    }
    for item in [r#"{"firstname":"x"}"#, r#"{"id":99,"firstname":"x"}"#, r#"{"id":"x","firstname":"x"}"#] {
        let written = write(one(Replace, &profile(&[]), &[old()], item));
        assert_eq!((written.target, written.status), (Target::New, 201), "{item}");
    }
    let written = write(one(Create, &profile(&[]), &[old()], r#"{"id":5,"firstname":"x"}"#));
    assert_eq!((written.target, written.status), (Target::New, 201), "create ignores the id");
}

#[test]
fn an_item_that_is_not_a_json_object_is_rejected() {
    for item in ["7", "\"x\"", "null", "true", "[]", "[{\"email\":\"a@b.co\"}]", " 1"] {
        for operation in [Create, Replace, Update] {
            let rejection = reject(one(operation, &profile(&[]), &[], item));
            assert_eq!((rejection.status, rejection.message.as_str()), (400, "A contact must be a JSON object."));
            assert!(rejection.api_style);
        }
    }
    for item in ["", "{", r#"{"email":"a"#, r#"{"\ud800":1}"#, "{}x"] {
        let rejection = reject(one(Create, &profile(&[]), &[], item));
        assert_eq!((rejection.status, rejection.api_style), (400, true), "{item}");
    }
    let nested = format!(r#"{{"firstname":"A","deep":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    write(one(Create, &profile(&[]), &[], &nested));
    let nested = format!(r#"{{"firstname":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    reject(one(Create, &profile(&[]), &[], &nested));
}

#[test]
fn the_last_value_of_a_repeated_name_counts() {
    let stored =
        document(one(Create, &profile(&[]), &[], r#"{"points":"x","points":1,"firstname":"A","firstname":""}"#));
    assert_eq!(stored["fields"], json!({"points": 1}));
    let outcome = one(Create, &profile(&[]), &[], r#"{"email":"a@b.co","points":1,"email":"no","owner":1,"owner":9}"#);
    let rejected: Vec<String> = reject(outcome).details.into_iter().map(|complaint| complaint.field).collect();
    assert_eq!(rejected, ["email", "owner"]);
    let told =
        write(one(Create, &profile(&[]), &[], r#"{"state":"TX","points":0.5,"owner":9,"state":"Texas","owner":1}"#));
    let warned: Vec<String> = told.remarks.warnings.into_iter().map(|warning| warning.field).collect();
    assert_eq!(warned, ["points"]);
    // More members than the catalogue has fields.
    let members = (0..500).map(|number| format!(r#""city":"City {number}","zipcode":{number},"company":"Last""#));
    let text = format!(r#"{{"firstname":"First",{}}}"#, members.collect::<Vec<_>>().join(","));
    let stored = document(one(Create, &profile(&[]), &[], &text));
    let expected = json!({"firstname": "First", "company": "Last", "city": "City 499", "zipcode": "499"});
    assert_eq!(stored["fields"], expected);
}

fn targets(outcomes: Vec<Outcome>) -> Vec<(Target, u16)> {
    outcomes.into_iter().map(write).map(|write| (write.target, write.status)).collect()
}

#[test]
fn an_item_applies_to_contacts_of_earlier_items() {
    let items = [
        r#"{"email":"dup@b.co","firstname":"One"}"#,
        r#"{"email":"DUP@b.co","lastname":"Two"}"#,
        r#"{"email":"other@b.co"}"#,
        r#"{"email":" dup@b.co ","city":"Three"}"#,
    ];
    let outcomes = batch(Create, &profile(&[]), &[], &items);
    let last = document(outcomes[3].clone());
    assert_eq!(last["fields"], json!({"email":"dup@b.co","firstname":"One","lastname":"Two","city":"Three"}));
    let expected = [(Target::New, 201), (Target::Earlier(0), 200), (Target::New, 201), (Target::Earlier(0), 200)];
    assert_eq!(targets(outcomes), expected);

    let items = [r#"{"id":5,"points":1}"#, r#"{"id":5,"firstname":"B"}"#, r#"{"id":5,"points":2}"#];
    let outcomes = batch(Update, &profile(&[]), &[old()], &items);
    let last = document(outcomes[2].clone());
    assert_eq!((&last["fields"]["points"], &last["fields"]["firstname"]), (&json!(2), &json!("B")));
    assert_eq!(targets(outcomes), [(Target::Existing(5), 200); 3]);
}

#[test]
fn a_rejected_item_has_no_effect_on_later_items() {
    let items = [r#"{"email":"a@b.co","points":"x"}"#, r#"{"email":"a@b.co"}"#];
    let mut outcomes = batch(Create, &profile(&[]), &[], &items);
    assert_eq!(write(outcomes.remove(1)).target, Target::New);
}

#[test]
fn a_unique_value_belongs_to_one_contact() {
    let other = stored(6, r#"{"email":"other@b.co"}"#);
    let contacts = [old(), other];
    for item in [r#"{"id":5,"email":"OTHER@b.co"}"#, r#"{"id":5,"firstname":"x","email":"other@b.co"}"#] {
        for operation in [Update, Replace] {
            let rejection = reject(one(operation, &profile(&[]), &contacts, item));
            assert_eq!((rejection.status, rejection.id, rejection.api_style), (422, Some(5), false));
            assert_eq!(rejection.message, "email: This field must be unique.");
            let [complaint] = &rejection.details[..] else { panic!("{rejection:?}") };
            assert_eq!((complaint.field.as_str(), complaint.code.as_ref()), ("email", "not_unique"));
            assert_eq!(complaint.messages, ["This field must be unique."]);
        }
    }
    assert_eq!(reject(one(Replace, &profile(&[]), &contacts, r#"{"email":"other@b.co"}"#)).status, 422);
    let both = reject(one(Update, &profile(&[]), &contacts, r#"{"id":5,"points":"x","email":"other@b.co"}"#));
    assert_eq!(both.status, 422, "a clash sets the status even if there are other errors");
    assert_eq!(both.message, "email: This field must be unique., points: This value is not valid.");

    // An address is free after an earlier item has changed it.
    let items = [r#"{"id":5,"email":"new@b.co"}"#, r#"{"id":6,"email":"old@b.co"}"#];
    assert_eq!(targets(batch(Update, &profile(&[]), &contacts, &items)).len(), 2);
    // An address is taken after an earlier item has set it.
    let items = [r#"{"id":5,"email":"new@b.co"}"#, r#"{"id":6,"email":"New@b.co"}"#];
    assert_eq!(reject(batch(Update, &profile(&[]), &contacts, &items).remove(1)).status, 422);
}

#[test]
fn plan_and_write_return_normalized_keys() {
    let with_code = profile(&[FieldEntry { is_unique: Some(true), ..entry("code", "text") }]);
    let key = |field: &str, value: &str| UniqueKey { field: field.to_owned(), value: value.to_owned() };
    let mut session = Session::new(Update, with_code.clone());
    let planned = session.plan(vec![r#"{"id":"5","code":" ÄB ","email":"A@b.co"}"#.to_owned(), "7".to_owned()]);
    // The last key is how an earlier version may have stored the letter.
    let codes = ["äb", "a\u{308}b"].map(|value| Key::Unique(key("code", value)));
    let expected = [&[Key::Id(5), Key::Unique(key("email", "a@b.co"))], codes.as_slice()].concat();
    assert_eq!(planned, [expected, Vec::new()]);

    let written = write(one(Update, &with_code, &[old()], r#"{"id":5,"code":"X"}"#));
    assert_eq!(written.keys, [key("email", "old@b.co"), key("code", "x")]);
}

#[test]
fn unique_values_are_compared_in_any_form_of_unicode() {
    let with_code = profile(&[FieldEntry { is_unique: Some(true), ..entry("code", "text") }]);
    let forms = ["M\u{fc}ller \u{c5}", "Mu\u{308}ller \u{212b}", "mu\u{308}ller a\u{30a}"];
    // The second one is in no form. An earlier version's key of it is found by the very same text.
    let pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (2, 0), (2, 1), (2, 2)];
    for (before, sent) in pairs.map(|(before, sent)| (forms[before], forms[sent])) {
        let contact = stored(5, &json!({ "code": before }).to_string());
        let item = json!({"code": sent, "city": "B"}).to_string();
        let written = write(one(Create, &with_code, std::slice::from_ref(&contact), &item));
        assert_eq!(written.target, Target::Existing(5), "{before} {sent}");
        let value = "m\u{fc}ller \u{e5}".to_owned();
        assert_eq!(written.keys, [UniqueKey { field: "code".to_owned(), value }]);
        let fields: Value = serde_json::from_str(&written.document).unwrap();
        assert_eq!(fields["fields"]["code"], sent, "the value is stored as it was sent");

        let other = json!({"id": 6, "code": sent}).to_string();
        let contacts = [contact, stored(6, r#"{"code":"x"}"#)];
        assert_eq!(reject(one(Update, &with_code, &contacts, &other)).status, 422);
    }
    let items = forms.map(|form| json!({ "code": form }).to_string());
    let outcomes = batch(Create, &with_code, &[], &items.each_ref().map(String::as_str));
    assert_eq!(targets(outcomes), [(Target::New, 201), (Target::Earlier(0), 200), (Target::Earlier(0), 200)]);
}

#[test]
fn a_number_that_comes_back_as_it_was_shown_changes_nothing() {
    let fields = |contact: &str, sent: Value| -> Vec<Value> {
        let contact = stored(5, contact);
        let mut item = sent;
        item["id"] = json!(5);
        let written =
            |operation| document(one(operation, &profile(&[]), std::slice::from_ref(&contact), &item.to_string()));
        [Replace, Update].map(|operation| written(operation)["fields"].clone()).to_vec()
    };
    for (before, sent) in [
        (r#"{"points":2.7}"#, json!({"points": 2})),
        (r#"{"points":2.7}"#, json!({"points": "2"})),
        (r#"{"points":-0.5}"#, json!({"points": 0})),
        (r#"{"points":2.7}"#, json!({"points": 2.7})),
        (r#"{"price":1.5}"#, json!({"price": "1.50"})),
        (r#"{"price":3}"#, json!({"price": "3.0"})),
        ("{}", json!({"points": 0, "price": "0.0"})),
    ] {
        let expected: Value = serde_json::from_str(before).unwrap();
        assert_eq!(fields(before, sent.clone()), [expected.clone(), expected], "{before} {sent}");
    }
    for (before, sent, expected) in [
        (r#"{"points":2.7}"#, json!({"points": 3}), json!({"points": 3})),
        (r#"{"points":2}"#, json!({"points": 2.5}), json!({"points": 2.5})),
        (r#"{"price":1.5}"#, json!({"price": 1.25}), json!({"price": 1.25})),
    ] {
        assert_eq!(fields(before, sent.clone()), [expected.clone(), expected], "{before} {sent}");
    }
}

/// Programs send 0 for what is missing. It must not make two strangers one contact.
#[test]
fn zero_identifies_nobody() {
    let unique = |kind: &str| FieldEntry { is_unique: Some(true), ..entry(kind, kind) };
    let fields = profile(&["text", "number", "tel"].map(unique));
    for (alias, value) in [("text", json!("0")), ("number", json!(0)), ("number", json!("0.0")), ("tel", json!(0))] {
        let item = json!({ alias: value }).to_string();
        let outcomes = batch(Create, &fields, &[stored(5, &item)], &[&item, &item]);
        assert!(outcomes.iter().all(|outcome| write(outcome.clone()).keys.is_empty()));
        assert_eq!(targets(outcomes), [(Target::New, 201), (Target::New, 201)], "{item}");
        let mut session = Session::new(Create, fields.clone());
        assert_eq!(session.plan(vec![item]), [Vec::new()]);
    }
    for value in [json!("00"), json!("0x"), json!("10"), json!("O")] {
        let item = json!({ "text": value }).to_string();
        let outcomes = batch(Create, &fields, &[], &[&item, &item]);
        assert_eq!(targets(outcomes), [(Target::New, 201), (Target::Earlier(0), 200)], "{item}");
    }
}

/// What a program sends where there is no address is refused. So it makes nobody another contact.
#[test]
fn what_is_no_address_finds_no_contact() {
    let contacts = [
        stored(1, r#"{"email":"lina@b.co","firstname":"Lina"}"#),
        stored(2, r#"{"email":"0"}"#),
        stored(3, r#"{"email":"mailtolina@b.co"}"#),
    ];
    for sent in
        ["li/na@b.co", "li:na@b.co", "\"lina\"@b.co", "<lina@b.co", "mailto:lina@b.co", "l ina@b.co", "0", "n/a"]
    {
        let item = json!({"email": sent, "firstname": "Stranger"}).to_string();
        let rejection = reject(one(Create, &profile(&[]), &contacts, &item));
        assert_eq!(rejection.message, "email: A valid email is required.", "{sent}");
        let mut session = Session::new(Create, profile(&[]));
        assert_eq!(session.plan(vec![item]), [Vec::new()], "{sent}");
    }
    let city = write(one(Update, &profile(&[]), &contacts, r#"{"id":2,"city":"B"}"#));
    assert!(city.keys.is_empty() && city.document.contains(r#""email":"0""#), "what was stored before stays");
}

#[test]
fn a_byte_order_mark_before_a_name_is_ignored() {
    let merged = write(one(Create, &profile(&[]), &[old()], "{\"\u{feff}email\":\"old@b.co\",\"city\":\"B\"}"));
    assert_eq!(merged.target, Target::Existing(5));
    let updated = write(one(Update, &profile(&[]), &[old()], r#"{"\ufeffid":5,"city":"B"}"#));
    assert_eq!(updated.target, Target::Existing(5));
    let last = document(one(Create, &profile(&[]), &[], r#"{"\ufeffcity":"A","city":"B","\ufefftags":["t"]}"#));
    assert_eq!((&last["fields"], &last["tags"]), (&json!({"city": "B"}), &json!(["t"])));
    let unknown = document(one(Create, &profile(&[]), &[], r#"{"ci\ufeffty":"A","city\ufeff":"B"}"#));
    assert_eq!(unknown["fields"], json!({}));
    // The name without it counts, wherever it stands, and the other one is told.
    for (item, ignored) in [
        (r#"{"city":"B","\ufeffcity":"A"}"#, "\u{feff}city"),
        (r#"{"\ufeffcity":"A","city":"B"}"#, "\u{feff}city"),
        (r#"{"\ufeffcity":"A","city":"X","\ufeff\ufeffcity":"A","city":"B"}"#, "\u{feff}city"),
        (r#"{"city":"B","tags":["t"],"\ufefftags":["x"]}"#, "\u{feff}tags"),
    ] {
        let written = write(one(Create, &profile(&[]), &[], item));
        assert_eq!(written.remarks.ignored, [ignored], "{item}");
        let fields = document(one(Create, &profile(&[]), &[], item))["fields"].clone();
        assert_eq!(fields, json!({"city": "B"}), "{item}");
    }
    let named = write(one(Update, &profile(&[]), &[old()], r#"{"id":5,"\ufeffid":6,"city":"B"}"#));
    assert_eq!((named.target, named.remarks.ignored), (Target::Existing(5), vec![String::from("\u{feff}id")]));
    let twice = write(one(Create, &profile(&[]), &[], r#"{"\ufeffcity":"A","\ufeffcity":"B"}"#));
    assert_eq!(twice.remarks.ignored, [""; 0], "the last of equal names counts, as without a mark");
}

#[test]
fn create_merges_into_the_newest_of_several_matches() {
    let with_code = profile(&[FieldEntry { is_unique: Some(true), ..entry("code", "text") }]);
    let contacts = [stored(1, r#"{"email":"a@b.co"}"#), stored(2, r#"{"code":"x"}"#)];
    let rejection = reject(one(Create, &with_code, &contacts, r#"{"email":"a@b.co","code":"x"}"#));
    assert_eq!((rejection.status, rejection.message.as_str()), (422, "email: This field must be unique."));
}

#[test]
fn a_required_field_must_not_be_blank() {
    let strict = profile(&[
        FieldEntry { is_required: Some(true), alias: "firstname".to_owned(), ..FieldEntry::default() },
        FieldEntry { is_required: Some(true), alias: "country".to_owned(), ..FieldEntry::default() },
    ]);
    let both = "firstname: This field is required., country: This field is required.";
    let first = "firstname: This field is required.";
    for (operation, item, expected) in [
        (Create, r#"{"email":"x@b.co"}"#, Some(both)),
        (Replace, r#"{"id":5,"email":"a@b.co"}"#, Some(both)),
        (Replace, r#"{"email":"a@b.co","country":"Germany"}"#, Some(first)),
        (Update, r#"{"id":5,"email":"a@b.co"}"#, None),
        (Create, r#"{"email":"old@b.co"}"#, None),
        (Update, r#"{"id":5,"firstname":""}"#, Some(first)),
        (Create, r#"{"email":"old@b.co","firstname":"  "}"#, Some(first)),
    ] {
        match (one(operation, &strict, &[old()], item), expected) {
            (Outcome::Write(_), None) => {}
            (Outcome::Reject(rejection), Some(text)) => assert_eq!(rejection.message, text, "{item}"),
            (outcome, _) => panic!("{item}: {outcome:?}"),
        }
    }
}

#[test]
fn a_document_of_any_shape_is_read() {
    for document in ["", "x", "7", "[]", "{", r#"{"fields":7}"#, r#"{"fields":{"firstname":[1],"points":{}},"tags":7}"#]
    {
        let contact = Stored { id: 5, document: document.to_owned() };
        assert_eq!(write(one(Update, &profile(&[]), &[contact], r#"{"id":5,"city":"B"}"#)).target, Target::Existing(5));
    }
    let orphaned = stored(5, r#"{"gone":1.5,"city":"A"}"#);
    let kept = document(one(Replace, &profile(&[]), &[orphaned], r#"{"id":5}"#));
    assert_eq!(kept["fields"], json!({"gone":1.5}), "values of fields that are no longer in the catalogue are kept");
}

#[test]
fn a_contact_has_a_maximum_size() {
    let wide: Vec<_> =
        (0..5).map(|n| FieldEntry { max_length: Some(65_535), ..entry(&format!("note{n}"), "textarea") }).collect();
    let text = "x".repeat(60_000);
    let item = json!({"note0": text, "note1": text, "note2": text, "note3": text, "note4": text}).to_string();
    let rejection = reject(one(Create, &profile(&wide), &[], &item));
    assert_eq!(
        (rejection.status, rejection.message.as_str()),
        (400, "A stored contact may have at most 262144 bytes.")
    );
}

#[test]
fn decide_covers_the_last_plan_and_nothing_else() {
    let mut session = Session::new(Create, profile(&[]));
    assert_eq!(session.decide(vec![old()], Vec::new()), []);
    session.plan(vec!["{}".to_owned(), "{}".to_owned()]);
    session.plan(vec!["{}".to_owned()]);
    assert_eq!(session.decide(Vec::new(), Vec::new()).len(), 1);
    assert_eq!(session.decide(Vec::new(), Vec::new()), []);
}

#[test]
fn a_contact_without_a_name_and_a_unique_value_is_marked_as_anonymous() {
    let unique = FieldEntry { is_unique: Some(true), ..entry("number", "text") };
    let profile = profile(&[unique]);
    for (item, is_anonymous) in [
        (json!({}), true),
        (json!({"city": "Bonn", "points": 3}), true),
        (json!({"firstname": "Eve"}), false),
        (json!({"lastname": "Eve"}), false),
        (json!({"email": "eve@example.com"}), false),
        (json!({"number": "7"}), false),
    ] {
        let words = write(one(Create, &profile, &[], &item.to_string())).words;
        assert_eq!(words.contains('\u{f0000}'), is_anonymous, "{item}: {words}");
    }
}
