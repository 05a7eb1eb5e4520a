//! `GET /api/contacts/{id}`, `GET /api/contacts`, `DELETE /api/contacts/{id}/delete`.

use std::fmt;

use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::problem::Problem;
use super::reply::{Reply, json, json_text};
use crate::domain::ContactId;
use crate::jobs::{Call, ListRequest, ListedContacts};

/// How many contacts a list has at most, in the answer to a search that finds more.
pub(super) const TOTAL_BOUNDED: &str = "bulkhead-total-bounded";

/// One contact, as Mautic wraps it.
#[derive(Serialize)]
pub(super) struct ContactBody {
    pub(super) contact: Box<RawValue>,
}

/// A contact that is no more.
#[derive(Serialize)]
struct DeletedContactBody<'a> {
    contact: Members<'a>,
}

/// The members of a contact's JSON object, in its order. Their values stay as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl Members<'_> {
    /// Returns the members with `null` in place of the id.
    fn without_id(mut self) -> Self {
        let ids = self.0.iter_mut().filter(|(name, _)| name == "id");
        ids.for_each(|(_, value)| *value = RawValue::NULL);
        self
    }
}

impl<'a> Deserialize<'a> for Members<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'a> Visitor<'a> for Object {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a contact's object")
            }

            fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = object.next_entry::<String, &RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Reads a contact; blocks.
pub(super) fn read(call: &Call<'_>, id: ContactId) -> Result<Reply, Problem> {
    let object = call.contact(id)?.ok_or_else(Problem::unknown_contact)?;
    Ok(json(StatusCode::OK, &ContactBody { contact: raw(object)? }))
}

/// Deletes a contact, and returns it as it was, but without its id, as Mautic does; blocks.
pub(super) fn delete(call: &Call<'_>, id: ContactId) -> Result<Reply, Problem> {
    let object = call.delete_contact(id)?.ok_or_else(Problem::unknown_contact)?;
    let members: Members<'_> = serde_json::from_str(&object).map_err(|error| Problem::panicked(&error))?;
    Ok(json(StatusCode::OK, &DeletedContactBody { contact: members.without_id() }))
}

/// Lists contacts, as Mautic wraps them; blocks.
pub(super) fn list(call: &Call<'_>, request: &ListRequest) -> Result<Reply, Problem> {
    let listed = call.contacts(request)?;
    let bound = listed.is_bounded.then_some(listed.total);
    let mut reply = json_text(StatusCode::OK, list_body(listed));
    if let Some(bound) = bound {
        reply.headers_mut().insert(TOTAL_BOUNDED, HeaderValue::from(bound));
    }
    Ok(reply)
}

/// Returns the contacts as the members of an object, by id and in the list's order. The total is a string, as in Mautic.
///
/// Each contact is JSON already, which the sandbox has checked. It is dropped as soon as it is written, so that the list is not
/// in memory twice.
fn list_body(listed: ListedContacts) -> Vec<u8> {
    const BYTES_AROUND_CONTACT: usize = 24;
    let bytes: usize = listed.contacts.iter().map(|(_, object)| object.len() + BYTES_AROUND_CONTACT).sum();
    let mut body = Vec::with_capacity(bytes + 64);
    body.extend_from_slice(format!(r#"{{"total":"{}","contacts":{{"#, listed.total).as_bytes());
    for (place, (ContactId(id), object)) in listed.contacts.into_iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        body.extend_from_slice(format!(r#"{comma}"{id}":"#).as_bytes());
        body.extend_from_slice(object.as_bytes());
    }
    body.extend_from_slice(b"}}");
    body
}

/// Returns a contact's JSON, which the sandbox has checked to be an object.
pub(super) fn raw(object: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(object).map_err(|error| Problem::panicked(&error))
}

#[cfg(test)]
mod tests {
    use super::{Members, list_body};
    use crate::domain::ContactId;
    use crate::jobs::ListedContacts;

    #[test]
    fn a_deleted_contact_keeps_all_but_its_id() {
        for (object, expected) in [
            (r#"{"id":7,"a":1.10,"b":{"id":7}}"#, r#"{"id":null,"a":1.10,"b":{"id":7}}"#),
            (r#"{"a":"\u00e9","id":"7"}"#, r#"{"a":"\u00e9","id":null}"#),
            ("{}", "{}"),
        ] {
            let members: Members<'_> = serde_json::from_str(object).unwrap();
            assert_eq!(serde_json::to_string(&members.without_id()).unwrap(), expected);
        }
    }

    #[test]
    fn a_list_is_an_object_of_contacts_in_order() {
        let contacts = vec![(ContactId(7), String::from(r#"{"id":7}"#)), (ContactId(3), String::from("{}"))];
        let body = list_body(ListedContacts { total: 12, is_bounded: false, contacts });
        assert_eq!(String::from_utf8(body).unwrap(), r#"{"total":"12","contacts":{"7":{"id":7},"3":{}}}"#);
        let empty = list_body(ListedContacts { total: 0, is_bounded: false, contacts: Vec::new() });
        assert_eq!(empty, br#"{"total":"0","contacts":{}}"#);
    }
}
