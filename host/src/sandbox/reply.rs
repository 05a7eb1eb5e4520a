//! Checking what a component returned before anything is done with it. All of it is a stranger's: indexes may be out of
//! range, counts may differ, documents may be no JSON.

use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};

use super::bindings::processor::exports::bulkhead::contacts::batch;
use super::bindings::{types as wit, types_1_1};
use super::limits::Limits;
use super::processor::Planned;
use super::validator::Objection;
use crate::domain::{ContactId, IndexEntry, ItemError, StoredContact, UniqueKey};

/// Keys that one item may name.
const KEYS_PER_ITEM: usize = 64;
/// Keys that one contact may have.
const KEYS_PER_CONTACT: usize = 32;
/// Bytes of a key's value, and of its field's name.
const KEY_BYTES: usize = 1 << 10;
/// Bytes of a document.
const DOCUMENT_BYTES: usize = 256 << 10;
/// Bytes of the text a contact is searched by.
const WORDS_BYTES: usize = 1 << 10;
/// Bytes of what lists are ordered by.
const SORT_BYTES: usize = 64;
/// Bytes of a rejection's message.
const MESSAGE_BYTES: usize = 16 << 10;
/// Fields in a rejection's details.
const DETAILS: usize = 256;
/// Bytes of a rejection's details.
const DETAILS_BYTES: usize = 64 << 10;

/// What becomes of one item, checked.
#[derive(Debug)]
pub enum Outcome {
    /// It is applied.
    Write {
        /// To which contact.
        target: Target,
        /// 201 or 200.
        status: u16,
        /// The contact's new document: a JSON object without line breaks.
        document: String,
        /// All the contact's keys.
        keys: Vec<UniqueKey>,
        /// How lists and searches find it.
        index_entry: IndexEntry,
    },
    /// It is refused.
    Reject {
        /// The contact it named.
        id: Option<u64>,
        /// From 400.
        status: u16,
        /// Why.
        error: ItemError,
    },
}

/// Which contact an item is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One to be made.
    New,
    /// One of those that were found, by its place among them.
    Found(usize),
    /// The one that an earlier item of the batch makes, by that item's place.
    Earlier(usize),
}

/// Checks an answer to `plan` about `count` items.
pub(super) fn planned(count: usize, answer: Vec<Vec<wit::Key>>) -> Result<Planned, String> {
    if answer.len() != count {
        return Err(format!("plan: {} lists of keys for {count} items", answer.len()));
    }
    let mut planned = Planned::default();
    for (index, item) in answer.into_iter().enumerate() {
        if item.len() > KEYS_PER_ITEM {
            return Err(format!("plan: item {index} has {} keys, more than {KEYS_PER_ITEM}", item.len()));
        }
        for key in item {
            match key {
                wit::Key::Id(id) => planned.ids.push(ContactId(id)),
                wit::Key::Unique(key) => {
                    planned.keys.push(checked_key(key).map_err(|why| format!("plan: item {index}: {why}"))?);
                }
            }
        }
    }
    planned.ids.sort_unstable();
    planned.ids.dedup();
    planned.keys.sort_unstable();
    planned.keys.dedup();
    Ok(planned)
}

/// Checks an answer to `decide` about `count` items that was given the contacts `found`.
pub(super) fn checked(
    count: usize,
    found: &[StoredContact],
    objections: &[Objection],
    answer: Vec<batch::Outcome>,
) -> Result<Vec<Outcome>, String> {
    if answer.len() != count {
        return Err(format!("decide: {} outcomes for {count} items", answer.len()));
    }
    let mut objected = vec![false; count];
    for objection in objections {
        if let Some(objected) = objected.get_mut(objection.index as usize) {
            *objected = true;
        }
    }
    let mut items: Vec<Outcome> = Vec::with_capacity(count);
    for (index, outcome) in answer.into_iter().enumerate() {
        let item = match outcome {
            batch::Outcome::Write(_) if objected.get(index) == Some(&true) => {
                Err(String::from("accepted, although the validator objects to it"))
            }
            batch::Outcome::Write(write) => checked_write(&items, found, write),
            batch::Outcome::Reject(rejection) => checked_rejection(rejection),
        };
        items.push(item.map_err(|why| format!("decide: item {index}: {why}"))?);
    }
    Ok(items)
}

/// Checks an answer to `check` about `count` items.
pub(super) fn objections(
    count: usize,
    answer: Vec<types_1_1::Objection>,
    limits: &Limits,
) -> Result<Vec<Objection>, String> {
    let mut objections = Vec::with_capacity(answer.len());
    let mut per_item = vec![0; count];
    for types_1_1::Objection { index, fields, message } in answer {
        let number: &mut usize =
            per_item.get_mut(index as usize).ok_or_else(|| format!("check: item {index}, of {count}"))?;
        *number += fields.len();
        if fields.is_empty() {
            return Err(format!("check: item {index}: an objection to no field"));
        }
        if *number > limits.objections {
            return Err(format!("check: item {index}: more than {} objections", limits.objections));
        }
        for field in fields {
            if message.len() > limits.objection_bytes || field.len() > KEY_BYTES {
                return Err(format!(
                    "check: item {index}: {} bytes of field and {} of message",
                    field.len(),
                    message.len()
                ));
            }
            objections.push(Objection { index, field, message: message.clone() });
        }
    }
    Ok(objections)
}

