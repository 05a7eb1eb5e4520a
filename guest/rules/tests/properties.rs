//! Properties that hold for any item, any document and any objection.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{FieldEntry, Objection, Operation, Outcome, Session, Stored, Target, cells, fields, present};
use common::profile;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![Just(Operation::Create), Just(Operation::Replace), Just(Operation::Update)]
}

fn name() -> impl Strategy<Value = String> {
    let known = "id|email|firstname|points|state|country|timezone|preferred_locale|website|last_active|attribution|\
                 colour|sizes|member|price|born|seen|at|notes|page|owner|stage|companies|tags|doNotContact|ipAddress|\
                 lastActive|overwriteWithBlank|fields";
    prop_oneof![8 => known, 1 => "\\PC{0,6}"]
}

/// Returns JSON values, some with invalid strings or extreme numbers.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just(r#""\ud800""#.to_owned()),
        Just("1e999".to_owned()),
        "-?[0-9]{1,25}(\\.[0-9]{1,20})?(e-?[0-9]{1,3})?",
        "\"[ -!#-\\[\\]-~]{0,20}\"",
        "\"[a-c]@[a-c]\\.co\"",
        "\"[0-9]{1,4}[-/.: T][0-9]{1,2}[-/.: T][0-9]{1,4}([T ][0-9:.+Z-]{1,9})?\"",
        "\"20[0-9]{2}-0[1-9]-[0-2][0-9] [0-2][0-9]:[0-5][0-9]( ?([A-Z]{1,4}|[+-][0-9:]{1,5}|\\[?(Europe/Berlin|us/eastern|[A-Za-z/_]{0,9})\\]?)){0,3}\"",
        "\"(<[a-z!/ =\"'>]{0,9}|&[a-z#0-9]{0,5};?){0,5}\""
            .prop_map(|text| { serde_json::to_string(text.trim_matches('"')).unwrap() }),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            vec((name(), inner.clone()), 0..4).prop_map(|members| object(&members)),
            vec(("-?[0-9]{1,2}", inner), 0..4).prop_map(|members| object(&members)),
        ]
    })
}

fn object(members: &[(String, String)]) -> String {
    let member = |(name, value): &(String, String)| format!("{}:{value}", serde_json::to_string(name).unwrap());
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
}

fn item() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => vec((name(), value()), 0..8).prop_map(|members| object(&members)),
        2 => (1..4_u8, vec((name(), value()), 0..4)).prop_map(|(id, mut members)| {
            members.push(("id".to_owned(), id.to_string()));
            object(&members)
        }),
        1 => value(),
        1 => any::<String>(),
    ]
}

