//! Why items failed, grouped: the same reason for many rows is told once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use super::work::LoadedWork;
use crate::domain::{Action, Job, JobId, Source, TenantId};
use crate::export::failure_text;
use crate::harmless_text::one_line;
use crate::http::problem::Problem;
use crate::import::is_item;
use crate::jobs::Service;
use crate::store::StoredRow;

/// Reasons that are told; the rows of further ones are counted together.
const MAX_REASONS: usize = 50;
/// Rows that are named for each reason.
const MAX_PLACES: usize = 5;
/// Changes that are shown.
const MAX_CHANGES: usize = 10;
/// Fields that are shown of a change.
const MAX_FIELDS: usize = 12;
/// Characters of a reason and of a value that are kept.
const MAX_SIGNS: usize = 300;
/// Jobs whose reasons are remembered. Rows of completed jobs do not change.
const MAX_REMEMBERED: usize = 128;

/// Why items of a job failed, and what some of the others change.
#[derive(Debug, Default, Clone)]
pub(super) struct Reasons {
    /// The reasons, those with most rows first.
    pub(super) list: Vec<Reason>,
    /// Failed rows with other reasons.
    pub(super) others: u64,
    /// The first changes that a dry run shows.
    pub(super) changes: Vec<ShownChange>,
}

/// A reason for which items failed.
#[derive(Debug, Clone)]
pub(super) struct Reason {
    pub(super) text: String,
    pub(super) rows: u64,
    /// The first rows: their places among the contacts of the file, from 1.
    pub(super) places: Vec<u64>,
}

/// What would change in a contact.
#[derive(Debug, Clone)]
pub(super) struct ShownChange {
    pub(super) place: u64,
    pub(super) id: Option<u64>,
    /// The field, its value before, and after.
    pub(super) values: Vec<(String, String, String)>,
}

#[derive(Deserialize)]
struct StoredError {
    message: String,
    #[serde(default)]
    details: Value,
}

#[derive(Deserialize)]
struct StoredValues {
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
}

/// The reasons of completed jobs that were read lately.
#[derive(Debug, Default)]
pub(in crate::http::console) struct ReasonCache(Mutex<HashMap<(TenantId, JobId), Arc<Reasons>>>);

impl ReasonCache {
    /// Returns the reasons of completed jobs; blocks.
    ///
    /// # Errors
    /// 503 if the store cannot answer.
    pub(super) fn of(&self, service: &Service, tenant: TenantId, work: &LoadedWork) -> Result<Reasons, Problem> {
        let (mut sum, mut before) = (Collected::default(), 0);
        for job in &work.jobs {
            let reasons = self.of_job(service, tenant, job)?;
            sum.add(&reasons, before);
            before += u64::from(job.total);
        }
        Ok(sum.finish())
    }

    fn of_job(&self, service: &Service, tenant: TenantId, job: &Job) -> Result<Arc<Reasons>, Problem> {
        if let Some(known) = self.0.lock().get(&(tenant, job.id)) {
            return Ok(Arc::clone(known));
        }
        let reasons = Arc::new(read(service, tenant, job)?);
        let mut remembered = self.0.lock();
        if remembered.len() >= MAX_REMEMBERED {
            // Reading them again is cheap enough.
            remembered.clear();
        }
        remembered.insert((tenant, job.id), Arc::clone(&reasons));
        Ok(reasons)
    }
}

fn read(service: &Service, tenant: TenantId, job: &Job) -> Result<Reasons, Problem> {
    let mut collected = Collected::default();
    // Rows that bring whole contacts change more than the columns say.
    let has_items = |source: &&Source| source.columns.iter().any(|column| is_item(&column.column));
    let columns: HashMap<&str, &str> = job
        .source
        .iter()
        .filter(|source| !has_items(source))
        .flat_map(|source| &source.columns)
        .filter_map(|column| Some((column.field.as_deref()?, column.column.as_str())))
        .collect();
    // Of a large job that went well, the first rows suffice.
    let mut failures = u64::from(job.total.saturating_sub(job.counts.processed()).saturating_add(job.counts.failed));
    let mut range = 0..u64::from(job.total);
    while !range.is_empty() && (failures > 0 || (job.dry_run.is_some() && collected.changes.len() < MAX_CHANGES)) {
        let rows = service.rows(tenant, job.id, range.clone())?;
        let Some(last) = rows.last() else { break };
        range.start = u64::from(last.index) + 1;
        for row in &rows {
            failures -= u64::from(matches!(row.action, Action::Refuse | Action::NotProcessed)).min(failures);
            collected.add_row(row, &columns);
        }
    }
    Ok(collected.finish())
}

