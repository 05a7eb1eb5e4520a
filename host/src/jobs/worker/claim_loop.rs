//! The loop over the batches of one claim, from its cursor to the end of the job: plan, look up, decide, commit.
//!
//! A batch is committed in one of two ways. Usually the [pipeline](super::pipeline) commits it during the work on the next
//! ones: the component computes and the store writes at the same time. If a component fails on a batch, or contacts changed
//! under it, [isolation](crate::jobs::decide::isolate) commits it in parts, one after the other.
//!
//! While a worker is idle, a [partner](super::partner) decides the batch behind this one's at the same time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, Scope};

use crate::domain::{ItemList, StoredContact};
use crate::jobs::decide::CommitTarget as _;
use crate::jobs::decide::{
    DecideError, Decider, FailureTally, LeftParts, Part, RunError, given_up, isolate, resume_isolation,
};
use crate::jobs::worker::WorkerContext;
use crate::jobs::worker::job_target::JobTarget;
use crate::jobs::worker::overlap::WriteSet;
use crate::jobs::worker::partner::{Answer, Decided, Discarded, Given, Partner, PartnerContext, Task};
use crate::jobs::worker::pipeline::{DecidedBatch, Pipeline, PipelineError};
use crate::jobs::worker::places::Places;
use crate::jobs::worker::speculation::{Speculation, unproven};
use crate::metrics::{METRICS, RedoCause};
use crate::sandbox::Planned;
use crate::store::{BatchCommit, StoreError};
use crate::traces::{BatchEnd, BatchTrace};

/// Batches that are committed one by one after a conflict. Deciding ahead would often be in vain while other requests change
/// the same contacts.
const SINGLE_COMMITS_AFTER_CONFLICT: u32 = 4;
/// Bytes of items that are read ahead. A single chunk may be larger.
const MAX_READ_AHEAD_BYTES: usize = 2 << 20;

/// The loop over the batches of one claim.
pub(super) struct ClaimLoop<'a> {
    pub(super) target: JobTarget<'a>,
    pub(super) decider: Decider<'a>,
    pub(super) failures: FailureTally,
    pub(super) pipeline: Pipeline<'a>,
    speculation: Speculation,
    /// Chunks that were read ahead.
    read_ahead: VecDeque<ItemList>,
    /// Items of this claim that were in memory since the job was accepted.
    pub(super) items_from_memory: usize,
    /// How many of the next batches are to be committed one by one.
    single_commits: u32,
    partnering: Partnering<'a>,
}

/// What the loop knows of partners.
struct Partnering<'a> {
    places: &'a Places,
    /// `None` if the job may have no partner.
    context: Option<PartnerContext<'a>>,
    discarded: Discarded,
    /// Items that partners decided.
    items: usize,
    /// What partners' components printed.
    printed: String,
}

impl<'a> ClaimLoop<'a> {
    /// Prepares the loop. `partner` is what a partner would decide with, unless the job may have none.
    pub(super) fn new(
        target: JobTarget<'a>,
        decider: Decider<'a>,
        failures: FailureTally,
        places: &'a Places,
        partner: Option<PartnerContext<'a>>,
    ) -> Self {
        let (lease, handle) = (target.context.settings.lease, target.handle.clone());
        let pipeline = {
            let WorkerContext { decider, job_watcher, .. } = target.context;
            Pipeline::new(decider, job_watcher, target.committer, target.claim, lease, handle, target.trace.clone())
        };
        // If a server died at this job, the first batch is committed alone. A server that dies again, at a batch far ahead,
        // would otherwise lose what it decided before, and the job would never get further.
        let single_commits = u32::from(target.claim.attempts > 1);
        let (speculation, read_ahead) = (Speculation::default(), VecDeque::new());
        let partnering =
            Partnering { places, context: partner, discarded: Discarded::default(), items: 0, printed: String::new() };
        Self {
            target,
            decider,
            failures,
            pipeline,
            speculation,
            read_ahead,
            items_from_memory: 0,
            single_commits,
            partnering,
        }
    }