fn stored() -> impl Strategy<Value = Vec<Stored>> {
    let document = prop_oneof![
        item(),
        vec((name(), value()), 0..6).prop_map(|fields| format!(r#"{{"fields":{}}}"#, object(&fields))),
    ];
    vec(document, 0..4)
        .prop_map(|documents| (1..).zip(documents).map(|(id, document)| Stored { id, document }).collect())
}

/// Returns members with values that their fields mostly accept, including blanks.
fn accepted() -> impl Strategy<Value = Vec<(String, String)>> {
    let text = |alias: &'static str| ("[ -~é\u{1f600}]{0,20}").prop_map(move |text| (alias, serde_json::json!(text)));
    let of = |alias: &'static str, values: Vec<serde_json::Value>| {
        proptest::sample::select(values).prop_map(move |value| (alias, value))
    };
    let number = |alias: &'static str| (-1e6..1e6_f64).prop_map(move |number| (alias, serde_json::json!(number)));
    let datetime = |alias: &'static str| {
        (1..=9999, 1..=12, 1..=28, 0..24, 0..60).prop_map(move |(year, month, day, hour, minute)| {
            (alias, serde_json::json!(format!("{year:04}-{month}-{day} {hour}:{minute}:07")))
        })
    };
    let json = |list: serde_json::Value| list.as_array().unwrap().clone();
    let member = prop_oneof![
        text("firstname"),
        text("notes"),
        text("page"),
        text("website"),
        "[a-z]{1,9}@[a-z]{1,9}\\.(co|DE)".prop_map(|address| ("email", serde_json::json!(address))),
        number("points"),
        number("amount"),
        number("price"),
        datetime("born"),
        datetime("seen"),
        datetime("last_active"),
        datetime("lastActive"),
        of("member", json(serde_json::json!([true, "no", 1, "", null]))),
        of("colour", json(serde_json::json!(["r", "b&c", "", null]))),
        of("sizes", json(serde_json::json!([["2", "1"], "1|1", 2, [], null]))),
        of("at", json(serde_json::json!(["00:00", "1:2", "10pm", ""]))),
        of("country", json(serde_json::json!(["Germany", "Türkiye", ""]))),
        of("state", json(serde_json::json!(["Texas", ""]))),
        of("owner", json(serde_json::json!([1, "1", null]))),
        of("companies", json(serde_json::json!([[3, 4], ["4"], []]))),
        of("tags", json(serde_json::json!(["a,b", ["-a"], ["c", "-b"]]))),
        of("doNotContact", json(serde_json::json!([[{}], [{"reason": 0}], [{"reason": 1, "channel": "sms"}]]))),
        of("ipAddress", json(serde_json::json!(["::1", "192.0.2.1"]))),
        of("overwriteWithBlank", json(serde_json::json!([true, false, "false", "0"]))),
    ];
    vec(member.prop_map(|(alias, value)| (alias.to_owned(), value.to_string())), 0..12)
}

fn decided(operation: Operation, found: Option<&str>, item: String) -> Option<String> {
    let mut session = Session::new(operation, profile(&[]));
    session.plan(vec![item]);
    let found = found.map(|document| Stored { id: 1, document: document.to_owned() });
    match session.decide(found.into_iter().collect(), Vec::new()).remove(0) {
        Outcome::Write(write) => Some(write.document),
        Outcome::Reject(_) => None,
    }
}

