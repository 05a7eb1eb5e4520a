//! The sandbox for untrusted components: the engine, limits on time and memory, and calls whose replies are checked.
//!
//! The sandbox knows tenants and the domain, but neither HTTP nor the store, not even through another module. Everything
//! blocks and runs on the caller's thread, which must not be a tokio worker.
//!
//! What comes from outside is read and compiled by a process of its own ([`Compiler`]).
//! A component is inspected and tried before it is registered ([`Sandbox::probe`]), compiled once ([`Processor`],
//! [`Validator`]), and started anew for each job or call ([`ProcessorInstance`], [`ValidatorInstance`]). `contracts` translates
//! between the host's types and those of each version of the contract; all other files know the host's types alone.

mod cache;
mod call_error;
mod cancel;
mod cell_table;
mod compiled_file;
mod compiler;
mod component;
mod computing;
mod contracts;
mod engine;
mod error_text;
mod failure_detail;
mod fields;
mod guest;
mod guest_memory;
mod inspect;
mod interrupt;
mod limits;
mod nesting;
mod objection;
mod output;
mod priority;
mod probe;
mod processor;
mod processor_time;
mod raw_reply;
mod remarks;
mod reply;
mod request;
mod shared_cache;
mod state;
mod tenant_trial;
mod ticker;
mod validator;

pub use call_error::{CallError, GuestFailure};
pub use cancel::CancelFlag;
pub use cell_table::CellTable;
pub use compiler::{CompileError, CompileLimits, Compiler, CompilerTask, Confinement};
pub use component::{ComponentError, Processor, Validator};
pub use computing::lower_priority_after;
pub use engine::{Sandbox, SandboxError, SandboxSettings};
pub use fields::{Field, Fields, FieldsError};
pub use guest::Usage;
pub use inspect::{Inspected, Refusal};
pub use limits::Limits;
pub use objection::Objection;
pub use priority::{LOWER_AFTER, has_lowered_priority};
pub use probe::Probed;
pub use processor::ProcessorInstance;
pub use reply::{Decision, Outcome, Planned, Target, check_presented};
pub use request::RequestContext;
pub use shared_cache::remove_old_code;
pub use tenant_trial::{RefusedSample, TenantTrial, TrialError};
pub use validator::ValidatorInstance;
