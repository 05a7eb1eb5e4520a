//! Where tenants, components, jobs and contacts are kept: a trait for each concern, implemented by two dialects of one
//! schema. Nothing here knows HTTP or wasm.
//!
//! All methods block on disk, network or a lock, for seconds at most: the threads of workers and of calls and tokio's blocking
//! pool call them, never an async task. Each method is one transaction. Every method returns [`StoreError`] if the store cannot answer, and
//! then has stored nothing, except that after [`StoreError::Unsure`] it may have stored everything.

mod applicability;
mod audit;
mod before_images;
mod claims;
mod components;
mod console;
mod contacts;
mod credentials;
mod disk;
mod error;
mod folding;
mod index_queue;
mod jobs;
mod listing;
mod maintenance;
mod opening;
mod overlays;
mod packing;
pub mod postgres;
mod profile_cache;
mod purge;
mod refresh_tokens;
mod secret_use;
pub mod sqlite;
mod statistics;
mod tenants;
mod undo;
mod usage;
mod webhooks;

pub use audit::{AuditEnd, AuditEntry, AuditQuery, AuditStore, NewAuditEntry};
pub use before_images::{BeforeImage, BeforeImages, ChangeMark, ChangeMarks};
pub use claims::{BatchCommit, Claim, ClaimId, ClaimStore, CommitOutcome, DraftRow, DryRunCheck, RowBody, RowContact};
pub use components::{ComponentRecord, ComponentStore, NewComponent, RegisterOutcome, RemoveOutcome};
pub use console::{
    ConsoleSession, ConsoleStore, MAX_CONSOLE_SESSIONS, MAX_STAGED_FILES, NewConsoleSession, NewStagedFile, StagedFile,
};
pub use contacts::{
    ApplyOutcome, ContactFilter, ContactList, ContactOrder, ContactQuery, ContactStore, ContactWrite, Deletion,
    RangeKey, WriteTarget,
};
pub use credentials::{
    AddSecretOutcome, Authentication, CredentialStore, NewSecret, RevokeSecretOutcome, SecretRecord,
};
pub use disk::{DiskSpace, DiskState};
pub use error::StoreError;
pub use jobs::{
    ApplyRefusal, CancelOutcome, Idempotency, JobPlace, JobQuery, JobStore, ListedJob, NewJob, QueueLimits, StoredRow,
    SubmitLimits, SubmitOutcome,
};
pub use maintenance::{JobHint, MaintenanceStore, Notification, Swept};
pub use opening::{Opening, StoredSchema};
pub use overlays::{Mark, OverlayBatch, OverlayContact, OverlayContacts, OverlayMarks, read_overlay_contacts};
pub use refresh_tokens::{NewToken, RefreshBounds, RefreshOutcome, RefreshTokenStore};
pub use statistics::{ConnectedServer, Lease, PoolUse, StatisticsStore, StoreStatistics};
pub use tenants::{RemovedTenant, Tenant, TenantChange, TenantStore, TenantSummary};
pub use undo::{UndoRefusal, UndoRequest, UndoStore, Undoable};
pub use usage::{Admission, QueueUse, TokenLimits, Usage, UsageStore};
pub use webhooks::{
    DueMessage, FailingComponent, MessageOutcome, NewWebhook, TEST_EVENT, WebhookChange, WebhookEvent, WebhookMessage,
    WebhookOwner, WebhookRecord, WebhookStore,
};

/// A whole store: every type that implements the trait of each concern.
pub trait Store:
    TenantStore
    + CredentialStore
    + RefreshTokenStore
    + ComponentStore
    + JobStore
    + ClaimStore
    + ContactStore
    + UndoStore
    + UsageStore
    + WebhookStore
    + StatisticsStore
    + AuditStore
    + ConsoleStore
    + MaintenanceStore
    + Send
    + Sync
    + 'static
{
}

impl<S> Store for S where
    S: TenantStore
        + CredentialStore
        + RefreshTokenStore
        + ComponentStore
        + JobStore
        + ClaimStore
        + ContactStore
        + UndoStore
        + UsageStore
        + WebhookStore
        + StatisticsStore
        + AuditStore
        + ConsoleStore
        + MaintenanceStore
        + Send
        + Sync
        + 'static
{
}
