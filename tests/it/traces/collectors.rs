//! No collector holds anything up, and what one does not take is counted.

use std::time::{Duration, Instant};

use bulkhead_tests::{CollectorAnswer, Options, Server, TraceCollector, contacts, wait_until};

use super::batches;

/// Time in which a server without work must stop: its own, two seconds for its collector, and what the machine is slower.
const MAX_STOP_TIME: Duration = Duration::from_secs(8);

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
