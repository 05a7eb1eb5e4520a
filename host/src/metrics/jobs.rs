//! Jobs, batches and workers.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{LONG_TIMES, SHORT_TIMES};

/// Jobs, batches and workers.
pub struct JobMetrics {
    wait: Histogram,
    duration: Family<OperationLabels, Histogram, fn() -> Histogram>,
    finished: Family<FinishedLabels, Counter>,
    contacts: Family<ContactLabels, Counter>,
    batches: Family<PhaseLabels, Histogram, fn() -> Histogram>,
    claim: Histogram,
    /// Commits of batches whose job belonged to another claim by then: exactly once, at work.
    pub fenced_writes: Counter,
    redone: Family<CauseLabels, Counter>,
    /// Leases of this server's jobs that ended, or that other servers took.
    pub leases_lost: Counter,
    /// Jobs that were claimed after another claim had ended without a commit.
    pub taken_over: Counter,
    /// Batches that a second thread decided.
    pub partner_batches: Counter,
    pub(super) jobs: Family<StateLabels, Gauge>,
    pub(super) waiting_contacts: Gauge,
    pub(super) oldest_waiting: Gauge<f64, std::sync::atomic::AtomicU64>,
    pub(super) workers: Family<StateLabels, Gauge>,
    pub(super) waiters: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FinishedLabels {
    operation: &'static str,
    dry_run: &'static str,
    end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ContactLabels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    phase: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabels {
    pub(super) state: &'static str,
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
    fn as_str(self) -> &'static str {
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
    fn as_str(self) -> &'static str {
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
        let metrics = Self {
            wait: long(),
            duration: Family::new_with_constructor(long),
            finished: Family::default(),
            contacts: Family::default(),
            batches: Family::new_with_constructor(short),
            claim: short(),
            fenced_writes: Counter::default(),
            redone: Family::default(),
            leases_lost: Counter::default(),
            taken_over: Counter::default(),
            partner_batches: Counter::default(),
            jobs: Family::default(),
            waiting_contacts: Gauge::default(),
            oldest_waiting: Gauge::default(),
            workers: Family::default(),
            waiters: Gauge::default(),
        };
        for cause in [RedoCause::Conflict, RedoCause::Speculation, RedoCause::Overtaken] {
            metrics.redone.get_or_create_owned(&CauseLabels { cause: cause.as_str() });
        }
        let seconds = Unit::Seconds;
        registry.register_with_unit(
            "job_wait",
            "Time from a job's acceptance to its first claim",
            seconds.clone(),
            metrics.wait.clone(),
        );
        registry.register_with_unit(
            "job_duration",
            "Time that this server's workers spent on a job's last claim, by operation",
            seconds.clone(),
            metrics.duration.clone(),
        );
        registry.register(
            "jobs_finished",
            "Jobs that ended on this server, by operation and end",
            metrics.finished.clone(),
        );
        registry.register("contacts", "Items of committed batches, by operation and outcome", metrics.contacts.clone());
        registry.register_with_unit(
            "batch",
            "Time of the parts of the work on batches",
            seconds.clone(),
            metrics.batches.clone(),
        );
        registry.register_with_unit(
            "claim",
            "Time in which the store found a job or said that there is none",
            seconds.clone(),
            metrics.claim.clone(),
        );
        registry.register(
            "fenced_writes",
            "Commits that did nothing because the job belonged to another claim by then",
            metrics.fenced_writes.clone(),
        );
        registry.register("batches_redone", "Batches that were decided again, by cause", metrics.redone.clone());
        registry.register(
            "leases_lost",
            "Leases of this server's jobs that ended early or that other servers took",
            metrics.leases_lost.clone(),
        );
        registry.register(
            "jobs_taken_over",
            "Jobs that were claimed after an earlier claim had ended without a commit",
            metrics.taken_over.clone(),
        );
        registry.register(
            "partner_batches",
            "Batches that a second thread decided while a worker was idle",
            metrics.partner_batches.clone(),
        );
        registry.register(
            "jobs",
            "Unfinished jobs in the store, by state; all servers of a database say the same",
            metrics.jobs.clone(),
        );
        registry.register(
            "waiting_contacts",
            "Items of unfinished jobs that are not processed; all servers of a database say the same",
            metrics.waiting_contacts.clone(),
        );
        registry.register(
            "oldest_waiting_job_age_seconds",
            "Age of the oldest job that no worker has begun, or 0; all servers of a database say the same",
            metrics.oldest_waiting.clone(),
        );
        registry.register("workers", "Workers of this server, by what they do", metrics.workers.clone());
        registry.register(
            "waiting_clients",
            "Long polls and event streams that wait for jobs",
            metrics.waiters.clone(),
        );
        metrics
    }

    /// Counts the wait of a job that is claimed for the first time.
    pub fn waited(&self, time: Duration) {
        self.wait.observe(time.as_secs_f64());
    }

    /// Counts a job that ended on this server, after `time` of its last claim.
    pub fn finished(&self, operation: &'static str, is_dry_run: bool, end: JobEnd, time: Duration) {
        let dry_run = if is_dry_run { "true" } else { "false" };
        self.finished.get_or_create_owned(&FinishedLabels { operation, dry_run, end: end.as_str() }).inc();
        self.duration.get_or_create_owned(&OperationLabels { operation }).observe(time.as_secs_f64());
    }

    /// Counts items of a batch that took effect.
    pub fn committed(&self, operation: &'static str, outcome: &'static str, items: u64) {
        if items > 0 {
            self.contacts.get_or_create_owned(&ContactLabels { operation, outcome }).inc_by(items);
        }
    }

    /// Counts the time of a part of the work on a batch.
    pub fn batch(&self, phase: BatchPhase, time: Duration) {
        self.batches.get_or_create_owned(&PhaseLabels { phase: phase.as_str() }).observe(time.as_secs_f64());
    }

    /// Counts the time of a search for a job.
    pub fn claimed(&self, time: Duration) {
        self.claim.observe(time.as_secs_f64());
    }

    /// Counts a batch that is decided again.
    pub fn redone(&self, cause: RedoCause) {
        self.redone.get_or_create_owned(&CauseLabels { cause: cause.as_str() }).inc();
    }
}
