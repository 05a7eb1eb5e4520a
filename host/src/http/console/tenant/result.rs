//! The last step: what a file did.

use hyper::HeaderMap;
use hyper::header::{ACCEPT, HeaderValue};
use maud::{Markup, html};

use super::check::figure;
use super::reasons::Reasons;
use super::steps::Step;
use super::upload::LIKE;
use super::work::{LoadedWork, Work};
use crate::domain::Timestamp;
use crate::http::console::Console;
use crate::http::console::page::{Page, Place, guard};
use crate::http::console::words::{count, moment};
use crate::http::job::JobRequest;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::jobs::MAX_ITEMS;
use crate::plain_words::grouped;
use crate::store::Tenant;
use crate::tenants::Scope;

impl Console {
    /// Returns the file of what failed, to be corrected and brought again.
    pub(super) async fn failures(
        &self,
        tenant: Tenant,
        scope: Scope,
        work: Work,
        headers: &HeaderMap,
    ) -> Result<Reply, Problem> {
        let Work::Job(job) = work else { return Err(Problem::unknown_job()) };
        let mut headers = headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static("text/csv"));
        let request = JobRequest::parse(Some("only=failed&excel=1"), &headers)?;
        let reader = self.client.job_reader(tenant.id, scope, self.client.turns(tenant.id));
        // For a spreadsheet, which would take some texts of strangers for formulas.
        let mut reply = self.in_turn(&tenant, move |_, _| reader.read(job, &request)).await?;
        guard(reply.headers_mut());
        Ok(reply)
    }
}

/// Returns the page about completed jobs.
pub(super) fn page(work: &LoadedWork, reasons: &Reasons, now: Timestamp, may_change: bool) -> Page {
    let counts = work.counts();
    let left = work.total().saturating_sub(work.processed());
    let title = match (work.is_undo(), work.is_cancelled(), work.left) {
        (_, true, _) => "Stopped",
        (true, false, _) => "Undone",
        (false, false, 0) => "Done",
        (false, false, _) => "Done in part",
    };
    let content = html! {
        p { "Of " (count(work.total(), "row", "rows")) ":" }
        dl.counts {
            (figure("created", "created", counts.created))
            (figure("updated", "updated", counts.updated))
            @if work.is_undo() { (figure("deleted", "deleted", counts.deleted)) }
            (figure("unchanged", "left as they were", counts.unchanged))
            (figure("failed", "refused", counts.failed))
        }
        (parts_left(work, may_change))
        @if left > 0 { p.note.warn { "The job was stopped: " (count(left, "row was", "rows were")) " not processed. The file of what failed has them, too." } }
        p.quiet {
            @if let Some(moment_) = work.finished_at() { "Finished at " (moment(moment_)) ". " }
            @if let Some(expires) = work.expires_at() { "This page is kept until " (moment(expires)) "." }
        }
        (undoing(work, now, may_change))
        (reasons_table(work, reasons, if work.is_undo() { "Contacts that were skipped" } else { "Rows that were refused" }, may_change))
        @if may_change { p { a href="/upload" { "Bring another file" } } }
    };
    Page::new(title, content).under(Step::Result.list()).at(Place::Jobs)
}

/// Says that parts of the file were not begun, and offers to begin them.
pub(super) fn parts_left(work: &LoadedWork, may_change: bool) -> Markup {
    html! {
        @if work.left > 0 {
            p.note.warn { (count(work.left as u64, "part", "parts")) " of the file, of up to " (grouped(MAX_ITEMS)) " rows each, could not be begun: the tenant may have used up a limit, or the server was busy." }
            @if may_change {
                form.actions method="post" action=(work.work.path("check")) { button.primary type="submit" { "Run the rest" } }
            }
        }
    }
}

/// Offers to undo what can be undone.
fn undoing(work: &LoadedWork, now: Timestamp, may_change: bool) -> Markup {
    html! {
        @for (place, job) in work.jobs.iter().enumerate() {
            @let part = if work.jobs.len() > 1 { format!(" of part {}", place + 1) } else { String::new() };
            @if let Some(undo) = job.undone_as {
                p.note { @if part.is_empty() { "This job was undone. " } @else { "Part " (place + 1) " was undone. " } a href=(Work::Job(undo).path("result")) { "See the undo" } }
            } @else if let Some(until) = job.undoable_until.filter(|until| may_change && *until > now && job.counts.written() > 0) {
                p { a.button href=(Work::Job(job.id).path("undo")) { "Undo" (part) "…" } " " span.quiet { "possible until " (moment(until)) } }
            }
        }
    }
}

/// The reasons for which rows failed, and the file with these rows.
pub(super) fn reasons_table(work: &LoadedWork, reasons: &Reasons, title: &str, may_change: bool) -> Markup {
    html! {
        @if !reasons.list.is_empty() || reasons.others > 0 {
            h2 id="reasons" { (title) }
            div.scroll tabindex="0" role="region" aria-labelledby="reasons" {
                table.reasons {
                    thead { tr { th scope="col" { "Why" } th.number scope="col" { "Rows" } th scope="col" { "The first of them, without the header" } } }
                    tbody {
                        @for reason in &reasons.list {
                            tr {
                                td { (reason.text) }
                                td.number { (grouped(reason.rows)) }
                                td { (reason.places.iter().map(|place| grouped(*place)).collect::<Vec<_>>().join(", ")) @if reason.rows > reason.places.len() as u64 { ", …" } }
                            }
                        }
                        @if reasons.others > 0 {
                            tr { td { "Other reasons" } td.number { (grouped(reasons.others)) } td {} }
                        }
                    }
                }
            }
            // Nobody sent the rows of an undo, so nobody can correct them.
            @if !work.is_undo() { ol.corrections {
                @for (place, job) in work.jobs.iter().enumerate().filter(|(_, job)| job.counts.failed > 0 || job.cancelled_at.is_some()) {
                    @let part = if work.jobs.len() > 1 { format!(" of part {}", place + 1) } else { String::new() };
                    li {
                        a.button href=(Work::Job(job.id).path("failures.csv")) download { "Download the refused rows" (part) }
                        @if may_change {
                            " Correct them there, and "
                            a href=(format!("/upload?{LIKE}={}", job.id)) { "bring the file again" }
                            " by this link, by which its columns keep their meaning."
                        }
                    }
                }
            } }
        }
    }
}
