//! Which connections a listener has, how many each client may have, and which one makes room for another.
//!
//! A listener never stops accepting. When a client has too many connections, or the listener has as many as it may, a
//! connection that waits for nothing but its client is closed: one that is idle, has its answer and still sends, has not sent its
//! head, or has not shown credentials. Requests whose credentials were checked are never cut off to make room.

mod connection;
mod notices;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub(super) use self::connection::Connection;
pub(super) use self::notices::AddressPause;
use self::notices::Notices;
use super::client_address::{ClientAddress, TrustedProxies};

/// Connections beyond the limit that are served only health checks, when no other connection can be closed.
pub(super) const RESERVED_CONNECTIONS: usize = 16;
/// The age below which a connection that has not sent its first request is not closed in favour of another of its client: its
/// head may be on its way.
const GRACE: Duration = Duration::from_secs(1);

/// The limits of a listener's connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at a time.
    pub total: usize,
    /// Connections of one client at a time, and its requests in progress through trusted proxies.
    pub per_address: usize,
    /// Time for the head of a request to arrive.
    pub header_timeout: Duration,
    /// Time that a connection may be idle after an answer.
    pub idle_timeout: Duration,
    /// Proxies, whose own connections have no limit but the total.
    pub trusted_proxies: TrustedProxies,
}

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its client has too many.
    Address,
    /// The listener has too many, and each of them is answering a request.
    Total,
}

/// The connections of a listener.
#[derive(Debug)]
pub(super) struct Connections {
    limits: ConnectionLimits,
    table: Mutex<Table>,
    notices: Notices,
}

#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    open: HashMap<u64, Arc<Connection>>,
    /// Connections of each client.
    by_address: HashMap<ClientAddress, usize>,
    /// Connections that are served only health checks.
    reserved: usize,
    /// Requests in progress of each client of trusted proxies.
    requests: HashMap<ClientAddress, usize>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    id: u64,
    pub(super) connection: Arc<Connection>,
    connections: Arc<Connections>,
}

/// A request that is counted for its client until this is dropped.
#[derive(Debug)]
pub(super) struct CountedRequest {
    address: ClientAddress,
    connections: Arc<Connections>,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, table: Mutex::default(), notices: Notices::default() }
    }

    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Counts a new connection, and closes another if there is no room for it.
    ///
    /// # Errors
    /// If there is no room, and no connection that can be closed.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr, now: Instant) -> Result<Admitted, Refusal> {
        let is_proxy = self.limits.trusted_proxies.contain(peer);
        let address = (!is_proxy).then(|| ClientAddress::of(peer));
        let mut table = self.table.lock();
        if let Some(address) = address
            && table.count(address) >= self.limits.per_address
        {
            self.notices.address_limited(address, self.limits.per_address, now);
            let own = |connection: &Connection| connection.address() == Some(address) && connection.is_old(now, GRACE);
            if !table.close_longest_waiting(now, own) {
                return Err(Refusal::Address);
            }
        }
        let mut is_reserved = false;
        if table.open.len() - table.reserved >= self.limits.total {
            self.notices.connections_full(self.limits.total, now);
            if !table.make_room(now) {
                is_reserved = true;
                let reserved = |connection: &Connection| connection.is_reserved();
                if table.reserved >= RESERVED_CONNECTIONS && !table.close_longest_waiting(now, reserved) {
                    return Err(Refusal::Total);
                }
            }
        }
        let connection = Arc::new(Connection::new(address, is_reserved, now));
        let id = table.insert(Arc::clone(&connection));
        Ok(Admitted { id, connection, connections: Arc::clone(self) })
    }

    /// Counts a request that a trusted proxy sends for a client; `None` if the client has too many in progress.
    pub(super) fn admit_request(self: &Arc<Self>, address: ClientAddress, now: Instant) -> Option<CountedRequest> {
        let mut table = self.table.lock();
        let count = table.requests.entry(address).or_default();
        if *count >= self.limits.per_address {
            self.notices.address_limited(address, self.limits.per_address, now);
            return None;
        }
        *count += 1;
        Some(CountedRequest { address, connections: Arc::clone(self) })
    }

    /// Closes the connections that have waited too long for their clients.
    pub(super) fn close_overdue(&self, now: Instant) {
        let mut table = self.table.lock();
        let overdue =
            |connection: &Connection| connection.is_overdue(now, self.limits.header_timeout, self.limits.idle_timeout);
        let ids: Vec<u64> = table.open.iter().filter(|(_, open)| overdue(open)).map(|(id, _)| *id).collect();
        for id in ids {
            table.close(id);
        }
    }
}

