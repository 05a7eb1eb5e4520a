//! Tests the table of differences in `docs/compatibility.md`: sends the requests of its rows and compares the answers.
//!
//! If a cell of the second column starts with a method, an item or a list of items follows. The last column then starts with
//! the status of each item. The message of a rejected item follows, or members of the contact after the request.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{Choice, FieldEntry, Operation, Outcome, Owner, Profile, Stored, fields};
use common::{NOW, batch, shown, write};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/compatibility.md");

/// Rows about whole requests, which this library never sees. Tests in `tests/it` guard them.
const OF_THE_HOST: [(&str, &str); 10] = [
    ("D2", "too many items"),
    ("D11", "wrong methods and types"),
    ("D12", "credentials before bodies"),
    ("D14", "XML"),
    ("D18", "unreadable bodies"),
    ("D22", "JSON that is called a form"),
    ("D27", "filters of lists"),
    ("D29", "idempotency keys"),
    ("D30", "lists within objects"),
    ("D31", "what is there twice"),
];

struct Row {
    name: &'static str,
    sent: &'static str,
    answered: &'static str,
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| match line.split(" | ").collect::<Vec<_>>().as_slice() {
        [name, sent, _, answered] => {
            Row { name: name.trim_start_matches("| "), sent, answered: answered.trim_end_matches(" |") }
        }
        cells => panic!("{} cells: {line}", cells.len()),
    };
    PAGE.lines().filter(|line| line.starts_with("| D")).map(row).collect()
}

/// Returns the texts between backticks.
fn code(text: &'static str) -> Vec<&'static str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns the page's two JSON blocks: the profile, and the content of contact 7.
fn blocks() -> (Profile, Value) {
    let mut blocks = PAGE.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut block = || -> Value { serde_json::from_str(blocks.next().unwrap()).unwrap() };
    let (profile, contact) = (block(), block());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entry = |entry: &Value| FieldEntry {
        alias: text(&entry["alias"]),
        kind: Some(text(&entry["type"])),
        choices: None::<Vec<Choice>>,
        ..FieldEntry::default()
    };
    let owner = |owner: &Value| Owner {
        id: owner["id"].as_u64().unwrap(),
        username: text(&owner["username"]),
        first_name: text(&owner["firstName"]),
        last_name: text(&owner["lastName"]),
    };
    let entries: Vec<FieldEntry> = profile["fields"].as_array().unwrap().iter().map(entry).collect();
    let profile = Profile {
        fields: fields(&entries).unwrap(),
        max_length: 64,
        owners: profile["owners"].as_array().unwrap().iter().map(owner).collect(),
        stages: Vec::new(),
        companies: Vec::new(),
        now: NOW.to_owned(),
        settings: Vec::new(),
    };
    (profile, contact)
}

fn many(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        value => vec![value],
    }
}

/// Returns whether `whole` contains all of `part`.
fn contains(whole: &Value, part: &Value) -> bool {
    match part {
        Value::Object(members) => members.iter().all(|(name, part)| contains(&whole[name], part)),
        part => whole == part,
    }
}

fn status(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Write(write) => write.status.into(),
        Outcome::Reject(rejection) => rejection.status.into(),
    }
}

fn check(row: &Row, profile: &Profile, contact: &Stored) {
    let name = row.name;
    let (method, items) = code(row.sent)[0].split_once(' ').unwrap();
    let operation = match method {
        "POST" => Operation::Create,
        "PUT" => Operation::Replace,
        "PATCH" => Operation::Update,
        other => panic!("{name}: {other}"),
    };
    // As the host does, this keeps the text of each item, because parsed numbers would lose digits.
    let items: Vec<&serde_json::value::RawValue> =
        serde_json::from_str(items).unwrap_or_else(|_| vec![serde_json::from_str(items).unwrap()]);
    let items: Vec<&str> = items.into_iter().map(serde_json::value::RawValue::get).collect();
    let outcomes = batch(operation, profile, std::slice::from_ref(contact), &items);

    let expected = code(row.answered);
    let statuses = many(serde_json::from_str(expected[0]).unwrap());
    assert_eq!(outcomes.iter().map(status).collect::<Vec<_>>(), statuses, "{name}");
    let refused = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Reject(rejection) => Some(rejection.message.as_str()),
        Outcome::Write(_) => None,
    });
    assert_eq!(refused, refused.map(|_| expected[1]), "{name}");
    let described = expected.iter().skip(1).filter(|text| text.starts_with('{')).map(|text| serde_json::from_str(text));
    for described in described.map(|described| -> Value { described.unwrap() }) {
        let written = outcomes.iter().rfind(|outcome| matches!(outcome, Outcome::Write(_))).unwrap();
        let contact = shown(profile, 7, &write(written.clone()).document);
        for (member, value) in described.as_object().unwrap() {
            let found = contact["fields"]["all"].get(member).or_else(|| contact.get(member)).unwrap();
            assert!(contains(found, value), "{name}: {member} is {found}");
        }
    }
    assert!(refused.is_some() || expected.len() > 1, "{name} has a status and nothing else");
}

