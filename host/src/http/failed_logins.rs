//! How often an address may send wrong credentials.
//!
//! Secrets are too long to be guessed, so this is not what keeps them. It bounds what whoever tries costs the store, and makes the
//! attempt visible. An address that sent too many has its credentials looked up one at a time, and wrong ones get 429. Right ones
//! are right all the same, so a program that tries from the address of others does not keep these from their work.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use hyper::header::{HeaderValue, RETRY_AFTER};
use parking_lot::Mutex;

use super::client_address::ClientAddress;
use super::problem::Problem;

/// Wrong credentials that an address may send at once.
const BURST: u32 = 100;
/// After them, one more is allowed each time this has passed.
const REFILL: Duration = Duration::from_millis(500);
/// Addresses that are remembered. If there are more, those that were quiet for longest are forgotten.
const MAX_ADDRESSES: usize = 10_000;
/// Credentials that are remembered as right, by their SHA-256. They wait for no turn.
const MAX_RIGHT: usize = 10_000;
/// How long they are.
const RIGHT_FOR: Duration = Duration::from_secs(600);

/// Who sent wrong credentials lately.
#[derive(Debug, Default)]
pub(super) struct FailedLogins(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    addresses: HashMap<ClientAddress, Failures>,
    /// Credentials that were right, and when.
    right: HashMap<[u8; 32], Instant>,
}

/// What an address sent.
#[derive(Debug, Clone, Copy)]
struct Failures {
    /// When all of it is forgotten.
    forgotten_at: Instant,
    /// Whether credentials of the address have the turn to be looked up.
    is_turn_taken: bool,
}

/// The right to look credentials up, until this is dropped.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    logins: &'a FailedLogins,
    address: Option<ClientAddress>,
    /// The hash of the credentials, if they can be remembered.
    hash: Option<[u8; 32]>,
    /// After which time the address may send others, if it has sent too many.
    wait: Option<Duration>,
}

impl FailedLogins {
    /// Lets the credentials with this hash be looked up. Those without a hash are never remembered as right.
    ///
    /// # Errors
    /// 429 if their address has sent too many wrong ones, these were not right lately, and others are being looked up.
    pub(super) fn admit(&self, address: Option<ClientAddress>, hash: Option<[u8; 32]>) -> Result<Attempt<'_>, Problem> {
        self.admit_at(Instant::now(), address, hash)
    }

    fn admit_at(
        &self,
        now: Instant,
        address: Option<ClientAddress>,
        hash: Option<[u8; 32]>,
    ) -> Result<Attempt<'_>, Problem> {
        let free = Attempt { logins: self, address, hash, wait: None };
        let mut table = self.0.lock();
        let right_at = hash.and_then(|hash| table.right.get(&hash));
        let is_right = right_at.is_some_and(|at| now.saturating_duration_since(*at) < RIGHT_FOR);
        let Some(failures) = address.and_then(|address| table.addresses.get_mut(&address)) else { return Ok(free) };
        let wait = failures.forgotten_at.saturating_duration_since(now).saturating_sub(REFILL * (BURST - 1));
        if wait.is_zero() || is_right {
            return Ok(free);
        }
        if std::mem::replace(&mut failures.is_turn_taken, true) {
            return Err(too_many(wait));
        }
        Ok(Attempt { wait: Some(wait), ..free })
    }

    fn failed_at(&self, now: Instant, address: Option<ClientAddress>, hash: Option<[u8; 32]>) {
        let mut table = self.0.lock();
        // They may have been right until now.
        hash.and_then(|hash| table.right.remove(&hash));
        let Some(address) = address else { return };
        if table.addresses.len() >= MAX_ADDRESSES && !table.addresses.contains_key(&address) {
            forget_earliest(&mut table.addresses, now, |failures| failures.forgotten_at);
        }
        let new = Failures { forgotten_at: now, is_turn_taken: false };
        let failures = table.addresses.entry(address).or_insert(new);
        // What is beyond the limit costs no more waiting: others may send from the same address.
        let most = now + REFILL * BURST;
        failures.forgotten_at = (failures.forgotten_at.max(now) + REFILL).min(most);
    }

    fn succeeded_at(&self, now: Instant, hash: [u8; 32]) {
        let mut table = self.0.lock();
        if table.right.len() >= MAX_RIGHT && !table.right.contains_key(&hash) {
            forget_earliest(&mut table.right, now.checked_sub(RIGHT_FOR).unwrap_or(now), |at| *at);
        }
        table.right.insert(hash, now);
    }
}

