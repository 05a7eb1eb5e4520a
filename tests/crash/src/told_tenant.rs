//! A tenant that tries each of its jobs by a dry run, applies it, and has an endpoint told of both. A dry run must change no contact,
//! what it said must come to pass once, and each end must be told under one id, whichever server dies meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use bulkhead_tests::{Rng, Tenant, WebhookReceiver, contacts};
use serde_json::Value;

use crate::done_flag::DoneFlag;
use crate::driver::wait_for;
use crate::servers::Servers;

/// Largest number of items of a job: two chunks.
const MAX_ITEMS: u64 = 900;
/// Time for the last messages to come: a server that was killed had one for the length of a lease, and a message whose attempt
/// was cut off by a fault waits for its next one, the second of which is due after five minutes.
pub(crate) const MESSAGE_TIMEOUT: Duration = Duration::from_secs(400);

/// What a tenant's endpoint must be told of a job.
#[derive(Debug, PartialEq, Eq)]
struct End {
    created: u64,
    is_dry_run: bool,
}

/// The tenant's jobs that have ended, and what was wrong with them.
pub(crate) struct ToldTenant {
    ends: BTreeMap<String, End>,
    receiver: WebhookReceiver,
    wrong: Vec<String>,
}

impl ToldTenant {
    pub(crate) fn jobs(&self) -> usize {
        self.ends.len()
    }

    /// Tries and applies jobs until the flag is set. `receiver` is the tenant's endpoint.
    pub(crate) fn drive(
        servers: &Servers,
        tenant: &Tenant,
        receiver: WebhookReceiver,
        seed: u64,
        done_flag: &DoneFlag,
    ) -> Self {
        // As in `drive`: the number of calls depends on timing, and what is sent must not.
        let (mut rng, choice) = (Rng::new(seed), &mut Rng::new(!seed));
        let mut told = Self { ends: BTreeMap::new(), receiver, wrong: Vec::new() };
        let mut stored = 0;
        for number in 0.. {
            if done_flag.is_set() {
                break;
            }
            let created = 1 + rng.below(MAX_ITEMS);
            let items = contacts(&format!("t{number}-"), 0..usize::try_from(created).expect("it is small"));
            let key = format!("job-{number}");
            let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
            let path = "/api/contacts/bulk/new?dryRun=1";
            let reply = servers.call(tenant, choice, "POST", path, &headers, items.to_string().as_bytes());
            let dry_run = told.ended(servers, tenant, choice, &reply.expect(202).json(), created, true);
            told.compare_total(servers, tenant, choice, &format!("dry run {number}"), stored);
            // Applying makes one job, however often it is asked for.
            let apply = format!("/api/contacts/job/{dry_run}/apply");
            let reply = servers.call(tenant, choice, "POST", &apply, &[], &[]);
            told.ended(servers, tenant, choice, &reply.expect(202).json(), created, false);
            stored += created;
            told.compare_total(servers, tenant, choice, &format!("applied dry run {number}"), stored);
        }
        told
    }

    /// Waits for the end of an accepted job, compares its counters, and returns its id.
    fn ended(
        &mut self,
        servers: &Servers,
        tenant: &Tenant,
        choice: &mut Rng,
        accepted: &Value,
        created: u64,
        is_dry_run: bool,
    ) -> String {
        let id = accepted["id"].as_str().expect("an id").to_owned();
        wait_for(servers, tenant, choice, &id);
        let job = servers.get(tenant, choice, &format!("/api/contacts/job/{id}?details=full&limit=1"));
        let differing = if is_dry_run { None } else { Some(0) };
        if job["created"] != created || job["differing"].as_u64() != differing {
            self.wrong.push(format!("{}: job {id} created not {created}: {job}", tenant.name));
        }
        self.ends.insert(id.clone(), End { created, is_dry_run });
        id
    }

