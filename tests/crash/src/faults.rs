//! What happens to servers and their database.

use std::thread;
use std::time::Duration;

use bulkhead_tests::Rng;

use crate::deployment::Deployment;
use crate::servers::Servers;

/// How often each of them happened.
#[derive(Debug, Default, Clone)]
pub struct Faults {
    /// Servers killed with `kill -9`.
    pub kills: usize,
    /// How many times a kill found a job half done.
    pub in_the_middle: usize,
    /// Servers that slept longer than their leases.
    pub long_sleeps: usize,
    /// Servers that slept a moment.
    pub short_sleeps: usize,
    /// Servers that were asked to end.
    pub ends: usize,
    /// Restarts of the database without a goodbye.
    pub restarts: usize,
    /// Times that all connections to the database were cut.
    pub cuts: usize,
    /// Times that only those were cut by which servers hear of each other.
    pub deafenings: usize,
}

/// One thing that goes wrong, and comes right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A server is killed.
    Kill,
    /// A second one dies before the first is back.
    KillTwo,
    LongSleep,
    ShortSleep,
    End,
    Restart,
    Cut,
    Deafen,
}

impl Fault {
    /// One that rng choose.
    pub(crate) fn any(deployment: &Deployment, servers: &Servers, rng: &mut Rng) -> Self {
        // Without a database of its own, nothing happens to that.
        match if deployment.database().is_some() { rng.below(100) } else { rng.below(80) } {
            0..12 if servers.count() > 1 => Self::KillTwo,
            0..60 => Self::Kill,
            60..68 => Self::LongSleep,
            68..72 => Self::ShortSleep,
            72..80 => Self::End,
            80..88 => Self::Restart,
            88..95 => Self::Cut,
            _ => Self::Deafen,
        }
    }

    /// Each kind that can happen here, in an order that rng choose; kills several times, as not each finds a job half done.
    pub(crate) fn each(deployment: &Deployment, servers: &Servers, rng: &mut Rng) -> Vec<Self> {
        let mut faults = vec![Self::Kill; 5];
        faults.extend([Self::LongSleep, Self::ShortSleep, Self::End]);
        if servers.count() > 1 {
            faults.push(Self::KillTwo);
        }
        if deployment.database().is_some() {
            faults.extend([Self::Restart, Self::Cut, Self::Deafen]);
        }
        for last in (1..faults.len()).rev() {
            faults.swap(last, usize::try_from(rng.below(last as u64 + 1)).expect("it is small"));
        }
        faults
    }

    /// Happens to a server that rng choose, or to the database.
    pub(crate) fn happen(
        self,
        deployment: &Deployment,
        servers: &Servers,
        rng: &mut Rng,
        lease: Duration,
        faults: &mut Faults,
    ) {
        let place = usize::try_from(rng.below(servers.count() as u64)).expect("it is small");
        let database = || deployment.database().expect("there is one");
        match self {
            Self::Kill => kill(deployment, servers, rng, &[place], faults),
            Self::KillTwo => kill(deployment, servers, rng, &[place, (place + 1) % servers.count()], faults),
            Self::LongSleep => {
                sleep(servers, place, lease + Duration::from_millis(500 + rng.below(1_500)));
                faults.long_sleeps += 1;
            }
            Self::ShortSleep => {
                sleep(servers, place, Duration::from_millis(rng.below(900)));
                faults.short_sleeps += 1;
            }
            Self::End => {
                servers.take(place).terminate();
                servers.restart(place);
                faults.ends += 1;
            }
            Self::Restart => {
                let (cluster, _) = database();
                cluster.stop_at_once();
                thread::sleep(Duration::from_millis(rng.below(1_000)));
                cluster.start_again();
                faults.restarts += 1;
            }
            Self::Cut => {
                let (cluster, name) = database();
                cluster.cut_connections(name, "true");
                faults.cuts += 1;
            }
            Self::Deafen => {
                let (cluster, name) = database();
                cluster.cut_connections(name, "query ILIKE 'LISTEN%'");
                faults.deafenings += 1;
            }
        }
    }
}

fn kill(deployment: &Deployment, servers: &Servers, rng: &mut Rng, places: &[usize], faults: &mut Faults) {
    for place in places {
        servers.take(*place).kill9();
        faults.kills += 1;
    }
    faults.in_the_middle += usize::from(deployment.half_done() > 0);
    thread::sleep(Duration::from_millis(rng.below(400)));
    places.iter().for_each(|place| servers.restart(*place));
}

fn sleep(servers: &Servers, place: usize, time: Duration) {
    servers.signal(place, "STOP");
    thread::sleep(time);
    servers.signal(place, "CONT");
}
