//! The parts that the fuzz targets share: scripts, a minimal host around the rules, and the promises of the contract (`wit/`)
//! by which every reply is checked.
//!
//! A broken promise is a panic, as in any test.

pub mod profiles;

mod host;
mod promises;
mod script;

pub use host::Host;
pub use script::{Batch, Script};
