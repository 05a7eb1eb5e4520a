//! Components that were compiled and found to keep the contract's form.

use super::bindings::processor::ProcessorPre;
use super::bindings::{validator, validator_1_1};
use super::contract::{Contract, world_of};
use super::engine::{Sandbox, State};
use super::error_text::describe;
use crate::domain::Digest;

/// A processor, ready to be instantiated. Cheap to clone.
#[derive(Clone)]
pub struct Processor {
    digest: Digest,
    pub(super) pre: ProcessorPre<State>,
}

/// A validator, ready to be instantiated. Cheap to clone.
#[derive(Clone)]
pub struct Validator {
    digest: Digest,
    pub(super) pre: ValidatorPre,
}

/// A validator by the version of the contract that it was built against.
#[derive(Clone)]
pub(super) enum ValidatorPre {
    V1_0(validator::ValidatorPre<State>),
    V1_1(validator_1_1::ValidatorPre<State>),
}

/// Bytes that are no component this host can run.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// Not WebAssembly at all, or damaged.
    #[error(
        "{digest} cannot be compiled: {reason}. It must be a WebAssembly component, such as a wasm32-wasip2 build gives."
    )]
    Compile {
        /// Which bytes.
        digest: Digest,
        /// By wasmtime's word, bounded.
        reason: String,
    },
    /// A component, but of another shape.
    #[error("{digest} is no {world} of bulkhead:contacts: {reason}")]
    Contract {
        /// Which bytes.
        digest: Digest,
        /// What it should be.
        world: &'static str,
        /// By wasmtime's word, bounded.
        reason: String,
    },
}

impl Processor {
    /// The digest of the bytes it was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl Validator {
    /// The digest of the bytes it was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl Sandbox {
    /// Compiles a processor, or loads it if it was compiled before. Compiling takes from a fraction of a second to many,
    /// so it never happens while a request waits.
    ///
    /// # Errors
    /// If the bytes are no component, or one that exports or imports something else.
    pub fn load_processor(&self, bytes: &[u8]) -> Result<Processor, ComponentError> {
        let digest = Digest::of(bytes);
        let component = self
            .compiled(digest, bytes)
            .map_err(|error| ComponentError::Compile { digest, reason: describe(&error) })?;
        let contract = |error| ComponentError::Contract { digest, world: "processor", reason: describe(&error) };
        let pre = self.linker.instantiate_pre(&component).map_err(contract)?;
        Ok(Processor { digest, pre: ProcessorPre::new(pre).map_err(contract)? })
    }

    /// Compiles a validator, or loads it if it was compiled before.
    ///
    /// # Errors
    /// As [`Self::load_processor`].
    pub fn load_validator(&self, bytes: &[u8]) -> Result<Validator, ComponentError> {
        let digest = Digest::of(bytes);
        let component = self
            .compiled(digest, bytes)
            .map_err(|error| ComponentError::Compile { digest, reason: describe(&error) })?;
        // By exact names: wasmtime itself would take a newer version's function for an older one's.
        let form = component.component_type();
        let exports: Vec<&str> = form.exports(&self.engine).map(|(name, _)| name).collect();
        let version = world_of(&exports, self.contracts).map_or(Contract::V1_0, |(contract, _)| contract);
        let contract = |error| ComponentError::Contract { digest, world: "validator", reason: describe(&error) };
        let pre = self.linker.instantiate_pre(&component).map_err(contract)?;
        let pre = match version {
            Contract::V1_0 => validator::ValidatorPre::new(pre).map(ValidatorPre::V1_0),
            Contract::V1_1 => validator_1_1::ValidatorPre::new(pre).map(ValidatorPre::V1_1),
        };
        Ok(Validator { digest, pre: pre.map_err(contract)? })
    }
}
