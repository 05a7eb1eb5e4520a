//! A batch whose guest fails is halved until the item that provokes it is alone; that item gets a row with status 500,
//! all others are applied. A job always comes to its end, so there is a limit to how long this is tried.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::assemble::failed;
use super::runner::{End, Runner};
use crate::sandbox::{Failure, Stop};
use crate::store::{Batch, BatchCommit, CommitOutcome};

/// How often a batch is decided again because contacts changed under it. Interactive calls cause a few; a component that
/// gives two contacts the same key would cause them for ever.
const CONFLICTS: u32 = 5;
/// Items of one job on which the component may fail before the rest is not tried any more.
const FAILURES: u32 = 100;
/// Time that a job may spend in calls that failed before the rest is not tried any more; finding one item that loops
/// takes about a quarter of it.
const WASTED: Duration = Duration::from_secs(30);

/// How a job's guest failed so far.
#[derive(Debug, Default)]
pub(super) struct Failures {
    items: u32,
    wasted: Duration,
    last: Option<Failure>,
}

impl Failures {
    fn are_too_many(&self) -> bool {
        self.items >= FAILURES || self.wasted >= WASTED
    }
}

/// Items that stand together in a job, and the place of the first.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) first: u32,
    pub(super) items: &'a [String],
    pub(super) keys: Option<&'a [String]>,
}

impl<'a> Part<'a> {
    pub(super) fn whole(first: u32, batch: &'a Batch) -> Self {
        Self { first, items: &batch.items, keys: batch.keys.as_deref() }
    }

    fn halves(self) -> [Self; 2] {
        let middle = self.items.len() / 2;
        let (left, right) = self.items.split_at(middle);
        let (left_keys, right_keys) = match self.keys.and_then(|keys| keys.split_at_checked(middle)) {
            Some((left, right)) => (Some(left), Some(right)),
            None => (None, None),
        };
        [
            Self { first: self.first, items: left, keys: left_keys },
            Self { first: self.first + u32::try_from(middle).unwrap_or(0), items: right, keys: right_keys },
        ]
    }
}

impl Runner<'_> {
    /// Does a part step by step, halving whatever the guest fails on.
    pub(super) fn isolate(&mut self, part: Part<'_>) -> Result<(), End> {
        let mut parts = vec![part];
        while let Some(part) = parts.pop() {
            if self.stopping.load(Ordering::Acquire) {
                return Err(End::GiveBack);
            }
            if self.failures.are_too_many() {
                self.commit(&failed(
                    part.first,
                    part.items.len(),
                    part.keys,
                    self.failures.last.unwrap_or(Failure::Trapped),
                    true,
                ))?;
                continue;
            }
            if !self.service.store.renew(self.claim, self.service.settings.lease)? {
                return Err(End::Gone);
            }
            let started = Instant::now();
            let failure = self.attempt(part)?;
            if let Some(failure) = failure {
                self.failures.wasted += started.elapsed();
                self.failures.last = Some(failure);
            }
            match failure {
                None => {}
                Some(failure) if part.items.len() <= 1 => {
                    self.failures.items += 1;
                    self.commit(&failed(part.first, part.items.len(), part.keys, failure, false))?;
                }
                Some(_) => {
                    let [left, right] = part.halves();
                    parts.push(right);
                    parts.push(left);
                }
            }
        }
        Ok(())
    }

    /// Plans, decides and commits a part; says how the guest failed, if it did.
    fn attempt(&mut self, part: Part<'_>) -> Result<Option<Failure>, End> {
        for _ in 0..CONFLICTS {
            let found = match self.plan(part) {
                Ok(planned) => self.find(&planned)?,
                Err(stop) => return self.failed(stop),
            };
            let commit = match self.decide(part, &found) {
                Ok(commit) => commit,
                Err(stop) => return self.failed(stop),
            };
            match self.service.store.commit(self.claim, &commit, self.service.settings.lease)? {
                CommitOutcome::Committed => return Ok(None),
                CommitOutcome::Fenced => return Err(End::Gone),
                CommitOutcome::Conflict => {}
            }
        }
        self.failed(Stop::Failed {
            failure: Failure::BrokeContract,
            detail: String::from("its writes conflict with stored contacts again and again"),
        })
    }

    fn commit(&self, commit: &BatchCommit) -> Result<(), End> {
        match self.service.store.commit(self.claim, commit, self.service.settings.lease)? {
            CommitOutcome::Committed => Ok(()),
            CommitOutcome::Fenced | CommitOutcome::Conflict => Err(End::Gone),
        }
    }
}
