//! Trying a component before a tenant depends on it: what it needs, whether it starts, and what it makes of a batch that
//! every component must cope with.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::call_error::CallError;
use super::cancel::CancelFlag;
use super::component::{ComponentError, Processor, Validator};
use super::engine::Sandbox;
use super::inspect::{Inspected, Refusal, inspect};
use super::limits::Limits;
use super::processor::ProcessorInstance;
use super::validator::{RequestContext, ValidatorInstance};
use crate::domain::{Operation, Timestamp, World};
use crate::tenants::Profile;

/// How long compiling may take; a JavaScript engine takes seven seconds.
const COMPILE_TIME: Duration = Duration::from_secs(120);
/// Items of which a client may send any.
const BATCH: [&str; 5] =
    [r#"{"email":"ada@example.com","firstname":"Ada"}"#, "{}", "7", "null", r#"{"email":["\ud800"]}"#];

/// A component that was tried and found good.
pub struct Probed {
    /// What it says of itself.
    pub inspected: Inspected,
    /// How long compiling took; next to nothing if it was compiled before.
    pub compiled_in: Duration,
}

/// A component of either world, compiled.
enum Loaded {
    Processor(Processor),
    Validator(Validator),
}

impl Sandbox {
    /// Tries a component, step by step, each in bounded time. Blocks for as long as compiling takes.
    ///
    /// # Errors
    /// The step that refused it, what was found there, and what to do.
    pub fn probe(&self, bytes: &[u8], limits: &Limits) -> Result<Probed, Refusal> {
        let inspected = inspect(bytes, self.contracts)?;
        check_needs(&inspected, limits)?;
        let started = std::time::Instant::now();
        let loaded = self.load_in_time(bytes, inspected.world)?;
        let compiled_in = started.elapsed();
        match &loaded {
            Loaded::Processor(processor) => self.try_processor(processor, limits)?,
            Loaded::Validator(validator) => self.try_validator(validator, limits)?,
        }
        Ok(Probed { inspected, compiled_in })
    }

    /// Compiling cannot be interrupted, so it has a thread of its own, which ends by itself.
    fn load_in_time(&self, bytes: &[u8], world: World) -> Result<Loaded, Refusal> {
        let (sender, receiver) = mpsc::channel();
        let (sandbox, bytes) = (self.clone(), bytes.to_vec());
        let compile = move || {
            let loaded = match world {
                World::Processor => sandbox.load_processor(&bytes).map(Loaded::Processor),
                World::Validator => sandbox.load_validator(&bytes).map(Loaded::Validator),
            };
            drop(sender.send(loaded));
        };
        thread::Builder::new()
            .name(String::from("compiler"))
            .spawn(compile)
            .map_err(|error| Refusal::new("compile", format!("There is no thread: {error}."), "Try again later."))?;
        match receiver.recv_timeout(COMPILE_TIME) {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(ComponentError::Compile { reason, .. })) => Err(Refusal::new(
                "compile",
                format!("It cannot be compiled: {reason}."),
                "Build it again, for WASI 0.2; if a limit is named, with fewer modules, memories or tables.",
            )),
            Ok(Err(ComponentError::Contract { world, reason, .. })) => Err(Refusal::new(
                "world",
                format!("It does not fit the world '{world}': {reason}."),
                "Generate its bindings from this server's version of the contract.",
            )),
            Err(_) => Err(Refusal::new(
                "compile",
                format!("Compiling it, and what came before it, takes more than {} s.", COMPILE_TIME.as_secs()),
                "Build it smaller, or optimised for size; or try again later, if this server is busy.",
            )),
        }
    }

    fn try_processor(&self, processor: &Processor, limits: &Limits) -> Result<(), Refusal> {
        let cancel = CancelFlag::default();
        let mut instance =
            ProcessorInstance::start(self, processor, limits, &cancel).map_err(|stop| not_started(&stop))?;
        let profile = empty_profile()?;
        let fields = instance.fields(&profile).map_err(|error| {
            Refusal::new(
                "batch",
                format!("It could not make the catalogue of an empty profile: {error}."),
                "Its function 'fields' must answer an empty list of entries with its own catalogue.",
            )
        })?;
        for operation in [Operation::Create, Operation::Replace, Operation::Update] {
            let items = BATCH.map(str::to_owned);
            let mut run = || {
                instance.open(operation, &profile, fields.clone(), Timestamp(0))?;
                instance.plan(&items)?;
                instance.decide(items.len(), &[], &[]).map(drop)
            };
            run().map_err(|stop| failed(&stop))?;
        }
        Ok(())
    }

    fn try_validator(&self, validator: &Validator, limits: &Limits) -> Result<(), Refusal> {
        let cancel = CancelFlag::default();
        let (profile, fields) = (empty_profile()?, super::processor::Fields::none());
        for operation in [Operation::Create, Operation::Replace, Operation::Update] {
            let request = RequestContext { operation, profile: &profile, fields: &fields, now: Timestamp(0) };
            let mut checker = ValidatorInstance::start(self, validator, limits, &cancel, &request)
                .map_err(|stop| not_started(&stop))?;
            checker.check(&BATCH.map(str::to_owned), &[]).map_err(|stop| failed(&stop))?;
        }
        Ok(())
    }
}

fn check_needs(inspected: &Inspected, limits: &Limits) -> Result<(), Refusal> {
    let &Inspected { memory, table, .. } = inspected;
    if memory > limits.memory as u64 {
        return Err(Refusal::new(
            "resources",
            format!("It wants {} MiB of memory from the start, and may have {}.", memory >> 20, limits.memory >> 20),
            "Lower its initial memory (a linker's setting).",
        ));
    }
    if table > limits.table_elements as u64 {
        return Err(Refusal::new(
            "resources",
            format!("It wants a table of {table} elements, and may have {}.", limits.table_elements),
            "Build it with fewer functions that are called indirectly.",
        ));
    }
    Ok(())
}

fn empty_profile() -> Result<Profile, Refusal> {
    Profile::parse("{}").map_err(|error| Refusal::new("batch", error.to_string(), "Report this."))
}

fn not_started(stop: &CallError) -> Refusal {
    Refusal::new("instantiate", format!("It does not start: {}", told(stop)), "Look at what runs when it starts.")
}

fn failed(stop: &CallError) -> Refusal {
    Refusal::new(
        "batch",
        format!("It failed on a batch of {}: {}", BATCH.join(" "), told(stop)),
        "A component must answer any JSON text that a client may send.",
    )
}

/// The end of a sentence; or lines, if the component printed some or was somewhere.
fn told(stop: &CallError) -> String {
    match stop {
        CallError::Cancelled => String::from("it was interrupted."),
        CallError::HostUnavailable(reason) => format!("this server has no room for it now ({reason})."),
        CallError::Failed { failure, detail } => {
            let detail = detail.trim();
            let end = if detail.contains('\n') { "" } else { "." };
            format!("{}; {detail}{end}", failure.as_str())
        }
    }
}
