//! Loading components by their digests.
//!
//! A component's bytes are in the store, so every server has them. Compiled code is kept in memory and on the server's disk.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{Digest, Pinned, World};
use crate::sandbox::{ComponentError, Processor, Sandbox, Validator};
use crate::store::{ComponentRecord, Store, StoreError};

/// Compiled components of each world that are kept in memory. Loading one from disk takes a fraction of a millisecond.
const MAX_LOADED: usize = 64;

/// How long a component that cannot be compiled is not compiled again. Each attempt takes a process and up to minutes.
const COMPILE_PAUSE: Duration = Duration::from_secs(300);
/// Microseconds for which a component counts as new: a tenant is probably about to get it.
const NEW_COMPONENT_MICROS: i64 = 3_600_000_000;
/// Components that cannot be compiled that are remembered.
const MAX_FAILED: usize = 256;

/// The reason why a component cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The component was removed. The store refuses that while a tenant or a job needs the component.
    #[error("{0} is not registered")]
    Unknown(Digest),
    /// This server cannot run the component.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Loads the components of all tenants, and compiles them if necessary.
pub struct ComponentLoader {
    store: Arc<dyn Store>,
    sandbox: Sandbox,
    default: Processor,
    processors: Mutex<HashMap<Digest, Processor>>,
    validators: Mutex<HashMap<Digest, Validator>>,
    /// Held while a component is compiled.
    compiling: Mutex<()>,
    /// Components that could not be compiled lately, when, and why.
    failed: Mutex<HashMap<Digest, (Instant, ComponentError)>>,
}

