//! What a thread that runs jobs or calls does at present, marked so cheaply that every step can be marked.
//!
//! Two parties read the marks. The supervisor of the workers starts another worker in place of one whose component computes
//! for long. The [watchdog](super::watchdog) notices threads that do not come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jobs) enum Phase {
    /// It waits for something to do, however long.
    Idle = 0,
    /// It claims a job.
    Claim,
    /// It starts components, and may have to compile them first.
    Start,
    /// It reads items or contacts from the store.
    Read,
    /// A component runs.
    Guest,
    /// It lets other requests of its tenant go first, whose components run.
    Yield,
    /// It commits a batch, or waits for that.
    Commit,
    /// It stores a job's log and releases the job.
    Release,
    /// It does the host's own work between other phases.
    Host,
}

impl Phase {
    const ALL: [Self; 9] = [
        Self::Idle,
        Self::Claim,
        Self::Start,
        Self::Read,
        Self::Guest,
        Self::Yield,
        Self::Commit,
        Self::Release,
        Self::Host,
    ];

    /// Returns the phase's name, for the log.
    pub(in crate::jobs) fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Claim => "claim",
            Self::Start => "start",
            Self::Read => "read",
            Self::Guest => "guest",
            Self::Yield => "yield",
            Self::Commit => "commit",
            Self::Release => "release",
            Self::Host => "host",
        }
    }

    fn of(number: u8) -> Self {
        Self::ALL.into_iter().find(|phase| *phase as u8 == number).unwrap_or(Self::Host)
    }
}

/// The marks of one thread. Clones are the same marks. Without a [watchdog](super::watchdog), nobody reads them.
#[derive(Debug, Clone)]
pub(in crate::jobs) struct HostWatch(Arc<Marks>);

/// Times are microseconds since `created`.
#[derive(Debug)]
struct Marks {
    created: Instant,
    /// How long the thread may be in one phase, beyond what a component is allowed.
    bound: Duration,
    began: AtomicU64,
    /// When the thread counts as stalled.
    due: AtomicU64,
    /// Stored after the two times and read before them, so that whoever sees a phase sees its times, or those of a later phase.
    phase: AtomicU8,
    is_replaced: AtomicBool,
    is_stalled: AtomicBool,
}

impl HostWatch {
    /// Makes the marks of an idle thread that may be in one phase for `bound`.
    pub(in crate::jobs) fn new(bound: Duration) -> Self {
        Self(Arc::new(Marks {
            created: Instant::now(),
            bound,
            began: AtomicU64::new(0),
            due: AtomicU64::new(u64::MAX),
            phase: AtomicU8::new(Phase::Idle as u8),
            is_replaced: AtomicBool::new(false),
            is_stalled: AtomicBool::new(false),
        }))
    }

    /// Marks that a phase begins, which ends when the guard is dropped. [`Phase::Host`] follows it.
    pub(in crate::jobs) fn enter(&self, phase: Phase) -> InPhase<'_> {
        self.enter_for(phase, Duration::ZERO)
    }

    /// Marks that a phase begins in which components may run for `allowed`. It ends when the guard is dropped.
    pub(in crate::jobs) fn enter_for(&self, phase: Phase, allowed: Duration) -> InPhase<'_> {
        self.mark(phase, allowed);
        InPhase(self)
    }

    /// Marks that the thread waits for something to do.
    pub(in crate::jobs) fn idle(&self) {
        self.mark(Phase::Idle, Duration::ZERO);
    }

    /// Returns the present phase.
    pub(in crate::jobs) fn phase(&self) -> Phase {
        Phase::of(self.0.phase.load(Ordering::Acquire))
    }

    /// Returns how long the thread has been in the present phase.
    pub(in crate::jobs) fn time_in_phase(&self) -> Duration {
        let began = Duration::from_micros(self.0.began.load(Ordering::Acquire));
        self.0.created.elapsed().saturating_sub(began)
    }

    /// Returns whether a component has run for `time` without a pause, or the thread has waited so long for other requests of its
    /// tenant.
    pub(in crate::jobs) fn is_computing_for(&self, time: Duration) -> bool {
        matches!(self.phase(), Phase::Guest | Phase::Start | Phase::Yield) && self.time_in_phase() >= time
    }

    /// Returns whether the thread has been in one phase for too long.
    pub(in crate::jobs) fn is_overdue(&self) -> bool {
        // The phase first: see `Marks::phase`.
        self.phase() != Phase::Idle && micros(self.0.created.elapsed()) >= self.0.due.load(Ordering::Acquire)
    }

    /// Returns whether the watchdog counts the thread as stalled.
    pub(in crate::jobs) fn is_stalled(&self) -> bool {
        self.0.is_stalled.load(Ordering::Acquire)
    }

    /// Counts the thread as stalled or not. Returns whether that changed.
    pub(in crate::jobs) fn set_stalled(&self, is_stalled: bool) -> bool {
        self.0.is_stalled.swap(is_stalled, Ordering::AcqRel) != is_stalled
    }

    /// Returns whether another thread took this one's place, so that this one ends after its work.
    pub(in crate::jobs) fn is_replaced(&self) -> bool {
        self.0.is_replaced.load(Ordering::Acquire)
    }

    /// Marks the thread as replaced. Returns `false` if it was replaced before.
    pub(in crate::jobs) fn replace(&self) -> bool {
        !self.0.is_replaced.swap(true, Ordering::AcqRel)
    }

    fn mark(&self, phase: Phase, allowed: Duration) {
        let Marks { created, bound, began, due, .. } = &*self.0;
        let now = created.elapsed();
        began.store(micros(now), Ordering::Release);
        let due_at =
            if phase == Phase::Idle { u64::MAX } else { micros(now.saturating_add(allowed).saturating_add(*bound)) };
        due.store(due_at, Ordering::Release);
        self.0.phase.store(phase as u8, Ordering::Release);
    }
}

/// A phase of a thread, which ends when this is dropped.
#[derive(Debug)]
pub(in crate::jobs) struct InPhase<'a>(&'a HostWatch);

impl Drop for InPhase<'_> {
    fn drop(&mut self) {
        self.0.mark(Phase::Host, Duration::ZERO);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{HostWatch, Phase};

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_thread_is_overdue_when_a_phase_outlasts_its_bound() {
        let (strict, patient) = (HostWatch::new(Duration::ZERO), HostWatch::new(HOUR));
        assert!(!strict.is_overdue(), "it has nothing to do");
        let reading = strict.enter(Phase::Read);
        assert!(strict.is_overdue() && strict.phase() == Phase::Read);
        drop(reading);
        assert!(strict.is_overdue() && strict.phase() == Phase::Host, "the host's own work is bounded, too");
        {
            let _computing = strict.enter_for(Phase::Guest, HOUR);
            assert!(!strict.is_overdue(), "the component is allowed to run");
            assert!(strict.is_computing_for(Duration::ZERO) && !strict.is_computing_for(HOUR));
        }
        strict.idle();
        assert!(!strict.is_overdue() && !strict.is_computing_for(Duration::ZERO));
        let _reading = patient.enter(Phase::Read);
        assert!(!patient.is_overdue());
    }

    #[test]
    fn every_phase_has_its_number() {
        for phase in Phase::ALL {
            assert_eq!(Phase::of(phase as u8), phase);
        }
    }
}
