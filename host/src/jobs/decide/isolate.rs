//! A batch whose guest fails is halved until the item that provokes it is alone; that item gets a row with status 500,
//! all others are applied. Every request comes to its end, so there is a limit to how long this is tried.

use std::thread;
use std::time::Duration;

use crate::jobs::decide::assemble::{Reason, failed};
use crate::jobs::decide::decider::{Decider, End};
use crate::sandbox::GuestFailure;
use crate::store::{Batch, BatchCommit, CommitOutcome};

/// How often a part is decided again because others changed its contacts meanwhile; a smaller one is tried next, which takes
/// less time, so that fewer changes fall into it.
const CONFLICTS: u32 = 20;

/// How much failing is put up with before the rest is not tried any more.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct Patience {
    /// Items on which the component failed.
    items: u32,
    /// Time in calls that failed; finding one item that loops takes some seconds.
    wasted: Duration,
    /// Parts that others' changes got the better of. The component is not to blame for them, so there may be many.
    contended: u32,
}

impl Patience {
    /// For jobs, which nobody sits and waits for.
    pub(in crate::jobs) const JOB: Self = Self { items: 100, wasted: Duration::from_secs(30), contended: 1_000 };
    /// For calls that somebody waits for.
    pub(in crate::jobs) const CALL: Self = Self { items: 10, wasted: Duration::from_secs(8), contended: 10 };
}

/// How a request's guest failed so far.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct Failures {
    patience: Patience,
    items: u32,
    wasted: Duration,
    contended: u32,
    last: Option<GuestFailure>,
    /// Whether every server that took up the job died at it, or failed in a way that it would again.
    have_hosts_failed: bool,
}

impl Failures {
    pub(in crate::jobs) fn none_yet(patience: Patience) -> Self {
        Self { patience, items: 0, wasted: Duration::ZERO, contended: 0, last: None, have_hosts_failed: false }
    }

    /// The same, for a job that is not to be tried any more because servers fail at it.
    pub(in crate::jobs) fn of_hosts(self) -> Self {
        Self { have_hosts_failed: true, ..self }
    }

    fn are_too_many(&self) -> bool {
        self.items >= self.patience.items || self.wasted >= self.patience.wasted
    }
}

/// Where what was decided takes effect.
pub(in crate::jobs) trait Ground {
    /// Asked before each part; an error ends the work.
    fn go_on(&mut self) -> Result<(), End>;

    /// Makes a part take effect, all or nothing.
    fn commit(&mut self, commit: BatchCommit) -> Result<CommitOutcome, End>;
}

/// Items that stand together in a job, and the place of the first.
#[derive(Clone, Copy)]
pub(in crate::jobs) struct Part<'a> {
    pub(in crate::jobs) first: u32,
    pub(in crate::jobs) items: &'a [String],
    pub(in crate::jobs) keys: Option<&'a [String]>,
}

impl<'a> Part<'a> {
    pub(in crate::jobs) fn whole(first: u32, batch: &'a Batch) -> Self {
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
pub(in crate::jobs) fn isolate(
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
        if let Some(reason) = given_up(decider, failures) {
            failed.add(part, reason);
            continue;
        }
        let before = decider.spent.guest;
        let reason = match attempt(decider, ground, failed, part)? {
            Tried::Done => continue,
            Tried::Failed(failure) => {
                failures.wasted += decider.spent.guest.saturating_sub(before);
                failures.last = Some(failure);
                failures.items += u32::from(part.items.len() <= 1);
                Reason { r#type: failure.as_str(), message: failure.message() }
            }
            Tried::Contended => {
                failures.contended += 1;
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
    fn settle(&mut self, ground: &mut impl Ground) -> Result<(), End> {
        let Some(commit) = self.0.take() else { return Ok(()) };
        match ground.commit(commit)? {
            CommitOutcome::Committed { .. } => Ok(()),
            CommitOutcome::Fenced | CommitOutcome::Conflict => Err(End::Gone),
        }
    }
}

const CONTENDED: Reason = Reason {
    r#type: "conflict",
    message: "Other requests kept changing the same contacts, so this item was not applied. Nothing of it was stored; send it again.",
};

const HOSTS_FAILED: Reason = Reason {
    r#type: "server failed",
    message: "The server failed again and again at this place of the job, so this item was not tried any more. Nothing of it was stored.",
};

/// Why the rest is not tried any more, if it is not.
pub(in crate::jobs) fn given_up(decider: &Decider<'_>, failures: &Failures) -> Option<Reason> {
    let because = |failure: GuestFailure, message| Some(Reason { r#type: failure.as_str(), message });
    if decider.is_out_of_time() {
        return because(
            GuestFailure::TimedOut,
            "The component that validates contacts used up its time for this job, so this item was not tried. Nothing of it was stored.",
        );
    }
    if failures.have_hosts_failed {
        return Some(HOSTS_FAILED);
    }
    if failures.contended >= failures.patience.contended {
        return Some(CONTENDED);
    }
    let last = failures.last.unwrap_or(GuestFailure::Trapped);
    if failures.are_too_many() {
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
enum Tried {
    Done,
    Failed(GuestFailure),
    /// Others changed its contacts each time.
    Contended,
}

/// Plans, decides and commits a part.
fn attempt(
    decider: &mut Decider<'_>,
    ground: &mut impl Ground,
    failed: &mut Failed,
    part: Part<'_>,
) -> Result<Tried, End> {
    let mut seen = None;
    for conflicts in 0..CONFLICTS {
        let found = match decider.plan(part) {
            Ok(planned) => match decider.find(&planned)? {
                Some(found) => found,
                None => return Ok(Tried::Failed(GuestFailure::OutOfMemory)),
            },
            Err(stop) => return decider.failed(stop).map(Tried::Failed),
        };
        let commit = match decider.decide(part, &found) {
            Ok(commit) => commit,
            Err(stop) => return decider.failed(stop).map(Tried::Failed),
        };
        failed.settle(ground)?;
        match ground.commit(commit)? {
            CommitOutcome::Committed { .. } => return Ok(Tried::Done),
            CommitOutcome::Fenced => return Err(End::Gone),
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
            return Ok(Tried::Failed(GuestFailure::BrokeContract));
        }
        seen = Some(versions);
        ground.go_on()?;
        // Others are through by then: 1 ms, then twice as long each time, up to 16.
        thread::sleep(Duration::from_millis(1 << conflicts.min(4)));
    }
    tracing::info!(
        event = "contacts_contended",
        items = part.items.len(),
        "others changed the same contacts again and again"
    );
    Ok(Tried::Contended)
}
