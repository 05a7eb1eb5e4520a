//! The check of a processor's replies, before anything is done with them. A reply can be anything: indexes may be out of
//! range, counts may differ, documents may not be JSON.

use std::collections::HashSet;

use bulkhead_bounds::{
    MAX_ALIAS_BYTES, MAX_DETAILS, MAX_DETAILS_BYTES, MAX_DOCUMENT_BYTES, MAX_KEY_BYTES, MAX_KEYS_PER_CONTACT,
    MAX_KEYS_PER_ITEM, MAX_MESSAGE_BYTES, MAX_PRESENTED_BYTES, MAX_SORT_BYTES, MAX_WORDS_BYTES,
};
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};

use super::error_text::of_limit;
use super::objection::Objection;
use super::raw_reply::{RawComplaint, RawDecision, RawKey, RawOutcome, RawRejection, RawTarget, RawWrite};
use super::remarks::{check_code, check_remarks};
use crate::domain::{ContactId, ErrorCode, IndexEntry, ItemError, ItemRemarks, StoredContact, UniqueKey};

/// The stored contacts that planned items refer to, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// By id.
    pub ids: Vec<ContactId>,
    /// By the value of a unique field.
    pub keys: Vec<UniqueKey>,
}

/// What becomes of one item, checked, and what its sender is told besides.
#[derive(Debug)]
pub struct Outcome {
    /// What becomes of the item.
    pub decision: Decision,
    /// What the item's sender is told besides.
    pub remarks: ItemRemarks,
}

/// What becomes of one item, checked.
#[derive(Debug)]
pub enum Decision {
    /// The item is applied to a contact.
    Write {
        /// The contact.
        target: Target,
        /// 201 or 200.
        status: u16,
        /// The contact's new document, a JSON object.
        document: String,
        /// All keys of the contact, one at most for each field.
        keys: Vec<UniqueKey>,
        /// How lists and searches find the contact.
        index_entry: IndexEntry,
    },
    /// The item is refused.
    Reject {
        /// The contact that the item named, if it named one.
        id: Option<u64>,
        /// 400, 403, 404, 409 or 422.
        status: u16,
        /// The reason, for the client.
        error: ItemError,
    },
}

/// The contact that an item is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A new contact.
    New,
    /// A stored contact, by its place among those that were found.
    Found(usize),
    /// The contact that an earlier item of the batch makes, by that item's place.
    Earlier(usize),
}

