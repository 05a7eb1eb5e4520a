//! Traces: what a collector gets of requests and jobs, and that no collector holds anything up.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use bulkhead_tests::{
    Client, CollectorAnswer, Options, Reply, Server, TraceCollector, TraceSpan, bulkhead, contacts, wait_until,
};
use serde_json::{Value, json};

use crate::databases::Database;

/// A trace of a client, and a span of it.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
/// Time in which a server without work must stop: its own, two seconds for its collector, and what the machine is slower.
const MAX_STOP_TIME: Duration = Duration::from_secs(8);
/// Spans of a run at most.
const MAX_SPANS: usize = 1_000;

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

fn create_with(client: &Client, traceparent: &str, items: &Value) -> (Reply, String) {
    let reply = client.send("POST", "/api/contacts/bulk/new", &[("traceparent", traceparent)], items).expect(202);
    let id = reply.json()["id"].as_str().expect("an id").to_owned();
    (reply, id)
}

/// Waits for the span of a request that belongs to the trace of a client.
#[track_caller]
fn request_span(collector: &TraceCollector, name: &str) -> TraceSpan {
    collector.wait_for("the span of a request", |spans| {
        spans.iter().find(|span| span.trace == TRACE && span.name == name).cloned()
    })
}

/// Checks that a run's batches and their parts lie within each other, and returns the batches, each with its parts.
#[track_caller]
fn batches(collector: &TraceCollector, run: &TraceSpan) -> Vec<(TraceSpan, Vec<TraceSpan>)> {
    assert_eq!((run.name.as_str(), run.parent.as_str()), ("job", ""), "{run:?}");
    let of_trace = collector.spans().into_iter().filter(|span| span.trace == run.trace).count();
    assert!(of_trace <= MAX_SPANS, "{of_trace} spans");
    let batches: Vec<_> =
        collector.children(run).into_iter().map(|batch| (batch.clone(), collector.children(&batch))).collect();
    assert_eq!(of_trace, 1 + batches.iter().map(|(_, parts)| 1 + parts.len()).sum::<usize>(), "some have no parent");
    for (batch, parts) in &batches {
        assert_eq!(batch.name, "batch");
        assert!(run.begin <= batch.begin && batch.begin <= batch.end && batch.end <= run.end, "{run:?} {batch:?}");
        for part in parts {
            assert!(["plan", "find", "decide", "show", "commit"].contains(&&*part.name), "{part:?}");
            assert!(batch.begin <= part.begin && part.begin <= part.end && part.end <= batch.end, "{batch:?} {part:?}");
        }
    }
    batches
}

/// Returns the names of a batch's parts, each once.
fn names(parts: &[TraceSpan]) -> BTreeSet<&str> {
    parts.iter().map(|part| part.name.as_str()).collect()
}

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

/// What is asked for on which listener, and what fails.
#[test]
fn every_request_of_clients_and_operators_has_a_span() {
    let collector = TraceCollector::start();
    let server = Options::default().admin().health().flag("--access-log").traces(&collector).start();
    let (client, operator) = (server.new_client("acme"), server.operator());
    client.get("/api/contacts/17?secret=in-the-query").expect(404);
    client.get("/nothing/of/this").expect(404);
    client.call("BREW", "/api/contacts", &[], &[]);
    server.client_with(None).get("/readyz").expect(200);
    operator.get("/admin/tenants/acme").expect(200);
    for path in ["/livez", "/readyz"] {
        let health = server.health_address();
        let reply = ureq::get(&format!("http://{health}{path}")).call().expect("an answer");
        assert_eq!(reply.status(), 200);
    }
    let spans = collector.wait_for("all spans", |spans| {
        spans.iter().any(|span| span.name == "GET /admin/tenants/{tenant}").then(|| spans.to_vec())
    });
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}"));
    let read = find("GET /api/contacts/{id}");
    assert_eq!(read.attribute("http.response.status_code"), 404);
    assert_eq!(read.attribute("client.address"), "127.0.0.1", "the access log has it");
    assert!(!read.is_error && read.attribute("error.type").is_null(), "that is the client's fault");
    assert_eq!(find("GET").attribute("http.route"), Value::Null);
    assert_eq!(find("_OTHER").attribute("http.request.method"), "_OTHER");
    find("GET /readyz");
    let operators = find("GET /admin/tenants/{tenant}");
    assert_eq!(operators.attribute("bulkhead.listener"), "admin");
    assert_eq!(operators.attribute("bulkhead.tenant"), Value::Null);
    let health = spans.iter().filter(|span| span.name.ends_with("/livez")).count();
    assert_eq!(health, 0, "the listener for health checks has no spans");
    let text = collector.text();
    assert!(!text.contains("in-the-query") && !text.contains("/nothing") && !text.contains("BREW"));
}

