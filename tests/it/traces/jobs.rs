//! What a collector gets of jobs: a trace of each run, linked with the request that the job was accepted by.

use std::collections::BTreeMap;

use bulkhead_tests::{Client, Options, Server, TraceCollector, TraceSpan, contacts, wait_until};
use serde_json::{Value, json};

use super::{SPAN, TRACE, batches, create_with, names, parent, request_span};
use crate::databases::Database;

fn traces_lead_from_a_client_to_its_contacts(collector: &TraceCollector, server: &Server) {
    let client = server.new_client("acme");
    let items = contacts("c", 0..10_000);
    let headers = [("traceparent", &*parent("01")), ("tracestate", "vendor=1"), ("x-request-id", "my-request")];
    let reply = client.send("POST", "/api/contacts/bulk/new?mode=upsert", &headers, &items).expect(202);
    let job = client.accepted(&reply);
    job.wait_for("completed");
    let request = request_span(collector, "POST /api/contacts/bulk/new");
    assert_eq!((request.parent.as_str(), request.state.as_str()), (SPAN, "vendor=1"));
    assert!(!request.is_error && request.links.is_empty(), "{request:?}");
    let expected = json!({
        "http.request.method": "POST",
        "http.route": "/api/contacts/bulk/new",
        "http.response.status_code": 202,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "bulkhead.tenant": "acme",
        "bulkhead.listener": "public",
        "bulkhead.request.id": "my-request",
    });
    assert_eq!(json!(request.attributes), expected);
    let run = collector.run_of(&job.id);
    assert_ne!(run.trace, TRACE, "a job may begin hours later");
    assert_eq!(run.links, [(request.trace.clone(), request.id.clone())]);
    for (name, expected) in [
        ("bulkhead.tenant", json!("acme")),
        ("bulkhead.job.operation", json!("create")),
        ("bulkhead.job.mode", json!("upsert")),
        ("bulkhead.job.items", json!(10_000)),
        ("bulkhead.job.cursor", json!(0)),
        ("bulkhead.job.attempt", json!(1)),
        ("bulkhead.job.dry_run", json!(false)),
        ("bulkhead.job.created", json!(10_000)),
        ("bulkhead.job.end", json!("completed")),
    ] {
        assert_eq!(run.attribute(name), expected, "{name}");
    }
    assert!(run.attribute("bulkhead.job.wait_seconds").is_f64());
    assert!(run.begin >= request.begin);
    let batches = batches(collector, &run);
    let committed: Vec<_> =
        batches.iter().filter(|(batch, _)| batch.attribute("bulkhead.batch.end") == "committed").collect();
    let firsts: BTreeMap<_, _> = committed
        .iter()
        .map(|(batch, _)| {
            let number = |name| batch.attribute(name).as_u64().expect("a number");
            (number("bulkhead.batch.first"), number("bulkhead.batch.items"))
        })
        .collect();
    assert_eq!(firsts.len(), committed.len(), "each batch takes effect once");
    let mut next = 0;
    for (first, items) in firsts {
        assert_eq!(first, next, "the batches are the whole job");
        next += items;
    }
    assert_eq!(next, 10_000);
    for (_, parts) in committed {
        let names = names(parts);
        assert!(names.contains("plan") && names.contains("decide") && names.contains("commit"), "{names:?}");
    }
    let of_trace = collector.spans().into_iter().filter(|span| span.trace == run.trace).count();
    assert!(of_trace <= 250, "{of_trace} spans for 10,000 contacts");
    // Every span says who sent it.
    for (name, expected) in [("service.name", json!("bulkhead")), ("telemetry.sdk.language", json!("rust"))] {
        assert_eq!(run.resource.get(name), Some(&expected));
    }
    assert!(run.resource.contains_key("service.instance.id") && run.resource.contains_key("service.version"));
}

#[test]
fn traces_lead_from_a_client_to_its_contacts_on_sqlite() {
    let collector = TraceCollector::start();
    traces_lead_from_a_client_to_its_contacts(&collector, &Options::default().traces(&collector).start());
}

#[test]
fn traces_lead_from_a_client_to_its_contacts_on_postgresql() {
    let collector = TraceCollector::start();
    let server = Database::fresh().options().traces(&collector).start();
    traces_lead_from_a_client_to_its_contacts(&collector, &server);
}

/// A server that takes a job over goes on in a trace of its own, which is linked with the same request.
#[test]
fn each_run_of_a_job_is_linked_with_its_request() {
    let (collector, database) = (TraceCollector::start(), Database::fresh());
    let options = || database.options().rogue().with("--workers", 1).with("--log", "bulkhead=debug").traces(&collector);
    let first = options().start();
    let second = options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    first.allow_long_calls("acme");
    let mut servers = [first, second];
    let items: Value = (0..10_000).map(|n| json!({"email": format!("c{n}@example.com"), "do": "slow"})).collect();
    let job = create_with(&servers[0].client(&tenant), &parent("01"), &items);
    let claims = |server: &Server| server.events("job_claimed").iter().any(|claimed| claimed["job"] == job.as_str());
    let at_it = wait_until("one of them to claim the job", || servers.iter().position(claims));
    let request = request_span(&collector, "POST /api/contacts/bulk/new");
    let other = servers[1 - at_it].client(&tenant);
    wait_until("a batch to be committed", || {
        let job = other.job(&*job).read("?details=full").json();
        (job["processed"].as_u64()? > 0).then_some(())
    });
    servers[at_it].kill9();
    other.job(&*job).wait_for("completed");
    let run = collector.run_of(&job);
    assert_eq!(run.links, [(request.trace.clone(), request.id)]);
    assert_ne!(run.trace, request.trace);
    assert!(run.attribute("bulkhead.job.cursor").as_u64() > Some(0), "{run:?}");
    assert_eq!(run.attribute("bulkhead.job.end"), "completed");
    batches(&collector, &run);
    let completed = servers[1 - at_it].wait_for_events("job_completed", 1);
    assert_eq!(completed[0]["trace_id"], run.trace);
}

