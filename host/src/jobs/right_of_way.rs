//! The right of way: the last resort of a request whose contacts keep changing.
//!
//! A request reads contacts, has a component decide, and commits only if nobody changed these contacts meanwhile. Where many
//! requests want the same contacts, one of them can lose that race again and again. After a few conflicts it takes the right of
//! way of its tenant. While it has the right, the tenant's other requests on this server wait before they commit, so it reads,
//! decides and commits undisturbed, however many they are. Requests get the right in the order in which they ask for it.
//!
//! A component runs while a request has the right, so the right is no lock of the store, and nobody relies on it: the commit
//! checks versions as ever. Each wait is bounded. Whoever waited long enough goes on without, which costs another request a
//! conflict at most. Other servers of the same database do not know the right: there, as many requests compete as there are
//! servers.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::domain::TenantId;

/// How long a request waits for the right: as long as many requests with usual components need.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a commit waits for the requests that asked for the right before it.
const COMMIT_PATIENCE: Duration = Duration::from_millis(500);
/// Time after which a request gives the right back if it meets another conflict.
const MAX_TIME: Duration = Duration::from_secs(1);

/// The right of way of each tenant. There is nothing here of a tenant whose requests meet no conflicts.
#[derive(Debug, Default)]
pub(super) struct RightsOfWay {
    queues: Mutex<Queues>,
    /// Notified when somebody leaves a queue.
    left: Condvar,
}

#[derive(Debug, Default)]
struct Queues {
    /// For each tenant, the request that has the right, and those that wait for it.
    tenants: HashMap<TenantId, VecDeque<Ticket>>,
    next: u64,
}

/// The place of a request in its tenant's queue. A later ticket is larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket(u64);

/// A tenant's right of way, which the request gives back when this is dropped.
#[derive(Debug)]
pub(super) struct RightOfWay<'a> {
    rights: &'a RightsOfWay,
    tenant: TenantId,
    ticket: Ticket,
    began_at: Instant,
}

impl RightsOfWay {
    /// Waits for the tenant's right of way. Returns `None` if the requests before this one took too long.
    pub(super) fn take(&self, tenant: TenantId) -> Option<RightOfWay<'_>> {
        self.take_within(PATIENCE, tenant)
    }

    fn take_within(&self, patience: Duration, tenant: TenantId) -> Option<RightOfWay<'_>> {
        let mut queues = self.queues.lock();
        let ticket = queues.add(tenant);
        self.left.wait_while_for(&mut queues, |queues| queues.first(tenant) != Some(ticket), patience);
        let has_right = queues.first(tenant) == Some(ticket);
        drop(queues);
        // Leaves the queue when it is dropped.
        let right = RightOfWay { rights: self, tenant, ticket, began_at: Instant::now() };
        has_right.then_some(right)
    }

    /// Waits for the tenant's requests that have asked for the right of way, unless they take too long. Called before each write
    /// of a request that does not have the right itself.
    pub(super) fn yield_to_others(&self, tenant: TenantId) {
        let last = self.queues.lock().last(tenant);
        if let Some(last) = last {
            self.wait_until_after(last, tenant, COMMIT_PATIENCE);
        }
    }

    /// Waits until the request with this ticket has given the right back, for at most `patience`.
    fn wait_until_after(&self, last: Ticket, tenant: TenantId, patience: Duration) {
        let is_before = |queues: &mut Queues| queues.first(tenant).is_some_and(|first| first <= last);
        self.left.wait_while_for(&mut self.queues.lock(), is_before, patience);
    }
}

impl Queues {
    fn add(&mut self, tenant: TenantId) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.tenants.entry(tenant).or_default().push_back(ticket);
        ticket
    }

    fn first(&self, tenant: TenantId) -> Option<Ticket> {
        self.tenants.get(&tenant).and_then(VecDeque::front).copied()
    }

    fn last(&self, tenant: TenantId) -> Option<Ticket> {
        self.tenants.get(&tenant).and_then(VecDeque::back).copied()
    }
}

impl RightOfWay<'_> {
    /// Returns whether the request has had the right for so long that others should get it.
    pub(super) fn is_over(&self) -> bool {
        self.began_at.elapsed() >= MAX_TIME
    }
}

impl Drop for RightOfWay<'_> {
    fn drop(&mut self) {
        let mut queues = self.rights.queues.lock();
        if let Some(queue) = queues.tenants.get_mut(&self.tenant) {
            queue.retain(|ticket| *ticket != self.ticket);
            if queue.is_empty() {
                queues.tenants.remove(&self.tenant);
            }
        }
        self.rights.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::RightsOfWay;
    use crate::domain::TenantId;

    const ACME: TenantId = TenantId(1);
    const OTHER: TenantId = TenantId(2);
    const HOUR: Duration = Duration::from_secs(3_600);

    /// Waits until the tenant's queue has this many places.
    fn wait_for_places(rights: &RightsOfWay, count: usize) {
        while rights.queues.lock().tenants.get(&ACME).map_or(0, |queue| queue.len()) != count {
            thread::yield_now();
        }
    }

    #[test]
    fn one_request_at_a_time_has_the_right_in_the_order_of_asking() {
        let rights = RightsOfWay::default();
        let (sender, order) = mpsc::channel();
        let first = rights.take(ACME).unwrap();
        thread::scope(|scope| {
            for number in 0..4 {
                let (rights, sender) = (&rights, sender.clone());
                scope.spawn(move || {
                    let right = rights.take_within(HOUR, ACME).unwrap();
                    sender.send(number).unwrap();
                    drop(right);
                });
                wait_for_places(rights, 2 + number);
            }
            drop(rights.take(OTHER).unwrap());
            assert!(order.try_recv().is_err());
            drop(first);
        });
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(rights.queues.lock().tenants.is_empty());
    }

    #[test]
    fn a_commit_waits_for_the_requests_that_asked_before_it_alone() {
        let rights = RightsOfWay::default();
        assert_eq!(rights.queues.lock().last(ACME), None, "no commit waits");
        let first = rights.take(ACME).unwrap();
        let last = rights.queues.lock().last(ACME).unwrap();
        assert_eq!(rights.queues.lock().last(OTHER), None, "no commit of another tenant waits");
        let (began_at, patience) = (Instant::now(), Duration::from_millis(5));
        rights.wait_until_after(last, ACME, patience);
        assert!(began_at.elapsed() >= patience);
        drop(first);
        let later = rights.take(ACME).unwrap();
        rights.wait_until_after(last, ACME, HOUR);
        drop(later);
    }

    #[test]
    fn whoever_waited_long_enough_goes_on_without_the_right() {
        let rights = RightsOfWay::default();
        let first = rights.take(ACME).unwrap();
        assert!(rights.take_within(Duration::ZERO, ACME).is_none());
        assert_eq!(rights.queues.lock().tenants[&ACME].len(), 1, "its place is free again");
        drop(first);
        assert!(rights.take_within(Duration::ZERO, ACME).is_some());
    }
}
