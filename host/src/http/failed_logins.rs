//! How often an address may send wrong credentials.
//!
//! Secrets are too long to be guessed, so this is not what keeps them. It bounds what whoever tries costs the store and the log, and
//! makes the attempt visible. Credentials that were right lately are never refused, so a program that tries from the address of
//! others does not keep these from their work.

use std::collections::HashMap;
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
/// Credentials that are remembered as right, by their SHA-256.
const MAX_RIGHT: usize = 10_000;
/// How long they are.
const RIGHT_FOR: Duration = Duration::from_secs(600);

/// Who sent wrong credentials lately.
#[derive(Debug, Default)]
pub(super) struct FailedLogins(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// For each address, when all that it sent is forgotten.
    addresses: HashMap<ClientAddress, Instant>,
    /// Credentials that were right, and when.
    right: HashMap<[u8; 32], Instant>,
}

impl FailedLogins {
    /// Checks whether the credentials with this hash may be looked up.
    ///
    /// # Errors
    /// 429 if their address has sent too many wrong ones, and these were not right lately.
    pub(super) fn admit(&self, address: Option<ClientAddress>, hash: &[u8; 32]) -> Result<(), Problem> {
        self.admit_at(Instant::now(), address, hash)
    }

    fn admit_at(&self, now: Instant, address: Option<ClientAddress>, hash: &[u8; 32]) -> Result<(), Problem> {
        let Some(address) = address else { return Ok(()) };
        let table = self.0.lock();
        let Some(forgotten_at) = table.addresses.get(&address) else { return Ok(()) };
        let wait = forgotten_at.saturating_duration_since(now).saturating_sub(REFILL * (BURST - 1));
        let is_right = table.right.get(hash).is_some_and(|at| now.saturating_duration_since(*at) < RIGHT_FOR);
        if wait.is_zero() || is_right {
            return Ok(());
        }
        drop(table);
        let seconds = wait.as_secs().max(1);
        Err(Problem::too_many_failed_logins().with(RETRY_AFTER, HeaderValue::from(seconds)))
    }

    /// Counts wrong credentials.
    pub(super) fn failed(&self, address: Option<ClientAddress>) {
        self.failed_at(Instant::now(), address);
    }

    fn failed_at(&self, now: Instant, address: Option<ClientAddress>) {
        let Some(address) = address else { return };
        let mut table = self.0.lock();
        if table.addresses.len() >= MAX_ADDRESSES && !table.addresses.contains_key(&address) {
            forget_earliest(&mut table.addresses, now);
        }
        let forgotten_at = table.addresses.entry(address).or_insert(now);
        *forgotten_at = (*forgotten_at).max(now) + REFILL;
    }

    /// Remembers credentials that are right.
    pub(super) fn succeeded(&self, hash: &[u8; 32]) {
        self.succeeded_at(Instant::now(), hash);
    }

    fn succeeded_at(&self, now: Instant, hash: &[u8; 32]) {
        let mut table = self.0.lock();
        if table.right.len() >= MAX_RIGHT && !table.right.contains_key(hash) {
            forget_earliest(&mut table.right, now.checked_sub(RIGHT_FOR).unwrap_or(now));
        }
        table.right.insert(*hash, now);
    }
}

/// Forgets what is before `limit`, or else the earlier half.
fn forget_earliest<K: Copy + Eq + std::hash::Hash>(table: &mut HashMap<K, Instant>, limit: Instant) {
    let before = table.len();
    table.retain(|_, at| *at > limit);
    if table.len() == before {
        let mut times: Vec<Instant> = table.values().copied().collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        table.retain(|_, at| *at > median);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, Instant};

    use super::{BURST, FailedLogins, MAX_ADDRESSES, MAX_RIGHT, REFILL, RIGHT_FOR};
    use crate::http::client_address::ClientAddress;

    fn address(number: u32) -> Option<ClientAddress> {
        Some(ClientAddress::of(IpAddr::V4(Ipv4Addr::from_bits(number))))
    }

    #[test]
    fn an_address_may_fail_so_often_and_right_credentials_go_on() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        let (right, other) = ([1; 32], [2; 32]);
        logins.succeeded_at(now, &right);
        for _ in 0..BURST {
            assert!(logins.admit_at(now, address(1), &other).is_ok());
            logins.failed_at(now, address(1));
        }
        assert!(logins.admit_at(now, address(1), &other).is_err());
        assert!(logins.admit_at(now, address(1), &right).is_ok());
        assert!(logins.admit_at(now, address(2), &other).is_ok() && logins.admit_at(now, None, &other).is_ok());
        assert!(logins.admit_at(now + REFILL, address(1), &other).is_ok(), "one more");
        logins.failed_at(now + REFILL, address(1));
        assert!(logins.admit_at(now + REFILL, address(1), &other).is_err());
        let long = RIGHT_FOR + Duration::from_secs(1);
        for _ in 0..2 * BURST {
            logins.failed_at(now + long, address(1));
        }
        assert!(logins.admit_at(now + long, address(1), &right).is_err(), "it was right long ago");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        for number in 0..30_000_u32 {
            logins.failed_at(now + Duration::from_micros(u64::from(number)), address(number));
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_le_bytes());
            logins.succeeded_at(now + Duration::from_micros(u64::from(number)), &hash);
        }
        let table = logins.0.lock();
        assert!(table.addresses.len() <= MAX_ADDRESSES && table.right.len() <= MAX_RIGHT);
    }
}