#[test]
fn every_row_of_the_table_is_true() {
    let (profile, contact) = blocks();
    let made = write(batch(Operation::Create, &profile, &[], &[&contact.to_string()]).remove(0));
    let contact = Stored { id: 7, document: made.document };
    for row in rows() {
        let of_the_host = OF_THE_HOST.iter().find(|(name, _)| *name == row.name);
        match of_the_host {
            Some((name, what)) => assert!(!row.sent.starts_with("`P"), "{name}, {what}, could be tested here"),
            None => check(&row, &profile, &contact),
        }
    }
}

/// `overridden.json` refers to rows by their numbers, so a row keeps its number.
#[test]
fn the_rows_are_in_the_order_of_their_numbers() {
    let names: Vec<String> = rows().iter().map(|row| row.name.to_owned()).collect();
    let number = |name: &String| name.strip_prefix('D').unwrap().parse::<u32>().unwrap();
    assert!(names.iter().map(number).is_sorted_by(|earlier, later| earlier < later));
    let overridden: Value = serde_json::from_str(include_str!("../../../tests/cases/overridden.json")).unwrap();
    for row in overridden["rows"].as_object().unwrap().keys() {
        assert!(names.contains(row), "{row}");
    }
}

#[test]
fn the_lists_of_names_have_the_documented_sizes() {
    let (profile, _) = blocks();
    let count = |of: &str| {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{of}` |"))).unwrap();
        row.split(" | ").nth(1).unwrap().replace(',', "").parse::<usize>().unwrap()
    };
    // A field that is not strict also takes regions that are in no list. A few names are long.
    let mut profile = Profile { max_length: 191, ..profile };
    profile.fields.iter_mut().filter(|field| field.alias == "state").for_each(|field| field.is_strict = true);
    let accepted = |field: &str, name: &str| {
        let item = serde_json::json!({ field: name }).to_string();
        matches!(batch(Operation::Create, &profile, &[], &[&item]).remove(0), Outcome::Write(_))
    };
    for (kind, field, list) in [
        ("country", "country", include_str!("../src/kinds/data/countries.txt")),
        ("region", "state", include_str!("../src/kinds/data/regions.txt")),
        ("locale", "preferred_locale", include_str!("../src/kinds/data/locales.txt")),
        ("timezone", "timezone", include_str!("../src/kinds/data/timezones.txt")),
    ] {
        let (header, names) = list.split_once("\n\n").unwrap();
        assert_eq!(names.lines().filter(|name| accepted(field, name)).count(), count(kind));
        if matches!(kind, "country" | "region") {
            continue;
        }
        let (_, version) = header.lines().next().unwrap().trim_end_matches('.').rsplit_once(' ').unwrap();
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{kind}` |"))).unwrap();
        assert!(row.contains(version), "{version}");
    }
    for (field, taken, refused) in [
        ("country", "Germany", "DE"),
        ("country", "Germany", "Deutschland"),
        ("country", "Guinea Bissau", "Bissau"),
        ("country", "Federal Republic of Germany", "Narnia"),
        ("state", "Texas", "TX"),
        ("state", "Thueringen", "Bra'ov"),
        ("state", "北京市", "x"),
        ("preferred_locale", "en_US", "en-US"),
        ("preferred_locale", "zh_CN", "iw"),
        ("preferred_locale", "de_AT", "de_US"),
        ("preferred_locale", "fr_CA", "fil_PH"),
        ("preferred_locale", "sr_RS", "sr_XK"),
        ("timezone", "Europe/Kyiv", "Europe/Kiev"),
    ] {
        assert!(accepted(field, taken) && !accepted(field, refused), "{field}: {taken}, {refused}");
    }
}