impl Table {
    fn count(&self, address: ClientAddress) -> usize {
        self.by_address.get(&address).copied().unwrap_or(0)
    }

    fn insert(&mut self, connection: Arc<Connection>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.reserved += usize::from(connection.is_reserved());
        if let Some(address) = connection.address() {
            *self.by_address.entry(address).or_default() += 1;
        }
        self.open.insert(id, connection);
        id
    }

    /// Stops counting a connection. Does nothing if that was done before.
    fn remove(&mut self, id: u64) {
        let Some(connection) = self.open.remove(&id) else { return };
        self.reserved -= usize::from(connection.is_reserved());
        if let Some(address) = connection.address() {
            decrease(&mut self.by_address, address);
        }
    }

    /// Closes a connection. Returns whether it could be closed: it may have got a request in the meantime.
    fn close(&mut self, id: u64) -> bool {
        let closed = self.open.get(&id).is_some_and(|connection| connection.close());
        if closed {
            self.remove(id);
        }
        closed
    }

    /// Closes the connection that has waited longest, of those for which `may_close` is true. Returns whether there was one.
    fn close_longest_waiting(&mut self, now: Instant, may_close: impl Fn(&Connection) -> bool) -> bool {
        let first = self.first(|connection| may_close(connection).then(|| connection.waiting_time(now)).flatten());
        first.is_some_and(|id| self.close(id))
    }

    /// Closes a connection so that there is room for another: one that has waited for a while if there is one; of these, one of
    /// the client that has most. A proxy's connections go last. Returns whether there was one.
    ///
    /// A client that has just opened several connections must not lose them to strangers who have one each.
    fn make_room(&mut self, now: Instant) -> bool {
        let first = self.first(|connection| {
            let waiting = connection.waiting_time(now).filter(|_| !connection.is_reserved())?;
            let of_client = connection.address().map_or(0, |address| self.count(address));
            Some((of_client > 0, waiting >= GRACE, of_client, waiting))
        });
        first.is_some_and(|id| self.close(id))
    }

    /// Returns the connection with the greatest rank, of equal ones the oldest; `None` is no rank.
    fn first<R: Ord>(&self, rank: impl Fn(&Connection) -> Option<R>) -> Option<u64> {
        let ranked = self.open.iter().filter_map(|(id, connection)| Some((rank(connection)?, Reverse(*id))));
        ranked.max().map(|(_, Reverse(id))| id)
    }
}

fn decrease(counts: &mut HashMap<ClientAddress, usize>, address: ClientAddress) {
    if let Some(count) = counts.get_mut(&address) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.table.lock().remove(self.id);
    }
}

impl Drop for CountedRequest {
    fn drop(&mut self) {
        decrease(&mut self.connections.table.lock().requests, self.address);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{Admitted, ConnectionLimits, Connections, RESERVED_CONNECTIONS, Refusal};
    use crate::http::client_address::{ClientAddress, TrustedProxies};

    const SECOND: Duration = Duration::from_secs(1);

    fn connections(total: usize, per_address: usize) -> Arc<Connections> {
        Arc::new(Connections::new(ConnectionLimits {
            total,
            per_address,
            header_timeout: 10 * SECOND,
            idle_timeout: 60 * SECOND,
            trusted_proxies: TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]),
        }))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_closed(admitted: &Admitted) -> bool {
        admitted.connection.is_closed()
    }

