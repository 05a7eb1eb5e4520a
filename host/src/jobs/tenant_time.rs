//! How much of the threads' time each tenant's requests used lately, on this server.
//!
//! Whoever gives out places to run goes by it: a tenant that used little goes first. Time is counted on the threads that run
//! jobs and calls, whatever they do for the tenant, since a thread is what other tenants wait for. It is forgotten
//! exponentially, so a tenant that gets no place becomes one that used little, and nobody waits for ever.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::TenantId;

/// Time in which half of what a tenant used is forgotten.
const HALF_LIFE: Duration = Duration::from_secs(10);
/// Tenants that are remembered at a time. If there are more, those that used least are forgotten.
const MAX_TENANTS: usize = 4_096;
/// A tenant that used less than this is the same as one that used nothing.
const LEAST_TIME: Duration = Duration::from_millis(1);
/// Tenants that [`TenantTime::above`] returns at most: those that used most.
const MAX_ABOVE: usize = 1_024;

/// What tenants used of the threads' time lately.
#[derive(Debug, Default)]
pub(super) struct TenantTime(Mutex<HashMap<TenantId, Usage>>);

impl TenantTime {
    /// Counts time for a tenant from now until the guard is dropped. The time counts while it passes, so a request that runs
    /// for long makes a difference before it ends.
    pub(super) fn begin(&self, tenant: TenantId) -> TimeInUse<'_> {
        self.change(tenant, Instant::now(), |usage| usage.threads += 1);
        TimeInUse { times: self, tenant }
    }

    /// Counts time for a tenant that has passed already.
    pub(super) fn add(&self, tenant: TenantId, time: Duration) {
        self.change(tenant, Instant::now(), |usage| usage.used += time.as_secs_f64());
    }

    /// Returns what a tenant used lately: all of its threads' time together, of which half is forgotten every ten seconds. One
    /// thread in use for ever comes to about 14 seconds.
    pub(super) fn of(&self, tenant: TenantId) -> Duration {
        self.of_at(tenant, Instant::now())
    }

    /// Returns the tenants that used more than `level` lately, those that used most first, and at most 1,024 of them.
    pub(super) fn above(&self, level: Duration) -> Vec<TenantId> {
        self.above_at(level, Instant::now())
    }

    fn of_at(&self, tenant: TenantId, now: Instant) -> Duration {
        self.0.lock().get(&tenant).map_or(Duration::ZERO, |usage| usage.at(now))
    }

    fn above_at(&self, level: Duration, now: Instant) -> Vec<TenantId> {
        let used = self.0.lock().iter().map(|(tenant, usage)| (usage.at(now), *tenant)).collect::<Vec<_>>();
        let mut above: Vec<_> = used.into_iter().filter(|(used, _)| *used > level).collect();
        above.sort_unstable_by(|left, right| right.cmp(left));
        above.into_iter().take(MAX_ABOVE).map(|(_, tenant)| tenant).collect()
    }

    fn change(&self, tenant: TenantId, now: Instant, change: impl FnOnce(&mut Usage)) {
        let mut tenants = self.0.lock();
        if tenants.len() >= MAX_TENANTS && !tenants.contains_key(&tenant) {
            forget_some(&mut tenants, now);
        }
        let usage = tenants.entry(tenant).or_insert_with(|| Usage { used: 0.0, threads: 0, counted_at: now });
        usage.count_until(now);
        change(usage);
    }
}

/// Forgets the tenants that used next to nothing, or else the half that used least. Keeps those that use threads now.
fn forget_some(tenants: &mut HashMap<TenantId, Usage>, now: Instant) {
    tenants.retain(|_, usage| usage.threads > 0 || usage.at(now) >= LEAST_TIME);
    if tenants.len() < MAX_TENANTS {
        return;
    }
    let mut used: Vec<Duration> = tenants.values().map(|usage| usage.at(now)).collect();
    let middle = used.len() / 2;
    let (_, median, _) = used.select_nth_unstable(middle);
    let median = *median;
    tenants.retain(|_, usage| usage.threads > 0 || usage.at(now) > median);
}

/// A thread works for a tenant while this lives.
#[derive(Debug)]
pub(super) struct TimeInUse<'a> {
    times: &'a TenantTime,
    tenant: TenantId,
}

impl Drop for TimeInUse<'_> {
    fn drop(&mut self) {
        self.times.change(self.tenant, Instant::now(), |usage| usage.threads = usage.threads.saturating_sub(1));
    }
}

/// What one tenant used.
#[derive(Debug)]
struct Usage {
    /// Seconds, as of `counted_at`.
    used: f64,
    /// Threads that work for the tenant since `counted_at`.
    threads: u32,
    counted_at: Instant,
}

