//! The limits of one running component, and the bookkeeping that enforces them.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::guest_memory::{MemoryShare, NoMemory};
use crate::domain::TenantId;
use crate::tenants::TenantLimits;

/// Bytes kept of what one instance prints.
const MAX_OUTPUT_BYTES: usize = 4 << 10;

/// Bytes of one element of a table.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// Limits of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The tenant from whose share the instance takes memory; `None` for operators, who try components.
    pub tenant: Option<TenantId>,
    /// Bytes of all linear memories together.
    pub memory: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Time that one call may take, without the time for its items.
    pub call_time: Duration,
    /// Time that one call may take in addition for each of its items.
    pub item_time: Duration,
    /// Bytes that one reply may take on the host.
    pub reply: usize,
    /// Bytes kept of what the guest prints.
    pub output: usize,
    /// Objections of a validator to one item.
    pub objections: usize,
    /// Bytes of one objection's message.
    pub objection_bytes: usize,
    /// Whether a long call lowers the thread's priority. Set it only for threads that can be replaced, because a thread cannot
    /// raise its priority again.
    pub lowers_priority: bool,
}

/// The instance is an operator's, and the thread keeps its priority; a caller may change both.
impl From<&TenantLimits> for Limits {
    fn from(limits: &TenantLimits) -> Self {
        let bytes = |mib: u64| usize::try_from(mib << 20).unwrap_or(usize::MAX);
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            tenant: None,
            memory: bytes(limits.memory_mib),
            table_elements: count(limits.table_elements),
            call_time: Duration::from_millis(limits.call_millis),
            item_time: Duration::from_millis(limits.item_millis),
            reply: bytes(limits.reply_mib),
            output: MAX_OUTPUT_BYTES,
            objections: count(limits.objections),
            objection_bytes: count(limits.objection_bytes),
            lowers_priority: false,
        }
    }
}

/// Limits the sum of all memories of a store; wasmtime's own limiter looks at each memory alone. The limiter
/// records a refusal of memory, because the trap of a guest that got no memory looks like any other trap.
#[derive(Debug)]
pub(super) struct Limiter {
    share: MemoryShare,
    memory_left: usize,
    memory_taken: usize,
    table_elements: usize,
    refused_memory: bool,
    lacked_room: bool,
}

/// Other tenants' guests have all memory.
#[derive(Debug, thiserror::Error)]
#[error("the guests of other tenants have all memory that is set aside for guests (--guest-memory)")]
struct NoRoom;

impl Limiter {
    pub(super) fn new(limits: &Limits, share: MemoryShare) -> Self {
        Self {
            share,
            memory_left: limits.memory,
            memory_taken: 0,
            table_elements: limits.table_elements,
            refused_memory: false,
            lacked_room: false,
        }
    }

    /// Takes memory from the tenant's share. Returns whether the tenant has as much.
    ///
    /// # Errors
    /// If other tenants have what is left. The guest must not go on then, because it is not to blame.
    fn take(&mut self, more: usize) -> Result<bool, wasmtime::Error> {
        match self.share.take(more) {
            Ok(()) => Ok(true),
            Err(NoMemory::Tenant) => Ok(false),
            Err(NoMemory::Others) => {
                self.lacked_room = true;
                Err(NoRoom.into())
            }
        }
    }

    /// Returns the bytes of all memories. They never shrink, so it is also the maximum so far.
    pub(super) fn taken(&self) -> usize {
        self.memory_taken
    }

    /// Returns whether the guest was refused memory by its own or its tenant's limit.
    pub(super) fn refused_memory(&self) -> bool {
        self.refused_memory
    }

    /// Returns whether the guest was stopped because other tenants have all memory.
    pub(super) fn lacked_room(&self) -> bool {
        self.lacked_room
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let more = desired.saturating_sub(current);
        if maximum.is_some_and(|maximum| desired > maximum) || more > self.memory_left || !self.take(more)? {
            self.refused_memory = true;
            return Ok(false);
        }
        self.memory_left -= more;
        self.memory_taken += more;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let is_allowed = desired <= self.table_elements && maximum.is_none_or(|maximum| desired <= maximum);
        Ok(is_allowed && self.take(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES))?)
    }
}

#[cfg(test)]
mod tests {
    use bulkhead_bounds::{MAX_OBJECTION_BYTES, MAX_OBJECTIONS_PER_ITEM};
    use wasmtime::ResourceLimiter;

    use super::{Limiter, Limits};
    use crate::domain::TenantId;
    use crate::sandbox::guest_memory::GuestMemory;
    use crate::tenants::TenantLimits;

    #[test]
    fn without_settings_a_tenant_has_the_bounds_of_the_contract() {
        let limits = Limits::from(&TenantLimits::default());
        assert_eq!((limits.objections, limits.objection_bytes), (MAX_OBJECTIONS_PER_ITEM, MAX_OBJECTION_BYTES));
    }

    #[test]
    fn all_memories_count_together_and_a_refusal_is_remembered() {
        let limits = Limits { memory: 100, ..Limits::from(&TenantLimits::default()) };
        let mut limiter = Limiter::new(&limits, GuestMemory::new(1_000, 1).share(None));
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(!limiter.refused_memory());
        assert!(!limiter.memory_growing(40, 41, None).unwrap());
        assert!(limiter.refused_memory());
        assert_eq!(limiter.taken(), 100);
    }

    #[test]
    fn a_guest_is_not_blamed_for_what_other_tenants_have() {
        let limits = Limits::from(&TenantLimits::default());
        // Nothing is kept for instances, because there are so many.
        let memory = GuestMemory::new(1_000, 1_000);
        let limiter = |tenant| Limiter::new(&limits, memory.share(Some(TenantId(tenant))));
        let [mut first, mut second, mut third] = [1, 2, 3].map(limiter);
        assert!(first.memory_growing(0, 500, None).unwrap() && second.memory_growing(0, 500, None).unwrap());
        assert!(!first.memory_growing(500, 501, None).unwrap() && first.refused_memory());
        assert!(third.memory_growing(0, 1, None).is_err());
        assert!(third.lacked_room() && !third.refused_memory());
        drop(first);
        assert!(third.table_growing(0, 10, None).unwrap());
    }
}
