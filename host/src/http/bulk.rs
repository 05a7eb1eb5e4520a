//! `POST /api/contacts/bulk/new`, `PUT|PATCH /api/contacts/bulk/edit`, `POST /api/contacts/importCsv`: accepts items, or a file of
//! them, as a job.

use hyper::header::{HeaderValue, LOCATION};
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;

use super::body::ItemBody;
use super::format::Format;
use super::import_settings::ImportSettings;
use super::multipart;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::{DryRun, ItemList, JobState, Operation, TraceParent, WriteMode};
use crate::import::{Import, ImportLimits, TargetField, decode_within, read_csv, read_json_lines};
use crate::jobs::{Accepted, Field, Fields, MAX_GROUP_ITEMS, MAX_ITEMS, Service, Submission, SubmissionError};
use crate::store::Tenant;
use crate::tenants::{Permission, Scope};

/// The part of a form that is a file of contacts.
const FILE_PART: &str = "file";
/// The kind of fields that have several values.
const SEVERAL_VALUES_KIND: &str = "multiselect";

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Reads the `Idempotency-Key` header, if there is one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    value.to_str().map(|text| Some(text.to_owned())).map_err(|_| SubmissionError::Key.into())
}

/// Refuses the `Idempotency-Key` of a call, which has no job to be known by: sent twice, the call would be applied twice.
///
/// # Errors
/// 400 if there is the header.
pub(super) fn refuse_idempotency_key(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(IDEMPOTENCY_KEY) {
        return Err(Problem::bad_request(
            "Only the bulk endpoints take an Idempotency-Key. Nothing was stored. Send the request without this header, or send the contacts to /api/contacts/bulk/new or /api/contacts/bulk/edit.",
        ));
    }
    Ok(())
}

/// Where a bulk request was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BulkEndpoint {
    /// `…/bulk/new`, `…/bulk/edit`.
    Items(Operation),
    /// `…/importCsv`.
    File,
}

/// A bulk request whose body has arrived.
#[derive(Debug)]
pub(super) struct BulkRequest {
    pub(super) endpoint: BulkEndpoint,
    pub(super) settings: ImportSettings,
    pub(super) idempotency_key: Option<String>,
    pub(super) body: ItemBody,
    /// What the client may do.
    pub(super) scope: Scope,
    /// Bytes that the items of a file may come to.
    pub(super) max_bytes: usize,
    /// The span that belongs to the request.
    pub(super) trace: Option<TraceParent>,
}

#[derive(Serialize)]
struct AcceptedJobBody {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

#[derive(Serialize)]
struct AcceptedGroupBody {
    group: String,
    jobs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

impl BulkRequest {
    /// Returns whether the tenant's fields must be known to read the body.
    pub(super) fn may_be_table(&self) -> bool {
        self.endpoint == BulkEndpoint::File || self.body.may_be_table()
    }

