//! What a tenant keeps in the store, and how often it may ask for more, as far as that is alike in all dialects.
//!
//! Each dialect has a counter of a tenant's stored bytes, which every transaction that stores or deletes something changes by
//! the difference. So the counter is exact, and reading it costs the same however much a tenant has. A tenant's bytes are those
//! of its texts and blobs as stored, and a number for each row that stands for the row's other columns and its index entries.

use std::time::Duration;

use serde::Serialize;

use super::StoreError;
use crate::domain::{TenantId, Timestamp};

/// What tenants keep.
pub trait UsageStore {
    /// Returns what a tenant keeps in the store; nothing if there is no such tenant.
    fn usage(&self, tenant: TenantId) -> Result<Usage, StoreError>;

    /// Returns what a tenant's jobs use of its limits; nothing if there is no such tenant.
    fn queue_use(&self, tenant: TenantId) -> Result<QueueUse, StoreError>;

    /// Returns whether a tenant may have another token now, and counts it. Deletes the tenant's tokens that expire first, so that
    /// there is room for another.
    fn admit_token(&self, tenant: TenantId, limits: &TokenLimits) -> Result<Admission, StoreError>;
}

/// What a tenant keeps in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Contacts.
    pub contacts: u64,
    /// Bytes of contacts, jobs with their items, results, logs and before-images, idempotency keys and profiles of jobs.
    pub stored_bytes: u64,
    /// Of these bytes, those by which jobs can be undone.
    pub kept_bytes: u64,
    /// Jobs that are neither finished nor expired.
    pub unfinished_jobs: u64,
    /// Tokens that have not been deleted yet.
    pub tokens: u64,
}

/// What a tenant's jobs use of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueUse {
    /// Unfinished jobs.
    pub jobs: u64,
    /// Bytes of their unprocessed items, as stored.
    pub bytes: u64,
    /// For how long the jobs that were sent count for the rate of jobs.
    pub jobs_count_for: Duration,
    /// For how long the items that were sent count for the rate of items.
    pub contacts_count_for: Duration,
}

/// Limits of a tenant's tokens.
#[derive(Debug, Clone, Copy)]
pub struct TokenLimits {
    /// Tokens at a time.
    pub count: u64,
    /// Tokens in a minute.
    pub per_minute: u64,
}

/// Whether something may be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// It may be done after this time.
    After(Duration),
}

/// Bytes that a job counts besides its parts.
pub(super) const JOB_BYTES: i64 = 512;
/// Bytes that a row with a blob counts besides the blob: items, results, a log.
pub(super) const BLOB_ROW_BYTES: i64 = 64;
/// Bytes that an idempotency key counts besides its text.
pub(super) const IDEMPOTENCY_BYTES: i64 = 128;
/// Bytes that a contact counts besides its document, its keys and the texts by which it is indexed.
const CONTACT_BYTES: i64 = 128;

/// Returns the bytes that a contact counts: its document, its keys in two places, and the texts by which it is indexed. `keys`
/// are pairs of field and value, each once.
pub(super) fn contact_bytes<'a>(
    document_bytes: i64,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
    index_bytes: i64,
) -> i64 {
    let keys: usize = keys.into_iter().map(|(field, value)| field.len() + value.len()).sum();
    CONTACT_BYTES + document_bytes + index_bytes + signed(keys).saturating_mul(2)
}

/// Returns a length as the counters have it.
pub(super) fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The time within which a limit of so many a minute applies, in microseconds.
pub(super) const MINUTE_MICROS: i64 = 60_000_000;

/// Counts one more of what is limited to `per_minute`. `free_at` is when all that was counted is forgotten, by the store's clock;
/// returns its new value.
///
/// Each thing counts for a minute divided by the limit. So a tenant can do as many at once as it may in a minute, and after that
/// one whenever the time of one has passed.
///
/// # Errors
/// After which time there is room for one more. Then nothing is counted.
pub(super) fn count_one(free_at: i64, per_minute: u64, now: Timestamp) -> Result<i64, Duration> {
    // A clock that was set back must not keep a tenant waiting for longer than a minute.
    let counted = free_at.clamp(now.0, now.0.saturating_add(MINUTE_MICROS)).saturating_add(interval_micros(per_minute));
    match excess(counted.saturating_sub(now.0)) {
        Some(wait) => Err(wait),
        None => Ok(counted),
    }
}

/// The longest time for which items of jobs count for their rate, in microseconds: a request that is larger than the limit of a
/// minute counts for longer than a minute.
pub(super) const MAX_CONTACTS_MICROS: i64 = 24 * 60 * MINUTE_MICROS;

