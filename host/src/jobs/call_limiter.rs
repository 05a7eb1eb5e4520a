//! Limits how many calls run at a time, and of whom. Calls do not wait for jobs, and jobs do not wait for calls.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::ServiceError;
use super::call_places::{Admitted, CallNumber, CallPlaces, Standing};
use super::decide::DeciderContext;
use super::tenant_time::TenantTime;
use super::worker::Committer;
use crate::domain::TenantId;
use crate::sandbox::{LOWER_AFTER, lower_priority_after};

/// How long a call waits for a permit. A light tenant waits for much less, unless more tenants send their first long calls at
/// the same time than there are places for.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for which a call computes at least for its tenant to count as one whose components compute for long: a few times what
/// a usual call takes.
const LONG_CALL: Duration = Duration::from_millis(20);
/// What a tenant computed in such calls lately if it counts as heavy. After a call of two seconds it does so for 40 seconds.
const HEAVY_ABOVE: Duration = Duration::from_millis(100);
/// Time after which a call tries nothing more if other tenants wait.
const PATIENCE_OF_OTHERS: Duration = Duration::from_secs(2);

/// Gives permits to calls: see [`CallPlaces`].
pub(super) struct CallLimiter {
    context: Arc<DeciderContext>,
    places: Mutex<CallPlaces<oneshot::Sender<Permit>>>,
    /// Calls whose threads do not come back and whose places are given to others.
    max_stalled: usize,
    /// What each tenant's components computed lately in calls that took long.
    computed: TenantTime,
}

impl CallLimiter {
    /// Makes the limiter of a server with `workers` workers.
    pub(super) fn new(workers: usize, context: Arc<DeciderContext>) -> Self {
        let places = Mutex::new(CallPlaces::new(workers));
        Self { context, places, max_stalled: workers * 2, computed: TenantTime::default() }
    }

    /// Waits for a permit, without a thread. The call ends when its permit is dropped.
    ///
    /// # Errors
    /// [`ServiceError::NoPermit`] if there is no permit within ten seconds, or too many calls wait.
    pub(super) async fn enter(self: &Arc<Self>, tenant: TenantId) -> Result<Permit, ServiceError> {
        let (sender, permit) = oneshot::channel();
        let displaced = {
            let mut places = self.places.lock();
            places.forget(oneshot::Sender::is_closed);
            places.add(tenant, sender, |tenant| self.standing(tenant))
        };
        // The one who waits for it sees that it is gone.
        drop(displaced);
        self.admit();
        match tokio::time::timeout(PERMIT_TIMEOUT, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(ServiceError::NoPermit),
        }
    }

    /// Gives permits to waiting calls for as long as there are some.
    fn admit(self: &Arc<Self>) {
        loop {
            let admitted = {
                let mut places = self.places.lock();
                places.forget(oneshot::Sender::is_closed);
                places.admit(|tenant| self.standing(tenant))
            };
            let Some(Admitted { number, tenant, is_heavy, waiter }) = admitted else { return };
            let held = Arc::new(Held {
                limiter: Arc::clone(self),
                tenant,
                number,
                is_heavy,
                committer: OnceLock::new(),
                started: Instant::now(),
            });
            // A call that has just given up returns the permit here.
            drop(waiter.send(Permit(held)));
        }
    }

    fn standing(&self, tenant: TenantId) -> Standing {
        let is_heavy = self.computed.of(tenant) >= HEAVY_ABOVE;
        Standing { used: self.context.tenant_time.of(tenant), is_heavy }
    }
}

/// A call's permit to run, until this is dropped.
pub(super) struct Permit(Arc<Held>);

/// A permit that is held.
struct Held {
    limiter: Arc<CallLimiter>,
    tenant: TenantId,
    number: CallNumber,
    is_heavy: bool,
    /// Makes the writes of a call whose thread has a lowered priority.
    committer: OnceLock<Committer>,
    started: Instant,
}

impl Permit {
    /// Runs the call on this thread, which lowers its priority if the components compute for long. In a heavy tenant's call it
    /// lowers its priority as soon as a component is called.
    pub(super) fn run<T>(&self, call: impl FnOnce() -> T) -> T {
        let Held { limiter, tenant, is_heavy, .. } = &*self.0;
        let _time = limiter.context.tenant_time.begin(*tenant);
        let patience = if *is_heavy { Duration::ZERO } else { LOWER_AFTER };
        let held = Arc::clone(&self.0);
        let (result, computed) = lower_priority_after(patience, move || held.becomes_long(), call);
        if computed >= LONG_CALL {
            limiter.computed.add(*tenant, computed);
        }
        result
    }

    /// Returns what gives the call's place to another call, although its thread has not come back, given how many threads of
    /// calls are stalled. Keeps the place if these are too many, as each has a thread.
    pub(super) fn giver(&self) -> impl FnOnce(usize) + Send + use<> {
        let held = Arc::clone(&self.0);
        move |stalled| {
            let Held { limiter, number, .. } = &*held;
            if stalled <= limiter.max_stalled {
                limiter.places.lock().end(*number);
                limiter.admit();
            }
        }
    }

    /// Returns who makes the call's writes to the store, if its thread should not: a thread with a lowered priority would hold
    /// the store's locks for long.
    pub(super) fn committer(&self) -> Option<&Committer> {
        self.0.committer.get()
    }

    /// Returns whether the call should try nothing more, because it has run for long and other tenants wait.
    pub(super) fn should_end(&self) -> bool {
        let Held { limiter, tenant, started, .. } = &*self.0;
        started.elapsed() >= PATIENCE_OF_OTHERS && limiter.places.lock().do_others_wait(*tenant)
    }
}

impl Held {
    fn becomes_long(&self) {
        let limiter = &self.limiter;
        match Committer::start(Arc::clone(&limiter.context.store)) {
            Ok(committer) => drop(self.committer.set(committer)),
            Err(error) => {
                tracing::error!(event = "call_thread_not_started", %error, "the system gave no thread for a call's writes")
            }
        }
        limiter.places.lock().became_long(self.number);
        limiter.admit();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Held { limiter, number, .. } = &*self.0;
        limiter.places.lock().end(*number);
        limiter.admit();
    }
}