    /// Accepts the job, or the jobs; blocks until they are durable. `fields` are the tenant's, for tables.
    ///
    /// # Errors
    /// 400 if the body cannot be read, 413 if it has too many rows, 415 if it is of another type, or why the service refuses the job.
    pub(super) fn submit(
        mut self,
        service: &Service,
        tenant: &Tenant,
        fields: Option<&Fields>,
    ) -> Result<Accepted, Problem> {
        let operation = match self.endpoint {
            BulkEndpoint::Items(operation) => operation,
            BulkEndpoint::File => Operation::Create,
        };
        let (format, bytes) = self.body.take_parts();
        let import = match (format, self.endpoint) {
            (Format::Csv { charset, has_no_header, is_tab_separated }, _) => {
                self.settings.refuse_unknown()?;
                self.settings.add_type(has_no_header, is_tab_separated);
                let charset = self.settings.charset.take().or(charset);
                Some(self.read_table(&bytes, charset.as_deref(), fields)?)
            }
            (Format::Multipart(boundary), BulkEndpoint::File) => {
                self.settings.refuse_unknown()?;
                let form = multipart::form_with_file(&bytes, &boundary, FILE_PART)?;
                self.settings.add_fields(&form.fields)?;
                let charset = self.settings.charset.take().or(form.charset);
                Some(self.read_table(form.file, charset.as_deref(), fields)?)
            }
            (Format::JsonLines { charset }, BulkEndpoint::Items(_)) => {
                self.settings.refuse_unknown()?;
                self.settings.refuse_table_settings()?;
                let charset = self.settings.charset.as_deref().or(charset.as_deref());
                let text = decode_within(&bytes, charset, self.max_bytes)?;
                Some(read_json_lines(&text, self.limits())?)
            }
            (format, BulkEndpoint::Items(_)) => {
                self.settings.refuse_file_settings()?;
                let items = format.items(&bytes, MAX_ITEMS, operation)?;
                drop(bytes);
                let dry_run = self.dry_run()?;
                self.check_mode(operation)?;
                let submission = Submission::new(operation, items, self.idempotency_key)?.of_trace(self.trace);
                return Ok(service.submit(tenant, submission.with_mode(self.settings.mode).with_dry_run(dry_run))?);
            }
            (_, BulkEndpoint::File) => {
                return Err(Problem::unsupported_type(
                    "This call takes a table: as multipart/form-data with the part 'file', or as text/csv. Nothing was stored.",
                ));
            }
        };
        drop(bytes);
        let dry_run = self.dry_run()?;
        self.check_mode(operation)?;
        let Some(import) = import else { return Err(Problem::bad_request("There is no file.")) };
        if operation != Operation::Create {
            import.check_ids()?;
        }
        let Import { items, source } = import;
        let items = ItemList { items, keys: None };
        let submission = Submission::of_file(operation, items, self.idempotency_key, source)?.of_trace(self.trace);
        Ok(service.submit(tenant, submission.with_mode(self.settings.mode).with_dry_run(dry_run))?)
    }

    /// Returns the dry run that was asked for, if one was.
    ///
    /// # Errors
    /// 400 if only a dry run's changes were asked for, 403 if the client may not see what is stored: a dry run tells whoever guesses.
    fn dry_run(&self) -> Result<Option<DryRun>, Problem> {
        let dry_run = self.settings.dry_run.dry_run()?;
        if dry_run.is_some() && !self.scope.allows(Permission::Read) {
            return Err(Problem::scope_forbids_dry_runs(self.scope));
        }
        Ok(dry_run)
    }

    fn read_table(&self, bytes: &[u8], charset: Option<&str>, fields: Option<&Fields>) -> Result<Import, Problem> {
        let text = decode_within(bytes, charset, self.max_bytes)?;
        let fields = fields.map(targets).unwrap_or_default();
        Ok(read_csv(&text, &self.settings.table, &fields, self.limits())?)
    }

    fn limits(&self) -> ImportLimits {
        ImportLimits { rows: if self.settings.splits { MAX_GROUP_ITEMS } else { MAX_ITEMS }, bytes: self.max_bytes }
    }

    fn check_mode(&self, operation: Operation) -> Result<(), Problem> {
        if operation != Operation::Create && self.settings.mode != WriteMode::Upsert {
            return Err(Problem::bad_request(
                "'mode' is for new contacts: /api/contacts/bulk/edit names each contact by its id. Nothing was stored.",
            ));
        }
        Ok(())
    }
}

/// Returns the fields that columns can become.
pub(super) fn targets(fields: &Fields) -> Vec<TargetField> {
    let target = |field: &Field| TargetField {
        alias: field.alias.clone(),
        label: field.label.clone(),
        takes_several: field.kind == SEVERAL_VALUES_KIND,
    };
    fields.iter().map(target).collect()
}

/// Creates the answer to a bulk request that was accepted. `state` is that of the job or the group, if the client waited for it.
pub(super) fn reply(accepted: &Accepted, state: Option<JobState>) -> Reply {
    let status = state.map(JobState::as_str);
    let (mut reply, location) = match accepted {
        Accepted::Job(id) => {
            let body = AcceptedJobBody { id: id.to_string(), status };
            (json(StatusCode::ACCEPTED, &body), format!("/api/contacts/job/{id}"))
        }
        Accepted::Group(group, jobs) => {
            let jobs = jobs.iter().map(ToString::to_string).collect();
            let body = AcceptedGroupBody { group: group.to_string(), jobs, status };
            (json(StatusCode::ACCEPTED, &body), format!("/api/contacts/group/{group}"))
        }
    };
    if let Ok(location) = HeaderValue::from_str(&location) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}
