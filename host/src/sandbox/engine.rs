//! The wasmtime engine, and what every component is linked with.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::call_error::GuestFailure;
use super::compiler::Compiler;
use super::contracts::{self, Contract};
use super::guest_memory::GuestMemory;
use super::state::State;
use super::ticker;
use crate::metrics::METRICS;
use crate::plain_words::io_error;

/// Core instances of one component: a Rust component has 4, one from Python about 20.
const MAX_CORE_INSTANCES: u32 = 32;
/// Memories of one component.
const MAX_MEMORIES: u32 = 2;
/// Tables of one component.
const MAX_TABLES: u32 = 8;
/// Bytes of one memory, whatever the limits of its instance say.
const MAX_MEMORY_BYTES: usize = 1 << 30;
/// Elements of one table; a JavaScript component has 7,688.
const MAX_TABLE_ELEMENTS: usize = 20_000;
/// Slots of the instance pool that stay ready for reuse.
const MAX_WARM_SLOTS: u32 = 4;

/// The place where components are compiled and run. Clones share the engine.
#[derive(Clone)]
pub struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    pub(super) cache: Option<PathBuf>,
    pub(super) shared_cache: Option<PathBuf>,
    pub(super) memory: GuestMemory,
    pub(super) compiler: Compiler,
    /// Held while a component is read or compiled, because that takes all cores and much memory.
    pub(super) compiling: Arc<Mutex<()>>,
    pub(super) contracts: &'static [Contract],
}

/// How a sandbox is made.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// The folder that keeps compiled components, if there is one. Its files are run as machine code, so only this user may be
    /// able to write to it.
    pub cache: Option<PathBuf>,
    /// The folder that the programs of this user share, from which code is copied to `cache`, and to which it is copied. Only
    /// this user may be able to write to it.
    pub shared_cache: Option<PathBuf>,
    /// Components that live at a time, at most.
    pub instances: u32,
    /// Bytes of memory that all components take together, at most. A part is kept for each; a tenant's
    /// components get half of the rest at most.
    pub guest_memory: usize,
    /// Where components are compiled.
    pub compiler: Compiler,
}

/// Why the sandbox cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The machine lacks something that wasmtime needs.
    #[error("the WebAssembly engine cannot start on this machine: {0:#}")]
    Engine(wasmtime::Error),
    /// The operating system gives no thread for the ticker.
    #[error("the WebAssembly engine's clock cannot start: {}", io_error(.0))]
    Ticker(std::io::Error),
}

impl Sandbox {
    /// Makes an engine with its ticker.
    ///
    /// # Errors
    /// If the machine lacks what wasmtime needs.
    pub fn new(settings: SandboxSettings) -> Result<Self, SandboxError> {
        let SandboxSettings { cache, shared_cache, instances, guest_memory, compiler } = settings;
        METRICS.guests.expect_failures(GuestFailure::ALL.map(GuestFailure::as_str));
        let engine = Engine::new(&config(instances)).map_err(SandboxError::Engine)?;
        let linker = linker(&engine).map_err(SandboxError::Engine)?;
        ticker::start(engine.weak()).map_err(SandboxError::Ticker)?;
        let memory = GuestMemory::new(guest_memory, instances);
        let (compiling, contracts) = (Arc::default(), contracts::RELEASED);
        Ok(Self { engine, linker, cache, shared_cache, memory, compiler, compiling, contracts })
    }

    /// Serves drafts of the contract as well as released versions.
    #[must_use]
    pub fn with_drafts(self) -> Self {
        Self { contracts: contracts::WITH_DRAFTS, ..self }
    }

    /// Makes every running guest check its deadline and its cancel flag now, and not at the next tick.
    pub fn raise_engine_epoch(&self) {
        self.engine.increment_epoch();
    }
}

/// Returns an engine that compiles for the sandbox's engines and runs nothing, so that it sets no memory aside.
pub(super) fn for_compiling() -> wasmtime::Result<Engine> {
    Engine::new(&config_for_compiling())
}

/// Returns a number that is the same for engines that can load each other's compiled code.
pub(super) fn fingerprint(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Returns the part of the configuration that compiled code depends on.
fn config_for_compiling() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true).wasm_backtrace_max_frames(NonZeroUsize::new(16));
    config
}

/// Returns the configuration of an engine that runs `instances` components at a time.
fn config(instances: u32) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        // Enough for every component to have its maximum, so that none can take another's share.
        .total_core_instances(instances * MAX_CORE_INSTANCES)
        .total_memories(instances * MAX_MEMORIES)
        .total_tables(instances * MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_memory_size(MAX_MEMORY_BYTES)
        .max_unused_warm_slots(MAX_WARM_SLOTS);
    let mut config = config_for_compiling();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// Links WASI with nothing granted: no files, network, environment or arguments. See [`State`] for clocks and output.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    refuse_waiting(&mut linker)?;
    Ok(linker)
}

/// Makes waiting a trap. A waiting guest would be in a host call, where the engine epoch cannot interrupt it, and there is
/// nothing to wait for.
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

#[cfg(test)]
mod tests {
    use wasmtime::Engine;

    use super::{config, fingerprint, for_compiling};

    #[test]
    fn the_compiler_compiles_for_the_engine_that_runs() {
        let runs = Engine::new(&config(1)).unwrap();
        assert_eq!(fingerprint(&for_compiling().unwrap()), fingerprint(&runs));
    }
}
