//! A request's items on their way through the tenant's components: plan, look up, decide.

mod showing;
mod undoing;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
pub(in crate::jobs) use undoing::lookups_of;

use super::DeciderContext;
use super::assemble::assemble;
use super::breaker::{MAX_CONSECUTIVE_FAILURES, SUSPENSION_PAUSE};
use super::changes::Changes;
use super::component_usage::ComponentUsage;
use super::components::{ComponentCallError, ComponentStarter, RunningComponents, Tabulator};
use super::decide_request::DecideRequest;
use super::meter::{ItemFailure, Meter, TimeSpent};
use super::mode::objections_to;
use super::overlay::Overlay;
use super::part::Part;
use super::run_error::{DecideError, RunError};
use super::undo_images::UndoImages;
use super::undo_step::UndoStep;
use crate::domain::{Digest, Pinned, StoredContact};
use crate::jobs::host_watch::{HostWatch, Phase};
use crate::jobs::right_of_way::RightOfWay;
use crate::metrics::{BatchPhase, METRICS};
use crate::sandbox::{CallError, CancelFlag, GuestFailure, Limits, Objection, Outcome, Planned};
use crate::store::{BatchCommit, FailingComponent, StoreError};
use crate::traces::PhaseLog;

/// Calls into components in one step: showing the stored contacts, checking and deciding.
const MAX_CALLS_PER_STEP: u32 = 4;

/// A planned part.
#[derive(Debug)]
pub(in crate::jobs) struct Plan<'p> {
    part: Part<'p>,
    lookups: Planned,
    /// The validator's objections. Empty if the validator checks the items only when they are decided.
    objections: Vec<Objection>,
    /// The value of [`Decider::plans`] when this plan was made.
    number: u64,
    /// The items of an undo, with their images. Empty for all other requests.
    undo: Vec<UndoStep>,
}

impl Plan<'_> {
    /// Returns which stored contacts the items refer to.
    pub(in crate::jobs) fn lookups(&self) -> &Planned {
        &self.lookups
    }

    /// Returns which stored contacts the items refer to.
    pub(in crate::jobs) fn into_lookups(self) -> Planned {
        self.lookups
    }
}

/// Decides one request's items, part by part. Starts the tenant's components when they are needed, and again after one
/// failed.
pub(in crate::jobs) struct Decider<'a> {
    context: &'a DeciderContext,
    request: DecideRequest<'a>,
    starter: ComponentStarter<'a>,
    watch: HostWatch,
    components: Option<RunningComponents>,
    tabulator: Option<Tabulator>,
    /// How often a plan was made or decided. The processor holds one plan at a time: the last one, until it is decided.
    plans: u64,
    meter: Meter,
    /// What a dry run has decided so far.
    overlay: Option<Arc<Mutex<Overlay>>>,
    /// The images of the job that is undone, if the request undoes one.
    undo: Option<UndoImages>,
    /// Whether the processor failed to show what would change. Another failure with each batch would suspend it.
    has_failed_to_show: bool,
}

impl<'a> Decider<'a> {
    /// Returns a decider for a request on which `spent` was spent before. Raising `cancel` interrupts its components;
    /// `watch` has the marks of the thread.
    pub(in crate::jobs) fn new(
        context: &'a DeciderContext,
        request: DecideRequest<'a>,
        cancel: CancelFlag,
        watch: HostWatch,
        spent: TimeSpent,
    ) -> Self {
        // A worker that computes for long can be replaced; the thread of a call serves other calls next.
        let limits = Limits {
            tenant: Some(request.tenant),
            lowers_priority: request.job.is_some(),
            ..Limits::from(&request.limits)
        };
        let starter = ComponentStarter { loader: &context.components, request, limits, cancel };
        let meter = Meter::starting_at(spent);
        Self {
            context,
            request,
            starter,
            watch,
            components: None,
            tabulator: None,
            plans: 0,
            meter,
            overlay: None,
            undo: None,
            has_failed_to_show: false,
        }
    }

