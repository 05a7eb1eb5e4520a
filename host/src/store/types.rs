//! What goes into a store and comes out of it.

mod components;
mod contacts;
mod jobs;
mod news;
mod tenants;

pub use components::{ComponentRecord, NewComponent, Registered, Removed};
pub use contacts::{Applied, ContactFilter, ContactList, ContactOrder, ContactQuery, ContactWrite, WriteTarget};
pub use jobs::{
    Batch, BatchCommit, Claim, ClaimId, CommitOutcome, DraftRow, Idempotency, NewJob, QueueLimits, RowBody, StoredRow,
    Submitted, Swept,
};
pub use news::News;
pub use tenants::{Known, RolledBack, Tenant, TenantChange, TenantSummary};
