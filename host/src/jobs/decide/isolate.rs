//! Isolation: a part on which a component fails is halved, again and again, until the poison item is alone.
//!
//! The poison item gets a row with status 500, and all other items are applied. The failure budget bounds how long this goes
//! on, so that every request ends.

use std::thread;
use std::time::Duration;

use super::assemble::failed_rows;
use super::decider::Decider;
use super::failure_budget::FailureTally;
use super::failure_reason::FailureReason;
use super::part::Part;
use super::run_error::{DecideError, RunError};
use crate::jobs::right_of_way::RightOfWay;
use crate::sandbox::GuestFailure;
use crate::store::{BatchCommit, CommitOutcome};

/// Conflicts after which a part is given up, or halved: a smaller part takes less time, so fewer changes fall into it. It takes
/// other servers that change the same contacts, or components that are too slow for the right of way.
const MAX_CONFLICTS: u32 = 20;
/// Conflicts after which a part takes the right of way, so that no other request of this server changes the tenant's contacts
/// during an attempt. Before that, other requests of the tenant need not wait for the part's component.
const CONFLICTS_BEFORE_RIGHT: u32 = 4;
/// Pause after a part's first conflict, in which other requests get done. It doubles with each conflict.
const CONFLICT_PAUSE: Duration = Duration::from_millis(1);
/// How often [`CONFLICT_PAUSE`] doubles at most.
const MAX_PAUSE_DOUBLINGS: u32 = 4;

/// Where a request's items take effect.
pub(in crate::jobs) trait CommitTarget {
    /// Checks whether work on the request may go on.
    ///
    /// # Errors
    /// Why it must end.
    fn ensure_running(&mut self) -> Result<(), RunError>;

    /// Lets other requests go first if this one had its turn. Called when something was attempted since the turn began, so each
    /// turn gets further. `left` makes what a later turn needs to go on.
    ///
    /// # Errors
    /// [`RunError::TurnOver`] if the turn is over, or why work must end.
    fn ensure_turn(&mut self, left: impl FnOnce() -> LeftParts) -> Result<(), RunError>;

    /// Learns that a part was attempted in vain: a component failed on it, so it is halved or given up.
    fn failed(&mut self, _part: Part<'_>) {}

    /// Commits a part, as a whole or not at all. The target may refuse items of the part. Without the right of way, the commit waits
    /// for requests that have it.
    ///
    /// # Errors
    /// If the store fails.
    fn commit(
        &mut self,
        part: Part<'_>,
        commit: BatchCommit,
        right: Option<&RightOfWay<'_>>,
    ) -> Result<CommitOutcome, RunError>;
}

/// How isolation goes on with a batch in the request's next turn, from the cursor on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::jobs) struct LeftParts {
    /// How many items each part has, the next one first. Empty: the batch was not attempted yet.
    sizes: Vec<usize>,
    /// How often the next part met a conflict.
    conflicts: u32,
}

impl LeftParts {
    /// Returns what is left when `parts` are still to be attempted, the next one last.
    fn of(parts: &[Part<'_>], conflicts: u32) -> Self {
        Self { sizes: parts.iter().rev().map(|part| part.items.len()).collect(), conflicts }
    }

    /// Returns whether there is no batch to go on with.
    pub(in crate::jobs) fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }
}

/// Decides and commits a part. Halves the part if a component fails on it or its contacts keep changing.
///
/// # Errors
/// Why work on the request ends.
pub(in crate::jobs) fn isolate(
    decider: &mut Decider<'_>,
    target: &mut impl CommitTarget,
    failures: &mut FailureTally,
    part: Part<'_>,
) -> Result<(), RunError> {
    run(Isolation { decider, target, failures, failed_rows: None }, vec![part], None)
}

/// Goes on where an earlier turn left a part. The first attempt is made whatever the turn has used, so each turn gets further.
///
/// # Errors
/// As [`isolate`].
pub(in crate::jobs) fn resume_isolation(
    decider: &mut Decider<'_>,
    target: &mut impl CommitTarget,
    failures: &mut FailureTally,
    part: Part<'_>,
    left: &LeftParts,
) -> Result<(), RunError> {
    let mut parts = part.cut(&left.sizes);
    parts.reverse();
    run(Isolation { decider, target, failures, failed_rows: None }, parts, Some(left.conflicts))
}

fn run<T: CommitTarget>(
    mut isolation: Isolation<'_, '_, T>,
    parts: Vec<Part<'_>>,
    resumed: Option<u32>,
) -> Result<(), RunError> {
    let ended = isolation.run(parts, resumed);
    match ended {
        Err(RunError::Gone | RunError::Cancelled | RunError::Store(_)) => ended,
        Ok(()) | Err(_) => isolation.commit_failed_rows().and(ended),
    }
}

/// Returns why a request's remaining items fail without an attempt, if they do.
pub(in crate::jobs) fn given_up(decider: &Decider<'_>, failures: &FailureTally) -> Option<FailureReason> {
    let last = failures.last().unwrap_or(GuestFailure::Trapped);
    if decider.is_out_of_time() {
        Some(FailureReason::out_of_time())
    } else if failures.have_servers_failed() {
        Some(FailureReason::SERVERS_FAILED)
    } else if failures.has_contention_exceeded() {
        Some(FailureReason::CONTENDED)
    } else if failures.has_component_exceeded() {
        Some(FailureReason::too_many_failures(last))
    } else {
        decider.suspended_after().map(FailureReason::suspended)
    }
}

