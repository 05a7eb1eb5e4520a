//! `GET /api/contacts/{id}`, `GET /api/contacts`, `DELETE /api/contacts/{id}/delete`.

use hyper::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::listing;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::ContactId;
use crate::jobs::Service;
use crate::store::Tenant;

/// One contact, as Mautic wraps it.
#[derive(Serialize)]
pub(super) struct One {
    pub(super) contact: Box<RawValue>,
}

#[derive(Serialize)]
struct Many {
    /// A string, as Mautic has it.
    total: String,
    contacts: ById,
}

/// An object by ids, in the list's order.
struct ById(Vec<(ContactId, Box<RawValue>)>);

impl Serialize for ById {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, contact)| (id.0, contact)))
    }
}

/// One contact; blocks.
pub(super) fn read(service: &Service, tenant: &Tenant, id: ContactId) -> Result<Reply, Problem> {
    let object = service.contact(tenant, id)?.ok_or_else(Problem::unknown_contact)?;
    Ok(json(StatusCode::OK, &One { contact: raw(object)? }))
}

/// Deletes a contact, and shows it for the last time; blocks.
pub(super) fn delete(service: &Service, tenant: &Tenant, id: ContactId) -> Result<Reply, Problem> {
    let object = service.delete_contact(tenant, id)?.ok_or_else(Problem::unknown_contact)?;
    Ok(json(StatusCode::OK, &One { contact: raw(object)? }))
}

/// Part of a list; blocks.
pub(super) fn list(service: &Service, tenant: &Tenant, query: Option<&str>) -> Result<Reply, Problem> {
    let listed = service.contacts(tenant, &listing::parse(query)?)?;
    let contacts = listed.contacts.into_iter().map(|(id, object)| Ok((id, raw(object)?)));
    let contacts = ById(contacts.collect::<Result<_, Problem>>()?);
    Ok(json(StatusCode::OK, &Many { total: listed.total.to_string(), contacts }))
}

/// The sandbox checked that these are JSON objects.
pub(super) fn raw(object: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(object).map_err(|error| Problem::panicked(&error))
}
