//! What the metrics count of a batch that took effect.

use crate::domain::Action;
use crate::metrics::METRICS;
use crate::store::BatchCommit;
use crate::traces::JobTrace;

/// The outcomes of a batch's items, counted before the batch is committed.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::jobs) struct CommittedCounts([u64; 6]);

/// The outcomes, in the order of the counts.
const OUTCOMES: [(Action, &str); 6] = [
    (Action::Create, "created"),
    (Action::Update, "updated"),
    (Action::Delete, "deleted"),
    (Action::Unchanged, "unchanged"),
    (Action::Refuse, "failed"),
    (Action::NotProcessed, "not_processed"),
];

impl CommittedCounts {
    /// Counts the outcomes of a batch.
    pub(in crate::jobs) fn of(commit: &BatchCommit) -> Self {
        let mut counts = Self::default();
        for row in &commit.rows {
            let action = row.body.action();
            for ((outcome, _), count) in OUTCOMES.iter().zip(&mut counts.0) {
                *count += u64::from(*outcome == action);
            }
        }
        counts
    }

    /// Tells the metrics that the batch took effect.
    pub(in crate::jobs) fn tell(self, tenant: &str, operation: &'static str) {
        for ((_, outcome), count) in OUTCOMES.iter().zip(self.0) {
            METRICS.jobs.committed(operation, outcome, count);
        }
        METRICS.tenants.committed(tenant, self.0.iter().sum());
    }

    /// Tells a run's trace that the batch took effect.
    pub(in crate::jobs) fn tell_trace(self, trace: &JobTrace) {
        for ((_, outcome), count) in OUTCOMES.iter().zip(self.0) {
            trace.add_outcome(outcome, count);
        }
    }
}
