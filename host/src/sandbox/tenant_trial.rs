//! The trial of a tenant's components together, with its profile and its limits, before the tenant depends on them.

use std::collections::BTreeMap;

use super::call_error::{CallError, GuestFailure};
use super::cancel::CancelFlag;
use super::component::{Processor, Validator};
use super::engine::Sandbox;
use super::fields::{Fields, FieldsError};
use super::limits::Limits;
use super::probe::{TRIAL_ITEMS, reason};
use super::processor::ProcessorInstance;
use super::request::RequestContext;
use super::validator::ValidatorInstance;
use crate::domain::{Operation, Timestamp, World};
use crate::tenants::Profile;

/// How often a trial is made until a component counts as too slow: the machine may have been busy with something else.
const MAX_ATTEMPTS: u32 = 3;
/// Fields that the trial fills.
const MAX_FILLED_FIELDS: usize = 1_000;

/// What a tenant is to have.
pub struct TenantTrial<'a> {
    /// The processor.
    pub processor: &'a Processor,
    /// The validator, if there is to be one.
    pub validator: Option<&'a Validator>,
    /// The profile.
    pub profile: &'a Profile,
    /// The limits of each component.
    pub limits: Limits,
}

/// Why a tenant's components cannot work together with its profile and its limits.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The processor finds flaws in the profile. One line for each, with its path.
    #[error("{}", .0.join("\n"))]
    Profile(Vec<String>),
    /// A component fails.
    #[error("with this profile and these limits, the {} {what}: {reason}{}{}", world.as_str(), gap(reason), advice(*failure))]
    Component {
        /// Which component.
        world: World,
        /// What the component does, such as `does not start`.
        what: &'static str,
        /// How it failed.
        failure: GuestFailure,
        /// How it failed and what it printed: the end of a sentence, and lines behind it.
        reason: String,
    },
    /// This machine has no room for the trial now.
    #[error("the components cannot be tried now: {0}")]
    NoRoom(String),
}

/// Returns an empty line behind what a component printed, so that the advice does not look like a part of it.
fn gap(reason: &str) -> &'static str {
    if reason.contains('\n') { "\n\n" } else { " " }
}

fn advice(failure: GuestFailure) -> &'static str {
    match failure {
        GuestFailure::OutOfMemory => "Raise the limit 'memoryMiB', or build the component smaller.",
        GuestFailure::TimedOut => "Raise the limits 'callMillis' and 'itemMillis', or make the component faster.",
        GuestFailure::ReplyTooLarge => "Raise the limit 'replyMiB', or make the component's replies smaller.",
        GuestFailure::Trapped | GuestFailure::BrokeContract => {
            "Compare the profile, above all its 'settings', with what the component expects."
        }
    }
}

impl Sandbox {
    /// Has a processor read a profile.
    ///
    /// # Errors
    /// If the profile has flaws, the processor fails, or there is no room for it now.
    pub fn check_profile(&self, processor: &Processor, profile: &Profile, limits: &Limits) -> Result<(), TrialError> {
        read_profile(self, processor, profile, limits, &CancelFlag::default()).map(drop)
    }

    /// Has a tenant's components decide on a few items, with every operation. Nothing is stored. Takes a few calls into each
    /// component, each within the limits.
    ///
    /// # Errors
    /// If a component cannot work with the profile under the limits, or there is no room for it now.
    pub fn try_tenant(&self, trial: &TenantTrial<'_>) -> Result<(), TrialError> {
        let mut attempts = 1;
        loop {
            match trial.attempt(self) {
                Err(TrialError::Component { failure: GuestFailure::TimedOut, .. }) if attempts < MAX_ATTEMPTS => {
                    attempts += 1;
                }
                tried => return tried,
            }
        }
    }
}

impl TenantTrial<'_> {
    fn attempt(&self, sandbox: &Sandbox) -> Result<(), TrialError> {
        let cancel = CancelFlag::default();
        let (mut processor, fields) = read_profile(sandbox, self.processor, self.profile, &self.limits, &cancel)?;
        let items = items(&fields);
        for operation in [Operation::Create, Operation::Replace, Operation::Update] {
            let context = RequestContext { operation, profile: self.profile, fields: &fields, now: Timestamp(0) };
            let objections = match self.validator {
                None => Vec::new(),
                Some(validator) => {
                    let started = ValidatorInstance::start(sandbox, validator, &self.limits, &cancel, &context);
                    let mut checker = started.map_err(|error| failed(World::Validator, "does not start", error))?;
                    checker.check(&items, &[]).map_err(|error| failed(World::Validator, "fails on contacts", error))?
                }
            };
            processor
                .open(&context)
                .and_then(|()| processor.plan(&items))
                .and_then(|_| processor.decide(items.len(), &[], &objections))
                .map_err(|error| failed(World::Processor, "fails on contacts", error))?;
        }
        Ok(())
    }
}

/// Starts a processor and has it read a profile.
fn read_profile(
    sandbox: &Sandbox,
    processor: &Processor,
    profile: &Profile,
    limits: &Limits,
    cancel: &CancelFlag,
) -> Result<(ProcessorInstance, Fields), TrialError> {
    let mut instance = ProcessorInstance::start(sandbox, processor, limits, cancel)
        .map_err(|error| failed(World::Processor, "does not start", error))?;
    let fields = instance.fields(profile).map_err(|error| match error {
        FieldsError::Profile(flaws) => TrialError::Profile(flaws),
        FieldsError::Call(error) => failed(World::Processor, "fails on the profile", error),
    })?;
    Ok((instance, fields))
}

/// Returns items that any client may send, and one with a text in each field.
fn items(fields: &Fields) -> Vec<String> {
    let filled: BTreeMap<&str, &str> = fields.aliases().take(MAX_FILLED_FIELDS).map(|alias| (alias, "1")).collect();
    let filled = serde_json::to_string(&filled).unwrap_or_default();
    TRIAL_ITEMS.map(str::to_owned).into_iter().chain([filled]).collect()
}

fn failed(world: World, what: &'static str, error: CallError) -> TrialError {
    match &error {
        CallError::Failed { failure, .. } => {
            TrialError::Component { world, what, failure: *failure, reason: reason(&error) }
        }
        CallError::Cancelled => TrialError::NoRoom(String::from("the trial was interrupted")),
        CallError::HostUnavailable(why) => TrialError::NoRoom(why.clone()),
    }
}
