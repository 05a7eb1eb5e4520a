//! A batch whose guest fails is halved until the item that provokes it is alone; that item gets a row with status 500,
//! all others are applied. Every request comes to its end, so there is a limit to how long this is tried.

use std::thread;
use std::time::Duration;

use super::assemble::{Reason, failed};
use super::decider::Decider;
use super::failure_budget::FailureTally;
use super::part::Part;
use super::run_error::RunError;
use crate::sandbox::GuestFailure;
use crate::store::{BatchCommit, CommitOutcome};

/// How often a part is decided again because others changed its contacts meanwhile; a smaller one is tried next, which takes
/// less time, so that fewer changes fall into it.
const CONFLICTS: u32 = 20;

/// Where what was decided takes effect.
pub(in crate::jobs) trait CommitTarget {
    /// Asked before each part; an error ends the work.
    fn go_on(&mut self) -> Result<(), RunError>;

    /// Makes a part take effect, all or nothing.
    fn commit(&mut self, commit: BatchCommit) -> Result<CommitOutcome, RunError>;
}

/// Does a part step by step, halving whatever the guest fails on.
pub(in crate::jobs) fn isolate(
    decider: &mut Decider<'_>,
    target: &mut impl CommitTarget,
    failures: &mut FailureTally,
    part: Part<'_>,
) -> Result<(), RunError> {
    let mut failed = Failed(None);
    let ended = halve(decider, target, failures, &mut failed, part);
    match ended {
        Err(RunError::Gone | RunError::Cancelled | RunError::Store(_)) => ended,
        Ok(()) | Err(_) => failed.settle(target).and(ended),
    }
}

fn halve(
    decider: &mut Decider<'_>,
    target: &mut impl CommitTarget,
    failures: &mut FailureTally,
    failed: &mut Failed,
    part: Part<'_>,
) -> Result<(), RunError> {
    let mut parts = vec![part];
    while let Some(part) = parts.pop() {
        target.go_on()?;
        if let Some(reason) = given_up(decider, failures) {
            failed.add(part, reason);
            continue;
        }
        let before = decider.spent.guest;
        let reason = match attempt(decider, target, failed, part)? {
            AttemptOutcome::Done => continue,
            AttemptOutcome::Failed(failure) => {
                failures.add_failure(part.items.len(), decider.spent.guest.saturating_sub(before), failure);
                Reason { r#type: failure.as_str(), message: failure.message() }
            }
            AttemptOutcome::Contended => {
                failures.add_contended();
                CONTENDED
            }
        };
        if part.items.len() <= 1 {
            failed.add(part, reason);
        } else {
            let [left, right] = part.halves();
            parts.push(right);
            parts.push(left);
        }
    }
    Ok(())
}

/// Rows of items that failed, one behind the other, which are yet to take effect. They write no contact, so nothing has to
/// wait for them; one by one they would cost the store as much as ten batches.
struct Failed(Option<BatchCommit>);

impl Failed {
    fn add(&mut self, part: Part<'_>, reason: Reason) {
        let rows = failed(part.first, part.items.len(), part.keys, reason);
        match &mut self.0 {
            Some(commit) => commit.rows.extend(rows.rows),
            None => self.0 = Some(rows),
        }
    }

    /// Makes them take effect; they conflict with nothing.
    fn settle(&mut self, target: &mut impl CommitTarget) -> Result<(), RunError> {
        let Some(commit) = self.0.take() else { return Ok(()) };
        match target.commit(commit)? {
            CommitOutcome::Committed { .. } => Ok(()),
            CommitOutcome::Fenced | CommitOutcome::Conflict => Err(RunError::Gone),
        }
    }
}

const CONTENDED: Reason = Reason {
    r#type: "conflict",
    message: "Other requests kept changing the same contacts, so this item was not applied. Nothing of it was stored; send it again.",
};

const SERVERS_FAILED: Reason = Reason {
    r#type: "server failed",
    message: "The server failed again and again at this place of the job, so this item was not tried any more. Nothing of it was stored.",
};

/// Why the rest is not tried any more, if it is not.
pub(in crate::jobs) fn given_up(decider: &Decider<'_>, failures: &FailureTally) -> Option<Reason> {
    let because = |failure: GuestFailure, message| Some(Reason { r#type: failure.as_str(), message });
    if decider.is_out_of_time() {
        return because(
            GuestFailure::TimedOut,
            "The component that validates contacts used up its time for this job, so this item was not tried. Nothing of it was stored.",
        );
    }
    if failures.have_servers_failed() {
        return Some(SERVERS_FAILED);
    }
    if failures.has_contention_exceeded() {
        return Some(CONTENDED);
    }
    let last = failures.last().unwrap_or(GuestFailure::Trapped);
    if failures.has_component_exceeded() {
        return because(
            last,
            "The component that validates contacts failed on too many items of this job, so this one was not tried. Nothing of it was stored.",
        );
    }
    if decider.is_resting() {
        return because(
            last,
            "The component that validates contacts keeps failing, so it is left alone for a while and this item was not tried. Nothing of it was stored.",
        );
    }
    None
}

/// What became of a part.
enum AttemptOutcome {
    Done,
    Failed(GuestFailure),
    /// Others changed its contacts each time.
    Contended,
}

/// Plans, decides and commits a part.
fn attempt(
    decider: &mut Decider<'_>,
    target: &mut impl CommitTarget,
    failed: &mut Failed,
    part: Part<'_>,
) -> Result<AttemptOutcome, RunError> {
    let mut seen = None;
    for conflicts in 0..CONFLICTS {
        let found = match decider.plan(part) {
            Ok(planned) => match decider.find(&planned)? {
                Some(found) => found,
                None => return Ok(AttemptOutcome::Failed(GuestFailure::OutOfMemory)),
            },
            Err(stop) => return decider.failed(stop).map(AttemptOutcome::Failed),
        };
        let commit = match decider.decide(part, &found) {
            Ok(commit) => commit,
            Err(stop) => return decider.failed(stop).map(AttemptOutcome::Failed),
        };
        failed.settle(target)?;
        match target.commit(commit)? {
            CommitOutcome::Committed { .. } => return Ok(AttemptOutcome::Done),
            CommitOutcome::Fenced => return Err(RunError::Gone),
            CommitOutcome::Conflict => {}
        }
        let mut versions: Vec<_> = found.iter().map(|contact| (contact.id, contact.version)).collect();
        versions.sort_unstable();
        if seen.as_ref() == Some(&versions) {
            // Nobody changed what it asked for, so it takes a key that it did not ask for, or was shown to be another's.
            tracing::warn!(
                event = "component_conflicted",
                items = part.items.len(),
                "a component's writes conflict with stored contacts"
            );
            return Ok(AttemptOutcome::Failed(GuestFailure::BrokeContract));
        }
        seen = Some(versions);
        target.go_on()?;
        // Others are through by then: 1 ms, then twice as long each time, up to 16.
        thread::sleep(Duration::from_millis(1 << conflicts.min(4)));
    }
    tracing::info!(
        event = "contacts_contended",
        items = part.items.len(),
        "others changed the same contacts again and again"
    );
    Ok(AttemptOutcome::Contended)
}
