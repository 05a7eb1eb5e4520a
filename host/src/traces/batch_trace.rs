//! The spans of a batch and of the parts of the work on it. They are made when the batch has ended. So a batch costs the worker some
//! microseconds, and a run has no more spans than it may.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::trace::{Span as _, SpanBuilder, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};

use super::job_trace::Run;
use super::phases::{PhaseTime, Phases};
use super::{signed, tracer};
use crate::metrics::{BatchPhase, RedoCause};

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
    /// A batch before it met a conflict, or changed what a second thread had found, so it is decided again.
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

impl BatchTrace {
    /// Begins the trace of a batch, on which `phases` were done so far.
    pub(super) fn begin(run: &Arc<Run>, first: u32, items: usize, phases: Phases) -> Self {
        Self(Some(Box::new(Batch {
            run: Arc::clone(run),
            first,
            items,
            redone: None,
            is_by_partner: false,
            decided: Instant::now(),
            phases: phases.0,
        })))
    }

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
        phases.extend(commit.map(|commit| PhaseTime {
            phase: BatchPhase::Commit,
            begun: commit.begun,
            time: commit.time,
        }));
        if !run.add_batch(phases.len() + 1) {
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
