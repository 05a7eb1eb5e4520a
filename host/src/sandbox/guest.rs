//! What every running component has: a store of its own, limits, a way to be interrupted, and a record of what it prints.
//! After any [`CallError`] it is dead.

use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

use super::call_error::{CallError, GuestFailure, InterruptReason};
use super::cancel::CancelFlag;
use super::engine::{Sandbox, State};
use super::error_text::{bounded, describe};
use super::limits::{Limiter, Limits};
use super::output::Output;
use super::priority;

/// A running component with exports `E`.
pub(super) struct Guest<E> {
    store: Store<State>,
    exports: E,
    output: Output,
    limits: Limits,
    calls: u64,
    time: Duration,
}

/// What a component has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// How often it was called, starting it included.
    pub calls: u64,
    /// Time in those calls, with the copying in and out.
    pub time: Duration,
    /// The most bytes of memory that one instance of it had at a time, all its memories together.
    pub memory: usize,
}

impl Usage {
    /// This and what another instance of the same component used.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            time: self.time.saturating_add(other.time),
            memory: self.memory.max(other.memory),
        }
    }
}

/// What the interrupt callback looks at.
pub(super) struct Watch {
    deadline: Instant,
    /// When the thread gives way to all others, if it ever does.
    lowers_priority_at: Option<Instant>,
    cancel: CancelFlag,
}

/// Bytes that a guest may ask for at a time, where it asks for random ones.
const RANDOM_BYTES: u64 = 4 << 10;
/// What stands in for chance.
const SEED: u128 = 0x5eed;

/// Numbers that are the same each time. A guest needs none that cannot be guessed: it keeps no secrets.
fn dice() -> Deterministic {
    Deterministic::new((0..=250_u8).map(|n| n.wrapping_mul(167).wrapping_add(13)).collect())
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

impl<E> Guest<E> {
    /// Starts a component.
    pub(super) fn start(
        sandbox: &Sandbox,
        limits: &Limits,
        cancel: &CancelFlag,
        instantiate: impl FnOnce(&mut Store<State>) -> wasmtime::Result<E>,
    ) -> Result<Self, CallError> {
        let output = Output::new(limits.output);
        let mut store = Store::new(&sandbox.engine, state(limits, &output, cancel));
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.reply);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            let watch = &context.data().watch;
            let now = Instant::now();
            if watch.cancel.is_raised() {
                return Err(InterruptReason::Cancelled.into());
            }
            if now >= watch.deadline {
                return Err(InterruptReason::OutOfTime.into());
            }
            if watch.lowers_priority_at.is_some_and(|at| now >= at) {
                priority::lower_priority();
            }
            Ok(UpdateDeadline::Continue(1))
        });
        let started = Instant::now();
        match instantiate(&mut store) {
            Ok(exports) => Ok(Self { store, exports, output, limits: *limits, calls: 1, time: started.elapsed() }),
            Err(error) => Err(stop(&store, &output, &error)),
        }
    }

    /// Calls it about a number of items, which decides how long it may take.
    pub(super) fn call<T>(
        &mut self,
        items: usize,
        call: impl FnOnce(&E, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let time = self.limits.call_time + self.limits.item_time * u32::try_from(items).unwrap_or(u32::MAX);
        let watch = &mut self.store.data_mut().watch;
        let now = Instant::now();
        watch.deadline = now + time;
        watch.lowers_priority_at = self.limits.lowers_priority.then(|| now + priority::LONG_CALL);
        if watch.cancel.is_raised() {
            return Err(CallError::Cancelled);
        }
        self.store.set_epoch_deadline(1);
        let started = Instant::now();
        let answer = call(&self.exports, &mut self.store);
        self.calls += 1;
        self.time += started.elapsed();
        answer.map_err(|error| stop(&self.store, &self.output, &error))
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Usage {
        Usage { calls: self.calls, time: self.time, memory: self.store.data().limiter.taken() }
    }

    /// What it printed so far, bounded.
    pub(super) fn output(&self) -> String {
        self.output.text()
    }

    pub(super) fn exports(&self) -> &E {
        &self.exports
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }
}

fn state(limits: &Limits, output: &Output, cancel: &CancelFlag) -> State {
    let wasi = WasiCtx::builder()
        .stdout(output.clone())
        .stderr(output.clone())
        .wall_clock(FixedClock)
        .monotonic_clock(FixedClock)
        .secure_random(dice())
        .insecure_random(dice())
        .insecure_random_seed(SEED)
        .max_random_size(RANDOM_BYTES)
        .build();
    let mut table = ResourceTable::new();
    table.set_max_capacity(256);
    State {
        wasi,
        table,
        limiter: Limiter::new(limits),
        watch: Watch { deadline: Instant::now() + limits.call_time, lowers_priority_at: None, cancel: cancel.clone() },
    }
}

/// What wasmtime's error means. The order matters: a guest that got no memory traps like one that panicked.
fn stop(store: &Store<State>, output: &Output, error: &wasmtime::Error) -> CallError {
    if error.downcast_ref::<InterruptReason>() == Some(&InterruptReason::Cancelled) {
        return CallError::Cancelled;
    }
    if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
        return CallError::HostUnavailable(describe(error));
    }
    let failure = if error.downcast_ref::<InterruptReason>().is_some() {
        GuestFailure::TimedOut
    } else if store.data().limiter.refused_memory() {
        GuestFailure::OutOfMemory
    } else if error.downcast_ref::<Trap>().is_none() && reply_too_large(error) {
        GuestFailure::ReplyTooLarge
    } else {
        GuestFailure::Trapped
    };
    let mut detail = describe(error);
    let printed = output.text();
    if !printed.is_empty() {
        detail.push_str("\nthe guest printed:\n");
        detail.push_str(&printed);
    }
    CallError::Failed { failure, detail }
}

/// Bytes of an error in which the words about a reply's size are looked for.
const REPLY_ERROR_BYTES: usize = 256;

/// wasmtime has no type for this one; a test fails when it rewords it.
fn reply_too_large(error: &wasmtime::Error) -> bool {
    error
        .chain()
        .any(|cause| bounded(cause, REPLY_ERROR_BYTES).contains("fuel allocated for hostcalls has been exhausted"))
}
