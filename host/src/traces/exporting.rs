//! The queue of spans and the thread that sends them: bounded, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter, SpanLimits,
    SpanProcessor,
};
use parking_lot::Mutex;
use uuid::Uuid;

use super::collector::CollectorClient;
use super::settings::{TraceSettings, TraceSettingsError};
use crate::metrics::{METRICS, SpanOutcome};

/// Spans that wait or are being sent: a MiB or two.
const MAX_SPANS: usize = 2_048;
/// Spans in one request.
const MAX_SPANS_SENT: usize = 512;
/// Attributes of a span.
const MAX_ATTRIBUTES: u32 = 32;
/// Time between two log lines that say that spans are not taken.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// What makes spans and sends them.
pub(super) struct Exporting {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Exporting {
    /// Starts the thread that sends spans.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub(super) fn start(settings: TraceSettings) -> Result<Self, TraceSettingsError> {
        let (failure, waiting) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let exporter = OtlpExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new(&settings, Arc::clone(&failure)))
            .with_endpoint(settings.endpoint.as_str())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(settings.timeout)
            .with_headers(settings.headers.clone());
        let exporter = match settings.compression {
            Some(compression) => exporter.with_compression(compression),
            None => exporter,
        };
        let exporter = exporter.build().map_err(|_| TraceSettingsError::no_collector())?;
        let exporter =
            WatchedExporter { exporter, waiting: Arc::clone(&waiting), failure, outage: Mutex::new(Outage::default()) };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_SPANS)
            .with_max_export_batch_size(MAX_SPANS_SENT)
            .with_scheduled_delay(settings.delay)
            .build();
        let queue = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        let limits = SpanLimits { max_attributes_per_span: MAX_ATTRIBUTES, ..SpanLimits::default() };
        let provider = SdkTracerProvider::builder()
            .with_sampler(settings.sampler.clone())
            .with_span_limits(limits)
            .with_resource(resource())
            .with_span_processor(CountedQueue { queue, waiting })
            .build();
        let scope = InstrumentationScope::builder("bulkhead").with_version(env!("CARGO_PKG_VERSION")).build();
        let tracer = provider.tracer_with_scope(scope);
        tracing::info!(event = "traces_started", collector = settings.collector(), "traces are sent to a collector");
        Ok(Self { provider, tracer })
    }

    pub(super) fn tracer(&self) -> &SdkTracer {
        &self.tracer
    }

    /// Sends the spans that wait, for at most `timeout`.
    pub(super) fn stop(&self, timeout: Duration) {
        // What fails is counted and logged where it is sent.
        drop(self.provider.shutdown_with_timeout(timeout));
    }
}

/// Returns what all spans of this process have in common. What is set later counts before what was set earlier.
fn resource() -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name("bulkhead")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", Uuid::new_v4().to_string()))
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty()) {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// The queue of the library, which tells nobody what it drops. So no more is given to it than it takes.
#[derive(Debug)]
struct CountedQueue {
    queue: BatchSpanProcessor,
    /// Spans that wait or are being sent.
    waiting: Arc<AtomicUsize>,
}

impl SpanProcessor for CountedQueue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= MAX_SPANS {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            METRICS.traces.spans(SpanOutcome::Dropped, 1);
            return;
        }
        self.queue.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// Sends spans, and says what became of them.
#[derive(Debug)]
struct WatchedExporter {
    exporter: OtlpExporter,
    waiting: Arc<AtomicUsize>,
    /// Why the last request failed.
    failure: Arc<Mutex<Option<String>>>,
    outage: Mutex<Outage>,
}

/// Whether the collector takes spans.
#[derive(Debug, Default)]
struct Outage {
    /// When it began, and the spans that were lost in it.
    ongoing: Option<(Instant, usize)>,
    /// Whether the log says so.
    is_logged: bool,
    last_logged: Option<Instant>,
}

impl SpanExporter for WatchedExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::AcqRel);
        match &sent {
            Ok(()) => {
                METRICS.traces.spans(SpanOutcome::Exported, spans);
                self.outage.lock().end();
            }
            Err(error) => {
                METRICS.traces.spans(SpanOutcome::Failed, spans);
                METRICS.traces.exports_failed.inc();
                let reason = self.failure.lock().clone().unwrap_or_else(|| error.to_string());
                self.outage.lock().add(spans, &reason, Instant::now());
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl Outage {
    /// Counts spans that were not taken. The first time, and once a minute at most, the log says so.
    fn add(&mut self, spans: usize, reason: &str, now: Instant) {
        let (since, lost) = self.ongoing.unwrap_or((now, 0));
        self.ongoing = Some((since, lost + spans));
        let is_due = self.last_logged.is_none_or(|last| now.saturating_duration_since(last) >= LOG_PAUSE);
        if !self.is_logged && is_due {
            (self.is_logged, self.last_logged) = (true, Some(now));
            tracing::warn!(
                event = "traces_not_exported",
                reason,
                "the collector takes no spans; they are lost until it does, and nothing else is affected"
            );
        }
    }

    fn end(&mut self) {
        let Some((since, spans)) = self.ongoing.take() else { return };
        if std::mem::take(&mut self.is_logged) {
            let seconds = since.elapsed().as_secs();
            tracing::info!(event = "traces_exported_again", spans, seconds, "the collector takes spans again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{LOG_PAUSE, Outage};

    #[test]
    fn an_outage_is_logged_once_and_a_collector_that_comes_and_goes_once_a_minute() {
        let (mut outage, begin) = (Outage::default(), Instant::now());
        outage.add(3, "no", begin);
        assert!(outage.is_logged && outage.ongoing == Some((begin, 3)));
        outage.add(4, "no", begin + LOG_PAUSE);
        assert_eq!((outage.ongoing, outage.last_logged), (Some((begin, 7)), Some(begin)));
        outage.end();
        assert!(!outage.is_logged && outage.ongoing.is_none());
        outage.add(1, "no", begin + LOG_PAUSE / 2);
        assert!(!outage.is_logged && outage.last_logged == Some(begin));
        outage.end();
        outage.add(1, "no", begin + LOG_PAUSE);
        assert!(outage.is_logged);
    }
}
