//! What the contract promises about every answer, whatever was asked.

use std::collections::{BTreeSet, HashSet};

use bulkhead_rules::{Field, FieldEntry, Flaw, Key, Outcome, Profile, Rejection, Target, UniqueKey, Write};
use serde_json::Value;

use crate::script::Batch;

const DOCUMENT_BYTES: usize = 256 << 10;
const SHOWN_BYTES: usize = 4 * DOCUMENT_BYTES;
const KEYS_PER_ITEM: usize = 64;
const KEYS_PER_CONTACT: usize = 32;
const KEY_BYTES: usize = 1 << 10;
const WORDS_BYTES: usize = 4 << 10;
const SORT_BYTES: usize = 64;
const MESSAGE_BYTES: usize = 16 << 10;
const DETAILS: usize = 256;
const DETAILS_BYTES: usize = 64 << 10;

/// Of `fields` that accepted.
pub(crate) fn accepted(catalogue: &[Field]) {
    let aliases: HashSet<&str> = catalogue.iter().map(|field| field.alias.as_str()).collect();
    assert_eq!(aliases.len(), catalogue.len(), "an alias is there twice");
    assert!(!aliases.contains(""));
    assert!(catalogue.iter().filter(|field| field.is_unique).count() <= KEYS_PER_CONTACT);
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
        assert!(item.len() <= KEYS_PER_ITEM);
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
    assert!(write.document.len() <= DOCUMENT_BYTES, "a document of {} bytes", write.document.len());
    assert!(object(&write.document)["fields"].is_object());
    assert!(write.keys.len() <= KEYS_PER_CONTACT);
    let fields: HashSet<&str> = write.keys.iter().map(|key| key.field.as_str()).collect();
    assert_eq!(fields.len(), write.keys.len(), "two keys for a field");
    write.keys.iter().for_each(unique_key);
    assert!(write.words.len() <= WORDS_BYTES);
    assert!(write.sort.len() <= SORT_BYTES);
    let is_moment = write.sort.len() == "2024-02-14T10:20:30Z".len() && write.sort.ends_with('Z');
    assert!(write.sort.is_empty() || is_moment, "not in order: {}", write.sort);
}

fn rejected(rejection: &Rejection) {
    assert!([400, 403, 404, 409, 422].contains(&rejection.status));
    assert!(!rejection.message.is_empty() && rejection.message.len() <= MESSAGE_BYTES);
    assert!(rejection.details.len() <= DETAILS);
    let text = |(alias, texts): &(String, Vec<String>)| alias.len() + texts.iter().map(String::len).sum::<usize>();
    assert!(rejection.details.iter().map(text).sum::<usize>() <= DETAILS_BYTES);
    assert!(!rejection.api_style || rejection.details.is_empty());
}

fn unique_key(key: &UniqueKey) {
    assert!(!key.value.is_empty() && key.value.len() <= KEY_BYTES && key.field.len() <= KEY_BYTES);
}

/// Of `present`.
pub(crate) fn presented<'a>(profile: &Profile, ids: impl ExactSizeIterator<Item = &'a u64>, answer: &[String]) {
    assert_eq!(answer.len(), ids.len());
    for (id, text) in ids.zip(answer) {
        assert!(text.len() <= SHOWN_BYTES, "a contact is shown in {} bytes", text.len());
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
