//! A running component of either world: its wasmtime store, its limits, and the record of what it prints. After any
//! [`CallError`] it is dead.

use std::time::{Duration, Instant};

use wasmtime::{Store, Trap, UpdateDeadline};

use super::call_error::{CallError, GuestFailure};
use super::cancel::CancelFlag;
use super::computing;
use super::engine::Sandbox;
use super::error_text::{bounded, describe};
use super::failure_detail::failure_detail;
use super::interrupt::InterruptReason;
use super::limits::Limits;
use super::output::Output;
use super::processor_time::ProcessorTime;
use super::state::State;
use crate::metrics::{GuestCall, METRICS};

/// A running component with exports `E`.
pub(super) struct Guest<E> {
    store: Store<State>,
    exports: E,
    output: Output,
    limits: Limits,
    calls: u64,
    time: Duration,
    counted: CountedInstance,
}

/// An instance that the metrics count until this is dropped, however the instance ends.
#[derive(Debug)]
struct CountedInstance {
    /// The most memory that it had.
    memory: usize,
}

impl CountedInstance {
    fn begin() -> Self {
        METRICS.guests.instances.inc();
        Self { memory: 0 }
    }
}

impl Drop for CountedInstance {
    fn drop(&mut self) {
        METRICS.guests.instances.dec();
        METRICS.guests.ended(self.memory);
    }
}

/// What a component has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// How often it was called, starting it included.
    pub calls: u64,
    /// Time in those calls, with the copying in and out.
    pub time: Duration,
    /// The most bytes of memory that one of its instances had at a time, all memories together.
    pub memory: usize,
}

impl Usage {
    /// Adds what another instance of the same component used.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            time: self.time.saturating_add(other.time),
            memory: self.memory.max(other.memory),
        }
    }
}

impl<E> Guest<E> {
    /// Starts a component.
    pub(super) fn start(
        sandbox: &Sandbox,
        limits: &Limits,
        cancel: &CancelFlag,
        instantiate: impl FnOnce(&mut Store<State>) -> wasmtime::Result<E>,
    ) -> Result<Self, CallError> {
        let output = Output::new(limits.output);
        let mut store = Store::new(&sandbox.engine, State::new(&sandbox.memory, limits, &output, cancel));
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.reply);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            context.data().watch.check()?;
            Ok(UpdateDeadline::Continue(1))
        });
        let (started, computing) = (Instant::now(), ProcessorTime::start());
        let instantiated = instantiate(&mut store);
        let time = started.elapsed();
        computing::count(time, computing.elapsed());
        METRICS.guests.called(GuestCall::Start, time);
        match instantiated {
            Ok(exports) => {
                Ok(Self { store, exports, output, limits: *limits, calls: 1, time, counted: CountedInstance::begin() })
            }
            Err(error) => Err(call_error(&store, &output, &error)),
        }
    }

    /// Calls the component about a number of items, which decides how long the call may take.
    pub(super) fn call<T>(
        &mut self,
        items: usize,
        call: impl FnOnce(&E, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let time = self.limits.call_time + self.limits.item_time * u32::try_from(items).unwrap_or(u32::MAX);
        let watch = &mut self.store.data_mut().watch;
        watch.start_call(time, self.limits.lowers_priority);
        if watch.is_cancelled() {
            return Err(CallError::Cancelled);
        }
        self.store.data_mut().begin_call();
        self.store.set_epoch_deadline(1);
        let (started, computing) = (Instant::now(), ProcessorTime::start());
        let reply = call(&self.exports, &mut self.store);
        let time = started.elapsed();
        computing::count(time, computing.elapsed());
        METRICS.guests.called(GuestCall::Call, time);
        self.calls += 1;
        self.time += time;
        self.counted.memory = self.store.data().limiter.taken();
        reply.map_err(|error| call_error(&self.store, &self.output, &error))
    }

    /// Returns what the component has used so far.
    pub(super) fn usage(&self) -> Usage {
        Usage { calls: self.calls, time: self.time, memory: self.store.data().limiter.taken() }
    }

    /// Returns what the component has printed so far, bounded.
    pub(super) fn output(&self) -> String {
        self.output.text()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// Translates wasmtime's error. The order matters: a guest that got no memory traps like one that panicked.
fn call_error(store: &Store<State>, output: &Output, error: &wasmtime::Error) -> CallError {
    let interrupted = error.downcast_ref::<InterruptReason>();
    if interrupted == Some(&InterruptReason::Cancelled) {
        return CallError::Cancelled;
    }
    if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() || store.data().limiter.lacked_room() {
        return CallError::HostUnavailable(describe(error));
    }
    let failure = if interrupted.is_some() {
        GuestFailure::TimedOut
    } else if store.data().limiter.refused_memory() {
        GuestFailure::OutOfMemory
    } else if error.downcast_ref::<Trap>().is_none() && is_reply_too_large(error) {
        GuestFailure::ReplyTooLarge
    } else {
        GuestFailure::Trapped
    };
    CallError::Failed { failure, detail: failure_detail(error, &output.text()) }
}

/// Bytes of an error's text in which [`is_reply_too_large`] looks for wasmtime's words.
const MAX_SEARCHED_BYTES: usize = 256;

/// Returns whether a reply exceeded its limit, by wasmtime's words: wasmtime has no type for this error. A test fails when
/// wasmtime rewords the error.
fn is_reply_too_large(error: &wasmtime::Error) -> bool {
    error
        .chain()
        .any(|cause| bounded(cause, MAX_SEARCHED_BYTES).contains("fuel allocated for hostcalls has been exhausted"))
}
