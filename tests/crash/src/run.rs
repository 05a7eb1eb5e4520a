//! A run: clients, faults and the comparison at the end.

use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Settings;
use bulkhead_tests::{Rng, WebhookReceiver};

use crate::check::compare;
use crate::concurrent_tenant::{CONTACTS, ConcurrentTenant};
use crate::deleter::delete;
use crate::deployment::{Deployment, Kind};
use crate::done_flag::DoneFlag;
use crate::driver::{drive, joined};
use crate::faults::{Fault, Faults};
use crate::servers::{CALL_TIMEOUT, Servers};
use crate::told_tenant::{MESSAGE_TIMEOUT, ToldTenant};
use crate::undone_tenant::UndoneTenant;

/// Short, so that many leases end during a run.
const LEASE: Duration = Duration::from_secs(2);
/// Tenants whose jobs run one after another. Four more tenants run jobs concurrently, delete their jobs, try and apply theirs, and
/// undo theirs.
const TENANTS: u64 = 3;
/// Running jobs of the concurrent tenant.
const MAX_RUNNING_JOBS: usize = 4;
/// Longest pause between two faults, in milliseconds.
const MAX_FAULT_PAUSE_MILLIS: u64 = 700;

/// The faults of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Random faults until this many servers were killed.
    Kills(usize),
    /// Random faults until a standby took over this many times.
    FailOvers(usize),
    /// Each kind of fault, in a random order.
    EachKind,
}

/// The parameters of a run. The same seed sends the same jobs and chooses the same faults, at slightly different moments.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The dialect of the store.
    pub kind: Kind,
    /// The number of servers; one with SQLite.
    pub servers: usize,
    /// The faults of the run.
    pub extent: Extent,
    /// The seed of all random choices.
    pub seed: u64,
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Report {
    /// The faults that happened.
    pub faults: Faults,
    /// Jobs that were compared.
    pub jobs: usize,
    /// Items of these jobs.
    pub items: usize,
    /// Contacts that were compared.
    pub contacts: usize,
    /// Jobs that were deleted.
    pub deleted: usize,
    /// Dry runs and jobs that applied them, of which an endpoint was told.
    pub told: usize,
    /// Jobs that were undone, and undos that were undone.
    pub undone: usize,
    /// Batches that were answered, and batches whose outcome was unknown.
    pub batches: (usize, usize),
    /// Calls that were repeated: without an answer, after 503, and after 429.
    pub repeated: (usize, usize, usize),
    /// The differences; empty if all is correct.
    pub wrong: Vec<String>,
    /// How long the run took.
    pub took: Duration,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let faults = &self.faults;
        writeln!(
            f,
            "{} kills ({} found a job half done), {} stops past the lease, {} short stops, {} clean ends",
            faults.kills, faults.in_the_middle, faults.long_sleeps, faults.short_sleeps, faults.ends
        )?;
        writeln!(
            f,
            "{} restarts of the database, {} cuts of all connections, {} of those for notifications",
            faults.restarts, faults.cuts, faults.notification_cuts
        )?;
        if faults.failovers + faults.switchovers > 0 {
            writeln!(
                f,
                "a standby took over {} times from a primary that was killed and {} times from one that was stopped; jobs ended again within {} ms",
                faults.failovers,
                faults.switchovers,
                faults.failed_over.as_millis()
            )?;
        }
        writeln!(
            f,
            "repeated calls: {} without an answer, {} after 503, {} after 429",
            self.repeated.0, self.repeated.1, self.repeated.2
        )?;
        write!(
            f,
            "compared: {} jobs, {} rows, {} contacts, {} deleted jobs, {} dry and applied ones, {} undos, {} batches, {} without an answer, in {} s: {} differences",
            self.jobs,
            self.items,
            self.contacts,
            self.deleted,
            self.told,
            self.undone,
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
/// If a server does not start, a call gets an answer that no client should get, or a job never ends.
pub fn run(plan: Plan) -> Report {
    let began = Instant::now();
    let deployment = Deployment::new(plan.kind, &Settings::default());
    let servers = Servers::start(&deployment, plan.servers, LEASE, CALL_TIMEOUT);
    let deleting = deployment.add_tenant("deleting");
    let concurrent_tenant = deployment.add_tenant("concurrent_tenant");
    deployment.set_running_jobs(&concurrent_tenant, MAX_RUNNING_JOBS);
    let receiver = WebhookReceiver::answering("204 No Content");
    let told_tenant = deployment.add_tenant("told");
    let url = receiver.url();
    let add = ["webhook", "add", &told_tenant.name, &url, "--webhook-allow", "127.0.0.0/8"];
    deployment.command_line().run(&add).expect(0);
    let undone_tenant = deployment.add_tenant("undone");
    let done_flag = DoneFlag::default();
    let mut faults = Faults::default();
    let (sent, concurrent, told, undone, (deleted, mut wrong)) = thread::scope(|scope| {
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
        let told =
            scope.spawn(|| ToldTenant::drive(&servers, &told_tenant, receiver, plan.seed * 100 + 97, &done_flag));
        let undone = scope.spawn(|| UndoneTenant::drive(&servers, &undone_tenant, plan.seed * 100 + 96, &done_flag));
        let mut rng = Rng::new(plan.seed);
        let mut each = Fault::each(&deployment, &servers, &mut rng).into_iter();
        while !drivers.iter().any(thread::ScopedJoinHandle::is_finished) {
            let next = match plan.extent {
                Extent::Kills(kills) => (faults.kills < kills).then(|| Fault::any(&deployment, &servers, &mut rng)),
                Extent::FailOvers(count) => {
                    (faults.failovers + faults.switchovers < count).then(|| Fault::any(&deployment, &servers, &mut rng))
                }
                Extent::EachKind => each.next(),
            };
            let Some(fault) = next else { break };
            thread::sleep(Duration::from_millis(rng.below(MAX_FAULT_PAUSE_MILLIS)));
            fault.happen(&deployment, &servers, &mut rng, LEASE, &mut faults);
        }
        done_flag.set();
        let sent: Vec<_> = drivers.into_iter().map(|driver| joined(driver.join())).collect();
        let (concurrent, told) = (joined(concurrent.join()), joined(told.join()));
        (sent, concurrent, told, joined(undone.join()), joined(deleter.join()))
    });
    for sent in &sent {
        wrong.extend(compare(&deployment, &servers, sent));
    }
    wrong.extend(concurrent.compare(&deployment, &servers));
    let told_jobs = told.jobs();
    wrong.extend(told.compare(MESSAGE_TIMEOUT));
    let undone_jobs = undone.jobs();
    wrong.extend(undone.into_wrong());
    let retries = servers.retries();
    for (what, sql) in [
        (
            "tenants have other bytes than were counted",
            "SELECT count(*) FROM recounted_usage WHERE counted_bytes <> recounted_bytes",
        ),
        (
            "items of finished jobs are kept that are no dry runs",
            "SELECT count(*) FROM payloads WHERE NOT EXISTS (SELECT 1 FROM jobs
             WHERE jobs.tenant = payloads.tenant AND jobs.id = payloads.job AND mode LIKE 'dry%')",
        ),
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
        told: told_jobs,
        undone: undone_jobs,
        batches: concurrent.batches,
        repeated: (retries.no_answer, retries.unavailable, retries.too_many),
        wrong,
        took: began.elapsed(),
    }
}
