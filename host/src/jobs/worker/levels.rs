//! Whose jobs go first: those of tenants that used little of the threads' time lately.
//!
//! Tenants fall into three levels by the [time that they used lately](crate::jobs::tenant_time). Within the first level, tenants
//! that used next to nothing go first, and otherwise tenants take turns. Of the others, those that used least go first. A job goes back to the queue at the end of its turn for tenants
//! of its level and of lower ones. A tenant whose jobs wait for long falls to a lower level by itself, as what it used is
//! forgotten.

use std::time::Duration;

use crate::domain::TenantId;
use crate::jobs::tenant_time::TenantTime;

/// The most time that a tenant of the first and of the second level used lately. A tenant that uses a fifth of one worker all
/// the time stays in the second level.
const LEVELS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];

/// The most time that a tenant used lately that used next to nothing: a few small jobs. A tenant that used two seconds has used so
/// little after a minute.
const NEXT_TO_NOTHING: Duration = Duration::from_millis(20);

/// An attempt to claim a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClaimAttempt {
    /// The tenants to pass over.
    pub(super) passing_over: Vec<TenantId>,
    /// Whether the job needs a [place](super::places::Places).
    pub(super) needs_place: bool,
}

/// Returns the attempts to claim a job, in order. The first ones are for tenants that run no job yet, so they pass over those that
/// are `busy`: for those that used next to nothing, and then for the first level. The next one is for further jobs of the first
/// level, if there is room for them. Each later one admits twice as many of the other tenants as the one before, those that used least first, and the last one admits all.
///
/// Turns alone would not do: between four tenants whose turns take two seconds each, the small jobs of a fifth one would wait
/// for two of these turns.
pub(super) fn claim_attempts(times: &TenantTime, busy: &[TenantId], has_room_for_further: bool) -> Vec<ClaimAttempt> {
    let [first_level, _] = LEVELS;
    let mut heavy = times.above(first_level);
    let number_of_heavy = heavy.len();
    let attempt = |heavy: &[TenantId], others: &[TenantId], needs_place: bool| {
        let others = others.iter().filter(|tenant| !heavy.contains(tenant));
        ClaimAttempt { passing_over: heavy.iter().chain(others).copied().collect(), needs_place }
    };
    let mut attempts = vec![attempt(&heavy, busy, false)];
    let others = times.above(NEXT_TO_NOTHING);
    if others.len() > heavy.len() {
        attempts.insert(0, attempt(&others, busy, false));
    }
    if has_room_for_further && !busy.is_empty() {
        attempts.push(attempt(&heavy, &[], true));
    }
    let without_room: &[TenantId] = if has_room_for_further { &[] } else { busy };
    let mut admitted = 1;
    while !heavy.is_empty() {
        // Those that used most come first.
        heavy.truncate(number_of_heavy.saturating_sub(admitted));
        attempts.push(attempt(&heavy, without_room, true));
        admitted = admitted.saturating_mul(2);
    }
    attempts
}

/// Returns the tenants for whose jobs a job of `tenant` does not go back to the queue: the tenant itself, and those of higher
/// levels.
pub(super) fn tenants_behind(times: &TenantTime, tenant: TenantId) -> Vec<TenantId> {
    let used = times.of(tenant);
    let level = LEVELS.into_iter().find(|level| used <= *level);
    let mut behind = level.map(|level| times.above(level)).unwrap_or_default();
    behind.push(tenant);
    behind
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ClaimAttempt, claim_attempts, tenants_behind};
    use crate::domain::TenantId;
    use crate::jobs::tenant_time::TenantTime;

    const LIGHT: TenantId = TenantId(1);
    const MIDDLE: TenantId = TenantId(2);
    const HEAVY: TenantId = TenantId(3);
    const FRESH: TenantId = TenantId(4);

    fn attempt(passing_over: &[TenantId], needs_place: bool) -> ClaimAttempt {
        ClaimAttempt { passing_over: passing_over.to_vec(), needs_place }
    }

    #[test]
    fn tenants_that_used_little_go_first() {
        let times = TenantTime::default();
        let millis = Duration::from_millis;
        assert_eq!(
            claim_attempts(&times, &[], true),
            [attempt(&[], false)],
            "one attempt suffices while nobody used much"
        );
        times.add(LIGHT, millis(15));
        assert_eq!(claim_attempts(&times, &[], true), [attempt(&[], false)]);
        times.add(MIDDLE, millis(1_000));
        assert_eq!(claim_attempts(&times, &[], true), [attempt(&[MIDDLE], false), attempt(&[], true)]);
        times.add(HEAVY, millis(10_000));
        assert_eq!(
            claim_attempts(&times, &[], true),
            [attempt(&[HEAVY, MIDDLE], false), attempt(&[HEAVY], true), attempt(&[], true)]
        );
        times.add(LIGHT, millis(85));
        assert_eq!(
            claim_attempts(&times, &[FRESH], true),
            [
                attempt(&[HEAVY, MIDDLE, LIGHT, FRESH], false),
                attempt(&[HEAVY, MIDDLE, FRESH], false),
                attempt(&[HEAVY, MIDDLE], true),
                attempt(&[HEAVY], true),
                attempt(&[], true)
            ],
            "tenants that used next to nothing come before those that used little"
        );
        assert_eq!(tenants_behind(&times, LIGHT), [HEAVY, MIDDLE, LIGHT]);
        assert_eq!(tenants_behind(&times, MIDDLE), [HEAVY, MIDDLE]);
        assert_eq!(tenants_behind(&times, HEAVY), [HEAVY]);
    }

    #[test]
    fn further_jobs_of_a_tenant_need_room() {
        let times = TenantTime::default();
        assert_eq!(claim_attempts(&times, &[LIGHT], true), [attempt(&[LIGHT], false), attempt(&[], true)]);
        assert_eq!(claim_attempts(&times, &[LIGHT], false), [attempt(&[LIGHT], false)]);
        times.add(HEAVY, Duration::from_secs(10));
        assert_eq!(
            claim_attempts(&times, &[LIGHT, HEAVY], true),
            [attempt(&[HEAVY, LIGHT], false), attempt(&[HEAVY], true), attempt(&[], true)]
        );
        assert_eq!(
            claim_attempts(&times, &[LIGHT, HEAVY], false),
            [attempt(&[HEAVY, LIGHT], false), attempt(&[LIGHT, HEAVY], true)]
        );
    }

    #[test]
    fn of_tenants_that_used_much_those_that_used_least_go_first() {
        let times = TenantTime::default();
        for tenant in 1..=5 {
            times.add(TenantId(tenant), Duration::from_secs(tenant.unsigned_abs()));
        }
        let [one, two, three, four, five] = [1, 2, 3, 4, 5].map(TenantId);
        assert_eq!(
            claim_attempts(&times, &[], true),
            [
                attempt(&[five, four, three, two, one], false),
                attempt(&[five, four, three, two], true),
                attempt(&[five, four, three], true),
                attempt(&[five], true),
                attempt(&[], true),
            ]
        );
        for tenant in 6..5_000 {
            times.add(TenantId(tenant), Duration::from_secs(6));
        }
        assert!(claim_attempts(&times, &[], true).len() <= 13, "the attempts are few, however many tenants there are");
    }
}
