//! `GET /metrics`: what a server counts, and that operators can read about all of it.

use std::collections::{BTreeMap, BTreeSet};

use bulkhead_tests::{Options, Server, contacts, wait_until};
use serde_json::json;

use crate::tls::{Files, Pair};

const OPERATING: &str = include_str!("../../docs/operating.md");

/// Returns the metrics of a server: each sample's name and labels, with its value.
fn scrape(server: &Server) -> BTreeMap<String, f64> {
    let reply = server.operator_with(None).get("/metrics").expect(200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = reply.text();
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a sample");
        (name.to_owned(), value.parse().expect("a number"))
    };
    samples.map(sample).collect()
}

fn value(server: &Server, sample: &str) -> f64 {
    scrape(server).get(sample).copied().unwrap_or(0.0)
}

fn work_is_counted(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "a@example.com"}, {"email": "nonsense"}, {"do": "trap"}]));
    job.wait_for("completed");
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "b@example.com"})).expect(201);
    client.get("/api/contacts/nothing/of/this").expect(404);
    server.client_with(Some("Basic d3Jvbmc6d3Jvbmc=")).get("/api/contacts").expect(401);
    wait_until("the end of the job to be counted", || {
        let ended = r#"bulkhead_jobs_finished_total{operation="create",dry_run="false",end="completed"}"#;
        (value(server, ended) == 1.0).then_some(())
    });
    let samples = scrape(server);
    let of = |sample: &str| samples.get(sample).copied().unwrap_or(0.0);
    for (sample, least) in [
        (r#"bulkhead_contacts_total{operation="create",outcome="created"}"#, 1.0),
        (r#"bulkhead_contacts_total{operation="create",outcome="failed"}"#, 1.0),
        (r#"bulkhead_contacts_total{operation="call",outcome="created"}"#, 1.0),
        ("bulkhead_job_wait_seconds_count", 1.0),
        (r#"bulkhead_batch_seconds_count{phase="commit"}"#, 1.0),
        (r#"bulkhead_guest_failures_total{type="trapped"}"#, 1.0),
        (r#"bulkhead_refused_total{reason="credentials"}"#, 1.0),
        ("bulkhead_store_up", 1.0),
        ("bulkhead_stored_contacts", 2.0),
        ("bulkhead_tenants", 1.0),
        (r#"bulkhead_workers{state="idle"}"#, 1.0),
        ("process_resident_memory_bytes", 1e6),
        ("process_cpu_seconds_total", 0.01),
        ("process_open_fds", 3.0),
    ] {
        assert!(of(sample) >= least, "{sample} is {}", of(sample));
    }
    for sample in
        [r#"bulkhead_jobs{state="queued"}"#, "bulkhead_waiting_contacts", "bulkhead_oldest_waiting_job_age_seconds"]
    {
        assert_eq!(of(sample), 0.0, "{sample}");
    }
    // Nobody can make labels, and nobody is named.
    let text = server.operator_with(None).get("/metrics").expect(200).text();
    assert!(
        text.contains(r#"http_route="unknown""#) && text.contains(r#"http_route="/api/contacts/job/{id}""#),
        "{text}"
    );
    for secret in ["nothing/of/this", "acme", "a@example.com", &*job.id] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn work_is_counted_on_sqlite() {
    work_is_counted(&Options::default().rogue().admin().start());
}

#[test]
fn work_is_counted_on_postgresql() {
    work_is_counted(&crate::databases::Database::fresh().options().rogue().admin().start());
}

#[test]
fn the_busiest_tenants_are_named_if_the_operator_asks() {
    let server = Options::default().admin().with("--metrics-tenants", 1).start();
    for (name, count) in [("busy", 50), ("idle", 1)] {
        server.new_client(name).create(&contacts("c", 0..count)).wait_for("completed");
    }
    let of = |tenant: &str| value(&server, &format!(r#"bulkhead_tenant_contacts_total{{tenant="{tenant}"}}"#));
    assert_eq!([of("busy"), of("_other"), of("idle")], [50.0, 1.0, 0.0]);
}

/// Prometheus asks for OpenMetrics, which has exemplars.
#[test]
fn requests_name_their_trace_in_open_metrics() {
    let server = Options::default().admin().start();
    let (client, trace) = (server.new_client("acme"), "4bf92f3577b34da6a3ce929d0e0e4736");
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    client.call("GET", "/api/contacts", &[("traceparent", &parent)], &[]).expect(200);
    let accept = [("accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3")];
    let reply = server.operator_with(None).call("GET", "/metrics", &accept, &[]).expect(200);
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let text = reply.text();
    assert!(text.ends_with("# EOF\n") && text.contains(&format!(r#"# {{trace_id="{trace}"}}"#)), "{text}");
}

/// Every metric is in the documentation, and every one that is there exists.
#[test]
fn metrics_and_documentation_agree() {
    let pair = Pair::new();
    let files = Files::of(&pair);
    let options = Options::default().admin().with("--metrics-tenants", 1);
    let options =
        options.with("--admin-tls-cert", files.text("certificate")).with("--admin-tls-key", files.text("key"));
    let server = options.start();
    server.new_client("acme").create(&contacts("c", 0..1)).wait_for("completed");
    let url = format!("https://{}/metrics", server.admin_address());
    // A worker counts a job just after its client can see the end.
    let text = wait_until("the job is counted", || {
        let text = pair.agent().get(&url).call().expect("metrics").body_mut().read_to_string().expect("a text");
        text.contains("bulkhead_jobs_finished_total").then_some(text)
    });
    let told: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let section = OPERATING.split("## Metrics").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let table = section.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<&str> =
        table.flat_map(|line| line.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2)).collect();
    let missing: Vec<_> = told.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&told).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not documented: {missing:?}; not told: {unknown:?}");
}
