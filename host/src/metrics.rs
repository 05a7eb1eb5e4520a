//! What this server counts and measures, for Prometheus: `GET /metrics` on the operators' listener.
//!
//! A process has one set of metrics, [`METRICS`]. Whoever does something counts it there; nothing here knows who. Values that are
//! there at any time, such as the length of the queue, are read when somebody asks ([`Gauges`]).
//!
//! No label has a value that a stranger can choose: routes are templates, methods that HTTP does not know are `_OTHER`, and tenants
//! are named only if the operator asks for the busiest ones. So the memory of all metrics is bounded.

mod gauges;
mod guests;
mod http;
mod jobs;
mod process;
mod registering;
mod store;
mod tenants;
mod traces;
mod webhooks;

use std::fmt;
use std::sync::LazyLock;

pub use gauges::Gauges;
pub use guests::{CacheResult, GuestCall, GuestMetrics};
pub use http::{HttpMetrics, RefusalReason};
pub use jobs::{BatchPhase, JobEnd, JobMetrics, RedoCause};
pub use process::ProcessMetrics;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
pub use store::StoreMetrics;
pub use tenants::TenantMetrics;
pub use traces::{SpanOutcome, TraceMetrics};
pub use webhooks::{DeliveryOutcome, WebhookMetrics};

/// The metrics of this process.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// All metrics.
pub struct Metrics {
    registry: Registry,
    /// Requests and connections.
    pub http: HttpMetrics,
    /// Jobs, batches and workers.
    pub jobs: JobMetrics,
    /// Components.
    pub guests: GuestMetrics,
    /// The store.
    pub store: StoreMetrics,
    /// Messages to endpoints.
    pub webhooks: WebhookMetrics,
    /// Spans that are sent to a collector.
    pub traces: TraceMetrics,
    /// The busiest tenants, if the operator asks for them.
    pub tenants: TenantMetrics,
    process: ProcessMetrics,
}

/// The form in which metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// OpenMetrics 1.0, which has exemplars.
    OpenMetrics,
}

impl Exposition {
    /// Returns its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::default();
        let http = HttpMetrics::new(&mut registry);
        let own = registry.sub_registry_with_prefix("bulkhead");
        let jobs = JobMetrics::new(own);
        let guests = GuestMetrics::new(own);
        let store = StoreMetrics::new(own);
        let webhooks = WebhookMetrics::new(own);
        let traces = TraceMetrics::new(own);
        let tenants = TenantMetrics::new(own);
        let process = ProcessMetrics::new(&mut registry);
        Self { registry, http, jobs, guests, store, webhooks, traces, tenants, process }
    }

    /// Writes all metrics, with the values that are there at any time as `gauges` has them.
    ///
    /// # Errors
    /// Never in practice: texts can be written to memory.
    pub fn write(&self, gauges: &Gauges, exposition: Exposition) -> Result<String, fmt::Error> {
        gauges.tell(self);
        self.process.read();
        let mut written = String::with_capacity(64 << 10);
        match exposition {
            Exposition::Text => prometheus_text::encode(&mut written, &self.registry)?,
            Exposition::OpenMetrics => text::encode(&mut written, &self.registry)?,
        }
        Ok(written)
    }
}

/// Bounds in seconds for what takes from half a millisecond to ten seconds.
const SHORT_TIMES: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds in seconds for what takes from some milliseconds to half an hour.
const LONG_TIMES: [f64; 15] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

#[cfg(test)]
mod tests {
    use super::{Exposition, Gauges, METRICS};

    #[test]
    fn both_forms_can_be_written_and_every_metric_says_what_it_is() {
        let text = METRICS.write(&Gauges::default(), Exposition::Text).unwrap();
        let open = METRICS.write(&Gauges::default(), Exposition::OpenMetrics).unwrap();
        assert!(open.ends_with("# EOF\n") && !text.contains("# EOF"));
        for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            let (name, help) = line.split_once(' ').unwrap();
            assert!(name.starts_with("bulkhead_") || name.starts_with("http_server_") || name.starts_with("process_"));
            assert!(help.len() > 10, "{name}");
        }
    }
}
