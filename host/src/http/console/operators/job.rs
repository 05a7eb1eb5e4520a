//! One job: when what happened, what became of its items, which components decided, and what they printed.

use std::collections::HashMap;
use std::time::Duration;

use maud::{Markup, html};

use super::links::{component_link, component_names, job_path, tenant_link};
use super::{Answer, Asked, looks_only};
use crate::domain::{Digest, Job, JobId, JobState, Timestamp};
use crate::harmless_text::is_unprintable;
use crate::http::console::assets::LIVE;
use crate::http::console::page::{Page, Place, figure};
use crate::http::console::words::{exact_moment, job_kind, job_state, short_time};
use crate::http::problem::Problem;
use crate::jobs::RecentRun;
use crate::operations::RefusedRows;
use crate::plain_words::grouped;
use crate::store::{Lease, ListedJob};

/// Bytes of a log that are shown: the last ones.
const MAX_LOG_BYTES: usize = 64 << 10;
/// Seconds after which a browser asks again for the page of a job that is not completed.
const ASKS_AGAIN_AFTER: u32 = 5;

/// Returns the page of a job; blocks.
pub(super) fn page(asked: &Asked, id: JobId) -> Result<Page, Problem> {
    let ListedJob { tenant, job } = asked.operations.stored_job(id)?;
    let lease = if job.state == JobState::InProgress {
        asked.service.leases()?.into_iter().find(|lease| lease.job == id)
    } else {
        None
    };
    let names = component_names(asked)?;
    let counts = job.counts;
    // A dry run counts what a job would do.
    let became = |word: &str| if job.dry_run.is_some() { format!("would be {word}") } else { word.to_owned() };
    let content = html! {
        p { (job_kind(&job)) " of " (tenant_link(&tenant)) ": " (job_state(&job)) @if job.dry_run.is_some() { ". It stores nothing." } }
        p.quiet { code { (id) } }
        div data-live[job.state != JobState::Completed] {
            dl.counts {
                (figure("waiting", "rows", &grouped(u64::from(job.total))))
                (figure("running", "processed", &grouped(u64::from(counts.processed()))))
                (figure("created", &became("created"), &grouped(u64::from(counts.created))))
                (figure("updated", &became("updated"), &grouped(u64::from(counts.updated))))
                @if job.undoes.is_some() { (figure("deleted", "deleted", &grouped(u64::from(counts.deleted)))) }
                (figure("unchanged", &became("unchanged"), &grouped(u64::from(counts.unchanged))))
                (figure("failed", &became("refused"), &grouped(u64::from(counts.failed))))
            }
            (timeline(&job, lease.as_ref(), asked.service.runs(id)))
        }
        (refused_rows(&asked.operations.refused_rows(id)?, &job))
        (runs(&asked.service.recent_runs(id)))
        h2 { "What decides" }
        dl.facts {
            div { dt { "Processor" } dd {
                (named(&names, job.pinned.processor))
                @if job.pinned.processor == asked.service.default_processor() { ", the default" }
            } }
            @if let Some(validator) = job.pinned.validator { div { dt { "Validator" } dd { (named(&names, validator)) } } }
            div { dt { "What they printed" } dd { a href={ (job_path(id)) "/log" } { "Read the log" } } }
        }
        (related(&job))
        @if job.state != JobState::Completed {
            @if asked.may_change { p.actions { a.button href={ (job_path(id)) "/cancel" } { "Cancel this job…" } } } @else { (looks_only()) }
        }
    };
    let page = Page::new("Job", content).at(Place::AllJobs);
    Ok(if job.state == JobState::Completed { page } else { page.asks_again(ASKS_AGAIN_AFTER).with_script(&LIVE) })
}

fn named(names: &HashMap<Digest, String>, digest: Digest) -> Markup {
    component_link(digest, names.get(&digest).map(String::as_str))
}

/// Why rows were refused. Nothing of a contact is in it.
fn refused_rows(refused: &[RefusedRows], job: &Job) -> Markup {
    html! {
        @if !refused.is_empty() {
            h2 id="refused" { @if job.dry_run.is_some() { "Why rows would be refused" } @else { "Why rows were refused" } }
            div.scroll tabindex="0" role="region" aria-labelledby="refused" {
                table {
                    thead { tr { th scope="col" { "Reason" } th.number scope="col" { "Status" } th.number scope="col" { "Rows" } th.number scope="col" { "First" } } }
                    tbody { @for rows in refused {
                        tr {
                            th scope="row" { (rows.reason) }
                            td.number { @if rows.status > 0 { (rows.status) } }
                            td.number { (grouped(u64::from(rows.count))) }
                            td.number { "#" (rows.first) }
                        }
                    } }
                }
            }
            p.quiet { code { "bulkhead job export --only failed" } " shows the rows themselves. They are counted from 0." }
        }
    }
}

/// The moments of a job, and the time between them.
fn timeline(job: &Job, lease: Option<&Lease>, is_here: bool) -> Markup {
    let between = |from: Timestamp, to: Timestamp| short_time(since(from, to));
    html! {
        h2 { "What happened" }
        ol.timeline {
            li data-state="done" { strong { "Accepted" } " " (exact_moment(job.created_at)) }
            @match job.started_at {
                Some(started) => li data-state="done" { strong { "Begun" } " " (exact_moment(started)) " " span.quiet { "after a wait of " (between(job.created_at, started)) } },
                None if job.state == JobState::Queued => li { strong { "Waits for its turn" } " " span.quiet { "until a worker is free and earlier jobs of the tenant are done" } },
                None => {},
            }
            @if job.state == JobState::InProgress {
                li data-state="running" {
                    strong { "In progress" }
                    @match lease {
                        Some(lease) => {
                            @if is_here { " on this server" } @else { " on another server" }
                            span.quiet { ", under claim " (lease.epoch) ", whose lease ends at " (exact_moment(lease.until)) " unless the worker renews it" }
                        }
                        None => { " " span.quiet { "and between two turns: no worker has it at the moment" } }
                    }
                }
            }
            @if let Some(cancelled) = job.cancelled_at { li data-state="stopped" { strong { "Cancelled" } " " (exact_moment(cancelled)) } }
            @if let (Some(finished), None) = (job.finished_at, job.cancelled_at) {
                li data-state="done" { strong { "Completed" } " " (exact_moment(finished)) " " @if let Some(started) = job.started_at { span.quiet { "after " (between(started, finished)) " of work" } } }
            }
            li { strong { "Kept until" } " " (exact_moment(job.expires_at)) }
        }
    }
}

