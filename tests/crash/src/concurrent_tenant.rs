//! A tenant whose jobs run concurrently with each other and with batch calls. Their order is open, but no change may be lost,
//! half applied, or applied twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bulkhead_tests::{Rng, Tenant, contacts};
use serde_json::{Value, json};

use crate::check::{compare_jobs, stored};
use crate::deployment::Deployment;
use crate::done_flag::DoneFlag;
use crate::driver::{Sent, wait_for};
use crate::model::{CHUNK, Model};
use crate::servers::Servers;

/// Contacts that all jobs and batches change.
pub(crate) const CONTACTS: usize = 800;
/// Jobs that are unfinished at a time.
const MAX_UNFINISHED_JOBS: usize = 5;
/// Largest number of items of a batch.
const MAX_BATCH_ITEMS: u64 = 100;
/// Comparisons of the contacts: a batch without an answer may still be running in a server that has just been resumed.
const MAX_COMPARISONS: usize = 5;
const COMPARISON_PAUSE: Duration = Duration::from_secs(2);
/// Events after which a server applies a batch, or a chunk of a job, in parts: other requests changed its contacts each time, or
/// its component was interrupted.
const SPLITTING_EVENTS: [&str; 2] = ["contacts_contended", "component_failed"];
/// Differences that are reported.
const MAX_DIFFERENCES: usize = 20;

/// A job or a batch. Each item adds a unique tag to a contact, and sets the contact's city to that tag.
struct Change {
    name: String,
    /// The contact of each item.
    contacts: Vec<u64>,
    /// Whether the change must have been applied. A batch without an answer may have been applied, but only as a whole.
    is_sure: bool,
}

impl Change {
    fn any(name: String, most: u64, rng: &mut Rng) -> Self {
        let contacts = (0..=rng.below(most)).map(|_| 1 + rng.below(CONTACTS as u64)).collect();
        Self { name, contacts, is_sure: true }
    }

    fn mark(&self, place: usize) -> String {
        format!("{}i{place}", self.name)
    }

    fn items(&self) -> Value {
        let item = |(place, id): (usize, &u64)| json!({"id": id, "city": self.mark(place), "tags": [self.mark(place)]});
        self.contacts.iter().enumerate().map(item).collect()
    }
}

/// The tenant's jobs and batches.
pub(crate) struct ConcurrentTenant {
    /// The jobs. Their model stays empty.
    sent: Sent,
    changes: Vec<Change>,
    /// Batches that were answered, and batches whose outcome is unknown.
    pub(crate) batches: (usize, usize),
}

impl ConcurrentTenant {
    pub(crate) fn jobs(&self) -> usize {
        self.sent.jobs.len()
    }

    /// Sends jobs and batches until the flag is set, then waits for the end of all jobs.
    pub(crate) fn drive(servers: &Servers, tenant: Tenant, seed: u64, done_flag: &DoneFlag) -> Self {
        // As in `drive`: the number of calls depends on timing, and what is sent must not.
        let (mut rng, mut choice) = (Rng::new(seed), Rng::new(!seed));
        let sent = Sent { tenant, model: Model::default(), jobs: Vec::new() };
        let mut concurrent = Self { sent, changes: Vec::new(), batches: (0, 0) };
        let first = (1..=CONTACTS as u64).map(|id| (Some(id), 201)).collect();
        concurrent.job(servers, &mut choice, "POST", "/api/contacts/bulk/new", &contacts("c", 0..CONTACTS), first);
        wait_for(servers, &concurrent.sent.tenant, &mut choice, &concurrent.sent.jobs[0].0);
        let mut done = 1;
        while !done_flag.is_set() {
            let job = Change::any(format!("j{}", concurrent.sent.jobs.len()), 1_200, &mut rng);
            let rows = job.contacts.iter().map(|id| (Some(*id), 200)).collect();
            concurrent.job(servers, &mut choice, "PATCH", "/api/contacts/bulk/edit", &job.items(), rows);
            concurrent.changes.push(job);
            for _ in 0..rng.below(4) {
                concurrent.batch(servers, &mut rng, &mut choice);
            }
            while concurrent.sent.jobs.len() - done > MAX_UNFINISHED_JOBS {
                wait_for(servers, &concurrent.sent.tenant, &mut choice, &concurrent.sent.jobs[done].0);
                done += 1;
            }
        }
        for (id, _) in &concurrent.sent.jobs[done..] {
            wait_for(servers, &concurrent.sent.tenant, &mut choice, id);
        }
        concurrent
    }

