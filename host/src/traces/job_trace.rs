//! The trace of a job's run, which is one claim of the job: a root that is linked with the request that the job was accepted by, its
//! batches, and the parts of the work on each.
//!
//! Workers note times while they work, and the spans are made of these when a batch has ended. So a batch costs the worker some
//! microseconds, and a run has no more spans than it may.

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

use super::{TraceClock, remote_context, trace_parent, tracer};
use crate::domain::{JobId, TraceId, TraceParent};
use crate::metrics::{BatchPhase, RedoCause};

/// Spans of a run. A job of 10,000 items that nothing disturbs has about a hundred.
const MAX_SPANS: usize = 1_000;
/// Parts of the work on a batch.
const MAX_PHASES: usize = 32;

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

struct Run {
    span: Mutex<Option<Span>>,
    /// The context of the batches.
    context: Context,
    trace: TraceId,
    clock: TraceClock,
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

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEnd {
    /// It took effect.
    Committed,
    /// Its contacts changed, so it is decided again.
    Conflict,
    /// The job belongs to another claim.
    Fenced,
    /// The store failed.
    StoreFailed,
    /// A component failed on it, or it did not fit into memory, so it is decided in parts.
    Divided,
    /// A batch before it changed what a second thread had found, so it is decided again.
    Discarded,
    /// Work on it ended before a commit.
    Abandoned,
}

/// A commit, in which several batches may have taken effect.
#[derive(Debug, Clone, Copy)]
pub struct CommitTime {
    /// When it began.
    pub begun: Instant,
    /// How long it took.
    pub time: Duration,
    /// Batches in it.
    pub batches: usize,
}

/// The parts of the work on a batch, noted while it is done. Several hold one log; nothing is noted if the run is not traced.
#[derive(Clone, Default)]
pub struct PhaseLog(Option<Arc<Mutex<Vec<PhaseTime>>>>);

/// The parts of the work on one batch.
#[derive(Debug, Default)]
pub struct Phases(Vec<PhaseTime>);

#[derive(Debug, Clone, Copy)]
struct PhaseTime {
    phase: BatchPhase,
    begun: Instant,
    time: Duration,
}

/// A batch on its way. Its span is made when this ends.
#[derive(Default)]
pub struct BatchTrace(Option<Box<Batch>>);

struct Batch {
    run: Arc<Run>,
    first: u32,
    items: usize,
    redone: Option<RedoCause>,
    is_by_partner: bool,
    decided: Instant,
    phases: Vec<PhaseTime>,
}

impl PhaseLog {
    /// Notes a part of the work.
    pub fn add(&self, phase: BatchPhase, begun: Instant, time: Duration) {
        if let Some(log) = &self.0 {
            let mut phases = log.lock();
            if phases.len() < MAX_PHASES {
                phases.push(PhaseTime { phase, begun, time });
            }
        }
    }

    /// Notes again, before everything else, what was taken.
    pub fn put_back(&self, phases: Phases) {
        if let Some(log) = &self.0 {
            log.lock().splice(..0, phases.0);
        }
    }