/// What an attempt at a part came to, unless a component failed.
enum AttemptOutcome {
    /// The part was committed.
    Committed,
    /// Other requests changed the part's contacts each time.
    Contended,
}

struct Isolation<'i, 'd, T> {
    decider: &'i mut Decider<'d>,
    target: &'i mut T,
    failures: &'i mut FailureTally,
    /// Rows of consecutive failed items, still to be committed. They are committed together: one by one, they would cost the
    /// store as much as ten batches.
    failed_rows: Option<BatchCommit>,
}

impl<T: CommitTarget> Isolation<'_, '_, T> {
    /// Works through parts, the last one first. If they were left by an earlier turn, `resumed` is how often the first one met
    /// a conflict.
    fn run(&mut self, mut parts: Vec<Part<'_>>, mut resumed: Option<u32>) -> Result<(), RunError> {
        while !parts.is_empty() {
            self.target.ensure_running()?;
            let conflicts = resumed.take();
            if conflicts.is_none() {
                self.target.ensure_turn(|| LeftParts::of(&parts, 0))?;
            }
            let Some(part) = parts.pop() else { break };
            if let Some(reason) = given_up(self.decider, self.failures) {
                self.add_failed_rows(part, reason);
                continue;
            }
            let before = self.decider.spent().guest;
            let reason = match self.attempt(part, &parts, conflicts.unwrap_or(0)) {
                Ok(AttemptOutcome::Committed) => continue,
                Ok(AttemptOutcome::Contended) => {
                    self.failures.add_contended();
                    FailureReason::CONTENDED
                }
                Err(DecideError::Component(failure)) => {
                    self.target.failed(part);
                    let wasted = self.decider.spent().guest.saturating_sub(before);
                    self.failures.add_failure(part.items.len(), wasted, failure);
                    if part.items.len() <= 1 {
                        self.decider.item_failed(part.first, failure);
                    }
                    FailureReason::component_failed(failure)
                }
                Err(DecideError::Run(error)) => return Err(error),
            };
            if part.items.len() <= 1 {
                self.add_failed_rows(part, reason);
            } else {
                let [left, right] = part.halves();
                parts.extend([right, left]);
            }
        }
        Ok(())
    }

    /// Plans, decides and commits a part, again after each conflict. It had `conflicts` before; `parts` follow it.
    fn attempt(&mut self, part: Part<'_>, parts: &[Part<'_>], conflicts: u32) -> Result<AttemptOutcome, DecideError> {
        let mut versions_before = None;
        let mut right: Option<RightOfWay<'_>> = None;
        for conflicts in conflicts..MAX_CONFLICTS {
            let plan = self.decider.plan(part)?;
            if conflicts >= CONFLICTS_BEFORE_RIGHT && right.as_ref().is_none_or(RightOfWay::is_over) {
                // Whoever waits goes first.
                drop(right.take());
                right = self.decider.take_right_of_way();
            }
            let found = self.decider.find(plan.lookups())?;
            let found = found.ok_or(DecideError::Component(GuestFailure::OutOfMemory))?;
            let commit = self.decider.decide(&plan, &found)?;
            self.commit_failed_rows()?;
            match self.target.commit(part, commit, right.as_ref())? {
                CommitOutcome::Committed { .. } => return Ok(AttemptOutcome::Committed),
                CommitOutcome::Fenced => return Err(RunError::Gone.into()),
                CommitOutcome::Conflict => {}
            }
            let mut versions: Vec<_> = found.iter().map(|contact| (contact.id, contact.version)).collect();
            versions.sort_unstable();
            if versions_before.as_ref() == Some(&versions) {
                // No contact that the component asked for has changed. So the conflict is about a key that the component
                // did not ask for, or that it knew to be another contact's.
                tracing::warn!(
                    event = "component_conflicted",
                    items = part.items.len(),
                    "component's writes conflict with stored contacts"
                );
                return Err(DecideError::Component(GuestFailure::BrokeContract));
            }
            versions_before = Some(versions);
            self.target.ensure_running()?;
            self.target.ensure_turn(|| LeftParts::of(&[parts, &[part]].concat(), conflicts + 1))?;
            if right.is_none() {
                thread::sleep(CONFLICT_PAUSE * (1 << conflicts.min(MAX_PAUSE_DOUBLINGS)));
            }
        }
        tracing::info!(
            event = "contacts_contended",
            items = part.items.len(),
            "other requests kept changing the same contacts"
        );
        Ok(AttemptOutcome::Contended)
    }

    fn add_failed_rows(&mut self, part: Part<'_>, reason: FailureReason) {
        let rows = failed_rows(part, reason);
        match &mut self.failed_rows {
            Some(before) => before.append(rows),
            None => self.failed_rows = Some(rows),
        }
    }

    fn commit_failed_rows(&mut self) -> Result<(), RunError> {
        let Some(commit) = self.failed_rows.take() else { return Ok(()) };
        // Rows that failed already have their items.
        match self.target.commit(Part::without_keys(&[]), commit, None)? {
            CommitOutcome::Committed { .. } => Ok(()),
            // A commit without writes conflicts with nothing.
            CommitOutcome::Fenced | CommitOutcome::Conflict => Err(RunError::Gone),
        }
    }
}
