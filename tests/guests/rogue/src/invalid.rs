//! Outcomes that break a rule of the contract.

use crate::bindings::bulkhead::contacts::types::UniqueKey;
use crate::bindings::exports::bulkhead::contacts::batch::{Outcome, Rejection, Target, Write};

/// Size of one text in [`rejection_with_details`], in bytes.
const DETAIL_BYTES: usize = 1 << 10;

pub(crate) fn rejection(status: u16, message: &str) -> Outcome {
    Outcome::Reject(Rejection { id: None, status, message: message.to_owned(), details: Vec::new(), api_style: true })
}

pub(crate) fn rejection_with_details(bytes: usize) -> Outcome {
    let texts = vec!["x".repeat(DETAIL_BYTES); bytes / DETAIL_BYTES];
    let details = vec![(String::from("email"), texts)];
    Outcome::Reject(Rejection { id: None, status: 422, message: String::from("No."), details, api_style: false })
}

pub(crate) fn document(bytes: usize) -> String {
    format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes))
}

pub(crate) fn key(field: &str, value: &str) -> UniqueKey {
    UniqueKey { field: field.to_owned(), value: value.to_owned() }
}

pub(crate) fn to_new(write: &mut Write) {
    (write.target, write.status) = (Target::New, 201);
}

pub(crate) fn to_existing(id: u64, write: &mut Write) {
    (write.target, write.status) = (Target::Existing(id), 200);
}

pub(crate) fn to_earlier(index: usize, write: &mut Write) {
    (write.target, write.status) = (Target::Earlier(u32::try_from(index).unwrap_or(u32::MAX)), 200);
}

/// Returns the index of the last outcome that refers to an earlier item.
pub(crate) fn last_reference(outcomes: &[Outcome]) -> Option<usize> {
    outcomes.iter().rposition(|outcome| matches!(outcome, Outcome::Write(Write { target: Target::Earlier(_), .. })))
}

/// Returns the id of the last stored contact that an outcome writes to.
pub(crate) fn last_existing(outcomes: &[Outcome]) -> Option<u64> {
    outcomes.iter().rev().find_map(|outcome| match outcome {
        Outcome::Write(Write { target: Target::Existing(id), .. }) => Some(*id),
        _ => None,
    })
}
