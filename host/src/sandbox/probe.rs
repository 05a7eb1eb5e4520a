//! The trial of a component before a tenant depends on it: what the component needs, whether it starts, and whether it
//! survives a batch that every component must cope with.

use std::time::{Duration, Instant};

use super::call_error::CallError;
use super::cancel::CancelFlag;
use super::compiler::CompileError;
use super::component::{ComponentError, Processor, Validator};
use super::engine::Sandbox;
use super::fields::Fields;
use super::inspect::{Inspected, Refusal, check_kind, judge};
use super::limits::Limits;
use super::processor::ProcessorInstance;
use super::request::RequestContext;
use super::validator::ValidatorInstance;
use crate::domain::{Operation, Timestamp, World};
use crate::tenants::Profile;

/// A contact that most tenants would take, the first of the [`TRIAL_ITEMS`].
pub(super) const SAMPLE: &str = r#"{"email":"ada@example.com","firstname":"Ada"}"#;
/// Items of kinds that any client may send.
pub(super) const TRIAL_ITEMS: [&str; 5] = [SAMPLE, "{}", "7", "null", r#"{"email":["\ud800"]}"#];

/// A component that passed its trial.
pub struct Probed {
    /// What the inspection found.
    pub inspected: Inspected,
    /// Time that compiling took; next to nothing if the component was compiled before.
    pub compiled_in: Duration,
}

impl Sandbox {
    /// Tries a component in steps, each in bounded time. Blocks until compiling is done.
    ///
    /// # Errors
    /// The step that refused the component, what was found there, and what to do.
    pub fn probe(&self, bytes: &[u8], limits: &Limits) -> Result<Probed, Refusal> {
        let inspected = self.inspect(bytes)?;
        check_needs(&inspected, limits)?;
        let started = Instant::now();
        let compiled_in;
        match inspected.world {
            World::Processor => {
                let processor = self.load_processor(bytes).map_err(not_loaded)?;
                compiled_in = started.elapsed();
                self.try_processor(&processor, limits)?;
            }
            World::Validator => {
                let validator = self.load_validator(bytes).map_err(not_loaded)?;
                compiled_in = started.elapsed();
                self.try_validator(&validator, limits)?;
            }
        }
        Ok(Probed { inspected, compiled_in })
    }

    fn inspect(&self, bytes: &[u8]) -> Result<Inspected, Refusal> {
        check_kind(bytes)?;
        let contents = self.turn_to_compile().and_then(|_turn| self.compiler.contents(bytes));
        judge(contents.map_err(|error| not_compiled(&error))??, self.contracts)
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

fn not_loaded(error: ComponentError) -> Refusal {
    match error {
        ComponentError::Compile { error, .. } => not_compiled(&error),
        ComponentError::Contract { world, reason, .. } => Refusal::new(
            "world",
            format!("The component does not implement the world '{world}': {reason}."),
            "Generate its bindings from this server's version of the contract.",
        ),
    }
}

fn not_compiled(error: &CompileError) -> Refusal {
    Refusal::new("compile", format!("The component cannot be compiled: {error}."), error.advice())
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
pub(super) fn reason(error: &CallError) -> String {
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