    /// Works until the job is finished or the claim must be given up. Afterwards no commit is under way.
    ///
    /// # Errors
    /// Why the job is not finished.
    pub(super) fn run(&mut self) -> Result<(), RunError> {
        let ended = self.run_batches();
        match ended {
            Err(RunError::Gone | RunError::Cancelled | RunError::Store(_)) => {
                self.pipeline.abandon();
                return ended;
            }
            // The job goes back to the queue, so batches that are decided are committed first and need not be decided again.
            Ok(()) | Err(_) => match self.flush() {
                Ok(()) => ended?,
                Err(error @ (RunError::Gone | RunError::Store(_))) => return Err(error),
                Err(error) => return ended.and(Err(error)),
            },
        }
        // The store has the last word on whether every item has its row.
        if self.target.is_job_finished || self.pipeline.is_job_finished() { Ok(()) } else { Err(RunError::Gone) }
    }

    /// Returns how many items partners decided.
    pub(super) fn items_by_partner(&self) -> usize {
        self.partnering.items
    }

    /// Takes what the components printed: the worker's, and then its partners'.
    pub(super) fn take_printed(&mut self) -> String {
        let printed = self.decider.take_printed();
        printed + &std::mem::take(&mut self.partnering.printed)
    }

    fn run_batches(&mut self) -> Result<(), RunError> {
        thread::scope(|scope| {
            let mut partner = None;
            let ended = self.run_with(scope, &mut partner);
            if let Some(partner) = partner {
                self.partnering.printed += &partner.end();
            }
            ended
        })
    }

