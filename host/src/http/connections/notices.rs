//! Log lines about limits, few enough that a flood of connections is no flood of log lines.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::http::client_address::ClientAddress;

/// Time between two lines about the same.
const PAUSE: Duration = Duration::from_secs(60);
/// Addresses that are remembered; while so many were logged within [`PAUSE`], no other is.
const MAX_ADDRESSES: usize = 256;

/// Writes each line at most once in [`PAUSE`].
#[derive(Debug, Default)]
pub(super) struct Notices {
    addresses: AddressPause,
    full: Mutex<Option<Instant>>,
}

impl Notices {
    /// Reports a client that has too many connections.
    pub(super) fn address_limited(&self, address: ClientAddress, limit: usize, now: Instant) {
        if self.addresses.is_due(address, now) {
            tracing::warn!(
                event = "address_limited",
                %address,
                limit,
                "a client has as many connections or requests as one may have; raise --max-connections-per-address, or name a proxy with --trusted-proxy"
            );
        }
    }

    /// Reports that there are as many connections as there may be.
    pub(super) fn connections_full(&self, limit: usize, now: Instant) {
        let mut last = self.full.lock();
        if last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE) {
            *last = Some(now);
            tracing::warn!(
                event = "connections_full",
                limit,
                "all connections are in use; those that wait for their clients are closed"
            );
        }
    }
}

/// Remembers the addresses about which something was logged in the last minute. At most 256 are logged in a minute.
#[derive(Debug, Default)]
pub(in crate::http) struct AddressPause(Mutex<HashMap<ClientAddress, Instant>>);

impl AddressPause {
    /// Returns whether a line about an address is due, which then counts as written.
    pub(in crate::http) fn is_due(&self, address: ClientAddress, now: Instant) -> bool {
        let mut addresses = self.0.lock();
        if addresses.get(&address).is_some_and(|last| now.saturating_duration_since(*last) < PAUSE) {
            return false;
        }
        if addresses.len() >= MAX_ADDRESSES {
            addresses.retain(|_, last| now.saturating_duration_since(*last) < PAUSE);
        }
        let has_room = addresses.len() < MAX_ADDRESSES;
        if has_room {
            addresses.insert(address, now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Instant;

    use super::{AddressPause, MAX_ADDRESSES, PAUSE};
    use crate::http::client_address::ClientAddress;

    #[test]
    fn an_address_is_reported_once_a_minute_and_few_are_remembered() {
        let (pause, now) = (AddressPause::default(), Instant::now());
        let address = |number: u32| ClientAddress::of(IpAddr::V4(Ipv4Addr::from_bits(number)));
        let due = |number: u32, now| pause.is_due(address(number), now);
        assert!(due(0, now) && !due(0, now) && due(0, now + PAUSE));
        let reported = (1..10_000).filter(|number| due(*number, now + PAUSE)).count();
        assert_eq!((reported, pause.0.lock().len()), (MAX_ADDRESSES - 1, MAX_ADDRESSES));
        assert!(due(9_999, now + PAUSE * 3));
    }
}
