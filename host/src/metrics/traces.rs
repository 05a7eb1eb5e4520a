//! Spans that are sent to a collector.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::registering::{Counters, counted, registered};

/// Spans that are sent to a collector.
pub struct TraceMetrics {
    spans: Counters<1>,
    /// Requests with spans that the collector did not take, also when they were repeated.
    pub exports_failed: Counter,
}

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanOutcome {
    /// The collector took it.
    Exported,
    /// The collector did not take it.
    Failed,
    /// There was no room in the queue.
    Dropped,
}

impl SpanOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl TraceMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let outcomes = [SpanOutcome::Exported, SpanOutcome::Failed, SpanOutcome::Dropped].map(SpanOutcome::as_str);
        Self {
            spans: counted(registry, "trace_spans", "Spans for a collector, by outcome", "outcome", outcomes),
            exports_failed: registered(
                registry,
                "trace_exports_failed",
                "Requests with spans that the collector did not take",
                Counter::default(),
            ),
        }
    }

    /// Counts spans.
    pub fn spans(&self, outcome: SpanOutcome, spans: usize) {
        self.spans.get_or_create_owned(&[("outcome", outcome.as_str())]).inc_by(spans as u64);
    }
}