impl Usage {
    fn seconds_at(&self, now: Instant) -> f64 {
        let mean_life = HALF_LIFE.as_secs_f64() / std::f64::consts::LN_2;
        let passed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        let kept = (-passed / mean_life).exp();
        self.used * kept + f64::from(self.threads) * mean_life * (1.0 - kept)
    }

    fn at(&self, now: Instant) -> Duration {
        Duration::try_from_secs_f64(self.seconds_at(now)).unwrap_or(Duration::MAX)
    }

    fn count_until(&mut self, now: Instant) {
        self.used = self.seconds_at(now);
        self.counted_at = self.counted_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{HALF_LIFE, MAX_ABOVE, MAX_TENANTS, TenantTime};
    use crate::domain::TenantId;

    const ONE: TenantId = TenantId(1);
    const TWO: TenantId = TenantId(2);
    const SECOND: Duration = Duration::from_secs(1);

    /// Uses `threads` threads for a tenant from `begin` for `time`.
    fn use_threads(times: &TenantTime, tenant: TenantId, threads: u32, begin: Instant, time: Duration) {
        times.change(tenant, begin, |usage| usage.threads += threads);
        times.change(tenant, begin + time, |usage| usage.threads -= threads);
    }

    fn is_about(found: Duration, expected: Duration) -> bool {
        found.abs_diff(expected) <= expected / 20
    }

    #[test]
    fn time_counts_while_it_passes_and_is_forgotten_by_halves() {
        let (times, begin) = (TenantTime::default(), Instant::now());
        times.change(ONE, begin, |usage| usage.threads += 2);
        assert_eq!(times.of_at(ONE, begin), Duration::ZERO);
        assert!(is_about(times.of_at(ONE, begin + SECOND / 10), SECOND / 5), "two threads use twice the time");
        times.change(ONE, begin + SECOND / 10, |usage| usage.threads = 0);
        assert!(is_about(times.of_at(ONE, begin + SECOND / 10 + HALF_LIFE), SECOND / 10));
        assert!(is_about(times.of_at(ONE, begin + SECOND / 10 + HALF_LIFE * 2), SECOND / 20));
        assert_eq!(times.of_at(TWO, begin + SECOND), Duration::ZERO);
    }

    #[test]
    fn a_guard_counts_until_it_is_dropped() {
        let times = TenantTime::default();
        let (first, second) = (times.begin(ONE), times.begin(ONE));
        drop(first);
        assert_eq!(times.0.lock().get(&ONE).map(|usage| usage.threads), Some(1));
        drop(second);
        assert_eq!(times.0.lock().get(&ONE).map(|usage| usage.threads), Some(0));
    }

    #[test]
    fn a_thread_in_use_for_ever_comes_to_a_constant() {
        let (times, begin) = (TenantTime::default(), Instant::now());
        times.change(ONE, begin, |usage| usage.threads = 1);
        assert!(is_about(times.of_at(ONE, begin + SECOND * 600), SECOND * 1_443 / 100));
    }

    #[test]
    fn tenants_above_a_level_come_in_order_and_are_bounded() {
        let (times, begin) = (TenantTime::default(), Instant::now());
        use_threads(&times, ONE, 1, begin, SECOND);
        use_threads(&times, TWO, 3, begin, SECOND);
        use_threads(&times, TenantId(3), 1, begin, SECOND / 10);
        assert_eq!(times.above_at(SECOND / 2, begin + SECOND), [TWO, ONE]);
        assert_eq!(times.above_at(SECOND / 2, begin + SECOND + HALF_LIFE * 4), []);
        for tenant in 10..2_000 {
            use_threads(&times, TenantId(tenant), 1, begin, SECOND);
        }
        let above = times.above_at(SECOND / 2, begin + SECOND);
        assert_eq!((above.len(), above[0]), (MAX_ABOVE, TWO));
    }

    #[test]
    fn tenants_that_used_least_are_forgotten_first() {
        let (times, begin) = (TenantTime::default(), Instant::now());
        times.change(ONE, begin, |usage| usage.threads += 1);
        use_threads(&times, TWO, 1, begin, SECOND * 10);
        for tenant in 3..10_000 {
            use_threads(&times, TenantId(tenant), 1, begin, SECOND);
        }
        assert!(times.0.lock().len() <= MAX_TENANTS);
        let later = begin + SECOND * 10;
        assert!(times.of_at(ONE, later) > SECOND && times.of_at(TWO, later) > SECOND, "one works, the other used most");
        // After a long time nobody used anything, so there is room again.
        use_threads(&times, TenantId(0), 1, begin + SECOND * 3_600, SECOND);
        let tenants: usize = times.0.lock().len();
        assert!(tenants <= MAX_TENANTS);
    }
}
