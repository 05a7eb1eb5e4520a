//! A client that sends one tenant's jobs, one after the other, whatever happens to the servers.

use std::time::{Duration, Instant};

use bulkhead_tests::{Rng, Tenant};

use crate::done_flag::DoneFlag;
use crate::model::{Model, Row};
use crate::servers::Servers;

/// Jobs that wait or run at a time: enough to have work always, and few enough that they are done soon in the end.
const WAITING: usize = 3;
/// How long a job may take, whatever happens meanwhile.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a tenant sent.
pub(crate) struct Sent {
    pub(crate) tenant: Tenant,
    pub(crate) model: Model,
    /// Ids and what the rows must be, in the order in which they were accepted.
    pub(crate) jobs: Vec<(String, Vec<Row>)>,
}

/// Sends jobs until it is over; waits for the end of all.
pub(crate) fn drive(servers: &Servers, tenant: Tenant, seed: u64, done_flag: &DoneFlag) -> Sent {
    drive_watched(servers, tenant, seed, done_flag, &|_, _| {})
}

/// The same, and says of each job that it was accepted.
pub(crate) fn drive_watched(
    servers: &Servers,
    tenant: Tenant,
    seed: u64,
    done_flag: &DoneFlag,
    accepted: &dyn Fn(&Tenant, &str),
) -> Sent {
    let mut rng = Rng::new(seed);
    // Which server is called is another matter than what is sent: how often it is called depends on the moment.
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
        while sent.jobs.len() - done > WAITING {
            wait_for(servers, &sent.tenant, &mut choice, &sent.jobs[done].0);
            done += 1;
        }
    }
    for (id, _) in &sent.jobs[done..] {
        wait_for(servers, &sent.tenant, &mut choice, id);
    }
    sent
}

/// Waits for a job's end.
pub(crate) fn wait_for(servers: &Servers, tenant: &Tenant, choice: &mut Rng, id: &str) {
    let began = Instant::now();
    loop {
        let job = servers.get(tenant, choice, &format!("/api/contacts/job/{id}"));
        if job["status"] == "completed" {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "job {id} is never done: {job}\n{}", servers.shown_logs());
        std::thread::sleep(Duration::from_millis(20));
    }
}