    /// Begins a request whose credentials are right.
    fn answer(admitted: &Admitted, now: Instant) {
        admitted.connection.begin_request(now);
        assert!(admitted.connection.authenticated(None));
    }

    #[test]
    fn a_client_cannot_have_more_connections_than_its_limit() {
        let (connections, now) = (connections(100, 2), Instant::now());
        let first = connections.admit(address("192.0.2.1"), now).unwrap();
        let second = connections.admit(address("192.0.2.1"), now).unwrap();
        assert_eq!(connections.admit(address("192.0.2.1"), now).unwrap_err(), Refusal::Address);
        connections.admit(address("192.0.2.2"), now).unwrap();
        // The client's own connection makes room once it has waited.
        let third = connections.admit(address("192.0.2.1"), now + 2 * SECOND).unwrap();
        assert_eq!([is_closed(&first), is_closed(&second), is_closed(&third)], [true, false, false]);
        // A closed connection is not counted twice.
        drop(first);
        answer(&second, now);
        answer(&third, now);
        assert_eq!(connections.admit(address("192.0.2.1"), now + 9 * SECOND).unwrap_err(), Refusal::Address);
        drop(second);
        connections.admit(address("192.0.2.1"), now).unwrap();
    }

    #[test]
    fn an_ipv6_network_counts_as_one_client() {
        let (connections, now) = (connections(100, 1), Instant::now());
        let _first = connections.admit(address("2001:db8::1"), now).unwrap();
        assert_eq!(connections.admit(address("2001:db8::2"), now).unwrap_err(), Refusal::Address);
        connections.admit(address("2001:db8:0:1::2"), now).unwrap();
    }

    #[test]
    fn a_full_listener_closes_a_connection_of_the_client_that_has_most() {
        let (connections, now) = (connections(4, 3), Instant::now());
        let oldest = connections.admit(address("192.0.2.9"), now - 9 * SECOND).unwrap();
        let greedy: Vec<_> = (0..3)
            .map(|n| connections.admit(address("192.0.2.1"), now - 3 * SECOND + n * SECOND / 9).unwrap())
            .collect();
        let newcomer = connections.admit(address("192.0.2.2"), now).unwrap();
        assert!(is_closed(&greedy[0]) && !is_closed(&oldest));
        // The greedy client gets no room at the cost of clients that have less, unless its requests are being answered.
        let _another = connections.admit(address("192.0.2.1"), now).unwrap();
        assert!(is_closed(&greedy[1]) && !is_closed(&oldest));
        answer(&newcomer, now);
        let _last = connections.admit(address("192.0.2.3"), now).unwrap();
        assert!(is_closed(&greedy[2]) && !is_closed(&oldest) && !is_closed(&newcomer));
    }

    #[test]
    fn a_flood_from_everywhere_closes_what_has_waited_longest() {
        let (connections, now) = (connections(3, 3), Instant::now());
        let flood: Vec<_> =
            (0..3).map(|n| connections.admit(address(&format!("192.0.2.{n}")), now + n * SECOND).unwrap()).collect();
        let newcomer = connections.admit(address("198.51.100.1"), now + 4 * SECOND).unwrap();
        assert!(is_closed(&flood[0]) && !is_closed(&flood[1]) && !newcomer.connection.is_reserved());
    }

    #[test]
    fn many_strangers_do_not_cut_off_a_client_that_opens_several_connections() {
        let (connections, now) = (connections(40, 20), Instant::now());
        let strangers: Vec<_> =
            (0..40).map(|n| connections.admit(address(&format!("192.0.2.{n}")), now - 5 * SECOND).unwrap()).collect();
        let own: Vec<_> = (0..20).map(|_| connections.admit(address("198.51.100.1"), now).unwrap()).collect();
        assert!(!own.iter().any(is_closed));
        assert_eq!(strangers.iter().filter(|stranger| is_closed(stranger)).count(), 20);
    }