    fn job(
        &mut self,
        servers: &Servers,
        choice: &mut Rng,
        method: &str,
        path: &str,
        items: &Value,
        rows: Vec<(Option<u64>, u16)>,
    ) {
        let key = format!("job-{}", self.sent.jobs.len());
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let reply = servers.call(&self.sent.tenant, choice, method, path, &headers, items.to_string().as_bytes());
        let id = reply.expect(202).json()["id"].as_str().expect("an id").to_owned();
        self.sent.jobs.push((id, rows));
    }

    /// Sends a batch once. A batch has no idempotency key, so a retry would not be safe.
    fn batch(&mut self, servers: &Servers, rng: &mut Rng, choice: &mut Rng) {
        let mut batch = Change::any(format!("b{}", self.batches.0 + self.batches.1), MAX_BATCH_ITEMS, rng);
        let items = batch.items().to_string();
        let headers = [("content-type", "application/json")];
        let reply = servers
            .any(&self.sent.tenant, choice)
            .and_then(|client| client.try_call("PATCH", "/api/contacts/batch/edit", &headers, items.as_bytes()).ok());
        match reply {
            Some(reply) if reply.status == 200 => {
                let answer = reply.json();
                assert_eq!(answer["statusCodes"], json!(vec![200; batch.contacts.len()]), "{answer}");
                self.batches.0 += 1;
            }
            Some(reply) if [429, 503].contains(&reply.status) && reply.header("retry-after").is_none() => {
                panic!("{} without Retry-After", reply.text());
            }
            Some(reply) if ![429, 503].contains(&reply.status) => panic!("{} {}", reply.status, reply.text()),
            Some(_) | None => {
                batch.is_sure = false;
                self.batches.1 += 1;
            }
        }
        self.changes.push(batch);
    }

    /// Returns the differences of the jobs and contacts.
    pub(crate) fn compare(&self, deployment: &Deployment, servers: &Servers) -> Vec<String> {
        let mut wrong = Vec::new();
        compare_jobs(servers, &self.sent, &mut wrong);
        let mut contacts = self.compare_contacts(deployment, servers);
        for _ in 1..MAX_COMPARISONS {
            if contacts.is_empty() {
                break;
            }
            std::thread::sleep(COMPARISON_PAUSE);
            contacts = self.compare_contacts(deployment, servers);
        }
        wrong.extend(contacts);
        wrong.truncate(MAX_DIFFERENCES);
        wrong
    }

