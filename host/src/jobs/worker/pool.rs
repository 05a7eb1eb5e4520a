//! The worker threads, and the supervisor that replaces those that cannot take another job.
//!
//! A worker is replaced for one of five reasons:
//!
//! - Its job was stopped, and its component does not come back in time. Nothing interrupts a bulk operation on memory.
//! - It compiles a component, which takes seconds and cannot be interrupted.
//! - Its component has computed for long. Other tenants' jobs need not wait for it: until it ends, another worker stands in, up to
//!   twice the number of workers that is set. [`Places`] bounds what tenants with slow components, and each tenant, get of them.
//! - Its component has computed for long, so its thread has the lowest priority now, and an unprivileged thread cannot raise its
//!   priority again.
//! - It does not come back, as the [watchdog](crate::jobs::watchdog) noticed.
//!
//! A replaced worker finishes its job and ends.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::field::display;

use crate::jobs::Service;
use crate::jobs::host_watch::{HostWatch, Phase};
use crate::jobs::watchdog::Subject;
use crate::jobs::worker::WorkerContext;
use crate::jobs::worker::committer::Committer;
use crate::jobs::worker::job_run::JobRun;
use crate::jobs::worker::levels::{ClaimAttempt, claim_attempts};
use crate::jobs::worker::places::{Place, Places};
use crate::metrics::METRICS;
use crate::sandbox::{LOWER_AFTER, has_lowered_priority};
use crate::store::{Claim, StoreError};

/// Time between two polls for jobs that no notification announces, such as a job whose lease ended at another server.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Pause after the store, or the start of a thread, failed.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);
/// Time that a shutdown waits for running batches before it interrupts their components.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time that a shutdown waits for the interrupted workers.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time between two checks of a shutdown whether the workers have ended.
const SHUTDOWN_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Time after which the worker of a stopped job is replaced. A component that can be interrupted comes back within one tick of
/// the engine epoch, which is less.
const STOP_TIMEOUT: Duration = Duration::from_millis(8);

/// The worker threads, which run until [`Self::stop`].
pub struct WorkerPool {
    pool: Arc<Pool>,
    supervisor: JoinHandle<()>,
}

/// What the workers and the supervisor share.
struct Pool {
    context: Arc<WorkerContext>,
    is_stopping: AtomicBool,
    places: Places,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl WorkerPool {
    /// Starts the number of workers that the service's settings name, and their supervisor.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(service: &Service) -> io::Result<Self> {
        let pool = Arc::new(Pool {
            context: Arc::clone(service.worker_context()),
            is_stopping: AtomicBool::new(false),
            places: Places::new(service.worker_context().settings.workers),
            threads: Mutex::new(Vec::new()),
        });
        for _ in 0..pool.context.settings.workers {
            pool.spawn_worker()?;
        }
        let supervised = Arc::clone(&pool);
        let supervisor =
            thread::Builder::new().name(String::from("supervisor")).spawn(move || supervised.supervise())?;
        Ok(Self { pool, supervisor })
    }

    /// Lets running batches commit, releases their jobs, and ends the threads.
    ///
    /// Components that still run after three seconds are interrupted; the batch that such a component was deciding is
    /// decided again when a worker claims the job. Workers that still compile two seconds later are left behind, and their
    /// jobs go to other servers when the leases end.
    pub fn stop(self) {
        let Self { pool, supervisor } = self;
        pool.is_stopping.store(true, Ordering::Release);
        pool.context.job_wakeup.notify();
        pool.context.running.supervisor_wakeup.notify();
        drop(supervisor.join());
        let threads = std::mem::take(&mut *pool.threads.lock());
        wait_for(&threads, COMMIT_TIMEOUT);
        pool.context.stop_all_jobs();
        wait_for(&threads, INTERRUPT_TIMEOUT);
        for thread in threads {
            if !thread.is_finished() {
                tracing::warn!(
                    event = "worker_abandoned",
                    "a worker is still compiling a component and is left behind"
                );
            } else if thread.join().is_err() {
                tracing::error!(event = "worker_panicked", "a worker panicked");
            }
        }
    }
}

/// Waits until the threads have ended, for at most `timeout`.
fn wait_for(threads: &[JoinHandle<()>], timeout: Duration) {
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline && threads.iter().any(|thread| !thread.is_finished()) {
        thread::sleep(SHUTDOWN_POLL_INTERVAL);
    }
}

