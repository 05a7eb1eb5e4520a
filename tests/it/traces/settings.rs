//! Which traces are sent, where to, and with which name, as the variables of OpenTelemetry say.

use bulkhead_tests::{Options, TraceCollector, bulkhead, contacts};
use serde_json::json;

use super::{TRACE, create_with, parent};

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
        // The trace's own id decides, about the request and about the job that it is linked with.
        (Some("traceidratio"), Some("0.5"), "01", false),
        (Some("traceidratio"), Some("0.7"), "00", true),
    ] {
        let collector = TraceCollector::start();
        let mut options = Options::default().admin().traces(&collector);
        for (name, value) in [("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", share)] {
            options = value.into_iter().fold(options, |options, value| options.variable(name, value));
        }
        let mut server = options.start();
        let client = server.new_client("acme");
        let job = create_with(&client, &parent(flags), &contacts("c", 0..3));
        client.job(&*job).wait_for("completed");
        assert!(server.terminate().success());
        // What a server has is sent before it ends.
        let case = format!("{sampler:?} {share:?} {flags}");
        let spans = collector.spans();
        let requests = spans.iter().filter(|span| span.trace == TRACE).count();
        let runs: Vec<_> = spans.iter().filter(|span| span.name == "job").collect();
        assert_eq!((requests > 0, runs.len()), (is_sent, usize::from(is_sent)), "{case}");
        assert!(runs.iter().all(|run| run.links.len() == 1 && run.links[0].0 == TRACE), "{case}");
    }
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
        let job = create_with(&client, &parent("01"), &contacts("c", 0..3));
        client.job(&*job).wait_for("completed");
        let completed = server.wait_for_event("job_completed");
        assert_eq!(completed["trace_id"], TRACE, "the client may keep it");
        assert!(server.terminate().success());
        assert_eq!(collector.connections(), 0, "{variables:?}");
        assert!(server.events("traces_started").is_empty());
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
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://{hunter2}.example"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_TRACES_SAMPLER", "hunter2"),
    ] {
        let mut command = bulkhead();
        command.arg("serve").arg("--data").arg(&data).args(["--listen", "127.0.0.1:0"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318").env(name, value);
        let output = command.output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert!(told.contains(name) && !told.contains("hunter2"), "{name}: {told}");
        assert!(!data.exists(), "{name}");
    }
}
