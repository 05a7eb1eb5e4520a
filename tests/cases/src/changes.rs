//! Which fields a step changed.
//!
//! A case says what Mautic's setter recorded. Seen from outside that is: a contact shows each recorded value
//! afterwards, and every other field as before.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Answer, Api, loose};

/// The fields of contacts before a step, by id.
pub(crate) type Before = BTreeMap<u64, Map<String, Value>>;

/// The fields of the contacts that are known so far.
pub(crate) fn snapshot(api: &mut dyn Api, ids: &[u64]) -> Before {
    ids.iter().filter_map(|&id| Some((id, fields(api, id)?))).collect()
}

fn fields(api: &mut dyn Api, id: u64) -> Option<Map<String, Value>> {
    let Answer { status, text } = api.call("GET", &format!("/api/contacts/{id}"), &[], b"");
    let shown: Value = serde_json::from_str(&text).ok().filter(|_| status == 200)?;
    shown["contact"]["fields"]["all"].as_object().cloned()
}

/// Compares the contact of `answer` with how it was, and the others with themselves; if the answer has several, which of
/// them the step changed is not known, and they pass.
///
/// # Errors
/// Says which field changed that should not have, or did not become what it should.
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
    for (id, others) in before.iter().filter(|(id, _)| !ids.contains(id)) {
        if fields(api, *id).as_ref() != Some(others) {
            return Err(format!("changedFields: contact {id} should have stayed as it was"));
        }
    }
    let [id] = ids.as_slice() else { return Ok(()) };
    let after = fields(api, *id).ok_or_else(|| format!("contact {id} cannot be read"))?;
    let blank = Map::new();
    let before = before.get(id).unwrap_or(&blank);

    let missing = expected.keys().find(|alias| !after.contains_key(*alias));
    if let Some(alias) = missing {
        return Err(format!("changedFields: {alias} is no field"));
    }
    for (alias, found) in after.iter().filter(|(alias, _)| *alias != "id") {
        let (wanted, why) = match expected.get(alias) {
            Some(value) => (Some(value), "should have become"),
            None => (before.get(alias), "should have stayed"),
        };
        if !shows(found, wanted) {
            let wanted = wanted.unwrap_or(&Value::Null);
            return Err(format!("changedFields: {alias} {why} {wanted}, it is {found}"));
        }
    }
    Ok(())
}

/// Whether a field that holds `value` shows `found`: numbers without digits are cut off, and 0 when they are blank.
fn shows(found: &Value, value: Option<&Value>) -> bool {
    let value = value.filter(|value| !value.is_null());
    match (found.as_i64(), value) {
        (Some(whole), None) => whole == 0,
        (Some(whole), Some(value)) => loose::number(value).map(f64::trunc) == loose::number(&whole.into()),
        (None, None) if found.is_f64() => found.as_f64() == Some(0.0),
        _ => loose::eq_or_blank(Some(found), value),
    }
}
