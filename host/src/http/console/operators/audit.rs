//! The audit log: what operators did.

use maud::{Markup, html};
use serde_json::Value;

use super::Asked;
use super::links::{encoded, job_path, tenant_link};
use crate::domain::JobId;
use crate::http::console::page::{Page, Place};
use crate::http::console::words::exact_moment;
use crate::http::problem::Problem;
use crate::store::AuditEntry;

/// Entries of a page.
const PAGE: u32 = 50;

/// Returns the page; blocks.
pub(super) fn page(asked: &Asked) -> Result<Page, Problem> {
    let tenant = asked.query.text("tenant").map(str::trim).filter(|name| !name.is_empty());
    let before = asked.query.text("before").map(str::parse).transpose();
    let before: Option<i64> = before.map_err(|_| Problem::bad_request("'before' must be the number of an entry."))?;
    let entries = asked.operations.audit_entries(tenant, before, Some(PAGE))?;
    let oldest = entries.last().filter(|_| entries.len() >= PAGE as usize).map(|entry| entry.id);
    let of_tenant = tenant.map(|name| format!("&tenant={}", encoded(name))).unwrap_or_default();
    let content = html! {
        form.filters method="get" action="/ops/audit" role="search" aria-label="Audit log" {
            div {
                label for="tenant" { "Tenant" }
                input id="tenant" name="tenant" value=(tenant.unwrap_or_default()) autocapitalize="none" spellcheck="false";
            }
            button type="submit" { "Show" }
        }
        @if entries.is_empty() {
            div.empty { p { @if before.is_none() { "Operators have done nothing here." } @else { "There is nothing older." } } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Audit log" {
                table.audit {
                    thead { tr {
                        th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Tenant" }
                        th scope="col" { "On" } th scope="col" { "End" }
                    } }
                    tbody { @for entry in &entries { (row(entry)) } }
                }
            }
        }
        p.pages {
            @if before.is_some() { a href={ "/ops/audit?" (of_tenant.trim_start_matches('&')) } { "Newest" } }
            @if let Some(oldest) = oldest { a href={ "/ops/audit?before=" (oldest) (of_tenant) } rel="next" { "Older" } }
        }
        p.quiet { "Times are UTC. " code { "bulkhead audit" } " shows the same, with the ids of requests." }
    };
    Ok(Page::new("Audit log", content).at(Place::Audit))
}

fn row(entry: &AuditEntry) -> Markup {
    let (kind, end) = match entry.is_done {
        Some(true) => ("done", "done"),
        Some(false) => ("stopped", "refused"),
        None => ("waiting", "not ended"),
    };
    html! {
        tr {
            th scope="row" { (exact_moment(entry.at)) }
            td { (entry.who) " " span.quiet { (entry.way.replace('_', " ")) @if let Some(origin) = &entry.origin { ", " (origin) } } }
            td { (entry.action) (details(&entry.details)) }
            td { @if let Some(tenant) = &entry.tenant { (tenant_link(tenant)) } }
            td.object { @if let Some(object) = &entry.object { (thing(&entry.action, object)) } }
            td { span.state data-state=(kind) { (end) } @if let Some(error) = &entry.error { " " span.quiet { (error) } } }
        }
    }
}

/// The thing that an entry is about, with a link if it has a page.
fn thing(action: &str, object: &str) -> Markup {
    let path = match action.split_once('.') {
        Some(("job", _)) => JobId::parse(object).map(job_path),
        Some(("component", _)) => Some(format!("/ops/components/{}", encoded(object))),
        _ => None,
    };
    html! { @match path { Some(path) => a href=(path) { code { (object) } }, None => code { (object) } } }
}

/// More about an entry, for whoever opens it.
fn details(text: &str) -> Markup {
    let details: Value = serde_json::from_str(text).unwrap_or_default();
    html! {
        @if let Some(details) = details.as_object().filter(|details| !details.is_empty()) {
            details {
                summary { "more" }
                dl.changes { @for (name, value) in details { div { dt { (name) } dd { (value.as_str().map_or_else(|| value.to_string(), str::to_owned)) } } } }
            }
        }
    }
}