impl ComponentLoader {
    /// Makes a loader. `default` is the processor of tenants that have not been assigned one.
    pub fn new(store: Arc<dyn Store>, sandbox: Sandbox, default: Processor) -> Self {
        Self {
            store,
            sandbox,
            default,
            processors: Mutex::default(),
            validators: Mutex::default(),
            compiling: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Returns the sandbox in which the components run.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Returns the processor of tenants that have not been assigned one.
    pub fn default_processor(&self) -> &Processor {
        &self.default
    }

    /// Returns a processor. May compile it, which takes up to seconds.
    ///
    /// # Errors
    /// If the processor is not registered, this server cannot run it, or the store fails.
    pub fn processor(&self, digest: Digest) -> Result<Processor, LoadError> {
        if digest == self.default.digest() {
            return Ok(self.default.clone());
        }
        self.load(&self.processors, digest, |bytes| self.sandbox.load_processor(bytes))
    }

    /// Returns a validator. May compile it, which takes up to seconds.
    ///
    /// # Errors
    /// If the validator is not registered, this server cannot run it, or the store fails.
    pub fn validator(&self, digest: Digest) -> Result<Validator, LoadError> {
        self.load(&self.validators, digest, |bytes| self.sandbox.load_validator(bytes))
    }

    /// Returns whether a request's components can be started, or fail to start, without being compiled first.
    pub(in crate::jobs) fn is_ready(&self, pinned: Pinned) -> bool {
        let is_known = |digest| self.sandbox.is_compiled(digest) || self.failure(digest).is_some();
        let has_processor = pinned.processor == self.default.digest()
            || self.processors.lock().contains_key(&pinned.processor)
            || is_known(pinned.processor);
        let has_validator = |digest| self.validators.lock().contains_key(&digest) || is_known(digest);
        has_processor && pinned.validator.is_none_or(has_validator)
    }

    /// Returns how long [`Self::prepare`] takes at most, for two components that are each compiled in their turn.
    pub(in crate::jobs) fn max_compile_time(&self) -> Duration {
        // Each waits for its turn here and in the sandbox, and is compiled.
        self.sandbox.compile_timeout() * 3 * 2
    }

    /// Compiles a request's components if necessary. Ignores errors: they return when the components are started.
    pub(in crate::jobs) fn prepare(&self, pinned: Pinned) {
        if !self.is_ready(pinned) {
            drop(self.processor(pinned.processor));
            drop(pinned.validator.map(|digest| self.validator(digest)));
        }
    }

    /// Compiles the components that tenants have or unfinished jobs need, and those that were registered lately, unless this
    /// server has compiled them already. Stops at `until`, but not within a component. Returns whether all are compiled, or
    /// cannot be compiled here.
    ///
    /// # Errors
    /// If the store cannot list the components.
    pub(in crate::jobs) fn compile_ahead(&self, until: Option<Instant>) -> Result<bool, StoreError> {
        let now = self.store.now();
        let is_new = |record: &ComponentRecord| now.0 - record.added_at.0 < NEW_COMPONENT_MICROS;
        let is_needed = |record: &ComponentRecord| !record.tenants.is_empty() || record.jobs > 0 || is_new(record);
        for record in self.store.components()?.iter().filter(|record| is_needed(record)) {
            let digest = record.digest;
            let is_compiled = digest == self.default.digest() || self.sandbox.is_compiled(digest);
            let is_over = until.is_some_and(|until| Instant::now() >= until);
            // At the start, loading also finds code that is damaged and has to be compiled again. Later, only requests try again
            // what could not be compiled.
            if (is_compiled && (until.is_none() || is_over)) || (until.is_none() && self.has_failed(digest)) {
                continue;
            }
            if is_over {
                return Ok(false);
            }
            let begun = Instant::now();
            let loaded = match record.world {
                World::Processor => self.processor(digest).map(drop),
                World::Validator => self.validator(digest).map(drop),
            };
            match loaded {
                Ok(()) if is_compiled => {}
                Ok(()) => {
                    let seconds = begun.elapsed().as_secs_f64();
                    tracing::info!(event = "component_compiled", component = %digest, seconds, "compiled a component ahead of requests");
                }
                Err(LoadError::Store(error)) => return Err(error),
                // The log says why, and a removed component is needed by nobody.
                Err(LoadError::Component(_) | LoadError::Unknown(_)) => {}
            }
        }
        Ok(true)
    }

    /// Deletes compiled code of components that are not registered any more. Returns the number of deleted files.
    ///
    /// # Errors
    /// If the store cannot list the registered components.
    pub(in crate::jobs) fn delete_unused_code(&self) -> Result<usize, StoreError> {
        let registered: HashSet<Digest> = self.store.components()?.into_iter().map(|record| record.digest).collect();
        Ok(self.sandbox.tidy(|digest| digest == self.default.digest() || registered.contains(&digest)))
    }

    /// Returns why a component could not be compiled lately.
    fn failure(&self, digest: Digest) -> Option<ComponentError> {
        let mut failed = self.failed.lock();
        let (at, error) = failed.get(&digest)?;
        if at.elapsed() < COMPILE_PAUSE {
            return Some(error.clone());
        }
        failed.remove(&digest);
        None
    }

    /// Returns whether a component could not be compiled, however long ago.
    fn has_failed(&self, digest: Digest) -> bool {
        self.failed.lock().contains_key(&digest)
    }

    fn remember(&self, digest: Digest, error: &ComponentError) {
        let ComponentError::Compile { error: reason, .. } = error else { return };
        if !reason.would_fail_again() {
            return;
        }
        tracing::warn!(event = "component_not_compiled", component = %digest, %reason, "a component cannot be compiled on this server; its items fail");
        let mut failed = self.failed.lock();
        if failed.len() >= MAX_FAILED {
            failed.clear();
        }
        failed.insert(digest, (Instant::now(), error.clone()));
    }

    fn load<T: Clone>(
        &self,
        loaded: &Mutex<HashMap<Digest, T>>,
        digest: Digest,
        load: impl FnOnce(&[u8]) -> Result<T, ComponentError>,
    ) -> Result<T, LoadError> {
        if let Some(component) = loaded.lock().get(&digest) {
            return Ok(component.clone());
        }
        if let Some(error) = self.failure(digest) {
            return Err(error.into());
        }
        // A thread that waited for the same component finds out how it went.
        let _turn = if self.sandbox.is_compiled(digest) {
            None
        } else {
            let turn = self.compiling.try_lock_for(self.sandbox.compile_timeout());
            Some(turn.ok_or_else(|| ComponentError::busy(digest))?)
        };
        if let Some(error) = self.failure(digest) {
            return Err(error.into());
        }
        let bytes = self.store.component_bytes(digest)?.ok_or(LoadError::Unknown(digest))?;
        let component = load(&bytes).inspect_err(|error| self.remember(digest, error))?;
        let mut loaded = loaded.lock();
        if loaded.len() >= MAX_LOADED {
            loaded.clear();
        }
        loaded.insert(digest, component.clone());
        Ok(component)
    }
}
