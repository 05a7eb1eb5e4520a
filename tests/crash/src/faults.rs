//! What happens to servers and their database.

use std::thread;
use std::time::Duration;

use bulkhead_tests::Dice;

use crate::hosts::Hosts;
use crate::site::Site;

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
    /// One that dice choose.
    pub(crate) fn any(site: &Site, hosts: &Hosts, dice: &mut Dice) -> Self {
        // Without a database of its own, nothing happens to that.
        match if site.database().is_some() { dice.below(100) } else { dice.below(80) } {
            0..12 if hosts.count() > 1 => Self::KillTwo,
            0..60 => Self::Kill,
            60..68 => Self::LongSleep,
            68..72 => Self::ShortSleep,
            72..80 => Self::End,
            80..88 => Self::Restart,
            88..95 => Self::Cut,
            _ => Self::Deafen,
        }
    }

    /// Each kind that can happen here, in an order that dice choose; kills several times, as not each finds a job half done.
    pub(crate) fn each(site: &Site, hosts: &Hosts, dice: &mut Dice) -> Vec<Self> {
        let mut faults = vec![Self::Kill; 5];
        faults.extend([Self::LongSleep, Self::ShortSleep, Self::End]);
        if hosts.count() > 1 {
            faults.push(Self::KillTwo);
        }
        if site.database().is_some() {
            faults.extend([Self::Restart, Self::Cut, Self::Deafen]);
        }
        for last in (1..faults.len()).rev() {
            faults.swap(last, usize::try_from(dice.below(last as u64 + 1)).expect("it is small"));
        }
        faults
    }

    /// Happens to a server that dice choose, or to the database.
    pub(crate) fn happen(self, site: &Site, hosts: &Hosts, dice: &mut Dice, lease: Duration, faults: &mut Faults) {
        let place = usize::try_from(dice.below(hosts.count() as u64)).expect("it is small");
        let database = || site.database().expect("there is one");
        match self {
            Self::Kill => kill(site, hosts, dice, &[place], faults),
            Self::KillTwo => kill(site, hosts, dice, &[place, (place + 1) % hosts.count()], faults),
            Self::LongSleep => {
                sleep(hosts, place, lease + Duration::from_millis(500 + dice.below(1_500)));
                faults.long_sleeps += 1;
            }
            Self::ShortSleep => {
                sleep(hosts, place, Duration::from_millis(dice.below(900)));
                faults.short_sleeps += 1;
            }
            Self::End => {
                hosts.take(place).terminate();
                hosts.restart(place);
                faults.ends += 1;
            }
            Self::Restart => {
                let (cluster, _) = database();
                cluster.stop_at_once();
                thread::sleep(Duration::from_millis(dice.below(1_000)));
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

fn kill(site: &Site, hosts: &Hosts, dice: &mut Dice, places: &[usize], faults: &mut Faults) {
    for place in places {
        hosts.take(*place).kill9();
        faults.kills += 1;
    }
    faults.in_the_middle += usize::from(site.half_done() > 0);
    thread::sleep(Duration::from_millis(dice.below(400)));
    places.iter().for_each(|place| hosts.restart(*place));
}

fn sleep(hosts: &Hosts, place: usize, time: Duration) {
    hosts.signal(place, "STOP");
    thread::sleep(time);
    hosts.signal(place, "CONT");
}
