//! Faults of servers and their database.

use std::thread;
use std::time::Duration;

use bulkhead_tests::Rng;

use crate::deployment::Deployment;
use crate::servers::Servers;

/// How often each fault happened.
#[derive(Debug, Default, Clone)]
pub struct Faults {
    /// Servers killed with `kill -9`.
    pub kills: usize,
    /// Kills after which a job was half done.
    pub in_the_middle: usize,
    /// Servers stopped (`SIGSTOP`) for longer than their leases.
    pub long_sleeps: usize,
    /// Servers stopped for a moment.
    pub short_sleeps: usize,
    /// Servers ended with `SIGTERM`.
    pub ends: usize,
    /// Restarts of the database without a shutdown.
    pub restarts: usize,
    /// Times that all connections to the database were cut.
    pub cuts: usize,
    /// Times that only the connections for notifications were cut.
    pub notification_cuts: usize,
}

/// A fault that is over when [`Fault::happen`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A server is killed.
    Kill,
    /// A second server is killed before the first is back.
    KillTwo,
    LongSleep,
    ShortSleep,
    End,
    Restart,
    Cut,
    CutNotifications,
}

impl Fault {
    /// Returns a random fault.
    pub(crate) fn any(deployment: &Deployment, servers: &Servers, rng: &mut Rng) -> Self {
        // The embedded store has no faults.
        match if deployment.database().is_some() { rng.below(100) } else { rng.below(80) } {
            0..12 if servers.count() > 1 => Self::KillTwo,
            0..60 => Self::Kill,
            60..68 => Self::LongSleep,
            68..72 => Self::ShortSleep,
            72..80 => Self::End,
            80..88 => Self::Restart,
            88..95 => Self::Cut,
            _ => Self::CutNotifications,
        }
    }

    /// Returns each kind of fault in a random order; several kills, because some find no job half done.
    pub(crate) fn each(deployment: &Deployment, servers: &Servers, rng: &mut Rng) -> Vec<Self> {
        let mut faults = vec![Self::Kill; 5];
        faults.extend([Self::LongSleep, Self::ShortSleep, Self::End]);
        if servers.count() > 1 {
            faults.push(Self::KillTwo);
        }
        if deployment.database().is_some() {
            faults.extend([Self::Restart, Self::Cut, Self::CutNotifications]);
        }
        for last in (1..faults.len()).rev() {
            faults.swap(last, usize::try_from(rng.below(last as u64 + 1)).expect("it is small"));
        }
        faults
    }

    /// Causes the fault to a random server or to the database, and ends it.
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
                cluster.stop_immediately();
                thread::sleep(Duration::from_millis(rng.below(1_000)));
                cluster.restart();
                faults.restarts += 1;
            }
            Self::Cut => {
                let (cluster, name) = database();
                cluster.cut_connections(name, "true");
                faults.cuts += 1;
            }
            Self::CutNotifications => {
                let (cluster, name) = database();
                cluster.cut_connections(name, "query ILIKE 'LISTEN%'");
                faults.notification_cuts += 1;
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
