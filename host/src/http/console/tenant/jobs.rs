//! The history: a tenant's jobs, newest first.

use maud::{Markup, html};

use super::work::Work;
use crate::domain::Job;
use crate::http::console::page::{Page, Place};
use crate::http::console::words::{job_kind, job_state, moment};
use crate::http::job_list;
use crate::http::problem::Problem;
use crate::jobs::Service;
use crate::plain_words::grouped;
use crate::store::Tenant;

/// Returns a page of the list; blocks.
pub(super) fn page(service: &Service, tenant: &Tenant, query: Option<&str>) -> Result<Page, Problem> {
    let request = job_list::parse(Some(tenant.id), query)?;
    let (jobs, next) = request.page("/jobs", |query| service.jobs(query))?;
    let is_first = request.is_first();
    let content = html! {
        @if jobs.is_empty() && is_first {
            div.empty {
                p { "No file was brought yet." }
                a.button.primary href="/upload" { "Bring a file of contacts" }
            }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Jobs" {
                table.jobs {
                    thead { tr {
                        th scope="col" { "Accepted" } th scope="col" { "What" } th scope="col" { "State" }
                        th.number scope="col" { "Rows" } th.number scope="col" { "Created" } th.number scope="col" { "Updated" } th.number scope="col" { "Refused" }
                    } }
                    tbody { @for listed in &jobs { (row(&listed.job)) } }
                }
            }
            p.pages {
                @if !is_first { a href="/jobs" { "Newest" } " " }
                @if let Some(next) = &next { a href=(next) rel="next" { "Older" } }
            }
            p.quiet { "A job and its rows are kept for a while after it ends; contacts stay." }
        }
    };
    Ok(Page::new("Jobs", content).at(Place::Jobs))
}

fn row(job: &Job) -> Markup {
    let counts = job.counts;
    html! {
        tr {
            th scope="row" { a href=(whole(job).path(if job.dry_run.is_some() { "check" } else { "run" })) { (moment(job.created_at)) } }
            td { (job_kind(job)) }
            td { (job_state(job)) }
            td.number { (grouped(u64::from(job.total))) }
            td.number { (grouped(u64::from(counts.created))) }
            td.number { (grouped(u64::from(counts.updated))) }
            td.number { (grouped(u64::from(counts.failed))) }
        }
    }
}

/// Returns the whole file that the job is a part of, if it is one.
fn whole(job: &Job) -> Work {
    job.group.map_or(Work::Job(job.id), Work::Group)
}
