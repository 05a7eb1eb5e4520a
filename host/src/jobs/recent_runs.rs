//! The last runs of jobs on this server: how long they took, and with what. This is for operators who look at a job; nothing else
//! depends on it, and it is gone with the server.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::{JobId, Timestamp};

/// Runs that are remembered.
const MAX_RUNS: usize = 1_000;

/// One claim of one job, after it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentRun {
    /// The job.
    pub job: JobId,
    /// The store's time when the job was claimed.
    pub began_at: Timestamp,
    /// How the run ended, such as `completed`.
    pub end: &'static str,
    /// Time of the whole run.
    pub time: Duration,
    /// Time that components computed. With a second thread, this may be more than the run took.
    pub guest: Duration,
    /// Time in which contacts were looked up.
    pub reading: Duration,
    /// Time of commits, beside the rest of the work.
    pub committing: Duration,
    /// Time in which the worker waited for commits.
    pub waiting: Duration,
}

/// The last runs, the oldest first.
#[derive(Debug, Default)]
pub(super) struct RecentRuns(Mutex<VecDeque<RecentRun>>);

impl RecentRuns {
    /// Remembers a run, in the place of the oldest.
    pub(super) fn add(&self, run: RecentRun) {
        let mut runs = self.0.lock();
        if runs.len() >= MAX_RUNS {
            runs.pop_front();
        }
        runs.push_back(run);
    }

    /// Returns the runs of a job, the oldest first.
    pub(super) fn of(&self, job: JobId) -> Vec<RecentRun> {
        self.0.lock().iter().filter(|run| run.job == job).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAX_RUNS, RecentRun, RecentRuns};
    use crate::domain::{JobId, Timestamp};

    #[test]
    fn the_newest_runs_are_remembered() {
        let (runs, first, second) = (RecentRuns::default(), JobId::random(), JobId::random());
        let run = |job, at| RecentRun {
            job,
            began_at: Timestamp(at),
            end: "completed",
            time: Duration::ZERO,
            guest: Duration::ZERO,
            reading: Duration::ZERO,
            committing: Duration::ZERO,
            waiting: Duration::ZERO,
        };
        runs.add(run(first, 1));
        runs.add(run(second, 2));
        runs.add(run(first, 3));
        let times: Vec<i64> = runs.of(first).iter().map(|run| run.began_at.0).collect();
        assert_eq!(times, [1, 3]);
        (0..MAX_RUNS as i64).for_each(|at| runs.add(run(second, at)));
        assert_eq!((runs.of(first).len(), runs.of(second).len()), (0, MAX_RUNS));
    }
}
