//! Which calls run and which wait.
//!
//! A call computes for as long as its component likes, within its limits, and nothing takes a thread from it. So the calls of
//! tenants whose components computed for long lately, the *heavy* tenants, have few permits that they cannot exceed, and the
//! calls of the others, the *light* tenants, have permits that heavy tenants cannot take:
//!
//! | Permit | How many for `workers` workers | Of one tenant at most |
//! |---|---|---|
//! | light | 2 × `workers` | `workers` |
//! | moved: given to a light tenant, and the call has computed for long since | 2 × `workers` | `workers` |
//! | heavy | `workers` | half, and all of them if no other heavy tenant wants one |
//!
//! A light permit becomes a moved one as soon as its call has computed for long, so that the light permit is free for another
//! call. If there is no room for one more moved permit, the call keeps its light permit until another moved one ends.
//!
//! Whenever a permit is free, it goes to the tenant that used least of the threads' time lately, whoever came first.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::TenantId;

/// Calls that wait at a time. One more takes the place of a call of the tenant that used most.
const MAX_WAITING: usize = 256;

/// What is known of a tenant that has a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// What the tenant used of the threads' time lately.
    pub(super) used: Duration,
    /// Whether the tenant's components computed for long lately.
    pub(super) is_heavy: bool,
}

/// Identifies a call among those that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CallNumber(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Light,
    Moved,
    Heavy,
}

#[derive(Debug)]
struct Running {
    tenant: TenantId,
    kind: Kind,
    /// Whether the call has computed for long.
    is_long: bool,
}

#[derive(Debug)]
struct Waiting<W> {
    tenant: TenantId,
    waiter: W,
}

/// A call that may run now.
#[derive(Debug)]
pub(super) struct Admitted<W> {
    pub(super) number: CallNumber,
    pub(super) tenant: TenantId,
    /// Whether the permit is a heavy one.
    pub(super) is_heavy: bool,
    pub(super) waiter: W,
}

/// The calls of a server. `W` is what is told when a waiting call may run.
#[derive(Debug)]
pub(super) struct CallPlaces<W> {
    workers: usize,
    running: HashMap<CallNumber, Running>,
    /// In the order of arrival.
    waiting: Vec<Waiting<W>>,
    next: u64,
}

impl<W> CallPlaces<W> {
    /// Makes the places of a server with `workers` workers.
    pub(super) fn new(workers: usize) -> Self {
        Self { workers: workers.max(1), running: HashMap::new(), waiting: Vec::new(), next: 0 }
    }

    /// Adds a call that waits. If too many wait, returns the waiter that has to give up: of the calls of the tenant that used
    /// most, the one that came last. That may be the new one.
    pub(super) fn add(&mut self, tenant: TenantId, waiter: W, standing: impl Fn(TenantId) -> Standing) -> Option<W> {
        self.waiting.push(Waiting { tenant, waiter });
        if self.waiting.len() <= MAX_WAITING {
            return None;
        }
        let used = self.by_tenant(|tenant| standing(tenant).used);
        let used = |tenant: &TenantId| used.get(tenant).copied().unwrap_or_default();
        // Of several, `max_by_key` returns the last, which came last.
        let most = self.waiting.iter().enumerate().max_by_key(|(_, waiting)| (used(&waiting.tenant), waiting.tenant));
        let most = most.map(|(place, _)| place)?;
        Some(self.waiting.remove(most).waiter)
    }

    /// Forgets the calls that do not wait any more.
    pub(super) fn forget(&mut self, has_left: impl Fn(&W) -> bool) {
        self.waiting.retain(|waiting| !has_left(&waiting.waiter));
    }

    /// Returns the next call that may run, which counts as running from now on.
    pub(super) fn admit(&mut self, standing: impl Fn(TenantId) -> Standing) -> Option<Admitted<W>> {
        let standings = self.by_tenant(|tenant| {
            let Standing { used, is_heavy } = standing(tenant);
            Standing { used, is_heavy: is_heavy || self.has_long_call(tenant) }
        });
        let admissible = standings.iter().filter(|(tenant, standing)| self.has_room(**tenant, **standing, &standings));
        let (&tenant, &Standing { is_heavy, .. }) =
            admissible.min_by_key(|(tenant, standing)| (standing.used, self.arrival(**tenant)))?;
        let place = self.arrival(tenant)?;
        let Waiting { waiter, .. } = self.waiting.remove(place);
        let number = CallNumber(self.next);
        self.next += 1;
        let kind = if is_heavy { Kind::Heavy } else { Kind::Light };
        self.running.insert(number, Running { tenant, kind, is_long: false });
        Some(Admitted { number, tenant, is_heavy, waiter })
    }

