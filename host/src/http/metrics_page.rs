//! `GET /metrics`: what this server counts and measures, for Prometheus.

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};

use super::accept::is_named;
use super::gauge_reader::GaugeReader;
use super::reply::{Reply, ReplyBody};
use crate::metrics::{Exposition, METRICS};

/// What answers requests for metrics.
pub(super) struct MetricsPage {
    gauges: GaugeReader,
}

impl MetricsPage {
    pub(super) fn new(gauges: GaugeReader) -> Self {
        Self { gauges }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, headers: &HeaderMap) -> Reply {
        let exposition = wanted(headers);
        let text = METRICS.write(&self.gauges.read().await, exposition).unwrap_or_default();
        let mut reply = Reply::new(ReplyBody::Whole(text.into()));
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(exposition.media_type()));
        reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply
    }
}

/// Returns the form that the client wants: OpenMetrics if it names that, as Prometheus does.
fn wanted(headers: &HeaderMap) -> Exposition {
    if is_named(headers, "application/openmetrics-text") { Exposition::OpenMetrics } else { Exposition::Text }
}

#[cfg(test)]
mod tests {
    use hyper::header::{ACCEPT, HeaderMap, HeaderValue};

    use super::wanted;
    use crate::metrics::Exposition;

    #[test]
    fn open_metrics_are_for_whoever_asks_for_them() {
        for (accept, expected) in [
            (None, Exposition::Text),
            (Some("*/*"), Exposition::Text),
            (Some("text/plain;version=0.0.4"), Exposition::Text),
            (Some("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3"), Exposition::OpenMetrics),
            (Some("text/plain, application/openmetrics-text"), Exposition::OpenMetrics),
            (Some("application/openmetrics-text;q=0, */*"), Exposition::Text),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(wanted(&headers), expected, "{accept:?}");
        }
    }
}
