//! The replies of processors in the host's types, before they are checked. The members are those of the contract's types of
//! the same names.

use crate::domain::{ContactId, ItemRemarks, UniqueKey};

/// The code of whatever a processor of a version without codes refuses.
pub(super) const DEFAULT_CODE: &str = "invalid";
/// The code of an objection by a validator of a version without codes.
pub(super) const OBJECTION_CODE: &str = "validator";

/// A stored contact that an item refers to.
#[derive(Debug)]
pub(super) enum RawKey {
    Id(ContactId),
    Unique(UniqueKey),
}

/// What becomes of one item, and what its sender is told besides.
#[derive(Debug)]
pub(super) struct RawOutcome {
    pub(super) decision: RawDecision,
    pub(super) remarks: ItemRemarks,
}

/// A decision about one item.
#[derive(Debug)]
pub(super) enum RawDecision {
    Write(RawWrite),
    Reject(RawRejection),
}

/// An item that the processor accepted.
#[derive(Debug)]
pub(super) struct RawWrite {
    pub(super) target: RawTarget,
    pub(super) status: u16,
    pub(super) document: String,
    pub(super) keys: Vec<UniqueKey>,
    pub(super) words: String,
    pub(super) sort: String,
}

/// The contact that a write goes to.
#[derive(Debug, Clone, Copy)]
pub(super) enum RawTarget {
    New,
    Existing(u64),
    Earlier(u32),
}

/// An item that the processor refused.
#[derive(Debug)]
pub(super) struct RawRejection {
    pub(super) id: Option<u64>,
    pub(super) status: u16,
    pub(super) message: String,
    pub(super) details: Vec<RawComplaint>,
    pub(super) api_style: bool,
}

/// What is wrong with one field of an item.
#[derive(Debug)]
pub(super) struct RawComplaint {
    pub(super) field: String,
    pub(super) code: String,
    pub(super) messages: Vec<String>,
}
