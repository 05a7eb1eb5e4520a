//! The default fields, and the entries of a profile.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{FieldEntry, fields};
use common::{choices, entry};

#[test]
fn the_default_catalogue_is_that_of_mautic() {
    let fields = fields(&[]).unwrap();
    let aliases: Vec<_> = fields.iter().map(|field| field.alias.as_str()).collect();
    let expected = "title firstname lastname company position email mobile phone points fax address1 address2 city \
                    state zipcode country preferred_locale timezone last_active attribution_date attribution website \
                    facebook foursquare instagram linkedin skype twitter";
    assert_eq!(aliases.join(" "), expected);
    assert!(fields.iter().all(|field| field.is_unique == (field.alias == "email") && !field.is_required));
    assert_eq!(fields[20].scale, Some(2));
    assert_eq!(fields[0].choices.len(), 3);
}

#[test]
fn an_entry_changes_a_field_or_adds_one() {
    let entries = [
        FieldEntry { is_required: Some(true), alias: "firstname".to_owned(), ..FieldEntry::default() },
        FieldEntry { label: Some("Shoe".to_owned()), group: Some("personal".to_owned()), ..entry("shoe", "number") },
        FieldEntry { alias: "plain".to_owned(), ..FieldEntry::default() },
    ];
    let fields = fields(&entries).unwrap();
    assert_eq!(fields.len(), 30);
    assert_eq!(
        (fields[1].label.as_str(), fields[1].kind.as_str(), fields[1].is_required),
        ("First Name", "text", true)
    );
    assert_eq!((fields[28].alias.as_str(), fields[28].group.as_str()), ("shoe", "personal"));
    assert_eq!(
        (fields[29].label.as_str(), fields[29].kind.as_str(), fields[29].group.as_str()),
        ("plain", "text", "core")
    );
}

#[test]
fn flaws_name_the_entry_and_the_member() {
    let named = |alias: &str| FieldEntry { alias: alias.to_owned(), ..FieldEntry::default() };
    for (flawed, member) in [
        (named(""), "alias"),
        (named(&"x".repeat(51)), "alias"),
        (named("a-b"), "alias"),
        (named("1a"), "alias"),
        (named("é"), "alias"),
        (named("fine"), "alias"),
        (entry("x", "colour"), "type"),
        (entry("x", "select"), "choices"),
        (entry("x", "multiselect"), "choices"),
        (entry("email", "select"), "choices"),
        (FieldEntry { choices: choices(&[("A", "")]), ..entry("x", "select") }, "choices"),
        (FieldEntry { choices: choices(&[("A", "a"), ("B", "a")]), ..entry("x", "select") }, "choices"),
        (FieldEntry { choices: choices(&[("A", "a|b")]), ..entry("x", "multiselect") }, "choices"),
        (FieldEntry { choices: choices(&[(&"x".repeat(256), "a")]), ..entry("x", "select") }, "choices"),
        (FieldEntry { max_length: Some(0), ..named("x") }, "maxLength"),
        (FieldEntry { max_length: Some(65_536), ..named("x") }, "maxLength"),
        (FieldEntry { max_length: Some(192), ..named("email") }, "maxLength"),
        (FieldEntry { scale: Some(11), ..entry("x", "number") }, "scale"),
        (FieldEntry { is_unique: Some(true), ..entry("x", "html") }, "unique"),
        (FieldEntry { label: Some(String::new()), ..named("x") }, "label"),
        (FieldEntry { group: Some("all".to_owned()), ..named("x") }, "group"),
    ] {
        let flaws = fields(&[named("fine"), flawed.clone()]).unwrap_err();
        assert_eq!((flaws[0].entry, flaws[0].member.as_str()), (1, member), "{flawed:?}");
        assert!(flaws[0].message.ends_with('.'), "{}", flaws[0].message);
    }
    let reserved = "id tags owner stage companies doNotContact ipAddress lastActive overwriteWithBlank";
    assert!(reserved.split(' ').all(|alias| fields(&[named(alias)]).is_err()));
}

