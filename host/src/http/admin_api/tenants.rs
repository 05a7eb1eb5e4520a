//! `/admin/tenants`.

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde::Serialize;

use crate::http::problem::Problem;
use crate::http::reply::{Reply, json};
use crate::operations::{
    AddedTenantView, AssignmentView, ComponentChoice, Operations, RemovedTenantView, TenantSettings, TenantSummaryView,
};
use crate::operator_json::{JsonError, JsonText, Members};
use crate::tenants::TenantName;

#[derive(Serialize)]
struct TenantListBody {
    tenants: Vec<TenantSummaryView>,
}

pub(super) fn list(operations: &Operations) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &TenantListBody { tenants: operations.tenants()? }))
}

/// Adds a tenant and returns its credentials.
pub(super) fn add(operations: &Operations, body: &str) -> Result<Reply, Problem> {
    let read = || -> Result<_, JsonError> {
        let mut members = JsonText::parse(body)?.object(&["tenant", "validator", "processor", "profile", "limits"])?;
        Ok((members.take_required("tenant")?.text()?, settings(&mut members)?))
    };
    let advice = "Send 'tenant' (the tenant's name) and optionally 'validator', 'processor', 'profile' and 'limits'.";
    let (name, settings) = read().map_err(|error| unreadable("The new tenant", &error, advice))?;
    let name: TenantName = name.parse().map_err(|error| Problem::bad_request(format!("{error}")))?;
    let added = operations.add_tenant(name, &settings)?;
    let mut reply = json(StatusCode::CREATED, &AddedTenantView::from(&added));
    if let Ok(location) = HeaderValue::from_str(&format!("/admin/tenants/{}", added.name.as_str())) {
        reply.headers_mut().insert(LOCATION, location);
    }
    Ok(reply)
}

pub(super) fn show(operations: &Operations, name: &str) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &operations.tenant(name)?))
}

/// Changes a tenant's settings and returns its components. Changes nothing if it is a `dry_run`.
pub(super) fn change(operations: &Operations, name: &str, body: &str, dry_run: bool) -> Result<Reply, Problem> {
    let read = || -> Result<_, JsonError> {
        let mut members = JsonText::parse(body)?.object(&["validator", "processor", "profile", "limits"])?;
        settings(&mut members)
    };
    let advice = "Send any of 'validator' (a component or \"none\"), 'processor' (a component or \"default\"), 'profile' and 'limits'.";
    let settings = read().map_err(|error| unreadable("The change", &error, advice))?;
    let changed = if dry_run {
        operations.try_settings(name, &settings)?
    } else {
        operations.set_tenant(name, &settings, None)?
    };
    let view = AssignmentView::new(name, &changed, &operations.component_names()?).dry_run(dry_run);
    Ok(json(StatusCode::OK, &view))
}

pub(super) fn remove(operations: &Operations, name: &str) -> Result<Reply, Problem> {
    let removed = operations.remove_tenant(name)?;
    Ok(json(StatusCode::OK, &RemovedTenantView::new(name, removed)))
}

/// Gives a tenant its previous components back and returns them.
pub(super) fn roll_back(operations: &Operations, name: &str) -> Result<Reply, Problem> {
    let changed = operations.roll_back_tenant(name, None)?;
    Ok(json(StatusCode::OK, &AssignmentView::new(name, &changed, &operations.component_names()?)))
}

/// Takes the settings of a tenant from the members of a body.
fn settings(members: &mut Members<'_>) -> Result<TenantSettings, JsonError> {
    let mut text = |name| members.take_optional(name).map(|value| value.text()).transpose();
    let (processor, validator) = (text("processor")?, text("validator")?);
    let mut json = |name| members.take_optional(name).map(|value| value.raw().to_owned());
    Ok(TenantSettings {
        profile: json("profile"),
        limits: json("limits"),
        processor: processor.map(ComponentChoice::processor),
        validator: validator.map(ComponentChoice::validator),
    })
}

/// Returns the problem of a body that is not the object that it must be: 400, which names `what` and ends with `advice`.
pub(super) fn unreadable(what: &str, error: &JsonError, advice: &str) -> Problem {
    Problem::bad_request(format!("{what} cannot be read: {error}. {advice}"))
}
