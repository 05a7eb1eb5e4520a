//! Jobs from acceptance to the last result: the queue's workers, cancelling, expiry, and the lane for calls that do not
//! queue. All of it blocks; callers in async code use tokio's blocking pool.

mod absence;
mod assemble;
mod breaker;
mod call;
mod chore;
mod committer;
mod course;
mod decider;
mod error;
mod heart;
mod isolate;
mod janitor;
mod lane;
mod library;
mod lister;
mod outage;
mod overlap;
mod owed;
mod pipeline;
mod reading;
mod runner;
mod running;
mod service;
mod submission;
mod sweeper;
mod trial;
mod worker;

pub use decider::limits as sandbox_limits;

pub use call::{CallAnswer, CallRow, MAX_CALL_ITEMS};
pub use chore::Chores;
pub use error::ServiceError;
pub use library::{Library, LibraryError};
pub use reading::{ListRequest, ListedContacts, Search};
pub use service::{Service, Settings, TOKEN_LIFETIME};
pub use submission::{MAX_ITEMS, Submission, SubmissionError};
pub use trial::Trial;
pub use worker::Workers;
