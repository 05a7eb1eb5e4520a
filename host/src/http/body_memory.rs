//! The memory of bodies that are being received or worked on, taken as their bytes arrive.
//!
//! Each body may have [`SMALL_BODY_BYTES`] from a reserve that suffices for all connections, so that a small request never
//! waits for large ones. What a body has beyond that is taken in steps from the memory of all large bodies:
//!
//! - Within a tenant, a large body first gets a claim to all that it may become, in order of arrival. So a tenant's bodies never
//!   wait for each other's next step. A claim is no memory: other tenants do not notice it.
//! - Between tenants there are no claims. When a body has waited a second for its next step, the tenant whose bodies hold most
//!   loses the one that arrives slowest. So two bodies never wait for each other for ever, and who holds much and sends
//!   little makes room for who sends.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{error::Elapsed, timeout};

use super::problem::Problem;
use super::tenant_semaphores::TenantSemaphores;
use crate::domain::TenantId;

/// Bytes that every body may have without waiting.
pub(super) const SMALL_BODY_BYTES: usize = 64 << 10;
/// Bytes of a step of a large body.
const STEP_BYTES: usize = 64 << 10;
/// How long a body waits for its first bytes of memory, for its claim, or for a step.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body waits for a step before another body is given up.
const PATIENCE: Duration = Duration::from_secs(1);

/// The memory of all bodies of a listener.
#[derive(Debug)]
pub(super) struct BodyMemory {
    /// A permit for the first bytes of each body.
    small: Arc<Semaphore>,
    /// The same, for bodies of clients that are not authenticated yet.
    strangers: Arc<Semaphore>,
    small_of_tenant: TenantSemaphores,
    /// A permit for each step of large bodies.
    steps: Arc<Semaphore>,
    all_steps: usize,
    /// What the large bodies of one tenant may become together, in steps.
    claims_of_tenant: TenantSemaphores,
    tenant_steps: usize,
    /// The same, for the bodies of all operators.
    claims_of_others: Arc<Semaphore>,
    large: Mutex<HashMap<u64, Arc<LargeBody>>>,
    next_number: AtomicU64,
}

/// Whose body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Tenant(TenantId),
    /// All operators together.
    Operator,
    /// A client that is not authenticated yet. It cannot send a large body.
    Stranger,
}

/// A body that has more than [`SMALL_BODY_BYTES`].
#[derive(Debug)]
struct LargeBody {
    /// Later bodies have larger numbers.
    number: u64,
    owner: Owner,
    began_at: Instant,
    steps: AtomicUsize,
    /// Whether the body is still being received, so that it can be given up.
    is_arriving: AtomicBool,
    is_given_up: AtomicBool,
    given_up: Arc<Notify>,
}

impl BodyMemory {
    /// Creates the memory of bodies that come over at most `connections` connections at a time, and have `max_body_bytes` each
    /// and `bytes` together, beside the first bytes of each. One body of the largest size always fits, and one tenant gets
    /// half of the memory, but enough for such a body.
    ///
    /// A body that needs more than that, because its decoder needs memory beside it, gets the most there is, as the only one.
    pub(super) fn new(connections: usize, max_body_bytes: usize, bytes: usize) -> Self {
        let steps = |bytes: usize| bytes.max(max_body_bytes).div_ceil(STEP_BYTES);
        let connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            small: Arc::new(Semaphore::new(connections)),
            strangers: Arc::new(Semaphore::new(connections)),
            small_of_tenant: TenantSemaphores::new(connections.div_ceil(2)),
            steps: Arc::new(Semaphore::new(steps(bytes))),
            all_steps: steps(bytes),
            claims_of_tenant: TenantSemaphores::new(steps(bytes / 2)),
            tenant_steps: steps(bytes / 2),
            claims_of_others: Arc::new(Semaphore::new(steps(bytes))),
            large: Mutex::default(),
            next_number: AtomicU64::new(0),
        }
    }

    /// Reserves the first bytes of a body that may become as large as `most_bytes`.
    ///
    /// # Errors
    /// 503 if there is no room for too long: as many bodies as there are connections are already worked on.
    pub(super) async fn begin(self: &Arc<Self>, owner: Owner, most_bytes: usize) -> Result<Reservation, Problem> {
        let reserved = async {
            let (of_owner, all) = match owner {
                Owner::Tenant(tenant) => (Some(self.small_of_tenant.of(tenant).acquire_owned().await?), &self.small),
                Owner::Operator => (None, &self.small),
                Owner::Stranger => (None, &self.strangers),
            };
            let all = Arc::clone(all).acquire_owned().await?;
            Ok(Reservation {
                memory: Arc::clone(self),
                owner,
                most_bytes,
                _small: (of_owner, all),
                claim: None,
                body: None,
                given_up: Arc::default(),
            })
        };
        in_time(timeout(MEMORY_TIMEOUT, reserved).await)
    }

    /// Takes a step for a large body.
    async fn take_step(&self, body: &LargeBody) -> Result<(), Problem> {
        let began_at = Instant::now();
        let mut step = pin!(self.steps.acquire());
        loop {
            match timeout(PATIENCE, &mut step).await {
                Ok(step) => {
                    in_time(Ok(step))?.forget();
                    body.steps.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(_) if began_at.elapsed() < MEMORY_TIMEOUT => self.make_room_for(body),
                Err(_) => return Err(Problem::too_many_large_requests()),
            }
        }
    }

    /// Gives up the slowest body of the owner whose bodies hold most, if that owner is not `waiting`'s. Of two owners that hold
    /// the same, the one whose latest body is younger loses, so that they do not both lose.
    fn make_room_for(&self, waiting: &LargeBody) {
        let large = self.large.lock();
        if self.steps.available_permits() > 0 || large.values().any(|body| body.is_given_up.load(Ordering::Relaxed)) {
            // Another body has returned its memory meanwhile, or is about to.
            return;
        }
        let mut held: HashMap<Owner, (usize, u64)> = HashMap::new();
        for body in large.values() {
            let (steps, latest) = held.entry(body.owner).or_default();
            *steps += body.steps.load(Ordering::Relaxed);
            *latest = body.number.max(*latest);
        }
        let arriving = large.values().filter(|body| body.is_arriving.load(Ordering::Relaxed));
        let most = arriving.clone().map(|body| body.owner).max_by_key(|owner| held.get(owner));
        let Some(most) = most.filter(|owner| *owner != waiting.owner && held.get(owner) > held.get(&waiting.owner))
        else {
            return;
        };
        let victim = arriving.filter(|body| body.owner == most).min_by_key(|body| (body.rate(), Reverse(body.number)));
        if let Some(victim) = victim {
            tracing::info!(
                event = "body_given_up",
                bytes = victim.steps.load(Ordering::Relaxed) * STEP_BYTES,
                seconds = victim.began_at.elapsed().as_secs(),
                "a large body that arrives slowly made room for other tenants' bodies"
            );
            victim.is_given_up.store(true, Ordering::Relaxed);
            victim.given_up.notify_one();
        }
    }
}

