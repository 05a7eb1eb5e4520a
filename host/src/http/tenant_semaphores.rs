//! Bounds on what one tenant may hold of a resource that all tenants share, so that every tenant can always authenticate,
//! poll its jobs and send requests.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::domain::TenantId;

/// Tenants whose semaphores are kept; above this number, idle semaphores are removed.
const MAX_REMEMBERED_TENANTS: usize = 1_024;

/// A semaphore for each tenant, all with the same number of permits.
#[derive(Debug)]
pub(super) struct TenantSemaphores {
    permits: usize,
    semaphores: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl TenantSemaphores {
    /// Creates semaphores that have `permits` permits each.
    pub(super) fn new(permits: usize) -> Self {
        Self { permits, semaphores: Mutex::default() }
    }

    /// Returns the tenant's semaphore.
    pub(super) fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut semaphores = self.semaphores.lock();
        if semaphores.len() >= MAX_REMEMBERED_TENANTS {
            semaphores.retain(|_, semaphore| {
                Arc::strong_count(semaphore) > 1 || semaphore.available_permits() < self.permits
            });
        }
        Arc::clone(semaphores.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.permits))))
    }
}
