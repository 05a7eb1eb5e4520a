//! Trying a component: what a job would do, by the same code, without the queue.

use super::call::CallTarget;
use super::{CallRow, Service, ServiceError, Submission};
use crate::jobs::decide::{FailureBudget, FailureTally, Part, isolate};
use crate::sandbox::Usage;
use crate::store::Tenant;

/// What came of it.
#[derive(Debug)]
pub struct Trial {
    /// One for each item, in order.
    pub rows: Vec<CallRow>,
    /// What the processor used.
    pub processor: Usage,
    /// What the validator used; nothing if the tenant has none.
    pub validator: Usage,
    /// What the components printed, bounded.
    pub printed: String,
    /// How components failed, each way once: the trap with its frames, and what was printed before it.
    pub failures: Vec<String>,
}

impl Service {
    /// Does to a tenant's contacts what a job would do, chunk by chunk, with a job's limits and patience.
    ///
    /// # Errors
    /// If the store cannot answer, or there is no room for the components.
    pub fn try_out(&self, tenant: &Tenant, submission: Submission) -> Result<Trial, ServiceError> {
        let mut decider = self.decider(tenant, submission.operation());
        let mut target = CallTarget::new(self, tenant.id);
        let mut failures = FailureTally::new(FailureBudget::JOB);
        let mut first = 0;
        for chunk in submission.into_chunks() {
            isolate(&mut decider, &mut target, &mut failures, Part::whole(first, &chunk))?;
            first += u32::try_from(chunk.items.len()).unwrap_or(u32::MAX);
        }
        let (used, printed) = (decider.used(), decider.take_printed());
        Ok(Trial {
            rows: target.rows,
            processor: used.processor,
            validator: used.validator,
            printed,
            failures: decider.failures().to_vec(),
        })
    }
}
