//! Maintenance tasks: what a server does periodically, each task on a thread of its own.
//!
//! | Task | Purpose |
//! |---|---|
//! | [`lease_keeper`] | Renews the leases of running jobs, stops jobs whose claims are lost, and releases claims whose release failed |
//! | [`lease_keeper`], its watch | Stops jobs whose leases have ended, even if the store does not answer |
//! | [`watchdog`] | Notices threads that do not come back, and stops their jobs |
//! | [`job_watch`] | Reads the jobs for which somebody waits, and tells the waiters |
//! | [`indexer`] | Indexes contacts after commits, so that lists find them |
//! | [`expiry`] | Deletes expired jobs, and the contacts of removed tenants |
//! | [`webhook_delivery`] | Sends messages to tenants' endpoints |
//! | [`disk_watch`] | Tells early when the disk of the store fills up |
//! | [`compile_ahead`] | Compiles components before requests need them |
//! | [`compiled_cache`] | Deletes compiled code that no component needs any more |

mod compile_ahead;
mod compiled_cache;
mod disk_watch;
mod expiry;
mod indexer;
mod job_watch;
mod lease_keeper;
mod task;
mod watchdog;
mod webhook_delivery;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use task::Task;

use crate::jobs::Service;
use crate::jobs::job_watcher::JobWatcher;
use crate::webhooks::MessageSender;

/// The maintenance tasks of a server, which run until [`Self::stop`].
pub struct MaintenanceTasks {
    tasks: Vec<Task>,
    job_watcher: Arc<JobWatcher>,
}

impl MaintenanceTasks {
    /// Starts all tasks. Expired data is deleted every `expiry_interval`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(service: &Service, expiry_interval: Duration) -> io::Result<Self> {
        let context = service.worker_context();
        let sender = MessageSender::new(service.webhook_networks().clone()).map_err(io::Error::other)?;
        let tasks = vec![
            lease_keeper::start(context)?,
            lease_keeper::start_watch(context)?,
            watchdog::start(context)?,
            indexer::start(context)?,
            job_watch::start(context)?,
            compile_ahead::start(context)?,
            compiled_cache::start(context)?,
            expiry::start(context, expiry_interval)?,
            disk_watch::start(context)?,
            webhook_delivery::start(context, sender)?,
        ];
        Ok(Self { tasks, job_watcher: Arc::clone(&context.job_watcher) })
    }

    /// Stops the tasks, each after the run that it is in. Ends all waits for jobs.
    pub fn stop(self) {
        self.job_watcher.end();
        self.tasks.into_iter().for_each(Task::stop);
    }
}
