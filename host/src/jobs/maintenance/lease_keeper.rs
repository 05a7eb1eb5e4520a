//! The sign of life of this server, and its ear for what others do to its jobs. While jobs run, their leases are prolonged,
//! however long a component takes; a job that was deleted, or taken over, elsewhere is stopped here; and what could not be
//! given back while the store was away is given back. A job whose lease could not be prolonged is stopped when that is over,
//! by a thread of its own: the store may take long to say that it does not answer.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs::Service;
use crate::jobs::maintenance::task::Chore;
use crate::store::{ClaimId, StoreError};

/// Between two looks at the claims of running jobs. A job that was deleted through another server runs on for about that
/// long; whatever it still decides meanwhile is not committed.
const LOOK: Duration = Duration::from_millis(250);

/// Starts it.
pub(in crate::jobs) fn start(service: &Arc<Service>) -> io::Result<Chore> {
    let mut beat = Beat { service: Arc::clone(service), renewed: Instant::now() };
    Chore::start("heart", move || beat.beat())
}

/// Starts what stops jobs whose leases are over.
pub(in crate::jobs) fn start_watch(service: &Arc<Service>) -> io::Result<Chore> {
    let service = Arc::clone(service);
    Chore::start("watch", move || {
        for job in service.stop_lapsed() {
            tracing::warn!(event = "lease_lost", %job, "a lease is over that could not be prolonged; the job is left to others");
        }
        LOOK
    })
}

struct Beat {
    service: Arc<Service>,
    renewed: Instant,
}

impl Beat {
    fn beat(&mut self) -> Duration {
        let claims = self.service.running.claims();
        match self.ask(&claims) {
            Ok(()) => self.settle(),
            Err(error) => self.service.outage.failed("prolong leases", &error),
        }
        LOOK
    }

    /// Stops those that do not hold any more and prolongs the others.
    fn ask(&mut self, claims: &[ClaimId]) -> Result<(), StoreError> {
        if claims.is_empty() {
            return Ok(());
        }
        let Self { service, renewed, .. } = self;
        let void = service.store.lost_claims(claims)?;
        if !void.is_empty() {
            service.stop_claims(&void);
        }
        let (lease, asked) = (service.settings.lease, Instant::now());
        if renewed.elapsed() >= lease / 3 {
            service.store.renew_claims(claims, lease)?;
            service.running.prolonged(claims, asked);
            *renewed = asked;
        }
        service.outage.answered();
        Ok(())
    }

    /// Gives back what is owed.
    fn settle(&self) {
        let service = &self.service;
        match service.owed.settle(&*service.store) {
            Ok(0) => {}
            Ok(jobs) => {
                tracing::debug!(event = "claims_released", jobs, "what was owed is given back to the queue");
                service.bell.ring();
            }
            Err(error) => service.outage.failed("give jobs back", &error),
        }
    }
}
