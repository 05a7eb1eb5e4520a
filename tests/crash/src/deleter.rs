//! A client that deletes each of its jobs at some moment: nothing of a job may be committed once its deletion was answered,
//! by whichever server, also one that slept meanwhile.

use std::time::Duration;

use bulkhead_tests::{Rng, Tenant, contacts};

use crate::done_flag::DoneFlag;
use crate::servers::Servers;

/// Items of a job; four chunks.
const ITEMS: usize = 2_000;

/// Makes and deletes jobs until it is over; returns how many, and what was wrong.
pub(crate) fn delete(servers: &Servers, tenant: &Tenant, seed: u64, done_flag: &DoneFlag) -> (usize, Vec<String>) {
    let mut rng = Rng::new(seed);
    // Which server is called is another matter than when: how often it is called depends on the moment.
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
        // 404 if an earlier call got through, of which no answer came.
        assert!([200, 404].contains(&deleted.status), "{}", deleted.text());
        let now = total(servers, tenant, &mut choice);
        // A commit before the deletion is whole.
        let chunk: u64 = 500;
        if now < known || !(now - known).is_multiple_of(chunk) || now - known > ITEMS as u64 {
            wrong.push(format!("of deleted job {jobs}, {known} contacts became {now}"));
        }
        known = now;
        jobs += 1;
        // The next job, and whoever wakes up meanwhile, comes after this look.
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