/// Reasons while rows are read.
#[derive(Debug, Default)]
struct Collected {
    by_text: HashMap<String, (u64, Vec<u64>)>,
    others: u64,
    changes: Vec<ShownChange>,
}

impl Collected {
    fn add_row(&mut self, row: &StoredRow, columns: &HashMap<&str, &str>) {
        let place = u64::from(row.index) + 1;
        match row.action {
            Action::Refuse => self.add_reason(reason(row, columns), 1, &[place]),
            Action::NotProcessed => {
                self.add_reason(String::from("The job was cancelled before this row."), 1, &[place])
            }
            Action::Create | Action::Update | Action::Delete | Action::Unchanged => {
                if self.changes.len() < MAX_CHANGES
                    && let Some(values) = row.changes.as_deref().and_then(|changes| values(changes.get(), columns))
                {
                    let id = row.row.id.filter(|_| row.action != Action::Create);
                    self.changes.push(ShownChange { place, id, values });
                }
            }
        }
    }

    fn add_reason(&mut self, text: String, rows: u64, places: &[u64]) {
        // The bound is for the memory: of more reasons, those that came first are told.
        if self.by_text.len() >= MAX_REASONS * 4 && !self.by_text.contains_key(&text) {
            self.others += rows;
            return;
        }
        let (sum, known) = self.by_text.entry(text).or_default();
        *sum += rows;
        known.extend(places.iter().take(MAX_PLACES.saturating_sub(known.len())));
    }

    /// Adds the reasons of a job behind others, whose items are `before` its own.
    fn add(&mut self, reasons: &Reasons, before: u64) {
        for reason in &reasons.list {
            let places: Vec<u64> = reason.places.iter().map(|place| place + before).collect();
            self.add_reason(reason.text.clone(), reason.rows, &places);
        }
        self.others += reasons.others;
        let room = MAX_CHANGES.saturating_sub(self.changes.len());
        let moved = |change: &ShownChange| ShownChange { place: change.place + before, ..change.clone() };
        self.changes.extend(reasons.changes.iter().take(room).map(moved));
    }

    fn finish(self) -> Reasons {
        let mut list: Vec<Reason> =
            self.by_text.into_iter().map(|(text, (rows, places))| Reason { text, rows, places }).collect();
        list.sort_by(|one, other| other.rows.cmp(&one.rows).then_with(|| one.text.cmp(&other.text)));
        let beyond: u64 = list.iter().skip(MAX_REASONS).map(|reason| reason.rows).sum();
        list.truncate(MAX_REASONS);
        Reasons { list, others: self.others + beyond, changes: self.changes }
    }
}

fn reason(row: &StoredRow, columns: &HashMap<&str, &str>) -> String {
    let error = row.row.errors.as_deref().and_then(|error| serde_json::from_str::<StoredError>(error.get()).ok());
    let Some(StoredError { message, details }) = error else { return String::from("The row was refused.") };
    let column =
        |field: &str| columns.get(field).filter(|column| **column != field).map(|column| format!("{column} ({field})"));
    one_line(&failure_text(&message, &details, &row.codes, column), MAX_SIGNS)
}

/// Returns what would change of the fields that columns became, or of all fields if the job came as JSON. A new contact gets more by
/// itself.
fn values(changes: &str, columns: &HashMap<&str, &str>) -> Option<Vec<(String, String, String)>> {
    let mut changes: serde_json::Map<String, Value> = serde_json::from_str(changes).ok()?;
    changes.retain(|field, _| columns.is_empty() || columns.contains_key(field.as_str()));
    let value = |(field, values): (String, Value)| {
        let StoredValues { before, after } = serde_json::from_value(values).ok()?;
        Some((field, text(&before), text(&after)))
    };
    Some(changes.into_iter().filter_map(value).take(MAX_FIELDS).collect::<Vec<_>>()).filter(|values| !values.is_empty())
}

/// Returns a value as people read it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => one_line(text, MAX_SIGNS),
        Value::Array(list) => one_line(&list.iter().map(text).collect::<Vec<_>>().join(", "), MAX_SIGNS),
        other => one_line(&other.to_string(), MAX_SIGNS),
    }
}
