//! What belongs to one running component: WASI with nothing granted, its limits, and what can interrupt it.

use std::time::Duration;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::cancel::CancelFlag;
use super::guest_memory::GuestMemory;
use super::interrupt::InterruptWatch;
use super::limits::{Limiter, Limits};
use super::output::Output;

/// Bytes of one answer to a guest that asks for random bytes.
const MAX_RANDOM_BYTES: u64 = 4 << 10;
/// WASI resources that one guest can hold at a time.
const MAX_RESOURCES: usize = 256;
/// The seed that every guest gets.
const RANDOM_SEED: u128 = 0x5eed;

/// The host's data in the store of one guest.
pub(super) struct State {
    wasi: WasiCtx,
    output: Output,
    table: ResourceTable,
    pub(super) limiter: Limiter,
    pub(super) watch: InterruptWatch,
}

impl State {
    pub(super) fn new(memory: &GuestMemory, limits: &Limits, output: &Output, cancel: &CancelFlag) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Self {
            wasi: wasi(output),
            output: output.clone(),
            table,
            limiter: Limiter::new(limits, memory.share(limits.tenant)),
            watch: InterruptWatch::new(limits, cancel),
        }
    }

    /// Begins a call: random numbers start again. So what a guest makes of a batch does not depend on which batches its instance had
    /// before, nor on which instance has the batch.
    pub(super) fn begin_call(&mut self) {
        self.wasi = wasi(&self.output);
    }
}

fn wasi(output: &Output) -> WasiCtx {
    WasiCtx::builder()
        .stdout(output.clone())
        .stderr(output.clone())
        .wall_clock(FixedClock)
        .monotonic_clock(FixedClock)
        .secure_random(fixed_random())
        .insecure_random(fixed_random())
        .insecure_random_seed(RANDOM_SEED)
        .max_random_size(MAX_RANDOM_BYTES)
        .build()
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Returns the same numbers in each call. A guest keeps no secrets, so it needs no numbers that cannot be guessed.
fn fixed_random() -> Deterministic {
    Deterministic::new((0..=250_u8).map(|n| n.wrapping_mul(167).wrapping_add(13)).collect())
}

/// A clock that stands still, so that a guest's decisions depend on its input alone.
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
