//! Undoing a job: first what that would do, then the undo.

use maud::html;

use super::check::figure;
use super::steps::Step;
use super::work::Work;
use crate::domain::{ChangedSince, JobId};
use crate::http::console::Console;
use crate::http::console::page::{Page, Place, see_other};
use crate::http::console::session::Visitor;
use crate::http::console::words::{count, moment};
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::jobs::Undoing;
use crate::plain_words::grouped;
use crate::store::Tenant;
use crate::tenants::{Permission, Scope};

impl Console {
    /// Returns the page that says what an undo would do.
    pub(super) async fn undo_page(
        &self,
        visitor: &Visitor,
        tenant: Tenant,
        scope: Scope,
        job: JobId,
    ) -> Result<Reply, Problem> {
        let preview =
            self.in_turn(&tenant, move |service, tenant| Ok(service.preview_undo(tenant, &undoing(job)?)?)).await?;
        let counts = preview.counts;
        let content = html! {
            p { "The job changed contacts. Undoing it makes them what they were before. Of " (count(u64::from(preview.total), "change", "changes")) ":" }
            dl.counts {
                (figure("deleted", "would be deleted", counts.deleted))
                (figure("updated", "would be what they were", counts.updated))
                (figure("unchanged", "are that already", counts.unchanged))
                (figure("failed", "would be skipped", counts.failed))
            }
            @if !preview.obstacles.is_empty() {
                h2 { "Why contacts would be skipped" }
                ul { @for (reason, contacts) in &preview.obstacles { li { (obstacle(reason)) ": " (grouped(*contacts)) } } }
            }
            form.actions method="post" action=(Work::Job(job).path("undo")) {
                @if scope.allows(Permission::Change) && counts.written() > 0 { button.danger type="submit" { "Undo" } }
                a href=(Work::Job(job).path("result")) { "Leave everything as it is" }
            }
            p.quiet { "Possible until " (moment(preview.undoable_until)) "." }
        };
        Ok(Page::new("Undo this job?", content).under(Step::Result.list()).at(Place::Jobs).reply(visitor))
    }

    /// Begins the undo.
    pub(super) async fn undo(&self, tenant: Tenant, job: JobId) -> Result<Reply, Problem> {
        let undo = self.in_turn(&tenant, move |service, tenant| Ok(service.undo(tenant, &undoing(job)?)?)).await?;
        Ok(see_other(&Work::Job(undo).path("run")))
    }
}

/// Contacts that were changed since are left alone.
fn undoing(job: JobId) -> Result<Undoing, Problem> {
    Ok(Undoing::new(job, ChangedSince::Skip, false, None)?)
}

/// Says why an undo leaves a contact alone.
fn obstacle(reason: &str) -> &str {
    match reason {
        "changed_since" => "contacts that were changed after this job",
        "deleted_since" => "contacts that were deleted after this job",
        other => other,
    }
}
