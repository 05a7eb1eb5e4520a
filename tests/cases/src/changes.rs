//! Checks which fields a step changed.
//!
//! A case lists the changes that Mautic's setter recorded. To a client this means: afterwards the contact has each recorded
//! value, and every other field has its old value.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Answer, Api, loose};

/// The fields of contacts before a step, by id.
pub(crate) type Before = BTreeMap<u64, Map<String, Value>>;

/// Reads the fields of all contacts that exist so far.
pub(crate) fn snapshot(api: &mut dyn Api, ids: &[u64]) -> Before {
    ids.iter().filter_map(|&id| Some((id, fields(api, id)?))).collect()
}

fn fields(api: &mut dyn Api, id: u64) -> Option<Map<String, Value>> {
    let Answer { status, text } = api.call("GET", &format!("/api/contacts/{id}"), &[], b"");
    let shown: Value = serde_json::from_str(&text).ok().filter(|_| status == 200)?;
    shown["contact"]["fields"]["all"].as_object().cloned()
}

/// Checks that the contact of `answer` changed as expected, and that all other contacts did not change. If the answer has
/// several contacts, it does not show which of them the step changed, so these are not checked.
///
/// # Errors
/// If a field has a wrong value. The error is one line that names the first such field.
pub(crate) fn check(
    api: &mut dyn Api,
    expected: &Map<String, Value>,
    answer: &Value,
    before: &Before,
) -> Result<(), String> {
    let contacts: Vec<&Value> = match &answer["contacts"] {
        Value::Array(contacts) => contacts.iter().collect(),
        Value::Object(contacts) => contacts.values().collect(),
        _ => vec![&answer["contact"]],
    };
    let ids: Vec<u64> = contacts.iter().filter_map(|contact| contact["id"].as_u64()).collect();
    for (id, unchanged) in before.iter().filter(|(id, _)| !ids.contains(id)) {
        if fields(api, *id).as_ref() != Some(unchanged) {
            return Err(format!("changedFields: contact {id} should not have changed"));
        }
    }
    let [id] = ids.as_slice() else { return Ok(()) };
    let after = fields(api, *id).ok_or_else(|| format!("contact {id} cannot be read"))?;
    let blank = Map::new();
    let before = before.get(id).unwrap_or(&blank);

    let missing = expected.keys().find(|alias| !after.contains_key(*alias));
    if let Some(alias) = missing {
        return Err(format!("changedFields: {alias} is not a field"));
    }
    for (alias, found) in after.iter().filter(|(alias, _)| *alias != "id") {
        let (wanted, why) = match expected.get(alias) {
            Some(value) => (Some(value), "should have become"),
            None => (before.get(alias), "should still be"),
        };
        if !shows(found, wanted) {
            let wanted = wanted.unwrap_or(&Value::Null);
            return Err(format!("changedFields: {alias} {why} {wanted}, it is {found}"));
        }
    }
    Ok(())
}

/// Returns whether a client sees `found` for a field with `value`. Numbers without a scale are truncated, and a blank number
/// is 0.
fn shows(found: &Value, value: Option<&Value>) -> bool {
    let value = value.filter(|value| !value.is_null());
    match (found.as_i64(), value) {
        (Some(whole), None) => whole == 0,
        (Some(whole), Some(value)) => loose::number(value).map(f64::trunc) == loose::number(&whole.into()),
        (None, None) if found.is_f64() => found.as_f64() == Some(0.0),
        _ => loose::eq_or_blank(Some(found), value),
    }
}
