//! What the fuzz targets share: how bytes become batches, the least that can be called a host around the rules, and the
//! promises of the contract (`wit/`) that every answer is held to.
//!
//! A broken promise is a panic, as in any test.

pub mod profiles;

mod host;
mod promises;
mod script;

pub use host::Host;
pub use script::{Batch, Script};
