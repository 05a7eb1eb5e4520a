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
    /// Of these, how many found a job half done.
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
pub(crate) fn happen(site: &Site, hosts: &Hosts, dice: &mut Dice, lease: Duration, faults: &mut Faults) {
    let place = usize::try_from(dice.below(hosts.count() as u64)).expect("it is small");
    // Without a database of its own, nothing happens to that.
    let what = if site.database().is_some() { dice.below(100) } else { dice.below(80) };
    match what {
        0..60 => kill(site, hosts, dice, place, faults),
        60..68 => {
            let longer = lease + Duration::from_millis(500 + dice.below(1_500));
            sleep(hosts, place, longer);
            faults.long_sleeps += 1;
        }
        68..72 => {
            sleep(hosts, place, Duration::from_millis(dice.below(900)));
            faults.short_sleeps += 1;
        }
        72..80 => {
            hosts.take(place).terminate();
            hosts.restart(place);
            faults.ends += 1;
        }
        what => {
            let (cluster, name) = site.database().expect("there is one");
            match what {
                80..88 => {
                    cluster.stop_at_once();
                    thread::sleep(Duration::from_millis(dice.below(1_000)));
                    cluster.start_again();
                    faults.restarts += 1;
                }
                88..95 => {
                    cluster.cut_connections(name, "true");
                    faults.cuts += 1;
                }
                _ => {
                    cluster.cut_connections(name, "query ILIKE 'LISTEN%'");
                    faults.deafenings += 1;
                }
            }
        }
    }
}

fn kill(site: &Site, hosts: &Hosts, dice: &mut Dice, place: usize, faults: &mut Faults) {
    hosts.take(place).kill9();
    faults.kills += 1;
    faults.in_the_middle += usize::from(site.half_done() > 0);
    // Sometimes a second one dies before the first is back.
    let other = (place + 1) % hosts.count();
    let both = other != place && dice.below(5) == 0;
    if both {
        hosts.take(other).kill9();
        faults.kills += 1;
    }
    thread::sleep(Duration::from_millis(dice.below(400)));
    hosts.restart(place);
    if both {
        hosts.restart(other);
    }
}

fn sleep(hosts: &Hosts, place: usize, time: Duration) {
    hosts.signal(place, "STOP");
    thread::sleep(time);
    hosts.signal(place, "CONT");
}
