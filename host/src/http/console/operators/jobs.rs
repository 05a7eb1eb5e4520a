//! The jobs of all tenants, newest first.

use hyper::StatusCode;
use maud::{Markup, html};

use super::links::{encoded, job_path, tenant_link, tenant_names};
use super::{Answer, Asked, links};
use crate::domain::{JobId, Timestamp};
use crate::http::console::page::{Page, Place};
use crate::http::console::words::{exact_moment, job_kind, job_state};
use crate::http::job_list;
use crate::http::problem::Problem;
use crate::plain_words::grouped;
use crate::store::ListedJob;

/// The periods of the filter: the name in the address, the words, and the hours; 0 for all jobs.
const PERIODS: [(&str, &str, u64); 4] =
    [("", "any time", 0), ("hour", "the last hour", 1), ("day", "the last day", 24), ("week", "the last week", 168)];
const STATES: [(&str, &str); 4] =
    [("", "any state"), ("queued", "waiting"), ("in_progress", "in progress"), ("completed", "completed")];
const OPERATIONS: [(&str, &str); 5] =
    [("", "anything"), ("create", "create"), ("update", "update"), ("replace", "replace"), ("undo", "undo")];

/// Returns the page; blocks.
pub(super) fn page(asked: &Asked) -> Result<Answer, Problem> {
    let query = &asked.query;
    if let Some(id) = query.text("tenant").and_then(|text| JobId::parse(text.trim())) {
        return Ok(Answer::Elsewhere(job_path(id)));
    }
    let name = query.text("tenant").map(str::trim).filter(|name| !name.is_empty());
    let tenant = match name.map(|name| asked.operations.stored_tenant(name)).transpose() {
        Ok(tenant) => tenant.map(|stored| stored.tenant.id),
        Err(error) => {
            let problem = Problem::from(error);
            let name = name.unwrap_or_default();
            let said = match problem.status() {
                StatusCode::NOT_FOUND => html! {
                    p.note.bad role="alert" { "There is no tenant '" (name) "'. " a href={ "/ops/tenants?name=" (encoded(name)) } { "Find it by a part of its name" } }
                },
                _ => html! { p.note.bad role="alert" { (problem.message()) } },
            };
            let content = html! { (filters(asked)?) (said) };
            return Ok(Page::new("Jobs", content).at(Place::AllJobs).with_status(problem.status()).into());
        }
    };
    // A page that follows another has the time at which the first one began.
    let mut wanted = query.only(&["status", "operation", "createdAfter", "after"]);
    if let Some((_, _, hours)) = PERIODS.iter().find(|(name, _, hours)| *hours > 0 && query.text("since") == Some(name))
        && query.text("createdAfter").is_none()
    {
        let since = Timestamp(asked.service.now().0.saturating_sub_unsigned(hours * 3_600_000_000));
        wanted = wanted.with("createdAfter", &since.to_rfc3339());
    }
    let request = job_list::parse(tenant, Some(&wanted.to_query()))?;
    let (jobs, next) = request.page("/ops/jobs", |query| asked.operations.listed_jobs(query))?;
    let newest = format!("/ops/jobs?{}", query.only(&["tenant", "status", "operation", "since"]).to_query());
    let kept = |name: &str| query.text(name).map(|value| format!("&{name}={}", encoded(value))).unwrap_or_default();
    let next = next.map(|next| format!("{next}{}{}", kept("tenant"), kept("since")));
    let content = html! {
        (filters(asked)?)
        @if let Some(name) = name { p.quiet { a href=(links::tenant_path(name)) { "The tenant's settings" } } }
        @if jobs.is_empty() {
            div.empty { p { @if request.is_first() { "There is no such job." } @else { "There are no more jobs." } } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Jobs" {
                table.jobs {
                    thead { tr {
                        th scope="col" { "Accepted" } th scope="col" { "Tenant" } th scope="col" { "Kind" } th scope="col" { "State" }
                        th.number scope="col" { "Rows" } th.number scope="col" { "Processed" } th.number scope="col" { "Refused" }
                    } }
                    tbody { @for listed in &jobs { (row(listed)) } }
                }
            }
        }
        p.pages {
            @if !request.is_first() { a href=(newest) { "Newest" } " " }
            @if let Some(next) = &next { a href=(next) rel="next" { "Older" } }
        }
    };
    Ok(Page::new("Jobs", content).at(Place::AllJobs).into())
}

fn row(listed: &ListedJob) -> Markup {
    let job = &listed.job;
    html! {
        tr {
            th scope="row" { a href=(job_path(job.id)) { (exact_moment(job.created_at)) } }
            td { (tenant_link(&listed.tenant)) }
            td { (job_kind(job)) }
            td { (job_state(job)) }
            td.number { (grouped(u64::from(job.total))) }
            td.number { (grouped(u64::from(job.counts.processed()))) }
            td.number { (grouped(u64::from(job.counts.failed))) }
        }
    }
}

fn filters(asked: &Asked) -> Result<Markup, Problem> {
    let query = &asked.query;
    let select = |name: &str, label: &str, options: &[(&str, &str)]| {
        let chosen = query.text(name).unwrap_or_default();
        html! {
            div {
                label for=(name) { (label) }
                select id=(name) name=(name) {
                    @for (value, words) in options { option value=(value) selected[*value == chosen] { (words) } }
                }
            }
        }
    };
    let periods = PERIODS.map(|(name, words, _)| (name, words));
    Ok(html! {
        form.filters method="get" action="/ops/jobs" role="search" aria-label="Jobs" {
            div {
                label for="tenant" { "Tenant, or a job's id" }
                input id="tenant" name="tenant" list="tenants" value=(query.text("tenant").unwrap_or_default()) autocapitalize="none" spellcheck="false";
            }
            (select("status", "State", &STATES))
            (select("operation", "Operation", &OPERATIONS))
            (select("since", "Accepted in", &periods))
            button type="submit" { "Show" }
        }
        (tenant_names(asked)?)
    })
}
