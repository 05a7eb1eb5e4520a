//! `GET /api/contacts/job/{id}`, `DELETE /api/contacts/job/{id}`, `POST /api/contacts/job/{id}/cancel`.

use std::sync::Arc;

use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::answer_memory::AnswerMemory;
use super::details::{JsonRows, RowForm};
use super::entity_tag::KnownTags;
use super::job_view::JobView;
use super::problem::Problem;
use super::query::parameters;
use super::reply::{Reply, json, json_pieces, json_text};
use super::result_file;
use super::row_stream::RowStream;
use crate::domain::{JobId, JobState, Page};
use crate::export::{FileType, JobFile, Only};
use crate::jobs::Service;
use crate::store::{CancelOutcome, Tenant};

/// The `Retry-After` of a job that is not completed, in seconds.
pub(super) const RETRY_AFTER_SECONDS: u64 = 1;

/// The details that a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Details {
    /// The state alone.
    None,
    /// `details=1`: the rows as in Campaign Studio's bulk API, whose shape never gets another key.
    Rows,
    /// `details=full`: counters, times, ignored members, and rows with their index, key, action and warnings.
    Full,
}

/// What a request for a job asks for, in its query and its headers.
#[derive(Debug, Clone)]
pub(super) struct JobRequest {
    details: Details,
    page: Page,
    /// Whether the query names a page or its size.
    has_page: bool,
    /// The rows that a file has.
    only: Option<Only>,
    /// Whether a file is for Excel.
    excel: bool,
    /// The type of the file that the client wants in place of JSON.
    file: Option<FileType>,
    known: KnownTags,
}

impl JobRequest {
    /// Reads a request. A parameter without a value is as if it were not there.
    ///
    /// # Errors
    /// 400 if there is another parameter, a page or a form of details that does not exist, or a parameter twice, so that no client
    /// takes the answer for another.
    pub(super) fn parse(query: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        let (mut details, mut page, mut limit) = (Details::None, None, None);
        let (mut only, mut excel) = (None, false);
        for (name, value) in parameters(query)? {
            match name.as_ref() {
                "details" => {
                    details = match value.as_str() {
                        "1" | "true" => Details::Rows,
                        "full" => Details::Full,
                        "0" | "false" => Details::None,
                        _ => {
                            return Err(Problem::bad_request(format!(
                                "'details' must be 0, 1 or full, not '{value}'."
                            )));
                        }
                    }
                }
                "page" => page = Some(value),
                "limit" => limit = Some(value),
                "only" => {
                    only = Some(Only::parse(&value).ok_or_else(|| {
                        Problem::bad_request(format!(
                            "'only' must be failed, created, updated or unchanged, not '{value}'."
                        ))
                    })?);
                }
                "excel" => {
                    excel = match value.as_str() {
                        "1" => true,
                        "0" => false,
                        _ => return Err(Problem::bad_request(format!("'excel' must be 0 or 1, not '{value}'."))),
                    }
                }
                _ => {
                    return Err(Problem::bad_request(format!(
                        "'{name}' is no parameter of a job. Use details, page and limit; for a file, only and excel."
                    )));
                }
            }
        }
        // Also without details: a client that polls learns of a mistake at once.
        let has_page = page.is_some() || limit.is_some();
        let page = Page::parse(page.as_deref(), limit.as_deref())?;
        let (file, known) = (FileType::accepted(headers), KnownTags::of(headers));
        Ok(Self { details, page, has_page, only, excel, file, known })
    }
}

#[derive(Serialize)]
struct JobBody {
    #[serde(flatten)]
    job: JobView,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<DetailsHead>,
}

/// The page without its rows, which are written between [`END_OF_DETAILS`] and what is before it.
#[derive(Serialize)]
struct DetailsHead {
    #[serde(rename = "next-page", skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
    contacts: [(); 0],
}

/// What is behind the rows of a page.
const END_OF_DETAILS: &str = "]}}";

