//! The history: a tenant's jobs, newest first.

use maud::{Markup, html};

use super::work::Work;
use crate::domain::{Job, JobState};
use crate::http::console::page::{Page, Place};
use crate::http::console::words::moment;
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
            td { (what(job)) }
            td { (state(job)) }
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

fn what(job: &Job) -> &'static str {
    match (job.dry_run, job.undoes, &job.source) {
        (Some(_), _, _) if job.group.is_some() => "Check of a part",
        (Some(_), _, _) => "Check",
        (_, Some(_), _) => "Undo",
        (_, _, Some(_)) => "File",
        _ => "From a program",
    }
}

/// The state in words, beside a colour.
fn state(job: &Job) -> Markup {
    let (kind, words) = match (job.state, job.cancelled_at) {
        (JobState::Queued, _) => ("waiting", "waiting"),
        (JobState::InProgress, _) => ("running", "in progress"),
        (JobState::Completed, Some(_)) => ("stopped", "stopped"),
        (JobState::Completed, None) if job.counts.failed == job.total && job.total > 0 => {
            ("stopped", "done, all refused")
        }
        (JobState::Completed, None) if job.counts.failed > 0 => ("partly", "done, some refused"),
        (JobState::Completed, None) => ("done", "done"),
    };
    html! { span.state data-state=(kind) { (words) } }
}
