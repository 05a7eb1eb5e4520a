//! Trying a component: items are decided and applied as by a job, by the same code, without the queue.

use super::call::CallTarget;
use super::{Call, CallRow, ServiceError, Submission};
use crate::jobs::decide::{ComponentUsage, FailureBudget, FailureTally, Part, isolate};
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
    /// How components failed, each way once: the trap with its frames, and the output before it.
    pub failures: Vec<String>,
}

impl Call<'_> {
    /// Applies items to a tenant's contacts as a job would: chunk by chunk, with a job's limits and failure budget.
    ///
    /// # Errors
    /// If the store cannot answer, or the sandbox has no room for the components.
    pub fn try_out(&self, submission: Submission) -> Result<Trial, ServiceError> {
        let mut decider = self.decider(submission.operation());
        let mut target = CallTarget::new(self);
        let mut failures = FailureTally::new(FailureBudget::JOB);
        let mut first = 0;
        for chunk in submission.into_chunks() {
            isolate(&mut decider, &mut target, &mut failures, Part::whole(first, &chunk))?;
            first += u32::try_from(chunk.items.len()).unwrap_or(u32::MAX);
        }
        let ComponentUsage { processor, validator } = decider.usage();
        let printed = decider.take_printed();
        Ok(Trial { rows: target.rows, processor, validator, printed, failures: decider.failures().to_vec() })
    }
}
