//! The parts of the work on a batch: a worker notes them while it works, and spans are made of them when the batch has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::metrics::BatchPhase;

/// Parts of the work on a batch.
const MAX_PHASES: usize = 32;

/// The parts of the work on a batch, noted while it is done. Several hold one log; nothing is noted if the run is not traced.
#[derive(Clone, Default)]
pub struct PhaseLog(Option<Arc<Mutex<Vec<PhaseTime>>>>);

/// The parts of the work on one batch.
#[derive(Debug, Default)]
pub struct Phases(pub(super) Vec<PhaseTime>);

/// A part of the work.
#[derive(Debug, Clone, Copy)]
pub(super) struct PhaseTime {
    pub(super) phase: BatchPhase,
    pub(super) begun: Instant,
    pub(super) time: Duration,
}

impl PhaseLog {
    /// Makes a log, which notes nothing unless the run is traced.
    pub(super) fn new(is_traced: bool) -> Self {
        Self(is_traced.then(Arc::default))
    }

    /// Notes a part of the work.
    pub fn add(&self, phase: BatchPhase, begun: Instant, time: Duration) {
        if let Some(log) = &self.0 {
            let mut phases = log.lock();
            if phases.len() < MAX_PHASES {
                phases.push(PhaseTime { phase, begun, time });
            }
        }
    }

    /// Notes again, before everything else, what was taken.
    pub fn put_back(&self, phases: Phases) {
        if let Some(log) = &self.0 {
            log.lock().splice(..0, phases.0);
        }
    }

    /// Takes what was noted since the last time.
    pub fn take(&self) -> Phases {
        Phases(self.0.as_ref().map(|log| std::mem::take(&mut *log.lock())).unwrap_or_default())
    }
}