    fn compare_contacts(&self, deployment: &Deployment, servers: &Servers) -> Vec<String> {
        let name = &self.sent.tenant.name;
        let versions = deployment.versions(name);
        let is_any_in_parts = servers.has_logged(&SPLITTING_EVENTS);
        let mut wrong = Vec::new();
        // The change and the item that each tag belongs to.
        let marks: BTreeMap<String, (usize, usize)> = self
            .changes
            .iter()
            .enumerate()
            .flat_map(|(number, change)| {
                (0..change.contacts.len()).map(move |place| (change.mark(place), (number, place)))
            })
            .collect();
        let mut applied: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let stored = stored(servers, &self.sent);
        if stored.len() != CONTACTS || versions.len() != CONTACTS {
            wrong.push(format!("{name} has {} contacts, not {CONTACTS}", stored.len()));
        }
        for (id, contact) in &stored {
            let tags: Vec<&str> =
                contact["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["tag"].as_str()).collect();
            // Runs of tags that one commit wrote.
            let mut writes: Vec<(usize, usize)> = Vec::new();
            let mut last = None;
            for tag in &tags {
                let Some((number, place)) = marks.get(*tag).copied() else {
                    wrong.push(format!("{name}: contact {id} has the unknown tag {tag}"));
                    continue;
                };
                if self.changes[number].contacts[place] != *id || !applied.entry(number).or_default().insert(place) {
                    wrong.push(format!(
                        "{name}: contact {id} has {tag}, which belongs to another contact or is there twice"
                    ));
                }
                let write = (number, place / CHUNK);
                let is_later = writes.iter().all(|(other, chunk)| *other != number || *chunk <= write.1);
                if !is_later || last.is_some_and(|(other, before)| other == number && before >= place) {
                    wrong.push(format!("{name}: contact {id} has {tag} out of its job's order: {tags:?}"));
                }
                if writes.last() != Some(&write) {
                    if writes.contains(&write) && !is_any_in_parts {
                        wrong.push(format!(
                            "{name}: another commit came between the items of one commit to {id}: {tags:?}"
                        ));
                    }
                    writes.push(write);
                }
                last = Some((number, place));
            }
            if let Some(tag) = tags.last()
                && contact["fields"]["all"]["city"] != **tag
            {
                wrong
                    .push(format!("{name}: contact {id} has the last tag {tag}: {}", contact["fields"]["all"]["city"]));
            }
            // Created once, and written once by each batch and chunk, or once by each item where a batch was split.
            let least = writes.len() as u64 + 1;
            let most = if is_any_in_parts { tags.len() as u64 + 1 } else { least };
            if !versions.get(id).is_some_and(|times| (least..=most).contains(times)) {
                let times = versions.get(id);
                wrong.push(format!("{name}: contact {id} was written {times:?} times, not {least} to {most}"));
            }
        }
        for (number, change) in self.changes.iter().enumerate() {
            let found = applied.get(&number).map_or(0, BTreeSet::len);
            if found != change.contacts.len() && (change.is_sure || found > 0) {
                let (change, all) = (&change.name, change.contacts.len());
                wrong.push(format!("{name}: of {change}, {found} of {all} items were applied"));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use bulkhead_postgres::Settings;

    use super::ConcurrentTenant;
    use crate::check::assert_found;
    use crate::deployment::{Deployment, Kind};
    use crate::done_flag::DoneFlag;
    use crate::servers::{CALL_TIMEOUT, Servers};

    #[test]
    fn tampering_shows_as_a_difference() {
        let deployment = Deployment::new(Kind::Sqlite, &Settings::default());
        let servers = Servers::start(&deployment, 1, Duration::from_secs(30), CALL_TIMEOUT);
        let tenant = deployment.add_tenant("acme");
        deployment.set_running_jobs(&tenant, 2);
        let done_flag = DoneFlag::default();
        let concurrent = thread::scope(|scope| {
            let _end = done_flag.set_on_drop();
            let concurrent = scope.spawn(|| ConcurrentTenant::drive(&servers, tenant, 1, &done_flag));
            while deployment.jobs_of("acme") < 4 && !concurrent.is_finished() {
                thread::sleep(Duration::from_millis(10));
            }
            done_flag.set();
            concurrent.join().expect("it comes to its end")
        });
        assert!(concurrent.jobs() > 3 && concurrent.batches.0 > 0, "{:?}", concurrent.batches);
        let tampering = [
            ("UPDATE contacts SET version = version + 1 WHERE id = 1", "contact 1 was written"),
            ("UPDATE contacts SET document = replace(document, '\"j1i', '\"j2i') WHERE id < 20", "belongs to another"),
            ("UPDATE contacts SET document = replace(document, '\"b0i', '\"x') WHERE id < 800", "of b0, "),
            ("DELETE FROM contacts WHERE id = 3", "799 contacts"),
            ("UPDATE jobs SET updated = updated + 1", "updated is"),
        ];
        assert_found(&deployment, &tampering, || {
            let mut found = concurrent.compare_contacts(&deployment, &servers);
            super::compare_jobs(&servers, &concurrent.sent, &mut found);
            found
        });
    }
}
