//! A whole run.

use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Settings;
use bulkhead_tests::Rng;

use crate::check::compare;
use crate::concurrent_tenant::{CONTACTS, ConcurrentTenant};
use crate::deleter::delete;
use crate::deployment::{Deployment, Kind};
use crate::done_flag::DoneFlag;
use crate::driver::drive;
use crate::faults::{Fault, Faults};
use crate::servers::{CALL_TIMEOUT, Servers};

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
    /// What rng choose, until so many servers were killed.
    Kills(usize),
    /// Each kind of fault that there is, in an order that rng choose.
    EachKind,
}

/// What a run is like. The same seed sends the same jobs and chooses the same faults; the moments are never quite the same.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Where everything is kept.
    pub kind: Kind,
    /// Servers: one with SQLite.
    pub servers: usize,
    /// What goes wrong until it is over.
    pub extent: Extent,
    /// What the rng begin with.
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
    let deployment = Deployment::new(plan.kind, &Settings::default());
    let servers = Servers::start(&deployment, plan.servers, LEASE, CALL_TIMEOUT);
    let deleting = deployment.add_tenant("deleting");
    let concurrent_tenant = deployment.add_tenant("concurrent_tenant");
    deployment.set_running_jobs(&concurrent_tenant, AT_ONCE);
    let done_flag = DoneFlag::default();
    let mut faults = Faults::default();
    let (sent, concurrent, (deleted, mut wrong)) = thread::scope(|scope| {
        // Whatever happens here, the clients come to an end.
        let _end = done_flag.set_on_drop();
        let drivers: Vec<_> = (0..TENANTS)
            .map(|number| {
                let tenant = deployment.add_tenant(&format!("tenant-{number}"));
                let (servers, done_flag) = (&servers, &done_flag);
                scope.spawn(move || drive(servers, tenant, plan.seed * 100 + number, done_flag))
            })
            .collect();
        let deleter = scope.spawn(|| delete(&servers, &deleting, plan.seed * 100 + 99, &done_flag));
        let concurrent =
            scope.spawn(|| ConcurrentTenant::drive(&servers, concurrent_tenant, plan.seed * 100 + 98, &done_flag));
        let mut rng = Rng::new(plan.seed);
        let mut each = Fault::each(&deployment, &servers, &mut rng).into_iter();
        while !drivers.iter().any(thread::ScopedJoinHandle::is_finished) {
            let next = match plan.extent {
                Extent::Kills(kills) => (faults.kills < kills).then(|| Fault::any(&deployment, &servers, &mut rng)),
                Extent::EachKind => each.next(),
            };
            let Some(fault) = next else { break };
            thread::sleep(Duration::from_millis(rng.below(QUIET)));
            fault.happen(&deployment, &servers, &mut rng, LEASE, &mut faults);
        }
        done_flag.set();
        let sent: Vec<_> = drivers.into_iter().map(|driver| joined(driver.join())).collect();
        (sent, joined(concurrent.join()), joined(deleter.join()))
    });
    for sent in &sent {
        wrong.extend(compare(&deployment, &servers, sent));
    }
    wrong.extend(concurrent.compare(&deployment, &servers));
    let retries = servers.retries();
    for (what, sql) in [
        ("items of finished jobs are kept", "SELECT count(*) FROM payloads"),
        ("jobs are unfinished", "SELECT count(*) FROM jobs WHERE finished_at IS NULL"),
        (
            "keys belong to no contact",
            "SELECT count(*) FROM contact_keys WHERE NOT EXISTS (SELECT 1 FROM contacts
             WHERE contacts.tenant = contact_keys.tenant AND contacts.id = contact_keys.contact)",
        ),
    ] {
        let count = deployment.number(sql);
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    }
    Report {
        faults,
        jobs: sent.iter().map(|sent| sent.jobs.len()).sum::<usize>() + concurrent.jobs(),
        items: sent.iter().flat_map(|sent| &sent.jobs).map(|(_, rows)| rows.len()).sum(),
        contacts: sent.iter().map(|sent| sent.model.contacts.len()).sum::<usize>() + CONTACTS,
        deleted,
        batches: concurrent.batches,
        repeated: (retries.no_answer, retries.unavailable, retries.too_many),
        wrong,
        took: began.elapsed(),
    }
}

fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
