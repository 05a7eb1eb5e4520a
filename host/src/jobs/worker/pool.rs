//! The threads that work on jobs.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::jobs::Service;
use crate::jobs::worker::committer::Committer;
use crate::jobs::worker::job_run::Runner;
use crate::sandbox::has_lowered_priority;

/// How often a worker looks for jobs that nobody rang for: those of an expired lease, or accepted by another process.
const POLL: Duration = Duration::from_millis(500);
/// How long to leave the store alone after it failed.
const BACK_OFF: Duration = Duration::from_millis(500);
/// How long a shutdown waits for running batches before it interrupts their guests.
const GRACE: Duration = Duration::from_secs(3);
/// How long it waits for them then.
const LAST: Duration = Duration::from_secs(2);

/// How long after a job was told to stop its component must have come back. It does within a tick of the sandbox's clock,
/// unless it is in a bulk operation on memory, which nothing can interrupt: then another worker takes over, and this one
/// ends when it comes back.
const LATE: Duration = Duration::from_millis(8);

/// The worker threads, running until [`Self::stop`].
pub struct Workers {
    crew: Arc<Crew>,
    foreman: JoinHandle<()>,
}

struct Crew {
    service: Arc<Service>,
    stopping: AtomicBool,
    /// Places of workers that ended because they had given way to others.
    vacated: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// Starts as many workers as the settings say.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(service: &Arc<Service>) -> io::Result<Self> {
        let crew = Arc::new(Crew {
            service: Arc::clone(service),
            stopping: AtomicBool::new(false),
            vacated: AtomicUsize::new(0),
            threads: Mutex::new(Vec::new()),
        });
        for _ in 0..service.settings.workers {
            crew.hire()?;
        }
        let watched = Arc::clone(&crew);
        let foreman = thread::Builder::new().name(String::from("foreman")).spawn(move || watched.watch())?;
        Ok(Self { crew, foreman })
    }

    /// Lets running batches commit, gives their jobs back to the queue, and ends the threads. Guests that are still
    /// running after three seconds are interrupted; what they did not finish is done again after the next start.
    pub fn stop(self) {
        let Self { crew, foreman } = self;
        crew.stopping.store(true, Ordering::Release);
        crew.service.bell.ring();
        crew.service.running.stops.ring();
        drop(foreman.join());
        let threads = std::mem::take(&mut *crew.threads());
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && threads.iter().any(|thread| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(5));
        }
        crew.service.interrupt_jobs();
        // Compiling cannot be interrupted; a job whose worker is at that goes to others when its lease ends.
        let deadline = Instant::now() + LAST;
        while Instant::now() < deadline && threads.iter().any(|thread| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(5));
        }
        for thread in threads {
            if !thread.is_finished() {
                tracing::warn!(event = "worker_abandoned", "a worker is left behind; it is compiling a component");
            } else if thread.join().is_err() {
                tracing::error!(event = "worker_panicked", "a worker panicked");
            }
        }
    }
}

impl Crew {
    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Starts one more worker.
    fn hire(self: &Arc<Self>) -> io::Result<()> {
        let mut threads = self.threads();
        threads.retain(|thread| !thread.is_finished());
        let crew = Arc::clone(self);
        let committer = Committer::start(Arc::clone(&self.service.store))?;
        threads.push(thread::Builder::new().name(String::from("worker")).spawn(move || crew.work(&committer))?);
        Ok(())
    }

    /// Replaces workers who do not come back when their job is stopped.
    fn watch(self: &Arc<Self>) {
        let running = &self.service.running;
        // Places of workers that were replaced and for which there was no thread yet.
        let mut vacant = 0;
        while !self.is_stopping() {
            let heard = running.stops.heard();
            if running.is_any_stopping() {
                thread::sleep(LATE / 4);
            } else if vacant == 0 {
                running.stops.wait(heard, POLL);
            }
            for (job, waited) in running.overdue(LATE) {
                let replaced_after_us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
                tracing::info!(event = "worker_replaced", %job, replaced_after_us, "a stopped job does not come back; another worker takes over");
                vacant += 1;
            }
            for job in running.away(self.room()) {
                tracing::info!(event = "worker_compiling", %job, "a component must be compiled first; another worker takes over");
                vacant += 1;
            }
            vacant += self.vacated.swap(0, Ordering::AcqRel);
            while vacant > 0 {
                if let Err(error) = self.hire() {
                    tracing::error!(event = "worker_not_started", %error, "there is no thread for a worker");
                    thread::sleep(BACK_OFF);
                    break;
                }
                vacant -= 1;
            }
        }
    }

    /// How many more workers there may be than are set: as many again.
    fn room(&self) -> usize {
        let threads = self.threads().iter().filter(|thread| !thread.is_finished()).count();
        (self.service.settings.workers * 2).saturating_sub(threads)
    }

    fn work(&self, committer: &Committer) {
        let service = &self.service;
        while !self.is_stopping() {
            let heard = service.bell.heard();
            let asked = Instant::now();
            match service.store.claim(service.settings.lease) {
                Ok(Some(claim)) => {
                    service.outage.answered();
                    let claim = Arc::new(claim);
                    // A bug in here must cost one job's lease, not a worker.
                    let runner = Runner::new(service, committer, &claim, asked, &self.stopping);
                    let stopper = runner.stopper();
                    if catch_unwind(AssertUnwindSafe(|| runner.run())).is_err() {
                        tracing::error!(event = "job_panicked", tenant = claim.tenant_name, job = %claim.job, "working on a job panicked");
                    }
                    // Somebody else has this place now.
                    if stopper.is_replaced() {
                        return;
                    }
                    if has_lowered_priority() {
                        // Not hired from here: a thread inherits the priority of the one that started it.
                        self.vacated.fetch_add(1, Ordering::AcqRel);
                        service.running.stops.ring();
                        return;
                    }
                }
                Ok(None) => {
                    service.outage.answered();
                    service.bell.wait(heard, POLL);
                }
                Err(error) => {
                    service.outage.failed("look for jobs", &error);
                    service.bell.wait(heard, BACK_OFF);
                }
            }
        }
    }
}
