//! Reading and compiling what a tenant or an operator brings. Both can take any amount of memory and time, so a server has
//! them done by a process of its own, which has limits.

mod child;
mod confinement;
mod process;
mod report;

use std::io::{self, Write};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

pub use self::child::CompilerTask;
pub use self::confinement::Confinement;
use self::report::Report;
use super::engine;
use super::error_text::describe;
use super::inspect::{Contents, ContentsError, read_contents};
use super::nesting::check_nesting;

/// Bytes of the compiled code of one component. A component with a JavaScript or Python interpreter has 35 MiB.
const MAX_CODE_BYTES: u64 = 512 << 20;

/// How long to wait for a compilation that has no deadline.
const UNLIMITED_WAIT: Duration = Duration::from_secs(600);

/// Where components are read and compiled.
#[derive(Debug, Clone, Copy)]
pub enum Compiler {
    /// In this process, without limits on memory and time: for components that are trusted, and for programs other than
    /// `bulkhead`.
    InProcess,
    /// In a process of its own, which is this program again with the command [`Compiler::COMMAND`].
    Apart(CompileLimits),
}

/// Limits of the process that compiles a component.
#[derive(Debug, Clone, Copy)]
pub struct CompileLimits {
    /// Bytes of memory.
    pub memory: u64,
    /// Time until the process is killed.
    pub timeout: Duration,
}

/// Why a component was not compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The bytes are not a component that the engine can compile.
    #[error("{0}")]
    Invalid(String),
    /// Compiling took too much memory.
    #[error("reading or compiling it takes more than {} MiB of memory", .0 >> 20)]
    OutOfMemory(u64),
    /// Compiling took too long.
    #[error("reading or compiling it takes more than {0} s")]
    OutOfTime(u64),
    /// The compiled code is too large.
    #[error("its compiled code has more than {} MiB", MAX_CODE_BYTES >> 20)]
    CodeTooLarge,
    /// Somebody killed the compiler: the kernel, if the machine runs out of memory.
    #[error("the compiler was killed, perhaps because the machine has too little memory")]
    Killed,
    /// The compiler ended early. The text is for the operator, bounded.
    #[error("the compiler ended early: {0}")]
    Crashed(String),
    /// The code could not be written where it is to be kept. The text is for the operator.
    #[error("its compiled code cannot be written: {0}")]
    NotWritten(String),
    /// The host could not compile anything now, which is not the component's fault. The text is for the operator.
    #[error("this server cannot compile it now: {0}")]
    Unavailable(String),
}

impl CompileError {
    /// Returns the error of a component that waited for too long while others were compiled.
    pub(super) fn busy() -> Self {
        Self::Unavailable(String::from("it compiles other components"))
    }

    /// Returns what to do, in a sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Invalid(_) => {
                "It must be a WebAssembly component for WASI 0.2, such as a build for wasm32-wasip2. If the reason names a limit, build it with fewer modules, memories or tables."
            }
            Self::OutOfMemory(_) => {
                "Build it smaller, such as optimised for size, or allow more memory with --compile-memory."
            }
            Self::OutOfTime(_) => {
                "Build it smaller, such as optimised for size, or allow more time with --compile-timeout."
            }
            Self::CodeTooLarge => "Build it smaller, such as optimised for size.",
            Self::Crashed(_) => {
                "Build it again, perhaps with other tools. If it is a good component, please report this."
            }
            Self::Killed => "Build it smaller, or compile it on a machine with more memory.",
            Self::NotWritten(_) | Self::Unavailable(_) => "Try again later.",
        }
    }

    /// Returns whether compiling the same bytes again soon would fail in the same way.
    pub fn would_fail_again(&self) -> bool {
        !matches!(self, Self::NotWritten(_) | Self::Unavailable(_))
    }
}

impl Compiler {
    /// The command of `bulkhead` that runs the process.
    pub const COMMAND: &str = "compile-component";

    /// Returns how long a compilation may take, and thus how long to wait for the one before.
    pub(super) fn timeout(&self) -> Duration {
        match self {
            Self::InProcess => UNLIMITED_WAIT,
            Self::Apart(limits) => limits.timeout,
        }
    }

    /// Reads what a component contains.
    pub(super) fn contents(&self, bytes: &[u8]) -> Result<Result<Contents, ContentsError>, CompileError> {
        match self {
            Self::InProcess => Ok(read_contents(bytes)),
            Self::Apart(limits) => match process::run(limits, CompilerTask::Inspect, bytes, &mut io::sink())? {
                Report::Contents(contents) => Ok(Ok(contents)),
                Report::Refused(refused) => Ok(Err(refused)),
                Report::Compiled { .. } | Report::Invalid(_) => Err(process::unexpected()),
            },
        }
    }

    /// Compiles a component for `engine` and writes its code to `code`.
    pub(super) fn compile(&self, engine: &Engine, bytes: &[u8], code: &mut impl Write) -> Result<(), CompileError> {
        match self {
            Self::InProcess => {
                let compiled = compile_here(engine, bytes).map_err(CompileError::Invalid)?;
                code.write_all(&compiled).map_err(|error| CompileError::NotWritten(error.to_string()))
            }
            Self::Apart(limits) => match process::run(limits, CompilerTask::Compile, bytes, code)? {
                Report::Compiled { engine: made_for, .. } if made_for == engine::fingerprint(engine) => Ok(()),
                Report::Compiled { .. } => {
                    Err(CompileError::Unavailable(String::from("the program was replaced while it ran; restart it")))
                }
                Report::Invalid(reason) => Err(CompileError::Invalid(reason)),
                Report::Contents(_) | Report::Refused(_) => Err(process::unexpected()),
            },
        }
    }
}

/// Compiles a component in this process.
fn compile_here(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, String> {
    check_nesting(bytes).map_err(|error| error.to_string())?;
    engine.precompile_component(bytes).map_err(|error| describe(&error))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
