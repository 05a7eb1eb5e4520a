//! `POST /api/contacts/batch/new`, `PUT|PATCH /api/contacts/batch/edit`: applies up to 200 items and answers at once, in
//! Mautic's envelope.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::body::ItemBody;
use super::contacts::raw;
use super::problem::Problem;
use super::remarks::tell_ignored;
use super::reply::{Reply, json};
use crate::domain::{Action, DryRun, JobRemarks, Operation, Warning};
use crate::jobs::{Call, CallAnswer, MAX_CALL_ITEMS};

/// What becomes of each item, as Mautic answers a batch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<C: Serialize, E: Serialize> {
    pub(super) contacts: ByKey<C>,
    pub(super) status_codes: ByKey<u16>,
    #[serde(skip_serializing_if = "ByKey::is_empty")]
    pub(super) errors: ByKey<E>,
    #[serde(skip_serializing_if = "ByKey::is_empty")]
    warnings: ByKey<Vec<Warning>>,
    /// Whether nothing was stored; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    /// What would become of each item of a dry run.
    #[serde(skip_serializing_if = "ByKey::is_empty")]
    actions: ByKey<Action>,
    /// What would change.
    #[serde(skip_serializing_if = "ByKey::is_empty")]
    changes: ByKey<Box<RawValue>>,
}

impl<C: Serialize, E: Serialize> Envelope<C, E> {
    /// Returns the envelope of no item.
    pub(super) fn empty() -> Self {
        let (contacts, status_codes) = (ByKey(Vec::new()), ByKey(Vec::new()));
        let (errors, warnings) = (ByKey(Vec::new()), ByKey(Vec::new()));
        let (dry_run, actions, changes) = (false, ByKey(Vec::new()), ByKey(Vec::new()));
        Self { contacts, status_codes, errors, warnings, dry_run, actions, changes }
    }
}

/// Values under the keys of the request, written as PHP writes an array: a list if the keys are 0, 1, 2, … in order, otherwise
/// an object.
pub(super) struct ByKey<T>(pub(super) Vec<(String, T)>);

impl<T> ByKey<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_list(&self) -> bool {
        self.0.iter().enumerate().all(|(place, (key, _))| *key == place.to_string())
    }
}

impl<T: Serialize> Serialize for ByKey<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_list() {
            let mut list = serializer.serialize_seq(Some(self.0.len()))?;
            self.0.iter().try_for_each(|(_, value)| list.serialize_element(value))?;
            list.end()
        } else {
            let mut object = serializer.serialize_map(Some(self.0.len()))?;
            self.0.iter().try_for_each(|(key, value)| object.serialize_entry(key, value))?;
            object.end()
        }
    }
}

/// Applies a batch, or says what would become of it; blocks.
pub(super) fn apply(
    call: &Call<'_>,
    operation: Operation,
    mut body: ItemBody,
    dry_run: Option<DryRun>,
) -> Result<Reply, Problem> {
    let mut items = body.take_items(MAX_CALL_ITEMS, operation)?;
    if items.items.len() > MAX_CALL_ITEMS {
        return Err(Problem::too_many_items(MAX_CALL_ITEMS));
    }
    let keys = items.keys.take().unwrap_or_else(|| (0..items.items.len()).map(|place| place.to_string()).collect());
    let CallAnswer { rows, contacts } = match dry_run {
        None => call.apply(operation, &items)?,
        Some(dry_run) => call.preview(operation, &items, dry_run)?,
    };
    let contacts: BTreeMap<_, _> =
        contacts.into_iter().map(|(id, object)| Ok((id, raw(object)?))).collect::<Result<_, Problem>>()?;
    let remarks = JobRemarks::of(rows.iter().map(|row| &row.remarks));
    let mut envelope = Envelope::empty();
    envelope.dry_run = dry_run.is_some();
    for (key, row) in keys.into_iter().zip(rows) {
        if let Some(contact) = row.shown.and_then(|id| contacts.get(&id)) {
            envelope.contacts.0.push((key.clone(), contact));
        }
        envelope.status_codes.0.push((key.clone(), row.status));
        if dry_run.is_some() {
            envelope.actions.0.push((key.clone(), row.action));
        }
        if let Some(changes) = row.changes {
            envelope.changes.0.push((key.clone(), raw(changes)?));
        }
        if !row.remarks.warnings.is_empty() {
            envelope.warnings.0.push((key.clone(), row.remarks.warnings));
        }
        envelope.errors.0.extend(row.error.map(|error| (key, error)));
    }
    // As in Mautic, the status does not depend on the results of the items.
    let status = if operation == Operation::Create { StatusCode::CREATED } else { StatusCode::OK };
    let mut reply = json(status, &envelope);
    tell_ignored(&mut reply, &remarks.ignored);
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::ByKey;

    #[test]
    fn values_under_keys_in_order_are_a_list() {
        for (keys, expected) in [
            (&[] as &[&str], "[]"),
            (&["0", "1"], "[0,1]"),
            (&["1"], r#"{"1":0}"#),
            (&["1", "0"], r#"{"1":0,"0":1}"#),
            (&["0", "2"], r#"{"0":0,"2":1}"#),
            (&["00"], r#"{"00":0}"#),
            (&["5", "9"], r#"{"5":0,"9":1}"#),
        ] {
            let values = ByKey(keys.iter().enumerate().map(|(n, key)| ((*key).to_owned(), n)).collect());
            assert_eq!(serde_json::to_string(&values).unwrap(), expected);
        }
    }
}