/// A client that the sender of a request cannot be, and what is not to be sent.
#[test]
fn nothing_of_contacts_and_secrets_is_sent() {
    let collector = TraceCollector::start();
    let options =
        Options::default().rogue().admin().traces(&collector).variable("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    let server = options.variable("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2%20hunter3").start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let items = json!([
        {"email": "ada@private.example", "city": "Atlantis", "key": "hidden-value"}, {"email": "nonsense-address"},
        {"do": "trap"}, {"do": "chatty"},
    ]);
    let job = client.create(&items);
    job.wait_for("completed");
    let list = client.get("/api/contacts?search=ada@private.example").expect(200).json();
    let id = list["contacts"].as_object().expect("contacts").keys().next().expect("a contact").clone();
    client.get(&format!("/api/contacts/{id}")).expect(200);
    client.send("PATCH", &format!("/api/contacts/{id}/edit"), &[], &json!({"city": "Atlantis"})).expect(200);
    let token =
        format!("grant_type=client_credentials&client_id={}&client_secret={}", tenant.client_id, tenant.client_secret);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let token = server.client_with(None).call("POST", "/oauth/v2/token", &form, token.as_bytes()).expect(200).json();
    server.operator().get("/admin/tenants").expect(200);
    let run = collector.run_of(&job.id);
    assert!(batches(&collector, &run).len() >= 2, "the item that traps is alone in the end");
    request_spans_are_there(&collector, "GET /admin/tenants");
    let text = collector.text();
    // The collector's own secret is sent to the collector, and nowhere else.
    assert!(text.to_ascii_lowercase().contains("api-key: hunter2 hunter3\r\n"));
    for hidden in [
        "private.example",
        "Atlantis",
        "hidden-value",
        "nonsense-address",
        "in the component",
        tenant.client_secret.as_str(),
        tenant.client_id.as_str(),
        token["access_token"].as_str().expect("a token"),
        "an-operators-token",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    assert!(!server.log().contains("hunter2"));
}

#[track_caller]
fn request_spans_are_there(collector: &TraceCollector, name: &str) {
    collector.wait_for(name, |spans| spans.iter().any(|span| span.name == name).then_some(()));
}

/// A trace that its client does not keep is not sent, unless the operator wants all traces.
#[test]
fn the_clients_choice_counts_unless_the_operator_says_otherwise() {
    for (sampler, share, flags, is_sent) in [
        (None, None, "00", false),
        (None, None, "01", true),
        (Some("parentbased_always_off"), None, "01", true),
        (Some("parentbased_traceidratio"), Some("0"), "00", false),
        (Some("always_on"), None, "00", true),
        (Some("always_off"), None, "01", false),
        (Some("traceidratio"), Some("0"), "01", false),
    ] {
        let collector = TraceCollector::start();
        let mut options = Options::default().admin().traces(&collector);
        for (name, value) in [("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", share)] {
            options = value.into_iter().fold(options, |options, value| options.variable(name, value));
        }
        let mut server = options.start();
        let client = server.new_client("acme");
        let (_, job) = create_with(&client, &parent(flags), &contacts("c", 0..3));
        client.job(&*job).wait_for("completed");
        assert!(server.terminate().success());
        // What a server has is sent before it ends.
        let case = format!("{sampler:?} {flags}");
        let spans = collector.spans();
        let requests = spans.iter().filter(|span| span.trace == TRACE).count();
        let runs: Vec<_> = spans.iter().filter(|span| span.name == "job").collect();
        assert_eq!((requests > 0, runs.len()), (is_sent, usize::from(is_sent)), "{case}");
        assert!(runs.iter().all(|run| run.links.len() == 1 && run.links[0].0 == TRACE), "{case}");
    }
}

