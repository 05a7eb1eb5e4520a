//! Requests and connections. Names and bounds are those of OpenTelemetry's semantic conventions 1.44, as Prometheus writes them.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Bounds in seconds, of `http.server.request.duration`.
const REQUEST_TIMES: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Requests and connections.
pub struct HttpMetrics {
    requests: Family<RequestLabels, HistogramWithExemplars<TraceLabel>, fn() -> HistogramWithExemplars<TraceLabel>>,
    /// Requests that are being answered.
    pub active: Gauge,
    refused: Family<RefusalLabels, Counter>,
    connections: Family<ListenerLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    http_request_method: &'static str,
    http_route: &'static str,
    http_response_status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TraceLabel {
    trace_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

/// Why a request or a connection was refused that may have been all right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// Wrong credentials, or none.
    Credentials,
    /// A tenant's limit.
    TenantLimit,
    /// The request or its body is too large.
    TooLarge,
    /// The server is busy, starts or stops.
    Unavailable,
    /// The tenant may store no more.
    Storage,
    /// There are too many connections.
    Connections,
}

impl RefusalReason {
    const ALL: [Self; 6] =
        [Self::Credentials, Self::TenantLimit, Self::TooLarge, Self::Unavailable, Self::Storage, Self::Connections];

    fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::TenantLimit => "tenant_limit",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
            Self::Storage => "storage",
            Self::Connections => "connections",
        }
    }
}

impl RefusalReason {
    /// Returns the reason for which an answer with this status refuses a request; `None` for all others.
    pub fn of(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::Credentials),
            413 => Some(Self::TooLarge),
            429 => Some(Self::TenantLimit),
            503 => Some(Self::Unavailable),
            507 => Some(Self::Storage),
            _ => None,
        }
    }
}

impl HttpMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let requests =
            Family::new_with_constructor((|| HistogramWithExemplars::new(REQUEST_TIMES.into_iter())) as fn() -> _);
        let (active, refused, connections) = (Gauge::default(), Family::default(), Family::default());
        registry.register_with_unit(
            "http_server_request_duration",
            "Time from a request's head to the head of its answer",
            Unit::Seconds,
            requests.clone(),
        );
        registry.register("http_server_active_requests", "Requests that are being answered", active.clone());
        let own = registry.sub_registry_with_prefix("bulkhead");
        own.register("refused", "Requests and connections that were refused, by reason", refused.clone());
        own.register("connections", "Open connections of a listener", connections.clone());
        // What is counted at all is there from the beginning, so that a first refusal is an increase.
        for reason in RefusalReason::ALL {
            refused.get_or_create_owned(&RefusalLabels { reason: reason.as_str() });
        }
        Self { requests, active, refused, connections }
    }

    /// Counts a request that was answered. `route` is the template of its path; `trace` is the id of the trace that it belongs to.
    pub fn answered(&self, method: &str, route: &'static str, status: u16, time: Duration, trace: Option<String>) {
        let labels = RequestLabels {
            http_request_method: known_method(method),
            http_route: route,
            http_response_status_code: status,
        };
        let trace = trace.map(|trace_id| TraceLabel { trace_id });
        self.requests.get_or_create_owned(&labels).observe(time.as_secs_f64(), trace, None);
        if let Some(reason) = RefusalReason::of(status) {
            self.refused(reason);
        }
    }

    /// Returns the number of open connections of a listener, which the listener itself changes.
    pub fn connections(&self, listener: &'static str) -> Gauge {
        self.connections.get_or_create_owned(&ListenerLabels { listener })
    }

    /// Counts a refusal.
    pub fn refused(&self, reason: RefusalReason) {
        self.refused.get_or_create_owned(&RefusalLabels { reason: reason.as_str() }).inc();
    }
}

/// Returns a method as its label, so that strangers cannot make labels.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}
