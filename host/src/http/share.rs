//! What one tenant may hold of what all share, so that others can always be told who they are and how their jobs stand,
//! and can always send something.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::domain::TenantId;

/// Tenants that are remembered; those that hold nothing are forgotten above it.
const REMEMBERED: usize = 1_024;

/// The shares of all tenants in one thing.
#[derive(Debug)]
pub(super) struct Shares {
    size: usize,
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Shares {
    /// Shares of so many permits each.
    pub(super) fn new(size: usize) -> Self {
        Self { size, tenants: Mutex::default() }
    }

    /// A tenant's share.
    pub(super) fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut shares = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.len() >= REMEMBERED {
            shares.retain(|_, share| Arc::strong_count(share) > 1 || share.available_permits() < self.size);
        }
        Arc::clone(shares.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.size))))
    }
}
