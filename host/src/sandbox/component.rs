//! Compiled components that have the form the contract demands.

use std::sync::Arc;

use wasmtime::component::InstancePre;

use super::compiler::CompileError;
use super::contracts::{ProcessorContract, ValidatorContract, WITH_DRAFTS, bind_processor, bind_validator};
use super::engine::Sandbox;
use super::error_text::describe;
use super::state::State;
use crate::domain::Digest;

/// A compiled processor. Cheap to clone.
#[derive(Clone)]
pub struct Processor {
    digest: Digest,
    pub(super) exports: Arc<dyn ProcessorContract>,
}

/// A compiled validator. Cheap to clone.
#[derive(Clone)]
pub struct Validator {
    digest: Digest,
    pub(super) exports: Arc<dyn ValidatorContract>,
}

/// Why bytes are not a component that this server can run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ComponentError {
    /// The bytes cannot be compiled.
    #[error("{digest} cannot be compiled: {error}. {}", error.advice())]
    Compile {
        /// Of the bytes.
        digest: Digest,
        /// Why not.
        error: CompileError,
    },
    /// The component does not implement the world that it should.
    #[error("{digest} is not a {world} of bulkhead:contacts: {reason}")]
    Contract {
        /// Of the bytes.
        digest: Digest,
        /// The world that the component should implement.
        world: &'static str,
        /// wasmtime's text, bounded.
        reason: String,
    },
}

impl ComponentError {
    /// Returns the error of a component that waited for too long while others were compiled.
    pub(crate) fn busy(digest: Digest) -> Self {
        Self::Compile { digest, error: CompileError::busy() }
    }

    /// Returns whether the host, and not the component, is to blame, so that loading it may succeed soon.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Compile { error, .. } if !error.would_fail_again())
    }
}

impl Processor {
    /// Returns the digest of the bytes that the processor was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns whether the processor can mark contacts as anonymous.
    pub fn marks_anonymous(&self) -> bool {
        self.exports.marks_anonymous()
    }
}

impl Validator {
    /// Returns the digest of the bytes that the validator was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl Sandbox {
    /// Compiles a processor, or loads its compiled code if the cache has it. Compiling takes from a fraction of a second to
    /// many seconds, so registration compiles a component in advance. A server whose cache lacks the code compiles it at the
    /// first use.
    ///
    /// # Errors
    /// If the bytes are not a component, or the component exports or imports something else.
    pub fn load_processor(&self, bytes: &[u8]) -> Result<Processor, ComponentError> {
        let (digest, exports) =
            self.load(bytes, "processor", |exports, component| bind_processor(exports, self.contracts, component))?;
        Ok(Processor { digest, exports })
    }

    /// Compiles the processor that comes with this program. It may use a draft of the contract also on a server that serves none,
    /// because both are of one release.
    ///
    /// # Errors
    /// See [`Self::load_processor`].
    pub fn load_built_in(&self, bytes: &[u8]) -> Result<Processor, ComponentError> {
        let (digest, exports) =
            self.load(bytes, "processor", |exports, component| bind_processor(exports, WITH_DRAFTS, component))?;
        Ok(Processor { digest, exports })
    }

    /// Compiles a validator, or loads its compiled code if the cache has it.
    ///
    /// # Errors
    /// See [`Self::load_processor`].
    pub fn load_validator(&self, bytes: &[u8]) -> Result<Validator, ComponentError> {
        let (digest, exports) =
            self.load(bytes, "validator", |exports, component| bind_validator(exports, self.contracts, component))?;
        Ok(Validator { digest, exports })
    }

    fn load<C>(
        &self,
        bytes: &[u8],
        world: &'static str,
        bind: impl FnOnce(&[&str], InstancePre<State>) -> wasmtime::Result<C>,
    ) -> Result<(Digest, C), ComponentError> {
        let digest = Digest::of(bytes);
        let component = self.compiled(digest, bytes).map_err(|error| ComponentError::Compile { digest, error })?;
        let form = component.component_type();
        let exports: Vec<&str> = form.exports(&self.engine).map(|(name, _)| name).collect();
        let bound = self.linker.instantiate_pre(&component).and_then(|component| bind(&exports, component));
        let bound = bound.map_err(|error| ComponentError::Contract { digest, world, reason: describe(&error) })?;
        Ok((digest, bound))
    }
}
