//! A client that deletes each of its jobs at a random moment. After the answer no server may commit anything of the job, also
//! not a server that was stopped in between.

use std::time::Duration;

use bulkhead_tests::{Rng, Tenant, contacts};

use crate::done_flag::DoneFlag;
use crate::servers::Servers;

/// Items of a job; four chunks.
const ITEMS: usize = 2_000;

/// Creates and deletes jobs until the flag is set. Returns the number of jobs and the differences.
pub(crate) fn delete(servers: &Servers, tenant: &Tenant, seed: u64, done_flag: &DoneFlag) -> (usize, Vec<String>) {
    let mut rng = Rng::new(seed);
    // A second generator chooses servers, because the number of calls depends on timing.
    let mut choice = Rng::new(!seed);
    let mut wrong = Vec::new();
    let (mut jobs, mut known) = (0, 0);
    while !done_flag.is_set() {
        let body = contacts(&format!("d{jobs}-"), 0..ITEMS).to_string();
        let key = format!("job-{jobs}");
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let path = "/api/contacts/bulk/new";
        let accepted = servers.call(tenant, &mut choice, "POST", path, &headers, body.as_bytes()).expect(202).json();
        rng.spin_up_to(Duration::from_millis(600));
        let path = format!("/api/contacts/job/{}", accepted["id"].as_str().expect("an id"));
        let deleted = servers.call(tenant, &mut choice, "DELETE", &path, &[], &[]);
        // 404 if an earlier try was applied and its answer lost.
        assert!([200, 404].contains(&deleted.status), "{}", deleted.text());
        let now = total(servers, tenant, &mut choice);
        // Commits before the deletion are whole chunks.
        let chunk: u64 = 500;
        if now < known || !(now - known).is_multiple_of(chunk) || now - known > ITEMS as u64 {
            wrong.push(format!("of deleted job {jobs}, {known} contacts became {now}"));
        }
        known = now;
        jobs += 1;
        // A server that is resumed now must not commit anything of the job.
        rng.spin_up_to(Duration::from_millis(1_500));
        let later = total(servers, tenant, &mut choice);
        if later != known {
            wrong.push(format!("after job {jobs} was deleted, {known} contacts became {later}"));
            known = later;
        }
    }
    (jobs, wrong)
}

fn total(servers: &Servers, tenant: &Tenant, rng: &mut Rng) -> u64 {
    let list = servers.get(tenant, rng, "/api/contacts?limit=1");
    list["total"].as_str().and_then(|total| total.parse().ok()).expect("a total")
}