    /// Returns the decider of a dry run, which looks contacts up as its earlier batches would have left them.
    #[must_use]
    pub(in crate::jobs) fn over(self, overlay: Option<Arc<Mutex<Overlay>>>) -> Self {
        Self { overlay, ..self }
    }

    /// Returns the decider of a run that is traced: it notes the parts of the work on batches.
    #[must_use]
    pub(in crate::jobs) fn noting(mut self, phases: PhaseLog) -> Self {
        self.meter.note_phases(phases);
        self
    }

    /// Has the processor read a part's items, and the validator check them.
    ///
    /// # Errors
    /// If a component fails, cannot run, or the components' time for the request is used up.
    pub(in crate::jobs) fn plan<'p>(&mut self, part: Part<'p>) -> Result<Plan<'p>, DecideError> {
        self.meter.begin_attempt();
        if self.is_out_of_time() {
            let detail = String::from("the components' time for this job is used up");
            let error = CallError::Failed { failure: GuestFailure::TimedOut, detail };
            return Err(self.call_failed(ComponentCallError { component: self.request.pinned.processor, error }));
        }
        if self.undo.is_some() {
            return self.plan_undo(part);
        }
        // Not measured: it may include a compilation, which is the host's work.
        let mut components = self.take_components()?;
        let planned = {
            let _computing = self.watch.enter_for(Phase::Guest, self.time_for(part.items.len()));
            self.meter.time_guest(BatchPhase::Plan, || components.plan(part.items))
        };
        let (lookups, objections) = self.put_back(components, planned)?;
        self.plans += 1;
        Ok(Plan { part, lookups, objections, number: self.plans, undo: Vec::new() })
    }

    /// Looks contacts up. Returns `None` if they are too large to hold in memory. That is the component's fault, as if it had
    /// used the memory itself.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::jobs) fn find(&mut self, lookups: &Planned) -> Result<Option<Vec<StoredContact>>, StoreError> {
        let store = &self.context.store;
        let _reading = self.watch.enter(Phase::Read);
        let found = self.meter.time_finding(|| match &self.overlay {
            Some(overlay) => overlay.lock().find(lookups),
            None => store.find_contacts(self.request.tenant, &lookups.ids, &lookups.keys),
        });
        match found {
            Err(StoreError::ResultTooLarge(_)) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Decides a planned part, given the contacts that were found for it. Plans it again first if another part was planned
    /// since, if this one was decided before, or if a component has failed: the processor has forgotten the plan then.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub(in crate::jobs) fn decide(
        &mut self,
        plan: &Plan<'_>,
        found: &[StoredContact],
    ) -> Result<BatchCommit, DecideError> {
        if self.undo.is_some() {
            return self.decide_undo(plan, found);
        }
        let renewed;
        let plan = if plan.number == self.plans && self.components.is_some() {
            plan
        } else {
            renewed = self.plan(plan.part)?;
            &renewed
        };
        let mut outcomes = self.decide_with(plan, found, &[])?;
        let own = objections_to(self.request.mode, &outcomes);
        if !own.is_empty() {
            // The component itself refuses these items, so that the items after them are decided as if these were not there.
            let again = self.plan(plan.part)?;
            outcomes = self.decide_with(&again, found, &own)?;
            if !objections_to(self.request.mode, &outcomes).is_empty() {
                let detail = String::from("decide: an item is for another contact after other items were refused");
                let error = CallError::Failed { failure: GuestFailure::BrokeContract, detail };
                let component = self.request.pinned.processor;
                return Err(self.call_failed(ComponentCallError { component, error }));
            }
        }
        for component in self.pinned_components() {
            self.context.breaker.record_success(self.request.tenant, component);
        }
        let shows_changes = self.request.dry_run.is_some_and(|dry_run| dry_run.shows_changes);
        let changes = shows_changes.then(|| Changes::of(&outcomes, found));
        let mut commit = assemble(plan.part, outcomes, found, self.request.keeps_images);
        if let Some(changes) = changes {
            self.show_changes(&changes, &mut commit)?;
        }
        Ok(commit)
    }

    fn decide_with(
        &mut self,
        plan: &Plan<'_>,
        found: &[StoredContact],
        own: &[Objection],
    ) -> Result<Vec<Outcome>, DecideError> {
        let mut components = self.take_components()?;
        let outcomes = {
            let items = plan.part.items;
            let _computing = self.watch.enter_for(Phase::Guest, self.time_for(items.len().max(found.len())));
            self.meter.time_guest(BatchPhase::Decide, || components.decide(items, found, &plan.objections, own))
        };
        let outcomes = self.put_back(components, outcomes)?;
        self.plans += 1;
        Ok(outcomes)
    }

    /// Waits for the right of way to write the tenant's contacts. Returns `None` if other requests took too long.
    pub(super) fn take_right_of_way(&self) -> Option<RightOfWay<'a>> {
        let _waiting = self.watch.enter(Phase::Yield);
        self.context.rights_of_way.take(self.request.tenant)
    }

    /// Returns whether the components have used up the time that the tenant's limits allow for a job.
    pub(in crate::jobs) fn is_out_of_time(&self) -> bool {
        self.meter.spent().guest >= Duration::from_secs(self.request.limits.job_seconds)
    }

    /// Returns how a component failed last if one of them is suspended for the tenant.
    pub(super) fn suspended_after(&self) -> Option<GuestFailure> {
        let breaker = &self.context.breaker;
        self.pinned_components().find_map(|component| breaker.suspended_after(self.request.tenant, component))
    }

    /// Returns the time spent on the request so far.
    pub(in crate::jobs) fn spent(&self) -> TimeSpent {
        self.meter.spent()
    }

    /// Goes on from what was spent on the request, here and by others.
    pub(in crate::jobs) fn go_on_from(&mut self, spent: TimeSpent) {
        self.meter.go_on_from(spent);
    }

    /// Counts what another decider spent on the request.
    pub(in crate::jobs) fn add_spent(&mut self, spent: TimeSpent) {
        self.meter.go_on_from(self.meter.spent().and(spent));
    }

    /// Waits until another decider has decided `items` items of the request.
    pub(in crate::jobs) fn wait_for_another<T>(&self, items: usize, wait: impl FnOnce() -> T) -> T {
        let _computing = self.watch.enter_for(Phase::Guest, self.time_to_start() + self.time_for(items));
        wait()
    }

    /// Counts the time that `read` takes as time spent reading from the store.
    pub(in crate::jobs) fn time_reading<T>(&mut self, read: impl FnOnce() -> T) -> T {
        let _reading = self.watch.enter(Phase::Read);
        self.meter.time_reading(read)
    }

    /// Keeps how components fail on single items from now on, for whoever tries a component.
    pub(in crate::jobs) fn keep_failures(&mut self) {
        self.meter.keep_failures();
    }

    /// Takes how components failed on single items, in the order of the items.
    pub(in crate::jobs) fn take_failures(&mut self) -> Vec<ItemFailure> {
        self.meter.take_failures()
    }

    /// Says that the item at this place was alone in the latest attempt, and a component failed on it.
    pub(super) fn item_failed(&mut self, index: u32, failure: GuestFailure) {
        self.meter.add_failed_item(index, failure);
    }

    /// Takes what the components printed, and the details of starts that failed.
    pub(in crate::jobs) fn take_printed(&mut self) -> String {
        self.meter.take_printed(self.components.as_ref())
    }

    /// Returns what the components have used so far.
    pub(in crate::jobs) fn usage(&self) -> ComponentUsage {
        self.meter.usage(self.components.as_ref())
    }

    fn pinned_components(&self) -> impl Iterator<Item = Digest> + use<> {
        let Pinned { processor, validator } = self.request.pinned;
        [Some(processor), validator].into_iter().flatten()
    }

    fn take_components(&mut self) -> Result<RunningComponents, DecideError> {
        match self.components.take() {
            Some(components) => Ok(components),
            None => self.start_components().map_err(|failed| {
                if let CallError::Failed { detail, .. } = &failed.error {
                    self.meter.add_failed_start(detail);
                }
                self.call_failed(failed)
            }),
        }
    }

    fn start_components(&self) -> Result<RunningComponents, ComponentCallError> {
        let _starting = self.watch.enter_for(Phase::Start, self.time_to_start());
        self.starter.start()
    }

    /// Returns the time that components may take for one step about `items` items or contacts.
    fn time_for(&self, items: usize) -> Duration {
        let Limits { call_time, item_time, .. } = self.starter.limits;
        (call_time + item_time * u32::try_from(items).unwrap_or(u32::MAX)) * MAX_CALLS_PER_STEP
    }

    /// Returns the time that starting the components may take.
    fn time_to_start(&self) -> Duration {
        let ComponentStarter { loader, .. } = self.starter;
        let is_ready = loader.is_ready(self.request.pinned);
        self.time_for(0) + if is_ready { Duration::ZERO } else { loader.max_compile_time() }
    }

    /// Puts components back after a call, unless it failed.
    fn put_back<T>(
        &mut self,
        components: RunningComponents,
        result: Result<T, ComponentCallError>,
    ) -> Result<T, DecideError> {
        match result {
            Ok(value) => {
                self.components = Some(components);
                Ok(value)
            }
            Err(failed) => {
                self.meter.add_ended(&components);
                Err(self.call_failed(failed))
            }
        }
    }

    /// Tells the operators' endpoints that a component was suspended.
    fn tell_operators(&self, component: Digest, failure: GuestFailure) {
        let failing = FailingComponent {
            tenant: self.request.tenant,
            tenant_name: self.request.tenant_name,
            component,
            failure: failure.as_str(),
            failures: MAX_CONSECUTIVE_FAILURES,
            suspended_for: SUSPENSION_PAUSE,
        };
        let _writing = self.watch.enter(Phase::Commit);
        if let Err(error) = self.context.store.tell_of_failing_component(&failing) {
            tracing::warn!(event = "operators_not_told", %error, "operators' endpoints are not told of a failing component");
        }
    }

    /// Logs a failed call, and counts it against the component if the component is to blame.
    fn call_failed(&mut self, failed: ComponentCallError) -> DecideError {
        let DecideRequest { tenant, tenant_name, job, trace, .. } = self.request;
        let (job_id, job, trace_id) = (job, job.map(tracing::field::display), trace.map(tracing::field::display));
        let ComponentCallError { component, error } = failed;
        match error {
            CallError::Cancelled => DecideError::Run(RunError::Cancelled),
            CallError::HostUnavailable(reason) => {
                tracing::warn!(
                    event = "sandbox_full",
                    tenant = tenant_name,
                    job,
                    trace_id,
                    reason,
                    "cannot run a component now"
                );
                DecideError::Run(RunError::SandboxFull)
            }
            CallError::Failed { failure, detail } => {
                self.meter.add_failed_call(&detail);
                METRICS.guests.failed(failure.as_str());
                self.context.recent_failures.add(tenant_name, component, failure.as_str(), job_id);
                tracing::warn!(
                    event = "component_failed",
                    tenant = tenant_name,
                    job,
                    trace_id,
                    %component,
                    failure = failure.as_str(),
                    detail,
                    "component failed"
                );
                if self.context.breaker.record_failure(tenant, component, failure) {
                    METRICS.guests.suspended.inc();
                    tracing::warn!(
                        event = "component_suspended",
                        tenant = tenant_name,
                        %component,
                        seconds = SUSPENSION_PAUSE.as_secs(),
                        "component suspended for this tenant, as it keeps failing"
                    );
                    self.tell_operators(component, failure);
                }
                DecideError::Component(failure)
            }
        }
    }
}