    /// Notes that a running call has computed for long.
    pub(super) fn became_long(&mut self, number: CallNumber) {
        if let Some(running) = self.running.get_mut(&number) {
            running.is_long = true;
        }
        self.move_long_calls();
    }

    /// Ends a running call.
    pub(super) fn end(&mut self, number: CallNumber) {
        self.running.remove(&number);
        self.move_long_calls();
    }

    /// Returns whether a call of another tenant waits.
    pub(super) fn do_others_wait(&self, tenant: TenantId) -> bool {
        self.waiting.iter().any(|waiting| waiting.tenant != tenant)
    }

    /// Makes light permits of calls that have computed for long moved ones, as many as there is room for.
    fn move_long_calls(&mut self) {
        while self.count(|running| running.kind == Kind::Moved) < self.workers * 2 {
            let is_due = |running: &Running| running.kind == Kind::Light && running.is_long;
            let due = self.running.iter().filter(|(_, running)| is_due(running)).map(|(number, _)| *number).min();
            let Some(running) = due.and_then(|number| self.running.get_mut(&number)) else { return };
            running.kind = Kind::Moved;
        }
    }

    fn has_room(&self, tenant: TenantId, standing: Standing, waiting: &HashMap<TenantId, Standing>) -> bool {
        let kind = if standing.is_heavy { Kind::Heavy } else { Kind::Light };
        let all = self.count(|running| running.kind == kind);
        let own = self.count(|running| running.kind == kind && running.tenant == tenant);
        if kind == Kind::Light {
            return all < self.workers * 2 && own < self.workers;
        }
        let do_others_want_one = own < all || waiting.iter().any(|(other, it)| *other != tenant && it.is_heavy);
        let share = if do_others_want_one { (self.workers / 2).max(1) } else { self.workers };
        all < self.workers && own < share
    }

    fn has_long_call(&self, tenant: TenantId) -> bool {
        self.count(|running| running.is_long && running.tenant == tenant) > 0
    }

    fn count(&self, which: impl Fn(&Running) -> bool) -> usize {
        self.running.values().filter(|running| which(running)).count()
    }

