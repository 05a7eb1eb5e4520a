//! The committer: a worker's second thread, which makes the worker's writes to the store. A call whose component computes for
//! long has one, too.
//!
//! A thread of its own lets the worker's component decide the next batch during a commit. It also keeps its normal priority.
//! A worker thread whose priority was lowered (see [`crate::sandbox::has_lowered_priority`]) would hold SQLite's write lock
//! for long.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::store::{Store, StoreError};

type Write = Box<dyn FnOnce(&dyn Store) + Send>;

/// Runs a worker's writes on a thread, in the order in which they were submitted. The thread ends after this is dropped.
pub(in crate::jobs) struct Committer(Sender<Write>);

impl Committer {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(in crate::jobs) fn start(store: Arc<dyn Store>) -> io::Result<Self> {
        let (sender, writes) = mpsc::channel::<Write>();
        thread::Builder::new().name(String::from("committer")).spawn(move || {
            for write in writes {
                // A bug in one write must not end the thread, which has the next ones to do.
                if catch_unwind(AssertUnwindSafe(|| write(&*store))).is_err() {
                    tracing::error!(event = "commit_panicked", "a commit panicked");
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Submits a write and returns at once.
    pub(super) fn submit(&self, write: impl FnOnce(&dyn Store) + Send + 'static) {
        // Sending fails only if the thread is gone, and then `write` is dropped, which ends every wait for its answer.
        drop(self.0.send(Box::new(write)));
    }

    /// Submits a write and waits for its result.
    ///
    /// # Errors
    /// If the store fails, or `write` panics.
    pub(in crate::jobs) fn run<T: Send + 'static>(
        &self,
        write: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, result) = mpsc::channel();
        self.submit(move |store| drop(sender.send(write(store))));
        result.recv().unwrap_or_else(|_| Err(StoreError::Panicked("writing to the store")))
    }
}
