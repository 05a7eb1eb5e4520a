//! Jobs and calls, from the request to the last row. Everything here blocks, and async code calls it on tokio's blocking pool,
//! except [`Service::run_call`], which runs a call on a thread for calls.
//!
//! - [`Service`] accepts jobs ([`Submission`]), reads and deletes them, and answers calls: requests that need no job.
//! - `worker` runs jobs, on the threads of the [`WorkerPool`].
//! - `decide` has a tenant's components decide about items, for jobs and calls alike.
//! - `maintenance` renews leases, indexes contacts and deletes expired data, on the threads of [`MaintenanceTasks`].
//!
//! Workers and maintenance tasks share a `WorkerContext`; with calls they share a `DeciderContext`. Who renews a lease, stops a
//! job or commits a batch is said at the top of `worker.rs`.

mod accepted_chunks;
mod apply;
mod call;
mod call_limiter;
mod call_places;
mod call_row;
mod call_threads;
mod console;
mod contact_reader;
mod contact_search;
mod contacts;
mod decide;
mod delete_contacts;
mod error;
mod host_watch;
mod job_watcher;
mod maintenance;
mod operators_view;
mod recent_failures;
mod recent_runs;
mod right_of_way;
mod run_call;
mod service;
mod store_outage;
mod submission;
mod tenant_time;
mod tokens;
mod trial;
mod undo;
mod wakeup;
mod watchdog;
mod webhooks;
mod worker;

pub use apply::Application;
pub use call::{Call, CallAnswer, MAX_CALL_ITEMS};
pub use call_row::CallRow;
pub use contact_reader::{ContactReader, ContactRows, ListPlace};
pub use contacts::{ListCondition, ListRange, ListRequest, ListedContacts};
pub use decide::{ComponentLoader, ItemFailure, LoadError};
pub use error::ServiceError;
pub use job_watcher::{JobNews, JobWatch};
pub use maintenance::MaintenanceTasks;
pub use recent_failures::RecentFailure;
pub use recent_runs::RecentRun;
pub use service::{Accepted, Service, Settings};
pub use submission::{MAX_GROUP_ITEMS, MAX_ITEMS, Submission, SubmissionError};
pub use tokens::{IssuedToken, Refreshed};
pub use trial::Trial;
pub use undo::{UndoDesk, UndoPreview, Undoing};
pub use webhooks::{MAX_WEBHOOK_TESTS, WebhookError, Webhooks};
pub use worker::WorkerPool;

pub use crate::sandbox::{Field, Fields};