    /// Takes what was noted since the last time.
    pub fn take(&self) -> Phases {
        Phases(self.0.as_ref().map(|log| std::mem::take(&mut *log.lock())).unwrap_or_default())
    }
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
            .with_start_time(clock.time_of(clock.moment))
            .with_attributes(attributes.into_iter().flatten())
            .with_links(link.into_iter().collect());
        let span = tracer.build_with_context(builder, &Context::new());
        if !span.is_recording() {
            return Self(None);
        }
        Self(Some(Arc::new(Run {
            context: Context::new().with_remote_span_context(span.span_context().clone()),
            trace: trace_parent(span.span_context()).trace,
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
        PhaseLog(self.0.as_ref().map(|_| Arc::default()))
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
        let batch = |run: &Arc<Run>| Batch {
            run: Arc::clone(run),
            first,
            items,
            redone: None,
            is_by_partner: false,
            decided: Instant::now(),
            phases: phases.0,
        };
        BatchTrace(self.0.as_ref().map(batch).map(Box::new))
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

impl BatchTrace {
    /// Says that the batch was decided before, and why that did not count.
    #[must_use]
    pub fn redone(mut self, cause: Option<RedoCause>) -> Self {
        if let Some(batch) = &mut self.0 {
            batch.redone = cause;
        }
        self
    }

    /// Says that a second thread decided the batch.
    #[must_use]
    pub fn by_partner(mut self) -> Self {
        if let Some(batch) = &mut self.0 {
            batch.is_by_partner = true;
        }
        self
    }

    /// Adds what was done on the batch since.
    pub fn add(&mut self, phases: Phases) {
        if let Some(batch) = &mut self.0 {
            batch.phases.extend(phases.0);
        }
    }

    /// Ends the batch, with the commit that it was in.
    pub fn end(mut self, end: BatchEnd, commit: Option<CommitTime>) {
        if let Some(batch) = self.0.take() {
            batch.end(end, commit);
        }
    }
}

impl Drop for BatchTrace {
    fn drop(&mut self) {
        if let Some(batch) = self.0.take() {
            batch.end(BatchEnd::Abandoned, None);
        }
    }
}

impl Batch {
    fn end(self, end: BatchEnd, commit: Option<CommitTime>) {
        let Self { run, first, items, redone, is_by_partner, decided, mut phases } = self;
        let Some(tracer) = tracer() else { return };
        run.batches.fetch_add(1, Ordering::AcqRel);
        phases.extend(commit.map(|commit| PhaseTime {
            phase: BatchPhase::Commit,
            begun: commit.begun,
            time: commit.time,
        }));
        let spans = phases.len() + 1;
        if run.spans.fetch_add(spans, Ordering::AcqRel) + spans > MAX_SPANS {
            run.spans.fetch_sub(spans, Ordering::AcqRel);
            run.left_out.fetch_add(spans as u64, Ordering::AcqRel);
            return;
        }
        let begun = phases.iter().map(|phase| phase.begun).min().unwrap_or(decided);
        let ended = phases.iter().map(|phase| phase.begun + phase.time).max().unwrap_or(decided).max(decided);
        let attributes = [
            Some(KeyValue::new("bulkhead.batch.first", i64::from(first))),
            Some(KeyValue::new("bulkhead.batch.items", signed(items as u64))),
            Some(KeyValue::new("bulkhead.batch.end", end.as_str())),
            redone.map(|cause| KeyValue::new("bulkhead.batch.redone", cause.as_str())),
            is_by_partner.then(|| KeyValue::new("bulkhead.batch.partner", true)),
            (end == BatchEnd::StoreFailed).then(|| KeyValue::new("error.type", end.as_str())),
        ];
        let builder = SpanBuilder::from_name("batch")
            .with_start_time(run.clock.time_of(begun))
            .with_attributes(attributes.into_iter().flatten());
        let mut span = tracer.build_with_context(builder, &run.context);
        let context = Context::new().with_remote_span_context(span.span_context().clone());
        for PhaseTime { phase, begun, time } in phases {
            let builder = SpanBuilder::from_name(phase.as_str()).with_start_time(run.clock.time_of(begun));
            let builder = match commit.filter(|_| phase == BatchPhase::Commit) {
                Some(commit) => {
                    let batches = KeyValue::new("bulkhead.commit.batches", signed(commit.batches as u64));
                    builder.with_attributes([batches])
                }
                None => builder,
            };
            let mut span = tracer.build_with_context(builder, &context);
            span.end_with_timestamp(run.clock.time_of(begun + time));
        }
        if end == BatchEnd::StoreFailed {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(run.clock.time_of(ended));
    }
}

impl RunEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Released => "released",
            Self::StoreFailed => "store_failed",
        }
    }
}

impl BatchEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Conflict => "conflict",
            Self::Fenced => "fenced",
            Self::StoreFailed => "store_failed",
            Self::Divided => "divided",
            Self::Discarded => "discarded",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Debug for JobTrace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("JobTrace").field(&self.id()).finish()
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