/// How many items of jobs count, and whether there is room for them.
#[derive(Debug, Clone, Copy)]
pub(super) struct ContactsCount {
    /// For how long they count, in microseconds.
    pub(super) micros: i64,
    /// The part of that time for which there need not be room: what is beyond a minute.
    pub(super) beyond: i64,
}

impl ContactsCount {
    /// Counts `items` against a limit of `per_minute`; 0 for any number.
    pub(super) fn of(items: u64, per_minute: u64) -> Self {
        let whole = u128::from(items) * MINUTE_MICROS.unsigned_abs() as u128;
        let micros = whole.checked_div(u128::from(per_minute)).unwrap_or(0);
        let micros = i64::try_from(micros).unwrap_or(i64::MAX).min(MAX_CONTACTS_MICROS);
        Self { micros, beyond: micros.saturating_sub(MINUTE_MICROS).max(0) }
    }

    /// Counts the items when what was counted before is forgotten at `free_at`. Returns when all is forgotten.
    ///
    /// # Errors
    /// After which time there is room for them. Then nothing is counted.
    pub(super) fn add_to(self, free_at: i64, now: Timestamp) -> Result<i64, Duration> {
        let counted = free_at.clamp(now.0, now.0.saturating_add(MAX_CONTACTS_MICROS)).saturating_add(self.micros);
        match excess(counted.saturating_sub(now.0).saturating_sub(self.beyond)) {
            Some(wait) => Err(wait),
            None => Ok(counted),
        }
    }
}

/// Returns the time until a moment, in microseconds by the store's clock.
pub(super) fn time_until(free_at: i64, now: i64) -> Duration {
    Duration::from_micros(u64::try_from(free_at.saturating_sub(now)).unwrap_or(0))
}

/// Returns how long one of `per_minute` counts, in microseconds.
pub(super) fn interval_micros(per_minute: u64) -> i64 {
    MINUTE_MICROS / i64::try_from(per_minute.max(1)).unwrap_or(i64::MAX)
}

/// Returns for how long there is no room, if what is counted lasts for so many microseconds.
pub(super) fn excess(micros: i64) -> Option<Duration> {
    let excess = u64::try_from(micros.saturating_sub(MINUTE_MICROS)).ok()?;
    (excess > 0).then(|| Duration::from_micros(excess))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ContactsCount, MINUTE_MICROS, count_one};
    use crate::domain::Timestamp;

    #[test]
    fn a_minutes_worth_can_be_had_at_once_and_then_one_at_a_time() {
        let now = Timestamp(1_000_000_000);
        let mut free_at = 0;
        for _ in 0..60 {
            free_at = count_one(free_at, 60, now).unwrap();
        }
        assert_eq!(count_one(free_at, 60, now), Err(Duration::from_secs(1)));
        let later = Timestamp(now.0 + 2_000_000);
        free_at = count_one(free_at, 60, later).unwrap();
        free_at = count_one(free_at, 60, later).unwrap();
        assert!(count_one(free_at, 60, later).is_err());
    }

    #[test]
    fn more_contacts_than_a_minute_has_wait_for_an_empty_minute() {
        let now = Timestamp(1_000_000_000);
        let add = |free_at, items, now| ContactsCount::of(items, 600).add_to(free_at, now);
        let free_at = add(0, 400, now).unwrap();
        assert_eq!(add(free_at, 300, now), Err(Duration::from_secs(10)));
        let free_at = add(free_at, 200, now).unwrap();
        assert_eq!(add(free_at, 6_000, now), Err(Duration::from_secs(60)));
        let later = Timestamp(now.0 + MINUTE_MICROS);
        let free_at = add(free_at, 6_000, later).unwrap();
        assert_eq!(free_at, later.0 + 10 * MINUTE_MICROS);
        assert_eq!(add(free_at, 60, later), Err(Duration::from_secs(546)));
        assert_eq!(ContactsCount::of(1_000_000, 0).add_to(0, now), Ok(now.0), "no limit");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (now, hour) = (Timestamp(10 * 3_600_000_000), 3_600_000_000);
        let free_at = count_one(0, 60, now).unwrap();
        let before = Timestamp(now.0 - hour);
        assert_eq!(count_one(free_at, 60, before), Err(Duration::from_secs(1)));
        assert!(count_one(free_at, 60, Timestamp(before.0 + MINUTE_MICROS)).is_err(), "refusals change nothing");
    }
}