    fn run_with<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        partner: &mut Option<Partner<'scope, 'a>>,
    ) -> Result<(), RunError>
    where
        'a: 'scope,
    {
        let claim = self.target.claim;
        let mut cursor = claim.cursor;
        while cursor < claim.total {
            self.target.ensure_running()?;
            if cursor > claim.cursor {
                self.target.ensure_turn(LeftParts::default)?;
            }
            let items = self.next_batch(cursor)?;
            let part = Part::whole(cursor, &items);
            cursor += count(&items);
            if !self.target.left.is_empty() {
                let left = std::mem::take(&mut self.target.left);
                resume_isolation(&mut self.decider, &mut self.target, &mut self.failures, part, &left)?;
                continue;
            }
            let given = self.give(cursor, scope, partner)?;
            let first = part.first();
            let writes = self.decide_and_commit(first, items)?;
            if let Some(given) = given {
                let answer = partner
                    .as_ref()
                    .and_then(|partner| self.decider.wait_for_another(given.items, || partner.answer()));
                let answer = answer.ok_or(StoreError::Panicked("deciding a batch"))?;
                cursor += count(&answer.items);
                self.take(answer, &given, writes.as_ref())?;
            }
        }
        Ok(())
    }

    /// Gives the next batch to a partner if a worker is idle and the job waits for its component.
    fn give<'scope>(
        &mut self,
        cursor: u32,
        scope: &'scope Scope<'scope, '_>,
        partner: &mut Option<Partner<'scope, 'a>>,
    ) -> Result<Option<Given>, RunError>
    where
        'a: 'scope,
    {
        let Partnering { context: Some(context), discarded, places, .. } = &self.partnering else { return Ok(None) };
        if cursor >= self.target.claim.total
            || self.single_commits > 0
            || discarded.is_too_often()
            || self.pipeline.has_waiting_batch()
            || self.has_given_up()
        {
            return Ok(None);
        }
        let Some(place) = places.begin_partner() else { return Ok(None) };
        if partner.is_none() {
            *partner = Partner::start(scope, context.clone());
        }
        let Some(partner) = partner.as_ref() else { return Ok(None) };
        let items = self.next_batch(cursor)?;
        let may_speculate = !self.target.room.is_tight() && self.speculation == Speculation::Active;
        let given = Given { items: items.items.len(), in_flight: self.pipeline.in_flight().writes() };
        let task = Task { first: cursor, items, may_speculate, spent: self.decider.spent(), place };
        if let Err(task) = partner.give(task) {
            self.read_ahead.push_front(task.items);
            return Ok(None);
        }
        Ok(Some(given))
    }

    /// Takes a partner's batch, or decides it again.
    fn take(&mut self, answer: Answer, given: &Given, own: Option<&Arc<WriteSet>>) -> Result<(), RunError> {
        let Answer { first, items, decided, spent, phases } = answer;
        self.decider.add_spent(spent);
        let mut batch = self.target.trace.batch(first, items.items.len(), phases).by_partner();
        match decided {
            Decided::ComponentFailed => {
                batch.end(BatchEnd::Divided, None);
                self.flush()?;
                self.isolate(Part::whole(first, &items))
            }
            Decided::Commit { planned, found, commit } => {
                let is_valid = own
                    .is_some_and(|own| !given.is_overtaken(own, &planned, found.as_deref().unwrap_or_default()))
                    && match &found {
                        Some(_) => true,
                        None => self.is_proven(&planned, &commit)?,
                    };
                batch.add(self.target.phases.take());
                if is_valid {
                    if let Some(found) = &found {
                        self.speculation.learn(&planned, found.len());
                    }
                    METRICS.jobs.partner_batches.inc();
                    self.partnering.items += items.items.len();
                    return self.commit(items, commit, batch).map(drop);
                }
                batch.end(BatchEnd::Discarded, None);
                self.target.decide_again(RedoCause::Overtaken);
                self.partnering.discarded.add();
                self.decide_and_commit(first, items).map(drop)
            }
            Decided::Nothing => self.decide_and_commit(first, items).map(drop),
        }
    }

    /// Decides a batch and commits it. Returns what it changes, if it is in the pipeline.
    fn decide_and_commit(&mut self, first: u32, items: ItemList) -> Result<Option<Arc<WriteSet>>, RunError> {
        let part = Part::whole(first, &items);
        if !self.has_given_up() {
            let decided = self.decide(part);
            let batch = self.target.batch(first, part.len());
            match decided? {
                Some(commit) => return self.commit(items, commit, batch),
                None => batch.end(BatchEnd::Divided, None),
            }
        }
        self.flush()?;
        self.isolate(part)?;
        Ok(None)
    }

    /// Returns whether the components are not called for this job any more.
    fn has_given_up(&self) -> bool {
        given_up(&self.decider, &self.failures).is_some()
    }

    fn next_batch(&mut self, cursor: u32) -> Result<ItemList, RunError> {
        if self.read_ahead.is_empty() {
            let JobTarget { context, claim, .. } = &self.target;
            if let Some(items) = context.accepted_chunks.take(claim.tenant, claim.job, cursor) {
                self.items_from_memory += items.items.len();
                return Ok(items);
            }
            self.read_ahead = self.read_chunks(cursor)?;
        }
        self.read_ahead.pop_front().ok_or(RunError::Gone)
    }

    fn read_chunks(&mut self, cursor: u32) -> Result<VecDeque<ItemList>, RunError> {
        let JobTarget { context, claim, .. } = &self.target;
        match self.decider.time_reading(|| context.store().chunks(claim, cursor, MAX_READ_AHEAD_BYTES)) {
            // No server can read these items, and the job has given up. Each item needs a row nevertheless.
            Err(error) if error.would_fail_again() && self.has_given_up() => {
                let left = claim.total.saturating_sub(cursor) as usize;
                Ok(VecDeque::from([ItemList { items: vec![String::new(); left], keys: None }]))
            }
            read => Ok(read?.into()),
        }
    }

    /// Decides a part: ahead of the batches in flight if it concerns other contacts, otherwise after them. Returns `None` if
    /// a component failed on the part.
    fn decide(&mut self, part: Part<'_>) -> Result<Option<BatchCommit>, RunError> {
        let Some(plan) = unless_component_failed(self.decider.plan(part))? else { return Ok(None) };
        let lookups = plan.lookups();
        if self.may_speculate(lookups) {
            let Some(commit) = unless_component_failed(self.decider.decide(&plan, &[]))? else { return Ok(None) };
            if self.is_proven(lookups, &commit)? {
                return Ok(Some(commit));
            }
            self.target.decide_again(RedoCause::Speculation);
            self.speculation.disable();
        }
        let mut found = self.look_up(lookups)?;
        if found.is_none() && !self.pipeline.is_empty() {
            self.flush()?;
            found = self.look_up(lookups)?;
        }
        let Some(found) = found else { return Ok(None) };
        unless_component_failed(self.decider.decide(&plan, &found))
    }

    fn may_speculate(&mut self, plan: &Planned) -> bool {
        // A dry run commits nothing that would prove it.
        self.target.overlay.is_none()
            && !self.target.room.is_tight()
            && self.speculation.applies_to(plan)
            && !self.pipeline.in_flight().takes_any(&plan.keys)
    }

    /// Returns whether a batch that was decided without a look-up would have found nothing, provided that `commit` succeeds.
    fn is_proven(&mut self, plan: &Planned, commit: &BatchCommit) -> Result<bool, RunError> {
        let unproven = unproven(plan, commit);
        Ok(unproven.keys.is_empty() || self.decider.find(&unproven)?.is_some_and(|found| found.is_empty()))
    }

    /// Looks up the contacts that a plan names. Returns `None` if a batch in flight may change them, or if they do not fit
    /// into memory.
    fn look_up(&mut self, plan: &Planned) -> Result<Option<Vec<StoredContact>>, RunError> {
        let Self { decider, speculation, pipeline, .. } = self;
        pipeline.in_flight().look_up(plan, || {
            let found = decider.find(plan)?;
            if let Some(found) = &found {
                speculation.learn(plan, found.len());
            }
            Ok(found)
        })
    }

    /// Commits a batch, at once or in the pipeline. Returns what it changes, if it is in the pipeline.
    fn commit(
        &mut self,
        items: ItemList,
        mut commit: BatchCommit,
        batch: BatchTrace,
    ) -> Result<Option<Arc<WriteSet>>, RunError> {
        let part = Part::whole(commit.first, &items);
        if !self.target.admit(part, &mut commit)? {
            batch.end(BatchEnd::Conflict, None);
            self.flush()?;
            self.target.conflicted();
            self.isolate(part)?;
            return Ok(None);
        }
        let writes = match self.pipeline.push(items, commit, batch) {
            Ok(writes) => Some(writes),
            Err(error) => {
                self.recover(Err(error))?;
                None
            }
        };
        if self.single_commits > 0 {
            self.flush()?;
            self.single_commits = self.single_commits.saturating_sub(1);
            return Ok(None);
        }
        Ok(writes)
    }

    /// Commits all batches in flight.
    fn flush(&mut self) -> Result<(), RunError> {
        let flushed = self.pipeline.flush();
        self.recover(flushed)
    }

    /// Decides the batches of a conflict again and commits them, one by one.
    fn recover(&mut self, result: Result<(), PipelineError>) -> Result<(), RunError> {
        match result {
            Ok(()) => Ok(()),
            Err(PipelineError::ClaimLost) => Err(RunError::Gone),
            Err(PipelineError::Store(error)) => Err(RunError::Store(error)),
            Err(PipelineError::Conflict(batches)) => {
                self.speculation.disable();
                self.target.room.forget();
                self.single_commits = SINGLE_COMMITS_AFTER_CONFLICT;
                // What was done on the next batch so far is told with that one.
                let next = (self.target.phases.take(), self.target.redo.take());
                for DecidedBatch { first, items, .. } in batches {
                    self.target.redo = Some(RedoCause::Conflict);
                    self.isolate(Part::whole(first, &items))?;
                }
                self.target.phases.put_back(next.0);
                self.target.redo = next.1;
                Ok(())
            }
        }
    }

    fn isolate(&mut self, part: Part<'_>) -> Result<(), RunError> {
        isolate(&mut self.decider, &mut self.target, &mut self.failures, part)
    }
}

/// Turns a component's failure into `None`: such a part is isolated.
fn unless_component_failed<T>(result: Result<T, DecideError>) -> Result<Option<T>, RunError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(DecideError::Component(_)) => Ok(None),
        Err(DecideError::Run(error)) => Err(error),
    }
}

fn count(items: &ItemList) -> u32 {
    u32::try_from(items.items.len()).unwrap_or(u32::MAX).max(1)
}
