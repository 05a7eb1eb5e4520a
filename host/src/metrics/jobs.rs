//! Jobs, batches and workers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::registering::{Counters, GaugesBy, Histograms, TraceLabel, counted, measured, registered};
use super::{LONG_TIMES, SHORT_TIMES};
use crate::domain::TraceId;

/// Jobs, batches and workers.
pub struct JobMetrics {
    wait: HistogramWithExemplars<TraceLabel>,
    duration: Histograms,
    finished: Counters<3>,
    contacts: Counters<2>,
    /// The sum of `contacts`.
    all_contacts: AtomicU64,
    batches: Histograms,
    claim: Histogram,
    /// Commits of batches whose job belonged to another claim by then: exactly once, at work.
    pub fenced_writes: Counter,
    redone: Counters<1>,
    /// Leases of this server's jobs that ended, or that other servers took.
    pub leases_lost: Counter,
    /// Jobs that were claimed after another claim had ended without a commit.
    pub taken_over: Counter,
    /// Batches that a second thread decided.
    pub partner_batches: Counter,
    pub(super) jobs: GaugesBy,
    pub(super) waiting_contacts: Gauge,
    pub(super) oldest_waiting: Gauge<f64, AtomicU64>,
    pub(super) workers: GaugesBy,
    pub(super) waiters: Gauge,
}

/// How a job ended on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// All its items have rows.
    Completed,
    /// It was deleted, cancelled, or belongs to another claim.
    Stopped,
}

impl JobEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Stopped => "stopped",
        }
    }
}

/// A part of the work on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchPhase {
    /// The components plan its items.
    Plan,
    /// The store looks its contacts up.
    Find,
    /// The components decide.
    Decide,
    /// The components show what a dry run would change.
    Show,
    /// The store commits; several batches may share a commit.
    Commit,
}

impl BatchPhase {
    /// Returns the phase's name, for metrics and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Find => "find",
            Self::Decide => "decide",
            Self::Show => "show",
            Self::Commit => "commit",
        }
    }
}

/// Why a batch was decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedoCause {
    /// Its contacts changed before the commit.
    Conflict,
    /// It was decided as if none of its contacts were stored, and one was.
    Speculation,
    /// A batch before it changed what a second thread had found.
    Overtaken,
}

impl RedoCause {
    /// Returns the cause's name, for metrics and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Speculation => "speculation",
            Self::Overtaken => "overtaken",
        }
    }
}

impl JobMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let short = (|| Histogram::new(SHORT_TIMES)) as fn() -> Histogram;
        let long = (|| Histogram::new(LONG_TIMES)) as fn() -> Histogram;
        Self {
            wait: measured(
                registry,
                "job_wait",
                "Time from a job's acceptance to its first claim",
                Unit::Seconds,
                HistogramWithExemplars::new(LONG_TIMES.into_iter()),
            ),
            duration: measured(
                registry,
                "job_duration",
                "Time that this server's workers spent on a job's last claim, by operation",
                Unit::Seconds,
                Family::new_with_constructor(long),
            ),
            finished: registered(
                registry,
                "jobs_finished",
                "Jobs that ended on this server, by operation and end",
                Counters::default(),
            ),
            contacts: registered(
                registry,
                "contacts",
                "Items of committed batches, by operation and outcome",
                Counters::default(),
            ),
            all_contacts: AtomicU64::new(0),
            batches: measured(
                registry,
                "batch",
                "Time of the parts of the work on batches",
                Unit::Seconds,
                Family::new_with_constructor(short),
            ),
            claim: measured(
                registry,
                "claim",
                "Time in which the store found a job or said that there is none",
                Unit::Seconds,
                short(),
            ),
            fenced_writes: registered(
                registry,
                "fenced_writes",
                "Commits that did nothing because the job belonged to another claim by then",
                Counter::default(),
            ),
            redone: counted(
                registry,
                "batches_redone",
                "Batches that were decided again, by cause",
                "cause",
                [RedoCause::Conflict, RedoCause::Speculation, RedoCause::Overtaken].map(RedoCause::as_str),
            ),
            leases_lost: registered(
                registry,
                "leases_lost",
                "Leases of this server's jobs that ended early or that other servers took",
                Counter::default(),
            ),
            taken_over: registered(
                registry,
                "jobs_taken_over",
                "Jobs that were claimed after an earlier claim had ended without a commit",
                Counter::default(),
            ),
            partner_batches: registered(
                registry,
                "partner_batches",
                "Batches that a second thread decided while a worker was idle",
                Counter::default(),
            ),
            jobs: registered(
                registry,
                "jobs",
                "Unfinished jobs in the store, by state; all servers of a database say the same",
                GaugesBy::default(),
            ),
            waiting_contacts: registered(
                registry,
                "waiting_contacts",
                "Items of unfinished jobs that are not processed; all servers of a database say the same",
                Gauge::default(),
            ),
            oldest_waiting: registered(
                registry,
                "oldest_waiting_job_age_seconds",
                "Age of the oldest job that no worker has begun, or 0; all servers of a database say the same",
                Gauge::default(),
            ),
            workers: registered(registry, "workers", "Workers of this server, by what they do", GaugesBy::default()),
            waiters: registered(
                registry,
                "waiting_clients",
                "Long polls and event streams that wait for jobs",
                Gauge::default(),
            ),
        }
    }

    /// Counts the wait of a job that is claimed for the first time. `trace` is the trace of its run, if that is sampled.
    pub fn waited(&self, time: Duration, trace: Option<TraceId>) {
        self.wait.observe(time.as_secs_f64(), trace.map(TraceLabel::from), None);
    }

    /// Counts a job that ended on this server, after `time` of its last claim.
    pub fn finished(&self, operation: &'static str, is_dry_run: bool, end: JobEnd, time: Duration) {
        let dry_run = if is_dry_run { "true" } else { "false" };
        self.finished
            .get_or_create_owned(&[("operation", operation), ("dry_run", dry_run), ("end", end.as_str())])
            .inc();
        self.duration.get_or_create_owned(&[("operation", operation)]).observe(time.as_secs_f64());
    }

    /// Counts items of a batch that took effect.
    pub fn committed(&self, operation: &'static str, outcome: &'static str, items: u64) {
        if items > 0 {
            self.contacts.get_or_create_owned(&[("operation", operation), ("outcome", outcome)]).inc_by(items);
            self.all_contacts.fetch_add(items, Ordering::Relaxed);
        }
    }

    /// Returns how many items took effect since the server began, of all operations and outcomes.
    pub fn committed_so_far(&self) -> u64 {
        self.all_contacts.load(Ordering::Relaxed)
    }

    /// Counts the time of a part of the work on a batch.
    pub fn batch(&self, phase: BatchPhase, time: Duration) {
        self.batches.get_or_create_owned(&[("phase", phase.as_str())]).observe(time.as_secs_f64());
    }

    /// Counts the time of a search for a job.
    pub fn claimed(&self, time: Duration) {
        self.claim.observe(time.as_secs_f64());
    }

    /// Counts a batch that is decided again.
    pub fn redone(&self, cause: RedoCause) {
        self.redone.get_or_create_owned(&[("cause", cause.as_str())]).inc();
    }
}
