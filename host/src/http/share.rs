//! What one tenant's calls may hold of the threads that block, so that others can always be told who they are and how
//! their jobs stand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use crate::domain::TenantId;

/// Calls of one tenant that run a component, or wait to.
const CALLS: usize = 8;
/// How long a call waits to be one of them.
const PATIENCE: Duration = Duration::from_secs(5);
/// Tenants that are remembered; those without calls are forgotten above it.
const REMEMBERED: usize = 1_024;

/// The shares of all tenants.
#[derive(Default)]
pub(super) struct Shares(Mutex<HashMap<TenantId, Arc<Semaphore>>>);

impl Shares {
    /// Waits until a tenant may call once more.
    ///
    /// # Errors
    /// 503 if that takes too long.
    pub(super) async fn take(&self, tenant: TenantId) -> Result<OwnedSemaphorePermit, Problem> {
        let share = self.share(tenant);
        match tokio::time::timeout(PATIENCE, share.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => {
                Err(Problem::unavailable("Too many requests at once. Nothing was stored; send it again."))
            }
        }
    }

    fn share(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.len() >= REMEMBERED {
            shares.retain(|_, share| Arc::strong_count(share) > 1 || share.available_permits() < CALLS);
        }
        Arc::clone(shares.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(CALLS))))
    }
}
