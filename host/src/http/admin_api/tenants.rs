//! `/admin/tenants`.

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::http::problem::Problem;
use crate::http::reply::{Reply, json};
use crate::operations::{
    AddedTenantView, AssignmentView, ComponentChoice, Operations, TenantSettings, TenantSummaryView,
};
use crate::tenants::TenantName;

#[derive(Serialize)]
struct TenantListBody {
    tenants: Vec<TenantSummaryView>,
}

#[derive(Serialize)]
struct RemovedTenantBody<'a> {
    tenant: &'a str,
}

/// A new tenant as an operator sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTenantBody {
    tenant: String,
    profile: Option<Box<RawValue>>,
}

/// The settings that an operator changes; those that are left out stay as they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsBody {
    processor: Option<String>,
    validator: Option<String>,
    profile: Option<Box<RawValue>>,
    limits: Option<Box<RawValue>>,
}

pub(super) fn list(operations: &Operations) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &TenantListBody { tenants: operations.tenants()? }))
}

/// Adds a tenant and returns its credentials.
pub(super) fn add(operations: &Operations, body: &str) -> Result<Reply, Problem> {
    let new: NewTenantBody =
        read_object(body, "The new tenant", "Send 'tenant' (the tenant's name) and optionally 'profile'.")?;
    let name: TenantName = new.tenant.parse().map_err(|error| Problem::bad_request(format!("{error}")))?;
    let added = operations.add_tenant(name, new.profile.as_deref().map(RawValue::get))?;
    let mut reply = json(StatusCode::CREATED, &AddedTenantView::from(&added));
    if let Ok(location) = HeaderValue::from_str(&format!("/admin/tenants/{}", added.name.as_str())) {
        reply.headers_mut().insert(LOCATION, location);
    }
    Ok(reply)
}

pub(super) fn show(operations: &Operations, name: &str) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &operations.tenant(name)?))
}

/// Changes a tenant's settings and returns its components. Changes nothing if `dry_run` is "true".
pub(super) fn change(operations: &Operations, name: &str, body: &str, dry_run: Option<&str>) -> Result<Reply, Problem> {
    let advice = "Send any of 'validator' (a component or \"none\"), 'processor' (a component or \"default\"), 'profile' and 'limits'.";
    let change: SettingsBody = read_object(body, "The change", advice)?;
    let settings = TenantSettings {
        profile: change.profile.map(|profile| profile.get().to_owned()),
        limits: change.limits.map(|limits| limits.get().to_owned()),
        processor: change.processor.map(ComponentChoice::processor),
        validator: change.validator.map(ComponentChoice::validator),
    };
    let dry_run = dry_run == Some("true");
    let assigned =
        if dry_run { operations.try_settings(name, &settings)? } else { operations.set_tenant(name, &settings)? };
    let view = AssignmentView::new(name, assigned, &operations.component_names()?).dry_run(dry_run);
    Ok(json(StatusCode::OK, &view))
}

pub(super) fn remove(operations: &Operations, name: &str) -> Result<Reply, Problem> {
    operations.remove_tenant(name)?;
    Ok(json(StatusCode::OK, &RemovedTenantBody { tenant: name }))
}

/// Gives a tenant its previous components back and returns them.
pub(super) fn roll_back(operations: &Operations, name: &str) -> Result<Reply, Problem> {
    let assigned = operations.roll_back_tenant(name)?;
    Ok(json(StatusCode::OK, &AssignmentView::new(name, assigned, &operations.component_names()?)))
}

/// Reads a body that must be a JSON object: serde would also take a list of the members' values in order.
///
/// # Errors
/// 400, which names `what` cannot be read and ends with `advice`.
pub(super) fn read_object<T: DeserializeOwned>(body: &str, what: &str, advice: &str) -> Result<T, Problem> {
    if !body.trim_start().starts_with('{') {
        return Err(Problem::bad_request(format!("{what} must be a JSON object. {advice}")));
    }
    serde_json::from_str(body)
        .map_err(|error| Problem::bad_request(format!("{what} cannot be read: {error}. {advice}")))
}
