//! The trial of a component before a tenant depends on it: what the component needs, whether it starts, and whether it
//! survives a batch that every component must cope with.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::call_error::CallError;
use super::cancel::CancelFlag;
use super::component::{ComponentError, Processor, Validator};
use super::engine::Sandbox;
use super::fields::Fields;
use super::inspect::{Inspected, Refusal, inspect};
use super::limits::Limits;
use super::processor::ProcessorInstance;
use super::request::RequestContext;
use super::validator::ValidatorInstance;
use crate::domain::{Operation, Timestamp, World};
use crate::tenants::Profile;

/// Time that compiling may take; a JavaScript engine takes seven seconds.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(120);
/// Items of kinds that any client may send.
const TRIAL_ITEMS: [&str; 5] =
    [r#"{"email":"ada@example.com","firstname":"Ada"}"#, "{}", "7", "null", r#"{"email":["\ud800"]}"#];

/// A component that passed its trial.
pub struct Probed {
    /// What the inspection found.
    pub inspected: Inspected,
    /// Time that compiling took; next to nothing if the component was compiled before.
    pub compiled_in: Duration,
}

/// A component of either world, compiled.
enum Loaded {
    Processor(Processor),
    Validator(Validator),
}

impl Sandbox {
    /// Tries a component in steps, each in bounded time. Blocks until compiling is done.
    ///
    /// # Errors
    /// The step that refused the component, what was found there, and what to do.
    pub fn probe(&self, bytes: &[u8], limits: &Limits) -> Result<Probed, Refusal> {
        let inspected = inspect(bytes, self.contracts)?;
        check_needs(&inspected, limits)?;
        let started = std::time::Instant::now();
        let loaded = self.load_within_timeout(bytes, inspected.world)?;
        let compiled_in = started.elapsed();
        match &loaded {
            Loaded::Processor(processor) => self.try_processor(processor, limits)?,
            Loaded::Validator(validator) => self.try_validator(validator, limits)?,
        }
        Ok(Probed { inspected, compiled_in })
    }

    /// Compiles a component on a separate thread, because compiling cannot be interrupted. After a timeout that thread goes on
    /// until compiling is done.
    fn load_within_timeout(&self, bytes: &[u8], world: World) -> Result<Loaded, Refusal> {
        let (sender, receiver) = mpsc::channel();
        let (sandbox, bytes) = (self.clone(), bytes.to_vec());
        let compile = move || {
            let loaded = match world {
                World::Processor => sandbox.load_processor(&bytes).map(Loaded::Processor),
                World::Validator => sandbox.load_validator(&bytes).map(Loaded::Validator),
            };
            drop(sender.send(loaded));
        };
        thread::Builder::new().name(String::from("compiler")).spawn(compile).map_err(|error| {
            Refusal::new("compile", format!("The server cannot start a thread: {error}."), "Try again later.")
        })?;
        match receiver.recv_timeout(COMPILE_TIMEOUT) {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(ComponentError::Compile { reason, .. })) => Err(Refusal::new(
                "compile",
                format!("The component cannot be compiled: {reason}."),
                "Build it again for WASI 0.2. If the reason names a limit, build it with fewer modules, memories or tables.",
            )),
            Ok(Err(ComponentError::Contract { world, reason, .. })) => Err(Refusal::new(
                "world",
                format!("The component does not implement the world '{world}': {reason}."),
                "Generate its bindings from this server's version of the contract.",
            )),
            Err(_) => Err(Refusal::new(
                "compile",
                format!(
                    "Compiling did not end within {} s, including the wait for other components.",
                    COMPILE_TIMEOUT.as_secs()
                ),
                "Build it smaller, such as optimised for size. If this server is busy, try again later.",
            )),
        }
    }

    fn try_processor(&self, processor: &Processor, limits: &Limits) -> Result<(), Refusal> {
        let cancel = CancelFlag::default();
        let mut instance =
            ProcessorInstance::start(self, processor, limits, &cancel).map_err(|error| not_started(&error))?;
        let profile = Profile::default();
        let fields = instance.fields(&profile).map_err(|error| {
            Refusal::new(
                "batch",
                format!("The component returned no catalogue for an empty profile: {error}."),
                "Its function 'fields' must return its own catalogue for an empty list of entries.",
            )
        })?;
        for operation in [Operation::Create, Operation::Replace, Operation::Update] {
            let items = TRIAL_ITEMS.map(str::to_owned);
            let context = RequestContext { operation, profile: &profile, fields: &fields, now: Timestamp(0) };
            let mut run = || {
                instance.open(&context)?;
                instance.plan(&items)?;
                instance.decide(items.len(), &[], &[]).map(drop)
            };
            run().map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    fn try_validator(&self, validator: &Validator, limits: &Limits) -> Result<(), Refusal> {
        let cancel = CancelFlag::default();
        let (profile, fields) = (Profile::default(), Fields::default());
        for operation in [Operation::Create, Operation::Replace, Operation::Update] {
            let context = RequestContext { operation, profile: &profile, fields: &fields, now: Timestamp(0) };
            let mut checker = ValidatorInstance::start(self, validator, limits, &cancel, &context)
                .map_err(|error| not_started(&error))?;
            checker.check(&TRIAL_ITEMS.map(str::to_owned), &[]).map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}

fn check_needs(inspected: &Inspected, limits: &Limits) -> Result<(), Refusal> {
    let &Inspected { memory, table, .. } = inspected;
    if memory > limits.memory as u64 {
        return Err(Refusal::new(
            "resources",
            format!(
                "The component needs {} MiB of memory from the start; its limit is {} MiB.",
                memory >> 20,
                limits.memory >> 20
            ),
            "Lower its initial memory, which is a setting of the linker.",
        ));
    }
    if table > limits.table_elements as u64 {
        return Err(Refusal::new(
            "resources",
            format!("The component needs a table of {table} elements; its limit is {}.", limits.table_elements),
            "Build it with fewer functions that are called indirectly.",
        ));
    }
    Ok(())
}

fn not_started(error: &CallError) -> Refusal {
    Refusal::new(
        "instantiate",
        format!("The component does not start: {}", reason(error)),
        "Check the code that runs when it starts.",
    )
}

fn failed(error: &CallError) -> Refusal {
    Refusal::new(
        "batch",
        format!("The component failed on a batch of {}: {}", TRIAL_ITEMS.join(" "), reason(error)),
        "A component must answer any JSON text that a client may send.",
    )
}

/// Returns the end of a sentence, and after it the lines of the backtrace and of what the component printed.
fn reason(error: &CallError) -> String {
    match error {
        CallError::Cancelled => String::from("it was interrupted."),
        CallError::HostUnavailable(reason) => format!("this server has no room for it now ({reason})."),
        CallError::Failed { failure, detail } => {
            let detail = detail.trim();
            let end = if detail.contains('\n') { "" } else { "." };
            format!("{}; {detail}{end}", failure.as_str())
        }
    }
}
