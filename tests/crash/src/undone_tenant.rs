//! A tenant that undoes its jobs, and some of the undos again. After each step its contacts must be what they were before or after the
//! job, under the ids that they had, whichever server dies meanwhile.

use std::collections::BTreeMap;

use bulkhead_tests::{Rng, Tenant};
use serde_json::{Value, json};

use crate::done_flag::DoneFlag;
use crate::driver::wait_for;
use crate::servers::Servers;

/// Largest number of items of a job: two chunks, in which each contact is changed several times.
const MAX_ITEMS: u64 = 900;
/// Different contacts: fewer than a page of a list has.
const CONTACTS: u64 = 90;

/// The contacts by address, each with its id and its city.
type Contacts = BTreeMap<String, (u64, String)>;

/// The tenant's jobs, and what was wrong with them.
#[derive(Debug, Default)]
pub(crate) struct UndoneTenant {
    jobs: usize,
    wrong: Vec<String>,
}

impl UndoneTenant {
    /// Returns how many jobs were undone or redone.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs
    }

    pub(crate) fn into_wrong(self) -> Vec<String> {
        self.wrong
    }

    /// Sends jobs and undoes them until the flag is set.
    pub(crate) fn drive(servers: &Servers, tenant: &Tenant, seed: u64, done_flag: &DoneFlag) -> Self {
        // As in `drive`: the number of calls depends on timing, and what is sent must not.
        let (mut rng, choice) = (Rng::new(seed), &mut Rng::new(!seed));
        let (mut undone, mut before) = (Self::default(), Contacts::new());
        for number in 0.. {
            if done_flag.is_set() {
                break;
            }
            let items: Vec<Value> = (0..1 + rng.below(MAX_ITEMS))
                .map(|item| {
                    json!({"email": format!("u{}@example.com", rng.below(CONTACTS)), "city": format!("{number}-{item}")})
                })
                .collect();
            let redoes = rng.below(2) == 0;
            let key = format!("job-{number}");
            let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
            let body = Value::from(items.as_slice()).to_string();
            let reply = servers.call(tenant, choice, "POST", "/api/contacts/bulk/new", &headers, body.as_bytes());
            let job = accepted(&reply.expect(202).json());
            wait_for(servers, tenant, choice, &job);
            let after = stored(servers, tenant, choice);
            undone.compare_cities(&items, &before, &after);
            let undo = undone.undo(servers, tenant, choice, &job, &before);
            if redoes {
                undone.undo(servers, tenant, choice, &undo, &after);
                before = after;
            }
        }
        undone
    }

    /// Undoes a job, compares the contacts, and returns the id of the undo.
    fn undo(&mut self, servers: &Servers, tenant: &Tenant, choice: &mut Rng, job: &str, expected: &Contacts) -> String {
        let path = format!("/api/contacts/job/{job}/undo");
        let undo = accepted(&servers.call(tenant, choice, "POST", &path, &[], &[]).expect(202).json());
        wait_for(servers, tenant, choice, &undo);
        let again = accepted(&servers.call(tenant, choice, "POST", &path, &[], &[]).expect(202).json());
        if again != undo {
            self.wrong.push(format!("{}: job {job} is undone by {undo} and by {again}", tenant.name));
        }
        let status = servers.get(tenant, choice, &format!("/api/contacts/job/{undo}?details=full&limit=1"));
        if status["failed"] != 0 || status["processed"] != status["total"] {
            self.wrong.push(format!("{}: undo {undo} of {job} left contacts as they were: {status}", tenant.name));
        }
        let found = stored(servers, tenant, choice);
        if found != *expected {
            self.wrong.push(format!("{}: after undo {undo} of {job}: {}", tenant.name, difference(expected, &found)));
        }
        self.jobs += 1;
        undo
    }

    /// Compares the contacts after a job with what its items say.
    fn compare_cities(&mut self, items: &[Value], before: &Contacts, after: &Contacts) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let mut cities: BTreeMap<String, String> =
            before.iter().map(|(email, (_, city))| (email.clone(), city.clone())).collect();
        cities.extend(items.iter().map(|item| (text(&item["email"]), text(&item["city"]))));
        let found: BTreeMap<_, _> = after.iter().map(|(email, (_, city))| (email.clone(), city.clone())).collect();
        if found != cities {
            self.wrong.push(format!("after a job there are {found:?}, not {cities:?}"));
        }
    }
}

fn accepted(reply: &Value) -> String {
    reply["id"].as_str().expect("an id").to_owned()
}

fn stored(servers: &Servers, tenant: &Tenant, choice: &mut Rng) -> Contacts {
    let list = servers.get(tenant, choice, "/api/contacts?limit=100&orderBy=id");
    let contact = |contact: &Value| {
        let values = &contact["fields"]["all"];
        let text = |name: &str| values[name].as_str().unwrap_or_default().to_owned();
        (text("email"), (contact["id"].as_u64().expect("an id"), text("city")))
    };
    // Without a contact, it is an empty list.
    list["contacts"].as_object().into_iter().flat_map(|contacts| contacts.values()).map(contact).collect()
}

fn difference(expected: &Contacts, found: &Contacts) -> String {
    let of = |contacts: &Contacts, email: &String| contacts.get(email).cloned();
    let mut emails: Vec<&String> = expected.keys().chain(found.keys()).collect();
    emails.sort_unstable();
    emails.dedup();
    let differ = emails.into_iter().filter(|email| of(expected, email) != of(found, email));
    let lines: Vec<String> =
        differ.map(|email| format!("{email} is {:?}, not {:?}", of(found, email), of(expected, email))).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulkhead_postgres::Settings;
    use bulkhead_tests::Rng;

    use super::{UndoneTenant, accepted, stored};
    use crate::deployment::{Deployment, Kind};
    use crate::done_flag::DoneFlag;
    use crate::driver::wait_for;
    use crate::servers::{CALL_TIMEOUT, Servers};

    #[test]
    fn contacts_that_are_not_what_they_were_show_as_a_difference() {
        let deployment = Deployment::new(Kind::Sqlite, &Settings::default());
        let servers = Servers::start(&deployment, 1, Duration::from_secs(30), CALL_TIMEOUT);
        let tenant = deployment.add_tenant("acme");
        let done_flag = DoneFlag::default();
        let undone = std::thread::scope(|scope| {
            let driving = scope.spawn(|| UndoneTenant::drive(&servers, &tenant, 1, &done_flag));
            while deployment.jobs_of("acme") < 6 && !driving.is_finished() {
                std::thread::sleep(Duration::from_millis(10));
            }
            done_flag.set();
            driving.join().expect("it comes to its end")
        });
        assert!(undone.jobs() >= 2 && undone.wrong.is_empty(), "{undone:#?}");
        // What is expected of an undo is not what there was after the job.
        let (choice, headers) = (&mut Rng::new(2), [("content-type", "application/json")]);
        let reply =
            servers.call(&tenant, choice, "POST", "/api/contacts/bulk/new", &headers, br#"[{"email":"z@x.com"}]"#);
        let job = accepted(&reply.expect(202).json());
        wait_for(&servers, &tenant, choice, &job);
        let (mut undone, after) = (UndoneTenant::default(), stored(&servers, &tenant, choice));
        undone.undo(&servers, &tenant, choice, &job, &after);
        assert!(undone.wrong.len() == 1 && undone.wrong[0].contains("z@x.com is None"), "{undone:#?}");
    }
}
