//! The first step: a person brings a file, which is kept for an hour.

use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use maud::html;

use super::steps::Step;
use crate::domain::{FileName, JobId, StagedFileId};
use crate::http::console::Console;
use crate::http::console::assets::UPLOAD;
use crate::http::console::form::Form;
use crate::http::console::page::{Page, Place, see_other};
use crate::http::console::session::Visitor;
use crate::http::console::words::size;
use crate::http::multipart::{self, Boundary};
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::jobs::MAX_GROUP_ITEMS;
use crate::plain_words::grouped;
use crate::store::{NewStagedFile, Tenant};

/// How long a file is kept.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// The part of the form that is the file.
const FILE: &str = "file";
/// The field that names a job whose mapping the file has.
pub(super) const LIKE: &str = "like";

/// Returns the page on which a person chooses a file.
pub(super) fn page(visitor: &Visitor, query: &Form, max_bytes: usize) -> Result<Reply, Problem> {
    let like = query.text(LIKE).map(|text| JobId::parse(text).ok_or_else(Problem::unknown_job)).transpose()?;
    let title = if like.is_some() { "Bring the corrected file" } else { "Bring a file of contacts" };
    let content = html! {
        @if like.is_some() {
            p { "Its columns become what they became the last time. Nothing is stored before you have seen what would happen." }
        } @else {
            p { "A table with one contact in each row, as Excel, Numbers or another program exports it: "
                abbr title="comma-separated values" { "CSV" }
                ", with commas, semicolons or tabs. Nothing is stored before you have seen what would happen." }
        }
        form.card.drop method="post" action="/upload" enctype="multipart/form-data" data-upload {
            @if let Some(like) = like { input type="hidden" name=(LIKE) value=(like); }
            label for="file" { "File" }
            input id="file" name=(FILE) type="file" accept=".csv,.tsv,.txt,text/csv" required aria-describedby="file-help";
            p.quiet id="file-help" { "Up to " (size(max_bytes as u64)) " and " (grouped(MAX_GROUP_ITEMS)) " rows. The first row has the names of the columns." }
            button.primary type="submit" { "Continue" }
        }
    };
    Ok(Page::new(title, content).under(Step::Upload.list()).at(Place::Upload).with_script(&UPLOAD).reply(visitor))
}

impl Console {
    /// Keeps the file that a form brings, and goes on to the next step.
    pub(super) async fn receive_file(&self, tenant: &Tenant, head: &Parts, body: Incoming) -> Result<Reply, Problem> {
        let kind = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = Boundary::from_content_type(kind)?;
        let mut body = self.receive(&self.client.bodies().of_tenant(tenant.id), head, body).await?;
        let turn = self.file_turns.take(tenant.id).await?;
        let location = self.in_turn(tenant, move |service, tenant| {
            let _turn = turn;
            let bytes = body.take_bytes();
            let form = multipart::form_with_file(&bytes, &boundary, FILE)?;
            if form.file.is_empty() {
                return Err(Problem::bad_request("The file is empty, or none was chosen."));
            }
            let like = form.fields.iter().find(|(name, _)| name == LIKE).map(|(_, value)| value.as_str());
            let like = like.map(|text| JobId::parse(text).ok_or_else(Problem::unknown_job)).transpose()?;
            let file = NewStagedFile {
                tenant: tenant.id,
                id: StagedFileId::random(),
                name: FileName::of_upload(form.file_name.as_deref().unwrap_or_default()),
                content: bytes.slice_ref(form.file),
                lifetime: KEPT_FOR,
            };
            service.stage_file(&file)?;
            let like = like.map(|job| format!("?{LIKE}={job}")).unwrap_or_default();
            Ok(format!("/files/{}/map{like}", file.id))
        });
        Ok(see_other(&location.await?))
    }
}
