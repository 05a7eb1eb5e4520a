//! Traces, sent to a collector of OpenTelemetry by OTLP over HTTP: a span for each request, and a trace for each run of a job, with
//! its batches and their parts.
//!
//! Only this module knows OpenTelemetry. A process has one set of spans, as it has one set of metrics. Traces are off until
//! [`start`], and what is off costs a look at a flag.
//!
//! Traces never hold anything up: whoever ends a span puts it into a queue, and a thread sends what is there. What does not fit into
//! the queue, and what the collector does not take in time, is counted and forgotten.
//!
//! No span has anything of a contact, of a body, of a query or of a component's output, nor a secret.

mod batch_trace;
mod collector;
mod exporting;
mod job_trace;
mod phases;
mod request_trace;
mod sampling;
mod settings;

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

pub use batch_trace::{BatchEnd, BatchTrace, CommitTime};
use exporting::Exporting;
pub use job_trace::{JobFacts, JobTrace, RunEnd};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::SdkTracer;
pub use phases::{PhaseLog, Phases};
pub use request_trace::{AnsweredRequest, RequestTrace};
pub use settings::{TraceSettings, TraceSettingsError};

use crate::domain::TraceParent;

/// What sends the spans of this process, once they are sent.
static EXPORTING: OnceLock<Exporting> = OnceLock::new();

/// Begins to send spans, for as long as the process runs. Does nothing if spans are sent already.
///
/// # Errors
/// If the settings cannot be used.
pub fn start(settings: TraceSettings) -> Result<(), TraceSettingsError> {
    if EXPORTING.get().is_none() {
        drop(EXPORTING.set(Exporting::start(settings)?));
    }
    Ok(())
}

/// Sends the spans that are left, for at most `timeout`, and then no more.
pub fn stop(timeout: Duration) {
    if let Some(exporting) = EXPORTING.get() {
        exporting.stop(timeout);
    }
}

/// Returns what makes spans; `None` if traces are off.
fn tracer() -> Option<&'static SdkTracer> {
    EXPORTING.get().map(Exporting::tracer)
}

/// Makes a span's context of a span that another program made, or another run.
fn remote_context(parent: TraceParent, state: TraceState) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(parent.is_sampled());
    let (trace, span) = (TraceId::from_bytes(parent.trace().bytes()), SpanId::from_bytes(parent.span()));
    SpanContext::new(trace, span, flags, true, state)
}

/// Returns the span that a context is of; `None` if it is of none.
fn trace_parent(context: &SpanContext) -> Option<TraceParent> {
    TraceParent::new(context.trace_id().to_bytes(), context.span_id().to_bytes(), context.is_sampled())
}

/// Returns a number as spans have them.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What makes times of moments, so that spans whose times are told later lie within each other, whatever becomes of the clock.
#[derive(Debug, Clone, Copy)]
struct TraceClock {
    moment: Instant,
    time: SystemTime,
}

impl TraceClock {
    fn start() -> Self {
        Self { moment: Instant::now(), time: SystemTime::now() }
    }

    /// Returns when this began.
    fn begun(self) -> SystemTime {
        self.time
    }

    fn time_of(self, moment: Instant) -> SystemTime {
        match moment.checked_duration_since(self.moment) {
            Some(later) => self.time + later,
            None => self.time - self.moment.saturating_duration_since(moment),
        }
    }
}
