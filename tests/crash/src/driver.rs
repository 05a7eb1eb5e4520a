//! A client that sends one tenant's jobs one after another while servers fail.

use std::thread;
use std::time::{Duration, Instant};

use bulkhead_tests::{Rng, Tenant};

use crate::deployment::Deployment;
use crate::done_flag::DoneFlag;
use crate::model::{Model, Row};
use crate::servers::Servers;

/// Jobs that are unfinished at a time: enough that there is always work, and few enough to finish soon at the end.
const MAX_UNFINISHED_JOBS: usize = 3;
/// Timeout of a job, with all faults during it.
const JOB_TIMEOUT: Duration = Duration::from_secs(180);

/// The jobs that a tenant sent.
pub(crate) struct Sent {
    pub(crate) tenant: Tenant,
    pub(crate) model: Model,
    /// The jobs' ids and expected rows, in the order of acceptance.
    pub(crate) jobs: Vec<(String, Vec<Row>)>,
}

/// Sends jobs until the flag is set, then waits for the end of all jobs.
pub(crate) fn drive(servers: &Servers, tenant: Tenant, seed: u64, done_flag: &DoneFlag) -> Sent {
    drive_watched(servers, tenant, seed, done_flag, &|_, _| {})
}

/// As [`drive`], and calls `accepted` for each accepted job.
pub(crate) fn drive_watched(
    servers: &Servers,
    tenant: Tenant,
    seed: u64,
    done_flag: &DoneFlag,
    accepted: &dyn Fn(&Tenant, &str),
) -> Sent {
    let mut rng = Rng::new(seed);
    // A second generator chooses servers, because the number of calls depends on timing and what is sent must not.
    let mut choice = Rng::new(!seed);
    let mut sent = Sent { tenant, model: Model::default(), jobs: Vec::new() };
    let mut done = 0;
    while !done_flag.is_set() {
        let planned = sent.model.next_job(&mut rng);
        let key = format!("job-{}", sent.jobs.len());
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let body = planned.items.to_string();
        let reply = servers
            .call(&sent.tenant, &mut choice, planned.method, planned.path, &headers, body.as_bytes())
            .expect(202);
        let id = reply.json()["id"].as_str().expect("an id").to_owned();
        accepted(&sent.tenant, &id);
        sent.jobs.push((id, planned.rows));
        while sent.jobs.len() - done > MAX_UNFINISHED_JOBS {
            wait_for(servers, &sent.tenant, &mut choice, &sent.jobs[done].0);
            done += 1;
        }
    }
    for (id, _) in &sent.jobs[done..] {
        wait_for(servers, &sent.tenant, &mut choice, id);
    }
    sent
}

/// Drives so many new tenants while `work` is done. Returns what they sent, and what `work` returned.
pub(crate) fn drive_while<T>(
    deployment: &Deployment,
    servers: &Servers,
    tenants: u64,
    seed: u64,
    work: impl FnOnce() -> T,
) -> (Vec<Sent>, T) {
    let done_flag = DoneFlag::default();
    thread::scope(|scope| {
        let _end = done_flag.set_on_drop();
        let drivers: Vec<_> = (0..tenants)
            .map(|number| {
                let tenant = deployment.add_tenant(&format!("tenant-{number}"));
                let done_flag = &done_flag;
                scope.spawn(move || drive(servers, tenant, seed * 100 + number, done_flag))
            })
            .collect();
        let done = work();
        done_flag.set();
        (drivers.into_iter().map(|driver| joined(driver.join())).collect(), done)
    })
}

/// Returns the result of a thread, or panics as it did.
pub(crate) fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Waits for a job's end.
pub(crate) fn wait_for(servers: &Servers, tenant: &Tenant, choice: &mut Rng, id: &str) {
    let began = Instant::now();
    loop {
        let job = servers.get(tenant, choice, &format!("/api/contacts/job/{id}"));
        if job["status"] == "completed" {
            return;
        }
        assert!(began.elapsed() < JOB_TIMEOUT, "job {id} never ends: {job}\n{}", servers.shown_logs());
        thread::sleep(Duration::from_millis(20));
    }
}
