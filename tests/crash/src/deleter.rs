//! A client that deletes each of its jobs at some moment: nothing of a job may be committed once its deletion was answered,
//! by whichever server, also one that slept meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulkhead_tests::{Dice, Tenant, contacts};

use crate::hosts::Hosts;

/// Items of a job; four chunks.
const ITEMS: usize = 2_000;

/// Makes and deletes jobs until it is over; returns how many, and what was wrong.
pub(crate) fn delete(hosts: &Hosts, tenant: &Tenant, seed: u64, over: &AtomicBool) -> (usize, Vec<String>) {
    let mut dice = Dice::new(seed);
    // Which server is called is another matter than when: how often it is called depends on the moment.
    let mut choice = Dice::new(!seed);
    let mut wrong = Vec::new();
    let (mut jobs, mut known) = (0, 0);
    while !over.load(Ordering::Acquire) {
        let body = contacts(&format!("d{jobs}-"), 0..ITEMS).to_string();
        let key = format!("job-{jobs}");
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let path = "/api/contacts/bulk/new";
        let accepted = hosts.call(tenant, &mut choice, "POST", path, &headers, body.as_bytes()).expect(202).json();
        dice.pass_time(Duration::from_millis(600));
        let path = format!("/api/contacts/job/{}", accepted["id"].as_str().expect("an id"));
        let deleted = hosts.call(tenant, &mut choice, "DELETE", &path, &[], &[]);
        // 404 if an earlier call got through, of which no answer came.
        assert!([200, 404].contains(&deleted.status), "{}", deleted.text());
        let now = total(hosts, tenant, &mut choice);
        // A commit before the deletion is whole.
        let chunk: u64 = 500;
        if now < known || !(now - known).is_multiple_of(chunk) || now - known > ITEMS as u64 {
            wrong.push(format!("of deleted job {jobs}, {known} contacts became {now}"));
        }
        known = now;
        jobs += 1;
        // The next job, and whoever wakes up meanwhile, comes after this look.
        dice.pass_time(Duration::from_millis(1_500));
        let later = total(hosts, tenant, &mut choice);
        if later != known {
            wrong.push(format!("after job {jobs} was deleted, {known} contacts became {later}"));
            known = later;
        }
    }
    (jobs, wrong)
}

fn total(hosts: &Hosts, tenant: &Tenant, dice: &mut Dice) -> u64 {
    let list = hosts.get(tenant, dice, "/api/contacts?limit=1");
    list["total"].as_str().and_then(|total| total.parse().ok()).expect("a total")
}
