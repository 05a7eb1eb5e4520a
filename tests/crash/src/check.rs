//! Compares what is there with what must be.

use bulkhead_tests::Dice;
use serde_json::Value;

use crate::driver::Sent;
use crate::hosts::Hosts;
use crate::site::Site;

/// Differences that are told of one tenant's jobs at most, and of its contacts.
const TOLD: usize = 20;

/// Everything that is not as it must be about one tenant.
pub(crate) fn compare(site: &Site, hosts: &Hosts, sent: &Sent) -> Vec<String> {
    let mut wrong = Vec::new();
    compare_jobs(hosts, sent, &mut wrong);
    wrong.truncate(TOLD);
    let mut contacts = Vec::new();
    compare_contacts(site, hosts, sent, &mut contacts);
    contacts.truncate(TOLD);
    wrong.extend(contacts);
    wrong
}

/// The same about its jobs' counters and rows.
pub(crate) fn compare_jobs(hosts: &Hosts, sent: &Sent, wrong: &mut Vec<String>) {
    let dice = &mut Dice::new(1);
    for (number, (id, expected)) in sent.jobs.iter().enumerate() {
        let job = hosts.get(&sent.tenant, dice, &format!("/api/contacts/job/{id}?details=full"));
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
        let rows = rows(hosts, sent, dice, id);
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

fn rows(hosts: &Hosts, sent: &Sent, dice: &mut Dice, id: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = Some(format!("/api/contacts/job/{id}?details=1&limit=1000"));
    while let Some(path) = next {
        let page = hosts.get(&sent.tenant, dice, &path);
        rows.extend(page["details"]["contacts"].as_array().expect("a list").iter().cloned());
        next = page["details"]["next-page"].as_str().map(str::to_owned);
    }
    rows
}

fn compare_contacts(site: &Site, hosts: &Hosts, sent: &Sent, wrong: &mut Vec<String>) {
    let name = &sent.tenant.name;
    let versions = site.versions(name);
    if versions.len() != sent.model.contacts.len() {
        wrong.push(format!("{name} has {} contacts, not {}", versions.len(), sent.model.contacts.len()));
    }
    let mut stored = stored(hosts, sent);
    for (index, contact) in sent.model.contacts.iter().enumerate() {
        let id = index as u64 + 1;
        let Some(found) = stored.remove(&id) else {
            wrong.push(format!("{name}: contact {id} is not there"));
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
        wrong.push(format!("{name}: nobody made contact {id}"));
    }
}

/// All contacts of a tenant by their ids.
pub(crate) fn stored(hosts: &Hosts, sent: &Sent) -> std::collections::BTreeMap<u64, Value> {
    let dice = &mut Dice::new(1);
    let mut stored = std::collections::BTreeMap::new();
    for start in (0..).step_by(200) {
        let list = hosts.get(&sent.tenant, dice, &format!("/api/contacts?limit=200&start={start}&orderBy=id"));
        let Some(part) = list["contacts"].as_object().filter(|part| !part.is_empty()) else { break };
        stored.extend(part.iter().map(|(id, contact)| (id.parse().expect("a number"), contact.clone())));
    }
    stored
}

/// Tampers with a store in some ways, one after the other; each must show as a difference with these words.
#[cfg(test)]
pub(crate) fn assert_found(site: &Site, tampering: &[(&str, &str)], compare: impl Fn() -> Vec<String>) {
    assert_eq!(compare(), [""; 0]);
    for (sql, difference) in tampering {
        site.tamper(sql);
        let found = compare();
        assert!(found.iter().any(|line| line.contains(difference)), "{sql}: {found:#?}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use bulkhead_postgres::Settings;

    use super::{assert_found, compare};
    use crate::driver::drive_watched;
    use crate::hosts::{Hosts, SOON};
    use crate::site::{Kind, Site};

    #[test]
    fn what_was_tampered_with_is_found() {
        let site = Site::new(Kind::Sqlite, &Settings::default());
        let hosts = Hosts::start(&site, 1, Duration::from_secs(30), SOON);
        let tenant = site.add_tenant("acme");
        let over = AtomicBool::new(false);
        let sent = drive_watched(&hosts, tenant, 1, &over, &|_, _| over.store(true, Ordering::Release));
        let tampering = [
            ("UPDATE contacts SET version = version + 1 WHERE id = 1", "contact 1 was written"),
            (
                "UPDATE contacts SET document = replace(document, 'j1i', 'j2i') WHERE id = 2",
                "what was applied to contact 2",
            ),
            ("DELETE FROM contacts WHERE id = 3", "contact 3 is not there"),
            ("DELETE FROM results WHERE first = 0", "rows, not"),
            ("UPDATE jobs SET created = created + 1", "created is"),
        ];
        assert_found(&site, &tampering, || compare(&site, &hosts, &sent));
    }
}
