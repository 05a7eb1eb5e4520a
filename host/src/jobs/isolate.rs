//! A batch whose guest fails is halved until the item that provokes it is alone; that item gets a row with status 500,
//! all others are applied. Every request comes to its end, so there is a limit to how long this is tried.

use std::time::Duration;

use super::assemble::failed;
use super::decider::{Decider, End};
use crate::sandbox::Failure;
use crate::store::{Batch, BatchCommit, CommitOutcome};

/// How often a batch is decided again because contacts changed under it. Others that write to the same contacts cause a
/// few; a component that gives two contacts the same key would cause them for ever.
const CONFLICTS: u32 = 20;

/// How much failing is put up with before the rest is not tried any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Items on which the component failed.
    items: u32,
    /// Time in calls that failed; finding one item that loops takes some seconds.
    wasted: Duration,
}

impl Patience {
    /// For jobs, which nobody sits and waits for.
    pub(super) const JOB: Self = Self { items: 100, wasted: Duration::from_secs(30) };
    /// For calls that somebody waits for.
    pub(super) const CALL: Self = Self { items: 10, wasted: Duration::from_secs(8) };
}

/// How a request's guest failed so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failures {
    patience: Patience,
    items: u32,
    wasted: Duration,
    last: Option<Failure>,
    /// Whether every server that took up the job died at it.
    have_hosts_died: bool,
}

impl Failures {
    pub(super) fn none_yet(patience: Patience) -> Self {
        Self { patience, items: 0, wasted: Duration::ZERO, last: None, have_hosts_died: false }
    }

    /// The same, for a job that is not to be tried any more because servers die at it.
    pub(super) fn with_dead_hosts(self) -> Self {
        Self { have_hosts_died: true, ..self }
    }

    fn are_too_many(&self) -> bool {
        self.items >= self.patience.items || self.wasted >= self.patience.wasted
    }
}

/// Where what was decided takes effect.
pub(super) trait Ground {
    /// Asked before each part; an error ends the work.
    fn go_on(&mut self) -> Result<(), End>;

    /// Makes a part take effect, all or nothing.
    fn commit(&mut self, commit: BatchCommit) -> Result<CommitOutcome, End>;
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

/// Does a part step by step, halving whatever the guest fails on.
pub(super) fn isolate(
    decider: &mut Decider<'_>,
    ground: &mut impl Ground,
    failures: &mut Failures,
    part: Part<'_>,
) -> Result<(), End> {
    let mut failed = Failed(None);
    let ended = halve(decider, ground, failures, &mut failed, part);
    match ended {
        Err(End::Gone | End::Cancelled | End::Store(_)) => ended,
        Ok(()) | Err(_) => failed.settle(ground).and(ended),
    }
}

fn halve(
    decider: &mut Decider<'_>,
    ground: &mut impl Ground,
    failures: &mut Failures,
    failed: &mut Failed,
    part: Part<'_>,
) -> Result<(), End> {
    let mut parts = vec![part];
    while let Some(part) = parts.pop() {
        ground.go_on()?;
        if let Some((failure, message)) = given_up(decider, failures) {
            failed.add(part, failure, message);
            continue;
        }
        let before = decider.spent.guest;
        let Some(failure) = attempt(decider, ground, failed, part)? else { continue };
        failures.wasted += decider.spent.guest.saturating_sub(before);
        failures.last = Some(failure);
        if part.items.len() <= 1 {
            failures.items += 1;
            failed.add(part, failure, failure.message());
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
    fn add(&mut self, part: Part<'_>, failure: Failure, message: &str) {
        let rows = failed(part.first, part.items.len(), part.keys, failure, message);
        match &mut self.0 {
            Some(commit) => commit.rows.extend(rows.rows),
            None => self.0 = Some(rows),
        }
    }

    /// Makes them take effect; they conflict with nothing.
    fn settle(&mut self, ground: &mut impl Ground) -> Result<(), End> {
        let Some(commit) = self.0.take() else { return Ok(()) };
        match ground.commit(commit)? {
            CommitOutcome::Committed => Ok(()),
            CommitOutcome::Fenced | CommitOutcome::Conflict => Err(End::Gone),
        }
    }
}

/// Why the rest is not tried any more, if it is not.
pub(super) fn given_up(decider: &Decider<'_>, failures: &Failures) -> Option<(Failure, &'static str)> {
    if decider.is_out_of_time() {
        return Some((
            Failure::TimedOut,
            "The component that validates contacts used up its time for this job, so this item was not tried. Nothing of it was stored.",
        ));
    }
    let last = failures.last.unwrap_or(Failure::Trapped);
    if failures.have_hosts_died {
        return Some((
            last,
            "The server stopped again and again while it worked on this job, so this item was not tried any more. Nothing of it was stored.",
        ));
    }
    if failures.are_too_many() {
        return Some((
            last,
            "The component that validates contacts failed on too many items of this job, so this one was not tried. Nothing of it was stored.",
        ));
    }
    decider.is_resting().then_some((
        last,
        "The component that validates contacts keeps failing, so it is left alone for a while and this item was not tried. Nothing of it was stored.",
    ))
}

/// Plans, decides and commits a part; says how the guest failed, if it did.
fn attempt(
    decider: &mut Decider<'_>,
    ground: &mut impl Ground,
    failed: &mut Failed,
    part: Part<'_>,
) -> Result<Option<Failure>, End> {
    for _ in 0..CONFLICTS {
        let found = match decider.plan(part) {
            Ok(planned) => match decider.find(&planned)? {
                Some(found) => found,
                None => return Ok(Some(Failure::OutOfMemory)),
            },
            Err(stop) => return decider.failed(stop).map(Some),
        };
        let commit = match decider.decide(part, &found) {
            Ok(commit) => commit,
            Err(stop) => return decider.failed(stop).map(Some),
        };
        failed.settle(ground)?;
        match ground.commit(commit)? {
            CommitOutcome::Committed => return Ok(None),
            CommitOutcome::Fenced => return Err(End::Gone),
            CommitOutcome::Conflict => {}
        }
    }
    // Perhaps it gives two contacts one key, perhaps others write to the same contacts all the time; a smaller part is
    // tried next, and the component is not blamed for it.
    tracing::warn!(items = part.items.len(), "writes conflict with stored contacts again and again");
    Ok(Some(Failure::BrokeContract))
}
