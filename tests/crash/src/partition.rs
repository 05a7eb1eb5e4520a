//! Servers that lose sight of the database, while clients and other servers see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Settings;
use bulkhead_tests::Dice;

use crate::check::compare;
use crate::driver::drive;
use crate::ending::Ending;
use crate::hosts::Hosts;
use crate::network::{Machine, enter};
use crate::site::{Kind, Site};

/// Machines with a server each.
const MACHINES: usize = 3;
const LEASE: Duration = Duration::from_secs(2);
/// Tenants that send jobs: enough that each server has some.
const TENANTS: u64 = 4;
/// What a server says that had a job when it was cut off.
const LEFT: [&str; 2] = ["job stopped", "the job goes back to the queue"];
/// How long a server may take to notice that the database is gone, or there again.
const NOTICING: Duration = Duration::from_secs(30);

/// Cuts servers off from the database so many times, one after the other; what was wrong. The arguments are what the program
/// must be begun with to come here again, in a network of its own; there the work is done, and `None` is returned to those
/// outside, who have nothing to add.
///
/// # Panics
/// If there can be no such networks.
pub fn partition(cuts: usize, seed: u64, args: &[String]) -> Option<Vec<String>> {
    enter(args).then(|| run(cuts, seed))
}

fn run(cuts: usize, seed: u64) -> Vec<String> {
    let site = Site::new(Kind::Postgres, &Settings::default().everywhere());
    let machines: Arc<Vec<Machine>> = Arc::new((0..MACHINES).map(Machine::new).collect());
    let (store, network) = (Arc::clone(&site), Arc::clone(&machines));
    let hosts = Hosts::start_by(&site, MACHINES, move |place| {
        let machine = &network[place];
        store.serve_at(machine.bulkhead(), LEASE, &machine.own_address(), &machine.database_address())
    });
    let over = AtomicBool::new(false);
    let mut wrong = Vec::new();
    let sent: Vec<_> = thread::scope(|scope| {
        let _end = Ending(&over);
        let drivers: Vec<_> = (0..TENANTS)
            .map(|number| {
                let tenant = site.add_tenant(&format!("tenant-{number}"));
                let (hosts, over) = (&hosts, &over);
                scope.spawn(move || drive(hosts, tenant, seed * 100 + number, over))
            })
            .collect();
        let mut dice = Dice::new(seed);
        for cut in 0..cuts {
            thread::sleep(Duration::from_millis(300 + dice.below(700)));
            let place = cut % MACHINES;
            wrong.extend(cut_off(&site, &hosts, &machines[place], place, &mut dice));
        }
        over.store(true, Ordering::Release);
        drivers
            .into_iter()
            .map(|driver| driver.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    for sent in &sent {
        wrong.extend(compare(&site, &hosts, sent));
    }
    let said = |text: &&str| (0..MACHINES).map(|place| hosts.log(place).matches(*text).count()).sum::<usize>();
    let left: usize = LEFT.iter().map(said).sum();
    // Not each time: a server may have been between two jobs.
    if left == 0 {
        wrong.push(String::from("no server ever said that it stopped working on a job"));
    }
    let jobs: usize = sent.iter().map(|sent| sent.jobs.len()).sum();
    println!(
        "{cuts} times one of {MACHINES} servers was cut off; jobs were left {left} times; {jobs} jobs: {} differences",
        wrong.len()
    );
    wrong
}

/// Cuts one server off for longer than its leases.
fn cut_off(site: &Site, hosts: &Hosts, machine: &Machine, place: usize, dice: &mut Dice) -> Vec<String> {
    let mut wrong = Vec::new();
    machine.connect(false);
    let cut = Instant::now();
    let ready = |wanted| hosts.at(place).try_call("GET", "/readyz", &[], &[]).is_ok_and(|reply| reply.status == wanted);
    if !wait_until(|| ready(503)) {
        wrong.push(format!("server {place} is cut off and thinks that it is ready"));
    }
    // Its leases end, and the others get on with everything.
    let longer = LEASE + Duration::from_millis(1_000 + dice.below(2_000));
    thread::sleep(longer.saturating_sub(cut.elapsed()));
    let before = finished(site);
    if !wait_until(|| finished(site) > before + 3) {
        wrong.push(format!("server {place} is cut off and nobody takes over"));
    }
    machine.connect(true);
    if !wait_until(|| ready(200)) {
        wrong.push(format!("server {place} is connected again and not ready"));
    }
    wrong
}

fn finished(site: &Site) -> u64 {
    site.number("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")
}

fn wait_until(mut happened: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < NOTICING {
        if happened() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}