/// Reads a job's state, and its results if they are asked for, as far as there are any; blocks.
pub(super) fn read(
    service: &Arc<Service>,
    answers: &Arc<AnswerMemory>,
    turns: &Arc<Semaphore>,
    tenant: &Tenant,
    id: JobId,
    query: &JobRequest,
) -> Result<Reply, Problem> {
    let job = service.job(tenant.id, id)?.ok_or_else(Problem::unknown_job)?;
    let known = &query.known;
    if let Some(file_type) = query.file {
        if query.has_page {
            return Err(Problem::bad_request("A file has all rows, and no pages. Leave 'page' and 'limit' out."));
        }
        if job.state != JobState::Completed {
            return Err(Problem::job_unfinished(RETRY_AFTER_SECONDS));
        }
        let tag = known.tag([
            id.to_string().as_bytes(),
            file_type.extension().as_bytes(),
            query.only.map_or("", Only::as_str).as_bytes(),
            &[u8::from(query.excel)],
            &serialized(&JobView::full(&job))?,
        ]);
        if let Some(reply) = tag.if_known() {
            return Ok(reply);
        }
        let rows = |rows| service.rows(tenant.id, id, rows);
        let writer = JobFile::new(&job, file_type, query.only, query.excel, rows)?;
        let rows = RowStream {
            service: Arc::clone(service),
            answers: Arc::clone(answers),
            turns: Arc::clone(turns),
            tenant: tenant.id,
            job: id,
            rows: 0..u64::from(job.total),
            before: writer.header(),
            writer,
            after: "",
        };
        return result_file::reply(id, file_type, query.only, rows.into_body()?).map(|reply| tag.mark(reply));
    }
    if query.only.is_some() || query.excel {
        return Err(Problem::bad_request(
            "'only' and 'excel' are for files. Ask for one with 'Accept: text/csv' or 'Accept: application/x-ndjson'.",
        ));
    }
    let view = if query.details == Details::Full { JobView::full(&job) } else { JobView::state(&job) };
    let is_completed = job.state == JobState::Completed;
    let (form, name) = match query.details {
        Details::Rows if is_completed => (RowForm::Plain, "1"),
        Details::Full => (RowForm::Full, "full"),
        Details::None | Details::Rows => {
            let body = serialized(&JobBody { job: view, details: None })?;
            let tag = known.tag([id.to_string().as_bytes(), &body]);
            let reply = tag.if_known().unwrap_or_else(|| tag.mark(json_text(StatusCode::OK, body)));
            return Ok(retry_unless(is_completed, reply));
        }
    };
    let page = query.page;
    // While a job runs, the items of the batches that took effect have rows.
    let row_count = if is_completed { job.total } else { job.counts.processed() };
    let next_page =
        page.next(row_count).map(|next| format!("/api/contacts/job/{id}?details={name}&{}", next.to_query()));
    let head = JobBody { job: view, details: Some(DetailsHead { next_page, contacts: [] }) };
    let mut before = serialized(&head)?;
    before.truncate(before.len().saturating_sub(END_OF_DETAILS.len()));
    let rows = page.rows(row_count);
    // Rows stay as they are once they are counted.
    let tag = known.tag([id.to_string().as_bytes(), name.as_bytes(), format!("{rows:?}").as_bytes(), &before]);
    if let Some(reply) = tag.if_known() {
        return Ok(retry_unless(is_completed, reply));
    }
    let page = RowStream {
        service: Arc::clone(service),
        answers: Arc::clone(answers),
        turns: Arc::clone(turns),
        tenant: tenant.id,
        job: id,
        rows,
        writer: JsonRows::new(form),
        before,
        after: END_OF_DETAILS,
    };
    Ok(retry_unless(is_completed, tag.mark(json_pieces(StatusCode::OK, page.into_body()?))))
}

fn serialized(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|error| Problem::panicked(&error))
}

/// Says when to ask again, unless the job is completed.
fn retry_unless(is_completed: bool, mut reply: Reply) -> Reply {
    if !is_completed {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    }
    reply
}

#[derive(Serialize)]
struct CancelledJobBody {
    id: String,
    status: &'static str,
    /// `false` if the job had completed before it could be cancelled.
    cancelled: bool,
}

/// Cancels a job; blocks until no batch of the job can be committed any more. The job stays readable.
pub(super) fn cancel(service: &Service, tenant: &Tenant, id: JobId) -> Result<Reply, Problem> {
    let cancelled = match service.cancel_job(tenant.id, id)? {
        CancelOutcome::Cancelled => true,
        CancelOutcome::Completed => false,
        CancelOutcome::Unknown => return Err(Problem::unknown_job()),
    };
    let body = CancelledJobBody { id: id.to_string(), status: JobState::Completed.as_str(), cancelled };
    Ok(json(StatusCode::OK, &body))
}

#[derive(Serialize)]
struct DeletedJobBody {
    id: String,
}

/// Deletes a job; blocks until no batch of the job can be committed any more.
pub(super) fn delete(service: &Service, tenant: &Tenant, id: JobId) -> Result<Reply, Problem> {
    if service.delete_job(tenant.id, id)? {
        Ok(json(StatusCode::OK, &DeletedJobBody { id: id.to_string() }))
    } else {
        Err(Problem::unknown_job())
    }
}
