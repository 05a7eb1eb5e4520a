//! The watchdog: notices threads that do not come back, wherever they are.
//!
//! Components are interrupted and most operations of the store have a deadline, so a thread of a worker or a call comes back by
//! itself. If one does not, because of a bug in the host, a library or the system, no other thread can end it. What can be done
//! is done: it counts as stalled, the log and `/readyz` say so, its job is left to another worker or server, and what it held is
//! given to others. If the thread comes back, it is fenced by its claim epoch as any worker that lost its job.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::host_watch::HostWatch;
use crate::domain::JobId;

/// The threads that are watched.
#[derive(Debug)]
pub(in crate::jobs) struct Watchdog {
    bound: Duration,
    threads: Mutex<Vec<Arc<Watched>>>,
    stalled_workers: AtomicUsize,
    stalled_calls: AtomicUsize,
}

/// What a thread works on.
#[derive(Debug, Clone)]
pub(in crate::jobs) struct Subject {
    /// The tenant's name.
    pub(in crate::jobs) tenant: String,
    /// The job; `None` for a call.
    pub(in crate::jobs) job: Option<JobId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Worker,
    Call,
}

struct Watched {
    kind: Kind,
    watch: HostWatch,
    subject: Mutex<Option<Subject>>,
    /// Gives others what a call held.
    on_stall: Mutex<Option<OnStall>>,
}

type OnStall = Box<dyn FnOnce(usize) + Send>;

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("kind", &self.kind).field("watch", &self.watch).finish_non_exhaustive()
    }
}

impl Watchdog {
    /// Makes a watchdog that allows `bound` for each step of a thread outside of components, and beyond the deadline of
    /// components.
    pub(in crate::jobs) fn new(bound: Duration) -> Self {
        Self {
            bound,
            threads: Mutex::default(),
            stalled_workers: AtomicUsize::new(0),
            stalled_calls: AtomicUsize::new(0),
        }
    }

    /// Watches a worker's thread until the guard is dropped.
    pub(in crate::jobs) fn watch_worker(&self) -> WatchedThread<'_> {
        self.watch(Kind::Worker, None, None)
    }

    /// Watches the thread of a tenant's call until the guard is dropped. If the thread stalls, `on_stall` is called once, on the
    /// thread of the watchdog and with the number of stalled calls; it gives others what the call held.
    pub(in crate::jobs) fn watch_call(
        &self,
        tenant: &str,
        on_stall: impl FnOnce(usize) + Send + 'static,
    ) -> WatchedThread<'_> {
        self.watch(Kind::Call, Some(Subject { tenant: tenant.to_owned(), job: None }), Some(Box::new(on_stall)))
    }

    fn watch(&self, kind: Kind, subject: Option<Subject>, on_stall: Option<OnStall>) -> WatchedThread<'_> {
        let watched = Arc::new(Watched {
            kind,
            watch: HostWatch::new(self.bound),
            subject: Mutex::new(subject),
            on_stall: Mutex::new(on_stall),
        });
        self.threads.lock().push(Arc::clone(&watched));
        WatchedThread { watchdog: self, watched }
    }

    /// Returns how many threads of workers are stalled.
    pub(in crate::jobs) fn stalled_workers(&self) -> usize {
        self.stalled_workers.load(Ordering::Acquire)
    }

    /// Returns how many threads of workers and calls are stalled.
    pub(in crate::jobs) fn stalled(&self) -> usize {
        self.stalled_workers() + self.stalled_calls.load(Ordering::Acquire)
    }

    /// Looks for threads that stalled or came back since the last time, and logs them. Returns the workers that stalled.
    pub(in crate::jobs) fn check(&self) -> Vec<HostWatch> {
        // Without the lock, as logging and `on_stall` may take long.
        let threads = self.threads.lock().clone();
        let mut stalled = Vec::new();
        for thread in threads {
            if thread.watch.is_overdue() {
                if self.stalls(&thread) && thread.kind == Kind::Worker {
                    stalled.push(thread.watch.clone());
                }
            } else {
                self.comes_back(&thread);
            }
        }
        stalled
    }

    /// Counts a thread as stalled. Returns `false` if it was before.
    fn stalls(&self, thread: &Watched) -> bool {
        if !thread.watch.set_stalled(true) {
            return false;
        }
        self.count(thread.kind).fetch_add(1, Ordering::AcqRel);
        let (tenant, job) = thread.described();
        let (phase, seconds) = (thread.watch.phase().as_str(), thread.watch.time_in_phase().as_secs());
        match thread.kind {
            Kind::Worker => tracing::error!(
                event = "worker_stalled",
                tenant,
                job,
                phase,
                seconds,
                "a worker does not come back; its job is left to another worker or server"
            ),
            Kind::Call => {
                tracing::error!(
                    event = "call_stalled",
                    tenant,
                    phase,
                    seconds,
                    "the thread of a call does not come back"
                );
            }
        }
        if let Some(on_stall) = thread.on_stall.lock().take() {
            on_stall(self.stalled_calls.load(Ordering::Acquire));
        }
        // The thread may have come back, and ended, before it was counted.
        if !thread.watch.is_overdue() {
            self.comes_back(thread);
        }
        true
    }

    fn comes_back(&self, thread: &Watched) {
        if !thread.watch.set_stalled(false) {
            return;
        }
        self.count(thread.kind).fetch_sub(1, Ordering::AcqRel);
        let (tenant, job) = thread.described();
        match thread.kind {
            Kind::Worker => {
                tracing::info!(event = "worker_resumed", tenant, job, "a worker that had stalled came back, and ends");
            }
            Kind::Call => {
                tracing::info!(event = "call_resumed", tenant, "the thread of a call that had stalled came back");
            }
        }
    }

    fn count(&self, kind: Kind) -> &AtomicUsize {
        match kind {
            Kind::Worker => &self.stalled_workers,
            Kind::Call => &self.stalled_calls,
        }
    }
}