    #[test]
    fn only_health_checks_are_served_beside_connections_that_all_answer_requests() {
        let (connections, now) = (connections(2, 2), Instant::now());
        let busy: Vec<_> = (1..3).map(|n| connections.admit(address(&format!("192.0.2.{n}")), now).unwrap()).collect();
        busy.iter().for_each(|admitted| answer(admitted, now));
        let probes: Vec<_> = (0..RESERVED_CONNECTIONS as u32)
            .map(|n| connections.admit(address(&format!("198.51.100.{n}")), now + n * SECOND / 99).unwrap())
            .collect();
        assert!(probes.iter().all(|probe| probe.connection.is_reserved()));
        let last = connections.admit(address("203.0.113.1"), now + SECOND).unwrap();
        assert!(last.connection.is_reserved() && is_closed(&probes[0]) && !is_closed(&probes[1]));
        drop(busy);
        assert!(!connections.admit(address("203.0.113.2"), now).unwrap().connection.is_reserved());
    }

    #[test]
    fn the_connections_of_a_trusted_proxy_are_limited_only_in_sum() {
        let (connections, now) = (connections(3, 1), Instant::now());
        let proxy: Vec<_> = (0..2).map(|_| connections.admit(address("10.0.0.1"), now).unwrap()).collect();
        let stranger = connections.admit(address("192.0.2.1"), now).unwrap();
        let another = connections.admit(address("192.0.2.2"), now + 2 * SECOND).unwrap();
        assert!(is_closed(&stranger) && !is_closed(&another));
        assert!(!proxy.iter().any(is_closed));
    }

    #[test]
    fn a_connection_whose_answer_is_sent_makes_room_while_its_client_still_sends() {
        let (connections, now) = (connections(100, 1), Instant::now());
        let first = connections.admit(address("192.0.2.1"), now).unwrap();
        answer(&first, now);
        assert_eq!(connections.admit(address("192.0.2.1"), now).unwrap_err(), Refusal::Address);
        first.connection.begin_lingering(now);
        connections.close_overdue(now + 3_600 * SECOND);
        assert!(!is_closed(&first), "its own limits end it");
        let _second = connections.admit(address("192.0.2.1"), now).unwrap();
        assert!(is_closed(&first));
    }

    #[test]
    fn requests_of_a_proxys_client_are_limited() {
        let (connections, now) = (connections(9, 2), Instant::now());
        let client = ClientAddress::of(address("192.0.2.1"));
        let first = connections.admit_request(client, now).unwrap();
        let _second = connections.admit_request(client, now).unwrap();
        assert!(connections.admit_request(client, now).is_none());
        connections.admit_request(ClientAddress::of(address("192.0.2.2")), now).unwrap();
        drop(first);
        connections.admit_request(client, now).unwrap();
    }

    #[test]
    fn connections_that_wait_too_long_for_their_clients_are_closed() {
        let (connections, now) = (connections(9, 9), Instant::now());
        let admit = || connections.admit(address("192.0.2.1"), now).unwrap();
        let [silent, slow, steady, idle, busy] = [admit(), admit(), admit(), admit(), admit()];
        slow.connection.received(40, false, now + SECOND);
        steady.connection.received(40, false, now + SECOND);
        steady.connection.received(40_000, false, now + 4 * SECOND);
        answer(&busy, now);
        answer(&idle, now);
        idle.connection.answered();
        idle.connection.flushed(0, now);
        let closed = |after: u32| {
            connections.close_overdue(now + after * SECOND);
            [&silent, &slow, &steady, &idle, &busy].map(is_closed)
        };
        assert_eq!(closed(5), [false; 5]);
        assert_eq!(closed(8), [false, true, false, false, false]);
        assert_eq!(closed(11), [true, true, false, false, false]);
        assert_eq!(closed(12), [true, true, true, false, false]);
        assert_eq!(closed(61), [true, true, true, true, false]);
    }
}
