//! The fourth step: a job in progress. Without script, the page asks again every two seconds; with it, only the part that changes.

use std::sync::Arc;

use hyper::HeaderMap;
use maud::{Markup, html};

use super::route::WorkPage;
use super::steps::Step;
use super::work::{LoadedWork, Work};
use super::{check, fragment, result};
use crate::domain::Timestamp;
use crate::http::console::Console;
use crate::http::console::assets::PROGRESS;
use crate::http::console::page::{Page, Place, see_other};
use crate::http::console::session::Visitor;
use crate::http::console::words::{count, duration};
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::jobs::Application;
use crate::plain_words::grouped;
use crate::store::Tenant;
use crate::tenants::{Permission, Scope};

/// Seconds after which a browser without script asks again.
const ASKS_AGAIN_AFTER: u32 = 2;

impl Console {
    /// Answers with a page about a job, or sends the browser to the page for the job's state.
    pub(super) async fn work_page(
        &self,
        visitor: &Visitor,
        tenant: Tenant,
        scope: Scope,
        work: Work,
        page: WorkPage,
        headers: &HeaderMap,
    ) -> Result<Reply, Problem> {
        if page == WorkPage::Failures {
            return self.failures(tenant, scope, work, headers).await;
        }
        let cache = Arc::clone(&self.reasons);
        let may_change = scope.allows(Permission::Change);
        let answer = self.in_turn(&tenant, move |service, tenant| {
            let shown = work.read(service, tenant.id)?;
            // A part of a file is not run alone.
            if let (Work::Job(_), Some(group), false) = (work, shown.group(), page == WorkPage::Progress) {
                let name = if shown.is_dry_run() { "check" } else { "run" };
                return Ok(Answer::Elsewhere(Work::Group(group).path(name)));
            }
            let is_check = shown.is_dry_run();
            // The check of a group has the address of its dry runs, and so has its run.
            let applied = if page == WorkPage::Check { None } else { shown.applied(service, tenant.id)? };
            let loaded = applied.unwrap_or(shown);
            let is_dry_run = loaded.is_dry_run();
            let now = service.now();
            Ok(match page {
                WorkPage::Progress => Answer::Fragment(bar(&loaded, now, may_change)),
                WorkPage::Check if !is_check => Answer::Elsewhere(work.path("run")),
                WorkPage::Run | WorkPage::Result if is_dry_run => Answer::Elsewhere(work.path("check")),
                WorkPage::Run if loaded.is_completed() => Answer::Elsewhere(work.path("result")),
                WorkPage::Result if !loaded.is_completed() => Answer::Elsewhere(work.path("run")),
                WorkPage::Check if loaded.is_completed() => {
                    Answer::Page(Box::new(check::page(&loaded, &cache.of(service, tenant.id, &loaded)?, may_change)))
                }
                WorkPage::Check => Answer::Page(Box::new(running(&loaded, now, Step::Check, may_change))),
                WorkPage::Run => Answer::Page(Box::new(running(&loaded, now, Step::Run, may_change))),
                WorkPage::Result | WorkPage::Failures => {
                    let reasons = cache.of(service, tenant.id, &loaded)?;
                    Answer::Page(Box::new(result::page(&loaded, &reasons, now, may_change)))
                }
            })
        });
        Ok(match answer.await? {
            Answer::Page(page) => page.reply(visitor),
            Answer::Fragment(content) => fragment(content),
            Answer::Elsewhere(path) => see_other(&path),
        })
    }

