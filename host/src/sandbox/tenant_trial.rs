//! The trial of a tenant's components together, with its profile and its limits, before the tenant depends on them.

use std::collections::BTreeMap;

use super::call_error::{CallError, GuestFailure};
use super::cancel::CancelFlag;
use super::component::{Processor, Validator};
use super::engine::Sandbox;
use super::error_text::{bounded, one_line};
use super::fields::{Fields, FieldsError};
use super::limits::Limits;
use super::objection::Objection;
use super::probe::{SAMPLE, TRIAL_ITEMS, reason};
use super::processor::ProcessorInstance;
use super::reply::{Decision, Outcome};
use super::request::RequestContext;
use super::validator::ValidatorInstance;
use crate::domain::{ItemError, Operation, Timestamp, World};
use crate::tenants::Profile;

/// How often a trial is made until a component counts as too slow: the machine may have been busy with something else.
const MAX_ATTEMPTS: u32 = 3;
/// Fields that the trial fills.
const MAX_FILLED_FIELDS: usize = 1_000;
/// The place of the sample among the items.
const SAMPLE_PLACE: usize = 0;
/// Bytes that are told of why a component refused the sample.
const MAX_TOLD_BYTES: usize = 500;

/// What a tenant is to have.
pub struct TenantTrial<'a> {
    /// The processor.
    pub processor: &'a Processor,
    /// Whether the processor is not the default one, of which everybody knows what it refuses.
    pub is_own_processor: bool,
    /// The validator, if there is to be one.
    pub validator: Option<&'a Validator>,
    /// The profile.
    pub profile: &'a Profile,
    /// The limits of each component.
    pub limits: Limits,
}

/// A component works and refused the trial's sample, a contact that most tenants would take. Perhaps it is meant to; perhaps a
/// setting is not what the component expects, and it refuses every contact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {} refused the contact {} in the trial: {told}. If it should take that contact, compare the profile, above all its 'settings', with what the component expects.",
    world.as_str(),
    SAMPLE
)]
pub struct RefusedSample {
    /// Which component.
    pub world: World,
    /// What the component said: one line without control characters, at most about 500 bytes, without a full stop.
    pub told: String,
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
    /// component, each within the limits. Returns which component refused to create an ordinary contact, if one did.
    ///
    /// # Errors
    /// If a component cannot work with the profile under the limits, or there is no room for it now.
    pub fn try_tenant(&self, trial: &TenantTrial<'_>) -> Result<Option<RefusedSample>, TrialError> {
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
    fn attempt(&self, sandbox: &Sandbox) -> Result<Option<RefusedSample>, TrialError> {
        let mut refused = None;
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
            let outcomes = processor
                .open(&context)
                .and_then(|()| processor.plan(&items))
                .and_then(|_| processor.decide(items.len(), &[], &objections))
                .map_err(|error| failed(World::Processor, "fails on contacts", error))?;
            if operation == Operation::Create {
                refused = objected(&objections).or_else(|| rejected(&outcomes).filter(|_| self.is_own_processor));
            }
        }
        Ok(refused)
    }
}

/// Returns a validator's objection to the sample.
fn objected(objections: &[Objection]) -> Option<RefusedSample> {
    let Objection { fields, message, .. } =
        objections.iter().find(|objection| objection.index as usize == SAMPLE_PLACE)?;
    Some(refused(World::Validator, &format!("{}: {message}", fields.join(", "))))
}

/// Returns a processor's refusal of the sample.
fn rejected(outcomes: &[Outcome]) -> Option<RefusedSample> {
    match &outcomes.get(SAMPLE_PLACE)?.decision {
        Decision::Reject { error: ItemError::Validation { message, .. } | ItemError::Api { message, .. }, .. } => {
            Some(refused(World::Processor, message))
        }
        Decision::Write { .. } => None,
    }
}

fn refused(world: World, told: &str) -> RefusedSample {
    let told = bounded(one_line(told.trim().trim_end_matches('.')), MAX_TOLD_BYTES);
    RefusedSample { world, told }
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

#[cfg(test)]
mod tests {
    use super::{objected, refused};
    use crate::domain::World;
    use crate::sandbox::Objection;

    fn objection(index: u32, fields: &[&str], message: &str) -> Objection {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        Objection { index, fields, code: String::from("invalid"), message: message.to_owned() }
    }

    #[test]
    fn only_an_objection_to_the_sample_is_told() {
        let others = objection(1, &["email"], "no");
        assert_eq!(objected(&[]), None);
        assert_eq!(objected(std::slice::from_ref(&others)), None);
        let told = objected(&[others, objection(0, &["email", "city"], "No way.")]).unwrap().to_string();
        assert!(told.starts_with("the validator refused the contact {\"email\":\"ada@example.com\","), "{told}");
        assert!(told.contains(" in the trial: email, city: No way. If it should"), "{told}");
    }

    #[test]
    fn what_a_component_says_is_one_line_and_cut() {
        for (said, told) in [
            (" No. ", String::from("No")),
            ("a\u{1b}[2J\nbulkhead: fine\u{202e}", String::from("a\\u{1b}[2J\\nbulkhead: fine\\u{202e}")),
            ("ä".repeat(4_000).as_str(), format!("{}…", "ä".repeat(250))),
        ] {
            assert_eq!(refused(World::Processor, said).told, told);
        }
    }
}
