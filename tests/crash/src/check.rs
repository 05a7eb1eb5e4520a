//! Compares a tenant's stored jobs and contacts with the expected ones.

use bulkhead_tests::Rng;
use serde_json::Value;

use crate::deployment::Deployment;
use crate::driver::Sent;
use crate::servers::Servers;

/// Differences of one tenant's jobs that are reported, and of its contacts.
const MAX_DIFFERENCES: usize = 20;

/// Returns the differences of one tenant's jobs and contacts.
pub(crate) fn compare(deployment: &Deployment, servers: &Servers, sent: &Sent) -> Vec<String> {
    let mut wrong = Vec::new();
    compare_jobs(servers, sent, &mut wrong);
    wrong.truncate(MAX_DIFFERENCES);
    let mut contacts = Vec::new();
    compare_contacts(deployment, servers, sent, &mut contacts);
    compare_searches(servers, sent, &mut contacts);
    contacts.truncate(MAX_DIFFERENCES);
    wrong.extend(contacts);
    wrong
}

/// Adds the differences of a tenant's job counters and rows to `wrong`.
pub(crate) fn compare_jobs(servers: &Servers, sent: &Sent, wrong: &mut Vec<String>) {
    let rng = &mut Rng::new(1);
    for (number, (id, expected)) in sent.jobs.iter().enumerate() {
        let job = servers.get(&sent.tenant, rng, &format!("/api/contacts/job/{id}?details=full"));
        let count = |codes: &[u16]| expected.iter().filter(|(_, status)| codes.contains(status)).count() as u64;
        for (name, wanted) in [
            ("total", expected.len() as u64),
            ("processed", expected.len() as u64),
            ("created", count(&[201])),
            ("updated", count(&[200])),
            ("failed", count(&[400, 404])),
        ] {
            if job[name] != wanted {
                wrong.push(format!("job {number} of {}: {name} is {}, not {wanted}", sent.tenant.name, job[name]));
            }
        }
        let rows = rows(servers, sent, rng, id);
        if rows.len() != expected.len() {
            wrong.push(format!("job {number} of {}: {} rows, not {}", sent.tenant.name, rows.len(), expected.len()));
        }
        for (place, (row, wanted)) in rows.iter().zip(expected).enumerate() {
            let found = (row["id"].as_u64(), row["statusCode"].as_u64());
            if found != (wanted.0, Some(u64::from(wanted.1))) {
                wrong.push(format!("job {number} of {}, row {place}: {row}, not {wanted:?}", sent.tenant.name));
            }
        }
    }
}

fn rows(servers: &Servers, sent: &Sent, rng: &mut Rng, id: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = Some(format!("/api/contacts/job/{id}?details=1&limit=1000"));
    while let Some(path) = next {
        let page = servers.get(&sent.tenant, rng, &path);
        rows.extend(page["details"]["contacts"].as_array().expect("a list").iter().cloned());
        next = page["details"]["next-page"].as_str().map(str::to_owned);
    }
    rows
}

fn compare_contacts(deployment: &Deployment, servers: &Servers, sent: &Sent, wrong: &mut Vec<String>) {
    let name = &sent.tenant.name;
    let versions = deployment.versions(name);
    if versions.len() != sent.model.contacts.len() {
        wrong.push(format!("{name} has {} contacts, not {}", versions.len(), sent.model.contacts.len()));
    }
    let mut stored = stored(servers, sent);
    for (index, contact) in sent.model.contacts.iter().enumerate() {
        let id = index as u64 + 1;
        let Some(found) = stored.remove(&id) else {
            wrong.push(format!("{name}: contact {id} is missing"));
            continue;
        };
        let all = &found["fields"]["all"];
        let tags = found["tags"].as_array().into_iter().flatten();
        let tags: Vec<&str> = tags.filter_map(|tag| tag["tag"].as_str()).collect();
        if tags != contact.tags {
            wrong.push(format!("{name}: what was applied to contact {id} is {tags:?}, not {:?}", contact.tags));
        }
        if all["email"] != contact.email || all["city"] != contact.city || all["points"] != contact.points {
            wrong.push(format!("{name}: contact {id} is {all}, not {contact:?}"));
        }
        if versions.get(&id) != Some(&contact.version) {
            wrong.push(format!(
                "{name}: contact {id} was written {:?} times, not {}",
                versions.get(&id),
                contact.version
            ));
        }
    }
    for id in stored.keys() {
        wrong.push(format!("{name}: contact {id} is unexpected"));
    }
}

