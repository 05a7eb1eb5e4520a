//! The engine and what is linked into every component.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::contract::Contract;
use super::limits::Limiter;
use super::ticker;

/// Parts of one component: a Rust component has 4 core instances, one from Python about 20.
const CORE_INSTANCES: u32 = 32;
const MEMORIES: u32 = 2;
const TABLES: u32 = 8;
/// The largest memory an instance may have whatever its limits say, in bytes.
const MAX_MEMORY: usize = 1 << 30;
/// Table elements of a module; a JavaScript component has 7,688.
const TABLE_ELEMENTS: usize = 20_000;

/// Where components are compiled and run.
#[derive(Clone)]
pub struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    pub(super) cache: Option<PathBuf>,
    pub(super) compiling: Arc<Mutex<()>>,
    pub(super) contracts: &'static [Contract],
}

/// The engine cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// By wasmtime's word.
    #[error("the WebAssembly engine cannot start on this machine: {0:#}")]
    Engine(wasmtime::Error),
    /// No thread for the clock.
    #[error("the WebAssembly engine's clock cannot start: {0}")]
    Ticker(std::io::Error),
}

/// What belongs to one instance.
pub(super) struct State {
    pub(super) wasi: WasiCtx,
    pub(super) table: ResourceTable,
    pub(super) limiter: Limiter,
    pub(super) watch: super::guest::Watch,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Sandbox {
    /// An engine with its clock, in which so many components can live at the same time. Compiled components are kept in the folder `cache`, which must be this user's alone:
    /// what is in it is run as machine code.
    ///
    /// # Errors
    /// If the machine lacks what wasmtime needs.
    pub fn new(cache: Option<PathBuf>, instances: u32) -> Result<Self, SandboxError> {
        let engine = Engine::new(&config(instances)).map_err(SandboxError::Engine)?;
        let linker = linker(&engine).map_err(SandboxError::Engine)?;
        ticker::start(engine.weak()).map_err(SandboxError::Ticker)?;
        Ok(Self { engine, linker, cache, compiling: Arc::default(), contracts: Contract::RELEASED })
    }

    /// The same, serving drafts of the contract beside what is released.
    #[must_use]
    pub fn with_drafts(self) -> Self {
        Self { contracts: Contract::ALL, ..self }
    }

    /// Makes every running guest look up now, and not at the next tick.
    pub fn bump_epoch(&self) {
        self.engine.increment_epoch();
    }
}

/// The one configuration: what is compiled under it can be loaded under it, and under no other.
fn config(instances: u32) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        // Each component may have all that one may have, so none can take another's.
        .total_core_instances(instances * CORE_INSTANCES)
        .total_memories(instances * MEMORIES)
        .total_tables(instances * TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(MAX_MEMORY)
        .max_unused_warm_slots(4);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .wasm_backtrace_max_frames(NonZeroUsize::new(16));
    config
}

/// WASI with nothing granted: no files, network, environment or arguments; see [`super::guest`] for the clocks and
/// the output.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    refuse_waiting(&mut linker)?;
    Ok(linker)
}

/// A guest that waits sits in a host call, where no epoch reaches it. There is nothing to wait for, so waiting is a trap.
fn refuse_waiting(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime::component::Resource;
    use wasmtime_wasi::p2::DynPollable;

    const REFUSAL: &str = "waiting (wasi:io/poll) is not granted";
    linker.allow_shadowing(true);
    let mut poll = linker.instance("wasi:io/poll@0.2.12")?;
    poll.func_wrap("[method]pollable.block", |_, (_,): (Resource<DynPollable>,)| -> wasmtime::Result<()> {
        Err(wasmtime::format_err!(REFUSAL))
    })?;
    poll.func_wrap("poll", |_, (_,): (Vec<Resource<DynPollable>>,)| -> wasmtime::Result<(Vec<u32>,)> {
        Err(wasmtime::format_err!(REFUSAL))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}
