//! Permits of tenants' calls: a tenant has only so many calls at once, and further ones wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use super::tenant_semaphores::TenantSemaphores;
use crate::domain::TenantId;

/// Calls of one tenant that receive their bodies, wait for a permit or run at once; further ones wait.
const MAX_CALLS_PER_TENANT: usize = 8;
/// How long a call waits until it may run.
const CALL_PERMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The permits of all tenants' calls.
#[derive(Debug)]
pub(super) struct CallPermits(TenantSemaphores);

/// The permits of one tenant's calls.
#[derive(Debug, Clone)]
pub(super) struct TenantCallPermits(Arc<Semaphore>);

impl CallPermits {
    pub(super) fn new() -> Self {
        Self(TenantSemaphores::new(MAX_CALLS_PER_TENANT))
    }

    /// Returns the permits of a tenant's calls.
    pub(super) fn of(&self, tenant: TenantId) -> TenantCallPermits {
        TenantCallPermits(self.0.of(tenant))
    }
}

impl TenantCallPermits {
    /// Waits until the tenant may have one more call.
    ///
    /// # Errors
    /// 503 if the tenant has too many calls for too long.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.0).acquire_owned();
        match tokio::time::timeout(CALL_PERMIT_TIMEOUT, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Problem::too_many_calls(MAX_CALLS_PER_TENANT)),
        }
    }
}