/// Which options mean something for a field of each kind.
#[test]
fn an_option_that_means_nothing_for_its_field_is_a_flaw() {
    const OPTIONS: [&str; 4] = ["choices", "maxLength", "scale", "strict"];
    for (kind, meant) in [
        ("text", "maxLength"),
        ("textarea", "maxLength"),
        ("html", "maxLength"),
        ("email", "maxLength"),
        ("number", "scale"),
        ("boolean", ""),
        ("select", "choices maxLength"),
        ("multiselect", "choices maxLength"),
        ("lookup", "choices maxLength"),
        ("country", "maxLength"),
        ("region", "maxLength strict"),
        ("locale", "maxLength"),
        ("timezone", "maxLength"),
        ("url", "maxLength"),
        ("tel", "maxLength"),
        ("date", ""),
        ("datetime", ""),
        ("time", ""),
    ] {
        for option in OPTIONS {
            let listed = || choices(&[("A", "a")]);
            let plain = FieldEntry { choices: kind.contains("select").then(listed).flatten(), ..entry("x", kind) };
            assert!(fields(std::slice::from_ref(&plain)).is_ok(), "{kind}");
            let flawed = match option {
                "choices" => FieldEntry { choices: listed(), ..plain },
                "maxLength" => FieldEntry { max_length: Some(9), ..plain },
                "scale" => FieldEntry { scale: Some(2), ..plain },
                _ => FieldEntry { is_strict: Some(true), ..plain },
            };
            let found = fields(&[flawed]).err().unwrap_or_default();
            let members: Vec<&str> = found.iter().map(|flaw| flaw.member.as_str()).collect();
            let is_meant = meant.split(' ').any(|meant| meant == option);
            let expected = if is_meant { Vec::new() } else { vec![option] };
            assert_eq!(members, expected, "{kind} {option}");
            for flaw in &found {
                let start = format!("`{option}` has no effect on `x`, a {kind} field: only ");
                assert!(flaw.message.starts_with(&start), "{}", flaw.message);
            }
        }
    }
    // Options that ask for nothing, and those of the defaults under another kind.
    for harmless in [
        FieldEntry { is_strict: Some(false), choices: Some(Vec::new()), ..entry("x", "text") },
        entry("attribution", "text"),
        entry("title", "text"),
    ] {
        assert!(fields(std::slice::from_ref(&harmless)).is_ok(), "{harmless:?}");
    }
    let points = FieldEntry { scale: Some(2), alias: "points".to_owned(), ..FieldEntry::default() };
    assert_eq!(fields(&[points]).unwrap_err()[0].member, "scale");
}

#[test]
fn all_flaws_are_reported_together() {
    let flaws = fields(&[entry("", "x"), entry("y", "y"), entry("fine", "text")]).unwrap_err();
    let found: Vec<_> = flaws.iter().map(|flaw| (flaw.entry, flaw.member.as_str())).collect();
    assert_eq!(found, [(0, "alias"), (0, "type"), (1, "type")]);
}

/// Every presented contact contains the descriptions of all fields, so their size is limited.
#[test]
fn a_catalogue_has_a_maximum_size() {
    let values: Vec<String> = (0..2_000).map(|number| format!("{number:0>50}")).collect();
    let listed: Vec<(&str, &str)> = values.iter().map(|value| ("x", value.as_str())).collect();
    let list = |alias: &str| FieldEntry { choices: choices(&listed), ..entry(alias, "select") };
    assert!(fields(&[list("a")]).is_ok());
    let flaws = fields(&[list("a"), list("b")]).unwrap_err();
    assert_eq!(flaws[0].entry, 1);
    assert_eq!(flaws[0].message, "All fields with their labels and choices may take at most 196608 bytes.");

    let many: Vec<FieldEntry> = (0..972).map(|number| entry(&format!("field_{number}"), "text")).collect();
    assert_eq!(fields(&many).unwrap().len(), 1_000);
}
