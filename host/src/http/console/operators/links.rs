//! The addresses of the operators' pages, and links to them.

use std::collections::HashMap;

use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Asked;
use crate::domain::{Digest, JobId};
use crate::http::problem::Problem;

/// The overview, where an operator begins.
pub(in crate::http::console) const OVERVIEW: &str = "/ops/overview";
/// Names that a field of tenants offers.
const MAX_NAMES: usize = 200;
/// Signs of a digest that are shown where there is little room.
const SHORT_DIGEST: usize = 19;

/// Returns the address of a job's page.
pub(super) fn job_path(id: JobId) -> String {
    format!("/ops/jobs/{id}")
}

/// Returns the address of a tenant's page.
pub(super) fn tenant_path(name: &str) -> String {
    format!("/ops/tenants/{}", encoded(name))
}

/// Returns the address of a component's page.
pub(super) fn component_path(digest: Digest) -> String {
    format!("/ops/components/{digest}")
}

/// Writes a text as a part of an address.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Returns a link to a tenant's page.
pub(super) fn tenant_link(name: &str) -> Markup {
    html! { a href=(tenant_path(name)) { (name) } }
}

/// Returns a link to a component's page, by the component's name if it has one.
pub(super) fn component_link(digest: Digest, name: Option<&str>) -> Markup {
    html! { a href=(component_path(digest)) { @if let Some(name) = name { (name) } @else { code { (short(digest)) } } } }
}

/// Returns a link to a tenant's component, or the word for none of the tenant's own.
pub(super) fn assigned_link(names: &HashMap<Digest, String>, digest: Option<Digest>, none: &str) -> Markup {
    match digest {
        Some(digest) => component_link(digest, names.get(&digest).map(String::as_str)),
        None => html! { span.quiet { (none) } },
    }
}

/// Returns the names of the components that have one; blocks.
pub(super) fn component_names(asked: &Asked) -> Result<HashMap<Digest, String>, Problem> {
    let components = asked.operations.components()?.into_iter();
    Ok(components.filter_map(|component| Some((component.digest, component.name?))).collect())
}

/// Returns what completes the names of tenants in the field `tenant`; blocks.
pub(super) fn tenant_names(asked: &Asked) -> Result<Markup, Problem> {
    let tenants = asked.operations.tenant_summaries()?;
    Ok(
        html! { datalist id="tenants" { @for tenant in tenants.iter().take(MAX_NAMES) { option value=(tenant.tenant); } } },
    )
}

/// Returns the beginning of a digest, by which people tell components apart.
pub(super) fn short(digest: Digest) -> String {
    digest.to_string().chars().take(SHORT_DIGEST).collect()
}
