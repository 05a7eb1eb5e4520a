//! The kinds of attack, one row each. A new kind is a new row.

use serde_json::{Value, json};

use super::load::{Attacker, Load, bearer, request};

/// Who attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Tenants with credentials, each from another address.
    Tenants,
    /// Strangers without credentials, each from another address.
    Strangers,
    /// Threads outside the server that only compute: what any work on the same machine costs.
    Machine,
}

/// The component of each attacking tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Component {
    /// The default processor.
    Default,
    /// A processor of the tests.
    Processor(&'static str),
    /// A validator of the tests.
    Validator(&'static str),
    /// The validator `rules-a`, which computes for about so many milliseconds for each item.
    Slow(u64),
}

/// A kind of attack.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) origin: Origin,
    pub(crate) component: Component,
    pub(crate) loads: &'static [Load],
}

impl Kind {
    /// Returns the numbers of attackers to measure.
    pub(crate) fn numbers(&self) -> [usize; 2] {
        match self.origin {
            Origin::Tenants => [2, 4],
            Origin::Strangers => [1, 4],
            Origin::Machine => [1, 2],
        }
    }

    const fn tenants(name: &'static str, component: Component, loads: &'static [Load]) -> Self {
        Self { name, origin: Origin::Tenants, component, loads }
    }

    const fn strangers(name: &'static str, loads: &'static [Load]) -> Self {
        Self { name, origin: Origin::Strangers, component: Component::Default, loads }
    }
}

/// Unfinished jobs that each rogue tenant keeps.
const JOBS: usize = 3;
/// Connections of each rogue tenant that sends calls.
const CALLERS: usize = 8;
/// Connections that are held, of all attackers together: as many as a server serves by default.
const HELD: usize = 1_024;
/// Slow readers, of all attackers together. A server that keeps whole answers needs some 25 MB for each.
const READERS: usize = 32;

/// All kinds.
pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "computing", origin: Origin::Machine, component: Component::Default, loads: &[Load::Computing] },
    // Rogue tenants.
    Kind::tenants(
        "jobs-loop",
        Component::Processor("rogue"),
        &[Load::Jobs { unfinished: JOBS, body: || every_second("loop") }],
    ),
    Kind::tenants(
        "jobs-slow",
        Component::Slow(3),
        &[Load::Jobs { unfinished: JOBS, body: || list(&[json!({})], 10_000) }],
    ),
    Kind::tenants(
        "calls-loop",
        Component::Processor("rogue"),
        &[Load::Requests { connections: CALLERS, request: |attacker| call(attacker, &json!({"do": "loop"}), 20) }],
    ),
    Kind::tenants(
        "calls-slow",
        Component::Slow(300),
        &[Load::Requests { connections: CALLERS, request: |attacker| call(attacker, &json!({}), 1) }],
    ),
    Kind::tenants(
        "memory",
        Component::Processor("rogue"),
        &[
            Load::Jobs { unfinished: JOBS, body: || every_second("memory") },
            Load::Requests { connections: CALLERS, request: |attacker| call(attacker, &json!({"do": "memory"}), 2) },
        ],
    ),
    Kind::tenants(
        "printing",
        Component::Processor("rogue"),
        &[Load::Jobs { unfinished: JOBS, body: || every_second("chatty") }],
    ),
    Kind::tenants(
        "objecting",
        Component::Validator("rules-a"),
        &[Load::Jobs { unfinished: JOBS, body: || list(&[json!({"check": "noise"})], 1_000) }],
    ),
    Kind::tenants(
        "trapping",
        Component::Validator("long-name"),
        &[
            Load::Jobs { unfinished: JOBS, body: || list(&[json!({"q": 1}), json!({})], 400) },
            Load::Requests { connections: CALLERS, request: |attacker| call(attacker, &json!({"q": 1}), 2) },
        ],
    ),
    Kind::tenants(
        "large-answers",
        Component::Default,
        &[Load::Answers { connections: CALLERS, job: large_contacts, path: LIST }],
    ),
    // Floods of tenants.
    Kind::tenants(
        "announced-bodies",
        Component::Default,
        &[Load::Held { connections: 64, opening: announced_body, waits_for_answer: false }],
    ),
    Kind::tenants("empty-members", Component::Default, &[Load::Requests { connections: 2, request: empty_members }]),
    Kind::tenants(
        "list-readers",
        Component::Default,
        &[Load::Readers { connections: READERS, job: large_contacts, path: LIST }],
    ),
    Kind::tenants(
        "details-readers",
        Component::Validator("rules-a"),
        &[Load::Readers {
            connections: READERS,
            job: objected_items,
            path: "/api/contacts/job/JOB?details=1&limit=1000",
        }],
    ),
    Kind::tenants("tokens", Component::Default, &[Load::Requests { connections: CALLERS, request: token }]),
    Kind::tenants(
        "empty-jobs",
        Component::Default,
        &[Load::Requests {
            connections: CALLERS,
            request: |attacker| request("POST", "/api/contacts/bulk/new", &[JSON, &bearer(attacker)], b"[]"),
        }],
    ),
    // Floods of strangers.
    Kind::strangers("idle", &[Load::Held { connections: HELD, opening: |_| Vec::new(), waits_for_answer: false }]),
    Kind::strangers(
        "kept-alive",
        &[Load::Held { connections: HELD, opening: |_| request("GET", "/livez", &[], b""), waits_for_answer: true }],
    ),
    Kind::strangers(
        "half-heads",
        &[Load::Held {
            connections: HELD,
            opening: |_| b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ".to_vec(),
            waits_for_answer: false,
        }],
    ),
    Kind::strangers(
        "token-bodies",
        &[Load::Held {
            connections: HELD,
            opening: |_| b"POST /oauth/v2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{".to_vec(),
            waits_for_answer: false,
        }],
    ),
];

