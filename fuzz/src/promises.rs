//! What the contract promises about every answer, whatever was asked.

use std::collections::{BTreeSet, HashSet};

use bulkhead_bounds::{
    MAX_ALIAS_BYTES, MAX_DETAILS, MAX_DETAILS_BYTES, MAX_DOCUMENT_BYTES, MAX_KEY_BYTES, MAX_KEYS_PER_CONTACT,
    MAX_KEYS_PER_ITEM, MAX_MESSAGE_BYTES, MAX_PRESENTED_BYTES, MAX_SORT_BYTES, MAX_WORDS_BYTES,
};
use bulkhead_rules::{Field, FieldEntry, Flaw, Key, Outcome, Profile, Rejection, Target, UniqueKey, Write};
use serde_json::Value;

use crate::script::Batch;

/// Of `fields` that accepted.
pub(crate) fn accepted(catalogue: &[Field]) {
    let aliases: HashSet<&str> = catalogue.iter().map(|field| field.alias.as_str()).collect();
    assert_eq!(aliases.len(), catalogue.len(), "an alias is there twice");
    assert!(!aliases.contains(""));
    assert!(catalogue.iter().filter(|field| field.is_unique).count() <= MAX_KEYS_PER_CONTACT);
}

/// Of `fields` that refused.
pub(crate) fn refused(entries: &[FieldEntry], flaws: &[Flaw]) {
    assert!(!flaws.is_empty());
    for flaw in flaws {
        assert!((flaw.entry as usize) < entries.len());
        assert!(!flaw.member.is_empty() && !flaw.message.is_empty() && flaw.message.len() < 1_000, "{flaw:?}");
    }
}

/// Of `plan`.
pub(crate) fn planned(batch: &Batch, answer: &[Vec<Key>]) {
    assert_eq!(answer.len(), batch.items.len());
    for item in answer {
        assert!(item.len() <= MAX_KEYS_PER_ITEM);
        for key in item {
            if let Key::Unique(key) = key {
                unique_key(key);
            }
        }
    }
}

/// Of `decide`, which was given the contacts `found`.
pub(crate) fn decided(batch: &Batch, found: &BTreeSet<u64>, answer: &[Outcome]) {
    assert_eq!(answer.len(), batch.items.len());
    for (index, outcome) in answer.iter().enumerate() {
        match outcome {
            Outcome::Write(write) => {
                let objected = batch.objections.iter().any(|objection| objection.index as usize == index);
                assert!(!objected, "an objection was not heard");
                if let Target::Existing(id) = write.target {
                    assert!(found.contains(&id), "writes to {id}, which it was not given");
                }
                if let Target::Earlier(earlier) = write.target {
                    let earlier = answer.get(..index).and_then(|answer| answer.get(earlier as usize));
                    let is_new = matches!(earlier, Some(Outcome::Write(write)) if write.target == Target::New);
                    assert!(is_new, "refers to what makes no contact");
                }
                written(write);
            }
            Outcome::Reject(rejection) => rejected(rejection),
        }
    }
}

fn written(write: &Write) {
    assert_eq!(write.status, if write.target == Target::New { 201 } else { 200 });
    assert!(write.document.len() <= MAX_DOCUMENT_BYTES, "a document of {} bytes", write.document.len());
    assert!(object(&write.document)["fields"].is_object());
    assert!(write.keys.len() <= MAX_KEYS_PER_CONTACT);
    let fields: HashSet<&str> = write.keys.iter().map(|key| key.field.as_str()).collect();
    assert_eq!(fields.len(), write.keys.len(), "two keys for a field");
    write.keys.iter().for_each(unique_key);
    assert!(write.words.len() <= MAX_WORDS_BYTES);
    assert!(write.sort.len() <= MAX_SORT_BYTES);
    let is_moment = write.sort.len() == "2024-02-14T10:20:30Z".len() && write.sort.ends_with('Z');
    assert!(write.sort.is_empty() || is_moment, "not in order: {}", write.sort);
}

fn rejected(rejection: &Rejection) {
    assert!([400, 403, 404, 409, 422].contains(&rejection.status));
    assert!(!rejection.message.is_empty() && rejection.message.len() <= MAX_MESSAGE_BYTES);
    assert!(rejection.details.len() <= MAX_DETAILS);
    let text = |(alias, texts): &(String, Vec<String>)| alias.len() + texts.iter().map(String::len).sum::<usize>();
    assert!(rejection.details.iter().map(text).sum::<usize>() <= MAX_DETAILS_BYTES);
    assert!(!rejection.api_style || rejection.details.is_empty());
}

fn unique_key(key: &UniqueKey) {
    assert!(!key.value.is_empty() && key.value.len() <= MAX_KEY_BYTES && key.field.len() <= MAX_ALIAS_BYTES);
}

/// Of `present`.
pub(crate) fn presented<'a>(profile: &Profile, ids: impl ExactSizeIterator<Item = &'a u64>, answer: &[String]) {
    assert_eq!(answer.len(), ids.len());
    for (id, text) in ids.zip(answer) {
        assert!(text.len() <= MAX_PRESENTED_BYTES, "a contact is shown in {} bytes", text.len());
        let shown = object(text);
        assert_eq!(shown["id"], *id);
        let all = shown["fields"]["all"].as_object().expect("all values");
        assert!(profile.fields.iter().all(|field| all.contains_key(&field.alias)));
    }
}

fn object(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(value.is_object() && text.starts_with('{'), "no object: {text}");
    value
}
