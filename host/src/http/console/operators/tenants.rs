//! The list of tenants.

use std::collections::HashMap;

use maud::{Markup, html};

use super::Asked;
use super::links::{assigned_link, component_names, tenant_link};
use crate::domain::Digest;
use crate::http::console::page::{Page, Place};
use crate::http::console::words::count;
use crate::http::problem::Problem;
use crate::plain_words::grouped;
use crate::store::TenantSummary;

/// Tenants that are shown at most. More are found by their names.
const MAX_SHOWN: usize = 200;

/// Returns the page; blocks.
pub(super) fn page(asked: &Asked) -> Result<Page, Problem> {
    let wanted = asked.query.text("name").map(str::trim).unwrap_or_default();
    let mut tenants = asked.operations.tenant_summaries()?;
    let all = tenants.len();
    tenants.retain(|summary| summary.tenant.contains(&wanted.to_lowercase()));
    let found = tenants.len();
    tenants.truncate(MAX_SHOWN);
    let names = component_names(asked)?;
    let content = html! {
        form.filters method="get" action="/ops/tenants" role="search" aria-label="Tenants" {
            div {
                label for="name" { "Part of a name" }
                input id="name" name="name" value=(wanted) autocapitalize="none" spellcheck="false";
            }
            button type="submit" { "Show" }
        }
        @if tenants.is_empty() {
            div.empty { p {
                @if all == 0 { "There are no tenants. " code { "bulkhead tenant add" } " adds one." } @else { "No tenant has such a name." }
            } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Tenants" {
                table {
                    thead { tr {
                        th scope="col" { "Tenant" } th.number scope="col" { "Contacts" } th.number scope="col" { "Jobs" }
                        th scope="col" { "Processor" } th scope="col" { "Validator" }
                    } }
                    tbody { @for summary in &tenants { (row(summary, &names)) } }
                }
            }
            p.quiet {
                (count(found as u64, "tenant", "tenants"))
                @if found > MAX_SHOWN { ", of which the first " (MAX_SHOWN) " are shown. Search for a name to see others" }
                "."
            }
        }
    };
    Ok(Page::new("Tenants", content).at(Place::Tenants))
}

fn row(summary: &TenantSummary, names: &HashMap<Digest, String>) -> Markup {
    html! {
        tr {
            th scope="row" { (tenant_link(&summary.tenant)) }
            td.number { (grouped(summary.contacts)) }
            td.number { (grouped(summary.jobs)) }
            td { (assigned_link(names, summary.assigned.processor, "the default")) }
            td { (assigned_link(names, summary.assigned.validator, "none")) }
        }
    }
}