const JSON: &str = "Content-Type: application/json";
const LIST: &str = "/api/contacts?limit=1000";

/// Returns a list of `count` items, taken from `items` in turn, which all get addresses.
fn list(items: &[Value], count: usize) -> Vec<u8> {
    let item = |(number, item): (usize, &Value)| {
        let mut item = item.clone();
        item["email"] = format!("r{number}@example.com").into();
        item
    };
    let items: Vec<Value> = items.iter().cycle().take(count).enumerate().map(item).collect();
    Value::from(items).to_string().into_bytes()
}

/// Returns 400 items of which every second one misbehaves. The others keep the component from being suspended.
fn every_second(behaviour: &str) -> Vec<u8> {
    list(&[json!({"do": behaviour}), json!({})], 400)
}

fn call(attacker: &Attacker, item: &Value, count: usize) -> Vec<u8> {
    let items = list(std::slice::from_ref(item), count);
    request("POST", "/api/contacts/batch/new", &[JSON, &bearer(attacker)], &items)
}

/// Returns a job of 1,000 contacts whose list has some 25 MB.
fn large_contacts() -> Vec<u8> {
    let tags: Vec<String> = (0..200).map(|tag| format!("tag{tag}-{}", "x".repeat(40))).collect();
    list(&[json!({"tags": tags, "company": "C".repeat(60), "address1": "A".repeat(60)})], 1_000)
}

/// Returns a job whose 1,000 rows have some 16 MB of objections that cannot be compressed.
fn objected_items() -> Vec<u8> {
    list(&[json!({"check": "noise"})], 1_000)
}

/// Returns the head of a body of 64 MiB, and one byte.
fn announced_body(attacker: &Attacker) -> Vec<u8> {
    let head = "POST /api/contacts/bulk/new HTTP/1.1\r\nHost: x\r\nContent-Length: 67108864";
    format!("{head}\r\n{JSON}\r\n{}\r\n\r\n[", bearer(attacker)).into_bytes()
}

/// Returns a request whose body is an empty list behind a million empty gzip members, 20 MB.
fn empty_members(attacker: &Attacker) -> Vec<u8> {
    let mut body = bulkhead_tests::gzip(b"").repeat(1_000_000);
    body.extend(bulkhead_tests::gzip(b"[]"));
    request("POST", "/api/contacts/bulk/new", &[JSON, "Content-Encoding: gzip", &bearer(attacker)], &body)
}

fn token(attacker: &Attacker) -> Vec<u8> {
    let body = json!({
        "grant_type": "client_credentials", "client_id": attacker.client_id, "client_secret": attacker.client_secret,
    });
    request("POST", "/oauth/v2/token", &[JSON], body.to_string().as_bytes())
}
