//! Running components that nobody trusts: the engine, limits on time and memory, and calls whose answers are checked.
//! Nothing here knows the store or HTTP. Everything blocks and runs on the caller's thread, which must not be a tokio
//! worker.

mod bindings;
mod cache;
mod component;
mod contract;
mod convert;
mod engine;
mod error_text;
mod guest;
mod inspect;
mod instance;
mod lift;
mod limits;
mod output;
mod priority;
mod probe;
mod stop;
mod ticker;
mod validator;
mod verdict;

pub use component::{ComponentError, Processor, Validator};
pub use contract::Contract;
pub use engine::{Sandbox, SandboxError};
pub use guest::Usage;
pub use inspect::{Inspected, Refusal, inspect};
pub use instance::{Fields, FieldsError, Instance, Planned};
pub use limits::Limits;
pub use priority::has_given_way;
pub use probe::Probed;
pub use stop::{Cancel, Failure, Stop};
pub use validator::{Checker, Objection, Request};
pub use verdict::{Item, Target};
