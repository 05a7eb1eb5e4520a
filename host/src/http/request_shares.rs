//! How many requests each tenant may have in progress, so that tenants cannot keep all connections busy: a tenant may have half
//! of what the requests of other tenants leave.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::TenantId;

/// The part of all requests that every tenant may have, whatever other tenants have.
const GUARANTEED_PART: usize = 64;

/// The requests in progress of all tenants.
#[derive(Debug)]
pub(super) struct RequestShares {
    total: usize,
    taken: Mutex<HashMap<TenantId, usize>>,
}

/// A request in progress, until this is dropped.
#[derive(Debug)]
pub(super) struct RequestShare {
    tenant: TenantId,
    shares: Arc<RequestShares>,
}

impl RequestShares {
    /// Creates shares of `total` requests.
    pub(super) fn new(total: usize) -> Self {
        Self { total, taken: Mutex::default() }
    }

    /// Takes a share for a request; `None` if the tenant has as many as it may.
    pub(super) fn take(self: &Arc<Self>, tenant: TenantId) -> Option<RequestShare> {
        let mut taken = self.taken.lock();
        let own = taken.get(&tenant).copied().unwrap_or(0);
        let others = taken.values().sum::<usize>().saturating_sub(own);
        let guaranteed = (self.total / GUARANTEED_PART).max(1);
        if own >= self.total.saturating_sub(others).div_ceil(2).max(guaranteed) {
            return None;
        }
        taken.insert(tenant, own + 1);
        Some(RequestShare { tenant, shares: Arc::clone(self) })
    }
}

impl Drop for RequestShare {
    fn drop(&mut self) {
        let mut taken = self.shares.taken.lock();
        if let Some(own) = taken.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{RequestShare, RequestShares};
    use crate::domain::TenantId;

    fn take_all(shares: &Arc<RequestShares>, tenant: i64) -> Vec<RequestShare> {
        std::iter::from_fn(|| shares.take(TenantId(tenant))).collect()
    }

    #[test]
    fn each_tenant_leaves_half_to_others() {
        let shares = Arc::new(RequestShares::new(1_024));
        let taken: Vec<_> = (0..8).map(|tenant| take_all(&shares, tenant)).collect();
        assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), [512, 256, 128, 64, 32, 16, 16, 16]);
        drop(taken);
        assert_eq!(take_all(&shares, 9).len(), 512);
        assert!(shares.taken.lock().is_empty());
    }

    #[test]
    fn a_tenant_has_one_of_few() {
        let shares = Arc::new(RequestShares::new(2));
        let first = take_all(&shares, 1);
        assert_eq!((first.len(), take_all(&shares, 2).len()), (1, 1));
    }
}
