//! The audit log: what operators did. It is written before and after each act, so an act that a crash cuts short is in it, too.

use super::StoreError;
use crate::domain::Timestamp;

/// What operators did, newest last. The log keeps the newest entries alone.
pub trait AuditStore {
    /// Adds an entry about an act that begins now, and returns its id. Ids grow. Deletes the entries beyond the newest `kept` of
    /// those that also only read, or that also change something: whoever reads much cannot push out what was changed.
    fn begin_audit_entry(&self, entry: &NewAuditEntry<'_>, kept: u32) -> Result<i64, StoreError>;

    /// Says how an act ended.
    fn end_audit_entry(&self, id: i64, end: &AuditEnd<'_>) -> Result<(), StoreError>;

    /// Returns entries, newest first.
    fn audit_entries(&self, query: &AuditQuery<'_>) -> Result<Vec<AuditEntry>, StoreError>;
}

/// What an operator is about to do. No text contains NUL.
#[derive(Debug, Clone, Copy)]
pub struct NewAuditEntry<'a> {
    /// Who acts.
    pub who: &'a str,
    /// The way by which they act.
    pub way: &'a str,
    /// The address or the machine from which they act.
    pub origin: Option<&'a str>,
    /// The id of the request.
    pub request_id: Option<&'a str>,
    /// What they do.
    pub action: &'a str,
    /// Whether it changes nothing.
    pub is_reading: bool,
    /// Whether it makes room: then the entry may take what is kept for that on a full disk.
    pub makes_room: bool,
    /// The tenant that it concerns.
    pub tenant: Option<&'a str>,
    /// The thing that it concerns, such as a job's id.
    pub object: Option<&'a str>,
    /// More about it, as a JSON object.
    pub details: &'a str,
}

/// How an act ended.
#[derive(Debug, Clone, Copy)]
pub struct AuditEnd<'a> {
    /// Why it failed; `None`: it was done.
    pub error: Option<&'a str>,
    /// The tenant, if it became known during the act.
    pub tenant: Option<&'a str>,
    /// The thing, if it became known during the act.
    pub object: Option<&'a str>,
    /// What replaces the details.
    pub details: &'a str,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditQuery<'a> {
    /// Only entries about this tenant.
    pub tenant: Option<&'a str>,
    /// Only entries with a smaller id than this.
    pub before: Option<i64>,
    /// Entries at most.
    pub limit: u32,
}

/// What an operator did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The entry's id.
    pub id: i64,
    /// When it began.
    pub at: Timestamp,
    /// Who acted.
    pub who: String,
    /// The way by which they acted.
    pub way: String,
    /// The address or the machine from which they acted.
    pub origin: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// What they did.
    pub action: String,
    /// The tenant that it concerns.
    pub tenant: Option<String>,
    /// The thing that it concerns.
    pub object: Option<String>,
    /// More about it, as a JSON object.
    pub details: String,
    /// Whether it was done; `None`: it has not ended, or the program ended before.
    pub is_done: Option<bool>,
    /// Why it failed.
    pub error: Option<String>,
}
