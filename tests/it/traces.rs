//! Traces: what a collector gets of requests and jobs, and that no collector holds anything up.

mod collectors;
mod jobs;
mod requests;
mod settings;

use std::collections::BTreeSet;

use bulkhead_tests::{Client, TraceCollector, TraceSpan};
use serde_json::Value;

/// A trace of a client, and a span of it.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
/// Spans of a run at most.
const MAX_SPANS: usize = 1_000;

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

/// Creates contacts by a request with a `traceparent`. Returns the job's id.
fn create_with(client: &Client, traceparent: &str, items: &Value) -> String {
    let reply = client.send("POST", "/api/contacts/bulk/new", &[("traceparent", traceparent)], items).expect(202);
    reply.json()["id"].as_str().expect("an id").to_owned()
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
    let is_completed = run.attribute("bulkhead.job.end") == "completed";
    for (batch, parts) in &batches {
        assert_eq!(batch.name, "batch");
        assert!(!is_completed || batch.attribute("bulkhead.batch.end") != "abandoned", "{batch:?}");
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
