//! Running components that nobody trusts: the engine, limits on time and memory, and calls whose answers are checked.
//! Nothing here knows the store or HTTP. Everything blocks and runs on the caller's thread, which must not be a tokio
//! worker.

mod bindings;
mod cache;
mod call_error;
mod cancel;
mod component;
mod contract;
mod convert;
mod engine;
mod error_text;
mod guest;
mod inspect;
mod lift;
mod limits;
mod output;
mod priority;
mod probe;
mod processor;
mod reply;
mod ticker;
mod validator;

pub use call_error::{CallError, GuestFailure};
pub use cancel::CancelFlag;
pub use component::{ComponentError, Processor, Validator};
pub use contract::Contract;
pub use engine::{Sandbox, SandboxError};
pub use guest::Usage;
pub use inspect::{Inspected, Refusal, inspect};
pub use limits::Limits;
pub use priority::has_lowered_priority;
pub use probe::Probed;
pub use processor::{Fields, FieldsError, Planned, ProcessorInstance};
pub use reply::{Outcome, Target};
pub use validator::{Objection, RequestContext, ValidatorInstance};