/// Adds to `wrong` what searches find that they should not, or do not find. Each contact's city is a word that few have.
fn compare_searches(servers: &Servers, sent: &Sent, wrong: &mut Vec<String>) {
    /// Words that are searched for.
    const SEARCHES: usize = 60;
    let rng = &mut Rng::new(1);
    let contacts = &sent.model.contacts;
    let cities = contacts.iter().step_by(contacts.len() / SEARCHES + 1).map(|contact| contact.city.as_str());
    for word in cities.chain(["c1", "example", "nobody"]) {
        let has_word = |text: &str| text.split(['@', '.']).any(|of_text| of_text.starts_with(word));
        let expected = contacts.iter().filter(|contact| has_word(&contact.city) || has_word(&contact.email)).count();
        let found = servers.get(&sent.tenant, rng, &format!("/api/contacts?limit=1&search={word}"));
        if found["total"].as_str() != Some(expected.to_string().as_str()) {
            wrong.push(format!("{}: a search for {word} finds {}, not {expected}", sent.tenant.name, found["total"]));
        }
    }
}

/// Returns all contacts of a tenant by their ids.
pub(crate) fn stored(servers: &Servers, sent: &Sent) -> std::collections::BTreeMap<u64, Value> {
    let rng = &mut Rng::new(1);
    let mut stored = std::collections::BTreeMap::new();
    for start in (0..).step_by(200) {
        let list = servers.get(&sent.tenant, rng, &format!("/api/contacts?limit=200&start={start}&orderBy=id"));
        let Some(part) = list["contacts"].as_object().filter(|part| !part.is_empty()) else { break };
        stored.extend(part.iter().map(|(id, contact)| (id.parse().expect("a number"), contact.clone())));
    }
    stored
}

/// Applies each SQL statement to the store and asserts that `compare` then reports a difference with the given text.
#[cfg(test)]
pub(crate) fn assert_found(deployment: &Deployment, tampering: &[(&str, &str)], compare: impl Fn() -> Vec<String>) {
    assert_eq!(compare(), [""; 0]);
    for (sql, difference) in tampering {
        deployment.tamper(sql);
        let found = compare();
        assert!(found.iter().any(|line| line.contains(difference)), "{sql}: {found:#?}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulkhead_postgres::Settings;

    use super::{assert_found, compare};
    use crate::deployment::{Deployment, Kind};
    use crate::done_flag::DoneFlag;
    use crate::driver::drive_watched;
    use crate::servers::{CALL_TIMEOUT, Servers};

    #[test]
    fn tampering_shows_as_a_difference() {
        let deployment = Deployment::new(Kind::Sqlite, &Settings::default());
        let servers = Servers::start(&deployment, 1, Duration::from_secs(30), CALL_TIMEOUT);
        let tenant = deployment.add_tenant("acme");
        let done_flag = DoneFlag::default();
        let sent = drive_watched(&servers, tenant, 1, &done_flag, &|_, _| done_flag.set());
        let tampering = [
            ("UPDATE contacts SET version = version + 1 WHERE id = 1", "contact 1 was written"),
            (
                "UPDATE contacts SET document = replace(document, 'j1i', 'j2i') WHERE id = 2",
                "what was applied to contact 2",
            ),
            ("DELETE FROM contacts WHERE id = 3", "contact 3 is missing"),
            ("DELETE FROM word_blocks", "a search for"),
            ("DELETE FROM results WHERE first = 0", "rows, not"),
            ("UPDATE jobs SET created = created + 1", "created is"),
        ];
        assert_found(&deployment, &tampering, || compare(&deployment, &servers, &sent));
    }
}
