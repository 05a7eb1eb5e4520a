//! Profiles: a few that are given, and those that any bytes describe.

use bulkhead_rules::{Choice, FieldEntry, Named, Owner, Profile, fields};
use serde_json::Value;

use crate::promises;

/// Returns one of the given profiles.
///
/// # Panics
/// If the rules refuse its fields.
#[must_use]
pub fn chosen(choice: u8) -> Profile {
    let entries = match choice % 3 {
        0 => "[]",
        1 => include_str!("../profiles/every-kind.json"),
        _ => include_str!("../profiles/strict.json"),
    };
    let max_length = if choice.is_multiple_of(2) { 64 } else { 65_535 };
    let entries = entries_in(&serde_json::from_str(entries).expect("a given profile is JSON"));
    profile(fields(&entries).expect("a given profile is accepted"), max_length)
}

/// Returns the profile whose list of fields is `text`, or `None` if `text` is not a list or the rules refuse it.
///
/// # Panics
/// If a promise about refusals is broken.
#[must_use]
pub fn read(text: &[u8]) -> Option<Profile> {
    let entries = entries_in(&serde_json::from_slice(text).ok()?);
    match fields(&entries) {
        Ok(catalogue) => {
            promises::check_fields(&catalogue);
            assert_eq!(fields(&entries).as_ref(), Ok(&catalogue), "the same entries gave another catalogue");
            Some(profile(catalogue, 64))
        }
        Err(flaws) => {
            promises::check_flaws(&entries, &flaws);
            None
        }
    }
}

fn profile(fields: Vec<bulkhead_rules::Field>, max_length: u32) -> Profile {
    let named = |id, name: &str| Named { id, name: name.to_owned() };
    Profile {
        fields,
        max_length,
        owners: vec![Owner {
            id: 1,
            username: "ann".to_owned(),
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
        }],
        stages: vec![named(7, "Lead")],
        companies: vec![named(3, "Acme"), named(u64::MAX, "Bolt")],
        now: "2024-05-06T07:08:09Z".to_owned(),
        settings: Vec::new(),
    }
}

/// Reads the entries of a list. A member of a wrong type counts as left out, because a host would have refused it.
fn entries_in(list: &Value) -> Vec<FieldEntry> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let choice = |choice: &Value| Choice {
        label: text(&choice["label"]).unwrap_or_default(),
        value: text(&choice["value"]).unwrap_or_default(),
    };
    let entry = |entry: &Value| FieldEntry {
        alias: text(&entry["alias"]).unwrap_or_default(),
        label: text(&entry["label"]),
        kind: text(&entry["type"]),
        group: text(&entry["group"]),
        choices: entry["choices"].as_array().map(|choices| choices.iter().map(choice).collect()),
        is_required: entry["required"].as_bool(),
        is_unique: entry["unique"].as_bool(),
        max_length: number(&entry["maxLength"]),
        scale: number(&entry["scale"]),
        is_strict: entry["strict"].as_bool(),
    };
    list.as_array().map(|entries| entries.iter().map(entry).collect()).unwrap_or_default()
}