    /// Does for real what a dry run showed.
    pub(super) async fn apply(&self, tenant: Tenant, work: Work) -> Result<Reply, Problem> {
        let path = self.in_turn(&tenant, move |service, tenant| {
            let mut path = work.path("run");
            let mut checked = work.read(service, tenant.id)?;
            if let (Work::Job(_), Some(group)) = (work, checked.group()) {
                let whole = Work::Group(group);
                path = whole.path("run");
                checked = whole.read(service, tenant.id)?;
            }
            if checked.is_cancelled() {
                return Err(Problem::bad_request("The check was stopped, so nobody knows what the rest of the file would do. Nothing was changed. Bring the file again."));
            }
            let (mut has_begun, checked_as) = (checked.is_applied(), checked.work);
            for job in checked.jobs {
                match service.apply(tenant, &Application::new(job.id, None)?) {
                    Ok(applied) => {
                        has_begun = true;
                        if let Work::Job(_) = checked_as {
                            path = Work::Job(applied).path("run");
                        }
                    }
                    // The page says which parts are left, and begins them when it is asked to.
                    Err(error) if has_begun => {
                        tracing::debug!(event = "file_begun_in_part", %error, "a part of a file could not be begun");
                        break;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(path)
        });
        Ok(see_other(&path.await?))
    }

    /// Stops jobs, and keeps what they did.
    pub(super) async fn cancel(&self, tenant: Tenant, work: Work) -> Result<Reply, Problem> {
        let path = self.in_turn(&tenant, move |service, tenant| {
            let shown = work.read(service, tenant.id)?;
            let page = if shown.is_dry_run() && !shown.is_applied() { "check" } else { "run" };
            for job in shown.applied(service, tenant.id)?.unwrap_or(shown).jobs {
                service.cancel_job(tenant.id, job.id)?;
            }
            Ok(work.path(page))
        });
        Ok(see_other(&path.await?))
    }
}

enum Answer {
    Page(Box<Page>),
    Fragment(Markup),
    Elsewhere(String),
}

/// Returns the page about jobs that are not completed.
fn running(work: &LoadedWork, now: Timestamp, step: Step, may_change: bool) -> Page {
    let (title, about) = if step == Step::Check {
        (
            "Checking the file",
            "Nothing is stored. You may leave this page: the check goes on, and 'Jobs' leads back here.",
        )
    } else if work.is_undo() {
        ("Undoing", "You may leave this page: the work goes on, and 'Jobs' leads back here.")
    } else {
        ("Changing contacts", "You may leave this page: the work goes on, and 'Jobs' leads back here.")
    };
    let content = html! {
        p { (about) }
        div data-progress=(work.work.path("progress")) { (bar(work, now, may_change)) }
        p.hidden role="status" data-announce {}
    };
    Page::new(title, content).under(step.list()).at(Place::Upload).with_script(&PROGRESS).asks_again(ASKS_AGAIN_AFTER)
}

/// The part of the page that changes. With the attribute `data-done`, the work is completed, and the page is to be loaded again.
fn bar(work: &LoadedWork, now: Timestamp, may_change: bool) -> Markup {
    let (total, processed, counts) = (work.total(), work.processed(), work.counts());
    let is_queued = work.started_at().is_none();
    let percent = (processed * 100).checked_div(total).unwrap_or(100);
    let said = if is_queued { String::from("waiting for its turn") } else { format!("{percent}%") };
    html! {
        (result::parts_left(work, may_change))
        div.card.progress data-done[work.is_completed()] data-percent=(percent) {
            label for="bar" { (said) }
            progress id="bar" max=(total.max(1)) value=(processed) {}
            p {
                (grouped(processed)) " of " (count(total, "row", "rows"))
                @if let Some((rate, left)) = pace(work, now) { " · " (grouped(rate)) " a second · " (duration(left)) " left" }
            }
            dl.counts.small {
                (check::figure("created", "created", counts.created))
                (check::figure("updated", "updated", counts.updated))
                (check::figure("unchanged", "unchanged", counts.unchanged))
                (check::figure("failed", "refused", counts.failed))
            }
        }
        @if may_change && !work.is_completed() {
            form.actions method="post" action=(work.work.path("cancel")) {
                button type="submit" { "Stop" }
                span.quiet { @if work.is_dry_run() { "The check ends. Nothing is stored." } @else { "What was done by then stays." } }
            }
        }
    }
}

/// Returns the rows a second since the work began, and the seconds that are left at this pace.
fn pace(work: &LoadedWork, now: Timestamp) -> Option<(u64, u64)> {
    let micros = u64::try_from(now.0.checked_sub(work.started_at()?.0)?).ok().filter(|micros| *micros > 0)?;
    let processed = work.processed();
    let rate = processed.checked_mul(1_000_000)? / micros;
    let left = work.total().saturating_sub(processed);
    (rate > 0 && left > 0).then(|| (rate, left / rate))
}
