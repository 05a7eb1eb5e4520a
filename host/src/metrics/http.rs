//! Requests and connections. Names and bounds are those of OpenTelemetry's semantic conventions 1.44, as Prometheus writes them.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::registering::{Counters, GaugesBy, TraceLabel, counted, measured, registered};
use crate::domain::TraceId;

/// Bounds in seconds, of `http.server.request.duration`.
const REQUEST_TIMES: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Requests and connections.
pub struct HttpMetrics {
    requests: Family<RequestLabels, HistogramWithExemplars<TraceLabel>, fn() -> HistogramWithExemplars<TraceLabel>>,
    /// Requests that are being answered.
    pub active: Gauge,
    refused: Counters<1>,
    connections: GaugesBy,
    certificates: GaugesBy,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    http_request_method: &'static str,
    http_route: &'static str,
    http_response_status_code: u16,
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

impl HttpMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let requests =
            Family::new_with_constructor((|| HistogramWithExemplars::new(REQUEST_TIMES.into_iter())) as fn() -> _);
        let requests = measured(
            registry,
            "http_server_request_duration",
            "Time from a request's head to the head of its answer",
            Unit::Seconds,
            requests,
        );
        let active =
            registered(registry, "http_server_active_requests", "Requests that are being answered", Gauge::default());
        let own = registry.sub_registry_with_prefix("bulkhead");
        let refused = counted(
            own,
            "refused",
            "Requests and connections that were refused, by reason",
            "reason",
            RefusalReason::ALL.map(RefusalReason::as_str),
        );
        let connections = registered(own, "connections", "Open connections of a listener", GaugesBy::default());
        let certificates = registered(
            own,
            "tls_certificate_expires_timestamp_seconds",
            "When the certificate of a listener expires, in seconds since 1970",
            GaugesBy::default(),
        );
        Self { requests, active, refused, connections, certificates }
    }

    /// Counts a request that was answered. Neither its method nor `route`, the template of its path, is a text of its sender; `trace` is
    /// the trace that it belongs to, if that is sampled.
    pub fn answered(
        &self,
        method: &'static str,
        route: &'static str,
        status: u16,
        time: Duration,
        trace: Option<TraceId>,
    ) {
        let labels =
            RequestLabels { http_request_method: method, http_route: route, http_response_status_code: status };
        self.requests.get_or_create_owned(&labels).observe(time.as_secs_f64(), trace.map(TraceLabel::from), None);
    }

    /// Returns the number of open connections of a listener, which the listener itself changes.
    pub fn connections(&self, listener: &'static str) -> Gauge {
        self.connections.get_or_create_owned(&[("listener", listener)])
    }

    /// Tells when the certificate of a listener expires, in seconds since 1970.
    pub fn certificate_expires(&self, listener: &'static str, seconds: i64) {
        self.certificates.get_or_create_owned(&[("listener", listener)]).set(seconds);
    }

    /// Counts a refusal.
    pub fn refused(&self, reason: RefusalReason) {
        self.refused.get_or_create_owned(&[("reason", reason.as_str())]).inc();
    }
}