/// Returns the time from one moment to another; none if a clock was set back between them.
fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0))
}

/// The runs of a job that ended on this server, with the time of their phases.
fn runs(runs: &[RecentRun]) -> Markup {
    html! {
        @if !runs.is_empty() {
            h2 id="runs" { "Runs on this server" }
            div.scroll tabindex="0" role="region" aria-labelledby="runs" {
                table {
                    thead { tr {
                        th scope="col" { "Claimed" } th scope="col" { "Ended" } th.number scope="col" { "Time" } th.number scope="col" { "In components" }
                        th.number scope="col" { "Looking up" } th.number scope="col" { "Committing" } th.number scope="col" { "Waiting for commits" }
                    } }
                    tbody { @for run in runs {
                        tr {
                            th scope="row" { (exact_moment(run.began_at)) }
                            td { (run.end.replace('_', " ")) }
                            @for time in [run.time, run.guest, run.reading, run.committing, run.waiting] { td.number { (short_time(time)) } }
                        }
                    } }
                }
            }
            p.quiet { "Commits go on beside the work, and a second thread may decide batches, so the parts can be more than the whole. A server forgets its runs when it ends." }
        }
    }
}

/// Links to the jobs with which this one has to do.
fn related(job: &Job) -> Markup {
    let links = [
        ("The dry run that it applies", job.applies),
        ("The job that applies it", job.applied_as),
        ("The job that it undoes", job.undoes.map(|undo| undo.job)),
        ("The job that undoes it", job.undone_as),
    ];
    let links: Vec<(&str, JobId)> = links.into_iter().filter_map(|(words, id)| Some((words, id?))).collect();
    html! {
        @if !links.is_empty() || job.group.is_some() || job.undoable_until.is_some() {
            h2 { "Beside it" }
            dl.facts {
                @for (words, id) in links { div { dt { (words) } dd { a href=(job_path(id)) { code { (id) } } } } }
                @if let Some(group) = job.group { div { dt { "Group" } dd { code { (group) } } } }
                @if let Some(until) = job.undoable_until { div { dt { "Can be undone until" } dd { (exact_moment(until)) } } }
            }
        }
    }
}

/// Returns the page that asks whether to cancel a job; blocks. A page of its own, as that of the job is renewed all the time.
pub(super) fn cancel_page(asked: &Asked, id: JobId) -> Result<Page, Problem> {
    let ListedJob { tenant, job } = asked.operations.stored_job(id)?;
    let (path, is_done) = (job_path(id), job.state == JobState::Completed);
    let content = html! {
        p { (job_kind(&job)) " of " (tenant_link(&tenant)) ": " (job_state(&job)) }
        p.quiet { code { (id) } }
        @if is_done {
            p { "The job is completed, so there is nothing to cancel." }
        } @else {
            p { "The job ends at once. What it did by then stays; its other rows are not processed. A cancelled job cannot go on." }
        }
        div.actions {
            @if !is_done && asked.may_change {
                form method="post" action={ (path) "/cancel" } { button.danger type="submit" { "Cancel the job" } }
            }
            a href=(path) { "Back to the job" }
        }
        @if !asked.may_change { (looks_only()) }
    };
    Ok(Page::new("Cancel this job?", content).at(Place::AllJobs))
}

/// Cancels a job; blocks.
pub(super) fn cancel(asked: &Asked, id: JobId) -> Result<Answer, Problem> {
    asked.operations.cancel_job(id)?;
    Ok(Answer::Elsewhere(job_path(id)))
}

/// Returns the page with what a job's components printed; blocks. That it was read is in the audit log.
pub(super) fn log_page(asked: &Asked, id: JobId) -> Result<Page, Problem> {
    let log = asked.operations.job_log(id)?;
    let shown = log.len().checked_sub(MAX_LOG_BYTES).map_or(&*log, |first| {
        // From the first whole line on.
        let rest = log.char_indices().map(|(place, _)| place).find(|place| *place >= first);
        let rest = rest.and_then(|place| log.get(place..)).unwrap_or_default();
        rest.split_once('\n').map_or(rest, |(_, lines)| lines)
    });
    let content = html! {
        p { a href=(job_path(id)) { "Back to the job" } }
        @if shown.len() < log.len() {
            p.note { "This is the end of it. " code { "bulkhead job log " (id) } " prints all." }
        }
        @if log.is_empty() {
            div.empty { p { "Its components have printed nothing." } }
        } @else {
            pre.log tabindex="0" role="region" aria-label="What the components printed" { (harmless_lines(shown)) }
        }
        p.quiet { "Components may print what is in contacts, so that you have read this is in the audit log." }
    };
    Ok(Page::new("What the components printed", content).at(Place::AllJobs))
}

/// Returns a text of several lines, with `�` for what is not seen.
fn harmless_lines(text: &str) -> String {
    text.chars()
        .map(|letter| if letter != '\n' && is_unprintable(letter) { char::REPLACEMENT_CHARACTER } else { letter })
        .collect()
}
