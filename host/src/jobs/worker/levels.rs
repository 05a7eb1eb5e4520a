//! Whose jobs go first: those of tenants that used little of the threads' time lately.
//!
//! Tenants fall into three levels by the [time that they used lately](crate::jobs::tenant_time). A worker claims a job of a
//! lower level first. Within a level, tenants take turns. A tenant whose jobs wait for long falls to a lower level by itself, as
//! what it used is forgotten.

use std::time::Duration;

use crate::domain::TenantId;
use crate::jobs::tenant_time::TenantTime;

/// The most time that a tenant of the first and of the second level used lately. A tenant that uses a fifth of one worker all
/// the time stays in the second level.
const LEVELS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];

/// An attempt to claim a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClaimAttempt {
    /// The tenants to pass over.
    pub(super) passing_over: Vec<TenantId>,
    /// Whether the job's tenant may have used much lately.
    pub(super) may_be_heavy: bool,
}

/// Returns the attempts to claim a job, in order: of the first level, of the first two, and of all tenants. Leaves out attempts
/// that would find the same as the next one.
pub(super) fn claim_attempts(times: &TenantTime) -> Vec<ClaimAttempt> {
    let mut attempts: Vec<ClaimAttempt> = Vec::with_capacity(LEVELS.len() + 1);
    for (index, level) in LEVELS.into_iter().enumerate() {
        let passing_over = times.above(level);
        let is_last = passing_over.is_empty();
        // Of two levels that pass over the same tenants, the first one is stricter.
        if attempts.last().is_none_or(|before| before.passing_over != passing_over) {
            attempts.push(ClaimAttempt { passing_over, may_be_heavy: index > 0 });
        }
        if is_last {
            return attempts;
        }
    }
    attempts.push(ClaimAttempt { passing_over: Vec::new(), may_be_heavy: true });
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

    fn attempt(passing_over: &[TenantId], may_be_heavy: bool) -> ClaimAttempt {
        ClaimAttempt { passing_over: passing_over.to_vec(), may_be_heavy }
    }

    #[test]
    fn tenants_that_used_little_go_first() {
        let times = TenantTime::default();
        let millis = Duration::from_millis;
        assert_eq!(claim_attempts(&times), [attempt(&[], false)], "one attempt suffices while nobody used much");
        times.add(LIGHT, millis(100));
        assert_eq!(claim_attempts(&times), [attempt(&[], false)]);
        times.add(MIDDLE, millis(1_000));
        assert_eq!(claim_attempts(&times), [attempt(&[MIDDLE], false), attempt(&[], true)]);
        times.add(HEAVY, millis(10_000));
        assert_eq!(
            claim_attempts(&times),
            [attempt(&[HEAVY, MIDDLE], false), attempt(&[HEAVY], true), attempt(&[], true)]
        );
        assert_eq!(tenants_behind(&times, LIGHT), [HEAVY, MIDDLE, LIGHT]);
        assert_eq!(tenants_behind(&times, MIDDLE), [HEAVY, MIDDLE]);
        assert_eq!(tenants_behind(&times, HEAVY), [HEAVY]);
        times.add(MIDDLE, millis(10_000));
        let attempts = claim_attempts(&times);
        assert_eq!(attempts.len(), 2, "no attempt is made twice: {attempts:?}");
    }
}