    /// Returns the place of a tenant's first waiting call.
    fn arrival(&self, tenant: TenantId) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.tenant == tenant)
    }

    /// Asks about each tenant that has a waiting call.
    fn by_tenant<T>(&self, ask: impl Fn(TenantId) -> T) -> HashMap<TenantId, T> {
        let mut answers = HashMap::new();
        for Waiting { tenant, .. } in &self.waiting {
            answers.entry(*tenant).or_insert_with(|| ask(*tenant));
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::{Admitted, CallNumber, CallPlaces, MAX_WAITING, Standing};
    use crate::domain::TenantId;

    /// Places for two workers, and what the tenants used. Tenants from 100 on are heavy.
    struct Lane {
        places: CallPlaces<u32>,
        used: HashMap<u32, u64>,
        running: HashMap<u32, CallNumber>,
    }

    fn tenant(number: u32) -> TenantId {
        TenantId(number.into())
    }

    impl Lane {
        fn new(used: &[(u32, u64)]) -> Self {
            Self { places: CallPlaces::new(2), used: used.iter().copied().collect(), running: HashMap::new() }
        }

        fn standing(&self) -> impl Fn(TenantId) -> Standing + use<> {
            let used = self.used.clone();
            move |id| {
                let seconds = used.iter().find(|(number, _)| tenant(**number) == id).map_or(0, |(_, used)| *used);
                Standing { used: Duration::from_secs(seconds), is_heavy: id >= tenant(100) }
            }
        }

        /// Adds calls of a tenant, and returns those that had to give up.
        fn add(&mut self, number: u32, calls: &[u32]) -> Vec<u32> {
            calls.iter().filter_map(|call| self.places.add(tenant(number), *call, self.standing())).collect()
        }

        /// Admits as many calls as there is room for, and returns them in order.
        fn admit(&mut self) -> Vec<u32> {
            let mut admitted = Vec::new();
            while let Some(Admitted { number, waiter, .. }) = self.places.admit(self.standing()) {
                self.running.insert(waiter, number);
                admitted.push(waiter);
            }
            admitted
        }

        fn becomes_long(&mut self, call: u32) -> Vec<u32> {
            self.places.became_long(self.running[&call]);
            self.admit()
        }

        fn ends(&mut self, call: u32) -> Vec<u32> {
            self.places.end(self.running.remove(&call).unwrap());
            self.admit()
        }
    }

    #[test]
    fn a_light_tenant_has_half_of_the_light_permits() {
        let mut lane = Lane::new(&[]);
        lane.add(1, &[10, 11, 12, 13]);
        lane.add(2, &[20, 21, 22]);
        assert_eq!(lane.admit(), [10, 11, 20, 21]);
        assert_eq!(lane.ends(10), [12]);
        assert_eq!(lane.ends(20), [22]);
    }

    #[test]
    fn whoever_used_least_goes_first() {
        let mut lane = Lane::new(&[(1, 5), (2, 3), (3, 0)]);
        lane.add(1, &[10, 11]);
        lane.add(2, &[20, 21]);
        assert_eq!(lane.admit(), [20, 21, 10, 11]);
        lane.add(1, &[12]);
        lane.add(2, &[22]);
        lane.add(3, &[30]);
        assert!(lane.admit().is_empty());
        assert_eq!(lane.ends(10), [30]);
        assert_eq!(lane.ends(11), [12], "tenant 2 has its share");
    }

    #[test]
    fn calls_that_compute_for_long_leave_their_light_permits() {
        let mut lane = Lane::new(&[]);
        lane.add(1, &[10, 11, 12]);
        lane.add(2, &[20, 21, 22]);
        assert_eq!(lane.admit(), [10, 11, 20, 21]);
        // The tenant is heavy from then on, so its next call gets a heavy permit.
        assert_eq!(lane.becomes_long(10), [12]);
        assert_eq!(lane.becomes_long(20), [22]);
        assert!(lane.becomes_long(11).is_empty() && lane.becomes_long(21).is_empty());
        // All four places for moved calls are taken. Other tenants have all four light permits.
        lane.add(3, &[30, 31, 32]);
        lane.add(4, &[40, 41, 42]);
        assert_eq!(lane.admit(), [30, 31, 40, 41]);
        // These keep their light permits, until there is room.
        assert!(lane.becomes_long(30).is_empty() && lane.becomes_long(40).is_empty());
        lane.add(5, &[50]);
        assert!(lane.admit().is_empty());
        assert_eq!(lane.ends(10), [50]);
    }

    #[test]
    fn heavy_tenants_share_the_heavy_permits() {
        let mut lane = Lane::new(&[(100, 1)]);
        lane.add(100, &[1, 2, 3]);
        assert_eq!(lane.admit(), [1, 2], "a heavy tenant alone has all of them");
        lane.add(200, &[4, 5]);
        lane.add(7, &[70]);
        assert_eq!(lane.admit(), [70], "light tenants have permits of their own");
        assert_eq!(lane.ends(1), [4]);
        assert_eq!(lane.ends(2), [3]);
        assert_eq!(lane.ends(3), [5], "nobody else wants one now");
    }

    #[test]
    fn a_call_too_many_takes_the_place_of_one_of_the_tenant_that_used_most() {
        let mut lane = Lane::new(&[(100, 9), (101, 7)]);
        let calls: Vec<u32> = (1_000..).take(MAX_WAITING - 1).collect();
        assert!(lane.add(100, &calls).is_empty());
        assert!(lane.add(101, &[1]).is_empty());
        assert_eq!(lane.add(1, &[10]), calls[calls.len() - 1..]);
        assert_eq!(lane.add(100, &[2]), [2]);
        assert!(lane.places.do_others_wait(tenant(1)));
        lane.places.forget(|_| true);
        assert!(!lane.places.do_others_wait(tenant(1)) && lane.admit().is_empty());
    }
}
