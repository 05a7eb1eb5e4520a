//! The contract's promises about every reply. A broken promise is a panic.

use std::collections::{BTreeSet, HashSet};

use bulkhead_bounds::{
    MAX_ALIAS_BYTES, MAX_DETAILS, MAX_DETAILS_BYTES, MAX_DOCUMENT_BYTES, MAX_IGNORED_NAME_BYTES, MAX_IGNORED_NAMES,
    MAX_KEY_BYTES, MAX_KEYS_PER_CONTACT, MAX_KEYS_PER_ITEM, MAX_MESSAGE_BYTES, MAX_PRESENTED_BYTES, MAX_SORT_BYTES,
    MAX_WARNINGS_BYTES, MAX_WARNINGS_PER_ITEM, MAX_WORDS_BYTES,
};
use bulkhead_rules::{
    Complaint, Field, FieldEntry, Flaw, Key, Outcome, Profile, Rejection, Remarks, Target, UniqueKey, Write,
};
use serde_json::Value;

use crate::script::Batch;

/// Checks a field list that `fields` returned.
pub(crate) fn check_fields(catalogue: &[Field]) {
    let aliases: HashSet<&str> = catalogue.iter().map(|field| field.alias.as_str()).collect();
    assert_eq!(aliases.len(), catalogue.len(), "two fields have the same alias");
    assert!(!aliases.contains(""));
    assert!(catalogue.iter().filter(|field| field.is_unique).count() <= MAX_KEYS_PER_CONTACT);
}

/// Checks the flaws that `fields` returned.
pub(crate) fn check_flaws(entries: &[FieldEntry], flaws: &[Flaw]) {
    assert!(!flaws.is_empty());
    for flaw in flaws {
        assert!((flaw.entry as usize) < entries.len());
        assert!(!flaw.member.is_empty() && !flaw.message.is_empty() && flaw.message.len() < 1_000, "{flaw:?}");
    }
}

/// Checks a reply to `plan`.
pub(crate) fn check_plan(batch: &Batch, reply: &[Vec<Key>]) {
    assert_eq!(reply.len(), batch.items.len());
    for item in reply {
        assert!(item.len() <= MAX_KEYS_PER_ITEM);
        for key in item {
            if let Key::Unique(key) = key {
                check_key(key);
            }
        }
    }
}

/// Checks a reply to `decide`, which was given the contacts `found`.
pub(crate) fn check_outcomes(batch: &Batch, found: &BTreeSet<u64>, reply: &[Outcome]) {
    assert_eq!(reply.len(), batch.items.len());
    for (index, outcome) in reply.iter().enumerate() {
        match outcome {
            Outcome::Write(write) => {
                let objected = batch.objections.iter().any(|objection| objection.index as usize == index);
                assert!(!objected, "an item was accepted in spite of an objection");
                if let Target::Existing(id) = write.target {
                    assert!(found.contains(&id), "writes to {id}, which it was not given");
                }
                if let Target::Earlier(earlier) = write.target {
                    let earlier = reply.get(..index).and_then(|reply| reply.get(earlier as usize));
                    let is_new = matches!(earlier, Some(Outcome::Write(write)) if write.target == Target::New);
                    assert!(is_new, "refers to an item that makes no contact");
                }
                check_write(write);
                check_remarks(&write.remarks);
            }
            Outcome::Reject(rejection) => {
                check_rejection(rejection);
                check_remarks(&rejection.remarks);
            }
        }
    }
}

fn check_write(write: &Write) {
    assert_eq!(write.status, if write.target == Target::New { 201 } else { 200 });
    assert!(write.document.len() <= MAX_DOCUMENT_BYTES, "a document of {} bytes", write.document.len());
    assert!(object(&write.document)["fields"].is_object());
    assert!(write.keys.len() <= MAX_KEYS_PER_CONTACT);
    let fields: HashSet<&str> = write.keys.iter().map(|key| key.field.as_str()).collect();
    assert_eq!(fields.len(), write.keys.len(), "two keys for a field");
    write.keys.iter().for_each(check_key);
    assert!(write.words.len() <= MAX_WORDS_BYTES);
    assert!(write.sort.len() <= MAX_SORT_BYTES);
    let is_moment = write.sort.len() == "2024-02-14T10:20:30Z".len() && write.sort.ends_with('Z');
    assert!(write.sort.is_empty() || is_moment, "the sort key is not a moment: {}", write.sort);
}

fn check_rejection(rejection: &Rejection) {
    assert!([400, 403, 404, 409, 422].contains(&rejection.status));
    assert!(!rejection.message.is_empty() && rejection.message.len() <= MAX_MESSAGE_BYTES);
    assert!(rejection.details.len() <= MAX_DETAILS);
    let text = |one: &Complaint| one.field.len() + one.messages.iter().map(String::len).sum::<usize>();
    assert!(rejection.details.iter().map(text).sum::<usize>() <= MAX_DETAILS_BYTES);
    assert!(!rejection.api_style || rejection.details.is_empty());
}

fn check_remarks(remarks: &Remarks) {
    let Remarks { warnings, ignored, ignored_more } = remarks;
    assert!(warnings.len() <= MAX_WARNINGS_PER_ITEM);
    assert!(warnings.iter().map(|one| one.field.len() + one.code.len()).sum::<usize>() <= MAX_WARNINGS_BYTES);
    assert!(ignored.len() <= MAX_IGNORED_NAMES && ignored.iter().all(|name| name.len() <= MAX_IGNORED_NAME_BYTES));
    assert!(*ignored_more == 0 || ignored.len() == MAX_IGNORED_NAMES);
}

fn check_key(key: &UniqueKey) {
    assert!(!key.value.is_empty() && key.value.len() <= MAX_KEY_BYTES && key.field.len() <= MAX_ALIAS_BYTES);
}

/// Checks a reply to `present`.
pub(crate) fn check_presented<'a>(profile: &Profile, ids: impl ExactSizeIterator<Item = &'a u64>, reply: &[String]) {
    assert_eq!(reply.len(), ids.len());
    for (id, text) in ids.zip(reply) {
        assert!(text.len() <= MAX_PRESENTED_BYTES, "a contact is shown in {} bytes", text.len());
        let shown = object(text);
        assert_eq!(shown["id"], *id);
        let all = shown["fields"]["all"].as_object().expect("all values");
        assert!(profile.fields.iter().all(|field| all.contains_key(&field.alias)));
    }
}

fn object(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(value.is_object() && text.starts_with('{'), "not an object: {text}");
    value
}