impl LargeBody {
    /// Returns the bytes per second at which the body arrived so far, roughly.
    fn rate(&self) -> u128 {
        (self.steps.load(Ordering::Relaxed) * STEP_BYTES) as u128 * 1_000 / self.began_at.elapsed().as_millis().max(1)
    }
}

/// The memory of one body, until this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    memory: Arc<BodyMemory>,
    owner: Owner,
    /// Bytes that the body may become.
    most_bytes: usize,
    _small: (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit),
    claim: Option<OwnedSemaphorePermit>,
    body: Option<Arc<LargeBody>>,
    given_up: Arc<Notify>,
}

impl Reservation {
    /// Returns what is notified when the body is given up in favour of other tenants' bodies.
    pub(super) fn given_up(&self) -> Arc<Notify> {
        Arc::clone(&self.given_up)
    }

    /// Makes room for a body of `bytes` bytes in all; waits if there is none.
    ///
    /// # Errors
    /// 503 if there is no room for too long.
    pub(super) async fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        if bytes <= SMALL_BODY_BYTES {
            return Ok(());
        }
        let body = match &self.body {
            Some(body) => Arc::clone(body),
            None => self.become_large().await?,
        };
        let steps = (bytes - SMALL_BODY_BYTES).div_ceil(STEP_BYTES).min(self.memory.all_steps);
        while body.steps.load(Ordering::Relaxed) < steps {
            self.memory.take_step(&body).await?;
        }
        Ok(())
    }

    /// Gives back what a body of `bytes` bytes in all does not need any more.
    pub(super) fn shrink_to(&self, bytes: usize) {
        let Some(body) = &self.body else { return };
        let steps = bytes.saturating_sub(SMALL_BODY_BYTES).div_ceil(STEP_BYTES);
        let held = body.steps.fetch_min(steps, Ordering::Relaxed);
        self.memory.steps.add_permits(held.saturating_sub(steps));
    }

    /// Gets a claim to what the body may become.
    async fn become_large(&mut self) -> Result<Arc<LargeBody>, Problem> {
        let (claims, all) = match self.owner {
            Owner::Tenant(tenant) => (self.memory.claims_of_tenant.of(tenant), self.memory.tenant_steps),
            Owner::Operator | Owner::Stranger => (Arc::clone(&self.memory.claims_of_others), self.memory.all_steps),
        };
        let steps = self.most_bytes.saturating_sub(SMALL_BODY_BYTES).div_ceil(STEP_BYTES).min(all);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.claim = Some(in_time(timeout(MEMORY_TIMEOUT, claims.acquire_many_owned(steps)).await)?);
        let body = Arc::new(LargeBody {
            number: self.memory.next_number.fetch_add(1, Ordering::Relaxed),
            owner: self.owner,
            began_at: Instant::now(),
            steps: AtomicUsize::new(0),
            is_arriving: AtomicBool::new(true),
            is_given_up: AtomicBool::new(false),
            given_up: Arc::clone(&self.given_up),
        });
        self.memory.large.lock().insert(body.number, Arc::clone(&body));
        self.body = Some(Arc::clone(&body));
        Ok(body)
    }

    /// Ends the time in which the body can be given up: it has arrived.
    pub(super) fn arrived(&self) {
        if let Some(body) = &self.body {
            // Nobody chooses a body to give up meanwhile.
            let _large = self.memory.large.lock();
            body.is_arriving.store(false, Ordering::Relaxed);
            body.is_given_up.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            // In this order, so that no other body is given up in between.
            self.memory.steps.add_permits(body.steps.load(Ordering::Relaxed));
            self.memory.large.lock().remove(&body.number);
        }
    }
}

/// Returns what was waited for, or 503 if it did not come in time.
fn in_time<T>(reserved: Result<Result<T, AcquireError>, Elapsed>) -> Result<T, Problem> {
    match reserved {
        Ok(Ok(reserved)) => Ok(reserved),
        Ok(Err(_)) | Err(_) => Err(Problem::too_many_large_requests()),
    }
}
