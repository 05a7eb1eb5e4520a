//! Renews the leases of running jobs, and stops jobs that this server no longer owns.
//!
//! Leases are renewed however long a component takes. Four times a second the lease keeper asks the store which claims are
//! lost, because a job was deleted through another server or claimed by one, and stops these jobs. It also releases the claims
//! whose release failed before.
//!
//! The store may take long to fail, so a second task, the watch, stops the jobs whose leases end before they could be renewed.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;
use crate::metrics::METRICS;
use crate::store::{ClaimId, StoreError};

/// Time between two checks of the claims. A job that was deleted through another server runs on for about this long, and
/// commits nothing.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Leases are renewed after this fraction of their length, so that two renewals may fail before a lease ends.
const RENEWALS_PER_LEASE: u32 = 3;

/// Starts the lease keeper.
pub(super) fn start(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let mut heartbeat = Heartbeat { context: Arc::clone(context), renewed_at: Instant::now() };
    Task::start("lease-keeper", move || {
        heartbeat.beat();
        CHECK_INTERVAL
    })
}

/// Starts the watch, which stops the jobs whose leases have ended.
pub(super) fn start_watch(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let context = Arc::clone(context);
    Task::start("lease-watch", move || {
        for job in context.stop_lapsed_jobs() {
            METRICS.jobs.leases_lost.inc();
            let trace_id = context.running.trace_of(job).map(tracing::field::display);
            tracing::warn!(event = "lease_lost", %job, trace_id, "a lease ended before it could be renewed; the job is stopped here");
        }
        CHECK_INTERVAL
    })
}

struct Heartbeat {
    context: Arc<WorkerContext>,
    /// When the last renewal was requested.
    renewed_at: Instant,
}

impl Heartbeat {
    fn beat(&mut self) {
        let claims = self.context.running.claims();
        match self.keep(&claims) {
            Ok(()) => self.release_unreleased(),
            Err(error) => self.context.store_outage.failed("renew leases", &error),
        }
    }

    /// Stops the jobs whose claims are lost, and renews the leases of the others if that is due.
    fn keep(&mut self, claims: &[ClaimId]) -> Result<(), StoreError> {
        if claims.is_empty() {
            return Ok(());
        }
        let Self { context, renewed_at } = self;
        let lost = context.store().lost_claims(claims)?;
        if !lost.is_empty() {
            METRICS.jobs.leases_lost.inc_by(lost.len() as u64);
            context.stop_claims(&lost);
        }
        let (lease, requested_at) = (context.settings.lease, Instant::now());
        if renewed_at.elapsed() >= lease / RENEWALS_PER_LEASE {
            context.store().renew_claims(claims, lease)?;
            context.running.leases_renewed(claims, requested_at);
            *renewed_at = requested_at;
        }
        context.store_outage.succeeded();
        Ok(())
    }

    /// Releases the claims whose release failed before.
    fn release_unreleased(&self) {
        let context = &self.context;
        match context.unreleased.release_all(&**context.store()) {
            Ok(0) => {}
            Ok(jobs) => {
                tracing::debug!(event = "claims_released", jobs, "claims released after an outage");
                context.job_wakeup.notify();
            }
            Err(error) => context.store_outage.failed("release jobs", &error),
        }
    }
}
