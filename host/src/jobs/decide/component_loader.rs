//! Components by their digests, ready to be started. Their bytes are in the store, so every host has them; what is compiled
//! of them is kept in memory and on disk.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::{Digest, Pinned};
use crate::sandbox::{ComponentError, Processor, Sandbox, Validator};
use crate::store::{Store, StoreError};

/// Compiled components in memory; more are loaded from disk again, which takes a fraction of a millisecond.
const LOADED: usize = 64;

/// Why a component cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It was removed. The store refuses that while a tenant or a job needs it.
    #[error("{0} is not registered")]
    Unknown(Digest),
    /// This host cannot run it.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The components of all tenants.
pub struct ComponentLoader {
    store: Arc<dyn Store>,
    sandbox: Sandbox,
    default: Processor,
    processors: Mutex<HashMap<Digest, Processor>>,
    validators: Mutex<HashMap<Digest, Validator>>,
}

impl ComponentLoader {
    /// A library whose tenants have `default` as their processor unless they have another.
    pub fn new(store: Arc<dyn Store>, sandbox: Sandbox, default: Processor) -> Self {
        Self { store, sandbox, default, processors: Mutex::default(), validators: Mutex::default() }
    }

    /// Where its components run.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The processor of tenants that have none of their own.
    pub fn default_processor(&self) -> &Processor {
        &self.default
    }

    /// A processor. May compile it, which takes up to seconds.
    ///
    /// # Errors
    /// If it is unknown, cannot be run here, or the store cannot answer.
    pub fn processor(&self, digest: Digest) -> Result<Processor, LoadError> {
        if digest == self.default.digest() {
            return Ok(self.default.clone());
        }
        self.get(&self.processors, digest, |bytes| self.sandbox.load_processor(bytes))
    }

    /// A validator. May compile it, which takes up to seconds.
    ///
    /// # Errors
    /// As [`Self::processor`].
    pub fn validator(&self, digest: Digest) -> Result<Validator, LoadError> {
        self.get(&self.validators, digest, |bytes| self.sandbox.load_validator(bytes))
    }

    /// Whether a job's components can be started without being compiled first.
    pub(in crate::jobs) fn is_ready(&self, pinned: Pinned) -> bool {
        let has_processor = pinned.processor == self.default.digest()
            || lock(&self.processors).contains_key(&pinned.processor)
            || self.sandbox.is_compiled(pinned.processor);
        let has = |digest| lock(&self.validators).contains_key(&digest) || self.sandbox.is_compiled(digest);
        has_processor && pinned.validator.is_none_or(has)
    }

    /// Compiles components that are not compiled yet. What is wrong with them shows when they are started.
    pub(in crate::jobs) fn prepare(&self, pinned: Pinned) {
        if !self.is_ready(pinned) {
            drop(self.processor(pinned.processor));
            drop(pinned.validator.map(|digest| self.validator(digest)));
        }
    }

    /// Deletes compiled code that nobody needs. Returns how many files there were.
    ///
    /// # Errors
    /// If the store cannot say what is registered.
    pub(in crate::jobs) fn tidy(&self) -> Result<usize, StoreError> {
        let registered: HashSet<Digest> = self.store.components()?.into_iter().map(|record| record.digest).collect();
        Ok(self.sandbox.tidy(|digest| digest == self.default.digest() || registered.contains(&digest)))
    }

    fn get<T: Clone>(
        &self,
        loaded: &Mutex<HashMap<Digest, T>>,
        digest: Digest,
        load: impl FnOnce(&[u8]) -> Result<T, ComponentError>,
    ) -> Result<T, LoadError> {
        if let Some(component) = lock(loaded).get(&digest) {
            return Ok(component.clone());
        }
        let bytes = self.store.component_bytes(digest)?.ok_or(LoadError::Unknown(digest))?;
        let component = load(&bytes)?;
        let mut loaded = lock(loaded);
        if loaded.len() >= LOADED {
            loaded.clear();
        }
        loaded.insert(digest, component.clone());
        Ok(component)
    }
}

fn lock<T>(loaded: &Mutex<HashMap<Digest, T>>) -> MutexGuard<'_, HashMap<Digest, T>> {
    loaded.lock().unwrap_or_else(PoisonError::into_inner)
}