impl Watched {
    /// Returns the tenant and the job, for the log.
    fn described(&self) -> (Option<String>, Option<String>) {
        // The thread may have stalled while it held the lock.
        let subject = self.subject.try_lock().and_then(|subject| subject.clone());
        let job = subject.as_ref().and_then(|subject| subject.job).map(|job| job.to_string());
        (subject.map(|subject| subject.tenant), job)
    }
}

/// A thread is watched while this lives.
#[derive(Debug)]
pub(in crate::jobs) struct WatchedThread<'a> {
    watchdog: &'a Watchdog,
    watched: Arc<Watched>,
}

impl WatchedThread<'_> {
    /// Returns the thread's marks.
    pub(in crate::jobs) fn marks(&self) -> &HostWatch {
        &self.watched.watch
    }

    /// Says what the thread works on from now on.
    pub(in crate::jobs) fn set_subject(&self, subject: Option<Subject>) {
        *self.watched.subject.lock() = subject;
    }
}

impl Drop for WatchedThread<'_> {
    fn drop(&mut self) {
        self.watchdog.threads.lock().retain(|other| !Arc::ptr_eq(other, &self.watched));
        self.watched.watch.idle();
        self.watchdog.comes_back(&self.watched);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::Watchdog;
    use crate::jobs::host_watch::Phase;

    #[test]
    fn a_thread_that_stalls_counts_until_it_comes_back() {
        let watchdog = Watchdog::new(Duration::ZERO);
        let worker = watchdog.watch_worker();
        assert_eq!((watchdog.check().len(), watchdog.stalled()), (0, 0), "it is idle");
        let reading = worker.marks().enter(Phase::Read);
        assert_eq!((watchdog.check().len(), watchdog.stalled()), (1, 1));
        assert_eq!((watchdog.check().len(), watchdog.stalled()), (0, 1), "it is returned once");
        drop(reading);
        worker.marks().idle();
        assert_eq!((watchdog.check().len(), watchdog.stalled()), (0, 0));
        let _reading = worker.marks().enter(Phase::Read);
        assert_eq!((watchdog.check().len(), watchdog.stalled_workers()), (1, 1));
    }

    #[test]
    fn a_thread_that_ends_counts_no_longer() {
        let watchdog = Watchdog::new(Duration::ZERO);
        let worker = watchdog.watch_worker();
        drop(worker.marks().enter(Phase::Read));
        assert_eq!(watchdog.check().len(), 1);
        drop(worker);
        assert_eq!((watchdog.check().len(), watchdog.stalled()), (0, 0));
    }

    #[test]
    fn what_a_stalled_call_held_is_given_to_others_once() {
        let watchdog = Watchdog::new(Duration::ZERO);
        let is_given = Arc::new(AtomicBool::new(false));
        let given = Arc::clone(&is_given);
        let call = watchdog.watch_call("acme", move |_| assert!(!given.swap(true, Ordering::AcqRel)));
        assert!(watchdog.check().is_empty() && !is_given.load(Ordering::Acquire));
        let _computing = call.marks().enter(Phase::Guest);
        assert!(watchdog.check().is_empty(), "a call's thread is nothing that the workers' supervisor replaces");
        assert!(is_given.load(Ordering::Acquire));
        assert_eq!((watchdog.stalled(), watchdog.stalled_workers()), (1, 0));
        drop(watchdog.check());
    }
}