#[test]
fn what_is_no_trace_context_is_passed_over() {
    let collector = TraceCollector::start();
    let server = Options::default().traces(&collector).start();
    let client = server.new_client("acme");
    let upper = parent("01").to_uppercase();
    let long = "x".repeat(20_000);
    let members = (0..100).map(|n| format!("m{n}=1")).collect::<Vec<_>>().join(",");
    let valid = parent("01");
    let bad = [
        "",
        "nonsense",
        "00",
        &upper,
        &long,
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    ];
    for (number, value) in bad.into_iter().enumerate() {
        let id = format!("bad-{number}");
        client.call("GET", "/api/contacts", &[("traceparent", value), ("x-request-id", &id)], &[]).expect(200);
    }
    client.call("GET", "/api/stages", &[("traceparent", &valid), ("traceparent", &valid)], &[]).expect(200);
    for (number, state) in ["=", "a", "a=1,,b", "A=1", &members, &long, "a=\t1", "@=,=@"].into_iter().enumerate() {
        let headers = [("traceparent", &*valid), ("tracestate", state), ("x-request-id", &format!("state-{number}"))];
        client.call("GET", "/api/companies", &headers, &[]).expect(200);
    }
    client.call("GET", "/api/users/self", &[("traceparent", &parent("01"))], &[]).expect(200);
    request_span(&collector, "GET /api/users/self");
    let spans = collector.spans();
    let of = |name: &str| spans.iter().filter(|span| span.name == name).cloned().collect::<Vec<_>>();
    let roots = [of("GET /api/contacts"), of("GET /api/stages")].concat();
    assert_eq!(roots.len(), bad.len() + 1);
    assert!(roots.iter().all(|span| span.parent.is_empty() && span.trace != TRACE), "{roots:?}");
    assert_eq!(roots.iter().map(|span| &span.trace).collect::<BTreeSet<_>>().len(), roots.len());
    let continued = of("GET /api/companies");
    assert_eq!(continued.len(), 8);
    assert!(continued.iter().all(|span| span.parent == SPAN && span.trace == TRACE && span.state.len() <= 512));
}

/// Without the variable, or with one that turns traces off, nobody is called, and a job keeps the trace of its client.
#[test]
fn nothing_is_sent_unless_the_operator_wants_it() {
    for variables in
        [&[("OTEL_SERVICE_NAME", "x")][..], &[("OTEL_SDK_DISABLED", "true")], &[("OTEL_TRACES_EXPORTER", "none")]]
    {
        let collector = TraceCollector::start();
        let mut options = Options::default().admin();
        if variables[0].0 != "OTEL_SERVICE_NAME" {
            options = options.traces(&collector);
        }
        let options = variables.iter().fold(options, |options, (name, value)| options.variable(name, value));
        let mut server = options.start();
        let client = server.new_client("acme");
        let (_, job) = create_with(&client, &parent("01"), &contacts("c", 0..3));
        client.job(&*job).wait_for("completed");
        let completed = server.wait_for_event("job_completed");
        assert_eq!(completed["trace_id"], TRACE, "the client may keep it");
        assert!(server.terminate().success());
        assert_eq!(collector.connections(), 0, "{variables:?}");
        assert!(server.events("traces_started").is_empty());
    }
}

/// A server that takes a job over goes on in a trace of its own, which is linked with the same request.
#[test]
fn each_run_of_a_job_is_linked_with_its_request() {
    let (collector, database) = (TraceCollector::start(), Database::fresh());
    let options = || database.options().rogue().with("--workers", 1).with("--log", "bulkhead=debug").traces(&collector);
    let first = options().start();
    let second = options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    let mut servers = [first, second];
    let items: Value = (0..10_000).map(|n| json!({"email": format!("c{n}@example.com"), "do": "slow"})).collect();
    let (_, job) = create_with(&servers[0].client(&tenant), &parent("01"), &items);
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
    let items = |unknown: usize| [with_addresses(unknown..unknown + 1_000), with_addresses(0..500)].concat();
    let conflict = [("bulkhead.batch.end", json!("conflict")), ("bulkhead.batch.redone", json!("conflict"))];
    batches_with(&collector, &client, "", items(3_000), &conflict);
}

