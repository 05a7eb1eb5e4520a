//! Jobs, contacts and batches for tests.

use bulkhead::domain::{
    Digest, IndexEntry, ItemError, ItemList, ItemRemarks, JobId, Operation, Pinned, TenantId, Timestamp, UniqueKey,
    Warning, WriteMode,
};
use bulkhead::store::{BatchCommit, CommitOutcome, ContactWrite, DraftRow, NewJob, RowBody, TenantChange, WriteTarget};
use bulkhead::tenants::{LimitSettings, NewCredential, Profile};

use crate::fixture::{DEFAULT_PROCESSOR, RETENTION};

/// The outcome of a batch that is not the job's last.
pub(crate) const COMMITTED: CommitOutcome = CommitOutcome::Committed { job_finished: false };
/// The outcome of a job's last batch.
pub(crate) const FINISHED: CommitOutcome = CommitOutcome::Committed { job_finished: true };

/// Returns a tenant's credential.
pub(crate) fn credential(name: &str) -> NewCredential {
    NewCredential { client_id: format!("{name}-id"), secret_hash: secret(name) }
}

/// Parses a profile.
pub(crate) fn profile(text: &str) -> Profile {
    Profile::parse(text).unwrap()
}

/// Returns a change that lets a tenant have this many jobs running at once.
pub(crate) fn running_jobs(count: u64) -> TenantChange {
    let limits = LimitSettings::parse(&format!(r#"{{"runningJobs":{count}}}"#)).unwrap();
    TenantChange { limits: Some(limits), ..TenantChange::default() }
}

/// Returns the hash of a secret.
pub(crate) fn secret(text: &str) -> [u8; 32] {
    Digest::of(text.as_bytes()).0
}

/// Returns a job with chunks of these numbers of items.
pub(crate) fn new_job(tenant: TenantId, chunks: &[usize]) -> NewJob {
    let mut number = 0;
    let mut chunk = |items: &usize| {
        let from = number;
        number += items;
        ItemList { items: (from..number).map(|place| format!(r#"{{"place":{place}}}"#)).collect(), keys: None }
    };
    NewJob {
        tenant,
        id: JobId::random(),
        operation: Operation::Create,
        mode: WriteMode::Upsert,
        dry_run: None,
        applies: None,
        undoes: None,
        source: None,
        group: None,
        pinned: Pinned { processor: DEFAULT_PROCESSOR, validator: None },
        profile: Profile::default().into(),
        is_default: true,
        chunks: chunks.iter().map(&mut chunk).collect(),
        idempotency: None,
        retention: RETENTION,
        trace: None,
    }
}

pub(crate) fn unique_key(field: &str, value: &str) -> UniqueKey {
    UniqueKey { field: field.to_owned(), value: value.to_owned() }
}

/// Returns a new contact with this address.
pub(crate) fn new_contact(address: &str) -> ContactWrite {
    contact_write(WriteTarget::New, address)
}

/// Returns a contact's new state: this address, which is also its search text and sort key.
pub(crate) fn contact_write(target: impl Into<WriteTarget>, address: &str) -> ContactWrite {
    ContactWrite {
        target: target.into(),
        document: format!(r#"{{"email":"{address}"}}"#),
        keys: vec![unique_key("email", address)],
        index_entry: IndexEntry { search_text: address.to_owned(), sort_key: address.to_owned() },
        before: None,
    }
}

/// Returns a batch whose items each create a contact.
pub(crate) fn creating(first: u32, addresses: &[&str]) -> BatchCommit {
    let writes = addresses.iter().map(|address| new_contact(address)).collect();
    BatchCommit {
        first,
        writes,
        rows: (0..addresses.len()).map(|write| written_row(write, 201)).collect(),
        ..BatchCommit::default()
    }
}

/// Returns the row of an applied item.
pub(crate) fn written_row(write: usize, status: u16) -> DraftRow {
    DraftRow::new(None, RowBody::Written { write, status }, ItemRemarks::default())
}

/// Returns the row of a failed item.
pub(crate) fn failed_row(status: u16) -> DraftRow {
    let error = ItemError::Api { message: String::from("No."), code: status, r#type: String::from("api") };
    failed_with(None, status, error)
}

/// Returns the row of an item that failed for this reason.
pub(crate) fn failed_with(id: Option<u64>, status: u16, error: ItemError) -> DraftRow {
    DraftRow::new(None, RowBody::Failed { id, status, error }, ItemRemarks::default())
}

/// Returns the remarks about an item with so many warnings, and with ignored members of these names.
pub(crate) fn remarks(warnings: usize, ignored: &[&str]) -> ItemRemarks {
    let warning = Warning { field: String::from("state"), code: String::from("unknown_region") };
    let ignored = ignored.iter().map(|name| (*name).to_owned()).collect();
    ItemRemarks { warnings: vec![warning; warnings], ignored, ignored_more: 0 }
}

/// Returns the seconds between two moments.
pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    (to.0 - from.0) / 1_000_000
}