/// Waits for the end of a job, and looks for attributes among those of its batches. Returns the batches.
#[track_caller]
fn batches_with(
    collector: &TraceCollector,
    client: &Client,
    query: &str,
    items: Vec<Value>,
    wanted: &[(&str, Value)],
) -> Vec<(TraceSpan, Vec<TraceSpan>)> {
    let reply = client.send("POST", &format!("/api/contacts/bulk/new{query}"), &[], &json!(items)).expect(202);
    let job = client.accepted(&reply);
    job.finished();
    let batches = batches(collector, &collector.run_of(&job.id));
    let told: Vec<_> = batches.iter().map(|(batch, _)| &batch.attributes).collect();
    for (name, value) in wanted {
        assert!(told.iter().any(|attributes| attributes.get(*name) == Some(value)), "{name} {value}: {told:?}");
    }
    batches
}

fn with_addresses(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers.map(|n| json!({"email": format!("c{n}@example.com"), "city": "Here"})).collect()
}

#[test]
fn the_trace_of_a_job_says_which_batches_a_second_thread_decided_and_a_component_failed_on() {
    let collector = TraceCollector::start();
    let server = Options::default().rogue().with("--workers", 2).traces(&collector).start();
    let client = server.new_client("acme");
    server.allow_long_calls("acme");
    let partner = [("bulkhead.batch.partner", json!(true))];
    batches_with(&collector, &client, "", vec![json!({"do": "hundredfold"}); 2_000], &partner);
    let mut poisoned = with_addresses(2_000..2_500);
    poisoned[77] = json!({"do": "trap"});
    let ends = [("bulkhead.batch.end", json!("divided")), ("bulkhead.batch.end", json!("committed"))];
    let batches = batches_with(&collector, &client, "", poisoned, &ends);
    let alone = batches.iter().any(|(batch, _)| {
        batch.attribute("bulkhead.batch.first") == 77 && batch.attribute("bulkhead.batch.items") == 1
    });
    assert!(alone, "the item on which the component fails is alone in the end");
    // However often a component fails, a run has no more spans than it may.
    batches_with(&collector, &client, "", vec![json!({"do": "trap"}); 3_000], &ends[..1]);
}

/// After a batch whose look-up found nothing, the next ones are decided as if they found nothing; a commit finds that wrong.
#[test]
fn the_trace_of_a_job_says_why_a_batch_is_decided_again() {
    let collector = TraceCollector::start();
    let server = Options::default().with("--workers", 1).traces(&collector).start();
    let client = server.new_client("acme");
    batches_with(&collector, &client, "", with_addresses(0..500), &[]);
    // Some batches are decided already when the conflict is found.
    let items = [with_addresses(3_000..4_000), with_addresses(0..500), with_addresses(4_000..6_000)].concat();
    let conflict = [("bulkhead.batch.end", json!("conflict")), ("bulkhead.batch.redone", json!("conflict"))];
    batches_with(&collector, &client, "", items, &conflict);
}

/// A dry run that is applied, and an undo, are linked with the requests that made them.
#[test]
fn jobs_that_follow_others_are_linked_with_their_own_requests() {
    let collector = TraceCollector::start();
    let server = Options::default().traces(&collector).start();
    let client = server.new_client("acme");
    let post = |path: &str, items: &Value| {
        let body = if items.is_null() { String::new() } else { items.to_string() };
        let headers = [("traceparent", &*parent("01")), ("content-type", "application/json")];
        let reply = client.call("POST", path, &headers, body.as_bytes()).expect(202);
        let job = reply.json()["id"].as_str().expect("an id").to_owned();
        client.job(&*job).wait_for("completed");
        job
    };
    let dry_run = post("/api/contacts/bulk/new?dryRun=1&diff=1", &contacts("c", 0..700));
    let applied = post(&format!("/api/contacts/job/{dry_run}/apply"), &Value::Null);
    let undone = post(&format!("/api/contacts/job/{applied}/undo"), &Value::Null);
    for (job, route, operation, is_dry_run) in [
        (dry_run, "bulk/new", "create", true),
        (applied, "job/{id}/apply", "create", false),
        (undone, "job/{id}/undo", "undo", false),
    ] {
        let run = collector.run_of(&job);
        let request = request_span(&collector, &format!("POST /api/contacts/{route}"));
        assert_eq!(run.links, [(request.trace, request.id)], "{route}");
        assert_eq!(run.attribute("bulkhead.job.operation"), operation);
        assert_eq!(run.attribute("bulkhead.job.dry_run"), is_dry_run);
        let shown = batches(&collector, &run).iter().any(|(_, parts)| names(parts).contains("show"));
        assert_eq!(shown, is_dry_run);
    }
}
