//! Jobs from acceptance to the last result: the queue's workers, cancelling, expiry, and the lane for calls that do not
//! queue. All of it blocks; callers in async code use tokio's blocking pool.

mod call;
mod call_limiter;
mod contacts;
mod decide;
mod error;
mod maintenance;
mod service;
mod store_outage;
mod submission;
mod trial;
mod worker;

pub use call::{CallAnswer, CallRow, MAX_CALL_ITEMS};
pub use contacts::{ListRequest, ListedContacts, Search};
pub use decide::{ComponentLoader, LoadError};
pub use error::ServiceError;
pub use maintenance::Chores;
pub use service::{Service, Settings, TOKEN_LIFETIME};
pub use submission::{MAX_ITEMS, Submission, SubmissionError};
pub use trial::Trial;
pub use worker::Workers;
