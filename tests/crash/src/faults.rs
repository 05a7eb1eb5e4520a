//! Faults of servers and their database.

use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Cluster;
use bulkhead_tests::Rng;

use crate::deployment::Deployment;
use crate::servers::Servers;

/// Time from the end of a primary until servers have finished a job again, with the promotion.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(60);

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
    /// Primaries killed with `kill -9`, whose standby took over.
    pub failovers: usize,
    /// Primaries stopped by an operator, whose standby took over.
    pub switchovers: usize,
    /// The longest time from such an end until servers had finished a job again.
    pub failed_over: Duration,
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
    /// The primary ends, the standby takes over, and the primary comes back as its standby.
    FailOver,
}

impl Fault {
    /// Returns a random fault.
    pub(crate) fn any(deployment: &Deployment, servers: &Servers, rng: &mut Rng) -> Self {
        // Until the standby follows again, one database has everything, and nothing else may happen to it.
        if deployment.has_standby() {
            return if rng.below(3) == 0 { Self::Kill } else { Self::FailOver };
        }
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
        if deployment.has_standby() {
            return vec![Self::FailOver];
        }
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
            Self::FailOver => fail_over(deployment, servers, faults),
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

/// Every other time the primary is killed, and otherwise stopped.
fn fail_over(deployment: &Deployment, servers: &Servers, faults: &mut Faults) {
    let finished = || deployment.number("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL");
    let begun = Instant::now();
    if faults.failovers > faults.switchovers {
        deployment.fail_over(Cluster::stop);
        faults.switchovers += 1;
    } else {
        deployment.fail_over(Cluster::kill9);
        faults.failovers += 1;
    }
    let before = finished();
    while finished() == before {
        assert!(begun.elapsed() < FAILOVER_TIMEOUT, "servers do not go on\n{}", servers.shown_logs());
        thread::sleep(Duration::from_millis(20));
    }
    faults.failed_over = faults.failed_over.max(begun.elapsed());
    deployment.bring_back();
}

fn sleep(servers: &Servers, place: usize, time: Duration) {
    servers.signal(place, "STOP");
    thread::sleep(time);
    servers.signal(place, "CONT");
}