impl Attempt<'_> {
    /// Counts wrong credentials.
    ///
    /// # Errors
    /// 429 if their address has sent too many.
    pub(super) fn failed(self) -> Result<(), Problem> {
        self.logins.failed_at(Instant::now(), self.address, self.hash);
        self.wait.map_or(Ok(()), |wait| Err(too_many(wait)))
    }

    /// Remembers credentials that are right, by their hash.
    pub(super) fn succeeded(self) {
        if let Some(hash) = self.hash {
            self.logins.succeeded_at(Instant::now(), hash);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let (Some(address), Some(_)) = (self.address, self.wait) else { return };
        if let Some(failures) = self.logins.0.lock().addresses.get_mut(&address) {
            failures.is_turn_taken = false;
        }
    }
}

fn too_many(wait: Duration) -> Problem {
    Problem::too_many_failed_logins().with(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)))
}

/// Forgets what is before `limit`, or else the earlier half.
fn forget_earliest<K: Copy + Eq + Hash, V>(table: &mut HashMap<K, V>, limit: Instant, time: impl Fn(&V) -> Instant) {
    let before = table.len();
    table.retain(|_, value| time(value) > limit);
    if table.len() == before {
        let mut times: Vec<Instant> = table.values().map(&time).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        table.retain(|_, value| time(value) > median);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, Instant};

    use super::{Attempt, BURST, FailedLogins, MAX_ADDRESSES, MAX_RIGHT, REFILL, RIGHT_FOR};
    use crate::http::client_address::ClientAddress;

    fn address(number: u32) -> Option<ClientAddress> {
        Some(ClientAddress::of(IpAddr::V4(Ipv4Addr::from_bits(number))))
    }

    #[test]
    fn an_address_that_failed_too_often_has_one_turn_and_right_credentials_need_none() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        let (right, other) = ([1; 32], Some([2; 32]));
        logins.succeeded_at(now, right);
        let fail = |at| logins.failed_at(at, address(1), other);
        for _ in 0..BURST {
            let attempts = [(); 2].map(|()| logins.admit_at(now, address(1), other).unwrap());
            assert!(attempts.iter().all(|attempt| attempt.wait.is_none()));
            fail(now);
        }
        let turn = logins.admit_at(now, address(1), other).unwrap();
        assert!(turn.wait.is_some() && logins.admit_at(now, address(1), other).is_err());
        let is_free = |attempt: Result<Attempt<'_>, _>| attempt.is_ok_and(|attempt| attempt.wait.is_none());
        assert!(is_free(logins.admit_at(now, address(1), Some(right))));
        assert!(is_free(logins.admit_at(now, address(2), other)) && is_free(logins.admit_at(now, None, other)));
        drop(turn);
        assert!(logins.admit_at(now, address(1), other).is_ok(), "the turn is free again");
        // However often it fails, one is free again soon.
        (0..1_000).for_each(|_| fail(now));
        assert!(is_free(logins.admit_at(now + REFILL, address(1), other)));
        (0..BURST).for_each(|_| fail(now + RIGHT_FOR));
        let attempt = logins.admit_at(now + RIGHT_FOR, address(1), Some(right)).unwrap();
        assert!(attempt.wait.is_some(), "it was right long ago");
        drop(attempt);
        logins.succeeded_at(now + RIGHT_FOR, right);
        assert!(is_free(logins.admit_at(now + RIGHT_FOR, address(1), Some(right))));
        logins.failed_at(now + RIGHT_FOR, address(1), Some(right));
        let attempt = logins.admit_at(now + RIGHT_FOR, address(1), Some(right)).unwrap();
        assert!(attempt.wait.is_some(), "it was revoked meanwhile");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        for number in 0..30_000_u32 {
            logins.failed_at(now + Duration::from_micros(u64::from(number)), address(number), Some([0; 32]));
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_le_bytes());
            logins.succeeded_at(now + Duration::from_micros(u64::from(number)), hash);
        }
        let table = logins.0.lock();
        assert!(table.addresses.len() <= MAX_ADDRESSES && table.right.len() <= MAX_RIGHT);
    }
}
