//! Whose body is inflated next, and whose answer is compressed next.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::body_memory::Owner;
use super::tenant_semaphores::TenantSemaphores;

/// The turns of a listener. Bodies and answers take turns of one step, those of a tenant one after another, on at most half of
/// the cores: the runtime's threads have other requests to answer.
#[derive(Debug)]
pub(super) struct CodingTurns {
    cores: Semaphore,
    of_tenant: TenantSemaphores,
    /// The turn of bodies of operators, or of clients that are not authenticated yet.
    of_others: Arc<Semaphore>,
}

/// The right to inflate or compress one step.
#[derive(Debug)]
pub(super) struct CodingTurn<'a> {
    _core: Option<SemaphorePermit<'a>>,
    _owner: Option<OwnedSemaphorePermit>,
}

impl CodingTurns {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            cores: Semaphore::new((cores / 2).max(1)),
            of_tenant: TenantSemaphores::new(1),
            of_others: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self, owner: Owner) -> CodingTurn<'_> {
        let of_owner = match owner {
            Owner::Tenant(tenant) => self.of_tenant.of(tenant),
            Owner::Operator | Owner::Stranger => Arc::clone(&self.of_others),
        };
        // The semaphores are never closed, which would be the only reason for an error.
        let owner = of_owner.acquire_owned().await.ok();
        CodingTurn { _owner: owner, _core: self.cores.acquire().await.ok() }
    }
}
