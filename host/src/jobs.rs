//! Jobs from acceptance to the last result: the queue's workers, cancelling, expiry, and the lane for calls that do not
//! queue. All of it blocks; callers in async code use tokio's blocking pool.

mod assemble;
mod error;
mod isolate;
mod lane;
mod overlap;
mod runner;
mod running;
mod service;
mod submission;
mod sweeper;
mod worker;

pub use error::ServiceError;
pub use service::{Service, Settings};
pub use submission::{MAX_ITEMS, Submission, SubmissionError};
pub use sweeper::Sweeper;
pub use worker::Workers;