/// Returns a sample of a server's metrics.
fn sample(server: &Server, name: &str) -> f64 {
    let text = server.operator_with(None).get("/metrics").expect(200).text();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0.0)
}

fn spans_by(server: &Server, outcome: &str) -> f64 {
    sample(server, &format!("bulkhead_trace_spans_total{{outcome=\"{outcome}\"}}"))
}

/// Requests and jobs go on, the server stops in time, and what is lost is counted and logged once.
#[test]
fn a_collector_that_fails_holds_nothing_up() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for (case, answer, reason) in [
        ("nobody listens", None, "nothing listens at this address"),
        ("busy", Some(CollectorAnswer::Status("503 Service Unavailable")), "the collector answered 503"),
        ("a redirect", Some(CollectorAnswer::Status("307 Temporary Redirect")), "the collector answered 307"),
        ("silence", Some(CollectorAnswer::Silence), "the collector does not answer in time"),
        ("cut off", Some(CollectorAnswer::CutOff), ""),
    ] {
        let collector = answer.map(TraceCollector::answering);
        let url = collector.as_ref().map_or_else(|| format!("http://{dead}"), TraceCollector::url);
        let options = Options::default().admin().variable("OTEL_EXPORTER_OTLP_ENDPOINT", url);
        let mut server =
            options.variable("OTEL_BSP_SCHEDULE_DELAY", 20).variable("OTEL_EXPORTER_OTLP_TIMEOUT", 300).start();
        let client = server.new_client("acme");
        let job = client.create(&contacts("c", 0..10_000));
        job.wait_for("completed");
        wait_until(case, || (spans_by(&server, "failed") > 0.0).then_some(()));
        assert!(sample(&server, "bulkhead_trace_exports_failed_total") > 0.0, "{case}");
        for _ in 0..3 {
            client.create(&contacts("c", 0..10)).wait_for("completed");
        }
        let failed = spans_by(&server, "failed");
        wait_until("another failure", || (spans_by(&server, "failed") > failed).then_some(()));
        assert_eq!(spans_by(&server, "exported"), 0.0, "{case}");
        let begun = Instant::now();
        assert!(server.terminate().success(), "{case}");
        assert!(begun.elapsed() < MAX_STOP_TIME, "{case}: {:?}", begun.elapsed());
        let logged = server.events("traces_not_exported");
        assert_eq!(logged.len(), 1, "{case}: once for an outage");
        assert!(logged[0]["reason"].as_str().is_some_and(|told| told.contains(reason)), "{case}: {}", logged[0]);
    }
}

/// A collector that answers nothing for a minute takes no more memory than the queue, and what does not fit is counted.
#[test]
fn what_does_not_fit_into_the_queue_is_dropped_and_counted() {
    let collector = TraceCollector::answering(CollectorAnswer::Silence);
    let options = Options::default().admin().traces(&collector).variable("OTEL_EXPORTER_OTLP_TIMEOUT", 60_000);
    let mut server = options.start();
    let client = server.new_client("acme");
    wait_until("the collector to be asked", || {
        client.get("/api/limits").expect(200);
        (collector.requests() > 0).then_some(())
    });
    // Each request has a span, and 2,048 have room.
    let begun = Instant::now();
    while spans_by(&server, "dropped") == 0.0 {
        for _ in 0..200 {
            client.get("/livez").expect(200);
        }
        assert!(begun.elapsed() < bulkhead_tests::DEADLINE, "nothing is dropped");
    }
    client.create(&contacts("c", 0..1_000)).wait_for("completed");
    let stopping = Instant::now();
    assert!(server.terminate().success());
    assert!(stopping.elapsed() < MAX_STOP_TIME, "{:?}", stopping.elapsed());
}

