//! The memory of all guests together. Each instance has a first part of its own, which is always there; beyond it, all tenants
//! share the rest, and none takes more than half of it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::TenantId;

/// Bytes that are kept for each instance, if there are enough. For a chunk, the default component takes 3 to 6 MiB, and a small
/// component with a Python interpreter 13 MiB.
const OWN_BYTES: usize = 32 << 20;

/// The memory that all instances share. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct GuestMemory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Bytes that are kept for each instance.
    own: usize,
    /// Bytes that all instances together may take beyond their own.
    common: usize,
    /// Bytes of the common memory that all instances of one tenant may take.
    tenant: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    common: usize,
    tenants: HashMap<Option<TenantId>, usize>,
}

/// Why an instance gets no more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoMemory {
    /// Its tenant has its share.
    Tenant,
    /// Other tenants have the rest.
    Others,
}

impl GuestMemory {
    /// Sets aside `bytes` for `instances` instances.
    pub(super) fn new(bytes: usize, instances: u32) -> Self {
        let instances = usize::try_from(instances).unwrap_or(usize::MAX).max(1);
        let own = OWN_BYTES.min(bytes / 2 / instances);
        let common = bytes.saturating_sub(own.saturating_mul(instances));
        Self(Arc::new(Shared { own, common, tenant: common / 2, taken: Mutex::default() }))
    }

    /// Returns the share of a new instance. `None` stands for operators, who try components.
    pub(super) fn share(&self, tenant: Option<TenantId>) -> MemoryShare {
        MemoryShare { memory: self.clone(), tenant, taken: 0 }
    }
}

/// What one instance has taken. Given back when this is dropped.
#[derive(Debug)]
pub(super) struct MemoryShare {
    memory: GuestMemory,
    tenant: Option<TenantId>,
    taken: usize,
}

impl MemoryShare {
    /// Takes `more` bytes.
    ///
    /// # Errors
    /// If they are not there. Nothing is taken then.
    pub(super) fn take(&mut self, more: usize) -> Result<(), NoMemory> {
        let Shared { own, common, tenant, taken } = &*self.memory.0;
        let after = self.taken.saturating_add(more);
        let from_common = after.saturating_sub(*own) - self.taken.saturating_sub(*own);
        let mut taken = taken.lock();
        let of_tenant = taken.tenants.get(&self.tenant).copied().unwrap_or(0);
        if from_common > 0 {
            if of_tenant.saturating_add(from_common) > *tenant {
                return Err(NoMemory::Tenant);
            }
            if taken.common.saturating_add(from_common) > *common {
                return Err(NoMemory::Others);
            }
            taken.common += from_common;
            taken.tenants.insert(self.tenant, of_tenant + from_common);
        }
        self.taken = after;
        Ok(())
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        let Shared { own, taken, .. } = &*self.memory.0;
        let from_common = self.taken.saturating_sub(*own);
        let mut taken = taken.lock();
        taken.common = taken.common.saturating_sub(from_common);
        let of_tenant = taken.tenants.get(&self.tenant).copied().unwrap_or(0).saturating_sub(from_common);
        if of_tenant == 0 {
            taken.tenants.remove(&self.tenant);
        } else {
            taken.tenants.insert(self.tenant, of_tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{GuestMemory, NoMemory, OWN_BYTES};
    use crate::domain::TenantId;

    const MIB: usize = 1 << 20;

    #[test]
    fn a_tenant_gets_half_of_what_is_common_and_small_guests_always_find_room() {
        // 32 MiB for each of 8 instances, and 768 MiB for all.
        let memory = GuestMemory::new(1_024 * MIB, 8);
        let [mut first, mut second, mut third] = [1, 2, 3].map(|tenant| memory.share(Some(TenantId(tenant))));
        assert_eq!(first.take(384 * MIB + OWN_BYTES + 1), Err(NoMemory::Tenant));
        first.take(384 * MIB + OWN_BYTES).unwrap();
        second.take(374 * MIB + OWN_BYTES).unwrap();
        assert_eq!(third.take(10 * MIB + OWN_BYTES + 1), Err(NoMemory::Others));
        third.take(10 * MIB + OWN_BYTES).unwrap();
        let mut again = memory.share(Some(TenantId(1)));
        again.take(OWN_BYTES).unwrap();
        assert_eq!(again.take(1), Err(NoMemory::Tenant));
        drop(first);
        again.take(384 * MIB).unwrap();
    }

    #[test]
    fn what_many_instances_keep_is_at_most_half() {
        let memory = GuestMemory::new(1_024 * MIB, 1_000);
        let shares: Vec<_> = (0..1_000)
            .map(|tenant| {
                let mut share = memory.share(Some(TenantId(tenant)));
                share.take(512 * 1_024).unwrap();
                share
            })
            .collect();
        assert_eq!(memory.0.taken.lock().common, 0);
        drop(shares);
    }

    proptest! {
        #[test]
        fn everything_is_given_back_once(takes: Vec<(i64, usize)>) {
            let memory = GuestMemory::new(1_024 * MIB, 28);
            let mut shares: Vec<_> = (0..7).map(|n| memory.share((n > 0).then_some(TenantId(n % 3)))).collect();
            for (which, bytes) in takes {
                let which = usize::try_from(which.rem_euclid(7)).unwrap();
                let _ = shares[which].take(bytes % (300 * MIB));
            }
            let sum: usize = shares.iter().map(|share| share.taken.saturating_sub(memory.0.own)).sum();
            prop_assert_eq!(memory.0.taken.lock().common, sum);
            prop_assert_eq!(memory.0.taken.lock().tenants.values().sum::<usize>(), sum);
            drop(shares);
            let taken = memory.0.taken.lock();
            prop_assert_eq!((taken.common, taken.tenants.len()), (0, 0));
        }
    }
}
