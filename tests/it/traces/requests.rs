//! What a collector gets of requests, and what is told of none.

use std::collections::BTreeSet;

use bulkhead_tests::{Options, TraceCollector, contacts};
use serde_json::{Value, json};

use super::{SPAN, TRACE, batches, parent, request_span};

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
    for path in ["/livez", "/readyz"] {
        let health = server.health_address();
        let reply = ureq::get(&format!("http://{health}{path}")).call().expect("an answer");
        assert_eq!(reply.status(), 200);
    }
    // The last one: once its span is there, all others that are sent are there.
    operator.get("/admin/tenants/acme").expect(200);
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
    collector.wait_for_span("GET /admin/tenants");
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
    let request = collector.wait_for_span("POST /api/contacts/bulk/new");
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
    // This one is not sampled, so nobody would find it.
    client.call("GET", "/api/stages", &[("traceparent", &parent("00"))], &[]).expect(200);
    let metrics = server.operator_with(None).call("GET", "/metrics", &accept, &[]).expect(200).text();
    assert!(!metrics.contains(TRACE));
}
