//! `GET /api/contacts/job/{id}`, `DELETE /api/contacts/job/{id}`, `POST /api/contacts/job/{id}/cancel`, and `…/apply`.

use std::ops::Range;
use std::sync::Arc;

use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::answer_memory::AnswerMemory;
use super::blocking::blocking_in_turn;
use super::details::{JsonRows, RowForm};
use super::entity_tag::{EntityTag, KnownTags};
use super::job_view::JobView;
use super::problem::Problem;
use super::query::parameters;
use super::reply::{Reply, json, json_body, json_text, vary};
use super::result_file;
use super::row_stream::RowStream;
use super::table_parameters;
use crate::domain::{Job, JobId, JobState, Page, TenantId};
use crate::export::{FileType, JobFile, Only, TableStyle};
use crate::jobs::{Accepted, Application, Service};
use crate::store::{CancelOutcome, Tenant};
use crate::tenants::{Permission, Scope};

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
    wanted: Wanted,
    known: KnownTags,
}

#[derive(Debug, Clone)]
enum Wanted {
    /// JSON. The page counts only with details; it is checked also without them, so that a client that polls learns of a mistake
    /// at once.
    Json { details: Details, page: Page },
    /// A file of all rows.
    File(WantedFile),
}

#[derive(Debug, Clone, Copy)]
struct WantedFile {
    file_type: FileType,
    /// The rows that the file has.
    only: Option<Only>,
    style: TableStyle,
}

impl JobRequest {
    /// Reads a request. A parameter without a value is as if it were not there.
    ///
    /// # Errors
    /// 400 if there is another parameter, one that JSON or a file does not have, a page or a form of details that does not exist, or
    /// a parameter twice, so that no client takes the answer for another.
    pub(super) fn parse(query: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        let (mut details, mut page, mut limit) = (Details::None, None, None);
        let (mut only, mut style) = (None, TableStyle::default());
        for (name, value) in parameters(query)? {
            match name.as_ref() {
                "details" => details = Details::parse(&value)?,
                "page" => page = Some(value),
                "limit" => limit = Some(value),
                "only" => only = Some(parse_only(&value)?),
                other if table_parameters::add(&mut style, other, &value)? => {}
                _ => {
                    return Err(Problem::bad_request(format!(
                        "'{name}' is no parameter of a job. Use details, page and limit; for a file, only, excel and delimiter."
                    )));
                }
            }
        }
        let known = KnownTags::of(headers);
        let has_page = page.is_some() || limit.is_some();
        let page = Page::parse(page.as_deref(), limit.as_deref())?;
        let wanted = match FileType::accepted(headers) {
            Some(_) if has_page => {
                return Err(Problem::bad_request("A file has all rows, and no pages. Leave 'page' and 'limit' out."));
            }
            Some(file_type) => Wanted::File(WantedFile { file_type, only, style }),
            None if only.is_some() || style != TableStyle::default() => {
                return Err(Problem::bad_request(
                    "'only', 'excel' and 'delimiter' are for files. Ask for one with 'Accept: text/csv' or 'Accept: application/x-ndjson'.",
                ));
            }
            None => Wanted::Json { details, page },
        };
        Ok(Self { wanted, known })
    }
}

impl JobRequest {
    fn wants_rows(&self) -> bool {
        !matches!(self.wanted, Wanted::Json { details: Details::None, .. })
    }

    /// Returns whether a job is as a client that waits wants it to be. `first` is the state that the job had when the wait began.
    ///
    /// A file is waited for until it is whole. A client that says which answers it has waits for another one, and any other client
    /// for another state.
    ///
    /// # Errors
    /// 500 if the answer cannot be written.
    pub(super) fn is_awaited(&self, job: &Job, first: JobState) -> Result<bool, Problem> {
        match &self.wanted {
            _ if job.state == JobState::Completed => Ok(true),
            Wanted::File(_) => Ok(false),
            Wanted::Json { .. } if self.known.is_empty() => Ok(job.state != first),
            Wanted::Json { details, page } => Ok(!Prepared::of(job, *details, *page, &self.known)?.tag.is_known()),
        }
    }
}

impl Details {
    fn parse(value: &str) -> Result<Self, Problem> {
        match value {
            "1" | "true" => Ok(Self::Rows),
            "full" => Ok(Self::Full),
            "0" | "false" => Ok(Self::None),
            _ => Err(Problem::bad_request(format!("'details' must be 0, 1 or full, not '{value}'."))),
        }
    }
}

