//! Components that were compiled and found to keep the contract's form.

use super::bindings::ProcessorPre;
use super::engine::{Sandbox, State};
use crate::domain::Digest;

/// A processor, ready to be instantiated. Cheap to clone.
#[derive(Clone)]
pub struct Component {
    digest: Digest,
    pub(super) pre: ProcessorPre<State>,
}

/// Bytes that are no processor this host can run.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// Not WebAssembly at all, or damaged.
    #[error(
        "{digest} cannot be compiled: {reason:#}. It must be a WebAssembly component, such as a wasm32-wasip2 build gives."
    )]
    Compile {
        /// Which bytes.
        digest: Digest,
        /// By wasmtime's word.
        reason: wasmtime::Error,
    },
    /// A component, but of another shape.
    #[error("{digest} is no processor of bulkhead:contacts@1.0.0: {reason:#}")]
    Contract {
        /// Which bytes.
        digest: Digest,
        /// By wasmtime's word.
        reason: wasmtime::Error,
    },
}

impl Component {
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
    pub fn load(&self, bytes: &[u8]) -> Result<Component, ComponentError> {
        let digest = Digest::of(bytes);
        let component = self.compiled(digest, bytes).map_err(|reason| ComponentError::Compile { digest, reason })?;
        let contract = |reason| ComponentError::Contract { digest, reason };
        let pre = self.linker.instantiate_pre(&component).map_err(contract)?;
        Ok(Component { digest, pre: ProcessorPre::new(pre).map_err(contract)? })
    }
}
