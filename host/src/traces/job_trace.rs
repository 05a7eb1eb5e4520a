//! The trace of a job's run, which is one claim of the job: a root that is linked with the request that the job was accepted by, and
//! its batches.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span;
use parking_lot::Mutex;

use super::batch_trace::BatchTrace;
use super::phases::{PhaseLog, Phases};
use super::{TraceClock, remote_context, signed, trace_parent, tracer};
use crate::domain::{JobId, TraceId, TraceParent};

/// Spans of a run. A job of 10,000 items that nothing disturbs has about a hundred.
const MAX_SPANS: usize = 1_000;

/// The trace of a run; nothing if it is not sent.
#[derive(Clone, Default)]
pub struct JobTrace(Option<Arc<Run>>);

/// What a span tells of a run.
#[derive(Debug)]
pub struct JobFacts<'a> {
    /// The job.
    pub job: JobId,
    /// Its tenant.
    pub tenant: &'a str,
    /// What the job does with its items.
    pub operation: &'static str,
    /// Which contacts the items may be applied to.
    pub mode: &'static str,
    /// Whether the job stores no contact.
    pub is_dry_run: bool,
    /// Items of the job.
    pub items: u32,
    /// The first item that is not committed yet.
    pub cursor: u32,
    /// Claims since the last commit, this one included.
    pub attempts: u32,
    /// How long the job waited, if this is its first claim.
    pub waited: Option<Duration>,
    /// The span of the request that the job was accepted by.
    pub request: Option<TraceParent>,
}

/// A run whose spans are sent.
pub(super) struct Run {
    span: Mutex<Option<Span>>,
    /// The context of the batches.
    pub(super) context: Context,
    trace: TraceId,
    pub(super) clock: TraceClock,
    spans: AtomicUsize,
    left_out: AtomicU64,
    batches: AtomicU64,
    /// Items by what became of them.
    outcomes: Mutex<Vec<(&'static str, u64)>>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// All items of the job have rows.
    Completed,
    /// The job was deleted or cancelled, or belongs to another claim.
    Stopped,
    /// The job goes back to the queue.
    Released,
    /// The store failed, and the job goes back to the queue.
    StoreFailed,
}

impl JobTrace {
    /// Begins the trace of a run.
    pub fn begin(facts: &JobFacts<'_>) -> Self {
        let Some(tracer) = tracer() else { return Self(None) };
        let clock = TraceClock::start();
        let &JobFacts { job, tenant, operation, mode, is_dry_run, items, cursor, attempts, waited, request } = facts;
        let attributes = [
            Some(KeyValue::new("bulkhead.job.id", job.to_string())),
            Some(KeyValue::new("bulkhead.tenant", tenant.to_owned())),
            Some(KeyValue::new("bulkhead.job.operation", operation)),
            Some(KeyValue::new("bulkhead.job.mode", mode)),
            Some(KeyValue::new("bulkhead.job.dry_run", is_dry_run)),
            Some(KeyValue::new("bulkhead.job.items", i64::from(items))),
            Some(KeyValue::new("bulkhead.job.cursor", i64::from(cursor))),
            Some(KeyValue::new("bulkhead.job.attempt", i64::from(attempts))),
            waited.map(|waited| KeyValue::new("bulkhead.job.wait_seconds", waited.as_secs_f64())),
        ];
        let link = request.map(|request| Link::with_context(remote_context(request, TraceState::default())));
        let builder = SpanBuilder::from_name("job")
            .with_kind(SpanKind::Consumer)
            .with_start_time(clock.begun())
            .with_attributes(attributes.into_iter().flatten())
            .with_links(link.into_iter().collect());
        let span = tracer.build_with_context(builder, &Context::new());
        let own = trace_parent(span.span_context()).filter(|_| span.is_recording());
        let Some(own) = own else { return Self(None) };
        Self(Some(Arc::new(Run {
            context: Context::new().with_remote_span_context(span.span_context().clone()),
            trace: own.trace(),
            span: Mutex::new(Some(span)),
            clock,
            spans: AtomicUsize::new(1),
            left_out: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            outcomes: Mutex::default(),
        })))
    }

    /// Returns the trace's id, if it is sent.
    pub fn id(&self) -> Option<TraceId> {
        self.0.as_ref().map(|run| run.trace)
    }

    /// Returns a log of the parts of the work on this run's batches.
    pub fn phase_log(&self) -> PhaseLog {
        PhaseLog::new(self.0.is_some())
    }

    /// Counts items that took effect.
    pub fn add_outcome(&self, outcome: &'static str, items: u64) {
        let Some(run) = self.0.as_ref().filter(|_| items > 0) else { return };
        let mut outcomes = run.outcomes.lock();
        match outcomes.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, count)) => *count += items,
            None => outcomes.push((outcome, items)),
        }
    }

    /// Tells of a batch: the place of its first item, how many items it has, and what was done on it so far.
    pub fn batch(&self, first: u32, items: usize, phases: Phases) -> BatchTrace {
        self.0.as_ref().map(|run| BatchTrace::begin(run, first, items, phases)).unwrap_or_default()
    }

    /// Ends the run's span. All its batches have ended.
    pub fn end(&self, end: RunEnd) {
        let Some(run) = &self.0 else { return };
        let Some(mut span) = run.span.lock().take() else { return };
        span.set_attribute(KeyValue::new("bulkhead.job.end", end.as_str()));
        span.set_attribute(KeyValue::new("bulkhead.job.batches", signed(run.batches.load(Ordering::Acquire))));
        for (outcome, items) in run.outcomes.lock().drain(..) {
            span.set_attribute(KeyValue::new(format!("bulkhead.job.{outcome}"), signed(items)));
        }
        let left_out = run.left_out.load(Ordering::Acquire);
        if left_out > 0 {
            span.set_attribute(KeyValue::new("bulkhead.job.spans_left_out", signed(left_out)));
        }
        if end == RunEnd::StoreFailed {
            span.set_attribute(KeyValue::new("error.type", end.as_str()));
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(run.clock.time_of(Instant::now()));
    }
}

impl Run {
    /// Counts a batch with so many spans. Returns whether the run may have these spans.
    pub(super) fn add_batch(&self, spans: usize) -> bool {
        self.batches.fetch_add(1, Ordering::AcqRel);
        let has_room = self.spans.fetch_add(spans, Ordering::AcqRel) + spans <= MAX_SPANS;
        if !has_room {
            self.spans.fetch_sub(spans, Ordering::AcqRel);
            self.left_out.fetch_add(spans as u64, Ordering::AcqRel);
        }
        has_room
    }
}

impl RunEnd {
    /// Returns the name of the end, for traces and operators.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Released => "released",
            Self::StoreFailed => "store_failed",
        }
    }
}

impl fmt::Debug for JobTrace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("JobTrace").field(&self.id()).finish()
    }
}
