//! One instance of a component, serving one job or one interactive request. After any [`Stop`] it is dead.

use std::time::{Duration, Instant};

use wasmtime::component::{ResourceAny, ResourceTable};
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

use super::bindings::Processor;
use super::bindings::bulkhead::contacts::types as wit;
use super::component::Component;
use super::convert;
use super::engine::{Sandbox, State};
use super::limits::{Limiter, Limits};
use super::output::Output;
use super::stop::{Cancel, Failure, Interrupt, Stop};
use super::verdict::{self, Item};
use crate::domain::{ContactId, Operation, StoredContact, Timestamp, UniqueKey};
use crate::tenants::Profile;

/// A running component.
pub struct Instance {
    store: Store<State>,
    exports: Processor,
    session: Option<ResourceAny>,
    output: Output,
    limits: Limits,
}

/// What the interrupt callback looks at.
pub(super) struct Watch {
    deadline: Instant,
    cancel: Cancel,
}

/// The stored contacts that planned items refer to, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// By id.
    pub ids: Vec<ContactId>,
    /// By the value of a unique field.
    pub keys: Vec<UniqueKey>,
}

/// Why a component gave no field list.
#[derive(Debug, thiserror::Error)]
pub enum FieldsError {
    /// The profile is at fault; one line for each flaw, with its path.
    #[error("{}", .0.join("\n"))]
    Profile(Vec<String>),
    /// The component is.
    #[error("the component could not read the profile: {0:?}")]
    Stopped(Stop),
}

