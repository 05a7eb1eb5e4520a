//! The threads that work on jobs.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Service;
use super::runner::Runner;

/// How often a worker looks for jobs that nobody rang for: those of an expired lease, or accepted by another process.
const POLL: Duration = Duration::from_millis(500);
/// How long to leave the store alone after it failed.
const BACK_OFF: Duration = Duration::from_millis(500);
/// How long a shutdown waits for running batches before it interrupts their guests.
const GRACE: Duration = Duration::from_secs(3);

/// The worker threads, running until [`Self::stop`].
pub struct Workers {
    service: Arc<Service>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts as many workers as the settings say.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(service: &Arc<Service>) -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for number in 0..service.settings.workers {
            let (service, stopping) = (Arc::clone(service), Arc::clone(&stopping));
            threads.push(
                thread::Builder::new().name(format!("worker-{number}")).spawn(move || work(&service, &stopping))?,
            );
        }
        Ok(Self { service: Arc::clone(service), stopping, threads })
    }

    /// Lets running batches commit, gives their jobs back to the queue, and ends the threads. Guests that are still
    /// running after three seconds are interrupted; what they did not finish is done again after the next start.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        self.service.bell.ring();
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && self.threads.iter().any(|thread| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(5));
        }
        self.service.interrupt_all();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker panicked");
            }
        }
    }
}

fn work(service: &Service, stopping: &AtomicBool) {
    while !stopping.load(Ordering::Acquire) {
        let heard = service.bell.heard();
        match service.store.claim(service.settings.lease) {
            Ok(Some(claim)) => {
                // A bug in here must cost one job's lease, not a worker.
                let run = AssertUnwindSafe(|| Runner::new(service, &claim, stopping).run());
                if catch_unwind(run).is_err() {
                    tracing::error!(tenant = claim.tenant_name, job = %claim.job, "working on a job panicked");
                }
            }
            Ok(None) => service.bell.wait(heard, POLL),
            Err(error) => {
                tracing::error!(%error, "cannot look for jobs");
                service.bell.wait(heard, BACK_OFF);
            }
        }
    }
}
