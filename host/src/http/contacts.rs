//! `GET /api/contacts/{id}`, `GET /api/contacts?search=email:…`.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::ContactId;
use crate::jobs::Service;
use crate::store::Tenant;

#[derive(Serialize)]
struct One {
    contact: Box<RawValue>,
}

#[derive(Serialize)]
struct Many {
    /// A string, as Mautic has it.
    total: String,
    contacts: BTreeMap<u64, Box<RawValue>>,
}

/// One contact; blocks.
pub(super) fn read(service: &Service, tenant: &Tenant, id: ContactId) -> Result<Reply, Problem> {
    let object = service.contact(tenant, id)?.ok_or_else(Problem::unknown_contact)?;
    Ok(json(StatusCode::OK, &One { contact: raw(object)? }))
}

/// The contacts with an e-mail address; blocks.
pub(super) fn list(service: &Service, tenant: &Tenant, query: Option<&str>) -> Result<Reply, Problem> {
    let search = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find_map(|(name, value)| (name == "search").then(|| value.into_owned()))
        .unwrap_or_default();
    let email =
        search.trim().strip_prefix("email:").map(str::trim).filter(|email| !email.is_empty()).ok_or_else(|| {
            Problem::bad_request(
                "Say which contacts: 'search' must be 'email:' and an address, such as ?search=email:a@b.co.",
            )
        })?;
    let found = service.contacts_by_email(tenant, email)?;
    let total = found.len().to_string();
    let contacts = found.into_iter().map(|(id, object)| Ok((id.0, raw(object)?))).collect::<Result<_, Problem>>()?;
    Ok(json(StatusCode::OK, &Many { total, contacts }))
}

/// The sandbox checked that these are JSON objects.
fn raw(object: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(object).map_err(|error| Problem::panicked(&error))
}