impl From<Stop> for FieldsError {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// Time stands still in a guest: what it decides depends on its input alone.
struct FixedClock;

impl HostWallClock for FixedClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for FixedClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

impl Instance {
    /// Starts a component.
    ///
    /// # Errors
    /// [`Stop`] if it cannot start within its limits, or the host has no room for it.
    pub fn start(sandbox: &Sandbox, component: &Component, cancel: &Cancel) -> Result<Self, Stop> {
        let limits = &sandbox.limits;
        let output = Output::new(limits.output);
        let mut store = Store::new(&sandbox.engine, state(limits, &output, cancel));
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.reply);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            let watch = &context.data().watch;
            if watch.cancel.is_raised() {
                Err(Interrupt::Cancelled.into())
            } else if Instant::now() >= watch.deadline {
                Err(Interrupt::OutOfTime.into())
            } else {
                Ok(UpdateDeadline::Continue(1))
            }
        });
        match component.pre.instantiate(&mut store) {
            Ok(exports) => Ok(Self { store, exports, session: None, output, limits: *limits }),
            Err(error) => Err(stop(&store, &output, &error)),
        }
    }

    /// The tenant's complete field list.
    ///
    /// # Errors
    /// If the profile has flaws, or the component fails.
    pub fn fields(&mut self, profile: &Profile) -> Result<Fields, FieldsError> {
        let entries: Vec<_> = profile.fields.iter().map(convert::entry).collect();
        let answer = self.call(profile.fields.len(), |exports, store| {
            exports.bulkhead_contacts_batch().call_fields(store, &entries)
        })?;
        answer.map(Fields).map_err(|flaws| {
            FieldsError::Profile(
                flaws
                    .into_iter()
                    .map(|flaw| format!("fields[{}].{}: {}", flaw.entry, flaw.member, flaw.message))
                    .collect(),
            )
        })
    }

    /// Opens a session; the one before it, if any, is closed.
    ///
    /// # Errors
    /// [`Stop`] if the component fails.
    pub fn open(
        &mut self,
        operation: Operation,
        profile: &Profile,
        fields: Fields,
        now: Timestamp,
    ) -> Result<(), Stop> {
        let profile = convert::profile(profile, fields.0, now.to_rfc3339());
        let session = self.call(0, |exports, store| {
            exports.bulkhead_contacts_batch().session().call_constructor(store, convert::operation(operation), &profile)
        })?;
        if let Some(previous) = self.session.replace(session) {
            self.call(0, |_, store| previous.resource_drop(store))?;
        }
        Ok(())
    }

    /// Reads items and says which stored contacts they refer to.
    ///
    /// # Errors
    /// [`Stop`] if the component fails.
    pub fn plan(&mut self, items: &[String]) -> Result<Planned, Stop> {
        let session = self.session()?;
        let keys = self.call(items.len(), |exports, store| {
            exports.bulkhead_contacts_batch().session().call_plan(store, session, items)
        })?;
        verdict::planned(items.len(), keys).map_err(Stop::broke_contract)
    }

    /// What becomes of the `count` items that were planned last, given the stored contacts they refer to.
    ///
    /// # Errors
    /// [`Stop`] if the component fails, or its answer breaks the contract.
    pub fn decide(&mut self, count: usize, found: &[StoredContact]) -> Result<Vec<Item>, Stop> {
        let session = self.session()?;
        let stored: Vec<_> = found.iter().map(to_stored).collect();
        let outcomes = self.call(count, |exports, store| {
            exports.bulkhead_contacts_batch().session().call_decide(store, session, &stored, &[])
        })?;
        verdict::checked(count, found, outcomes).map_err(Stop::broke_contract)
    }

    /// Contacts as a client sees them, in order; each a JSON object.
    ///
    /// # Errors
    /// [`Stop`] if the component fails, or its answer breaks the contract.
    pub fn present(
        &mut self,
        profile: &Profile,
        fields: Fields,
        now: Timestamp,
        contacts: &[StoredContact],
    ) -> Result<Vec<String>, Stop> {
        let profile = convert::profile(profile, fields.0, now.to_rfc3339());
        let stored: Vec<_> = contacts.iter().map(to_stored).collect();
        let objects = self.call(contacts.len(), |exports, store| {
            exports.bulkhead_contacts_batch().call_present(store, &profile, &stored)
        })?;
        verdict::presented(contacts.len(), objects).map_err(Stop::broke_contract)
    }

    /// What the guest printed so far, bounded.
    pub fn output(&self) -> String {
        self.output.text()
    }

    fn session(&self) -> Result<ResourceAny, Stop> {
        self.session.ok_or_else(|| Stop::Host(String::from("no session was opened")))
    }

    fn call<T>(
        &mut self,
        items: usize,
        call: impl FnOnce(&Processor, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Stop> {
        let time = self.limits.call_time + self.limits.item_time * u32::try_from(items).unwrap_or(u32::MAX);
        let deadline = Instant::now() + time;
        let watch = &mut self.store.data_mut().watch;
        watch.deadline = deadline;
        if watch.cancel.is_raised() {
            return Err(Stop::Cancelled);
        }
        self.store.set_epoch_deadline(1);
        call(&self.exports, &mut self.store).map_err(|error| stop(&self.store, &self.output, &error))
    }
}

/// A component's own catalogue with a profile's entries applied.
#[derive(Debug, Clone)]
pub struct Fields(Vec<wit::Field>);

fn to_stored(contact: &StoredContact) -> wit::Stored {
    wit::Stored { id: contact.id.0, document: contact.document.clone() }
}

fn state(limits: &Limits, output: &Output, cancel: &Cancel) -> State {
    let wasi = WasiCtx::builder()
        .stdout(output.clone())
        .stderr(output.clone())
        .wall_clock(FixedClock)
        .monotonic_clock(FixedClock)
        .max_random_size(4 << 10)
        .build();
    let mut table = ResourceTable::new();
    table.set_max_capacity(256);
    State {
        wasi,
        table,
        limiter: Limiter::new(limits),
        watch: Watch { deadline: Instant::now() + limits.call_time, cancel: cancel.clone() },
    }
}

/// What wasmtime's error means. The order matters: a guest that got no memory traps like one that panicked.
fn stop(store: &Store<State>, output: &Output, error: &wasmtime::Error) -> Stop {
    if error.downcast_ref::<Interrupt>() == Some(&Interrupt::Cancelled) {
        return Stop::Cancelled;
    }
    if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
        return Stop::Host(format!("{error:#}"));
    }
    let failure = if error.downcast_ref::<Interrupt>().is_some() {
        Failure::TimedOut
    } else if store.data().limiter.refused_memory() {
        Failure::OutOfMemory
    } else if error.downcast_ref::<Trap>().is_none() && reply_too_large(error) {
        Failure::ReplyTooLarge
    } else {
        Failure::Trapped
    };
    let printed = output.text();
    let detail =
        if printed.is_empty() { format!("{error:?}") } else { format!("{error:?}\nthe guest printed:\n{printed}") };
    Stop::Failed { failure, detail }
}

/// wasmtime has no type for this one; a test fails when it rewords it.
fn reply_too_large(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| cause.to_string().contains("fuel allocated for hostcalls has been exhausted"))
}