fn parse_only(value: &str) -> Result<Only, Problem> {
    Only::parse(value).ok_or_else(|| {
        Problem::bad_request(format!("'only' must be failed, created, updated, deleted or unchanged, not '{value}'."))
    })
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

/// A page of rows, or a state without rows, before any row is read.
struct Prepared {
    /// The form of the rows, if there are to be any.
    form: Option<RowForm>,
    rows: Range<u64>,
    /// The body up to the first row; without rows, all of it.
    before: Vec<u8>,
    tag: EntityTag,
}

/// What an answer about a job is read with.
#[derive(Clone)]
pub(super) struct JobReader {
    pub(super) service: Arc<Service>,
    pub(super) answers: Arc<AnswerMemory>,
    /// The turns in which the rows of a large answer are read, after its head was sent.
    pub(super) turns: Arc<Semaphore>,
    pub(super) tenant: TenantId,
    /// What the client may do.
    pub(super) scope: Scope,
}

impl JobReader {
    /// Reads a job's state, and its results if they are asked for, as far as there are any; blocks.
    pub(super) fn read(&self, id: JobId, request: &JobRequest) -> Result<Reply, Problem> {
        self.answer(&self.job(id)?, request)
    }

    /// Reads a job; blocks.
    fn job(&self, id: JobId) -> Result<Job, Problem> {
        self.service.job(self.tenant, id)?.ok_or_else(Problem::unknown_job)
    }

    /// Reads a job in a turn of its tenant's work on the blocking pool.
    ///
    /// # Errors
    /// 404 if there is no such job, 503 if the store cannot answer or there is no turn in time.
    pub(super) async fn job_in_turn(&self, id: JobId) -> Result<Job, Problem> {
        let reader = self.clone();
        blocking_in_turn(&self.turns, move || reader.job(id)).await
    }

    /// Answers with a job that was read, and reads its results if they are asked for; blocks.
    ///
    /// # Errors
    /// 403 if the rows tell of stored contacts, which the client may not see, 409 if there is no file yet, 503 if the store cannot
    /// answer.
    pub(super) fn answer(&self, job: &Job, request: &JobRequest) -> Result<Reply, Problem> {
        if job.dry_run.is_some() && request.wants_rows() && !self.scope.allows(Permission::Read) {
            return Err(Problem::scope_forbids_rows(self.scope));
        }
        let mut reply = match &request.wanted {
            Wanted::File(_) if job.state != JobState::Completed => {
                return Err(Problem::job_unfinished(RETRY_AFTER_SECONDS));
            }
            Wanted::File(file) => self.file(job, *file, &request.known)?,
            Wanted::Json { details, page } => {
                let reply = self.json(job, *details, *page, &request.known)?;
                retry_unless(job.state == JobState::Completed, reply)
            }
        };
        // Also of an answer without a body, and of a small one: the tag says the same.
        vary(&mut reply, ACCEPT);
        vary(&mut reply, ACCEPT_ENCODING);
        Ok(reply)
    }

    fn file(&self, job: &Job, file: WantedFile, known: &KnownTags) -> Result<Reply, Problem> {
        let WantedFile { file_type, only, style } = file;
        let tag = known.tag([
            job.id.to_string().as_bytes(),
            file_type.extension().as_bytes(),
            only.map_or("", Only::as_str).as_bytes(),
            format!("{style:?}").as_bytes(),
            &serialized(&JobView::full(job))?,
        ]);
        if let Some(reply) = tag.if_known() {
            return Ok(reply);
        }
        let rows = |rows| self.service.rows(self.tenant, job.id, rows);
        let writer = JobFile::new(job, file_type, only, style, rows)?;
        let (header, all) = (writer.header(), 0..u64::from(job.total));
        let body = self.rows(job.id, all, writer, header, "").into_body()?;
        result_file::reply(job.id, file_type, only, body).map(|reply| tag.mark(reply))
    }

    fn json(&self, job: &Job, details: Details, page: Page, known: &KnownTags) -> Result<Reply, Problem> {
        let Prepared { form, rows, before, tag } = Prepared::of(job, details, page, known)?;
        if let Some(reply) = tag.if_known() {
            return Ok(reply);
        }
        Ok(tag.mark(match form {
            None => json_text(StatusCode::OK, before),
            Some(form) => {
                let body = self.rows(job.id, rows, JsonRows::new(form), before, END_OF_DETAILS).into_body()?;
                json_body(StatusCode::OK, body)
            }
        }))
    }

    /// Returns the stream of a job's rows, with what stands before and behind them.
    fn rows<W>(&self, job: JobId, rows: Range<u64>, writer: W, before: Vec<u8>, after: &'static str) -> RowStream<W> {
        RowStream {
            service: Arc::clone(&self.service),
            answers: Arc::clone(&self.answers),
            turns: Arc::clone(&self.turns),
            tenant: self.tenant,
            job,
            rows,
            writer,
            before,
            after,
        }
    }
}

impl Prepared {
    fn of(job: &Job, details: Details, page: Page, known: &KnownTags) -> Result<Self, Problem> {
        let id = job.id;
        let is_completed = job.state == JobState::Completed;
        let (form, name) = match details {
            Details::Rows if is_completed => (RowForm::Plain, "1"),
            Details::Full => (RowForm::Full, "full"),
            Details::None | Details::Rows => {
                let before = serialized(&JobBody { job: JobView::state(job), details: None })?;
                let tag = known.tag([id.to_string().as_bytes(), &before]);
                return Ok(Self { form: None, rows: 0..0, before, tag });
            }
        };
        // While a job runs, the items of the batches that took effect have rows.
        let row_count = if is_completed { job.total } else { job.counts.processed() };
        let next_page =
            page.next(row_count).map(|next| format!("/api/contacts/job/{id}?details={name}&{}", next.to_query()));
        let view = if details == Details::Full { JobView::full(job) } else { JobView::state(job) };
        let head = JobBody { job: view, details: Some(DetailsHead { next_page, contacts: [] }) };
        let mut before = serialized(&head)?;
        before.truncate(before.len().saturating_sub(END_OF_DETAILS.len()));
        let rows = page.rows(row_count);
        // Rows stay as they are once they are counted.
        let tag = known.tag([id.to_string().as_bytes(), name.as_bytes(), format!("{rows:?}").as_bytes(), &before]);
        Ok(Self { form: Some(form), rows, before, tag })
    }
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

/// Accepts the job that applies a dry run; blocks until it is durable.
pub(super) fn apply(service: &Service, tenant: &Tenant, application: &Application) -> Result<Accepted, Problem> {
    Ok(Accepted::Job(service.apply(tenant, application)?))
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
