//! `GET /api/contacts/{id}`, `GET /api/contacts`, `DELETE /api/contacts/{id}/delete`.

use hyper::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::list_query;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::ContactId;
use crate::jobs::Call;

/// One contact, as Mautic wraps it.
#[derive(Serialize)]
pub(super) struct ContactBody {
    pub(super) contact: Box<RawValue>,
}

/// A list of contacts, as Mautic wraps it.
#[derive(Serialize)]
struct ContactListBody {
    /// A string, as in Mautic.
    total: String,
    contacts: ById,
}

/// Contacts as the members of an object, by id and in the list's order.
struct ById(Vec<(ContactId, Box<RawValue>)>);

impl Serialize for ById {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, contact)| (id.0, contact)))
    }
}

/// Reads a contact; blocks.
pub(super) fn read(call: &Call<'_>, id: ContactId) -> Result<Reply, Problem> {
    let object = call.contact(id)?.ok_or_else(Problem::unknown_contact)?;
    Ok(json(StatusCode::OK, &ContactBody { contact: raw(object)? }))
}

/// Deletes a contact, and returns it as it was; blocks.
pub(super) fn delete(call: &Call<'_>, id: ContactId) -> Result<Reply, Problem> {
    let object = call.delete_contact(id)?.ok_or_else(Problem::unknown_contact)?;
    Ok(json(StatusCode::OK, &ContactBody { contact: raw(object)? }))
}

/// Lists contacts; blocks.
pub(super) fn list(call: &Call<'_>, query: Option<&str>) -> Result<Reply, Problem> {
    let listed = call.contacts(&list_query::parse(query)?)?;
    let contacts = listed.contacts.into_iter().map(|(id, object)| Ok((id, raw(object)?)));
    let contacts = ById(contacts.collect::<Result<_, Problem>>()?);
    Ok(json(StatusCode::OK, &ContactListBody { total: listed.total.to_string(), contacts }))
}

/// Returns a contact's JSON, which the sandbox has checked to be an object.
pub(super) fn raw(object: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(object).map_err(|error| Problem::panicked(&error))
}