/// When the collector takes spans again, the log says so, and nothing of what follows is lost.
#[test]
fn a_collector_that_comes_back_gets_what_follows() {
    let collector = TraceCollector::answering(CollectorAnswer::Status("503 Service Unavailable"));
    let mut server = Options::default().admin().traces(&collector).variable("OTEL_EXPORTER_OTLP_TIMEOUT", 200).start();
    let client = server.new_client("acme");
    client.get("/api/limits").expect(200);
    server.wait_for_event("traces_not_exported");
    collector.answer(CollectorAnswer::Taken);
    let again = || {
        client.get("/api/limits").expect(200);
        (spans_by(&server, "exported") > 0.0).then_some(())
    };
    wait_until("spans to be taken", again);
    let job = client.create(&contacts("c", 0..10));
    job.wait_for("completed");
    batches(&collector, &collector.run_of(&job.id));
    let told = server.wait_for_event("traces_exported_again");
    assert!(told["spans"].as_u64() > Some(0), "{told}");
}

/// Lines of the log, exemplars of metrics and spans name the same traces.
#[test]
fn the_log_and_the_metrics_name_the_traces_that_are_sent() {
    let collector = TraceCollector::start();
    let server = Options::default().admin().flag("--access-log").traces(&collector).start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..10));
    job.wait_for("completed");
    let run = collector.run_of(&job.id);
    let completed = server.wait_for_events("job_completed", 1);
    assert_eq!((&completed[0]["trace_id"], &completed[0]["job"]), (&json!(run.trace), &json!(job.id)));
    let request = collector
        .wait_for("the request", |spans| spans.iter().find(|span| span.name == "POST /api/contacts/bulk/new").cloned());
    let answered = server.events("request_answered");
    let line = answered.iter().find(|line| line["path"] == "/api/contacts/bulk/new").expect("a line");
    assert_eq!(line["trace_id"], request.trace);
    assert_eq!(line["request_id"], request.attribute("bulkhead.request.id"));
    let accept = [("accept", "application/openmetrics-text;version=1.0.0")];
    let metrics = server.operator_with(None).call("GET", "/metrics", &accept, &[]).expect(200).text();
    let exemplar = |metric: &str, trace: &str| {
        let named = format!(r#"# {{trace_id="{trace}"}}"#);
        metrics.lines().any(|line| line.starts_with(metric) && line.contains(&named))
    };
    assert!(exemplar("http_server_request_duration_seconds_bucket", &request.trace), "{metrics}");
    assert!(exemplar("bulkhead_job_wait_seconds_bucket", &run.trace), "{metrics}");
    // Nobody keeps this one, so that nobody would find it.
    client.call("GET", "/api/stages", &[("traceparent", &parent("00"))], &[]).expect(200);
    let metrics = server.operator_with(None).call("GET", "/metrics", &accept, &[]).expect(200).text();
    assert!(!metrics.contains(TRACE));
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

/// A name, further attributes and a path of its own, as the variables of OpenTelemetry have them.
#[test]
fn a_server_is_called_as_its_operator_wants() {
    let collector = TraceCollector::start();
    let options = Options::default()
        .variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/v1/traces", collector.url()))
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        .variable("OTEL_SERVICE_NAME", "imports")
        .variable("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test");
    let mut server = options.start();
    let started = server.wait_for_event("traces_started");
    assert_eq!(started["collector"], collector.url());
    server.new_client("acme").get("/api/limits").expect(200);
    assert!(server.terminate().success());
    let span = collector.wait_for("a span", |spans| spans.first().cloned());
    for (name, expected) in [("service.name", "imports"), ("deployment.environment.name", "test")] {
        assert_eq!(span.resource.get(name), Some(&json!(expected)), "{name}");
    }
}

/// Refused at the start, by the name of the variable, before anything is made.
#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let data = folder.path().join("data");
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:hunter2"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:hunter2@collector.example"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_TRACES_SAMPLER", "hunter2"),
    ] {
        let mut command: Command = bulkhead();
        command.arg("serve").arg("--data").arg(&data).args(["--listen", "127.0.0.1:0"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318").env(name, value);
        let output = command.output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert!(told.contains(name) && !told.contains("hunter2"), "{name}: {told}");
        assert!(!data.exists(), "{name}");
    }
}
