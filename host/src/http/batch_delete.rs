//! `DELETE /api/contacts/batch/delete`: deletes up to 200 contacts and answers at once, in Mautic's envelope. The ids are in the
//! query, as `ids=1,2`, as `ids[]=1&ids[]=2`, or as `id=1`.

use std::borrow::Cow;
use std::collections::HashSet;

use hyper::StatusCode;

use super::batch::Envelope;
use super::contacts::raw;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::{ContactId, ItemError};
use crate::jobs::{Call, MAX_CALL_ITEMS};

/// Reads the ids in a query, with their keys: the keys in brackets if all have one of their own, and otherwise their places.
///
/// # Errors
/// 400 if there is none or too many, or one is no number.
pub(super) fn ids(query: Option<&str>) -> Result<Vec<(String, ContactId)>, Problem> {
    let mut ids: Vec<(Option<String>, ContactId)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let key = key_of(&name)?;
        let list = value.trim().trim_start_matches('[').trim_end_matches(']');
        for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            // No contact has an id beyond these numbers.
            let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().unwrap_or(u64::MAX));
            let number = number.ok_or_else(|| Problem::bad_request(format!("'{name}' must have whole numbers.")))?;
            if ids.len() >= MAX_CALL_ITEMS {
                return Err(Problem::too_many_items(MAX_CALL_ITEMS));
            }
            ids.push((key.clone().map(Cow::into_owned), ContactId(number)));
        }
    }
    if ids.is_empty() {
        return Err(Problem::bad_request("Name the contacts to delete, such as ids=1,2."));
    }
    let distinct: HashSet<&String> = ids.iter().filter_map(|(key, _)| key.as_ref()).collect();
    let have_keys = distinct.len() == ids.len();
    let keyed = |(place, (key, id)): (usize, (Option<String>, ContactId))| {
        (key.filter(|_| have_keys).unwrap_or_else(|| place.to_string()), id)
    };
    Ok(ids.into_iter().enumerate().map(keyed).collect())
}

/// Returns the key in the brackets of a parameter with ids, if there is one.
///
/// # Errors
/// 400 for any other parameter: a client that sends one may want fewer contacts deleted.
fn key_of(name: &str) -> Result<Option<Cow<'_, str>>, Problem> {
    let Some(rest) = name.strip_prefix("ids").or((name == "id").then_some("")) else {
        return Err(Problem::bad_request(format!("'{name}' is no parameter of this call. Send ids=1,2.")));
    };
    match rest.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        None if rest.is_empty() => Ok(None),
        Some(Some("")) => Ok(None),
        Some(Some(key)) if !key.contains(['[', ']']) => Ok(Some(Cow::Borrowed(key))),
        _ => Err(Problem::bad_request(format!("'{name}' is not a list of ids; send ids=1,2."))),
    }
}

/// Deletes contacts; blocks.
pub(super) fn apply(call: &Call<'_>, keyed: Vec<(String, ContactId)>) -> Result<Reply, Problem> {
    let ids: Vec<ContactId> = keyed.iter().map(|(_, id)| *id).collect();
    let deleted = call.delete_contacts(&ids)?;
    let mut envelope = Envelope::empty();
    for ((key, _), object) in keyed.into_iter().zip(deleted) {
        match object {
            Some(object) => {
                envelope.contacts.0.push((key.clone(), raw(object)?));
                envelope.status_codes.0.push((key, StatusCode::OK.as_u16()));
            }
            None => {
                let code = StatusCode::NOT_FOUND.as_u16();
                envelope.status_codes.0.push((key.clone(), code));
                let (message, r#type) = (String::from("Item was not found."), String::from("api"));
                envelope.errors.0.push((key, ItemError::Api { message, code, r#type }));
            }
        }
    }
    Ok(json(StatusCode::OK, &envelope))
}

#[cfg(test)]
mod tests {
    use super::ids;

    fn read(query: &str) -> Vec<(String, u64)> {
        ids(Some(query)).unwrap().into_iter().map(|(key, id)| (key, id.0)).collect()
    }

    #[test]
    fn ids_are_read_in_every_form_of_mautics_clients() {
        for (query, expected) in [
            ("ids=7", &[("0", 7)][..]),
            ("id=7", &[("0", 7)]),
            ("ids=7,+9,", &[("0", 7), ("1", 9)]),
            ("ids=[7,9]", &[("0", 7), ("1", 9)]),
            ("ids[]=7&ids[]=9", &[("0", 7), ("1", 9)]),
            ("ids%5B0%5D=7&ids%5B1%5D=9", &[("0", 7), ("1", 9)]),
            ("ids[5]=7&ids[a]=9", &[("5", 7), ("a", 9)]),
            ("ids=7,7", &[("0", 7), ("1", 7)]),
            ("ids[1]=7&ids[]=9", &[("0", 7), ("1", 9)]),
            ("ids[5]=7&ids[5]=9", &[("0", 7), ("1", 9)]),
            ("ids=99999999999999999999", &[("0", u64::MAX)]),
        ] {
            let expected: Vec<(String, u64)> = expected.iter().map(|(key, id)| ((*key).to_owned(), *id)).collect();
            assert_eq!(read(query), expected, "{query}");
        }
    }

    #[test]
    fn other_queries_are_refused() {
        let many = format!("ids={}", "1,".repeat(201));
        for query in ["", "ids=", "ids=x", "ids=1,-2", "ids[0][id]=1", "idsx=1", "ids[=1", &many] {
            assert!(ids(Some(query)).is_err(), "{query}");
        }
        assert!(ids(None).is_err());
        assert_eq!(read(&format!("ids={}", "1,".repeat(200))).len(), 200);
    }
}
