//! A second thread that decides every other batch of a job while a worker is idle.
//!
//! A job waits for its component when that is slow. So the worker gives the batch behind its own to a partner, which has
//! instances of its own, and both decide at once. The worker then takes the partner's batch if none of the batches before it
//! changes what the partner found; otherwise the worker decides that batch again. Thus every row is what it would be without
//! a partner, and batches take effect in their order.
//!
//! A dry run and an undo have no partner: each of their batches is decided on what the one before it left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::domain::{ItemList, StoredContact};
use crate::jobs::decide::{DecideError, DecideRequest, Decider, Part, TimeSpent};
use crate::jobs::watchdog::Subject;
use crate::jobs::worker::WorkerContext;
use crate::jobs::worker::overlap::WriteSet;
use crate::jobs::worker::places::PartnerPlace;
use crate::sandbox::{CancelFlag, Planned};
use crate::store::BatchCommit;
use crate::traces::{PhaseLog, Phases};

/// Batches of a claim that a partner decides in vain before it is not asked any more: the job's batches are about the same contacts.
const MAX_DISCARDED: u32 = 3;

/// What a partner decides with.
#[derive(Clone)]
pub(super) struct PartnerContext<'a> {
    pub(super) context: &'a WorkerContext,
    pub(super) request: DecideRequest<'a>,
    /// Interrupts the partner's components together with the worker's.
    pub(super) cancel: CancelFlag,
    /// The parts of the work on the partner's batch.
    pub(super) phases: PhaseLog,
}

/// A batch for the partner.
pub(super) struct Task<'a> {
    pub(super) first: u32,
    pub(super) items: ItemList,
    /// Whether the batch may be decided as if none of its contacts were stored.
    pub(super) may_speculate: bool,
    /// What the job has spent so far.
    pub(super) spent: TimeSpent,
    /// The idle worker's place.
    pub(super) place: PartnerPlace<'a>,
}

/// A batch that the partner worked on.
pub(super) struct Answer {
    pub(super) first: u32,
    pub(super) items: ItemList,
    pub(super) decided: Decided,
    /// What the partner spent on it.
    pub(super) spent: TimeSpent,
    /// The parts of the work on it.
    pub(super) phases: Phases,
}

/// What the partner made of a batch.
pub(super) enum Decided {
    /// Its commit, provided that the batches before it do not change what was found.
    Commit {
        planned: Planned,
        /// `None` if nothing was looked up.
        found: Option<Vec<StoredContact>>,
        commit: BatchCommit,
    },
    /// A component failed on it.
    ComponentFailed,
    /// Nothing; the worker decides it.
    Nothing,
}

/// The partner of one claim's worker. Its thread ends after this is dropped.
pub(super) struct Partner<'scope, 'a> {
    tasks: Sender<Task<'a>>,
    answers: Receiver<Answer>,
    thread: ScopedJoinHandle<'scope, String>,
}

impl<'scope, 'a: 'scope> Partner<'scope, 'a> {
    /// Starts a thread. Returns `None` if the system gives none.
    pub(super) fn start(scope: &'scope Scope<'scope, '_>, context: PartnerContext<'a>) -> Option<Self> {
        let (tasks, received) = mpsc::channel();
        let (sender, answers) = mpsc::channel();
        let thread = Builder::new().name(String::from("partner"));
        let thread = thread.spawn_scoped(scope, move || context.work(&received, &sender)).ok()?;
        Some(Self { tasks, answers, thread })
    }

    /// Gives the partner a batch. Returns it if the partner has ended.
    pub(super) fn give(&self, task: Task<'a>) -> Result<(), Box<Task<'a>>> {
        self.tasks.send(task).map_err(|mpsc::SendError(task)| Box::new(task))
    }

    /// Waits for the batch that was given last. Returns `None` if the partner has ended.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.answers.recv().ok()
    }

    /// Ends the thread. Returns what the components printed.
    pub(super) fn end(self) -> String {
        let Self { tasks, thread, .. } = self;
        drop(tasks);
        thread.join().unwrap_or_default()
    }
}

impl<'a> PartnerContext<'a> {
    fn work(&self, tasks: &Receiver<Task<'a>>, answers: &Sender<Answer>) -> String {
        let Self { context, request, cancel, phases } = self;
        let watched = context.decider.watchdog.watch_worker();
        watched.set_subject(Some(Subject { tenant: request.tenant_name.to_owned(), job: request.job }));
        let watch = watched.marks();
        let mut decider = Decider::new(&context.decider, *request, cancel.clone(), watch.clone(), TimeSpent::default())
            .noting(phases.clone());
        for Task { first, items, may_speculate, spent, place } in tasks {
            let _time_in_use = context.decider.tenant_time.begin(request.tenant);
            decider.go_on_from(spent);
            let part = Part::whole(first, &items);
            // A bug must cost a batch that the worker decides again, and not the worker.
            let decided = catch_unwind(AssertUnwindSafe(|| decide(&mut decider, part, may_speculate)));
            watch.idle();
            drop(place);
            let has_panicked = decided.is_err();
            let decided = decided.unwrap_or(Decided::Nothing);
            let spent = decider.spent().since(spent);
            let phases = phases.take();
            if answers.send(Answer { first, items, decided, spent, phases }).is_err() || has_panicked {
                break;
            }
        }
        decider.take_printed()
    }
}

fn decide(decider: &mut Decider<'_>, part: Part<'_>, may_speculate: bool) -> Decided {
    let decided = decider.plan(part).and_then(|plan| {
        let found = if may_speculate && plan.lookups().ids.is_empty() {
            None
        } else {
            match decider.find(plan.lookups())? {
                Some(found) => Some(found),
                // They do not fit into memory, so the worker decides the batch in parts.
                None => return Ok(Decided::Nothing),
            }
        };
        let commit = decider.decide(&plan, found.as_deref().unwrap_or_default())?;
        Ok(Decided::Commit { planned: plan.into_lookups(), found, commit })
    });
    match decided {
        Ok(decided) => decided,
        Err(DecideError::Component(_)) => Decided::ComponentFailed,
        Err(DecideError::Run(_)) => Decided::Nothing,
    }
}

/// A batch that the partner has, and the batches before it that were not known to be committed when the partner got it.
pub(super) struct Given {
    pub(super) items: usize,
    pub(super) in_flight: Vec<Arc<WriteSet>>,
}

impl Given {
    /// Returns whether a batch before this one, or the worker's `own`, may change what the partner found.
    pub(super) fn is_overtaken(&self, own: &Arc<WriteSet>, planned: &Planned, found: &[StoredContact]) -> bool {
        !self.in_flight.iter().chain([own]).all(|writes| writes.is_disjoint_from(planned, found))
    }
}

/// How often a partner's work was in vain.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Discarded(u32);

impl Discarded {
    /// Counts a batch that was decided in vain.
    pub(super) fn add(&mut self) {
        self.0 += 1;
    }

    /// Returns whether a partner is not to be asked any more.
    pub(super) fn is_too_often(self) -> bool {
        self.0 >= MAX_DISCARDED
    }
}