/// Checks an answer to `present` about `count` contacts.
pub(super) fn presented(count: usize, answer: Vec<String>) -> Result<Vec<String>, String> {
    if answer.len() != count {
        return Err(format!("present: {} objects for {count} contacts", answer.len()));
    }
    for (index, object) in answer.iter().enumerate() {
        check_object(object, DOCUMENT_BYTES * 4).map_err(|why| format!("present: contact {index}: {why}"))?;
    }
    Ok(answer)
}

fn checked_write(earlier: &[Outcome], found: &[StoredContact], write: batch::Write) -> Result<Outcome, String> {
    let target = match write.target {
        batch::Target::New => Target::New,
        batch::Target::Existing(id) => found
            .iter()
            .position(|contact| contact.id.0 == id)
            .map(Target::Found)
            .ok_or_else(|| format!("writes to contact {id}, which it was not given"))?,
        batch::Target::Earlier(index) => {
            let index = index as usize;
            match earlier.get(index) {
                Some(Outcome::Write { target: Target::New, .. }) => Target::Earlier(index),
                _ => return Err(format!("refers to item {index}, which is no earlier item that makes a contact")),
            }
        }
    };
    let expected = if target == Target::New { 201 } else { 200 };
    if write.status != expected {
        return Err(format!("status {} where {expected} belongs", write.status));
    }
    check_object(&write.document, DOCUMENT_BYTES)?;
    if write.keys.len() > KEYS_PER_CONTACT {
        return Err(format!("{} keys, more than {KEYS_PER_CONTACT}", write.keys.len()));
    }
    let keys = write.keys.into_iter().map(checked_key).collect::<Result<Vec<_>, _>>()?;
    let is_repeated = |(place, key): (usize, &UniqueKey)| keys.iter().take(place).any(|other| other.field == key.field);
    if keys.iter().enumerate().any(is_repeated) {
        return Err(String::from("two keys for the same field"));
    }
    let index_entry = IndexEntry { search_text: write.words, sort_key: write.sort };
    if index_entry.search_text.len() > WORDS_BYTES || index_entry.sort_key.len() > SORT_BYTES {
        return Err(format!(
            "{} bytes of words and {} of sort",
            index_entry.search_text.len(),
            index_entry.sort_key.len()
        ));
    }
    Ok(Outcome::Write { target, status: write.status, document: write.document, keys, index_entry })
}

fn checked_rejection(rejection: batch::Rejection) -> Result<Outcome, String> {
    let batch::Rejection { id, status, message, details, api_style } = rejection;
    if !matches!(status, 400 | 403 | 404 | 409 | 422) {
        return Err(format!("rejected with status {status}"));
    }
    if message.len() > MESSAGE_BYTES {
        return Err(format!("a message of {} bytes", message.len()));
    }
    let error = if api_style {
        if !details.is_empty() {
            return Err(String::from("details in a rejection of the api style"));
        }
        ItemError::Api { message, code: status, r#type: String::from("api") }
    } else {
        ItemError::Validation { code: status, message, details: details_object(&details)?, r#type: None }
    };
    Ok(Outcome::Reject { id, status, error })
}

fn details_object(details: &[(String, Vec<String>)]) -> Result<Box<RawValue>, String> {
    let bytes: usize =
        details.iter().map(|(field, texts)| field.len() + texts.iter().map(String::len).sum::<usize>()).sum();
    if details.len() > DETAILS || bytes > DETAILS_BYTES {
        return Err(format!("details of {} fields and {bytes} bytes", details.len()));
    }
    to_raw_value(&InOrder(details)).map_err(|error| error.to_string())
}

/// A list of pairs as a JSON object that keeps their order.
struct InOrder<'a>(&'a [(String, Vec<String>)]);

impl serde::Serialize for InOrder<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, texts)| (field, texts)))
    }
}

fn checked_key(key: wit::UniqueKey) -> Result<UniqueKey, String> {
    if key.value.len() > KEY_BYTES || key.field.len() > KEY_BYTES {
        return Err(format!("a key of {} bytes", key.value.len().max(key.field.len())));
    }
    Ok(UniqueKey { field: key.field, value: key.value })
}

fn check_object(text: &str, limit: usize) -> Result<(), String> {
    if text.len() > limit {
        return Err(format!("a document of {} bytes, more than {limit}", text.len()));
    }
    if !text.starts_with('{') {
        return Err(String::from("a document that is no JSON object"));
    }
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| format!("a document that is no JSON: {error}"))
}
