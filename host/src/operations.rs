//! What an operator does: registers components, gives them to tenants, takes them back, reads what they printed. The
//! command line and the admin listener are two ways to the same code. All of it blocks.

mod components;
mod error;
mod shown;
mod tenants;

use std::sync::{Arc, Mutex};

pub use components::Added;
pub use error::OperationError;
pub use shown::{ShownAssignment, ShownComponent};
pub use tenants::{TenantSettings, Wanted};

use crate::domain::JobId;
use crate::sandbox::{Processor, Sandbox};
use crate::store::Store;

/// Bytes of a component unless the operator says otherwise.
pub const MAX_COMPONENT: usize = 32 << 20;

/// An operator's work on a store.
pub struct Operations {
    store: Arc<dyn Store>,
    sandbox: Sandbox,
    default: Processor,
    max_component: usize,
    /// Compiling takes all cores and much memory, so components are tried one after the other.
    trying: Mutex<()>,
}

impl Operations {
    /// Work on `store`, where tenants have `default` unless they have a processor of their own. Components larger than
    /// `max_component` bytes are refused.
    pub fn new(store: Arc<dyn Store>, sandbox: Sandbox, default: Processor, max_component: usize) -> Self {
        Self { store, sandbox, default, max_component, trying: Mutex::default() }
    }

    /// What a job's components printed.
    ///
    /// # Errors
    /// If there is no such job, or the store cannot answer.
    pub fn job_log(&self, job: JobId) -> Result<String, OperationError> {
        self.store.job_log(job)?.ok_or(OperationError::UnknownJob)
    }
}