fn objection() -> impl Strategy<Value = Objection> {
    let code = String::from("own_code");
    (0..12_u32, name(), ".{0,9}").prop_map(move |(index, field, message)| Objection {
        index,
        field,
        code: code.clone(),
        message,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn every_item_has_one_valid_outcome(
        operation in operation(),
        items in vec(item(), 1..8),
        found in stored(),
        objections in vec(objection(), 0..3),
    ) {
        let profile = profile(&[]);
        let mut session = Session::new(operation, profile.clone());
        let keys = session.plan(items.clone());
        prop_assert_eq!(keys.len(), items.len());
        let ids: Vec<_> = found.iter().map(|stored| stored.id).collect();
        let outcomes = session.decide(found, objections.clone());
        prop_assert_eq!(outcomes.len(), items.len());

        for (index, outcome) in outcomes.iter().enumerate() {
            let remarks = match outcome {
                Outcome::Write(write) => &write.remarks,
                Outcome::Reject(rejection) => &rejection.remarks,
            };
            prop_assert!(remarks.warnings.len() <= 32 && remarks.ignored.len() <= 100);
            prop_assert!(remarks.ignored.iter().all(|name| name.len() <= 100));
            prop_assert!(remarks.warnings.iter().all(|one| profile.fields.iter().any(|field| field.alias == one.field)));
            match outcome {
                Outcome::Write(write) => {
                    prop_assert!(!objections.iter().any(|objection| objection.index as usize == index));
                    let expected = if write.target == Target::New { 201 } else { 200 };
                    prop_assert_eq!(write.status, expected);
                    match write.target {
                        Target::New => {}
                        Target::Existing(id) => prop_assert!(ids.contains(&id)),
                        Target::Earlier(earlier) => {
                            prop_assert!((earlier as usize) < index);
                            let is_new = matches!(&outcomes[earlier as usize], Outcome::Write(first) if first.target == Target::New);
                            prop_assert!(is_new);
                        }
                    }
                    let document: serde_json::Value = serde_json::from_str(&write.document).unwrap();
                    prop_assert!(document["fields"].is_object());
                    prop_assert!(write.keys.iter().all(|key| key.value.len() <= 1_024));
                    let shown = present(&profile, vec![Stored { id: 1, document: write.document.clone() }]);
                    let shown: serde_json::Value = serde_json::from_str(&shown[0]).unwrap();
                    prop_assert!(shown["fields"]["all"].is_object());
                }
                Outcome::Reject(rejection) => {
                    prop_assert!([400, 404, 422].contains(&rejection.status));
                    prop_assert_eq!(rejection.api_style, rejection.details.is_empty());
                    if !rejection.api_style {
                        let texts: Vec<_> =
                            rejection.details.iter().map(|one| format!("{}: {}", one.field, one.messages.join(""))).collect();
                        prop_assert_eq!(&rejection.message, &texts.join(", "));
                    }
                }
            }
        }
    }

    #[test]
    fn a_rejected_item_does_not_affect_other_items(operation in operation(), items in vec(item(), 1..6), found in stored()) {
        let decide = |items: Vec<String>| {
            let mut session = Session::new(operation, profile(&[]));
            session.plan(items);
            session.decide(found.clone(), Vec::new())
        };
        let outcomes = decide(items.clone());
        let is_write = |outcome: &Outcome| matches!(outcome, Outcome::Write(_));
        let accepted = items.iter().zip(&outcomes).filter(|(_, outcome)| is_write(outcome)).map(|(item, _)| item.clone());
        let again = decide(accepted.collect());
        let documents = |outcomes: &[Outcome]| -> Vec<String> {
            outcomes.iter().filter_map(|outcome| match outcome {
                Outcome::Write(write) => Some(write.document.clone()),
                Outcome::Reject(_) => None,
            }).collect()
        };
        prop_assert_eq!(documents(&outcomes), documents(&again));
    }

    #[test]
    fn a_document_survives_reading_and_writing(item in item()) {
        let profile = profile(&[]);
        let mut session = Session::new(Operation::Create, profile.clone());
        session.plan(vec![item]);
        let Some(Outcome::Write(write)) = session.decide(Vec::new(), Vec::new()).pop() else { return Ok(()) };
        let mut session = Session::new(Operation::Update, profile);
        session.plan(vec![r#"{"id":1}"#.to_owned()]);
        let found = vec![Stored { id: 1, document: write.document.clone() }];
        let Some(Outcome::Write(again)) = session.decide(found, Vec::new()).pop() else { panic!("not found") };
        let strip = |document: &str| {
            let mut document: serde_json::Value = serde_json::from_str(document).unwrap();
            document.as_object_mut().unwrap().remove("dateModified");
            document
        };
        prop_assert_eq!(strip(&write.document), strip(&again.document));
    }

    #[test]
    fn an_address_is_stored_as_it_was_sent_or_refused(sent in "\\PC{0,12}|[ \t\u{a0}\u{feff}]{0,2}[!-~ü ]{0,9}@[a-z]{1,5}\\.co[ \n,;>]{0,2}") {
        let item = serde_json::json!({ "email": sent }).to_string();
        if let Some(document) = decided(Operation::Create, None, item) {
            let document: serde_json::Value = serde_json::from_str(&document).unwrap();
            let stored = document["fields"]["email"].as_str().unwrap_or_default();
            let (before, after) = sent.split_once(stored).unwrap();
            let is_blank = |c: char| c.is_whitespace() || "\0\u{200b}\u{2060}\u{feff}".contains(c);
            prop_assert!(before.chars().chain(after.chars()).all(is_blank));
            prop_assert!(stored.is_empty() || stored.contains('@') && !stored.contains(|c: char| is_blank(c) || c == '/'));
        }
    }

    #[test]
    fn a_numbered_object_is_a_list(values in vec("[a-c-]{1,2}", 0..6), numbers in proptest::sample::subsequence((-3..20_i64).collect::<Vec<_>>(), 6)) {
        let members: Vec<_> = numbers.iter().zip(&values).map(|(number, value)| (number.to_string(), format!("\"{value}\""))).collect();
        for name in ["tags", "companies", "sizes", "doNotContact"] {
            let as_object = format!("{{\"{name}\":{}}}", object(&members));
            let as_list = serde_json::json!({ name: values }).to_string();
            prop_assert_eq!(decided(Operation::Create, None, as_object), decided(Operation::Create, None, as_list));
        }
    }

    #[test]
    fn an_update_is_idempotent(before in accepted(), mut change in accepted()) {
        let Some(stored) = decided(Operation::Create, None, object(&before)) else { return Ok(()) };
        change.push(("id".to_owned(), "1".to_owned()));
        let Some(once) = decided(Operation::Update, Some(&stored), object(&change)) else { return Ok(()) };
        prop_assert_eq!(decided(Operation::Update, Some(&once), object(&change)), Some(once));
    }

    #[test]
    fn replacing_a_contact_by_its_presented_values_changes_nothing(item in accepted()) {
        let Some(stored) = decided(Operation::Create, None, object(&item)) else { return Ok(()) };
        let shown = |document: &str| {
            let text = present(&profile(&[]), vec![Stored { id: 1, document: document.to_owned() }]).remove(0);
            let mut shown: serde_json::Value = serde_json::from_str(&text).unwrap();
            shown.as_object_mut().unwrap().remove("dateModified");
            shown
        };
        let before = shown(&stored);
        let all = &before["fields"]["all"];
        // A decoded entity may be decoded again when it is sent back, as in Mautic.
        let is_plain = |value: &serde_json::Value| value.as_str().is_none_or(|text| !text.contains(['&', '<']));
        prop_assume!(["firstname", "notes", "page", "website"].iter().all(|&alias| is_plain(&all[alias])));
        let again = decided(Operation::Replace, Some(&stored), all.to_string());
        prop_assert_eq!(again.map(|document| shown(&document)), Some(before));
    }

    #[test]
    fn the_row_of_a_contact_says_what_the_contact_shows(item in accepted()) {
        let Some(document) = decided(Operation::Create, None, object(&item)) else { return Ok(()) };
        let (profile, contact) = (profile(&[]), Stored { id: 1, document });
        let columns: Vec<String> = profile.fields.iter().map(|field| field.alias.clone()).collect();
        let row: Vec<String> = serde_json::from_str(&cells(&profile, &columns, std::slice::from_ref(&contact))[0]).unwrap();
        let shown: serde_json::Value = serde_json::from_str(&present(&profile, vec![contact])[0]).unwrap();
        for (column, cell) in columns.iter().zip(&row) {
            let expected = match &shown["fields"]["all"][column] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            prop_assert_eq!(cell, &expected, "{}", column);
        }
        prop_assert_eq!(row.len(), columns.len());
    }

    #[test]
    fn any_entries_are_accepted_or_refused(
        entries in vec((".{0,9}", option::of("[a-z]{4,6}|number|select"), any::<Option<u32>>(), any::<Option<bool>>()), 0..5),
        item in item(),
    ) {
        let entries: Vec<_> = entries.into_iter().map(|(alias, kind, number, is_unique)| {
            // The other of the two options means nothing for the field, which is a flaw.
            let is_number = kind.as_deref() == Some("number");
            let (max_length, scale) = (number.filter(|_| !is_number), number.filter(|_| is_number));
            FieldEntry { alias, kind, max_length, scale, is_unique, ..FieldEntry::default() }
        }).collect();
        if let Ok(fields) = fields(&entries) {
            let mut session = Session::new(Operation::Create, bulkhead_rules::Profile { fields, ..profile(&[]) });
            session.plan(vec![item]);
            prop_assert_eq!(session.decide(Vec::new(), Vec::new()).len(), 1);
        }
    }
}
