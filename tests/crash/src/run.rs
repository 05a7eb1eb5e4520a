//! A whole run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Settings;
use bulkhead_tests::Dice;

use crate::check::compare;
use crate::crowd::{CONTACTS, Crowd};
use crate::deleter::delete;
use crate::driver::drive;
use crate::ending::Ending;
use crate::faults::{Fault, Faults};
use crate::hosts::{Hosts, SOON};
use crate::site::{Kind, Site};

/// Short, so that a run sees many of them end.
const LEASE: Duration = Duration::from_secs(2);
/// Tenants that send jobs, which run one after the other. Of another one, some run at once; and one deletes its own.
const TENANTS: u64 = 3;
/// Jobs of that other one that run at once.
const AT_ONCE: usize = 4;
/// Between two faults at most.
const QUIET: u64 = 700;

/// What goes wrong in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What dice choose, until so many servers were killed.
    Kills(usize),
    /// Each kind of fault that there is, in an order that dice choose.
    EachKind,
}

/// What a run is like. The same seed sends the same jobs and chooses the same faults; the moments are never quite the same.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Where everything is kept.
    pub kind: Kind,
    /// Servers: one with SQLite.
    pub hosts: usize,
    /// What goes wrong until it is over.
    pub extent: Extent,
    /// What the dice begin with.
    pub seed: u64,
}

/// What became of a run.
#[derive(Debug)]
pub struct Report {
    /// What went wrong on purpose.
    pub faults: Faults,
    /// Jobs that were compared.
    pub jobs: usize,
    /// Items of these jobs.
    pub items: usize,
    /// Contacts that were compared.
    pub contacts: usize,
    /// Jobs that were deleted.
    pub deleted: usize,
    /// Batches that were answered at once, and those of which nobody knew whether they took effect.
    pub batches: (usize, usize),
    /// Calls without an answer, answered 503, answered 429, each made again.
    pub repeated: (usize, usize, usize),
    /// What is not as it must be; nothing, if all is well.
    pub wrong: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let faults = &self.faults;
        writeln!(
            f,
            "{} kills ({} found a job half done), {} sleeps past the lease, {} short ones, {} ends in good order",
            faults.kills, faults.in_the_middle, faults.long_sleeps, faults.short_sleeps, faults.ends
        )?;
        writeln!(
            f,
            "{} restarts of the database, {} cuts of all connections, {} of the listening ones",
            faults.restarts, faults.cuts, faults.deafenings
        )?;
        writeln!(
            f,
            "calls made again: {} without an answer, {} after 503, {} after 429",
            self.repeated.0, self.repeated.1, self.repeated.2
        )?;
        write!(
            f,
            "compared: {} jobs, {} rows, {} contacts, {} deleted jobs, {} batches, {} without an answer, in {} s: {} differences",
            self.jobs,
            self.items,
            self.contacts,
            self.deleted,
            self.batches.0,
            self.batches.1,
            self.took.as_secs(),
            self.wrong.len()
        )?;
        self.wrong.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Runs a plan.
///
/// # Panics
/// If a server does not start, a call gets an answer that no client should get, or a job is never done.
pub fn run(plan: Plan) -> Report {
    let began = Instant::now();
    let site = Site::new(plan.kind, &Settings::default());
    let hosts = Hosts::start(&site, plan.hosts, LEASE, SOON);
    let deleting = site.add_tenant("deleting");
    let crowded = site.add_tenant("crowded");
    site.let_run_at_once(&crowded, AT_ONCE);
    let over = AtomicBool::new(false);
    let mut faults = Faults::default();
    let (sent, crowd, (deleted, mut wrong)) = thread::scope(|scope| {
        // Whatever happens here, the clients come to an end.
        let _end = Ending(&over);
        let drivers: Vec<_> = (0..TENANTS)
            .map(|number| {
                let tenant = site.add_tenant(&format!("tenant-{number}"));
                let (hosts, over) = (&hosts, &over);
                scope.spawn(move || drive(hosts, tenant, plan.seed * 100 + number, over))
            })
            .collect();
        let deleter = scope.spawn(|| delete(&hosts, &deleting, plan.seed * 100 + 99, &over));
        let crowd = scope.spawn(|| Crowd::drive(&hosts, crowded, plan.seed * 100 + 98, &over));
        let mut dice = Dice::new(plan.seed);
        let mut each = Fault::each(&site, &hosts, &mut dice).into_iter();
        while !drivers.iter().any(thread::ScopedJoinHandle::is_finished) {
            let next = match plan.extent {
                Extent::Kills(kills) => (faults.kills < kills).then(|| Fault::any(&site, &hosts, &mut dice)),
                Extent::EachKind => each.next(),
            };
            let Some(fault) = next else { break };
            thread::sleep(Duration::from_millis(dice.below(QUIET)));
            fault.happen(&site, &hosts, &mut dice, LEASE, &mut faults);
        }
        over.store(true, Ordering::Release);
        let sent: Vec<_> = drivers.into_iter().map(|driver| joined(driver.join())).collect();
        (sent, joined(crowd.join()), joined(deleter.join()))
    });
    for sent in &sent {
        wrong.extend(compare(&site, &hosts, sent));
    }
    wrong.extend(crowd.compare(&site, &hosts));
    let answers = hosts.answers();
    for (what, sql) in [
        ("items of finished jobs are kept", "SELECT count(*) FROM payloads"),
        ("jobs are unfinished", "SELECT count(*) FROM jobs WHERE finished_at IS NULL"),
        (
            "keys belong to no contact",
            "SELECT count(*) FROM contact_keys WHERE NOT EXISTS (SELECT 1 FROM contacts
             WHERE contacts.tenant = contact_keys.tenant AND contacts.id = contact_keys.contact)",
        ),
    ] {
        let count = site.number(sql);
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    }
    Report {
        faults,
        jobs: sent.iter().map(|sent| sent.jobs.len()).sum::<usize>() + crowd.jobs(),
        items: sent.iter().flat_map(|sent| &sent.jobs).map(|(_, rows)| rows.len()).sum(),
        contacts: sent.iter().map(|sent| sent.model.contacts.len()).sum::<usize>() + CONTACTS,
        deleted,
        batches: crowd.batches,
        repeated: (answers.none, answers.unavailable, answers.too_many),
        wrong,
        took: began.elapsed(),
    }
}

fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
