//! The options of commands that compile components, and the hidden command that compiles one: a server starts it for itself.

use std::error::Error;
use std::time::Duration;

use bulkhead::sandbox::{CompileLimits, Compiler, CompilerTask, Confinement};
use clap::Args;

/// Limits of the process that reads and compiles a component.
#[derive(Debug, Args)]
pub(super) struct CompileLimitArgs {
    /// MiB of memory of the process that reads and compiles a component.
    #[arg(long, value_name = "MIB", env = "BULKHEAD_COMPILE_MEMORY", default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(128..=65_536))]
    compile_memory: u64,
    /// Seconds until that process is killed.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_COMPILE_TIMEOUT", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    compile_timeout: u64,
}

impl CompileLimitArgs {
    /// Returns the compiler with these limits, in a process of its own.
    pub(super) fn compiler(&self) -> Compiler {
        let timeout = Duration::from_secs(self.compile_timeout);
        Compiler::Apart(CompileLimits { memory: self.compile_memory << 20, timeout })
    }
}

/// Arguments of the hidden command.
#[derive(Debug, Args)]
pub(super) struct CompileArgs {
    /// What to do with the component on standard input.
    task: CompilerTask,
    /// The process that started this one.
    #[arg(long)]
    parent: u32,
    /// Bytes of memory.
    #[arg(long)]
    memory: u64,
    /// Seconds of computing.
    #[arg(long)]
    cpu_seconds: u64,
}

pub(super) fn run(args: &CompileArgs) -> Result<(), Box<dyn Error>> {
    let &CompileArgs { task, parent, memory, cpu_seconds } = args;
    task.run(&Confinement { parent, memory, cpu_seconds })?;
    Ok(())
}
