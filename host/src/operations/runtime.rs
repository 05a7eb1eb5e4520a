//! The sandbox and the default processor, loaded when an operation first needs them.

use parking_lot::Mutex;

use crate::sandbox::{ComponentError, Processor, Sandbox, SandboxError};

/// What runs components.
#[derive(Clone)]
pub struct ComponentRuntime {
    /// Where components run.
    pub sandbox: Sandbox,
    /// The processor of tenants that have none of their own.
    pub default_processor: Processor,
}

/// The sandbox or the default processor cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The sandbox cannot start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The default processor cannot be compiled.
    #[error(transparent)]
    DefaultProcessor(#[from] ComponentError),
}

type Load = dyn Fn() -> Result<ComponentRuntime, LoadError> + Send + Sync;

/// A [`ComponentRuntime`] that is loaded at its first use.
pub(super) struct LazyRuntime {
    load: Box<Load>,
    loaded: Mutex<Option<ComponentRuntime>>,
}

impl LazyRuntime {
    pub(super) fn new(load: impl Fn() -> Result<ComponentRuntime, LoadError> + Send + Sync + 'static) -> Self {
        Self { load: Box::new(load), loaded: Mutex::default() }
    }

    /// Returns the runtime. After a failure the next call tries again.
    pub(super) fn get(&self) -> Result<ComponentRuntime, LoadError> {
        let mut loaded = self.loaded.lock();
        if let Some(runtime) = &*loaded {
            return Ok(runtime.clone());
        }
        let runtime = (self.load)()?;
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }
}