/// Checks a reply to `plan` about `count` items.
pub(super) fn check_plan(count: usize, reply: Vec<Vec<RawKey>>) -> Result<Planned, String> {
    if reply.len() != count {
        return Err(format!("plan: {} lists of keys for {count} items", reply.len()));
    }
    let mut planned = Planned::default();
    for (index, item) in reply.into_iter().enumerate() {
        if item.len() > MAX_KEYS_PER_ITEM {
            return Err(format!("plan: item {index} has {}", of_limit(item.len(), MAX_KEYS_PER_ITEM, "keys")));
        }
        for key in item {
            match key {
                RawKey::Id(id) => planned.ids.push(id),
                RawKey::Unique(key) => {
                    check_key(&key).map_err(|why| format!("plan: item {index}: {why}"))?;
                    planned.keys.push(key);
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

/// Checks a reply to `decide` about `count` items, given the contacts `found`, for a tenant whose fields have these `aliases`.
pub(super) fn check_outcomes(
    count: usize,
    found: &[StoredContact],
    objections: &[Objection],
    aliases: &HashSet<String>,
    reply: Vec<RawOutcome>,
) -> Result<Vec<Outcome>, String> {
    if reply.len() != count {
        return Err(format!("decide: {} outcomes for {count} items", reply.len()));
    }
    let mut objected = vec![false; count];
    for objection in objections {
        if let Some(objected) = objected.get_mut(objection.index as usize) {
            *objected = true;
        }
    }
    let mut items: Vec<Outcome> = Vec::with_capacity(count);
    for (index, RawOutcome { decision, remarks }) in reply.into_iter().enumerate() {
        let decision = match decision {
            RawDecision::Write(_) if objected.get(index) == Some(&true) => {
                Err(String::from("accepted, although the validator objects to it"))
            }
            RawDecision::Write(write) => check_write(&items, found, write),
            RawDecision::Reject(rejection) => check_rejection(rejection),
        };
        let checked = decision.and_then(|decision| check_remarks(&remarks, aliases).map(|()| decision));
        let decision = checked.map_err(|why| format!("decide: item {index}: {why}"))?;
        items.push(Outcome { decision, remarks });
    }
    Ok(items)
}

/// Checks how many objects a reply to `present` about `count` contacts has, and how large they are.
pub(super) fn check_presented_sizes(count: usize, reply: &[String]) -> Result<(), String> {
    if reply.len() != count {
        return Err(format!("present: {} objects for {count} contacts", reply.len()));
    }
    for (index, object) in reply.iter().enumerate() {
        check_size(object, MAX_PRESENTED_BYTES).map_err(|why| format!("present: contact {index}: {why}"))?;
    }
    Ok(())
}

/// Checks that what a reply to `present` has at a place is a JSON object.
///
/// # Errors
/// Why it is none.
pub fn check_presented(place: usize, object: &str) -> Result<(), String> {
    check_json_object(object).map_err(|why| format!("present: contact {place}: {why}"))
}

fn check_write(earlier: &[Outcome], found: &[StoredContact], write: RawWrite) -> Result<Decision, String> {
    let target = match write.target {
        RawTarget::New => Target::New,
        RawTarget::Existing(id) => found
            .iter()
            .position(|contact| contact.id.0 == id)
            .map(Target::Found)
            .ok_or_else(|| format!("writes to contact {id}, which it was not given"))?,
        RawTarget::Earlier(index) => {
            let index = index as usize;
            match earlier.get(index).map(|outcome| &outcome.decision) {
                Some(Decision::Write { target: Target::New, .. }) => Target::Earlier(index),
                _ => return Err(format!("refers to item {index}, which is not an earlier item that makes a contact")),
            }
        }
    };
    let expected = if target == Target::New { 201 } else { 200 };
    if write.status != expected {
        return Err(format!("status {} where {expected} belongs", write.status));
    }
    let RawWrite { status, document, keys, words, sort, .. } = write;
    check_object(&document, MAX_DOCUMENT_BYTES)?;
    if keys.len() > MAX_KEYS_PER_CONTACT {
        return Err(of_limit(keys.len(), MAX_KEYS_PER_CONTACT, "keys"));
    }
    keys.iter().try_for_each(check_key)?;
    let is_repeated = |(place, key): (usize, &UniqueKey)| keys.iter().take(place).any(|other| other.field == key.field);
    if keys.iter().enumerate().any(is_repeated) {
        return Err(String::from("two keys for the same field"));
    }
    for (what, size, limit) in [("words", words.len(), MAX_WORDS_BYTES), ("sort", sort.len(), MAX_SORT_BYTES)] {
        if size > limit {
            return Err(format!("'{what}' has {}", of_limit(size, limit, "bytes")));
        }
    }
    let index_entry = IndexEntry { search_text: words, sort_key: sort };
    Ok(Decision::Write { target, status, document, keys, index_entry })
}

fn check_rejection(rejection: RawRejection) -> Result<Decision, String> {
    let RawRejection { id, status, message, details, api_style } = rejection;
    if !matches!(status, 400 | 403 | 404 | 409 | 422) {
        return Err(format!("rejected with status {status}; it may be 400, 403, 404, 409 or 422"));
    }
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(format!("the message has {}", of_limit(message.len(), MAX_MESSAGE_BYTES, "bytes")));
    }
    let error = if api_style {
        if !details.is_empty() {
            return Err(String::from("details in a rejection of the api style"));
        }
        ItemError::Api { message, code: status, r#type: String::from("api") }
    } else {
        let code = |one: &RawComplaint| ErrorCode { field: Some(one.field.clone()), code: one.code.clone() };
        let codes = details.iter().map(code).collect();
        ItemError::Validation { code: status, message, details: details_object(&details)?, r#type: None, codes }
    };
    Ok(Decision::Reject { id, status, error })
}

/// Returns the details as Mautic's clients see them, without the codes, which are checked here.
fn details_object(details: &[RawComplaint]) -> Result<Box<RawValue>, String> {
    details.iter().try_for_each(|complaint| check_code(&complaint.code))?;
    let text = |one: &RawComplaint| one.field.len() + one.messages.iter().map(String::len).sum::<usize>();
    let bytes: usize = details.iter().map(text).sum();
    for (size, limit, unit) in [(details.len(), MAX_DETAILS, "fields"), (bytes, MAX_DETAILS_BYTES, "bytes")] {
        if size > limit {
            return Err(format!("the details have {}", of_limit(size, limit, unit)));
        }
    }
    to_raw_value(&InOrder(details)).map_err(|error| error.to_string())
}

/// Complaints as a JSON object from field to messages that keeps their order.
struct InOrder<'a>(&'a [RawComplaint]);

impl serde::Serialize for InOrder<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|one| (&one.field, &one.messages)))
    }
}

fn check_key(key: &UniqueKey) -> Result<(), String> {
    let sizes = [("value", key.value.len(), MAX_KEY_BYTES), ("field", key.field.len(), MAX_ALIAS_BYTES)];
    match sizes.into_iter().find(|(_, size, limit)| size > limit) {
        Some((what, size, limit)) => Err(format!("the {what} of a key has {}", of_limit(size, limit, "bytes"))),
        None => Ok(()),
    }
}

fn check_object(text: &str, limit: usize) -> Result<(), String> {
    check_size(text, limit)?;
    check_json_object(text)
}

fn check_size(text: &str, limit: usize) -> Result<(), String> {
    if text.len() > limit {
        return Err(format!("the document has {}", of_limit(text.len(), limit, "bytes")));
    }
    Ok(())
}

fn check_json_object(text: &str) -> Result<(), String> {
    if !text.starts_with('{') {
        return Err(String::from("a document that is not a JSON object"));
    }
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| format!("a document that is not JSON: {error}"))
}
