//! The replies of processors in the host's types, before they are checked. The members are those of the contract's types of
//! the same names.

use crate::domain::{ContactId, UniqueKey};

/// A stored contact that an item refers to.
#[derive(Debug)]
pub(super) enum RawKey {
    Id(ContactId),
    Unique(UniqueKey),
}

/// A decision about one item.
#[derive(Debug)]
pub(super) enum RawOutcome {
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
    pub(super) details: Vec<(String, Vec<String>)>,
    pub(super) api_style: bool,
}
