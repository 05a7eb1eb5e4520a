//! Jobs for which somebody waits at other servers of the database.
//!
//! A notification is a transaction of its own, so most jobs cause none: a server that begins to wait for a job says so, and
//! whoever runs the job then tells when it changes, a few times a second at most.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::schedule::Schedule;
use super::{HINT_INTERVAL, JobChange, JobKey, PACE, SETTLING_TIME};

/// Jobs that are remembered at most. Those beyond are found by polling.
const MAX_JOBS: usize = 20_000;
/// How long a job is remembered: two hints that it is watched may be lost.
const MEMORY: Duration = HINT_INTERVAL.saturating_mul(3);

/// The jobs that other servers watch.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    jobs: HashMap<JobKey, Interest>,
    /// When which server is to be told of which job.
    due: Schedule<JobKey>,
    /// When the jobs were last searched for those that are forgotten.
    tidied_at: Option<Instant>,
}

#[derive(Debug)]
struct Interest {
    heard_at: Instant,
    told_at: Option<Instant>,
    /// Whether the job has ended, so that the next hint is the last.
    has_ended: bool,
}

impl Elsewhere {
    /// Returns how many jobs there are.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Learns that another server watches a job.
    pub(super) fn watched(&mut self, key: JobKey, now: Instant) {
        self.tidy(now);
        if let Some(interest) = self.jobs.get_mut(&key) {
            interest.heard_at = now;
        } else if self.jobs.len() < MAX_JOBS {
            self.jobs.insert(key, Interest { heard_at: now, told_at: None, has_ended: false });
        }
    }

    /// Learns that a job has changed. Returns whether something is due sooner than before.
    pub(super) fn changed(&mut self, key: JobKey, change: JobChange, now: Instant) -> bool {
        let Some(interest) = self.jobs.get_mut(&key) else { return false };
        let due = match change {
            JobChange::End => {
                interest.has_ended = true;
                now
            }
            JobChange::Progress => interest.told_at.map_or(now, |told_at| told_at + PACE).max(now + SETTLING_TIME),
        };
        self.due.set_sooner(key, due)
    }

    /// Returns when other servers are to be told of the first job.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.next()
    }

    /// Returns the jobs of which other servers are to be told by `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> impl Iterator<Item = JobKey> {
        let due = self.due.take_due(now, MAX_JOBS);
        for key in &due {
            match self.jobs.get_mut(key) {
                Some(interest) if !interest.has_ended => interest.told_at = Some(now),
                _ => drop(self.jobs.remove(key)),
            }
        }
        due.into_iter()
    }

    /// Forgets what was not heard of for long, from time to time.
    fn tidy(&mut self, now: Instant) {
        if self.tidied_at.is_some_and(|at| now.saturating_duration_since(at) < HINT_INTERVAL) {
            return;
        }
        self.tidied_at = Some(now);
        let Self { jobs, due, .. } = self;
        jobs.retain(|key, interest| {
            let is_kept = now.saturating_duration_since(interest.heard_at) < MEMORY;
            if !is_kept {
                due.remove(key);
            }
            is_kept
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::{HINT_INTERVAL, JobChange, PACE, SETTLING_TIME};
    use super::{Elsewhere, MEMORY};
    use crate::domain::{JobId, TenantId};

    #[test]
    fn other_servers_are_told_of_what_they_watch_a_few_times_a_second_and_of_the_end_at_once() {
        let (mut elsewhere, now) = (Elsewhere::default(), Instant::now());
        let (key, other) = ((TenantId(1), JobId::random()), (TenantId(1), JobId::random()));
        let told = |elsewhere: &mut Elsewhere, at: Instant| elsewhere.take_due(at).collect::<Vec<_>>();
        elsewhere.watched(key, now);
        assert!(!elsewhere.changed(other, JobChange::End, now), "nobody watches it");
        assert!(elsewhere.changed(key, JobChange::Progress, now));
        assert_eq!(told(&mut elsewhere, now), []);
        let first = now + SETTLING_TIME;
        assert_eq!(told(&mut elsewhere, first), [key]);
        assert!(elsewhere.changed(key, JobChange::Progress, first));
        assert!(!elsewhere.changed(key, JobChange::Progress, first + SETTLING_TIME));
        assert_eq!(told(&mut elsewhere, first + PACE - Duration::from_millis(1)), []);
        assert!(elsewhere.changed(key, JobChange::End, first + SETTLING_TIME));
        assert_eq!(told(&mut elsewhere, first + SETTLING_TIME), [key]);
        assert_eq!(elsewhere.len(), 0, "nothing follows the end");
    }

    #[test]
    fn a_job_that_is_not_watched_any_more_is_forgotten() {
        let (mut elsewhere, now) = (Elsewhere::default(), Instant::now());
        let (first, second) = ((TenantId(1), JobId::random()), (TenantId(2), JobId::random()));
        elsewhere.watched(first, now);
        elsewhere.changed(first, JobChange::Progress, now);
        elsewhere.watched(second, now + HINT_INTERVAL);
        assert_eq!(elsewhere.len(), 2);
        elsewhere.watched(second, now + MEMORY);
        assert_eq!((elsewhere.len(), elsewhere.next()), (1, None));
    }
}