    fn compare_total(&mut self, servers: &Servers, tenant: &Tenant, choice: &mut Rng, after: &str, stored: u64) {
        let total = servers.get(tenant, choice, "/api/contacts?limit=1")["total"].clone();
        if total.as_str().and_then(|total| total.parse().ok()) != Some(stored) {
            self.wrong.push(format!("{}: after {after} there are {total} contacts, not {stored}", tenant.name));
        }
    }

    /// Waits until the endpoint was told of all jobs, for at most `timeout`, and returns the differences.
    pub(crate) fn compare(mut self, timeout: Duration) -> Vec<String> {
        let deadline = Instant::now() + timeout;
        // The ids under which each job's end was told.
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        while ids.len() < self.ends.len() {
            let message = match self.receiver.messages.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            };
            let told = message.json();
            let job = told["data"]["id"].as_str().expect("a job's id").to_owned();
            let end = End {
                created: told["data"]["created"].as_u64().expect("a number"),
                is_dry_run: told["data"]["dryRun"] == true,
            };
            if told["type"] != "job.completed" || self.ends.get(&job) != Some(&end) {
                self.wrong.push(format!("the endpoint is told {told}, not {:?}", self.ends.get(&job)));
            }
            ids.entry(job).or_default().insert(message.header("webhook-id").to_owned());
        }
        self.wrong.extend(
            self.ends.keys().filter(|job| !ids.contains_key(*job)).map(|job| format!("job {job} was not told")),
        );
        let twice = ids.iter().filter(|(_, ids)| ids.len() > 1);
        self.wrong.extend(twice.map(|(job, ids)| format!("job {job} was told as several messages: {ids:?}")));
        self.wrong
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulkhead_postgres::Settings;
    use bulkhead_tests::WebhookReceiver;

    use super::{End, MESSAGE_TIMEOUT, ToldTenant};
    use crate::deployment::{Deployment, Kind};
    use crate::done_flag::DoneFlag;
    use crate::servers::{CALL_TIMEOUT, Servers};

    /// Drives a tenant until two jobs have ended.
    fn told() -> ToldTenant {
        let deployment = Deployment::new(Kind::Sqlite, &Settings::default());
        let servers = Servers::start(&deployment, 1, Duration::from_secs(30), CALL_TIMEOUT);
        let tenant = deployment.add_tenant("acme");
        let receiver = WebhookReceiver::answering("204 No Content");
        let url = receiver.url();
        let add = ["webhook", "add", "acme", &url, "--webhook-allow", "127.0.0.0/8"];
        deployment.command_line().run(&add).expect(0);
        let done_flag = DoneFlag::default();
        let mut told = std::thread::scope(|scope| {
            let driving = scope.spawn(|| ToldTenant::drive(&servers, &tenant, receiver, 1, &done_flag));
            while deployment.jobs_of("acme") < 2 && !driving.is_finished() {
                std::thread::sleep(Duration::from_millis(10));
            }
            done_flag.set();
            driving.join().expect("it comes to its end")
        });
        // The server goes with this, so all messages must be there.
        let all: Vec<_> = (0..told.jobs()).map(|_| told.receiver.next()).collect();
        let (send, messages) = std::sync::mpsc::channel();
        all.into_iter().for_each(|message| send.send(message).expect("it is taken"));
        told.receiver.messages = messages;
        told
    }

    #[test]
    fn what_is_not_told_or_told_wrongly_shows_as_a_difference() {
        let told = told();
        assert!(told.jobs() >= 2);
        let job = told.ends.keys().next().expect("a job").clone();
        let created = told.ends[&job].created;
        assert_eq!(told.compare(MESSAGE_TIMEOUT), [""; 0]);
        let mut told = self::told();
        told.ends.values_mut().for_each(|end| end.is_dry_run = !end.is_dry_run);
        told.ends.insert(job, End { created, is_dry_run: true });
        let found = told.compare(Duration::from_secs(1));
        for part in ["the endpoint is told", "was not told"] {
            assert!(found.iter().any(|line| line.contains(part)), "{part}: {found:#?}");
        }
    }
}
