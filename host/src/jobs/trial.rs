//! Trying a component: items are decided and applied as by a job, by the same code, without the queue.

use super::call::CallTarget;
use super::{Call, CallRow, ServiceError, Submission};
use crate::jobs::decide::{ComponentUsage, FailureBudget, FailureTally, ItemFailure, Part, isolate};
use crate::sandbox::Usage;

/// The result of a trial.
#[derive(Debug)]
pub struct Trial {
    /// One row for each item, in order.
    pub rows: Vec<CallRow>,
    /// The resources that the processor used.
    pub processor: Usage,
    /// The resources that the validator used; zero without a validator.
    pub validator: Usage,
    /// The components' output, bounded.
    pub printed: String,
    /// How components failed, by item. Items that were not attempted after too many failures are not among them.
    pub failures: Vec<ItemFailure>,
}

impl Call<'_> {
    /// Returns the aliases of the fields that the tenant's contacts have.
    ///
    /// # Errors
    /// If the processor fails, or the sandbox has no room for it.
    pub fn field_aliases(&self) -> Result<Vec<String>, ServiceError> {
        Ok(self.fields()?.aliases().map(str::to_owned).collect())
    }

    /// Applies items to a tenant's contacts as a job would: chunk by chunk, with a job's limits and failure budget.
    ///
    /// # Errors
    /// If the store cannot answer, or the sandbox has no room for the components.
    pub fn try_out(&self, submission: Submission) -> Result<Trial, ServiceError> {
        let mut decider = self.decider(submission.operation());
        decider.keep_failures();
        let mut target = CallTarget::new(self);
        let mut failures = FailureTally::new(FailureBudget::JOB);
        let mut first = 0;
        for chunk in submission.into_chunks() {
            isolate(&mut decider, &mut target, &mut failures, Part::whole(first, &chunk))?;
            first += u32::try_from(chunk.items.len()).unwrap_or(u32::MAX);
        }
        let ComponentUsage { processor, validator } = decider.usage();
        let (printed, failures) = (decider.take_printed(), decider.take_failures());
        Ok(Trial { rows: target.rows, processor, validator, printed, failures })
    }
}