impl Pool {
    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    fn spawn_worker(self: &Arc<Self>) -> io::Result<()> {
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.is_finished());
        let pool = Arc::clone(self);
        let committer = Committer::start(Arc::clone(self.context.store()))?;
        threads.push(thread::Builder::new().name(String::from("worker")).spawn(move || pool.work(&committer))?);
        Ok(())
    }

    /// Starts a worker in place of each one that was replaced, until the pool stops.
    fn supervise(self: &Arc<Self>) {
        let running = &self.context.running;
        // Replaced workers for which no thread could be started yet.
        let mut missing = 0;
        let mut seen = running.supervisor_wakeup.generation();
        while !self.is_stopping() {
            if running.is_any_stopping() {
                thread::sleep(STOP_TIMEOUT / 4);
            } else if missing == 0 {
                let pause = if running.is_any_not_replaced() { LOWER_AFTER / 2 } else { POLL_INTERVAL };
                running.supervisor_wakeup.wait(seen, pause);
            }
            // Before looking, so that a notification that arrives meanwhile ends the next wait at once.
            seen = running.supervisor_wakeup.generation();
            for (job, waited) in running.take_overdue(STOP_TIMEOUT, self.free_places(4)) {
                let replaced_after_us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
                tracing::info!(
                    event = "worker_replaced",
                    %job,
                    trace_id = running.trace_of(job).map(display),
                    replaced_after_us,
                    "a component did not stop in time; another worker is started"
                );
                missing += 1;
            }
            for job in running.take_detached(self.free_places(2).saturating_sub(missing)) {
                let trace_id = running.trace_of(job).map(display);
                tracing::info!(event = "worker_compiling", %job, trace_id, "a worker compiles a component; another worker is started");
                missing += 1;
            }
            for job in running.take_computing(LOWER_AFTER, self.free_places(2).saturating_sub(missing)) {
                let trace_id = running.trace_of(job).map(display);
                tracing::debug!(event = "worker_computing", %job, trace_id, "a component computes for long; another worker is started");
                missing += 1;
            }
            missing += running.take_requested_workers();
            while missing > 0 {
                if let Err(error) = self.spawn_worker() {
                    tracing::error!(event = "worker_not_started", %error, "the system gave no thread for a worker");
                    thread::sleep(FAILURE_PAUSE);
                    break;
                }
                missing -= 1;
            }
        }
    }

    /// Returns how many more workers may run, of at most `times` the number that is set. Stalled ones do not count.
    fn free_places(&self, times: usize) -> usize {
        let threads = self.threads.lock().iter().filter(|thread| !thread.is_finished()).count();
        let workers = threads.saturating_sub(self.context.decider.watchdog.stalled_workers());
        (self.context.settings.workers * times).saturating_sub(workers)
    }

    /// Claims and runs jobs until the pool stops or this worker is replaced.
    fn work(&self, committer: &Committer) {
        let context = &self.context;
        let watched = context.decider.watchdog.watch_worker();
        let watch = watched.marks();
        while !self.is_stopping() && !watch.is_replaced() {
            let seen = context.job_wakeup.generation();
            let requested_at = Instant::now();
            match self.claim(watch) {
                Ok(Some((claim, _place))) => {
                    context.store_outage.succeeded();
                    watched.set_subject(Some(Subject { tenant: claim.tenant_name.clone(), job: Some(claim.job) }));
                    self.run(committer, &Arc::new(claim), requested_at, watch);
                    watched.set_subject(None);
                    if !watch.is_replaced() && has_lowered_priority() {
                        // The supervisor starts the replacement, as a new thread inherits the priority of the thread that
                        // starts it.
                        context.running.request_worker();
                        break;
                    }
                }
                Ok(None) => {
                    watch.idle();
                    context.store_outage.succeeded();
                    context.job_wakeup.wait(seen, POLL_INTERVAL);
                }
                Err(error) => {
                    watch.idle();
                    context.store_outage.failed("look for jobs", &error);
                    context.job_wakeup.wait(seen, FAILURE_PAUSE);
                }
            }
        }
        // The worker that stands in may wait already, and now there is a place or a job of a tenant that may run no more jobs.
        context.job_wakeup.notify();
    }

    /// Claims the first job of a tenant that used little lately, or else a job for which there is a place. Returns it with the
    /// right to run it.
    fn claim(&self, watch: &HostWatch) -> Result<Option<(Claim, Place<'_>)>, StoreError> {
        let context = &self.context;
        let stalled = context.decider.watchdog.stalled_workers();
        let (busy, has_room) = (self.places.busy_tenants(), self.places.has_room_for_further(stalled));
        for ClaimAttempt { passing_over, needs_place } in claim_attempts(&context.decider.tenant_time, &busy, has_room)
        {
            if needs_place && !self.places.has_free(stalled) {
                break;
            }
            let _claiming = watch.enter(Phase::Claim);
            let started = Instant::now();
            let claim = context.store().claim(context.settings.lease, &passing_over)?;
            METRICS.jobs.claimed(started.elapsed());
            let Some(claim) = claim else { continue };
            // Another worker may have taken the place, or claimed a job of the same tenant, since.
            match self.places.begin(claim.tenant, needs_place, stalled) {
                Some(place) => return Ok(Some((claim, place))),
                None => context.give_back(claim),
            }
            return Ok(None);
        }
        Ok(None)
    }

    fn run(&self, committer: &Committer, claim: &Arc<Claim>, requested_at: Instant, watch: &HostWatch) {
        let run = JobRun::new(&self.context, committer, claim, requested_at, watch, (&self.is_stopping, &self.places));
        // A bug must cost the lease of one job, and not a worker.
        if catch_unwind(AssertUnwindSafe(|| run.run())).is_err() {
            tracing::error!(
                event = "job_panicked",
                tenant = claim.tenant_name,
                job = %claim.job,
                trace_id = claim.trace.map(|request| display(request.trace())),
                "a worker panicked over a job"
            );
        }
        watch.idle();
    }
}
