//! A worker's hand at the store. What changes the store is done by a thread of its own: beside the component, which decides
//! about the next batch meanwhile, and never by a thread that has had to give way to others (see
//! [`crate::sandbox::has_lowered_priority`]), which would keep the store's only write lock from them for long.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::store::{Store, StoreError};

type Order = Box<dyn FnOnce(&dyn Store) + Send>;

/// The thread. It does what it is given in that order, and ends when this is dropped.
pub(in crate::jobs) struct Committer(Sender<Order>);

impl Committer {
    /// Starts it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(in crate::jobs) fn start(store: Arc<dyn Store>) -> io::Result<Self> {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::Builder::new().name(String::from("committer")).spawn(move || {
            for order in orders {
                // A bug in one must not be the end of all that follow; who waits for it learns that it never came.
                if catch_unwind(AssertUnwindSafe(|| order(&*store))).is_err() {
                    tracing::error!(event = "commit_panicked", "committing panicked");
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Has something done.
    pub(in crate::jobs) fn order(&self, work: impl FnOnce(&dyn Store) + Send + 'static) {
        // If the thread is gone, whoever waits for it learns of it.
        drop(self.0.send(Box::new(work)));
    }

    /// Has something done and waits for it.
    pub(in crate::jobs) fn have<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = mpsc::channel();
        self.order(move |store| drop(sender.send(work(store))));
        answer.recv().unwrap_or_else(|_| Err(StoreError::Corrupt(String::from("committing panicked"))))
    }
}
